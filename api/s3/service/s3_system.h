/* SPDX-License-Identifier: MIT
 *
 * The server's own names, below /-/ (no bucket can be called "-"):
 *
 *      /-/healthy   200 "ok" when the store can be read and takes changes; no signature asked for
 *      /-/metrics   Prometheus text, for keys with the right metrics on every bucket, which admin includes; for everybody where there is no key, or
 *                   the operator says so
 *
 * /-/healthy has other names, too, which scripts and manifests for other servers ask for. */
#ifndef API_S3_S3_SYSTEM_H
#define API_S3_S3_SYSTEM_H

#include "api/s3/s3_request.h"

/* After s3_request_parse, whatever it said. */
bool s3_system_is_addressed(const struct s3_request *request);
/* Answers. On the worker's thread. */
void s3_system_handle(struct s3_request *request);
/* Whether the request asks for its health as MinIO's servers are asked: GET or HEAD of exactly /minio/health/live, /ready or /cluster, and there is
 * no bucket called minio, whose objects these were. */
bool s3_system_is_health_alias(struct s3_request *request);
void s3_system_handle_health(struct s3_request *request);

#endif
