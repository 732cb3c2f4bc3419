/* SPDX-License-Identifier: MIT
 *
 * Signature Version 4: keys, signatures and the reading of claims. The canonical request has a file of its own
 * (s3_sigv4_canonical.c). Pure: no clock, no key store; any thread. */
#include "api/s3/auth/s3_sigv4.h"

#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "api/s3/text/s3_time.h"
#include "storage/base/text/hex.h"

/* ---- Keys and signatures ---- */

static void hmac(struct s3_hash *hash, const void *key, size_t key_length, struct slice data,
                 unsigned char mac[32])
{
    if (hash != NULL)
        s3_hash_hmac_sha256(hash, key, key_length, data.base, data.len, mac);
    else
        s3_hmac_sha256(key, key_length, data.base, data.len, mac);
}

void s3_sigv4_signing_key(struct s3_hash *hash, struct slice secret, struct slice date, struct slice region,
                          unsigned char key[32])
{
    s3_sigv4_signing_key_of(hash, secret, date, region, SLICE("s3"), key);
}

void s3_sigv4_signing_key_of(struct s3_hash *hash, struct slice secret, struct slice date,
                             struct slice region, struct slice service, unsigned char key[32])
{
    unsigned char first[4 + 256];
    size_t length = secret.len < 256 ? secret.len : 256; /* s3_credentials bounds secrets well below */

    memcpy(first, "AWS4", 4);
    memcpy(first + 4, secret.base, length);
    hmac(hash, first, 4 + length, date, key);
    hmac(hash, key, 32, region, key);
    hmac(hash, key, 32, service, key);
    hmac(hash, key, 32, SLICE("aws4_request"), key);
    OPENSSL_cleanse(first, sizeof(first));
}

void s3_sigv4_sign(struct s3_hash *hash, const unsigned char key[32], struct slice string_to_sign,
                   unsigned char signature[32])
{
    hmac(hash, key, 32, string_to_sign, signature);
}

bool s3_sigv4_is_equal(const unsigned char a[32], const unsigned char b[32])
{
    return CRYPTO_memcmp(a, b, 32) == 0;
}

/* ---- Claims ---- */

bool s3_sigv4_parse_credential(struct slice value, struct s3_sigv4_claim *claim)
{
    claim->terminator = slice_cut_last(&value, '/');
    claim->service = slice_cut_last(&value, '/');
    claim->region = slice_cut_last(&value, '/');
    claim->date = slice_cut_last(&value, '/');
    claim->access_key = value;
    return claim->date.base != NULL && claim->date.len == 8 && claim->access_key.len != 0 &&
           claim->region.len != 0 && claim->region.len <= S3_SIGV4_REGION_BYTES_MAX;
}

/* One "Name=value" of the Authorization header. Returns false for an unknown name or a bad value. */
static bool take_field(struct slice field, struct s3_sigv4_claim *claim, const char **problem)
{
    const char *equals = memchr(field.base, '=', field.len);
    struct slice name, value;

    *problem = "The authorization header is malformed; a field has no value.";
    if (equals == NULL)
        return false;
    name = slice_trim(slice_of(field.base, (size_t)(equals - field.base)));
    value = slice_trim(slice_of(equals + 1, field.len - (size_t)(equals + 1 - field.base)));
    if (slice_is(name, "Credential")) {
        *problem = "The authorization header is malformed; the Credential is mal-formed; expecting "
                   "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".";
        return s3_sigv4_parse_credential(value, claim);
    }
    if (slice_is(name, "SignedHeaders")) {
        *problem = "The authorization header is malformed; SignedHeaders is empty.";
        claim->signed_headers = value;
        return value.len != 0;
    }
    if (slice_is(name, "Signature")) {
        *problem = "The authorization header is malformed; Signature is not 64 hexadecimal digits.";
        return hex_decode(value.base, value.len, claim->signature, 32);
    }
    *problem = "The authorization header is malformed; it has an unknown field.";
    return false;
}

enum s3_error s3_sigv4_parse_authorization(struct slice value, struct s3_sigv4_claim *claim,
                                           const char **problem)
{
    struct slice field;
    unsigned fields = 0;

    memset(claim, 0, sizeof(*claim));
    while (slice_next_item(&value, &field)) {
        if (!take_field(field, claim, problem))
            return S3_ERROR_AUTHORIZATION_HEADER_MALFORMED;
        fields++;
    }
    *problem = fields != 3 ? "The authorization header is malformed; the authorization header requires three "
                             "components: Credential, SignedHeaders, and Signature."
               : claim->access_key.base == NULL ? "The authorization header is malformed; missing Credential."
               : claim->signed_headers.base == NULL
                   ? "The authorization header is malformed; missing SignedHeaders."
                   : NULL;
    if (*problem != NULL)
        return S3_ERROR_AUTHORIZATION_HEADER_MALFORMED;
    return S3_ERROR_NONE;
}

bool s3_sigv4_is_signed(struct slice signed_headers, struct slice name)
{
    const char *at = signed_headers.base, *end = at + signed_headers.len;

    while (at < end) {
        const char *semicolon = memchr(at, ';', (size_t)(end - at));
        const char *stop = semicolon != NULL ? semicolon : end;

        if ((size_t)(stop - at) == name.len && strncasecmp(at, name.base, name.len) == 0)
            return true;
        at = stop + 1;
    }
    return false;
}

/* ---- Times ---- */

bool s3_sigv4_parse_time(struct slice value, int64_t *unix_seconds)
{
    value = slice_trim(value);
    return s3_time_parse_signed(value.base, value.len, unix_seconds) == 0;
}

void s3_sigv4_format_time(int64_t unix_seconds, char timestamp[17])
{
    s3_time_basic_format(unix_seconds, timestamp);
}
