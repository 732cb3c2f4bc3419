#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""While small objects are overwritten at random, the disk holds little more than what lives: the space of the others is given back as fast as they
are made, or who makes them waits. How much waits is counted."""
import os
import random
import re
import subprocess
import time

from sluicetest import BUILD, Server, check, done, equal, poll, scratch, skip

LOAD = os.path.join(BUILD, "bench", "load")
BYTES, KEYS, MIB = 16 << 10, 1000, 1 << 20
# Beside what lives and the garbage: two segments that are filled with zeros ahead of their use, and a journal at the end of one.
AHEAD = 64 * MIB
random.seed(3)


def disk_bytes(data):
    total = 0
    for where, _, names in os.walk(os.path.join(data, "blobs")):
        for name in names:
            try:
                total += os.stat(os.path.join(where, name)).st_blocks * 512
            except FileNotFoundError:
                pass
    return total


def metric(server, name):
    return int(float(re.search(rf"^{name} (\S+)$", server.request("GET", "/-/metrics")[2].decode(), re.M)[1]))


def most_while(client, server):
    """The most that the disk holds until the client ends."""
    most = 0
    while client.poll() is None:
        most = max(most, disk_bytes(server.data))
        time.sleep(0.05)
    return most


def overwrite(server, amount, paths):
    return subprocess.Popen([LOAD, "--paths", paths, "put", server.host, str(server.port), "/full/x", str(BYTES), "32", amount],
                            stdout=subprocess.PIPE, text=True)


if not os.path.exists(LOAD):
    skip("overwrites", "the bench's client was not built")
    done()
paths = scratch("paths")
with open(paths, "w") as out:
    for key in [*range(KEYS), *(random.randrange(KEYS) for _ in range(20 * KEYS))]:
        out.write(f"/full/{key}\n")

server = Server(args=["--garbage-max", "16M"])
equal(server.request("PUT", "/full")[0], 200, "a bucket is made")
equal(overwrite(server, f"{KEYS}x", paths).wait(), 0, "objects are stored")
client = overwrite(server, f"{20 * KEYS}x", paths)
most = most_while(client, server)
equal(client.returncode, 0, "and overwritten twenty times")
live = KEYS * BYTES
# Above the bound a batch waits for the reclaimer; one batch of 32 comes through at a time all the same, twice the bound is far.
check(most <= live + 2 * 16 * MIB + AHEAD, "the disk never holds much more than what lives", f"{most / MIB:.0f} MiB")
check(poll(lambda: metric(server, "sluice_garbage_bytes") == 0), "what was overwritten is given back at once")
check(poll(lambda: disk_bytes(server.data) <= live + AHEAD), "and the disk has it", f"{disk_bytes(server.data) / MIB:.0f} MiB")
check(server.stop(), "it ends")

# So small a bound that whatever is overwritten is above it.
server = Server(data=server.data, args=["--garbage-max", "4K"])
equal(metric(server, "sluice_garbage_waits_total"), 0, "at first nobody has waited")
equal(overwrite(server, "2000x", paths).wait(), 0, "objects are overwritten")
waits = metric(server, "sluice_garbage_waits_total")
check(waits > 0, "who makes garbage above the bound waits", str(waits))
check(poll(lambda: metric(server, "sluice_garbage_bytes") == 0), "until it is given back")
check(server.stop(), "it ends")

server = Server(data=server.data, args=["--garbage-max", "0"])
equal(overwrite(server, "2000x", paths).wait(), 0, "without a bound objects are overwritten")
equal(metric(server, "sluice_garbage_waits_total"), 0, "and nobody waits")
check(server.stop(), "it ends")

# A relaxed store may give back only what is on the disk: it keeps one replaced body of each key until then, and writes at once where more waits.
server = Server(args=["--durability", "relaxed", "--garbage-max", "16M"])
equal(server.request("PUT", "/full")[0], 200, "a relaxed store's bucket is made")
equal(overwrite(server, f"{KEYS}x", paths).wait(), 0, "objects are stored")
client = overwrite(server, f"{20 * KEYS}x", paths)
most = most_while(client, server)
equal(client.returncode, 0, "and overwritten twenty times")
check(most <= 2 * live + 2 * 16 * MIB + AHEAD, "its disk never holds much more than twice what lives", f"{most / MIB:.0f} MiB")
check(poll(lambda: disk_bytes(server.data) <= live + AHEAD), "and when nobody writes, what lives", f"{disk_bytes(server.data) / MIB:.0f} MiB")
check(server.stop(), "it ends")
done()
