#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Objects are encrypted as S3 has it: SSE-S3, SSE-KMS with the server's own keys, SSE-C; whole, in ranges around the ends of records, in parts; and the
disk holds nothing of them in the clear."""
import base64
import glob
import hashlib
import os
import signal
import urllib.request
import zipfile

from botocore.exceptions import ClientError

from signer import Signer
from sluicetest import ACCESS, SECRET, SLUICE, Server, check, done, equal, fresh, have, is_segment, key_line, make_keys, pattern_file, poll, run, s3_client, scratch, sha256_file

RECORD = 64 << 10
MARKER = b"nothing of this may be found on the disk, not anywhere"
PART = 5 << 20


def body_of(size):
    """Bytes with the marker wherever they are looked at."""
    text = b"".join(i.to_bytes(4, "big") + MARKER for i in range(size // len(MARKER) + 1))
    return text[:size]


def finds_marker(data):
    for path in glob.glob(os.path.join(data, "**"), recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                if MARKER in file.read():
                    return path
    return None


def refused(name, code, status, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        got = (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
        if got[0] in ("400", "403", "404", "501"):  # HEAD has no body
            got = (code, got[1])
        equal(got, (code, status), name)
    else:
        check(False, name, "it was served")


CUSTOMER = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
OTHER = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "o" * 32}
KINDS = {
    "SSE-S3": ({"ServerSideEncryption": "AES256"}, {}),
    "SSE-KMS": ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "arn:aws:kms:us-east-1:1:key/second", "BucketKeyEnabled": True,
                 "SSEKMSEncryptionContext": base64.b64encode(b'{"for":"tests"}').decode()}, {}),
    "SSE-C": (CUSTOMER, CUSTOMER),
}


def told(kind, answer):
    if kind == "SSE-S3":
        return answer.get("ServerSideEncryption") == "AES256" and "SSEKMSKeyId" not in answer
    if kind == "SSE-KMS":
        return (answer.get("ServerSideEncryption") == "aws:kms" and answer.get("SSEKMSKeyId", "").endswith(":key/second") and
                answer.get("BucketKeyEnabled") is True)
    return answer.get("SSECustomerAlgorithm") == "AES256" and answer.get("SSECustomerKeyMD5") == base64.b64encode(hashlib.md5(b"k" * 32).digest()).decode()


def whole_and_ranges(s3, kind):
    put, get = KINDS[kind]
    for size in (0, 1, 100, RECORD - 48, RECORD - 47, RECORD, RECORD + 1, 4 * RECORD, 1000003):
        body = body_of(size)
        answer = s3.put_object(Bucket="bucket", Key="k", Body=body, Metadata={"of": "mine"}, **put)
        check(told(kind, answer), f"{kind}: PUT of {size} bytes says so", str(answer))
        is_md5 = answer["ETag"].strip('"') == hashlib.md5(body).hexdigest()
        equal(is_md5, kind == "SSE-S3", f"{kind}: the ETag of {size} bytes is their MD5, or is not")
        answer = s3.get_object(Bucket="bucket", Key="k", **get)
        equal((answer["Body"].read() == body, answer["ContentLength"], answer["Metadata"]), (True, size, {"of": "mine"}), f"{kind}: GET of {size} bytes")
        check(told(kind, answer), f"{kind}: GET of {size} bytes says so", str(answer))
        head = s3.head_object(Bucket="bucket", Key="k", **get)
        check(head["ContentLength"] == size and told(kind, head), f"{kind}: HEAD of {size} bytes says so", str(head))
        equal(s3.list_objects_v2(Bucket="bucket")["Contents"][0]["Size"], size, f"{kind}: a listing tells {size} bytes")
        wrong = []
        for first, last in ((0, 0), (1, 1), (RECORD - 1, RECORD), (RECORD, RECORD), (RECORD - 1, 2 * RECORD), (size - 1, size - 1), (0, size - 1), (size // 2, size - 1)):
            if 0 <= first <= last < size:
                answer = s3.get_object(Bucket="bucket", Key="k", Range=f"bytes={first}-{last}", **get)
                if answer["Body"].read() != body[first:last + 1]:
                    wrong.append((first, last))
        equal(wrong, [], f"{kind}: ranges of {size} bytes")


def parts(s3, kind):
    put, get = KINDS[kind]
    body = body_of(2 * PART + 12345)
    upload = s3.create_multipart_upload(Bucket="bucket", Key="parts", **put)
    check(told(kind, upload), f"{kind}: CreateMultipartUpload says so", str(upload))
    listed = []
    for i in range(3):
        answer = s3.upload_part(Bucket="bucket", Key="parts", UploadId=upload["UploadId"], PartNumber=i + 1, Body=body[i * PART:(i + 1) * PART], **get)
        check(told(kind, answer), f"{kind}: UploadPart says so", str(answer))
        listed.append({"PartNumber": i + 1, "ETag": answer["ETag"]})
    if kind == "SSE-C":
        refused("SSE-C: a part without the key", "InvalidRequest", 400, s3.upload_part, Bucket="bucket", Key="parts", UploadId=upload["UploadId"], PartNumber=4, Body=b"x")
        refused("SSE-C: a part with another key", "AccessDenied", 403, s3.upload_part, Bucket="bucket", Key="parts", UploadId=upload["UploadId"], PartNumber=4,
                Body=b"x", **OTHER)
    answer = s3.complete_multipart_upload(Bucket="bucket", Key="parts", UploadId=upload["UploadId"], MultipartUpload={"Parts": listed})
    check(kind == "SSE-C" or told(kind, answer), f"{kind}: CompleteMultipartUpload says so", str(answer))
    answer = s3.get_object(Bucket="bucket", Key="parts", **get)
    check(answer["Body"].read() == body and told(kind, answer), f"{kind}: three parts come back")
    for first, last in ((PART - 1, PART), (PART - 70000, PART + 70000), (2 * PART + 5, 2 * PART + 5), (0, len(body) - 1)):
        answer = s3.get_object(Bucket="bucket", Key="parts", Range=f"bytes={first}-{last}", **get)
        check(answer["Body"].read() == body[first:last + 1], f"{kind}: bytes {first} to {last} of three parts")
    answer = s3.get_object(Bucket="bucket", Key="parts", PartNumber=2, **get)
    check(answer["Body"].read() == body[PART:2 * PART], f"{kind}: the second part")


def customers_keys(s3):
    s3.put_object(Bucket="bucket", Key="c", Body=b"secret", **CUSTOMER)
    for name, call in (("GET", s3.get_object), ("HEAD", s3.head_object)):
        refused(f"SSE-C: {name} without the key", "InvalidRequest", 400, call, Bucket="bucket", Key="c")
        refused(f"SSE-C: {name} with another", "AccessDenied", 403, call, Bucket="bucket", Key="c", **OTHER)
    refused("SSE-C: attributes without the key", "InvalidRequest", 400, s3.get_object_attributes, Bucket="bucket", Key="c", ObjectAttributes=["ETag"])
    s3.put_object(Bucket="bucket", Key="plain", Body=b"plain")
    refused("SSE-C: a key for what is in the clear", "InvalidRequest", 400, s3.get_object, Bucket="bucket", Key="plain", **CUSTOMER)
    refused("SSE-C: another algorithm", "InvalidEncryptionAlgorithmError", 400, s3.put_object, Bucket="bucket", Key="x", Body=b"", SSECustomerAlgorithm="AES128",
            SSECustomerKey="k" * 32)
    refused("SSE-C: a short key", "InvalidArgument", 400, s3.put_object, Bucket="bucket", Key="x", Body=b"", SSECustomerAlgorithm="AES256", SSECustomerKey="k" * 16)
    refused("SSE-C: an MD5 of another key", "InvalidArgument", 400, s3.put_object, Bucket="bucket", Key="x", Body=b"", SSECustomerKeyMD5="AAAAAAAAAAAAAAAAAAAAAA==", **CUSTOMER)
    refused("SSE-C and SSE-S3 at once", "InvalidArgument", 400, s3.put_object, Bucket="bucket", Key="x", Body=b"", ServerSideEncryption="AES256", **CUSTOMER)


def what_is_refused(s3):
    refused("a kind that there is not", "InvalidArgument", 400, s3.put_object, Bucket="bucket", Key="x", Body=b"", ServerSideEncryption="rot13")
    refused("aws:kms:dsse", "NotImplemented", 501, s3.put_object, Bucket="bucket", Key="x", Body=b"", ServerSideEncryption="aws:kms:dsse")
    refused("a key that there is not", "KMS.NotFoundException", 400, s3.put_object, Bucket="bucket", Key="x", Body=b"", ServerSideEncryption="aws:kms", SSEKMSKeyId="none")
    refused("a key without aws:kms", "InvalidArgument", 400, s3.put_object, Bucket="bucket", Key="x", Body=b"", ServerSideEncryption="AES256", SSEKMSKeyId="first")
    refused("a context that is none", "InvalidArgument", 400, s3.put_object, Bucket="bucket", Key="x", Body=b"", ServerSideEncryption="aws:kms",
            SSEKMSEncryptionContext=base64.b64encode(b'{"a":1}').decode())


def bucket_default(s3, server):
    s3.create_bucket(Bucket="defaults")
    refused("no configuration", "ServerSideEncryptionConfigurationNotFoundError", 404, s3.get_bucket_encryption, Bucket="defaults")
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
    s3.put_bucket_encryption(Bucket="defaults", ServerSideEncryptionConfiguration={"Rules": [rule]})
    equal(s3.get_bucket_encryption(Bucket="defaults")["ServerSideEncryptionConfiguration"]["Rules"], [rule], "the configuration comes back")
    equal(s3.put_object(Bucket="defaults", Key="k", Body=body_of(RECORD)).get("ServerSideEncryption"), "AES256", "the bucket encrypts unasked")
    upload = s3.create_multipart_upload(Bucket="defaults", Key="m")
    equal(upload.get("ServerSideEncryption"), "AES256", "the bucket encrypts uploads unasked")
    s3.abort_multipart_upload(Bucket="defaults", Key="m", UploadId=upload["UploadId"])
    equal(s3.put_object(Bucket="defaults", Key="k2", Body=b"x", **CUSTOMER).get("SSECustomerAlgorithm"), "AES256", "what a request says goes before")
    form = s3.generate_presigned_post("defaults", "form")
    fields = [word for name, value in form["fields"].items() for word in ("-F", f"{name}={value}")]
    result = run(["curl", "-sS", "-i", *fields, "-F", f"file={MARKER.decode()}", form["url"]])
    check("x-amz-server-side-encryption: aes256" in result[1].lower() and s3.get_object(Bucket="defaults", Key="form")["Body"].read() == MARKER,
          "a form's file is encrypted as the bucket has it", result[1])
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "second"}, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket="defaults", ServerSideEncryptionConfiguration={"Rules": [rule]})
    check(told("SSE-KMS", s3.put_object(Bucket="defaults", Key="k", Body=b"x")), "the bucket encrypts under a key that it names")
    refused("an append there", "NotImplemented", 501, lambda **a: append(s3, **a), Bucket="defaults", Key="k", Body=b"y")
    refused("a key that there is not", "KMS.NotFoundException", 400, s3.put_bucket_encryption, Bucket="defaults", ServerSideEncryptionConfiguration={
        "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "none"}}]})
    s3.delete_bucket_encryption(Bucket="defaults")
    equal(s3.put_object(Bucket="defaults", Key="k", Body=b"x").get("ServerSideEncryption"), None, "without the configuration it does not")


PLAIN = {"in the clear": ({}, {})}
SOURCE = {"SSECustomerAlgorithm": "CopySourceSSECustomerAlgorithm", "SSECustomerKey": "CopySourceSSECustomerKey"}


def as_source(arguments):
    return {SOURCE[name]: value for name, value in arguments.items()}


def copies(s3):
    """Between all kinds: small, of a file of its own, of parts; and as parts."""
    kinds = PLAIN | KINDS
    bodies = {"small": body_of(3000), "large": body_of(700001), "parts": body_of(2 * PART + 12345), "empty": b""}
    for source, (put, get) in kinds.items():
        for name in ("small", "large", "empty"):
            s3.put_object(Bucket="bucket", Key=f"from-{name}", Body=bodies[name], Metadata={"of": "mine"}, Tagging="tag=1", **put)
        upload = s3.create_multipart_upload(Bucket="bucket", Key="from-parts", **put)
        listed = [{"PartNumber": i + 1, "ETag": s3.upload_part(Bucket="bucket", Key="from-parts", UploadId=upload["UploadId"], PartNumber=i + 1,
                                                               Body=bodies["parts"][i * PART:(i + 1) * PART], **get)["ETag"]} for i in range(3)]
        s3.complete_multipart_upload(Bucket="bucket", Key="from-parts", UploadId=upload["UploadId"], MultipartUpload={"Parts": listed})
        for target, (put_there, get_there) in kinds.items():
            for name, body in bodies.items():
                answer = s3.copy_object(Bucket="bucket", Key="to", CopySource=f"bucket/from-{name}", **put_there, **as_source(get))
                there = s3.get_object(Bucket="bucket", Key="to", **get_there)
                etag = answer["CopyObjectResult"]["ETag"].strip('"')
                wrong = [what for what, is_right in (
                    ("body", there["Body"].read() == body), ("answer", target in PLAIN or told(target, answer)), ("GET", target in PLAIN or told(target, there)),
                    ("clear", target not in PLAIN or "ServerSideEncryption" not in there), ("ETag", there["ETag"].strip('"') == etag),
                    ("MD5", (etag == hashlib.md5(body).hexdigest()) == (target in ("in the clear", "SSE-S3"))),
                    ("metadata", name == "parts" or there["Metadata"] == {"of": "mine"}), ("tags", name == "parts" or there.get("TagCount") == 1)) if not is_right]
                equal(wrong, [], f"a copy of {name} bytes from {source} to {target}")
                if name == "parts":
                    part = s3.get_object(Bucket="bucket", Key="to", Range=f"bytes={PART - 5}-{PART + 5}", **get_there)["Body"].read()
                    check(part == body[PART - 5:PART + 6], f"a range of a copy of parts from {source} to {target}")
            copied_parts(s3, source, target, bodies["parts"])
    copy_conditions(s3)


def copied_parts(s3, source, target, body):
    get, (put_there, get_there) = (PLAIN | KINDS)[source][1], (PLAIN | KINDS)[target]
    upload = s3.create_multipart_upload(Bucket="bucket", Key="copied", **put_there)
    listed = []
    for i, (first, last) in enumerate(((100, PART + 99), (PART, 2 * PART - 1), (3, 80000))):
        answer = s3.upload_part_copy(Bucket="bucket", Key="copied", UploadId=upload["UploadId"], PartNumber=i + 1, CopySource="bucket/from-parts",
                                     CopySourceRange=f"bytes={first}-{last}", **get_there, **as_source(get))
        listed.append({"PartNumber": i + 1, "ETag": answer["CopyPartResult"]["ETag"]})
    s3.complete_multipart_upload(Bucket="bucket", Key="copied", UploadId=upload["UploadId"], MultipartUpload={"Parts": listed})
    there = s3.get_object(Bucket="bucket", Key="copied", **get_there)["Body"].read()
    check(there == body[100:PART + 100] + body[PART:2 * PART] + body[3:80001], f"parts that are copies from {source} to {target}")


def copy_conditions(s3):
    s3.put_object(Bucket="bucket", Key="from", Body=body_of(200000), **CUSTOMER)
    refused("a copy without its source's key", "InvalidRequest", 400, s3.copy_object, Bucket="bucket", Key="to", CopySource="bucket/from")
    refused("a copy with another key", "AccessDenied", 403, s3.copy_object, Bucket="bucket", Key="to", CopySource="bucket/from", **as_source(OTHER))
    refused("a copy whose condition fails", "PreconditionFailed", 412, s3.copy_object, Bucket="bucket", Key="to", CopySource="bucket/from",
            CopySourceIfMatch="0" * 32, **as_source(CUSTOMER))
    s3.copy_object(Bucket="bucket", Key="from", CopySource="bucket/from", **OTHER, **as_source(CUSTOMER))
    equal(s3.get_object(Bucket="bucket", Key="from", **OTHER)["Body"].read(), body_of(200000), "a copy onto itself changes the key")
    refused("the old key does not open it any more", "AccessDenied", 403, s3.get_object, Bucket="bucket", Key="from", **CUSTOMER)


def append(s3, **arguments):
    def add(request, **_):
        request.headers["x-amz-write-offset-bytes"] = "1"
    s3.meta.events.register("before-sign.s3.PutObject", add)
    try:
        return s3.put_object(**arguments)
    finally:
        s3.meta.events.unregister("before-sign.s3.PutObject", add)


def what_moves_no_bytes(s3, server):
    """Renamed and published objects stay what they are; what stores bytes in other ways refuses."""
    signer, host = Signer(ACCESS, SECRET), server.url.split("//")[1]

    def send(method, path, query="", headers=None, body=b""):
        signed = signer.headers(method, path, host, hashlib.sha256(body).hexdigest(), headers, query)
        status, _, text = server.request(method, path + ("?" + query if query else ""), body=body or None, headers=signed)
        return status, text

    s3.put_object(Bucket="bucket", Key="staged", Body=body_of(90000), ServerSideEncryption="AES256")
    etag = s3.head_object(Bucket="bucket", Key="staged")["ETag"].strip('"')
    document = f"<Publish><Object><Key>live</Key><Staged>staged</Staged><ETag>{etag}</ETag></Object></Publish>".encode()
    status, text = send("POST", "/bucket", "sluice-publish", {"content-md5": base64.b64encode(hashlib.md5(document).digest()).decode()}, document)
    check(status == 200 and s3.get_object(Bucket="bucket", Key="live")["Body"].read() == body_of(90000), "an encrypted object is published", str((status, text)))
    status, text = send("PUT", "/bucket/renamed", "renameObject", {"x-amz-rename-source": "/bucket/live"})
    check(status == 200 and s3.get_object(Bucket="bucket", Key="renamed")["Body"].read() == body_of(90000), "and renamed", str((status, text)))
    for what, method, path, query, headers in (
            ("an annotation of an encrypted object", "PUT", "/bucket/renamed", "annotation&annotationName=a", {}),
            ("an archive to be unpacked and encrypted", "PUT", "/bucket/a.tar", "", {"x-amz-meta-snowball-auto-extract": "true", "x-amz-server-side-encryption": "AES256"}),
            ("an append to an encrypted object", "PUT", "/bucket/renamed", "", {"x-amz-write-offset-bytes": "90000"})):
        status, text = send(method, path, query, headers, b"text")
        check(status in (400, 501) and b"ncrypt" in text, f"{what} is refused", str((status, text)))
    upload = s3.create_multipart_upload(Bucket="bucket", Key="clear")
    status, text = send("PUT", "/bucket/clear", f"partNumber=1&uploadId={upload['UploadId']}", {"x-amz-server-side-encryption": "AES256"}, b"text")
    equal(status, 400, "a part that is to be encrypted, of an upload that is not, is refused")
    s3.abort_multipart_upload(Bucket="bucket", Key="clear", UploadId=upload["UploadId"])


def caches():
    """What caches of build tools store goes the bucket's way, too; GitHub's, which takes digests of what is stored, refuses."""
    kinds = ("ccache", "http", "webdav", "bazel", "github")
    server = Server(args=["--encryption-keys", keys, *(word for kind in kinds for word in ("--cache", f"{kind} bucket=cache prefix={kind}/"))])
    document = (b"<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>"
                b"</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>")
    equal(server.request("PUT", "/cache?encryption", document)[0], 200, "a cache's bucket encrypts")
    for path in ("ccache/ab/cdef", "http/x/y", "webdav/file"):
        for size in (500, 200000):
            status = server.request("PUT", f"/-/cache/{path}", body_of(size))[0]
            check(status in (200, 201, 204) and server.request("GET", f"/-/cache/{path}")[2] == body_of(size), f"{path} of {size} bytes", str(status))
    for method, to in (("COPY", "copied"), ("MOVE", "moved")):
        server.request(method, "/-/cache/webdav/" + ("file" if method == "COPY" else "copied"), None, {"destination": f"{server.url}/-/cache/webdav/{to}"})
        equal(server.request("GET", f"/-/cache/webdav/{to}")[2] == body_of(200000), True, f"WebDAV's {method}")
    blob = hashlib.sha256(body_of(200000)).hexdigest()
    server.request("PUT", f"/-/cache/bazel/cas/{blob}", body_of(200000))
    equal(server.request("GET", f"/-/cache/bazel/cas/{blob}")[2] == body_of(200000), True, "a blob of Bazel's")
    digest = b"\x0a\x40" + blob.encode() + b"\x10\xc0\x9a\x0c"
    file = b"\x0a\x01f\x12" + bytes([len(digest)]) + digest
    result = b"\x12" + bytes([len(file)]) + file
    equal(server.request("PUT", f"/-/cache/bazel/ac/{blob}", result)[0], 200, "a result of Bazel's")
    equal(server.request("GET", f"/-/cache/bazel/ac/{blob}")[2], result, "which is read for what it names")
    equal(finds_marker(server.data), None, "nothing of a cache is on the disk in the clear")
    server.stop()


def policies(s3):
    s3.create_bucket(Bucket="policed")
    s3.put_bucket_policy(Bucket="policed", Policy="""{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::policed/*", "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}}}]}""")
    refused("a policy denies what is not to be encrypted", "AccessDenied", 403, s3.put_object, Bucket="policed", Key="k", Body=b"x")
    s3.put_object(Bucket="policed", Key="k", Body=b"x", ServerSideEncryption="AES256")
    equal(s3.get_object(Bucket="policed", Key="k")["Body"].read(), b"x", "and allows what is")


def told_key(s3):
    """Under which key something is encrypted now that chooses none."""
    version = s3.put_object(Bucket="bucket", Key="told", Body=b"", ServerSideEncryption="aws:kms")
    s3.delete_object(Bucket="bucket", Key="told", VersionId=version["VersionId"])
    return version["SSEKMSKeyId"].rsplit("/")[-1]


def rotation():
    """A new key goes first, what there is goes under it, and the old one can go: of a server that runs, and of a store that none has open."""
    path = make_keys("rotated", key_line("old", 7), key_line("chosen", 8))
    server = Server(keys=True, args=["--encryption-keys", path])
    s3 = s3_client(server)
    s3.create_bucket(Bucket="bucket")
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    bodies = {"one": body_of(5000), "two": body_of(300000), "version": b"second"}
    first = s3.put_object(Bucket="bucket", Key="version", Body=b"first", ServerSideEncryption="AES256")["VersionId"]
    for key, body in bodies.items():
        s3.put_object(Bucket="bucket", Key=key, Body=body, ServerSideEncryption="AES256")
    s3.put_object(Bucket="bucket", Key="chosen", Body=b"chosen", ServerSideEncryption="aws:kms", SSEKMSKeyId="chosen")
    s3.put_object(Bucket="bucket", Key="customer", Body=b"mine", **CUSTOMER)
    s3.put_object(Bucket="bucket", Key="plain", Body=b"plain")

    def holds(s3, name):
        wrong = [key for key, body in bodies.items() if s3.get_object(Bucket="bucket", Key=key)["Body"].read() != body]
        equal(wrong, [], f"{name}: all objects come back")
        equal(s3.get_object(Bucket="bucket", Key="version", VersionId=first)["Body"].read(), b"first", f"{name}: the older version, too")

    def rekey(name, want, *words, status=0):
        code, text = run([SLUICE, "rekey", *words, "--data", server.data])
        values = {line.split(" = ")[0]: int(line.split(" = ")[1]) for line in text.splitlines() if " = " in line}
        equal((code, {name: values.get(name) for name in want}), (status, want), name)
        return text

    make_keys("rotated", key_line("new", 9), key_line("old", 7), key_line("chosen", 8))
    os.kill(server.pid, signal.SIGHUP)
    check(poll(lambda: told_key(s3) == "new"), "SIGHUP reads the keys again")
    holds(s3, "two keys")
    rekey("sluice rekey, of a server that runs", {"encrypted": 5, "rekeyed": 4, "other-key": 1, "missing-key": 0})
    rekey("again, there is nothing to do", {"encrypted": 5, "rekeyed": 0, "other-key": 1})
    holds(s3, "after rekey")
    server.stop()
    make_keys("rotated", key_line("new", 9), key_line("chosen", 8))
    server = Server(data=server.data, keys=True, args=["--encryption-keys", path])
    s3 = s3_client(server)
    holds(s3, "without the old key")
    equal(s3.get_object(Bucket="bucket", Key="chosen")["SSEKMSKeyId"].rsplit("/")[-1], "chosen", "SSE-KMS keeps the key that was chosen")
    server.stop()
    make_keys("rotated", key_line("newest", 10), key_line("new", 9))
    text = rekey("what is under a key that is missing stays", {"rekeyed": 4, "missing-key": 1}, "chosen", "--encryption-keys", path, status=1)
    check("the key chosen is not among" in text, "and the key is named", text)
    make_keys("rotated", key_line("newest", 10))
    server = Server(data=server.data, keys=True, args=["--encryption-keys", path])
    s3 = s3_client(server)
    holds(s3, "of a store that no server has open")
    check("encryption key chosen, which this store has had, is missing" in server.log_text(), "a start tells which key is missing", server.log_text())
    refused("an object whose key is missing", "KMS.NotFoundException", 400, s3.get_object, Bucket="bucket", Key="chosen")
    equal(s3.get_object(Bucket="bucket", Key="plain")["Body"].read(), b"plain", "the others go on")
    equal(s3.get_object(Bucket="bucket", Key="customer", **CUSTOMER)["Body"].read(), b"mine", "a customer's key is no matter of the server's")
    server.stop()
    make_keys("rotated", key_line("newest", 77))
    code, said = run([SLUICE, "serve", "--listen", "127.0.0.1:0", "--data", server.data, "--encryption-keys", path])
    check(code != 0 and "newest is not the one that it was" in said, "another key of the same name is refused", said)
    server = Server(data=server.data, keys=True)
    s3 = s3_client(server)
    refused("without any keys", "KMS.NotFoundException", 400, s3.get_object, Bucket="bucket", Key="one")
    refused("nor is anything encrypted then", "NotImplemented", 501, s3.put_object, Bucket="bucket", Key="x", Body=b"", ServerSideEncryption="AES256")
    equal(s3.get_object(Bucket="bucket", Key="customer", **CUSTOMER)["Body"].read(), b"mine", "but under a customer's key")
    server.stop()


def files_of_keys():
    """What is wrong with a file keeps the server from starting, and is told by its line; never the key."""
    good = key_line("first", 1)
    for name, text, mode, want in (("others may read it", good, 0o644, "chmod 600"), ("a short key", "first c2hvcnQ=", 0o600, "line 1: a key is 32 bytes"),
                                   ("a name twice", good + "\n" + good, 0o600, "line 2: there is a key of that name"), ("none", "# nothing", 0o600, "there is no key"),
                                   ("a name that is none", "a/b " + good.split()[1], 0o600, "line 1: a key's name")):
        path = fresh("wrong-keys") + ".keys"
        with open(path, "w", encoding="ascii") as file:
            file.write(text + "\n")
        os.chmod(path, mode)
        code, said = run([SLUICE, "serve", "--listen", "127.0.0.1:0", "--data", fresh("wrong"), "--encryption-keys", path])
        check(code != 0 and want in said and good.split()[1] not in said, f"keys, {name}: refused and told", said)
    server = Server(keys=True, args=["--encryption-key-command", f"echo {good}; echo {key_line('second', 2)}"])
    s3 = s3_client(server)
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="k", Body=b"x", ServerSideEncryption="AES256")
    equal(s3.get_object(Bucket="bucket", Key="k")["Body"].read(), b"x", "a command prints the keys")
    server.stop()
    code, said = run([SLUICE, "serve", "--listen", "127.0.0.1:0", "--data", fresh("wrong"), "--encryption-key-command", "false"])
    check(code != 0 and "the command failed" in said, "a command that fails is told", said)


def by_others(s3, server):
    """What else reads objects: a member of an archive, the library, the aws cli, a presigned URL, a renamed key; and after a crash."""
    path = scratch("members.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", body_of(100000))
        archive.writestr("small.txt", "small")
    with open(path, "rb") as file:
        s3.put_object(Bucket="bucket", Key="members.zip", Body=file.read(), ServerSideEncryption="AES256")
    for member, want in (("inner.txt", body_of(100000)), ("small.txt", b"small")):
        url = s3.generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "members.zip"})
        signer = Signer(ACCESS, SECRET)
        host = server.url.split("//")[1]
        query = f"sluice-member={member}"
        answer = server.request("GET", f"/bucket/members.zip?{query}",
                                headers=signer.headers("GET", "/bucket/members.zip", host, hashlib.sha256(b"").hexdigest(), None, query))
        check(answer[0] == 200 and answer[2] == want, f"a member of an encrypted archive: {member}", str(answer[:2]))
    equal(requests_get(url)[:2], b"PK", "a presigned URL")
    environment = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1"}
    if have("aws"):
        big = pattern_file("big", 20 << 20)
        code, text = run(["aws", "--endpoint-url", server.url, "s3", "cp", "--sse", "AES256", big, "s3://bucket/aws"], env=environment)
        check(code == 0, "aws s3 cp --sse AES256", text)
        code, text = run(["aws", "--endpoint-url", server.url, "s3", "cp", "s3://bucket/aws", scratch("back")], env=environment)
        check(code == 0 and sha256_file(scratch("back")) == sha256_file(big), "and back", text)
        code, text = run(["aws", "--endpoint-url", server.url, "s3", "cp", "--sse-c", "AES256", "--sse-c-key", "k" * 32, big, "s3://bucket/aws-c"], env=environment)
        check(code == 0, "aws s3 cp --sse-c", text)
        code, text = run(["aws", "--endpoint-url", server.url, "s3", "cp", "--sse-c", "AES256", "--sse-c-key", "k" * 32, "s3://bucket/aws-c", scratch("back")],
                         env=environment)
        check(code == 0 and sha256_file(scratch("back")) == sha256_file(big), "and back", text)
    for i in range(40):
        s3.put_object(Bucket="bucket", Key=f"crash/{i}", Body=body_of(1000 * i), ServerSideEncryption="AES256")
    server.kill()
    return Server(data=server.data, keys=True, args=["--encryption-keys", keys])


def after_crash(s3, server):
    wrong = [i for i in range(40) if s3.get_object(Bucket="bucket", Key=f"crash/{i}")["Body"].read() != body_of(1000 * i)]
    equal(wrong, [], "after a crash all that was answered is there")
    server.stop()
    code, text = run([SLUICE, "get", "--data", server.data, "--encryption-keys", keys, "s3://bucket/crash/39", scratch("got")])
    with open(scratch("got"), "rb") as file:
        check(code == 0 and file.read() == body_of(39000), "sluice get --data", text)
    code, text = run([SLUICE, "get", "--data", server.data, "s3://bucket/crash/39", scratch("got")])
    check(code != 0, "not without keys", text)
    equal(run([SLUICE, "check", "--data", server.data])[0], 0, "sluice check, which has no keys, finds nothing wrong")


def damage():
    """Bytes that were changed on the disk, with a checksum that fits, do not come out."""
    server = Server(keys=True, args=["--encryption-keys", keys])
    s3 = s3_client(server)
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="k", Body=body_of(300000), ServerSideEncryption="AES256")
    (path,) = [path for path in glob.glob(os.path.join(server.data, "blobs", "*", "*")) if 300000 < os.path.getsize(path) < 400000 and not is_segment(path)]
    with open(path, "r+b") as file:
        file.seek(32 + 65552 + 100)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))
    equal(s3.get_object(Bucket="bucket", Key="k", Range="bytes=0-999")["Body"].read(), body_of(1000), "a record beside the damage is good")
    try:
        s3.get_object(Bucket="bucket", Key="k", Range="bytes=70000-70010")["Body"].read()
        check(False, "a damaged record does not come out")
    except Exception as error:  # an error, or an answer that is cut off
        check(True, "a damaged record does not come out", str(error))
    check(poll(lambda: "is not what was sealed" in server.log_text()), "and the log says so", server.log_text()[-500:])
    server.stop()


def requests_get(url):
    with urllib.request.urlopen(url) as answer:
        return answer.read()


keys = make_keys("keys", key_line("first", 1), key_line("second", 2))
server = Server(keys=True, args=["--encryption-keys", keys])
s3 = s3_client(server)
s3.create_bucket(Bucket="bucket")
for kind in KINDS:
    whole_and_ranges(s3, kind)
    parts(s3, kind)
customers_keys(s3)
what_is_refused(s3)
bucket_default(s3, server)
policies(s3)
what_moves_no_bytes(s3, server)
equal(finds_marker(server.data), None, "nothing of it is on the disk in the clear")
s3.put_object(Bucket="bucket", Key="plain", Body=MARKER)
check(finds_marker(server.data), "which would be found")
copies(s3)
server = by_others(s3, server)
after_crash(s3_client(server), server)
caches()
damage()
rotation()
files_of_keys()
done()
