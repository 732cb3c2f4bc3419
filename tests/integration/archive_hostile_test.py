#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Archives that lie, and those that may not be looked into: what is refused, by which words, and that everything else of them is still served. And who
may read members: whoever may read the archive, by the same rules."""
import io
import json
import os
import struct
import tarfile
import urllib.parse
import zipfile

from signer import Signer
from sluicetest import Server, check, done, equal, error_code, s3_client, scratch

MIB = 1 << 20
server = Server()
server.request("PUT", "/box")


def ask(key, name=None, headers=None, where=server, method="GET", **more):
    query = {**({} if name is None else {"sluice-member": name}), **more}
    return where.request(method, f"/box/{urllib.parse.quote(key)}?{urllib.parse.urlencode(query)}", headers=headers)


def store(key, data):
    equal(server.request("PUT", f"/box/{urllib.parse.quote(key)}", bytes(data))[0], 200, f"{key} is stored")


def refused(key, name, status, code, words, headers=None):
    got, _, body = ask(key, name, headers)
    check((got, error_code(body)) == (status, code) and words in body.decode(), f"{key}: {name}: {status} {code}, {words!r}", f"{got} {body.decode()[:400]}")


def zip_of(*members):
    """(name, data, method)"""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data, method in members:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return bytearray(out.getvalue())


STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED


def entry_of(data, name):
    """Where the member's entry in the directory begins, and its local header."""
    at = data.rfind(b"PK\1\2", 0, data.rfind(name.encode()))
    return at, struct.unpack_from("<I", data, at + 42)[0]


# ---- What no archive is ----

for key, data, status, code, words in (
        ("empty", b"", 400, "InvalidRequest", "no ZIP or tar archive"), ("text.zip", b"hello", 400, "InvalidRequest", "no ZIP or tar archive"),
        ("noise", os.urandom(200000), 400, "InvalidRequest", "no ZIP or tar archive"), ("a.tar", b"hello", 400, "InvalidRequest", "damaged"),
        ("a.tar.gz", b"\x1f\x8b" + bytes(1000), 501, "NotImplemented", "gzip"), ("a.tbz", b"BZh9" + bytes(1000), 501, "NotImplemented", "bzip2"),
        ("a.txz", b"\xfd7zXZ\0", 501, "NotImplemented", "(.tar.xz)"), ("a.tar.zst", b"\x28\xb5\x2f\xfd" + bytes(100), 501, "NotImplemented", "Zstandard"),
        ("cut.zip", zip_of(("a", b"x" * 1000, STORED))[:-30], 400, "InvalidRequest", "no ZIP or tar archive"),
        ("front.zip", zip_of(("a", b"x" * 1000, STORED))[500:], 400, "InvalidRequest", "damaged")):
    store(key, data)
    refused(key, "a", status, code, words)
    equal(error_code(ask(key, **{"sluice-members": ""})[2]), code, f"{key}: nor is it listed")

# ---- Directories that lie ----

good = zip_of(("a", b"hello", STORED), ("b", b"hello" * 100, DEFLATED))
end = good.rfind(b"PK\5\6")
for name, at, value in (("a count that is too small", end + 8, b"\1\0\1\0"), ("a count that is too large", end + 8, b"\3\0\3\0"), ("an offset beyond it", end + 16, b"\xff\xff\xff\x7f"),
                        ("a length beyond it", end + 12, b"\xff\xff\xff\x7f"), ("an entry that is none", good.find(b"PK\1\2"), b"PK\1\3")):
    data = bytearray(good)
    data[at:at + len(value)] = value
    store(f"{name}.zip", data)
    refused(f"{name}.zip", "a", 400, "InvalidRequest", "damaged")
data = bytearray(good)
data[end + 4:end + 8] = b"\1\0\1\0"
store("disks.zip", data)
refused("disks.zip", "a", 501, "NotImplemented", "several disks")
record = struct.pack("<IQHHIIQQQQ", 0x06064b50, 44, 45, 45, 0, 0, 1 << 40, 1 << 40, 5 * MIB, 0) + struct.pack("<IIQI", 0x07064b50, 0, 5 * MIB, 1)
store("count.zip", bytes(5 * MIB) + record + struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, 65535, 65535, 0xffffffff, 0xffffffff, 0))
refused("count.zip", "a", 501, "NotImplemented", "more members")
record = struct.pack("<IQHHIIQQQQ", 0x06064b50, 44, 45, 45, 0, 0, 1, 1, 17 * MIB, 0) + struct.pack("<IIQI", 0x07064b50, 0, 17 * MIB, 1)
store("length.zip", bytes(17 * MIB) + record + struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, 65535, 65535, 0xffffffff, 0xffffffff, 0))
refused("length.zip", "a", 501, "NotImplemented", "larger directory")

# ---- Members that are not given out ----

noise = os.urandom(MIB)
data = zip_of(("encrypted", b"secret", STORED), ("lzma", b"x" * 100, zipfile.ZIP_LZMA), ("bzip2", b"x" * 100, zipfile.ZIP_BZIP2), ("other name", b"x", STORED), ("other size", b"xyz", STORED),
              ("other method", b"x" * 100, DEFLATED), ("bomb", bytes(100000), DEFLATED), ("wrong sum", b"hello" * 10, DEFLATED), ("wrong large", noise, DEFLATED), ("torn", b"hello" * 1000, DEFLATED),
              ("inner", b"0" * 500, STORED), ("outer", b"0" * 500, STORED), ("../up", b"x", STORED), ("/root", b"x", STORED), ("C:\\windows", b"x", STORED), ("a/../../b", b"x", STORED),
              ("sound", b"sound", STORED))
for name in ("encrypted", "other name", "other size", "other method", "bomb", "wrong sum", "wrong large", "torn", "outer"):
    at, local = entry_of(data, name)
    if name == "encrypted":
        data[at + 8] |= 1
    elif name == "other name":
        data[local + 30] ^= 1
    elif name == "other size":
        data[local + 22] = 2
    elif name == "other method":
        data[local + 8] = 0
    elif name == "bomb":
        struct.pack_into("<I", data, at + 24, 1 << 30)
    elif name in ("wrong sum", "wrong large"):
        data[at + 16] ^= 1
        data[local + 14] ^= 1
    elif name == "torn":
        stored = struct.unpack_from("<I", data, at + 20)[0]
        data[local + 34 + stored // 2:local + 34 + stored] = b"\xff" * (stored - stored // 2)
    else: # begins inside the one before it
        struct.pack_into("<I", data, at + 42, local - 100)
store("mixed.zip", data)
for name, status, code, words in (
        ("encrypted", 501, "NotImplemented", "encrypted"), ("lzma", 501, "NotImplemented", "LZMA (method 14)"), ("bzip2", 501, "NotImplemented", "bzip2 (method 12)"),
        ("other name", 400, "InvalidRequest", "damaged"), ("other size", 400, "InvalidRequest", "damaged"), ("other method", 400, "InvalidRequest", "damaged"),
        ("bomb", 400, "InvalidRequest", "damaged"), ("wrong sum", 400, "InvalidRequest", "damaged"), ("torn", 400, "InvalidRequest", "damaged"),
        ("inner", 400, "InvalidRequest", "overlaps"), ("outer", 400, "InvalidRequest", "overlaps"), ("../up", 400, "InvalidRequest", "leads out"),
        ("/root", 400, "InvalidRequest", "leads out"), ("C:\\windows", 400, "InvalidRequest", "leads out"), ("a/../../b", 400, "InvalidRequest", "leads out")):
    refused("mixed.zip", name, status, code, words)
equal(ask("mixed.zip", "sound")[2], b"sound", "what is sound in the same archive is served")
reply = server.raw(b"GET /box/mixed.zip?sluice-member=wrong%20large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
head, _, body = reply.partition(b"\r\n\r\n")
check(b" 200 " in head and f"content-length: {MIB}".encode() in head.lower() and 0 < len(body) < MIB and noise.startswith(body),
      "a large member whose sum is wrong breaks off before its last bytes", f"{len(body)} {head[:200]}")
listing = ask("mixed.zip", **{"sluice-members": ""})[2].decode()
check("sound" in listing and "encrypted" in listing and "up<" not in listing and "root" not in listing and "windows" not in listing, "names that lead out are not listed", listing[:500])

# ---- Tars ----

out = io.BytesIO()
with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
    for name, kind in (("file", tarfile.REGTYPE), ("hard", tarfile.LNKTYPE), ("soft", tarfile.SYMTYPE), ("fifo", tarfile.FIFOTYPE), ("../up", tarfile.REGTYPE), ("/root", tarfile.REGTYPE)):
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.size = kind, "/etc/passwd" if kind in (tarfile.LNKTYPE, tarfile.SYMTYPE) else "", 5 if kind == tarfile.REGTYPE else 0
        archive.addfile(info, io.BytesIO(b"hello") if info.size else None)
store("kinds", out.getvalue())
for name, status, code, words in (("hard", 501, "NotImplemented", "link"), ("soft", 501, "NotImplemented", "link"), ("fifo", 501, "NotImplemented", "no file"),
                                  ("../up", 400, "InvalidRequest", "leads out"), ("/root", 400, "InvalidRequest", "leads out")):
    refused("kinds", name, status, code, words)
equal(ask("kinds", "file")[2], b"hello", "a file in the same archive is served")
data = bytearray(out.getvalue())
data[512 * 2 + 10] ^= 1
store("broken.tar", data)
refused("broken.tar", "file", 400, "InvalidRequest", "damaged")
store("cut.tar", out.getvalue()[:514])
refused("cut.tar", "file", 400, "InvalidRequest", "damaged")

# ---- Other words of the request ----

status, _, body = ask("mixed.zip", "sound", {"x-amz-server-side-encryption-customer-algorithm": "AES256", "x-amz-server-side-encryption-customer-key": "x"})
check(status >= 400, "a key for SSE-C is refused as it is with GetObject", f"{status} {body}")
equal(ask("mixed.zip", "sound", versionId="null")[2], b"sound", "versionId=null is the current one, as with GetObject")
equal(ask("mixed.zip", "")[0], 404, "no name: 404")
equal(ask("mixed.zip", "x" * 5000)[0], 404, "a name that is longer than any: 404")
check(server.stop(), "the server ends with status 0")

# ---- Cache buckets ----

server = Server()
server.request("PUT", "/box")
server.request("PUT", "/box?sluice-cache", b"<CacheConfiguration><MaxSize>1000000</MaxSize></CacheConfiguration>")
server.request("PUT", "/box/a.zip", bytes(good))
for _ in range(3):
    ask("a.zip", "a", where=server)
ask("a.zip", **{"sluice-members": ""}, where=server)
ask("none.zip", "a", where=server)
metrics = server.request("GET", "/-/metrics")[2].decode()
check('sluice_cache_hits_total{bucket="box"} 4' in metrics and 'sluice_cache_misses_total{bucket="box"} 1' in metrics, "in a cache bucket members are uses of their archive",
      "\n".join(line for line in metrics.splitlines() if "cache" in line))
check(server.stop(), "the server ends with status 0")

# ---- Doors ----

server = Server(args=["--cache", "webdav bucket=box prefix=d/"])
server.request("PUT", "/-/cache/webdav/a.zip", bytes(good))
extract = {"X-Minio-Extract": "true"}
equal([server.request("GET", f"/-/cache/webdav/{path}", headers=extract)[0] for path in ("a.zip", "a.zip/a")], [200, 404], "through a door MinIO's header says nothing")
equal(server.request("GET", "/box/d/a.zip/a", headers=extract)[2], b"hello", "what a door has stored is an object, whose members S3 reads")
check(server.stop(), "the server ends with status 0")

# ---- Rights ----

FILE = scratch("credentials")
with open(FILE, "w") as file:
    file.write("key BOSS boss-secret *=all\nkey READER reader-secret box/open/*=read\nkey LISTER lister-secret box=list\nkey NOBODY nobody-secret other=all\n")
os.chmod(FILE, 0o600)
server = Server(args=["--credentials", FILE])
host = f"{server.host}:{server.port}"
boss = s3_client(server, "BOSS", "boss-secret", s3={"addressing_style": "path"})
boss.create_bucket(Bucket="box")
for key in ("open/a.zip", "shut/a.zip"):
    boss.put_object(Bucket="box", Key=key, Body=bytes(good))


def signed(who, path, query="", extra=None, leave_out=(), also=None):
    headers = Signer(who, who.lower() + "-secret").headers("GET", path, host, query=query, extra=extra, leave_out=leave_out)
    status, _, body = server.request("GET", path + ("?" + query if query else ""), headers={**headers, **(also or {})})
    return status if status < 300 else (status, error_code(body))


DENIED = (403, "AccessDenied")
for who, key, wanted in (("BOSS", "shut/a.zip", 200), ("READER", "open/a.zip", 200), ("READER", "shut/a.zip", DENIED), ("LISTER", "open/a.zip", DENIED), ("NOBODY", "open/a.zip", DENIED)):
    for query in ("sluice-member=a", "sluice-members="):
        equal(signed(who, f"/box/{key}", query), wanted, f"{who} asks {key} for {query}")
    equal(signed(who, f"/box/{key}/a", extra={"x-minio-extract": "true"}), wanted, f"{who} asks {key} in MinIO's way")
    equal(signed(who, "/box", f"list-type=2&prefix={urllib.parse.quote(key, safe='')}%2F", extra={"x-minio-extract": "true"}), wanted, f"{who} lists {key} in MinIO's way")
equal(signed("BOSS", "/box/open/a.zip/a", also={"X-Minio-Extract": "true"}), DENIED, "MinIO's header has to be signed: it makes another object of the key")
url = boss.generate_presigned_url("get_object", Params={"Bucket": "box", "Key": "open/a.zip/a"})[len(server.url):]
status, _, body = server.request("GET", url, headers={"X-Minio-Extract": "true"})
equal((status, error_code(body)), DENIED, "so that nobody reads an archive by a URL for a key")
equal(server.request("GET", url)[0], 404, "which there is none of")
equal([server.request("GET", f"/box/open/a.zip?{query}")[0] for query in ("sluice-member=a", "sluice-members")], [401, 401], "nobody may read what is not open")
statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::box/open/*"}
boss.put_bucket_policy(Bucket="box", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
equal([server.request("GET", f"/box/{key}/a.zip?{query}")[0] for key in ("open", "shut") for query in ("sluice-member=a", "sluice-members")], [200, 200, 401, 401],
      "a policy that opens the archive opens its members")
deny = {**statement, "Effect": "Deny", "Resource": "arn:aws:s3:::box/open/a.zip"}
boss.put_bucket_policy(Bucket="box", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement, deny]}))
equal([signed("READER", "/box/open/a.zip", query) for query in ("sluice-member=a", "sluice-members=")], [DENIED, DENIED], "and one that denies it denies them")
check(server.stop(), "the server ends with status 0")
done()
