/* SPDX-License-Identifier: MIT
 *
 * Elements of error documents whose values the request has. Worker's thread. */
#ifndef API_S3_S3_ERROR_KNOWN_H
#define API_S3_S3_ERROR_KNOWN_H

#include "api/s3/error/s3_error_elements.h"
#include "api/s3/s3_request.h"

/* The element's value for that error, as far as the request tells it: static, or the request's own memory. base NULL: it does not. */
struct slice s3_error_known(struct s3_request *request, enum s3_error error, enum s3_element element);

#endif
