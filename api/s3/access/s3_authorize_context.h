/* SPDX-License-Identifier: MIT
 *
 * What the conditions of policies may ask about a request. */
#ifndef API_S3_ACCESS_S3_AUTHORIZE_CONTEXT_H
#define API_S3_ACCESS_S3_AUTHORIZE_CONTEXT_H

#include "api/s3/access/s3_authorize.h"
#include "api/s3/access/policy/s3_policy.h"
#include "storage/base/slice.h"

struct s3_authorize_context {
    struct s3_request *request;
    const struct s3_access *access;
    bool failed; /* a value could not be read: nothing can be judged */
};

/* s3_policy_question.value for a context; values live in the request's arena. Worker's thread. */
struct slice s3_authorize_value(void *ctx, enum s3_policy_key key, const char *detail, size_t index);

#endif
