#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""curl --aws-sigv4, Debian's: its releases before 8 send no x-amz-content-sha256, and sign the hash of nothing although they send a file. Later
ones, and whoever gives the header, sign it. And headers that stand empty, or say what nobody knows, as clients send them."""
import hashlib
import json

from signer import EMPTY, Signer
from sluicetest import ACCESS, SECRET, Server, check, done, equal, error_code, have, pattern_file, run, scratch, sha256_file, skip

if not have("curl"):
    skip("curl --aws-sigv4", "curl is not installed")
    done()

server = Server(keys=True)
host = f"{server.host}:{server.port}"
file = pattern_file("file", 300_000)


def curl(path, *arguments, secret=SECRET):
    """(status, what came)"""
    status, output = run(["curl", "-sS", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", f"{ACCESS}:{secret}", "-w", "\n%{http_code}", *arguments,
                          server.url + path])
    body, _, code = output.rpartition("\n")
    return int(code) if status == 0 else -status, body


def signed(method, path, body=b"", query=""):
    headers = Signer(ACCESS, SECRET).headers(method, path, host, hashlib.sha256(body).hexdigest(), query=query)
    return server.request(method, path + (f"?{query}" if query else ""), body, headers)


def document(text):
    path = scratch("document")
    with open(path, "w") as out:
        out.write(text)
    return path


equal(curl("/curl", "-X", "PUT"), (200, ""), "a bucket")
for key in ("plain", "a%20b", "deep/er/key", "%C3%BC%E6%97%A5", "tilde~(x)"):
    equal(curl(f"/curl/{key}", "-T", file)[0], 200, f"-T to {key}")
    back = scratch("back")
    equal((curl(f"/curl/{key}", "-o", back)[0], sha256_file(back)), (200, sha256_file(file)), f"and back from {key}")
check("300000" in curl("/curl/plain", "-I")[1], "-I")
equal(curl("/curl/range", "-T", file, "-H", "x-amz-meta-a: b")[0], 200, "-T with metadata")
equal(signed("HEAD", "/curl/range")[1].get("x-amz-meta-a"), "b", "which is there")
check("<Key>deep/er/key</Key>" in curl("/curl?list-type=2&prefix=deep")[1], "a listing")
equal(curl("/curl/empty", "-T", "/dev/null")[0], 200, "-T of nothing")
with open(file, "rb") as stdin:
    status, output = run(["curl", "-sS", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", f"{ACCESS}:{SECRET}", "-T", "-", server.url + "/curl/chunked"], stdin=stdin)
equal((status, output, signed("HEAD", "/curl/chunked")[1].get("content-length")), (0, "", "300000"), "-T - sends chunks")
equal(curl("/curl/empty", "-X", "DELETE")[0], 204, "-X DELETE")
equal(signed("HEAD", "/curl/empty")[0], 404, "which deletes")

status, answer = curl("/curl/parts?uploads=", "-X", "POST")
equal(status, 200, "an upload is begun")
upload = answer.split("<UploadId>")[1].split("</UploadId>")[0]
equal(curl(f"/curl/parts?partNumber=1&uploadId={upload}", "-T", file)[0], 200, "-T of a part")

equal(curl("/curl/plain", secret="wrong")[0], 403, "a wrong secret")
equal((curl("/curl/other", "-T", file, secret="wrong")[0], signed("HEAD", "/curl/other")[0]), (403, 404), "and with -T")

# Documents say what is done: their signature has to be about them.
etag = hashlib.md5(open(file, "rb").read()).hexdigest()
versioning = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
DOCUMENTS = [
    ("PutBucketVersioning", "PUT", "/curl", "versioning=", versioning),
    ("PutObjectTagging", "PUT", "/curl/plain", "tagging=", "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"),
    ("DeleteObjects", "POST", "/curl", "delete=", "<Delete><Object><Key>plain</Key></Object></Delete>"),
    ("CompleteMultipartUpload", "POST", "/curl/parts", f"uploadId={upload}",
     f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"),
    ("CreateBucket", "PUT", "/curl-two", "", "<CreateBucketConfiguration/>"),
]
for name, method, path, query, text in DOCUMENTS:
    empty = Signer(ACCESS, SECRET).headers(method, path, host, EMPTY, query=query)
    target = path + (f"?{query}" if query else "")
    # As curl does it, whatever release is there.
    signer = Signer(ACCESS, SECRET)
    headers = signer.headers(method, path, host, query=query, leave_out=("x-amz-content-sha256",))
    got = server.request(method, target, text, headers)
    equal((got[0], error_code(got[2])), (400, "InvalidRequest"), f"{name}: a document is not accepted with the hash of nothing")
    got = server.request(method, target, text, empty)
    equal((got[0], error_code(got[2])), (400, "XAmzContentSHA256Mismatch"), f"{name}: nor where a header says it")
equal(signed("GET", "/curl", query="versioning=")[2].find(b"Enabled"), -1, "nothing was done")
equal(signed("HEAD", "/curl/plain")[0], 200, "or deleted")
sha = hashlib.sha256(versioning.encode()).hexdigest()
equal(curl("/curl?versioning=", "-T", document(versioning), "-H", f"x-amz-content-sha256: {sha}")[0], 200, "a document whose hash is given")
check(b"Enabled" in signed("GET", "/curl", query="versioning=")[2], "counts")

# What is not signed counts as that to policies.
policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::curl/*",
                                                  "Condition": {"StringEquals": {"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"}}}]}
equal(signed("PUT", "/curl", json.dumps(policy).encode(), "policy=")[0], 204, "a policy against unsigned bodies")
headers = Signer(ACCESS, SECRET).headers("PUT", "/curl/denied", host, leave_out=("x-amz-content-sha256",))
equal((server.request("PUT", "/curl/denied", b"x", headers)[0], signed("PUT", "/curl/denied", b"x")[0]), (403, 200), "is against these, too")

# The hash is signed whether or not its header is among those that are listed.
headers = Signer(ACCESS, SECRET).headers("PUT", "/curl/unlisted", host, hashlib.sha256(b"bytes").hexdigest(), leave_out=("x-amz-content-sha256",))
equal(server.request("PUT", "/curl/unlisted", b"bytes", {**headers, "x-amz-content-sha256": hashlib.sha256(b"bytes").hexdigest()})[0], 200,
      "x-amz-content-sha256 need not be in SignedHeaders")
got = server.request("PUT", "/curl/unlisted", b"other", {**headers, "x-amz-content-sha256": hashlib.sha256(b"bytes").hexdigest()})
equal((got[0], error_code(got[2])), (400, "XAmzContentSHA256Mismatch"), "and holds for the body")
got = server.request("PUT", "/curl/unlisted", b"other", {**headers, "x-amz-content-sha256": hashlib.sha256(b"other").hexdigest()})
equal((got[0], error_code(got[2])), (403, "SignatureDoesNotMatch"), "nobody can exchange it")
got = server.request("PUT", "/curl/unlisted", b"other", {**headers, "x-amz-content-sha256": hashlib.sha256(b"bytes").hexdigest(), "x-amz-meta-a": "b"})
equal((got[0], error_code(got[2])), (403, "AccessDenied"), "or add another header")

# Nothing that is said.
got = server.request("GET", "/curl/plain", headers={"Authorization": ""})
equal((got[0], error_code(got[2])), (401, "AccessDenied"), "an empty Authorization is nobody's")
for expectation in ("", "200", "a-miracle"):
    headers = Signer(ACCESS, SECRET).headers("PUT", "/curl/expected", host, hashlib.sha256(b"bytes").hexdigest(), {"Expect": expectation})
    equal(server.request("PUT", "/curl/expected", b"bytes", headers)[0], 200, f"Expect: {expectation or 'nothing'}")
check(server.stop(), "it ends with status 0")
done()
