/* SPDX-License-Identifier: MIT
 *
 * Requests that show a secret instead of a signature, and the invitation to do so. On the worker's thread. */
#ifndef API_S3_WEB_AUTH_S3_VERIFY_WEB_H
#define API_S3_WEB_AUTH_S3_VERIFY_WEB_H

#include "api/s3/s3_request.h"

/* The scheme of a request whose Authorization is of that kind, where such are taken; else S3_WEB_NONE. */
enum s3_web_scheme s3_verify_web_scheme(const struct s3_request *request);
/* Fills request->identity, owner_id and web: of a key or token by Basic, of a token by Bearer. */
enum s3_error s3_verify_web(struct s3_request *request);
/* Whose the secret is that the request has shown, wherever that stood: it is the request's identity. WrongCredentials and TooManyAttempts count as for the others. */
enum s3_error s3_verify_web_claim(struct s3_request *request, const struct s3_web_claim *claim);
/* Whether a request that came this way may show a secret, and be invited to. */
bool s3_verify_web_may_show(const struct s3_request *request);
/* What becomes of an error that is about to be answered: who is denied something and has said nothing of himself is invited to, unless he
 * speaks S3, and would have signed, or asks for what nobody gets. Adds WWW-Authenticate where that is so. */
enum s3_error s3_verify_web_challenge(struct s3_request *request, enum s3_error error);
/* Whether nobody reads on the way what the request shows, and what its answer does; or the operator says that it does not matter. */
bool s3_verify_web_is_safe(const struct s3_request *request);

#endif
