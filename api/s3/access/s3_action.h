/* SPDX-License-Identifier: MIT
 *
 * The actions that policies name, and which of them a request asks for. S3's list ("Actions, resources, and condition keys for
 * Amazon S3") is here as a whole, so that policies written for S3 are understood even where they speak of what this server
 * does not do.
 *
 * Pure functions; any thread. */
#ifndef API_S3_ACCESS_S3_ACTION_H
#define API_S3_ACCESS_S3_ACTION_H

#include <stdbool.h>
#include <stddef.h>

/* NAME, action without its "s3:", whether it is about an object (or an upload of one) or about a bucket. */
#define S3_ACTION_MAP(X)                                                                                     \
    X(ABORT_MULTIPART_UPLOAD, "AbortMultipartUpload", OBJECT)                                                \
    X(BYPASS_GOVERNANCE_RETENTION, "BypassGovernanceRetention", OBJECT)                                      \
    X(CREATE_BUCKET, "CreateBucket", BUCKET)                                                                 \
    X(CREATE_BUCKET_METADATA_TABLE, "CreateBucketMetadataTableConfiguration", BUCKET)                        \
    X(DELETE_BUCKET, "DeleteBucket", BUCKET)                                                                 \
    X(DELETE_BUCKET_METADATA_TABLE, "DeleteBucketMetadataTableConfiguration", BUCKET)                        \
    X(DELETE_BUCKET_POLICY, "DeleteBucketPolicy", BUCKET)                                                    \
    X(DELETE_BUCKET_WEBSITE, "DeleteBucketWebsite", BUCKET)                                                  \
    X(DELETE_OBJECT, "DeleteObject", OBJECT)                                                                 \
    X(DELETE_OBJECT_ANNOTATION, "DeleteObjectAnnotation", OBJECT)                                            \
    X(DELETE_OBJECT_TAGGING, "DeleteObjectTagging", OBJECT)                                                  \
    X(DELETE_OBJECT_VERSION, "DeleteObjectVersion", OBJECT)                                                  \
    X(DELETE_OBJECT_VERSION_ANNOTATION, "DeleteObjectVersionAnnotation", OBJECT)                             \
    X(DELETE_OBJECT_VERSION_TAGGING, "DeleteObjectVersionTagging", OBJECT)                                   \
    X(GET_ACCELERATE_CONFIGURATION, "GetAccelerateConfiguration", BUCKET)                                    \
    X(GET_ANALYTICS_CONFIGURATION, "GetAnalyticsConfiguration", BUCKET)                                      \
    X(GET_BUCKET_ABAC, "GetBucketAbac", BUCKET)                                                              \
    X(GET_BUCKET_ACL, "GetBucketAcl", BUCKET)                                                                \
    X(GET_BUCKET_CORS, "GetBucketCORS", BUCKET)                                                              \
    X(GET_BUCKET_LOCATION, "GetBucketLocation", BUCKET)                                                      \
    X(GET_BUCKET_LOGGING, "GetBucketLogging", BUCKET)                                                        \
    X(GET_BUCKET_METADATA_TABLE, "GetBucketMetadataTableConfiguration", BUCKET)                              \
    X(GET_BUCKET_NOTIFICATION, "GetBucketNotification", BUCKET)                                              \
    X(GET_BUCKET_OBJECT_LOCK, "GetBucketObjectLockConfiguration", BUCKET)                                    \
    X(GET_BUCKET_OWNERSHIP_CONTROLS, "GetBucketOwnershipControls", BUCKET)                                   \
    X(GET_BUCKET_POLICY, "GetBucketPolicy", BUCKET)                                                          \
    X(GET_BUCKET_POLICY_STATUS, "GetBucketPolicyStatus", BUCKET)                                             \
    X(GET_BUCKET_PUBLIC_ACCESS_BLOCK, "GetBucketPublicAccessBlock", BUCKET)                                  \
    X(GET_BUCKET_REQUEST_PAYMENT, "GetBucketRequestPayment", BUCKET)                                         \
    X(GET_BUCKET_TAGGING, "GetBucketTagging", BUCKET)                                                        \
    X(GET_BUCKET_VERSIONING, "GetBucketVersioning", BUCKET)                                                  \
    X(GET_BUCKET_WEBSITE, "GetBucketWebsite", BUCKET)                                                        \
    X(GET_ENCRYPTION_CONFIGURATION, "GetEncryptionConfiguration", BUCKET)                                    \
    X(GET_INTELLIGENT_TIERING, "GetIntelligentTieringConfiguration", BUCKET)                                 \
    X(GET_INVENTORY_CONFIGURATION, "GetInventoryConfiguration", BUCKET)                                      \
    X(GET_LIFECYCLE_CONFIGURATION, "GetLifecycleConfiguration", BUCKET)                                      \
    X(GET_METRICS_CONFIGURATION, "GetMetricsConfiguration", BUCKET)                                          \
    X(GET_OBJECT, "GetObject", OBJECT)                                                                       \
    X(GET_OBJECT_ACL, "GetObjectAcl", OBJECT)                                                                \
    X(GET_OBJECT_ANNOTATION, "GetObjectAnnotation", OBJECT)                                                  \
    X(GET_OBJECT_ATTRIBUTES, "GetObjectAttributes", OBJECT)                                                  \
    X(GET_OBJECT_LEGAL_HOLD, "GetObjectLegalHold", OBJECT)                                                   \
    X(GET_OBJECT_RETENTION, "GetObjectRetention", OBJECT)                                                    \
    X(GET_OBJECT_TAGGING, "GetObjectTagging", OBJECT)                                                        \
    X(GET_OBJECT_TORRENT, "GetObjectTorrent", OBJECT)                                                        \
    X(GET_OBJECT_VERSION, "GetObjectVersion", OBJECT)                                                        \
    X(GET_OBJECT_VERSION_ACL, "GetObjectVersionAcl", OBJECT)                                                 \
    X(GET_OBJECT_VERSION_ANNOTATION, "GetObjectVersionAnnotation", OBJECT)                                   \
    X(GET_OBJECT_VERSION_ANNOTATION_FOR_REPLICATION, "GetObjectVersionAnnotationForReplication", OBJECT)     \
    X(GET_OBJECT_VERSION_ATTRIBUTES, "GetObjectVersionAttributes", OBJECT)                                   \
    X(GET_OBJECT_VERSION_FOR_REPLICATION, "GetObjectVersionForReplication", OBJECT)                          \
    X(GET_OBJECT_VERSION_TAGGING, "GetObjectVersionTagging", OBJECT)                                         \
    X(GET_OBJECT_VERSION_TORRENT, "GetObjectVersionTorrent", OBJECT)                                         \
    X(GET_REPLICATION_CONFIGURATION, "GetReplicationConfiguration", BUCKET)                                  \
    X(INITIATE_REPLICATION, "InitiateReplication", OBJECT)                                                   \
    X(LISTEN_BUCKET_NOTIFICATION, "ListenBucketNotification", BUCKET)                                        \
    X(LIST_BUCKET, "ListBucket", BUCKET)                                                                     \
    X(LIST_BUCKET_MULTIPART_UPLOADS, "ListBucketMultipartUploads", BUCKET)                                   \
    X(LIST_BUCKET_VERSIONS, "ListBucketVersions", BUCKET)                                                    \
    X(LIST_MULTIPART_UPLOAD_PARTS, "ListMultipartUploadParts", OBJECT)                                       \
    X(LIST_OBJECT_ANNOTATIONS, "ListObjectAnnotations", OBJECT)                                              \
    X(LIST_OBJECT_VERSION_ANNOTATIONS, "ListObjectVersionAnnotations", OBJECT)                               \
    X(LIST_TAGS_FOR_RESOURCE, "ListTagsForResource", BUCKET)                                                 \
    X(OBJECT_OWNER_OVERRIDE_TO_BUCKET_OWNER, "ObjectOwnerOverrideToBucketOwner", OBJECT)                     \
    X(PUT_ACCELERATE_CONFIGURATION, "PutAccelerateConfiguration", BUCKET)                                    \
    X(PUT_ANALYTICS_CONFIGURATION, "PutAnalyticsConfiguration", BUCKET)                                      \
    X(PUT_BUCKET_ABAC, "PutBucketAbac", BUCKET)                                                              \
    X(PUT_BUCKET_ACL, "PutBucketAcl", BUCKET)                                                                \
    X(PUT_BUCKET_CORS, "PutBucketCORS", BUCKET)                                                              \
    X(PUT_BUCKET_LOGGING, "PutBucketLogging", BUCKET)                                                        \
    X(PUT_BUCKET_NOTIFICATION, "PutBucketNotification", BUCKET)                                              \
    X(PUT_BUCKET_OBJECT_LOCK, "PutBucketObjectLockConfiguration", BUCKET)                                    \
    X(PUT_BUCKET_OWNERSHIP_CONTROLS, "PutBucketOwnershipControls", BUCKET)                                   \
    X(PUT_BUCKET_POLICY, "PutBucketPolicy", BUCKET)                                                          \
    X(PUT_BUCKET_PUBLIC_ACCESS_BLOCK, "PutBucketPublicAccessBlock", BUCKET)                                  \
    X(PUT_BUCKET_REQUEST_PAYMENT, "PutBucketRequestPayment", BUCKET)                                         \
    X(PUT_BUCKET_TAGGING, "PutBucketTagging", BUCKET)                                                        \
    X(PUT_BUCKET_VERSIONING, "PutBucketVersioning", BUCKET)                                                  \
    X(PUT_BUCKET_WEBSITE, "PutBucketWebsite", BUCKET)                                                        \
    X(PUT_ENCRYPTION_CONFIGURATION, "PutEncryptionConfiguration", BUCKET)                                    \
    X(PUT_INTELLIGENT_TIERING, "PutIntelligentTieringConfiguration", BUCKET)                                 \
    X(PUT_INVENTORY_CONFIGURATION, "PutInventoryConfiguration", BUCKET)                                      \
    X(PUT_LIFECYCLE_CONFIGURATION, "PutLifecycleConfiguration", BUCKET)                                      \
    X(PUT_METRICS_CONFIGURATION, "PutMetricsConfiguration", BUCKET)                                          \
    X(PUT_OBJECT, "PutObject", OBJECT)                                                                       \
    X(PUT_OBJECT_ACL, "PutObjectAcl", OBJECT)                                                                \
    X(PUT_OBJECT_ANNOTATION, "PutObjectAnnotation", OBJECT)                                                  \
    X(PUT_OBJECT_LEGAL_HOLD, "PutObjectLegalHold", OBJECT)                                                   \
    X(PUT_OBJECT_RETENTION, "PutObjectRetention", OBJECT)                                                    \
    X(PUT_OBJECT_TAGGING, "PutObjectTagging", OBJECT)                                                        \
    X(PUT_OBJECT_VERSION_ACL, "PutObjectVersionAcl", OBJECT)                                                 \
    X(PUT_OBJECT_VERSION_ANNOTATION, "PutObjectVersionAnnotation", OBJECT)                                   \
    X(PUT_OBJECT_VERSION_TAGGING, "PutObjectVersionTagging", OBJECT)                                         \
    X(PUT_REPLICATION_CONFIGURATION, "PutReplicationConfiguration", BUCKET)                                  \
    X(REPLICATE_DELETE, "ReplicateDelete", OBJECT)                                                           \
    X(REPLICATE_OBJECT, "ReplicateObject", OBJECT)                                                           \
    X(REPLICATE_OBJECT_ANNOTATION, "ReplicateObjectAnnotation", OBJECT)                                      \
    X(REPLICATE_TAGS, "ReplicateTags", OBJECT)                                                               \
    X(RESTORE_OBJECT, "RestoreObject", OBJECT)                                                               \
    X(TAG_RESOURCE, "TagResource", BUCKET)                                                                   \
    X(UNTAG_RESOURCE, "UntagResource", BUCKET)                                                               \
    X(UPDATE_BUCKET_METADATA_ANNOTATION, "UpdateBucketMetadataAnnotationTableConfiguration", BUCKET)         \
    X(UPDATE_BUCKET_METADATA_INVENTORY, "UpdateBucketMetadataInventoryTableConfiguration", BUCKET)           \
    X(UPDATE_BUCKET_METADATA_JOURNAL, "UpdateBucketMetadataJournalTableConfiguration", BUCKET)               \
    X(UPDATE_OBJECT_ENCRYPTION, "UpdateObjectEncryption", OBJECT)

enum s3_action {
    S3_ACTION_NONE, /* no policy can speak of it: ListBuckets, preflights */
#define S3_ACTION_ENUM(name, text, kind) S3_ACTION_##name,
    S3_ACTION_MAP(S3_ACTION_ENUM)
#undef S3_ACTION_ENUM
        S3_ACTION_COUNT,
};

/* Without "s3:"; "" for S3_ACTION_NONE. */
const char *s3_action_name(enum s3_action action);
/* Whether its resource is an object (arn:aws:s3:::bucket/key) rather than the bucket. */
bool s3_action_is_on_object(enum s3_action action);
/* S3_ACTION_NONE when there is no such name (compared exactly, without "s3:"). */
enum s3_action s3_action_find(const char *name);

struct s3_request;
struct s3_operation;
#define S3_ACTIONS_PER_REQUEST_MAX 6u

/* What the request asks for when it is for that operation. First the row's own actions, then those that its headers add
 * (x-amz-tagging on a PUT also needs PutObjectTagging). Returns the count; 0: policies cannot speak of the operation. */
size_t s3_action_of_request(const struct s3_request *request, const struct s3_operation *operation,
                            enum s3_action actions[S3_ACTIONS_PER_REQUEST_MAX]);
/* The same for an upload by whatever way: PutObject and what its headers add. */
size_t s3_action_of_upload(const struct s3_request *request,
                           enum s3_action actions[S3_ACTIONS_PER_REQUEST_MAX]);

#endif
