/* SPDX-License-Identifier: MIT
 *
 * The entry point that api/server gives each request to. */
#ifndef API_S3_S3_FRONT_H
#define API_S3_S3_FRONT_H

#include "api/core/core.h"
#include "api/http/http.h"

struct s3_request;
struct s3_service;

/* Serves one request to its answer, on its worker's thread. */
void s3_front_handle(struct s3_service *service, struct core_worker *worker, struct http_request *req);

/* The same in pieces, for requests that reach S3's operations on another way. Begins one, of which nothing was read yet; it lives as long as
 * req. */
struct s3_request *s3_front_begin(struct s3_service *service, struct core_worker *worker,
                                  struct http_request *req);
/* Its operation is known: logs and metrics tell it. */
void s3_front_count(struct s3_request *request);

#endif
