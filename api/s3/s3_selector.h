/* SPDX-License-Identifier: MIT
 *
 * The query parameters that select an operation of S3's API ("?acl"), and which one of them a request carries.
 *
 * S3 tells its operations apart by method, resource and such a parameter. A request that carries one means that operation or
 * nothing: s3_dispatch.c asks here first, and a request that selects is never taken for one that does not (a PUT with
 * "?annotation" must not replace the object). The table knows every parameter of S3's newest API model, also those of operations
 * that this server does not have.
 *
 * Pure functions; any thread. */
#ifndef API_S3_S3_SELECTOR_H
#define API_S3_S3_SELECTOR_H

#include "api/s3/s3_request.h"

enum s3_resource { S3_RESOURCE_SERVICE, S3_RESOURCE_BUCKET, S3_RESOURCE_OBJECT };

struct s3_selector {
    const char *name;     /* compared exactly, as S3 does: "?ACL" selects nothing */
    unsigned char reads;  /* bits, 1 << enum s3_resource: resources on whose GET and HEAD it selects */
    unsigned char writes; /* the same for all other methods */
    bool yields;          /* is one half of what selects: beside another selector it is not looked at */
    bool makes;           /* is about an object that is yet to be made, which has no version to name */
};

enum s3_resource s3_resource_of(const struct s3_request *request);

/* What the request would select on its resource were it sent with that method; NULL: nothing does. Whether a parameter has a
 * value does not matter. *other: a second one where the request selects two operations, else NULL. */
const struct s3_selector *s3_selector_find(const struct s3_request *request, enum s3_method method,
                                           const struct s3_selector **other);

/* The table, for tests. NULL: there are no more rows. */
const struct s3_selector *s3_selector_row(size_t index);

#endif
