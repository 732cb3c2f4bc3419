#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Small bodies of a cluster are rows of its database: written with their objects, read on any server, verified, shared by copies, and gone with the last object."""
import os
import subprocess
import tempfile

from cluster_database import DATABASE, psql
from sluicetest import SLUICE, Server, blob_files, check, done, equal, error_code, key_line, make_keys, poll, scratch

ROW_BYTES_MAX = 16 << 10

psql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
data = tempfile.mkdtemp(prefix="shared-", dir=scratch())
keys = make_keys("keys", key_line("a", 1))
servers = [Server(data=data, args=["--cluster", DATABASE, "--reclaim-delay", "1", "--encryption-keys", keys]) for _ in range(2)]
one, two = servers


def bodies():
    return int(psql("SELECT count(*) FROM body"))


def put(server, path, body, status=200, **headers):
    answer = server.request("PUT", path, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()})
    equal(answer[0], status, f"PUT {path} of {len(body)} bytes")
    return answer[1]


def get(server, path, **headers):
    status, _, body = server.request("GET", path, headers={name: value for name, value in headers.items()})
    return status, body


# ---- Up to 16 KiB a row, above that a file ----
put(one, "/bucket", b"")
sizes = [0, 1, 2000, ROW_BYTES_MAX]
stored = {size: os.urandom(size) for size in sizes}
for size, body in stored.items():
    put(one, f"/bucket/size-{size}", body)
equal((bodies(), len(blob_files(data)[0])), (3, 0), "a row each, none for an empty one, and no file")
larger = os.urandom(ROW_BYTES_MAX + 1)
put(one, "/bucket/larger", larger)
equal((bodies(), len(blob_files(data)[0])), (3, 1), "one byte more makes a file")
for server in servers:
    equal([get(server, f"/bucket/size-{size}") for size in sizes], [(200, stored[size]) for size in sizes], "read whole")
    equal(get(server, "/bucket/size-2000", Range="bytes=1000-1009"), (206, stored[2000][1000:1010]), "a range")
    equal(server.request("HEAD", "/bucket/size-2000")[1]["content-length"], "2000", "HEAD")
    equal(get(server, "/bucket/larger"), (200, larger), "the larger one")
tag = one.request("HEAD", "/bucket/size-2000")[1]["etag"]
equal(get(two, "/bucket/size-2000", **{"If-None-Match": tag})[0], 304, "a condition")
put(two, "/bucket/size-1", b"x", 412, If_None_Match="*")
equal(bodies(), 3, "what is refused leaves no row")

# ---- What shares them ----
put(two, "/bucket/copy", b"", x_amz_copy_source="/bucket/size-2000")
equal((bodies(), psql("SELECT max(refs) FROM unit WHERE file > 4611686018427387904")), (3, "2"), "a copy shares the row")
equal(one.request("DELETE", "/bucket/size-2000")[0], 204, "the source is deleted")
equal(get(one, "/bucket/copy"), (200, stored[2000]), "the copy has it still")
upload = two.request("POST", "/bucket/parts?uploads")[2].decode().split("<UploadId>")[1].split("</UploadId>")[0]
pieces = [os.urandom(5 << 20), os.urandom(300)]
tags = [servers[n].request("PUT", f"/bucket/parts?partNumber={n + 1}&uploadId={upload}", body=pieces[n])[1]["etag"] for n in range(2)]
listed = "".join(f"<Part><PartNumber>{n + 1}</PartNumber><ETag>{tag}</ETag></Part>" for n, tag in enumerate(tags))
equal(one.request("POST", f"/bucket/parts?uploadId={upload}", body=f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>")[0], 200, "an upload with a small last part")
equal((get(two, "/bucket/parts"), get(two, "/bucket/parts", Range=f"bytes={(5 << 20) - 10}-{(5 << 20) + 9}")), ((200, b"".join(pieces)), (206, pieces[0][-10:] + pieces[1][:10])), "is read over the seam of file and row")
whole = b""
for number in range(5):
    piece = os.urandom(100 + number)
    put(servers[number % 2], "/bucket/appended", piece, x_amz_write_offset_bytes=str(len(whole)))
    whole += piece
equal((get(one, "/bucket/appended"), get(two, "/bucket/appended", Range="bytes=90-310")), ((200, whole), (206, whole[90:311])), "pieces that were appended")

# ---- Encrypted ----
secret = b"a secret of some length" * 20
put(one, "/bucket/sealed", secret, x_amz_server_side_encryption="AES256")
equal((get(two, "/bucket/sealed"), get(two, "/bucket/sealed", Range="bytes=23-45")), ((200, secret), (206, secret[23:46])), "what is encrypted is read")
equal(psql("SELECT count(*) FROM body WHERE position('secret'::bytea IN bytes) > 0"), "0", "and lies so in its row")

# ---- Versions ----
document = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
put(one, "/versioned", b"")
equal(one.request("PUT", "/versioned?versioning", body=document)[0], 200, "a bucket with versions")
versions = [put(servers[n], "/versioned/key", b"version %d" % n)["x-amz-version-id"] for n in range(2)]
equal([get(servers[1 - n], f"/versioned/key?versionId={versions[n]}") for n in range(2)] + [get(one, "/versioned/key")], [(200, b"version 0"), (200, b"version 1"), (200, b"version 1")], "each version has its own")
equal(two.request("DELETE", f"/versioned/key?versionId={versions[1]}")[0], 204, "the newest is deleted")
equal(get(one, "/versioned/key"), (200, b"version 0"), "the one before is current again")

# ---- They go with the last that names them ----
for name in ("copy", "parts", "appended", "sealed", "larger", *(f"size-{size}" for size in sizes if size != 2000)):
    equal(one.request("DELETE", f"/bucket/{name}")[0], 204, f"{name} is deleted")
check(poll(lambda: (bodies(), psql("SELECT count(*) FROM garbage"), len(blob_files(data)[0])) == (1, "0", 0), 60), "rows and files are gone, but for one version's", f"{bodies()} {psql('SELECT count(*) FROM garbage')}")

# ---- Damage ----
put(one, "/bucket/good", b"as it was stored")
put(one, "/bucket/bad", b"as it was stored once")
put(one, "/bucket/lost", b"never seen again")


def checked():
    result = subprocess.run([SLUICE, "check", "--cluster", DATABASE, "--data", data], capture_output=True, text=True)
    return result.returncode, result.stdout + result.stderr


status, output = checked()
check(status == 0 and "0 damaged, 0 missing, 0 orphaned" in output, "check --cluster reads them", output)
psql("UPDATE body SET bytes = overlay(bytes PLACING 'X'::bytea FROM 1) WHERE position('once'::bytea IN bytes) > 0")
equal([(get(server, "/bucket/bad")[0], error_code(get(server, "/bucket/bad")[1])) for server in servers], [(500, "InternalError")] * 2, "bytes that are not what was stored are not given out")
check("checksum differs" in one.log_text(), "and told of", one.log_text()[-500:])
psql("CREATE TABLE kept AS SELECT * FROM body WHERE position('never'::bytea IN bytes) > 0; DELETE FROM body WHERE position('never'::bytea IN bytes) > 0")
equal(get(two, "/bucket/lost")[0], 500, "nor is a body whose row is gone")
status, output = checked()
check(status == 1 and "1 damaged, 1 missing" in output, "check --cluster finds both", output)
check("no body" in output, "and the row that lacks its body", output)
psql("INSERT INTO body SELECT * FROM kept; INSERT INTO body VALUES(9000000000000000000, 'x')")
status, output = checked()
check(status == 1 and "no unit" in output, "and a body that nothing counts", output)
psql("DELETE FROM body WHERE file = 9000000000000000000; UPDATE unit SET refs = 2 WHERE file = (SELECT file FROM body WHERE position('never'::bytea IN bytes) > 0)")
status, output = checked()
check(status == 1 and "counted 2 times" in output, "and a count of references that is wrong", output)
equal(get(one, "/bucket/good"), (200, b"as it was stored"), "the others are read")
check(all(server.stop() for server in servers), "the servers end cleanly")
done()
