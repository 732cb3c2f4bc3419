#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Linearizability over three servers, their database and its standby: 8 processes read and change 4 keys in every way, each request at any of the servers, while one thing
after the other goes wrong. tests/cluster has what does it, and a long form. Skipped without PostgreSQL."""
import os
import sys

from sluicetest import ROOT, SLUICE, check, done, run, skip

sys.path.insert(0, os.path.join(ROOT, "tests", "cluster"))
from database import unusable  # noqa: E402 (found by the line before)
from lives import Cluster  # noqa: E402
from linear import run_mode  # noqa: E402

SEED = int(os.environ.get("LINEAR_SEED", "1"))
LIVES = int(os.environ.get("CLUSTER_LIVES", "5"))
FALSIFIED = 2 # of them: each takes nine more searches

if reason := unusable():
    skip("linearizability over a cluster", reason)
    done()
if "--cluster" not in run([SLUICE, "help", "serve"])[1]:
    skip("linearizability over a cluster", "this program was built without clusters")
    done()
print(f"# seed {SEED}")
one = run_mode("cluster", SEED, lambda one: one.life < LIVES, lambda one: one.life < FALSIFIED, Cluster)
for problem in one.problems:
    print(f"# {problem}")
print(f"# operations {one.operations}, COMMITs without an answer {one.swallowed}, answers 503: {one.refusals}, at most {one.largest} configurations for one event; {dict(one.done)}")
check(not one.problems, "each history has an order, and all that was answered is there", f"{len(one.problems)} problems")
check(one.histories == LIVES, "all were judged", f"{one.histories}")
check(one.swallowed > 0, "a COMMIT was kept without its answer")
check(one.kept, "objects were put that nobody wrote again")
missed = one.falsified - one.found
check(one.falsified and not missed, "the checker finds falsified answers", repr(dict(missed)))
done()
