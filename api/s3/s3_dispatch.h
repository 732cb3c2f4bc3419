/* SPDX-License-Identifier: MIT
 *
 * From a parsed and authenticated request to the operation it means. */
#ifndef API_S3_S3_DISPATCH_H
#define API_S3_S3_DISPATCH_H

#include "api/s3/s3_request.h"

/* Finds the operation, checks the caller's rights, opens the bucket, and serves or refuses. The request is answered exactly
 * once, now or later. Worker's thread. */
void s3_dispatch(struct s3_request *request);

#endif
