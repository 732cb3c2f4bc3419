#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kill -9 while a cache bucket evicts and others write, overwrite, copy, delete and read in it. After each kill the check recounts what is
counted, every object that is listed is whole, and the figures are what the listing adds up to; the cache is within its size soon."""
import http.client
import os
import random
import re
import subprocess
import threading
import time

from sluicetest import SLUICE, Server, check, done, equal, poll, scratch

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "5"))
WRITERS, KEYS = 4, 4000
MAX_BYTES = 3_000_000
rng = random.Random(int(os.environ.get("CRASH_SEED", "1")))
data = scratch("cache-data")


def body_of(seed):
    """Says itself what it is, so that half of one and half of another cannot pass."""
    size = 100 + seed * 7919 % 30_000 if seed % 50 else 150_000
    head = b"%012d" % seed
    return (head * (size // len(head) + 1))[:size]


def is_whole(body):
    return re.match(rb"\d{12}", body) is not None and body == body_of(int(body[:12]))


def sluice_check():
    result = subprocess.run([SLUICE, "check", "--data", data], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    return "" if result.returncode == 0 else result.stdout[-1000:]


def work(server, seed, counts, stopping):
    """Until the server is gone; what was refused or wrong is counted."""
    choose = random.Random(seed)
    try:
        connection = server.connect()
        while not stopping.is_set():
            key = f"/cache/{choose.randrange(KEYS):05}"
            if choose.random() < 0.05:  # what is copied from
                key = f"/cache/{choose.randrange(KEYS, KEYS + 50):05}"
            kind = choose.random()
            if kind < 0.6:
                asked = ("PUT", key, body_of(choose.randrange(1_000_000)), {})
            elif kind < 0.7 and int(key[-5:]) < KEYS:
                asked = ("PUT", key, None, {"x-amz-copy-source": f"/cache/{choose.randrange(KEYS, KEYS + 50):05}"})
            elif kind < 0.75:
                asked = ("DELETE", key, None, {})
            else:
                asked = ("GET", key, None, {})
            connection.request(asked[0], asked[1], body=asked[2], headers=asked[3])
            response = connection.getresponse()
            body = response.read()
            counts["asked"] += 1
            if response.status == 200 and asked[0] == "GET" and not is_whole(body):
                counts["torn"] += 1
            if response.status not in (200, 204, 404) and (response.status, kind < 0.7) != (409, True):  # a copy may be outrun
                counts["refused"].append(response.status)
    except (OSError, ValueError, http.client.HTTPException):
        pass


def figures(server):
    text = server.request("GET", "/-/metrics")[2].decode()
    return {name: int(value) for name, value in re.findall(r'^sluice_cache_(\w+?){bucket="cache"} (\d+)$', text, re.M)}


def listed(server):
    found, after = {}, ""
    while True:
        page = server.request("GET", f"/cache?list-type=2&start-after={after}")[2].decode()
        keys = re.findall(r"<Key>(.*?)</Key>", page)
        found.update(zip(keys, map(int, re.findall(r"<Size>(\d+)</Size>", page))))
        if "<IsTruncated>true" not in page:
            return found
        after = keys[-1]


def is_counted_right(server):
    before, there, after = figures(server), listed(server), figures(server)
    return before == after and (after["entries"], after["bytes"]) == (len(there), sum(there.values()))


def main():
    durability = ["full", "relaxed"]
    evicted = asked = 0
    server = Server(data=data)
    equal(server.request("PUT", "/cache")[0], 200, "a bucket is made")
    rules = f"<CacheConfiguration><MaxSize>{MAX_BYTES}</MaxSize><UseStep>1</UseStep></CacheConfiguration>".encode()
    equal(server.request("PUT", "/cache?sluice-cache", body=rules)[0], 200, "a cache")
    for number in range(ROUNDS):
        name = f"round {number}"
        counts, stopping = {"asked": 0, "torn": 0, "refused": []}, threading.Event()
        threads = [threading.Thread(target=work, args=(server, number * WRITERS + writer, counts, stopping)) for writer in range(WRITERS)]
        for thread in threads:
            thread.start()
        check(poll(lambda: figures(server)["evictions_total"] > 20, 60), f"{name}: it evicts")
        time.sleep(rng.uniform(0, 1.5))
        evicted += figures(server)["evictions_total"]
        server.kill()
        stopping.set()
        for thread in threads:
            thread.join()
        asked += counts["asked"]
        equal((counts["torn"], counts["refused"]), (0, []), f"{name}: nothing was torn, nothing refused")
        equal(sluice_check(), "", f"{name}: the check recounts the same")
        server = Server(data=data, args=["--durability", durability[number % 2]])
        check(poll(lambda: is_counted_right(server)), f"{name}: figures are what is listed", f"{figures(server)}")
        there = listed(server)
        torn = [key for key in rng.sample(sorted(there), min(200, len(there))) if not is_whole(server.request("GET", f"/cache/{key}")[2] or b"?")]
        torn = [key for key in torn if server.request("GET", f"/cache/{key}")[0] == 200]  # else it was evicted meanwhile
        equal(torn, [], f"{name}: what is listed is whole")
    check(poll(lambda: figures(server)["bytes"] <= MAX_BYTES, 30), "in the end the cache is within its size", str(figures(server)))
    print(f"# {asked} requests, {evicted} evicted before the kills")
    server.stop()
    equal(sluice_check(), "", "stopped, the check recounts the same")
    done()


main()
