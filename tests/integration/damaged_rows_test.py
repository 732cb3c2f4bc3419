#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Rows that cannot be, column by column: the server answers with whatever it can, refuses what makes no sense, and lives; what is garbage in
a damaged row is left alone, and the rest given back. A store that is refused at the start is refused with a message.
tests/unit/metadata/meta_damage_test.c does the same without a server. DAMAGED_ROWS_ALL=1 tries all of them."""
import http.client
import os
import random
import shutil
import sqlite3

from sluicetest import SLUICE, Server, check, done, equal, poll, run, scratch

NUMBERS = ["0", "-1", "3000000000", "9223372036854775807", "-9223372036854775807 - 1"]
BLOBS = ["x''", "x'00'", "x'01ff'", "x'01ff0102030405060708'", "zeroblob(16)", "zeroblob(2000)", "x'0101'", "x'ffffffffffffffffffffffffffffffff'", "x'0101000101ffffffff'"]
TABLES = { # (columns of numbers, columns of bytes)
    "object": ("bucket size modified_ms", "key etag checksum owner extents attributes upload_id parts version"),
    "version": ("bucket is_null is_marker noncurrent_ms size modified_ms", "key id etag checksum owner extents attributes upload_id parts"),
    "upload": ("bucket initiated_ms checksum_algorithm checksum_type", "key id owner attributes"),
    "part": ("number size modified_ms", "upload_id etag checksum extents"),
    "unit": ("file unit_offset refs length", ""),
    "garbage": ("row file unit_offset unit_length", ""),
    "finished": ("", "upload_id kept"),
    "dropped": ("row", "extents"),
    "mark": ("file replaced", "open"),
    "replaced": ("row bucket size", "key version etag extents"),
    "store": ("epoch", "id"),
    "journal": ("file applied", "token"),
    "setting": ("kind", "document"),
    "bucket": ("created_ms versioning", ""),
}
SMALL, LARGE = b"small " * 100, os.urandom(300_000)
POLICY = b'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::raw/*"}]}'
CORS = b"<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"
RULES = b"<LifecycleConfiguration><Rule><ID>r</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter><Expiration><Days>9</Days></Expiration></Rule></LifecycleConfiguration>"
VERSIONING = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
DELETE = b"<Delete><Object><Key>multi</Key></Object><Object><Key>gone</Key></Object></Delete>"


def begin_upload(server, path):
    return server.request("POST", path + "?uploads")[2].split(b"<UploadId>")[1].split(b"</UploadId>")[0].decode()


def complete(server, path, upload, etags):
    parts = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>" for n, etag in enumerate(etags, 1))
    return server.request("POST", f"{path}?uploadId={upload}", f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode())


def put_parts(server, path, upload):
    return [server.request("PUT", f"{path}?partNumber={n}&uploadId={upload}", bytes(size))[1]["etag"] for n, size in ((1, 5 << 20), (2, 1000))]


def prepare():
    server = Server()
    for bucket in ("raw", "ver"):
        server.request("PUT", f"/{bucket}")
    server.request("PUT", "/ver?versioning", VERSIONING)
    for what, document in (("policy", POLICY), ("cors", CORS), ("lifecycle", RULES)):
        equal(server.request("PUT", f"/raw?{what}", document)[0] in (200, 204), True, f"the bucket has its {what}")
    for bucket in ("raw", "ver"):
        for _ in range(2):
            for key, body in (("small", SMALL), ("large", LARGE), ("folder/a", SMALL), ("folder/b", SMALL), ("gone", SMALL)):
                server.request("PUT", f"/{bucket}/{key}", body, {"x-amz-meta-a": "b", "x-amz-tagging": "k=v"})
        server.request("DELETE", f"/{bucket}/gone")
        upload = begin_upload(server, f"/{bucket}/multi")
        complete(server, f"/{bucket}/multi", upload, put_parts(server, f"/{bucket}/multi", upload))
    upload = begin_upload(server, "/raw/parts")
    etags = put_parts(server, "/raw/parts", upload)
    assert server.stop()
    return server.data, upload, etags


def fill(path):
    """Tables that are empty after a good end have a row that could be."""
    with sqlite3.connect(path) as db:
        extents = db.execute("SELECT extents FROM object WHERE key = CAST('large' AS BLOB)").fetchone()[0]
        db.execute("INSERT INTO garbage(row, file, unit_offset, unit_length) VALUES(1000, 77, 0, 5000)")
        db.execute("INSERT INTO garbage(row, file, unit_offset, unit_length) VALUES(1001, 78, 4096, 5000)")
        db.execute("INSERT INTO dropped(row, extents) VALUES(5, ?)", (extents,))
        db.execute("INSERT INTO finished(upload_id, kept) VALUES(zeroblob(32), x'02')")
    db.close()


def change(path, statement):
    """False: the database itself takes no such row."""
    db = sqlite3.connect(path)
    try:
        with db:
            db.execute(statement)
        return True
    except sqlite3.Error:
        return False
    finally:
        db.close()


def visit(server):
    upload_path = f"/raw/parts?uploadId={upload}"
    requests = [("GET", path, None, {}) for path in ("/", "/-/healthy", "/-/metrics", upload_path)]
    for bucket in ("raw", "ver"):
        requests += [("GET", f"/{bucket}{query}", None, {}) for query in (
            "", "?list-type=2", "?list-type=2&delimiter=/", "?list-type=2&fetch-owner=true&max-keys=1", "?versions", "?versions&delimiter=/&max-keys=2",
            "?uploads", "?policy", "?cors", "?lifecycle", "?acl", "?versioning", "?tagging", "?object-lock", "?location")]
        for key in ("small", "large", "multi", "folder/a", "gone"):
            requests += [(method, f"/{bucket}/{key}{query}", None, headers) for method, query, headers in (
                ("GET", "", {}), ("HEAD", "", {}), ("GET", "", {"Range": "bytes=10-99"}), ("GET", "?partNumber=1", {}), ("GET", "?tagging", {}),
                ("GET", "?acl", {}), ("GET", "?attributes", {"x-amz-object-attributes": "ETag,Checksum,ObjectParts,StorageClass,ObjectSize"}),
                ("PUT", "-copy", {"x-amz-copy-source": f"/{bucket}/{key}"}))]
        requests += [("PUT", f"/{bucket}/small?tagging", b"<Tagging><TagSet><Tag><Key>k</Key><Value>w</Value></Tag></TagSet></Tagging>", {}),
                     ("PUT", f"/{bucket}/large", SMALL, {}), ("PUT", f"/{bucket}/folder/b", LARGE, {}), ("PUT", f"/{bucket}/fresh", SMALL, {}),
                     ("DELETE", f"/{bucket}/folder/a", None, {}), ("POST", f"/{bucket}?delete", DELETE, {})]
    requests += [("PUT", f"/raw/parts?partNumber=2&uploadId={upload}", bytes(1000), {}),
                 ("PUT", f"/raw/parts?partNumber=3&uploadId={upload}", None, {"x-amz-copy-source": "/raw/multi", "x-amz-copy-source-range": "bytes=0-99"}),
                 ("POST", upload_path, f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etags[0]}</ETag></Part><Part><PartNumber>2</PartNumber>"
                                       f"<ETag>{etags[1]}</ETag></Part></CompleteMultipartUpload>".encode(), {}),
                 ("DELETE", upload_path, None, {})]
    connection = server.connect()
    for method, path, body, headers in requests:
        try:
            connection.request(method, path, body=body, headers=headers)
            connection.getresponse().read()
        except (OSError, http.client.HTTPException): # an answer that breaks off
            connection.close()
            if server.process.poll() is not None:
                return
            connection = server.connect()
    connection.close()


def check_tells_all():
    """Rows are looked at beside the bytes: all that is wrong with them is told, however many there are, and each object counted."""
    server = Server()
    server.request("PUT", "/raw")
    for key in range(50):
        server.request("PUT", f"/raw/{key}", b"x")
    assert server.stop()
    change(os.path.join(server.data, "sluice.db"), "UPDATE object SET etag = x'ff'")
    status, output = run([SLUICE, "check", "--data", server.data])
    equal((status, output.count("the ETag does not decode"), "50 objects" in output), (1, 50, True), "a check tells of 50 bad rows beside the bytes")


check_tells_all()
template, upload, etags = prepare()
fill(os.path.join(template, "sluice.db"))
cases = [(table, column, value) for table, (numbers, blobs) in TABLES.items()
         for columns, values in ((numbers, NUMBERS), (blobs, BLOBS)) for column in columns.split() for value in values]
if not os.environ.get("DAMAGED_ROWS_ALL"):
    cases = random.Random(int(os.environ.get("CRASH_SEED", "1"))).sample(cases, 40)
    cases += [("garbage", "file", "0"), ("garbage", "unit_offset", "7"), ("garbage", "unit_length", "-1"), ("object", "extents", "x'0101000001ffffffff'"),
              ("object", "key", "zeroblob(2000)"), ("object", "size", "-1"), ("part", "number", "0"), ("part", "number", "3000000000"), ("bucket", "versioning", "-1"),
              ("object", "checksum", "x'01ff01020304'"), ("part", "checksum", "x'01ff01020304'"), ("upload", "checksum_type", "255")]
odd, served, refused = [], 0, 0
for table, column, value in cases:
    what = f"{table}.{column} = {value}"
    data, log = scratch("damaged"), scratch("damaged.log")
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(template, data)
    if os.path.exists(log):
        os.unlink(log)
    path = os.path.join(data, "sluice.db")
    if not change(path, f"UPDATE {table} SET {column} = {value}") and \
       not change(path, f"UPDATE {table} SET {column} = {value} WHERE {column} = (SELECT max({column}) FROM {table})"):
        continue
    server = None
    try:
        server = Server(data=data, log=log)
        served += 1
        visit(server)
        if not server.stop():
            odd.append(f"{what}: it does not end well")
    except RuntimeError:
        refused += 1
    except Exception as error: # the test's own trouble
        odd.append(f"{what}: {error!r}")
    finally:
        if server is not None:
            server.kill()
    with open(log, errors="replace") as file:
        text = file.read()
    if "Assertion" in text or "Sanitizer" in text or "runtime error" in text:
        odd.append(f"{what}: {text[-600:]}")
    if server is None and "sluice:" not in text:
        odd.append(f"{what}: refused without a word")
equal(odd, [], f"{len(cases)} damages of rows: the server lives, or says why it does not start")
check(served > len(cases) // 2, "most of them are served", f"{served} served, {refused} refused")

# A list of garbage with rows that make no sense among others.
data = scratch("garbage")
shutil.copytree(template, data)
os.makedirs(os.path.join(data, "blobs", "00"), exist_ok=True)
with sqlite3.connect(os.path.join(data, "sluice.db")) as db:
    live = db.execute("SELECT file, unit_offset, length FROM unit WHERE unit_offset > 0 AND refs > 0 LIMIT 1").fetchone()
    for table in ("garbage", "dropped", "finished"):
        db.execute(f"DELETE FROM {table}")
    for row, (file, offset, length) in enumerate(((0, 0, 100), (-1, 0, 100), (live[0], live[1] + 7, 100), (live[0], live[1], 1 << 40), (live[0], 4096, 0),
                                                  (live[0], -4096, 100), (79, 0, 100)), 100):
        db.execute("INSERT INTO garbage VALUES(?, ?, ?, ?, NULL)", (row, file, offset, length))
db.close()
with open(os.path.join(data, "blobs", "00", f"{79:016x}"), "w") as file:
    file.write("garbage")
server = Server(data=data)
check(poll(lambda: not os.path.exists(os.path.join(data, "blobs", "00", f"{79:016x}"))), "what is garbage is given back beside rows that make no sense")
equal([server.request("GET", f"/raw/{key}")[2] for key in ("small", "large")], [SMALL, LARGE], "nothing else is")
check("row 100 of the garbage list is damaged" in server.log_text(), "the log tells of the first of them")
check(server.stop(), "the server ends with status 0")
with sqlite3.connect(os.path.join(data, "sluice.db")) as db:
    equal([row for row, in db.execute("SELECT row FROM garbage WHERE row < 1000 ORDER BY row")], list(range(100, 106)), "they stay on the list")
db.close()
done()
