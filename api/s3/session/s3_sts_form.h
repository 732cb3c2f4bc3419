/* SPDX-License-Identifier: MIT
 *
 * The parameters of a request to STS: those of its form, then those of its query. Worker's thread. */
#ifndef API_S3_SESSION_S3_STS_FORM_H
#define API_S3_SESSION_S3_STS_FORM_H

#include "api/s3/s3_request.h"

struct s3_sts_form {
    const struct s3_request *request; /* whose query it is */
    struct s3_parameter *parameters;
    size_t count;
};

/* body: application/x-www-form-urlencoded; may be empty. 0; -EBADMSG: it cannot be decoded; -E2BIG: more than S3_STS_PARAMETERS_MAX. */
int s3_sts_form_read(struct s3_sts_form *form, struct s3_request *request, struct slice body);
/* base NULL: it is not there. Of repeated ones the first. */
struct slice s3_sts_form_value(const struct s3_sts_form *form, const char *name);
/* Whether there is any whose name begins so. */
bool s3_sts_form_has_prefix(const struct s3_sts_form *form, const char *prefix);

#endif
