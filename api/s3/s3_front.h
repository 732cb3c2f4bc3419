/* SPDX-License-Identifier: MIT
 *
 * The entry point that api/server gives each request to. */
#ifndef API_S3_S3_FRONT_H
#define API_S3_S3_FRONT_H

#include "api/core/core.h"
#include "api/http/http.h"

struct s3_service;

/* Serves one request to its answer, on its worker's thread. */
void s3_front_handle(struct s3_service *service, struct core_worker *worker, struct http_request *req);

#endif
