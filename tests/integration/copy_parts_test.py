#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Copies of objects that were uploaded in parts, or appended to: S3 writes them as one, with an ETag and a checksum of the whole. The source is
read only where those do not follow from what is known of it."""
import hashlib
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from checksums_test import ALGORITHMS, PART, Upload, element, header_of, text
from sluicetest import Server, blob_files, check, done, equal

MODE = {"x-amz-checksum-mode": "ENABLED"}
SIGNED = {"authorization": "AWS4-HMAC-SHA256 of somebody"} # a server without keys believes it
SMALL = [b"0123456789abcdef" * (PART // 16), b"the end"]
LARGE = [bytes([n]) * (9 << 20) for n in (1, 2)]


def make(server, key, pieces, algorithm=None, kind=None):
    upload = Upload(server, key, algorithm, kind) if algorithm else Upload(server, key)
    for number, piece in enumerate(pieces, 1):
        headers = {header_of(algorithm): text(ALGORITHMS[algorithm](piece))} if algorithm else {}
        upload.part(number, piece, headers)
    status, _, body = upload.complete(extra={number: f"<Checksum{algorithm}>{text(ALGORITHMS[algorithm](piece))}</Checksum{algorithm}>"
                                             for number, piece in enumerate(pieces, 1)} if algorithm else {})
    equal(status, 200, f"{key} is uploaded in parts")
    return element(body, "ETag")


def copy(server, source, key="copy", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.request("PUT", f"/bucket/{key}", headers={"x-amz-copy-source": f"/bucket/{source}", **headers})


def is_one(server, name, key, whole, algorithm, etag=None):
    """One part, with that ETag; None: one that is not the MD5."""
    _, headers, body = server.request("GET", f"/bucket/{key}", headers=MODE)
    check(body == whole, f"{name}: all of its bytes")
    equal((headers.get(header_of(algorithm)), headers.get("x-amz-checksum-type")), (text(ALGORITHMS[algorithm](whole)), "FULL_OBJECT"), f"{name}: a checksum of the whole")
    if etag is None:
        check(headers["etag"].endswith('-1"'), f"{name}: an opaque ETag", headers["etag"])
    else:
        equal(headers["etag"], f'"{etag}"', f"{name}: the MD5 is the ETag")
    status, headers, _ = server.request("GET", f"/bucket/{key}?partNumber=1")
    equal((status, headers.get("x-amz-mp-parts-count")), (206, None), f"{name}: part 1 is all of it")
    equal(server.request("GET", f"/bucket/{key}?partNumber=2")[0], 416, f"{name}: there is no part 2")
    check(b"ObjectParts" not in server.request("GET", f"/bucket/{key}?attributes", headers={"x-amz-object-attributes": "ObjectParts"})[2], f"{name}: no parts are told")
    lo, hi = PART - 3, PART + 3
    equal(server.request("GET", f"/bucket/{key}", headers={"range": f"bytes={lo}-{hi}"})[2], whole[lo:hi + 1], f"{name}: a range across what were two parts")


def small(server):
    whole = b"".join(SMALL)
    md5 = hashlib.md5(whole).hexdigest()
    for algorithm, kind in (("CRC32", "COMPOSITE"), ("CRC32C", "FULL_OBJECT"), ("CRC64NVME", "FULL_OBJECT"), ("SHA256", "COMPOSITE"), (None, None)):
        name = f"{algorithm} {kind}"
        etag = make(server, "source", SMALL, algorithm, kind)
        status, _, body = copy(server, "source")
        told = algorithm or "CRC64NVME"
        equal((status, element(body, "ETag"), element(body, f"Checksum{told}"), element(body, "ChecksumType")),
              (200, f'"{md5}"', text(ALGORITHMS[told](whole)), "FULL_OBJECT"), f"{name}: what the copy answers")
        is_one(server, name, "copy", whole, told, md5)
        equal(server.request("HEAD", "/bucket/source")[1]["etag"], etag, f"{name}: the source is as it was")
    status, _, body = copy(server, "source", x_amz_checksum_algorithm="SHA1")
    is_one(server, "with another algorithm", "copy", whole, "SHA1", md5)
    copy(server, "source", "source", x_amz_metadata_directive="REPLACE")
    is_one(server, "onto itself", "source", whole, "CRC64NVME", md5)
    equal(server.request("PUT", "/bucket/copy", b"more", {"x-amz-write-offset-bytes": str(len(whole))})[0], 200, "a copy can be appended to")
    equal(server.request("GET", "/bucket/copy")[2], whole + b"more", "all of it is there")
    copy(server, "copy", "again")
    is_one(server, "appended", "again", whole + b"more", "SHA1", hashlib.md5(whole + b"more").hexdigest())
    empty = Upload(server, "empty")
    empty.part(1, b"")
    empty.complete()
    status, _, body = copy(server, "empty")
    equal((status, element(body, "ETag")), (200, f'"{hashlib.md5(b"").hexdigest()}"'), "one empty part")


def large(server):
    """An ETag that nobody compares is not worth reading for; what is missing on the disk shows who reads."""
    whole = b"".join(LARGE)
    make(server, "crc", LARGE, "CRC32", "COMPOSITE")
    make(server, "sha", LARGE, "SHA256", "COMPOSITE")
    copy(server, "crc")
    is_one(server, "large, unsigned", "copy", whole, "CRC32")
    copy(server, "crc", **SIGNED)
    is_one(server, "large, signed", "copy", whole, "CRC32", hashlib.md5(whole).hexdigest())
    copy(server, "sha", **SIGNED, x_amz_checksum_algorithm="SHA256")
    is_one(server, "large, signed, with a checksum", "copy", whole, "SHA256")
    server.stop()
    server = Server(server.data)
    is_one(server, "after a restart", "copy", whole, "SHA256")
    for path in blob_files(server.data)[0]:
        os.remove(path)
    equal(copy(server, "crc", "gone")[0], 200, "CRCs of parts are put together without reading")
    equal(copy(server, "sha", "gone")[0], 500, "a SHA-256 is not")
    equal(copy(server, "crc", "gone", **SIGNED)[0], 500, "nor is an MD5")


server = Server()
equal(server.request("PUT", "/bucket")[0], 200, "a bucket is made")
small(server)
large(server)
done()
