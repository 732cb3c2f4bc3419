/* SPDX-License-Identifier: MIT
 *
 * Bearer tokens that an issuer has signed (OIDC), as CI systems give them to their jobs: who that is. Worker's thread. */
#ifndef API_S3_WEB_AUTH_S3_OIDC_H
#define API_S3_WEB_AUTH_S3_OIDC_H

#include "api/s3/s3_request.h"

/* Whether a bearer's text has the form of such a token: three pieces between dots. */
bool s3_oidc_is_token(struct slice text);
/* The role that it gets, in request->identity. WrongCredentials, with a reason for the answer; AccessDenied: it is good, and no role fits; ServiceUnavailable: its
 * issuer's keys are being read. */
enum s3_error s3_oidc_verify(struct s3_request *request, struct slice text);

/* The same for the role of one name (base NULL: the first that fits), and what the token says. */
struct s3_oidc_said {
    struct slice subject, audience,
        issuer;      /* in the request's arena; base NULL: it does not say, or says several */
    bool is_expired; /* with WrongCredentials: that is why */
};
enum s3_error s3_oidc_verify_role(struct s3_request *request, struct slice text, struct slice role,
                                  struct s3_oidc_said *said);

#endif
