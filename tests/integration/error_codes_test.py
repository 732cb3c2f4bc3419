#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The error codes that S3 documents, operation by operation: each request here is wrong in one way, and has one answer. A check at
the end knows which operations are served (api/s3/OPERATIONS.md) and which codes there are (api/s3/error/s3_error.h), and misses none.

Then documents that are meant to do harm: entities that multiply, external ones, deep and wide trees, two megabytes, 10,001 parts. They
are refused, and the server's memory stays what it was."""
import base64
import concurrent.futures
import glob
import hashlib
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import error_codes_elements
import error_codes_forms
from error_codes_rows import ask, covered, rows, seen
from error_codes_shape import LOCKED, conflicts, lengths, versions_nowhere
from operations_requests import DOCUMENTS, HEADERS, OF_OBJECTS, ON_BUCKETS, ON_OBJECTS, UNKNOWN, address, body_of
from operations_table import table
from signer import Signer, unsigned_chunks
from sluicetest import ACCESS, ROOT, SECRET, SLUICE, Server, check, content_md5, done, equal, error_code, scratch, skip

MD5 = base64.b64encode(hashlib.md5(b"other").digest()).decode()
CUSTOMER = {"x-amz-server-side-encryption-customer-algorithm": "AES256", "x-amz-server-side-encryption-customer-key": base64.b64encode(b"k" * 32).decode(),
            "x-amz-server-side-encryption-customer-key-MD5": base64.b64encode(hashlib.md5(b"k" * 32).digest()).decode()}


# ---- What every operation has in common ----

# What an operation says of a document that is none: MalformedXML but for these.
MALFORMED = {"PutBucketAcl": "MalformedACLError", "PutObjectAcl": "MalformedACLError"}
# And of an empty one: MissingRequestBodyError but for these.
EMPTY = {"CompleteMultipartUpload": "InvalidRequest", "PutBucketAcl": "MissingSecurityHeader", "PutObjectAcl": "MissingSecurityHeader",
         "PutObjectLegalHold": "MalformedXML"}

# Who has no keys takes these documents with a digest only.
DIGESTED = {"PublishObjects"}

# What S3 does not take as the condition of an upload.
UNSUPPORTED_CONDITIONS = [("If-None-Match of an ETag", {"if-none-match": '"x"'}, 501, "NotImplemented"),
                          ("If-None-Match of several", {"if-none-match": '"x", "y"'}, 501, "NotImplemented"),
                          ("If-Match: *", {"if-match": "*"}, 501, "NotImplemented"),
                          ("both conditions", {"if-match": '"x"', "if-none-match": "*"}, 501, "NotImplemented")]


def nothing_there(server):
    rows(server, "ListObjects", ("an expected owner that is none", "GET", "/errors", {"x-amz-expected-bucket-owner": "x"}, None, 400,
                                  "InvalidBucketOwnerAWSAccountID"))
    for operation in [*ON_BUCKETS, *ON_OBJECTS]:
        method, path = address(operation, "missing-bucket")
        rows(server, operation, ("no such bucket", method, path, HEADERS.get(operation), body_of(operation), 404, "NoSuchBucket"))
    for operation in OF_OBJECTS:
        bucket = "errlocked" if "Retention" in operation or "LegalHold" in operation else "errors"
        method, path = address(operation, bucket, "missing")
        join = "&" if "?" in path else "?"
        head, body = HEADERS.get(operation), body_of(operation)
        rows(server, operation, ("no such key", method, path, head, body, 404, "NoSuchKey"),
             ("no such version", method, f"{path}{join}versionId={UNKNOWN}", head, body, 404, "NoSuchVersion"),
             ("a version id that is none", method, f"{path}{join}versionId=x", head, body, 400, "InvalidArgument"))
    for operation in ("UploadPart", "UploadPartCopy", "CompleteMultipartUpload", "AbortMultipartUpload", "ListParts"):
        method, path = address(operation, "errors")
        rows(server, operation, ("no such upload", method, path, HEADERS.get(operation), body_of(operation), 404, "NoSuchUpload"))


def settings_absent(server):
    for operation, code in (
            ("GetBucketPolicy", "NoSuchBucketPolicy"), ("GetBucketPolicyStatus", "NoSuchBucketPolicy"), ("GetBucketCors", "NoSuchCORSConfiguration"),
            ("GetBucketLifecycleConfiguration", "NoSuchLifecycleConfiguration"), ("GetBucketTagging", "NoSuchTagSet"),
            ("GetObjectLockConfiguration", "ObjectLockConfigurationNotFoundError"), ("GetPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration"),
            ("GetBucketOwnershipControls", "OwnershipControlsNotFoundError"), ("GetBucketWebsite", "NoSuchWebsiteConfiguration"),
            ("GetBucketEncryption", "ServerSideEncryptionConfigurationNotFoundError"), ("GetBucketReplication", "ReplicationConfigurationNotFoundError")):
        rows(server, operation, ("not configured", *address(operation, "errors"), None, None, 404, code))
    for kind in ("Analytics", "IntelligentTiering", "Inventory", "Metrics"):
        query = {"IntelligentTiering": "intelligent-tiering"}.get(kind, kind.lower())
        for method in ("Get", "Delete"):
            rows(server, f"{method}Bucket{kind}Configuration",
                 ("not configured", method.upper(), f"/errors?{query}&id=one", None, None, 404, "NoSuchConfiguration"))
    for operation in ("GetObjectRetention", "GetObjectLegalHold"):
        rows(server, operation, ("never locked", *address(operation, "errlocked"), None, None, 404, "NoSuchObjectLockConfiguration"))
    for operation in ("GetObjectRetention", "GetObjectLegalHold", "PutObjectRetention", "PutObjectLegalHold"):
        rows(server, operation, ("a bucket without object lock", *address(operation, "errors"), None, body_of(operation), 400, "InvalidRequest"))


def numbers(server):
    """Page sizes and markers that are none."""
    for operation, names in (("ListObjects", ["max-keys"]), ("ListObjectsV2", ["max-keys"]), ("ListObjectVersions", ["max-keys"]),
                             ("ListMultipartUploads", ["max-uploads"])):
        method, path = address(operation, "errors")
        join = "&" if "?" in path else "?"
        for name in names:
            for value in ("-1", "x", "1.5", "99999999999999999999", "+1"):
                rows(server, operation, (f"{name}={value}", method, f"{path}{join}{name}={value}", None, None, 400, "InvalidArgument"))
        rows(server, operation, ("an encoding that is none", method, f"{path}{join}encoding-type=base64", None, None, 400, "InvalidArgument"))
    rows(server, "ListObjectsV2", ("a token that is none", "GET", "/errors?list-type=2&continuation-token=!", None, None, 400, "InvalidArgument"),
         ("an empty token", "GET", "/errors?list-type=2&continuation-token=", None, None, 400, "InvalidArgument"),
         ("another list type", "GET", "/errors?list-type=3", None, None, 400, "InvalidArgument"))
    rows(server, "ListObjectVersions", ("a version without its key", "GET", f"/errors?versions&version-id-marker={UNKNOWN}", None, None, 400, "InvalidArgument"),
         ("a version marker that is none", "GET", "/errors?versions&key-marker=a&version-id-marker=x", None, None, 400, "InvalidArgument"))
    rows(server, "ListMultipartUploads", ("an id marker that is none", "GET", "/errors?uploads&key-marker=a&upload-id-marker=x", None, None, 400, "InvalidArgument"))
    rows(server, "ListBuckets", ("max-buckets=0", "GET", "/?max-buckets=0", None, None, 400, "InvalidArgument"),
         ("max-buckets=x", "GET", "/?max-buckets=x", None, None, 400, "InvalidArgument"),
         ("a token that is none", "GET", "/?continuation-token=" + "x" * 100, None, None, 400, "InvalidArgument"))


# ---- Buckets ----

def buckets(server, elsewhere):
    for name in ("ab", "A-Capital", "under_score", "-first", "last-", "two..dots", "192.168.1.1", "x" * 64, "xn--bucket", "name-s3alias"):
        rows(server, "CreateBucket", (f"the name {name:.12}", "PUT", f"/{name}", None, None, 400, "InvalidBucketName"))
    location = "<CreateBucketConfiguration><LocationConstraint>mars-north-1</LocationConstraint></CreateBucketConfiguration>"
    nowhere = location.replace("mars-north-1", "nowhere")
    rows(server, "CreateBucket", ("another region", "PUT", "/errors-new", None, location, 400, "IllegalLocationConstraintException"),
         ("no region", "PUT", "/errors-new", None, nowhere, 400, "InvalidLocationConstraint"),
         ("no XML", "PUT", "/errors-new", None, "x", 400, "MalformedXML"),
         ("an ACL that is none", "PUT", "/errors-new", {"x-amz-acl": "everybody"}, None, 400, "InvalidArgument"))
    elsewhere.request("PUT", "/twice")
    rows(elsewhere, "CreateBucket", ("one that is there", "PUT", "/twice", None, None, 409, "BucketAlreadyOwnedByYou"))
    rows(server, "DeleteBucket", ("one that is not empty", "DELETE", "/errors", None, None, 409, "BucketNotEmpty"))
    equal(ask(server, "GET", "/errors-new"), (404, "NoSuchBucket"), "nothing of the refused was made")
    rows(server, "PutBucketVersioning", ("no status", "PUT", "/errors?versioning", None, "<VersioningConfiguration/>", 400, "IllegalVersioningConfigurationException"),
         ("another status", "PUT", "/errors?versioning", None, "<VersioningConfiguration><Status>On</Status></VersioningConfiguration>", 400, "MalformedXML"))
    for what, mfa in (("MFA delete", None), ("MFA delete with a code", {"x-amz-mfa": "20899872 301749"})):
        rows(server, "PutBucketVersioning", (what, "PUT", "/errors?versioning", mfa,
                                             "<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete></VersioningConfiguration>", 501, "NotImplemented"))
    equal(b"<Status>" in server.request("GET", "/errors?versioning")[2], False, "PutBucketVersioning: what was refused changed nothing")
    rows(server, "PutBucketVersioning", ("suspended beside object lock", "PUT", "/errlocked?versioning", None,
                                         "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>", 409, "InvalidBucketState"))
    rows(server, "PutObjectLockConfiguration", ("without versions", "PUT", "/errors?object-lock", None, body_of("PutObjectLockConfiguration"), 409, "InvalidBucketState"))
    for what, policy in (("no JSON", "x"), ("half of it", '{"Version":"2012-10-17","Statement":['), ("no statement", '{"Version":"2012-10-17"}'),
                         ("another version", '{"Version":"2000-01-01","Statement":[]}'), ("too long", '{"a":"' + "x" * 21000 + '"}')):
        rows(server, "PutBucketPolicy", (what, "PUT", "/errors?policy", None, policy, 400, "MalformedPolicy"))
    rows(server, "PutBucketEncryption", ("without keys", "PUT", "/errors?encryption", None, body_of("PutBucketEncryption"), 501, "NotImplemented"),
         ("a kind that is none", "PUT", "/errors?encryption", None, body_of("PutBucketEncryption").replace("AES256", "ROT13"), 400, "MalformedXML"))
    named = body_of("PutBucketEncryption").replace("AES256<", "aws:kms<").replace("</SSEAlgorithm>", "</SSEAlgorithm><KMSMasterKeyID>none</KMSMasterKeyID>")
    rows(elsewhere, "PutBucketEncryption", ("a key that there is not", "PUT", "/twice?encryption", None, named, 400, "KMS.NotFoundException"),
         ("a key for AES256", "PUT", "/twice?encryption", None, named.replace("aws:kms", "AES256"), 400, "InvalidArgument"))
    rows(elsewhere, "PutObject", ("a key that there is not", "PUT", "/twice/key",
                                  {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": "none"}, "x", 400, "KMS.NotFoundException"))
    rows(server, "PutBucketTagging", ("51 tags", "PUT", "/errors?tagging", None, tagging(51), 400, "BadRequest"),
         ("a tag twice", "PUT", "/errors?tagging", None, tagging(2, "same"), 400, "InvalidTag"))
    cors = "<CORSConfiguration>{}</CORSConfiguration>"
    rule = "<CORSRule><AllowedMethod>{}</AllowedMethod><AllowedOrigin>{}</AllowedOrigin></CORSRule>"
    rows(server, "PutBucketCors", ("a method of HTTP's that is not S3's", "PUT", "/errors?cors", None, cors.format(rule.format("PATCH", "*")), 400, "InvalidRequest"),
         ("two stars", "PUT", "/errors?cors", None, cors.format(rule.format("GET", "*.*")), 400, "InvalidRequest"),
         ("101 rules", "PUT", "/errors?cors", None, cors.format(rule.format("GET", "*") * 101), 400, "InvalidRequest"),
         ("no rule", "PUT", "/errors?cors", None, cors.format(""), 400, "MalformedXML"))
    life = "<LifecycleConfiguration>{}</LifecycleConfiguration>"
    rule = "<Rule><ID>{}</ID><Status>{}</Status><Filter/><Expiration><Days>{}</Days></Expiration></Rule>"
    rows(server, "PutBucketLifecycleConfiguration", ("no days", "PUT", "/errors?lifecycle", None, life.format(rule.format("a", "Enabled", 0)), 400, "InvalidArgument"),
         ("another status", "PUT", "/errors?lifecycle", None, life.format(rule.format("a", "On", 1)), 400, "MalformedXML"),
         ("an id twice", "PUT", "/errors?lifecycle", None, life.format(rule.format("a", "Enabled", 1) * 2), 400, "InvalidArgument"),
         ("no rule", "PUT", "/errors?lifecycle", None, life.format(""), 400, "MalformedXML"))
    rows(server, "PutBucketOwnershipControls", ("another word", "PUT", "/errors?ownershipControls", None,
                                                DOCUMENTS["PutBucketOwnershipControls"].replace("ObjectWriter", "Nobody"), 400, "MalformedXML"))
    rows(server, "PutBucketRequestPayment", ("who does not pay here", "PUT", "/errors?requestPayment", None,
                                             DOCUMENTS["PutBucketRequestPayment"].replace("BucketOwner", "Requester"), 501, "NotImplemented"))
    for operation, document in (
            ("PutBucketAccelerateConfiguration", "<AccelerateConfiguration><Status>Enabled</Status></AccelerateConfiguration>"),
            ("PutBucketLogging", "<BucketLoggingStatus><LoggingEnabled><TargetBucket>errors</TargetBucket><TargetPrefix/></LoggingEnabled></BucketLoggingStatus>")):
        rows(server, operation, ("switched on", *address(operation, "errors"), None, document, 501, "NotImplemented"))
    notify = "<NotificationConfiguration><QueueConfiguration><Queue>{}</Queue><Event>{}</Event></QueueConfiguration></NotificationConfiguration>"
    rows(server, "PutBucketNotificationConfiguration",
         ("a target that is none", "PUT", "/errors?notification", None, notify.format("arn:sluice:sqs::none:webhook", "s3:ObjectCreated:*"), 400, "InvalidArgument"),
         ("an event that is none", "PUT", "/errors?notification", None, notify.format("arn:sluice:sqs::none:webhook", "s3:None"), 400, "InvalidArgument"),
         ("no ARN", "PUT", "/errors?notification", None, notify.format("none", "s3:ObjectCreated:*"), 400, "InvalidArgument"),
         ("an empty rule", "PUT", "/errors?notification", None, "<NotificationConfiguration><QueueConfiguration/></NotificationConfiguration>", 400, "MalformedXML"),
         ("EventBridge", "PUT", "/errors?notification", None, "<NotificationConfiguration><EventBridgeConfiguration/></NotificationConfiguration>", 501,
          "NotImplemented"))
    replicate = ("<ReplicationConfiguration><Role/><Rule><Status>{}</Status><Priority>1</Priority><Filter/><DeleteMarkerReplication><Status>Disabled</Status>"
                 "</DeleteMarkerReplication><Destination><Bucket>{}</Bucket>{}</Destination></Rule></ReplicationConfiguration>")
    rows(server, "PutBucketReplication",
         ("a target that is none", "PUT", "/errors?replication", None, replicate.format("Enabled", "arn:sluice:replication::none:there", ""), 400, "InvalidArgument"),
         ("another status", "PUT", "/errors?replication", None, replicate.format("On", "arn:sluice:replication::none:there", ""), 400, "MalformedXML"),
         ("another owner there", "PUT", "/errors?replication", None, replicate.format(
             "Enabled", "arn:sluice:replication::none:there", "<AccessControlTranslation><Owner>Destination</Owner></AccessControlTranslation>"), 501, "NotImplemented"),
         ("no rule", "PUT", "/errors?replication", None, "<ReplicationConfiguration><Role/></ReplicationConfiguration>", 400, "MalformedXML"))
    rows(server, "ListenBucketNotification", ("an event that is none", "GET", "/errors?events=none", None, None, 400, "InvalidArgument"),
         ("a ping that is none", "GET", "/errors?events=s3:ObjectCreated:*&ping=often", None, None, 400, "InvalidArgument"))
    rows(server, "ListenNotification", ("an event that is none", "GET", "/?events=none", None, None, 400, "InvalidArgument"))
    rows(server, "OPTIONS", ("a bucket without CORS", "OPTIONS", "/errors/key", {"origin": "http://a", "access-control-request-method": "GET"}, None, 403, "AccessForbidden"),
         ("no origin", "OPTIONS", "/errors/key", None, None, 400, "BadRequest"))
    for operation in ("PutBucketAcl", "PutObjectAcl"):
        method, path = address(operation, "errors")
        rows(server, operation, ("a name that is none", method, path, {"x-amz-acl": "everybody"}, None, 400, "InvalidArgument"),
             ("an ACL in headers and in a document", method, path, {"x-amz-acl": "private"}, body_of(operation), 400, "UnexpectedContent"),
             ("a grantee by mail", method, path, {"x-amz-grant-read": 'emailAddress="a@example.org"'}, None, 400, "UnresolvableGrantByEmailAddress"),
             ("a name and grants", method, path, {"x-amz-acl": "private", "x-amz-grant-read": f'id="{"a" * 64}"'}, None, 400, "InvalidRequest"))
    rows(server, "PostObject", ("no form", "POST", "/errors", {"content-type": "text/plain"}, "x", 412, "PreconditionFailed"),
         ("half a form", "POST", "/errors", {"content-type": "multipart/form-data; boundary=b"}, "--b\r\nx", 400, "MalformedPOSTRequest"))
    rows(server, "DeleteObjects", ("1,001 keys", "POST", "/errors?delete", None, "<Delete>" + "<Object><Key>k</Key></Object>" * 1001 + "</Delete>", 400, "MalformedXML"),
         ("no key", "POST", "/errors?delete", None, "<Delete><Object/></Delete>", 400, "MalformedXML"))


def tagging(count, name=None):
    tags = "".join(f"<Tag><Key>{name or index}</Key><Value>v</Value></Tag>" for index in range(count))
    return f"<Tagging><TagSet>{tags}</TagSet></Tagging>"


# ---- Objects ----

WRITES = {"PutObject": ("PUT", "/errors/new"), "CreateMultipartUpload": ("POST", "/errors/new?uploads"), "CopyObject": ("PUT", "/errors/new")}


def writes(server):
    for operation, (method, path) in WRITES.items():
        for what, headers, status, code in (
                ("metadata beyond 2 KiB", {"x-amz-meta-a": "x" * 2048}, 400, "MetadataTooLarge"),
                ("a storage class that is none", {"x-amz-storage-class": "FAST"}, 400, "InvalidStorageClass"),
                ("one that needs a restore", {"x-amz-storage-class": "GLACIER"}, 400, "InvalidStorageClass"),
                ("tags that are none", {"x-amz-tagging": "a=%zz", "x-amz-tagging-directive": "REPLACE"}, 400, "InvalidArgument"),
                ("11 tags", {"x-amz-tagging": "&".join(f"a{i}=b" for i in range(11)), "x-amz-tagging-directive": "REPLACE"}, 400, "BadRequest"),
                ("a tag twice", {"x-amz-tagging": "a=b&a=c", "x-amz-tagging-directive": "REPLACE"}, 400, "InvalidArgument"),
                ("an ACL that is none", {"x-amz-acl": "everybody"}, 400, "InvalidArgument"),
                ("a redirect to nowhere", {"x-amz-website-redirect-location": "nowhere"}, 400, "InvalidRedirectLocation"),
                ("encryption that is not done here", {"x-amz-server-side-encryption": "AES256"}, 501, "NotImplemented"),
                ("an algorithm that is none", {"x-amz-server-side-encryption-customer-algorithm": "ROT13"}, 400, "InvalidEncryptionAlgorithmError"),
                ("a lock in a bucket without", {"x-amz-object-lock-legal-hold": "ON"}, 400, "InvalidRequest")):
            rows(server, operation, (what, method, path, {**HEADERS.get(operation, {}), **headers}, None, status, code))
        long = path.replace("/errors/new", "/errors/" + "k" * 1025)
        rows(server, operation, ("a key of 1,025 bytes", method, long, HEADERS.get(operation), None, 400, "KeyTooLongError"))
    content = b"content"
    for what, headers, status, code in (
            ("another MD5", {"content-md5": MD5}, 400, "BadDigest"), ("an MD5 that is none", {"content-md5": "x"}, 400, "InvalidDigest"),
            ("an MD5 too short", {"content-md5": base64.b64encode(b"short").decode()}, 400, "InvalidDigest"),
            ("another checksum", {"x-amz-checksum-crc32": "AAAAAA=="}, 400, "BadDigest"),
            ("a checksum that is none", {"x-amz-checksum-crc32": "A"}, 400, "InvalidRequest"),
            ("two checksums", {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-crc32c": "AAAAAA=="}, 400, "InvalidRequest"),
            ("an algorithm that is none", {"x-amz-sdk-checksum-algorithm": "CRC8"}, 400, "InvalidRequest")):
        rows(server, "PutObject", (what, "PUT", "/errors/new", headers, content, status, code))
        rows(server, "UploadPart", (what, "PUT", f"/errors/upload?partNumber=1&uploadId={upload(server)}", headers, content, status, code))
    for what, headers, status, code in (
            ("If-None-Match over something", {"if-none-match": "*"}, 412, "PreconditionFailed"), ("If-Match of something else", {"if-match": '"x"'}, 412, "PreconditionFailed"),
            *UNSUPPORTED_CONDITIONS,
            ("an offset that is none", {"x-amz-write-offset-bytes": "x"}, 400, "InvalidArgument"),
            ("another offset than its end", {"x-amz-write-offset-bytes": "9"}, 400, "InvalidWriteOffset")):
        rows(server, "PutObject", (what, "PUT", "/errors/key", headers, content, status, code))
    for what, headers, status, code in UNSUPPORTED_CONDITIONS:
        rows(server, "PutObject", (f"{what}, where nothing is", "PUT", "/errors/new", headers, content, status, code))
        rows(server, "CopyObject", (what, "PUT", "/errors/new", {**HEADERS["CopyObject"], **headers}, None, status, code))
        rows(server, "CompleteMultipartUpload", (what, "POST", f"/errors/upload?uploadId={upload(server)}", headers, b"<x/>", status, code))
    rows(server, "PutObject", ("If-Match of nothing", "PUT", "/errors/new", {"if-match": '"x"'}, content, 404, "NoSuchKey"))
    equal(ask(server, "GET", "/errors/new"), (404, "NoSuchKey"), "nothing of the refused was stored")
    answer = server.raw(b"PUT /errors/new HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6000000000\r\n\r\n", timeout=30)
    seen.add(error_code(answer))
    equal((answer.split(b" ")[1], error_code(answer)), (b"400", "EntityTooLarge"), "PutObject: more than 5 GiB")
    coded = {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "content-encoding": "aws-chunked"}
    length, trailer = {"x-amz-decoded-content-length": "7"}, {"x-amz-trailer": "x-amz-checksum-crc32"}
    rows(server, "PutObject", ("chunks without the length of what they hold", "PUT", "/errors/new", coded, unsigned_chunks([content]), 411, "MissingContentLength"),
         ("chunks without the trailer they announce", "PUT", "/errors/new", {**coded, **length, **trailer}, unsigned_chunks([content]), 400, "MalformedTrailerError"),
         ("a trailer with another checksum", "PUT", "/errors/new", {**coded, **length, **trailer},
          unsigned_chunks([content], [("x-amz-checksum-crc32", "AAAAAA==")]), 400, "BadDigest"))
    equal(ask(server, "GET", "/errors/new"), (404, "NoSuchKey"), "and nothing of those either")


def reads(server):
    for operation, method in (("GetObject", "GET"), ("HeadObject", "HEAD")):
        for what, query, headers, status, code in (
                ("a range behind the end", "", {"range": "bytes=10-"}, 416, "InvalidRange"), ("the last no bytes", "", {"range": "bytes=-0"}, 416, "InvalidRange"),
                ("If-Match of something else", "", {"if-match": '"x"'}, 412, "PreconditionFailed"),
                ("If-Unmodified-Since, but modified", "", {"if-unmodified-since": "Sat, 01 Jan 2000 00:00:00 GMT"}, 412, "PreconditionFailed"),
                ("part 0", "?partNumber=0", None, 400, "InvalidArgument"), ("part 10,001", "?partNumber=10001", None, 400, "InvalidArgument"),
                ("a part that is not there", "?partNumber=2", None, 416, "InvalidPartNumber"),
                ("a part and a range", "?partNumber=1", {"range": "bytes=0-1"}, 400, "InvalidRequest"),
                ("a key for what is not encrypted", "", CUSTOMER, 400, "InvalidRequest"),
                ("a customer's algorithm alone", "", {"x-amz-server-side-encryption-customer-algorithm": "AES256"}, 400, "InvalidArgument")):
            rows(server, operation, (what, method, f"/errors/key{query}", headers, None, status, code))
    text = server.request("GET", "/errors/key", headers={"range": "bytes=10-"})[2]
    check(b"<RangeRequested>bytes=10-</RangeRequested><ActualObjectSize>10</ActualObjectSize>" in text, "GetObject: InvalidRange tells what there is", text)
    etag = server.request("HEAD", "/errors/key")[1]["etag"]
    equal(ask(server, "GET", "/errors/key", None, {"if-none-match": etag}), (304, ""), "GetObject: not modified is no error document")
    rows(server, "GetObjectAttributes", ("no attribute", "GET", "/errors/key?attributes", None, None, 400, "InvalidRequest"),
         ("one that is none", "GET", "/errors/key?attributes", {"x-amz-object-attributes": "Colour"}, None, 400, "InvalidArgument"),
         ("a page size that is none", "GET", "/errors/key?attributes", {"x-amz-object-attributes": "ObjectParts", "x-amz-max-parts": "x"}, None, 400, "InvalidArgument"))
    rows(server, "DeleteObject", ("If-Match of something else", "DELETE", "/errors/key", {"if-match": '"x"'}, None, 412, "PreconditionFailed"),
         ("If-Match of nothing", "DELETE", "/errors/missing", {"if-match": '"x"'}, None, 404, "NoSuchKey"),
         ("a version id that is none", "DELETE", "/errors/key?versionId=x", None, None, 400, "InvalidArgument"),
         ("a size that is none", "DELETE", "/errors/key", {"x-amz-if-match-size": "x"}, None, 400, "InvalidArgument"))


def copies(server):
    for operation, path in (("CopyObject", "/errors/new"), ("UploadPartCopy", f"/errors/upload?partNumber=1&uploadId={upload(server)}")):
        for what, headers, status, code in (
                ("a source that is none", {"x-amz-copy-source": "key"}, 400, "InvalidArgument"), ("no such source", {"x-amz-copy-source": "/errors/missing"}, 404, "NoSuchKey"),
                ("no such bucket of a source", {"x-amz-copy-source": "/missing-bucket/key"}, 404, "NoSuchBucket"),
                ("no such version of it", {"x-amz-copy-source": f"/errors/key?versionId={UNKNOWN}"}, 404, "NoSuchVersion"),
                ("a version that is none", {"x-amz-copy-source": "/errors/key?versionId=x"}, 400, "InvalidArgument"),
                ("a source of another ETag", {"x-amz-copy-source": "/errors/key", "x-amz-copy-source-if-match": '"x"'}, 412, "PreconditionFailed")):
            rows(server, operation, (what, "PUT", path, headers, None, status, code))
    source = {"x-amz-copy-source": "/errors/key"}
    rows(server, "CopyObject", ("onto itself", "PUT", "/errors/key", source, None, 400, "InvalidRequest"),
         ("a directive that is none", "PUT", "/errors/new", {**source, "x-amz-metadata-directive": "MOVE"}, None, 400, "InvalidArgument"),
         ("a directive for tags that is none", "PUT", "/errors/new", {**source, "x-amz-tagging-directive": "MOVE"}, None, 400, "InvalidArgument"),
         ("a directive for annotations that is none", "PUT", "/errors/new", {**source, "x-amz-object-annotation-directive": "MOVE"}, None, 400, "InvalidArgument"),
         ("an algorithm that is none", "PUT", "/errors/new", {**source, "x-amz-checksum-algorithm": "CRC8"}, None, 400, "InvalidRequest"))
    for span in ("bytes=0-", "bytes=5-4", "0-1", "bytes=0-10"):
        rows(server, "UploadPartCopy", (f"the range {span}", "PUT", f"/errors/upload?partNumber=1&uploadId={upload(server)}",
                                        {**source, "x-amz-copy-source-range": span}, None, 400, "InvalidArgument"))
    rows(server, "RenameObject", ("no source", "PUT", "/errors/new?renameObject", None, None, 400, "InvalidArgument"),
         ("no such source", "PUT", "/errors/new?renameObject", {"x-amz-rename-source": "/errors/missing"}, None, 404, "NoSuchKey"),
         ("to itself", "PUT", "/errors/key?renameObject", {"x-amz-rename-source": "/errors/key"}, None, 400, "InvalidRequest"),
         ("a token that is none", "PUT", "/errors/new?renameObject", {"x-amz-rename-source": "/errors/key", "x-amz-client-token": "a b"}, None, 400, "InvalidArgument"))
    token = {"x-amz-client-token": "token", "x-amz-rename-source": "/errors/before"}
    server.request("PUT", "/errors/before", b"x")
    equal(ask(server, "PUT", "/errors/renamed?renameObject", None, token), (200, ""), "RenameObject: with a token")
    rows(server, "RenameObject", ("another rename by the same token", "PUT", "/errors/renamed?renameObject", {**token, "x-amz-rename-source": "/errors/key"},
                                  None, 400, "IdempotencyParameterMismatch"))
    server.request("DELETE", "/errors/renamed")


_uploads = {}


def upload(server):
    """One upload, with part 1 too small and part 2 fit for the end."""
    if server not in _uploads:
        _uploads[server] = server.request("POST", "/errors/upload?uploads")[2].split(b"<UploadId>")[1].split(b"<")[0].decode()
        for number in (1, 2):
            server.request("PUT", f"/errors/upload?partNumber={number}&uploadId={_uploads[server]}", b"small")
    return _uploads[server]


def uploads(server):
    identity, etag = upload(server), hashlib.md5(b"small").hexdigest()
    for number in ("0", "10001", "-1", "x", ""):
        for operation in ("UploadPart", "UploadPartCopy"):
            rows(server, operation, (f"part number {number!r}", "PUT", f"/errors/upload?partNumber={number}&uploadId={identity}", HEADERS.get(operation), None, 400, "InvalidArgument"))

    def complete(*parts):
        return "<CompleteMultipartUpload>" + "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{e}</ETag></Part>" for n, e in parts) + "</CompleteMultipartUpload>"
    path = f"/errors/upload?uploadId={identity}"
    for what, body, headers, code in (
            ("no part", complete(), None, "MalformedXML"), ("a part too small", complete((1, etag), (2, etag)), None, "EntityTooSmall"),
            ("another order", complete((2, etag), (1, etag)), None, "InvalidPartOrder"), ("a part that is not there", complete((3, etag)), None, "InvalidPart"),
            ("another ETag", complete((1, "0" * 32)), None, "InvalidPart"), ("part 10,001", complete((10001, etag)), None, "InvalidPart"),
            ("no ETag", "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>", None, "MalformedXML"),
            ("another size", complete((1, etag)), {"x-amz-mp-object-size": "6"}, "InvalidRequest"),
            ("another checksum", complete((1, etag)), {"x-amz-checksum-crc64nvme": "AAAAAAAAAAA="}, "BadDigest")):
        rows(server, "CompleteMultipartUpload", (what, "POST", path, headers, body, 400, code))
    rows(server, "CreateMultipartUpload", ("an algorithm that is none", "POST", "/errors/new?uploads", {"x-amz-checksum-algorithm": "CRC8"}, None, 400, "InvalidRequest"),
         ("a type that it does not have", "POST", "/errors/new?uploads", {"x-amz-checksum-algorithm": "SHA256", "x-amz-checksum-type": "FULL_OBJECT"}, None, 400, "InvalidRequest"))
    for name in ("max-parts", "part-number-marker"):
        rows(server, "ListParts", (f"{name}=x", "GET", f"{path}&{name}=x", None, None, 400, "InvalidArgument"),
             (f"{name}=-1", "GET", f"{path}&{name}=-1", None, None, 400, "InvalidArgument"))
    equal(ask(server, "GET", path), (200, ""), "the upload is there after all that")


def annotations(server):
    path = "/errors/key?annotation"
    for operation, method in (("PutObjectAnnotation", "PUT"), ("GetObjectAnnotation", "GET"), ("DeleteObjectAnnotation", "DELETE")):
        body = "x" if method == "PUT" else None
        rows(server, operation, ("a reserved name", method, f"{path}&annotationName=aws-x", None, body, 400, "InvalidAnnotationName"),
             ("a long name", method, f"{path}&annotationName={'x' * 513}", None, body, 400, "AnnotationNameTooLong"),
             ("an empty name", method, f"{path}&annotationName=", None, body, 400, "UserAnnotationNameMustBeSpecified"))
        if method != "GET":
            rows(server, operation, ("no name", method, path, None, body, 400, "UserAnnotationNameMustBeSpecified"),
                 ("another object", method, f"{path}&annotationName=a", {"x-amz-object-if-match": '"x"'}, body, 412, "PreconditionFailed"),
                 ("a condition that is none", method, f"{path}&annotationName=a", {"x-amz-object-if-match": '"x", "y"'}, body, 400, "InvalidArgument"))
    rows(server, "PutObjectAnnotation", ("nothing", "PUT", f"{path}&annotationName=a", None, b"", 400, "EntityTooSmall"),
         ("too much", "PUT", f"{path}&annotationName=a", None, b"x" * ((1 << 20) + 1), 400, "EntityTooLarge"),
         ("no text", "PUT", f"{path}&annotationName=a", None, b"\xff", 415, "UnsupportedMediaType"),
         ("another MD5", "PUT", f"{path}&annotationName=a", {"content-md5": MD5}, b"x", 400, "BadDigest"))
    for number in range(1000):
        server.request("PUT", f"/errors/noted?annotation&annotationName=n{number}" if number else "/errors/noted", b"x")
    rows(server, "PutObjectAnnotation", ("the thousandth", "PUT", "/errors/noted?annotation&annotationName=n0", None, b"x", 200, ""),
         ("one more than a thousand", "PUT", "/errors/noted?annotation&annotationName=n1000", None, b"x", 400, "AnnotationLimitExceeded"))
    rows(server, "GetObjectAnnotation", ("no such annotation", "GET", f"{path}&annotationName=none", None, None, 404, "NoSuchAnnotation"))
    for name, code in (("annotation-prefix=a%20b", "InvalidPrefix"), ("max-annotation-results=0", "InvalidArgument"), ("max-annotation-results=1001", "InvalidArgument"),
                       ("continuation-token=x", "InvalidArgument")):
        rows(server, "ListObjectAnnotations", (name, "GET", f"{path}&{name}", None, None, 400, code))
    server.request("DELETE", "/errors/noted")


def locks(server):
    until = "<Retention><Mode>{}</Mode><RetainUntilDate>{}</RetainUntilDate></Retention>"
    rows(server, "PutObjectRetention", ("a date that is past", "PUT", "/errlocked/key?retention", None, until.format("GOVERNANCE", "2000-01-01T00:00:00Z"), 400, "InvalidArgument"),
         ("a mode that is none", "PUT", "/errlocked/key?retention", None, until.format("SOMETIMES", "2099-01-01T00:00:00Z"), 400, "MalformedXML"))
    rows(server, "PutObjectLegalHold", ("a status that is none", "PUT", "/errlocked/key?legal-hold", None, "<LegalHold><Status>MAYBE</Status></LegalHold>", 400, "MalformedXML"))
    version = server.request("PUT", "/errlocked/held", b"x", {"x-amz-object-lock-legal-hold": "ON"})[1]["x-amz-version-id"]
    rows(server, "DeleteObject", ("one that is held", "DELETE", f"/errlocked/held?versionId={version}", None, None, 403, "AccessDenied"))
    marker = server.request("DELETE", "/errlocked/held")[1]["x-amz-version-id"]
    for operation in OF_OBJECTS:
        method, path = address(operation, "errlocked", "held")
        rows(server, operation, ("a delete marker", method, path + ("&" if "?" in path else "?") + f"versionId={marker}", HEADERS.get(operation),
                                 body_of(operation), 405, "MethodNotAllowed"))


def methods(server):
    for method, path in (("POST", "/"), ("PUT", "/"), ("DELETE", "/"), ("PATCH", "/errors"), ("PATCH", "/errors/key"), ("POST", "/errors/key")):
        equal(ask(server, method, path, b"" if method != "DELETE" else None), (405, "MethodNotAllowed"), f"{method} {path}")
    for parameter, code in (("logging", "NoLoggingStatusForKey"), ("uploads", "InvalidRequest"), ("versions", "InvalidRequest")):
        rows(server, "GetObject", (f"?{parameter}, which no key has", "GET", f"/errors/key?{parameter}", None, None, 400, code))
        rows(server, "HeadObject", (f"?{parameter}, which no key has", "HEAD", f"/errors/key?{parameter}", None, None, 400, code))
    told = server.request("PUT", "/errors/key?location", b"")[1]
    equal(told.get("allow"), "GET, HEAD, OPTIONS", "a 405 tells what can be done with the same path and query")
    told = server.request("DELETE", "/errors/key?acl")[1]
    equal(told.get("allow"), "GET, PUT, OPTIONS", "which differs from one parameter to the next")


def signed(server):
    """What takes a key."""
    host = f"{server.host}:{server.port}"
    server.request("PUT", "/errors", headers=Signer(ACCESS, SECRET).headers("PUT", "/errors", host))
    for operation in [*ON_BUCKETS, *ON_OBJECTS]:
        method, path = address(operation, "errors")
        status = 403 if operation in HEADERS else 401  # of S3's own headers; others are invited to send credentials
        rows(server, operation, ("without a key", method, path, HEADERS.get(operation), body_of(operation), status, "AccessDenied"))
    for query, code in (("X-Amz-Algorithm=AWS4-HMAC-SHA256", "AuthorizationQueryParametersError"),
                        ("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a/b&X-Amz-Date=x&X-Amz-Expires=1&X-Amz-SignedHeaders=host&X-Amz-Signature=0",
                         "AuthorizationQueryParametersError")):
        equal(ask(server, "GET", "/errors/key?" + query), (400, code), f"a query signature that is none: {query[-30:]}")
    headers = Signer(ACCESS, SECRET).headers("GET", "/errors/key", host, extra={"x-amz-security-token": "x"})
    equal(ask(server, "GET", "/errors/key", None, headers), (400, "InvalidToken"), "a session token that nobody gave out")
    headers = Signer(ACCESS, SECRET).headers("PUT", "/errors/key", host, hashlib.sha256(b"other").hexdigest())
    equal(ask(server, "PUT", "/errors/key", b"body", headers), (400, "XAmzContentSHA256Mismatch"), "another payload than signed")


# ---- Documents that are meant to do harm ----

def harmful(root):
    bomb = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    deep = f"<{root}>" + "<a>" * 200_000 + "</a>" * 200_000 + f"</{root}>"
    yield "a million laughs", f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{bomb}]><{root}>&a11;</{root}>'
    yield "an external entity", f'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><{root}>&e;</{root}>'
    yield "an external DTD", f'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd"><{root}/>'
    yield "parameter entities", f'<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///dev/zero"> %p;]><{root}/>'
    yield "200,000 levels", deep
    yield "a name of a megabyte", f"<{root}><{'a' * (1 << 20)}/></{root}>"
    yield "100,000 attributes", f"<{root} " + " ".join(f'a{n}="x"' for n in range(100_000)) + f"></{root}x>"
    yield "2 MiB of nothing", f"<{root}>" + " " * (2 << 20) + f"</{root}>"
    yield "UTF-16 that ends early", b"\xff\xfe" + f"<{root}>".encode("utf-16-le")[:-1]
    yield "bytes that are no UTF-8", b"<" + root.encode() + b">\xff\xfe</" + root.encode() + b">"
    yield "a NUL", f"<{root}>\0</{root}>"


def resident_max(server):
    with open(f"/proc/{server.pid}/status") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read()).group(1)) << 10


def harm(server):
    for operation, document in DOCUMENTS.items():
        bucket = "errlocked" if operation in LOCKED else "errors"
        method, path = address(operation, bucket)
        if operation == "CompleteMultipartUpload":
            path = f"/errors/upload?uploadId={upload(server)}"
        code = MALFORMED.get(operation, "MalformedXML")
        root = re.match("<(\\w+)", document).group(1)
        empty = EMPTY.get(operation, "MissingRequestBodyError")

        def given(what, body, wanted):
            return what, method, path, content_md5(body) if operation in DIGESTED else None, body, 400, wanted

        rows(server, operation, given("no document", b"", empty), given("no XML", "x", code), given("another root", "<Other/>", code),
             given("half of it", document[:-3], code), given("something behind it", document + "<more/>", code),
             ("another MD5", method, path, {"content-md5": MD5}, document, 400, "BadDigest"),
             ("an MD5 that is none", method, path, {"content-md5": "x"}, document, 400, "InvalidDigest"))
        for what, body in harmful(root):
            status, got = ask(server, method, path, body, content_md5(body))
            check(status == 400 and got in (code, "EntityTooLarge", "MaxMessageLengthExceeded", "IllegalVersioningConfigurationException"),
                  f"{operation}: {what}", f"{status} {got}")
    many = "".join(f'<Part><PartNumber>{n}</PartNumber><ETag>"{"0" * 32}"</ETag></Part>' for n in range(1, 10002))
    rows(server, "CompleteMultipartUpload", ("10,001 parts", "POST", f"/errors/upload?uploadId={upload(server)}", None,
                                             f"<CompleteMultipartUpload>{many}</CompleteMultipartUpload>", 400, "MalformedXML"))


def memory(server):
    """Sixteen at a time, until whatever is to grow has grown; then as often again."""
    documents = [body for _, body in harmful("CompleteMultipartUpload")]
    path = f"/errors/upload?uploadId={upload(server)}"

    def send(body):
        """What a body takes of the server's budget is given back after its answer: on a busy machine, the next may come too soon."""
        for _ in range(50):
            status, _, text = server.request("POST", path, body)
            if error_code(text) != "SlowDown":
                break
            time.sleep(0.1)
        return status

    def turn():
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            return set(pool.map(send, documents * 8))
    turn()
    before = resident_max(server)
    equal(turn() | turn(), {400}, "harmful documents, sixteen at a time")
    grown = resident_max(server) - before
    with open(SLUICE, "rb") as file:
        sanitized = b"__asan_init" in file.read() or "tsan" in SLUICE
    if sanitized:
        skip("memory stays bounded", "sanitizers keep what was freed")
        return
    check(grown < 32 << 20, "176 more of them take no more memory", f"{grown >> 20} MiB")
    check(before < 256 << 20, "and the first took little", f"{before >> 20} MiB")
    equal(server.request("GET", "/errors/key")[2], b"0123456789", "and still the server serves")


# ---- Whether all is here ----

# Codes that other tests provoke, or that take a failing machine.
ELSEWHERE_ONLY = {"InternalError": "a failing machine", "ServiceUnavailable": "a server that ends", "SlowDown": "a client too many", "NotModified": "no document",
                  "InsufficientStorage": "disk_full_test.py", "RequestTimeout": "a minute of silence",
                  "ExpiredToken": "a session of 15 minutes: s3_session_test",
                  "OperationAborted": "a publication that is being carried out: meta_publish_test"}


def completeness():
    with open(os.path.join(ROOT, "api", "s3", "error", "s3_error.h")) as file:
        codes = set(re.findall(r'^\s+X\(\w+, \d+, "(\w+)"', file.read(), re.M))
    texts = {}
    for path in glob.glob(os.path.join(ROOT, "tests", "integration", "*_test.py")):
        if path != os.path.abspath(__file__):
            with open(path) as file:
                texts[os.path.basename(path)] = file.read()
    for code in sorted(codes - seen - set(ELSEWHERE_ONLY)):
        check(any(f'"{code}"' in text for text in texts.values()), f"{code} is provoked by a test")
    error_codes_elements.completeness(codes)
    for operation, (state, _) in sorted(table().items()):
        if state != "501":
            check(operation in covered, f"{operation} has its refusals")


def keys_file():
    path = scratch("encryption.keys")
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600), encoding="ascii") as file:
        file.write("first " + base64.b64encode(b"1" * 32).decode() + "\n")
    return path


def main():
    server, elsewhere, keyed = Server(), Server(args=["--region", "eu-central-1", "--encryption-keys", keys_file()]), Server(keys=True)
    server.request("PUT", "/errors")
    server.request("PUT", "/errors/key", b"0123456789")
    server.request("PUT", "/errlocked", headers={"x-amz-bucket-object-lock-enabled": "true"})
    server.request("PUT", "/errlocked/key", b"x")
    for part in (nothing_there, settings_absent, lengths, versions_nowhere, numbers, writes, reads, copies, uploads, annotations, locks, conflicts, methods, harm, memory):
        part(server)
    buckets(server, elsewhere)
    signed(keyed)
    error_codes_elements.values(server, upload(server))
    error_codes_elements.signed(keyed, Signer)
    error_codes_forms.opened(server)
    error_codes_forms.keyed(keyed, Signer)
    error_codes_elements.logs_are_clean(server, elsewhere, keyed)
    completeness()
    for one in (server, elsewhere, keyed):
        check(one.stop(), "a server ends cleanly")
    done()


main()
