/* SPDX-License-Identifier: MIT
 *
 * Authorization by Basic and Bearer, taken apart. A decoded secret is wiped as soon as its digest is known. Any thread. */
#include "api/s3/web_auth/s3_web.h"

#include <string.h>

#include <openssl/crypto.h>

#include "api/s3/auth/s3_hash.h"
#include "storage/base/text/base64.h"

#define WRAPPING        "e30."
#define BASIC_BYTES_MAX (S3_ACCESS_KEY_BYTES_MAX + 1 + S3_SECRET_KEY_BYTES_MAX)

static const struct {
    enum s3_web_scheme scheme;
    const char *word;
} schemes[] = {{S3_WEB_BASIC, "Basic "}, {S3_WEB_BEARER, "Bearer "}};

/* What follows the word: there may be more than one blank (RFC 9110 11.4). */
static enum s3_web_scheme split(struct slice authorization, struct slice *rest)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (slice_has_prefix_nocase(authorization, schemes[i].word)) {
            *rest = slice_trim(slice_from(authorization, strlen(schemes[i].word)));
            return schemes[i].scheme;
        }
    }
    return S3_WEB_NONE;
}

enum s3_web_scheme s3_web_scheme_of(struct slice authorization)
{
    struct slice rest;

    return split(authorization, &rest);
}

struct slice s3_web_bearer(struct slice authorization)
{
    struct slice rest;

    return split(authorization, &rest) == S3_WEB_BEARER ? rest : slice_of("", 0);
}

static bool take_secret(struct s3_web_claim *claim, struct slice secret)
{
    if (secret.len == 0 || secret.len > S3_SECRET_KEY_BYTES_MAX)
        return false;
    s3_sha256(secret.base, secret.len, claim->digest);
    return true;
}

/* The first ':' ends the name; a secret may have more of them. */
static bool take_pair(struct s3_web_claim *claim, struct slice pair)
{
    const char *colon = memchr(pair.base, ':', pair.len);
    size_t length = colon != NULL ? (size_t)(colon - pair.base) : 0;

    if (length == 0 || length > sizeof(claim->name))
        return false;
    memcpy(claim->name, pair.base, length);
    claim->name_length = length;
    return take_secret(claim, slice_from(pair, length + 1));
}

static bool read_basic(struct slice text, struct s3_web_claim *claim)
{
    ssize_t length = base64_decoded_length(text);
    char pair[BASIC_BYTES_MAX];
    bool is_read;

    if (length <= 0 || length > (ssize_t)sizeof(pair))
        return false;
    is_read =
        base64_decode(text, pair, (size_t)length) == 0 && take_pair(claim, slice_of(pair, (size_t)length));
    OPENSSL_cleanse(pair, (size_t)length);
    return is_read;
}

/* "e30.CLAIMS.SECRET"; "e30" is an empty object, as no token of an issuer has it. base NULL: it is not of that form. */
static struct slice unwrap(struct slice text)
{
    const char *first = slice_has_prefix(text, WRAPPING) ? text.base + sizeof(WRAPPING) - 2 : NULL;
    const char *last = first != NULL ? memrchr(text.base, '.', text.len) : NULL;

    return last != first ? slice_from(text, (size_t)(last + 1 - text.base)) : slice_of(NULL, 0);
}

bool s3_web_is_wrapped(struct slice authorization)
{
    return unwrap(s3_web_bearer(authorization)).base != NULL;
}

static bool read_bearer(struct slice text, struct s3_web_claim *claim)
{
    struct slice wrapped = unwrap(text);

    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.base[i] <= ' ')
            return false;
    return take_secret(claim, wrapped.base != NULL ? wrapped : text);
}

bool s3_web_read(struct slice authorization, struct s3_web_claim *claim)
{
    struct slice rest;

    claim->scheme = split(authorization, &rest);
    claim->name_length = 0;
    switch (claim->scheme) {
    case S3_WEB_BASIC:
        return read_basic(rest, claim);
    case S3_WEB_BEARER:
        return read_bearer(rest, claim);
    default:
        return false;
    }
}
