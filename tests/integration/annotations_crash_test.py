#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kill -9 while annotations are put and deleted, and while objects that have some are copied, overwritten and deleted. After each kill the check
is clean, every annotation that was acknowledged is there with its bytes, and nothing else; in the end nothing is left of them."""
import http.client
import os
import random
import re
import sqlite3
import subprocess
import threading
import time
import xml.etree.ElementTree as ElementTree

from sluicetest import SLUICE, Server, check, done, equal, poll, scratch

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "8"))
NS = "{http://s3.amazonaws.com/doc/2006-03-01/}"
SIZES = (1, 300, 5000, 65536, 70_000, 300_000)
data = scratch("annotations-data")


class Worker(threading.Thread):
    """Two keys of its own, of which it knows what was acknowledged. `may_be`: that, and what it is if the request counts that was cut off."""

    def __init__(self, number):
        super().__init__()
        self.rng, self.keys = random.Random(number), (f"a{number}", f"b{number}")
        self.known = {key: None for key in self.keys}  # None: there is no object; else name -> bytes
        self.may_be, self.server, self.acknowledged = dict(self.known), None, 0

    def text(self):
        return b"%x" % self.rng.getrandbits(60) * (self.rng.choice(SIZES) // 15 + 1)

    def choose(self):
        """(method, path, headers, body, what the keys are afterwards)"""
        key, other = self.rng.sample(self.keys, 2)
        notes, what = self.known[key], self.rng.random()
        if notes is None or what < 0.04:
            return "PUT", f"/crash/{key}", {}, self.text(), {key: {}}
        if what < 0.08:
            return "DELETE", f"/crash/{key}", {}, None, {key: None}
        if what < 0.18:
            return "PUT", f"/crash/{other}", {"x-amz-copy-source": f"/crash/{key}"}, None, {other: dict(notes)}
        name = f"n{self.rng.randrange(30)}"
        path = f"/crash/{key}?annotation&annotationName={name}"
        if what < 0.35:
            return "DELETE", path, {}, None, {key: {n: text for n, text in notes.items() if n != name}}
        body = self.text()
        return "PUT", path, {}, body, {key: {**notes, name: body}}

    def run(self):
        connection = self.server.connect()
        try:
            while True:
                method, path, headers, body, after = self.choose()
                self.may_be = {**self.known, **after}
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status not in (200, 204):
                    self.may_be = f"{method} {path}: {answer.status}"
                    return
                self.known, self.acknowledged = self.may_be, self.acknowledged + 1
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()

    def begin(self, server):
        """A thread runs once."""
        next_one = Worker.__new__(Worker)
        next_one.__dict__.update({name: self.__dict__[name] for name in ("rng", "keys", "known", "may_be", "acknowledged")})
        threading.Thread.__init__(next_one)
        next_one.server = server
        next_one.start()
        return next_one

    def look(self, server):
        """What there is, as the server tells it."""
        there = {}
        for key in self.keys:
            status, _, body = server.request("GET", f"/crash/{key}?annotation")
            there[key] = None if status == 404 else {}
            for entry in ElementTree.fromstring(body).iter(NS + "AnnotationEntry") if status == 200 else ():
                name = entry.findtext(NS + "AnnotationName")
                there[key][name] = server.request("GET", f"/crash/{key}?annotation&annotationName={name}")[2]
        return there


def summary(state):
    return {key: notes and sorted((name, len(text)) for name, text in notes.items()) for key, notes in state.items()}


workers, problems = [Worker(number) for number in range(6)], []
server = Server(data=data)
equal(server.request("PUT", "/crash")[0], 200, "a bucket is made")
for number in range(ROUNDS):
    workers = [worker.begin(server) for worker in workers]
    time.sleep(random.Random(number).uniform(0.05, 0.6))
    server.kill()
    for worker in workers:
        worker.join()
    result = subprocess.run([SLUICE, "check", "--data", data], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    if result.returncode != 0:
        problems.append(f"round {number}: {result.stdout[-600:]}")
    server = Server(data=data, args=("--durability", "relaxed") if number % 3 == 1 else ())
    for worker in workers:
        there = worker.look(server)
        if there not in (worker.known, worker.may_be):
            problems.append(f"round {number}: there is {summary(there)}, acknowledged was {summary(worker.known)}, or {worker.may_be if isinstance(worker.may_be, str) else summary(worker.may_be)}")
        worker.known = there
acknowledged = sum(worker.acknowledged for worker in workers)
equal(problems, [], f"{ROUNDS} times kill -9: the store is sound, and what was acknowledged is there")
print(f"# {acknowledged} changes were acknowledged", flush=True)
check(acknowledged > ROUNDS, "changes enough", acknowledged)

for key in re.findall(b"<Key>(.*?)<", server.request("GET", "/crash?list-type=2")[2]):
    equal(server.request("DELETE", "/crash/" + key.decode())[0], 204, f"{key.decode()} is deleted")


def left():
    """Of rows, when the server has had its time."""
    global server
    server.stop()
    database = sqlite3.connect(os.path.join(data, "sluice.db"))
    counts = [database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("annotation", "annotation_set", "unit", "garbage WHERE unit_length > 0", "dropped")]
    database.close()
    server = Server(data=data)
    time.sleep(0.3)
    return counts == [0] * 5


check(poll(left), "nothing is left of them in the end")
check(server.stop(), "the server stops")
result = subprocess.run([SLUICE, "check", "--data", data], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
equal(result.returncode, 0, "the check finds nothing at the end: " + result.stdout[-300:])
done()
