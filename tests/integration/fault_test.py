#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""System calls of the whole server fail with EIO and ENOSPC, and with what else kernels say of a disk, one or many in a row, at moments that differ, under a mix of
changes. Answers are then 5xx; no acknowledged change is lost; the server goes on; after a kill -9 everything is as told; and
`sluice check` finds nothing. With the thread engine all disk work is calls of libc, which a preloaded library can fail."""
import errno
import os
import random
import struct
import subprocess

import preload
from mixload import Mix
from sluicetest import Server, check, done, equal, poll, run, scratch, SLUICE

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "42"))
SEED = int(os.environ.get("CRASH_SEED", "1"))
NONE, SYNC, WRITE, LINK, UNLINK, OPEN, SPLICE, READ = range(8)
KINDS = [(SYNC, errno.EIO), (WRITE, errno.ENOSPC), (WRITE, errno.EIO), (LINK, errno.ENOSPC), (UNLINK, errno.EIO),
         (OPEN, errno.EMFILE), (OPEN, errno.EIO), (SPLICE, errno.ENOSPC), (SYNC, errno.ENOSPC), (READ, errno.EIO)]

# In every second turn: words that mean something else where requests are read. disk_words_test.py tries all of them.
ODD = [errno.EBADMSG, errno.ENODATA, errno.ETIMEDOUT, errno.EROFS, errno.EUCLEAN, errno.EACCES]

built = preload.build("fault", "FAULT_CONTROL", 16, "calls fail under load")
if built is None:
    done()
environment, numbers = built


def faults(kind, skip_calls=0, count=0, error=0):
    numbers[0:16] = struct.pack("=4i", NONE, skip_calls, count, error)
    numbers[0:4] = struct.pack("=i", kind)


def start():
    faults(NONE)
    return Server(data=data, engine="threads", env=environment)


rng = random.Random(SEED)
data = scratch("fault-data")
mix = Mix(seed=SEED)
server = start()
mix.prepare(server)
for round_number in range(ROUNDS):
    kind, error = KINDS[round_number % len(KINDS)]
    if round_number // len(KINDS) % 2 == 1 and error != errno.EMFILE:
        error = ODD[round_number % len(ODD)]
    count = rng.choice([1, 1, 3, 100])
    when = f"round {round_number}: {count} calls of kind {kind} fail with {errno.errorcode[error]}"
    before = mix.acknowledged
    mix.start(server, go_on=True)
    poll(lambda: mix.acknowledged >= before + 2)
    mix.threads[0].join(rng.uniform(0.0, 0.1))
    faults(kind, rng.randrange(60), count, error)
    mix.threads[0].join(rng.uniform(0.1, 0.4))
    crash = round_number % 3 == 2
    if crash:
        server.kill() # with the trouble still going on
        mix.stop()
        server = start()
    else:
        faults(NONE)
        mix.stop()
    if server.process.poll() is not None:
        mix.problems.append(f"{when}: the server ended with {server.process.returncode}: {server.log_text()[-500:]}")
        server = start()
    mix.verify(server, when)
    if round_number % 6 == 5:
        if not server.stop():
            mix.problems.append(f"{when}: the server does not end well: {server.log_text()[-500:]}")
        server = start() # clears away what it left
        server.stop()
        status, output = run([SLUICE, "check", "--data", data])
        if status != 0:
            mix.problems.append(f"{when}: check: {output}")
        server = start()
    if len(mix.problems) > 5:
        break
equal(mix.problems, [], f"{ROUNDS} times calls fail under a mix of changes: every key as acknowledged")
check(mix.refused > 0, "some changes were refused", f"{mix.refused}")
check(mix.acknowledged > ROUNDS, "and others acknowledged", f"{mix.acknowledged}")
check(server.stop(), "the last server ends with status 0")
status, output = run([SLUICE, "check", "--data", data])
check(status == 0, "sluice check finds nothing", output)
done()
