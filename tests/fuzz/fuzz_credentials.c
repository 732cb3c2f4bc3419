/* SPDX-License-Identifier: MIT
 *
 * The credentials file. Whatever is accepted names rights that exist, and a file never opens the server to everybody. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/auth/s3_credentials.h"
#include "api/s3/s3_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_log(void *ctx, enum log_level level, const char *message)
{
    if (strlen(message) == 0 || strchr(message, '\n') != NULL)
        abort();
    *(int *)ctx = level;
}

static unsigned check_rights(struct s3_credentials *set, struct s3_identity *identity, const char *bucket,
                             enum s3_reach_kind kind)
{
    const unsigned all =
        S3_RIGHT_READ | S3_RIGHT_WRITE | S3_RIGHT_LIST | S3_RIGHT_ADMIN | S3_RIGHT_LOCK | S3_RIGHT_METRICS;
    struct s3_reach reach = {kind, SLICE("k/a")};
    unsigned anybody = s3_credentials_rights(set, NULL, slice_text(bucket), reach);
    unsigned own = s3_credentials_rights(set, identity, slice_text(bucket), reach);

    if ((own & ~all) != 0 || (anybody & ~own) != 0)
        abort(); /* whoever signs has at least the rights of anybody */
    return own;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const buckets[] = {"", "a", "cache", "artifacts-1", "-"};
    struct s3_credentials *set = NULL;
    int level = 0;
    struct s3_credentials_options options = {.log = on_log, .log_ctx = &level};

    if (s3_credentials_parse(&set, (const char *)data, size, "file", &options) != 0)
        return level == 2 ? 0 : (abort(), 0); /* a refusal says why */
    struct s3_identity *identity = s3_credentials_find(set, "A", 1);
    if (s3_credentials_is_open(set) || s3_credentials_find(set, "", 0) != NULL)
        abort();
    for (size_t i = 0; i < sizeof(buckets) / sizeof(buckets[0]); i++) {
        unsigned whole = check_rights(set, identity, buckets[i], S3_REACH_BUCKET);
        unsigned prefix = check_rights(set, identity, buckets[i], S3_REACH_PREFIX);
        unsigned key = check_rights(set, identity, buckets[i], S3_REACH_KEY);
        unsigned anywhere = check_rights(set, identity, buckets[i], S3_REACH_ANYWHERE);
        if ((whole & ~prefix) != 0 || (prefix & ~key) != 0 || (key & ~anywhere) != 0)
            abort(); /* a right on more is one on less */
    }
    if (identity != NULL && strlen(s3_identity_owner(identity)) > 64)
        abort();
    s3_credentials_unref(set);
    return 0;
}
