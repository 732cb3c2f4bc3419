#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""git-annex, with an S3 special remote (Haskell's aws library): files go there, are dropped here, and come back; large ones in chunks, and in
parts. It makes the bucket, and an object that says whose it is, by itself.

It signs by version 2: with version 4, Debian's signs a Host without its port, which no server on another port than 80 or 443 can accept."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from sluicetest import ACCESS, SECRET, Server, check, done, equal, have, ok, pattern_file, run, s3_client, scratch, sha256_file, skip

NAMES = ["a.bin", "with space.bin", "sub/ünïcode-日本.bin"]


def main():
    if not have("git-annex") or not have("git"):
        skip("git-annex", "it is not installed")
        done()
    server = Server(keys=True)
    client = s3_client(server)
    environment = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "HOME": scratch(), "LC_ALL": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1"}
    folder = scratch("annexed")
    os.mkdir(folder)

    def git(*words):
        return run(["git", "-C", folder, "-c", "user.name=test", "-c", "annex.security.allowed-ip-addresses=all", "-c", "user.email=test@example.org", *words], environment, timeout=100)

    ok("a repository", git("init", "-q"))
    ok("with an annex", git("annex", "init", "here"))
    sums = {}
    for seed, (name, size) in enumerate(zip(NAMES, (70001, 1, 12 << 20))):
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.rename(pattern_file("new", size, seed), path)
        sums[name] = sha256_file(path)
    ok("which has files", git("annex", "add", "."))
    ok("committed", git("commit", "-q", "-m", "files"))
    settings = ["type=S3", "encryption=none", f"host={server.host}", f"port={server.port}", "requeststyle=path", "signature=v2",
                "protocol=http"]
    for remote, more in ("whole", []), ("chunked", ["chunk=1MiB"]), ("parts", ["partsize=6MiB"]):
        bucket = f"annex-{remote}"
        ok(f"{remote}: git-annex makes a remote", git("annex", "initremote", remote, *settings, f"bucket={bucket}", *more))
        ok(f"{remote}: git-annex copies", git("annex", "copy", "--to", remote))
        if remote == "parts":
            sizes = {entry["Size"]: entry["ETag"] for entry in client.list_objects_v2(Bucket=bucket)["Contents"]}
            check("-" in sizes.get(12 << 20, ""), f"{remote}: in parts", str(sizes))
        ok(f"{remote}: git-annex drops what the remote has", git("annex", "drop", "."))
        check(not any(os.path.exists(os.path.join(folder, name)) for name in NAMES), f"{remote}: nothing is here")
        ok(f"{remote}: git-annex gets it again", git("annex", "get", "--from", remote, "."))
        equal({name: sha256_file(os.path.join(folder, name)) for name in NAMES}, sums, f"{remote}: what was put")
        ok(f"{remote}: git-annex checks the remote", git("annex", "fsck", "--from", remote))
        ok(f"{remote}: git-annex drops it there", git("annex", "drop", "--from", remote, "--force", "."))
        left = [entry["Key"] for entry in client.list_objects_v2(Bucket=bucket)["Contents"]]
        equal(left, ["annex-uuid"], f"{remote}: only whose it is remains")
    git("annex", "uninit")  # its files are read-only, and the scratch folder goes
    done()


main()
