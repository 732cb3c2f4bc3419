/* SPDX-License-Identifier: MIT
 *
 * Types by names: what a GET says of an object that was put without a Content-Type. It is decided when the object is read, not when it is put: what was
 * stored stays what the client said, objects that are there already have a type as soon as the bucket is told to, and none when it is told not to.
 * Websites always do it; to S3 such an object is binary/octet-stream, unless its bucket says otherwise (?sluice-content-types). */
#ifndef API_S3_WEBSITE_S3_CONTENT_TYPES_H
#define API_S3_WEBSITE_S3_CONTENT_TYPES_H

#include "api/s3/s3_request.h"

/* The type of the request's key, by its name. stored: the object's own. NULL: that one counts, or S3's default where there is none. One that is S3's
 * default is nobody's word for anything: copies from other stores have it where the original had none. Worker's thread. */
const char *s3_content_type_by_name(struct s3_request *request, struct slice stored);

#endif
