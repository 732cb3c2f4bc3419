#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a rule is asked is what the operation does. A policy allows an upload under a condition on one key at a time; the value is said
in every way that HTTP knows. Whatever was allowed, what is stored then has the value that the condition wants. The keys are those of
the program's own table, so that a new one cannot be forgotten."""
import base64
import datetime
import email.utils
import hashlib
import hmac
import http.client
import itertools
import json
import os
import re
import time
import urllib.parse

from signer import Signer, mac
from sluicetest import Server, check, done, equal, error_code, scratch, skip

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError
except ImportError:
    skip("effective parameters", "python3-boto3 is not installed")
    done()

FILE = scratch("credentials")
with open(FILE, "w") as out:
    out.write("user alice a11ce\nuser bob b0b\nkey ALICEKEY alice-secret owner:alice @own=all\nkey BOBKEY bob-secret owner:bob @own=all\n")
os.chmod(FILE, 0o600)
server = Server(args=["--credentials", FILE])
HOST = server.url.split("//")[1]
alice = boto3.client("s3", endpoint_url=server.url, aws_access_key_id="ALICEKEY", aws_secret_access_key="alice-secret", region_name="us-east-1",
                     config=Config(signature_version="s3v4", retries={"max_attempts": 0}, s3={"addressing_style": "path"}))
bob = boto3.client("s3", endpoint_url=server.url, aws_access_key_id="BOBKEY", aws_secret_access_key="bob-secret", region_name="us-east-1",
                   config=Config(signature_version="s3v4", retries={"max_attempts": 0}, s3={"addressing_style": "path"}))
numbers = itertools.count()

# ---- Requests, with everything open to be said twice ----


def quoted(text):
    return urllib.parse.quote(text, "-_.~")


def sign_by_version_2(method, path, headers, query, how):
    """Adds to headers, or to query, whose x-amz-* are signed as the headers that they stand for."""
    when = email.utils.formatdate(usegmt=True) if how.startswith("header") else str(int(time.time()) + 300)
    names = {name.lower() for name, _ in headers}
    said = headers + [pair for pair in query if pair[0].lower() not in names and how.startswith("presigned")]
    amz = {name: ",".join(value for key, value in said if key.lower() == name) for name in {key.lower() for key, _ in said if key.lower().startswith("x-amz-")}}
    kind = next((value for key, value in said if key.lower() == "content-type"), "")
    text = f"{method}\n\n{kind}\n{when}\n" + "".join(f"{name}:{amz[name]}\n" for name in sorted(amz)) + path
    signature = base64.b64encode(hmac.new(b"bob-secret", text.encode(), hashlib.sha1).digest()).decode()
    if how.startswith("header"):
        headers += [("date", when), ("authorization", f"AWS BOBKEY:{signature}")]
    else:
        query += [("AWSAccessKeyId", "BOBKEY"), ("Expires", when), ("Signature", signature)]


def send(method, path, headers=(), query=(), body=b"", how="header"):
    """how: "header" (signed by bob), "presigned", both also "by version 2", or "nobody". headers and query: lists of pairs. (status, code)."""
    signer, headers, query = Signer("BOBKEY", "bob-secret"), list(headers), list(query)
    if how.endswith("by version 2"):
        sign_by_version_2(method, path, headers, query, how)
    if how == "header":
        headers += [("x-amz-date", signer.stamp), ("x-amz-content-sha256", "UNSIGNED-PAYLOAD")]
    names = sorted({"host"} | {name.lower() for name, _ in headers})
    if how == "presigned":
        query += [("X-Amz-Algorithm", "AWS4-HMAC-SHA256"), ("X-Amz-Credential", f"BOBKEY/{signer.scope}"), ("X-Amz-Date", signer.stamp),
                  ("X-Amz-Expires", "300"), ("X-Amz-SignedHeaders", ";".join(names))]
    said = {name: ",".join(value for key, value in headers if key.lower() == name) for name in names} | {"host": HOST}
    text = "&".join(f"{quoted(k)}={quoted(v)}" for k, v in query)
    canonical = "\n".join([method, path, "&".join(sorted(text.split("&"))) if text else "", "".join(f"{n}:{said[n]}\n" for n in names), ";".join(names),
                           "UNSIGNED-PAYLOAD"])
    signature = mac(signer.key(), "\n".join(["AWS4-HMAC-SHA256", signer.stamp, signer.scope, hashlib.sha256(canonical.encode()).hexdigest()])).hex()
    if how == "header":
        headers.append(("authorization", f"AWS4-HMAC-SHA256 Credential=BOBKEY/{signer.scope}, SignedHeaders={';'.join(names)}, Signature={signature}"))
    elif how == "presigned":
        text += f"&X-Amz-Signature={signature}"
    connection = http.client.HTTPConnection(HOST, timeout=60)
    connection.putrequest(method, path + ("?" + text if text else ""))
    for name, value in headers:
        connection.putheader(name, value)
    connection.putheader("content-length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, error_code(data) if answer.status >= 400 else ""


def form(key, fields, query=()):
    parts = [("key", key), *fields]
    body = "".join(f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in parts)
    body += '--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nbytes\r\n--x--\r\n'
    return send("POST", "/rules", [("content-type", "multipart/form-data; boundary=x")], query, body.encode(), "nobody")


# ---- What is stored ----


def head(key, field):
    return alice.head_object(Bucket="rules", Key=key).get(field)


def tags(key):
    return {tag["Key"]: tag["Value"] for tag in alice.get_object_tagging(Bucket="rules", Key=key)["TagSet"]}


def grants(key, permission):
    """Whom others than its owner the ACL grants it."""
    acl = alice.get_object_acl(Bucket="rules", Key=key)
    return [grant["Grantee"].get("URI", grant["Grantee"].get("ID")) for grant in acl["Grants"]
            if grant["Permission"] == permission and grant["Grantee"].get("ID") != acl["Owner"]["ID"]]


def retention(key):
    try:
        return alice.get_object_retention(Bucket="rules", Key=key)["Retention"]
    except ClientError:
        return {}


def content(key):
    return alice.get_object(Bucket="rules", Key=key)["Body"].read()


def annotation(method, key, query, body=None):
    """By alice, whose boto3 may know of none."""
    signed = Signer("ALICEKEY", "alice-secret").headers(method, f"/rules/{key}", HOST, "UNSIGNED-PAYLOAD", query=query)
    return server.request(method, f"/rules/{key}?{query}", body, signed)[2].decode()


def annotations(key):
    return re.findall("<AnnotationName>(.*?)<", annotation("GET", key, "annotation"))


LATER = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=30)).replace(microsecond=0)
UNTIL, SOONER = (at.strftime("%Y-%m-%dT%H:%M:%SZ") for at in (LATER, LATER - datetime.timedelta(hours=20)))
ID, ALL = 'id="a11ce"', 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'
LOCK, GOVERN = ("x-amz-object-lock-retain-until-date", UNTIL), ("x-amz-object-lock-mode", "GOVERNANCE")
COPY = ("x-amz-copy-source", "rules/right")

# Condition key: (operator, what it wants, header, a value that fits, one that does not, what else has to be said, what is stored has it)
KEYS = {
    "s3:x-amz-acl": ("StringEquals", "bucket-owner-full-control", "x-amz-acl", "bucket-owner-full-control", "public-read", [],
                     lambda key: grants(key, "FULL_CONTROL") == ["a11ce"] and grants(key, "READ") == []),
    "s3:x-amz-storage-class": ("StringEquals", "STANDARD_IA", "x-amz-storage-class", "STANDARD_IA", "GLACIER_IR", [],
                               lambda key: head(key, "StorageClass") == "STANDARD_IA"),
    "s3:x-amz-website-redirect-location": ("StringEquals", "/right", "x-amz-website-redirect-location", "/right", "/wrong", [],
                                           lambda key: head(key, "WebsiteRedirectLocation") == "/right"),
    "s3:RequestObjectTag/": ("StringEquals", "x", "x-amz-tagging", "project=x", "project=y", [], lambda key: tags(key) == {"project": "x"}),
    "s3:RequestObjectTagKeys": ("ForAnyValue:StringEquals", "project", "x-amz-tagging", "project=x", "other=x", [],
                                lambda key: tags(key) == {"project": "x"}),
    "s3:object-lock-mode": ("StringEquals", "GOVERNANCE", "x-amz-object-lock-mode", "GOVERNANCE", "COMPLIANCE", [LOCK],
                            lambda key: retention(key).get("Mode") == "GOVERNANCE"),
    "s3:object-lock-retain-until-date": ("DateGreaterThanEquals", UNTIL, "x-amz-object-lock-retain-until-date", UNTIL, SOONER, [GOVERN],
                                         lambda key: retention(key).get("RetainUntilDate") == LATER),
    "s3:object-lock-remaining-retention-days": ("NumericGreaterThan", "1", "x-amz-object-lock-retain-until-date", UNTIL, SOONER, [GOVERN],
                                                lambda key: retention(key).get("RetainUntilDate") == LATER),
    "s3:object-lock-legal-hold": ("StringEquals", "ON", "x-amz-object-lock-legal-hold", "ON", "OFF", [],
                                  lambda key: head(key, "ObjectLockLegalHoldStatus") == "ON"),
    "s3:x-amz-copy-source": ("StringLike", "rules/right*", "x-amz-copy-source", "rules/right", "rules/wrong", [],
                             lambda key: content(key) == b"right"),
    "s3:x-amz-metadata-directive": ("StringEquals", "REPLACE", "x-amz-metadata-directive", "REPLACE", "COPY", [COPY, ("x-amz-meta-a", "new")],
                                    lambda key: head(key, "Metadata") == {"a": "new"}),
    "s3:x-amz-object-annotation-directive": ("StringEquals", "COPY", "x-amz-object-annotation-directive", "COPY", "EXCLUDE", [("x-amz-copy-source", "rules/noted")],
                                             lambda key: annotations(key) == ["a"]),
    # The keys are fresh, so the condition holds; what it does to keys that are not stands further down.
    "s3:if-none-match": ("StringEquals", "*", "if-none-match", "*", '"wrong"', [], lambda key: True),
}
for name, permission in (("full-control", "FULL_CONTROL"), ("read", "READ"), ("write", "WRITE"), ("read-acp", "READ_ACP"), ("write-acp", "WRITE_ACP")):
    KEYS[f"s3:x-amz-grant-{name}"] = ("StringEquals", ID, f"x-amz-grant-{name}", ID, ALL, [],
                                      lambda key, permission=permission: grants(key, permission) == ["a11ce"])
# Never stored, and so never a success.
ENCRYPTION = {"s3:x-amz-server-side-encryption": "AES256", "s3:x-amz-server-side-encryption-aws-kms-key-id": "k",
              "s3:x-amz-server-side-encryption-customer-algorithm": "AES256"}
for name, value in ENCRYPTION.items():
    KEYS[name] = ("StringEquals", value, name[3:], value, "other", [], lambda key: False)
# An upload does not store them: see below, or no policy is asked (CreateBucket).
ELSEWHERE = {"s3:if-match", "s3:x-amz-content-sha256", "s3:x-amz-object-ownership"}

source = open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../api/s3/access/policy/s3_policy_condition.c")).read()
said = {name for name, kind in re.findall(r'\{"(s3:[^"]+)", (S3_KEY_\w+)', source)
        if kind in ("S3_KEY_HEADER", "S3_KEY_LOCK", "S3_KEY_LOCK_DAYS", "S3_KEY_REQUEST_TAG", "S3_KEY_REQUEST_TAG_KEYS")}
equal(sorted(said), sorted(set(KEYS) | ELSEWHERE), "every condition key that a request can say is walked")

alice.create_bucket(Bucket="rules", ObjectLockEnabledForBucket=True)
for key in ("right", "wrong", "noted"):
    alice.put_object(Bucket="rules", Key=key, Body=key.encode(), Metadata={"a": "old"})
annotation("PUT", "noted", "annotation&annotationName=a", b"text")
BESIDE = ["s3:GetObjectAnnotation", "s3:PutObjectAnnotation", "s3:PutObjectAcl", "s3:PutObjectTagging", "s3:PutObjectRetention", "s3:PutObjectLegalHold", "s3:GetObject", "s3:GetObjectTagging"]
OBJECTS = "arn:aws:s3:::rules/*"


def policy(*statements):
    alice.put_bucket_policy(Bucket="rules", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": effect, "Principal": "*", "Action": action, "Resource": OBJECTS, **({"Condition": condition} if condition else {})}
        for effect, action, condition in statements]}))


def ways(header, good, bad, more):
    """(name of the way, headers, query, how, may it be done); None: 400, whatever else is so."""
    title, encoded = header.title(), "".join(f"%{byte:02x}" for byte in good.encode())
    header_more, query_more, both = [*more], [*more], [good, bad]
    yield "a header", [(header, good), *header_more], [], "header", True
    yield "a header with another value", [(header, bad), *header_more], [], "header", False
    yield "a header in other letters", [(title, good), *header_more], [], "header", True
    for first, second in itertools.product(both, both):
        name = f"two headers, {'right' if first == good else 'wrong'} and {'right' if second == good else 'wrong'}"
        yield name, [(header, first), ("accept", "*/*"), (title, second), *header_more], [], "header", None
    yield "a signed parameter", [], [(header, good), *query_more], "presigned", True
    yield "a signed parameter with another value", [], [(header, bad), *query_more], "presigned", False
    yield "a signed parameter in other letters", [], [(title, good), *query_more], "presigned", True
    yield "two signed parameters", [], [(header, good), (title, bad), *query_more], "presigned", None
    yield "two signed parameters, the wrong one first", [], [(title, bad), (header, good), *query_more], "presigned", None
    yield "a signed parameter and another header", [(header, bad)], [(header, good), *query_more], "presigned", None
    yield "a signed parameter and the same header", [(header, good)], [(header, good), *query_more], "presigned", True
    v2, signs = "presigned by version 2", header.startswith("x-amz-")
    yield "a header signed by version 2", [(header, good), *header_more], [], "header by version 2", True
    yield "a header with another value signed by version 2", [(header, bad), *header_more], [], "header by version 2", False
    yield "a parameter beside a header that version 2 signs", header_more, [(header, good)], "header by version 2", False
    yield "a parameter signed by version 2", [], [(header, good), *query_more], v2, signs
    yield "a parameter with another value signed by version 2", [], [(header, bad), *query_more], v2, False
    yield "a parameter in other letters signed by version 2", [], [(title, good), *query_more], v2, signs
    yield "two parameters signed by version 2", [], [(header, good), (title, bad), *query_more], v2, None if signs else False
    yield "a parameter signed by version 2 and another header", [(header, bad)], [(header, good), *query_more], v2, None if signs else False
    yield "a parameter signed by version 2 and the same header", [(header, good)], [(header, good), *query_more], v2, signs
    yield "a parameter of a request signed by header", header_more, [(header, good)], "header", False
    yield "that beside another header", [(header, bad), *header_more], [(header, good)], "header", False
    yield "a parameter of a request by nobody", header_more, [(header, good)], "nobody", False
    yield "a header, encoded once more", [(header, encoded), *header_more], [], "header", header == COPY[0]
    yield "a signed parameter, encoded once more", [], [(header, encoded), *query_more], "presigned", header == COPY[0]


def holds(name, key, got, may, stored):
    """One way: what was done is what the condition saw, and what was said in so many words is done, or refused."""
    status, code = got
    if status < 300:
        return stored(key) and may is not False and may is not None
    if may is None:
        return status == 400
    return (may is not True or name in ENCRYPTION) and status in (400, 401, 403, 501)


for name, (operator, wanted, header, good, bad, more, stored) in KEYS.items():
    policy(("Allow", BESIDE, None), ("Allow", "s3:PutObject", {operator: {name + ("project" if name.endswith("/") else ""): wanted}}))
    is_list, wrong = header.startswith("if-"), []
    for way, headers, query, how, may in ways(header, good, bad, more):
        if is_list and ("two" in way or "another header" in way or "encoded" in way):
            continue  # lists, and a header that goes before: further down
        key = f"k{next(numbers)}"
        got = send("PUT", f"/rules/{key}", headers, query, b"" if COPY[0] in (header, *(n for n, _ in more)) else b"bytes", how)
        if not holds(name, key, got, may, stored):
            wrong.append((way, got))
    if COPY[0] not in (header, *(n for n, _ in more)):
        field = "acl" if header == "x-amz-acl" else header
        for way, fields, query, may in [("a field", [(field, good), *more], (), True), ("a field with another value", [(field, bad), *more], (), False),
                                        ("two fields", [(field, good), (header, bad), *more], (), None), ("two fields, wrong one first", [(header, bad), (field, good), *more], (), None),
                                        ("a form's parameter", more, [(header, good)], False)]:
            key = f"k{next(numbers)}"
            # What nobody puts cannot be for its owner; that it is refused is enough.
            got = form(key, fields, query)
            if not holds(name, key, got, may, stored) and not (may and got[0] in (400, 401, 403)):
                wrong.append((way, got))
    equal(wrong, [], f"{name}: what is stored is what the condition saw")

# ---- Conditions on what is there ----

policy(("Allow", [*BESIDE, "s3:PutObject", "s3:DeleteObject"], None))
etag = alice.put_object(Bucket="rules", Key="there", Body=b"there")["ETag"]
for name in ("If-None-Match", "if-none-match", "IF-NONE-MATCH"):
    equal(send("PUT", "/rules/there", [], [(name, "*")], b"over", "presigned"), (412, "PreconditionFailed"), f"a presigned {name} counts")
equal(send("PUT", "/rules/there", [], [("If-Match", '"0123456789abcdef0123456789abcdef"')], b"over", "presigned")[0], 412, "and If-Match")
equal(send("PUT", "/rules/there", [], [("if-none-match", "*")], b"over", "header")[0], 200, "not in a request that is signed by header")
equal(send("PUT", "/rules/there", [("if-match", etag)], [("If-Match", '"0123456789abcdef0123456789abcdef"')], b"over", "presigned")[0], 412,
      "a header of the name goes before")
etag = alice.head_object(Bucket="rules", Key="there")["ETag"]
equal(send("PUT", "/rules/there", [("if-match", etag)], [("If-Match", '"0123456789abcdef0123456789abcdef"')], b"more", "presigned")[0], 200,
      "and is the one that counts")
etag = alice.head_object(Bucket="rules", Key="there")["ETag"]
equal(send("GET", "/rules/there", [("if-none-match", '"a"'), ("if-none-match", etag)])[0], 304, "several If-None-Match are one list")
for how, condition in itertools.product(("presigned", "header"), ("If-Match", "If-None-Match")):
    key, value = ("there", etag) if condition == "If-Match" else (f"k{next(numbers)}", "*")
    policy(("Allow", "s3:PutObject", {"StringEquals": {"s3:" + condition.lower(): value}}))
    said = ([(condition, value)], []) if how == "header" else ([], [(condition, value)])
    equal([send("PUT", f"/rules/{key}", *said, b"even more", how)[0], send("PUT", f"/rules/{key}", [], [], b"x", how)[0]], [200, 403],
          f"a policy demands {condition}, {how}")
    etag = alice.head_object(Bucket="rules", Key="there")["ETag"]

# A read says none of what an upload can, so that a policy which demands it is for nobody, as its status tells.
for name, value in (("x-amz-server-side-encryption-aws-kms-key-id", "k"), ("x-amz-storage-class", "STANDARD_IA"), ("x-amz-acl", "private"), ("x-amz-copy-source", "rules/right")):
    policy(("Allow", "s3:GetObject", {"StringEquals": {"s3:" + name: value}}))
    public = alice.get_bucket_policy_status(Bucket="rules")["PolicyStatus"]["IsPublic"]
    got = [send("GET", "/rules/right", headers, query, how="nobody")[0] for headers, query in (([], []), ([], [(name, value)]), ([(name, value)], []))]
    check(got[0] == got[1] == 401 and (public or got[2] in (400, 403)), f"{name}: nobody reads what is not public by saying it", f"{public} {got}")

# ---- What the operation does nothing with ----


def multipart(key, said=(), at=(), complete=()):
    """An upload in three steps, of which the second and third may say more: the status of each."""
    told = [send("POST", f"/rules/{key}", list(at), [("uploads", "")])[0]]
    listed = alice.list_multipart_uploads(Bucket="rules", Prefix=key).get("Uploads")
    if not listed:
        return told
    upload = ("uploadId", listed[0]["UploadId"])
    told.append(send("PUT", f"/rules/{key}", list(said), [("partNumber", "1"), upload], b"part")[0])
    parts = alice.list_parts(Bucket="rules", Key=key, UploadId=upload[1]).get("Parts")
    if not parts:
        return told
    document = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{parts[0]['ETag']}</ETag></Part></CompleteMultipartUpload>".encode()
    return [*told, send("POST", f"/rules/{key}", [*said, *complete], [upload], document)[0]]


SAID = [("x-amz-acl", "public-read"), ("x-amz-tagging", "a=b"), ("x-amz-storage-class", "STANDARD_IA"), ("x-amz-object-lock-legal-hold", "ON"), LOCK, GOVERN]
for name, value in (("s3:x-amz-acl", "public-read"), ("s3:RequestObjectTag/a", "b"), ("s3:x-amz-storage-class", "STANDARD_IA"), ("s3:object-lock-legal-hold", "ON"),
                    ("s3:object-lock-mode", "GOVERNANCE")):
    policy(("Allow", "s3:PutObject", None), ("Deny", "s3:PutObject", {"StringEquals": {name: value}}))
    key = f"k{next(numbers)}"
    equal(multipart(key, SAID), [200, 200, 200], f"{name}: a part and a completion say nothing of it, and ask for no more than PutObject")
    equal((grants(key, "READ"), tags(key), head(key, "StorageClass"), retention(key), head(key, "ObjectLockLegalHoldStatus")), ([], {}, None, {}, None), "for nothing of it is stored")
policy(("Allow", [*BESIDE], None), ("Allow", "s3:PutObject", {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}))
equal(multipart(f"k{next(numbers)}", [("x-amz-acl", "bucket-owner-full-control")], [("x-amz-acl", "bucket-owner-full-control")]), [200, 403], "nor does it meet a condition")
alice.abort_multipart_upload(Bucket="rules", Key=f"k{next(numbers) - 1}", UploadId=alice.list_multipart_uploads(Bucket="rules")["Uploads"][-1]["UploadId"])

# As S3 documents it, for buckets whose objects are only ever made, not replaced.
policy(("Allow", [*BESIDE, "s3:PutObject"], None), ("Deny", "s3:PutObject", {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}))
ONCE = ("if-none-match", "*")
equal([send("PUT", f"/rules/k{next(numbers)}", said, [], b"")[0] for said in ([], [ONCE], [COPY], [COPY, ONCE])], [403, 200, 403, 200], "who has to say If-None-Match says it where an object is made")
equal([form(f"k{next(numbers)}", fields)[0] for fields in ([], [ONCE])], [403, 204], "and a form")
equal(multipart(f"k{next(numbers)}", complete=[ONCE]), [200, 200, 200], "of an upload in parts, where it is completed")
equal(multipart(f"k{next(numbers)}", at=[ONCE]), [200, 200, 403], "nowhere else")

# ---- Presigned: what counts, what is passed over, what is refused ----

policy(("Allow", [*BESIDE, "s3:PutObject"], None))
got = send("PUT", "/rules/hoisted", [], [("x-amz-meta-Name", "value"), ("x-amz-tagging", "a=b"), ("X-Amz-Storage-Class", "STANDARD_IA"),
                                         ("x-amz-checksum-crc32", "AAAAAA=="), ("x-amz-sdk-checksum-algorithm", "CRC32"), ("x-amz-user-agent", "sdk"), ("x-id", "PutObject"),
                                         ("x-amz-object-lock-mode", "GOVERNANCE"), ("x-amz-object-lock-retain-until-date", UNTIL)], b"bytes", "presigned")
equal((got[0], head("hoisted", "Metadata"), tags("hoisted"), head("hoisted", "StorageClass"), retention("hoisted").get("Mode"), content("hoisted")),
      (200, {"name": "value"}, {"a": "b"}, "STANDARD_IA", "GOVERNANCE", b"bytes"), "a presigned PUT stores what was hoisted into its query")
equal(send("PUT", "/rules/copied", [], [("x-amz-copy-source", "/rules/right")], b"", "presigned")[0], 200, "a presigned CopyObject")
equal(content("copied"), b"right", "copies")
url = bob.generate_presigned_url("put_object", {"Bucket": "rules", "Key": "boto", "Metadata": {"a": "b"}, "Tagging": "c=d", "StorageClass": "STANDARD_IA"})
sent = urllib.parse.urlsplit(url)
status, _, _ = server.request("PUT", f"{sent.path}?{sent.query}", b"bytes", {"x-amz-meta-a": "b", "x-amz-tagging": "c=d", "x-amz-storage-class": "STANDARD_IA"}
                              if "x-amz-meta-a" in urllib.parse.parse_qs(sent.query).get("X-Amz-SignedHeaders", [""])[0] else {})
equal((status, tags("boto")), (200, {"c": "d"}), "boto3's presigned PUT with tags")
for name, value in (("x-amz-unknown", "1"), ("x-amz-trailer", "x-amz-checksum-crc32"), ("x-amz-decoded-content-length", "5"), ("x-amz-date", "20260101T000000Z"),
                    ("x-amz-meta-", "\x01"), ("x-amz-meta-a b", "c"), ("x-amz-server-side-encryption-unheard", "1")):
    equal(send("PUT", "/rules/no", [], [(name, value)], b"bytes", "presigned"), (400, "InvalidArgument"), f"a presigned {name} is refused")
equal(send("PUT", "/rules/no", [], [("x-amz-server-side-encryption", "AES256")], b"bytes", "presigned")[0], 501, "and encryption as in a header")
for name in ("x-amz-date", "x-amz-of-tomorrow", "content-md5", "content-type", "authorization", "range", "expires"):
    equal(send("GET", "/rules/right", [(name, "a"), (name, "a")], how="nobody"), (400, "InvalidArgument"), f"two headers {name}, before anybody is asked")
equal(send("PUT", "/rules/joined", [("x-amz-meta-a", "1"), ("x-amz-meta-a", "2")], [], b"x")[0], 200, "metadata may come twice")
equal(head("joined", "Metadata"), {"a": "1,2"}, "and is joined")
LISTS = [("cache-control", "no-cache"), ("content-encoding", "gzip"), ("content-language", "de"), ("Cache-Control", "max-age=60"), ("content-encoding", "aws-chunked"),
         ("Content-Language", "en, fr"), ("Content-Encoding", "br")]
equal(send("PUT", "/rules/lists", LISTS, [], b"x")[0], 200, "so may headers that are lists")
equal([head("lists", name) for name in ("CacheControl", "ContentEncoding", "ContentLanguage")], ["no-cache, max-age=60", "gzip, br", "de, en, fr"], "which are one list")
equal(send("PUT", "/rules/lists", [("content-disposition", "a"), ("content-disposition", "b")], [], b"x")[0], 400, "what is no list comes once")

# ---- The rights that a parameter asks for ----

for name, value, action in (("x-amz-acl", "bucket-owner-full-control", "PutObjectAcl"), ("x-amz-grant-read", ID, "PutObjectAcl"), ("x-amz-tagging", "a=b", "PutObjectTagging"),
                            ("x-amz-object-lock-legal-hold", "ON", "PutObjectLegalHold")):
    policy(("Allow", [*BESIDE, "s3:PutObject"], None), ("Deny", "s3:" + action, None))
    equal([send("PUT", f"/rules/k{next(numbers)}", *said)[0] for said in (([], [(name, value)], b"x", "presigned"), ([(name, value)], [], b"x", "header"), ([], [(name, value)], b"x", "header"))],
          [403, 403, 200], f"{name} takes {action}, in a header and in a presigned URL")
policy(("Allow", [*BESIDE, "s3:PutObject"], None), ("Deny", "s3:PutObjectRetention", None))
equal(send("PUT", "/rules/no", [], [LOCK, GOVERN], b"x", "presigned")[0], 403, "retention takes PutObjectRetention in a presigned URL")

# ---- Copies: sources as they are meant, tags as they are stored ----

policy(("Allow", [*BESIDE, "s3:PutObject"], None), ("Deny", "s3:PutObject", {"StringLike": {"s3:x-amz-copy-source": "rules/wro*"}}))
for text in ("rules/wrong", "/rules/wrong", "rules/%77rong", "%72ules/wrong", "%2Frules/wrong", "rules%2Fwrong", "rules/wrong?versionId=null", "/rules/wrong?versionId=" + alice.head_object(Bucket="rules", Key="wrong")["VersionId"]):
    equal(send("PUT", "/rules/copy", [("x-amz-copy-source", text)])[0], 403, f"a denied source by the name {text.split('=')[0]}")
equal(send("PUT", "/rules/copy", [("x-amz-copy-source", "rules/%72ight")])[0], 200, "another is copied")
policy(("Allow", [*BESIDE, "s3:PutObject"], None), ("Deny", "s3:PutObject", {"StringEquals": {"s3:x-amz-copy-source": "rules/wrong"}}))
upload = alice.create_multipart_upload(Bucket="rules", Key="parts")["UploadId"]
equal([send("PUT", "/rules/parts", [("x-amz-copy-source", text)], [("partNumber", "1"), ("uploadId", upload)])[0] for text in ("rules/%77rong", "%2Frules/wrong?versionId=null", "rules/right")],
      [403, 403, 200], "a part's source, too")
policy(("Allow", BESIDE, None), ("Allow", "s3:PutObject", {"StringEquals": {"s3:x-amz-copy-source": "rules/right"}}))
equal([send("POST", "/rules/none", [COPY], [("uploads", "")])[0], form("none", [COPY])[0], send("PUT", "/rules/copy", [COPY])[0]], [400, 400, 200],
      "what is no copy may name no source")

alice.put_object(Bucket="rules", Key="tagged", Body=b"t", Tagging="class=public")
TAGGED, REPLACE = ("x-amz-copy-source", "rules/tagged"), ("x-amz-tagging-directive", "REPLACE")
INTERNAL = ("x-amz-tagging", "class=internal")
policy(("Allow", BESIDE, None), ("Allow", "s3:PutObject", {"StringEquals": {"s3:RequestObjectTag/class": "internal"}}))
equal([send("PUT", "/rules/t1", said)[0] for said in ([TAGGED, INTERNAL], [TAGGED], [TAGGED, ("x-amz-tagging-directive", "COPY"), INTERNAL], [TAGGED, INTERNAL, REPLACE])],
      [403, 403, 403, 200], "a copy's tags are those that it gets")
equal(tags("t1"), {"class": "internal"}, "and no others")
policy(("Allow", [*BESIDE, "s3:DeleteObject"], None), ("Allow", "s3:PutObject", {"StringEquals": {"s3:RequestObjectTag/class": "internal"}}))
equal(send("PUT", "/rules/renamed", [("x-amz-rename-source", "/rules/tagged"), INTERNAL], [("renameObject", "")])[0], 403, "a renamed object keeps its tags, whatever a header says")
alice.put_object(Bucket="rules", Key="inner", Body=b"t", Tagging="class=internal")
equal(send("PUT", "/rules/t2", [("x-amz-copy-source", "rules/inner")])[0], 200, "tags of the source meet the condition")
equal(tags("t2"), {"class": "internal"}, "and are stored")
READING = ["s3:PutObject", "s3:GetObject"]
policy(("Allow", [*READING, "s3:PutObjectTagging"], None))
equal([send("PUT", "/rules/t3", said)[0] for said in ([TAGGED], [TAGGED, REPLACE], [COPY])], [403, 200, 200], "who may not get tags cannot copy them")
policy(("Allow", [*READING, "s3:GetObjectTagging"], None))
equal([send("PUT", "/rules/t3", said)[0] for said in ([TAGGED], [TAGGED, REPLACE, INTERNAL], [TAGGED, REPLACE], [COPY])], [403, 403, 200, 200], "nor who may not put them")
policy(("Allow", [*READING, "s3:GetObjectTagging", "s3:PutObjectTagging"], None))
equal((send("PUT", "/rules/t4", [TAGGED])[0], tags("t4")), (200, {"class": "public"}), "who may do both does")

# ---- A rename that is repeated ----

alice.put_object(Bucket="rules", Key="before", Body=b"renamed")
policy(("Allow", ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], None))
rename = lambda source, key, *token: send("PUT", f"/rules/{key}", [("x-amz-rename-source", f"/rules/{source}"), *(("x-amz-client-token", text) for text in token)], [("renameObject", "")])
equal([rename("before", "after", "token")[0], rename("before", "after", "token")[0], content("after")], [200, 200, b"renamed"], "who may not list may repeat a rename")
equal([rename("before", "after", "other"), rename("before", "after"), rename("never", "after", "other")], [(403, "AccessDenied")] * 3, "and is told of nothing that is missing")

# ---- Tags of a body are the body's, none of them too; an append says nothing that it does not do ----

policy(("Allow", ["s3:PutObjectTagging"], {"StringEquals": {"s3:RequestObjectTag/class": "internal"}}))
XML = b"<Tagging><TagSet>%s</TagSet></Tagging>"
equal([send("PUT", "/rules/tagged", [INTERNAL], [("tagging", "")], XML % inside)[0] for inside in (b"", b"<Tag><Key>class</Key><Value>internal</Value></Tag>")],
      [403, 200], "a header beside a document of tags says nothing")
policy(("Allow", [*BESIDE, "s3:PutObject"], None))
equal(send("PUT", "/rules/log", [("x-amz-write-offset-bytes", "0"), ("x-amz-tagging", "a=b")], [], b"12345")[0], 200, "an append that begins an object has tags")
equal([send("PUT", "/rules/log", [("x-amz-write-offset-bytes", "5"), said], [], b"x") for said in (("x-amz-tagging", "a=c"), ("x-amz-acl", "private"), ("x-amz-storage-class", "STANDARD_IA"))],
      [(400, "InvalidRequest")] * 3, "one that goes on cannot change them")

server.stop()
done()
