/* SPDX-License-Identifier: MIT
 *
 * ACLs in use: what an upload asks for, and what a bucket's or object's ACL grants the caller. Worker's thread. Looks settings
 * up, so what an earlier core_setting_get returned is no longer valid. */
#ifndef API_S3_ACCESS_S3_ACCESS_H
#define API_S3_ACCESS_S3_ACCESS_H

#include "api/s3/access/s3_acl.h"
#include "api/s3/s3_request.h"
#include "storage/base/slice.h"

struct s3_access;

/* What x-amz-acl and x-amz-grant-* make of a new object. */
struct s3_upload_access {
    struct slice acl; /* for META_ATTRIBUTE_ACL; empty: the owner's alone */
    /* the object's, which with BucketOwnerEnforced (or Preferred) may not be the caller */
    struct slice owner;
};

/* Reads and judges the headers of an upload to request->bucket. AccessControlListNotSupported where the bucket's ownership
 * controls disable ACLs; AccessDenied for public ones that its PublicAccessBlock forbids, and for those that grant anything to
 * others than the two owners by a caller who may not put ACLs. */
enum s3_error s3_access_of_upload(struct s3_request *request, struct s3_upload_access *access);

/* Whether the ACL of the object, or of the bucket, grants the caller the permission; what it grants its owner does not count, for that
 * is a matter of the key's rights, unless he has none by configuration and wrote into another's bucket. Of an object that is not there the bucket's decides. An ACL that cannot be read grants nothing. */
bool s3_access_is_granted(struct s3_request *request, struct s3_pinned *object,
                          enum s3_permission permission);
bool s3_access_bucket_grants(struct s3_request *request, const struct meta_bucket *bucket,
                             enum s3_permission permission);

/* How far the permission WRITE of a bucket's ACL goes: it creates, but replaces and deletes the caller's own objects only, and knows his own
 * uploads only; nothing is an anonymous caller's own. False: it does not go that far. Sets request->only_over, for who is judged now may
 * come second. */
bool s3_access_is_own(struct s3_request *request, const struct s3_access *access);

/* Whether all accounts that it grants something to exist: InvalidArgument. */
enum s3_error s3_access_check_ids(struct s3_request *request, const struct s3_acl *acl,
                                  const struct s3_acl_owners *owners);
/* The judgement on an ACL that is about to be put by somebody who may put ACLs: AccessControlListNotSupported, AccessDenied,
 * InvalidArgument. */
enum s3_error s3_access_check(struct s3_request *request, const struct s3_acl *acl,
                              const struct s3_acl_owners *owners);

#endif
