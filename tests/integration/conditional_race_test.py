#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Two clients race to create the same 1,000 keys with If-None-Match: *. Exactly one wins each, and what is stored is what
the winner sent. With TEST_CLUSTER=1 they ask three servers."""
import os
import sys
import threading

from sluicetest import ROOT, check, done, equal

sys.path.insert(0, os.path.join(ROOT, "tests", "cluster"))
from servers import server_class # noqa: E402 (found by the line before)

KEYS = 1000
Server = server_class()
server = Server(args=["--durability", "relaxed"])
equal(server.request("PUT", "/race")[0], 200, "the bucket is created")

results = [[None] * KEYS, [None] * KEYS]
barrier = threading.Barrier(2)


def client(number):
    connection = server.connect()
    for key in range(KEYS):
        barrier.wait()
        connection.request("PUT", f"/race/k{key:04}", body=f"client {number}", headers={"If-None-Match": "*"})
        response = connection.getresponse()
        response.read()
        results[number][key] = response.status
    connection.close()


threads = [threading.Thread(target=client, args=(number,)) for number in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()

pairs = list(zip(*results))
equal([p for p in pairs if sorted(p) != [200, 412]], [], "exactly one of two wins each of 1,000 creates")
check(len({p.index(200) for p in pairs if 200 in p}) == 2, "both clients win some, so there was a race")

connection = server.connect()
wrong = []
for key, pair in enumerate(pairs):
    connection.request("GET", f"/race/k{key:04}")
    if connection.getresponse().read() != f"client {pair.index(200)}".encode():
        wrong.append(key)
equal(wrong, [], "each object holds what its winner sent")
check(server.stop(), "the server ends with status 0")
done()
