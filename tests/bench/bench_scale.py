# SPDX-License-Identifier: MIT
"""How the cost of an operation grows with the objects in a store: one store, filled tenfold step by step (fill.c)."""
import hashlib
import os
import random
import shutil
import subprocess
import sys
import time

from bench_cases import small
from bench_servers import Failure, Sluice
from bench_system import MIB, ROOT, drop_cached

FOLDER_KEYS, KEYS = 1000, 20000
CACHED_FROM = 1000000 # smaller stores are filled faster than they are copied


def fill_version():
    """Changes with the schema and with what is filled in."""
    digest = hashlib.sha256()
    for name in ("tests/bench/fill.c", "metadata/sqlite/schema.c", "metadata/rows/codec.c", "storage/blob/blob_layout.c"):
        with open(os.path.join(ROOT, name), "rb") as source:
            digest.update(source.read())
    return digest.hexdigest()[:12]


def copy(source, target):
    """Keeps the holes of the files: they are all holes."""
    subprocess.run(["cp", "-a", "--reflink=auto", "--sparse=always", source, target], check=True)


class Filler:
    def __init__(self, suite, folder, cache):
        self.suite, self.folder, self.cache, self.there = suite, folder, cache, 0

    def fill(self, objects):
        if objects >= CACHED_FROM and self.cache and self.take(objects):
            return
        print(f"  filling a store with {objects:,} objects", file=sys.stderr)
        command = [self.suite.tool("fill"), self.folder, "bench", str(self.there), str(objects - self.there)]
        program = self.suite.cores.process(command, self.suite.cores.server + [self.suite.cores.client])
        self.suite.clients.append(program)
        status = program.wait()
        self.suite.clients.remove(program)
        if status != 0:
            raise Failure("fill failed")
        self.there = objects
        if objects >= CACHED_FROM and self.cache:
            self.keep(objects)

    def cached(self, objects):
        return os.path.join(self.cache, f"{objects}-{fill_version()}")

    def take(self, objects):
        if not os.path.isdir(self.cached(objects)):
            return False
        shutil.rmtree(self.folder)
        copy(self.cached(objects), self.folder)
        self.there = objects
        return True

    def keep(self, objects):
        unfinished = self.cached(objects) + ".new"
        shutil.rmtree(unfinished, ignore_errors=True)
        os.makedirs(self.cache, exist_ok=True)
        copy(self.folder, unfinished)
        os.rename(unfinished, self.cached(objects))


def random_keys(suite, objects):
    """Names all over the store, so that reading them costs what it costs, not what a warm thousand costs."""
    name = os.path.join(suite.folder, f"keys-{objects}")
    if not os.path.exists(name):
        generator = random.Random(objects)
        with open(name, "w") as out:
            for _ in range(KEYS):
                number = generator.randrange(objects)
                print(f"/bench/{number // FOLDER_KEYS:06d}/{number % FOLDER_KEYS:04d}", file=out)
    return name


def measure(suite, server, objects, seconds):
    # From the middle, where as many rows come before as after. A folder holds a thousand keys, and there are as many folders
    # as thousands of objects.
    middle, figures = (objects // FOLDER_KEYS - 1) // 2, {}

    def listing(name, query):
        run = small(server.load("get", "/bench", 0, 1, seconds, query=f"list-type=2{query}"), server)
        figures[f"{name} ms"], figures[f"{name} CPU us"] = run["p50 us"] / 1e3, run["CPU us/op"]

    listing("LIST 1000", f"&start-after={middle:06d}/")
    listing("LIST 100", f"&max-keys=100&start-after={middle:06d}/")
    listing("LIST folder", f"&delimiter=/&prefix={middle:06d}/")
    listing("LIST folders", "&delimiter=/")
    keys = {"paths": random_keys(suite, objects), "keys": KEYS}
    server.load("get", "/", 0, 32, f"{KEYS}x", **keys) # the bytes are to be in memory: it is the look-up that is measured
    get = small(server.load("get", "/", 0, 1, seconds, **keys), server)
    put = small(server.load("put", f"/bench/{middle:06d}/x%d", 4096, 1, seconds, keys=100000), server)
    return {**figures, "GET us": get["p50 us"], "GET CPU us": get["CPU us/op"],
            "PUT us": put["p50 us"], "PUT CPU us": put["CPU us/op"],
            "database MiB": os.path.getsize(os.path.join(server.folder, "sluice.db")) / MIB}


def start(suite, folder):
    """Starts a server whose database the page cache does not hold, another whose database it does; returns that one."""
    figures = {}
    Sluice(suite, "scale", data=folder).stop() # the first start after it was filled looks at every file, as after a loss of blobs/SEQUENCE
    drop_cached(folder, lambda name, size: name.startswith("sluice.db"))
    for name in ("cold start ms", "start ms"):
        server = Sluice(suite, "scale", data=folder)
        figures[name] = server.start_ms
        if name != "start ms":
            server.stop()
            with open(os.path.join(folder, "sluice.db"), "rb") as database:
                while database.read(MIB):
                    pass
    return server, figures


def steps(suite, top, rounds, seconds, cache):
    """Yields (objects, round, figures)."""
    folder = os.path.join(suite.folder, "scale")
    first = Sluice(suite, "scale", data=folder)
    try:
        first.request("PUT", "/bench")
    finally:
        first.stop()
    for number in range(rounds):
        server, figures = start(suite, folder)
        server.stop()
        yield 0, number, figures
    filler, objects = Filler(suite, folder, cache), 1000
    while objects <= top:
        filler.fill(objects)
        for number in range(rounds):
            server, figures = start(suite, folder)
            try:
                yield objects, number, {**figures, **measure(suite, server, objects, seconds)}
            finally:
                server.stop()
        time.sleep(0.1)
        objects *= 10
