#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sluice mirror: what a server's buckets have, and another then has too: versions and delete markers in their order, metadata, tags, locks, settings, ETags."""
import datetime
import hashlib
import json
import os
import subprocess

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from sluicetest import ACCESS, SECRET, SLUICE, TLS, Server, check, content_md5, done, equal, scratch, trusting

source, target = Server(keys=True), Server(env={"SLUICE_ACCESS_KEY": "OTHERKEY", "SLUICE_SECRET_KEY": "othersecret"})
os.makedirs(scratch(".aws"), exist_ok=True)
with open(scratch(".aws/credentials"), "w") as file:
    file.write(f"[one]\naws_access_key_id = {ACCESS}\naws_secret_access_key = {SECRET}\n[two]\naws_access_key_id = OTHERKEY\naws_secret_access_key = othersecret\n")
environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SLUICE_"))}
environment.update(trusting, HOME=scratch(), LC_ALL="C.UTF-8")


def mirror(*words, start=source.url, end=target.url):
    result = subprocess.run([SLUICE, "mirror", start, end, "--from-profile", "one", "--profile", "two", *words], env=environment, capture_output=True,
                            text=True, timeout=120, stdin=subprocess.DEVNULL)
    if result.returncode:
        print("#", result.returncode, result.stderr[:600], flush=True)
    return result.returncode, result.stdout, result.stderr


def client(server, access, secret):
    return boto3.client("s3", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=access, aws_secret_access_key=secret,
                        config=Config(retries={"max_attempts": 0}))


old, new = client(source, ACCESS, SECRET), client(target, "OTHERKEY", "othersecret")

# ---- What is to be copied ---------------------------------------------------------------------------------------------------

old.create_bucket(Bucket="plain")
old.put_object(Bucket="plain", Key="rich ünï", Body=b"rich", ContentType="text/x-rich", ContentDisposition="inline", Metadata={"colour": "red"},
               Tagging="a%20b=c%2Bd%3D&e=")
old.put_object(Bucket="plain", Key="empty", Body=b"")
body = os.urandom(300000)
old.put_object(Bucket="plain", Key="whole", Body=body, ContentMD5=content_md5(body)["Content-MD5"])
body = os.urandom(9 << 20)
old.put_object(Bucket="plain", Key="whole and large", Body=body, ContentMD5=content_md5(body)["Content-MD5"])
for key, sizes in (("parts", (6 << 20, 6 << 20, 1000)), ("small parts", (5 << 20, 1000))):
    upload = old.create_multipart_upload(Bucket="plain", Key=key, ContentType="x/parts")["UploadId"]
    etags = []
    for number, size in enumerate(sizes, 1):
        part = os.urandom(size)
        etags.append({"PartNumber": number, "ETag": old.upload_part(Bucket="plain", Key=key, UploadId=upload, PartNumber=number, Body=part,
                                                                    ContentMD5=content_md5(part)["Content-MD5"])["ETag"]})
    old.complete_multipart_upload(Bucket="plain", Key=key, UploadId=upload, MultipartUpload={"Parts": etags})
cors = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://x.example"]}]}
old.put_bucket_cors(Bucket="plain", CORSConfiguration=cors)
old.put_bucket_tagging(Bucket="plain", Tagging={"TagSet": [{"Key": "team", "Value": "ci"}]})
lifecycle = {"Rules": [{"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 30}}]}
old.put_bucket_lifecycle_configuration(Bucket="plain", LifecycleConfiguration=lifecycle)
policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::plain/public/*"}]}
old.put_bucket_policy(Bucket="plain", Policy=json.dumps(policy))

old.create_bucket(Bucket="versions")
old.put_object(Bucket="versions", Key="older-than-versioning", Body=b"null version")
old.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
for text in (b"one", b"two"):
    old.put_object(Bucket="versions", Key="k", Body=text, Metadata={"n": text.decode()})
old.delete_object(Bucket="versions", Key="k")
old.put_object(Bucket="versions", Key="k", Body=b"three")
old.put_object(Bucket="versions", Key="gone", Body=b"x")
old.delete_object(Bucket="versions", Key="gone")
old.put_object(Bucket="versions", Key="older-than-versioning", Body=b"newer")

old.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
until = datetime.datetime(2099, 1, 1, tzinfo=datetime.timezone.utc)
old.put_object(Bucket="locked", Key="held", Body=b"held", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until, ObjectLockLegalHoldStatus="ON",
               ContentMD5=content_md5(b"held")["Content-MD5"])
old.put_object_lock_configuration(Bucket="locked", ObjectLockConfiguration={
    "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}})
old.create_bucket(Bucket="paused")
old.put_bucket_versioning(Bucket="paused", VersioningConfiguration={"Status": "Enabled"})
old.put_object(Bucket="paused", Key="k", Body=b"1")
old.put_object(Bucket="paused", Key="k", Body=b"2")
old.put_bucket_versioning(Bucket="paused", VersioningConfiguration={"Status": "Suspended"})


def versions(api, bucket):
    """Of each key, the newest first: what the listing says and what an object is."""
    found = {}
    for page in api.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for row in page.get("Versions", []) + page.get("DeleteMarkers", []):
            found.setdefault(row["Key"], []).append(row)
    result = {}
    for key, rows in found.items():
        rows.sort(key=lambda row: (not row["IsLatest"], -row["LastModified"].timestamp()))
        result[key] = []
        for row in rows:
            if "ETag" not in row:
                result[key].append("marker")
                continue
            got = api.get_object(Bucket=bucket, Key=key, VersionId=row["VersionId"])
            tags = api.get_object_tagging(Bucket=bucket, Key=key, VersionId=row["VersionId"])["TagSet"]
            result[key].append((row["ETag"], hashlib.sha256(got["Body"].read()).hexdigest(), got["ContentType"], got.get("ContentDisposition"), got["Metadata"],
                                sorted((tag["Key"], tag["Value"]) for tag in tags), got.get("ObjectLockMode"), str(got.get("ObjectLockRetainUntilDate")),
                                got.get("ObjectLockLegalHoldStatus")))
    return result


def ordered(api, bucket, key):
    """Bodies of the versions in the server's own order, which is by time and not by second."""
    page = api.list_object_versions(Bucket=bucket, Prefix=key)
    return [api.get_object(Bucket=bucket, Key=key, VersionId=row["VersionId"])["Body"].read() for row in page.get("Versions", []) if row["Key"] == key]


# ---- Copied -------------------------------------------------------------------------------------------------------------------

code, said, _ = mirror("--dry-run")
check(code == 0 and "would be copied" in said, "--dry-run says what would come", said[:300])
equal([bucket["Name"] for bucket in new.list_buckets()["Buckets"]], [], "and makes nothing")
code, said, told = mirror()
equal(code, 0, "all buckets are copied")
check("version ids are the target's" in told, "and what cannot be kept is said")
equal([bucket["Name"] for bucket in new.list_buckets()["Buckets"]], ["locked", "paused", "plain", "versions"], "they are there")
for bucket in ("plain", "locked", "paused"):
    equal(versions(new, bucket), versions(old, bucket), f"{bucket}: every version: bytes, ETag, metadata, tags, locks")
check(versions(new, "plain")["parts"][0][0].endswith('-3"'), "what came in parts is in the same parts")
for key in ("k", "older-than-versioning", "gone"):
    equal(ordered(new, "versions", key), ordered(old, "versions", key), f"versions: those of {key} are in their order")
equal(sorted(versions(new, "versions")["gone"], key=str), sorted(versions(old, "versions")["gone"], key=str), "with delete markers")
equal(new.get_object(Bucket="versions", Key="k")["Body"].read(), b"three", "the current one is current")
try:
    new.head_object(Bucket="versions", Key="gone")
    check(False, "what is deleted is deleted")
except ClientError as error:
    equal(error.response["Error"]["Code"], "404", "what is deleted is deleted")
equal([new.get_bucket_versioning(Bucket=name).get("Status") for name in ("plain", "versions", "paused", "locked")], [None, "Enabled", "Suspended", "Enabled"],
      "versioning is as it was")
equal(new.get_bucket_cors(Bucket="plain")["CORSRules"], old.get_bucket_cors(Bucket="plain")["CORSRules"], "CORS")
equal(new.get_bucket_tagging(Bucket="plain")["TagSet"], [{"Key": "team", "Value": "ci"}], "tags of the bucket")
equal(new.get_bucket_lifecycle_configuration(Bucket="plain")["Rules"], old.get_bucket_lifecycle_configuration(Bucket="plain")["Rules"], "lifecycle")
equal(json.loads(new.get_bucket_policy(Bucket="plain")["Policy"]), policy, "policy")
equal(new.get_object_lock_configuration(Bucket="locked")["ObjectLockConfiguration"], old.get_object_lock_configuration(Bucket="locked")["ObjectLockConfiguration"],
      "lock configuration")

# ---- Again, and further ---------------------------------------------------------------------------------------------------------

before = {bucket: versions(new, bucket) for bucket in ("plain", "versions", "paused", "locked")}
code, said, _ = mirror()
equal((code, said), (0, ""), "a second run has nothing to do")
equal({bucket: versions(new, bucket) for bucket in before}, before, "and changes nothing")
old.put_object(Bucket="plain", Key="whole", Body=b"other bytes")
old.put_object(Bucket="versions", Key="k", Body=b"four")
old.delete_object(Bucket="versions", Key="k")
code, said, _ = mirror("--json")
equal(sorted((row["to"]["bucket"], row["to"]["key"], row.get("versions")) for row in map(json.loads, said.splitlines())),
      [("plain", "whole", None), ("versions", "k", 2)], "what has come since comes")
equal((new.get_object(Bucket="plain", Key="whole")["Body"].read(), ordered(new, "versions", "k")[0]), (b"other bytes", b"four"), "as it is")
new.put_object(Bucket="versions", Key="k", Body=b"somebody else's")
code, _, said = mirror()
check(code == 1 and "has other versions" in said, "a key that has gone its own way is left alone, and named", said)
code, _, _ = mirror(start=f"{source.url}/plain", end=f"{target.url}/renamed")
check(code == 1, "a policy that names another bucket is not taken over, and named")
equal(sorted(versions(new, "renamed")), sorted(versions(old, "plain")), "a bucket under another name has its objects")
code, _, said = mirror(end=source.url)
equal(code, 4, "the other's key is none here")
result = subprocess.run([SLUICE, "mirror", "--profile", "one", source.url, source.url], env=environment, capture_output=True, text=True)
equal(result.returncode, 2, "a server is no mirror of itself")
if TLS:
    print("# by HTTPS")
done()
