#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What operations cost in counts: tests/bench/run --counts, with few operations, keeps the limits of tests/bench/counts.limits. A system
call too many is seen here whatever else the machine does. That the counts are right and the limits judged is seen first."""
import json
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
from sluicetest import BUILD, ROOT, SLUICE, Server, check, done, equal, have, run, scratch, skip

BENCH = os.path.join(ROOT, "tests", "bench")
sys.path.insert(0, BENCH)
import bench_counts
import bench_system
import bench_trace


def calls_are_counted():
    calls = bench_trace.Calls()
    for thread, line in (("http", 'recvfrom(34<socket:[7]>, ""..., 8192, MSG_DONTWAIT, NULL, NULL) = 4163'),
                         ("http", "futex(0x55e4, FUTEX_WAKE_PRIVATE, 1) = 1"), ("http", "futex(0x55e4, FUTEX_WAIT_PRIVATE, 1, NULL) = 0"),
                         ("commit", 'pwrite64(9</tmp/d/sluice.db-wal>, ""..., 4096, 976496) = 4096'),
                         ("commit", "pwritev(36</tmp/d/blobs/00/0000000000000002>, [...], 3, 901120) = 8192"),
                         ("commit", 'write(24<anon_inode:[eventfd]>, ""..., 8) = 8'),
                         ("pump", "splice(34<socket:[7]>, NULL, 40<pipe:[8]>, NULL, 65536, 0) = 65536"),
                         ("pump", "splice(40<pipe:[8]>, NULL, 41</tmp/d/staging/1>, [0], 65536, 0) = 65536"),
                         ("http", "sendfile(34<socket:[7]>, 41</tmp/d/blobs/00/1>, [0], 65536) = 65536"),
                         ("http", "syscall_0x1c3(0x23, 0x7ffd, 0x7ffe, 0, 0x40, 0x23) = 0"),
                         ("http", "epoll_wait(23<anon_inode:[eventpoll]>, [...], 256, 60000) = 1"),
                         ("reclaim", "fdatasync(11</tmp/d/sluice.db-wal>)  = 0"), ("http", "+++ exited with 0 +++"), ("http", "read(3<pipe:[1]>,  <detached ...>")):
        calls.add(thread, line)
    equal(dict(calls.by_name), {"recvfrom": 1, "futex": 2, "pwrite64": 1, "pwritev": 1, "write": 1, "splice": 2, "sendfile": 1, "cachestat": 1, "epoll_wait": 1},
          "calls are counted by name, unfinished ones and those of threads that work by the clock are not")
    equal((calls.background["fdatasync"], calls.by_thread["http"], calls.by_thread["commit"]), (1, 6, 3), "and by thread")
    equal((calls.sends, calls.receives, calls.wakes), (1, 2, 2), "what sends, what receives, what wakes")
    equal(dict(calls.file_bytes), {"log": 4096, "blobs": 8192 + 65536}, "and what is written to which files")


def limits_are_judged():
    name = scratch("counts.limits")
    with open(name, "w") as out:
        out.write("# a comment\n\nGET x1 | calls | 3.1 | three\nGET x1 | sendmsg | 1 | the answer\nGET x1 | other calls | 2,000 | the rest\n")
    limits = bench_counts.limits_read(name)["GET x1"]
    judged = [(limit.name, count, kept) for limit, count, kept in bench_counts.judge({"calls": 4, "sendmsg": 1, "read": 2, "getpid": 1}, {"sendmsg", "read", "getpid"}, limits)]
    equal(judged, [("calls", 4, False), ("sendmsg", 1, True), ("other calls", 3, True)], "a count over its limit is seen; calls without a line are the others")
    with open(name, "a") as out:
        out.write("GET x1 | calls | 3\n")
    refused = False
    try:
        bench_counts.limits_read(name)
    except ValueError as error:
        refused = ":6:" in str(error)
    check(refused, "a line without its reason is refused")
    known = {path.name for path in bench_counts.paths(False)}
    equal(set(bench_counts.limits_read()) - known, set(), "each line of the table is about a path that is measured")
    equal(known - set(bench_counts.limits_read()), set(), "and each path has a limit")


def operations_keep_the_limits():
    """On a real file system, for that of the temporary files may be memory."""
    folder, lines = os.path.join(BUILD, f"counts-{os.getpid()}"), scratch("counts.jsonl")
    os.makedirs(folder)
    try:
        status, out = run([os.path.join(BENCH, "run"), "--counts", "--quick", "--no-install", "--build", BUILD, "--binary", SLUICE, "--folder", folder,
                           "--json", lines], timeout=900)
    finally:
        left = os.listdir(folder)
        shutil.rmtree(folder)
    equal(left, [], "counting leaves nothing behind")
    limits, last, attempts = bench_counts.limits_read(), {}, {}
    with open(lines) as file:
        for record in map(json.loads, file):
            if "counted" in record:
                last[record["counted"]] = record
                attempts.setdefault(record["counted"], []).append(record)
            elif "skipped" in record and "cores" not in record["skipped"]:
                check(False, f"{record['skipped']} is counted", record["reason"])
    for path, record in last.items():
        for limit, count, kept in bench_counts.judge(record["counts"], set(record["calls"]), limits[path]):
            check(kept, f"{path}: {limit.name} {count:.4g} <= {limit.most:g} ({limit.why})", f"in each of {len(attempts[path])} attempts; all: {record['counts']}")
    equal({path.name for path in bench_counts.paths(True)} - set(last), set(), "every path was counted")
    equal(status == 0, all(kept for path, record in last.items()
                           for _, _, kept in bench_counts.judge(record["counts"], set(record["calls"]), limits[path])), "its exit status says so")
    check("GET 4 KiB x1 " in out and "switches" in out, "and it prints what it counted", out[-2000:])


def traceable():
    """Whether a process that is running already may be traced, as this does."""
    with subprocess.Popen(["sleep", "60"], preexec_fn=bench_system.allow_tracing) as sleeper:
        tracer = subprocess.run(["timeout", "-s", "INT", "1", "strace", "-p", str(sleeper.pid)], capture_output=True, text=True)
        sleeper.kill()
    return "attached" in tracer.stderr


calls_are_counted()
limits_are_judged()
try:
    Server(engine="uring").stop()
    uring = True
except RuntimeError:
    uring = False
if not have("strace") or not traceable():
    skip("counts of operations", "strace may not trace a running process here")
elif not uring:
    skip("counts of operations", "io_uring is not permitted here")
else:
    operations_keep_the_limits()
done()
