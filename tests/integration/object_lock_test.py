#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Object Lock with boto3, keys on: configuration, retention in both modes, legal holds, default retention, what they forbid and to
whom, what the right to write is not enough for, uploads and copies with locks, restarts."""
import datetime
import json
import os
import subprocess

from signer import Signer
from sluicetest import ACCESS, SECRET, SLUICE, Server, check, done, equal, scratch, skip

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError
except ImportError:
    skip("object lock", "python3-boto3 is not installed")
    done()

B = "locked"
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
SOON, LATER, PAST = (NOW + datetime.timedelta(days=days) for days in (1, 2, -1))
WRITER, WRITER_SECRET = "WRITER", "writer/secret+key"
LOCKER, LOCKER_SECRET = "LOCKER", "locker/secret+key"


def client_of(server, access=ACCESS, secret=SECRET):
    return boto3.client("s3", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=access,
                        aws_secret_access_key=secret, config=Config(retries={"max_attempts": 0}, signature_version="s3v4"))


def refused(name, code, status, call, **kwargs):
    try:
        call(**kwargs)
    except ClientError as error:
        got = (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
        return equal(got, (code, status), name)
    return check(False, name, "it succeeded")


def retention(s3, key, **kwargs):
    got = s3.get_object_retention(Bucket=B, Key=key, **kwargs)["Retention"]
    return got["Mode"], got["RetainUntilDate"]


def locked_object(s3, key, mode, until, **kwargs):
    return s3.put_object(Bucket=B, Key=key, Body=key.encode(), ObjectLockMode=mode, ObjectLockRetainUntilDate=until,
                         **kwargs)["VersionId"]


def default(mode=None, **period):
    rule = {"Rule": {"DefaultRetention": {"Mode": mode, **period}}} if mode else {}
    return {"ObjectLockEnabled": "Enabled", **rule}


def configuration(s3):
    s3.create_bucket(Bucket=B, ObjectLockEnabledForBucket=True)
    equal(s3.get_bucket_versioning(Bucket=B)["Status"], "Enabled", "a bucket made with object lock has versioning")
    equal(s3.get_object_lock_configuration(Bucket=B)["ObjectLockConfiguration"], default(), "and the configuration")
    refused("versioning cannot be suspended", "InvalidBucketState", 409, s3.put_bucket_versioning, Bucket=B,
            VersioningConfiguration={"Status": "Suspended"})
    s3.put_bucket_versioning(Bucket=B, VersioningConfiguration={"Status": "Enabled"})

    s3.create_bucket(Bucket="plain")
    refused("a bucket has none by itself", "ObjectLockConfigurationNotFoundError", 404, s3.get_object_lock_configuration,
            Bucket="plain")
    put = s3.put_object_lock_configuration
    refused("object lock needs versioning", "InvalidBucketState", 409, put, Bucket="plain", ObjectLockConfiguration=default())
    s3.put_object(Bucket="plain", Key="k", Body=b"")
    refused("no retention without it", "InvalidRequest", 400, s3.get_object_retention, Bucket="plain", Key="k")
    refused("no retention can be put", "InvalidRequest", 400, s3.put_object_retention, Bucket="plain", Key="k",
            Retention={"Mode": "GOVERNANCE", "RetainUntilDate": SOON})
    refused("no legal hold without it", "InvalidRequest", 400, s3.get_object_legal_hold, Bucket="plain", Key="k")
    refused("no legal hold can be put", "InvalidRequest", 400, s3.put_object_legal_hold, Bucket="plain", Key="k",
            LegalHold={"Status": "ON"})
    refused("nor come with an object", "InvalidRequest", 400, s3.put_object, Bucket="plain", Key="k", ObjectLockLegalHoldStatus="ON")
    s3.put_bucket_versioning(Bucket="plain", VersioningConfiguration={"Status": "Enabled"})
    put(Bucket="plain", ObjectLockConfiguration=default("COMPLIANCE", Years=2))
    equal(s3.get_object_lock_configuration(Bucket="plain")["ObjectLockConfiguration"], default("COMPLIANCE", Years=2),
          "with versioning it can be added")
    put(Bucket="plain", ObjectLockConfiguration=default())
    equal(s3.get_object_lock_configuration(Bucket="plain")["ObjectLockConfiguration"], default(), "a rule can be removed")

    for name, code, rule in (
            ("zero days", "InvalidArgument", default("GOVERNANCE", Days=0)),
            ("too many days", "InvalidArgument", default("GOVERNANCE", Days=36501)),
            ("too many years", "InvalidArgument", default("GOVERNANCE", Years=101)),
            ("days and years", "MalformedXML", default("GOVERNANCE", Days=1, Years=1)),
            ("no period", "MalformedXML", default("GOVERNANCE")),
            ("an unknown mode", "MalformedXML", default("governance", Days=1)),
            ("another word for enabled", "MalformedXML", {"ObjectLockEnabled": "Disabled"}),
            ("nothing", "MalformedXML", {})):
        refused(f"a configuration with {name}", code, 400, put, Bucket=B, ObjectLockConfiguration=rule)


def governance(s3, writer):
    version = locked_object(s3, "g", "GOVERNANCE", SOON)
    equal(retention(s3, "g"), ("GOVERNANCE", SOON), "retention comes with a put")
    head = s3.head_object(Bucket=B, Key="g")
    equal((head["ObjectLockMode"], head["ObjectLockRetainUntilDate"]), ("GOVERNANCE", SOON), "and is told by HEAD")
    refused("the version cannot be deleted", "AccessDenied", 403, s3.delete_object, Bucket=B, Key="g", VersionId=version)
    many = s3.delete_objects(Bucket=B, Delete={"Objects": [{"Key": "g", "VersionId": version}]})
    equal([(e["Code"], e["VersionId"]) for e in many["Errors"]], [("AccessDenied", version)], "nor among many")
    equal(s3.delete_object(Bucket=B, Key="g")["DeleteMarker"], True, "the key can: a marker takes nothing away")
    equal(s3.get_object(Bucket=B, Key="g", VersionId=version)["Body"].read(), b"g", "the version is there")
    later = {"Mode": "GOVERNANCE", "RetainUntilDate": LATER}
    s3.put_object_retention(Bucket=B, Key="g", VersionId=version, Retention=later)
    equal(retention(s3, "g", VersionId=version), ("GOVERNANCE", LATER), "it can be made longer")
    for name, value in (("shorter", {"Mode": "GOVERNANCE", "RetainUntilDate": SOON}), ("stricter", {**later, "Mode": "COMPLIANCE"}),
                        ("none", {})):
        refused(f"but not {name} without bypassing", "AccessDenied", 403, s3.put_object_retention, Bucket=B, Key="g",
                VersionId=version, Retention=value)
    refused("who may only write may not bypass", "AccessDenied", 403, writer.delete_object, Bucket=B, Key="g", VersionId=version,
            BypassGovernanceRetention=True)
    refused("in no way", "AccessDenied", 403, writer.put_object_retention, Bucket=B, Key="g", VersionId=version, Retention={},
            BypassGovernanceRetention=True)
    many = writer.delete_objects(Bucket=B, BypassGovernanceRetention=True, Delete={"Objects": [{"Key": "g", "VersionId": version}]})
    equal([e["Code"] for e in many.get("Errors", [])], ["AccessDenied"], "nor among many")
    s3.put_object_retention(Bucket=B, Key="g", VersionId=version, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": SOON},
                            BypassGovernanceRetention=True)
    equal(retention(s3, "g", VersionId=version), ("GOVERNANCE", SOON), "an administrator may shorten it")
    answer = s3.delete_object(Bucket=B, Key="g", VersionId=version, BypassGovernanceRetention=True)
    equal(answer["VersionId"], version, "and delete")


def compliance(s3):
    version = locked_object(s3, "c", "COMPLIANCE", SOON)
    for name, kwargs in (("", {}), (", bypassing", {"BypassGovernanceRetention": True})):
        refused(f"compliance: no delete{name}", "AccessDenied", 403, s3.delete_object, Bucket=B, Key="c", VersionId=version, **kwargs)
        refused(f"no shorter time{name}", "AccessDenied", 403, s3.put_object_retention, Bucket=B, Key="c",
                Retention={"Mode": "COMPLIANCE", "RetainUntilDate": SOON - datetime.timedelta(hours=1)}, **kwargs)
        refused(f"no weaker mode{name}", "AccessDenied", 403, s3.put_object_retention, Bucket=B, Key="c",
                Retention={"Mode": "GOVERNANCE", "RetainUntilDate": LATER}, **kwargs)
    s3.put_object_retention(Bucket=B, Key="c", Retention={"Mode": "COMPLIANCE", "RetainUntilDate": LATER})
    equal(retention(s3, "c"), ("COMPLIANCE", LATER), "only longer")
    s3.put_object(Bucket=B, Key="c", Body=b"another")
    refused("a newer version has a lock of its own", "NoSuchObjectLockConfiguration", 404, s3.get_object_retention, Bucket=B, Key="c")
    equal(retention(s3, "c", VersionId=version), ("COMPLIANCE", LATER), "the older one keeps its")
    refused("the bucket stays", "BucketNotEmpty", 409, s3.delete_bucket, Bucket=B)


def legal_hold(s3):
    version = s3.put_object(Bucket=B, Key="h", Body=b"h", ObjectLockLegalHoldStatus="ON")["VersionId"]
    equal(s3.get_object_legal_hold(Bucket=B, Key="h")["LegalHold"]["Status"], "ON", "a legal hold comes with a put")
    equal(s3.get_object(Bucket=B, Key="h")["ObjectLockLegalHoldStatus"], "ON", "and is told by GET")
    refused("there is no retention", "NoSuchObjectLockConfiguration", 404, s3.get_object_retention, Bucket=B, Key="h")
    refused("nobody bypasses a hold", "AccessDenied", 403, s3.delete_object, Bucket=B, Key="h", VersionId=version,
            BypassGovernanceRetention=True)
    answer = s3.put_object_legal_hold(Bucket=B, Key="h", VersionId=version, LegalHold={"Status": "OFF"})
    equal(answer["ResponseMetadata"]["HTTPStatusCode"], 200, "it is lifted")
    equal(s3.get_object_legal_hold(Bucket=B, Key="h", VersionId=version)["LegalHold"]["Status"], "OFF", "off")
    equal(s3.head_object(Bucket=B, Key="h")["ObjectLockLegalHoldStatus"], "OFF", "and HEAD tells that, too")
    s3.put_object(Bucket=B, Key="never held", Body=b"n", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=SOON)
    refused("what never had a hold has none", "NoSuchObjectLockConfiguration", 404, s3.get_object_legal_hold, Bucket=B, Key="never held")
    check("ObjectLockLegalHoldStatus" not in s3.head_object(Bucket=B, Key="never held"), "and HEAD does not speak of it")
    s3.put_object(Bucket=B, Key="said off", Body=b"o", ObjectLockLegalHoldStatus="OFF")
    equal(s3.get_object_legal_hold(Bucket=B, Key="said off")["LegalHold"]["Status"], "OFF", "a put may say that there is none")
    equal(s3.get_object(Bucket=B, Key="said off")["ObjectLockLegalHoldStatus"], "OFF", "and GET tells so")
    s3.delete_object(Bucket=B, Key="h", VersionId=version)
    refused("an unknown status", "MalformedXML", 400, s3.put_object_legal_hold, Bucket=B, Key="c", LegalHold={"Status": "on"})
    marker = s3.delete_object(Bucket=B, Key="h")["VersionId"]
    refused("a marker cannot be held", "MethodNotAllowed", 405, s3.put_object_legal_hold, Bucket=B, Key="h", VersionId=marker,
            LegalHold={"Status": "ON"})
    refused("nor what is not there", "NoSuchKey", 404, s3.put_object_legal_hold, Bucket=B, Key="never", LegalHold={"Status": "ON"})
    refused("nor an unknown version", "NoSuchVersion", 404, s3.get_object_legal_hold, Bucket=B, Key="h", VersionId="f" * 32)
    s3.delete_object(Bucket=B, Key="h", VersionId=marker)
    check(True, "a marker itself is never locked")


def writer_protects_only(server, s3, writer, locker):
    """Who may write may hold and lock, but neither lift a hold, nor bypass a retention, nor lock for good."""
    version = writer.put_object(Bucket=B, Key="w", Body=b"w", ObjectLockLegalHoldStatus="ON", ObjectLockMode="GOVERNANCE",
                                ObjectLockRetainUntilDate=SOON)["VersionId"]
    writer.put_object_legal_hold(Bucket=B, Key="w", LegalHold={"Status": "ON"})
    writer.put_object_retention(Bucket=B, Key="w", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": LATER})
    equal(retention(s3, "w"), ("GOVERNANCE", LATER), "who may write may protect")
    compliance, lift = {"Mode": "COMPLIANCE", "RetainUntilDate": LATER}, {"Status": "OFF"}
    header = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": LATER}
    ways = [
        ("lift a hold", "put_object_legal_hold", {"LegalHold": lift}),
        ("lift a version's hold", "put_object_legal_hold", {"LegalHold": lift, "VersionId": version}),
        ("shorten a retention", "put_object_retention", {"Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": SOON}}),
        ("shorten it by bypassing", "put_object_retention", {"Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": SOON}, "BypassGovernanceRetention": True}),
        ("take it away", "put_object_retention", {"Retention": {}, "BypassGovernanceRetention": True}),
        ("delete by bypassing", "delete_object", {"VersionId": version, "BypassGovernanceRetention": True}),
        ("make it compliance", "put_object_retention", {"Retention": compliance, "BypassGovernanceRetention": True}),
        ("put with compliance", "put_object", {"Body": b"x", **header}),
        ("copy with compliance", "copy_object", {"CopySource": {"Bucket": B, "Key": "w"}, **header}),
        ("begin an upload with compliance", "create_multipart_upload", header)]
    for name, call, kwargs in ways:
        refused(f"who may only write may not {name}", "AccessDenied", 403, getattr(writer, call), Bucket=B, Key="w", **kwargs)
    writer.put_object(Bucket=B, Key="w2", Body=b"w2")
    refused("who may only write may not put compliance on what is free", "AccessDenied", 403, writer.put_object_retention, Bucket=B, Key="w2",
            Retention=compliance)
    equal(post_form(server, writer, "w3", **{"x-amz-object-lock-mode": "COMPLIANCE",
                                             "x-amz-object-lock-retain-until-date": LATER.strftime("%Y-%m-%dT%H:%M:%SZ")}), 403,
          "nor post a form with compliance")
    equal(post_form(server, writer, "w3", **{"x-amz-object-lock-legal-hold": "ON"}), 204, "but one with a hold")
    many = writer.delete_objects(Bucket=B, BypassGovernanceRetention=True, Delete={"Objects": [{"Key": "w", "VersionId": version}]})
    equal([error["Code"] for error in many.get("Errors", [])], ["AccessDenied"], "nor bypass among many")
    equal((retention(s3, "w"), s3.get_object_legal_hold(Bucket=B, Key="w")["LegalHold"]["Status"]), (("GOVERNANCE", LATER), "ON"),
          "nothing of that was done")

    statement = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam:::user/writer"}, "Action": "s3:PutObjectLegalHold",
                 "Resource": f"arn:aws:s3:::{B}/*"}
    s3.put_bucket_policy(Bucket=B, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    writer.put_object_legal_hold(Bucket=B, Key="w", LegalHold=lift)
    check(True, "a policy may give the right to a hold, as ever")
    s3.delete_bucket_policy(Bucket=B)

    locker.put_object_legal_hold(Bucket=B, Key="w", LegalHold={"Status": "ON"})
    locker.put_object_legal_hold(Bucket=B, Key="w", LegalHold=lift)
    locker.put_object_retention(Bucket=B, Key="w", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": SOON}, BypassGovernanceRetention=True)
    equal(retention(s3, "w"), ("GOVERNANCE", SOON), "a key with lock lifts holds and shortens")
    locker.delete_object(Bucket=B, Key="w", VersionId=version, BypassGovernanceRetention=True)
    locker.put_object(Bucket=B, Key="w", Body=b"x", **header)
    locker.copy_object(Bucket=B, Key="w4", CopySource={"Bucket": B, "Key": "w"}, **header)
    equal(retention(s3, "w4"), ("COMPLIANCE", LATER), "deletes by bypassing, and locks for good")


def bad_input(s3):
    for name, kwargs in (("a mode without a date", {"ObjectLockMode": "GOVERNANCE"}),
                         ("a date without a mode", {"ObjectLockRetainUntilDate": SOON}),
                         ("a date in the past", {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": PAST}),
                         ("an unknown mode", {"ObjectLockMode": "STRICT", "ObjectLockRetainUntilDate": SOON}),
                         ("an unknown hold", {"ObjectLockLegalHoldStatus": "MAYBE"})):
        refused(f"{name} is refused", "InvalidArgument", 400, s3.put_object, Bucket=B, Key="bad", Body=b"x", **kwargs)
    refused("nothing was stored", "NoSuchKey", 404, s3.get_object, Bucket=B, Key="bad")
    put = s3.put_object_retention
    refused("retention in the past", "InvalidArgument", 400, put, Bucket=B, Key="c", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": PAST})
    refused("retention without a date", "MalformedXML", 400, put, Bucket=B, Key="c", Retention={"Mode": "GOVERNANCE"})
    refused("retention in no known mode", "MalformedXML", 400, put, Bucket=B, Key="c",
            Retention={"Mode": "STRICT", "RetainUntilDate": SOON})


def post_form(server, s3, key, **fields):
    """An upload as a browser's form sends it: the status."""
    form = s3.generate_presigned_post(B, key, fields, [{name: value} for name, value in fields.items()])
    parts = [f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in form["fields"].items()]
    parts.append('--edge\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nform\r\n--edge--\r\n')
    status, _, text = server.request("POST", f"/{B}", "".join(parts).encode(), {"Content-Type": "multipart/form-data; boundary=edge"})
    if status not in (204, 403):
        print(text[:300])
    return status


def ways_in(server, s3):
    """Default retention, and locks on uploads and copies."""
    until = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": LATER}

    def upload(**kwargs):
        upload_id = s3.create_multipart_upload(Bucket=B, Key="mp", **kwargs)["UploadId"]
        etag = s3.upload_part(Bucket=B, Key="mp", UploadId=upload_id, PartNumber=1, Body=b"part")["ETag"]
        s3.complete_multipart_upload(Bucket=B, Key="mp", UploadId=upload_id,
                                     MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})

    upload(**until, ObjectLockLegalHoldStatus="ON")
    equal(retention(s3, "mp"), ("GOVERNANCE", LATER), "an upload's lock is the object's")
    equal(s3.get_object_legal_hold(Bucket=B, Key="mp")["LegalHold"]["Status"], "ON", "and so is its hold")
    s3.copy_object(Bucket=B, Key="copy", CopySource={"Bucket": B, "Key": "mp"})
    refused("a copy does not take a lock along", "NoSuchObjectLockConfiguration", 404, s3.get_object_retention, Bucket=B, Key="copy")
    s3.copy_object(Bucket=B, Key="copy", CopySource={"Bucket": B, "Key": "mp"}, **until)
    equal(retention(s3, "copy"), ("GOVERNANCE", LATER), "but may have one of its own")

    for key in ("grows", "moves"):
        s3.put_object(Bucket=B, Key=key, Body=b"free")
    s3.put_object_lock_configuration(Bucket=B, ObjectLockConfiguration=default("GOVERNANCE", Days=10))
    for method, path, body, headers in (("PUT", f"/{B}/grows", b"more", {"x-amz-write-offset-bytes": "4"}),
                                        ("PUT", f"/{B}/moved?renameObject", None, {"x-amz-rename-source": f"/{B}/moves"})):
        plain, _, query = path.partition("?")
        sign = Signer(ACCESS, SECRET).headers(method, plain, f"{server.host}:{server.port}", "UNSIGNED-PAYLOAD", headers, query)
        equal(server.request(method, path, body, sign)[0], 200, f"{path} without a lock")
    s3.put_object(Bucket=B, Key="default", Body=b"x")
    s3.copy_object(Bucket=B, Key="default-copy", CopySource={"Bucket": B, "Key": "default"})
    upload()
    equal(post_form(server, s3, "form"), 204, "a form is posted")
    ten = NOW + datetime.timedelta(days=10)
    for key in ("default", "default-copy", "mp", "form", "grows", "moved"):
        mode, date = retention(s3, key)
        check(mode == "GOVERNANCE" and ten <= date <= ten + datetime.timedelta(minutes=10), f"default retention: {key}", f"{mode} {date}")
    upload(ObjectLockLegalHoldStatus="ON")
    check(retention(s3, "mp")[1] >= ten, "a hold of an upload's own leaves it the default retention")
    equal(s3.get_object_legal_hold(Bucket=B, Key="mp")["LegalHold"]["Status"], "ON", "and the hold is there")
    locked_object(s3, "own", "COMPLIANCE", SOON)
    equal(retention(s3, "own"), ("COMPLIANCE", SOON), "a lock of its own comes before the default")
    version = s3.head_object(Bucket=B, Key="default")["VersionId"]
    refused("a default retention protects", "AccessDenied", 403, s3.delete_object, Bucket=B, Key="default", VersionId=version)
    s3.put_object_lock_configuration(Bucket=B, ObjectLockConfiguration=default("COMPLIANCE", Years=1))
    s3.put_object(Bucket=B, Key="year", Body=b"x")
    mode, date = retention(s3, "year")
    check(mode == "COMPLIANCE" and 364 < (date - NOW).days < 367, "in years too", f"{mode} {date}")
    s3.put_object_lock_configuration(Bucket=B, ObjectLockConfiguration=default())
    s3.put_object(Bucket=B, Key="free", Body=b"x")
    refused("without a rule nothing is locked", "NoSuchObjectLockConfiguration", 404, s3.get_object_retention, Bucket=B, Key="free")


def main():
    credentials = scratch("credentials")
    with open(credentials, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(f"key {ACCESS} {SECRET} *=all\nkey {WRITER} {WRITER_SECRET} owner:writer *=read,write,list\n"
                   f"key {LOCKER} {LOCKER_SECRET} *=read,write,list,lock\n")
    server = Server(args=["--credentials", credentials])
    s3, writer, locker = client_of(server), client_of(server, WRITER, WRITER_SECRET), client_of(server, LOCKER, LOCKER_SECRET)
    configuration(s3)
    governance(s3, writer)
    compliance(s3)
    legal_hold(s3)
    writer_protects_only(server, s3, writer, locker)
    bad_input(s3)
    ways_in(server, s3)
    check(server.stop(), "the server stops")
    result = subprocess.run([SLUICE, "check", "--data", server.data], capture_output=True, text=True)
    equal(result.returncode, 0, "sluice check finds nothing")
    again = Server(server.data, args=["--credentials", credentials])
    s3 = client_of(again)
    equal(retention(s3, "own"), ("COMPLIANCE", SOON), "locks outlive a restart")
    version = s3.head_object(Bucket=B, Key="own")["VersionId"]
    refused("and forbid what they forbade", "AccessDenied", 403, s3.delete_object, Bucket=B, Key="own", VersionId=version,
            BypassGovernanceRetention=True)
    check(again.stop(), "the second server stops")
    done()


main()
