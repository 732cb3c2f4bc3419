#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every kind of call that a server makes fails, in every way it may, while it starts, recovers, serves and stops: a sample of it. Afterwards
nothing acknowledged is missing, and changes go well again. FAULTS_SHARE is how much of all there is, FAULTS_SEED which. `tests/faults/run
--help` tells of the long form."""
import os
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
made = subprocess.run([os.path.join(HERE, "run"), "--share", os.environ.get("FAULTS_SHARE", "0.001"), "--seed", os.environ.get("FAULTS_SEED", "1"), "--minutes", "4",
                       "--settings", "threads,uring", "--state", scratch("state")], stdout=subprocess.PIPE, text=True)
print(*("# " + line for line in made.stdout.split("\n")), sep="\n")
last = made.stdout.strip().split("\n")[-1]
check(made.returncode == 0 and last.endswith("bad 0"), "calls fail in turn, and nothing that was acknowledged is missing", last)
check(" failed calls " in last and int(last.split(" failed calls ")[1].split(",")[0]) > 100, "calls did fail", last)
done()
