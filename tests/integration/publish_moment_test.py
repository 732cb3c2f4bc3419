#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds are published again and again while others read, list and write: nobody ever sees two builds at once, and nobody a build that was
there before; then the server is killed in the midst of it, at many moments: each time there is the old build or the new one, whole."""
import http.client
import os
import random
import re
import sys
import threading
import time

from sluicetest import SLUICE, Server, check, content_md5, done, equal, poll, run

KEYS, BUILDS = 200, 10
DURABLE = "--relaxed" not in sys.argv


def document(build, prefix="site/"):
    objects = "".join(f"<Object><Key>site/{i:04d}</Key><Staged>stage/{build}/{i:04d}</Staged></Object>" for i in keys_of(build))
    return f"<Publish><Prefix>{prefix}</Prefix><RemoveStaged>true</RemoveStaged>{objects}</Publish>".encode()


def keys_of(build):
    """Most keys are in every build, some in every second."""
    return [i for i in range(KEYS) if i % 3 or (i + build) % 2]


class Client:
    def __init__(self, server):
        self.server, self.connection = server, server.connect()

    def __call__(self, method, path, body=None, headers=None):
        self.connection.request(method, path, body, headers or {})
        answer = self.connection.getresponse()
        return answer.status, answer.read(), answer.getheader("ETag")

    def stage(self, build):
        for i in keys_of(build):
            status = self("PUT", f"/web/stage/{build}/{i:04d}", b"b%06d" % build + b"." * build)[0]
            assert status == 200, status

    def publish(self, build):
        body = document(build)
        return self("POST", "/web?sluice-publish", body, content_md5(body))

    def build(self, i):
        status, body, _ = self("GET", f"/web/site/{i:04d}")
        return int(body[1:7]) if status == 200 else None if status == 404 else -1

    def page(self, after=""):
        return [(int(key), int(size) - 7) for key, size in
                re.findall(rb"<Key>site/(\d+)</Key>.*?<Size>(\d+)</Size>", self("GET", f"/web?list-type=2&prefix=site/&start-after=site/{after}")[1])]

    def is_whole(self, page):
        """The build that all of the page is of; None: it is of several, or not all of one."""
        builds = {build for _, build in page}
        if len(builds) != 1:
            return None
        build = builds.pop()
        return build if [key for key, _ in page] == keys_of(build) else None


server = Server()
client = Client(server)
equal(client("PUT", "/web")[0], 200, "the bucket is made")
client.stage(1)
equal(client.publish(1)[0], 200, "the first build is published")
stop = threading.Event()
faults, looks, written = [], [0, 0, 0], [0]


def read(seed):
    mine, last = Client(server), 0
    chosen = random.Random(seed)
    while not stop.is_set():
        i = chosen.randrange(KEYS)
        build = mine.build(i)
        looks[0] += 1
        if build is None:  # a key of every second build: the one that is there has not got it
            if i % 3:
                faults.append(f"key {i} was missing")
        elif build < last:
            faults.append(f"key {i} was of build {build} after {last}")
        else:
            last = build


def listing(seed):
    mine, last = Client(server), 0
    while not stop.is_set():
        build = mine.is_whole(mine.page())
        looks[1] += 1
        if build is None or build < last:
            faults.append(f"a listing was of several builds, or of {build} after {last}")
        else:
            last = build
        status, body, _ = mine("GET", "/web?list-type=2&delimiter=/")
        if b"<Prefix>site/</Prefix>" not in body:
            faults.append("the build was missing among common prefixes")


def write(seed):
    """Others' keys, with what one wrote read back; and keys below the prefix, which the next build takes away."""
    mine, count = Client(server), 0
    while not stop.is_set():
        count += 1
        body = b"%d" % count
        for key in (f"other/{seed}", f"site/zz-{seed}"):
            if mine("PUT", f"/web/{key}", body)[0] != 200:
                faults.append(f"{key} was not written")
        got = mine("GET", f"/web/other/{seed}")[1]
        if got != body:
            faults.append(f"other/{seed} was {got!r} after {body!r}")
        written[0] += 2
        if mine("GET", f"/web/site/zz-{seed}")[1] not in (body,) and not mine("HEAD", f"/web/site/zz-{seed}")[0] == 404:
            faults.append("a key below the prefix was neither there nor gone")
        time.sleep(0.002)


threads = [threading.Thread(target=what, args=(seed,)) for seed, what in enumerate((read, read, listing, write))]
for thread in threads:
    thread.start()
for build in range(2, BUILDS):
    client.stage(build)
    status, body, _ = client.publish(build)
    if status != 200:
        faults.append(f"build {build}: {status} {body}")
    poll(lambda: min(looks[0], looks[1], written[0]) > build) # however busy the machine is, all are at it
    if client.build(1) != build:
        faults.append(f"build {build} is not there after the answer")
stop.set()
for thread in threads:
    thread.join()
equal(faults[:5], [], f"{looks[0]} GETs and {looks[1]} listings saw one build each, {written[0]} writes of others went on")
check(min(looks[0], looks[1], written[0]) >= BUILDS - 2, "all of them were at it", f"{looks} {written}")

# ---- Two that publish at a time

answers = []


def rival(build):
    mine = Client(server)
    mine.stage(build)
    answers.append(mine.publish(build)[0])


rivals = [threading.Thread(target=rival, args=(build,)) for build in (BUILDS, BUILDS + 1)]
for thread in rivals:
    thread.start()
for thread in rivals:
    thread.join()
equal(answers, [200, 200], "two that publish the same keys at a time both do")
check(client.is_whole(client.page()) in (BUILDS, BUILDS + 1), "one after the other")
server.stop()

# ---- Kills

current, moments, seen = client.is_whole, [], {"old": 0, "new": 0, "answered": 0}
server = Server(data=server.data, args=[] if DURABLE else ["--durability", "relaxed"])
client = Client(server)
before = client.is_whole(client.page())
chosen = random.Random(7)
for build in range(BUILDS + 2, BUILDS + 14):
    client.stage(build)
    done_at = []

    def publishing():
        try:
            if Client(server).publish(build)[0] == 200:
                done_at.append(time.monotonic())
        except (OSError, http.client.HTTPException):
            pass

    thread = threading.Thread(target=publishing)
    thread.start()
    time.sleep(chosen.uniform(0, 0.04))
    server.kill()
    thread.join()
    answered = bool(done_at)
    server = Server(data=server.data, args=[] if DURABLE else ["--durability", "relaxed"])
    client = Client(server)
    now = client.is_whole(client.page())
    if now not in (before, build) or (answered and now != build):
        moments.append(f"after build {build} on {before}: {now}, answered: {answered}")
    if now == before:  # what was staged is there still, and publishing it again goes well
        if client.publish(build)[0] != 200 or client.is_whole(client.page()) != build:
            moments.append(f"build {build} could not be published after the kill")
    seen["answered" if answered else "new" if now == build else "old"] += 1
    before = build
equal(moments, [], f"after each kill there is the old build ({seen['old']}) or the new one ({seen['new']}, and {seen['answered']} that were answered)")
server.stop()
status, output = run([SLUICE, "check", "--data", server.data])
check(status == 0, "the store is sound", output)
done()
