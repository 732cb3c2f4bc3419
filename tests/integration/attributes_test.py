#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""GetObjectAttributes, and GET and HEAD of single parts: what is known of an object that was uploaded in parts."""
import binascii
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from checksums_test import PART, Upload, element, text
from sluicetest import Server, check, done, equal, error_code

ALL = "ETag,Checksum,ObjectParts,StorageClass,ObjectSize"


def crc32(data):
    return text(binascii.crc32(data).to_bytes(4, "big"))


def attributes(server, key, wanted=ALL, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if wanted is not None:
        headers["x-amz-object-attributes"] = wanted
    return server.request("GET", f"/bucket/{key}?attributes", headers=headers)


def simple(server):
    _, put, _ = server.request("PUT", "/bucket/simple", b"simple", {"x-amz-storage-class": "STANDARD_IA"})
    status, headers, body = attributes(server, "simple")
    equal((status, element(body, "ETag"), element(body, "ObjectSize"), element(body, "StorageClass"), element(body, "ChecksumType")),
          (200, put["etag"].strip('"'), "6", "STANDARD_IA", "FULL_OBJECT"), "an object of one piece")
    check(b"ObjectParts" not in body and "last-modified" in headers, "has no parts, but a date")
    body = attributes(server, "simple", "ObjectSize")[2]
    check(b"ETag" not in body and b"Checksum" not in body and element(body, "ObjectSize") == "6", "only what was asked for")
    for wanted, code, name in ((None, "InvalidRequest", "nothing"), ("", "InvalidRequest", "an empty list"),
                               ("ETag,Colour", "InvalidArgument", "an unknown attribute")):
        status, _, body = attributes(server, "simple", wanted)
        equal((status, error_code(body)), (400, code), f"asked for {name}")
    status, _, body = attributes(server, "simple", x_amz_max_parts="many")
    equal((status, error_code(body)), (400, "InvalidArgument"), "a page size that is none")
    status, _, body = attributes(server, "absent")
    equal((status, error_code(body)), (404, "NoSuchKey"), "a key that is not there")


def encryption(server):
    """The server has no keys, and these are no customer's: nothing that asks for it is stored, and nothing is read with a key. encryption_test.py has the rest."""
    customer = {"x-amz-server-side-encryption-customer-algorithm": "AES256", "x-amz-server-side-encryption-customer-key": "AAAA",
                "x-amz-server-side-encryption-customer-key-MD5": "AAAA"}
    upload = Upload(server, "sse")
    part = f"/bucket/sse?partNumber=1&uploadId={upload.id}"
    source = {"x-amz-copy-source": "/bucket/simple"}
    for name, method, path, headers, want in (
            ("PutObject with SSE-S3", "PUT", "/bucket/sse", {"x-amz-server-side-encryption": "AES256"}, (501, "NotImplemented")),
            ("PutObject with SSE-KMS", "PUT", "/bucket/sse", {"x-amz-server-side-encryption": "aws:kms"}, (501, "NotImplemented")),
            ("PutObject with SSE-C", "PUT", "/bucket/sse", customer, (400, "InvalidArgument")),
            ("CreateMultipartUpload with SSE-S3", "POST", "/bucket/sse?uploads", {"x-amz-server-side-encryption": "AES256"}, (501, "NotImplemented")),
            ("UploadPart with SSE-C", "PUT", part, customer, (400, "InvalidArgument")),
            ("UploadPartCopy with SSE-C", "PUT", part, {**source, **customer}, (400, "InvalidArgument")),
            ("CopyObject with SSE-S3", "PUT", "/bucket/sse", {**source, "x-amz-server-side-encryption": "AES256"}, (501, "NotImplemented")),
            ("a copy's source with SSE-C", "PUT", "/bucket/sse", {**source, "x-amz-copy-source-server-side-encryption-customer-key": "AAAA"},
             (400, "InvalidArgument")),
            ("GetObject with SSE-C", "GET", "/bucket/simple", customer, (400, "InvalidArgument"))):
        status, _, body = server.request(method, path, b"x" if method == "PUT" else None, headers)
        equal((status, error_code(body)), want, name)
    equal(server.request("HEAD", "/bucket/simple", headers=customer)[0], 400, "HeadObject with SSE-C")
    equal(server.request("HEAD", "/bucket/sse")[0], 404, "none of it was stored")
    check(b"<Part>" not in server.request("GET", f"/bucket/sse?uploadId={upload.id}")[2], "as no part either")


def parts(server):
    bodies = {1: b"a" * PART, 2: b"b" * PART, 7: b"the end"}
    upload = Upload(server, "parts", "CRC32", "COMPOSITE")
    for number, data in bodies.items():
        upload.part(number, data)
    _, _, body = upload.complete()
    etag, whole = element(body, "ETag"), element(body, "ChecksumCRC32")

    body = attributes(server, "parts")[2].decode()
    equal((element(body.encode(), "ETag"), element(body.encode(), "PartsCount"), element(body.encode(), "IsTruncated"),
           element(body.encode(), "MaxParts")), (etag.strip('"'), "3", "false", "1000"), "an object of three parts")
    listed = [(element(p.encode(), "PartNumber"), element(p.encode(), "Size"), element(p.encode(), "ChecksumCRC32")) for p in body.split("<Part>")[1:]]
    equal(listed, [(str(n), str(len(d)), crc32(d)) for n, d in bodies.items()], "each part's number, size and checksum are kept")
    equal(body.split("<ObjectParts>")[0].count(f"<ChecksumCRC32>{whole.removesuffix('-3')}</"), 1, "beside that of the whole, without the number of parts")
    body = attributes(server, "parts", x_amz_max_parts="2")[2]
    equal((body.count(b"<Part>"), element(body, "IsTruncated"), element(body, "NextPartNumberMarker")), (2, "true", "2"), "a page of two")
    body = attributes(server, "parts", x_amz_max_parts="2", x_amz_part_number_marker="2")[2]
    equal((body.count(b"<Part>"), element(body, "PartNumber"), element(body, "IsTruncated"), element(body, "PartNumberMarker")),
          (1, "7", "false", "2"), "the page behind it")
    equal(element(body, "NextPartNumberMarker"), "7", "which is the last, and names the last part")

    mode = {"x-amz-checksum-mode": "ENABLED"}
    for number, data in bodies.items():
        for method in ("GET", "HEAD"):
            status, headers, body = server.request(method, f"/bucket/parts?partNumber={number}", headers=mode)
            equal((status, headers["content-length"], headers["etag"], headers.get("x-amz-mp-parts-count"), headers.get("x-amz-checksum-crc32")),
                  (206, str(len(data)), etag, "3", crc32(data)), f"{method} of part {number}")
            if method == "GET":
                check(body == data, f"part {number} has its bytes")
    _, headers, _ = server.request("HEAD", "/bucket/parts", headers=mode)
    equal((headers.get("x-amz-mp-parts-count"), headers.get("x-amz-checksum-crc32")), (None, whole), "HEAD of the whole counts no parts")
    status, headers, body = server.request("GET", "/bucket/parts", headers={**mode, "range": f"bytes=0-{PART - 1}"})
    equal((status, headers.get("x-amz-checksum-crc32")), (206, None), "a range has no checksum, be it a part or not")
    for number in (3, 8, 10000):
        status, _, body = server.request("GET", f"/bucket/parts?partNumber={number}")
        equal((status, error_code(body), element(body, "PartNumberRequested"), element(body, "ActualPartCount")),
              (416, "InvalidPartNumber", str(number), "3"), f"there is no part {number}")
        equal(server.request("HEAD", f"/bucket/parts?partNumber={number}")[0], 416, f"nor for HEAD")
    for number in ("0", "10001", "-1", "one", ""):
        status, _, body = server.request("GET", f"/bucket/parts?partNumber={number}")
        equal((status, error_code(body)), (400, "InvalidArgument"), f"part number {number!r} is none")
    status, _, body = server.request("GET", "/bucket/parts?partNumber=1", headers={"range": "bytes=0-1"})
    equal((status, error_code(body)), (400, "InvalidRequest"), "a part and a range at once")

    status, headers, body = server.request("GET", "/bucket/simple?partNumber=1")
    equal((status, body, "x-amz-mp-parts-count" in headers), (206, b"simple", False), "an object of one piece is its part 1")
    status, _, body = server.request("GET", "/bucket/simple?partNumber=2")
    equal((status, error_code(body), element(body, "ActualPartCount")), (416, "InvalidPartNumber", "1"), "and has no part 2")

    server.request("PUT", "/bucket/copy", headers={"x-amz-copy-source": "/bucket/parts"})
    body = attributes(server, "copy")[2]
    equal((body.count(b"<ChecksumCRC32>"), b"ObjectParts" in body, element(body, "ChecksumType")), (1, False, "FULL_OBJECT"), "a copy is one part")


def nothing(server):
    """Empty objects: there is no range that says so."""
    server.request("PUT", "/bucket/nothing", b"")
    upload = Upload(server, "no-bytes")
    upload.part(1, b"")
    upload.complete()
    for key, parts in (("nothing", None), ("no-bytes", "1")):
        for method in ("GET", "HEAD"):
            status, headers, body = server.request(method, f"/bucket/{key}?partNumber=1")
            equal((status, headers["content-length"], headers.get("content-range"), headers.get("x-amz-mp-parts-count")), (200, "0", None, parts),
                  f"{method} of part 1 of {key}")
            status, headers, body = server.request(method, f"/bucket/{key}", headers={"range": "bytes=-1"})
            equal((status, headers["content-length"], headers.get("content-range")), (200, "0", None), f"{method} of the last byte of {key}")
        for bad in ("bytes=0-", "bytes=0-0", "bytes=-0"):
            equal(server.request("GET", f"/bucket/{key}", headers={"range": bad})[0], 416, f"{key} has no {bad}")


def main():
    server = Server()
    server.request("PUT", "/bucket")
    simple(server)
    nothing(server)
    encryption(server)
    parts(server)
    data = server.data
    check(server.stop(), "the server ends cleanly")
    server = Server(data=data)
    equal(attributes(server, "parts")[2].count(b"<ChecksumCRC32>"), 4, "the checksums are there after a restart")
    check(server.stop(), "and it ends cleanly again")
    done()


main()
