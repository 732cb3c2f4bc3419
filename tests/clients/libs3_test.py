#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""libs3's own command: a parser in C that compares the names of headers as S3 spells them, and reads no `etag`."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from sluicetest import ACCESS, SECRET, Server, check, done, equal, fails, have, ok, pattern_file, run, s3_client, scratch, sha256_file, skip

KEYS = ["one.bin", "folder/two.bin", "folder/three=four.bin"]


def main():
    if not have("s3"):
        skip("libs3", "it is not installed")
        done()
    server = Server(keys=True)
    environment = {"S3_ACCESS_KEY_ID": ACCESS, "S3_SECRET_ACCESS_KEY": SECRET, "S3_HOSTNAME": f"{server.host}:{server.port}"}
    client = s3_client(server)
    small, large, back = pattern_file("small", 70001), pattern_file("large", 20 << 20), scratch("back")

    def s3(*words):
        status, output = run(["s3", *([] if server.context else ["-u"]), *words], environment, timeout=60)
        return (1 if "ERROR" in output else status), output # its status is 0 after most errors

    ok("s3 creates a bucket", s3("create", "libs3"))
    ok("s3 lists the buckets", s3("list"), "libs3")
    ok("s3 tests a bucket", s3("test", "libs3"), "USA")
    for key in KEYS:
        ok(f"s3 puts {key}", s3("put", f"libs3/{key}", f"filename={small}", "contentType=text/x-test", "x-amz-meta-colour=green"))
    ok("s3 puts a large one", s3("put", "libs3/large.bin", f"filename={large}"))
    head = s3("head", f"libs3/{KEYS[0]}")
    ok("s3 reads a head", head)
    for line in f"ETag: {client.head_object(Bucket='libs3', Key=KEYS[0])['ETag']}", "Content-Type: text/x-test", "Content-Length: 70001", "x-amz-meta-colour: green":
        check(line in head[1], f"which says {line.split(':')[0]}", head[1])
    listed = s3("list", "libs3", "prefix=folder/")
    ok("s3 lists keys", listed, "folder/two.bin")
    check(KEYS[2] in listed[1] and KEYS[0] not in listed[1], "those of the prefix", listed[1])
    ok("s3 lists folders", s3("list", "libs3", "delimiter=/"), "Common Prefix: folder/")
    for key, source in ("large.bin", large), (KEYS[2], small):
        ok(f"s3 gets {key}", s3("get", f"libs3/{key}", f"filename={back}"))
        equal(sha256_file(back), sha256_file(source), "what was put")
        os.remove(back) # s3 writes into a file that is there, and leaves what is longer
    ok("s3 gets a range", s3("get", "libs3/large.bin", f"filename={back}", "startByte=5000000", "byteCount=1000"))
    with open(back, "rb") as got, open(large, "rb") as want:
        want.seek(5000000)
        equal(got.read(), want.read(1000), "those bytes")
    ok("s3 copies", s3("copy", f"libs3/{KEYS[0]}", "libs3/copy.bin"))
    equal(client.get_object(Bucket="libs3", Key="copy.bin")["ContentLength"], 70001, "all of it")
    for key in *KEYS, "large.bin", "copy.bin":
        ok(f"s3 deletes {key}", s3("delete", f"libs3/{key}"))
    fails("what is gone is not got", s3("get", f"libs3/{KEYS[0]}", f"filename={back}"), "ErrorNoSuchKey")
    ok("s3 deletes the bucket", s3("delete", "libs3"))
    done()


main()
