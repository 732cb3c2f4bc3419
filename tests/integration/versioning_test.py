#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Versions of objects with boto3 and aws cli, keys on: versioned, suspended and unversioned buckets, delete markers, every
operation that takes a version id, listings page by page, restarts, and what `sluice check` says of it all."""
import json
import subprocess

from sluicetest import ACCESS, SECRET, SLUICE, Server, check, done, equal, have, run, skip

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError
except ImportError:
    skip("versioning", "python3-boto3 is not installed")
    done()

UNKNOWN = "f" * 32  # of an id's form, and nobody's


def client_of(server, **config):
    return boto3.client("s3", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=ACCESS,
                        aws_secret_access_key=SECRET, config=Config(retries={"max_attempts": 0}, **config))


def failure(call, **kwargs):
    """The answer of a call that fails; None when it succeeds."""
    try:
        call(**kwargs)
    except ClientError as error:
        return error.response
    return None


def refused(name, code, status, call, **kwargs):
    response = failure(call, **kwargs)
    got = response and (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"])
    equal(got, (code, status), name)
    return response


def headers(answer):
    return answer["ResponseMetadata"]["HTTPHeaders"]


def body(s3, **kwargs):
    return s3.get_object(**kwargs)["Body"].read()


def put_if(s3, header, value, **kwargs):
    """A conditional put, also with a boto3 that does not know of any."""
    def add(request, **_):
        request.headers[header] = value
    s3.meta.events.register("before-sign.s3.PutObject", add)
    try:
        return s3.put_object(**kwargs)
    finally:
        s3.meta.events.unregister("before-sign.s3.PutObject", add)


def listed(s3, bucket, **kwargs):
    """All versions and markers, as the pages bring them: (key, id, latest, is a marker)."""
    lines = []
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, **kwargs):
        lines += [(v["Key"], v["VersionId"], v["IsLatest"], False) for v in page.get("Versions", [])]
        lines += [(m["Key"], m["VersionId"], m["IsLatest"], True) for m in page.get("DeleteMarkers", [])]
    return lines


def enable(s3, bucket, status="Enabled"):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})


def fresh(s3, bucket, status="Enabled"):
    s3.create_bucket(Bucket=bucket)
    if status:
        enable(s3, bucket, status)
    return bucket


def configuration(server, s3):
    b = fresh(s3, "configuration", None)
    equal(s3.get_bucket_versioning(Bucket=b).get("Status"), None, "a new bucket has no versioning state")
    enable(s3, b)
    equal(s3.get_bucket_versioning(Bucket=b)["Status"], "Enabled", "versioning is enabled")
    enable(s3, b, "Suspended")
    equal(s3.get_bucket_versioning(Bucket=b)["Status"], "Suspended", "versioning is suspended")
    s3.put_bucket_versioning(Bucket=b, VersioningConfiguration={"Status": "Enabled", "MFADelete": "Disabled"})
    equal(s3.get_bucket_versioning(Bucket=b)["Status"], "Enabled", "MfaDelete Disabled, as Terraform sends it, is taken")
    refused("MFA delete is refused", "NotImplemented", 501, s3.put_bucket_versioning, Bucket=b, MFA="arn 123456",
            VersioningConfiguration={"Status": "Suspended", "MFADelete": "Enabled"})
    equal(s3.get_bucket_versioning(Bucket=b)["Status"], "Enabled", "and nothing changed")
    refused("a status is needed", "IllegalVersioningConfigurationException", 400, s3.put_bucket_versioning, Bucket=b,
            VersioningConfiguration={})
    for name, status in (("another word", "On"), ("lower case", "enabled")):
        refused(f"{name} is no status", "MalformedXML", 400, s3.put_bucket_versioning, Bucket=b,
                VersioningConfiguration={"Status": status})
    refused("no such bucket", "NoSuchBucket", 404, s3.get_bucket_versioning, Bucket="nowhere")
    refused("no such bucket to set", "NoSuchBucket", 404, s3.put_bucket_versioning, Bucket="nowhere",
            VersioningConfiguration={"Status": "Enabled"})


def unversioned(server, s3):
    b = fresh(s3, "unversioned", None)
    put = s3.put_object(Bucket=b, Key="k", Body=b"1")
    check("VersionId" not in put, "a bucket without versioning tells no version id", put)
    check("VersionId" not in s3.get_object(Bucket=b, Key="k"), "nor with a GET")
    equal(listed(s3, b), [("k", "null", True, False)], "its objects are listed as null versions")
    equal(body(s3, Bucket=b, Key="k", VersionId="null"), b"1", "and can be had by that name")
    refused("other versions do not exist", "NoSuchVersion", 404, s3.get_object, Bucket=b, Key="k", VersionId=UNKNOWN)
    deleted = s3.delete_object(Bucket=b, Key="k")
    check("DeleteMarker" not in deleted and "VersionId" not in deleted, "a delete leaves no marker", deleted)
    equal(listed(s3, b), [], "nothing is left")
    s3.put_object(Bucket=b, Key="k", Body=b"2")
    s3.delete_object(Bucket=b, Key="k", VersionId="null")
    equal(listed(s3, b), [], "the null version is deleted by name")


def versions(server, s3):
    b = fresh(s3, "versions", None)
    s3.put_object(Bucket=b, Key="k", Body=b"zero")
    enable(s3, b)
    one = s3.put_object(Bucket=b, Key="k", Body=b"one", Metadata={"m": "1"})["VersionId"]
    two = s3.put_object(Bucket=b, Key="k", Body=b"two!")["VersionId"]
    check(len(one) == 32 and one == one.lower() and one != two, "each put has a version id of its own", f"{one} {two}")
    got = s3.get_object(Bucket=b, Key="k")
    equal((got["Body"].read(), got["VersionId"]), (b"two!", two), "GET brings the newest, and says which it is")
    for name, version, content in (("the newest", two, b"two!"), ("an older one", one, b"one"), ("null", "null", b"zero")):
        got = s3.get_object(Bucket=b, Key="k", VersionId=version)
        equal((got["Body"].read(), got["VersionId"]), (content, version), f"{name} by its id")
        head = s3.head_object(Bucket=b, Key="k", VersionId=version)
        equal((head["ContentLength"], head["VersionId"]), (len(content), version), f"HEAD of {name}")
    equal(s3.head_object(Bucket=b, Key="k", VersionId=one)["Metadata"], {"m": "1"}, "a version keeps its metadata")
    equal(body(s3, Bucket=b, Key="k", VersionId=one, Range="bytes=1-"), b"ne", "a range of an older version")
    equal(listed(s3, b), [("k", two, True, False), ("k", one, False, False), ("k", "null", False, False)], "newest first")
    page = s3.list_object_versions(Bucket=b)["Versions"][1]
    equal((page["ETag"], page["Size"], page["StorageClass"]), (s3.head_object(Bucket=b, Key="k", VersionId=one)["ETag"], 3,
                                                               "STANDARD"), "with ETag, size and storage class")
    equal([o["Key"] for o in s3.list_objects_v2(Bucket=b)["Contents"]], ["k"], "other listings show the key once")

    for method, call in (("GET", s3.get_object), ("HEAD", s3.head_object)):
        code = "NoSuchVersion" if method == "GET" else "404"
        refused(f"{method} of an unknown version", code, 404, call, Bucket=b, Key="k", VersionId=UNKNOWN)
        refused(f"{method} of another key's version", code, 404, call, Bucket=b, Key="other", VersionId=one)
        for bad in ("x", "NULL", two.upper(), two + "0", "0" * 32):
            refused(f"{method}: {bad[:6]}... is no version id", "InvalidArgument" if method == "GET" else "400", 400, call,
                    Bucket=b, Key="k", VersionId=bad)
    response = failure(s3.get_object, Bucket=b, Key="k", VersionId="x")
    equal(response["Error"]["Message"], "Invalid version id specified", "S3's words")

    deleted = s3.delete_object(Bucket=b, Key="k", VersionId=two)
    equal((deleted["VersionId"], "DeleteMarker" in deleted), (two, False), "deleting a version says which")
    equal(body(s3, Bucket=b, Key="k"), b"one", "the one before is current again")
    equal(s3.delete_object(Bucket=b, Key="k", VersionId=two)["VersionId"], two, "a second time succeeds too")
    refused("a malformed id does not", "InvalidArgument", 400, s3.delete_object, Bucket=b, Key="k", VersionId="x")
    s3.delete_object(Bucket=b, Key="k", VersionId="null")
    equal(listed(s3, b), [("k", one, True, False)], "one is left")
    refused("a bucket with versions stays", "BucketNotEmpty", 409, s3.delete_bucket, Bucket=b)
    s3.delete_object(Bucket=b, Key="k", VersionId=one)
    refused("the last one is gone", "NoSuchKey", 404, s3.get_object, Bucket=b, Key="k")
    s3.delete_bucket(Bucket=b)
    check(True, "and so is the bucket")


def markers(server, s3):
    b = fresh(s3, "markers")
    one = s3.put_object(Bucket=b, Key="k", Body=b"one")["VersionId"]
    deleted = s3.delete_object(Bucket=b, Key="k")
    marker = deleted["VersionId"]
    equal((deleted["DeleteMarker"], marker != one), (True, True), "deleting adds a delete marker and tells its id")
    for name, call, code in (("GET", s3.get_object, "NoSuchKey"), ("HEAD", s3.head_object, "404")):
        gone = refused(f"{name} of a deleted key", code, 404, call, Bucket=b, Key="k")
        equal((headers(gone).get("x-amz-delete-marker"), headers(gone).get("x-amz-version-id")), ("true", marker),
              f"{name} tells of the marker")
        code = "MethodNotAllowed" if name == "GET" else "405"
        refusal = refused(f"{name} of the marker itself", code, 405, call, Bucket=b, Key="k", VersionId=marker)
        equal((headers(refusal).get("x-amz-delete-marker"), headers(refusal).get("allow"), headers(refusal).get("x-amz-version-id")),
              ("true", "DELETE", marker), f"{name} of it says what it is")
        check("GMT" in headers(refusal).get("last-modified", ""), f"{name} of it has its time")
    absent = refused("a key that never was", "NoSuchKey", 404, s3.get_object, Bucket=b, Key="never")
    check("x-amz-delete-marker" not in headers(absent), "has no marker")
    equal(body(s3, Bucket=b, Key="k", VersionId=one), b"one", "the version behind the marker is there")
    equal(s3.list_objects_v2(Bucket=b)["KeyCount"], 0, "listings do not show the key")
    equal(listed(s3, b), [("k", one, False, False), ("k", marker, True, True)], "the listing of versions does")
    entry = s3.list_object_versions(Bucket=b)["DeleteMarkers"][0]
    check("ETag" not in entry and "Size" not in entry and "Owner" in entry, "a marker has an owner, no ETag and no size", entry)
    second = s3.delete_object(Bucket=b, Key="k")["VersionId"]
    check(second != marker, "deleting again adds another marker")
    equal(s3.delete_object(Bucket=b, Key="new")["DeleteMarker"], True, "so does deleting what never was")
    undone = s3.delete_object(Bucket=b, Key="k", VersionId=second)
    equal((undone["DeleteMarker"], undone["VersionId"]), (True, second), "deleting a marker says that it was one")
    refused("the marker before it is current", "NoSuchKey", 404, s3.get_object, Bucket=b, Key="k")
    refused("and has no ACL", "NoSuchKey", 404, s3.get_object_acl, Bucket=b, Key="k")
    refused("nor can it get one", "MethodNotAllowed", 405, s3.put_object_acl, Bucket=b, Key="k", ACL="private")
    s3.delete_object(Bucket=b, Key="k", VersionId=marker)
    equal(body(s3, Bucket=b, Key="k"), b"one", "without markers the object is back")
    s3.delete_object(Bucket=b, Key="k", VersionId=one)
    refused("a bucket with a marker stays", "BucketNotEmpty", 409, s3.delete_bucket, Bucket=b)


def suspended(server, s3):
    b = fresh(s3, "suspended")
    one = s3.put_object(Bucket=b, Key="k", Body=b"one")["VersionId"]
    enable(s3, b, "Suspended")
    equal(s3.put_object(Bucket=b, Key="k", Body=b"null 1").get("VersionId"), None, "a put makes the null version, and tells none")
    s3.put_object(Bucket=b, Key="k", Body=b"null 2")
    equal(listed(s3, b), [("k", "null", True, False), ("k", one, False, False)], "of which there is one")
    equal(body(s3, Bucket=b, Key="k", VersionId="null"), b"null 2", "the last")
    equal(s3.get_object(Bucket=b, Key="k")["VersionId"], "null", "GET says so")
    enable(s3, b)
    three = s3.put_object(Bucket=b, Key="k", Body=b"three")["VersionId"]
    enable(s3, b, "Suspended")
    s3.put_object(Bucket=b, Key="k", Body=b"null 3")
    equal(listed(s3, b), [("k", "null", True, False), ("k", three, False, False), ("k", one, False, False)],
          "a null version among the older ones gives way to the new one")
    deleted = s3.delete_object(Bucket=b, Key="k")
    equal((deleted["DeleteMarker"], deleted["VersionId"]), (True, "null"), "a delete replaces it by a null marker")
    equal(listed(s3, b), [("k", three, False, False), ("k", one, False, False), ("k", "null", True, True)], "the others stay")
    refused("the null marker by its name", "MethodNotAllowed", 405, s3.get_object, Bucket=b, Key="k", VersionId="null")
    s3.put_object(Bucket=b, Key="k", Body=b"null 4")
    equal(listed(s3, b), [("k", "null", True, False), ("k", three, False, False), ("k", one, False, False)],
          "a put replaces the null marker")
    s3.delete_object(Bucket=b, Key="k", VersionId="null")
    equal(body(s3, Bucket=b, Key="k"), b"three", "deleting the null version brings the last one back")


def copies(server, s3):
    b, plain = fresh(s3, "copies"), fresh(s3, "copies-plain", None)
    one = s3.put_object(Bucket=b, Key="k", Body=b"one", Metadata={"m": "1"}, Tagging="t=1")["VersionId"]
    two = s3.put_object(Bucket=b, Key="k", Body=b"two")["VersionId"]
    source = {"Bucket": b, "Key": "k", "VersionId": one}
    copied = s3.copy_object(Bucket=b, Key="copy", CopySource=source)
    equal((copied["CopySourceVersionId"], len(copied["VersionId"])), (one, 32), "a copy tells both versions")
    got = s3.get_object(Bucket=b, Key="copy", VersionId=copied["VersionId"])
    equal((got["Body"].read(), got["Metadata"]), (b"one", {"m": "1"}), "a copy of an older version")
    current = s3.copy_object(Bucket=b, Key="copy", CopySource={"Bucket": b, "Key": "k"})
    equal(current["CopySourceVersionId"], two, "without an id the current one is copied")
    restored = s3.copy_object(Bucket=b, Key="k", CopySource=source)["VersionId"]
    equal((body(s3, Bucket=b, Key="k"), restored not in (one, two)), (b"one", True), "copied onto its key it is current again")
    refused("but a copy of the current one onto itself changes nothing", "InvalidRequest", 400, s3.copy_object, Bucket=b, Key="k",
            CopySource={"Bucket": b, "Key": "k"})
    answer = s3.copy_object(Bucket=plain, Key="k", CopySource=source)
    equal(("VersionId" in answer, answer["CopySourceVersionId"]), (False, one), "into a bucket without versioning")
    answer = s3.copy_object(Bucket=b, Key="from-plain", CopySource={"Bucket": plain, "Key": "k"})
    equal(("CopySourceVersionId" in answer, "VersionId" in answer), (False, True), "and out of it")
    marker = s3.delete_object(Bucket=b, Key="k")["VersionId"]
    gone = refused("a deleted key cannot be copied", "NoSuchKey", 404, s3.copy_object, Bucket=b, Key="x", CopySource={"Bucket": b, "Key": "k"})
    equal((headers(gone).get("x-amz-delete-marker"), headers(gone).get("x-amz-version-id"), gone["Error"].get("Key")), ("true", marker, "k"),
          "and the answer tells of the source and its marker")
    gone = refused("what never was cannot, either", "NoSuchKey", 404, s3.copy_object, Bucket=b, Key="x", CopySource={"Bucket": b, "Key": "never"})
    equal((headers(gone).get("x-amz-delete-marker"), gone["Error"].get("Key")), (None, "never"), "and has no marker")
    gone = refused("nor from a bucket that is none", "NoSuchBucket", 404, s3.copy_object, Bucket=b, Key="x", CopySource={"Bucket": "never-made", "Key": "k"})
    equal(gone["Error"].get("BucketName"), "never-made", "which the answer names")
    refused("nor can a marker", "InvalidRequest", 400, s3.copy_object, Bucket=b, Key="x",
            CopySource={"Bucket": b, "Key": "k", "VersionId": marker})
    refused("an unknown version", "NoSuchVersion", 404, s3.copy_object, Bucket=b, Key="x",
            CopySource={"Bucket": b, "Key": "k", "VersionId": UNKNOWN})
    refused("a malformed version", "InvalidArgument", 400, s3.copy_object, Bucket=b, Key="x", CopySource=f"{b}/k?versionId=x")

    upload = s3.create_multipart_upload(Bucket=b, Key="parts")["UploadId"]
    part = s3.upload_part_copy(Bucket=b, Key="parts", UploadId=upload, PartNumber=1, CopySource=source)
    equal(part["CopySourceVersionId"], one, "a part is copied from a version")
    refused("a part from a marker", "InvalidRequest", 400, s3.upload_part_copy, Bucket=b, Key="parts", UploadId=upload, PartNumber=2,
            CopySource={"Bucket": b, "Key": "k", "VersionId": marker})
    done_parts = {"Parts": [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]}
    completed = s3.complete_multipart_upload(Bucket=b, Key="parts", UploadId=upload, MultipartUpload=done_parts)
    equal(body(s3, Bucket=b, Key="parts", VersionId=completed["VersionId"]), b"one", "a completed upload tells its version")
    again = s3.complete_multipart_upload(Bucket=b, Key="parts", UploadId=upload, MultipartUpload=done_parts)
    equal(again["VersionId"], completed["VersionId"], "and again when it is repeated")


def tags_and_attributes(server, s3):
    b = fresh(s3, "tags-of-versions")
    one = s3.put_object(Bucket=b, Key="k", Body=b"one", Tagging="v=1")["VersionId"]
    two = s3.put_object(Bucket=b, Key="k", Body=b"two!", Tagging="v=2")["VersionId"]
    got = s3.get_object_tagging(Bucket=b, Key="k", VersionId=one)
    equal((got["TagSet"], got["VersionId"]), ([{"Key": "v", "Value": "1"}], one), "tags of an older version")
    answer = s3.put_object_tagging(Bucket=b, Key="k", VersionId=one, Tagging={"TagSet": [{"Key": "v", "Value": "new"}]})
    equal(answer["VersionId"], one, "can be set")
    equal(s3.get_object_tagging(Bucket=b, Key="k", VersionId=one)["TagSet"][0]["Value"], "new", "are set")
    got = s3.get_object_tagging(Bucket=b, Key="k")
    equal((got["TagSet"][0]["Value"], got["VersionId"]), ("2", two), "those of the current one are not")
    s3.delete_object_tagging(Bucket=b, Key="k", VersionId=one)
    equal(s3.get_object_tagging(Bucket=b, Key="k", VersionId=one)["TagSet"], [], "and can be deleted")
    refused("tags of an unknown version", "NoSuchVersion", 404, s3.get_object_tagging, Bucket=b, Key="k", VersionId=UNKNOWN)
    refused("tags for an unknown version", "NoSuchVersion", 404, s3.put_object_tagging, Bucket=b, Key="k", VersionId=UNKNOWN,
            Tagging={"TagSet": []})
    attributes = s3.get_object_attributes(Bucket=b, Key="k", VersionId=one, ObjectAttributes=["ObjectSize"])
    equal((attributes["ObjectSize"], attributes["VersionId"]), (3, one), "attributes of an older version")
    equal(s3.get_object_acl(Bucket=b, Key="k", VersionId=one)["Grants"][0]["Permission"], "FULL_CONTROL", "its ACL")
    marker = s3.delete_object(Bucket=b, Key="k")["VersionId"]
    refused("a marker has no tags", "MethodNotAllowed", 405, s3.get_object_tagging, Bucket=b, Key="k", VersionId=marker)
    refused("and gets none", "MethodNotAllowed", 405, s3.put_object_tagging, Bucket=b, Key="k", VersionId=marker,
            Tagging={"TagSet": []})


def conditions(server, s3):
    b = fresh(s3, "conditions")
    absent = {"s3": s3, "header": "If-None-Match", "value": "*", "Bucket": b, "Key": "k"}
    match = {"s3": s3, "header": "If-Match", "Bucket": b, "Key": "k", "Body": b"x"}
    first = put_if(Body=b"one", **absent)
    refused("If-None-Match sees the current version", "PreconditionFailed", 412, put_if, Body=b"x", **absent)
    second = put_if(value=first["ETag"], **match)
    refused("If-Match sees the current version", "PreconditionFailed", 412, put_if, value=first["ETag"], **match)
    equal(len(listed(s3, b)), 2, "refused puts make no versions")
    refused("a condition of a GET is about the version asked for", "PreconditionFailed", 412, s3.get_object, Bucket=b, Key="k",
            VersionId=first["VersionId"], IfMatch=second["ETag"])
    s3.delete_object(Bucket=b, Key="k")
    refused("a delete marker counts as absent", "NoSuchKey", 404, put_if, value=second["ETag"], **match)
    put_if(Body=b"three", **absent)
    equal(len(listed(s3, b)), 4, "so that a conditional create succeeds")


def delete_many(server, s3):
    b = fresh(s3, "delete-many")
    one = s3.put_object(Bucket=b, Key="a", Body=b"one")["VersionId"]
    two = s3.put_object(Bucket=b, Key="a", Body=b"two")["VersionId"]
    s3.put_object(Bucket=b, Key="b", Body=b"b")
    answer = s3.delete_objects(Bucket=b, Delete={"Objects": [{"Key": "a", "VersionId": one}, {"Key": "b"}, {"Key": "never"}]})
    told = {d["Key"]: d for d in answer["Deleted"]}
    equal((told["a"]["VersionId"], "DeleteMarker" in told["a"]), (one, False), "a version among many")
    check(told["b"]["DeleteMarker"] and len(told["b"]["DeleteMarkerVersionId"]) == 32 and "VersionId" not in told["b"],
          "a key among many gets a marker", told["b"])
    check(told["never"]["DeleteMarker"], "also one that never was")
    marker = told["b"]["DeleteMarkerVersionId"]
    answer = s3.delete_objects(Bucket=b, Delete={"Objects": [
        {"Key": "b", "VersionId": marker}, {"Key": "a", "VersionId": "bad"}, {"Key": "a", "VersionId": UNKNOWN}]})
    told = {d["Key"]: d for d in answer["Deleted"]}
    equal((told["b"]["VersionId"], told["b"]["DeleteMarker"], told["b"]["DeleteMarkerVersionId"]), (marker, True, marker),
          "a marker among many")
    equal(told["a"]["VersionId"], UNKNOWN, "what is not there is deleted")
    equal([(e["Key"], e["VersionId"], e["Code"]) for e in answer["Errors"]], [("a", "bad", "NoSuchVersion")], "a malformed id is told")
    equal(body(s3, Bucket=b, Key="b"), b"b", "the object behind the marker is back")
    equal(body(s3, Bucket=b, Key="a", VersionId=two), b"two", "the newer version was left alone")
    enable(s3, b, "Suspended")
    told = s3.delete_objects(Bucket=b, Delete={"Objects": [{"Key": "a"}]})["Deleted"][0]
    equal(told["DeleteMarkerVersionId"], "null", "suspended: a null marker")


def listings(server, s3):
    b = fresh(s3, "listings")
    want = []
    for key in ("a", "dir/1", "dir/2", "dir/sub/3", "z", "ü &+"):
        ids = [s3.put_object(Bucket=b, Key=key, Body=str(i).encode())["VersionId"] for i in range(3)]
        if key in ("dir/2", "z"):
            ids.append(s3.delete_object(Bucket=b, Key=key)["VersionId"])
        want += [(key, version, i == 0, key in ("dir/2", "z") and i == 0) for i, version in enumerate(reversed(ids))]

    def pages(size, **kwargs):
        """Entry by entry in the order of the document, markers by hand."""
        lines, common, markers = [], [], {}
        while True:
            page = s3.list_object_versions(Bucket=b, MaxKeys=size, **kwargs, **markers)
            entries = [(v["Key"], v["VersionId"], v["IsLatest"], False) for v in page.get("Versions", [])]
            entries += [(m["Key"], m["VersionId"], m["IsLatest"], True) for m in page.get("DeleteMarkers", [])]
            prefixes = [p["Prefix"] for p in page.get("CommonPrefixes", [])]
            lines, common = lines + entries, common + prefixes
            if not page["IsTruncated"]:
                return lines, common
            if len(entries) + len(prefixes) != size:
                return "a short page", page
            markers = {"KeyMarker": page["NextKeyMarker"]}
            if "NextVersionIdMarker" in page:
                markers["VersionIdMarker"] = page["NextVersionIdMarker"]

    for size in (1, 2, 3, 7, 1000):
        lines, common = pages(size)
        equal((sorted(lines), common), (sorted(want), []), f"all of it, {size} a page")
        lines, common = pages(size, Delimiter="/")
        equal((sorted(lines), common), (sorted(w for w in want if "/" not in w[0]), ["dir/"]), f"with a delimiter, {size} a page")
        lines, common = pages(size, Prefix="dir/", Delimiter="/")
        equal((sorted(lines), common), (sorted(w for w in want if w[0] in ("dir/1", "dir/2")), ["dir/sub/"]),
              f"prefix and delimiter, {size} a page")
    equal(pages(1)[0], want, "in order of keys, newest first, markers among them")
    page = s3.list_object_versions(Bucket=b, KeyMarker="dir/1", VersionIdMarker=want[4][1], MaxKeys=2)
    equal((page["KeyMarker"], page["VersionIdMarker"], page["MaxKeys"]), ("dir/1", want[4][1], 2), "markers are told back")
    equal([v["VersionId"] for v in page["Versions"]], [want[5][1]], "and the listing goes on behind them")
    page = s3.list_object_versions(Bucket=b, KeyMarker="dir/2")
    equal(page["Versions"][0]["Key"], "dir/sub/3", "a key marker alone passes over all its versions")
    equal(s3.list_object_versions(Bucket=b, MaxKeys=0)["IsTruncated"], False, "a page of nothing")
    raw = client_of(server)
    raw.meta.events.unregister("before-parameter-build.s3.ListObjectVersions",
                               __import__("botocore.handlers").handlers.set_list_objects_encoding_type_url)
    page = raw.list_object_versions(Bucket=b, Prefix="ü", EncodingType="url")
    equal((page["Versions"][0]["Key"], page["EncodingType"]), ("%C3%BC%20%26%2B", "url"), "keys in URL encoding")
    refused("a version marker needs a key", "InvalidArgument", 400, s3.list_object_versions, Bucket=b, VersionIdMarker=want[0][1])
    refused("a malformed version marker", "InvalidArgument", 400, s3.list_object_versions, Bucket=b, KeyMarker="a", VersionIdMarker="x")
    refused("an unknown encoding", "InvalidArgument", 400, s3.list_object_versions, Bucket=b, EncodingType="gz")


def empty_by_pages(s3, bucket):
    """As `mc rb --force`, Terraform's force_destroy and boto3's bucket.object_versions.delete() do it."""
    pages = 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": 7}):
        entries = page.get("Versions", []) + page.get("DeleteMarkers", [])
        if entries:
            s3.delete_objects(Bucket=bucket, Delete={"Quiet": True, "Objects": [
                {"Key": e["Key"], "VersionId": e["VersionId"]} for e in entries]})
        pages += 1
    return pages


def emptying(server, s3):
    b = fresh(s3, "emptying", None)
    for key in ("x", "y"):
        s3.put_object(Bucket=b, Key=key, Body=b"null")
    enable(s3, b)
    for i in range(12):
        for key in ("x", "y"):
            s3.put_object(Bucket=b, Key=key, Body=str(i).encode())
        if i % 3 == 0:
            s3.delete_object(Bucket=b, Key="x")
    check(empty_by_pages(s3, b) > 1, "a bucket is emptied while it is listed")
    equal(listed(s3, b), [], "nothing was passed over")
    s3.delete_bucket(Bucket=b)


def command_line(server):
    if not have("aws"):
        skip("aws cli", "it is not installed")
        return
    env = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1",
           "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"}

    def aws(*arguments):
        status, output = run(["aws", "--endpoint-url", server.url, "--output", "json", *arguments], env=env)
        return status, json.loads(output) if status == 0 and output.strip().startswith("{") else output

    api = lambda operation, *arguments: aws("s3api", operation, "--bucket", "cli", *arguments)
    aws("s3", "mb", "s3://cli")
    equal(api("put-bucket-versioning", "--versioning-configuration", "Status=Enabled")[0], 0, "aws cli: enables versioning")
    equal(api("get-bucket-versioning")[1], {"Status": "Enabled"}, "aws cli: and sees it")
    first = api("put-object", "--key", "k", "--body", __file__)[1]
    api("put-object", "--key", "k", "--body", __file__)
    marker = api("delete-object", "--key", "k")[1]
    equal(marker["DeleteMarker"], True, "aws cli: delete-object tells of the marker")
    lines = api("list-object-versions", "--page-size", "1")[1]
    equal((len(lines["Versions"]), len(lines["DeleteMarkers"])), (2, 1), "aws cli: list-object-versions, one a page")
    equal(api("head-object", "--key", "k", "--version-id", first["VersionId"])[0], 0, "aws cli: an older version")
    check(api("head-object", "--key", "k")[0] != 0, "aws cli: the key itself is deleted")
    for entry in lines["Versions"] + lines["DeleteMarkers"]:
        api("delete-object", "--key", "k", "--version-id", entry["VersionId"])
    equal(aws("s3", "rb", "s3://cli")[0], 0, "aws cli: an emptied bucket is removed")


def restarts(server):
    """What was there is there again, and the check finds nothing to complain of."""
    s3 = client_of(server)
    before = {b["Name"]: (s3.get_bucket_versioning(Bucket=b["Name"]).get("Status"), listed(s3, b["Name"]))
              for b in s3.list_buckets()["Buckets"]}
    check(server.stop(), "the server stops")
    result = subprocess.run([SLUICE, "check", "--data", server.data], capture_output=True, text=True)
    equal(result.returncode, 0, "sluice check finds nothing" + ("" if result.returncode == 0 else ": " + result.stdout[-500:]))
    server = Server(server.data, keys=True)
    s3 = client_of(server)
    after = {b["Name"]: (s3.get_bucket_versioning(Bucket=b["Name"]).get("Status"), listed(s3, b["Name"]))
             for b in s3.list_buckets()["Buckets"]}
    equal(after, before, "states and versions outlive a restart")
    for bucket in after:
        empty_by_pages(s3, bucket)
        s3.delete_bucket(Bucket=bucket)
    equal(s3.list_buckets()["Buckets"], [], "every bucket can be emptied and deleted")
    check(server.stop(), "the second server stops")
    result = subprocess.run([SLUICE, "check", "--data", server.data], capture_output=True, text=True)
    equal(result.returncode, 0, "and leaves a clean store")


def main():
    server = Server(keys=True)
    s3 = client_of(server)
    for part in (configuration, unversioned, versions, markers, suspended, copies, tags_and_attributes, conditions, delete_many,
                 listings, emptying):
        part(server, s3)
    command_line(server)
    restarts(server)
    done()


main()
