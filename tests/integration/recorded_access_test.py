#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Who may do what, as S3 was recorded to judge it: ACLs of uploads, ownership, strangers, what is not there."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from post_object_test import post
from recorded import Client, Server, check, equal, refused
from sluicetest import done, scratch

CREDENTIALS = """
user owner owner-id
user guest guest-id
user other other-id
key OWNERKEY owner-secret owner:owner *=all
key GUESTKEY guest-secret owner:guest @own=all
key OTHERKEY other-secret owner:other @own=all
key WRITEKEY write-secret owner:writer drop=write
"""
PATH = scratch("credentials")
with open(PATH, "w") as file:
    file.write(CREDENTIALS)
os.chmod(PATH, 0o600)
server = Server(args=["--credentials", PATH, "--web-auth", "off"])  # S3 invites nobody
owner, guest, other, writer = (Client(server, f"{name.upper()}KEY", f"{name}-secret") for name in ("owner", "guest", "other", "write"))
anybody = Client(server, access=None)


def policy(bucket, *statements):
    document = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"], **more}
        for principal, actions, more in statements]}
    return owner.put(f"/{bucket}?policy", json.dumps(document))


def guests_objects():
    """Who is let into another's bucket owns what he writes, and may read it again."""
    owner.put("/drop")
    equal(policy("drop", ({"AWS": "arn:aws:iam:::user/guest"}, ["s3:PutObject"], {}))[0], 204, "a policy lets a guest write")
    equal((guest.put("/drop/his", b"his")[0], owner.put("/drop/mine", b"mine")[0]), (200, 200), "both write")
    equal(guest.get("/drop/his")[::2], (200, b"his"), "the guest reads what he wrote")
    equal(guest.get("/drop/his?acl")[0], 200, "and its ACL")
    refused(guest.get("/drop/mine"), 403, "AccessDenied", "but not what the owner wrote")
    refused(other.get("/drop/his"), 403, "AccessDenied", "nor may another read it")
    equal(guest.put("/drop/his?acl", x_amz_acl="public-read")[0], 200, "he may let everybody read it")
    equal(anybody.get("/drop/his")[::2], (200, b"his"), "and they do")
    equal(writer.put("/drop/written", b"written")[0], 200, "a key that was given the right to write by configuration writes")
    refused(writer.get("/drop/written"), 403, "AccessDenied", "and reads nothing back")
    owner.put("/drop?ownershipControls", "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>")
    refused(guest.get("/drop/his"), 403, "AccessDenied", "with BucketOwnerEnforced it is not his any more")


def enforced():
    for acl in ("private", "public-read", "bucket-owner-read"):
        refused(owner.put("/drop/k", b"x", x_amz_acl=acl), 400, "AccessControlListNotSupported", f"BucketOwnerEnforced refuses {acl}")
        refused(owner.put("/drop/mine?acl", x_amz_acl=acl), 400, "AccessControlListNotSupported", f"also by PutObjectAcl")
    refused(owner.put("/drop?acl", x_amz_acl="private"), 400, "AccessControlListNotSupported", "and by PutBucketAcl")
    equal(owner.put("/drop/k", b"x", x_amz_acl="bucket-owner-full-control")[0], 200, "but not bucket-owner-full-control")
    equal(owner.put("/drop/k", b"x", x_amz_grant_full_control='id="owner-id"')[0], 200, "nor the same as a grant")
    equal(owner.put("/drop/k?acl", owner.get("/drop/k?acl")[2])[0], 200, "or as a document")
    owner.put("/granted")
    owner.put("/granted?acl", x_amz_acl="public-read")
    refused(owner.put("/granted?ownershipControls", "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>"),
            400, "InvalidBucketAclWithObjectOwnership", "it cannot be switched on while the bucket's ACL grants others something")


def writes_by_acl():
    """The bucket's ACL lets somebody write: with whatever ACL and tags."""
    owner.put("/shared")
    owner.put("/shared?acl", x_amz_grant_write='id="guest-id"')
    equal(guest.put("/shared/k", b"x", x_amz_acl="public-read", x_amz_tagging="a=b")[0], 200, "an upload with an ACL and tags")
    equal((anybody.get("/shared/k")[0], owner.get("/shared/k?tagging")[2].count(b"<Tag>")), (200, 1), "which it has")
    refused(other.put("/shared/k2", b"x", x_amz_acl="public-read"), 403, "AccessDenied", "nobody else may")
    refused(guest.put("/shared/k?tagging", "<Tagging><TagSet/></Tagging>"), 403, "AccessDenied", "nor tag what is there already")
    owner.put("/shared?acl", x_amz_acl="public-read-write")
    equal(post(server, {"key": "form", "acl": "public-read"}, path="/shared")[0], 204, "a stranger's form may have one, where everybody may write")
    equal(anybody.get("/shared/form")[0], 200, "and has it")


def private_uploads():
    """What is private anyway needs no leave."""
    owner.put("/private")
    policy("private", ({"AWS": "arn:aws:iam:::user/guest"}, ["s3:PutObject"], {}))
    equal(guest.put("/private/k", b"x", x_amz_acl="private")[0], 200, "x-amz-acl: private needs the right to write")
    refused(guest.put("/private/k", b"x", x_amz_acl="public-read"), 403, "AccessDenied", "public-read needs more")


def strangers():
    """Whom a public policy lets in may not do everything that it says."""
    owner.put("/public")
    owner.put("/public/k", b"x")
    equal(policy("public", ("*", ["s3:*"], {}))[0], 204, "a policy allows everything to everybody")
    equal((anybody.put("/public/new", b"x")[0], anybody.get("/public/new")[0], anybody.delete("/public/new")[0]), (200, 200, 204), "they write, read and delete")
    refused(anybody.post("/public/new?uploads"), 403, "AccessDenied", "but begin no upload in parts",
            Message="Anonymous users cannot initiate multipart uploads.  Please authenticate.")
    refused(anybody.put("/public/new", x_amz_copy_source="/public/k"), 403, "AccessDenied", "copy nothing",
            Message="Anonymous users cannot copy objects.  Please authenticate.")
    refused(anybody.put("/public?acl", x_amz_acl="private"), 403, "AccessDenied", "and set no ACL of the bucket",
            Message="Anonymous users cannot invoke this API.  Please authenticate.")
    equal(other.post("/public/new?uploads")[0], 200, "who says who he is begins one")


def what_is_not_there():
    refused(anybody.get("/no-such-bucket/k"), 404, "NoSuchBucket", "a stranger's question about a bucket that is not there")
    owner.put("/prefixed")
    policy("prefixed", ("*", ["s3:GetObject"], {}), ("*", ["s3:ListBucket"], {"Condition": {"StringLike": {"s3:prefix": "open/*"}}}))
    refused(anybody.get("/prefixed/open/missing"), 404, "NoSuchKey", "a key that is not there, where its prefix may be listed")
    refused(anybody.get("/prefixed/closed/missing"), 403, "AccessDenied", "and where not")
    refused(anybody.get("/prefixed/closed/missing?prefix=open/x"), 403, "AccessDenied", "whatever the request's own prefix")


for family in (guests_objects, enforced, writes_by_acl, private_uploads, strangers, what_is_not_there):
    family()
check(server.stop(), "the server ends cleanly")
done()
