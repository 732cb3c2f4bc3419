/* SPDX-License-Identifier: MIT
 *
 * What S3 calls that which a request is about, in the ResourceType of a 405: "OBJECT", "BUCKETPOLICY" ... Read-only; any thread. */
#ifndef API_S3_S3_RESOURCE_TYPE_H
#define API_S3_S3_RESOURCE_TYPE_H

#include "api/s3/s3_request.h"

/* By path and query of the parsed request. Never NULL. */
const char *s3_resource_type(const struct s3_request *request);

#endif
