/* SPDX-License-Identifier: MIT
 *
 * The one table of S3's operations. Everything that is said of an operation as a whole is said here: the prototypes of the
 * functions that serve (s3_operation.h), which request is which operation (s3_selector.c), rights, actions and refusals
 * (s3_dispatch.c, access/), the names in logs and metrics, and the tables of OPERATIONS.md come from it. A new operation is one
 * row and one function.
 *
 * Every operation of the S3 API has its row, so that what is not served says so instead of being taken for something else (a
 * PutBucketPolicy must not create a bucket).
 *
 * This file is included with OPERATION defined, as often as needed, and undefines it at its end:
 *
 *   OPERATION(name, method, resource, selection, rights, actions, flags, kind, what, remark)
 *
 *   name       S3's own. Rows of one name stand together; OPERATIONS.md shows the first of them.
 *   selection  ALONE                  nothing that selects may be in the query
 *              BY(parameter)          that query parameter selects it
 *              BY_BOTH(parameter, beside)  and the other must be there as well: it is a half, see s3_selector.h
 *              ALONE_WITH(header), BY_BOTH_WITH(parameter, beside, header)  and that header must be there
 *   rights     on the bucket; NONE: none are asked for
 *   actions    NO_ACTION              policies cannot speak of it: configuration and ownership alone allow it
 *              ACTION(action)
 *              VERSIONED(action, action with versionId), VERSIONED_AND(both, both of a second action that is needed, too)
 *   flags      VERSION    it takes a versionId (or ignores it); without the flag whoever names a version is refused
 *              HALF       beside another parameter that selects, the row's parameter is not looked at
 *              MAY_MISS   `beside` may be missing: what that means is the function's matter
 *              CREATES    the bucket is yet to be made: no bucket is opened, no policy is asked
 *              DOCUMENT   what it is about stands in the body, or in a copy's source: the function reads it, and asks policies itself
 *              ANY_REGION    a client asks it to learn the region: it may be signed for any
 *              TELLS_REGION  every answer tells the region, be it a refusal
 *              BYTES      the body is an object's bytes, which a signature may leave out
 *              MAKES      there is an object after it that was not there before (s3:ObjectCreationOperation); If-Match and If-None-Match
 *                         count
 *              STORES     what the request says of an object (ACL, tags, lock, storage class) is stored with one. Elsewhere it says
 *                         nothing, to policies neither
 *              SEALS      it reads x-amz-server-side-encryption* itself; elsewhere these are refused
 *              LISTS      it tells of keys, none but those that begin with the parameter `prefix`: a right on all of those will do
 *   kind, what SERVED, function
 *              ABSENT, function       by what S3 answers for a bucket that does not have the setting
 *              REFUSED, error         without S3_ERROR_; a 404 tells that a setting is absent
 *   remark     for OPERATIONS.md, in its language
 *
 * The first row that fits decides: rows of one method, resource and parameter that ask for more stand before those that ask for
 * less. */
/* clang-format off */

/* ---- The service ---- */

OPERATION(ListBuckets, GET, SERVICE, ALONE, NONE, NO_ACTION, VERSION | ANY_REGION, SERVED, s3_op_list_buckets,
          "signed for any region; `prefix`, `max-buckets`, `continuation-token`, `bucket-region`; shows the caller's own buckets, and those that its key "
          "may list by configuration")

/* MinIO's. */
OPERATION(ListenNotification, GET, SERVICE, BY("events"), NONE, NO_ACTION, 0, SERVED, s3_op_listen_notification,
          "MinIO's: ListenBucketNotification for all buckets; for keys with admin on `*`")

/* ---- Buckets, and what is in them ---- */

OPERATION(CreateBucket, PUT, BUCKET, ALONE, ADMIN, ACTION(CREATE_BUCKET), CREATES, SERVED, s3_op_create_bucket,
          "`LocationConstraint` must be the server's region (or absent; in us-east-1 it is absent). A bucket that the caller owns already: in "
          "us-east-1, and without `Tags`, 200, and its ACL is set anew; `BucketAlreadyOwnedByYou` elsewhere, as S3 documents it. "
          "`x-amz-bucket-object-lock-enabled`, `Tags`. Directory buckets: 501")
OPERATION(HeadBucket, HEAD, BUCKET, ALONE, LIST, ACTION(LIST_BUCKET), TELLS_REGION, SERVED, s3_op_head_bucket,
          "with `x-amz-bucket-region`, whatever the status, as all listings of a bucket and the 400 of a wrong region are")
OPERATION(DeleteBucket, DELETE, BUCKET, ALONE, ADMIN, ACTION(DELETE_BUCKET), 0, SERVED, s3_op_delete_bucket,
          "unfinished uploads in it are aborted")
OPERATION(GetBucketLocation, GET, BUCKET, BY("location"), LIST, ACTION(GET_BUCKET_LOCATION), ANY_REGION, SERVED,
          s3_op_get_bucket_location, "signed for any region")
OPERATION(ListObjects, GET, BUCKET, ALONE, LIST, ACTION(LIST_BUCKET), LISTS | TELLS_REGION, SERVED, s3_op_list_objects,
          "`prefix`, `delimiter`, `marker`, `max-keys`, `encoding-type`")
/* Any list-type but 2 is refused there. ?list-type&versions lists versions, as in S3. */
OPERATION(ListObjectsV2, GET, BUCKET, BY("list-type"), LIST, ACTION(LIST_BUCKET), HALF | LISTS | TELLS_REGION, SERVED, s3_op_list_objects_v2,
          "`list-type` is 2; `prefix`, `delimiter`, `start-after`, `continuation-token`, `max-keys`, `encoding-type`, `fetch-owner`")
OPERATION(ListObjectVersions, GET, BUCKET, BY("versions"), LIST, ACTION(LIST_BUCKET_VERSIONS), LISTS | TELLS_REGION, SERVED,
          s3_op_list_object_versions,
          "`prefix`, `delimiter`, `key-marker`, `version-id-marker`, `max-keys`, `encoding-type`")
OPERATION(ListMultipartUploads, GET, BUCKET, BY("uploads"), LIST, ACTION(LIST_BUCKET_MULTIPART_UPLOADS), LISTS | TELLS_REGION, SERVED,
          s3_op_list_uploads, "`prefix`, `delimiter`, `key-marker`, `upload-id-marker`, `max-uploads`, `encoding-type`")
/* Judged key by key. */
OPERATION(DeleteObjects, POST, BUCKET, BY("delete"), WRITE, NO_ACTION, DOCUMENT, SERVED, s3_op_delete_objects,
          "1,000 keys, `Quiet`, `ETag`, `Size` and `LastModifiedTime` conditions; `Content-MD5` and `x-amz-checksum-*` are verified "
          "when given")
/* Its signature lies in the form, and it judges rights itself. */
OPERATION(PostObject, POST, BUCKET, ALONE, NONE, NO_ACTION, MAKES | STORES, SERVED, s3_op_post_object,
          "browser forms; signature version 4 (or 2) over the policy, all conditions, `${filename}`, `acl`, `tagging`, metadata and "
          "checksums as fields, `success_action_redirect` and `success_action_status`; 64 KiB and 100 fields before the file, which "
          "comes last and is up to 5 GiB")
/* S3 does not look at it outside of directory buckets. */
OPERATION(CreateSession, GET, BUCKET, BY("session"), LIST, NO_ACTION, HALF, REFUSED, NOT_IMPLEMENTED, "")

/* ---- Settings of buckets ---- */

OPERATION(GetBucketAcl, GET, BUCKET, BY("acl"), LIST, ACTION(GET_BUCKET_ACL), 0, SERVED, s3_op_get_bucket_acl, "")
OPERATION(PutBucketAcl, PUT, BUCKET, BY("acl"), ADMIN, ACTION(PUT_BUCKET_ACL), 0, SERVED, s3_op_put_bucket_acl,
          "canned names, `x-amz-grant-*`, XML; 100 grants")
OPERATION(GetBucketVersioning, GET, BUCKET, BY("versioning"), LIST, ACTION(GET_BUCKET_VERSIONING), 0, SERVED,
          s3_op_get_bucket_versioning, "")
OPERATION(PutBucketVersioning, PUT, BUCKET, BY("versioning"), ADMIN, ACTION(PUT_BUCKET_VERSIONING), 0, SERVED,
          s3_op_put_bucket_versioning,
          "`Enabled`, `Suspended`. `MfaDelete` `Enabled`: 501, with `x-amz-mfa` or without, for keys have no devices here; "
          "`x-amz-mfa` elsewhere is ignored")
OPERATION(GetBucketPolicy, GET, BUCKET, BY("policy"), ADMIN, ACTION(GET_BUCKET_POLICY), 0, SERVED, s3_op_get_bucket_policy,
          "whoever has admin on the bucket may always get, put and delete it")
OPERATION(PutBucketPolicy, PUT, BUCKET, BY("policy"), ADMIN, ACTION(PUT_BUCKET_POLICY), 0, SERVED, s3_op_put_bucket_policy,
          "20 KiB; see [policies](README.md#policies)")
OPERATION(DeleteBucketPolicy, DELETE, BUCKET, BY("policy"), ADMIN, ACTION(DELETE_BUCKET_POLICY), 0, SERVED,
          s3_op_delete_bucket_policy, "")
OPERATION(GetBucketPolicyStatus, GET, BUCKET, BY("policyStatus"), LIST, ACTION(GET_BUCKET_POLICY_STATUS), 0, SERVED,
          s3_op_get_bucket_policy_status, "")
/* S3 has no actions of their own for most removals of settings. */
OPERATION(GetBucketCors, GET, BUCKET, BY("cors"), LIST, ACTION(GET_BUCKET_CORS), 0, SERVED, s3_op_get_bucket_cors, "")
OPERATION(PutBucketCors, PUT, BUCKET, BY("cors"), ADMIN, ACTION(PUT_BUCKET_CORS), 0, SERVED, s3_op_put_bucket_cors,
          "100 rules, 64 KiB")
OPERATION(DeleteBucketCors, DELETE, BUCKET, BY("cors"), ADMIN, ACTION(PUT_BUCKET_CORS), 0, SERVED, s3_op_delete_bucket_cors, "")
OPERATION(GetBucketLifecycleConfiguration, GET, BUCKET, BY("lifecycle"), LIST, ACTION(GET_LIFECYCLE_CONFIGURATION), 0, SERVED,
          s3_op_get_bucket_lifecycle, "")
OPERATION(PutBucketLifecycleConfiguration, PUT, BUCKET, BY("lifecycle"), ADMIN, ACTION(PUT_LIFECYCLE_CONFIGURATION), 0, SERVED,
          s3_op_put_bucket_lifecycle,
          "1,000 rules with prefix, tags and sizes; `Expiration`, `NoncurrentVersionExpiration`, `AbortIncompleteMultipartUpload`. "
          "Transitions: 501, there is one kind of storage")
OPERATION(DeleteBucketLifecycle, DELETE, BUCKET, BY("lifecycle"), ADMIN, ACTION(PUT_LIFECYCLE_CONFIGURATION), 0, SERVED,
          s3_op_delete_bucket_lifecycle, "")
OPERATION(GetBucketTagging, GET, BUCKET, BY("tagging"), LIST, ACTION(GET_BUCKET_TAGGING), 0, SERVED, s3_op_get_bucket_tagging, "")
OPERATION(PutBucketTagging, PUT, BUCKET, BY("tagging"), ADMIN, ACTION(PUT_BUCKET_TAGGING), 0, SERVED, s3_op_put_bucket_tagging,
          "50 tags; 204, as in S3, but for minio-js, which takes that for a failure: 200")
OPERATION(DeleteBucketTagging, DELETE, BUCKET, BY("tagging"), ADMIN, ACTION(PUT_BUCKET_TAGGING), 0, SERVED,
          s3_op_delete_bucket_tagging, "")
OPERATION(GetBucketWebsite, GET, BUCKET, BY("website"), LIST, ACTION(GET_BUCKET_WEBSITE), 0, SERVED,
          s3_op_get_bucket_website, "")
OPERATION(PutBucketWebsite, PUT, BUCKET, BY("website"), ADMIN, ACTION(PUT_BUCKET_WEBSITE), 0, SERVED, s3_op_put_bucket_website,
          "index and error document, redirection of all requests, 50 routing rules, 128 KiB; served at the [hosts of websites](README.md#websites). "
          "`HttpRedirectCode` is 301, 302, 303, 307 or 308")
OPERATION(DeleteBucketWebsite, DELETE, BUCKET, BY("website"), ADMIN, ACTION(DELETE_BUCKET_WEBSITE), 0, SERVED,
          s3_op_delete_bucket_website, "")
OPERATION(GetBucketEncryption, GET, BUCKET, BY("encryption"), LIST, ACTION(GET_ENCRYPTION_CONFIGURATION), 0, SERVED,
          s3_op_get_bucket_encryption, "without a configuration `ServerSideEncryptionConfigurationNotFoundError`: nothing is encrypted unasked")
OPERATION(PutBucketEncryption, PUT, BUCKET, BY("encryption"), ADMIN, ACTION(PUT_ENCRYPTION_CONFIGURATION), 0, SERVED,
          s3_op_put_bucket_encryption,
          "`AES256`, or `aws:kms` with a key of the server's ring; 501 where the server has none, for `aws:kms:dsse`, and for `BlockedEncryptionTypes`")
OPERATION(DeleteBucketEncryption, DELETE, BUCKET, BY("encryption"), ADMIN, ACTION(PUT_ENCRYPTION_CONFIGURATION), 0, SERVED,
          s3_op_delete_bucket_encryption, "")
OPERATION(GetBucketReplication, GET, BUCKET, BY("replication"), LIST, ACTION(GET_REPLICATION_CONFIGURATION), 0, SERVED,
          s3_op_get_replication, "")
OPERATION(PutBucketReplication, PUT, BUCKET, BY("replication"), ADMIN, ACTION(PUT_REPLICATION_CONFIGURATION), 0, SERVED,
          s3_op_put_replication,
          "100 rules; the destination names a target of the [server's configuration](../../deploy/README.md#replication). Also without versioning. "
          "501: `AccessControlTranslation`, `EncryptionConfiguration`, and where they are enabled `ReplicationTime`, `Metrics`, `ReplicaModifications`, "
          "`SseKmsEncryptedObjects`, MinIO's `DeleteReplication`")
OPERATION(DeleteBucketReplication, DELETE, BUCKET, BY("replication"), ADMIN, ACTION(PUT_REPLICATION_CONFIGURATION), 0, SERVED,
          s3_op_delete_replication, "")
OPERATION(GetObjectLockConfiguration, GET, BUCKET, BY("object-lock"), LIST, ACTION(GET_BUCKET_OBJECT_LOCK), 0, SERVED,
          s3_op_get_object_lock, "")
OPERATION(PutObjectLockConfiguration, PUT, BUCKET, BY("object-lock"), ADMIN, ACTION(PUT_BUCKET_OBJECT_LOCK), 0, SERVED,
          s3_op_put_object_lock, "default retention in days or years; the bucket must have versioning enabled, and keeps it")
OPERATION(GetPublicAccessBlock, GET, BUCKET, BY("publicAccessBlock"), LIST, ACTION(GET_BUCKET_PUBLIC_ACCESS_BLOCK), 0, SERVED,
          s3_op_get_public_access_block, "")
OPERATION(PutPublicAccessBlock, PUT, BUCKET, BY("publicAccessBlock"), ADMIN, ACTION(PUT_BUCKET_PUBLIC_ACCESS_BLOCK), 0, SERVED,
          s3_op_put_public_access_block, "all four switches count. None is on until it is put")
OPERATION(DeletePublicAccessBlock, DELETE, BUCKET, BY("publicAccessBlock"), ADMIN, ACTION(PUT_BUCKET_PUBLIC_ACCESS_BLOCK), 0,
          SERVED, s3_op_delete_public_access_block, "")
OPERATION(GetBucketOwnershipControls, GET, BUCKET, BY("ownershipControls"), LIST, ACTION(GET_BUCKET_OWNERSHIP_CONTROLS), 0,
          SERVED, s3_op_get_ownership_controls, "")
OPERATION(PutBucketOwnershipControls, PUT, BUCKET, BY("ownershipControls"), ADMIN, ACTION(PUT_BUCKET_OWNERSHIP_CONTROLS), 0,
          SERVED, s3_op_put_ownership_controls,
          "also by `x-amz-object-ownership` of CreateBucket. Without them ACLs count")
OPERATION(DeleteBucketOwnershipControls, DELETE, BUCKET, BY("ownershipControls"), ADMIN, ACTION(PUT_BUCKET_OWNERSHIP_CONTROLS),
          0, SERVED, s3_op_delete_ownership_controls, "")
OPERATION(GetBucketAccelerateConfiguration, GET, BUCKET, BY("accelerate"), LIST, ACTION(GET_ACCELERATE_CONFIGURATION), 0, ABSENT,
          s3_op_get_empty_settings, "an empty document")
OPERATION(PutBucketAccelerateConfiguration, PUT, BUCKET, BY("accelerate"), ADMIN, ACTION(PUT_ACCELERATE_CONFIGURATION), 0,
          SERVED, s3_op_put_accelerate, "`Suspended`, which changes nothing; `Enabled` is 501")
OPERATION(GetBucketLogging, GET, BUCKET, BY("logging"), LIST, ACTION(GET_BUCKET_LOGGING), 0, ABSENT, s3_op_get_empty_settings,
          "an empty document")
OPERATION(PutBucketLogging, PUT, BUCKET, BY("logging"), ADMIN, ACTION(PUT_BUCKET_LOGGING), 0, SERVED, s3_op_put_logging,
          "the empty document, which changes nothing; `LoggingEnabled` is 501")
OPERATION(GetBucketNotificationConfiguration, GET, BUCKET, BY("notification"), LIST, ACTION(GET_BUCKET_NOTIFICATION), 0, SERVED,
          s3_op_get_notification, "")
OPERATION(PutBucketNotificationConfiguration, PUT, BUCKET, BY("notification"), ADMIN, ACTION(PUT_BUCKET_NOTIFICATION), 0, SERVED,
          s3_op_put_notification,
          "100 configurations of queues, topics or functions; ARNs name a target of the operator's file, as `arn:sluice:sqs:REGION:NAME:webhook` "
          "(or `arn:minio:sqs:...`); prefix and suffix; overlaps as S3 refuses them. Events that do not happen here are `InvalidArgument`, "
          "`EventBridgeConfiguration` is 501. See [events](../../deploy/README.md#events)")
/* MinIO's; no operation of S3's. */
OPERATION(ListenBucketNotification, GET, BUCKET, BY("events"), LIST, ACTION(LISTEN_BUCKET_NOTIFICATION), 0, SERVED,
          s3_op_listen_bucket_notification,
          "MinIO's: `events` (once or more), `prefix`, `suffix`, `ping` (seconds); a line of JSON for each event, until the connection ends. "
          "`s3:ObjectAccessed:*` is taken, and never happens")
OPERATION(GetBucketRequestPayment, GET, BUCKET, BY("requestPayment"), LIST, ACTION(GET_BUCKET_REQUEST_PAYMENT), 0, SERVED,
          s3_op_get_empty_settings, "`BucketOwner`")
OPERATION(PutBucketRequestPayment, PUT, BUCKET, BY("requestPayment"), ADMIN, ACTION(PUT_BUCKET_REQUEST_PAYMENT), 0, SERVED,
          s3_op_put_request_payment, "`BucketOwner`; `Requester` is 501")
OPERATION(GetBucketAnalyticsConfiguration, GET, BUCKET, BY_BOTH("analytics", "id"), LIST, ACTION(GET_ANALYTICS_CONFIGURATION), 0,
          REFUSED, NO_SUCH_CONFIGURATION, "")
OPERATION(ListBucketAnalyticsConfigurations, GET, BUCKET, BY("analytics"), LIST, ACTION(GET_ANALYTICS_CONFIGURATION), 0, REFUSED,
          NOT_IMPLEMENTED, "")
OPERATION(PutBucketAnalyticsConfiguration, PUT, BUCKET, BY_BOTH("analytics", "id"), ADMIN, ACTION(PUT_ANALYTICS_CONFIGURATION),
          MAY_MISS, REFUSED, NOT_IMPLEMENTED, "")
OPERATION(DeleteBucketAnalyticsConfiguration, DELETE, BUCKET, BY_BOTH("analytics", "id"), ADMIN,
          ACTION(PUT_ANALYTICS_CONFIGURATION), 0, REFUSED, NO_SUCH_CONFIGURATION, "")
OPERATION(DeleteBucketAnalyticsConfiguration, DELETE, BUCKET, BY("analytics"), ADMIN, ACTION(PUT_ANALYTICS_CONFIGURATION), 0,
          REFUSED, NOT_IMPLEMENTED, "")
OPERATION(GetBucketIntelligentTieringConfiguration, GET, BUCKET, BY_BOTH("intelligent-tiering", "id"), LIST,
          ACTION(GET_INTELLIGENT_TIERING), 0, REFUSED, NO_SUCH_CONFIGURATION, "")
OPERATION(ListBucketIntelligentTieringConfigurations, GET, BUCKET, BY("intelligent-tiering"), LIST,
          ACTION(GET_INTELLIGENT_TIERING), 0, REFUSED, NOT_IMPLEMENTED, "")
OPERATION(PutBucketIntelligentTieringConfiguration, PUT, BUCKET, BY_BOTH("intelligent-tiering", "id"), ADMIN,
          ACTION(PUT_INTELLIGENT_TIERING), MAY_MISS, REFUSED, NOT_IMPLEMENTED, "")
OPERATION(DeleteBucketIntelligentTieringConfiguration, DELETE, BUCKET, BY_BOTH("intelligent-tiering", "id"), ADMIN,
          ACTION(PUT_INTELLIGENT_TIERING), 0, REFUSED, NO_SUCH_CONFIGURATION, "")
OPERATION(DeleteBucketIntelligentTieringConfiguration, DELETE, BUCKET, BY("intelligent-tiering"), ADMIN,
          ACTION(PUT_INTELLIGENT_TIERING), 0, REFUSED, NOT_IMPLEMENTED, "")
OPERATION(GetBucketInventoryConfiguration, GET, BUCKET, BY_BOTH("inventory", "id"), LIST, ACTION(GET_INVENTORY_CONFIGURATION), 0,
          REFUSED, NO_SUCH_CONFIGURATION, "")
OPERATION(ListBucketInventoryConfigurations, GET, BUCKET, BY("inventory"), LIST, ACTION(GET_INVENTORY_CONFIGURATION), 0, REFUSED,
          NOT_IMPLEMENTED, "")
OPERATION(PutBucketInventoryConfiguration, PUT, BUCKET, BY_BOTH("inventory", "id"), ADMIN, ACTION(PUT_INVENTORY_CONFIGURATION),
          MAY_MISS, REFUSED, NOT_IMPLEMENTED, "")
OPERATION(DeleteBucketInventoryConfiguration, DELETE, BUCKET, BY_BOTH("inventory", "id"), ADMIN,
          ACTION(PUT_INVENTORY_CONFIGURATION), 0, REFUSED, NO_SUCH_CONFIGURATION, "")
OPERATION(DeleteBucketInventoryConfiguration, DELETE, BUCKET, BY("inventory"), ADMIN, ACTION(PUT_INVENTORY_CONFIGURATION), 0,
          REFUSED, NOT_IMPLEMENTED, "")
OPERATION(GetBucketMetricsConfiguration, GET, BUCKET, BY_BOTH("metrics", "id"), LIST, ACTION(GET_METRICS_CONFIGURATION), 0,
          REFUSED, NO_SUCH_CONFIGURATION, "")
OPERATION(ListBucketMetricsConfigurations, GET, BUCKET, BY("metrics"), LIST, ACTION(GET_METRICS_CONFIGURATION), 0, REFUSED,
          NOT_IMPLEMENTED, "")
OPERATION(PutBucketMetricsConfiguration, PUT, BUCKET, BY_BOTH("metrics", "id"), ADMIN, ACTION(PUT_METRICS_CONFIGURATION),
          MAY_MISS, REFUSED, NOT_IMPLEMENTED, "")
OPERATION(DeleteBucketMetricsConfiguration, DELETE, BUCKET, BY_BOTH("metrics", "id"), ADMIN, ACTION(PUT_METRICS_CONFIGURATION),
          0, REFUSED, NO_SUCH_CONFIGURATION, "")
OPERATION(DeleteBucketMetricsConfiguration, DELETE, BUCKET, BY("metrics"), ADMIN, ACTION(PUT_METRICS_CONFIGURATION), 0, REFUSED,
          NOT_IMPLEMENTED, "")
OPERATION(CreateBucketMetadataConfiguration, POST, BUCKET, BY("metadataConfiguration"), ADMIN,
          ACTION(CREATE_BUCKET_METADATA_TABLE), 0, REFUSED, NOT_IMPLEMENTED, "")
OPERATION(GetBucketMetadataConfiguration, GET, BUCKET, BY("metadataConfiguration"), LIST, ACTION(GET_BUCKET_METADATA_TABLE), 0,
          REFUSED, NOT_IMPLEMENTED, "")
OPERATION(DeleteBucketMetadataConfiguration, DELETE, BUCKET, BY("metadataConfiguration"), ADMIN,
          ACTION(DELETE_BUCKET_METADATA_TABLE), 0, REFUSED, NOT_IMPLEMENTED, "")
OPERATION(CreateBucketMetadataTableConfiguration, POST, BUCKET, BY("metadataTable"), ADMIN, ACTION(CREATE_BUCKET_METADATA_TABLE),
          0, REFUSED, NOT_IMPLEMENTED, "")
OPERATION(GetBucketMetadataTableConfiguration, GET, BUCKET, BY("metadataTable"), LIST, ACTION(GET_BUCKET_METADATA_TABLE), 0,
          REFUSED, NOT_IMPLEMENTED, "")
OPERATION(DeleteBucketMetadataTableConfiguration, DELETE, BUCKET, BY("metadataTable"), ADMIN,
          ACTION(DELETE_BUCKET_METADATA_TABLE), 0, REFUSED, NOT_IMPLEMENTED, "")
OPERATION(UpdateBucketMetadataAnnotationTableConfiguration, PUT, BUCKET, BY("metadataAnnotationTable"), ADMIN,
          ACTION(UPDATE_BUCKET_METADATA_ANNOTATION), 0, REFUSED, NOT_IMPLEMENTED, "")
OPERATION(UpdateBucketMetadataInventoryTableConfiguration, PUT, BUCKET, BY("metadataInventoryTable"), ADMIN,
          ACTION(UPDATE_BUCKET_METADATA_INVENTORY), 0, REFUSED, NOT_IMPLEMENTED, "")
OPERATION(UpdateBucketMetadataJournalTableConfiguration, PUT, BUCKET, BY("metadataJournalTable"), ADMIN,
          ACTION(UPDATE_BUCKET_METADATA_JOURNAL), 0, REFUSED, NOT_IMPLEMENTED, "")
OPERATION(GetBucketAbac, GET, BUCKET, BY("abac"), LIST, ACTION(GET_BUCKET_ABAC), 0, REFUSED, NOT_IMPLEMENTED, "")
OPERATION(PutBucketAbac, PUT, BUCKET, BY("abac"), ADMIN, ACTION(PUT_BUCKET_ABAC), 0, REFUSED, NOT_IMPLEMENTED, "")

/* Not S3's: its parameters begin with `sluice-`, so that they never meet S3's. */
OPERATION(GetBucketCache, GET, BUCKET, BY("sluice-cache"), LIST, NO_ACTION, 0, SERVED, s3_op_get_bucket_cache,
          "not S3's: the rules of a [cache bucket](../../deploy/README.md#cache-buckets). 404 `NoSuchConfiguration` where it is none")
OPERATION(PutBucketCache, PUT, BUCKET, BY("sluice-cache"), ADMIN, NO_ACTION, 0, SERVED, s3_op_put_bucket_cache,
          "not S3's: `CacheConfiguration` with `MaxSize`, `MaxAge` (seconds), `MaxObjectSize`, `UseStep`, `WriteOnce`. Of a bucket that has or had "
          "versioning: 409 `InvalidBucketState`")
OPERATION(DeleteBucketCache, DELETE, BUCKET, BY("sluice-cache"), ADMIN, NO_ACTION, 0, SERVED, s3_op_delete_bucket_cache,
          "not S3's: a plain bucket again; its objects stay")
OPERATION(GetBucketContentTypes, GET, BUCKET, BY("sluice-content-types"), LIST, NO_ACTION, 0, SERVED, s3_op_get_bucket_content_types,
          "not S3's: `ContentTypeConfiguration` with `ByName`: objects that were put without a type [have that of their names](README.md#types-by-names). 404 "
          "`NoSuchConfiguration` where it is S3's binary/octet-stream")
OPERATION(PutBucketContentTypes, PUT, BUCKET, BY("sluice-content-types"), ADMIN, NO_ACTION, 0, SERVED, s3_op_put_bucket_content_types,
          "not S3's: `ByName` is `true` or `false`")
OPERATION(DeleteBucketContentTypes, DELETE, BUCKET, BY("sluice-content-types"), ADMIN, NO_ACTION, 0, SERVED,
          s3_op_delete_bucket_content_types, "not S3's")
/* For whoever may delete all keys with the prefix; where policies have a say in that, see the function. */
OPERATION(ExpireObjects, POST, BUCKET, BY("sluice-expire"), WRITE, NO_ACTION, LISTS, SERVED, s3_op_expire_objects,
          "not S3's: `prefix`, `sluice-tags` (as x-amz-tagging), `sluice-older-than` (seconds), at least one of them: all current objects that fit go, in the "
          "background. 202 once that is stored; those that come later stay. 64 at a time. Takes write on all keys with the prefix, admin where the bucket has a policy")
OPERATION(PublishObjects, POST, BUCKET, BY("sluice-publish"), WRITE, NO_ACTION, DOCUMENT, SERVED, s3_op_publish,
          "not S3's: [a build in one moment](../../deploy/README.md#publishing). `Publish` with up to 10,000 `Object`s (`Key`, `Staged`, and `ETag`, `VersionId` of the "
          "staged one; or `Key`, `UploadId`, `Part`s), `Prefix` (what else begins so goes), `Condition` (`Key` with `IfMatch` or `IfNoneMatch`), `RemoveStaged`. Each key is judged as by "
          "CopyObject or DeleteObject; the prefix has to be one that the caller may list. 404, 403, 412 name the key; `ConditionalRequestConflict` where others change the same keys "
          "again and again. Documents: 8 MiB")
OPERATION(GetExpiry, GET, BUCKET, BY("sluice-expire"), LIST, NO_ACTION, 0, SERVED, s3_op_get_expiry,
          "not S3's: how many of these have not been carried out: `Expiry` with `Pending`")

/* ---- Objects ---- */

/* Judged with the tags of its source. */
OPERATION(CopyObject, PUT, OBJECT, ALONE_WITH("x-amz-copy-source"), WRITE, ACTION(PUT_OBJECT), DOCUMENT | MAKES | STORES | SEALS,
          SERVED, s3_op_copy_object,
          "no byte is moved, up to 5 TiB, unless [encryption](../../deploy/README.md#encryption) begins or ends. The copy of an object of parts is one part, as in S3: its ETag is the MD5 where that of a PutObject would "
          "be (up to 16 MiB, or signed without `x-amz-checksum-algorithm`), else opaque; its checksum is a `FULL_OBJECT` one of the source's "
          "algorithm. The source is read where those do not follow from what is stored; beyond 5 GiB, where S3 copies nothing, parts stay "
          "parts. `x-amz-metadata-directive`, `x-amz-tagging-directive`. Tags of the source are taken over by those who "
          "may get them there and put them here; conditions on `RequestObjectTag` see them. So are its annotations, unless `x-amz-object-annotation-directive` is `EXCLUDE`. With `x-amz-checksum-algorithm` the "
          "copy has a `FULL_OBJECT` checksum of that algorithm, for which the source is read where it does not follow from what is "
          "stored; without, it has the source's")
OPERATION(PutObject, PUT, OBJECT, ALONE, WRITE, ACTION(PUT_OBJECT), BYTES | MAKES | STORES | SEALS, SERVED, s3_op_put_object,
          "`If-Match` with an ETag, `If-None-Match: *` (anything else is 501, as in S3), `Content-MD5`, `x-amz-content-sha256`, "
          "`x-amz-checksum-*` in headers and trailers, user metadata (decoded where they come as RFC 2047 "
          "has it), `x-amz-tagging`; `x-amz-write-offset-bytes` appends, see below; a tar with "
          "`x-amz-meta-snowball-auto-extract: true` becomes objects, see "
          "[archives](README.md#archives-that-become-objects)")
/* Who may read the object is told why not like this: S3 has answers of its own for keys with these parameters of buckets. */
OPERATION(GetObject, GET, OBJECT, ALONE, READ, VERSIONED(GET_OBJECT, GET_OBJECT_VERSION), VERSION | SEALS, SERVED, s3_op_get_object,
          "`Range` (one), `If-*`, `If-Range`, `response-*` (signed requests; in ISO-8859-1), user metadata (beyond ASCII as RFC 2047 has it; "
          "`x-amz-missing-meta` counts those that are not UTF-8 or have no name), `partNumber` (a part keeps the number it was uploaded "
          "with; none of that number: 416 `InvalidPartNumber`), `x-amz-checksum-mode` (of a part, the part's)")
OPERATION(GetObject, GET, OBJECT, BY("logging"), READ, VERSIONED(GET_OBJECT, GET_OBJECT_VERSION), VERSION, REFUSED,
          NO_LOGGING_STATUS_FOR_KEY, "")
OPERATION(GetObject, GET, OBJECT, BY("uploads"), READ, VERSIONED(GET_OBJECT, GET_OBJECT_VERSION), 0, REFUSED, UPLOADS_OF_KEY, "")
OPERATION(GetObject, GET, OBJECT, BY("versions"), READ, VERSIONED(GET_OBJECT, GET_OBJECT_VERSION), VERSION, REFUSED,
          VERSIONS_OF_KEY, "")
OPERATION(HeadObject, HEAD, OBJECT, ALONE, READ, VERSIONED(GET_OBJECT, GET_OBJECT_VERSION), VERSION | SEALS, SERVED, s3_op_get_object,
          "as GetObject")
OPERATION(HeadObject, HEAD, OBJECT, BY("logging"), READ, VERSIONED(GET_OBJECT, GET_OBJECT_VERSION), VERSION, REFUSED,
          NO_LOGGING_STATUS_FOR_KEY, "")
OPERATION(HeadObject, HEAD, OBJECT, BY("uploads"), READ, VERSIONED(GET_OBJECT, GET_OBJECT_VERSION), 0, REFUSED, UPLOADS_OF_KEY,
          "")
OPERATION(HeadObject, HEAD, OBJECT, BY("versions"), READ, VERSIONED(GET_OBJECT, GET_OBJECT_VERSION), VERSION, REFUSED,
          VERSIONS_OF_KEY, "")
OPERATION(DeleteObject, DELETE, OBJECT, ALONE, WRITE, VERSIONED(DELETE_OBJECT, DELETE_OBJECT_VERSION), VERSION, SERVED,
          s3_op_delete_object, "`If-Match`, `x-amz-if-match-size`, `x-amz-if-match-last-modified-time`")
OPERATION(RenameObject, PUT, OBJECT, BY("renameObject"), WRITE, ACTION(PUT_OBJECT), MAKES, SERVED, s3_op_rename_object,
          "in every bucket, with all conditions. Last-Modified stays. With versioning the old key gets a delete marker. "
          "`x-amz-client-token`: remembered for as long as the new key holds what was renamed; the same request again succeeds and "
          "changes nothing, another with the same token and new key is `IdempotencyParameterMismatch`")
OPERATION(GetObjectAttributes, GET, OBJECT, BY("attributes"), READ,
          VERSIONED_AND(GET_OBJECT, GET_OBJECT_VERSION, GET_OBJECT_ATTRIBUTES, GET_OBJECT_VERSION_ATTRIBUTES), VERSION | SEALS, SERVED,
          s3_op_get_object_attributes,
          "`x-amz-max-parts`, `x-amz-part-number-marker`; parts are told where the checksum is `COMPOSITE`, else their number alone")
OPERATION(GetObjectAcl, GET, OBJECT, BY("acl"), READ, VERSIONED(GET_OBJECT_ACL, GET_OBJECT_VERSION_ACL), VERSION, SERVED,
          s3_op_get_object_acl, "")
/* Admin: who may only write cannot make it public. */
OPERATION(PutObjectAcl, PUT, OBJECT, BY("acl"), ADMIN, VERSIONED(PUT_OBJECT_ACL, PUT_OBJECT_VERSION_ACL), VERSION, SERVED,
          s3_op_put_object_acl, "as PutBucketAcl; ETag and Last-Modified stay")
OPERATION(GetObjectTagging, GET, OBJECT, BY("tagging"), READ, VERSIONED(GET_OBJECT_TAGGING, GET_OBJECT_VERSION_TAGGING), VERSION,
          SERVED, s3_op_get_object_tagging, "")
OPERATION(PutObjectTagging, PUT, OBJECT, BY("tagging"), WRITE, VERSIONED(PUT_OBJECT_TAGGING, PUT_OBJECT_VERSION_TAGGING),
          VERSION | DOCUMENT, SERVED, s3_op_put_object_tagging,
          "10 tags of 128 and 256 characters; ETag and Last-Modified stay. Beyond ASCII, every character but controls is allowed in "
          "tags")
OPERATION(DeleteObjectTagging, DELETE, OBJECT, BY("tagging"), WRITE,
          VERSIONED(DELETE_OBJECT_TAGGING, DELETE_OBJECT_VERSION_TAGGING), VERSION, SERVED, s3_op_delete_object_tagging, "")
OPERATION(GetObjectLegalHold, GET, OBJECT, BY("legal-hold"), READ, ACTION(GET_OBJECT_LEGAL_HOLD), VERSION, SERVED,
          s3_op_get_object_legal_hold, "")
OPERATION(PutObjectLegalHold, PUT, OBJECT, BY("legal-hold"), WRITE, ACTION(PUT_OBJECT_LEGAL_HOLD), VERSION | DOCUMENT, SERVED,
          s3_op_put_object_legal_hold, "")
OPERATION(GetObjectRetention, GET, OBJECT, BY("retention"), READ, ACTION(GET_OBJECT_RETENTION), VERSION, SERVED,
          s3_op_get_object_retention, "")
OPERATION(PutObjectRetention, PUT, OBJECT, BY("retention"), WRITE, ACTION(PUT_OBJECT_RETENTION), VERSION | DOCUMENT, SERVED,
          s3_op_put_object_retention,
          "`GOVERNANCE`, `COMPLIANCE`, `x-amz-bypass-governance-retention` (which takes admin, or a policy that allows it)")
OPERATION(GetObjectAnnotation, GET, OBJECT, BY_BOTH("annotation", "annotationName"), READ,
          VERSIONED(GET_OBJECT_ANNOTATION, GET_OBJECT_VERSION_ANNOTATION), VERSION, SERVED, s3_op_get_object_annotation,
          "`x-amz-checksum-mode`. Ranges and conditions are not looked at, which S3 does not have there")
OPERATION(ListObjectAnnotations, GET, OBJECT, BY("annotation"), READ,
          VERSIONED(LIST_OBJECT_ANNOTATIONS, LIST_OBJECT_VERSION_ANNOTATIONS), VERSION, SERVED, s3_op_list_object_annotations,
          "`annotation-prefix`, `max-annotation-results`, `continuation-token`")
OPERATION(PutObjectAnnotation, PUT, OBJECT, BY_BOTH("annotation", "annotationName"), WRITE,
          VERSIONED(PUT_OBJECT_ANNOTATION, PUT_OBJECT_VERSION_ANNOTATION), VERSION | MAY_MISS | BYTES, SERVED,
          s3_op_put_object_annotation,
          "1,000 of 1 MiB, UTF-8, a version; checksums and framings as PutObject, the ETag is the MD5; `x-amz-object-if-match`. Object Lock "
          "keeps them as it keeps the version, but for `x-amz-bypass-governance-retention`. See [annotations](README.md#annotations)")
OPERATION(DeleteObjectAnnotation, DELETE, OBJECT, BY_BOTH("annotation", "annotationName"), WRITE,
          VERSIONED(DELETE_OBJECT_ANNOTATION, DELETE_OBJECT_VERSION_ANNOTATION), VERSION | MAY_MISS, SERVED,
          s3_op_delete_object_annotation, "also of one that is not there; `x-amz-object-if-match`, `x-amz-bypass-governance-retention`")
OPERATION(GetObjectTorrent, GET, OBJECT, BY("torrent"), READ, VERSIONED(GET_OBJECT_TORRENT, GET_OBJECT_VERSION_TORRENT), VERSION,
          REFUSED, NOT_IMPLEMENTED, "")
OPERATION(RestoreObject, POST, OBJECT, BY("restore"), WRITE, ACTION(RESTORE_OBJECT), VERSION, REFUSED, NOT_IMPLEMENTED, "")
OPERATION(SelectObjectContent, POST, OBJECT, BY_BOTH("select", "select-type"), READ, ACTION(GET_OBJECT), VERSION | MAY_MISS,
          REFUSED, NOT_IMPLEMENTED, "")
OPERATION(UpdateObjectEncryption, PUT, OBJECT, BY("encryption"), WRITE, ACTION(UPDATE_OBJECT_ENCRYPTION), VERSION, REFUSED,
          NOT_IMPLEMENTED, "")

/* ---- Members of archives: not S3's, see README.md. Whoever may read the archive may read its members ---- */

OPERATION(GetArchiveMember, GET, OBJECT, BY("sluice-member"), READ, VERSIONED(GET_OBJECT, GET_OBJECT_VERSION), VERSION | SEALS, SERVED,
          s3_op_get_archive_member,
          "not S3's: [a member](README.md#members-of-archives) of a ZIP or a tar, by name. `Range`, `If-*`, `response-*` as GetObject; deflated members as gzip where "
          "`Accept-Encoding` takes it. Also by MinIO's `X-Minio-Extract: true` and `/BUCKET/ARCHIVE.zip/MEMBER`")
OPERATION(HeadArchiveMember, HEAD, OBJECT, BY("sluice-member"), READ, VERSIONED(GET_OBJECT, GET_OBJECT_VERSION), VERSION | SEALS, SERVED,
          s3_op_get_archive_member, "not S3's: as GetArchiveMember")
OPERATION(ListArchiveMembers, GET, OBJECT, BY("sluice-members"), READ, VERSIONED(GET_OBJECT, GET_OBJECT_VERSION), VERSION | SEALS, SERVED,
          s3_op_list_archive_members,
          "not S3's: the answer and the parameters are those of ListObjectsV2. Also by `X-Minio-Extract: true` and a listing of the bucket with the prefix `ARCHIVE.zip/`")

/* ---- Multipart uploads ---- */

OPERATION(CreateMultipartUpload, POST, OBJECT, BY("uploads"), WRITE, ACTION(PUT_OBJECT), STORES | SEALS, SERVED, s3_op_create_upload,
          "`x-amz-checksum-algorithm`, `x-amz-checksum-type`")
OPERATION(UploadPartCopy, PUT, OBJECT, BY_BOTH_WITH("uploadId", "partNumber", "x-amz-copy-source"), WRITE, ACTION(PUT_OBJECT),
          MAY_MISS | SEALS, SERVED, s3_op_upload_part_copy,
          "no byte is moved: `x-amz-copy-source-range`, whose part has an opaque ETag. The part gets a checksum as the upload asks, from the source's or by reading "
          "the range")
OPERATION(UploadPart, PUT, OBJECT, BY_BOTH("uploadId", "partNumber"), WRITE, ACTION(PUT_OBJECT), MAY_MISS | BYTES | SEALS, SERVED,
          s3_op_upload_part,
          "as PutObject. In an upload whose checksum is `COMPOSITE` a part has to come with its own; in one that asked for none, the "
          "part's is verified and confirmed, but not kept: its object has a CRC64NVME")
/* A part without its upload must not become the object. */
OPERATION(UploadPart, PUT, OBJECT, BY("partNumber"), WRITE, ACTION(PUT_OBJECT), 0, REFUSED, INVALID_ARGUMENT, "")
OPERATION(ListParts, GET, OBJECT, BY("uploadId"), WRITE, ACTION(LIST_MULTIPART_UPLOAD_PARTS), 0, SERVED, s3_op_list_parts,
          "`max-parts`, `part-number-marker`. There is always a `NextPartNumberMarker`, as in S3; but none after the last part for AWS's "
          "SDK for JavaScript, whose paginator would begin anew")
OPERATION(CompleteMultipartUpload, POST, OBJECT, BY("uploadId"), WRITE, ACTION(PUT_OBJECT), MAKES | SEALS, SERVED, s3_op_complete_upload,
          "part checksums (which a `COMPOSITE` upload demands), `x-amz-mp-object-size`, conditions as PutObject: these are about the "
          "object that is there at the completion, whatever became of it since the upload began (S3 answers "
          "`ConditionalRequestConflict` where it changed); may be repeated as long as its object is the current one, with the same "
          "parts (`InvalidPart` with others)")
OPERATION(AbortMultipartUpload, DELETE, OBJECT, BY("uploadId"), WRITE, ACTION(ABORT_MULTIPART_UPLOAD), 0, SERVED,
          s3_op_abort_upload, "")

/* ---- Preflights ---- */

/* They carry no credentials: what they get is what the CORS rules tell everybody. */
OPERATION(OPTIONS, OPTIONS, OBJECT, ALONE, NONE, NO_ACTION, VERSION, SERVED, s3_op_preflight,
          "preflights, also of a bucket and the service, without a signature. Answers to requests with an `Origin` that a rule allows "
          "carry the `Access-Control-*` headers, errors too")
OPERATION(OPTIONS, OPTIONS, BUCKET, ALONE, NONE, NO_ACTION, VERSION, SERVED, s3_op_preflight, "")
OPERATION(OPTIONS, OPTIONS, SERVICE, ALONE, NONE, NO_ACTION, VERSION, SERVED, s3_op_preflight, "")

#undef OPERATION
/* clang-format on */
