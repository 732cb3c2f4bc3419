/* SPDX-License-Identifier: MIT
 *
 * Object Lock as requests and answers tell it: a bucket's configuration, the headers of an upload, those of a GET.
 * Worker's thread. */
#ifndef API_S3_OBJECT_S3_LOCK_H
#define API_S3_OBJECT_S3_LOCK_H

#include "api/s3/s3_request.h"
#include "storage/base/slice.h"

#define S3_LOCK_DAYS_MAX  36500u
#define S3_LOCK_YEARS_MAX 100u

/* A bucket's configuration. Its being there says that object lock is enabled; a default retention may be missing. */
struct s3_lock_configuration {
    enum meta_lock_mode mode; /* NONE: no default retention */
    bool in_years;
    uint32_t count; /* of days or years */
};

#define S3_LOCK_CONFIGURATION_BYTES 7u
/* The form in which it is stored. */
struct slice s3_lock_configuration_pack(const struct s3_lock_configuration *configuration,
                                        unsigned char out[S3_LOCK_CONFIGURATION_BYTES]);
/* *configuration is NULL where the bucket has no object lock; borrowed until the next look at any setting. 0 or a core result. */
int s3_lock_configuration_get(struct s3_request *request, const struct s3_lock_configuration **configuration);

/* "GOVERNANCE" and "COMPLIANCE", exactly; NONE for anything else. */
enum meta_lock_mode s3_lock_mode_parse(struct slice text);
const char *s3_lock_mode_name(enum meta_lock_mode mode);
/* "ON" and "OFF", exactly; NEVER for anything else. */
enum meta_hold s3_lock_hold_parse(struct slice text);
/* Of a hold that was set. */
const char *s3_lock_hold_name(enum meta_hold hold);

/* The lock of an object that the request creates, packed in the request's arena: from its x-amz-object-lock-* headers, and, with
 * with_default, the bucket's default retention where they name none. *packed is empty when there is nothing to store. InvalidArgument,
 * InvalidRequest (the bucket has no object lock), AccessDenied (COMPLIANCE by a caller who may only write). */
enum s3_error s3_lock_for_object(struct s3_request *request, bool with_default, struct slice *packed);
/* The same, added to the attributes that s3_attributes_collect made of this request. */
enum s3_error s3_lock_add_header(struct s3_request *request, bool with_default,
                                 struct meta_attributes *attributes);

/* x-amz-object-lock-* of the object that is read, as far as they were ever set, to those who may ask for them. */
void s3_lock_answer(struct s3_request *request, const struct meta_attributes *attributes);

/* x-amz-bypass-governance-retention, and the right to it for that object. lock: that the request's body puts on it, or NULL.
 * AccessDenied. */
enum s3_error s3_lock_bypass(struct s3_request *request, struct s3_pinned *object,
                             const struct meta_lock *lock, bool *bypass);
/* Of a deletion: whether it may speak of that at all. InvalidArgument where the bucket has no object lock. */
enum s3_error s3_lock_bypass_check(struct s3_request *request);

#endif
