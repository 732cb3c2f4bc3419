#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An object beyond 4 GiB: lengths and offsets that need more than 32 bits, in and out, whole and by range, by both disk engines; and the
bounds of one PUT."""
import os
import shutil
import subprocess

from sluicetest import SLUICE, Server, check, done, equal, run, scratch, skip

GIB = 1 << 30
SIZE = 4 * GIB + 12345
MARKS = [0, 2 * GIB - 3, 4 * GIB - 4, SIZE - 8] # a few bytes across each border; the rest is a hole

if shutil.disk_usage(scratch()).free < 3 * SIZE:
    skip("an object beyond 4 GiB", "not enough space")
    done()
path = scratch("sparse")
with open(path, "wb") as file:
    file.truncate(SIZE)
    for number, mark in enumerate(MARKS):
        file.seek(mark)
        file.write(b"MARK%04d" % number)

server = Server(args=["--durability", "relaxed"], engine=os.environ.get("TEST_ENGINE", "auto"))
equal(server.request("PUT", "/large")[0], 200, "the bucket is created")
status, output = run(["curl", "-sS", "-f", "-T", path, f"{server.url}/large/object"])
check(status == 0, "4 GiB and a bit by curl -T", output)
equal(server.request("HEAD", "/large/object")[1].get("content-length"), str(SIZE), "its length")
for number, mark in enumerate(MARKS):
    status, headers, body = server.request("GET", "/large/object", headers={"Range": f"bytes={mark}-{mark + 7}"})
    equal((status, body, headers.get("content-range")), (206, b"MARK%04d" % number, f"bytes {mark}-{mark + 7}/{SIZE}"), f"range at {mark}")
get = subprocess.Popen(["curl", "-sS", "-f", f"{server.url}/large/object"], stdout=subprocess.PIPE)
equal(subprocess.run(["cmp", "-", path], stdin=get.stdout).returncode, 0, "all of it comes back identical")
answer = server.raw(b"PUT /large/too-large HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n" % (5 * GIB + 1), timeout=30)
check(b"EntityTooLarge" in answer and b"100 Continue" not in answer, "more than 5 GiB in one PUT is refused before its body", repr(answer[:200]))
equal(server.request("DELETE", "/large/object")[0], 204, "it is deleted")
check(server.stop(), "the server ends with status 0")
status, output = run([SLUICE, "check", "--data", server.data])
check(status == 0, "sluice check finds nothing", output)
done()
