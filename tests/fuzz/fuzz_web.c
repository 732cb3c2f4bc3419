/* SPDX-License-Identifier: MIT
 *
 * Authorization by Basic and Bearer. What is read has a scheme and a digest, and is found for nobody else than a set whose keys and
 * tokens are known names. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/auth/s3_credentials.h"
#include "api/s3/auth/s3_sigv4.h"
#include "api/s3/web_auth/s3_web.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The digest is that of a part at the end of a Bearer's, which is all there is to see of it here. */
static void check_bearer(struct slice text, const struct s3_web_claim *claim)
{
    struct slice secret = slice_trim(slice_from(text, strlen("Bearer ")));
    const char *last = memrchr(secret.base, '.', secret.len);
    unsigned char digest[32];

    if (slice_has_prefix(secret, "e30.") && last != secret.base + 3) {
        if (!s3_web_is_wrapped(text))
            abort();
        secret = slice_from(secret, (size_t)(last + 1 - secret.base));
    }
    s3_sha256(secret.base, secret.len, digest);
    if (memcmp(digest, claim->digest, sizeof(digest)) != 0 || claim->name_length != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char file[] = "key A b\ntoken t 0123456789abcdef\n";
    static const struct s3_credentials_options options = {.log = NULL};
    static struct s3_credentials *set;
    struct slice text = slice_of(data, size);
    struct s3_web_claim claim;
    struct s3_identity *identity = NULL;

    if (set == NULL && s3_credentials_parse(&set, file, sizeof(file) - 1, "file", &options) != 0)
        abort();
    if (!s3_web_read(text, &claim))
        return 0;
    if (claim.scheme == S3_WEB_NONE || claim.scheme != s3_web_scheme_of(text) ||
        claim.name_length > sizeof(claim.name))
        abort();
    if (claim.scheme == S3_WEB_BEARER) {
        check_bearer(text, &claim);
        identity = s3_credentials_find_token(set, claim.digest);
    } else {
        if (claim.name_length == 0 || memchr(claim.name, ':', claim.name_length) != NULL)
            abort();
        identity = s3_credentials_find_shown(set, slice_of(claim.name, claim.name_length), claim.digest);
        if (identity != NULL && claim.name_length != 1)
            abort();
    }
    if (identity != NULL && memmem(data, size, "QTpi", 4) == NULL &&
        memmem(data, size, "dDowMTIzNDU2Nzg5YWJjZGVm", 24) == NULL &&
        memmem(data, size, "0123456789abcdef", 16) == NULL)
        abort(); /* let in without having shown it */
    return 0;
}
