#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bytes that changed on the disk are never sent as if they were right. Small objects, packed or in files of their own, and small parts
of large ones are an error before any byte goes out, also where a range of them is wanted. Large ones are told as they pass through memory,
and the answer is cut off; with --verify-reads they are an error, too. Files that were swapped are an error however they are sent. By both
engines, over TLS, and in standard copy mode."""
import contextlib
import http.client
import os
import re

import sluicetest
from sluicetest import Server, blob_files, check, done, equal, error_code, run, skip, SLUICE

MIB = 1 << 20
PART = 5 * MIB
bodies = {name: os.urandom(size) for name, size in
          {"packed": 5000, "beside": 5001, "own": 6000, "own64": 64 << 10, "large": 3 * MIB + 17, "sound": 2 * MIB, "fits": 70000}.items()}
parts = [os.urandom(PART), os.urandom(9000)]
bodies["parts"] = b"".join(parts)


def multipart(server, key, pieces):
    body = server.request("POST", f"/damage/{key}?uploads")[2]
    upload = re.search(rb"<UploadId>(.*?)</UploadId>", body)[1].decode()
    tags = []
    for number, piece in enumerate(pieces, 1):
        status, headers, _ = server.request("PUT", f"/damage/{key}?partNumber={number}&uploadId={upload}", body=piece)
        equal(status, 200, f"part {number} of {key} is put")
        tags.append(headers["etag"])
    done_list = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>" for number, tag in enumerate(tags, 1))
    equal(server.request("POST", f"/damage/{key}?uploadId={upload}", body=f"<CompleteMultipartUpload>{done_list}</CompleteMultipartUpload>")[0],
          200, f"{key} is completed")


def in_pieces(body):
    """A length that nobody announces: such a body has a file of its own, however small."""
    return iter([body])


def place_of(data, body):
    """(path, offset) of the file in which a body lies."""
    for path in sum(blob_files(data), []):
        with open(path, "rb") as file:
            at = file.read().find(body[:4096])
        if at >= 0:
            return path, at
    raise AssertionError("the body is nowhere")


def flip(data, body, at):
    path, begin = place_of(data, body)
    with open(path, "r+b") as file:
        file.seek(begin + at)
        byte = file.read(1)[0]
        file.seek(begin + at)
        file.write(bytes([byte ^ 16]))


def metric(server, reason):
    page = server.request("GET", "/-/metrics")[2].decode()
    return int(re.search(rf'^sluice_storage_damaged_reads_total{{reason="{reason}"}} (\d+)$', page, re.M)[1])


def refused(server, name, key, headers=None):
    status, got, body = server.request("GET", f"/damage/{key}", headers=headers)
    check(status == 500 and error_code(body) == "InternalError" and not {"etag", "last-modified", "content-range"} & got.keys()
          and not any(header.startswith("x-amz-meta") for header in got), name, f"{status} {got} {body[:100]!r}")


def served(server, name, key, want, headers=None, status=200):
    got = server.request("GET", f"/damage/{key}", headers=headers)
    check(got[0] == status and got[2] == want, name, f"{got[0]}, {len(got[2])} bytes, want {len(want)}")


def cut_off(server, name, key, want):
    """The head says how long the body is, and the connection ends before that."""
    connection = server.connect()
    try:
        connection.request("GET", f"/damage/{key}")
        response = connection.getresponse()
        announced = int(response.headers["content-length"])
        got = response.read()
        check(False, name, f"{response.status}: all of {len(got)} bytes came")
    except http.client.IncompleteRead as error:
        check(announced == len(want) and len(error.partial) < len(want), name, f"{len(error.partial)} of {announced}")
    except ConnectionResetError:
        check(True, name)
    finally:
        connection.close()


def kernel_encrypts():
    with contextlib.suppress(OSError), open("/proc/sys/net/ipv4/tcp_available_ulp") as file:
        return "tls" in file.read().split()
    return False


def started(mode, engine, data, arguments):
    """A server, or None where the engine is not permitted."""
    sluicetest.TLS = mode == "TLS"
    try:
        return Server(data=data, args=["--workers", "1", *arguments], engine=engine)
    except RuntimeError:
        skip(f"{mode}, {engine}", "the engine is not permitted here")
        return None
    finally:
        sluicetest.TLS = False


def look(mode, engine, data, arguments):
    passes, reads = mode == "standard" or mode == "TLS" and not kernel_encrypts(), mode == "verify-reads"
    say = lambda text: f"{mode}, {engine}: {text}"
    server = started(mode, engine, data, arguments)
    if server is None:
        return
    served(server, say("an object beside a damaged one is served"), "beside", bodies["beside"])
    served(server, say("so is a large one"), "sound", bodies["sound"])
    served(server, say("and a range of it"), "sound", bodies["sound"][7:MIB], {"Range": f"bytes=7-{MIB - 1}"}, 206)
    served(server, say("and one just above the bound"), "fits", bodies["fits"])
    equal(metric(server, "checksum"), 0, say("nothing is counted so far"))
    for key in ("packed", "own", "own64"):
        refused(server, say(f"{key}: an error instead of wrong bytes"), key)
        refused(server, say(f"{key}: also for a range without the wrong byte"), key, {"Range": "bytes=0-9"})
        status, headers, _ = server.request("HEAD", f"/damage/{key}")
        check(status == 200 and "etag" in headers, say(f"{key}: HEAD reads no bytes"), status)
    equal(metric(server, "checksum"), 6, say("each is counted"))
    refused(server, say("a small damaged part further on: an error before the first byte"), "parts")
    served(server, say("but its other parts are served"), "parts", parts[0][:PART - 1], {"Range": f"bytes=0-{PART - 2}"}, 206)
    refused(server, say("not one byte of the damaged part"), "parts", {"Range": f"bytes={PART}-{PART}"})
    if reads:
        refused(server, say("large: an error instead of wrong bytes"), "large")
        refused(server, say("large: also for a range without the wrong byte"), "large", {"Range": "bytes=0-9"})
    elif passes:
        cut_off(server, say("large: cut off before its last byte"), "large", bodies["large"])
        served(server, say("large: a part of it cannot be compared"), "large", bodies["large"][:10], {"Range": "bytes=0-9"}, 206)
    else:
        status, headers, body = server.request("GET", "/damage/large")
        equal((status, len(body)), (200, len(bodies["large"])), say("large: what sendfile moves nobody sees"))
    copied = server.request("PUT", "/damage/copy", headers={"x-amz-copy-source": "/damage/packed"})[0]
    equal(copied, 200, say("a copy moves no byte"))
    refused(server, say("and is as damaged as its source"), "copy")
    summed = server.request("PUT", "/damage/copy", headers={"x-amz-copy-source": "/damage/large", "x-amz-checksum-algorithm": "SHA256"})[0]
    equal(summed, 500, say("no checksum is made of wrong bytes"))
    equal(metric(server, "checksum"), 10 + 2 * reads + passes, say("all of that is counted"))
    log = server.log_text()
    told = re.findall(r"blob [0-9a-f]{16}.*is not what was stored", log)
    check(len(told) == len(set(told)) == 5, say("the log tells of each damaged unit once"), str(told))
    check("GET /damage/packed\n" in log and "GET /damage/own64\n" in log, say("and whose it is"), log[-1000:])
    check(server.stop(), say("the server ends with status 0"))


server = Server(args=["--workers", "1"])
data = server.data
equal(server.request("PUT", "/damage")[0], 200, "a bucket is made")
for key, body in bodies.items():
    if key != "parts":
        sent = in_pieces(body) if key.startswith("own") else body
        equal(server.request("PUT", f"/damage/{key}", body=sent, headers={"x-amz-meta-colour": "red"})[0], 200, f"{key} is put")
multipart(server, "parts", parts)
for _ in range(4):
    served(server, "all is well before", "packed", bodies["packed"])

# What is kept in memory was verified before it was kept: it goes on being served.
flip(data, bodies["packed"], 4000)
served(server, "what is hot comes out of memory, and is right", "packed", bodies["packed"])
check(server.stop(), "the first server ends with status 0")
check(place_of(data, bodies["own"])[0] in blob_files(data)[0], "a small body of unknown length has a file of its own")
flip(data, bodies["own"], 5999)
flip(data, bodies["own64"], 0xffff)
flip(data, bodies["large"], 2 * MIB)
flip(data, parts[1], 1)

MODES = {"plain": [], "TLS": [], "standard": ["--copy-mode", "standard"], "verify-reads": ["--verify-reads"]}
for mode, arguments in MODES.items():
    for engine in ("uring", "threads"):
        look(mode, engine, data, arguments)

# ---- Files that were swapped ----

twins = {f"{name}{number}": os.urandom(size) for number in (1, 2) for name, size in {"twin": 2 * MIB, "smalltwin": 7000, "ownpair": 6000}.items()}
for number in ("1", "2"):  # each server begins a segment of its own
    server = Server(args=["--workers", "1"], data=data)
    for key in (key for key in twins if key.endswith(number)):
        sent = in_pieces(twins[key]) if key.startswith("own") else twins[key]
        equal(server.request("PUT", f"/damage/{key}", body=sent)[0], 200, f"{key} is put")
    check(server.stop(), f"server {number} ends with status 0")
homes = {key: place_of(data, body)[0] for key, body in twins.items()}
equal(len(set(homes.values())), 6, "each lies in a file of its own")


def swap_all():
    for name in ("twin", "smalltwin", "ownpair"):
        first, second = homes[f"{name}1"], homes[f"{name}2"]
        os.rename(first, first + ".aside")
        os.rename(second, first)
        os.rename(first + ".aside", second)


swap_all()
for mode, arguments in MODES.items():
    for engine in ("uring", "threads"):
        server = started(mode, engine, data, arguments)
        if server is None:
            continue
        for key in twins:
            refused(server, f"{mode}, {engine}: {key} does not get the bytes of another", key)
            refused(server, f"{mode}, {engine}: nor a range of them", key, {"Range": "bytes=100-200"})
        equal(server.request("HEAD", "/damage/twin1")[0], 200, f"{mode}, {engine}: HEAD reads no bytes")
        equal((metric(server, "identity"), metric(server, "checksum")), (12, 0), f"{mode}, {engine}: each is counted")
        check(server.log_text().count("is another blob's file") == 6, f"{mode}, {engine}: the log tells of each once", server.log_text())
        check(server.stop(), f"{mode}, {engine}: the server ends with status 0")
status, output = run([SLUICE, "check", "--data", data, "--no-verify"])
check(status == 1 and all(re.search(rf"damage/{key}: .*another blob's file", output) for key in twins), "sluice check says so, too", output)
swap_all()
server = Server(args=["--workers", "1"], data=data)
for key, body in twins.items():
    served(server, f"swapped back, {key} is right", key, body)
check(server.stop(), "the server ends with status 0")

# ---- Files that were cut short ----

os.truncate(place_of(data, bodies["own"])[0], 5000)
os.truncate(place_of(data, bodies["large"])[0], MIB)
for arguments in ([], ["--verify-reads"]):
    server = Server(data=data, args=["--workers", "1", *arguments])
    refused(server, f"{arguments}: a small file that was cut short is an error", "own")
    refused(server, f"{arguments}: and so is a large one", "large")
    equal(metric(server, "identity"), 2, f"{arguments}: both are counted: what they say of themselves is gone")
    os.rename(homes["twin1"], homes["twin1"] + ".aside")
    refused(server, f"{arguments}: a missing file is an error", "twin1")
    equal(metric(server, "unreadable"), 1, f"{arguments}: and counted")
    os.rename(homes["twin1"] + ".aside", homes["twin1"])
    check(server.stop(), f"{arguments}: the server ends with status 0")
status, output = run([SLUICE, "check", "--data", data])
check(status == 1 and all(f"damage/{key}" in output for key in ("packed", "own", "own64", "large", "parts")) and "damage/sound" not in output,
      "sluice check names them all", output)
done()
