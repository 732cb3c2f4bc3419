/* SPDX-License-Identifier: MIT
 *
 * Two settings of a bucket that bound what ACLs and policies may do: ownership controls, and the PublicAccessBlock. Worker's
 * thread; the calls look settings up, so what an earlier core_setting_get returned is no longer valid. */
#ifndef API_S3_ACCESS_S3_OWNERSHIP_H
#define API_S3_ACCESS_S3_OWNERSHIP_H

#include "api/s3/s3_request.h"
#include "storage/base/slice.h"

enum s3_ownership {
    S3_OWNERSHIP_UNSET,    /* as OBJECT_WRITER, but there is no configuration to tell */
    S3_OWNERSHIP_ENFORCED, /* BucketOwnerEnforced: no ACL counts, and the bucket's owner owns all objects */
    /* BucketOwnerPreferred: uploads with bucket-owner-full-control are the bucket owner's */
    S3_OWNERSHIP_PREFERRED,
    S3_OWNERSHIP_WRITER, /* ObjectWriter */
};

/* 0 or an error. */
int s3_ownership_get(struct s3_request *request, int64_t bucket, enum s3_ownership *ownership);
/* The name in XML and in x-amz-object-ownership; UNSET where it is none. */
enum s3_ownership s3_ownership_of_name(struct slice name);
const char *s3_ownership_name(enum s3_ownership ownership);

/* Stored as so many letters, in the order of the fields. */
#define S3_PUBLIC_ACCESS_SWITCHES 4u

/* All false where there is no configuration. */
struct s3_public_access_block {
    bool is_set;
    bool block_acls;       /* BlockPublicAcls: public ACLs cannot be put */
    bool ignore_acls;      /* IgnorePublicAcls: and those that are there grant nothing to the public */
    bool block_policy;     /* BlockPublicPolicy: public policies cannot be put */
    bool restrict_buckets; /* RestrictPublicBuckets: a public policy counts for the bucket's owner only */
};

/* 0 or an error. */
int s3_public_access_block_get(struct s3_request *request, int64_t bucket,
                               struct s3_public_access_block *block);
/* The same where there is no request. */
int s3_public_access_block_read(struct core_worker *worker, int64_t bucket,
                                struct s3_public_access_block *block);

#endif
