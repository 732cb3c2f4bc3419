#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Multipart uploads to the last corner: listings past a page, refusals, repetition, ranges as parts, ten thousand parts."""
import concurrent.futures
import hashlib
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from checksums_test import PART, Upload, element
from sluicetest import Server, check, done, equal, error_code


def all_of(body, name):
    return [match.decode() for match in re.findall(f"<{name}>([^<]*)</{name}>".encode(), body)]


def put_part(connection, upload, number, body, headers=None):
    connection.request("PUT", f"{upload.path}?partNumber={number}&uploadId={upload.id}", body, headers or {})
    answer = connection.getresponse()
    text = answer.read()
    return answer.getheader("etag") or element(text, "ETag")


def listing_parts(server):
    upload, connection = Upload(server, "many-parts"), server.connect()
    for number in range(1, 1004):
        put_part(connection, upload, number * 2, b"x" * (number % 3))
    path = f"{upload.path}?uploadId={upload.id}"
    body = server.request("GET", path)[2]
    equal((body.count(b"<Part>"), element(body, "IsTruncated"), element(body, "NextPartNumberMarker"), element(body, "MaxParts")),
          (1000, "true", "2000", "1000"), "ListParts: a whole page")
    check(b"<Initiator><ID>" in body and b"<Owner><ID>" in body and element(body, "StorageClass") == "STANDARD", "with initiator, owner and class")
    body = server.request("GET", path + "&part-number-marker=2000")[2]
    equal((all_of(body, "PartNumber"), all_of(body, "Size"), element(body, "IsTruncated")),
          (["2002", "2004", "2006"], ["2", "0", "1"], "false"), "ListParts: the page behind it")
    equal(element(body, "NextPartNumberMarker"), "2006", "ListParts: the last page names the last part")
    body = server.request("GET", path + "&max-parts=2&part-number-marker=5")[2]
    equal((all_of(body, "PartNumber"), element(body, "PartNumberMarker"), element(body, "NextPartNumberMarker")), (["6", "8"], "5", "8"),
          "ListParts: a marker that is no part")
    body = server.request("GET", path + "&max-parts=5000")[2]
    equal((body.count(b"<Part>"), element(body, "MaxParts")), (1000, "1000"), "ListParts: no more than 1,000")
    status, _, body = server.request("GET", path + "&max-parts=x")
    equal((status, error_code(body)), (400, "InvalidArgument"), "ListParts: a page size that is none")
    equal(server.request("DELETE", path)[0], 204, "abort")
    status, _, body = server.request("GET", path)
    equal((status, error_code(body)), (404, "NoSuchUpload"), "ListParts of an upload that was aborted")
    status, _, body = server.request("DELETE", path)
    equal((status, error_code(body)), (404, "NoSuchUpload"), "aborted twice")


def listing_uploads(server):
    server.request("PUT", "/uploads")
    connection, ids = server.connect(), []
    for index in range(1100):
        key = "a/same" if index < 300 else f"b/{index:04}" if index < 1080 else f"c{index}"
        connection.request("POST", f"/uploads/{key}?uploads")
        ids.append((key, element(connection.getresponse().read(), "UploadId")))
    got, query, pages = [], "", 0
    while query is not None and pages < 5:
        body = server.request("GET", "/uploads?uploads" + query)[2]
        got += list(zip(all_of(body, "Key"), all_of(body, "UploadId")))
        pages += 1
        query = f"&key-marker={element(body, 'NextKeyMarker')}&upload-id-marker={element(body, 'NextUploadIdMarker')}" \
            if element(body, "IsTruncated") == "true" else None
    equal((pages, len(got)), (2, 1100), "ListMultipartUploads: 1,100 on two pages")
    check(sorted(got) == sorted(ids) and [k for k, _ in got] == sorted(k for k, _ in got), "each once, in the order of keys")
    check(b"<Initiator><ID>" in body and b"<Owner><ID>" in body and b"<Initiated>" in body, "with initiator, owner and date")
    body = server.request("GET", "/uploads?uploads&delimiter=/")[2]
    equal((all_of(body, "Prefix"), body.count(b"<Upload>"), element(body, "Delimiter")), (["a/", "b/"], 20, "/"), "with a delimiter")
    body = server.request("GET", "/uploads?uploads&delimiter=/&max-uploads=1")[2]
    equal((all_of(body, "Prefix")[-1], element(body, "IsTruncated"), element(body, "NextKeyMarker")), ("a/", "true", "a/"), "a page of one prefix")
    body = server.request("GET", "/uploads?uploads&delimiter=/&max-uploads=2&key-marker=a/")[2]
    equal((all_of(body, "Prefix")[-1], all_of(body, "Key")), ("b/", ["c1080"]), "the page behind it")
    body = server.request("GET", "/uploads?uploads&prefix=a/&max-uploads=299&key-marker=a/same&upload-id-marker=" + got[0][1])[2]
    equal((body.count(b"<Upload>"), element(body, "IsTruncated")), (299, "false"), "behind one of many uploads of a key")
    status, _, body = server.request("GET", "/uploads?uploads&key-marker=a&upload-id-marker=zzz")
    equal((status, error_code(body)), (400, "InvalidArgument"), "an id marker that is none")
    equal(server.request("DELETE", "/uploads")[0], 204, "a bucket with nothing but uploads can be deleted")


def refusals(server):
    upload = Upload(server, "refused")
    upload.part(1, b"small")
    upload.part(2, b"b" * PART)
    first, second = upload.parts
    _, _, body = upload.complete()
    equal(error_code(body), "EntityTooSmall", "a part that is too small, and not the last")
    upload.parts = [second, first]
    equal(error_code(upload.complete()[2]), "InvalidPartOrder", "parts in another order")
    upload.parts = [second, second]
    equal(error_code(upload.complete()[2]), "InvalidPartOrder", "a part twice")
    upload.parts = [second, (3, first[1])]
    equal(error_code(upload.complete()[2]), "InvalidPart", "a part that is not there")
    upload.parts = [(2, first[1])]
    equal(error_code(upload.complete()[2]), "InvalidPart", "another part's ETag")
    upload.parts = []
    equal(error_code(upload.complete()[2]), "MalformedXML", "no part at all")
    upload.parts = [(n, '"' + "0" * 32 + '"') for n in range(1, 10002)]
    status, _, body = upload.complete()
    equal((status, error_code(body) in ("MalformedXML", "InvalidPart", "InvalidArgument")), (400, True), "10,001 parts")
    upload.parts = [second]
    for headers, code, name in (({"content-md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, "BadDigest", "a list with another MD5"),
                                ({"content-md5": "x"}, "InvalidDigest", "a list with an MD5 that is none"),
                                ({"x-amz-mp-object-size": "5"}, "InvalidRequest", "another size than announced"),
                                ({"if-match": '"x"'}, "NoSuchKey", "If-Match where there is nothing")):
        equal(error_code(upload.complete(headers)[2]), code, name)
    server.request("PUT", "/bucket/refused", b"in the way")
    status, _, body = upload.complete({"if-none-match": "*"})
    equal((status, error_code(body)), (412, "PreconditionFailed"), "If-None-Match where there is something")
    status, _, body = upload.complete({"if-match": '"x"'})
    equal((status, error_code(body)), (412, "PreconditionFailed"), "If-Match of something else")
    equal(server.request("GET", "/bucket/refused")[2], b"in the way", "what was refused changed nothing")
    etag = server.request("HEAD", "/bucket/refused")[1]["etag"]
    equal(upload.complete({"if-match": etag, "x-amz-mp-object-size": str(PART)})[0], 200, "the part alone is good, and so is the condition")
    for query, code in (("uploadId=" + "0" * 32, "NoSuchUpload"), ("uploadId=zzz", "NoSuchUpload")):
        status, _, body = server.request("POST", "/bucket/refused?" + query, "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
                                         "<ETag>x</ETag></Part></CompleteMultipartUpload>")
        equal((status, error_code(body)), (404, code), f"completing {query:.12}")


def repeating(server):
    upload = Upload(server, "again")
    upload.part(1, b"first try")
    upload.part(1, b"1" * PART)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: server.request("PUT", f"{upload.path}?partNumber=2&uploadId={upload.id}", bytes([n]) * 1000), range(64)))
    body = server.request("GET", f"{upload.path}?uploadId={upload.id}")[2]
    equal(all_of(body, "Size"), [str(PART), "1000"], "a part that is uploaded again replaces the one before")
    upload.parts = [(1, hashlib.md5(b"1" * PART).hexdigest()), (2, all_of(body, "ETag")[1].replace("&quot;", ""))]
    status, _, body = upload.complete()
    whole = server.request("GET", "/bucket/again")[2]
    check(status == 200 and whole[:PART] == b"1" * PART and len(set(whole[PART:])) == 1, "one of the parallel ones has won, whole")
    again = upload.complete()
    equal((again[0], element(again[2], "ETag"), element(again[2], "ChecksumCRC64NVME")), (200, element(body, "ETag"), element(body, "ChecksumCRC64NVME")),
          "completing is answered again")
    equal(upload.complete({"if-none-match": "*"})[0], 200, "also where its condition held the first time only")
    parts = upload.parts
    for name, other in (("fewer parts", parts[:1]), ("another part", [parts[0], (2, "0" * 32)]), ("more parts", [*parts, (3, parts[1][1])])):
        upload.parts = other
        status, _, body = upload.complete()
        equal((status, error_code(body)), (400, "InvalidPart"), f"but not with {name} than it was completed with")
    upload.parts = parts
    server.request("PUT", "/bucket/again", b"newer")
    status, _, body = upload.complete()
    equal((status, error_code(body)), (404, "NoSuchUpload"), "but not once the object is another")
    equal(server.request("GET", "/bucket/again")[2], b"newer", "which stays")


def ranges(server):
    source = os.urandom(1 << 20) * 12
    server.request("PUT", "/bucket/source", source)
    upload, want = Upload(server, "pieces"), b""
    for number, (first, last) in enumerate([(1, PART), (PART + 7, 2 * PART + 6), (0, 0)], 1):
        status, _, body = server.request("PUT", f"{upload.path}?partNumber={number}&uploadId={upload.id}",
                                         headers={"x-amz-copy-source": "/bucket/source", "x-amz-copy-source-range": f"bytes={first}-{last}"})
        equal((status, b"<CopyPartResult" in body), (200, True), f"a range as part {number}")
        upload.parts.append((number, element(body, "ETag")))
        want += source[first:last + 1]
    for value, code in (("bytes=0-", "InvalidArgument"), ("bytes=5-4", "InvalidArgument"), (f"bytes=0-{len(source)}", "InvalidArgument"), ("0-5", "InvalidArgument")):
        status, _, body = server.request("PUT", f"{upload.path}?partNumber=9&uploadId={upload.id}",
                                         headers={"x-amz-copy-source": "/bucket/source", "x-amz-copy-source-range": value})
        equal((status, error_code(body)), (400, code), f"the range {value:.12}")
    equal(upload.complete()[0], 200, "ranges make an object")
    server.request("DELETE", "/bucket/source")
    check(server.request("GET", "/bucket/pieces")[2] == want, "with their bytes, also when the source is gone")


def many_at_once(server):
    """A client that gave up waiting asks again, while the first request is still worked on."""
    server.request("PUT", "/bucket/block", b"z" * PART)
    statuses = []
    for number in range(4):
        upload, connection = Upload(server, f"at-once-{number}"), server.connect()
        for part in range(1, 4001):
            upload.parts.append((part, put_part(connection, upload, part, b"", {"x-amz-copy-source": "/bucket/block"})))
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            statuses += [answer.result()[0] for answer in [pool.submit(upload.complete) for _ in range(6)]]
    equal(statuses, [200] * 24, "the same completion, six at a time")


def ten_thousand(server):
    """Parts that are copies of one object: 50 GB that exist once."""
    server.request("PUT", "/bucket/block", b"z" * PART)
    upload, connection = Upload(server, "vast"), server.connect()
    for number in range(1, 10001):
        upload.parts.append((number, put_part(connection, upload, number, b"", {"x-amz-copy-source": "/bucket/block"})))
    began = time.monotonic()
    status, _, body = upload.complete()
    took = time.monotonic() - began
    equal((status, element(body, "ETag")[-7:]), (200, '-10000"'), "ten thousand parts")
    print(f"# completed in {took * 1000:.0f} ms", flush=True)
    status, headers, body = server.request("GET", "/bucket/vast?partNumber=9999", headers={"range-x": "none"})
    equal((status, headers["x-amz-mp-parts-count"], headers["content-range"]), (206, "10000", f"bytes {9998 * PART}-{9999 * PART - 1}/{10000 * PART}"),
          "the last but one of them")
    server.request("DELETE", "/bucket/block")
    equal(server.request("GET", "/bucket/vast", headers={"range": f"bytes={10000 * PART - 3}-"})[2], b"zzz", "their bytes outlive the source")


def main():
    server = Server()
    server.request("PUT", "/bucket")
    listing_parts(server)
    listing_uploads(server)
    refusals(server)
    repeating(server)
    ranges(server)
    many_at_once(server)
    ten_thousand(server)
    check(server.stop(), "the server ends cleanly")
    done()


main()
