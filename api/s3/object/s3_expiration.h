/* SPDX-License-Identifier: MIT
 *
 * x-amz-expiration: when a lifecycle rule will remove an object (op_lifecycle.c). Worker's thread. */
#ifndef API_S3_OBJECT_S3_EXPIRATION_H
#define API_S3_OBJECT_S3_EXPIRATION_H

#include "api/s3/s3_request.h"

/* Adds the header for the request's key, where a rule of the bucket expires such an object. For current objects only. */
void s3_expiration_answer(struct s3_request *request, uint64_t size, int64_t modified_ms,
                          const struct meta_attributes *attributes);
/* The same for the object as it is in the store now: for answers that do not know all of it. */
void s3_expiration_answer_current(struct s3_request *request);

#endif
