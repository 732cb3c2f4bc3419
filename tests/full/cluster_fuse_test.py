#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Two servers of a cluster, each with its own FUSE mount of their folder, as machines have of CephFS by ceph-fuse: what one takes in, the other gives out, and no
body passes through the memory of either. Both run under strace. Skipped without bindfs, strace or PostgreSQL."""
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests", name) for name in ("cluster", "integration")]
from bindfs import Mount, unusable # noqa: E402 (found by the line before)
from database import Database # noqa: E402
from database import unusable as no_database # noqa: E402
from moved import CALLS, READS, WRITES, Moved # noqa: E402
from sluicetest import Server, check, done, equal, have, pattern_file, run, scratch, sha256_file, skip # noqa: E402

MIB = 1 << 20
SIZE = 64 * MIB


def why_not():
    if not have("strace") or subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode != 0:
        return "strace may not trace here"
    return unusable() or no_database()


def mounts():
    source = tempfile.mkdtemp(prefix="source-", dir=scratch())
    made = [Mount(scratch(name), source) for name in ("one", "two")]
    return made if all(os.path.ismount(mount.folder) for mount in made) else None


def judge(name, trace, call, times):
    """call: what moved the body, and how often each byte of it. Cold pages are brought in by splice or sendfile, too, before they are sent."""
    moved = Moved(trace)
    check(moved.bytes.get(call, 0) >= times * (SIZE - MIB), f"{name}: {call} moved the body", f"{moved.bytes.get(call, 0)} of {times} x {SIZE}")
    check(moved.total(READS) < MIB, f"{name}: under 1 MiB through read and recv", f"{moved.total(READS)} bytes")
    check(moved.total(WRITES) < MIB, f"{name}: and through write and send", f"{moved.total(WRITES)} bytes")
    print(f"# {name}: {moved.bytes}", flush=True)


def round_trip(engine, folders, database):
    traces = [scratch(f"trace-{engine}-{number}") for number in range(2)]
    servers = [Server(data=os.path.join(folder, "store"), engine=engine, strace=trace, strace_calls=",".join(CALLS),
                      args=["--cluster", database.url()]) for folder, trace in zip(folders, traces)]
    body, back = pattern_file("body", SIZE), scratch("back")
    equal(run(["curl", "-sS", "-f", "-X", "PUT", f"{servers[0].url}/{engine}"])[0], 0, f"{engine}: a bucket")
    equal(run(["curl", "-sS", "-f", "-T", body, f"{servers[0].url}/{engine}/object"])[0], 0, f"{engine}: curl puts 64 MiB at one")
    equal(run(["curl", "-sS", "-f", "-o", back, f"{servers[1].url}/{engine}/object"])[0], 0, f"{engine}: and gets them from the other")
    equal(sha256_file(back), sha256_file(body), f"{engine}: the same bytes")
    check(all([server.stop() for server in servers]), f"{engine}: both end with status 0")
    # Socket to pipe is a call; pipe to file is one with threads, and is done in the ring by the other engine.
    judge(f"{engine}, in", traces[0], "splice", 1 if engine == "uring" else 2)
    judge(f"{engine}, out", traces[1], "sendfile", 1)


def main():
    if reason := why_not():
        skip("zero copy on FUSE", reason)
        return
    made = mounts()
    if made is None:
        skip("zero copy on FUSE", "mounting is not permitted")
        return
    database = Database(standby=False)
    for engine in ("uring", "threads"):
        try:
            round_trip(engine, [mount.folder for mount in made], database)
        except RuntimeError as error:
            if engine != "uring" or "io_uring" not in str(error):
                raise
            skip("zero copy on FUSE with uring", "the engine is not permitted here")
    for mount in made:
        mount.end()


main()
done()
