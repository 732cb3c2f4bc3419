# SPDX-License-Identifier: MIT
"""A request for each operation: its method and query, the headers it needs, and a document that it takes. Buckets and keys are those of
error_codes_test.py."""

UNKNOWN = "f" * 32

# operation -> (method, query) of those on a bucket, then on an object.
ON_BUCKETS = {
    "HeadBucket": ("HEAD", ""), "DeleteBucket": ("DELETE", ""), "GetBucketLocation": ("GET", "location"), "ListObjects": ("GET", ""),
    "ListObjectsV2": ("GET", "list-type=2"), "ListObjectVersions": ("GET", "versions"), "ListMultipartUploads": ("GET", "uploads"),
    "DeleteObjects": ("POST", "delete"), "GetBucketAcl": ("GET", "acl"), "PutBucketAcl": ("PUT", "acl"), "GetBucketVersioning": ("GET", "versioning"),
    "PutBucketVersioning": ("PUT", "versioning"), "GetBucketPolicy": ("GET", "policy"), "PutBucketPolicy": ("PUT", "policy"),
    "DeleteBucketPolicy": ("DELETE", "policy"), "GetBucketPolicyStatus": ("GET", "policyStatus"), "GetBucketCors": ("GET", "cors"),
    "PutBucketCors": ("PUT", "cors"), "DeleteBucketCors": ("DELETE", "cors"), "GetBucketLifecycleConfiguration": ("GET", "lifecycle"),
    "PutBucketLifecycleConfiguration": ("PUT", "lifecycle"), "DeleteBucketLifecycle": ("DELETE", "lifecycle"), "GetBucketTagging": ("GET", "tagging"),
    "PutBucketTagging": ("PUT", "tagging"), "DeleteBucketTagging": ("DELETE", "tagging"), "GetObjectLockConfiguration": ("GET", "object-lock"),
    "PutObjectLockConfiguration": ("PUT", "object-lock"), "GetPublicAccessBlock": ("GET", "publicAccessBlock"),
    "PutPublicAccessBlock": ("PUT", "publicAccessBlock"), "DeletePublicAccessBlock": ("DELETE", "publicAccessBlock"),
    "GetBucketOwnershipControls": ("GET", "ownershipControls"), "PutBucketOwnershipControls": ("PUT", "ownershipControls"),
    "DeleteBucketOwnershipControls": ("DELETE", "ownershipControls"), "GetBucketRequestPayment": ("GET", "requestPayment"),
    "PutBucketRequestPayment": ("PUT", "requestPayment"), "GetBucketWebsite": ("GET", "website"), "GetBucketEncryption": ("GET", "encryption"),
    "GetBucketReplication": ("GET", "replication"), "GetBucketAccelerateConfiguration": ("GET", "accelerate"), "GetBucketLogging": ("GET", "logging"),
    "GetBucketNotificationConfiguration": ("GET", "notification"), "DeleteBucketWebsite": ("DELETE", "website"),
    "PutBucketEncryption": ("PUT", "encryption"), "DeleteBucketEncryption": ("DELETE", "encryption"), "DeleteBucketReplication": ("DELETE", "replication"),
    "PutBucketAccelerateConfiguration": ("PUT", "accelerate"), "PutBucketLogging": ("PUT", "logging"),
    "PutBucketNotificationConfiguration": ("PUT", "notification"),
    "PublishObjects": ("POST", "sluice-publish"),
    "ExpireObjects": ("POST", "sluice-expire&prefix=none/"), "GetExpiry": ("GET", "sluice-expire"),
    "GetBucketCache": ("GET", "sluice-cache"), "PutBucketCache": ("PUT", "sluice-cache"), "DeleteBucketCache": ("DELETE", "sluice-cache"),
    "PutBucketWebsite": ("PUT", "website"), "GetBucketContentTypes": ("GET", "sluice-content-types"),
    "PutBucketContentTypes": ("PUT", "sluice-content-types"), "DeleteBucketContentTypes": ("DELETE", "sluice-content-types"),
}
UPLOAD = f"uploadId={UNKNOWN}"
ON_OBJECTS = {
    "GetObject": ("GET", ""), "HeadObject": ("HEAD", ""), "GetObjectAttributes": ("GET", "attributes"), "GetObjectAcl": ("GET", "acl"),
    "PutObjectAcl": ("PUT", "acl"), "GetObjectTagging": ("GET", "tagging"), "PutObjectTagging": ("PUT", "tagging"),
    "DeleteObjectTagging": ("DELETE", "tagging"), "GetObjectLegalHold": ("GET", "legal-hold"), "PutObjectLegalHold": ("PUT", "legal-hold"),
    "PutObjectAnnotation": ("PUT", "annotation&annotationName=a"), "GetObjectAnnotation": ("GET", "annotation&annotationName=a"),
    "ListObjectAnnotations": ("GET", "annotation"), "DeleteObjectAnnotation": ("DELETE", "annotation&annotationName=a"),
    "GetObjectRetention": ("GET", "retention"), "PutObjectRetention": ("PUT", "retention"), "PutObject": ("PUT", ""), "DeleteObject": ("DELETE", ""),
    "CopyObject": ("PUT", ""), "RenameObject": ("PUT", "renameObject"), "CreateMultipartUpload": ("POST", "uploads"),
    "UploadPart": ("PUT", f"partNumber=1&{UPLOAD}"), "UploadPartCopy": ("PUT", f"partNumber=1&{UPLOAD}"),
    "CompleteMultipartUpload": ("POST", UPLOAD), "AbortMultipartUpload": ("DELETE", UPLOAD), "ListParts": ("GET", UPLOAD),
    "GetArchiveMember": ("GET", "sluice-member=a"), "HeadArchiveMember": ("HEAD", "sluice-member=a"), "ListArchiveMembers": ("GET", "sluice-members"),
}
# Those that read or change an object that must be there; the rest make one, or do not mind.
OF_OBJECTS = ["GetObject", "HeadObject", "GetObjectAttributes", "GetObjectAcl", "PutObjectAcl", "GetObjectTagging", "PutObjectTagging",
              "DeleteObjectTagging", "GetObjectLegalHold", "PutObjectLegalHold", "GetObjectRetention", "PutObjectRetention", "PutObjectAnnotation",
              "GetObjectAnnotation", "ListObjectAnnotations", "DeleteObjectAnnotation", "GetArchiveMember", "HeadArchiveMember", "ListArchiveMembers"]
HEADERS = {"CopyObject": {"x-amz-copy-source": "/errors/key"}, "UploadPartCopy": {"x-amz-copy-source": "/errors/key"},
           "RenameObject": {"x-amz-rename-source": "/errors/key"}, "GetObjectAttributes": {"x-amz-object-attributes": "ETag"}}
DOCUMENTS = {
    "PutBucketWebsite": "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument></WebsiteConfiguration>",
    "PutBucketContentTypes": "<ContentTypeConfiguration><ByName>true</ByName></ContentTypeConfiguration>",
    "PublishObjects": "<Publish><Prefix>none/</Prefix></Publish>",
    "DeleteObjects": "<Delete><Object><Key>k</Key></Object></Delete>",
    "CompleteMultipartUpload": '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"x"</ETag></Part></CompleteMultipartUpload>',
    "PutBucketTagging": "<Tagging><TagSet/></Tagging>", "PutObjectTagging": "<Tagging><TagSet/></Tagging>",
    "PutBucketVersioning": "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
    "PutBucketCors": "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>",
    "PutBucketLifecycleConfiguration": "<LifecycleConfiguration><Rule><ID>a</ID><Status>Enabled</Status><Filter/><Expiration><Days>1</Days></Expiration></Rule>"
                                       "</LifecycleConfiguration>",
    "PutBucketAcl": "<AccessControlPolicy><AccessControlList/></AccessControlPolicy>",
    "PutObjectAcl": "<AccessControlPolicy><AccessControlList/></AccessControlPolicy>",
    "PutObjectLockConfiguration": "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>",
    "PutObjectRetention": "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2099-01-01T00:00:00Z</RetainUntilDate></Retention>",
    "PutBucketEncryption": "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>"
                           "</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>",
    "PutObjectLegalHold": "<LegalHold><Status>ON</Status></LegalHold>",
    "PutPublicAccessBlock": "<PublicAccessBlockConfiguration/>",
    "PutBucketOwnershipControls": "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>",
    "PutBucketRequestPayment": "<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>",
    "PutBucketAccelerateConfiguration": "<AccelerateConfiguration><Status>Suspended</Status></AccelerateConfiguration>",
    "PutBucketCache": "<CacheConfiguration/>", "PutBucketLogging": "<BucketLoggingStatus/>", "PutBucketNotificationConfiguration": "<NotificationConfiguration/>",
}


def address(operation, bucket, key="key"):
    method, query = ON_BUCKETS.get(operation) or ON_OBJECTS[operation]
    return method, f"/{bucket}" + (f"/{key}" if operation in ON_OBJECTS else "") + (f"?{query}" if query else "")


def body_of(operation):
    return DOCUMENTS.get(operation, {"PutBucketPolicy": '{"Version":"2012-10-17","Statement":[]}', "PutObjectAnnotation": "text"}.get(operation, ""))
