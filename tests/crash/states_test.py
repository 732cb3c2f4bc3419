#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Six hundred states that a power cut may leave, of recordings of servers at work in each mode: checked, served, compared with what
clients were promised, written to, stopped and checked again. CRASH_STATES is how many, CRASH_SEED which. `tests/crash/run --help` tells of the
long form."""
import os
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "integration")]
from many import run
from sluicetest import check, done, skip
from workload import USUAL

COUNT, SEED = int(os.environ.get("CRASH_STATES", "600")), int(os.environ.get("CRASH_SEED", "1"))
keep = os.path.join(os.environ.get("BUILD_DIR", os.path.join(HERE, "..", "..", "build")), "crash-states")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1)) # what was mounted is unmounted
found, reasons = run(USUAL, COUNT, SEED, keep=keep, per_recording=10, passes=2, on_result=lambda line: print("#", line, flush=True))
for mode, reason in reasons.items():
    skip(f"{mode}: states after power cuts", reason)
for mode, (recordings, acknowledged, states, bad) in found.items():
    check(not bad, f"{mode}: {states} states of {recordings} recordings, {acknowledged} changes acknowledged, all as promised",
          f"{len(bad)} bad, kept in {keep}: {bad[:1]}")
    check(states >= COUNT // len(found) * 0.9 and acknowledged >= recordings, f"{mode}: so many states were judged", f"{states} states, {acknowledged} changes")
print(f"# states {sum(counts[2] for counts in found.values())}, bad {sum(len(counts[3]) for counts in found.values())}")
done()
