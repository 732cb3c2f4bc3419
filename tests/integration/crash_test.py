#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kill -9 in the middle of 16 parallel uploads, again and again on one store. After each restart: every acknowledged object is
intact, no partial object is listed, the space of the others is back, and start-up took under a second."""
import hashlib
import http.client
import os
import random
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree

from sluicetest import Server, blob_files, check, done, equal, payload_bytes, run, scratch, SLUICE

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "100"))
CLIENTS = 16
rng = random.Random(int(os.environ.get("CRASH_SEED", "1")))
data = scratch("crash-data")
acknowledged = {}   # key -> (size, md5) of the last acknowledged body
in_flight = {}      # key -> set of (size, md5) that were sent and may or may not have been stored
lock = threading.Lock()
block = random.Random(5).randbytes(1 << 20)


def make_body(seed):
    size = random.Random(seed).choice([0, 1, 4096, 70_000, 300_000, 1 << 20, 3 << 20])
    prefix = seed.to_bytes(8, "little")
    return (prefix + block * (size // len(block) + 1))[:size]


def client(server, number, seeds):
    connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
    for seed in seeds:
        key = f"c{number:02}/{seed % 7}"
        body = make_body(seed)
        entry = (len(body), hashlib.md5(body).hexdigest())
        with lock:
            in_flight.setdefault(key, set()).add(entry)
        try:
            connection.request("PUT", f"/crash/{key}", body=body)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            return
        if response.status == 200:
            with lock:
                acknowledged[key] = entry
                in_flight[key] = {entry}


def listed(server):
    """key -> size, of everything the listing shows."""
    found, token = {}, ""
    while True:
        status, _, body = server.request("GET", f"/crash?list-type=2&max-keys=1000{token}")
        if status != 200:
            return None
        root = ElementTree.fromstring(body)
        space = root.tag.split("}")[0] + "}"
        for item in root.iter(space + "Contents"):
            found[item.find(space + "Key").text] = int(item.find(space + "Size").text)
        if root.find(space + "IsTruncated").text != "true":
            return found
        token = "&continuation-token=" + root.find(space + "NextContinuationToken").text


def data_bytes(path):
    """Bytes outside of holes. (The blocks of a file with many holes hold its map as well.)"""
    total, at = 0, 0
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        while at < size:
            try:
                begin = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:  # ENXIO: nothing but a hole follows
                break
            at = os.lseek(file.fileno(), begin, os.SEEK_HOLE)
            total += at - begin
    return total


def blob_bytes():
    """Bytes in files of their own, and bytes that small objects occupy in segments, which no process has open now. None: a file
    was removed meanwhile."""
    files, segments = blob_files(data)
    try:
        return (sum(payload_bytes(path) for path in files),
                sum(data_bytes(path) - 4096 for path in segments))
    except FileNotFoundError:
        return None


def bytes_of_rows(sizes):
    return (sum(size for size in sizes if size > 65536),
            sum((size + 4095) // 4096 * 4096 for size in sizes if size <= 65536))


def verify(server, problems, round_number):
    found = listed(server)
    if found is None:
        problems.append(f"round {round_number}: the listing fails")
        return
    for key in acknowledged:
        if key not in found:
            problems.append(f"round {round_number}: acknowledged {key} is gone")
    connection = server.connect()
    for key, size in found.items():
        connection.request("GET", f"/crash/{key}")
        response = connection.getresponse()
        body = response.read()
        entry = (len(body), hashlib.md5(body).hexdigest())
        if size != len(body) or entry not in in_flight.get(key, set()):
            problems.append(f"round {round_number}: {key} holds what nobody sent: {entry[0]} bytes, listed {size}")
        acknowledged[key] = entry # what a restart shows must stay
        in_flight[key] = {entry}
    connection.close()
    # Space: what lies on disk is what the rows refer to, once the reclaimer is through.
    deadline = time.monotonic() + 120
    want = bytes_of_rows(found.values())
    while blob_bytes() != want and time.monotonic() < deadline:
        time.sleep(0.05)
    if blob_bytes() != want:
        problems.append(f"round {round_number}: {blob_bytes()} bytes on disk in files and segments, for {want} listed")


problems, slowest = [], 0.0
server = Server(data=data)
equal(server.request("PUT", "/crash")[0], 200, "the bucket is created")
for round_number in range(ROUNDS):
    threads = [threading.Thread(target=client, args=(server, number, [rng.randrange(1 << 40) for _ in range(200)]))
               for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    time.sleep(rng.uniform(0.02, 0.35))
    server.kill()
    for thread in threads:
        thread.join()
    server = Server(data=data)
    slowest = max(slowest, server.start_seconds)
    verify(server, problems, round_number)
    if len(problems) > 5:
        break
equal(problems, [], f"{ROUNDS} times kill -9: acknowledged objects intact, nothing partial, space given back")
print(f"# the slowest start took {slowest:.2f} s", flush=True) # start_bounded_test counts what a start does
check(len(acknowledged) >= CLIENTS, "uploads were acknowledged between the crashes", f"{len(acknowledged)}")
check(server.stop(), "the last server ends with status 0")
status, output = run([SLUICE, "check", "--data", data])
check(status == 0, "sluice check finds nothing", output)
done()
