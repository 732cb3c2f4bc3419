#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Random sequences of operations against the binary and against a naive model in memory, compared at each step: alone, and many
at once, with restarts in between, by SIGTERM and by SIGKILL. Then many on the same keys, where each read must find one of the values
that were there meanwhile.

A fixed seed and a fresh one; MODEL_SEED=N takes that one alone, MODEL_SECONDS=S makes each part that long (4 by default). Everything
that one client does alone follows from the seed; what many do at once depends on the machine, too. With TEST_CLUSTER=1 each server is a cluster, and each request
goes to any one of it."""
import os
import random
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "cluster")]
from model_shared import Shared
from model_client import Lost, Mismatch
from model_walk import Walk
from servers import checked, server_class
from sluicetest import check, done, equal

Server = server_class()

SECONDS = float(os.environ.get("MODEL_SECONDS", "4"))
STEPS_MAX = 6000 # of one client alone, so that a fast machine does not take forever over one seed
CLIENTS = 6


class Running:
    """The server that runs now; those who ask while there is none wait for the next."""

    def __init__(self, *args):
        self.args = args
        self.server, self.up = Server(args=args), threading.Event()
        self.up.set()

    def find(self):
        if not self.up.wait(60):
            raise Lost("no server")
        return self.server

    def restart(self, kill):
        """Returns whether the old one ended as it should."""
        self.up.clear()
        good = True
        if kill:
            self.server.kill()
        else:
            good = self.server.stop()
        self.server = Server(data=self.server.data, args=self.args)
        self.up.set()
        return good

    def end(self, name):
        check(self.server.stop(), f"{name}: the server ends cleanly")
        status, said = checked(self.server)
        equal(status, 0, f"{name}: and leaves a clean store" + (f": {said[-500:]}" if status else ""))


def alone(seed):
    """One client; restarts between its requests. Without syncs, for which only a power failure has a use, it comes further."""
    running, name = Running("--durability", "relaxed"), f"seed {seed}"
    walk, restarts, good = Walk(running.find, "alone", seed), 0, True
    ends = time.monotonic() + SECONDS
    problem = ""
    try:
        while time.monotonic() < ends and walk.steps < STEPS_MAX:
            for _ in range(250):
                walk.step()
            walk.disconnect()
            good = running.restart(kill=restarts % 2 == 1) and good
            restarts += 1
            walk.settle(walk.models)
        walk.verify()
    except Mismatch as mismatch:
        problem = f"step {walk.steps}: {mismatch}"
        print(f"# {name}: {problem}", flush=True)
    check(not problem, f"{name}: server and model agree", problem.split(chr(10))[0])
    check(good, f"{name}: each SIGTERM ended a server cleanly")
    print(f"# {name}: {walk.steps} steps, {walk.requests} requests, {restarts} restarts", flush=True)
    running.end(name)


def many(seed):
    """Clients on buckets of their own; the server dies while they are at it."""
    running, rng, problems, stop = Running(), random.Random(seed), [], threading.Event()
    walks = [Walk(running.find, f"many{index}", rng.randrange(1 << 40)) for index in range(CLIENTS)]

    def client(walk):
        try:
            while not stop.is_set():
                walk.step()
            walk.verify()
        except Mismatch as mismatch:
            problems.append(str(mismatch))
        except Exception as error: # a thread's own end would go unnoticed
            problems.append(repr(error))

    threads = [threading.Thread(target=client, args=(walk,)) for walk in walks]
    for thread in threads:
        thread.start()
    good = True
    for kill in (True, False, True):
        time.sleep(SECONDS / 3)
        good = running.restart(kill) and good
    stop.set()
    for thread in threads:
        thread.join()
    for problem in problems:
        print(f"# {problem}", flush=True)
    check(not problems, f"{CLIENTS} clients at once, through SIGKILL and SIGTERM: server and models agree", "".join(problems).split("\n")[0])
    check(good, "SIGTERM under load ends the server cleanly")
    print(f"# many: {sum(w.steps for w in walks)} steps, {sum(w.requests for w in walks)} requests, {sum(w.lost for w in walks)} lost answers",
          flush=True)
    running.end("many")


def shared(seed):
    """Clients on the same keys."""
    running = Running()
    load = Shared(running.find, seed)
    load.run(SECONDS, CLIENTS)
    for problem in load.problems[:5]:
        print(f"# {problem}", flush=True)
    check(not load.problems, "many on the same keys: each read finds a value that was there meanwhile", "".join(load.problems[:1]))
    check(load.reads > 0 and load.writes > 0, f"and there was something to see ({load.reads} reads, {load.writes} writes)")
    equal(load.counter(), load.counted, "each If-Match overwrite counted, and none twice")
    equal(load.version_ids(), load.made, "a versioned bucket keeps each version that was acknowledged, and no other")
    running.end("shared")


def main():
    given = os.environ.get("MODEL_SEED")
    fresh = int(given) if given else int.from_bytes(os.urandom(4), "big")
    print(f"# MODEL_SEED={fresh}", flush=True)
    for seed in [fresh] if given else [1, fresh]:
        alone(seed)
    many(fresh)
    shared(fresh)
    done()


main()
