/* SPDX-License-Identifier: MIT
 *
 * What a verified token says. See jwt.h. */
#include <stdio.h>

#include "api/identity/jwt.h"
#include "api/identity/jwt_internal.h"

struct slice jwt_claim(const struct jwt_claims *claims, const char *name, char number[JWT_NUMBER_BYTES])
{
    const json_t *value = json_object_get(claims->object, name);

    if (json_is_string(value))
        return slice_of(json_string_value(value), json_string_length(value));
    if (json_is_boolean(value))
        return json_is_true(value) ? SLICE("true") : SLICE("false");
    if (!json_is_integer(value))
        return slice_of(NULL, 0);
    snprintf(number, JWT_NUMBER_BYTES, "%lld", (long long)json_integer_value(value));
    return slice_text(number);
}

int64_t jwt_claim_expiry_s(const struct jwt_claims *claims)
{
    return (int64_t)json_number_value(json_object_get(claims->object, "exp"));
}

const char *jwt_verdict_text(enum jwt_verdict verdict)
{
    static const char *const texts[] = {
        [JWT_GOOD] = "good",
        [JWT_UNKNOWN_KEY] = "signed with a key that its issuer does not have",
        [JWT_WRONG_SIGNATURE] = "its signature is wrong",
        [JWT_WRONG_ISSUER] = "of another issuer",
        [JWT_WRONG_AUDIENCE] = "for another audience",
        [JWT_WRONG_TIME] = "not valid at this time",
        [JWT_EXPIRED] = "expired",
    };

    return texts[verdict];
}
