/* SPDX-License-Identifier: MIT
 *
 * From an authenticated request, whose operation is known, to its answer. */
#ifndef API_S3_S3_DISPATCH_H
#define API_S3_S3_DISPATCH_H

#include "api/s3/s3_request.h"

/* Checks the caller's rights, opens the bucket, and serves or refuses what s3_selector_apply has found. The request is answered
 * exactly once, now or later. Worker's thread. */
void s3_dispatch(struct s3_request *request);

#endif
