/* SPDX-License-Identifier: MIT
 *
 * A CopyObject under way, and the steps of it that stand in files of their own. All of it lives in the request's arena. Worker's thread. */
#ifndef API_S3_OP_COPY_H
#define API_S3_OP_COPY_H

#include "api/s3/access/s3_access.h"
#include "api/s3/body/s3_checksum.h"
#include "api/s3/encryption/s3_recode.h"
#include "api/s3/object/s3_conditions.h"
#include "api/s3/object/s3_copy_source.h"
#include "api/s3/object/s3_stored_checksum.h"
#include "api/s3/s3_operation.h"

struct s3_copy {
    struct s3_request *request;
    struct core_change change;
    struct meta_object_copy op;
    struct s3_copy_source source;
    struct s3_write_condition condition;
    struct s3_upload_access access;
    struct meta_attributes given;         /* what the request says */
    bool replaces;                        /* x-amz-metadata-directive: REPLACE */
    bool replaces_tags;                   /* x-amz-tagging-directive: REPLACE */
    bool excludes_annotations;            /* x-amz-object-annotation-directive: EXCLUDE */
    enum s3_checksum_algorithm algorithm; /* x-amz-checksum-algorithm, or NONE: as the source */
    enum s3_checksum_algorithm wanted;    /* of the copy; NONE: the source's checksum as it is */
    bool wants_md5;                       /* for the ETag of what was parts */
    struct s3_stored_checksum stored;
    struct s3_encryption encryption; /* of the copy */
    struct s3_recode recode;         /* where its bytes are written anew */
};

enum s3_copy_way {
    S3_COPY_PLAIN,   /* the row alone refers to the source's bytes */
    S3_COPY_SHARED,  /* so it does, with their key in another envelope */
    S3_COPY_RECODED, /* the bytes are written anew */
};

/* ---- op_copy_adapt.c ---- */

/* Whether there is metadata that belongs to a copy itself: S3 does not take it over from the source. */
bool s3_copy_has_own_setting(const struct meta_attributes *attributes);

/* The same bytes in the request's arena. */
struct slice s3_copy_keep(struct s3_request *request, struct slice bytes);

/* Looks at the source as it is now, for what the change cannot decide by itself. */
enum s3_error s3_copy_adapt(struct s3_copy *copy, const struct meta_object *object);

/* ---- op_copy_sealed.c ---- */

/* How source and copy are kept decides how the bytes come over. get: the source, open; stays the caller's. */
enum s3_error s3_copy_choose_way(struct s3_copy *copy, struct core_get *get, const struct meta_object *object,
                                 bool wants_digests, enum s3_copy_way *way, const char **message);

#endif
