#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Caches of compilers that keep their results in the server: ccache by plain HTTP, where a bucket's rights for anonymous clients let it
in, and sccache by S3 where it was built with it. Each compiles, forgets what it has of its own, and compiles again from the cache."""
import json
import os
import re
import shutil

from sluicetest import ACCESS, SECRET, Server, check, done, equal, fresh, have, ok, run, s3_client, scratch, skip

FILES = 6
BUCKET = "cache"


def sources():
    """C files in a folder, and the compiler's arguments that make each an object file."""
    folder = fresh("sources")
    os.makedirs(folder)
    for i in range(FILES):
        with open(os.path.join(folder, f"unit{i}.c"), "w") as file:
            file.write("#include <stdio.h>\n" + f"static int table{i}[{1000 + i}] = {{{', '.join(str(n * n % 997) for n in range(1000))}}};\n"
                       + f"int unit{i}(void) {{ return printf(\"%d\\n\", table{i}[{i}]); }}\n")
    return folder, [["-O2", "-c", f"unit{i}.c", "-o", f"unit{i}.o"] for i in range(FILES)]


def compiled(prefix, folder, commands, env):
    """Compiles everything in the folder; the object files' bytes, or the output that went wrong."""
    objects = []
    for arguments in commands:
        status, output = run(["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", folder, *prefix, "cc", *arguments], env)
        if status != 0:
            return output
        with open(os.path.join(folder, arguments[-1]), "rb") as file:
            objects.append(file.read())
        os.remove(os.path.join(folder, arguments[-1]))
    return objects


def stored(server):
    return [entry["Key"] for entry in s3_client(server).list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def ccache(server):
    status, output = run(["ccache", "--version"])
    version = tuple(int(part) for part in re.search(r"version (\d+)\.(\d+)", output).groups())
    if version < (4, 4) or "http-storage" not in output:
        return skip("ccache", f"version {version[0]}.{version[1]} keeps nothing by HTTP")
    storage = "CCACHE_REMOTE_STORAGE" if version >= (4, 7) else "CCACHE_SECONDARY_STORAGE"
    folder, commands = sources()

    def environment(rights=f"{server.url}/{BUCKET}", more=""):
        own = fresh("ccache-own")
        return {storage: rights + more, "CCACHE_DIR": own, "CCACHE_CONFIGPATH": scratch("no-ccache.conf"), "HOME": scratch(), "CCACHE_NOHASHDIR": "1"}

    def counters(env):
        status, output = run(["ccache", "--print-stats"], env)
        found = dict(re.findall(r"^(\S+)\t(\d+)$", output, re.M))
        return {name: int(found.get(name) or found.get(name.replace("remote", "secondary"), -1)) for name in wanted}

    wanted = ("direct_cache_hit", "cache_miss", "remote_storage_hit", "remote_storage_error")
    for layout in ("", "|layout=flat", "|layout=bazel"):
        label = f"ccache{layout}"
        env = environment(more=layout)
        first = compiled(["ccache"], folder, commands, env)
        before = stored(server)
        check(isinstance(first, list), f"{label}: compiles", first)
        numbers = counters(env)
        equal((numbers["cache_miss"], numbers["remote_storage_error"]), (FILES, 0), f"{label}: the first time misses, without an error")
        check(len(before) >= 2 * FILES, f"{label}: manifests and results are objects", before)
        env = environment(more=layout) # a cache of its own that is empty, as on another machine
        equal(compiled(["ccache"], folder, commands, env), first, f"{label}: the second time gives the same files")
        numbers = counters(env)
        equal((numbers["direct_cache_hit"], numbers["cache_miss"], numbers["remote_storage_error"]), (FILES, 0, 0), f"{label}: all from the server")
        equal(sorted(stored(server)), sorted(before), f"{label}: and nothing new is stored")
        for key in before:
            s3_client(server).delete_object(Bucket=BUCKET, Key=key)
    env = environment(more="|read-only")
    compiled(["ccache"], folder, commands, env)
    equal(stored(server), [], "ccache|read-only: stores nothing")
    env = environment(rights=f"{server.url}/private")
    check(isinstance(compiled(["ccache"], folder, commands, env), list), "ccache: without rights it compiles all the same")
    check(counters(env)["remote_storage_error"] > 0, "ccache: and counts that it was refused", counters(env))


def sccache(server):
    status, output = run(["sccache", "--help"])
    if re.search(r"S3:\s+false", output):
        return skip("sccache", "it was built without S3")
    folder, commands = sources()
    env = {"SCCACHE_BUCKET": BUCKET, "SCCACHE_ENDPOINT": server.url, "SCCACHE_REGION": "us-east-1", "SCCACHE_S3_USE_SSL": "false",
           "SCCACHE_S3_KEY_PREFIX": "sccache/", "SCCACHE_DIR": scratch("sccache"), "HOME": scratch(), "SCCACHE_SERVER_UDS": scratch("sccache.sock"),
           "SCCACHE_SERVER_PORT": str(20000 + os.getpid() % 20000), "AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET}
    try:
        ok("sccache: starts", run(["sccache", "--start-server"], env))
        first = compiled(["sccache"], folder, commands, env)
        check(isinstance(first, list) and len(stored(server)) >= FILES, "sccache: results are objects", first)
        run(["sccache", "--stop-server"], env)
        equal(compiled(["sccache"], folder, commands, env), first, "sccache: the second time gives the same files")
        status, output = run(["sccache", "--show-stats", "--stats-format", "json"], env)
        equal(sum(json.loads(output)["stats"]["cache_hits"]["counts"].values()), FILES, "sccache: all from the server")
    finally:
        run(["sccache", "--stop-server"], env)


credentials = scratch("credentials")
with open(os.open(credentials, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
    file.write(f"key {ACCESS} {SECRET} *=all\nanonymous {BUCKET}=read,write\n")
server = Server(args=["--credentials", credentials])
for name in (BUCKET, "private"):
    s3_client(server).create_bucket(Bucket=name)
for name, client in (("ccache", ccache), ("sccache", sccache)):
    if have(name) and shutil.which("cc"):
        client(server)
    else:
        skip(name, "not installed")
check(server.stop(), "the server ends with status 0")
done()
