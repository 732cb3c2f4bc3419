/* SPDX-License-Identifier: MIT
 *
 * The source of CopyObject and UploadPartCopy: which object, under which conditions, and what it is now. Worker's thread. */
#ifndef API_S3_OBJECT_S3_COPY_SOURCE_H
#define API_S3_OBJECT_S3_COPY_SOURCE_H

#include "api/s3/object/s3_version.h"
#include "storage/base/arena.h"

struct s3_copy_source {
    struct meta_bucket bucket;
    struct slice key;
    struct s3_version version;
    struct s3_pinned pinned; /* the object that was judged */
    /* Conditions in the form that changes take: ETags without quotes, "*" or NULL; INT64_MIN: not given. */
    const char *if_match, *if_none_match;
    int64_t if_modified_since_ms, if_unmodified_since_ms;
    bool has_seen; /* seen_etag counts */
    char seen_etag[META_ETAG_BYTES_MAX + 1];
    unsigned attempts; /* of the change, so far */
    char if_match_text[META_ETAG_BYTES_MAX + 1], if_none_match_text[META_ETAG_BYTES_MAX + 1];
};

/* "bucket/key" or "/bucket/key", percent-encoded, "?versionId=..." allowed behind it. bucket and key are decoded into the arena.
 * InvalidArgument. Pure. */
enum s3_error s3_copy_source_parse(struct arena *arena, struct slice text, struct slice *bucket,
                                   struct slice *key, struct s3_version *version, const char **message);

/* Reads x-amz-copy-source and its conditions, checks the right to read there and opens its bucket. Not to be moved after. */
enum s3_error s3_copy_source_read(struct s3_request *request, struct s3_copy_source *source);

/* The right to read there once more, for another attempt with the object that is there now. */
enum s3_error s3_copy_source_judge(struct s3_request *request, struct s3_copy_source *source);
/* Whether the caller may also read the tags there. */
enum s3_error s3_copy_source_authorize_tags(struct s3_request *request, struct s3_copy_source *source);

/* The same of its annotations. */
enum s3_error s3_copy_source_authorize_annotations(struct s3_request *request, struct s3_copy_source *source);

/* The object that was judged, once; *get is the caller's to end. As s3_pinned_take. */
int s3_copy_source_begin(struct s3_request *request, struct s3_copy_source *source, struct core_get **get,
                         const struct meta_object **object);
/* Answers such a failure. */
void s3_copy_source_answer_failure(struct s3_request *request, const struct s3_copy_source *source);
/* x-amz-copy-source-version-id, where the source's bucket has versioning. */
void s3_copy_source_answer_version(struct s3_request *request, const struct s3_copy_source *source,
                                   const struct meta_version_id *id);

/* Makes the change depend on the content that `object` has now: what was decided by looking at it then still holds in the transaction,
 * or the change fails with META_E_CHANGED. Until s3_copy_source_begin. */
void s3_copy_source_keep(struct s3_copy_source *source, const struct meta_object *object);
/* Whether a change that failed with this result is to be tried once more, after the rights were judged anew: the source, or what
 * the copy replaces, is another by now. Not for ever: then the result is the answer. */
bool s3_copy_source_was_overtaken(const struct s3_copy_source *source, int result);
/* The source in the form that changes take; borrows from it. */
struct meta_copy_source s3_copy_source_of_change(const struct s3_copy_source *source);

#endif
