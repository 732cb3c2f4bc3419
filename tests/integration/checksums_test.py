#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The additional checksums: each algorithm in a header, in a trailer, wrong, read back, of parts and of what they become."""
import base64
import hashlib
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from digests import ALGORITHMS
from signer import unsigned_chunks
from sluicetest import Server, check, done, equal, error_code, skip

PART = 5 << 20


if "XXHASH64" not in ALGORITHMS:
    skip("XXHASH64, XXHASH3, XXHASH128", "python3-xxhash is not installed")
CRCS = ("CRC32", "CRC32C", "CRC64NVME")


def text(value):
    return base64.b64encode(value).decode()


def header_of(algorithm):
    return "x-amz-checksum-" + algorithm.lower()


def element(body, name):
    match = re.search(f"<{name}>([^<]*)</{name}>".encode(), body)
    return match.group(1).decode().replace("&quot;", '"') if match else None


class Upload:
    """A multipart upload of a key, spoken by hand. Where its checksum is COMPOSITE, parts come with theirs, and are listed with it."""

    def __init__(self, server, key, algorithm=None, kind=None):
        self.server, self.path, self.parts, self.listed = server, "/bucket/" + key, [], {}
        headers = {}
        if algorithm:
            headers["x-amz-checksum-algorithm"] = algorithm
        if kind:
            headers["x-amz-checksum-type"] = kind
        self.status, self.headers, body = server.request("POST", self.path + "?uploads", headers=headers)
        self.body, self.id = body, element(body, "UploadId")
        self.algorithm = self.headers.get("x-amz-checksum-algorithm") if self.headers.get("x-amz-checksum-type") == "COMPOSITE" else None

    def list_checksum(self, number, value):
        self.listed[number] = f"<Checksum{self.algorithm}>{value}</Checksum{self.algorithm}>"

    def part(self, number, data, headers=None):
        if headers is None and self.algorithm:
            headers = {header_of(self.algorithm): text(ALGORITHMS[self.algorithm](data))}
        status, answer, body = self.server.request("PUT", f"{self.path}?partNumber={number}&uploadId={self.id}", data, headers or {})
        if status == 200:
            self.parts.append((number, answer["etag"]))
            if self.algorithm:
                self.list_checksum(number, answer[header_of(self.algorithm)])
        return status, answer, body

    def complete(self, headers=None, extra=None):
        beside = {**self.listed, **(extra or {})}
        listed = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{e}</ETag>{beside.get(n, '')}</Part>" for n, e in self.parts)
        return self.server.request("POST", f"{self.path}?uploadId={self.id}",
                                   f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>", headers or {})


def single(server, algorithm, compute):
    header, data = header_of(algorithm), b"the quick brown fox " * 100
    value, wrong = text(compute(data)), text(compute(data + b"!"))

    status, headers, _ = server.request("PUT", f"/bucket/{algorithm}-header", data, {header: value})
    equal((status, headers.get(header), headers.get("x-amz-checksum-type")), (200, value, "FULL_OBJECT"), f"{algorithm} in a header")
    status, _, body = server.request("PUT", f"/bucket/{algorithm}-wrong", data, {header: wrong})
    equal((status, error_code(body)), (400, "BadDigest"), f"{algorithm}, a wrong one")
    equal(server.request("HEAD", f"/bucket/{algorithm}-wrong")[0], 404, f"{algorithm}, a wrong one stores nothing")
    status, _, body = server.request("PUT", f"/bucket/{algorithm}-wrong", data, {header: value[4:]})
    equal((status, error_code(body)), (400, "InvalidRequest"), f"{algorithm}, one that is too short")

    coded = {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "content-encoding": "aws-chunked",
             "x-amz-decoded-content-length": str(len(data)), "x-amz-trailer": header, "x-amz-sdk-checksum-algorithm": algorithm}
    status, headers, body = server.request("PUT", f"/bucket/{algorithm}-trailer", unsigned_chunks([data], [(header, value)]), coded)
    equal((status, headers.get(header)), (200, value), f"{algorithm} in a trailer")
    status, _, body = server.request("PUT", f"/bucket/{algorithm}-wrong", unsigned_chunks([data], [(header, wrong)]), coded)
    equal((status, error_code(body)), (400, "BadDigest"), f"{algorithm}, a wrong trailer")

    for key in ("header", "trailer"):
        for method in ("GET", "HEAD"):
            status, headers, body = server.request(method, f"/bucket/{algorithm}-{key}", headers={"x-amz-checksum-mode": "ENABLED"})
            equal((status, headers.get(header), headers.get("x-amz-checksum-type")), (200, value, "FULL_OBJECT"),
                  f"{method} tells the {algorithm} that came in a {key}")
    check(header not in server.request("HEAD", f"/bucket/{algorithm}-header")[1], f"{algorithm} is told when asked for")
    body = server.request("GET", f"/bucket?list-type=2&prefix={algorithm}-header")[2]
    equal(element(body, "ChecksumAlgorithm"), algorithm, f"{algorithm} in a listing")


def multipart(server, algorithm, compute):
    header, bodies = header_of(algorithm), [b"a" * PART, b"bc" * (PART // 2), b"the rest"]
    values = [compute(data) for data in bodies]
    kinds = ["FULL_OBJECT"] if algorithm == "CRC64NVME" else ["COMPOSITE", "FULL_OBJECT"] if algorithm in CRCS else ["COMPOSITE"]
    for kind in kinds:
        name = f"{algorithm} {kind}"
        upload = Upload(server, f"{algorithm}-{kind}", algorithm, kind)
        equal((upload.headers.get("x-amz-checksum-algorithm"), upload.headers.get("x-amz-checksum-type")), (algorithm, kind),
              f"{name}: the upload")
        for number, data in enumerate(bodies, 1):
            if number == 2 and kind == "COMPOSITE":
                status, _, body = upload.part(number, data, {})
                equal((status, error_code(body)), (400, "InvalidRequest"), f"{name}: a part without a checksum")
                check(f"for part 2, expected checksum Type: {algorithm.lower()}, actual checksum Type: null".encode() in body, f"{name}: which says what is missing", body)
            status, headers, body = upload.part(number, data, {header: text(values[number - 1])} if number != 2 or kind == "COMPOSITE" else {})
            equal((status, headers.get(header)), (200, text(values[number - 1])), f"{name}: part {number}")
        status, _, body = upload.part(4, b"x", {header: text(values[0])})
        equal((status, error_code(body)), (400, "BadDigest"), f"{name}: a wrong part")
        want = text(compute(b"".join(values))) + "-3" if kind == "COMPOSITE" else text(compute(b"".join(bodies)))
        tag = "Checksum" + algorithm
        listed = server.request("GET", f"{upload.path}?uploadId={upload.id}")[2]
        equal((element(listed, "ChecksumAlgorithm"), element(listed, "ChecksumType"), element(listed, tag)),
              (algorithm, kind, text(values[0])), f"{name}: ListParts")
        status, _, body = upload.complete(extra={1: f"<{tag}>{text(values[1])}</{tag}>"})
        equal((status, error_code(body)), (400, "BadDigest"), f"{name}: listed with another part's")
        if kind == "COMPOSITE":
            status, _, body = upload.complete(extra={2: ""})
            equal((status, error_code(body)), (400, "InvalidRequest"), f"{name}: listed without a part's")
            check(b"It was missing for part 2 in the request." in body, f"{name}: which says whose is missing", body)
        status, _, body = upload.complete({header: text(values[0]) if kind == "FULL_OBJECT" else text(values[0]) + "-3"})
        equal((status, error_code(body)), (400, "BadDigest"), f"{name}: a wrong one of the whole")
        status, _, body = upload.complete({header: want, "x-amz-checksum-type": kind},
                                          {n: f"<{tag}>{text(values[n - 1])}</{tag}>" for n in (1, 2, 3)})
        equal((status, element(body, tag), element(body, "ChecksumType")), (200, want, kind), f"{name}: of the whole")
        _, headers, _ = server.request("HEAD", upload.path, headers={"x-amz-checksum-mode": "ENABLED"})
        equal((headers.get(header), headers.get("x-amz-checksum-type")), (want, kind), f"{name}: HEAD")
    other = {"COMPOSITE", "FULL_OBJECT"} - set(kinds)
    for kind in other:
        upload = Upload(server, "never", algorithm, kind)
        equal((upload.status, error_code(upload.body)), (400, "InvalidRequest"), f"{algorithm} cannot be {kind}")


def copies(server):
    """A copy may ask for any algorithm, and a range that becomes a part gets its upload's."""
    mode, data = {"x-amz-checksum-mode": "ENABLED"}, b"0123456789" * 900000
    server.request("PUT", "/bucket/source", data)
    upload = Upload(server, "source-parts", "CRC32", "COMPOSITE")
    upload.part(1, data[:PART])
    upload.part(2, data[PART:])
    upload.complete()
    server.request("PUT", "/bucket/source-empty", b"")
    for algorithm, compute in ALGORITHMS.items():
        header, tag = header_of(algorithm), "Checksum" + algorithm
        for source, bytes_ in (("source", data), ("source-parts", data), ("source-empty", b"")):
            want = text(compute(bytes_))
            status, _, body = server.request("PUT", "/bucket/copy", headers={"x-amz-copy-source": "/bucket/" + source, "x-amz-checksum-algorithm": algorithm})
            equal((status, element(body, tag), element(body, "ChecksumType")), (200, want, "FULL_OBJECT"), f"{source} copied with {algorithm}")
            _, headers, got = server.request("GET", "/bucket/copy", headers=mode)
            equal((headers.get(header), headers.get("x-amz-checksum-type"), got == bytes_), (want, "FULL_OBJECT", True), f"the copy of {source} tells its {algorithm}")
        upload, pieces = Upload(server, "range-parts", algorithm), [(0, PART - 1), (PART, len(data) - 1), (7, 7)]
        for number, (first, last) in enumerate(pieces, 1):
            status, _, body = server.request("PUT", f"{upload.path}?partNumber={number}&uploadId={upload.id}", headers={
                "x-amz-copy-source": "/bucket/source-parts", "x-amz-copy-source-range": f"bytes={first}-{last}"})
            equal((status, element(body, tag)), (200, text(compute(data[first:last + 1]))), f"a range as a part with {algorithm}")
            upload.parts.append((number, element(body, "ETag")))
            if upload.algorithm:
                upload.list_checksum(number, element(body, tag))
        upload.parts = [upload.parts[0], upload.parts[2]]
        values = [compute(data[:PART]), compute(data[7:8])]
        want = text(compute(data[:PART] + data[7:8])) if algorithm == "CRC64NVME" else text(compute(b"".join(values))) + "-2"
        equal(element(upload.complete()[2], tag), want, f"ranges become an object with {algorithm}")
    body = server.request("PUT", "/bucket/copy", headers={"x-amz-copy-source": "/bucket/source"})[2]
    equal(element(body, "ChecksumCRC64NVME"), text(ALGORITHMS["CRC64NVME"](data)), "a copy that asks for nothing keeps the source's")
    status, _, body = server.request("PUT", "/bucket/copy", headers={"x-amz-copy-source": "/bucket/source", "x-amz-checksum-algorithm": "SHA384"})
    equal((status, error_code(body)), (400, "InvalidRequest"), "a copy with an unknown algorithm")
    status, _, body = server.request("PUT", "/bucket/copy", headers={"x-amz-copy-source": "/bucket/source", "x-amz-checksum-algorithm": "SHA1",
                                                                     "x-amz-copy-source-if-match": '"other"'})
    equal((status, error_code(body)), (412, "PreconditionFailed"), "a copy whose condition fails")


def defaults(server):
    crc = ALGORITHMS["CRC64NVME"]
    data = b"nobody asked" * 1000
    _, headers, _ = server.request("PUT", "/bucket/default", data)
    equal((headers.get("x-amz-checksum-crc64nvme"), headers.get("x-amz-checksum-type")), (text(crc(data)), "FULL_OBJECT"),
          "a PUT without a checksum gets a CRC64NVME")
    _, headers, _ = server.request("GET", "/bucket/default", headers={"x-amz-checksum-mode": "ENABLED"})
    equal(headers.get("x-amz-checksum-crc64nvme"), text(crc(data)), "and tells it")
    upload = Upload(server, "default-parts")
    check("x-amz-checksum-algorithm" not in upload.headers, "an upload without an algorithm names none")
    upload.part(1, b"1" * PART)
    upload.part(2, b"2")
    _, _, body = upload.complete()
    equal((element(body, "ChecksumCRC64NVME"), element(body, "ChecksumType")), (text(crc(b"1" * PART + b"2")), "FULL_OBJECT"),
          "parts without a checksum become an object with a CRC64NVME")
    upload = Upload(server, "mixed-parts")
    upload.part(1, b"1" * PART)
    upload.part(2, b"2", {"x-amz-checksum-crc32": text(ALGORITHMS["CRC32"](b"2"))})
    _, _, body = upload.complete()
    equal((element(body, "ChecksumCRC64NVME"), element(body, "ChecksumType")), (text(crc(b"1" * PART + b"2")), "FULL_OBJECT"),
          "and so do parts with unlike checksums")


def refusals(server):
    data = b"x"
    for name, headers in {
            "two checksums": {"x-amz-checksum-md5": text(hashlib.md5(data).digest()), "x-amz-checksum-sha1": text(hashlib.sha1(data).digest())},
            "an unknown algorithm": {"x-amz-checksum-xxhash32": "AAAAAA=="},
            "an announced one that is not there": {"x-amz-sdk-checksum-algorithm": "SHA512"},
            "another than announced": {"x-amz-sdk-checksum-algorithm": "SHA512", "x-amz-checksum-md5": text(hashlib.md5(data).digest())}}.items():
        status, _, body = server.request("PUT", "/bucket/refused", data, headers)
        equal((status, error_code(body)), (400, "InvalidRequest"), name)
    upload = Upload(server, "refused", "SHA384")
    equal((upload.status, error_code(upload.body)), (400, "InvalidRequest"), "an upload with an unknown algorithm")
    upload = Upload(server, "refused", "SHA512")
    status, _, body = upload.part(1, data, {"x-amz-checksum-md5": text(hashlib.md5(data).digest())})
    equal((status, error_code(body)), (400, "InvalidRequest"), "a part with another algorithm than the upload's")


def main():
    server = Server()
    server.request("PUT", "/bucket")
    for algorithm, compute in ALGORITHMS.items():
        single(server, algorithm, compute)
    for algorithm, compute in ALGORITHMS.items():
        multipart(server, algorithm, compute)
    copies(server)
    defaults(server)
    refusals(server)
    check(server.stop(), "the server ends cleanly")
    done()


if __name__ == "__main__":
    main()
