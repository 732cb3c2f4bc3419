#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The order of elements in every document that is answered: for clients that read it as it comes (davix counts the entries after <Name>, jets3t
gives each entry the bucket's name that it has read by then). It is the order of S3's schema and its own examples where there is one, else
that of the API's model."""
import base64
import hashlib
import os
import re
import sys
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import s3_order
from operations_requests import DOCUMENTS
from operations_table import table
from sluicetest import Server, check, content_md5, done, equal, key_line, make_keys, scratch

# AmazonS3.xsd, where these are sequences, and the examples of the API's reference. The model has them otherwise: its order of members is that of no answer.
PERSON, ENTRY = "ID DisplayName", "Key LastModified ETag ChecksumAlgorithm ChecksumType Size Owner StorageClass"
VERSION = "Key VersionId IsLatest LastModified ETag ChecksumAlgorithm ChecksumType Size StorageClass Owner"
SCHEMA = {
    ("ListBuckets", "."): "Owner Buckets ContinuationToken Prefix",
    ("ListObjects", "."): "Name Prefix Marker NextMarker MaxKeys Delimiter EncodingType IsTruncated Contents CommonPrefixes",
    ("ListObjects", "Contents"): ENTRY, ("ListObjectsV2", "Contents"): ENTRY,
    ("ListObjectsV2", "."): "Name Prefix StartAfter ContinuationToken NextContinuationToken KeyCount MaxKeys Delimiter EncodingType IsTruncated Contents CommonPrefixes",
    ("ListObjectVersions", "."): "Name Prefix KeyMarker VersionIdMarker NextKeyMarker NextVersionIdMarker MaxKeys Delimiter EncodingType IsTruncated "
                                 "Version|DeleteMarker CommonPrefixes",
    ("ListObjectVersions", "Version"): VERSION, ("ListObjectVersions", "DeleteMarker"): VERSION,
    ("ListMultipartUploads", "."): "Bucket KeyMarker UploadIdMarker NextKeyMarker NextUploadIdMarker Delimiter Prefix EncodingType MaxUploads IsTruncated Upload "
                                   "CommonPrefixes",
    ("ListMultipartUploads", "Upload"): "Key UploadId Initiator Owner StorageClass Initiated ChecksumAlgorithm ChecksumType",
    ("ListParts", "."): "Bucket Key UploadId Initiator Owner StorageClass ChecksumAlgorithm ChecksumType PartNumberMarker NextPartNumberMarker MaxParts "
                        "IsTruncated Part",
    ("GetBucketLifecycleConfiguration", "Rule"): "ID Prefix Filter Status Transition NoncurrentVersionTransition Expiration NoncurrentVersionExpiration "
                                                 "AbortIncompleteMultipartUpload",
    ("CopyObject", "."): "LastModified ETag ChecksumType ChecksumCRC32 ChecksumSHA256", ("UploadPartCopy", "."): "LastModified ETag ChecksumCRC32 ChecksumSHA256",
}
DELETE = "<Delete><Object><Key>c</Key></Object><Object><Key>c</Key><VersionId>null</VersionId></Object><Object><Key>c</Key><VersionId>no version</VersionId></Object></Delete>"
LIFECYCLE = ("<LifecycleConfiguration><Rule><ID>a</ID><Filter><And><Prefix>p</Prefix><Tag><Key>k</Key><Value>v</Value></Tag><ObjectSizeGreaterThan>1"
             "</ObjectSizeGreaterThan><ObjectSizeLessThan>9</ObjectSizeLessThan></And></Filter><Status>Enabled</Status><Expiration><Days>9000</Days></Expiration>"
             "<NoncurrentVersionExpiration><NoncurrentDays>9000</NoncurrentDays><NewerNoncurrentVersions>5</NewerNoncurrentVersions></NoncurrentVersionExpiration>"
             "</Rule><Rule><ID>b</ID><Filter/><Status>Enabled</Status><AbortIncompleteMultipartUpload><DaysAfterInitiation>900</DaysAfterInitiation>"
             "</AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>")
CORS = ("<CORSConfiguration><CORSRule><ID>i</ID><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin><AllowedHeader>*</AllowedHeader>"
        "<ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>1</MaxAgeSeconds></CORSRule></CORSConfiguration>")
WEBSITE = ("<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument><ErrorDocument><Key>e</Key></ErrorDocument><RoutingRules>"
           "<RoutingRule><Condition><KeyPrefixEquals>a</KeyPrefixEquals><HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals></Condition><Redirect>"
           "<Protocol>https</Protocol><HostName>h</HostName><ReplaceKeyWith>b</ReplaceKeyWith><HttpRedirectCode>302</HttpRedirectCode></Redirect></RoutingRule>"
           "</RoutingRules></WebsiteConfiguration>")
REPLICATION = ("<ReplicationConfiguration><Role>r</Role><Rule><Filter><And><Tag><Value>v</Value><Key>k</Key></Tag><Prefix>none/</Prefix></And></Filter><ID>a</ID>"
               "<Status>Enabled</Status><Destination><StorageClass>STANDARD_IA</StorageClass><Bucket>arn:sluice:replication::copy:b</Bucket></Destination>"
               "<DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication><ExistingObjectReplication><Status>Disabled</Status>"
               "</ExistingObjectReplication><Priority>1</Priority></Rule></ReplicationConfiguration>")
NOTIFY = "<NotificationConfiguration>" + "".join(
    f"<{kind}Configuration><Id>{kind}</Id><{kind}>arn:sluice:{service}::hook:webhook</{kind}><Event>s3:{event}</Event><Filter><S3Key><FilterRule>"
    f"<Name>prefix</Name><Value>none/</Value></FilterRule></S3Key></Filter></{kind}Configuration>" for kind, service, event in (
        ("Topic", "sns", "ObjectRemoved:*"), ("Queue", "sqs", "ObjectCreated:*"), ("CloudFunction", "lambda", "ObjectTagging:*"))
) + "</NotificationConfiguration>"
LOCK = ("<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention>"
        "</Rule></ObjectLockConfiguration>")
POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::order/*"}]}'
TAGS = "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>"


class Judge:
    def __init__(self):
        self.model, self.seen = s3_order.stored()[1], set()

    def order(self, operation, path):
        """Element -> its rank; a rank may have several."""
        name = operation if operation != "GetObjectAcl" else "GetBucketAcl"
        if path.endswith("Owner") or path.endswith("Grantee") or path.endswith("Initiator"):
            names = PERSON.split() + ["URI"]
        elif (name, path) in SCHEMA:
            names = SCHEMA[name, path].split()
        else:
            names = [part.rstrip("*") for part in self.model.get((name, path), [])]
        return {part: rank for rank, parts in enumerate(names) for part in parts.split("|")}

    def look(self, operation, element, path="."):
        children = [child.tag.rpartition("}")[2] for child in element]
        order = self.order(operation, path)
        ranks = [order.get(child, -1) for child in children]
        self.wrong += [f"{path}: {' '.join(dict.fromkeys(children))}"] if -1 in ranks or ranks != sorted(ranks) else []
        for child, name in zip(element, children):
            if len(child):
                self.look(operation, child, name if path == "." else f"{path}/{name}")

    def document(self, operation, answer, *has):
        status, _, body = answer
        self.wrong = []
        self.seen.add(operation)
        if not check(status == 200, f"{operation} is answered", f"{status} {body[:300]}"):
            return
        self.look(operation, ElementTree.fromstring(body))
        equal(self.wrong, [], f"{operation}: the order of its elements")
        equal([name for name in has if f"<{name}>".encode() not in body], [], f"{operation}: they are there")


def fill(server):
    ask = server.request
    for path, body in (("/order", ""), ("/order?versioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"),
                       ("/order/a", "a"), ("/order/a", "aa"), ("/order/b", "b"), ("/order/c", "c"), ("/order/d/1", ""), ("/order/e/1", ""), ("/order/a?tagging", TAGS),
                       ("/order?tagging", TAGS), ("/order?lifecycle", LIFECYCLE), ("/order?cors", CORS), ("/order?policy", POLICY),
                       ("/order?publicAccessBlock", "<PublicAccessBlockConfiguration/>"),
                       ("/order?ownershipControls", "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>"),
                       ("/order?object-lock", LOCK), ("/order/locked", "x"), ("/order?website", WEBSITE), ("/order?notification", NOTIFY),
                       ("/order?replication", REPLICATION),
                       ("/order/locked?legal-hold", "<LegalHold><Status>ON</Status></LegalHold>")):
        status, _, answer = ask("PUT", path, body.encode(), {"x-amz-checksum-algorithm": "CRC32", **(content_md5(body) if "?" in path else {})})
        check(status in (200, 204), f"PUT {path}", f"{status} {answer[:300]}")
    ask("PUT", "/order/a?acl", b"", {"x-amz-acl": "public-read"})
    ask("PUT", "/order?acl", b"", {"x-amz-acl": "public-read"})
    ask("DELETE", "/order/c")


def uploads(server, judge):
    ids = []
    for key in ("m", "m", "n/1", "o"):
        answer = server.request("POST", f"/order/{key}?uploads", b"", {"x-amz-checksum-algorithm": "SHA256"})
        ids.append(re.search(rb"<UploadId>(\w+)<", answer[2])[1].decode())
        judge.document("CreateMultipartUpload", answer)
    etags, body = [], b"x" * (5 << 20)
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    for part in (1, 2):
        etags.append(server.request("PUT", f"/order/m?partNumber={part}&uploadId={ids[0]}", body, {"x-amz-checksum-sha256": digest})[1]["etag"])
    judge.document("UploadPartCopy", server.request("PUT", f"/order/m?partNumber=3&uploadId={ids[0]}", b"", {"x-amz-copy-source": "/order/b"}), "ChecksumSHA256")
    judge.document("ListParts", server.request("GET", f"/order/m?uploadId={ids[0]}&max-parts=1&part-number-marker=1"), "NextPartNumberMarker", "Part", "ChecksumType")
    judge.document("ListMultipartUploads", server.request("GET", "/order?uploads&delimiter=/&encoding-type=url&max-uploads=3&key-marker=l"), "NextKeyMarker",
                   "NextUploadIdMarker", "Upload", "CommonPrefixes", "EncodingType")
    parts = "".join(f"<Part><ChecksumSHA256>{digest}</ChecksumSHA256><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>" for number, etag in enumerate(etags, 1))
    answer = server.request("POST", f"/order/m?uploadId={ids[0]}", f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>")
    judge.document("CompleteMultipartUpload", answer, "ChecksumSHA256", "ChecksumType")


def main():
    with open(scratch("targets"), "w") as out:
        out.write("[hook]\nurl = http://127.0.0.1:1/\nbuckets = *\nusers = *\n")
    keys = make_keys("keys", key_line("first", 1))
    with open(scratch("copies"), "w") as out:
        out.write("[copy]\nendpoint = http://127.0.0.1:1\nbuckets = *\nusers = *\n")
    server, judge = Server(args=["--notifications", scratch("targets"), "--replication", scratch("copies"), "--encryption-keys", keys]), Judge()
    fill(server)
    uploads(server, judge)
    ask, document = server.request, judge.document
    document("ListBuckets", ask("GET", "/?max-buckets=1&prefix=o"), "Prefix", "Owner")
    document("ListObjects", ask("GET", "/order?delimiter=/&max-keys=3&marker=a&encoding-type=url"), "NextMarker", "Contents", "CommonPrefixes", "EncodingType")
    answer = ask("GET", "/order?list-type=2&delimiter=/&max-keys=3&start-after=a&fetch-owner=true&encoding-type=url")
    document("ListObjectsV2", answer, "NextContinuationToken", "Contents", "CommonPrefixes", "StartAfter", "Owner")
    token = re.search(rb"<NextContinuationToken>([^<]+)<", answer[2])[1].decode()
    document("ListObjectsV2", ask("GET", f"/order?list-type=2&continuation-token={token}"), "ContinuationToken", "Contents")
    document("ListObjectVersions", ask("GET", "/order?versions&delimiter=/&max-keys=6&encoding-type=url"), "Version", "DeleteMarker", "CommonPrefixes", "NextKeyMarker")
    document("ListObjectVersions", ask("GET", "/order?versions&max-keys=1"), "NextVersionIdMarker")
    document("CopyObject", ask("PUT", "/order/copy", b"", {"x-amz-copy-source": "/order/b", "x-amz-checksum-algorithm": "SHA256"}), "ChecksumSHA256", "ChecksumType")
    document("DeleteObjects", ask("POST", "/order?delete", DELETE, content_md5(DELETE)), "Deleted", "Error", "DeleteMarkerVersionId")
    document("PutObjectAnnotation", ask("PUT", "/order/b?annotation&annotationName=a", b"x"), "Key", "AnnotationName")
    ask("PUT", "/order/b?annotation&annotationName=b", b"x")
    token = re.search(rb"<NextContinuationToken>(.*?)<", ask("GET", "/order/b?annotation&max-annotation-results=1")[2])[1].decode()
    document("ListObjectAnnotations", ask("GET", f"/order/b?annotation&annotation-prefix=b&continuation-token={token}"), "AnnotationEntry", "Bucket", "Key",
             "AnnotationPrefix", "ContinuationToken", "ChecksumAlgorithm")
    ask("PUT", "/order/b?annotation&annotationName=ba", b"x")
    document("ListObjectAnnotations", ask("GET", "/order/b?annotation&annotation-prefix=b&max-annotation-results=1"), "NextContinuationToken")
    document("GetObjectAttributes", ask("GET", "/order/m?attributes", headers={"x-amz-object-attributes": "ETag,Checksum,ObjectParts,StorageClass,ObjectSize",
                                                                               "x-amz-max-parts": "1"}), "Part", "NextPartNumberMarker", "ChecksumType")
    for operation, path in (("GetBucketAcl", "/order?acl"), ("GetObjectAcl", "/order/a?acl"), ("GetBucketCors", "/order?cors"), ("GetBucketLocation", "/order?location"),
                            ("GetBucketWebsite", "/order?website"), ("GetBucketReplication", "/order?replication"), ("GetBucketNotificationConfiguration", "/order?notification"),
                            ("GetBucketLifecycleConfiguration", "/order?lifecycle"), ("GetBucketOwnershipControls", "/order?ownershipControls"),
                            ("GetBucketPolicyStatus", "/order?policyStatus"), ("GetBucketRequestPayment", "/order?requestPayment"),
                            ("GetBucketTagging", "/order?tagging"), ("GetObjectTagging", "/order/a?tagging"), ("GetBucketVersioning", "/order?versioning"),
                            ("GetObjectLegalHold", "/order/locked?legal-hold"), ("GetObjectRetention", "/order/locked?retention"),
                            ("GetObjectLockConfiguration", "/order?object-lock"), ("GetPublicAccessBlock", "/order?publicAccessBlock")):
        document(operation, ask("GET", path))
    equal(ask("PUT", "/order?encryption", DOCUMENTS["PutBucketEncryption"])[0], 200, "the bucket encrypts")
    document("GetBucketEncryption", ask("GET", "/order?encryption"))
    documents = {operation for operation, path in judge.model if path == "."}
    equal({name for name, (state, _) in table().items() if state == "served" and name in documents} - judge.seen, set(), "no document was left out")
    done()


if __name__ == "__main__":
    main()
