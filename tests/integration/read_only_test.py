#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""serve --read-only: everything can be read, nothing changed; a closed store is not written into, also where that is impossible; one that was
not closed is recovered first."""
import atexit
import hashlib
import json
import os
import socket

from sluicetest import SLUICE, Server, check, done, equal, error_code, fresh, run, s3_client, scratch, skip


def files_of(data):
    """What is in each file, and when it was written; LOCK is only locked."""
    found = {}
    for folder, _, names in os.walk(data):
        for name in names:
            path = os.path.join(folder, name)
            if name not in ("control", "LOCK"):
                with open(path, "rb") as file:
                    found[path] = hashlib.sha256(file.read()).hexdigest(), os.stat(path).st_mtime_ns
    return found


def filled():
    server = Server()
    client = s3_client(server)
    client.create_bucket(Bucket="bucket")
    client.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    bodies = {"small": b"y" * 1000, "large": os.urandom(300_000), "empty": b""}
    for key, body in bodies.items():
        client.put_object(Bucket="bucket", Key=key, Body=b"an older one")
        client.put_object(Bucket="bucket", Key=key, Body=body)
    upload = client.create_multipart_upload(Bucket="bucket", Key="parts")["UploadId"]
    client.upload_part(Bucket="bucket", Key="parts", UploadId=upload, PartNumber=1, Body=b"part")
    return server, bodies, upload


def reads(server, bodies, name):
    client = s3_client(server)
    equal({key: client.get_object(Bucket="bucket", Key=key)["Body"].read() for key in bodies}, bodies, f"{name}: objects can be read")
    equal(client.get_object(Bucket="bucket", Key="large", Range="bytes=100-199")["Body"].read(), bodies["large"][100:200], f"{name}: and ranges")
    versions = client.list_object_versions(Bucket="bucket")["Versions"]
    equal(len(versions), 2 * len(bodies), f"{name}: and versions listed")
    older = next(one for one in versions if one["Key"] == "large" and not one["IsLatest"])
    equal(client.get_object(Bucket="bucket", Key="large", VersionId=older["VersionId"])["Body"].read(), b"an older one", f"{name}: and read")
    equal([bucket["Name"] for bucket in client.list_buckets()["Buckets"]], ["bucket"], f"{name}: and buckets")
    equal(client.list_multipart_uploads(Bucket="bucket")["Uploads"][0]["Key"], "parts", f"{name}: and uploads")
    equal(server.request("GET", "/-/healthy")[0], 200, f"{name}: it is healthy")


def refuses(server, upload, name):
    xml = b"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"
    delete = b"<Delete><Object><Key>small</Key></Object></Delete>"
    got = {}
    for what, method, path, body, headers in (
            ("an upload", "PUT", "/bucket/new", b"x", {}), ("a large upload", "PUT", "/bucket/new", bytes(1 << 20), {}), ("a copy", "PUT", "/bucket/new", b"", {"x-amz-copy-source": "/bucket/small"}),
            ("a delete", "DELETE", "/bucket/small", None, {}), ("deletes", "POST", "/bucket?delete", delete, {"Content-MD5": "x"}), ("a bucket", "PUT", "/another", None, {}),
            ("a bucket's delete", "DELETE", "/bucket", None, {}), ("a setting", "PUT", "/bucket?versioning", xml, {}), ("tags", "PUT", "/bucket/small?tagging", b"<Tagging><TagSet/></Tagging>", {}),
            ("an ACL", "PUT", "/bucket/small?acl", None, {"x-amz-acl": "public-read"}), ("a multipart upload", "POST", "/bucket/new?uploads", None, {}),
            ("a part", "PUT", f"/bucket/parts?partNumber=1&uploadId={upload}", b"x", {}), ("an end of one", "POST", f"/bucket/parts?uploadId={upload}", b"<CompleteMultipartUpload/>", {}),
            ("an abort", "DELETE", f"/bucket/parts?uploadId={upload}", None, {})):
        status, _, text = server.request(method, path, body=body, headers=headers)
        got[what] = (status, error_code(text), b"read only" in text)
    equal({what: answer for what, answer in got.items() if answer != (403, "AccessDenied", True)}, {}, f"{name}: no change is taken")


server, bodies, upload = filled()
server.stop()
before = files_of(server.data)
server = Server(data=server.data, args=["--read-only"])
reads(server, bodies, "closed")
refuses(server, upload, "closed")
status, output = run([SLUICE, "status", "--data", server.data])
check(status == 0 and "read-only = yes" in output, "status tells", output)
status, output = run([SLUICE, "check", "--data", server.data])
check(status == 0 and "clean" in output, "it can be checked", output)
status, output = run([SLUICE, "lost", "--empty", "--data", server.data])
check(status == 1 and "Read-only" in output, "lost/ cannot be emptied", output)
check(server.stop(), "the server stops")
equal(files_of(server.data), before, "nothing was written")

# Where nothing can be written.
mount = fresh("mount")
os.mkdir(mount)
if run(["mount", "--bind", server.data, mount])[0] != 0 or run(["mount", "-o", "remount,ro,bind", mount])[0] != 0:
    run(["umount", "--lazy", mount])
    skip("a file system that cannot be written", "nothing may be mounted here")
else:
    atexit.register(run, ["umount", "--lazy", mount])
    other = Server(data=mount, args=["--read-only"])
    reads(other, bodies, "not to be written")
    refuses(other, upload, "not to be written")
    check("control socket cannot be made" in other.log_text(), "without a control socket, which is told", other.log_text())
    check(other.stop(), "and stops")

# One that was not closed: what it answered last is there.
server, bodies, upload = filled()
server.kill()
server = Server(data=server.data, args=["--read-only"])
reads(server, bodies, "not closed")
refuses(server, upload, "not closed")
check(server.stop() and not os.path.exists(os.path.join(server.data, "sluice.db-wal")), "it was recovered, and is closed now")
before = files_of(server.data)
server = Server(data=server.data, args=["--read-only"])
reads(server, bodies, "recovered")
server.stop()
equal(files_of(server.data), before, "the next one finds it closed")
server = Server(data=server.data)
equal(server.request("PUT", "/bucket/new", body=b"x")[0], 200, "and one that may change takes changes")
server.stop()

nowhere = scratch("nowhere")
status, output = run(["timeout", "20", SLUICE, "serve", "--data", nowhere, "--listen", "127.0.0.1:0", "--read-only"])
check(status == 1 and not os.path.exists(nowhere), "no store is made to be read from alone", f"{status}: {output}")
done()
