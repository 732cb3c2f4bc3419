#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""davix, the file client of particle physics: its parser of listings reads as a stream and wants the elements in the order of S3's schema."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from sluicetest import ACCESS, SECRET, Server, done, equal, fails, have, ok, pattern_file, run, s3_client, scratch, sha256_file, skip

KEYS = ["data/a.bin", "data/b.bin", "data/deep/c.bin"]


def main():
    if not have("davix-ls"):
        skip("davix", "it is not installed")
        done()
    server = Server(keys=True)
    scheme = "s3s" if server.context else "s3"
    url = f"{scheme}://{server.host}:{server.port}/physics"
    client = s3_client(server)
    client.create_bucket(Bucket="physics")
    source, back = pattern_file("source", 3000001), scratch("back")

    def davix(program, *words):
        return run([f"davix-{program}", "--s3accesskey", ACCESS, "--s3secretkey", SECRET, "--s3alternate", *signing, *words], timeout=60)

    for name, signing in ("version 4", ["--s3region", "us-east-1"]), ("version 2", []):
        for key in KEYS:
            ok(f"{name}: davix puts {key}", davix("put", source, f"{url}/{key}"))
        equal(client.head_object(Bucket="physics", Key=KEYS[0])["ContentLength"], 3000001, f"{name}: all of it arrives")
        listed = davix("ls", f"{url}/data/")
        ok(f"{name}: davix lists", listed)
        equal(sorted(listed[1].split()), ["a.bin", "b.bin", "deep"], f"{name}: files and folders")
        ok(f"{name}: davix lists with sizes", davix("ls", "-l", f"{url}/data/"), "3000001")
        ok(f"{name}: davix gets", davix("get", f"{url}/{KEYS[2]}", back))
        equal(sha256_file(back), sha256_file(source), f"{name}: what was put")
        os.remove(back)
        for key in KEYS:
            ok(f"{name}: davix removes {key}", davix("rm", f"{url}/{key}"))
        equal(client.list_objects_v2(Bucket="physics")["KeyCount"], 0, f"{name}: nothing is left")
        fails(f"{name}: what is gone is not got", davix("get", f"{url}/{KEYS[0]}", back))
    done()


main()
