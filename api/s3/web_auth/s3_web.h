/* SPDX-License-Identifier: MIT
 *
 * What HTTP clients that sign nothing show in Authorization: "Basic base64(NAME:SECRET)" (RFC 7617), "Bearer SECRET" (RFC 6750). Some want
 * their token to be a JSON Web Token, in which they look for claims: "Bearer e30.CLAIMS.SECRET" is the same as "Bearer SECRET", whatever it claims.
 * Pure functions; any thread. */
#ifndef API_S3_WEB_AUTH_S3_WEB_H
#define API_S3_WEB_AUTH_S3_WEB_H

#include <stdbool.h>

#include "api/s3/limits.h"
#include "storage/base/slice.h"

enum s3_web_scheme {
    S3_WEB_NONE,
    S3_WEB_BASIC,
    S3_WEB_BEARER,
    S3_WEB_CERTIFICATE /* not in Authorization: the connection's (s3_certificates.h) */
};

struct s3_web_claim {
    enum s3_web_scheme scheme;
    char name[S3_ACCESS_KEY_BYTES_MAX]; /* of Basic */
    size_t name_length;
    unsigned char digest[32]; /* SHA-256 of the secret, of which nothing else stays */
};

/* By the word that it begins with, in any case. */
enum s3_web_scheme s3_web_scheme_of(struct slice authorization);
/* Whether it is a secret in the form of a JSON Web Token. */
bool s3_web_is_wrapped(struct slice authorization);
/* What follows "Bearer"; empty for anything else. */
struct slice s3_web_bearer(struct slice authorization);
/* False for what is neither of the two, or longer than what anybody has. */
bool s3_web_read(struct slice authorization, struct s3_web_claim *claim);

#endif
