#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""--min-free: uploads that would take of what is to stay free are refused as on a full disk; reads, listings and deletes go on, and when they
have made room, so do uploads."""
import json
import os
import subprocess

from sluicetest import SLUICE, Server, check, done, equal, error_code, poll, run, s3_client, scratch, skip


def refused(server, name, method="PUT", path="/bucket/new", body=b"x", headers=None):
    status, _, text = server.request(method, path, body=body, headers=headers)
    equal((status, error_code(text)), (507, "InsufficientStorage"), f"{name} is refused")


# Nothing is free enough: any disk will do.
server = Server()
server.request("PUT", "/bucket")
bodies = {"small": b"y" * 1000, "large": os.urandom(300_000)}
for key, body in bodies.items():
    server.request("PUT", f"/bucket/{key}", body=body)
upload = s3_client(server).create_multipart_upload(Bucket="bucket", Key="parts")["UploadId"]
server.stop()
server = Server(data=server.data, args=["--min-free", "100%"])
for name, body in (("an empty object", b""), ("a small object", b"x"), ("a large object", bytes(1 << 20))):
    refused(server, name, body=body)
refused(server, "an object of unknown length", body=iter([b"x" * 1000]), headers={"Transfer-Encoding": "chunked"})
refused(server, "a small part", path=f"/bucket/parts?partNumber=1&uploadId={upload}")
refused(server, "a large part", path=f"/bucket/parts?partNumber=1&uploadId={upload}", body=bytes(6 << 20))
equal([server.request("GET", f"/bucket/{key}")[2] for key in bodies], list(bodies.values()), "reads go on")
check(b"<Key>small</Key>" in server.request("GET", "/bucket?list-type=2")[2], "listings go on")
status, _, text = server.request("GET", "/-/healthy")
check(status == 200 and text.startswith(b"ok\n") and b"uploads are refused" in text, "health tells", repr(text))
check("sluice_storage_room_bytes 0" in server.request("GET", "/-/metrics")[2].decode(), "metrics tell")
check("room-bytes = 0" in run([SLUICE, "status", "--data", server.data])[1], "status tells")
equal(server.request("DELETE", "/bucket/small")[0], 204, "deletes go on")
equal(server.request("PUT", "/other")[0], 200, "buckets take no bytes")
server.stop()
server = Server(data=server.data, args=["--min-free", "1K"])
equal(server.request("PUT", "/bucket/new", body=b"x")[0], 200, "where there is enough, uploads are taken")
equal(server.request("GET", "/-/healthy")[2], b"ok\n", "and health has nothing to tell")
server.stop()
for bad in ("x", "-1", "101%", "5 %", "10X", "10GB", "99999999999999999999", "99999999T", "%"):
    status, output = run(["timeout", "20", SLUICE, "serve", "--data", scratch("none"), "--listen", "127.0.0.1:0", "--min-free", bad])
    check(status == 2 and "min-free" in output, f"{bad!r} is nothing to keep free", f"{status}: {output}")

# A disk of its own, that fills.
mount = scratch("small")
os.mkdir(mount)
if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "sluice-test", mount], capture_output=True).returncode != 0:
    skip("a disk that fills", "no file system may be mounted here")
    done()
try:
    for keep in ("25%", "16M"):
        server = Server(data=os.path.join(mount, "data"), args=["--min-free", keep])
        server.request("PUT", "/full")
        refused(server, f"{keep}: what alone would take of it", path="/full/big", body=bytes(60 << 20))
        filled = 0
        while server.request("PUT", f"/full/{filled}", body=os.urandom(2 << 20))[0] == 200 and filled < 40:
            filled += 1
        free = os.statvfs(mount).f_bavail * os.statvfs(mount).f_frsize
        check(filled > 4 and free > 12 << 20, f"{keep}: uploads end before the disk is full", f"{filled} of 2 MiB, {free >> 20} MiB are left")
        refused(server, f"{keep}: one more", path="/full/more", body=bytes(2 << 20))
        equal({server.request("DELETE", f"/full/{n}")[0] for n in range(filled)}, {204}, f"{keep}: deletes go on")
        check(poll(lambda: server.request("PUT", "/full/again", body=bytes(2 << 20))[0] == 200), f"{keep}: and then uploads do")
        server.request("DELETE", "/full/again")
        check(server.stop(), f"{keep}: the server stops")
finally:
    server.kill()
    subprocess.run(["umount", "--lazy", mount], check=False)
done()
