#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kill -9 under a mix of PUT, overwrite, DELETE, COPY and multipart: after each restart every key holds what was acknowledged
last, or what was on its way; and `sluice check` finds nothing."""
import os
import random

from mixload import Mix
from sluicetest import Server, check, done, equal, poll, run, scratch, SLUICE

ROUNDS = int(os.environ.get("CRASH_MIX_ROUNDS", "20"))
SEED = int(os.environ.get("CRASH_SEED", "1"))
rng = random.Random(SEED)
data = scratch("crash-mix-data")
mix = Mix(seed=SEED)

server = Server(data=data)
mix.prepare(server)
for round_number in range(ROUNDS):
    before = mix.acknowledged
    mix.start(server)
    if round_number % 2 == 1:
        poll(lambda: mix.acknowledged >= before + 4) # the others may end before anything was answered
    for thread in mix.threads: # a moment of load, and then the end
        thread.join(rng.uniform(0.01, 0.12))
    server.kill()
    mix.stop()
    if round_number % 4 == 0:
        status, output = run([SLUICE, "check", "--data", data])
        if status != 0:
            mix.problems.append(f"round {round_number}: check after the crash: {output}")
    server = Server(data=data)
    mix.verify(server, f"round {round_number}")
    if len(mix.problems) > 5:
        break
equal(mix.problems, [], f"{ROUNDS} times kill -9 under a mix of changes: every key as acknowledged")
check(mix.acknowledged > ROUNDS, "changes were acknowledged between the crashes", f"{mix.acknowledged}")
check(server.stop(), "the last server ends with status 0")
status, output = run([SLUICE, "check", "--data", data])
check(status == 0, "sluice check finds nothing", output)
done()
