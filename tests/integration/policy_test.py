#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bucket policies against the real server: every operation by the owner, by another user and by nobody, without a policy, with
one that allows and with one that denies; conditions; what a changed policy does to the requests after it."""
import datetime
import json
import os

from sluicetest import Server, check, done, equal, error_code, have, run, scratch, skip

try:
    import boto3
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.config import Config
    from botocore.credentials import Credentials
    from botocore.exceptions import ClientError
except ImportError:
    skip("policies", "python3-boto3 is not installed")
    done()

KEYS = {"alice": ("ALICEKEY", "alice-secret"), "bob": ("BOBKEY", "bob-secret"), "boss": ("BOSSKEY", "boss-secret")}
FILE = scratch("credentials")
with open(FILE, "w") as out:
    out.write("user alice a11ce\n"
              "key ALICEKEY alice-secret owner:alice @own=all\n"
              "key BOBKEY bob-secret owner:bob @own=all\n"
              "key BOSSKEY boss-secret owner:boss *=all\n"
              "key READKEY read-secret owner:alice @own=read,list\n")
os.chmod(FILE, 0o600)

server = Server(args=["--credentials", FILE])


def client(access, secret):
    return boto3.client("s3", endpoint_url=server.url, aws_access_key_id=access, aws_secret_access_key=secret,
                        region_name="us-east-1", config=Config(signature_version="s3v4", retries={"max_attempts": 0}, s3={"addressing_style": "path"}))


alice, bob, boss = (client(*KEYS[name]) for name in ("alice", "bob", "boss"))
reader = client("READKEY", "read-secret")


def ask(who, method, path, body=None, headers=None):
    """One request by a user (None: nobody): (status, code)."""
    headers = dict(headers or {})
    if who is not None:
        request = AWSRequest(method=method, url=server.url + path, data=body, headers=headers)
        request.headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD"
        SigV4Auth(Credentials(*KEYS[who]), "s3", "us-east-1").add_auth(request)
        headers = dict(request.headers.items())
    status, _, answer = server.request(method, path, body, headers)
    return status, error_code(answer) if status >= 400 else ""


def code_of(call, **arguments):
    try:
        call(**arguments)
        return "", ""
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"].get("Message", "")


def statement(effect, action, resource, principal="*", **more):
    return {"Effect": effect, "Principal": principal, "Action": action, "Resource": resource, **more}


def set_policy(*statements, bucket="table"):
    alice.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


BUCKET, OBJECTS = "arn:aws:s3:::table", "arn:aws:s3:::table/*"
alice.create_bucket(Bucket="table")
alice.put_object(Bucket="table", Key="key", Body=b"body")

# ---- The documents ----

equal(code_of(alice.get_bucket_policy, Bucket="table")[0], "NoSuchBucketPolicy", "a bucket begins without a policy")
equal(code_of(alice.get_bucket_policy_status, Bucket="table")[0], "NoSuchBucketPolicy", "and without a policy status")
text = json.dumps({"Version": "2012-10-17", "Statement": [statement("Allow", "s3:GetObject", OBJECTS)]}, indent=3)
alice.put_bucket_policy(Bucket="table", Policy=text)
equal(alice.get_bucket_policy(Bucket="table")["Policy"], text, "a policy is given back as it came")
equal(alice.get_bucket_policy_status(Bucket="table")["PolicyStatus"]["IsPublic"], True, "a policy for everybody is public")
set_policy(statement("Allow", "s3:GetObject", OBJECTS, {"AWS": "arn:aws:iam:::user/bob"}))
equal(alice.get_bucket_policy_status(Bucket="table")["PolicyStatus"]["IsPublic"], False, "a policy for one is not")
for name, document, message in [
        ("text that is no JSON", "hello", "Policies must be valid JSON and the first byte must be '{'"),
        ("a policy for another bucket",
         json.dumps({"Statement": [statement("Allow", "s3:GetObject", "arn:aws:s3:::other/*")]}), "Policy has invalid resource"),
        ("a policy for all buckets", json.dumps({"Statement": [statement("Allow", "s3:GetObject", "*")]}), "Policy has invalid resource"),
        ("all but one are allowed", json.dumps({"Statement": [{"Effect": "Allow", "NotPrincipal": {"AWS": "arn:aws:iam:::user/bob"},
                                                               "Action": "s3:GetObject", "Resource": OBJECTS}]}),
         "Allow with NotPrincipal is not allowed"),
        ("an action that does not exist", json.dumps({"Statement": [statement("Allow", "s3:Fly", OBJECTS)]}),
         "Policy has invalid action"),
        ("an object's action on a bucket", json.dumps({"Statement": [statement("Allow", "s3:GetObject", BUCKET)]}),
         "Action does not apply to any resource(s) in statement"),
        ("more than 20 KiB", "{" + " " * 20480 + "}", "Policy exceeds the maximum allowed document size of 20480 bytes.")]:
    equal(code_of(alice.put_bucket_policy, Bucket="table", Policy=document), ("MalformedPolicy", message), f"{name}: MalformedPolicy")
check("bob" in alice.get_bucket_policy(Bucket="table")["Policy"], "a refused policy leaves the old one")
equal(ask("alice", "PUT", "/table?policy", b"")[1], "MalformedPolicy", "a policy without a body")
alice.delete_bucket_policy(Bucket="table")
equal(code_of(alice.get_bucket_policy, Bucket="table")[0], "NoSuchBucketPolicy", "a deleted policy is gone")
alice.delete_bucket_policy(Bucket="table")
check(True, "deleting it again is no error")

# ---- Every operation, by everybody, under every policy ----

XML = {"content-type": "application/xml"}
DELETE = b"<Delete><Object><Key>other</Key></Object></Delete>"
# method, path, body, headers, the action it needs
OPERATIONS = [
    ("GET", "/table?list-type=2", None, {}, "ListBucket"),
    ("GET", "/table", None, {}, "ListBucket"),
    ("HEAD", "/table", None, {}, "ListBucket"),
    ("GET", "/table?location", None, {}, "GetBucketLocation"),
    ("GET", "/table?acl", None, {}, "GetBucketAcl"),
    ("GET", "/table?versioning", None, {}, "GetBucketVersioning"),
    ("GET", "/table?uploads", None, {}, "ListBucketMultipartUploads"),
    ("GET", "/table?policyStatus", None, {}, "GetBucketPolicyStatus"),
    ("GET", "/table?cors", None, {}, "GetBucketCORS"),
    ("GET", "/table?lifecycle", None, {}, "GetLifecycleConfiguration"),
    ("GET", "/table?tagging", None, {}, "GetBucketTagging"),
    ("GET", "/table?website", None, {}, "GetBucketWebsite"),
    ("GET", "/table?encryption", None, {}, "GetEncryptionConfiguration"),
    ("GET", "/table?replication", None, {}, "GetReplicationConfiguration"),
    ("GET", "/table?object-lock", None, {}, "GetBucketObjectLockConfiguration"),
    ("GET", "/table?publicAccessBlock", None, {}, "GetBucketPublicAccessBlock"),
    ("GET", "/table?ownershipControls", None, {}, "GetBucketOwnershipControls"),
    ("GET", "/table?accelerate", None, {}, "GetAccelerateConfiguration"),
    ("GET", "/table?logging", None, {}, "GetBucketLogging"),
    ("GET", "/table?notification", None, {}, "GetBucketNotification"),
    ("GET", "/table?requestPayment", None, {}, "GetBucketRequestPayment"),
    ("GET", "/table?versions", None, {}, "ListBucketVersions"),
    ("DELETE", "/table?cors", None, {}, "PutBucketCORS"),
    ("DELETE", "/table?lifecycle", None, {}, "PutLifecycleConfiguration"),
    ("DELETE", "/table?tagging", None, {}, "PutBucketTagging"),
    ("DELETE", "/table?website", None, {}, "DeleteBucketWebsite"),
    ("PUT", "/table?logging", b"<a/>", XML, "PutBucketLogging"),
    ("PUT", "/table?tagging", b"<Tagging><TagSet/></Tagging>", XML, "PutBucketTagging"),
    ("POST", "/table?delete", DELETE, XML, "DeleteObject"),
    ("DELETE", "/table", None, {}, "DeleteBucket"),
    ("GET", "/table/key", None, {}, "GetObject"),
    ("HEAD", "/table/key", None, {}, "GetObject"),
    ("GET", "/table/key?versionId=null", None, {}, "GetObjectVersion"),
    ("GET", "/table/key?acl", None, {}, "GetObjectAcl"),
    ("GET", "/table/key?tagging", None, {}, "GetObjectTagging"),
    ("GET", "/table/key?attributes", None, {"x-amz-object-attributes": "ObjectSize"}, "GetObjectAttributes"),
    ("GET", "/table/key?uploadId=00", None, {}, "ListMultipartUploadParts"),
    ("PUT", "/table/key", b"body", {}, "PutObject"),
    ("PUT", "/table/copy", None, {"x-amz-copy-source": "/table/key"}, "PutObject"),
    ("PUT", "/table/key?partNumber=1&uploadId=00", b"body", {}, "PutObject"),
    ("PUT", "/table/key?tagging", b"<Tagging><TagSet/></Tagging>", XML, "PutObjectTagging"),
    ("POST", "/table/key?uploads", None, {}, "PutObject"),
    ("POST", "/table/key?uploadId=00", b"<a/>", XML, "PutObject"),
    ("DELETE", "/table/key?uploadId=00", None, {}, "AbortMultipartUpload"),
    ("DELETE", "/table/key?tagging", None, {}, "DeleteObjectTagging"),
    ("DELETE", "/table/other", None, {}, "DeleteObject"),
]


def denied(outcome):
    status, code = outcome
    return status in (401, 403) and code in ("AccessDenied", "")


def asks_as(who, operation):
    method, path, body, headers, _ = operation
    if path == "/table?delete":  # judged key by key: the answer is 200 with errors in it
        headers = dict(headers)
        request = AWSRequest(method=method, url=server.url + path, data=body, headers=headers)
        if who is not None:
            request.headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD"
            SigV4Auth(Credentials(*KEYS[who]), "s3", "us-east-1").add_auth(request)
        status, _, answer = server.request(method, path, body, dict(request.headers.items()))
        return status in (401, 403) or b"<Code>AccessDenied</Code>" in answer
    if path == "/table" and method == "DELETE":  # must never succeed: it has objects
        status, code = ask(who, method, path)
        return not (status == 409 and code == "BucketNotEmpty")
    return denied(ask(who, method, path, body, headers))


def check_table(title, policy, expected):
    """expected: for owner, other, nobody: whether they are denied."""
    for operation in OPERATIONS:
        action = operation[4]
        if policy is not None:
            effect, principal = policy
            actions = ["s3:" + action]
            statements = []
            # What the operation needs beside its action, so that the action alone decides.
            if effect == "Allow":
                if action == "GetObjectAttributes" or "x-amz-copy-source" in operation[3]:
                    actions.append("s3:GetObject")
            statements.append(statement(effect, actions, [BUCKET, OBJECTS], principal))
            set_policy(*statements)
        got = tuple(asks_as(who, operation) for who in ("alice", "bob", None))
        no_stranger = policy is not None and policy[0] == "Allow" and operation[:2] in NO_STRANGER
        equal(got, (*expected[:2], expected[2] or no_stranger), f"{title}: {operation[0]} {operation[1]} ({action})")


# What takes somebody who says who he is.
NO_STRANGER = (("PUT", "/table/copy"), ("POST", "/table/key?uploads"), ("PUT", "/table?acl"))
check_table("no policy", None, (False, True, True))
check_table("everybody is allowed", ("Allow", "*"), (False, False, False))
check_table("bob is allowed", ("Allow", {"AWS": "arn:aws:iam:::user/bob"}), (False, False, True))
alice.delete_bucket_policy(Bucket="table")
alice.put_object(Bucket="table", Key="key", Body=b"body")  # so that it is not bob's, who wrote it last
check_table("everybody is denied", ("Deny", "*"), (True, True, True))
check_table("the owner is denied", ("Deny", {"CanonicalUser": "a11ce"}), (True, True, True))
alice.delete_bucket_policy(Bucket="table")

# ---- Whoever owns the bucket keeps the policy ----

set_policy(statement("Deny", "s3:*", [BUCKET, OBJECTS]))
equal(code_of(alice.get_object, Bucket="table", Key="key")[0], "AccessDenied", "a denial holds for the owner too")
equal(code_of(boss.get_object, Bucket="table", Key="key")[0], "AccessDenied", "and for whoever has all rights by configuration")
check("Deny" in alice.get_bucket_policy(Bucket="table")["Policy"], "the owner reads the policy all the same")
equal(code_of(bob.delete_bucket_policy, Bucket="table")[0], "AccessDenied", "others do not remove it")
alice.delete_bucket_policy(Bucket="table")
equal(alice.get_object(Bucket="table", Key="key")["Body"].read(), b"body", "the owner removes it, and all is as before")
set_policy(statement("Allow", "s3:*", [BUCKET, OBJECTS], {"AWS": "arn:aws:iam:::user/bob"}))
equal(bob.get_object(Bucket="table", Key="key")["Body"].read(), b"body", "a policy opens a bucket to another user")
equal(code_of(bob.put_bucket_policy, Bucket="table", Policy=text)[0], "MethodNotAllowed", "who cannot replace the policy")
set_policy(statement("Deny", "s3:*", [BUCKET, OBJECTS]))
boss.delete_bucket_policy(Bucket="table")
check(True, "whoever has admin by configuration can remove a policy")

# ---- A change is there for the next request, on every worker ----

outcomes = []
for turn in range(40):
    if turn % 2 == 0:
        set_policy(statement("Allow", "s3:GetObject", OBJECTS))
    else:
        alice.delete_bucket_policy(Bucket="table")
    outcomes += [server.request("GET", "/table/key")[0] == (200 if turn % 2 == 0 else 401) for _ in range(4)]
check(all(outcomes), "a changed policy holds for every request behind its answer", f"{outcomes.count(False)} of {len(outcomes)}")

# ---- Parts of requests ----

alice.create_bucket(Bucket="private")
alice.put_object(Bucket="private", Key="secret", Body=b"secret")
set_policy(statement("Allow", ["s3:PutObject"], OBJECTS, {"AWS": "arn:aws:iam:::user/bob"}))
equal(code_of(bob.copy_object, Bucket="table", Key="stolen", CopySource="private/secret")[0], "AccessDenied",
      "a copy needs the right to its source")
set_policy(statement("Allow", ["s3:GetObject"], "arn:aws:s3:::private/sec*", {"AWS": "arn:aws:iam:::user/bob"}), bucket="private")
equal(code_of(bob.copy_object, Bucket="table", Key="copied", CopySource="private/secret")[0], "", "which its bucket's policy can give")
equal(code_of(bob.copy_object, Bucket="table", Key="copied", CopySource="private/other")[0], "AccessDenied", "for some keys")
equal(code_of(bob.copy_object, Bucket="table", Key="copied", CopySource="nowhere/x")[0], "NoSuchBucket",
      "a source bucket that is not there")
upload = bob.create_multipart_upload(Bucket="table", Key="parts")["UploadId"]
equal(code_of(bob.upload_part_copy, Bucket="table", Key="parts", UploadId=upload, PartNumber=1, CopySource="private/other")[0],
      "AccessDenied", "a part's copy needs the right to its source")
for key in ("keep/1", "drop/1", "drop/2"):
    alice.put_object(Bucket="table", Key=key, Body=b"")
set_policy(statement("Allow", "s3:DeleteObject", "arn:aws:s3:::table/*", {"AWS": "arn:aws:iam:::user/bob"}),
           statement("Deny", "s3:DeleteObject", "arn:aws:s3:::table/keep/*"))
answer = bob.delete_objects(Bucket="table", Delete={"Objects": [{"Key": "keep/1"}, {"Key": "drop/1"}, {"Key": "drop/2"}]})
equal(sorted(entry["Key"] for entry in answer["Deleted"]), ["drop/1", "drop/2"], "DeleteObjects removes what may be removed")
equal([(entry["Key"], entry["Code"]) for entry in answer["Errors"]], [("keep/1", "AccessDenied")], "and denies the rest by key")
equal(code_of(alice.head_object, Bucket="table", Key="keep/1")[0], "", "which is still there")
set_policy(statement("Allow", "s3:PutObject", OBJECTS, {"AWS": "arn:aws:iam:::user/bob"}))
equal(code_of(bob.put_object, Bucket="table", Key="tagged", Body=b"", Tagging="a=b")[0], "AccessDenied",
      "tags on a PUT need PutObjectTagging")
equal(code_of(bob.put_object, Bucket="table", Key="tagged", Body=b"")[0], "", "without them PutObject is enough")
equal([ask("bob", "PUT", f"/table/key?{query}&uploadId=00&partNumber=1", b"<Tagging><TagSet/></Tagging>") for query in ("tagging", "acl")],
      [(403, "AccessDenied"), (403, "AccessDenied")], "a second parameter does not make one operation pass for another")

# ---- Conditions ----

def reads(who="bob", path="/table/key", headers=None):
    return ask(who, "GET", path, headers=headers)[0] == 200


def when(condition, action="s3:GetObject", resource=OBJECTS):
    set_policy(statement("Allow", action, resource, Condition=condition))


when({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}})
check(reads(None), "aws:SourceIp: from here")
when({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}})
check(not reads(None), "aws:SourceIp: from elsewhere")
check(not reads(None, headers={"x-forwarded-for": "192.0.2.1"}), "aws:SourceIp: what a header claims does not count")
when({"Bool": {"aws:SecureTransport": "true"}})
check(not reads(None), "aws:SecureTransport: over plain HTTP")
when({"StringLike": {"aws:UserAgent": "trusted/*"}})
check(reads(None, headers={"user-agent": "trusted/1.0"}) and not reads(None, headers={"user-agent": "other"}), "aws:UserAgent")
when({"StringLike": {"aws:Referer": "http://example.com/*"}})
check(reads(None, headers={"referer": "http://example.com/a"}) and not reads(None), "aws:Referer")
when({"StringEquals": {"aws:username": "bob"}})
check(reads("bob") and not reads(None), "aws:username")
when({"StringEquals": {"aws:PrincipalType": "Anonymous"}})
check(reads(None) and not reads("bob"), "aws:PrincipalType")
when({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}})
check(reads(None), "aws:CurrentTime: after")
when({"DateLessThan": {"aws:EpochTime": "1577836800"}})
check(not reads(None), "aws:EpochTime: before")
when({"StringEquals": {"s3:authType": "REST-HEADER", "s3:signatureversion": "AWS4-HMAC-SHA256"}})
check(reads("bob") and not reads(None), "s3:authType and s3:signatureversion")
url = bob.generate_presigned_url("get_object", Params={"Bucket": "table", "Key": "key"})[len(server.url):]
equal(server.request("GET", url)[0], 403, "s3:authType: a presigned request is another")
when({"NumericLessThan": {"s3:signatureAge": "600000"}})
check(reads("bob") and not reads(None), "s3:signatureAge")
when({"StringLike": {"s3:prefix": ["home/${aws:username}/*"]}, "NumericLessThanEquals": {"s3:max-keys": "10"}},
     "s3:ListBucket", BUCKET)
equal([ask("bob", "GET", "/table?list-type=2" + more)[0] for more in
       ("&prefix=home/bob/&max-keys=10", "&prefix=home/eve/&max-keys=10", "&prefix=home/bob/&max-keys=11", "&prefix=home/bob/", "")],
      [200, 403, 403, 403, 403], "s3:prefix with a variable, and s3:max-keys")
set_policy(statement("Allow", ["s3:PutObject", "s3:PutObjectTagging"], OBJECTS),
           statement("Deny", "s3:PutObject", OBJECTS, Condition={"StringNotEquals": {"s3:x-amz-storage-class": "STANDARD_IA"}}))
equal([ask("bob", "PUT", "/table/new", b"", headers)[0] for headers in ({"x-amz-storage-class": "STANDARD_IA"}, {})], [200, 403],
      "s3:x-amz-storage-class, and a denial where the header is missing")
set_policy(statement("Allow", ["s3:PutObject", "s3:PutObjectTagging"], OBJECTS,
                     Condition={"StringEquals": {"s3:RequestObjectTag/team": "red green"}}))
equal([ask("bob", "PUT", "/table/new", b"", {"x-amz-tagging": tags})[0] for tags in ("a=b&team=red%20green", "team=blue", "Team=red%20green")],
      [200, 403, 403], "s3:RequestObjectTag")

set_policy(statement("Allow", ["s3:PutObjectTagging"], OBJECTS,
                     Condition={"ForAllValues:StringEquals": {"s3:RequestObjectTagKeys": ["team", "stage"]},
                                "StringEquals": {"s3:RequestObjectTag/team": "red"}}))
equal([code_of(bob.put_object_tagging, Bucket="table", Key="tagged",
               Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in tags]})[0]
       for tags in ([("team", "red"), ("stage", "1")], [("team", "red"), ("other", "1")], [("team", "blue")], [])],
      ["", "AccessDenied", "AccessDenied", "AccessDenied"], "s3:RequestObjectTag of PutObjectTagging")
alice.put_object(Bucket="table", Key="red", Body=b"", Tagging="team=red&x=y")
when({"StringEquals": {"s3:ExistingObjectTag/team": "red"}})
equal([reads(path="/table/red"), reads(path="/table/key"), reads(path="/table/none")], [True, False, False], "s3:ExistingObjectTag")

# ---- Headers of an object for those who may ask for them ----

alice.create_bucket(Bucket="told", ObjectLockEnabledForBucket=True)
told = alice.put_object(Bucket="told", Key="k", Body=b"", Tagging="a=b", ObjectLockLegalHoldStatus="ON", ObjectLockMode="GOVERNANCE",
                        ObjectLockRetainUntilDate=datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1))["VersionId"]


def headers_told(path="/told/k"):
    status, headers, _ = server.request("HEAD", path)
    names = ("x-amz-tagging-count", "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date", "x-amz-object-lock-legal-hold")
    return status, [name in headers for name in names]


for actions, want in (([], [False] * 4), (["s3:GetObjectTagging"], [True, False, False, False]), (["s3:GetObjectRetention"], [False, True, True, False]),
                      (["s3:GetObjectLegalHold"], [False, False, False, True])):
    set_policy(statement("Allow", ["s3:GetObject", "s3:GetObjectVersion", *actions], "arn:aws:s3:::told/*"), bucket="told")
    equal(headers_told(), (200, want), f"headers for whoever may GetObject and {actions}")
    versions = [] if actions == ["s3:GetObjectTagging"] else want
    equal(headers_told(f"/told/k?versionId={told}"), (200, versions or [False] * 4), "and of a version")
equal("TagCount" in alice.get_object(Bucket="told", Key="k"), True, "the owner is told")

# ---- Conditions on locks: of the header and of the body ----

alice.create_bucket(Bucket="locks", ObjectLockEnabledForBucket=True)
LOCKS = "arn:aws:s3:::locks/*"
NOW = datetime.datetime.now(datetime.timezone.utc)


def retain(days, mode="GOVERNANCE", who=bob):
    return code_of(who.put_object_retention, Bucket="locks", Key="free",
                   Retention={"Mode": mode, "RetainUntilDate": NOW + datetime.timedelta(days=days)})[0]


def put_locked(days):
    return code_of(bob.put_object, Bucket="locks", Key="new", Body=b"", ObjectLockMode="GOVERNANCE",
                   ObjectLockRetainUntilDate=NOW + datetime.timedelta(days=days))[0]


def retain_by(who, bucket, days, **more):
    return code_of(who.put_object_retention, Bucket=bucket, Key="free",
                   Retention={"Mode": "GOVERNANCE", "RetainUntilDate": NOW + datetime.timedelta(days=days)}, **more)[0]


def hold(state):
    return code_of(bob.put_object_legal_hold, Bucket="locks", Key="free", LegalHold={"Status": state})[0]


alice.put_object(Bucket="locks", Key="free", Body=b"")
equal((retain(1), hold("OFF")), ("AccessDenied",) * 2, "without a policy nobody else locks")
set_policy(statement("Allow", ["s3:PutObject", "s3:PutObjectRetention"], LOCKS,
                     Condition={"NumericLessThanEquals": {"s3:object-lock-remaining-retention-days": "10"}}), bucket="locks")
equal((put_locked(10), put_locked(11)), ("", "AccessDenied"), "s3:object-lock-remaining-retention-days of a PUT")
equal((retain(11), retain(5)), ("AccessDenied", ""), "s3:object-lock-remaining-retention-days of PutObjectRetention")
equal(hold("ON"), "AccessDenied", "a right to retention is none to legal hold")
set_policy(statement("Allow", "s3:PutObjectRetention", LOCKS, Condition={"StringEquals": {"s3:object-lock-mode": "GOVERNANCE"}}),
           bucket="locks")
equal((retain(20, "COMPLIANCE"), retain(20)), ("AccessDenied", ""), "s3:object-lock-mode of PutObjectRetention")
set_policy(statement("Allow", "s3:PutObjectRetention", LOCKS, Condition={
    "DateLessThan": {"s3:object-lock-retain-until-date": (NOW + datetime.timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")}}),
           bucket="locks")
equal((retain(31), retain(29)), ("AccessDenied", ""), "s3:object-lock-retain-until-date of PutObjectRetention")
set_policy(statement("Allow", "s3:PutObjectLegalHold", LOCKS, Condition={"StringEquals": {"s3:object-lock-legal-hold": "OFF"}}),
           statement("Deny", "s3:PutObjectRetention", LOCKS,
                     Condition={"NumericGreaterThan": {"s3:object-lock-remaining-retention-days": "40"}}), bucket="locks")
equal((hold("ON"), hold("OFF"), retain(35)), ("AccessDenied", "", "AccessDenied"), "s3:object-lock-legal-hold of PutObjectLegalHold")
equal((retain(41, who=alice), retain(39, who=alice)), ("AccessDenied", ""), "a denial of long locks holds for the owner too")
set_policy(statement("Allow", "s3:PutObjectRetention", LOCKS),
           statement("Allow", "s3:BypassGovernanceRetention", LOCKS,
                     Condition={"NumericGreaterThan": {"s3:object-lock-remaining-retention-days": "10"}}), bucket="locks")
bypass = {"BypassGovernanceRetention": True}
equal((retain_by(bob, "locks", 12), retain_by(bob, "locks", 9, **bypass), retain_by(bob, "locks", 12, **bypass)), ("AccessDenied", "AccessDenied", ""),
      "s3:object-lock-remaining-retention-days of a bypass, which the body asks for")
equal((retain_by(bob, "locks", -1, **bypass), retain_by(bob, "locks", -1)), ("AccessDenied", "InvalidArgument"), "who may not bypass is told nothing of the date")
alice.create_bucket(Bucket="unlocked")
alice.put_object(Bucket="unlocked", Key="free", Body=b"")
for bucket in ("locks", "unlocked"):
    set_policy(statement("Allow", "s3:GetObject", f"arn:aws:s3:::{bucket}/*"), bucket=bucket)
    equal((retain_by(bob, bucket, 12), code_of(bob.put_object_legal_hold, Bucket=bucket, Key="free", LegalHold={"Status": "ON"})[0]),
          ("AccessDenied",) * 2, f"who may not lock does not learn whether the bucket has object lock: {bucket}")

# ---- Forms ----


def post(fields, headers=None):
    body = "".join(f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    body += '--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nbytes\r\n--x--\r\n'
    return server.request("POST", "/table", body.encode(), {"content-type": "multipart/form-data; boundary=x", **(headers or {})})[0]


def tagging(value):
    return f"<Tagging><TagSet><Tag><Key>team</Key><Value>{value}</Value></Tag></TagSet></Tagging>"


equal(post({"key": "posted"}), 403, "a form by nobody, without a policy")
when({"StringEquals": {"s3:x-amz-storage-class": "STANDARD_IA"}}, "s3:PutObject")
equal([post({"key": "posted", "x-amz-storage-class": "STANDARD_IA"}), post({"key": "posted"}),
       post({"key": "posted"}, {"x-amz-storage-class": "STANDARD_IA"})], [204, 403, 403],
      "conditions look at a form's fields, not at the headers beside it")
equal(post({"key": "posted", "x-amz-storage-class": "STANDARD_IA", "tagging": tagging("red")}), 403, "tags in a form need their own action")
when({"StringEquals": {"s3:RequestObjectTag/team": "red"}}, ["s3:PutObject", "s3:PutObjectTagging"])
equal([post({"key": "posted", "tagging": tagging(value)}) for value in ("red", "blue")], [204, 403], "s3:RequestObjectTag of a form")
equal(post({"key": "posted", "tagging": "<Tagging><TagSet/></Tagging>", "x-amz-tagging": "team=red"}), 400, "two sets of tags are refused")

# ---- aws cli ----

if have("aws"):
    aws = {"AWS_ACCESS_KEY_ID": KEYS["alice"][0], "AWS_SECRET_ACCESS_KEY": KEYS["alice"][1], "AWS_DEFAULT_REGION": "us-east-1",
           "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    with open(scratch("policy.json"), "w") as out:
        json.dump({"Version": "2012-10-17", "Statement": statement("Allow", "s3:GetObject", OBJECTS)}, out)

    def cli(*words):
        return run(["aws", "--endpoint-url", server.url, "s3api", *words, "--bucket", "table"], env=aws)

    equal(cli("put-bucket-policy", "--policy", "file://" + scratch("policy.json"))[0], 0, "aws s3api put-bucket-policy")
    check("s3:GetObject" in cli("get-bucket-policy")[1], "aws s3api get-bucket-policy")
    check('"IsPublic": true' in cli("get-bucket-policy-status")[1], "aws s3api get-bucket-policy-status")
    equal(server.request("GET", "/table/key")[0], 200, "and curl reads without a key")
    equal(cli("delete-bucket-policy")[0], 0, "aws s3api delete-bucket-policy")
    check("NoSuchBucketPolicy" in cli("get-bucket-policy")[1], "it is gone")
else:
    skip("aws cli", "not installed")

# ---- Restarts ----

set_policy(statement("Allow", "s3:GetObject", OBJECTS))
check(server.stop(), "the server ends")
data = server.data
server = Server(data=data, args=["--credentials", FILE])
equal(server.request("GET", "/table/key")[0], 200, "a policy outlives a restart")
boss, alice = client(*KEYS["boss"]), client(*KEYS["alice"])
alice.create_bucket(Bucket="short-lived")
set_policy(statement("Allow", "s3:*", ["arn:aws:s3:::short-lived", "arn:aws:s3:::short-lived/*"]), bucket="short-lived")
alice.delete_bucket(Bucket="short-lived")
boss.create_bucket(Bucket="short-lived")
equal(server.request("GET", "/short-lived")[0], 401, "a policy dies with its bucket")
check(server.stop(), "the server ends")
done()
