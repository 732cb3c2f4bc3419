#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""PostObject: forms as browsers send them, by hand and with boto3's policies, by known and unknown people."""
import base64
import datetime
import hashlib
import hmac
import json
import os
import re
import socket
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from forms import form, post
from signer import Signer
from sluicetest import ACCESS, SECRET, Server, check, done, equal, error_code, have, run, scratch, skip

try:
    import boto3
    from botocore.config import Config
except ImportError:
    boto3 = None


def signed(conditions, fields, secret=SECRET, expires=600, region="us-east-1"):
    """The fields with a policy of these conditions and its signature."""
    signer = Signer(ACCESS, secret, region)
    about = {"x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-credential": f"{ACCESS}/{signer.scope}", "x-amz-date": signer.stamp}
    until = signer.now + datetime.timedelta(seconds=expires)
    policy = base64.b64encode(json.dumps({"expiration": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
                                          "conditions": conditions + [{k: v} for k, v in about.items()]}).encode()).decode()
    return {**fields, **about, "policy": policy, "x-amz-signature": hmac.new(signer.key(), policy.encode(), hashlib.sha256).hexdigest()}


def opened(server):
    """Without keys: what becomes of the fields."""
    status, headers, body = post(server, {"key": "plain"})
    equal((status, body, headers["etag"]), (204, b"", '"' + hashlib.md5(b"file content").hexdigest() + '"'), "a form stores its file")
    equal(headers["location"], f"{server.url}/bucket/plain", "and tells where")
    status, headers, body = server.request("GET", "/bucket/plain")
    equal(body, b"file content", "which can be fetched")
    post(server, {"key": "user/${filename}", "Content-Type": "image/png", "x-amz-meta-Colour": "red", "Cache-Control": "no-store",
                  "tagging": "<Tagging><TagSet><Tag><Key>a</Key><Value>b c</Value></Tag></TagSet></Tagging>"}, filename="C:\\\\pictures\\\\a b.png")
    status, headers, _ = server.request("HEAD", "/bucket/user/a%20b.png")
    equal((status, headers["content-type"], headers.get("x-amz-meta-colour"), headers["cache-control"]), (200, "image/png", "red", "no-store"),
          "${filename}, content type and metadata")
    check(b"<Value>b c</Value>" in server.request("GET", "/bucket/user/a%20b.png?tagging")[2], "and tags")
    check(server.request("HEAD", "/bucket/plain")[1]["content-type"] == "binary/octet-stream", "the file's own type is not taken")
    status, headers, body = post(server, {"key": "a&b", "success_action_status": "201"})
    equal((status, b"<Key>a&amp;b</Key>" in body and b"<Bucket>bucket</Bucket>" in body and b"<PostResponse>" in body), (201, True), "success_action_status 201")
    equal(post(server, {"key": "x", "success_action_status": "200"})[0], 200, "success_action_status 200")
    equal(post(server, {"key": "x", "success_action_status": "404"})[0], 204, "any other: 204")
    status, headers, _ = post(server, {"key": "a b", "success_action_redirect": "http://example.org/done?x=1"})
    where = urllib.parse.urlparse(headers["location"])
    query = urllib.parse.parse_qs(where.query)
    equal((status, where.netloc, query["x"], query["bucket"], query["key"], query["etag"]), (303, "example.org", ["1"], ["bucket"], ["a b"],
          ['"' + hashlib.md5(b"file content").hexdigest() + '"']), "success_action_redirect")
    equal(post(server, {"key": "x", "redirect": "javascript:alert(1)"})[0], 204, "no redirect to what is no address")
    sum_ = base64.b64encode(hashlib.sha256(b"file content").digest()).decode()
    status, headers, _ = post(server, {"key": "sum", "x-amz-checksum-sha256": sum_})
    equal((status, headers.get("x-amz-checksum-sha256")), (204, sum_), "a checksum as a field")
    for data in (b"", b"\r\n", b"\r\n--", os.urandom(3 << 20) + b"\r\n------WebKitFormBoundaryX", b"\r" * 70000, b"\r\n------WebKitFormBoundaryX0" * 5000):
        post(server, {"key": "bytes"}, data=data)
        check(server.request("GET", "/bucket/bytes")[2] == data, f"a file of {len(data)} bytes")
    status, _, _ = post(server, {"key": "submit"}, after='--BOUNDARY\r\nContent-Disposition: form-data; name="submit"\r\n\r\nUpload\r\n')
    equal((status, server.request("GET", "/bucket/submit")[2]), (204, b"file content"), "fields behind the file are ignored")


def refused(server):
    def is_refused(name, want, fields, **options):
        status, _, body = post(server, fields, **options)
        equal((status, error_code(body)), want, name)

    md5 = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    is_refused("no key", (400, "InvalidArgument"), {"acl": "private"})
    is_refused("a key that is too long", (400, "KeyTooLongError"), {"key": "x" * 1025})
    is_refused("a key that is no UTF-8", (400, "InvalidArgument"), {"key": b"\xff"})
    is_refused("no file", (400, "InvalidArgument"), {"key": "no"}, data=None)
    is_refused("a wrong Content-MD5", (400, "BadDigest"), {"key": "no", "Content-MD5": md5})
    is_refused("a wrong checksum", (400, "BadDigest"), {"key": "no", "x-amz-checksum-md5": md5})
    is_refused("two checksums", (400, "InvalidRequest"), {"key": "no", "x-amz-checksum-md5": md5, "x-amz-checksum-sha1": "x"})
    is_refused("a value that would break a head in two", (400, "InvalidArgument"), {"key": "no", "x-amz-meta-a": "1\r\nset-cookie: a=b"})
    is_refused("a name that would", (400, "InvalidArgument"), {"key": "no", "x-amz-meta-a: b\tc": "1"})
    is_refused("too many tags", (400, "BadRequest"), {"key": "no", "tagging": "<Tagging><TagSet>" + "".join(
        f"<Tag><Key>{i}</Key><Value/></Tag>" for i in range(11)) + "</TagSet></Tagging>"})
    is_refused("fields beyond all bounds", (400, "MaxPostPreDataLengthExceeded"), {"key": "no", "x-ignore-a": "x" * 70000})
    is_refused("a bucket that is not there", (404, "NoSuchBucket"), {"key": "no"}, path="/absent")
    is_refused("a policy that has expired, even where nobody signs", (403, "AccessDenied"), signed([["starts-with", "$key", ""]], {"key": "no"}, expires=-1))
    is_refused("a policy that is none", (400, "InvalidPolicyDocument"), {"key": "no", "policy": "e30="})
    body, headers = form({"key": "no"})
    status, _, answer = server.request("POST", "/bucket", body[:-30], headers)
    equal((status, error_code(answer)), (400, "MalformedPOSTRequest"), "a form that ends too early")
    status, _, answer = server.request("POST", "/bucket", body, {"content-type": "application/x-www-form-urlencoded"})
    equal((status, error_code(answer)), (412, "PreconditionFailed"), "a form of another type")
    equal(server.request("HEAD", "/bucket/no")[0], 404, "what was refused was not stored")


def streamed(server):
    """A large file goes to disk as it comes: the server's memory does not follow it."""
    def resident():
        with open(f"/proc/{server.pid}/statm") as file:
            return int(file.read().split()[1]) * 4096

    size, block = 200 << 20, os.urandom(1 << 20)
    body, headers = form({"key": "large"}, data=b"")
    head, tail = body.split(b"\r\n\r\n\r\n")[0] + b"\r\n\r\n", b"\r\n" + body.rsplit(b"\r\n", 2)[1] + b"\r\n"
    before = resident()
    with server.open_socket(60) as sock:
        sock.sendall(f"POST /bucket HTTP/1.1\r\nHost: localhost\r\nContent-Type: {headers['content-type']}\r\nContent-Length: {len(head) + size + len(tail)}\r\n\r\n".encode() + head)
        for _ in range(size >> 20):
            sock.sendall(block)
        sock.sendall(tail)
        status = sock.recv(65536).split()[1]
    grown = resident() - before
    equal((status, server.request("HEAD", "/bucket/large")[1]["content-length"]), (b"204", str(size)), "a large file")
    if "ASAN_OPTIONS" in os.environ:
        skip("is not kept in memory", "AddressSanitizer keeps what was freed")
    else:
        check(grown < 64 << 20, "is not kept in memory", f"{grown >> 20} MiB")
    with server.open_socket(60) as sock:
        sock.sendall(f"POST /bucket HTTP/1.1\r\nHost: localhost\r\nContent-Type: {headers['content-type']}\r\nContent-Length: 99999999\r\n\r\n".encode() + head.replace(b"large", b"cut") + block)
    time.sleep(0.2)
    equal(server.request("HEAD", "/bucket/cut")[0], 404, "one that breaks off is not stored")


def keyed(server):
    everything = [{"bucket": "bucket"}, ["starts-with", "$key", "user/"], ["content-length-range", 5, 20]]
    equal(post(server, signed(everything, {"key": "user/a"}))[0], 204, "a signed form")

    def is_refused(name, want, fields, **options):
        status, _, body = post(server, fields, **options)
        equal((status, error_code(body)), want, name)

    good = signed(everything, {"key": "user/no"})
    is_refused("nobody's form", (403, "AccessDenied"), {"key": "user/no"})
    is_refused("another secret", (403, "SignatureDoesNotMatch"), signed(everything, {"key": "user/no"}, secret="wrong"))
    is_refused("another policy than was signed", (403, "SignatureDoesNotMatch"), {**good, "policy": signed([], {})["policy"]})
    is_refused("an unknown key", (403, "InvalidAccessKeyId"), {**good, "x-amz-credential": good["x-amz-credential"].replace(ACCESS, "NOBODY")})
    is_refused("another region", (400, "InvalidArgument"), signed(everything, {"key": "user/no"}, region="eu-west-1"))
    is_refused("no signature", (400, "InvalidArgument"), {k: v for k, v in good.items() if k != "x-amz-signature"})
    is_refused("no policy", (400, "InvalidArgument"), {k: v for k, v in good.items() if k != "policy"})
    is_refused("a policy that has expired", (403, "AccessDenied"), signed(everything, {"key": "user/no"}, expires=-1))
    is_refused("a key outside the policy", (403, "AccessDenied"), signed(everything, {"key": "other/no"}))
    is_refused("a field the policy knows nothing of", (403, "AccessDenied"), signed(everything, {"key": "user/no", "x-amz-meta-a": "b"}))
    is_refused("a file that is too large", (400, "EntityTooLarge"), signed(everything, {"key": "user/no"}), data=b"x" * 21)
    is_refused("a file that is too small", (400, "EntityTooSmall"), signed(everything, {"key": "user/no"}), data=b"x" * 4)
    equal(server.request("HEAD", "/bucket/user/no")[0], 401, "and the server still knows nobody")
    signer = Signer(ACCESS, SECRET)
    headers = signer.headers("HEAD", "/bucket/user/no", f"{server.host}:{server.port}")
    equal(server.request("HEAD", "/bucket/user/no", headers=headers)[0], 404, "what was refused was not stored")


def presigned(signer, method, path, host):
    """The query of a presigned URL."""
    query = {"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": f"{ACCESS}/{signer.scope}", "X-Amz-Date": signer.stamp,
             "X-Amz-Expires": "600", "X-Amz-SignedHeaders": "host"}
    canonical = "\n".join([method, path, urllib.parse.urlencode(sorted(query.items()), quote_via=urllib.parse.quote, safe="-_.~"), f"host:{host}\n", "host",
                           "UNSIGNED-PAYLOAD"])
    text = "\n".join(["AWS4-HMAC-SHA256", signer.stamp, signer.scope, hashlib.sha256(canonical.encode()).hexdigest()])
    return {**query, "X-Amz-Signature": hmac.new(signer.key(), text.encode(), hashlib.sha256).hexdigest()}


def authenticated_by_policy_alone(server):
    """A signature of the request says nothing of its form; the form's policy says for which bucket it is; and what it is about is what is stored."""
    host = f"{server.host}:{server.port}"
    signer = Signer(ACCESS, SECRET)
    everything = [{"bucket": "bucket"}, ["starts-with", "$key", "user/"]]

    def answer(name, want, fields, path="/bucket", extra=None):
        status, _, body = post(server, fields, path=path, extra=extra)
        return equal((status, error_code(body) if status >= 400 else ""), want, name)

    def of_request(method, path, **headers):
        return server.request(method, path, headers=signer.headers(method, path, host, extra=headers))

    body, _ = form({"key": "user/no"})
    for payload in ("UNSIGNED-PAYLOAD", hashlib.sha256(body).hexdigest(), hashlib.sha256(b"another form").hexdigest()):
        answer(f"a form that is signed in its header ({payload[:12]})", (400, "InvalidArgument"), {"key": "user/no"},
               extra=signer.headers("POST", "/bucket", host, payload))
    answer("and a signed form, too", (400, "InvalidArgument"), signed(everything, {"key": "user/no"}), extra=signer.headers("POST", "/bucket", host, "UNSIGNED-PAYLOAD"))
    answer("a form that is signed in its query", (400, "InvalidArgument"), {"key": "user/no"},
           path="/bucket?" + urllib.parse.urlencode(presigned(signer, "POST", "/bucket", host)))
    answer("a policy that names no bucket", (403, "AccessDenied"), signed([["starts-with", "$key", ""]], {"key": "user/no"}))
    equal(of_request("HEAD", "/bucket/user/no")[0], 404, "none of them was stored")

    owner = re.search(b"<ID>(.*?)</ID>", of_request("GET", "/")[2])[1].decode()
    answer("a bucket of the owner that was expected", (204, ""), signed(everything, {"key": "user/mine"}),
           extra={"x-amz-expected-bucket-owner": owner})
    for way in ("header", "field"):
        about = {"x-amz-expected-bucket-owner": "000000000000"}
        conditions = everything + [about] * (way == "field")
        answer(f"another owner than was expected, in a {way}", (403, "AccessDenied"), signed(conditions, {"key": "user/no", **(about if way == "field" else {})}),
               extra=about if way == "header" else None)
        about = {"If-None-Match": "*"}
        conditions = everything + [about] * (way == "field")
        fields = {"key": "user/mine", **(about if way == "field" else {})}
        answer(f"If-None-Match over a key that is there, in a {way}", (412, "PreconditionFailed"), signed(conditions, fields), extra=about if way == "header" else None)
        answer(f"and over one that is not, in a {way}", (204, ""), signed(conditions, {**fields, "key": f"user/new-{way}"}), extra=about if way == "header" else None)
    about = {"If-None-Match": "*"}
    answer("in both", (400, "InvalidArgument"), signed(everything + [about], {"key": "user/no", **about}), extra=about)
    answer("If-Match of something else", (412, "PreconditionFailed"), signed(everything, {"key": "user/mine"}), extra={"If-Match": '"x"'})

    def twice(conditions, *fields):
        made = signed(everything + conditions, {"key": "user/no"})
        return [*made.items(), *fields]

    acl, storage, kind, meta = {"acl": "private"}, {"x-amz-storage-class": "STANDARD"}, ["starts-with", "$Content-Type", ""], {"x-amz-meta-user": "alice"}
    for name, conditions, fields in (
            ("acl", [acl], [("acl", "private"), ("acl", "public-read-write")]),
            ("acl and x-amz-acl", [acl, {"x-amz-acl": "private"}], [("acl", "private"), ("x-amz-acl", "private")]),
            ("a storage class", [storage], [("x-amz-storage-class", "STANDARD"), ("x-amz-storage-class", "GLACIER_IR")]),
            ("an empty type and another", [kind], [("Content-Type", ""), ("content-type", "text/html")]),
            ("the key", [], [("Key", "user/no2")]),
            ("the policy", [], [("policy", "e30=")]),
            ("where to go", [["starts-with", "$success_action_redirect", ""]], [("success_action_redirect", "http://a/"), ("success_action_redirect", "http://b/")])):
        answer(f"{name}, twice", (400, "InvalidArgument"), twice(conditions, *fields))
    answer("metadata that the policy knows is joined, and judged so", (403, "AccessDenied"), twice([meta], ("x-amz-meta-user", "alice"), ("x-amz-meta-user", "root")))
    answer("also when that is what it says", (204, ""), [*signed(everything + [{"x-amz-meta-user": "alice,root"}], {"key": "user/joined"}).items(),
                                                         ("x-amz-meta-user", "alice"), ("X-Amz-Meta-User", "root")])
    equal(of_request("HEAD", "/bucket/user/joined")[1].get("x-amz-meta-user"), "alice,root", "which is what is stored")
    equal(of_request("HEAD", "/bucket/user/no")[0], 404, "what was refused was not stored")


def clients(server):
    if boto3 is None:
        skip("boto3's presigned posts", "python3-boto3 is not installed")
        return
    s3 = boto3.client("s3", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=ACCESS, aws_secret_access_key=SECRET,
                      config=Config(signature_version="s3v4"))
    made = s3.generate_presigned_post("bucket", "boto/${filename}", Fields={"Content-Type": "text/plain"},
                                      Conditions=[["starts-with", "$Content-Type", "text/"], ["content-length-range", 1, 1000]])
    status, _, body = post(server, made["fields"], path=urllib.parse.urlparse(made["url"]).path, filename="note.txt")
    equal((status, body), (204, b""), "boto3's presigned post")
    equal(s3.get_object(Bucket="bucket", Key="boto/note.txt")["Body"].read(), b"file content", "and what it stored")
    if not have("curl"):
        skip("curl -F", "curl is not installed")
        return
    path = scratch("curl.bin")
    with open(path, "wb") as file:
        file.write(os.urandom(3 << 20))
    made = s3.generate_presigned_post("bucket", "curl")
    status, output = run(["curl", "-sS", "-f", *[part for k, v in made["fields"].items() for part in ("-F", f"{k}={v}")], "-F", f"file=@{path}", made["url"]])
    with open(path, "rb") as file:
        check(status == 0 and s3.get_object(Bucket="bucket", Key="curl")["Body"].read() == file.read(), "curl -F", output)


def main():
    server = Server()
    server.request("PUT", "/bucket")
    opened(server)
    refused(server)
    streamed(server)
    check(server.stop(), "the server ends cleanly")
    server = Server(keys=True)
    headers = Signer(ACCESS, SECRET).headers("PUT", "/bucket", f"{server.host}:{server.port}")
    equal(server.request("PUT", "/bucket", headers=headers)[0], 200, "a server with keys")
    keyed(server)
    authenticated_by_policy_alone(server)
    clients(server)
    check(server.stop(), "the server with keys ends cleanly")
    done()


if __name__ == "__main__":
    main()
