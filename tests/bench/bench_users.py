# SPDX-License-Identifier: MIT
"""The paths as users meet them: by clients that sleep while they wait and copy what they read (load.c --blocking, as curl does; wrk; boto3),
each server with what was uploaded to it, requests signed where the server has keys."""
import statistics
import time

import bench_clients
from bench_cases import Case, bulk, size_name, small
from bench_servers import Sluice
from bench_system import GIB, KIB, MIB

BLOCKING = {"blocking": 1, "spin": 0}
# Columns that would only repeat another one: GETs do not depend on durability, nor do relaxed PUTs on the copy mode.
SAME_GETS, SAME_PUTS = ("relaxed", "signed-relaxed"), ("standard",)


def figures_of(run, server, size):
    return bulk(run, server) if size >= MIB else small(run, server)


def get_own(size, connections, amount, options):
    count = 1000 if size < MIB else 10 if size < 64 * MIB else 1

    def run(server):
        path = f"/bench/own-{size}-%d"
        server.need(path, size, count)
        return figures_of(server.load("get", path, size, connections, amount, keys=count, **options), server, size)
    return run


def put_own(size, connections, amount):
    """New names for the smallest. Signed in fields of the head, with the digest of the body, as SDKs do without TLS."""
    def run(server):
        server.calls = getattr(server, "calls", 0) + 1
        path = f"/bench/own-put-{size}-{server.calls if size <= 64 * KIB else 0}-%d"
        keys = 4 if size >= MIB else 10000
        try:
            return figures_of(server.load("put", path, size, connections, amount, keys=keys, by_header=True, **BLOCKING), server, size)
        finally:
            if size >= MIB:
                server.remove(path, size, keys)
    return run


def mixed(size, keys, seconds):
    """45 % GET, 30 % HEAD, 15 % PUT, 10 % DELETE."""
    def run(server):
        server.need("/bench/mix-%d", size, keys)
        figures = server.load("mix", "/bench/mix-%d", size, 8, seconds, keys=keys, **BLOCKING)
        found = {"op/s": figures["ops"] / figures["seconds"]}
        if server.pid:
            found["CPU us/op"] = figures["cpu"] / figures["ops"] * 1e6
        return {**found, **{f"{kind} p50 ms": figures.get(f"{kind}_p50_us", 0) / 1e3 for kind in ("GET", "HEAD", "PUT", "DELETE")}}
    return run


def fresh(size, count):
    """What is put lands in memory that nobody has touched since the bench began, and each body is read once: so this comes before all else,
    and what was put stays until everybody has had its turn."""
    def run(server):
        path, puts = f"/bench/fresh-{size}-%d", None
        puts = bulk(server.load("put", path, size, 1, f"{count}x", keys=count, **BLOCKING), server)
        gets = bulk(server.load("get", path, size, 1, f"{count}x", keys=count, **BLOCKING), server)
        return {**{f"PUT {name}": value for name, value in puts.items()}, **{f"GET {name}": value for name, value in gets.items()}}
    return run


def fresh_removed(server, size, count):
    server.remove(f"/bench/fresh-{size}-%d", size, count)


def listing(keys, seconds):
    """Pages of 1,000 of so many keys, while names are still being written: no page is the one before."""
    def run(server):
        server.need("/bench/list-%d", 100, keys)
        runs = []
        for _ in range(3):
            server.load("put", "/bench/list-%d", 100, 8, "200x", keys=200, **BLOCKING)
            runs.append(server.load("get", "/bench", 0, 1, seconds / 3, keys=10, query="list-type=2&prefix=list-&start-after=list-2%d", **BLOCKING))
        figures = {"p50 ms": statistics.median(one["p50_us"] for one in runs) / 1e3}
        if server.pid:
            figures["CPU ms"] = sum(one["cpu"] for one in runs) / sum(one["ops"] for one in runs) * 1e3
        return figures
    return run


# ---- Signatures -------------------------------------------------------------------------------------------------------------

def cost(server, kind, path, seconds, **options):
    """CPU us of each operation over 32 connections."""
    run = server.load(kind, path, 4 * KIB, 32, seconds, **options)
    return run["cpu"] / run["ops"] * 1e6


def signatures(seconds, turns):
    """CPU time that a signature takes: of a server with keys, over that of one without beside it, in turns."""
    def run(server):
        plain = type("Plain", (Sluice,), {"program": server.program})(server.suite, f"unsigned-{time.monotonic_ns()}", *server.flags)
        try:
            for one in (server, plain):
                one.need("/bench/sign-%d", 4 * KIB, 100)
            ways = {"presigned GET": ("get", "/bench/sign-%d", {}), "GET signed in its head": ("get", "/bench/sign-%d", {"by_header": True}),
                    "PUT signed in its head": ("put", "/bench/sign-put-%d", {"by_header": "unsigned"}),
                    "PUT signed in its head, with digest": ("put", "/bench/sign-put-%d", {"by_header": True})}
            return {f"{name}: CPU us more": statistics.median(
                cost(server, kind, path, seconds, keys=100, **options) - cost(plain, kind, path, seconds, keys=100) for _ in range(turns))
                for name, (kind, path, options) in ways.items()}
        finally:
            plain.stop()
    return run


# ---- wrk and boto3 ----------------------------------------------------------------------------------------------------------

def wrk_get(size, connections, seconds):
    count = 1000 if size < MIB else 10

    def run(server):
        server.need(f"/bench/own-{size}-%d", size, count)
        return figures_of(bench_clients.wrk_get(server, f"/bench/own-{size}-%d", count, connections, seconds), server, size)
    return run


def boto3_get(size, amount):
    def run(server):
        server.need(f"/bench/own-{size}-%d", size, 1)
        return figures_of(bench_clients.boto3(server, "get", f"own-{size}-0", size, amount), server, size)
    return run


def boto3_put(size, amount):
    def run(server):
        return figures_of(bench_clients.boto3(server, "put", "boto3-%d", size, amount, 1000 if size < MIB else 2), server, size)
    return run


# ---- The selection ----------------------------------------------------------------------------------------------------------

def get_cases(scale):
    amounts = {64 * MIB: "24x", GIB: "4x"}
    sizes = ((4 * KIB, 32), (17 * MIB, 1)) if scale.little else \
        ((4 * KIB, 1), (4 * KIB, 32), (64 * KIB, 1), (64 * KIB, 32), (MIB, 1), (MIB, 4), (64 * MIB, 1), (64 * MIB, 4), (GIB, 1), (GIB, 4))
    for size, connections in sizes:
        amount = amounts.get(size, scale.seconds)
        for words, options in (("blocking client", BLOCKING), ("own upload", {"spin": 1})):
            yield Case("users", f"GET {size_name(size)}, {words}", connections, get_own(size, connections, amount, options), ("own",),
                       spared=(*SAME_GETS, *(("nginx", "lighttpd") if size == GIB else ())), disk_bytes=size)


def put_cases(scale):
    for size, connections in ((4 * KIB, 1), (17 * MIB, 1)) if scale.little else ((4 * KIB, 1), (4 * KIB, 32), (64 * KIB, 1), (64 * MIB, 1)):
        yield Case("users", f"PUT {size_name(size)}, blocking client", connections, put_own(size, connections, "16x" if size >= MIB else scale.seconds),
                   ("own", "put-own"), True, spared=SAME_PUTS, disk_bytes=4 * size)


def cases(scale):
    little = scale.little
    size, count = (17 * MIB, 2) if little else (64 * MIB, 16)
    case = Case("users", f"{size_name(size)}, fresh memory, blocking client", 1, fresh(size, count), ("own", "put-own"), True, spared=SAME_PUTS,
                disk_bytes=8 * count * size)
    case.untouched, case.remove = True, lambda server: fresh_removed(server, size, count)
    yield case
    yield from get_cases(scale)
    yield from put_cases(scale)
    mixed_size, keys = (64 * KIB, 20) if little else (MIB, 100)
    yield Case("users", f"mix of {size_name(mixed_size)}, blocking client", 8, mixed(mixed_size, keys, scale.seconds * 2), ("own", "put-own"), True,
               spared=SAME_PUTS, disk_bytes=4 * GIB)
    keys = 2000 if little else 60000
    yield Case("users", f"LIST 1000 of {keys:,}, blocking client", 1, listing(keys, scale.seconds), ("own-s3",))
    yield Case("users", "signatures, 4 KiB", 32, signatures(scale.seconds / 4, 2 if little else 6), ("keys",))
    for size, connections in ((4 * KIB, 32), (64 * KIB, 32), (MIB, 4))[:1 if little else 3]:
        yield Case("users", f"GET {size_name(size)}, wrk", connections, wrk_get(size, connections, scale.seconds), ("own",), spared=SAME_GETS, program="wrk")
    for size, amount in ((4 * KIB, scale.seconds), (17 * MIB if little else 64 * MIB, "2x" if little else "8x")):
        yield Case("users", f"GET {size_name(size)}, boto3", 1, boto3_get(size, amount), ("own",), spared=SAME_GETS, program="boto3")
        yield Case("users", f"PUT {size_name(size)}, boto3", 1, boto3_put(size, amount), ("own-s3",), True, spared=SAME_PUTS, program="boto3")
