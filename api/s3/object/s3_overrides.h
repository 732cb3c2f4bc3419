/* SPDX-License-Identifier: MIT
 *
 * response-content-type and its kin: headers of an answer to GET and HEAD that the request sets. Worker's thread. */
#ifndef API_S3_OBJECT_S3_OVERRIDES_H
#define API_S3_OBJECT_S3_OVERRIDES_H

#include "api/s3/s3_request.h"

/* Whether the request may have those that it asks for, and a header can say them: else an error, and *message. */
enum s3_error s3_overrides_check(struct s3_request *request, const char **message);
/* Whether a header, by its lower-case name, is set by the request, so that what is stored is not told. */
bool s3_overrides_have(const struct s3_request *request, const char *header);
/* Adds them to the answer, after s3_overrides_check. */
void s3_overrides_answer(struct s3_request *request);

#endif
