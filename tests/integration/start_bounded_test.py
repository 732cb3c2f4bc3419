#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A start after kill -9 does the same for many packed objects as for few, also when half of them were deleted: holes are not punched again,
and segments that were full and settled are not looked at. Counted in system calls."""
import base64
import hashlib
import os
import re
import time

from sluicetest import Server, blob_files, check, done, equal, have, scratch, skip

BYTES = 16 << 10
FEW, MANY = 1000, 6000
GAPS_MAX = 3 * (32 << 20) // (2 * BYTES) # every second unit of the segment that was open, and of two that were full a moment before


def fill(server, count):
    connection = server.connect()
    body = b"b" * BYTES
    for number in range(count):
        connection.request("PUT", f"/start/{number}", body=body)
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            return False
    for at in range(0, count, 1000):
        keys = "".join(f"<Object><Key>{number}</Key></Object>" for number in range(at, min(at + 1000, count), 2))
        document = f"<Delete><Quiet>true</Quiet>{keys}</Delete>".encode()
        status, _, _ = server.request("POST", "/start?delete", body=document, headers={"Content-MD5": base64.b64encode(hashlib.md5(document).digest()).decode()})
        if status != 200:
            return False
    return True


def settle(data):
    """Until what was deleted is given back, and SEQUENCE has told of segments: for a second nothing changes."""
    still, last = 0, None
    while still < 5:
        time.sleep(0.2)
        now = [os.stat(path).st_blocks for path in sorted(blob_files(data)[1])]
        with open(os.path.join(data, "blobs", "SEQUENCE"), "rb") as sequence:
            now.append(sequence.read())
        still, last = (still + 1, last) if now == last else (0, now)


def counted(count):
    """{call: how often} of the thread that starts, and the number of segments that there are."""
    server = Server()
    equal(server.request("PUT", "/start")[0], 200, "a bucket is made")
    check(fill(server, count), f"{count} small objects are stored, and every second one is deleted")
    settle(server.data)
    server.kill()
    segments = len(blob_files(server.data)[1])
    trace = scratch(f"trace-{count}")
    again = Server(data=server.data, strace=trace, strace_calls="openat,fallocate,ftruncate,lseek")
    with open(trace) as lines:
        text = lines.read() # up to now: the threads that give back garbage have not much to do
    equal(again.request("GET", "/start/1")[2], b"b" * BYTES, "what is left is there")
    equal(again.request("GET", "/start/0")[0], 404, "what was deleted is not")
    check(again.stop(), "and it ends")
    main = text.split(None, 1)[0]
    mine = [line for line in text.splitlines() if line.split(None, 1)[0] == main]
    files = len({match[1] for line in mine if (match := re.search(r'openat\(\d+, "([0-9a-f]{2}/[0-9a-f]{16})".*= \d+$', line))})
    return {"fallocate": sum("fallocate(" in line for line in mine), "files": files, "gaps": sum("lseek(" in line for line in mine),
            "calls": sum("lseek(" not in line for line in mine)}, segments


if not have("strace"):
    skip("calls of a start", "strace is not there")
    done()
few, few_segments = counted(FEW)
many, many_segments = counted(MANY)
check(many_segments > few_segments >= 3, "many objects lie in more segments than few", f"{few_segments}, {many_segments}")
# It reads the few folders of the names that may be there, however many objects there are: 4,096 ids are promised ahead, and next to none is used.
check(many["calls"] <= 1.1 * few["calls"] + 100 and many["calls"] < 1000, "a start makes no more of these calls for many objects", f"{few['calls']}, {many['calls']}")
for name, calls in (("few", few), ("many", many)):
    check(calls["fallocate"] <= 8, f"with {name} objects a start punches next to nothing", str(calls))
    check(calls["gaps"] <= GAPS_MAX, f"with {name} objects it looks for gaps in the segments alone that were not settled", str(calls))
    check(calls["files"] <= 3, f"with {name} objects it looks at a few files", str(calls))
done()
