#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A tar that is put with x-amz-meta-snowball-auto-extract: true becomes objects, each a stretch of it: all forms of tar, what is refused, and
that then nothing is there; rights, conditions and settings hold for each key; bytes go when their objects go; check and reads verify members."""
import base64
import contextlib
import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import tarfile
import threading
from urllib.parse import quote
from xml.sax.saxutils import escape, unescape

from sluicetest import SLUICE, Server, blob_files, check, content_md5, done, equal, error_code, poll, run, s3_client, scratch, skip

MIB = 1 << 20
ASK = {"x-amz-meta-snowball-auto-extract": "true"}


def make(members, form=tarfile.PAX_FORMAT):
    """members: (name, bytes) or (name, bytes, attributes of its TarInfo)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for name, data, *more in members:
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1700000000
            for key, value in (more[0] if more else {}).items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def put(server, tar, headers=None, path="/tars/upload.tar"):
    return server.request("PUT", path, tar, {**ASK, **(headers or {})})


def keys(server, bucket="tars"):
    return [unescape(key) for key in re.findall(r"<Key>(.*?)</Key>", server.request("GET", f"/{bucket}?list-type=2")[2].decode())]


def clear(server, bucket="tars"):
    while found := keys(server, bucket):
        document = ("<Delete><Quiet>true</Quiet>" + "".join(f"<Object><Key>{escape(key)}</Key></Object>" for key in found) + "</Delete>").encode()
        if server.request("POST", f"/{bucket}?delete", document, content_md5(document))[0] != 200:
            raise RuntimeError("the objects cannot be deleted")


def space(data):
    """Bytes on the disk of the blobs that are no segments."""
    total = 0
    for path in blob_files(data)[0]:
        with contextlib.suppress(FileNotFoundError): # it goes just now
            total += os.stat(path).st_blocks * 512
    return total


def message(answer):
    return re.search(rb"<Message>(.*?)</Message>", answer[2], re.S)[1].decode()


server = Server()
server.request("PUT", "/tars")

# ---- What comes in comes out ----
members = [("small.txt", b"hello"), ("folder/middle.bin", os.urandom(70_001)), ("folder/large.wasm", os.urandom(9 * MIB + 77)), ("empty", b""),
           ("d/" * 60 + "deep.json", b"{}"), ("häß/ünicode", b"utf-8"), ("exact", b"x" * 512), ("block", b"y" * 4096)]
for form, name in ((tarfile.USTAR_FORMAT, "ustar"), (tarfile.GNU_FORMAT, "gnu"), (tarfile.PAX_FORMAT, "pax")):
    answer = put(server, make(members, form))
    equal((answer[0], answer[2]), (200, b""), f"{name}: it is taken")
    got = {}
    for key, data in members:
        status, headers, body = server.request("GET", f"/tars/{quote(key)}")
        got[key] = (status, body == data, headers.get("etag"))
    equal(got, {key: (200, True, f'"{hashlib.md5(data).hexdigest()}"') for key, data in members}, f"{name}: each member is an object, with the MD5 as its ETag")
    equal(sorted(keys(server)), sorted(key for key, _ in members), f"{name}: the archive itself is none")
    answer = server.request("GET", "/tars/folder/large.wasm", headers={"Range": f"bytes=8388600-{8 * MIB + 20}"})
    equal((answer[0], answer[2]), (206, members[2][1][8388600:8 * MIB + 21]), f"{name}: a range of one")
    clear(server)
put(server, make([("a.json", b"{}"), ("b.unknown", b"1"),
                  ("c.txt", b"2", {"pax_headers": {"minio.metadata.Content-Type": "text/x-own", "minio.metadata.x-amz-meta-Colour": "blüe",
                                                   "minio.metadata.x-amz-meta-all": "own", "minio.metadata.x-amz-acl": "public-read"}})]),
    {"x-amz-meta-all": "everyone's", "content-type": "application/x-tar", "x-amz-tagging": "run=7", "cache-control": "max-age=5"})
seen = {key: server.request("HEAD", f"/tars/{key}")[1] for key in ("a.json", "b.unknown", "c.txt")}
equal([seen[key]["content-type"] for key in seen], ["application/json", "application/octet-stream", "text/x-own"], "types by the ending of the name, or as the member says")
equal([seen[key]["x-amz-meta-all"] for key in seen], ["everyone's", "everyone's", "own"], "the request's metadata, and a member's own")
check(all(h["cache-control"] == "max-age=5" and h["x-amz-tagging-count"] == "1" and h["x-amz-meta-mtime"] == "1700000000" and
          not any("snowball" in name for name in h) for h in seen.values()), "tags, headers and times", repr(seen))
equal(server.request("GET", "/tars/c.txt?acl")[2].count(b"AllUsers"), 0, "a member asks for no rights")
clear(server)
tar = make([("a", b"first"), ("b", b"")])
sum256 = base64.b64encode(hashlib.sha256(tar).digest()).decode()
equal(put(server, tar, {"x-amz-checksum-sha256": sum256})[0], 200, "a checksum of the archive")
equal(server.request("HEAD", "/tars/a", headers={"x-amz-checksum-mode": "ENABLED"})[1].get("x-amz-checksum-sha256"), base64.b64encode(hashlib.sha256(b"first").digest()).decode(),
      "each object has one of that kind")
clear(server)
equal((put(server, make([("same", b"first"), ("other", b"1"), ("same", b"second")]))[0], server.request("GET", "/tars/same")[2]), (200, b"second"), "of two members of one name the last stays")
clear(server)
equal(put(server, make([("a", b"1")]), {"x-amz-meta-snowball-auto-extract": "no"})[0], 200, "another value of the header")
equal(keys(server), ["upload.tar"], "is metadata")
clear(server)

# ---- Folders, prefixes, archives of a folder ----
folder = [("./", b"", {"type": tarfile.DIRTYPE}), ("./x", b"", {"type": tarfile.DIRTYPE}), ("./x/file", b"1")]
put(server, make(folder))
equal(keys(server), ["x/", "x/file"], "a folder is an empty object, and ./ is nothing")
clear(server)
put(server, make(folder), {"x-amz-meta-minio-snowball-ignore-dirs": "true", "x-amz-meta-minio-snowball-prefix": "/builds/7/"})
equal(keys(server), ["builds/7/x/file"], "a prefix, and no folders")
clear(server)
equal(error_code(put(server, make(folder), {"x-amz-meta-minio-snowball-prefix": "a/../b"})[2]), "InvalidArgument", "a prefix with ..")
if run(["tar", "--version"])[0] == 0:
    tree = scratch("tree")
    os.makedirs(f"{tree}/sub")
    for index in range(20):
        with open(f"{tree}/sub/{index}", "wb") as file:
            file.write(os.urandom(index * 1000))
    for words in (["--format=gnu"], ["--format=posix"], ["--format=ustar"], ["--format=v7"]):
        tar = subprocess.run(["tar", *words, "-C", tree, "-cf", "-", "."], capture_output=True).stdout
        put(server, tar)
        equal([server.request("GET", f"/tars/sub/{index}")[2] for index in range(20)], [open(f"{tree}/sub/{index}", "rb").read() for index in range(20)], f"tar {words[0]}")
        clear(server)

# ---- What is refused; then nothing is there ----
good = ("good", b"1")
for bad, name in ((("../up", b"1"), ".."), (("a/../../up", b"1"), ".. inside"), (("/etc/passwd", b"1"), "absolute"), (("a//b", b"1"), "an empty part"), (("./", b"1"), "a file without a name"),
                  (("link", b"", {"type": tarfile.SYMTYPE, "linkname": "good"}), "a symbolic link"), (("link", b"", {"type": tarfile.LNKTYPE, "linkname": "good"}), "a hard link"),
                  (("null", b"", {"type": tarfile.CHRTYPE}), "a device"), (("pipe", b"", {"type": tarfile.FIFOTYPE}), "a FIFO"),
                  (("sparse", b"1", {"pax_headers": {"GNU.sparse.major": "1"}}), "a sparse file"),
                  (("evil", b"1", {"pax_headers": {"minio.metadata.x-amz-meta-a": "b\r\nx-injected: 1"}}), "metadata that ends a header line"),
                  (("evil", b"1", {"pax_headers": {"minio.metadata.x-amz-meta-a: b": "c"}}), "metadata whose name is none")):
    answer = put(server, make([good, bad, ("also", b"2")]))
    equal((answer[0], error_code(answer[2]), keys(server)), (400, "InvalidRequest", []), f"{name}: refused, and nothing is there")
    check("archive's member" in message(answer), f"{name}: it is said of which", message(answer))
    answer = put(server, make([good, bad, ("also", b"2")]), {"x-amz-meta-minio-snowball-ignore-errors": "true"})
    equal((answer[0], keys(server)), (200, ["also", "good"]), f"{name}: passed over, if that is wanted")
    clear(server)
answer = put(server, make([("k" * 1025, b"1")]))
equal((error_code(answer[2]), keys(server)), ("KeyTooLongError", []), "a name too long for a key")
equal(put(server, make([("k" * 1018, b"1")]), {"x-amz-meta-minio-snowball-prefix": "prefi"})[0], 200, "1,024 bytes with the prefix")
clear(server)
whole = make([good, ("two", os.urandom(3000))])
for body, name in ((b"", "no bytes"), (b"no tar" * 1000, "no tar"), (whole[:1500], "cut short in a member"), (whole[:1100], "cut short in a header"), (b"\0" * 511, "less than a block")):
    answer = put(server, body)
    equal((answer[0], error_code(answer[2]), keys(server)), (400, "InvalidRequest", []), f"{name}: refused")
equal(put(server, whole.rstrip(b"\0") + b"\0" * (-len(whole.rstrip(b"\0")) % 512))[0], 200, "an archive without its end blocks, as minio-go writes it")
clear(server)
answer = put(server, gzip.compress(whole))
equal((answer[0], error_code(answer[2])), (501, "NotImplemented"), "a compressed archive")
check("gzip" in message(answer), "it is said how it is compressed", message(answer))
many = make([(str(index), b"") for index in range(10_001)], tarfile.USTAR_FORMAT)
equal((error_code(put(server, many)[2]), keys(server)), ("InvalidRequest", []), "too many members")
answer = put(server, make([(str(index), b"%d" % index) for index in range(10_000)], tarfile.USTAR_FORMAT))
equal((answer[0], server.request("GET", "/tars/9999")[2]), (200, b"9999"), "as many as there may be")
clear(server)
for headers, code in (({"content-md5": base64.b64encode(hashlib.md5(b"other").digest()).decode()}, "BadDigest"), ({"x-amz-checksum-crc32": "AAAAAA=="}, "BadDigest"),
                      ({"x-amz-write-offset-bytes": "0"}, "InvalidRequest")):
    answer = put(server, whole, headers)
    equal((error_code(answer[2]), keys(server)), (code, []), f"{headers}: {code}, and nothing is there")
equal(put(server, whole, {"if-none-match": "*"})[0], 200, "If-None-Match: * where none of the keys is there")
answer = put(server, make([("new", b"1"), ("two", b"2")]), {"if-none-match": "*"})
equal((error_code(answer[2]), keys(server)), ("PreconditionFailed", ["good", "two"]), "and where one is")
clear(server)
several = [(f"several/{index:03}", b"%03d" % index * 3000) for index in range(200)]
put(server, make([several[150]]))
answer = put(server, make(several), {"if-none-match": "*"})
equal((error_code(answer[2]), keys(server)), ("PreconditionFailed", ["several/150"]), "the same of more than fit into one change")
equal(put(server, make(several + [("several/007", b"last"), ("other", b"1"), ("several/007", b"the very last")]))[0], 200, "they replace what is there")
equal(([server.request("GET", f"/tars/{key}")[2] for key, _ in several[148:152]], server.request("GET", "/tars/several/007")[2], len(keys(server))),
      ([data for _, data in several[148:152]], b"the very last", 201), "and of members of one name the last stays")
clear(server)
check(poll(lambda: space(server.data) == 0), "of all that was refused or deleted no byte is left", str(space(server.data)))

# ---- Several at once, of the same keys ----
for round_number in range(3):
    answers = []
    threads = [threading.Thread(target=lambda letter=letter: answers.append(put(server, make([(f"race/{index:03}", letter * 2000) for index in range(400)]))[0])) for letter in (b"a", b"b", b"c", b"d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bodies = {server.request("GET", f"/tars/race/{index:03}")[2] for index in range(400)}
    equal((answers, len(bodies), {len(body) for body in bodies}), ([200] * 4, 1, {2000}), "all are taken, and what is there is all of one")
clear(server)
check(poll(lambda: space(server.data) == 0), "no byte of the others is left", str(space(server.data)))

# ---- Bytes go when their objects go ----
big = [(f"m{index}", os.urandom(MIB)) for index in range(8)]
put(server, make(big))
full = space(server.data)
equal(len(blob_files(server.data)[0]), 1, "one file has all of them")
equal(server.request("PUT", "/tars/copy", headers={"x-amz-copy-source": "/tars/m3"})[0], 200, "a copy of one")
for index in (2, 3, 4, 5):
    server.request("DELETE", f"/tars/m{index}")
check(poll(lambda: space(server.data) <= full - 3 * MIB + 40_000), "what is deleted gives its space back", f"{space(server.data)} of {full}")
equal([server.request("GET", f"/tars/{key}")[2] == big[index][1] for key, index in (("m0", 0), ("m1", 1), ("copy", 3), ("m6", 6), ("m7", 7))], [True] * 5, "the others are whole")
for key in ("m0", "m1", "m6", "m7"):
    server.request("DELETE", f"/tars/{key}")
check(poll(lambda: space(server.data) <= MIB + 40_000), "all but the copy", f"{space(server.data)}")
equal((server.request("GET", "/tars/copy")[2] == big[3][1], len(blob_files(server.data)[0])), (True, 1), "which has its bytes")
server.request("DELETE", "/tars/copy")
check(poll(lambda: blob_files(server.data)[0] == []), "the file goes with the last object")

# ---- Reads and checks verify members ----
put(server, make([("small", b"s" * 5000), ("large", b"l" * 200_000), ("other", b"o" * 300_000)]))
check(server.stop(), "the server stops")
path = blob_files(server.data)[0][0]
with open(path, "r+b") as file:
    text = file.read()
    for letter in (b"ssss", b"llll"):
        file.seek(text.index(letter) + 100)
        file.write(b"X")
status, output = run([SLUICE, "check", "--data", server.data])
check(status == 1 and "tars/small" in output and "tars/large" in output and "tars/other" not in output, "check finds the members that are damaged, and no other", output)
server = Server(server.data, args=["--verify-reads"])
equal([server.request("GET", f"/tars/{key}")[0] for key in ("small", "large", "other")], [500, 500, 200], "and so do reads")
clear(server)
check(server.stop(), "the server stops")
status, output = run([SLUICE, "check", "--data", server.data])
check(status == 0, "clean again", output)

# ---- Caches ----
server = Server(server.data)
server.request("PUT", "/cache")
equal(server.request("PUT", "/cache?sluice-cache", b"<CacheConfiguration><MaxObjectSize>100000</MaxObjectSize><WriteOnce>true</WriteOnce></CacheConfiguration>")[0], 200, "a cache bucket")


def figures():
    text = server.request("GET", "/-/metrics")[2].decode()
    return [int(value) for name in ("entries", "bytes") for value in re.findall(rf'^sluice_cache_{name}{{bucket="cache"}} (\d+)$', text, re.M)]


equal(put(server, make([("a", b"1" * 90_000), ("b", b"2" * 90_000)]), path="/cache/up.tar")[0], 200, "a cache takes an archive larger than its objects may be")
check(poll(lambda: figures() == [2, 180_000]), "it counts the members", repr(figures()))
answer = put(server, make([("c", b"1"), ("d", b"2" * 100_001)]), path="/cache/up.tar")
equal((answer[0], error_code(answer[2]), keys(server, "cache")), (413, "EntityTooLarge", ["a", "b"]), "a member that is too large: nothing is stored")
answer = put(server, make([("c", b"1"), ("b", b"other")]), path="/cache/up.tar")
equal((answer[0], error_code(answer[2]), keys(server, "cache")), (412, "PreconditionFailed", ["a", "b"]), "a key that is taken, where each is written once: the same")
answer = put(server, make([(f"many/{index}", b"1") for index in range(150)] + [("b", b"other")]), path="/cache/up.tar")
equal((answer[0], keys(server, "cache")), (412, ["a", "b"]), "of many, too")
equal(figures(), [2, 180_000], "and nothing is counted")
check(server.stop(), "the server stops")
status, output = run([SLUICE, "check", "--data", server.data])
check(status == 0, "what is counted is what is there", output)

# ---- Rights, key by key ----
credentials = scratch("credentials")
with open(credentials, "w") as file:
    file.write("key ADMIN adminsecretadmin *=all\nkey PART partsecretpart tars/part/*=read,write\n")
os.chmod(credentials, 0o600)
server = Server(args=["--credentials", credentials, "--cache", "nx bucket=doored prefix=nx/"])
try:
    import botocore  # noqa: F401
    admin, part = s3_client(server, "ADMIN", "adminsecretadmin"), s3_client(server, "PART", "partsecretpart")
except ImportError:
    skip("rights and settings", "no boto3")
    done()


def upload(client, tar, key="part/up.tar", bucket="tars", metadata=None, **more):
    try:
        client.put_object(Bucket=bucket, Key=key, Body=tar, Metadata={"snowball-auto-extract": "true", **(metadata or {})}, **more)
        return 200
    except client.exceptions.ClientError as error:
        return error.response["Error"]["Code"]


def listed(bucket="tars"):
    return [entry["Key"] for entry in admin.list_objects_v2(Bucket=bucket).get("Contents", [])]


admin.create_bucket(Bucket="tars")
equal(upload(part, make([("part/a", b"1"), ("part/b", b"2")])), 200, "keys that may be written")
equal((upload(part, make([("part/c", b"1"), ("other/d", b"2")])), listed()), ("AccessDenied", ["part/a", "part/b"]), "one that may not, and nothing is there")
equal(upload(part, make([("part/c", b"1"), ("other/d", b"2")]), metadata={"minio-snowball-ignore-errors": "true"}), 200, "it is passed over, if that is wanted")
equal(listed(), ["part/a", "part/b", "part/c"], "and the other is there")
equal(upload(part, make([("a", b"1")]), metadata={"minio-snowball-prefix": "../tars"}), "InvalidArgument", "no prefix leads out")
equal(upload(part, make([("part/x", b"1")]), key="elsewhere/up.tar"), "AccessDenied", "the archive's own key counts, too")
equal((upload(admin, make([("ok", b"1"), ("nx/0123abc", b"poison")]), bucket="doored"), listed("doored")), ("AccessDenied", []), "what a door keeps is not written so")
admin.put_bucket_policy(Bucket="tars", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::tars/part/secret*"},
    {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObjectTagging", "Resource": "arn:aws:s3:::tars/part/untagged*"}]}))
equal(upload(part, make([("part/e", b"1"), ("part/secret1", b"2")])), "AccessDenied", "a policy that denies one key")
equal(upload(part, make([("part/e", b"1"), ("part/untagged", b"2")]), Tagging="a=b"), "AccessDenied", "or its tags")
equal((upload(part, make([("part/e", b"1"), ("part/untagged", b"2")])), "part/untagged" in listed()), (200, True), "which the others may have")
admin.delete_bucket_policy(Bucket="tars")

# ---- Settings of buckets ----
admin.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
admin.put_object_lock_configuration(Bucket="locked", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}})
equal(upload(admin, make([("a", b"1"), ("b", b"2")]), bucket="locked"), 200, "a bucket with object lock")
equal([admin.head_object(Bucket="locked", Key=key).get("ObjectLockMode") for key in ("a", "b")], ["GOVERNANCE"] * 2, "its default is on each object")
equal(upload(admin, make([("a", b"3")]), bucket="locked"), 200, "another archive")
equal([version["IsLatest"] for version in admin.list_object_versions(Bucket="locked", Prefix="a")["Versions"]], [True, False], "makes versions")
equal([upload(admin, make([(f"many/{index:03}", b"%d" % round_number) for index in range(150)]), bucket="locked") for round_number in range(2)], [200, 200], "many, twice")
equal(len(admin.list_object_versions(Bucket="locked", Prefix="many/")["Versions"]), 300, "make versions of all")
equal(admin.get_object(Bucket="locked", Key="many/149")["Body"].read(), b"1", "the newest of which is read")
equal(admin.head_object(Bucket="locked", Key="many/149").get("ObjectLockMode"), "GOVERNANCE", "and locked")
check(server.stop(), "the server stops")
status, output = run([SLUICE, "check", "--data", server.data])
check(status == 0, "and the store is clean", output)
done()
