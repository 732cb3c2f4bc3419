/* SPDX-License-Identifier: MIT
 *
 * Whether a quota has room for a body that has not come yet (metadata/meta_usage.h). Worker's thread. */
#ifndef API_S3_BODY_S3_QUOTA_H
#define API_S3_BODY_S3_QUOTA_H

#include "api/s3/body/s3_put.h"

/* Whether there is any quota: else nothing is to be looked up. */
bool s3_quota_is_asked(struct s3_request *request);
/* *room: how many bytes may come, wanted of them or fewer. What the body replaces counts as room. False: not even an empty one may. */
bool s3_quota_room(struct s3_put *put, uint64_t wanted, uint64_t *room);

#endif
