#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bad input gets S3's own error, at once, and nothing is stored; malformed HTTP gets 400 and the connection is closed; after an
early error the connection is usable or closed, never out of step. Streaming bodies (aws-chunked) in all their forms."""
import base64
import datetime
import hashlib
import os
import zlib

from signer import Signer, unsigned_chunks
from sluicetest import ACCESS, SECRET, Server, check, done, equal, error_code

server = Server(keys=True)
anonymous = Server()
HOST = f"{server.host}:{server.port}"


def signed(method, path, body=b"", payload=None, extra=None, signer=None, query="", send=None):
    """A signed request: (status, error code or ''), with everything open to be spoiled."""
    signer = signer or Signer(ACCESS, SECRET)
    payload = payload or hashlib.sha256(body).hexdigest()
    headers = signer.headers(method, path, HOST, payload, extra, query)
    body = send(signer) if send else body
    status, answer, text = server.request(method, path + ("?" + query if query else ""), body=body or None, headers=headers)
    if "x-amz-request-id" not in answer:
        check(False, f"{method} {path}: the answer has a request id")
    return status, error_code(text) if status >= 400 else ""


def streamed(key, chunks, kind, trailers=None, spoil=None, extra=None, trailer_name=None, transfer_chunked=False, decoded=None, body=None):
    signer = Signer(ACCESS, SECRET)
    length = sum(map(len, chunks)) if decoded is None else decoded
    more = {"x-amz-decoded-content-length": str(length), "content-encoding": "aws-chunked", **(extra or {})}
    if trailers:
        more["x-amz-trailer"] = trailer_name or ",".join(name for name, _ in trailers)
    headers = signer.headers("PUT", f"/bad/{key}", HOST, kind, more)
    if body is None:
        body = unsigned_chunks(chunks, trailers or ()) if "UNSIGNED" in kind else signer.signed_chunks(chunks, trailers, spoil)
    if transfer_chunked:
        headers["transfer-encoding"] = "chunked"
        pieces = [body[i:i + 1000] for i in range(0, len(body), 1000)]
        connection = server.connect()
        connection.request("PUT", f"/bad/{key}", body=iter(pieces), headers=headers, encode_chunked=True)
        response = connection.getresponse()
        text = response.read()
        return response.status, error_code(text) if response.status >= 400 else ""
    status, _, text = server.request("PUT", f"/bad/{key}", body=body, headers=headers)
    return status, error_code(text) if status >= 400 else ""


def fetch(key):
    headers = Signer(ACCESS, SECRET).headers("GET", f"/bad/{key}", HOST)
    return server.request("GET", f"/bad/{key}", headers=headers)


def signatures():
    equal(signed("PUT", "/bad"), (200, ""), "a signed request is accepted")
    equal(signed("PUT", "/bad/a", b"x", signer=Signer(ACCESS, "wrong")), (403, "SignatureDoesNotMatch"), "a wrong secret")
    equal(signed("PUT", "/bad/a", b"x", signer=Signer("NOBODY", SECRET)), (403, "InvalidAccessKeyId"), "an unknown key")
    for hours in (-1, 1):
        late = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)
        equal(signed("PUT", "/bad/a", b"x", signer=Signer(ACCESS, SECRET, now=late)), (403, "RequestTimeTooSkewed"), f"a clock {hours} h off")
    equal(signed("PUT", "/bad/a", b"x", signer=Signer(ACCESS, SECRET, region="mars-1"))[1], "AuthorizationHeaderMalformed", "another region")
    equal(signed("PUT", "/bad/a", b"x", payload=hashlib.sha256(b"y").hexdigest()), (400, "XAmzContentSHA256Mismatch"), "a wrong payload hash")
    headers = Signer(ACCESS, SECRET).headers("PUT", "/bad/a", HOST, "UNSIGNED-PAYLOAD")
    headers["content-type"] = "text/unsigned"
    equal(server.request("PUT", "/bad/typed", body=b"x", headers=headers)[0], 403, "headers signed for another path")
    headers = Signer(ACCESS, SECRET).headers("PUT", "/bad/typed", HOST, "UNSIGNED-PAYLOAD")
    headers["content-type"] = "text/unsigned"
    equal(server.request("PUT", "/bad/typed", body=b"x", headers=headers)[0], 200, "a Content-Type that was not signed is fine")
    equal(error_code(server.request("GET", "/bad/typed")[2]), "AccessDenied", "no signature, no access")
    equal(error_code(server.request("GET", "/bad/typed", headers={"Authorization": "AWS4-HMAC-SHA256 nonsense", "x-amz-content-sha256": "UNSIGNED-PAYLOAD"})[2]),
          "AuthorizationHeaderMalformed", "a malformed Authorization")
    equal(signed("GET", "/bad/a"), (404, "NoSuchKey"), "nothing of the refused was stored")


def digests():
    md5 = base64.b64encode(hashlib.md5(b"good").digest()).decode()
    equal(signed("PUT", "/bad/d", b"evil", extra={"content-md5": md5}), (400, "BadDigest"), "a wrong Content-MD5")
    equal(signed("PUT", "/bad/d", b"good", extra={"content-md5": "zzz"}), (400, "InvalidDigest"), "a Content-MD5 that is none")
    crc = base64.b64encode(zlib.crc32(b"good").to_bytes(4, "big")).decode()
    for name, value in (("crc32", crc), ("crc32c", "AAAAAA=="), ("crc64nvme", "AAAAAAAAAAA="),
                        ("sha1", base64.b64encode(hashlib.sha1(b"good").digest()).decode()),
                        ("sha256", base64.b64encode(hashlib.sha256(b"good").digest()).decode())):
        equal(signed("PUT", "/bad/d", b"evil", extra={"x-amz-checksum-" + name: value}), (400, "BadDigest"), f"a wrong {name}")
    equal(signed("PUT", "/bad/d", b"x", extra={"x-amz-checksum-crc32": "!!"})[0], 400, "a checksum that is no base64")
    equal(signed("PUT", "/bad/crc64", b"123456789", extra={"x-amz-checksum-crc64nvme": "rosUhgp5mIg="}), (200, ""), "the right crc64nvme")
    equal(signed("PUT", "/bad/crc32c", b"123456789", extra={"x-amz-checksum-crc32c": "4waSgw=="}), (200, ""), "the right crc32c")
    equal(signed("GET", "/bad/d"), (404, "NoSuchKey"), "nothing of the refused was stored")


def streaming():
    signed_kind, unsigned = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    signed_trailer = signed_kind + "-TRAILER"
    chunks = [os.urandom(65536) for _ in range(5)] + [os.urandom(1234)]
    whole = b"".join(chunks)
    crc = [("x-amz-checksum-crc32", base64.b64encode(zlib.crc32(whole).to_bytes(4, "big")).decode())]
    bad_crc = [("x-amz-checksum-crc32", base64.b64encode(zlib.crc32(b"").to_bytes(4, "big")).decode())]
    for name, kind, trailers in (("signed chunks", signed_kind, None), ("signed chunks with trailer", signed_trailer, crc),
                                 ("unsigned chunks with trailer", unsigned, crc)):
        for transfer in (False, True):
            label = name + (", inside chunked transfer" if transfer else "")
            equal(streamed("s", chunks, kind, trailers, transfer_chunked=transfer), (200, ""), label)
            status, headers, body = fetch("s")
            equal((status, body == whole), (200, True), f"{label}: the payload alone is stored")
            check("aws-chunked" not in headers.get("content-encoding", ""), f"{label}: aws-chunked is not stored")
            signed("DELETE", "/bad/s")
    equal(streamed("gz", chunks, signed_kind, extra={"content-encoding": "aws-chunked,gzip"}), (200, ""), "aws-chunked beside gzip")
    equal(fetch("gz")[1].get("content-encoding"), "gzip", "gzip alone is stored")
    equal(streamed("e", [], signed_kind), (200, ""), "an empty body in signed chunks")
    for index in (0, 3, len(chunks)):
        equal(streamed("w", chunks, signed_kind, spoil=index), (403, "SignatureDoesNotMatch"), f"a wrong signature of chunk {index}")
    equal(streamed("w", chunks, signed_trailer, crc, spoil=-1), (403, "SignatureDoesNotMatch"), "a wrong signature of the trailer")
    equal(streamed("w", chunks, signed_trailer, bad_crc), (400, "BadDigest"), "a wrong checksum in a signed trailer")
    equal(streamed("w", chunks, unsigned, bad_crc), (400, "BadDigest"), "a wrong checksum in an unsigned trailer")
    headers = Signer(ACCESS, "wrong").headers("PUT", "/bad/w", HOST, unsigned, {"x-amz-decoded-content-length": str(len(whole)),
                                              "content-encoding": "aws-chunked", "x-amz-trailer": "x-amz-checksum-crc32"})
    equal(error_code(server.request("PUT", "/bad/w", body=unsigned_chunks(chunks, crc), headers=headers)[2]), "SignatureDoesNotMatch",
          "an unsigned trailer does not excuse a wrong signature")
    equal(streamed("w", chunks, signed_kind, decoded=len(whole) + 1)[0], 400, "a decoded length that is too long")
    equal(streamed("w", chunks, signed_kind, decoded=len(whole) - 1)[0], 400, "a decoded length that is too short")
    for label, body in (("no size", b";chunk-signature=" + b"0" * 64 + b"\r\n\r\n"), ("a size that is no number", b"xyz\r\n\r\n"),
                        ("a size beyond all bounds", b"fffffffffffffffffffff\r\n"), ("nothing at all", b"")):
        status, code = streamed("w", [b"abc"], unsigned, [("x-amz-checksum-crc32", "NSRBwg==")], body=body)
        check(status in (400, 403), f"aws-chunked with {label} is refused", f"{status} {code}")
    equal(signed("GET", "/bad/w"), (404, "NoSuchKey"), "nothing of the refused was stored")


def names_and_xml():
    equal(signed("PUT", "/No_Such"), (400, "InvalidBucketName"), "a bad bucket name")
    equal(signed("PUT", "/ab"), (400, "InvalidBucketName"), "a bucket name too short")
    equal(signed("GET", "/missing-bucket/x"), (404, "NoSuchBucket"), "a missing bucket")
    equal(signed("PUT", "/bad/" + "k" * 1025, b"x"), (400, "KeyTooLongError"), "a key too long")
    for label, body in (("not XML", b"hello"), ("another document", b"<A/>"), ("unclosed", b"<Delete><Object>"),
                        ("with a DTD", b'<!DOCTYPE Delete [<!ENTITY a "b">]><Delete><Object><Key>&a;</Key></Object></Delete>'),
                        ("empty", b"")):
        status, code = signed("POST", "/bad", body, query="delete=")
        check(status == 400 and code in ("MalformedXML", "MissingRequestBodyError"), f"DeleteObjects {label}", f"{status} {code}")
    keys = "".join(f"<Object><Key>k{n}</Key></Object>" for n in range(1001))
    equal(signed("POST", "/bad", f"<Delete>{keys}</Delete>".encode(), query="delete="), (400, "MalformedXML"), "1,001 keys to delete")
    equal(signed("POST", "/bad", b"<Delete>" + b" " * (3 << 20) + b"</Delete>", query="delete=")[0] in (400, 413), True, "3 MiB of XML")
    equal(signed("PUT", "/bad", query="logging=", body=b"<a/>")[0], 400, "what is not served is refused")
    equal(signed("PUT", "/bad", query="replication=", body=b"<a/>"), (400, "MalformedXML"), "a configuration of replication that is none is MalformedXML")
    equal(signed("PUT", "/bad", query="website=", body=b"<a/>"), (400, "MalformedXML"), "what is served is read")
    equal(signed("GET", "/bad", query="list-type=2&max-keys=x"), (400, "InvalidArgument"), "max-keys that is no number")
    equal(signed("GET", "/bad", query="list-type=2&continuation-token=garbage")[0], 400, "a continuation token that is none")
    equal(signed("GET", "/bad/x", query="uploadId=zzz"), (404, "NoSuchUpload"), "an upload id that is none")
    equal(signed("PUT", "/bad/x", b"x", query="uploadId=zzz&partNumber=0"), (400, "InvalidArgument"), "part number 0")
    equal(signed("PUT", "/bad/x", b"x", query="uploadId=zzz&partNumber=10001"), (400, "InvalidArgument"), "part number 10001")
    status, _, body = server.request("HEAD", "/bad/nope", headers=Signer(ACCESS, SECRET).headers("HEAD", "/bad/nope", HOST))
    equal((status, body), (404, b""), "HEAD of a missing key has no body")


def refused_http(label, data, codes=(400,)):
    """Malformed HTTP: one answer with one of the codes, then the connection is closed."""
    answer = anonymous.raw(data, timeout=30)
    first = answer.split(b"\r\n")[0].split(b" ")
    status = int(first[1]) if len(first) > 1 and first[1].isdigit() else 0
    check(status in codes and answer.count(b"HTTP/1.1 ") == 1, label, repr(answer[:120]))


def malformed_http():
    equal(anonymous.request("PUT", "/raw")[0], 200, "a bucket on the open server")
    put = b"PUT /raw/x HTTP/1.1\r\nHost: localhost\r\n"
    smuggled = b"GET /raw/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
    refused_http("two different lengths", put + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello" + smuggled)
    refused_http("a list of lengths", put + b"Content-Length: 5, 5\r\n\r\nhello" + smuggled)
    refused_http("a signed length", put + b"Content-Length: +5\r\n\r\nhello" + smuggled)
    refused_http("a negative length", put + b"Content-Length: -5\r\n\r\nhello" + smuggled)
    refused_http("a length beyond 64 bits", put + b"Content-Length: 99999999999999999999999\r\n\r\n" + smuggled)
    refused_http("length and chunked together", put + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled)
    refused_http("an unknown transfer coding", put + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + smuggled, (400, 501))
    refused_http("chunked twice", put + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, (400, 501))
    refused_http("xchunked", put + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + smuggled, (400, 501))
    refused_http("a blank before the colon", put + b"Content-Length : 5\r\n\r\nhello" + smuggled)
    refused_http("a folded header", put + b"X-A: b\r\n c\r\n\r\n")
    refused_http("no Host", b"GET /raw HTTP/1.1\r\n\r\n")
    refused_http("two Hosts", b"GET /raw HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    refused_http("a bare LF", b"GET /raw HTTP/1.1\nHost: a\n\n")
    refused_http("NUL in a header", b"GET /raw HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n")
    refused_http("no HTTP at all", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
    refused_http("another version", b"GET /raw HTTP/3.0\r\nHost: a\r\n\r\n", (400, 505))
    refused_http("a head without end", b"GET /raw HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 100_000, (400, 431))
    refused_http("too many headers", b"GET /raw HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(500)) + b"\r\n", (400, 431))
    for label, body in (("a chunk size that is no number", b"zz\r\nab\r\n0\r\n\r\n"), ("a chunk size beyond 64 bits", b"fffffffffffffffff\r\n"),
                        ("a chunk with a wrong end", b"2\r\nabXX0\r\n\r\n"), ("a bare LF in chunks", b"2\nab\n0\n\n")):
        refused_http(label, put + b"Transfer-Encoding: chunked\r\n\r\n" + body)
    equal(anonymous.request("GET", "/raw/x")[0], 404, "nothing of it was stored")
    equal(anonymous.request("GET", "/raw/smuggled")[0], 404, "and the smuggled request was never served")


def short_and_early():
    answer = anonymous.raw(b"PUT /raw/short HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nonly this", half_close=True)
    equal((answer.split(b" ")[1], error_code(answer)), (b"400", "IncompleteBody"), "a short body")
    equal(anonymous.request("GET", "/raw/short")[0], 404, "a short body is not stored")
    with anonymous.open_socket(60) as sock: # refused before its body: what follows may be that body
        sock.sendall(b"PUT /no-such-bucket/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        answer = sock.recv(65536)
        check(b" 404 " in answer and b"100 Continue" not in answer, "Expect is answered after the bucket check", repr(answer[:100]))
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        check(b"onnection: close" in answer and sock.recv(65536) == b"", "and what follows is not taken for a request")
    with anonymous.open_socket(60) as sock:
        sock.sendall(b"PUT /raw/expected HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        equal(sock.recv(65536), b"HTTP/1.1 100 Continue\r\n\r\n", "100 Continue when all is well")
        sock.sendall(b"hello")
        check(sock.recv(65536).startswith(b"HTTP/1.1 200"), "then the body is taken")
    requests = b"".join(b"PUT /raw/p%d HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nab%d" % (n, n) for n in range(5))
    requests += b"PUT /no-such-bucket/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody"
    requests += b"".join(b"GET /raw/p%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % n for n in range(4)) + b"GET /raw/p4 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = anonymous.raw(requests)
    statuses = [answer[i + 9:i + 12] for i in range(len(answer)) if answer.startswith(b"HTTP/1.1 ", i)]
    equal(statuses, [b"200"] * 5 + [b"404"] + [b"200"] * 5, "pipelined requests, one refused with its body unread, stay in step")
    check(all(b"ab%d" % n in answer for n in range(5)), "and each gets its own body")


for part in (signatures, digests, streaming, names_and_xml, malformed_http, short_and_early):
    try:
        part()
    except Exception as error:
        check(False, f"{part.__name__} runs to its end", repr(error))
equal(anonymous.request("GET", "/-/healthy")[0], 200, "the open server is healthy after all that")
equal(server.request("GET", "/-/healthy")[0], 200, "the other one too")
check(server.stop() and anonymous.stop(), "both end with status 0")
done()
