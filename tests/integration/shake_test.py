#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Threads whose order is shaken (shake.c): the unit tests in which committer, readers of cached rows, pins, reclaimer, queues and ring work against
each other, under seeds that make them give way in the middle. SHAKE_SEEDS=N: so many seeds each, for hours (tests/reliability); SHAKE_FIRST=N: from that one on."""
import os
import re
import subprocess

import preload
from sluicetest import BUILD, check, done, scratch

SEEDS = int(os.environ.get("SHAKE_SEEDS", "1"))
FIRST = int(os.environ.get("SHAKE_FIRST", "1"))
# Each with how often it is shaken at least: where it is not, this tests nothing.
TESTS = {"blob_pins_test": 100, "core_reclaim_test": 1000, "ring_queue_test": 100, "base_work_pool_test": 100, "hot_units_test": 1000, "meta_row_cache_test": 1000}
LONG_TESTS = {"meta_commit_test": 1000, "core_overtaken_test": 1000}
if SEEDS > 1:
    TESTS |= LONG_TESTS

made = preload.build("shake", "SHAKE_CONTROL", 8, "order of threads is shaken")
if made is not None:
    environment, control = made
    for name, least in TESTS.items():
        problem, shaken = "", 0
        for seed in range(FIRST, FIRST + SEEDS):
            control[:8] = bytes(8)
            try:
                ended = subprocess.run([os.path.join(BUILD, "tests", name)], env={**os.environ, **environment, "SHAKE_SEED": str(seed)}, cwd=scratch(), capture_output=True,
                                       text=True, timeout=600, check=False)
                status, output = ended.returncode, ended.stdout + ended.stderr
            except subprocess.TimeoutExpired as late:
                status, output = "none, it hangs", str(late.output)
            shaken += int.from_bytes(control[:8], "little")
            if status != 0:
                problem = f"seed {seed}, status {status}: " + "\n".join(re.findall(r"^\[ +(?:ERROR|LINE|FAILED) +\].*|^ERROR.*|.*Assertion.*", output, re.M)[:12])
                break
        check(problem == "", f"{name} under {SEEDS} seeds", problem)
        check(shaken >= least * SEEDS or problem != "", f"{name} is shaken", f"{shaken} times")
        print(f"# {name}: shaken {shaken} times", flush=True)
done()
