#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""S3's object annotations, request by request: names, bytes, checksums, conditions, pages, errors; with versions, copies, renames, uploads of
parts and deletions; and that their bytes are given back, with the database's own check of it."""
import base64
import hashlib
import http.client
import os
import re
import shutil
import sqlite3
import subprocess
import urllib.parse
import xml.etree.ElementTree as ElementTree
import zlib

from sluicetest import SLUICE, Server, check, content_md5, done, equal, error_code, scratch

NS = "{http://s3.amazonaws.com/doc/2006-03-01/}"
MIB = 1 << 20
server = Server()


def path_of(key, name=None, bucket="notes", **more):
    said = ({} if name is None else {"annotationName": name}) | more
    return f"/{bucket}/{urllib.parse.quote(key)}?annotation" + "".join(f"&{word}={urllib.parse.quote(str(value), safe='')}" for word, value in said.items())


def put(key, name, body=b"text", headers=None, **more):
    return server.request("PUT", path_of(key, name, **more), body, headers)


def get(key, name, headers=None, **more):
    return server.request("GET", path_of(key, name, **more), headers=headers)


def delete(key, name, headers=None, **more):
    return server.request("DELETE", path_of(key, name, **more), headers=headers)


def listing(key, **more):
    """(names, the document's root), or (status, code)."""
    status, _, body = server.request("GET", path_of(key, **more))
    if status != 200:
        return status, error_code(body)
    root = ElementTree.fromstring(body)
    return [entry.findtext(NS + "AnnotationName") for entry in root.iter(NS + "AnnotationEntry")], root


def names(key, **more):
    return listing(key, **more)[0]


def refused(answer, status, code, title):
    equal((answer[0], error_code(answer[2])), (status, code), title)
    return answer


def make(key, body=b"object", bucket="notes", **headers):
    status, answer, _ = server.request("PUT", f"/{bucket}/{key}", body, headers)
    equal(status, 200, f"{bucket}/{key} is put")
    return answer.get("x-amz-version-id")


def versioning(bucket, state):
    document = f"<VersioningConfiguration xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><Status>{state}</Status></VersioningConfiguration>"
    equal(server.request("PUT", f"/{bucket}?versioning", document)[0], 200, f"versioning of {bucket}: {state}")


equal(server.request("PUT", "/notes")[0], 200, "a bucket is made")

# ---- One annotation ----
make("a", **{"x-amz-meta-a": "b"})
before = server.request("HEAD", "/notes/a")[1]
status, headers, body = put("a", "ml.label", '{"label": "Katze 🐈"}'.encode())
equal(status, 200, "an annotation is put")
root = ElementTree.fromstring(body)
equal([(child.tag[len(NS):], child.text) for child in root], [("Key", "a"), ("AnnotationName", "ml.label")], "the answer names key and annotation")
text = '{"label": "Katze 🐈"}'.encode()
equal(headers["etag"], f'"{hashlib.md5(text).hexdigest()}"', "its ETag is the MD5")
check("x-amz-checksum-crc64nvme" in headers and headers.get("x-amz-checksum-type") == "FULL_OBJECT", "it has a CRC-64 where the client sends nothing", headers)
check("x-amz-object-version-id" not in headers, "a bucket without versions tells none")
status, headers, body = get("a", "ml.label")
equal((status, body), (200, text), "and got back")
equal((headers["etag"], headers["content-length"]), (f'"{hashlib.md5(text).hexdigest()}"', str(len(text))), "with its ETag and length")
check("last-modified" in headers and "x-amz-checksum-crc64nvme" not in headers, "with a date, and no checksum unasked", headers)
headers = get("a", "ml.label", {"x-amz-checksum-mode": "ENABLED"})[1]
check("x-amz-checksum-crc64nvme" in headers and headers.get("x-amz-checksum-type") == "FULL_OBJECT", "with a checksum when asked", headers)
after = server.request("HEAD", "/notes/a")[1]
equal({name: after[name] for name in after if name not in ("date", "x-amz-request-id")}, {name: before[name] for name in before if name not in ("date", "x-amz-request-id")}, "the object is as it was, date and all")
equal(server.request("GET", "/notes/a")[2], b"object", "and so are its bytes")
equal(put("a", "ml.label", b"other")[0], 200, "it is put once more")
equal(get("a", "ml.label")[2], b"other", "which replaces it")
equal(names("a"), ["ml.label"], "there is one")
equal((delete("a", "ml.label")[0], delete("a", "ml.label")[0]), (204, 204), "it is deleted, and once more")
refused(get("a", "ml.label"), 404, "NoSuchAnnotation", "it is gone")
equal(names("a"), [], "there is none")

# ---- Sizes and framings ----
large = ("ä" * (MIB // 2)).encode()
for title, content in (("one byte", b"x"), ("a packed one", b"p" * 5000), ("of 64 KiB", b"q" * 65536), ("with a file of its own", b"f" * 65537), ("of 1 MiB", large)):
    equal(put("a", "size", content)[0], 200, f"an annotation {title}")
    check(get("a", "size")[2] == content, f"comes back: {title}")
refused(put("a", "size", large + b"x"), 400, "EntityTooLarge", "one byte more is refused")
refused(put("a", "size", b""), 400, "EntityTooSmall", "and so is none")
check(get("a", "size")[2] == large, "what was refused changes nothing")


def chunked(key, name, pieces):
    connection = server.connect()
    connection.putrequest("PUT", path_of(key, name))
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    try:
        for piece in pieces:
            connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        connection.send(b"0\r\n\r\n")
        response = connection.getresponse()
        return response.status, {}, response.read()
    except (ConnectionError, http.client.HTTPException) as error:
        return 0, {}, str(error).encode()
    finally:
        connection.close()


equal(chunked("a", "pieces", [b"\xe2", b"\x82\xac", b" and \xf0\x9f", b"\x90\x88"])[0], 200, "characters may be cut by chunks")
equal(get("a", "pieces")[2], "€ and 🐈".encode(), "and come back whole")
refused(chunked("a", "pieces", [b"\xe2\x82", b"\xac \xf0\x9f"]), 415, "UnsupportedMediaType", "a character that is cut by the end is refused")
refused(chunked("a", "pieces", []), 400, "EntityTooSmall", "a chunked body of nothing is refused")
refused(chunked("a", "pieces", [b"z" * 65536] * 17), 400, "EntityTooLarge", "and one of too much")
for title, content in (("a lone byte", b"\xff\xfe"), ("a surrogate", b"\xed\xa0\x80"), ("an overlong form", b"\xc0\xaf"), ("late", b"a" * 300000 + b"\x80" + b"b" * 10)):
    refused(put("a", "bad", content), 415, "UnsupportedMediaType", f"what is not UTF-8 is refused: {title}")
trailing = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:" + base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")) + b"\r\n\r\n"
answer = put("a", "trailer", trailing, {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": "5", "x-amz-trailer": "x-amz-checksum-crc32",
                                        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"})
equal((answer[0], answer[1].get("x-amz-checksum-crc32")), (200, base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode()), "aws-chunked with a trailer")
equal(get("a", "trailer", {"x-amz-checksum-mode": "ENABLED"})[1].get("x-amz-checksum-crc32"), answer[1].get("x-amz-checksum-crc32"), "whose checksum is kept")

# ---- Checksums ----
for name, value in (("sha256", hashlib.sha256(b"abc").digest()), ("sha1", hashlib.sha1(b"abc").digest()), ("sha512", hashlib.sha512(b"abc").digest()),
                    ("md5", hashlib.md5(b"abc").digest()), ("crc32", zlib.crc32(b"abc").to_bytes(4, "big"))):
    field = {f"x-amz-checksum-{name}": base64.b64encode(value).decode()}
    equal(put("a", "sum", b"abc", field)[0], 200, f"{name} is verified")
    equal(get("a", "sum", {"x-amz-checksum-mode": "ENABLED"})[1].get(f"x-amz-checksum-{name}"), field[f"x-amz-checksum-{name}"], f"and kept: {name}")
    refused(put("a", "sum", b"abd", field), 400, "BadDigest", f"other bytes are refused: {name}")
refused(put("a", "sum", b"abd", content_md5(b"abc")), 400, "BadDigest", "Content-MD5 is verified")
equal(get("a", "sum")[2], b"abc", "what was refused changes nothing")

# ---- Names ----
for name in ("x", "n" * 512, "données_1.2-3", "名前", "हिन्दी", "UPPER", "_", "s", "aw", "a.ws"):
    equal(put("a", name)[0], 200, f"a name: {name[:20]}")
    equal(get("a", name)[2], b"text", f"is found: {name[:20]}")
    equal(delete("a", name)[0], 204, f"and deleted: {name[:20]}")
for name in ("aws.reserved", "AWSthing", "s3-thing", "S3", "has space", "slash/name", "   ", "a@b", "a\nb", "emoji🐈", "“quoted”", "a\u2028b"):
    for call in (put, get, delete):
        refused(call("a", name), 400, "InvalidAnnotationName", f"no name, to {call.__name__}: {name!r}")
for name in ("n" * 513, "名" * 171):
    for call in (put, get, delete):
        refused(call("a", name), 400, "AnnotationNameTooLong", f"too long a name, to {call.__name__}")
refused(server.request("PUT", "/notes/a?annotation&annotationName=%ff", b"x"), 400, "InvalidAnnotationName", "a name that is not UTF-8")
for method in ("PUT", "DELETE"):
    refused(server.request(method, "/notes/a?annotation", b"x" if method == "PUT" else None), 400, "UserAnnotationNameMustBeSpecified", f"{method} without a name")
refused(get("a", ""), 400, "UserAnnotationNameMustBeSpecified", "GET with an empty name")
equal(server.request("GET", "/notes/a")[2], b"object", "nothing of that touched the object")

# ---- What is not there ----
for call in (put, get, delete):
    refused(call("missing", "x"), 404, "NoSuchKey", f"no such key, to {call.__name__}")
    refused(call("a", "x", bucket="missing"), 404, "NoSuchBucket", f"no such bucket, to {call.__name__}")
    refused(call("a", "x", versionId="f" * 32), 404, "NoSuchVersion", f"no such version, to {call.__name__}")
    refused(call("a", "x", versionId="nonsense"), 400, "InvalidArgument", f"no version id, to {call.__name__}")
refused(get("a", "x"), 404, "NoSuchAnnotation", "no such annotation")
equal(listing("missing"), (404, "NoSuchKey"), "a list of no key")

# ---- Conditions ----
etag = server.request("HEAD", "/notes/a")[1]["etag"]
for value, status in ((etag, 200), (etag.strip('"'), 200), ("*", 200), ('"beef"', 412)):
    equal(put("a", "if", b"x", {"x-amz-object-if-match": value})[0], status, f"put if the object is {value}")
refused(put("a", "if", b"y", {"x-amz-object-if-match": '"beef"'}), 412, "PreconditionFailed", "a put of another object")
refused(put("missing", "if", b"y", {"x-amz-object-if-match": etag}), 404, "NoSuchKey", "a put on no object")
refused(delete("a", "if", {"x-amz-object-if-match": '"beef"'}), 412, "PreconditionFailed", "a deletion from another object")
equal(get("a", "if")[2], b"x", "changed nothing")
equal(delete("a", "if", {"x-amz-object-if-match": etag})[0], 204, "a deletion from that object")

# ---- Lists ----
make("list")
many = [f"page.{number}" for number in range(5)] + ["other", "Page", "ß"]
for name in many:
    put("list", name, name.encode())
ordered = sorted(many, key=str.encode)
got, root = listing("list")
equal(got, ordered, "names come in the order of their bytes")
equal([child.tag[len(NS):] for child in root], ["Annotations", "Bucket", "Key", "MaxAnnotationResults", "AnnotationCount"], "in a document of that order")
equal((root.findtext(NS + "Bucket"), root.findtext(NS + "Key"), root.findtext(NS + "MaxAnnotationResults"), root.findtext(NS + "AnnotationCount")),
      ("notes", "list", "1000", "8"), "which names its object and counts")
entry = next(root.iter(NS + "AnnotationEntry"))
equal([child.tag[len(NS):] for child in entry], ["AnnotationName", "LastModified", "ETag", "ChecksumAlgorithm", "Size"], "with entries of that order")
equal((entry.findtext(NS + "ETag"), entry.findtext(NS + "ChecksumAlgorithm"), entry.findtext(NS + "Size")), (f'"{hashlib.md5(b"Page").hexdigest()}"', "CRC64NVME", "4"),
      "and what they are")
equal(names("list", **{"annotation-prefix": "page."}), [f"page.{number}" for number in range(5)], "a prefix")
equal(names("list", **{"annotation-prefix": "z"}), [], "a prefix of none")
for size in (1, 2, 3, 8):
    walked, token, pages = [], None, 0
    while pages < 20:
        got, root = listing("list", **{"max-annotation-results": size}, **({"continuation-token": token} if token else {}))
        walked, pages = walked + got, pages + 1
        equal(root.findtext(NS + "ContinuationToken"), token, f"page {pages} of {size} names its token")
        if not (token := root.findtext(NS + "NextContinuationToken")):
            break
    equal(walked, ordered, f"pages of {size} make the list")
got, root = listing("list", **{"annotation-prefix": "page.", "max-annotation-results": 2})
equal(names("list", **{"annotation-prefix": "page.", "continuation-token": root.findtext(NS + "NextContinuationToken")}), ["page.2", "page.3", "page.4"], "a prefix, page by page")
for word in ("0", "1001", "-1", "x", ""):
    equal(listing("list", **{"max-annotation-results": word}), (400, "InvalidArgument"), f"no number of results: {word!r}")
for word in ("p" * 513, "a b", "a/"):
    equal(listing("list", **{"annotation-prefix": word}), (400, "InvalidPrefix"), f"no prefix: {word[:10]!r}")
equal(listing("list", **{"continuation-token": "page.1"}), (400, "InvalidArgument"), "no token")

# ---- A thousand ----
make("full")
connection = server.connect()
wrong = 0
for number in range(1000):
    connection.request("PUT", path_of("full", f"n{number:03}"), b"%d" % number)
    response = connection.getresponse()
    response.read()
    wrong += response.status != 200
connection.close()
equal(wrong, 0, "an object has a thousand annotations")
refused(put("full", "more"), 400, "AnnotationLimitExceeded", "and no more")
equal(put("full", "n000", b"again")[0], 200, "one that is there can be replaced")
equal(len(names("full")), 1000, "there are a thousand")
equal((delete("full", "n001")[0], put("full", "more")[0]), (204, 200), "there is room for one again")

# ---- Copies ----


def copy(source, key, bucket="notes", **headers):
    return server.request("PUT", f"/{bucket}/{key}", headers={"x-amz-copy-source": source, **headers})


equal(copy("/notes/full", "copy")[0], 200, "an object is copied")
equal(names("copy"), names("full"), "with all its annotations")
check(get("copy", "n500")[2] == b"500", "and their bytes")
equal((put("copy", "n500", b"mine")[0], get("copy", "n500")[2], get("full", "n500")[2]), (200, b"mine", b"500"), "what is put on the copy is the copy's alone")
equal((delete("full", "n501")[0], get("copy", "n501")[2]), (204, b"501"), "what is deleted from the source stays with the copy")
equal(copy("/notes/full", "bare", **{"x-amz-object-annotation-directive": "EXCLUDE"})[0], 200, "a copy that excludes them")
equal(names("bare"), [], "has none")
equal(copy("/notes/full", "named", **{"x-amz-object-annotation-directive": "COPY"})[0], 200, "a copy that asks for them")
equal(len(names("named")), 999, "has them")
refused(copy("/notes/full", "none", **{"x-amz-object-annotation-directive": "REPLACE"}), 400, "InvalidArgument", "another directive is refused")
equal(server.request("HEAD", "/notes/none")[0], 404, "and copies nothing")
equal(copy("/notes/named", "named", **{"x-amz-metadata-directive": "REPLACE", "x-amz-meta-a": "b"})[0], 200, "an object is copied onto itself")
equal(len(names("named")), 999, "and keeps them")
equal(copy("/notes/bare", "named")[0], 200, "an object is overwritten by a copy of one without")
equal(names("named"), [], "and has none any more")

# ---- Overwritten, deleted, renamed ----
make("gone")
put("gone", "x", b"one")
make("gone", b"two")
refused(get("gone", "x"), 404, "NoSuchAnnotation", "an overwrite takes them away")
put("gone", "x", b"three")
equal(server.request("DELETE", "/notes/gone")[0], 204, "an object is deleted")
make("gone", b"four")
equal(names("gone"), [], "and they with it")
put("gone", "x", b"five")
document = b"<Delete><Object><Key>gone</Key></Object></Delete>"
equal(server.request("POST", "/notes?delete", document, content_md5(document))[0], 200, "an object is deleted with others")
make("gone", b"six")
equal(names("gone"), [], "and they with it, too")
put("gone", "x", b"seven")
upload = re.search(b"<UploadId>(.*?)<", server.request("POST", "/notes/gone?uploads")[2]).group(1).decode()
part = server.request("PUT", f"/notes/gone?partNumber=1&uploadId={upload}", b"part")[1]["etag"]
equal(names("gone"), ["x"], "an unfinished upload leaves them alone")
document = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{part}</ETag></Part></CompleteMultipartUpload>"
equal(server.request("POST", f"/notes/gone?uploadId={upload}", document)[0], 200, "an upload is completed over it")
equal(names("gone"), [], "and takes them away")
put("gone", "x", b"eight")
make("target")
put("target", "old", b"old")
equal(server.request("PUT", "/notes/target?renameObject", headers={"x-amz-rename-source": "/notes/gone"})[0], 200, "an object is renamed")
equal((names("target"), get("target", "x")[2]), (["x"], b"eight"), "and takes them along; those of what was there are gone")
make("append", b"1234")
put("append", "x", b"kept")
equal(server.request("PUT", "/notes/append", b"5678", {"x-amz-write-offset-bytes": "4"})[0], 200, "an object grows")
equal(get("append", "x")[2], b"kept", "and keeps them")

# ---- Versions ----
equal(server.request("PUT", "/versions")[0], 200, "another bucket")
make("v", b"null", bucket="versions")
put("v", "x", b"on null", bucket="versions")
versioning("versions", "Enabled")
first = make("v", b"first", bucket="versions")
equal(names("v", bucket="versions"), [], "a new version has none")
equal(put("v", "x", b"on first", bucket="versions")[1].get("x-amz-object-version-id"), first, "an annotation names its version")
second = make("v", b"second", bucket="versions")
status, headers, body = get("v", "x", bucket="versions", versionId=first)
equal((status, headers.get("x-amz-object-version-id"), body), (200, first, b"on first"), "an older version keeps its own")
equal(get("v", "x", bucket="versions", versionId="null")[2], b"on null", "and so does the null version")
equal(put("v", "y", b"later", bucket="versions", versionId=first)[0], 200, "an older version gets another")
equal(names("v", bucket="versions", versionId=first), ["x", "y"], "which is its own")
equal(names("v", bucket="versions"), [], "alone")
put("v", "x", b"on second", bucket="versions")
marker = server.request("DELETE", "/versions/v")[1]["x-amz-version-id"]
refused(get("v", "x", bucket="versions"), 404, "NoSuchKey", "under a delete marker there is no key")
refused(get("v", "x", bucket="versions", versionId=marker), 405, "MethodNotAllowed", "a delete marker has none")
refused(put("v", "x", bucket="versions", versionId=marker), 405, "MethodNotAllowed", "and gets none")
refused(delete("v", "x", bucket="versions", versionId=marker), 405, "MethodNotAllowed", "nor loses one")
refused(put("v", "x", bucket="versions"), 405, "MethodNotAllowed", "not even as what is current")
equal(get("v", "x", bucket="versions", versionId=second)[2], b"on second", "the version under it keeps them")
equal(server.request("DELETE", f"/versions/v?versionId={marker}")[0], 204, "the marker is deleted")
equal(get("v", "x", bucket="versions")[2], b"on second", "and they are back")
equal(server.request("DELETE", f"/versions/v?versionId={second}")[0], 204, "a version is deleted")
equal(names("v", bucket="versions"), ["x", "y"], "the one before it is current, with its own")
equal(copy("/versions/v?versionId=null", "of-null", bucket="versions")[0], 200, "a version is copied")
equal(get("of-null", "x", bucket="versions")[2], b"on null", "with its own")
equal(server.request("PUT", "/versions/moved?renameObject", headers={"x-amz-rename-source": "/versions/of-null"})[0], 200, "a version is renamed")
equal(get("moved", "x", bucket="versions")[2], b"on null", "with its own")
equal(server.request("PUT", "/versions/v", b" and more", {"x-amz-write-offset-bytes": "5"})[0], 200, "a version is appended to")
equal(names("v", bucket="versions"), ["x", "y"], "the longer one has them, too")
equal((delete("v", "y", bucket="versions")[0], names("v", bucket="versions"), names("v", bucket="versions", versionId=first)), (204, ["x"], ["x", "y"]), "each its own")
versioning("versions", "Suspended")
make("v", b"null again", bucket="versions")
equal(names("v", bucket="versions"), [], "the null version is overwritten")
put("v", "x", b"on null again", bucket="versions")
make("v", b"and again", bucket="versions")
equal((names("v", bucket="versions"), names("v", bucket="versions", versionId=first)), ([], ["x", "y"]), "its own are gone, those of others are not")
put("v", "x", b"once more", bucket="versions")
server.request("DELETE", "/versions/v")
refused(get("v", "x", bucket="versions", versionId="null"), 405, "MethodNotAllowed", "a null marker has taken them away")

# ---- Other methods ----
for method, status in (("POST", 405), ("HEAD", 405)):
    equal(server.request(method, path_of("a", "size"))[0], status, f"{method} is none of them")

# ---- A restart, and the end ----
expected = {key: names(key) for key in ("a", "list", "full", "copy", "target")}
check(server.stop(), "the server stops")
server = Server(data=server.data)
equal({key: names(key) for key in expected}, expected, "all are there after a restart")
check(get("a", "size")[2] == large, "bytes, too")
check(server.stop(), "the server stops")
result = subprocess.run([SLUICE, "check", "--data", server.data], capture_output=True, text=True)
equal(result.returncode, 0, "the check finds nothing: " + result.stdout[-300:])

# What only the rows or only the files know is found.
spoiled = scratch("spoiled")
shutil.copytree(server.data, spoiled)
database = sqlite3.connect(os.path.join(spoiled, "sluice.db"))
rows = database.execute("SELECT count(*) FROM annotation").fetchone()[0]
check(rows > 1000, "annotations are rows", rows)
database.execute("UPDATE annotation_set SET refs = refs + 1 WHERE id = (SELECT min(id) FROM annotation_set)")
database.execute("DELETE FROM annotation WHERE (set_id, name) = (SELECT set_id, max(name) FROM annotation WHERE set_id = (SELECT max(set_id) FROM annotation))")
database.commit()
database.close()
result = subprocess.run([SLUICE, "check", "--data", spoiled], capture_output=True, text=True)
check(result.returncode == 1 and "counted" in result.stdout and "are there" in result.stdout and "named" in result.stdout, "a wrong count, a lost annotation and its unit are found", result.stdout[-600:])

server = Server(data=server.data)
for key in re.findall(b"<Key>(.*?)<", server.request("GET", "/notes?list-type=2")[2]):
    equal(server.request("DELETE", "/notes/" + key.decode())[0], 204, f"{key.decode()} is deleted")
for bucket in ("versions",):
    text = server.request("GET", f"/{bucket}?versions")[2].decode()
    for key, version in re.findall(r"<Key>(.*?)</Key><VersionId>(.*?)</VersionId>", text):
        equal(server.request("DELETE", f"/{bucket}/{key}?versionId={version}")[0], 204, f"{key} {version} is deleted")
    equal(server.request("DELETE", f"/{bucket}")[0], 204, f"{bucket} is deleted")
equal(server.request("DELETE", "/notes")[0], 204, "notes is deleted")
check(server.stop(), "the server stops")
server = Server(data=server.data)
check(server.stop(), "the server stops")
database = sqlite3.connect(os.path.join(server.data, "sluice.db"))
counts = {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("annotation", "annotation_set", "unit", "garbage WHERE unit_length > 0")}
equal(counts, {"annotation": 0, "annotation_set": 0, "unit": 0, "garbage WHERE unit_length > 0": 0}, "nothing is left of them")
database.close()
result = subprocess.run([SLUICE, "check", "--data", server.data], capture_output=True, text=True)
equal(result.returncode, 0, "the check finds nothing at the end: " + result.stdout[-300:])
done()
