/* SPDX-License-Identifier: MIT
 *
 * The policy of a posted form: until when, for which fields and for how large a file its signer allows it. Pure functions. */
#ifndef API_S3_BODY_S3_FORM_POLICY_H
#define API_S3_BODY_S3_FORM_POLICY_H

#include <stdint.h>

#include "api/s3/error/s3_error.h"
#include "api/s3/body/s3_form.h"
#include "storage/base/slice.h"

struct s3_form_limits {
    uint64_t bytes_min, bytes_max; /* of the file; 0 and UINT64_MAX where the policy says nothing */
};

/* document: base64, as in the form. Every field must be covered by a condition, but for policy, signature and x-ignore-*, and
 * so must the bucket.
 * AccessDenied when one does not hold or it has expired, InvalidPolicyDocument when it is none; *message says more, from the
 * arena. now_s: Unix seconds. */
enum s3_error s3_form_policy_check(const struct s3_form *form, struct slice document, struct slice bucket,
                                   int64_t now_s, struct s3_form_limits *limits, const char **message);

#endif
