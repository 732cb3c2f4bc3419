/* SPDX-License-Identifier: MIT
 *
 * What the judging of requests shares with the judging of single actions. Worker's thread. */
#ifndef API_S3_ACCESS_S3_AUTHORIZE_INTERNAL_H
#define API_S3_ACCESS_S3_AUTHORIZE_INTERNAL_H

#include "api/s3/access/s3_access.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/auth/s3_credentials.h"

extern const struct s3_reach s3_whole_bucket;

/* By configuration and ownership, for what the request itself is about; its bucket is open. */
unsigned s3_authorize_rights_of_request(const struct s3_request *request);

/* What of S3's permissions stands for the action; 0: no ACL grants it. *on_bucket: it is the bucket's ACL that counts. */
enum s3_permission s3_authorize_permission(enum s3_action action, bool of_upload, bool *on_bucket);

#endif
