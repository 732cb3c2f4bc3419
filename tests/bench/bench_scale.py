# SPDX-License-Identifier: MIT
"""How the cost of an operation grows with the objects in a store: one store, filled tenfold step by step."""
import os
import subprocess

from bench_cases import small
from bench_servers import Sluice
from bench_system import MIB


def measure(server, seconds):
    figures = {"start ms": server.start_ms}
    # From the middle, where the rows before and behind are as many. A folder holds a thousand keys, and there are as many folders
    # as thousands of objects.
    plain = small(server.load("get", "/bench", 0, 1, seconds, query=f"list-type=2&start-after={server.middle:06d}/"), server)
    folder = small(server.load("get", "/bench", 0, 1, seconds, query=f"list-type=2&delimiter=/&prefix={server.middle:06d}/"), server)
    folders = small(server.load("get", "/bench", 0, 1, seconds, query="list-type=2&delimiter=/"), server)
    get = small(server.load("get", f"/bench/{server.middle:06d}/%04d", 0, 1, seconds, keys=1000), server)
    put = small(server.load("put", f"/bench/{server.middle:06d}/x%d", 4096, 1, seconds, keys=100000), server)
    figures.update({"LIST 1000 ms": plain["p50 us"] / 1e3, "LIST folder ms": folder["p50 us"] / 1e3,
                    "LIST folders ms": folders["p50 us"] / 1e3, "LIST CPU us": plain["CPU us/op"],
                    "GET us": get["p50 us"], "GET CPU us": get["CPU us/op"], "PUT us": put["p50 us"], "PUT CPU us": put["CPU us/op"],
                    "database MiB": os.path.getsize(os.path.join(server.folder, "sluice.db")) / MIB})
    return figures


def steps(suite, top, rounds, seconds):
    """Yields (objects, figures of one round)."""
    folder, there = os.path.join(suite.folder, "scale"), 0
    first = Sluice(suite, "scale", data=folder)
    try:
        empty_start_ms = first.start_ms
        first.request("PUT", "/bench")
        first.request("PUT", "/bench/source", body=b"s" * 4096)
    finally:
        first.stop()
    yield 0, {"start ms": empty_start_ms}
    objects = 1000
    while objects <= top:
        subprocess.run([suite.tool("fill"), os.path.join(folder, "sluice.db"), "bench", "source", str(there), str(objects - there)], check=True)
        there = objects
        for _ in range(rounds):
            server = Sluice(suite, "scale", data=folder)
            try:
                server.middle = (objects // 1000 - 1) // 2
                yield objects, measure(server, seconds)
            finally:
                server.stop()
        objects *= 10
