/* SPDX-License-Identifier: MIT
 *
 * Access control lists: read from canned names, headers and XML; stored; written; and asked "does this grant that to them".
 *
 * The stored form is a list of grants separated by blanks, each PERMISSION@GRANTEE, PERMISSION one of FULL_CONTROL, READ, WRITE,
 * READ_ACP, WRITE_ACP, and GRANTEE "all", "authenticated", "log", or "id:" and a percent-encoded canonical id. An ACL that says
 * no more than that the owner has full control is not stored at all.
 *
 * Pure functions, any thread; s3_access.h uses them. */
#ifndef API_S3_ACCESS_S3_ACL_H
#define API_S3_ACCESS_S3_ACL_H

#include "api/core/core.h"
#include "api/s3/error/s3_error_elements.h"
#include "api/s3/text/s3_xml.h"
#include "api/s3/s3_effective.h"
#include "storage/base/arena.h"

#define S3_ACL_GRANTS_MAX 100u /* S3's limit */

enum s3_permission { /* bits */
                     S3_PERMISSION_READ = 1,
                     S3_PERMISSION_WRITE = 2,
                     S3_PERMISSION_READ_ACP = 4,
                     S3_PERMISSION_WRITE_ACP = 8,
                     S3_PERMISSION_FULL_CONTROL = 15,
};

enum s3_grantee { S3_GRANTEE_ID, S3_GRANTEE_ALL, S3_GRANTEE_AUTHENTICATED, S3_GRANTEE_LOG };

struct s3_grant {
    enum s3_grantee grantee;
    struct slice id; /* S3_GRANTEE_ID: canonical id */
    unsigned permission;
};

struct s3_acl {
    struct s3_grant grants[S3_ACL_GRANTS_MAX];
    uint32_t count;
};

/* Whom an ACL is about: canonical ids, "" for what was stored anonymously. */
struct s3_acl_owners {
    struct slice owner, bucket_owner;
};

/* Adds the grants of a canned ACL to an empty list. false: there is no such name. */
bool s3_acl_canned(struct slice name, const struct s3_acl_owners *owners, struct s3_acl *acl);
/* x-amz-acl and x-amz-grant-*. *given: whether there were any; else *acl is the owner's full control. InvalidArgument,
 * InvalidRequest; *refusal, which is zero-filled before, says more. Texts are in the arena. */
enum s3_error s3_acl_read_said(struct arena *arena, const struct s3_effective *effective,
                               const struct s3_acl_owners *owners, struct s3_acl *acl, bool *given,
                               struct s3_refusal *refusal);
/* <AccessControlPolicy>. MalformedACLError; AccessDenied when it names another owner. */
enum s3_error s3_acl_read_xml(struct arena *arena, struct slice xml, const struct s3_acl_owners *owners,
                              struct s3_acl *acl);
/* name_of: what to show for a canonical id; NULL: the id. */
void s3_acl_write(struct s3_xml *xml, struct slice owner, const struct s3_acl *acl,
                  struct slice (*name_of)(void *ctx, struct slice id), void *ctx);

/* The stored form, in the arena; base NULL for the owner's full control alone. */
struct slice s3_acl_pack(struct arena *arena, const struct s3_acl *acl, struct slice owner);
/* Back again; base NULL: the owner's full control. false: damaged. */
bool s3_acl_unpack(struct arena *arena, struct slice packed, struct slice owner, struct s3_acl *acl);

/* Bits that the ACL grants to the caller (canonical id; base NULL: anonymous). public_counts: whether grants to groups do. */
unsigned s3_acl_granted(const struct s3_acl *acl, struct slice caller, bool public_counts);
/* Whether it grants anything to everybody or to all who sign. */
bool s3_acl_is_public(const struct s3_acl *acl);

#endif
