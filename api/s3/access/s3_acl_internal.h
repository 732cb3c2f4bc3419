/* SPDX-License-Identifier: MIT
 *
 * What s3_acl.c and s3_acl_xml.c share: names of permissions and groups. Not for other files. */
#ifndef API_S3_ACCESS_S3_ACL_INTERNAL_H
#define API_S3_ACCESS_S3_ACL_INTERNAL_H

#include "api/s3/access/s3_acl.h"
#include "storage/base/slice.h"

unsigned s3_acl_permission_of(struct slice name);         /* 0: there is none of that name */
struct slice s3_acl_permission_name(unsigned permission); /* of what s3_acl_permission_of gave; ends in NUL */
bool s3_acl_group_of(struct slice uri, enum s3_grantee *grantee);
const char *s3_acl_group_uri(enum s3_grantee grantee); /* a group */
bool s3_acl_add(struct s3_acl *acl, enum s3_grantee grantee, struct slice id,
                unsigned permission); /* false: it is full */

#endif
