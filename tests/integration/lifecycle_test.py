#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lifecycle rules with boto3: the configuration, x-amz-expiration, and the sweep, whose days last a second here."""
import datetime
import email.utils
import time

from sluicetest import ACCESS, SECRET, Server, check, done, equal, skip

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError
except ImportError:
    skip("lifecycle", "python3-boto3 is not installed")
    done()

BUCKET = "lifecycle"
UTC = datetime.timezone.utc


def client_of(server):
    return boto3.client("s3", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=ACCESS, aws_secret_access_key=SECRET,
                        config=Config(retries={"max_attempts": 0}))


def put_rules(s3, *rules):
    return s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": list(rules)})


def rule(name, **parts):
    return {"ID": name, "Status": "Enabled", "Filter": {}, **parts}


def refused(name, code, status, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except ClientError as error:
        got = (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
        return equal(got, (code, status), name)
    return check(False, name, "it succeeded")


def keys_of(s3):
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def eventually(want, read, name, seconds=120):
    deadline = time.monotonic() + seconds
    got = read()
    while got != want and time.monotonic() < deadline:
        time.sleep(0.1)
        got = read()
    return equal(got, want, name)


def configuration(s3):
    refused("a bucket without rules", "NoSuchLifecycleConfiguration", 404, s3.get_bucket_lifecycle_configuration, Bucket=BUCKET)
    rules = [
        rule("by prefix", Filter={"Prefix": "logs/"}, Expiration={"Days": 30}, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 7}),
        rule("by tag", Filter={"Tag": {"Key": "tmp", "Value": "yes"}}, Expiration={"Date": datetime.datetime(2030, 1, 31, tzinfo=UTC)}),
        rule("by all", Status="Disabled", Expiration={"Days": 1},
             Filter={"And": {"Prefix": "a", "Tags": [{"Key": "x", "Value": "y"}], "ObjectSizeGreaterThan": 1, "ObjectSizeLessThan": 9}}),
        rule("versions", NoncurrentVersionExpiration={"NoncurrentDays": 5, "NewerNoncurrentVersions": 3},
             Expiration={"ExpiredObjectDeleteMarker": True}),
    ]
    answer = put_rules(s3, *rules)
    equal(answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-transition-default-minimum-object-size"), "all_storage_classes_128K",
          "the header that Terraform waits for")
    equal(s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"], rules, "rules come back as they were put")
    old = {"ID": "old", "Status": "Enabled", "Prefix": "old/", "Expiration": {"Days": 1}}
    put_rules(s3, old)
    equal(s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"], [old], "also in the old form")
    refused("no action", "InvalidRequest", 400, put_rules, s3, rule("x"))
    refused("no days", "InvalidArgument", 400, put_rules, s3, rule("x", Expiration={"Days": 0}))
    refused("a date that is no midnight", "InvalidArgument", 400, put_rules, s3,
            rule("x", Expiration={"Date": datetime.datetime(2030, 1, 31, 1, tzinfo=UTC)}))
    refused("one name twice", "InvalidArgument", 400, put_rules, s3, *[rule("x", Expiration={"Days": 1})] * 2)
    refused("a name too long", "InvalidArgument", 400, put_rules, s3, rule("x" * 256, Expiration={"Days": 1}))
    refused("days and a date", "MalformedXML", 400, put_rules, s3,
            rule("x", Expiration={"Days": 1, "Date": datetime.datetime(2030, 1, 31, tzinfo=UTC)}))
    refused("an unknown status", "MalformedXML", 400, put_rules, s3, rule("x", Status="enabled", Expiration={"Days": 1}))
    refused("a transition", "NotImplemented", 501, put_rules, s3, rule("x", Transitions=[{"Days": 1, "StorageClass": "GLACIER"}]))
    equal(s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"], [old], "what is refused changes nothing")
    equal(s3.delete_bucket_lifecycle(Bucket=BUCKET)["ResponseMetadata"]["HTTPStatusCode"], 204, "rules are deleted")
    refused("then there are none", "NoSuchLifecycleConfiguration", 404, s3.get_bucket_lifecycle_configuration, Bucket=BUCKET)


def expiration_of(answer):
    """The day and the rule that x-amz-expiration tells."""
    text = answer.get("Expiration")
    if text is None:
        return None
    date = email.utils.parsedate_to_datetime(text.split('expiry-date="')[1].split('"')[0])
    return date, text.split('rule-id="')[1].split('"')[0]


def header(s3):
    put_rules(s3, rule("a rule & more", Filter={"Prefix": "logs/"}, Expiration={"Days": 3}),
              rule("later", Expiration={"Days": 30}),
              rule("tagged", Filter={"Tag": {"Key": "tmp", "Value": "1"}}, Expiration={"Days": 1}))
    put = s3.put_object(Bucket=BUCKET, Key="logs/x", Body=b"x")
    modified = s3.head_object(Bucket=BUCKET, Key="logs/x")["LastModified"]
    midnight = modified.replace(hour=0, minute=0, second=0, microsecond=0)
    def due(days):
        return midnight + datetime.timedelta(days=days + 1)
    want = (due(3), "a%20rule%20%26%20more")
    equal([expiration_of(answer) for answer in (put, s3.get_object(Bucket=BUCKET, Key="logs/x"), s3.head_object(Bucket=BUCKET, Key="logs/x"))],
          [want] * 3, "PUT, GET and HEAD tell when the first rule takes it")
    equal(expiration_of(s3.put_object(Bucket=BUCKET, Key="logs/x", Body=b"x", Tagging="tmp=1")), (due(1), "tagged"), "tags count")
    s3.delete_object_tagging(Bucket=BUCKET, Key="logs/x")
    equal(expiration_of(s3.head_object(Bucket=BUCKET, Key="logs/x")), want, "and when they go as well")
    copy = s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=f"{BUCKET}/logs/x")
    equal(expiration_of(copy), (due(30), "later"), "so does a copy")
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="logs/mp")["UploadId"]
    part = s3.upload_part(Bucket=BUCKET, Key="logs/mp", UploadId=upload, PartNumber=1, Body=b"x")
    complete = s3.complete_multipart_upload(Bucket=BUCKET, Key="logs/mp", UploadId=upload,
                                            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    equal(expiration_of(complete), want, "and a multipart upload")
    s3.delete_bucket_lifecycle(Bucket=BUCKET)
    equal(expiration_of(s3.head_object(Bucket=BUCKET, Key="logs/x")), None, "without rules nothing is told")


def sweep(server):
    s3 = client_of(server)
    for key in ("logs/a", "logs/b", "keep", "tagged", "big", "small"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x" * (100 if key == "big" else 1), Tagging="tmp=1" if key == "tagged" else "")
    s3.create_multipart_upload(Bucket=BUCKET, Key="stale")
    put_rules(s3, rule("logs", Filter={"Prefix": "logs/"}, Expiration={"Days": 1}),
              rule("tagged", Filter={"Tag": {"Key": "tmp", "Value": "1"}}, Expiration={"Days": 1}),
              rule("big", Filter={"ObjectSizeGreaterThan": 50}, Expiration={"Date": datetime.datetime(2020, 1, 1, tzinfo=UTC)}),
              rule("far", Filter={"Prefix": "keep"}, Expiration={"Days": 1000000}),
              rule("uploads", AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1}))
    eventually(["keep", "small"], lambda: keys_of(s3), "what is due goes, all else stays")
    eventually([], lambda: s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []), "a stale upload is aborted")
    check("lifecycle: removed" in server.log_text(), "the log tells")
    check(server.stop(), "the server stops")
    server = Server(data=server.data, keys=True, args=["--lifecycle-day", "1"])
    s3 = client_of(server)
    s3.put_object(Bucket=BUCKET, Key="logs/after", Body=b"x")
    eventually(["keep", "small"], lambda: keys_of(s3), "rules are carried out after a restart")
    equal(s3.get_object(Bucket=BUCKET, Key="keep")["Body"].read(), b"x", "what stays can be read")
    return server


def versions(server):
    s3 = client_of(server)
    bucket = "lifecycle-versions"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    ids = [s3.put_object(Bucket=bucket, Key="many", Body=b"%d" % i)["VersionId"] for i in range(5)]
    s3.put_object(Bucket=bucket, Key="gone", Body=b"x")
    s3.delete_object(Bucket=bucket, Key="gone")
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [
        rule("old versions", Filter={"Prefix": "many"}, NoncurrentVersionExpiration={"NoncurrentDays": 1, "NewerNoncurrentVersions": 1}),
        rule("deleted", Filter={"Prefix": "gone"}, NoncurrentVersionExpiration={"NoncurrentDays": 1}),
        rule("markers", Expiration={"ExpiredObjectDeleteMarker": True})]})

    def left():
        listed = s3.list_object_versions(Bucket=bucket)
        return [v["VersionId"] for v in listed.get("Versions", [])], len(listed.get("DeleteMarkers", []))
    eventually(([ids[4], ids[3]], 0), left, "old versions go but for the newest, and then the marker that hides nothing")
    equal(s3.get_object(Bucket=bucket, Key="many")["Body"].read(), b"4", "the current version stays")
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule("all", Expiration={"Days": 1})]})
    eventually(([ids[4], ids[3]], 1), left, "a current version that expires gets a delete marker")
    refused("which is what a GET finds", "NoSuchKey", 404, s3.get_object, Bucket=bucket, Key="many")


def main():
    server = Server(keys=True)
    s3 = client_of(server)
    s3.create_bucket(Bucket=BUCKET)
    configuration(s3)
    header(s3)
    for key in keys_of(s3):
        s3.delete_object(Bucket=BUCKET, Key=key)
    check(server.stop(), "the server stops")
    server = sweep(Server(data=server.data, keys=True, args=["--lifecycle-day", "1"]))
    versions(server)
    check(server.stop(), "the server stops")


main()
done()
