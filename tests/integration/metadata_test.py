#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""User metadata and other headers beyond ASCII: kept as they read, answered as RFC 2047 says; what no header can say is counted; and what
a GET may ask for as the value of one."""
import email.header
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sluicetest import Server, check, done, equal, error_code

server = Server()
WORDS = "Grüße aus Zürich, 日本 und 😀; " * 6


def raw(method, path, headers=(), body=b""):
    """(status, headers as bytes, body)."""
    lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: localhost", b"Connection: close", b"Content-Length: %d" % len(body), *headers]
    head, _, body = server.raw(b"\r\n".join(lines) + b"\r\n\r\n" + body).partition(b"\r\n\r\n")
    status, *fields = head.split(b"\r\n")
    return int(status.split()[1]), {field.partition(b": ")[0].decode(): field.partition(b": ")[2] for field in fields}, body


def decoded(value):
    return "".join(part if isinstance(part, str) else part.decode(charset or "ascii") for part, charset in email.header.decode_header(value.decode()))


def given(name, *fields, key="key"):
    """The metadata that come back of what is put."""
    status, _, body = raw("PUT", f"/meta/{key}", fields, b"x")
    if not equal(status, 200, f"{name}: put"):
        print(body)
    heads = [raw(method, f"/meta/{key}")[1] for method in ("GET", "HEAD")]
    told = [{field: value for field, value in head.items() if field.startswith("x-amz-meta-") or field == "x-amz-missing-meta"} for head in heads]
    equal(told[0], told[1], f"{name}: GET and HEAD agree")
    return told[0]


def words():
    equal(given("ASCII", b"x-amz-meta-a: plain =text?= a=?b", b"X-AMZ-META-B:"), {"x-amz-meta-a": b"plain =text?= a=?b", "x-amz-meta-b": b""}, "ASCII comes back as it is")
    equal(given("UTF-8", "x-amz-meta-u: café".encode()), {"x-amz-meta-u": b"=?UTF-8?Q?caf=C3=A9?="}, "UTF-8 comes back encoded")
    told = given("a long text", b"x-amz-meta-l: " + WORDS.encode())["x-amz-meta-l"]
    equal(decoded(told), WORDS.strip(), "a long text is read by others")
    check(all(len(word) <= 75 for word in told.split(b" ")), "no word is longer than strict readers take", told)
    for sent, name in ((b"=?UTF-8?Q?caf=C3=A9?=", "Q"), (b"=?utf-8?B?Y2Fmw6k=?=", "B"), (b"=?ISO-8859-1?Q?caf=E9?=", "ISO-8859-1"), ("=?UTF-8?Q?caf?= =?UTF-8?Q?=C3=A9?=".encode(), "two words")):
        equal(given(name, b"x-amz-meta-u: " + sent), {"x-amz-meta-u": b"=?UTF-8?Q?caf=C3=A9?="}, f"what comes encoded ({name}) is decoded before it is kept")
    equal(given("ASCII that is encoded", b"x-amz-meta-u: =?UTF-8?B?cGxhaW4=?="), {"x-amz-meta-u": b"plain"}, "ASCII comes back plain, however it came")
    told = given("malformed", b"x-amz-meta-u: =?UTF-8?B?***?=")["x-amz-meta-u"]
    equal(decoded(told), "=?UTF-8?B?***?=", "what is malformed is a text like others")
    told = given("a line end", b"x-amz-meta-u: =?UTF-8?Q?a=0D=0Ax-amz-meta-forged:_yes?=")
    equal((set(told), decoded(told["x-amz-meta-u"])), ({"x-amz-meta-u"}, "=?UTF-8?Q?a=0D=0Ax-amz-meta-forged:_yes?="), "an encoded line end makes no line")
    equal(given("repeated", "x-amz-meta-r: é".encode(), b"x-amz-meta-r: =?UTF-8?Q?b?="), {"x-amz-meta-r": b"=?UTF-8?Q?=C3=A9,b?="}, "repeated names are joined")
    equal(raw("PUT", "/meta/large", [b"x-amz-meta-l: " + b"=?UTF-8?Q?" + b"x" * 2047 + b"?="], b"x")[0], 200, "the limit is about what is kept")
    equal(raw("PUT", "/meta/large", [b"x-amz-meta-l: " + b"x" * 2048], b"x")[0], 400, "and holds")


def missing():
    equal(given("no name", b"x-amz-meta-: nobody's", b"x-amz-meta-a: b"), {"x-amz-meta-a": b"b", "x-amz-missing-meta": b"1"}, "an empty name is counted")
    equal(given("no UTF-8", b"x-amz-meta-l: caf\xe9", b"x-amz-meta-: x", b"x-amz-meta-a: b"), {"x-amz-meta-a": b"b", "x-amz-missing-meta": b"2"}, "what is not UTF-8 is counted")


def ways(name):
    """Every way in which metadata are stored."""
    fields = [f"x-amz-meta-u: {name}".encode()]
    raw("PUT", "/meta/source", fields, b"x")
    raw("PUT", "/meta/copied", [b"x-amz-copy-source: /meta/source"])
    raw("PUT", "/meta/replaced", [b"x-amz-copy-source: /meta/source", b"x-amz-metadata-directive: REPLACE", *fields])
    upload = raw("POST", "/meta/upload?uploads", fields)[2].decode().split("<UploadId>")[1].split("<")[0]
    etag = raw("PUT", f"/meta/upload?partNumber=1&uploadId={upload}", (), b"x")[1]["ETag"].decode()
    raw("POST", f"/meta/upload?uploadId={upload}", (), f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>".encode())
    form = "".join(f'--edge\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n' for field, value in (("key", "posted"), ("x-amz-meta-u", name)))
    form += '--edge\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nx\r\n--edge--\r\n'
    raw("POST", "/meta", [b"Content-Type: multipart/form-data; boundary=edge"], form.encode())
    for key in ("source", "copied", "replaced", "upload", "posted"):
        equal(raw("HEAD", f"/meta/{key}")[1].get("x-amz-meta-u"), b"=?UTF-8?Q?=C3=BC?=", f"{key}: {name}")


def overrides():
    get = lambda query: raw("GET", f"/meta/key?{query}")
    equal(get("response-content-disposition=attachment%3B%20filename%3D%22caf%C3%A9%22")[1]["Content-Disposition"], b'attachment; filename="caf\xe9"', "an override in ISO-8859-1")
    for name, query in (("beyond it", "response-content-disposition=%E6%97%A5"), ("no UTF-8", "response-content-type=%E9"), ("a line end", "response-expires=a%0D%0Ab")):
        status, _, body = get(query)
        equal((status, error_code(body)), (400, "InvalidArgument"), f"an override: {name}")
        check(f"<ArgumentName>{query.partition('=')[0]}</ArgumentName>".encode() in body, f"an override: {name}: the answer names it", str(body))


equal(server.request("PUT", "/meta")[0], 200, "a bucket is made")
words()
missing()
ways("ü")
ways("=?UTF-8?B?w7w=?=")
overrides()
done()
