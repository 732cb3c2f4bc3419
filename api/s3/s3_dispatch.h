/* SPDX-License-Identifier: MIT
 *
 * From a parsed and authenticated request to the operation it means. */
#ifndef API_S3_S3_DISPATCH_H
#define API_S3_S3_DISPATCH_H

#include "api/s3/s3_request.h"

/* Finds the operation, checks the caller's rights, opens the bucket, and serves or refuses. The request is answered exactly
 * once, now or later. Worker's thread. */
void s3_dispatch(struct s3_request *request);

/* The table of operations, for tests that hold other tables against it. */
struct s3_dispatch_row {
    enum s3_method method;
    bool is_service, is_object; /* else about a bucket */
    const char *parameter;      /* that selects the operation, or NULL */
    const char *beside;         /* a second one that must be there, or NULL */
    const char *header;         /* that must be there, or NULL */
    unsigned rights;
    enum s3_error refusal; /* S3_ERROR_NONE: it is served */
};
/* False: there are no more rows. Any thread. */
bool s3_dispatch_row(size_t index, struct s3_dispatch_row *row);
/* The row that the request reaches. False: none, it is refused. Any thread. */
bool s3_dispatch_find(const struct s3_request *request, struct s3_dispatch_row *row);

#endif
