#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Quotas of buckets, users and the store, by real clients: refused before the body comes, exact with many clients at the edge, in every way
that adds bytes; what frees goes on; set live and while nobody serves. And what buckets hold, in the metrics and from the command line."""
import io
import os
import re
import subprocess
import tarfile
import threading

from sluicetest import ACCESS, SECRET, SLUICE, Server, check, done, equal, error_code, have, poll, s3_client, scratch, skip


def bucket_command(server, *words):
    result = subprocess.run([SLUICE, "bucket", *words, "--data", server.data], capture_output=True, text=True, timeout=60, check=False)
    return result.returncode, result.stdout, result.stderr


def quota(server, bucket, *words):
    equal(bucket_command(server, "quota", bucket, *words)[0], 0, f"the quota of {bucket} is {' '.join(words)}")


def put(server, path, body, **headers):
    status, _, answer = server.request("PUT", path, body=body, headers=headers or None)
    return (status, error_code(answer)) if status != 200 else 200


REFUSED = (403, "QuotaExceeded")


def usage(server, bucket):
    text = server.request("GET", "/-/metrics")[2].decode()
    kinds = {kind: int(value) for kind, value in re.findall(rf'^sluice_bucket_bytes{{bucket="{bucket}",kind="(\w+)"}} (\d+)$', text, re.M)}
    objects = re.search(rf'^sluice_bucket_objects{{bucket="{bucket}"}} (\d+)$', text, re.M)
    return int(objects.group(1)) if objects else None, kinds


def before_the_body(server):
    """curl sends nothing of the body until it is told to go on, and it is not."""
    if not have("curl"):
        return skip("a refused body does not come", "curl is not installed")
    large = scratch("large")
    with open(large, "wb") as file:
        file.truncate(32 << 20)
    result = subprocess.run(["curl", "-sS", "-T", large, "-H", "Expect: 100-continue", "--expect100-timeout", "60", "-o", "/dev/null", "-w",
                             "%{http_code} %{size_upload}", f"http://127.0.0.1:{server.port}/plain/large"], capture_output=True, text=True, timeout=90, check=False)
    equal(result.stdout, "403 0", "a body that has no room is refused before any of it is sent")
    return None


def one_bucket(server):
    equal(put(server, "/plain", None), 200, "a bucket is made")
    quota(server, "plain", "bytes=1000", "objects=4")
    before_the_body(server)
    equal(put(server, "/plain/a", b"x" * 600), 200, "what fits is stored")
    equal(put(server, "/plain/b", b"x" * 401), REFUSED, "one byte more is refused")
    equal(put(server, "/plain/b", b"x" * 400), 200, "the last byte fits")
    equal(put(server, "/plain/c", b"x"), REFUSED, "then there is no room")
    equal(put(server, "/plain/a", b"y" * 600), 200, "but for what takes the place of as much")
    equal(put(server, "/plain/a", b"y" * 601), REFUSED, "and not of less")
    equal(server.request("GET", "/plain/a")[2], b"y" * 600, "a refused overwrite changes nothing")
    status, _, body = server.request("PUT", "/plain/d", headers={"x-amz-copy-source": "/plain/b"})
    equal((status, error_code(body)), REFUSED, "a copy counts")
    equal(put(server, "/plain/a", b"y" * 10), 200, "a smaller one is stored")
    equal(usage(server, "plain"), (2, {"objects": 410, "versions": 0, "parts": 0, "annotations": 0, "staged": 0}), "the metrics say what is there")
    equal(put(server, "/plain/a", b"z" * 591, **{"x-amz-write-offset-bytes": "10"}), REFUSED, "an append that has no room")
    equal(put(server, "/plain/a", b"z" * 90, **{"x-amz-write-offset-bytes": "10"}), 200, "an append that has")
    for key in "cd":
        equal(put(server, f"/plain/{key}", b""), 200, f"{key} is one object more")
    equal(put(server, "/plain/e", b""), REFUSED, "an empty object is one, too")
    equal(server.request("DELETE", "/plain/c")[0], 204, "a delete goes on")
    equal(put(server, "/plain/e", b""), 200, "and makes room")
    quota(server, "plain", "bytes=10")
    equal(put(server, "/plain/f", b"x"), REFUSED, "it holds more than a new quota")
    equal(server.request("GET", "/plain/b")[0], 200, "reads go on")
    code, out, _ = bucket_command(server, "usage")
    check(code == 0 and re.search(r"^plain\t4\t500\t4\t500\tbytes=10$", out, re.M), "the command tells what it holds", out)
    quota(server, "plain", "off")
    equal(put(server, "/plain/f", b"x"), 200, "without a quota all fits")
    equal(bucket_command(server, "quota", "plain", "bytes=lots")[0], 2, "a quota that is none")
    equal(bucket_command(server, "quota", "nowhere", "bytes=1")[0], 1, "a bucket that is not there")


def multipart(server):
    equal(put(server, "/parts", None), 200, "a bucket is made")
    quota(server, "parts", "bytes=6M", "objects=1")
    upload = re.search("<UploadId>(.*?)</UploadId>", server.request("POST", "/parts/key?uploads")[2].decode()).group(1)
    status, headers, _ = server.request("PUT", f"/parts/key?partNumber=1&uploadId={upload}", body=b"p" * (5 << 20))
    equal(status, 200, "a part that fits")
    equal(put(server, f"/parts/key?partNumber=2&uploadId={upload}", b"p" * (2 << 20)), REFUSED, "a part that does not")
    equal(put(server, f"/parts/key?partNumber=1&uploadId={upload}", b"p" * (5 << 20)), 200, "the same part again")
    equal(usage(server, "parts")[1]["parts"], 5 << 20, "parts are counted")
    document = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{headers['etag']}</ETag></Part></CompleteMultipartUpload>"
    equal(server.request("POST", f"/parts/key?uploadId={upload}", body=document.encode())[0], 200, "completing counts nothing twice")
    equal(usage(server, "parts")[1], {"objects": 5 << 20, "versions": 0, "parts": 0, "annotations": 0, "staged": 0}, "parts become the object")


def unknown_lengths(server):
    """Bodies whose length nobody tells are bounded while they come."""
    equal(put(server, "/flow", None), 200, "a bucket is made")
    quota(server, "flow", "bytes=100K")
    for size, want in ((200 << 10, "403"), (90 << 10, "200")):
        if not have("curl"):
            return skip("chunked bodies", "curl is not installed")
        result = subprocess.run(["curl", "-sS", "-X", "PUT", "-T", "-", "-o", "/dev/null", "-w", "%{http_code}", f"http://127.0.0.1:{server.port}/flow/{size}"],
                                input=b"c" * size, capture_output=True, timeout=60, check=False)
        equal(result.stdout.decode(), want, f"a chunked body of {size} bytes")
    boundary = "quota-boundary"
    form = (f'--{boundary}\r\nContent-Disposition: form-data; name="key"\r\n\r\nposted\r\n--{boundary}\r\n'
            f'Content-Disposition: form-data; name="file"; filename="f"\r\n\r\n').encode() + b"f" * (20 << 10) + f"\r\n--{boundary}--\r\n".encode()
    status, _, body = server.request("POST", "/flow", body=form, headers={"Content-Type": f"multipart/form-data; boundary={boundary}"})
    equal((status, error_code(body)), REFUSED, "a posted form")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in ("one", "two"):
            member = tarfile.TarInfo(name)
            member.size = 8 << 10
            tar.addfile(member, io.BytesIO(b"t" * member.size))
    status, _, body = server.request("PUT", "/flow/tar/", body=archive.getvalue(), headers={"x-amz-meta-snowball-auto-extract": "true"})
    check(b"QuotaExceeded" in body or status == 403, "an archive that is unpacked", f"{status} {body[:300]}")
    equal(usage(server, "flow")[0], 1, "nothing of them is left")
    return None


def at_the_edge(server, bucket, clients, fit):
    """Each client stores until it is refused."""
    stored, wrong = [], []

    def client(number):
        for i in range(fit):
            got = put(server, f"/{bucket}/{number}-{i}", b"e" * 100)
            if got == REFUSED:
                return
            (stored if got == 200 else wrong).append((number, i, got))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(wrong, [], "nothing but 200 and QuotaExceeded")
    return len(stored)


def many_clients(server):
    for bucket, words in (("crowd", ("objects=100",)), ("crowd2", ("bytes=10099",))):
        equal(put(server, f"/{bucket}", None), 200, "a bucket is made")
        quota(server, bucket, *words)
        equal(at_the_edge(server, bucket, 32, 100), 100, f"32 clients store as much as {words[0]} allows, and no more")
        equal(usage(server, bucket)[0], 100, "which is what is there")


def versions(server):
    equal(put(server, "/versions", None), 200, "a bucket is made")
    enabled = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    equal(server.request("PUT", "/versions?versioning", body=enabled)[0], 200, "which keeps versions")
    quota(server, "versions", "bytes=250")
    for body in (b"1" * 100, b"2" * 100):
        equal(put(server, "/versions/key", body), 200, "a version")
    equal(put(server, "/versions/key", b"3" * 100), REFUSED, "older ones count")
    equal(server.request("DELETE", "/versions/key")[0], 204, "a delete marker is always to be had")
    equal(usage(server, "versions")[1]["versions"], 200, "noncurrent versions are counted apart")


def the_store():
    server = Server(args=("--quota-bytes", "1000", "--quota-objects", "5"))
    for bucket in ("one", "two"):
        equal(put(server, f"/{bucket}", None), 200, "a bucket is made")
    equal(put(server, "/one/a", b"x" * 600), 200, "what fits the store")
    equal(put(server, "/two/a", b"x" * 401), REFUSED, "what does not")
    equal(put(server, "/two/a", b"x" * 400), 200, "to the last byte")
    check(server.stop(), "the server stops")
    code, out, _ = bucket_command(server, "usage")
    check(code == 0 and "one\t1\t600" in out and "two\t1\t400" in out, "what is held is told of a store that nobody serves", out)
    equal(bucket_command(server, "quota", "one", "bytes=700")[0], 0, "a quota is set while nobody serves")
    server = Server(data=server.data)
    equal((put(server, "/one/b", b"x" * 101), put(server, "/one/b", b"x" * 100)), (REFUSED, 200), "and counts from the next start on")
    equal(bucket_command(server, "recount")[0], 0, "all is counted anew")
    check(poll(lambda: usage(server, "one")[0] == 2 and usage(server, "two")[1] == {"objects": 400, "versions": 0, "parts": 0, "annotations": 0, "staged": 0}),
          "and comes to the same")
    check(server.stop(), "the server stops")
    check_clean(server)


def users():
    credentials = scratch("credentials")
    with open(os.open(credentials, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"user alice quota:bytes=1000,objects=3\nkey {ACCESS} {SECRET} owner:alice *=all\nkey other {SECRET} owner:bob *=all\n")
    server = Server(args=("--credentials", credentials))
    try:
        client, other = s3_client(server), s3_client(server, access="other")
    except ImportError:
        check(server.stop(), "the server stops")
        return skip("quotas of users", "boto3 is not installed")
    for name, owner in (("mine", client), ("mine2", client), ("his", other)):
        owner.create_bucket(Bucket=name)
    client.put_object(Bucket="mine", Key="a", Body=b"x" * 700)

    def code_of(call, **arguments):
        try:
            call(**arguments)
        except client.exceptions.ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
        return 200

    equal(code_of(client.put_object, Bucket="mine2", Key="a", Body=b"x" * 301), REFUSED, "a user's buckets count together")
    equal(code_of(other.put_object, Bucket="mine2", Key="a", Body=b"x" * 301), REFUSED, "whoever writes into them")
    equal(code_of(other.put_object, Bucket="his", Key="a", Body=b"x" * 5000), 200, "another's do not count")
    with open(credentials, "w") as file:
        file.write(f"user alice quota:objects=3\nkey {ACCESS} {SECRET} owner:alice *=all\nkey other {SECRET} owner:bob *=all\n")
    check(poll(lambda: code_of(client.put_object, Bucket="mine2", Key="a", Body=b"x" * 301) == 200), "the file is read again by itself")
    check(server.stop(), "the server stops")
    return check_clean(server)


def check_clean(server):
    result = subprocess.run([SLUICE, "check", "--data", server.data], capture_output=True, text=True, timeout=120, check=False)
    equal(result.returncode, 0, "the check finds all counts right: " + result.stdout[-500:])


server = Server()
one_bucket(server)
multipart(server)
unknown_lengths(server)
versions(server)
many_clients(server)
check(server.stop(), "the server stops")
check_clean(server)
the_store()
users()
done()
