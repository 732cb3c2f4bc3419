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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const buckets[] = {"", "a", "cache", "artifacts-1", "-"};
    const unsigned all =
        S3_RIGHT_READ | S3_RIGHT_WRITE | S3_RIGHT_LIST | S3_RIGHT_ADMIN | S3_RIGHT_LOCK | S3_RIGHT_METRICS;
    struct s3_credentials *set = NULL;
    int level = 0;
    struct s3_credentials_options options = {.log = on_log, .log_ctx = &level};

    if (s3_credentials_parse(&set, (const char *)data, size, "file", &options) != 0)
        return level == 2 ? 0 : (abort(), 0); /* a refusal says why */
    struct s3_identity *identity = s3_credentials_find(set, "A", 1);
    if (s3_credentials_is_open(set) || s3_credentials_find(set, "", 0) != NULL)
        abort();
    for (size_t i = 0; i < sizeof(buckets) / sizeof(buckets[0]); i++) {
        unsigned anybody = s3_credentials_rights(set, NULL, buckets[i], strlen(buckets[i]));
        unsigned own = s3_credentials_rights(set, identity, buckets[i], strlen(buckets[i]));
        if ((own & ~all) != 0 || (anybody & ~own) != 0)
            abort(); /* whoever signs has at least the rights of anybody */
    }
    if (identity != NULL && strlen(s3_identity_owner(identity)) > 64)
        abort();
    s3_credentials_unref(set);
    return 0;
}
