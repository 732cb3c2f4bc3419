/* SPDX-License-Identifier: MIT
 *
 * Takes tokens apart. See jwt.h. */
#include "api/identity/jwt.h"

#include <errno.h>
#include <stdlib.h>

#include "api/identity/jwt_internal.h"
#include "storage/base/text/base64.h"

/* The text up to the dot, and what is after it. False: there is none. */
static bool take_segment(struct slice *rest, struct slice *segment)
{
    const char *dot = memchr(rest->base, '.', rest->len);

    if (dot == NULL)
        return false;
    *segment = slice_of(rest->base, (size_t)(dot - rest->base));
    *rest = slice_of(dot + 1, rest->len - segment->len - 1);
    return true;
}

/* An object, of which no member comes twice. 0, -EBADMSG, -ENOMEM. */
static int read_object(struct slice segment, json_t **object)
{
    char *json = malloc(BASE64URL_DECODED_BYTES(segment.len) + 1);
    ssize_t length;

    if (json == NULL)
        return -ENOMEM;
    length = base64url_decode(segment, json);
    *object = length > 0 ? json_loadb(json, (size_t)length, JSON_REJECT_DUPLICATES, NULL) : NULL;
    free(json);
    return json_is_object(*object) ? 0 : -EBADMSG;
}

/* What a token must not ask of whoever verifies it: to trust a key that it brings, or to understand more than we do. */
static bool asks_too_much(const json_t *header)
{
    static const char *const names[] = {"jku", "x5u", "jwk", "x5c", "crit"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (json_object_get(header, names[i]) != NULL)
            return true;
    }
    return false;
}

static struct slice text_of(const json_t *value)
{
    return json_is_string(value) ? slice_of(json_string_value(value), json_string_length(value))
                                 : slice_of(NULL, 0);
}

static int read_header(struct jwt *jwt, struct slice segment)
{
    const json_t *kid;
    int result = read_object(segment, &jwt->header);

    if (result != 0)
        return result;
    kid = json_object_get(jwt->header, "kid");
    if (kid != NULL && !json_is_string(kid))
        return -EBADMSG;
    jwt->algorithm = jwt_algorithm_of_name(text_of(json_object_get(jwt->header, "alg")));
    return jwt->algorithm == JWT_ALGORITHM_UNKNOWN || asks_too_much(jwt->header) ? -ENOTSUP : 0;
}

static int read_signature(struct jwt *jwt, struct slice segment)
{
    ssize_t length;

    if (BASE64URL_DECODED_BYTES(segment.len) > sizeof(jwt->signature))
        return -EBADMSG;
    length = base64url_decode(segment, jwt->signature);
    if (length <= 0 || length > (ssize_t)JWT_SIGNATURE_BYTES)
        return -EBADMSG;
    jwt->signature_length = (size_t)length;
    return 0;
}

static int read_token(struct jwt *jwt, struct slice text)
{
    struct slice rest = text, header, claims;
    int result;

    if (!take_segment(&rest, &header) || !take_segment(&rest, &claims))
        return -EBADMSG;
    jwt->text = text;
    jwt->signed_text = slice_of(text.base, header.len + 1 + claims.len);
    if ((result = read_header(jwt, header)) != 0 || (result = read_signature(jwt, rest)) != 0)
        return result;
    return read_object(claims, &jwt->claims.object);
}

int jwt_parse(struct slice text, struct jwt **jwt)
{
    struct jwt *made;
    int result;

    *jwt = NULL;
    if (text.len > JWT_BYTES_MAX)
        return -E2BIG;
    if (text.len == 0)
        return -EBADMSG;
    if ((made = calloc(1, sizeof(*made))) == NULL)
        return -ENOMEM;
    result = read_token(made, text);
    if (result == 0)
        *jwt = made;
    else
        jwt_free(made);
    return result;
}

void jwt_free(struct jwt *jwt)
{
    if (jwt == NULL)
        return;
    json_decref(jwt->claims.object);
    json_decref(jwt->header);
    free(jwt);
}

struct slice jwt_unverified_issuer(const struct jwt *jwt)
{
    return text_of(json_object_get(jwt->claims.object, "iss"));
}

struct slice jwt_unverified_key_id(const struct jwt *jwt)
{
    return text_of(json_object_get(jwt->header, "kid"));
}
