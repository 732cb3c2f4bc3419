#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ACLs, ownership controls, PublicAccessBlock and request payment: what clients put and read, and what it means for others."""
import os

from sluicetest import Server, check, done, equal, error_code, have, run, scratch, skip

try:
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config
    from botocore.exceptions import ClientError
except ImportError:
    skip("acl", "python3-boto3 is not installed")
    done()

BUCKET = "acl-bucket"
KEYS = """key OWNERKEY owner-secret-1 owner:owner *=all
key OTHERKEY other-secret-1 owner:other
key WRITERKEY writer-secret owner:writer acl-bucket=read,write
key THIRDKEY third-secret-1 owner:third
key DROPKEY drop-secret-1 owner:drop acl-bucket=write
"""
ALL = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"


def client_of(server, access=None, secret=None):
    extra = {"signature_version": UNSIGNED} if access is None else {}
    return boto3.client("s3", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=access, aws_secret_access_key=secret,
                        config=Config(retries={"max_attempts": 0}, **extra))


def outcome(call, *args, **kwargs):
    """"ok", or the code of the error."""
    try:
        call(*args, **kwargs)
        return "ok"
    except ClientError as error:
        return error.response["Error"]["Code"]


def grants(answer):
    return [(grant["Grantee"].get("ID") or grant["Grantee"]["URI"], grant["Permission"]) for grant in answer["Grants"]]


OWNERS = [("owner", "FULL_CONTROL")]


def reading_and_writing(owner):
    equal((grants(owner.get_bucket_acl(Bucket=BUCKET)), owner.get_bucket_acl(Bucket=BUCKET)["Owner"]["ID"]), (OWNERS, "owner"),
          "a new bucket is its owner's")
    owner.put_object(Bucket=BUCKET, Key="k", Body=b"x")
    equal(grants(owner.get_object_acl(Bucket=BUCKET, Key="k")), OWNERS, "and so is an object")
    for canned, want in (("public-read", [(ALL, "READ")]), ("public-read-write", [(ALL, "READ"), (ALL, "WRITE")]),
                         ("authenticated-read", [(AUTHENTICATED, "READ")]), ("private", []), ("bucket-owner-full-control", [])):
        owner.put_object_acl(Bucket=BUCKET, Key="k", ACL=canned)
        equal(grants(owner.get_object_acl(Bucket=BUCKET, Key="k")), OWNERS + want, f"{canned} on an object")
        if canned != "bucket-owner-full-control":
            owner.put_bucket_acl(Bucket=BUCKET, ACL=canned)
            equal(grants(owner.get_bucket_acl(Bucket=BUCKET)), OWNERS + want, f"{canned} on the bucket")
    before = owner.head_object(Bucket=BUCKET, Key="k")
    policy = {"Owner": {"ID": "owner"}, "Grants": [
        {"Grantee": {"Type": "CanonicalUser", "ID": "owner"}, "Permission": "FULL_CONTROL"},
        {"Grantee": {"Type": "CanonicalUser", "ID": "other"}, "Permission": "READ_ACP"},
        {"Grantee": {"Type": "Group", "URI": AUTHENTICATED}, "Permission": "READ"}]}
    owner.put_object_acl(Bucket=BUCKET, Key="k", AccessControlPolicy=policy)
    equal(grants(owner.get_object_acl(Bucket=BUCKET, Key="k")), OWNERS + [("other", "READ_ACP"), (AUTHENTICATED, "READ")], "an ACL as XML")
    after = owner.head_object(Bucket=BUCKET, Key="k")
    equal((after["ETag"], after["LastModified"]), (before["ETag"], before["LastModified"]), "leaves ETag and time alone")
    owner.put_object_acl(Bucket=BUCKET, Key="k", GrantRead=f'uri="{ALL}", id="other"', GrantFullControl="id=owner")
    equal(sorted(grants(owner.get_object_acl(Bucket=BUCKET, Key="k"))), sorted(OWNERS + [(ALL, "READ"), ("other", "READ")]), "an ACL as headers")
    owner.put_object(Bucket=BUCKET, Key="k2", Body=b"x", ACL="public-read")
    equal(grants(owner.get_object_acl(Bucket=BUCKET, Key="k2")), OWNERS + [(ALL, "READ")], "an upload may bring its ACL")
    owner.copy_object(Bucket=BUCKET, Key="k3", CopySource=f"{BUCKET}/k2")
    equal(grants(owner.get_object_acl(Bucket=BUCKET, Key="k3")), OWNERS, "a copy does not take it over")
    owner.copy_object(Bucket=BUCKET, Key="k3", CopySource=f"{BUCKET}/k2", ACL="authenticated-read")
    equal(grants(owner.get_object_acl(Bucket=BUCKET, Key="k3")), OWNERS + [(AUTHENTICATED, "READ")], "but may bring its own")
    upload = owner.create_multipart_upload(Bucket=BUCKET, Key="mp", ACL="public-read")["UploadId"]
    part = owner.upload_part(Bucket=BUCKET, Key="mp", UploadId=upload, PartNumber=1, Body=b"x")
    owner.complete_multipart_upload(Bucket=BUCKET, Key="mp", UploadId=upload,
                                    MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    equal(grants(owner.get_object_acl(Bucket=BUCKET, Key="mp")), OWNERS + [(ALL, "READ")], "and so may a multipart upload")
    owner.create_bucket(Bucket="born-public", ACL="public-read", ObjectOwnership="ObjectWriter")
    equal((grants(owner.get_bucket_acl(Bucket="born-public")),
           owner.get_bucket_ownership_controls(Bucket="born-public")["OwnershipControls"]["Rules"]),
          (OWNERS + [(ALL, "READ")], [{"ObjectOwnership": "ObjectWriter"}]), "and a new bucket")


def bad_input(owner):
    put = lambda **what: outcome(owner.put_object_acl, Bucket=BUCKET, Key="k", **what)
    equal(put(ACL="world-writable"), "InvalidArgument", "an unknown canned ACL")
    equal(put(ACL="private", GrantRead="id=x"), "InvalidRequest", "a canned ACL and grants")
    equal(put(GrantRead="uri=http://example.org/all"), "InvalidArgument", "an unknown group")
    equal(put(GrantRead="emailAddress=a@b.c"), "UnresolvableGrantByEmailAddress", "an address of mail")
    equal(put(GrantRead="somebody"), "InvalidArgument", "a grantee without a kind")
    equal(put(AccessControlPolicy={"Owner": {"ID": "other"}, "Grants": []}), "AccessDenied", "an ACL with another owner")
    many = [{"Grantee": {"Type": "CanonicalUser", "ID": "other"}, "Permission": "READ"}] * 101
    equal(put(AccessControlPolicy={"Owner": {"ID": "owner"}, "Grants": many}), "MalformedACLError", "101 grants")
    equal(put(AccessControlPolicy={"Owner": {"ID": "owner"}, "Grants": many[:100]}), "ok", "100 grants")
    bad = [{"Grantee": {"Type": "CanonicalUser", "ID": "x"}, "Permission": "EVERYTHING"}]
    equal(put(AccessControlPolicy={"Owner": {"ID": "owner"}, "Grants": bad}), "MalformedACLError", "an unknown permission")
    equal(outcome(owner.get_object_acl, Bucket=BUCKET, Key="missing"), "NoSuchKey", "the ACL of a missing key")


def write_reaches_ones_own(server, owner, other, anybody):
    """WRITE on the bucket creates; what is there is replaced and deleted by who owns it."""
    third = client_of(server, "THIRDKEY", "third-secret-1")
    put = lambda who, key, **more: outcome(who.put_object, Bucket=BUCKET, Key=key, Body=b"x", **more)
    remove = lambda who, key: outcome(who.delete_object, Bucket=BUCKET, Key=key)

    def put_new(who, key): # also with a boto3 that knows no IfNoneMatch
        def add(request, **_):
            request.headers["If-None-Match"] = "*"
        who.meta.events.register("before-sign.s3.PutObject", add)
        try:
            return put(who, key)
        finally:
            who.meta.events.unregister("before-sign.s3.PutObject", add)
    copy = lambda who, key: outcome(who.copy_object, Bucket=BUCKET, Key=key, CopySource=f"{BUCKET}/shared")
    owner.put_object(Bucket=BUCKET, Key="shared", Body=b"x", ACL="public-read")
    owner.put_object(Bucket=BUCKET, Key="owners", Body=b"o")
    for who, name in ((other, "another user"), (anybody, "anybody")):
        equal([put(who, "owners"), copy(who, "owners"), remove(who, "owners"), put_new(who, "owners")], ["AccessDenied"] * 4,
              f"{name} neither replaces nor deletes what is the bucket owner's")
        add = copy if who is other else put  # copying takes somebody
        equal([put(who, "others"), add(who, "others/copy"), remove(who, "missing")], ["ok"] * 3, f"{name} creates, also by copying, if he has a name")
        equal([put(third, "others"), copy(third, "others/copy"), remove(third, "others")], ["AccessDenied"] * 3, "a third cannot touch that")
        mine = "ok" if who is other else "AccessDenied"  # nobody can show that something anonymous is his
        equal([put(who, "others"), copy(who, "others/copy"), remove(who, "others"), remove(who, "others/copy")], [mine] * 4,
              f"{name} replaces and deletes his own: {mine}")
        equal([remove(owner, "others"), remove(owner, "others/copy")], ["ok"] * 2, "the bucket's owner may anything")
    equal(copy(anybody, "another"), "AccessDenied", "without one he copies nothing")
    equal(owner.get_object(Bucket=BUCKET, Key="owners")["Body"].read(), b"o", "the owner's object is untouched")
    other.put_object(Bucket=BUCKET, Key="others", Body=b"x")
    names = lambda answer, kind: sorted(entry["Key"] for entry in answer.get(kind, []))
    answer = other.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "owners"}, {"Key": "others"}, {"Key": "missing"}]})
    equal((names(answer, "Deleted"), names(answer, "Errors")), (["missing", "others"], ["owners"]), "among many keys one's own are deleted")
    equal(outcome(other.put_object_tagging, Bucket=BUCKET, Key="others", Tagging={"TagSet": []}), "AccessDenied", "and nothing else")

    def upload(who, key):
        upload_id = who.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
        etag = who.upload_part(Bucket=BUCKET, Key=key, UploadId=upload_id, PartNumber=1, Body=b"x")["ETag"]
        return {"Bucket": BUCKET, "Key": key, "UploadId": upload_id}, {"Parts": [{"PartNumber": 1, "ETag": etag}]}

    for maker in (owner, other):
        named, parts = upload(maker, "mp")
        equal([outcome(third.upload_part, PartNumber=1, Body=b"y", **named), outcome(third.list_parts, **named),
               outcome(third.upload_part_copy, PartNumber=1, CopySource=f"{BUCKET}/shared", **named),
               outcome(third.complete_multipart_upload, MultipartUpload=parts, **named), outcome(third.abort_multipart_upload, **named),
               outcome(anybody.abort_multipart_upload, **named), outcome(anybody.upload_part, PartNumber=1, Body=b"y", **named)],
              ["AccessDenied"] * 7, "another's upload is out of reach")
        equal([outcome(maker.list_parts, **named), outcome(maker.complete_multipart_upload, MultipartUpload=parts, **named)], ["ok"] * 2,
              "whoever began it goes on with it")
        equal(remove(maker, "mp"), "ok", "and deletes what it became")
    named, parts = upload(other, "mp")
    equal(outcome(other.abort_multipart_upload, **named), "ok", "or aborts it")
    equal(outcome(other.abort_multipart_upload, **named), "NoSuchUpload", "once")
    equal(outcome(anybody.create_multipart_upload, Bucket=BUCKET, Key="mp"), "AccessDenied", "nobody's upload could not be gone on with")
    named, parts = upload(other, "late")
    owner.put_object(Bucket=BUCKET, Key="late", Body=b"first")
    equal(outcome(other.complete_multipart_upload, MultipartUpload=parts, **named), "AccessDenied", "nor does an upload replace another's object")
    owner.delete_object(Bucket=BUCKET, Key="late")
    equal(outcome(other.complete_multipart_upload, MultipartUpload=parts, **named), "ok", "it waits until there is none")
    form = lambda key: server.request("POST", f"/{BUCKET}", f'--e\r\nContent-Disposition: form-data; name="key"\r\n\r\n{key}\r\n--e\r\nContent-Disposition: '
                                      'form-data; name="file"; filename="f"\r\n\r\nx\r\n--e--\r\n', {"Content-Type": "multipart/form-data; boundary=e"})[0]
    equal([form("owners"), form("by-form"), form("by-form")], [403, 204, 403], "an anonymous form creates, too, and replaces nothing")
    race(server, owner)


def race(server, owner):
    """Whose the object is that is replaced is asked once more when the body is there: here another's has come meanwhile."""
    with server.open_socket() as sock:
        sock.sendall(f"PUT /{BUCKET}/raced HTTP/1.1\r\nHost: {server.host}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n".encode())
        check(sock.recv(1 << 16).startswith(b"HTTP/1.1 100 "), "an anonymous put of a new key is let in")
        owner.put_object(Bucket=BUCKET, Key="raced", Body=b"owner's")
        sock.sendall(b"other")
        answer = sock.recv(1 << 16)
    check(answer.startswith(b"HTTP/1.1 401 "), "an object that came meanwhile is not replaced", repr(answer[:60]))
    equal(owner.get_object(Bucket=BUCKET, Key="raced")["Body"].read(), b"owner's", "and stays")


def meaning(server, owner):
    other, anybody = client_of(server, "OTHERKEY", "other-secret-1"), client_of(server)
    writer = client_of(server, "WRITERKEY", "writer-secret")
    get = lambda who: outcome(who.get_object, Bucket=BUCKET, Key="m")
    listing = lambda who: outcome(who.list_objects_v2, Bucket=BUCKET)
    put = lambda who: outcome(who.put_object, Bucket=BUCKET, Key="by-others", Body=b"x")
    owner.put_object(Bucket=BUCKET, Key="m", Body=b"x")
    owner.put_bucket_acl(Bucket=BUCKET, ACL="private")
    equal([f(who) for f in (get, listing, put) for who in (anybody, other)], ["AccessDenied"] * 6, "private is private")
    for canned, wanted in (("public-read", ["ok", "ok"]), ("authenticated-read", ["AccessDenied", "ok"]), ("private", ["AccessDenied"] * 2)):
        owner.put_object_acl(Bucket=BUCKET, Key="m", ACL=canned)
        equal([get(anybody), get(other)], wanted, f"{canned}: who may get the object")
        equal([listing(anybody), put(anybody)], ["AccessDenied"] * 2, f"{canned}: and nothing else")
    for canned, wanted in (("public-read", ["ok", "ok"]), ("authenticated-read", ["AccessDenied", "ok"])):
        owner.put_bucket_acl(Bucket=BUCKET, ACL=canned)
        equal([listing(anybody), listing(other)], wanted, f"{canned}: who may list the bucket")
        equal([get(anybody), put(other)], ["AccessDenied"] * 2, f"{canned}: objects are not meant")
    owner.put_bucket_acl(Bucket=BUCKET, ACL="public-read-write")
    equal([put(other), put(other), get(anybody)], ["ok", "ok", "AccessDenied"], "public-read-write: everybody may put")
    equal(outcome(anybody.get_object, Bucket=BUCKET, Key="missing"), "NoSuchKey", "who may list is told what is not there")
    write_reaches_ones_own(server, owner, other, anybody)
    equal(outcome(anybody.put_bucket_acl, Bucket=BUCKET, ACL="private"), "AccessDenied", "but not change the ACL")
    equal(outcome(anybody.get_bucket_tagging, Bucket=BUCKET), "AccessDenied", "nor read settings")
    owner.put_bucket_acl(Bucket=BUCKET, ACL="private")
    owner.put_object_acl(Bucket=BUCKET, Key="m", GrantRead="id=other", GrantReadACP="id=other")
    equal([get(other), outcome(other.get_object_acl, Bucket=BUCKET, Key="m"), get(anybody)], ["ok", "ok", "AccessDenied"], "one user by id")
    equal(outcome(writer.put_object, Bucket=BUCKET, Key="w", Body=b"x", ACL="public-read"), "AccessDenied",
          "a key that may only write cannot make public")
    equal(outcome(writer.put_object_acl, Bucket=BUCKET, Key="m", ACL="public-read"), "AccessDenied", "nor later")
    drop = client_of(server, "DROPKEY", "drop-secret-1")
    drop.put_object(Bucket=BUCKET, Key="dropped", Body=b"x")
    equal([outcome(drop.get_object, Bucket=BUCKET, Key="dropped"), outcome(drop.put_object_acl, Bucket=BUCKET, Key="dropped", ACL="public-read")],
          ["AccessDenied"] * 2, "a key that may only write cannot read or publish what it wrote")
    equal(outcome(writer.put_object, Bucket=BUCKET, Key="w", Body=b"x", ACL="bucket-owner-full-control"), "ok",
          "it may give the bucket's owner full control")
    acl = owner.get_object_acl(Bucket=BUCKET, Key="w")
    equal((acl["Owner"]["ID"], grants(acl)), ("writer", [("writer", "FULL_CONTROL"), ("owner", "FULL_CONTROL")]), "who is told so")


def ownership(owner):
    anybody_reads = lambda server: server.request("GET", f"/{BUCKET}/o")[0]
    rules = lambda name: {"Rules": [{"ObjectOwnership": name}]}
    equal(outcome(owner.get_bucket_ownership_controls, Bucket=BUCKET), "OwnershipControlsNotFoundError", "no ownership controls")
    owner.put_object(Bucket=BUCKET, Key="o", Body=b"x", ACL="public-read")
    owner.put_bucket_acl(Bucket=BUCKET, ACL="public-read")
    equal(outcome(owner.put_bucket_ownership_controls, Bucket=BUCKET, OwnershipControls=rules("BucketOwnerEnforced")),
          "InvalidBucketAclWithObjectOwnership", "ACLs are not disabled while the bucket has one")
    owner.put_bucket_acl(Bucket=BUCKET, ACL="private")
    equal(anybody_reads(SERVER), 200, "an ACL counts")
    owner.put_bucket_ownership_controls(Bucket=BUCKET, OwnershipControls=rules("BucketOwnerEnforced"))
    equal(owner.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"], rules("BucketOwnerEnforced"), "ownership controls are told")
    equal(anybody_reads(SERVER), 401, "until ACLs are disabled")
    for call, arguments in ((owner.put_object_acl, {"Key": "o"}), (owner.put_bucket_acl, {}), (owner.put_object, {"Key": "o", "Body": b"x"})):
        equal(outcome(call, Bucket=BUCKET, ACL="public-read", **arguments), "AccessControlListNotSupported", "then public-read is refused")
        if call != owner.put_bucket_acl:
            equal(outcome(call, Bucket=BUCKET, ACL="bucket-owner-full-control", **arguments), "ok", "but not what is the case anyway")
    writer = client_of(SERVER, "WRITERKEY", "writer-secret")
    writer.put_object(Bucket=BUCKET, Key="by-writer", Body=b"x")
    equal(owner.get_object_acl(Bucket=BUCKET, Key="by-writer")["Owner"]["ID"], "owner", "objects are the bucket owner's")
    owner.put_bucket_ownership_controls(Bucket=BUCKET, OwnershipControls=rules("BucketOwnerPreferred"))
    for acl, want in (("bucket-owner-full-control", "owner"), ("private", "writer")):
        writer.put_object(Bucket=BUCKET, Key="by-writer", Body=b"x", ACL=acl)
        equal(owner.get_object_acl(Bucket=BUCKET, Key="by-writer")["Owner"]["ID"], want, f"BucketOwnerPreferred with {acl}")
    equal(owner.delete_bucket_ownership_controls(Bucket=BUCKET)["ResponseMetadata"]["HTTPStatusCode"], 204, "ownership controls are deleted")
    equal(SERVER.request("PUT", f"/{BUCKET}?ownershipControls")[0], 401, "and are not for everybody")


def public_access_block(owner):
    block = lambda **switches: owner.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=switches)
    status = lambda: SERVER.request("GET", f"/{BUCKET}/p")[0]
    equal(outcome(owner.get_public_access_block, Bucket=BUCKET), "NoSuchPublicAccessBlockConfiguration", "no PublicAccessBlock")
    owner.put_object(Bucket=BUCKET, Key="p", Body=b"x", ACL="public-read")
    equal(status(), 200, "a public object")
    block(IgnorePublicAcls=True)
    equal(owner.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"],
          {"BlockPublicAcls": False, "IgnorePublicAcls": True, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}, "is told")
    equal(status(), 401, "is not public while public ACLs are ignored")
    equal(outcome(owner.put_object_acl, Bucket=BUCKET, Key="p", ACL="public-read"), "ok", "though they can be put")
    block(BlockPublicAcls=True)
    equal(status(), 200, "what is there counts again")
    equal([outcome(owner.put_object_acl, Bucket=BUCKET, Key="p", ACL="public-read"),
           outcome(owner.put_object, Bucket=BUCKET, Key="p", Body=b"x", ACL="public-read"),
           outcome(owner.put_bucket_acl, Bucket=BUCKET, ACL="authenticated-read"),
           outcome(owner.put_bucket_acl, Bucket=BUCKET, GrantRead="id=other")], ["AccessDenied"] * 3 + ["ok"], "but nothing public can be put")
    policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::%s/*"}]}' % BUCKET
    owner.put_object_acl(Bucket=BUCKET, Key="p", ACL="private")
    block(BlockPublicPolicy=True)
    equal(outcome(owner.put_bucket_policy, Bucket=BUCKET, Policy=policy), "AccessDenied", "nor a public policy, when that is forbidden")
    block()
    owner.put_bucket_policy(Bucket=BUCKET, Policy=policy)
    equal(status(), 200, "a public policy")
    block(RestrictPublicBuckets=True)
    equal(status(), 401, "counts for nobody else while public buckets are restricted")
    owner.delete_public_access_block(Bucket=BUCKET)
    equal(status(), 200, "and counts again")
    owner.delete_bucket_policy(Bucket=BUCKET)


def request_payment(owner):
    put = lambda payer: outcome(owner.put_bucket_request_payment, Bucket=BUCKET, RequestPaymentConfiguration={"Payer": payer})
    equal([put("BucketOwner"), put("Requester"), put("Nobody")], ["ok", "NotImplemented", "MalformedXML"], "who pays")
    equal(owner.get_bucket_request_payment(Bucket=BUCKET)["Payer"], "BucketOwner", "the bucket's owner does")


def s3cmd():
    if not have("s3cmd"):
        skip("s3cmd setacl", "s3cmd is not installed")
        return
    address = SERVER.url[len("http://"):]
    base = ["s3cmd", "--config=/dev/null", "--access_key=OWNERKEY", "--secret_key=owner-secret-1", f"--host={address}",
            f"--host-bucket={address}", "--no-ssl", "--region=us-east-1"]
    path = scratch("s3cmd.txt")
    with open(path, "w") as out:
        out.write("by s3cmd")
    status, text = run([*base, "put", "--acl-public", path, f"s3://{BUCKET}/s3cmd"])
    equal((status, SERVER.request("GET", f"/{BUCKET}/s3cmd")[2]), (0, b"by s3cmd"), "s3cmd put --acl-public")
    status, text = run([*base, "setacl", "--acl-private", f"s3://{BUCKET}/s3cmd"])
    equal((status, SERVER.request("GET", f"/{BUCKET}/s3cmd")[0]), (0, 401), "s3cmd setacl --acl-private")
    status, text = run([*base, "setacl", "--acl-public", f"s3://{BUCKET}/s3cmd"])
    equal((status, SERVER.request("GET", f"/{BUCKET}/s3cmd")[0]), (0, 200), "s3cmd setacl --acl-public")
    status, text = run([*base, "setacl", "--acl-grant=read:other", f"s3://{BUCKET}/s3cmd"])
    status, text = run([*base, "info", f"s3://{BUCKET}/s3cmd"])
    check(status == 0 and "other: READ" in text and "*anon*: READ" in text, "s3cmd info tells the grants", text)


def main():
    global SERVER
    path = scratch("credentials")
    with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as out:
        out.write(KEYS)
    SERVER = Server(args=["--credentials", path])
    owner = client_of(SERVER, "OWNERKEY", "owner-secret-1")
    owner.create_bucket(Bucket=BUCKET)
    reading_and_writing(owner)
    bad_input(owner)
    meaning(SERVER, owner)
    ownership(owner)
    public_access_block(owner)
    request_payment(owner)
    s3cmd()
    check(SERVER.stop(), "the server stops")
    again = Server(data=SERVER.data, args=["--credentials", path])
    owner = client_of(again, "OWNERKEY", "owner-secret-1")
    equal(grants(owner.get_bucket_acl(Bucket="born-public")), OWNERS + [(ALL, "READ")], "ACLs survive a restart")
    equal(error_code(again.request("GET", "/born-public?acl")[2]), "AccessDenied", "and still grant no more than they say")
    check(again.stop(), "the server stops")


main()
done()
