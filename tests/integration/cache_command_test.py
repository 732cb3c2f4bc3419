#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`sluice bucket`, --cache-bucket and the caches in `sluice status`: of a store that is served, and of one that is closed."""
import json
import re
import socket
import subprocess

from sluicetest import SLUICE, Server, check, done, equal, fresh, poll, scratch


def sluice(*words):
    result = subprocess.run([SLUICE, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    return result.returncode, result.stdout, result.stderr


def caches(data):
    """Name -> the columns after it."""
    status, out, err = sluice("bucket", "list", "--data", data)
    check(status == 0, "the caches are listed", err)
    return {line.split("\t")[0]: line.split("\t")[1:] for line in out.splitlines()[1:]}


def call(data, **members):
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(30)
        control.connect(f"{data}/control")
        control.sendall(json.dumps(members).encode() + b"\n")
        lines = []
        for line in control.makefile("rb"):
            lines.append(json.loads(line))
            if "ok" in lines[-1]:
                break
        return lines


def refused_words(data):
    for words in ((), ("list", "more"), ("cache",), ("cache", "one"), ("other", "one", "none")):
        status, _, err = sluice("bucket", *words, "--data", data)
        check(status == 2 and "expected: sluice bucket" in err, f"sluice bucket {' '.join(words)}: is refused", f"{status} {err}")
    for rules in (("max-size=0",), ("size=1",), ("max-size=1G", "none")):
        status, _, err = sluice("bucket", "cache", "one", *rules, "--data", data)
        check(status == 2 and err, f"{' '.join(rules)} is refused", f"{status} {err}")


def served(server):
    data = server.data
    equal(server.request("PUT", "/one")[0], 200, "a bucket is made")
    equal(caches(data), {}, "there is no cache")
    equal(sluice("bucket", "cache", "one", "max-size=1M", "write-once", "--data", data)[0], 0, "the running server makes it one")
    check("<MaxSize>1048576</MaxSize>" in server.request("GET", "/one?sluice-cache")[2].decode(), "which a client sees")
    check("one is a cache: max-size=1M write-once" in server.log_text(), "and the log", server.log_text())
    equal(server.request("PUT", "/one/key", body=b"x" * 1000)[0], 200, "a key is written")
    equal(server.request("PUT", "/one/key", body=b"x" * 1000)[0], 412, "once")
    equal(server.request("GET", "/one/key")[0], 200, "a hit")
    equal(server.request("GET", "/one/none")[0], 404, "and a miss")
    equal(caches(data), {"one": ["1", "1000", "1", "1", "0", "max-size=1048576 use-step=600 write-once"]}, "the list says all that")
    out = sluice("status", "--data", data)[1]
    check("cache = one objects 1 bytes 1000 hits 1 misses 1 evictions 0\n" in out, "and so does the status", out)
    equal(sluice("bucket", "cache", "missing", "max-size=1", "--data", data)[0], 1, "a bucket that is not there")
    status, _, err = sluice("bucket", "cache", "NO", "max-size=1", "--data", data)
    check(status == 1 and "not a valid bucket name" in err, "a name that cannot be", f"{status} {err}")
    item, answer = call(data, call="cache-list")
    equal((item["bucket"], item["entries"], item["evicted_bytes"], answer["ok"]), ("one", 1, 0, True), "the socket tells them")
    for members in ({"call": "cache-set"}, {"call": "cache-set", "bucket": "one", "rules": "x"}, {"call": "cache-set", "bucket": "one", "more": 1},
                    {"call": "cache-set", "bucket": "NO"}, {"call": "cache-list", "bucket": "one"}):
        equal(call(data, **members)[-1]["ok"], False, f"refused: {members}")


def closed(data):
    equal(caches(data)["one"][:2], ["1", "1000"], "a closed store tells what it holds")
    equal(sluice("bucket", "cache", "one", "max-age=1d", "--data", data)[0], 0, "and takes other rules")
    equal(caches(data)["one"][5], "max-age=86400 use-step=600", "which replace those it had")
    check("cache = one objects 1 bytes 1000" in sluice("status", "--data", data)[1], "the status of a closed store, too")
    equal(sluice("bucket", "cache", "one", "none", "--data", data)[0], 0, "and none")
    check(poll(lambda: caches(data) == {}), "then it is no cache")


def by_option():
    file = scratch("cache.conf")
    with open(file, "w") as out:
        out.write("cache-bucket = two max-size=2G max-age=1w\ncache-bucket = three write-once\n")
    server = Server(args=["--config", file])
    body = server.request("GET", "/two?sluice-cache")[2].decode()
    equal(re.findall(r"<(MaxSize|MaxAge)>(\d+)<", body), [("MaxSize", str(2 << 30)), ("MaxAge", "604800")], "the file's bucket is there, and a cache")
    check("<WriteOnce>true</WriteOnce>" in server.request("GET", "/three?sluice-cache")[2].decode(), "and the other one")
    equal(server.request("PUT", "/two?sluice-cache", body=b"<CacheConfiguration/>")[0], 200, "a client changes it")
    server.stop()
    server = Server(data=server.data, args=["--cache-bucket", "two max-size=3G"])
    check(f"<MaxSize>{3 << 30}</MaxSize>" in server.request("GET", "/two?sluice-cache")[2].decode(), "the next start says it anew")
    server.stop()
    for entry in ("two", "two max-size=", " max-size=1", "No max-size=1"):
        status, _, err = sluice("serve", "--check-config", "--listen", "127.0.0.1:0", "--data", fresh("none"), "--cache-bucket", entry)
        check(status == 2 and "cache-bucket" in err, f"--cache-bucket '{entry}' is refused", f"{status} {err}")


def main():
    server = Server()
    refused_words(server.data)
    served(server)
    server.stop()
    closed(server.data)
    by_option()
    done()


main()
