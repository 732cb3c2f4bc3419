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

/* The functions of operations_table.h; some stand in several rows. */
#define PROTOTYPE_OF_SERVED(function) void function(struct s3_request *request);
#define PROTOTYPE_OF_ABSENT(function) void function(struct s3_request *request);
#define PROTOTYPE_OF_REFUSED(error)
#define OPERATION(name, method, resource, selection, rights, actions, flags, kind, what, remark)             \
    PROTOTYPE_OF_##kind(what)
#include "api/s3/operations_table.h"
#undef PROTOTYPE_OF_SERVED
#undef PROTOTYPE_OF_ABSENT
#undef PROTOTYPE_OF_REFUSED

/* What a bucket's ARN begins with; its name follows. */
#define S3_BUCKET_ARN "arn:aws:s3:::"

/* ---- Parameters ---- */

/* The parameter's value; base NULL when absent. */
struct slice s3_parameter_value(const struct s3_request *request, const char *name);
/* A count such as max-keys: `otherwise` when absent, clamped to max. 0, or -EINVAL after an InvalidArgument was answered. */
int s3_parameter_count(struct s3_request *request, const char *name, uint32_t otherwise, uint32_t max,
                       uint32_t *count);
/* Where a listing goes on after a marker of ListObjects, ListObjectVersions or ListMultipartUploads: one inside a common prefix stands for all that
 * this holds (StartAfter does not). The marker itself, or its beginning. */
struct slice s3_marker_resume(struct slice marker, struct slice prefix, struct slice delimiter);
/* A page's continuation token: the last entry told, wrapped so that nobody takes it for a key. In the request's arena. */
struct slice s3_token_make(struct s3_request *request, struct slice last);
/* What it wraps, of at most bytes_max: 0, or -EINVAL for what is none. */
int s3_token_read(struct s3_request *request, struct slice token, size_t bytes_max, struct slice *last);
/* encoding-type: absent or "url". 0, or -EINVAL after an InvalidArgument was answered. */
int s3_parameter_encoding(struct s3_request *request, bool *url);
/* InvalidArgument for a write's If-Match and If-None-Match, one of which cannot be read. */
enum s3_error s3_refuse_condition(struct s3_request *request);
/* uploadId as this server hands them out. */
enum s3_error s3_parameter_upload_id(const struct s3_request *request,
                                     unsigned char id[META_UPLOAD_ID_BYTES]);
enum s3_error s3_upload_id_parse(struct slice text, unsigned char id[META_UPLOAD_ID_BYTES]);
#define S3_UPLOAD_ID_TEXT_BYTES (2 * META_UPLOAD_ID_BYTES)
void s3_upload_id_format(const unsigned char id[META_UPLOAD_ID_BYTES],
                         char text[S3_UPLOAD_ID_TEXT_BYTES + 1]);

/* ---- Conditions ---- */

struct s3_write_condition;

/* The conditions of an upload, a copy or a completion: one ETag in If-Match, or If-None-Match: *. As in S3 anything else is NotImplemented:
 * whoever asks for it counts on a refusal. InvalidArgument: what no ETag can be. *write must not move afterwards. */
enum s3_error s3_write_condition_read(struct s3_request *request, struct s3_write_condition *write);

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
/* base NULL: none was given. */
void s3_xml_storage_class(struct s3_xml *xml, struct slice name);
void s3_xml_checksum_value(struct s3_xml *xml, const struct meta_checksum *checksum, uint32_t parts);
void s3_xml_checksum_type(struct s3_xml *xml, const struct meta_checksum *checksum);
void s3_xml_checksum(struct s3_xml *xml, const struct meta_checksum *checksum, uint32_t parts);
/* <name><ID/><DisplayName/></name>; an empty owner is "anonymous". The request knows the users' names. */
void s3_xml_owner(const struct s3_request *request, struct s3_xml *xml, const char *name, struct slice owner);
void s3_xml_parameter(struct s3_xml *xml, const char *name, struct slice value, bool url);

#endif
