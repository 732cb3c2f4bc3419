/* SPDX-License-Identifier: MIT
 *
 * The endpoint of websites: what a request to a website's host goes through. It reads what anonymous clients may read, by S3's GetObject with the manners of
 * S3's website endpoint around it: index documents, folders that get their slash, redirects, error documents, errors as pages. Only GET and HEAD;
 * neither the query nor credentials nor cookies are looked at. */
#ifndef API_S3_WEBSITE_S3_WEBSITE_SERVE_H
#define API_S3_WEBSITE_S3_WEBSITE_SERVE_H

#include "api/core/core.h"
#include "api/http/http.h"

struct s3_service;
struct s3_websites;

/* Serves the request to its answer, if it is for a website; false: it is not, and nothing was done. Worker's thread. */
bool s3_website_handle(const struct s3_websites *websites, struct s3_service *service,
                       struct core_worker *worker, struct http_request *req);

#endif
