/* SPDX-License-Identifier: MIT
 *
 * The server's own names, below /-/ (no bucket can be called "-"):
 *
 *      /-/healthy   200 "ok" when the store can be read and takes changes; no signature asked for
 *      /-/metrics   Prometheus text, for keys with the right metrics on every bucket, which admin includes; for everybody where there is no key, or
 *                   the operator says so */
#ifndef API_S3_S3_SYSTEM_H
#define API_S3_S3_SYSTEM_H

#include "api/s3/s3_request.h"

/* After s3_request_parse, whatever it said. */
bool s3_system_is_addressed(const struct s3_request *request);
/* Answers. On the worker's thread. */
void s3_system_handle(struct s3_request *request);

#endif
