#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The power fails under load: an ext4 in a loop device is shut down by ioctl without writing its journal, so that nothing
survives but what was synced. Mounted again, every key holds what was acknowledged last, or what was on its way; and `sluice
check` finds nothing. In every second round almost all changes are small PUTs, which the database does not sync: they come back from the
journal. Needs root, loop devices and mkfs.ext4."""
import fcntl
import os
import random
import subprocess
import sys
import time

from mixload import Mix
from sluicetest import Server, check, done, equal, poll, run, scratch, skip, SLUICE

ROUNDS = int(os.environ.get("POWER_CUT_ROUNDS", "15"))
SEED = int(os.environ.get("CRASH_SEED", "1"))
FS_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32), since Linux 4.11 for ext4
NO_LOG_FLUSH = (2).to_bytes(4, sys.byteorder)

rng = random.Random(SEED)
image, folder = scratch("disk"), scratch("mount")


def mount():
    return subprocess.run(["mount", "-o", "loop", image, folder], capture_output=True, text=True)


def unmount():
    for _ in range(100):
        if subprocess.run(["umount", folder], capture_output=True).returncode == 0:
            return
        time.sleep(0.05)
    raise RuntimeError("the file system stays busy")


def cut_power():
    """Everything that reaches for the disk from now on fails, and what was not synced is gone with the next mount."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, FS_IOC_SHUTDOWN, NO_LOG_FLUSH)
    finally:
        os.close(descriptor)


def prepare():
    """None, or why it cannot be done here."""
    if os.geteuid() != 0:
        return "needs root"
    os.mkdir(folder)
    with open(image, "wb") as file:
        file.truncate(1 << 30)
    try:
        made = subprocess.run(["mkfs.ext4", "-q", "-F", image], capture_output=True, text=True)
        mounted = mount() if made.returncode == 0 else made
    except FileNotFoundError as error:
        return f"no {error.filename}"
    return None if mounted.returncode == 0 else mounted.stderr.strip()


reason = prepare()
if reason is not None:
    skip("the power fails under load", reason)
    done()

data = os.path.join(folder, "data")
mix = Mix(seed=SEED)
server = Server(data=data)
replayed = 0
try:
    mix.prepare(server)
    for round_number in range(ROUNDS):
        mix.small = round_number % 2 == 1
        before = mix.acknowledged
        mix.start(server, go_on=True)
        poll(lambda: mix.acknowledged >= before + 8)
        time.sleep(rng.uniform(0.05, 0.8))
        mix.uncertain = True # ext4 may answer a sync with success while it is being shut down
        cut_power()
        server.kill()
        mix.stop()
        unmount()
        mounted = mount()
        if mounted.returncode != 0:
            mix.problems.append(f"round {round_number}: {mounted.stderr}")
            break
        server = Server(data=data)
        replayed += "recovery: replayed" in server.log_text()
        mix.verify(server, f"round {round_number}")
        if round_number % 3 == 2:
            server.stop()
            status, output = run([SLUICE, "check", "--data", data])
            if status != 0:
                mix.problems.append(f"round {round_number}: check: {output}")
            server = Server(data=data)
        if len(mix.problems) > 5:
            break
    equal(mix.problems, [], f"{ROUNDS} times the power fails under a mix of changes: every key as acknowledged")
    check(mix.acknowledged > ROUNDS, "changes were acknowledged before the power failed", f"{mix.acknowledged}")
    check(replayed > 0, "after some of them the journal was replayed", f"{replayed} of {ROUNDS}")
    check(server.stop(), "the last server ends with status 0")
    status, output = run([SLUICE, "check", "--data", data])
    check(status == 0, "sluice check finds nothing", output)
finally:
    server.kill()
    unmount()
done()
