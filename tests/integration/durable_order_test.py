#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The order of a durable PUT, seen from outside: bytes synced, named, folder synced, database synced, and only then 200. With
the thread engine every step is a system call, so strace shows the order."""
import re
import subprocess

from sluicetest import Server, check, done, equal, have, scratch, skip

if not have("strace") or subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
    skip("order of a durable PUT", "strace may not trace here")
    done()


def trace_of_put(durability):
    trace = scratch("order-" + durability)
    server = Server(engine="threads", strace=trace, args=["--durability", durability], strace_calls=
                    "openat,linkat,renameat,renameat2,fsync,fdatasync,sync_file_range,sendto,sendmsg,writev,write,sendfile,splice")
    equal(server.request("PUT", "/order")[0], 200, f"{durability}: the bucket is created")
    equal(server.request("PUT", "/order/warm", body=b"w" * 300_000)[0], 200, f"{durability}: a first object")
    with open(trace) as file:
        before = len(file.readlines())
    equal(server.request("PUT", "/order/object", body=b"x" * 300_000)[0], 200, f"{durability}: the object is stored")
    server.stop()
    with open(trace) as file:
        lines = file.readlines()[before:]
    # Completed calls in the order in which they returned.
    return [line for line in lines if re.search(r"\) += \d+", line)]


def position(lines, pattern, start=0):
    for index in range(start, len(lines)):
        if re.search(pattern, lines[index]):
            return index
    return None


SYNC = r"\bf(data)?sync(\(| resumed)"
lines = trace_of_put("full")
answer = None
for index, line in enumerate(lines):
    if re.search(r"(sendmsg|sendto|writev|write)(\(| resumed)", line) and position(lines, r"linkat|renameat") is not None \
            and index > position(lines, r"linkat|renameat"):
        if re.search(r"(sendmsg|sendto|writev)", line):
            answer = index
            break
data_sync = position(lines, SYNC)
named = position(lines, r"(linkat|renameat2?)(\(| resumed)")
check(data_sync is not None and named is not None and data_sync < named, "the bytes are synced before they get their name")
folder_sync = position(lines, SYNC, (named or 0) + 1)
check(folder_sync is not None, "then the folder is synced")
database_sync = position(lines, SYNC, (folder_sync or 0) + 1)
check(database_sync is not None, "then the database is synced")
check(answer is not None and database_sync is not None and database_sync < answer, "and only then 200 is sent")
relaxed = trace_of_put("relaxed")
check(position(relaxed, SYNC) is None, "--durability relaxed syncs nothing")
done()
