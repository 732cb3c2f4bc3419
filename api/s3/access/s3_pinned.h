/* SPDX-License-Identifier: MIT
 *
 * An object as one look found it, or that there is none. Who judges a request looks first, judges what was seen, and hands it on: what is
 * served is what was judged, whoever replaces the object meanwhile. A change, whose transaction looks again, takes along what its
 * judgement saw (s3_pinned_judged) as a condition.
 *
 * These are the only looks at objects by key that api/s3 has: s3_request.h poisons the core's. Worker's thread. */
#ifndef API_S3_ACCESS_S3_PINNED_H
#define API_S3_ACCESS_S3_PINNED_H

#include "api/core/core.h"
#include "storage/base/slice.h"

struct s3_request;

struct s3_pinned {
    /* What is looked at. */
    const struct meta_bucket *bucket;
    struct slice key; /* empty: the bucket itself, at which nobody looks */
    bool has_version; /* else the current one is meant */
    struct meta_version_id version;

    /* What was seen. */
    bool is_looked_at, is_kept; /* the latter: in `judged` */
    int result; /* 0; META_E_NO_KEY, META_E_NO_VERSION, META_E_DELETE_MARKER: there is none; or an error */
    const struct meta_object *object;      /* until the pin is ended, here or by whom it was handed to */
    struct meta_version_id marker_version; /* of a delete marker */
    int64_t marker_modified_ms;
    struct meta_judged judged; /* in the request's arena; its parts: what judgements asked about */

    struct core_get *get;   /* NULL: none, ended, or handed on */
    struct core_get **held; /* by the request's arena, which ends it at the latest; or NULL */
};

/* Nothing is looked up yet. version: NULL for the current one. */
struct s3_pinned s3_pinned_named(const struct meta_bucket *bucket, struct slice key,
                                 const struct meta_version_id *version);
/* request->pinned: the object that the request is about, of request->bucket; a versionId that is none stands for no version. */
void s3_pinned_begin(struct s3_request *request);

/* Looks, where nobody has looked yet. Returns pinned->result. End it, or hand it on. */
int s3_pinned_look(struct s3_request *request, struct s3_pinned *pinned);
/* The same for a judgement that asks about that of the object, bits of enum meta_judged_part: pinned->judged has it, and what follows
 * rests on it. The pin is ended with the request at the latest. 0, also when there is none (judged.absent), or an error. */
int s3_pinned_judge(struct s3_request *request, struct s3_pinned *pinned, unsigned parts);
/* Hands the pin on: *get is the caller's to end. Looks, where nobody has. Returns pinned->result. */
int s3_pinned_take(struct s3_request *request, struct s3_pinned *pinned, struct core_get **get,
                   const struct meta_object **object);
/* Ends the pin, unless it was handed on. What was judged stays known. */
void s3_pinned_end(struct s3_pinned *pinned);

/* The look's result says that there is no object. */
bool s3_pinned_is_absence(int result);
/* What a change of the object has to take along as a condition; NULL: no judgement asked about it. As long as the request. */
const struct meta_judged *s3_pinned_judged(const struct s3_pinned *pinned);
static inline const struct meta_version_id *s3_pinned_version(const struct s3_pinned *pinned)
{
    return pinned->has_version ? &pinned->version : NULL;
}

#endif
