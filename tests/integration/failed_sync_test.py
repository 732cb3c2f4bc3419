#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A sync of the database or of its log fails, once or for a while, as Linux does it: pages are lost, called clean, and the next sync
succeeds. Clients list all the time, so that somebody always reads from the log. Changes are answered with 200 or 503; health says what
is wrong, and when it is over; then the server is killed, everything is lost that was never synced, and what was acknowledged is there."""
import os
import random
import shutil
import struct
import subprocess
import threading
import time

import preload
from sluicetest import Server, check, done, equal, error_code, poll, scratch, SLUICE

ROUNDS = int(os.environ.get("FAILED_SYNC_ROUNDS", "8"))
DATABASE, LOG = 1, 2
LARGE = 70_000 # more than fits into a segment: its commit is synced

built = preload.build("lossy", "LOSSY_CONTROL", 20, "failed syncs")
if built is None:
    done()
environment, numbers = built
data, disk = scratch("lossy-data"), scratch("lossy-disk")
os.mkdir(disk)
environment["LOSSY_DISK"] = disk
rng = random.Random(int(os.environ.get("CRASH_SEED", "1")))


def arm(which, skip_syncs, count):
    numbers[4:20] = struct.pack("=4i", skip_syncs, count, 0, rng.randrange(1 << 30))
    numbers[0:4] = struct.pack("=i", which)


def failed():
    return struct.unpack("=i", numbers[12:16])[0]


def body_of(key, number):
    return (f"{key} {number} ".encode() * (LARGE // 8))[:LARGE if number % 4 == 0 else 3000]


class Client(threading.Thread):
    """Puts keys of its own, again and again, and knows what was acknowledged."""

    def __init__(self, server, name):
        super().__init__()
        self.server, self.name_part, self.stopping = server, name, False
        self.acknowledged, self.later, self.odd, self.refused = {}, {}, [], 0
        self.start()

    def run(self):
        connection = self.server.connect()
        for number in range(1_000_000):
            if self.stopping:
                return
            key = f"{self.name_part}-{number % 40}"
            try:
                connection.request("PUT", f"/bkt/{key}", body=body_of(key, number))
                response = connection.getresponse()
                text = response.read()
            except OSError:
                self.later.setdefault(key, set()).add(number)
                return
            if response.status == 200:
                self.acknowledged[key] = number
                self.later.pop(key, None)
            else:
                self.later.setdefault(key, set()).add(number)
                self.refused += 1
                if response.status != 503 or error_code(text) != "ServiceUnavailable":
                    self.odd.append((response.status, text[:200]))


class Lister(threading.Thread):
    def __init__(self, server):
        super().__init__()
        self.server, self.stopping, self.odd, self.lists = server, False, [], 0
        self.start()

    def run(self):
        connection = self.server.connect()
        while not self.stopping:
            try:
                connection.request("GET", "/bkt?list-type=2&max-keys=1000")
                response = connection.getresponse()
                response.read()
            except OSError:
                return
            self.lists += 1
            if response.status != 200:
                self.odd.append(response.status)


def stop(threads):
    for thread in threads:
        thread.stopping = True
    for thread in threads:
        thread.join()


def power_cut():
    """The server must be dead. The database and its log become what the disk has."""
    for name in ("sluice.db", "sluice.db-wal"):
        shutil.copyfile(os.path.join(disk, name), os.path.join(data, name))
        with open(os.path.join(disk, name + ".dirty"), "r+b") as file:
            file.write(bytes(os.path.getsize(file.name)))


def start():
    return Server(data=data, env=environment)


def missing(server, clients):
    """Keys that hold neither what was acknowledged last nor what was sent after it."""
    wrong, connection = [], server.connect()
    for client in clients:
        for key, number in client.acknowledged.items():
            connection.request("GET", f"/bkt/{key}")
            response = connection.getresponse()
            body = response.read()
            allowed = {number} | client.later.get(key, set())
            if response.status != 200 or all(body != body_of(key, each) for each in allowed):
                wrong.append((key, number, response.status, len(body)))
    return wrong


arm(0, 0, 0)
server = start()
equal(server.request("PUT", "/bkt")[0], 200, "a bucket")
problems, refused, failures, lists = [], 0, 0, 0
for round_number in range(ROUNDS):
    which = DATABASE if round_number % 4 == 3 else LOG
    clients = [Client(server, f"r{round_number}-{i}") for i in range(4)]
    listers = [Lister(server) for _ in range(4)]
    poll(lambda: all(lister.lists > 0 for lister in listers) and all(client.acknowledged for client in clients))
    arm(which, rng.randrange(12) if which == LOG else 0, 1)
    poll(lambda: failed() > 0, 180) # the database is synced when much is in the log
    time.sleep(rng.uniform(0.0, 0.3))
    failures += failed()
    server.kill()
    stop(clients + listers)
    power_cut()
    arm(0, 0, 0)
    server = start()
    problems += [(round_number, which, what) for what in missing(server, clients)]
    for thread in clients + listers:
        problems += thread.odd
    refused += sum(client.refused for client in clients)
    lists += sum(lister.lists for lister in listers)
    if len(problems) > 5:
        break
equal(problems, [], f"{ROUNDS} times a sync fails, the server is killed, the power fails: all is as acknowledged")
equal(failures, ROUNDS, "each time a sync had failed")
check(lists >= 4 * ROUNDS, "and listings went on", f"{lists}")

# For a while.
clients = [Client(server, f"while-{i}") for i in range(4)]
listers = [Lister(server) for _ in range(2)]
check(poll(lambda: "while-0-0" in clients[0].acknowledged), "what is read below is there") # on a busy machine not at once
arm(LOG, 0, 1 << 30)
check(poll(lambda: server.request("GET", "/-/healthy")[0] == 503), "while syncs fail, health is 503")
check(b"no changes are taken" in server.request("GET", "/-/healthy")[2], "and says what is wrong")
ping = subprocess.run([SLUICE, "ping", "--listen", f"127.0.0.1:{server.port}"], capture_output=True, text=True)
check(ping.returncode == 1 and "503" in ping.stderr, "so does sluice ping", ping.stderr)
status, _, text = server.request("PUT", "/bkt/refused", body=b"x")
equal((status, error_code(text)), (503, "ServiceUnavailable"), "a change is refused")
check(b"disk" in text, "with the reason", text)
equal(server.request("GET", "/bkt/while-0-0")[0], 200, "reads go on")
equal(server.request("GET", "/bkt?list-type=2")[0], 200, "listings go on")
stop(clients)
blobs = sum(len(files) for where, _, files in os.walk(os.path.join(data, "blobs")) if not where.endswith("chronicle"))
time.sleep(1.0)
equal(sum(len(files) for where, _, files in os.walk(os.path.join(data, "blobs")) if not where.endswith("chronicle")), blobs, "and nothing is removed")
arm(0, 0, 0)
check(poll(lambda: server.request("GET", "/-/healthy")[0] == 200), "when syncs succeed again, health is 200, without any change")
equal(server.request("PUT", "/bkt/taken", body=b"x")[0], 200, "and changes are taken")
stop(listers)
equal([odd for thread in clients + listers for odd in thread.odd], [], "no answer was odd")
server.kill()
power_cut()
server = start()
equal(missing(server, clients), [], "after a power failure all is as acknowledged")
equal(server.request("GET", "/bkt/taken")[0], 200, "also what came after it")
check(server.stop(), "the server ends with status 0")
result = subprocess.run([SLUICE, "check", "--data", data], capture_output=True, text=True)
check(result.returncode == 0, "sluice check finds nothing", result.stdout[-600:])
done()
