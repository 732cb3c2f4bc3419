# SPDX-License-Identifier: MIT
"""The newest boto3, which sends a checksum with every body by default, in a trailer where it is a stream."""
import io

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from checks import KEY, LARGE, MIB, SECRET, URL, check, equal, refused, round_trip, visit

B = "python-boto3"


def client(**config):
    return boto3.client("s3", endpoint_url=URL, region_name="us-east-1", aws_access_key_id=KEY, aws_secret_access_key=SECRET,
                        config=Config(retries={"max_attempts": 0}, **config))


def annotations(s3):
    """Annotations of an object, which no client but the newest knows; a copy has them too."""
    of = {"Bucket": B, "Key": "large"}
    values = {"notes.ü": b"said about it", "notes.vector": b"0.707," * 100_000, "digest": b"{}"}
    tags = {}
    for name, value in values.items():
        tags[name] = s3.put_object_annotation(**of, AnnotationName=name, AnnotationPayload=io.BytesIO(value))["ETag"]
    equal({each["AnnotationName"]: (each["ETag"], each["Size"]) for each in s3.list_object_annotations(**of)["Annotations"]},
          {name: (tags[name], len(value)) for name, value in values.items()}, "annotations are listed")
    names, more = [], {}
    while more is not None:
        page = s3.list_object_annotations(**of, AnnotationPrefix="notes.", MaxAnnotationResults=1, **more)
        names += [each["AnnotationName"] for each in page["Annotations"]]
        more = {"ContinuationToken": page["NextContinuationToken"]} if page.get("NextContinuationToken") else None
    equal(names, ["notes.vector", "notes.ü"], "those of a prefix, page by page")
    s3.copy_object(Bucket=B, Key="copied", CopySource=of)
    for key in ("large", "copied"):
        for name, value in values.items():
            got = s3.get_object_annotation(Bucket=B, Key=key, AnnotationName=name, ChecksumMode="ENABLED")
            check(got["AnnotationPayload"].read() == value and got["ETag"] == tags[name], f"{name} of {key} comes back")
            check("ChecksumCRC32" in got, "with the checksum that boto3 adds", got)
    refused(lambda: s3.put_object_annotation(**of, AnnotationName="late", AnnotationPayload=b"x", ObjectIfMatch='"other"'),
            "an annotation for another ETag of the object", "PreconditionFailed")
    s3.delete_object_annotation(**of, AnnotationName="digest")
    refused(lambda: s3.get_object_annotation(**of, AnnotationName="digest"), "a deleted annotation", "NoSuchAnnotation")
    s3.copy_object(Bucket=B, Key="copied", CopySource=of, AnnotationDirective="EXCLUDE")
    equal(s3.list_object_annotations(Bucket=B, Key="copied").get("Annotations", []), [], "a copy without them")
    s3.delete_object(Bucket=B, Key="copied")


def trip():
    s3 = client()
    s3.create_bucket(Bucket=B)
    put = s3.put_object(Bucket=B, Key="dir/small", Body=b"small", Metadata={"colour": "blue"}, Tagging="a=b")
    got = s3.get_object(Bucket=B, Key="dir/small", ChecksumMode="ENABLED")
    equal((got["Body"].read(), got["Metadata"], got["ETag"]), (b"small", {"colour": "blue"}, put["ETag"]), "an object comes back")
    check(any(name.startswith("Checksum") and name != "ChecksumType" for name in got), "with the checksum that boto3 adds", got)
    # The newest algorithms need awscrt, which is not among the packages; these boto3 knows by itself.
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        stored = s3.put_object(Bucket=B, Key="sum", Body=b"summed", ChecksumAlgorithm=algorithm)
        equal(s3.head_object(Bucket=B, Key="sum", ChecksumMode="ENABLED").get("Checksum" + algorithm), stored["Checksum" + algorithm], algorithm)
    s3.delete_object(Bucket=B, Key="sum")

    s3.upload_fileobj(io.BytesIO(LARGE), B, "large", Config=TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB))
    equal(s3.head_object(Bucket=B, Key="large", PartNumber=4)["PartsCount"], 4, "an upload in four parts")
    back = io.BytesIO()
    s3.download_fileobj(B, "large", back, Config=TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=3 * MIB))
    check(back.getvalue() == LARGE, "the parts come back as one")
    equal(s3.get_object(Bucket=B, Key="large", Range="bytes=5242870-5242889")["Body"].read(), LARGE[5242870:5242890], "a range over the end of a part")

    names = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=B, Delimiter="/", PaginationConfig={"PageSize": 1}):
        names += [each["Prefix"] for each in page.get("CommonPrefixes", [])] + [each["Key"] for each in page.get("Contents", [])]
    equal(names, ["dir/", "large"], "a listing with a delimiter, page by page")

    refused(lambda: s3.put_object(Bucket=B, Key="dir/small", Body=b"", IfNoneMatch="*"), "If-None-Match on a key that is there", "PreconditionFailed")
    s3.put_object(Bucket=B, Key="dir/small", Body=b"other", IfMatch=put["ETag"])
    refused(lambda: s3.put_object(Bucket=B, Key="dir/small", Body=b"", IfMatch=put["ETag"]), "If-Match with an ETag of before", "PreconditionFailed")

    s3.copy({"Bucket": B, "Key": "large"}, B, "copy + ü", Config=TransferConfig(multipart_threshold=6 * MIB, multipart_chunksize=6 * MIB))
    check(s3.get_object(Bucket=B, Key="copy + ü")["Body"].read() == LARGE, "a copy in parts has the same bytes")
    s3.put_object_tagging(Bucket=B, Key="large", Tagging={"TagSet": [{"Key": "k", "Value": "v ü"}]})
    equal(s3.get_object_tagging(Bucket=B, Key="large")["TagSet"], [{"Key": "k", "Value": "v ü"}], "tags come back")

    annotations(s3)

    for version, signer in ((2, s3), (4, client(signature_version="s3v4"))):  # without asking, boto3 signs URLs of other servers in version 2
        url = signer.generate_presigned_url("put_object", {"Bucket": B, "Key": "by url"}, 60)
        equal(visit("PUT", url, b"by url", {"Content-Type": ""})[0], 200, f"a presigned PUT, version {version}")
        url = signer.generate_presigned_url("get_object", {"Bucket": B, "Key": "by url"}, 60)
        equal(("AWSAccessKeyId=" in url, visit("GET", url)), (version == 2, (200, b"by url")), f"a presigned GET, version {version}")
        equal(visit("GET", url.replace("by%20url", "large"))[0], 403, f"for another key, version {version}")

    refused(lambda: s3.get_object(Bucket=B, Key="nowhere"), "a key that is not there", "NoSuchKey")
    refused(lambda: s3.delete_bucket(Bucket=B), "a bucket that is not empty stays", "BucketNotEmpty")
    gone = s3.delete_objects(Bucket=B, Delete={"Objects": [{"Key": key} for key in ("dir/small", "large", "copy + ü", "by url")]})
    equal((len(gone["Deleted"]), gone.get("Errors", [])), (4, []), "all are deleted")
    s3.delete_bucket(Bucket=B)


round_trip("newest boto3", "boto3", trip)
