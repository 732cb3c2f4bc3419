/* SPDX-License-Identifier: MIT
 *
 * What a bucket has been told of websites, as its worker uses it. */
#ifndef API_S3_WEBSITE_S3_WEBSITE_SETTING_H
#define API_S3_WEBSITE_S3_WEBSITE_SETTING_H

#include "api/s3/s3_request.h"
#include "api/s3/website/s3_website.h"

/* The open bucket's configuration for this worker (core_setting_get): valid until the next such call. *website NULL: none. 0 or a negative error.
 * Worker's thread. */
int s3_website_of_bucket(struct s3_request *request, const struct s3_website **website);

#endif
