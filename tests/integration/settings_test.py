#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Settings of buckets and tags of objects, with boto3, keys on."""
import datetime

from sluicetest import ACCESS, SECRET, Server, check, done, equal, skip

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError
except ImportError:
    skip("settings", "python3-boto3 is not installed")
    done()

BUCKET = "settings"


def client_of(server, access=ACCESS, secret=SECRET, **config):
    return boto3.client("s3", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=access,
                        aws_secret_access_key=secret, config=Config(retries={"max_attempts": 0}, **config))


def refused(name, code, status, call, *args, **kwargs):
    """The call fails with that S3 error."""
    try:
        call(*args, **kwargs)
    except ClientError as error:
        got = (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
        return equal(got, (code, status), name)
    return check(False, name, "it succeeded")


def status(answer):
    return answer["ResponseMetadata"]["HTTPStatusCode"]


def tag_set(**tags):
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tags_of(s3, key):
    return s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"]


def object_tags(s3):
    s3.put_object(Bucket=BUCKET, Key="t", Body=b"x", Tagging="colour=dark%20blue&empty=", Metadata={"m": "1"})
    equal(tags_of(s3, "t"), tag_set(colour="dark blue", empty=""), "tags come with a put")
    before = s3.head_object(Bucket=BUCKET, Key="t")
    equal(before["ResponseMetadata"]["HTTPHeaders"].get("x-amz-tagging-count"), "2", "HEAD counts them")
    check("x-amz-tagging" not in before["ResponseMetadata"]["HTTPHeaders"], "and does not show them")
    equal(s3.get_object(Bucket=BUCKET, Key="t")["TagCount"], 2, "GET counts them")
    equal(status(s3.put_object_tagging(Bucket=BUCKET, Key="t", Tagging={"TagSet": tag_set(a="1", b="ü/+-=._:@", c="")})), 200,
          "tags are replaced")
    equal(tags_of(s3, "t"), tag_set(a="1", b="ü/+-=._:@", c=""), "in the order given")
    after = s3.head_object(Bucket=BUCKET, Key="t")
    equal((after["ETag"], after["LastModified"], after["Metadata"]), (before["ETag"], before["LastModified"], {"m": "1"}),
          "ETag, time and metadata stay")
    equal(status(s3.delete_object_tagging(Bucket=BUCKET, Key="t")), 204, "tags are deleted")
    equal(tags_of(s3, "t"), [], "then there are none")
    check("TagCount" not in s3.get_object(Bucket=BUCKET, Key="t"), "and none are counted")
    s3.put_object_tagging(Bucket=BUCKET, Key="t", Tagging={"TagSet": tag_set(a="1")})
    s3.put_object_tagging(Bucket=BUCKET, Key="t", Tagging={"TagSet": []})
    equal(tags_of(s3, "t"), [], "an empty set removes them")
    s3.put_object_tagging(Bucket=BUCKET, Key="t", Tagging={"TagSet": tag_set(a="1")})
    s3.put_object(Bucket=BUCKET, Key="t", Body=b"y")
    equal(tags_of(s3, "t"), [], "an overwrite drops them")
    for call in (s3.get_object_tagging, s3.delete_object_tagging):
        refused(f"{call.__name__} of a missing key", "NoSuchKey", 404, call, Bucket=BUCKET, Key="missing")
    refused("put_object_tagging of a missing key", "NoSuchKey", 404, s3.put_object_tagging, Bucket=BUCKET, Key="missing",
            Tagging={"TagSet": []})


def object_tag_limits(s3):
    def put(tags):
        return s3.put_object_tagging(Bucket=BUCKET, Key="t", Tagging={"TagSet": tags})
    most = [{"Key": f"{i:03}" + "ä" * 125, "Value": "日" * 256} for i in range(10)]
    put(most)
    equal(tags_of(s3, "t"), most, "ten tags of full length")
    refused("eleven tags", "BadRequest", 400, put, [{"Key": str(i), "Value": ""} for i in range(11)])
    refused("a key of 129 characters", "InvalidTag", 400, put, tag_set(**{"k" * 129: ""}))
    refused("a value of 257 characters", "InvalidTag", 400, put, tag_set(k="v" * 257))
    refused("a key twice", "InvalidTag", 400, put, tag_set(k="1") + tag_set(k="2"))
    refused("a system tag", "InvalidTag", 400, put, tag_set(**{"aws:k": "v"}))
    refused("a character that tags may not have", "InvalidTag", 400, put, tag_set(k="<"))
    equal(tags_of(s3, "t"), most, "what is refused changes nothing")
    refused("a put with a key twice", "InvalidArgument", 400, s3.put_object, Bucket=BUCKET, Key="n", Body=b"", Tagging="a=1&a=2")
    refused("a put with eleven tags", "BadRequest", 400, s3.put_object, Bucket=BUCKET, Key="n", Body=b"",
            Tagging="&".join(f"k{i}=v" for i in range(11)))
    refused("is not stored", "NoSuchKey", 404, s3.get_object, Bucket=BUCKET, Key="n")


def tags_of_copies_and_uploads(s3):
    s3.put_object(Bucket=BUCKET, Key="source", Body=b"x", Tagging="a=1", Metadata={"m": "1"}, StorageClass="STANDARD_IA")
    source = {"Bucket": BUCKET, "Key": "source"}
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=source)
    equal(tags_of(s3, "copy"), tag_set(a="1"), "a copy takes the tags over")
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=source, MetadataDirective="REPLACE", Metadata={"n": "2"})
    equal((tags_of(s3, "copy"), s3.head_object(Bucket=BUCKET, Key="copy")["Metadata"]), (tag_set(a="1"), {"n": "2"}),
          "also where its metadata is replaced")
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=source, TaggingDirective="REPLACE", Tagging="b=2")
    equal((tags_of(s3, "copy"), s3.head_object(Bucket=BUCKET, Key="copy")["Metadata"]), (tag_set(b="2"), {"m": "1"}),
          "tags are replaced alone")
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=source, TaggingDirective="REPLACE")
    equal(tags_of(s3, "copy"), [], "or left out")
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=source, Tagging="b=2")
    equal(tags_of(s3, "copy"), tag_set(a="1"), "without the directive the header does not count")
    refused("an unknown directive", "InvalidArgument", 400, s3.copy_object, Bucket=BUCKET, Key="copy", CopySource=source,
            TaggingDirective="MERGE")
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="mp", Tagging="x=y")["UploadId"]
    part = s3.upload_part(Bucket=BUCKET, Key="mp", UploadId=upload, PartNumber=1, Body=b"x")
    s3.complete_multipart_upload(Bucket=BUCKET, Key="mp", UploadId=upload,
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    equal(tags_of(s3, "mp"), tag_set(x="y"), "a multipart upload has the tags it began with")
    refused("a multipart upload with bad tags", "InvalidTag", 400, s3.create_multipart_upload, Bucket=BUCKET, Key="mp", Tagging="a=!")


def bucket_tags(s3):
    refused("a bucket without tags", "NoSuchTagSet", 404, s3.get_bucket_tagging, Bucket=BUCKET)
    most = [{"Key": f"k{i}", "Value": f"v {i}"} for i in range(50)]
    equal(status(s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": most})), 204, "a bucket takes 50 tags")
    equal(s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"], most, "and tells them")
    refused("but not 51", "BadRequest", 400, s3.put_bucket_tagging, Bucket=BUCKET,
            Tagging={"TagSet": most + tag_set(one="more")})
    refused("nor one twice", "InvalidTag", 400, s3.put_bucket_tagging, Bucket=BUCKET, Tagging={"TagSet": tag_set(a="") * 2})
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": tag_set(a="b")})
    equal(s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"], tag_set(a="b"), "a put replaces the whole set")
    equal(status(s3.delete_bucket_tagging(Bucket=BUCKET)), 204, "bucket tags are deleted")
    refused("then there are none", "NoSuchTagSet", 404, s3.get_bucket_tagging, Bucket=BUCKET)
    refused("tags of a missing bucket", "NoSuchBucket", 404, s3.put_bucket_tagging, Bucket="missing-bucket", Tagging={"TagSet": []})


def tags_of_new_buckets():
    """CreateBucketConfiguration/Tags, as the newest SDKs send it; older ones cannot."""
    server = Server()
    plain = boto3.client("s3", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any")

    def create(name, tags):
        items = "".join(f"<Tag><Key>{key}</Key><Value>{value}</Value></Tag>" for key, value in tags)
        return server.request("PUT", "/" + name, body=f"<CreateBucketConfiguration><Tags>{items}</Tags></CreateBucketConfiguration>".encode())
    equal(create("tagged", [("team", "build"), ("empty", "")])[0], 200, "a bucket is created with tags")
    equal(plain.get_bucket_tagging(Bucket="tagged")["TagSet"], tag_set(team="build", empty=""), "and has them")
    equal(create("tagged", [("team", "other")])[0], 409, "creating it again with tags is refused")
    equal(plain.get_bucket_tagging(Bucket="tagged")["TagSet"], tag_set(team="build", empty=""), "and changes no tag")
    equal(create("untagged", [])[0], 200, "an empty list is none")
    refused("so there is no set", "NoSuchTagSet", 404, plain.get_bucket_tagging, Bucket="untagged")
    for name, tags, code in (("a tag twice", [("a", "1"), ("a", "2")], b"InvalidTag"), ("a system tag", [("aws:a", "1")], b"InvalidTag"),
                             ("51 tags", [(f"k{i}", "") for i in range(51)], b"BadRequest")):
        answer = create("refused", tags)
        check(answer[0] == 400 and code in answer[2], f"a new bucket with {name} is refused", f"{answer[0]} {answer[2][:200]}")
    answer = server.request("PUT", "/refused", body=b"<CreateBucketConfiguration><Tags><Label/></Tags></CreateBucketConfiguration>")
    check(answer[0] == 400 and b"MalformedXML" in answer[2], "and one with something else among its tags", f"{answer[0]} {answer[2][:200]}")
    equal(server.request("HEAD", "/refused")[0], 404, "none of these was created")
    check(server.stop(), "the server stops")


def absent_settings(s3):
    """What no bucket has can be read as empty and switched off, and not switched on."""
    puts = (
        ("acceleration", s3.put_bucket_accelerate_configuration, "AccelerateConfiguration", {"Status": "Suspended"},
         [{"Status": "Enabled"}], s3.get_bucket_accelerate_configuration),
        ("logging", s3.put_bucket_logging, "BucketLoggingStatus", {},
         [{"LoggingEnabled": {"TargetBucket": BUCKET, "TargetPrefix": "logs/"}}], s3.get_bucket_logging),
        ("notifications by EventBridge", s3.put_bucket_notification_configuration, "NotificationConfiguration", {},
         [{"EventBridgeConfiguration": {}}], s3.get_bucket_notification_configuration))
    for name, put, parameter, off, ons, get in puts:
        equal(status(put(Bucket=BUCKET, **{parameter: off})), 200, f"{name} can be switched off")
        for on in ons:
            refused(f"{name} cannot be switched on", "NotImplemented", 501, put, Bucket=BUCKET, **{parameter: on})
        equal(set(get(Bucket=BUCKET)) - {"ResponseMetadata"}, set(), f"{name} read as empty after it")
        refused(f"{name} of a missing bucket", "NoSuchBucket", 404, put, Bucket="missing-bucket", **{parameter: off})


def absent_setting_documents():
    server = Server()
    server.request("PUT", "/" + BUCKET)
    for query, body in (("logging", b"<a/>"), ("logging", b"<BucketLoggingStatus><Other/></BucketLoggingStatus>"),
                        ("notification", b"<NotificationConfiguration><Other/></NotificationConfiguration>"),
                        ("accelerate", b"<AccelerateConfiguration/>"),
                        ("accelerate", b"<AccelerateConfiguration><Status>Paused</Status></AccelerateConfiguration>")):
        answer = server.request("PUT", f"/{BUCKET}?{query}", body=body)
        check(answer[0] == 400 and b"MalformedXML" in answer[2], f"?{query} with {body.decode()} is malformed",
              f"{answer[0]} {answer[2][:200]}")
    check(server.stop(), "the server stops")


def bad_documents():
    server = Server()
    server.request("PUT", "/" + BUCKET)
    server.request("PUT", f"/{BUCKET}/t", body=b"x")
    path = f"/{BUCKET}/t?tagging"
    tagging = b"<Tagging><TagSet/></Tagging>"
    for name, body, headers, code in (
            ("no document", b"", {}, b"MissingRequestBodyError"),
            ("no XML", b"tags", {}, b"MalformedXML"),
            ("another root", b"<Tags/>", {}, b"MalformedXML"),
            ("an entity", b'<!DOCTYPE T [<!ENTITY a "b">]><Tagging><TagSet>&a;</TagSet></Tagging>', {}, b"MalformedXML"),
            ("a wrong MD5", tagging, {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, b"BadDigest"),
            ("a document too large", b"<Tagging>" + b" " * (3 << 20), {}, b"")):
        answer = server.request("PUT", path, body=body, headers=headers)
        check(answer[0] == 400 and code in answer[2], f"{name} is refused", f"{answer[0]} {answer[2][:200]}")
    equal(server.request("PUT", path, body=tagging)[0], 200, "the same path takes a good document")
    check(server.stop(), "the server stops")


def main():
    server = Server(keys=True)
    s3 = client_of(server)
    s3.create_bucket(Bucket=BUCKET)
    object_tags(s3)
    object_tag_limits(s3)
    tags_of_copies_and_uploads(s3)
    bucket_tags(s3)
    tags_of_new_buckets()
    absent_settings(s3)
    absent_setting_documents()
    bad_documents()
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": tag_set(kept="yes")})
    s3.put_object_tagging(Bucket=BUCKET, Key="t", Tagging={"TagSet": tag_set(kept="yes")})
    check(server.stop(), "the server stops")
    server = Server(data=server.data, keys=True)
    s3 = client_of(server)
    equal((s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"], tags_of(s3, "t")), (tag_set(kept="yes"),) * 2, "tags survive a restart")
    check(server.stop(), "the server stops")


main()
done()
