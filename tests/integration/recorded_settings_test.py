#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Buckets and their settings as S3 was recorded to serve them: creation, tags, CORS, ACLs, documents that are not there."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from recorded import Client, Server, check, equal, refused, text, texts
from sluicetest import done

BUCKET = "/bucket"


def located(region):
    return f"<CreateBucketConfiguration><LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"


def creation(client):
    status, headers, _ = client.put(BUCKET)
    equal((status, headers.get("x-amz-bucket-arn")), (200, "arn:aws:s3:::bucket"), "CreateBucket tells the ARN")
    headers = client.ask("HEAD", BUCKET)[1]
    equal((headers.get("x-amz-bucket-arn"), headers.get("x-amz-access-point-alias")), ("arn:aws:s3:::bucket", "false"), "HeadBucket, too")
    for region in ("us-east-1", "nowhere", "us-east", "us east-1"):
        refused(client.put("/located", located(region)), 400, "InvalidLocationConstraint", f"{region} is no constraint in us-east-1", LocationConstraint=region)
    for region in ("eu-west-3", "EU"):
        refused(client.put("/located", located(region)), 400, "IllegalLocationConstraintException", f"{region} is somewhere else")
    equal(client.put("/located", located(""))[0], 200, "an empty one says nothing")
    tagged = "<CreateBucketConfiguration><Tags><Tag><Key>a</Key><Value>b</Value></Tag></Tags></CreateBucketConfiguration>"
    refused(client.put(BUCKET, tagged), 409, "BucketAlreadyOwnedByYou", "a bucket that is there cannot be created with tags", BucketName="bucket")
    equal(client.put("/tagged", tagged)[0], 200, "a new one can")


def again(client):
    """In us-east-1 creating one's own bucket succeeds, and resets its ACL."""
    def grants():
        return client.get("/again?acl")[2].count(b"<Grant>")
    client.put("/again")
    equal(client.put("/again?acl", x_amz_acl="public-read")[0], 200, "a bucket is made public")
    equal((grants(), client.put("/again")[0], grants()), (2, 200, 1), "created again, it is private")
    equal((client.put("/again", x_amz_acl="public-read")[0], grants()), (200, 2), "created again with an ACL, it has that")
    client.put("/again?publicAccessBlock", "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>")
    equal((client.put("/again")[0], grants()), (200, 1), "private again")
    refused(client.put("/again", x_amz_acl="public-read"), 403, "AccessDenied", "but not public where public ACLs are blocked")
    equal(grants(), 1, "it stays private")
    deny = """{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:PutBucketAcl",
              "Resource": "arn:aws:s3:::denied"}]}"""
    client.put("/denied")
    client.put("/denied?policy", deny)
    equal(client.put("/denied")[0], 200, "where a policy denies ACLs, it may be created again")
    refused(client.put("/denied", x_amz_acl="public-read"), 403, "AccessDenied", "but not with one")


def tags(client):
    tagging = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
    equal(client.put(BUCKET + "?tagging", tagging)[0], 204, "PutBucketTagging is 204")
    equal(client.put(BUCKET + "?tagging", tagging, user_agent="MinIO (linux; x64) minio-js/8.0.7")[0], 200, "but for minio-js, which takes that for a failure")
    client.put(BUCKET + "/k", b"x", x_amz_tagging="a=b")
    equal(client.put(BUCKET + "/k?tagging", "<Tagging/>")[0], 200, "PutObjectTagging without a TagSet")
    equal(client.get(BUCKET + "/k?tagging")[2].count(b"<Tag>"), 0, "is an empty set")
    equal((client.put(BUCKET + "?tagging", "<Tagging/>")[0], client.get(BUCKET + "?tagging")[0]), (204, 404), "PutBucketTagging, too")
    for value in ("k1=v,k2=w", "a=b&a=c"):
        refused(client.put(BUCKET + "/k", b"x", x_amz_tagging=value), 400, "InvalidArgument", f"x-amz-tagging: {value}", ArgumentName="x-amz-tagging",
                ArgumentValue=value)
    equal(client.put(BUCKET + "/k", b"x", x_amz_tagging="a=b=c")[0], 200, "a second sign of equality belongs to the value")


def rule(inner):
    return f"<CORSConfiguration><CORSRule>{inner}</CORSRule></CORSConfiguration>"


def cors(client, anybody):
    origin = {"origin": "http://page.example"}
    refused(anybody.ask("OPTIONS", BUCKET, headers=origin), 403, "AccessForbidden", "a preflight that names no method, of a bucket without CORS",
            Method="OPTIONS", ResourceType="BUCKET")
    refused(anybody.ask("OPTIONS", BUCKET + "/k", headers={**origin, "access-control-request-method": "PUT"}), 403, "AccessForbidden", "one that names a method",
            Method="PUT", ResourceType="BUCKET")
    odd = rule("<AllowedOrigin></AllowedOrigin><AllowedOrigin>*</AllowedOrigin><AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod>"
               "<AllowedMethod>PUT</AllowedMethod><MaxAgeSeconds>-1</MaxAgeSeconds>")
    equal(client.put(BUCKET + "?cors", odd)[0], 200, "an empty origin and a negative age are taken")
    body = client.get(BUCKET + "?cors")[2]
    equal((texts(body, "AllowedMethod"), texts(body, "AllowedOrigin"), text(body, "MaxAgeSeconds")), (["PUT", "GET"], ["", "*"], "-1"),
          "and told, with the methods in their order")
    headers = anybody.ask("OPTIONS", BUCKET, headers={**origin, "access-control-request-method": "GET"})[1]
    equal((headers.get("access-control-allow-methods"), headers.get("access-control-max-age")), ("PUT, GET", "-1"), "also by a preflight")
    refused(anybody.ask("OPTIONS", BUCKET, headers=origin), 400, "BadRequest", "where there is CORS, a preflight has to name a method")
    for name, inner in (("an empty header", "<AllowedHeader></AllowedHeader>"), ("an empty header to expose", "<ExposeHeader></ExposeHeader>"),
                        ("an age that is none", "<MaxAgeSeconds>-</MaxAgeSeconds>")):
        refused(client.put(BUCKET + "?cors", rule("<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>" + inner)), 400, "MalformedXML", name)
    client.put(BUCKET + "?cors", rule("<AllowedOrigin>*</AllowedOrigin><AllowedMethod>PUT</AllowedMethod>"))
    equal("access-control-allow-origin" in client.get(BUCKET + "/k", **origin)[1], False, "a GET that no rule allows is told nothing")
    equal(client.get(BUCKET + "/k", **origin, access_control_request_method="PUT")[1].get("access-control-allow-origin"), "*",
          "unless it names a method that one allows")


def acls(client):
    refused(client.put(BUCKET + "?acl"), 400, "MissingSecurityHeader", "PutBucketAcl with nothing", MissingHeaderName="x-amz-acl")
    refused(client.put(BUCKET + "/k?acl"), 400, "MissingSecurityHeader", "PutObjectAcl with nothing", MissingHeaderName="x-amz-acl")
    document = client.get(BUCKET + "?acl")[2].decode()
    equal(client.put(BUCKET + "?acl", document)[0], 200, "an ACL that was got can be put")
    owner = document[document.index("<Owner>"):document.index("</Owner>") + len("</Owner>")]
    refused(client.put(BUCKET + "?acl", document.replace(owner, "")), 400, "MalformedACLError", "an ACL without an owner")
    refused(client.put(BUCKET + "?acl", document.replace(owner, "<Owner/>")), 400, "MalformedACLError", "or with one that is nobody")
    refused(client.put(BUCKET + "?acl", document.replace('"CanonicalUser"', '"Nonsense"')), 400, "MalformedACLError", "an unknown kind of grantee")
    granted = document.replace("</AccessControlList>", '<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser">'
                               "<ID>nobody-of-ours</ID></Grantee><Permission>READ</Permission></Grant></AccessControlList>")
    refused(client.put(BUCKET + "?acl", granted), 400, "InvalidArgument", "a grant to nobody's account, in a document", Message="Invalid id",
            ArgumentName="CanonicalUser/ID", ArgumentValue="nobody-of-ours")
    for path, body in ((BUCKET + "?acl", b""), (BUCKET + "/k?acl", b""), (BUCKET + "/k", b"x"), ("/granted", b"")):
        refused(client.put(path, body, x_amz_grant_read='id="nobody-of-ours"'), 400, "InvalidArgument", f"in a header of PUT {path}", Message="Invalid id")
    equal(client.ask("HEAD", "/granted")[0], 404, "no bucket is made with it")


def documents(client):
    refused(client.put(BUCKET + "?policy"), 400, "MalformedPolicy", "PutBucketPolicy without a body")
    client.put("/locked", x_amz_bucket_object_lock_enabled="true")
    client.put("/locked/k", b"x")
    refused(client.put("/locked/k?legal-hold"), 400, "MalformedXML", "PutObjectLegalHold without a body")


def expected_owner(client):
    for path in (BUCKET, BUCKET + "/k"):
        for value, status, code in (("abcd", 400, "InvalidBucketOwnerAWSAccountID"), ("12345678901", 400, "InvalidBucketOwnerAWSAccountID"),
                                    ("123456789012", 403, "AccessDenied")):
            refused(client.get(path, x_amz_expected_bucket_owner=value), status, code, f"GET {path} that expects the owner {value}")
    refused(client.put(BUCKET + "/copy", x_amz_copy_source=BUCKET + "/k", x_amz_source_expected_bucket_owner="abcd"), 400, "InvalidBucketOwnerAWSAccountID",
            "a copy that expects one of its source")
    owner = text(client.get(BUCKET + "?acl")[2], "ID")
    equal(client.get(BUCKET, x_amz_expected_bucket_owner=owner)[0], 200, "the canonical id is known, too")


server = Server(keys=True)
client, anybody = Client(server), Client(server, access=None)
creation(client)
again(client)
tags(client)
cors(client, anybody)
acls(client)
documents(client)
expected_owner(client)
check(server.stop(), "the server ends cleanly")
done()
