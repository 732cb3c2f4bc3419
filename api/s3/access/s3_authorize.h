/* SPDX-License-Identifier: MIT
 *
 * The one place that decides who may do what. A request (or a part of one: a copy's source, a key of DeleteObjects) is an
 * action on a bucket or an object by a caller, and is allowed when
 *
 *   no statement of the bucket's policy denies it, and
 *   the configuration gives the caller's key the right, by the names of bucket and key or because its user owns the bucket,
 *     or a statement of the bucket's policy allows it (while the bucket's PublicAccessBlock does not forbid public policies),
 *     or an ACL does.
 *
 * What is judged is an object as one look saw it (s3_pinned.h), and that is what the operation serves or rests its change on.
 *
 * The policy of a session (session/) narrows all of that: what it does not allow is denied.
 *
 * Rights that the configuration gives on some keys of a bucket count for what is about such a key, and for listings whose prefix
 * parameter lets nothing but such keys through; never for the bucket itself.
 *
 * Whoever has admin on the bucket by configuration or ownership may always read, replace and remove its policy: nobody can
 * lock himself out. A policy that cannot be read denies all but that.
 *
 * Worker's thread. */
#ifndef API_S3_ACCESS_S3_AUTHORIZE_H
#define API_S3_ACCESS_S3_AUTHORIZE_H

#include "api/s3/access/s3_action.h"
#include "api/s3/s3_request.h"
#include "storage/base/slice.h"

struct s3_operation;
struct s3_policy;

struct s3_access {
    /* The bucket, or the object with what is seen of it: rules that ask about an object look at it through this alone, and the operation
     * serves what they saw. */
    struct s3_pinned *object;
    enum s3_action action;
    unsigned rights; /* that a key needs which is allowed by configuration */
    /* that the request puts on the object, in stored form (s3_tags.h); base NULL: those of x-amz-tagging */
    struct slice tags;
    /* That the request's body puts on the object; NULL: x-amz-object-lock-* say. */
    const struct meta_lock *lock;
    struct slice prefix; /* of a listing that is only asked about; base NULL: the request's parameter */
    bool of_upload; /* the action is part of an upload: an ACL that lets the caller write allows it, too */
    bool absence_is_asked_later; /* a read of what is not there is judged as if it were */
};

/* Whether the policy of the caller's session, if it has one, allows the action there: beside it, the parent must be allowed to do it. What has
 * no action (S3_ACTION_NONE) no policy allows. */
bool s3_authorize_session(struct s3_request *request, const struct s3_access *access);
/* S3_ERROR_NONE, S3_ERROR_ACCESS_DENIED or S3_ERROR_INTERNAL_ERROR. An object that is not there may be read by those who may know that: by
 * configured or owned rights, or because they may list the bucket. */
enum s3_error s3_authorize_access(struct s3_request *request, const struct s3_access *access);
/* The request's own operation, with all actions that its row and its headers ask for. Opens request->bucket. */
enum s3_error s3_authorize_request(struct s3_request *request, const struct s3_operation *operation);
/* An upload to request->bucket and request->key by whatever way: PutObject, what the request says beside it, and PutObjectTagging where
 * there are tags. tags: as s3_access has them. */
enum s3_error s3_authorize_upload(struct s3_request *request, struct slice tags);
/* Once more, for a change that failed with META_E_JUDGED: the object that it was judged on has changed since. ConditionalRequestConflict
 * once that has happened too often. */
enum s3_error s3_authorize_again(struct s3_request *request);
/* The same as if that object were here, which it is not yet. It stays as long as the request. */
enum s3_error s3_authorize_as_of(struct s3_request *request, const struct meta_object *object);
/* The same for what an operation judges itself: begins request->pinned anew. */
enum s3_error s3_authorize_begin_again(struct s3_request *request);
/* Whether who reads the request's object, or the version that it names, may make that other read of it, too: some headers of an
 * object are for those only. */
bool s3_authorize_also(struct s3_request *request, enum s3_action action);
/* CreateBucket, whose bucket is not there yet. */
enum s3_error s3_authorize_creation(struct s3_request *request);
/* Whether x-amz-expected-bucket-owner (or the like for a source) names the bucket's owner: by account number as S3 has it, or
 * by canonical id. An absent header expects nothing. AccessDenied, or InvalidBucketOwnerAWSAccountID for what is neither. */
enum s3_error s3_authorize_expects(const struct meta_bucket *bucket, struct slice expected);
/* Rights by configuration and ownership alone, on the bucket as a whole; and whatever rights there are on any of its keys. */
unsigned s3_authorize_rights(const struct s3_request *request, const struct meta_bucket *bucket);
unsigned s3_authorize_rights_anywhere(const struct s3_request *request, const struct meta_bucket *bucket);

/* The bucket's policy as every request that begins now sees it; NULL: it has none. Borrowed until the next look at any
 * setting. 0, -EBADMSG (what is stored is no policy), or an errno. */
int s3_authorize_policy(struct s3_request *request, int64_t bucket, const struct s3_policy **policy);

#endif
