/* SPDX-License-Identifier: MIT
 *
 * The operations that s3_dispatch chooses from, and what several of them share. Each operation gets a request whose caller may
 * do it and, but for service operations and CreateBucket, whose bucket is open; it answers exactly once, now or later.
 * All on the worker's thread. */
#ifndef API_S3_S3_OPERATION_H
#define API_S3_S3_OPERATION_H

#include "api/s3/s3_request.h"
#include "api/s3/text/s3_xml.h"
#include "storage/base/slice.h"

typedef void (*s3_operation_fn)(struct s3_request *request);

void s3_op_list_buckets(struct s3_request *request);

void s3_op_create_bucket(struct s3_request *request);
void s3_op_head_bucket(struct s3_request *request);
void s3_op_delete_bucket(struct s3_request *request);
void s3_op_get_bucket_location(struct s3_request *request);

void s3_op_get_bucket_policy(struct s3_request *request);
void s3_op_get_bucket_policy_status(struct s3_request *request);
void s3_op_put_bucket_policy(struct s3_request *request);
void s3_op_delete_bucket_policy(struct s3_request *request);

/* Answers about settings that every bucket has in the same way: op_settings.c. */
void s3_op_get_empty_settings(struct s3_request *request);
void s3_op_delete_absent_settings(struct s3_request *request);

void s3_op_get_object_tagging(struct s3_request *request);
void s3_op_put_object_tagging(struct s3_request *request);
void s3_op_delete_object_tagging(struct s3_request *request);
void s3_op_get_bucket_tagging(struct s3_request *request);
void s3_op_put_bucket_tagging(struct s3_request *request);
void s3_op_delete_bucket_tagging(struct s3_request *request);

void s3_op_get_bucket_cors(struct s3_request *request);
void s3_op_put_bucket_cors(struct s3_request *request);
void s3_op_delete_bucket_cors(struct s3_request *request);
void s3_op_preflight(struct s3_request *request);

void s3_op_get_bucket_versioning(struct s3_request *request);
void s3_op_put_bucket_versioning(struct s3_request *request);

void s3_op_get_object_lock(struct s3_request *request); /* the bucket's configuration */
void s3_op_put_object_lock(struct s3_request *request);
void s3_op_get_object_retention(struct s3_request *request);
void s3_op_put_object_retention(struct s3_request *request);
void s3_op_get_object_legal_hold(struct s3_request *request);
void s3_op_put_object_legal_hold(struct s3_request *request);
void s3_op_get_bucket_lifecycle(struct s3_request *request);
void s3_op_put_bucket_lifecycle(struct s3_request *request);
void s3_op_delete_bucket_lifecycle(struct s3_request *request);

void s3_op_get_bucket_acl(struct s3_request *request);
void s3_op_put_bucket_acl(struct s3_request *request);
void s3_op_get_object_acl(struct s3_request *request);
void s3_op_put_object_acl(struct s3_request *request);

void s3_op_get_ownership_controls(struct s3_request *request);
void s3_op_put_ownership_controls(struct s3_request *request);
void s3_op_delete_ownership_controls(struct s3_request *request);
void s3_op_get_public_access_block(struct s3_request *request);
void s3_op_put_public_access_block(struct s3_request *request);
void s3_op_delete_public_access_block(struct s3_request *request);
void s3_op_put_request_payment(struct s3_request *request);
void s3_op_put_accelerate(struct s3_request *request);
void s3_op_put_logging(struct s3_request *request);
void s3_op_put_notification(struct s3_request *request);

void s3_op_list_objects(struct s3_request *request);
void s3_op_list_objects_v2(struct s3_request *request);
void s3_op_list_object_versions(struct s3_request *request);

void s3_op_get_object(struct s3_request *request); /* and HEAD */
void s3_op_get_object_attributes(struct s3_request *request);
void s3_op_put_object(struct s3_request *request);
void s3_op_post_object(struct s3_request *request);
void s3_op_copy_object(struct s3_request *request);
void s3_op_rename_object(struct s3_request *request);
void s3_op_delete_object(struct s3_request *request);
void s3_op_delete_objects(struct s3_request *request);

void s3_op_create_upload(struct s3_request *request);
void s3_op_abort_upload(struct s3_request *request);
void s3_op_list_uploads(struct s3_request *request);
void s3_op_upload_part(struct s3_request *request);
void s3_op_upload_part_copy(struct s3_request *request);
void s3_op_list_parts(struct s3_request *request);
void s3_op_complete_upload(struct s3_request *request);

/* ---- Parameters ---- */

/* The parameter's value; base NULL when absent. */
struct slice s3_parameter_value(const struct s3_request *request, const char *name);
/* A count such as max-keys: `otherwise` when absent, clamped to max. 0, or -EINVAL after an InvalidArgument was answered. */
int s3_parameter_count(struct s3_request *request, const char *name, uint32_t otherwise, uint32_t max,
                       uint32_t *count);
/* Where a listing goes on behind a marker of ListObjects or ListObjectVersions: one inside a common prefix stands for all that
 * this holds (StartAfter does not). The marker itself, or its beginning. */
struct slice s3_marker_resume(struct slice marker, struct slice prefix, struct slice delimiter);
/* encoding-type: absent or "url". 0, or -EINVAL after an InvalidArgument was answered. */
int s3_parameter_encoding(struct s3_request *request, bool *url);
/* uploadId as this server hands them out. */
enum s3_error s3_parameter_upload_id(const struct s3_request *request,
                                     unsigned char id[META_UPLOAD_ID_BYTES]);
enum s3_error s3_upload_id_parse(struct slice text, unsigned char id[META_UPLOAD_ID_BYTES]);
#define S3_UPLOAD_ID_TEXT_BYTES (2 * META_UPLOAD_ID_BYTES)
void s3_upload_id_format(const unsigned char id[META_UPLOAD_ID_BYTES],
                         char text[S3_UPLOAD_ID_TEXT_BYTES + 1]);

/* ---- Pieces of answers ---- */

/* message: NULL for the error's own. */
void s3_answer_failure(struct s3_request *request, enum s3_error error, const char *message);
void s3_answer_header_string(struct s3_request *request, const char *name, const char *value);
void s3_answer_etag(struct s3_request *request, const char *etag);
/* x-amz-checksum-...; nothing when there is none. */
void s3_answer_checksum_value(struct s3_request *request, const struct meta_checksum *checksum,
                              uint32_t parts);
/* That and x-amz-checksum-type: for objects. Parts have no type. */
void s3_answer_checksum(struct s3_request *request, const struct meta_checksum *checksum, uint32_t parts);
/* The checksum that was kept of an object's part, by its place in the object; false: none was. */
bool s3_part_checksum(const struct meta_object *object, uint32_t part, struct meta_checksum *checksum);
void s3_xml_etag(struct s3_xml *xml, const char *etag);
/* data NULL: none was given. */
void s3_xml_storage_class(struct s3_xml *xml, struct meta_bytes name);
void s3_xml_checksum_value(struct s3_xml *xml, const struct meta_checksum *checksum, uint32_t parts);
void s3_xml_checksum(struct s3_xml *xml, const struct meta_checksum *checksum, uint32_t parts);
/* <name><ID/><DisplayName/></name>; an empty owner is "anonymous". The request knows the users' names. */
void s3_xml_owner(const struct s3_request *request, struct s3_xml *xml, const char *name,
                  struct meta_bytes owner);
void s3_xml_parameter(struct s3_xml *xml, const char *name, struct slice value, bool url);

#endif
