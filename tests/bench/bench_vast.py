# SPDX-License-Identifier: MIT
"""What is done in one request and concerns very much: ten thousand parts that become an object, pages of a hundred thousand versions.
What they cost, and what others feel of it who are served meanwhile."""
import re
import statistics
import time

from bench_cases import Case, part_tag
from bench_system import KIB, MIB

PART = 5 * MIB # the least that S3 allows
UPLOADS = 3    # of a round; each has a chance to get into somebody's way


def others_start(server):
    """Clients of small objects, on the clients' core with whoever else is there."""
    server.need("/bench/get-4096-%d", 4 * KIB, 1000)
    server.calls = getattr(server, "calls", 0) + 1
    return [server.load_start("get", "/bench/get-4096-%d", 4 * KIB, 4, 120, keys=1000, shared=True),
            server.load_start("put", f"/bench/beside-{server.calls}-%d", 4 * KIB, 4, 120, keys=1000000, shared=True)]


def others_end(server, clients):
    """{"GET": ..., "PUT": ...}: their slowest answers, but for one in a thousand, in microseconds."""
    for client in clients:
        client.terminate() # it finishes what is under way and reports
    return {name: server.load_end(client)["p999_us"] for name, client in zip(("GET", "PUT"), clients)}


def others_alone(server, seconds):
    """What they feel of each other, the disk and this machine."""
    clients = others_start(server)
    time.sleep(seconds)
    return others_end(server, clients)


def others_figures(alone, beside):
    """The delay is what comes on top of what there is anyway; a quiet machine has little of that."""
    figures = {}
    for name in ("GET", "PUT"):
        figures[f"{name} alone p99.9 us"], figures[f"{name} beside p99.9 us"] = alone[name], beside[name]
        figures[f"{name} delay us"] = max(0, beside[name] - alone[name])
    return figures


# ---- Parts ------------------------------------------------------------------------------------------------------------------

def upload_prepare(server, path, parts):
    """An upload all of whose parts are one block, which exists once. Returns its id."""
    upload = re.search(rb"<UploadId>(.*?)</UploadId>", server.request("POST", path, "uploads=")).group(1).decode()
    server.load("put", path, 0, 32, f"{parts}x", query=f"partNumber=%d&uploadId={upload}", first=1, keys=parts + 1, source="/bench/vast-block")
    return upload


def complete(parts):
    """Nothing but CompleteMultipartUpload is in the figures, and small GETs and PUTs of other clients at the same time."""
    def run(server):
        took = []
        server.need("/bench/vast-block", PART)
        paths = [f"/bench/vast-{number}" for number in range(UPLOADS)]
        uploads = [upload_prepare(server, path, parts) for path in paths]
        tag = part_tag(PART)
        body = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>" for number in range(1, parts + 1))
        body = f"<CompleteMultipartUpload>{body}</CompleteMultipartUpload>".encode()
        alone = others_alone(server, 1)
        clients = others_start(server)
        time.sleep(0.1)
        for path, upload in zip(paths, uploads):
            began = time.monotonic()
            server.request("POST", path, f"uploadId={upload}", body)
            took.append((time.monotonic() - began) * 1e3)
        beside = others_end(server, clients)
        for path in paths:
            server.request("DELETE", path)
        return {"complete ms": statistics.median(took), **others_figures(alone, beside)}
    return run


# ---- Versions ---------------------------------------------------------------------------------------------------------------

VERSIONING = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
KEYS = 1000


def versions_prepare(server, count):
    """As many versions of one key, and as many of a thousand keys."""
    if ("vast", count) not in server.there:
        server.request("PUT", "/vast")
        server.request("PUT", "/vast", "versioning=", VERSIONING)
        server.load("put", "/vast/many-%d", 0, 64, f"{count}x", keys=KEYS)
        server.load("put", "/vast/one", 0, 64, f"{count}x")
        server.there.add(("vast", count))


def versions(count, seconds):
    def run(server):
        versions_prepare(server, count)
        figures = {}
        # Behind half of the versions of one key: its id is on a page that begins there.
        page = walk_to(server, "one", count // 2)
        listings = (("first page", "prefix=many-"), ("middle page", f"prefix=many-&key-marker=many-{KEYS // 2}"),
                    ("first page of one key", "prefix=one"), ("middle page of one key", f"prefix=one&key-marker=one&version-id-marker={page}"))
        for name, query in listings:
            found = server.load("get", "/vast", 0, 1, seconds, query=f"versions=&{query}")
            figures[f"{name} ms"], figures[f"{name} CPU us"] = found["p50_us"] / 1e3, found["cpu"] / found["ops"] * 1e6
        alone = others_alone(server, seconds)
        clients = others_start(server)
        server.load("get", "/vast", 0, 1, max(0.3, seconds), query=f"versions=&{listings[3][1]}", shared=True)
        return {**figures, **others_figures(alone, others_end(server, clients))}
    return run


def walk_to(server, key, number):
    """The id of the last version on the page that ends after `number` of them."""
    marker = ""
    for _ in range(max(1, number // 1000)):
        answer = server.request("GET", "/vast", f"versions=&prefix={key}{marker}").decode()
        identity = re.search("<NextVersionIdMarker>(.*?)<", answer)
        if not identity:
            break
        marker = f"&key-marker={key}&version-id-marker={identity.group(1)}"
    return marker.rsplit("=", 1)[-1] or re.findall("<VersionId>(.*?)<", answer)[0]


def cases(scale):
    parts, count = (200, 2000) if scale.seconds < 0.1 else (2000, 5000) if scale.seconds < 1 else (10000, 100000)
    yield Case("vast", f"{parts:,} parts", 1, complete(parts), ("s3", "names"), key=True, spared=("relaxed", "standard"))
    yield Case("vast", f"{count:,} versions", 1, versions(count, scale.seconds), ("s3", "names"), key=True, spared=("relaxed", "standard"))
