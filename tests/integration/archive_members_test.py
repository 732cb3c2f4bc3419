#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Members of archives, as Python's zipfile and tarfile write and read them: every member of every archive whole, in ranges, as gzip and by HEAD, from
archives that lie in a segment, in a file of their own and in parts; listings; conditions; versions; MinIO's way to ask."""
import concurrent.futures
import contextlib
import gzip
import html
import http.client
import io
import random
import re
import tarfile
import urllib.parse
import zipfile

from sluicetest import TLS, Server, check, done, equal, error_code, s3_client

MIB = 1 << 20
rng = random.Random(7)
noise = rng.randbytes(MIB)


def path_of(key, name=None, **more):
    query = {**({} if name is None else {"sluice-member": name}), **more}
    return f"/box/{urllib.parse.quote(key)}?{urllib.parse.urlencode(query)}"


def zip_of(members, prefix=b"", comment=b"", wide=False):
    """members: (name, bytes, deflated)."""
    out = io.BytesIO()
    out.write(prefix)
    with zipfile.ZipFile(out, "a" if prefix else "w") as archive:
        for name, data, deflated in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED
            with archive.open(info, "w", force_zip64=wide) as file:
                file.write(data)
        archive.comment = comment
    return out.getvalue()


def streamed_zip(members):
    """As a writer makes it that cannot seek: sizes follow the bytes."""
    class Pipe(io.RawIOBase):
        def __init__(self):
            self.data = b""

        def writable(self):
            return True

        def write(self, data):
            self.data += bytes(data)
            return len(data)
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:
        for name, data, deflated in members:
            archive.writestr(name, data, zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED)
    return pipe.data


def tar_of(members, form=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data, *_ in members:
            info = tarfile.TarInfo(name.rstrip("/"))
            info.size = len(data)
            info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def judge(server, key, members, name):
    """Every member, in every way: what differs."""
    wrong = []
    for member, data, deflated in members:
        path = path_of(key, member)
        status, headers, body = server.request("GET", path)
        if (status, body) != (200, data) or headers.get("accept-ranges") != "bytes" or "content-encoding" in headers:
            wrong.append((member, "whole", status, body[:80]))
        status, squeezed, body = server.request("GET", path, headers={"Accept-Encoding": "br, gzip;q=0.8"})
        if deflated and (squeezed.get("content-encoding") != "gzip" or squeezed["etag"] == headers["etag"] or "Accept-Encoding" not in squeezed["vary"]
                         or gzip.decompress(body) != data):
            wrong.append((member, "gzip", status, squeezed))
        if not deflated and (body != data or "content-encoding" in squeezed):
            wrong.append((member, "stored, though gzip is taken", status, squeezed))
        for accepted, known in (({}, headers), ({"Accept-Encoding": "gzip"}, squeezed)):
            status, told, body = server.request("HEAD", path, headers=accepted)
            if status != 200 or body or any(told.get(h) != known.get(h) for h in ("etag", "content-length", "content-type", "content-encoding")):
                wrong.append((member, "HEAD", status, told))
        for first, last in {(0, 0), (len(data) // 2, len(data) // 2 + 10), (len(data) - 1, len(data) + 5), (65535, 65537)}:
            if not 0 <= first < len(data):
                continue
            status, told, body = server.request("GET", path, headers={"Range": f"bytes={first}-{last}", "Accept-Encoding": "gzip"})
            if (status, body) != (206, data[first:last + 1]) or told["content-range"] != f"bytes {first}-{min(last, len(data) - 1)}/{len(data)}" or \
                    told["etag"] != headers["etag"]:
                wrong.append((member, first, status, told, body[:80]))
    check(not wrong, name, f"{len(wrong)}: {wrong[:2]}")


def names_in(body, element="Key"):
    return [html.unescape(name) for name in re.findall(rf"<{element}>([^<]*)</{element}>", body.decode())]


def common_in(body):
    return [name for text in re.findall(r"<CommonPrefixes>(.*?)</CommonPrefixes>", body.decode()) for name in names_in(text.encode(), "Prefix")]


SMALL = [("hello.txt", b"hello " * 100, True), ("report/index.html", b"<p>stored</p>", False), ("report/", b"", False), ("empty", b"", False),
         ("nothing deflated", b"", True), ("ünïcode/日本.json", b"{}" * 300, True), ("a+b %41&c=d.css", b"x", False)]
LARGE = [*SMALL, ("noise", noise * 3 + b"end", False), ("zeros", bytes(5 * MIB), True), ("mixed.log", (noise[:70000] + bytes(70000)) * 9, True),
         ("edge", bytes(2 * 65536), True)]

server = Server()
server.request("PUT", "/box")

# ---- ZIP and tar, in whatever they lie ----

for name, members, data in (
        ("a small ZIP, which lies in a segment", SMALL, zip_of(SMALL)), ("a large ZIP", LARGE, zip_of(LARGE)),
        ("a ZIP with zip64 fields", LARGE, zip_of(LARGE, wide=True)), ("one that was streamed", LARGE, streamed_zip(LARGE)),
        ("one that unpacks itself", SMALL, zip_of(SMALL, prefix=b"#!/bin/sh\nexit 1\n" * 50)),
        ("one with a comment that looks like an end", SMALL, zip_of(SMALL, comment=b"PK\5\6" + bytes(60000)))):
    equal(server.request("PUT", "/box/some.zip", data)[0], 200, f"{name} is stored")
    judge(server, "some.zip", members, f"{name}: every member in every way")
    equal(sorted(names_in(server.request("GET", path_of("some.zip", **{"sluice-members": ""}))[2])), sorted(name for name, *_ in members), f"{name}: all are listed")
    judge(server, "some.zip", members[:3], f"{name}: and again, from the index that was kept")

PLAIN = [(name, data, False) for name, data, _ in LARGE]
LONG = [*PLAIN, ("d/" * 120 + "long name", b"long", False), ("./dotted", b"dot", False)]
for name, members, data in (("a tar (pax)", LONG, tar_of(LONG)), ("a tar (GNU)", LONG, tar_of(LONG, tarfile.GNU_FORMAT)), ("a small tar (ustar)", PLAIN[:4], tar_of(PLAIN[:4], tarfile.USTAR_FORMAT))):
    equal(server.request("PUT", "/box/build/output", data)[0], 200, f"{name} is stored, by a name that tells nothing")
    wanted = [(member.removeprefix("./"), data, deflated) for member, data, deflated in members]
    judge(server, "build/output", wanted, f"{name}: every member in every way")
    equal(sorted(names_in(server.request("GET", path_of("build/output", **{"sluice-members": ""}))[2])), sorted(name for name, *_ in wanted), f"{name}: all are listed")

many = [(f"n/{i:05}", b"%d" % i, False) for i in range(5000)]
for key, data in (("many.tar", tar_of(many, tarfile.USTAR_FORMAT)), ("many.zip", zip_of(many))):
    server.request("PUT", f"/box/{key}", data)
    equal([server.request("GET", path_of(key, f"n/{i:05}"))[2] for i in (0, 2500, 4999)], [b"0", b"2500", b"4999"], f"{key}: 5,000 members")

twice = tar_of([("log", b"old", False), ("other", b"1", False), ("log", b"newer", False)])
server.request("PUT", "/box/twice.tar", twice)
equal(server.request("GET", path_of("twice.tar", "log"))[2], b"newer", "of two members of one name the last one counts")

# ---- An object of several extents ----

data = zip_of([("first", noise * 4, False), ("across", noise * 3, False), ("squeezed", (noise[:50000] + bytes(100000)) * 100, True), ("last", b"last", False)])
client = s3_client(server, s3={"addressing_style": "path"})
upload = client.create_multipart_upload(Bucket="box", Key="parts.zip")["UploadId"]
pieces = [data[at:at + 5 * MIB] for at in range(0, len(data), 5 * MIB)]
etags = [client.upload_part(Bucket="box", Key="parts.zip", UploadId=upload, PartNumber=i + 1, Body=piece)["ETag"] for i, piece in enumerate(pieces)]
client.complete_multipart_upload(Bucket="box", Key="parts.zip", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": i + 1, "ETag": e} for i, e in enumerate(etags)]})
check(len(pieces) > 2, "an archive of several parts is stored", str(len(pieces)))
with zipfile.ZipFile(io.BytesIO(data)) as archive:
    judge(server, "parts.zip", [(i.filename, archive.read(i), i.compress_type == zipfile.ZIP_DEFLATED) for i in archive.infolist()],
          "members that reach over the borders of parts")

# ---- Conditions, types, versions ----

server.request("PUT", "/box/some.zip", zip_of(SMALL))
status, headers, _ = server.request("GET", path_of("some.zip", "hello.txt"))
equal([server.request("GET", path_of("some.zip", name))[1]["content-type"] for name in ("hello.txt", "report/index.html", "ünïcode/日本.json", "empty")],
      ["text/plain; charset=utf-8", "text/html; charset=utf-8", "application/json", "binary/octet-stream"], "the type follows from the name")
equal(server.request("GET", path_of("some.zip", "empty", **{"response-content-type": "image/png"}))[1]["content-type"], "image/png", "or from the request")
status, again, body = server.request("GET", path_of("some.zip", "hello.txt"), headers={"If-None-Match": headers["etag"]})
equal((status, body, again["etag"]), (304, b"", headers["etag"]), "If-None-Match of what is there: 304")
squeezed = server.request("HEAD", path_of("some.zip", "hello.txt"), headers={"Accept-Encoding": "gzip"})[1]["etag"]
equal(server.request("GET", path_of("some.zip", "hello.txt"), headers={"If-None-Match": squeezed, "Accept-Encoding": "gzip"})[0], 304, "the same for gzip")
equal(server.request("GET", path_of("some.zip", "hello.txt"), headers={"If-None-Match": squeezed})[0], 200, "which is another one's ETag")
equal(server.request("GET", path_of("some.zip", "hello.txt"), headers={"If-Match": '"0"'})[0], 412, "If-Match of something else: 412")
equal(server.request("GET", path_of("some.zip", "hello.txt"), headers={"If-Modified-Since": headers["last-modified"]})[0], 304, "If-Modified-Since")
equal(server.request("GET", path_of("some.zip", "hello.txt"), headers={"Range": "bytes=0-1", "If-Range": '"0"'})[0], 200, "If-Range of something else: all of it")
for etag, more, encoded in ((headers["etag"], {"Accept-Encoding": "gzip"}, None), (squeezed, {"Accept-Encoding": "gzip"}, "gzip"), (squeezed, {"Range": "bytes=0-599"}, None)):
    status, told, body = server.request("GET", path_of("some.zip", "hello.txt"), headers={"If-Match": etag, **more})
    equal((status // 100, told.get("content-encoding"), gzip.decompress(body) if encoded else body), (2, encoded, b"hello " * 100),
          f"If-Match of either form, as libraries that unpack unseen go on with what they have: {more}")
status, _, body = server.request("GET", path_of("some.zip", "hello.txt"), headers={"Range": "bytes=600-"})
equal((status, error_code(body)), (416, "InvalidRange"), "a range after its end")
etags = {server.request("HEAD", path_of("some.zip", name))[1]["etag"] for name, *_ in SMALL}
equal(len(etags), len(SMALL), "each member has its own ETag")
for accepted, encoded in (("gzip", True), ("GZIP ; q=1", True), ("x-gzip", True), ("*", True), ("deflate", False), ("gzip;q=0", False), ("gzip; q=0.000, *", False), ("", False),
                          ("*;q=0", False), ("identity, *;q=0.1", True)):
    told = server.request("HEAD", path_of("some.zip", "hello.txt"), headers={"Accept-Encoding": accepted})[1]
    equal("content-encoding" in told, encoded, f"Accept-Encoding: {accepted}")

server.request("PUT", "/box/some.zip", zip_of([("hello.txt", b"hello " * 101, True)]))
status, changed, body = server.request("GET", path_of("some.zip", "hello.txt"), headers={"If-None-Match": headers["etag"]})
equal((status, body), (200, b"hello " * 101), "an archive that was replaced has other members")

server.request("PUT", "/kept")
client.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
versions = [client.put_object(Bucket="kept", Key="a.zip", Body=zip_of([("v", b"version %d" % i, True)]))["VersionId"] for i in (1, 2)]
equal([server.request("GET", f"/kept/a.zip?sluice-member=v&versionId={v}")[2] for v in versions], [b"version 1", b"version 2"], "members of versions")
equal(server.request("GET", "/kept/a.zip?sluice-member=v")[1]["x-amz-version-id"], versions[1], "and of the current one, which is told")
client.delete_object(Bucket="kept", Key="a.zip")
equal([server.request("GET", f"/kept/a.zip?{query}")[0] for query in ("sluice-member=v", "sluice-members")], [404, 404], "of a deleted one: 404")

# ---- What is not there ----

status, _, body = server.request("GET", path_of("some.zip", "no such"))
equal((status, error_code(body)), (404, "NoSuchKey"), "a member that is not there")
check(b"<Key>some.zip/no such</Key>" in body, "and the answer says which", body.decode())
equal([server.request("GET", path_of("nowhere.zip", **query))[0] for query in ({"name": "x"}, {"sluice-members": ""})], [404, 404], "an archive that is not there")
equal([server.request(method, path_of("some.zip", "hello.txt"))[0] for method in ("PUT", "POST", "DELETE")], [405, 405, 405], "members are only read")
status, _, body = server.request("GET", path_of("some.zip", "hello.txt", acl=""))
equal((status, error_code(body)), (400, "InvalidArgument"), "nor may two things be asked for at once")

# ---- Listings ----

TREE = ["a", "b/1", "b/2", "b/c/1", "b-", "c/", "d", "ü/x", "z/1"]
server.request("PUT", "/box/deep/tree.zip", zip_of([(name, name.encode(), False) for name in TREE]))
client.meta.events.register_first("before-sign.s3.*", lambda request, **_: request.headers.add_header("x-minio-extract", "true") if "extract" in request.url else None)


def listed(prefix="", delimiter="", **more):
    body = server.request("GET", path_of("deep/tree.zip", **{"sluice-members": "", "prefix": prefix, "delimiter": delimiter, **more}))[2]
    return names_in(body), common_in(body), body


order = sorted(TREE, key=str.encode)
equal(listed()[:2], (order, []), "members are listed in the order of their names' bytes")
equal(listed(delimiter="/")[:2], (["a", "b-", "d"], ["b/", "c/", "z/", "ü/"]), "with a delimiter folders are told once")
equal(listed("b/", "/")[:2], (["b/1", "b/2"], ["b/c/"]), "inside a folder")
equal(listed("c/", "/")[:2], (["c/"], []), "a folder's own entry")
equal(listed("nothing")[:2], ([], []), "a prefix that none has")
equal(listed(**{"start-after": "b/2"})[0], order[order.index("b/2") + 1:], "after a name")
equal(listed(**{"max-keys": 0})[:2], ([], []), "none at all")
for delimiter in ("", "/"):
    for page in (1, 2, 3):
        keys, common, token, rounds = [], [], None, 0
        while rounds < 20:
            more = {"continuation-token": token} if token else {}
            found, folders, body = listed(delimiter=delimiter, **{"max-keys": page}, **more)
            keys, common, rounds = keys + found, common + folders, rounds + 1
            token = next(iter(names_in(body, "NextContinuationToken")), None)
            if token is None:
                break
        equal((keys, common), listed(delimiter=delimiter)[:2], f"{page} a page, delimiter {delimiter!r}: the same, in {rounds} pages")
body = listed(**{"encoding-type": "url"})[2]
check(b"<Key>%C3%BC/x</Key>" in body and b"<EncodingType>url</EncodingType>" in body, "encoding-type=url", body.decode())
head = server.request("HEAD", path_of("deep/tree.zip", "b/1"))[1]
check("<Key>b/1</Key><LastModified>" in body.decode() and head["etag"].strip('"') in body.decode(), "a listing has the ETags that HEAD has")
status, _, body = server.request("GET", path_of("deep/tree.zip", **{"sluice-members": "", "continuation-token": "!"}))
equal((status, error_code(body)), (400, "InvalidArgument"), "a token that is none")

# ---- MinIO's way ----

extract = {"X-Minio-Extract": "true"}
equal(server.request("GET", "/box/deep/tree.zip/b/1", headers=extract)[2], b"b/1", "MinIO's way: a member as a path")
equal(server.request("HEAD", "/box/deep/tree.zip/b/c/1", headers=extract)[1]["content-length"], "5", "and by HEAD")
equal(server.request("GET", "/box/deep/tree.zip/b/c/1", headers={**extract, "Range": "bytes=2-2"})[2], b"c", "and a range")
status, _, body = server.request("GET", "/box/deep/tree.zip/b/1")
equal((status, error_code(body)), (404, "NoSuchKey"), "without the header it is a key like any other")
status, _, body = server.request("GET", "/box/deep/tree.zip/no", headers=extract)
check(status == 404 and b"<Key>deep/tree.zip/no</Key>" in body, "a member that is not there, by the key that was asked for", body.decode())
equal(server.request("GET", "/box/deep/tree.zip", headers=extract)[0], 200, "the archive itself")
server.request("PUT", "/box/deep/tree.zip/b/1", b"an object", headers=extract)
equal(server.request("GET", "/box/deep/tree.zip/b/1")[2], b"an object", "a PUT with the header stores an object of that key")
for query, keys, common in (("list-type=2&prefix=deep/tree.zip/", order, []), ("prefix=deep/tree.zip/&delimiter=/", ["a", "b-", "d"], ["b/", "c/", "z/", "ü/"]),
                            ("list-type=2&prefix=deep/tree.zip/b/&delimiter=/", ["b/1", "b/2"], ["b/c/"]),
                            ("prefix=deep/tree.zip/&marker=deep/tree.zip/b/2", order[order.index("b/2") + 1:], []),
                            ("prefix=deep/tree.zip/&marker=deep/", order, []), ("prefix=deep/tree.zip/&marker=deep/z", [], []),
                            ("list-type=2&prefix=deep/tree.zip/&start-after=deep/tree.zip/b/2", order[order.index("b/2") + 1:], [])):
    body = server.request("GET", f"/box?{query}", headers=extract)[2]
    equal((names_in(body), common_in(body)), (["deep/tree.zip/" + k for k in keys], ["deep/tree.zip/" + c for c in common]), f"MinIO's listing: {query}")
body = server.request("GET", "/box?list-type=2&prefix=deep/", headers=extract)[2]
check("deep/tree.zip" in names_in(body), "a prefix without an archive is listed as ever", body.decode())

squeezed = (noise[:1000] + bytes(3000)) * 8000
server.request("PUT", "/box/extract/large.zip", zip_of([("squeezed", squeezed, True), ("stored", noise * 20, False), *((f"p/{i:03}", b"", False) for i in range(300))]))
for member, wanted in (("squeezed", squeezed), ("stored", noise * 20)):
    got = io.BytesIO()
    client.download_fileobj("box", f"extract/large.zip/{member}", got)
    check(got.getvalue() == wanted, f"boto3 downloads {member}, {len(wanted)} bytes, in ranges at once, and it is identical")
pages = client.get_paginator("list_objects_v2").paginate(Bucket="box", Prefix="extract/large.zip/p/", PaginationConfig={"PageSize": 100})
equal([entry["Key"] for page in pages for entry in page["Contents"]], [f"extract/large.zip/p/{i:03}" for i in range(300)], "and lists members page by page")

# ---- Many at once ----

for key, data, wanted in (("herd.zip", zip_of(many), b"77"), ("herd", tar_of(many, tarfile.USTAR_FORMAT), b"77"), ("herd.tar", b"no archive", None)):
    server.request("PUT", f"/box/{key}", data)
    with concurrent.futures.ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda _: server.request("GET", path_of(key, "n/00077")), range(90)))
    got = {(status, body if status == 200 else error_code(body)) for status, _, body in answers}
    equal(got, {(200, wanted) if wanted else (400, "InvalidRequest")}, f"{key}: 90 requests that all come before its members are known")

# ---- Clients that leave ----

for i in range(40):
    connection = server.connect()
    with contextlib.closing(connection):
        connection.request("GET", path_of("extract/large.zip", "squeezed"))
        if i % 2:
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection.getresponse().read(1 + i * 1000)
equal(server.request("GET", path_of("extract/large.zip", "squeezed"))[2] == squeezed, True, "after 40 clients that left in the middle the 41st gets all of it")
check(server.stop(), "the server ends with status 0: nothing of them is left")

# ---- Through memory ----

if not TLS:
    copying = Server(args=["--copy-mode", "standard", "--verify-reads"])
    copying.request("PUT", "/box")
    copying.request("PUT", "/box/some.zip", zip_of(LARGE))
    judge(copying, "some.zip", LARGE, "in copy mode: every member in every way")
    check(copying.stop(), "the server ends with status 0")
done()
