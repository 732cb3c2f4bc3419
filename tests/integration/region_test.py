#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Regions: what a client with the wrong one, or with none, is told, and what it may ask all the same; a server that takes any."""
import base64
import hashlib
import hmac
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from signer import EMPTY, Signer
from sluicetest import ACCESS, SECRET, Server, check, done, equal, error_code, skip

HOME, AWAY, HEADER = "eu-central-1", "us-east-1", "x-amz-bucket-region"
STREAM = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"


def ask(server, method, path, region=HOME, secret=SECRET, body=b""):
    """A request that is signed for that region; None: not at all."""
    bare, _, query = path.partition("?")
    headers = {} if region is None else Signer(ACCESS, secret, region).headers(method, bare, f"{server.host}:{server.port}", query=query,
                                                                             payload=hashlib.sha256(body).hexdigest() if body else EMPTY)
    return server.request(method, path, body if method in ("PUT", "POST") else None, headers)


def told(server):
    heads = {"200": (200, "/region", HOME, SECRET), "wrong secret": (403, "/region", HOME, "no"), "anonymous": (401, "/region", None, SECRET),
             "wrong region": (400, "/region", AWAY, SECRET), "no bucket": (404, "/missing", HOME, SECRET)}
    for name, (status, path, region, secret) in heads.items():
        answer = ask(server, "HEAD", path, region, secret)
        equal((answer[0], answer[1].get(HEADER)), (status, HOME), f"HeadBucket, {name}")
    for query in ("", "?list-type=2", "?versions=", "?uploads="):
        status, headers, body = ask(server, "GET", "/region" + query)
        equal((status, headers.get(HEADER)), (200, HOME), f"GET /region{query} tells the region")
        equal(ask(server, "GET", "/region" + query, None)[1].get(HEADER), HOME, f"GET /region{query} tells it when it is refused")
    for method, path in (("GET", "/region/key"), ("HEAD", "/region/key"), ("PUT", "/region/key"), ("DELETE", "/region/key"), ("POST", "/region/key?uploads="),
                         ("GET", "/region"), ("PUT", "/other"), ("DELETE", "/region"), ("POST", "/region?delete="), ("GET", "/region?acl=")):
        status, headers, body = ask(server, method, path, AWAY)
        equal((status, headers.get(HEADER)), (400, HOME), f"{method} {path} for another region")
        if method != "HEAD":
            check(f"<Region>{HOME}</Region>".encode() in body, f"{method} {path}: so does the document", str(body))
    query = Signer(ACCESS, SECRET, AWAY).presign("GET", "/region/key", f"{server.host}:{server.port}")[0]
    status, headers, body = server.request("GET", "/region/key?" + query)
    equal((status, error_code(body), headers.get(HEADER)), (400, "AuthorizationQueryParametersError", HOME), "a presigned URL for another region")
    equal(ask(server, "GET", "/region/key")[1].get(HEADER), None, "who has it right is not told")


def discovery(server):
    for region in (AWAY, "auto", "no-region-at-all"):
        status, _, body = ask(server, "GET", "/region?location=", region)
        check(status == 200 and f">{HOME}<".encode() in body, f"GetBucketLocation signed for {region}", f"{status} {body}")
        status, _, body = ask(server, "GET", "/", region)
        check(status == 200 and b"<Name>region</Name>" in body, f"ListBuckets signed for {region}", f"{status} {body}")
        equal(error_code(ask(server, "GET", "/", region, "no")[2]), "SignatureDoesNotMatch", f"ListBuckets signed for {region} with another secret")
    equal(ask(server, "GET", "/region/key")[0], 200, "its own region after others")


def form(server, region):
    signer = Signer(ACCESS, SECRET, region)
    fields = {"key": "posted", "x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-credential": f"{ACCESS}/{signer.scope}", "x-amz-date": signer.stamp}
    policy = {"expiration": "2099-01-01T00:00:00Z", "conditions": [{"bucket": "region"}, *({name: value} for name, value in fields.items())]}
    fields["policy"] = base64.b64encode(json.dumps(policy).encode()).decode()
    fields["x-amz-signature"] = hmac.new(signer.key(), fields["policy"].encode(), hashlib.sha256).hexdigest()
    body = "".join(f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    body += '--edge\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\ncontent\r\n--edge--\r\n'
    return server.request("POST", "/region", body.encode(), {"Content-Type": "multipart/form-data; boundary=edge"})


def chunked(server, region):
    signer, data = Signer(ACCESS, SECRET, region), b"in a chunk"
    headers = signer.headers("PUT", "/region/chunked", f"{server.host}:{server.port}", STREAM, {"x-amz-decoded-content-length": str(len(data))})
    first = signer.chunk_signature(signer.seed, data)
    body = f"{len(data):x};chunk-signature={first}\r\n".encode() + data + f"\r\n0;chunk-signature={signer.chunk_signature(first, b'')}\r\n\r\n".encode()
    return server.request("PUT", "/region/chunked", body, headers)


def any_region():
    server = Server(keys=True, args=["--region", "*"])
    for region in ("us-east-1", "auto", "garage", "mars-north-7"):
        for method, path, want, body in (("PUT", "/region", 200, b""), ("PUT", "/region/key", 200, b"x"), ("GET", "/region/key", 200, b""),
                                         ("HEAD", "/region", 200, b""), ("DELETE", "/region/key", 204, b"")):
            status, headers, answer = ask(server, method, path, region, body=body)
            equal((status, error_code(answer) if status >= 400 else ""), (want, ""), f"any region: {method} {path} for {region}")
        equal(ask(server, "GET", "/region", region, "no")[0], 403, f"any region: another secret, {region}")
        equal(form(server, region)[0], 204, f"any region: a form for {region}")
        equal(chunked(server, region)[0], 200, f"any region: signed chunks for {region}")
    equal(ask(server, "HEAD", "/region")[1].get(HEADER), "us-east-1", "any region: the buckets' is us-east-1")
    location = "<CreateBucketConfiguration><LocationConstraint>%s</LocationConstraint></CreateBucketConfiguration>"
    equal(ask(server, "PUT", "/placed", body=(location % "eu-north-1").encode())[0], 200, "any region: a bucket that is to be elsewhere")
    equal(ask(server, "HEAD", "/placed")[1].get(HEADER), "eu-north-1", "any region: it is there")
    for wrong in ("No Region", "x" * 64):
        equal(ask(server, "PUT", "/misplaced", body=(location % wrong).encode())[0], 400, f"any region: {wrong[:10]} is none")
    server.stop()


def clients(server):
    try:
        import boto3
        from botocore.config import Config
    except ImportError:
        return skip("a client that has the wrong region", "python3-boto3 is not installed")
    def client():
        return boto3.client("s3", endpoint_url=server.url, region_name=AWAY, aws_access_key_id=ACCESS, aws_secret_access_key=SECRET,
                            config=Config(s3={"addressing_style": "path"}))
    equal(client().head_object(Bucket="region", Key="key")["ContentLength"], 3, "boto3 in another region: head_object comes first")
    equal(client().head_bucket(Bucket="region")["ResponseMetadata"]["HTTPStatusCode"], 200, "boto3 in another region: head_bucket comes first")
    equal([bucket["Name"] for bucket in client().list_buckets()["Buckets"]], ["region"], "boto3 in another region: list_buckets")
    return None


def main():
    server = Server(keys=True, args=["--region", HOME])
    equal(ask(server, "PUT", "/region")[0], 200, "a bucket is made")
    equal(ask(server, "PUT", "/region/key", body=b"key")[0], 200, "and an object")
    told(server)
    discovery(server)
    status, headers, body = form(server, AWAY)
    equal((status, headers.get(HEADER)), (400, HOME), "a form for another region")
    clients(server)
    server.stop()
    any_region()
    done()


main()
