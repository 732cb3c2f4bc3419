#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every kind of call that a server makes fails, in every way it may, while it starts, recovers, serves and stops: a sample of it. Afterwards
nothing acknowledged is missing, and changes go well again. FAULTS_SHARE is how much of all there is, FAULTS_SEED which. `tests/faults/run
--help` tells of the long form."""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "integration")]
import control
from sluicetest import check, done, scratch, skip

reason = control.build(scratch("interposer.so"))
if reason is not None:
    skip("calls fail in turn", reason)
    done()
command = [os.path.join(HERE, "run"), "--share", os.environ.get("FAULTS_SHARE", "0.001"), "--seed", os.environ.get("FAULTS_SEED", "1"), "--minutes", "4",
           "--settings", "threads,uring", "--state", scratch("state")]
last = ""
with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as made:
    for line in made.stdout:  # shown as it comes: where one hangs, it is known which
        print("# " + line, end="", flush=True)
        last = line.strip() or last
check(made.returncode == 0 and last.endswith("bad 0"), "calls fail in turn, and nothing that was acknowledged is missing", last)
numbers = re.fullmatch(r"cases (\d+) \((\d+) whose call was not made\), failed calls (\d+), bad \d+", last)
tried, unreached = (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)
check(tried > 0 and unreached < tried / 2, "calls did fail", last)
done()
