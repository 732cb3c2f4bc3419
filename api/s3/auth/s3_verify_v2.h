/* SPDX-License-Identifier: MIT
 *
 * Whether a request was signed by Signature Version 2 with the key that it names, at a plausible time. What that signature does not
 * cover, though it would change what is done, is refused. On the worker's thread. */
#ifndef API_S3_AUTH_S3_VERIFY_V2_H
#define API_S3_AUTH_S3_VERIFY_V2_H

#include "api/s3/s3_request.h"

/* Authorization: AWS KEY:SIGNATURE. value: what follows "AWS ". Both calls fill request->identity, owner_id and what belongs to them;
 * messages and details of an error are left in the request. now: Unix seconds. */
enum s3_error s3_verify_v2_header(struct s3_request *request, struct slice value, int64_t now);
/* ?AWSAccessKeyId=KEY&Expires=UNIX-SECONDS&Signature=SIGNATURE */
enum s3_error s3_verify_v2_query(struct s3_request *request, int64_t now);

#endif
