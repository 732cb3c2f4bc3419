#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Linearizability under kill -9: 8 processes read and change 4 keys in every way, the server is killed and started again, and each life
is a history that must have one sequential order. tests/linear has what does it, and a long form."""
import os
import sys

from sluicetest import ROOT, check, done, equal, skip

sys.path.insert(0, os.path.join(ROOT, "tests", "linear"))
from linear import EXPECTED, MODES, Total, io_uring_works, run_mode  # noqa: E402

SEED = int(os.environ.get("LINEAR_SEED", "1"))
OPERATIONS = int(os.environ.get("LINEAR_OPERATIONS", "4000")) # of each mode, at least

print(f"# seed {SEED}")
total = Total()
for mode, (args, _) in MODES.items():
    if "uring" in args and not io_uring_works():
        skip(f"linearizability, {mode}", "io_uring is not permitted here")
        continue
    one = run_mode(mode, SEED, lambda one: one.operations < OPERATIONS)
    total.add(one)
    for problem in one.problems:
        print(f"# {problem}")
    check(not one.problems, f"{mode}: each history has an order", f"{len(one.problems)} problems")
    check(one.histories == one.life and one.operations >= OPERATIONS, f"{mode}: and all were judged", f"{one.operations}")
print(f"# {total.line()}; at most {total.largest} configurations for one event")
equal(EXPECTED - set(total.counts), set(), "every kind of operation had every answer")
for kind in sorted(total.falsified):
    equal(total.found[kind], total.falsified[kind], f"the checker finds falsified answers: {kind.replace('_', ' ')}")
check(len(total.falsified) == 9, "and there were all kinds of them", repr(total.falsified))
done()
