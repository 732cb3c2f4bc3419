/* SPDX-License-Identifier: MIT
 *
 * Buckets that are there from the first request on. What is there already stays as it is: settings are changed by those who may, and a
 * start is no reason to undo that. */
#include "api/server/buckets.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/expires.h"
#include "api/library/library.h"
#include "api/s3/access/s3_ownership.h"
#include "storage/base/clock.h"

/* What `mc anonymous set download` and consoles call a public bucket: it can be listed, and its objects be read. */
#define PUBLIC_POLICY                                                                                        \
    "{\"Version\":\"2012-10-17\",\"Statement\":["                                                            \
    "{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":[\"s3:GetBucketLocation\",\"s3:ListBucket\"],"     \
    "\"Resource\":\"arn:aws:s3:::%s\"},"                                                                     \
    "{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:GetObject\","                                 \
    "\"Resource\":\"arn:aws:s3:::%s/*\"}]}"

struct making {
    struct core *core;
    struct core_worker *worker;
    const char *region;
    const char *name; /* of the bucket at work */
};

static void say(const struct making *making, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void say(const struct making *making, enum log_level level, const char *format, ...)
{
    const struct core_options *options = core_get_options(making->core);
    char message[512];
    va_list arguments;
    int length;

    if (options->log == NULL)
        return;
    length = snprintf(message, sizeof(message), "bucket %s: ", making->name);
    va_start(arguments, format);
    (void)vsnprintf(message + length, sizeof(message) - (size_t)length, format, arguments);
    va_end(arguments);
    options->log(options->log_ctx, level, message);
}

/* As the one key with all rights would make it. */
static int make(const struct making *making)
{
    struct meta_bucket_create op = {.op.kind = META_OP_BUCKET_CREATE};
    int err;

    (void)snprintf(op.bucket.name, sizeof(op.bucket.name), "%s", making->name);
    (void)snprintf(op.bucket.region, sizeof(op.bucket.region), "%s", making->region);
    op.bucket.created_ms = clock_real_ms();
    err = library_change(making->worker, &op.op);
    if (err == 0)
        say(making, LOG_LEVEL_INFO, "made");
    return err == META_E_BUCKET_EXISTS ? 0 : err;
}

static int put_policy(const struct making *making, int64_t bucket, struct slice policy)
{
    struct meta_setting_put op = {
        .op.kind = META_OP_SETTING_PUT,
        .bucket = bucket,
        .kind = META_SETTING_POLICY,
        .document = policy,
    };
    int err = library_change(making->worker, &op.op);

    if (err == 0)
        say(making, LOG_LEVEL_INFO, "anyone may list it and read its objects now");
    return err;
}

static int make_public(const struct making *making, int64_t bucket)
{
    struct s3_public_access_block block;
    char policy[1024];
    struct slice there;
    int err = core_setting_read(making->worker, bucket, META_SETTING_POLICY, &there);

    (void)snprintf(policy, sizeof(policy), PUBLIC_POLICY, making->name, making->name);
    if (err == 0) {
        if (!slice_is(there, policy))
            say(making, LOG_LEVEL_WARNING,
                "it has a policy of its own, which was not replaced by the one that makes it public");
        free((void *)there.base);
        return 0;
    }
    if (err != META_E_NO_SETTING)
        return err;
    if ((err = s3_public_access_block_read(making->worker, bucket, &block)) != 0)
        return err;
    if (block.block_policy) {
        say(making, LOG_LEVEL_WARNING,
            "its public access block forbids a public policy, so it was not made public");
        return 0;
    }
    return put_policy(making, bucket, slice_text(policy));
}

static int make_one(struct making *making, const struct sluice_server_bucket *bucket)
{
    int64_t id;
    int err;

    making->name = bucket->name;
    err = make(making);
    if (err == 0 && bucket->is_public &&
        (err = library_find_bucket(making->worker, bucket->name, NULL, &id)) == 0)
        err = make_public(making, id);
    if (err != 0)
        say(making, LOG_LEVEL_ERROR, "it cannot be made: %s", sluice_strerror(err));
    return err;
}

int server_buckets_check(const struct sluice_server_options *options)
{
    for (size_t i = 0; i < options->bucket_count; i++)
        if (!sluice_bucket_name_is_valid(options->buckets[i].name))
            return SLUICE_E_BUCKET_NAME;
    return 0;
}

static int make_all(struct making *making, const struct sluice_server_options *options,
                    const struct doors *doors)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < options->bucket_count; i++)
        err = make_one(making, &options->buckets[i]);
    for (size_t i = 0; err == 0 && i < doors_count(doors); i++) {
        const struct sluice_server_bucket bucket = {.name = doors_bucket(doors, i)};
        char prefix[DOORS_EXPIRING_BYTES];

        err = make_one(making, &bucket);
        if (err == 0 && doors_expiring(doors, i, prefix))
            err = core_expires_watch(making->core, bucket.name, prefix);
    }
    return err;
}

int server_buckets_make(struct sluice_store *store, const struct sluice_server_options *options,
                        const struct doors *doors, const char *region)
{
    struct making making = {.core = sluice_store_core(store), .region = region};
    int err;

    if (core_is_read_only(making.core)) /* caches answer from what is there */
        return options->bucket_count == 0 ? 0 : -EROFS;
    if (options->bucket_count == 0 && doors_count(doors) == 0)
        return 0;
    if ((err = library_lease(store, &making.worker)) != 0)
        return err;
    err = make_all(&making, options, doors);
    library_give_back(store, making.worker);
    return err;
}
