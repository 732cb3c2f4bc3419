/* SPDX-License-Identifier: MIT
 *
 * What jwt.c reads and jwt_verify.c judges. */
#ifndef API_IDENTITY_JWT_INTERNAL_H
#define API_IDENTITY_JWT_INTERNAL_H

#include <jansson.h>

#include "api/identity/jwt.h"

struct jwt_claims {
    json_t *object;
};

struct jwt {
    json_t *header;
    struct jwt_claims claims;
    enum jwt_algorithm algorithm; /* as the header says */
    struct slice text;            /* all of it, as it came */
    struct slice signed_text;     /* header and claims */
    unsigned char signature[JWT_SIGNATURE_BYTES + 2];
    size_t signature_length;
};

#endif
