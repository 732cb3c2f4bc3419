# SPDX-License-Identifier: MIT
"""The paths that are measured. A case measures one path on one server, once, and returns its figures by name; rounds and medians
are the caller's. Names of figures that end in "/s" are better when higher, all others when lower."""
import base64
import hashlib
import re
import threading
import time

from bench_system import GIB, KIB, MIB, drop_cached, resident_bytes


class Case:
    def __init__(self, group, name, connections, run, needs=("get",), put=False):
        self.group, self.name, self.connections, self.run, self.needs, self.put = group, name, connections, run, set(needs), put

    def fits(self, server):
        return self.needs <= server.offers

    def floor(self, server):
        """The column it is compared with."""
        return server.put_floor if self.put else "floor"


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
        figures["CPU us/op"] = run["cpu"] / max(run["ops"], 1) * 1e6
    return {**figures, "p50 us": run["p50_us"], "p99 us": run["p99_us"], "p99.9 us": run["p999_us"]}


# ---- Transfers --------------------------------------------------------------------------------------------------------------

def get_large(size, connections, amount, **options):
    def run(server):
        server.need(f"/bench/get-{size}", size)
        return bulk(server.load("get", f"/bench/get-{size}", size, connections, amount, **options), server)
    return run


def put_large(size, connections, amount):
    def run(server):
        if not server.there: # the first touch of fresh disk space and memory is nobody's cost
            server.need("/bench/first", 64 * MIB)
        return bulk(server.load("put", f"/bench/put-{size}-%d", size, connections, amount, keys=connections), server)
    return run


def get_small(size, connections, seconds):
    def run(server):
        count = 1000 if size < MIB else 100
        server.need(f"/bench/get-{size}-%d", size, count)
        return small(server.load("get", f"/bench/get-{size}-%d", size, connections, seconds, keys=count), server)
    return run


def put_small(size, connections, seconds):
    keys = 1000000 if size <= 4 * KIB else 2000 if size <= 64 * KIB else 200 # so that the disk does not fill

    def run(server):
        return small(server.load("put", f"/bench/put-{size}-{connections}-%d", size, connections, seconds, keys=keys), server)
    return run


def range_reads(size, length, connections, seconds):
    def run(server):
        server.need(f"/bench/get-{size}", size)
        return small(server.load("get", f"/bench/get-{size}", size, connections, seconds, range=length), server)
    return run


def get_cold(size, connections):
    def run(server):
        server.need(f"/bench/cold-{size}-%d", size, 4)
        drop_cached(server.folder)
        return bulk(server.load("get", f"/bench/cold-{size}-%d", size, connections, "4x", keys=4), server)
    return run


def warm_beside_cold(size, seconds):
    """Small warm GETs while another client reads large cold files."""
    def run(server):
        server.need(f"/bench/cold-{size}-%d", size, 4)
        server.need("/bench/get-4096-%d", 4096, 1000)
        drop_cached(server.folder)
        warm = server.load_start("get", "/bench/get-4096-%d", 4096, 8, seconds, keys=1000, shared=True)
        cold = server.load_start("get", f"/bench/cold-{size}-%d", size, 4, "4x", keys=4, shared=True)
        try:
            figures = server.load_end(warm)
        finally:
            server.load_end(cold)
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

def multipart(size, part, connections):
    """Create, the parts, complete; the listing of the parts, which tells their ETags, is not counted."""
    def run(server):
        path, parts = f"/bench/multipart-{size}", size // part
        before, began = server.cpu(), time.monotonic()
        upload = re.search(rb"<UploadId>(.*?)</UploadId>", server.request("POST", path, "uploads=")).group(1).decode()
        server.load("put", path, part, connections, f"{parts}x", query=f"partNumber=%d&uploadId={upload}", first=1, keys=parts + 1)
        seconds = time.monotonic() - began
        listing = server.request("GET", path, f"uploadId={upload}").decode()
        tags = re.findall(r"<PartNumber>(\d+)</PartNumber>.*?<ETag>(.*?)</ETag>", listing, re.S)
        body = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>" for number, tag in tags)
        began = time.monotonic()
        server.request("POST", path, f"uploadId={upload}", f"<CompleteMultipartUpload>{body}</CompleteMultipartUpload>".encode())
        complete = time.monotonic() - began
        figures = bulk({"bytes": size, "seconds": seconds + complete, "cpu": server.cpu() - before}, server)
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
        before, began = server.cpu(), time.monotonic()
        server.request("POST", "/bench", "delete=", body, {"Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode()}.items())
        figures = {"ms": (time.monotonic() - began) * 1e3}
        if server.pid:
            figures["CPU us/op"] = (server.cpu() - before) * 1e3
        return figures
    return run


# ---- Memory and start -------------------------------------------------------------------------------------------------------

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
            hold.stdout.readline() # its report: all have had an answer
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

def cases(quick):
    found, seconds = [], 0.15 if quick else 1.5
    # Above 16 MiB the ETag is opaque; below, the MD5 would be what is measured.
    large = ((32 * MIB, 16),) if quick else ((64 * MIB, 128), (GIB, 8))
    wide = (1, 4) if quick else (1, 4, 16)
    for size, count in large:
        for connections in wide:
            gets, puts = max(count, 2 * connections), max(count // 4, connections)
            found.append(Case("large", f"GET {size_name(size)}", connections, get_large(size, connections, f"{gets}x")))
            found.append(Case("large", f"PUT {size_name(size)}", connections, put_large(size, connections, f"{puts}x"), ("put",), True))
    for size in (4 * KIB,) if quick else (0, 4 * KIB, 64 * KIB, MIB):
        for connections in (1, 32) if quick else (1, 32, 256):
            found.append(Case("small", f"GET {size_name(size)}", connections, get_small(size, connections, seconds)))
            found.append(Case("small", f"PUT {size_name(size)}", connections, put_small(size, connections, seconds), ("put",), True))
    whole, part = (64 * MIB, 8 * MIB) if quick else (GIB, 8 * MIB)
    found.append(Case("multipart", f"{size_name(whole)} in {size_name(part)}", 4, multipart(whole, part, 4), ("s3",), True))
    of = 16 * MIB if quick else 64 * MIB
    found.append(Case("range", f"64 KiB of {size_name(of)}", 4, range_reads(of, 64 * KIB, 4, seconds)))
    found.append(Case("cold", f"GET {size_name(of)}, cold", 4, get_cold(of, 4), ("get", "files")))
    found.append(Case("cold", "GET 4 KiB beside", 8, warm_beside_cold(of, seconds), ("names", "files")))
    found.append(Case("list", "LIST 1000", 1, list_thousand(False, seconds), ("s3",)))
    found.append(Case("list", "LIST 1000, '/'", 1, list_thousand(True, seconds), ("s3",)))
    found.append(Case("delete", "DELETE 1000 at once", 1, delete_thousand(), ("s3",)))
    found.append(Case("mixed", "24 GET, 8 PUT, 4 KiB", 32, mixed(seconds), ("names", "put")))
    found.append(Case("memory", "memory, start", 500 if quick else 10000, memory(500 if quick else 10000, seconds), ("fresh",)))
    for connections in (1, 100, 1000) if quick else (1, 10, 100, 1000, 10000):
        found.append(Case("connections", "GET 4 KiB", connections, get_small(4 * KIB, connections, seconds)))
    return found
