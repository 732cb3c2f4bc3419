/* SPDX-License-Identifier: MIT
 *
 * STS, AWS's Security Token Service, as far as it gives sessions of this server's own keys and roles:
 *
 *      AssumeRoleWithWebIdentity   a session of a role, for a token that its issuer has signed; not signed itself
 *      AssumeRole                  a session of the key that signs, narrowed by a policy if one is given
 *      GetSessionToken             the same without a policy
 *      GetCallerIdentity           who signs
 *
 * POST / with a form, or GET / with a query: what S3 has there has no Action. Signatures are for the service "sts", in any region. Worker's
 * thread. */
#ifndef API_S3_SESSION_S3_STS_H
#define API_S3_SESSION_S3_STS_H

#include "api/s3/operations.h"
#include "api/s3/s3_request.h"

#define S3_STS_ACTIONS 4u

/* What is counted by s3_service_count, after the rows of the table of operations: each action, what is none of them, and what was refused of
 * all. */
enum s3_sts_count {
    S3_STS_COUNT_ACTION = S3_OPERATION_ROWS,
    S3_STS_COUNT_OTHER = S3_STS_COUNT_ACTION + S3_STS_ACTIONS,
    S3_STS_COUNT_REFUSED,
    S3_STS_COUNT_END,
};

const char *s3_sts_action_name(unsigned action); /* less than S3_STS_ACTIONS */
/* After s3_request_parse. */
bool s3_sts_is_addressed(const struct s3_request *request);
/* Answers, in words and errors of STS. */
void s3_sts_handle(struct s3_request *request);

#endif
