# SPDX-License-Identifier: MIT
"""The paths that are measured. A case measures one path on one server, once, and returns its figures by name; rounds and medians
are the caller's. Names of figures that end in "/s" are better when higher, all others when lower."""
import base64
import hashlib
import os
import re
import threading
import time

from bench_presign import client_body
from bench_servers import Failure
from bench_system import GIB, KIB, MIB, drop_cached, read_from_disk, resident_bytes, touch_memory


class Case:
    """needs: what a server must offer. also: offers that make a server fit though it lacks those. key: a target of the project
    hangs on it, so it is the last to be left out when time is short. disk_bytes: space it takes while it runs. spared: servers
    that it would take too long for. turns: how often a round measures it, each time all servers. program: a client that it needs.
    untouched: it is measured once, before the memory is touched; then remove(server) takes away what it has left."""
    untouched, remove = False, None

    def __init__(self, group, name, connections, run, needs=("get",), put=False, also=(), key=False, disk_bytes=0, spared=(), turns=1, program=None):
        self.group, self.name, self.connections, self.run, self.needs, self.put = group, name, connections, run, set(needs), put
        self.also, self.key, self.disk_bytes, self.spared, self.turns, self.program = set(also), key, disk_bytes, spared, turns, program

    def fits(self, server):
        return (self.needs <= server.offers or bool(self.also & server.offers)) and server.name.removeprefix("before-") not in self.spared

    def floor(self, server):
        """The column it is compared with."""
        return "nginx-tls" if self.group == "tls" else server.put_floor if self.put else "floor"

    def __str__(self):
        return f"{self.name} x{self.connections}"


def size_name(size):
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size // unit} {name}"
    return f"{size} B"


def bulk(run, server):
    """Figures of a transfer of large bodies."""
    figures = {"MiB/s": run["bytes"] / MIB / run["seconds"]}
    if server.pid and run["bytes"]:
        figures["CPU s/GiB"] = run["cpu"] / (run["bytes"] / GIB)
    return figures


def small(run, server):
    """Figures of many small operations."""
    figures = {"op/s": run["ops"] / run["seconds"]}
    if server.pid:
        figures["CPU us/op"] = run["cpu"] / run["ops"] * 1e6
    return {**figures, "p50 us": run["p50_us"], "p99 us": run["p99_us"], "p99.9 us": run["p999_us"]}


# ---- Transfers --------------------------------------------------------------------------------------------------------------

def get_large(size, connections, amount):
    def run(server):
        server.need_large(f"/bench/get-{size}", size)
        return bulk(server.load("get", f"/bench/get-{size}", size, connections, amount), server)
    return run


def put_large(size, connections, amount):
    """Everybody's bytes are gone again before it is the next one's turn: neither the disk nor the page cache is to fill."""
    def run(server):
        touch_memory(max(8 * GIB, 2 * size * connections)) # of which the page cache takes what it likes
        try:
            return bulk(server.load("put", f"/bench/put-{size}-%d", size, connections, amount, keys=connections), server)
        finally:
            server.remove(f"/bench/put-{size}-%d", size, connections)
            os.sync()
            time.sleep(0.2) # a store may take its files away a moment later
    return run


def get_small(size, connections, seconds):
    count = 1000 if size < MIB else 100

    def run(server):
        server.need(f"/bench/get-{size}-%d", size, count)
        return small(server.load("get", f"/bench/get-{size}-%d", size, connections, seconds, keys=count), server)
    return run


def put_small(size, connections, seconds):
    """New names for the smallest; for larger ones names are used again, so that the disk does not fill."""
    keys = 1000000 if size <= 4 * KIB else 2000 if size <= 64 * KIB else 200

    def run(server):
        server.calls = getattr(server, "calls", 0) + 1
        return small(server.load("put", f"/bench/put-{size}-{server.calls if keys == 1000000 else 0}-%d", size, connections, seconds, keys=keys), server)
    return run


def range_reads(size, length, connections, seconds):
    def run(server):
        server.need_large(f"/bench/get-{size}", size)
        return small(server.load("get", f"/bench/get-{size}", size, connections, seconds, range=length), server)
    return run


COLD = 16 # objects


def get_cold(size, connections):
    def run(server):
        if server.name == "floor": # it knows one file: as many bytes, each once
            server.need("/bench/cold", COLD * size)
            drop_cached(server.folder)
            return bulk(server.load("get", "/bench/cold", COLD * size, 1, "1x"), server)
        server.need(f"/bench/cold-{size}-%d", size, COLD)
        drop_cached(server.folder)
        before = read_from_disk(server.pid) if server.pid else None
        figures = server.load("get", f"/bench/cold-{size}-%d", size, connections, f"{COLD}x", keys=COLD)
        if before is not None and read_from_disk(server.pid) - before < COLD * size / 2:
            raise Failure(f"{server.name}: its files stayed in the page cache")
        return bulk(figures, server)
    return run


def warm_beside_cold(size):
    """Small warm GETs for as long as another client reads large cold files. The other one stands back on the clients' core: it is the
    server's delays that are looked for."""
    def run(server):
        server.need(f"/bench/cold-{size}-%d", size, COLD)
        server.need("/bench/get-4096-%d", 4096, 1000)
        drop_cached(server.folder)
        server.load("get", "/bench/get-4096-%d", 4096, 8, "2000x", keys=1000) # a store may keep small objects in large files
        warm = server.load_start("get", "/bench/get-4096-%d", 4096, 8, 60, keys=1000, shared=True)
        cold = server.load_start("get", f"/bench/cold-{size}-%d", size, 4, f"{COLD}x", keys=COLD, shared=True, idle=True)
        try:
            server.load_end(cold)
        finally:
            warm.terminate() # it finishes what is under way and reports
        figures = server.load_end(warm)
        return {"op/s": figures["ops"] / figures["seconds"], "p99 us": figures["p99_us"], "p99.9 us": figures["p999_us"], "max us": figures["max_us"]}
    return run


def mixed(seconds):
    """Three GETs of 4 KiB under way for each PUT."""
    def run(server):
        server.need("/bench/get-4096-%d", 4096, 1000)
        before = server.cpu()
        get = server.load_start("get", "/bench/get-4096-%d", 4096, 24, seconds, keys=1000, shared=True)
        put = server.load_start("put", "/bench/mixed-%d", 4096, 8, seconds, keys=100000, shared=True)
        gets, puts = server.load_end(get), server.load_end(put)
        figures = {"GET op/s": gets["ops"] / gets["seconds"], "PUT op/s": puts["ops"] / puts["seconds"],
                   "GET p99 us": gets["p99_us"], "PUT p99 us": puts["p99_us"]}
        if server.pid:
            figures["CPU us/op"] = (server.cpu() - before) / (gets["ops"] + puts["ops"]) * 1e6
        return figures
    return run


# ---- S3 ---------------------------------------------------------------------------------------------------------------------

def part_tag(size):
    """The ETag of a body of the client's, for servers that do not list parts: its MD5, where a server goes by that."""
    return f'"{hashlib.md5(client_body(size), usedforsecurity=False).hexdigest()}"'


def part_tags(server, path, upload, size, parts):
    try:
        listing = server.request("GET", path, f"uploadId={upload}").decode()
    except Failure:
        return [(number, part_tag(size)) for number in range(1, parts + 1)]
    tags = re.findall(r"<PartNumber>(\d+)</PartNumber>.*?<ETag>(.*?)</ETag>", listing, re.S)
    if len(tags) != parts:
        raise Failure(f"{server.name}: {len(tags)} of {parts} parts are listed")
    return tags


def multipart(size, part, connections):
    """Create, the parts, complete; the listing of the parts, which tells their ETags, is not counted."""
    def run(server):
        path, parts = f"/bench/multipart-{size}", size // part
        before, began = server.cpu(), time.monotonic()
        upload = re.search(rb"<UploadId>(.*?)</UploadId>", server.request("POST", path, "uploads=")).group(1).decode()
        server.load("put", path, part, connections, f"{parts}x", query=f"partNumber=%d&uploadId={upload}", first=1, keys=parts + 1)
        seconds = time.monotonic() - began
        body = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>" for number, tag in part_tags(server, path, upload, part, parts))
        began = time.monotonic()
        server.request("POST", path, f"uploadId={upload}", f"<CompleteMultipartUpload>{body}</CompleteMultipartUpload>".encode())
        complete = time.monotonic() - began
        figures = bulk({"bytes": size, "seconds": seconds + complete, "cpu": server.cpu() - before}, server)
        server.remove(path, size, 1)
        return {**figures, "complete ms": complete * 1e3}
    return run


def list_thousand(delimiter, seconds):
    def run(server):
        server.need("/bench/get-4096-%d", 4096, 1000)
        query = "list-type=2&prefix=get-4096-" + ("&delimiter=/" if delimiter else "")
        return small(server.load("get", "/bench", 0, 1, seconds, query=query), server)
    return run


def delete_thousand():
    def run(server):
        server.load("put", "/bench/delete-%d", 4096, 32, "1000x", keys=1000)
        keys = "".join(f"<Object><Key>delete-{number}</Key></Object>" for number in range(1000))
        body = f"<Delete><Quiet>true</Quiet>{keys}</Delete>".encode()
        digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        before, began = server.cpu(), time.monotonic()
        answer = server.request("POST", "/bench", "delete=", body, {"Content-MD5": digest}.items())
        figures = {"ms": (time.monotonic() - began) * 1e3}
        if b"<Error>" in answer:
            raise Failure(f"{server.name}: {answer[:300]}")
        if server.pid:
            figures["CPU ms"] = (server.cpu() - before) * 1e3
        return figures
    return run


# ---- The disk, memory and start ---------------------------------------------------------------------------------------------

def disk(seconds):
    def run(server):
        return {f"{name} /s": value for name, value in server.disk(seconds).items()}
    return run


def memory(connections, seconds):
    """Of an instance of its own: after its start, at the most while it works, and for each connection that is held open."""
    def run(server):
        server.need("/bench/get-4096-%d", 4096, 1000) # the files of a server that cannot store them itself
        one = server.fresh()
        try:
            figures = {"start ms": one.start_ms, "idle MiB": resident_bytes(one.pid) / MIB}
            one.need("/bench/get-4096-%d", 4096, 1000)
            held = resident_bytes(one.pid)
            hold = one.load_start("get", "/bench/get-4096-%d", 4096, connections, f"{connections}x", keys=1000, hold=1, spin=0)
            if not hold.stdout.readline(): # its report: all have had an answer
                raise Failure(f"{server.name}: {hold.communicate()[1]}")
            figures["KiB/idle connection"] = (resident_bytes(one.pid) - held) / KIB / connections
            hold.communicate()
            figures["busy MiB"] = busy_memory(one, seconds) / MIB
            return figures
        finally:
            one.stop()
    return run


def busy_memory(server, seconds):
    most, finished = 0, threading.Event()

    def watch():
        nonlocal most
        while not finished.wait(0.02):
            most = max(most, resident_bytes(server.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        clients = [server.load_start("get", "/bench/get-4096-%d", 4096, 32, seconds, keys=1000, shared=True)]
        if "put" in server.offers:
            clients.append(server.load_start("put", "/bench/busy-%d", 64 * MIB, 4, "8x", keys=4))
        for client in clients:
            server.load_end(client)
    finally:
        finished.set()
        watcher.join()
    return most


# ---- The selection ----------------------------------------------------------------------------------------------------------

class Scale:
    """How much is measured: all of it, or little, to see whether it works."""

    def __init__(self, quick, tiny, descriptors):
        self.little = little = quick or tiny
        self.seconds = 0.05 if tiny else 0.15 if quick else 1
        # Above 16 MiB the ETag is opaque; below, the MD5 would be what is measured.
        self.large = ((17 * MIB, 2),) if tiny else ((32 * MIB, 16),) if quick else ((64 * MIB, 64), (GIB, 4))
        self.wide = (1, 2) if tiny else (1, 4) if quick else (1, 4, 16)
        self.sizes = (0, 4 * KIB) if tiny else (4 * KIB,) if quick else (0, 4 * KIB, 64 * KIB, MIB)
        self.crowds = (1, 32) if little else (1, 32, 256)
        self.multipart = (16 * MIB if tiny else 64 * MIB) if little else GIB
        self.medium = 2 * MIB if tiny else 16 * MIB if quick else 64 * MIB
        # Each connection takes a descriptor in the client and in the server, which has some others too.
        most = max(100, min(10000, descriptors - 200))
        self.held = 100 if tiny else 500 if quick else most
        self.connections = (1, 100) if tiny else (1, 100, 1000) if quick else (1, 10, 100, 1000, most)


def large_cases(scale):
    for size, count in scale.large:
        for connections in scale.wide:
            gets, puts = max(count, connections), max(count // 2, connections)
            key = size == max(size for size, _ in scale.large) and connections <= 4
            # Out of memory, one run differs from the next by a tenth, and takes no time: the ratio of many tells more.
            yield Case("large", f"GET {size_name(size)}", connections, get_large(size, connections, f"{gets}x"), key=key, disk_bytes=size,
                       turns=6 if key else 1)
            yield Case("large", f"PUT {size_name(size)}", connections, put_large(size, connections, f"{puts}x"), ("put",), True, key=key,
                       disk_bytes=size * connections, spared=("relaxed", "standard", "lighttpd") if size * connections > 8 * GIB else ())


def small_cases(scale):
    for size in scale.sizes:
        for connections in scale.crowds:
            key = size == 4 * KIB
            also = ("signed",) if key and connections > 1 else ()
            yield Case("small", f"GET {size_name(size)}", connections, get_small(size, connections, scale.seconds), key=key, also=also)
            yield Case("small", f"PUT {size_name(size)}", connections, put_small(size, connections, scale.seconds), ("put",), True, key=key, also=also)


def cases(scale):
    yield Case("disk", "disk and SQLite", 1, disk(scale.seconds), ("disk",), key=True)
    yield from small_cases(scale)
    yield from large_cases(scale)
    size, count = scale.large[0]
    for connections in scale.wide[:2]:
        yield Case("tls", f"GET {size_name(size)}", connections, get_large(size, connections, f"{count}x"), ("tls",), disk_bytes=size)
        yield Case("tls", f"PUT {size_name(size)}", connections, put_large(size, connections, f"{max(count // 2, connections)}x"), ("tls",), True,
                   disk_bytes=size * connections)
    yield Case("tls", "GET 4 KiB", 32, get_small(4 * KIB, 32, scale.seconds), ("tls",))
    yield Case("tls", "PUT 4 KiB", 32, put_small(4 * KIB, 32, scale.seconds), ("tls",), True)
    yield Case("multipart", f"{size_name(scale.multipart)} in 8 MiB", 4, multipart(scale.multipart, 8 * MIB, 4), ("s3",), True, disk_bytes=scale.multipart)
    yield Case("range", f"64 KiB of {size_name(scale.medium)}", 4, range_reads(scale.medium, 64 * KIB, 4, scale.seconds))
    yield Case("cold", f"GET {size_name(scale.medium)}, cold", 4, get_cold(scale.medium, 4), ("get", "files"), disk_bytes=COLD * scale.medium)
    yield Case("cold", "GET 4 KiB beside cold", 8, warm_beside_cold(scale.medium), ("names", "files"), key=True)
    yield Case("list", "LIST 1000", 1, list_thousand(False, scale.seconds), ("s3",))
    yield Case("list", "LIST 1000, '/'", 1, list_thousand(True, scale.seconds), ("s3",))
    yield Case("delete", "DELETE 1000 at once", 1, delete_thousand(), ("s3",))
    yield Case("mixed", "24 GET, 8 PUT, 4 KiB", 32, mixed(scale.seconds), ("names", "put"))
    yield Case("memory", "memory, start", scale.held, memory(scale.held, scale.seconds), ("fresh",), key=True)
    for connections in scale.connections:
        yield Case("connections", "GET 4 KiB", connections, get_small(4 * KIB, connections, scale.seconds))
