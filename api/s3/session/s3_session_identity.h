/* SPDX-License-Identifier: MIT
 *
 * Whose key a request names: one of the configuration's, or that of a session, whose token comes with it. A session is what its parent (a key, or a
 * role) is, with its parent's rights as they are now; it ends when its time is over, and when its parent is gone or has another secret or
 * other words in its line. Worker's thread. */
#ifndef API_S3_SESSION_S3_SESSION_IDENTITY_H
#define API_S3_SESSION_S3_SESSION_IDENTITY_H

#include "api/s3/s3_request.h"
#include "api/s3/session/s3_session_token.h"

/* token: base NULL: there is none, and the key has to be one of the configuration's. The identity lasts as long as the request. InvalidAccessKeyId,
 * InvalidToken, ExpiredToken; what belongs to the error is left in the request. That the request is signed by it is still to be seen. */
enum s3_error s3_session_identify(struct s3_request *request, struct slice access_key, struct slice token,
                                  const struct s3_identity **identity);

/* A session of the identity, a key's or one that s3_oidc_verify_role has given, but for expiry, name and policy, which are zeroed. Its texts
 * are the identity's. */
void s3_session_begin(const struct s3_identity *parent, struct s3_session *session);

/* Who that is, as STS tells it. Texts last as long as the request. */
struct s3_session_caller {
    const char *account;
    struct slice
        arn;         /* of a role's session arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION, else the user's */
    struct slice id; /* ROLE:SESSION, or the user's canonical id */
};
struct s3_session_caller s3_session_caller(struct s3_request *request, const struct s3_identity *identity,
                                           struct slice session_name);
/* The name that it was given; of what is no session, empty. */
struct slice s3_session_name(const struct s3_identity *identity);

#endif
