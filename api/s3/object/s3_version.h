/* SPDX-License-Identifier: MIT
 *
 * Version ids in requests and answers, and looking at one version of an object. On the wire an id is 32 hex digits, "null", or the UUID that
 * the version had where it was imported from; such a version is found by its whole id, too, 48 hex digits, which listings give as the
 * marker of the next page, for it says where the version was even when it is gone. Worker's thread. */
#ifndef API_S3_OBJECT_S3_VERSION_H
#define API_S3_OBJECT_S3_VERSION_H

#include "api/s3/s3_request.h"
#include "storage/base/slice.h"

/* What a request says about the version it means. */
struct s3_version {
    bool given;
    struct meta_version_id id;
};

/* The versionId parameter. InvalidArgument, with a message of its own, when it is none. */
enum s3_error s3_version_read(struct s3_request *request, struct s3_version *version);
/* In the form that the core takes: NULL for the current version. */
static inline const struct meta_version_id *s3_version_wanted(const struct s3_version *version)
{
    return version->given ? &version->id : NULL;
}

/* The object that the versionId parameter names, or the current one: the one that was judged. Answers what is wrong itself and returns
 * -1; 0: end the get. */
int s3_version_head(struct s3_request *request, struct core_get **get, const struct meta_object **object);
/* Answers a read that found no object: of a delete marker, 404 when it is just what is current, and 405 when it was asked for by
 * its id. */
void s3_version_answer_failure(struct s3_request *request, const struct s3_pinned *pinned);
/* Answers a change of a version that failed with `result`: 405 where it is a delete marker. */
void s3_version_answer_change_failure(struct s3_request *request, const struct s3_version *version,
                                      int result);

/* Adds the header; nothing where the bucket has never had versioning. */
void s3_version_answer(struct s3_request *request, const struct meta_bucket *bucket, const char *header,
                       const struct meta_version_id *id);
/* The version of what was uploaded. S3 says nothing of "null", as while versioning is suspended. */
void s3_version_answer_new(struct s3_request *request, const struct meta_bucket *bucket,
                           const struct meta_version_id *id);

#endif
