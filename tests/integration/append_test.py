#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""PutObject with x-amz-write-offset-bytes: logs that grow, as one more extent each time."""
import concurrent.futures
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from checksums_test import ALGORITHMS, element, header_of, text
from sluicetest import SLUICE, Server, check, done, equal, error_code, run

MODE = {"x-amz-checksum-mode": "ENABLED"}


def append(server, key, data, offset, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.request("PUT", f"/bucket/{key}", data, {"x-amz-write-offset-bytes": str(offset), **headers})


def growing(server):
    status, headers, _ = append(server, "log", b"first\n", 0, content_type="text/x-log")
    equal((status, headers["x-amz-object-size"]), (200, "6"), "offset 0 makes an object")
    whole = b"first\n"
    for number in range(2, 30):
        line = f"line {number}\n".encode() * (number if number != 7 else 20000)
        status, headers, _ = append(server, "log", line, len(whole), content_type="other/type")
        whole += line
        if not (equal((status, headers["x-amz-object-size"]), (200, str(len(whole))), f"append {number - 1}") and
                check(re.fullmatch(f'"[0-9a-f]{{32}}-{number}"', headers["etag"]), "the ETag counts the parts", headers["etag"])):
            break
    status, headers, body = server.request("GET", "/bucket/log", headers=MODE)
    equal((body == whole, headers["content-type"]), (True, "text/x-log"), "all of it is there, under the first type")
    equal((headers.get("x-amz-checksum-crc64nvme"), headers.get("x-amz-checksum-type")), (text(ALGORITHMS["CRC64NVME"](whole)), "FULL_OBJECT"),
          "with the CRC of all of it")
    status, headers, body = server.request("GET", "/bucket/log?partNumber=2")
    equal((body, headers["x-amz-mp-parts-count"]), (b"line 2\n" * 2, "29"), "each append is a part")
    equal(server.request("GET", "/bucket/log", headers={"range": "bytes=4-8"})[2], whole[4:9], "a range across two of them")
    server.request("PUT", "/bucket/copy", headers={"x-amz-copy-source": "/bucket/log"})
    append(server, "copy", b"more", len(whole))
    check(server.request("GET", "/bucket/copy")[2] == whole + b"more" and server.request("GET", "/bucket/log")[2] == whole,
          "a copy grows by itself")


def refusals(server):
    server.request("PUT", "/bucket/ten", b"0123456789")
    for offset, code in ((9, "InvalidWriteOffset"), (11, "InvalidWriteOffset"), (0, "InvalidWriteOffset"), (-1, "InvalidArgument"), ("x", "InvalidArgument")):
        status, _, body = append(server, "ten", b"x", offset)
        equal((status, error_code(body)), (400, code), f"offset {offset} of ten bytes")
    status, _, body = append(server, "none", b"x", 5)
    equal((status, error_code(body)), (400, "InvalidWriteOffset"), "an offset where there is nothing")
    status, _, body = append(server, "ten", b"x", 10, if_match='"other"')
    equal((status, error_code(body)), (412, "PreconditionFailed"), "If-Match of something else")
    status, _, body = append(server, "ten", b"x", 10, if_none_match="*")
    equal((status, error_code(body)), (412, "PreconditionFailed"), "If-None-Match where there is something")
    status, _, body = append(server, "ten", b"x", 10, x_amz_checksum_sha1=text(ALGORITHMS["SHA1"](b"y")))
    equal((status, error_code(body)), (400, "BadDigest"), "a wrong checksum")
    equal(server.request("GET", "/bucket/ten")[2], b"0123456789", "what was refused changed nothing")
    status, _, body = server.request("PUT", "/bucket/x", headers={"x-amz-copy-source": "/bucket/ten", "x-amz-write-offset-bytes": "0"})
    equal(status, 501, "a copy does not append")
    etag = server.request("HEAD", "/bucket/ten")[1]["etag"]
    equal(append(server, "ten", b"x", 10, if_match=etag)[0], 200, "If-Match of what is there")


def checksums(server):
    a, b = b"a" * 70000, b"bc" * 40000
    for algorithm, compute in ALGORITHMS.items():
        header = header_of(algorithm)
        for claimed in (algorithm, "CRC32"):
            server.request("PUT", "/bucket/sum", a, {header: text(compute(a))})
            append(server, "sum", b, len(a), **{header_of(claimed): text(ALGORITHMS[claimed](b))})
            _, headers, body = server.request("GET", "/bucket/sum", headers=MODE)
            crc = algorithm.startswith("CRC")
            want = (text(compute(a + b)), "FULL_OBJECT") if crc else (text(compute(compute(a) + compute(b))) + "-2", "COMPOSITE")
            equal((headers.get(header), headers.get("x-amz-checksum-type"), body == a + b), (*want, True), f"{algorithm}, appended to with {claimed}")
        parts = server.request("GET", "/bucket/sum?attributes", headers={"x-amz-object-attributes": "ObjectParts"})[2].decode()
        if not crc:
            equal(re.findall(f"<Checksum{algorithm}>([^<]*)<", parts), [] if crc else [text(compute(a)), text(compute(b))],
              f"{algorithm} of both parts, where that of the object is made of them")
            continue
        # Those of parts are told where the object's is made of them; the parts themselves have them, but for a CRC-64, which is nobody's wish.
        equal(re.findall("<ObjectParts>(.*)</ObjectParts>", parts), ["<PartsCount>2</PartsCount>"], f"{algorithm}: the number of parts")
        told = [server.request("GET", f"/bucket/sum?partNumber={number}", headers=MODE)[1].get(header) for number in (1, 2)]
        equal(told, [None] * 2 if algorithm == "CRC64NVME" else [text(compute(a)), text(compute(b))], f"{algorithm} of both parts")


def copy_as_parts(server, source, key, count):
    """A multipart object whose parts are all copies of one object: status and error of its completion."""
    upload = re.search("<UploadId>(.*)</UploadId>", server.request("POST", f"/bucket/{key}?uploads")[2].decode()).group(1)
    parts = ""
    for number in range(1, count + 1):
        status, _, body = server.request("PUT", f"/bucket/{key}?partNumber={number}&uploadId={upload}", headers={"x-amz-copy-source": f"/bucket/{source}"})
        if status != 200:
            return status, error_code(body)
        parts += f"<Part><PartNumber>{number}</PartNumber><ETag>{re.search('<ETag>(.*)</ETag>', body.decode()).group(1)}</ETag></Part>"
    status, _, body = server.request("POST", f"/bucket/{key}?uploadId={upload}", f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode())
    return (status, None) if b"<Error>" not in body else (status, error_code(body))


def pieces(server):
    """What lies in many pieces can be copied as a part many times: a look at the object would cost what somebody else's copies made it cost."""
    piece = os.urandom(54000)
    for number in range(100):
        append(server, "pieces", piece, number * len(piece))
    equal(copy_as_parts(server, "pieces", "pieces-10000", 100), (200, None), "an object of 10,000 pieces")
    equal(copy_as_parts(server, "pieces-10000", "pieces-60000", 6), (400, "TooManyParts"), "one of 60,000 is refused")
    equal(server.request("HEAD", "/bucket/pieces-60000")[0], 404, "and is not there")
    equal(copy_as_parts(server, "pieces-10000", "pieces-50000", 5), (200, None), "one of 50,000 is not")
    last = 50000 * len(piece) - 10
    equal(server.request("GET", "/bucket/pieces-50000", headers={"range": f"bytes={last}-"})[2], piece[-10:], "and is read to its end")


def racing(server):
    """Of those who append at one offset one wins; nobody's bytes are lost or mixed."""
    server.request("PUT", "/bucket/race", b"")
    size, codes = 0, set()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for turn in range(20):
            got = list(pool.map(lambda n: append(server, "race", bytes([65 + n]) * 100, size), range(8)))
            won = [answer for answer in got if answer[0] == 200]
            codes |= {error_code(answer[2]) for answer in got if answer[0] != 200}
            if not check(len(won) == 1, f"turn {turn}: one wins", str([answer[0] for answer in got])):
                return
            size += 100
    body = server.request("GET", "/bucket/race")[2]
    check(len(body) == size and all(len(set(body[i:i + 100])) == 1 for i in range(0, size, 100)), "every piece is whole")
    check(codes <= {"InvalidWriteOffset", "ConditionalRequestConflict"}, "the others are told why", str(codes))


def limit(server):
    """Parts of a multipart upload count, and the number 10,000 is the last."""
    _, _, body = server.request("POST", "/bucket/full?uploads")
    upload = element(body, "UploadId")
    etag = server.request("PUT", f"/bucket/full?partNumber=9999&uploadId={upload}", b"x" * 10)[1]["etag"]
    server.request("POST", f"/bucket/full?uploadId={upload}",
                   f"<CompleteMultipartUpload><Part><PartNumber>9999</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>")
    equal(append(server, "full", b"y", 10)[0], 200, "part 10,000")
    status, _, body = append(server, "full", b"z", 11)
    equal((status, error_code(body)), (400, "TooManyParts"), "and no more")


def main():
    server = Server()
    server.request("PUT", "/bucket")
    growing(server)
    refusals(server)
    checksums(server)
    racing(server)
    limit(server)
    pieces(server)
    data = server.data
    check(server.stop(), "the server ends cleanly")
    status, output = run([SLUICE, "check", "--data", data])
    check(status == 0, "and the store is sound", output)
    server = Server(data=data)
    equal(len(server.request("GET", "/bucket/race")[2]), 2000, "what was appended is there after a restart")
    check(server.stop(), "the server ends cleanly again")
    done()


main()
