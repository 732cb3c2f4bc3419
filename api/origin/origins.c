/* SPDX-License-Identifier: MIT
 *
 * See origins.h. */
#include "api/origin/origins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/client/access/target_settings.h"
#include "storage/base/owner.h"
#include "storage/base/text/names.h"

/* ---- Settings ---- */

static struct origin_target *current(struct target_file *file)
{
    struct origins *origins = file->ctx;

    return &origins->list[origins->count - 1];
}

static int take_bucket(const struct target_file *file, struct origin_target *target, struct slice value)
{
    return bucket_name_is_valid(value.base, value.len)
               ? target_take_text(file, &target->bucket, "bucket", value)
               : target_file_fail(file, "bucket must be the name of one");
}

static int take_etag(const struct target_file *file, struct origin_target *target, struct slice value)
{
    target->etags_are_opaque = slice_is(value, "opaque");
    return target->etags_are_opaque || slice_is(value, "md5")
               ? 0
               : target_file_fail(file, "etag must be md5 or opaque");
}

static int take_setting(struct target_file *file, struct slice name, struct slice value)
{
    struct origin_target *target = current(file);
    int err = client_target_take(file, &target->client, name, value);

    if (err != CLIENT_TARGET_OTHER)
        return err;
    if (slice_is(name, "buckets"))
        return target_take_patterns(file, &target->buckets, value);
    if (slice_is(name, "bucket"))
        return take_bucket(file, target, value);
    if (slice_is(name, "prefix"))
        return target_take_text(file, &target->prefix, "prefix", value);
    if (slice_is(name, "connections"))
        return target_take_number(file, &target->connections, "connections", value, ORIGIN_CONNECTIONS_MAX);
    if (slice_is(name, "timeout"))
        return target_take_number(file, &target->timeout_s, "timeout", value, ORIGIN_TIMEOUT_S_MAX);
    if (slice_is(name, "etag"))
        return take_etag(file, target, value);
    return target_file_fail(file, "there is no such setting");
}

/* ---- Sections ---- */

static int end_section(struct target_file *file)
{
    struct origin_target *target = current(file);
    struct client_patience *patience = &target->client.patience;

    *patience = (struct client_patience){.connect_s = ORIGIN_CONNECT_S,
                                         .silence_s = target->timeout_s,
                                         .slow_bytes = ORIGIN_SLOW_BYTES,
                                         .attempts = ORIGIN_ATTEMPTS_MAX};
    if (target->buckets.count == 0)
        return target_file_fail(file, "[%s] of line %u must say which buckets it is for", target->name,
                                target->line);
    return client_target_end(file, &target->client, target->name, target->line);
}

static int begin_section(struct target_file *file, struct slice name)
{
    struct origins *origins = file->ctx;
    struct origin_target *grown;

    for (unsigned i = 0; i < origins->count; i++)
        if (slice_is(name, origins->list[i].name))
            return target_file_fail(file, "there are two origins of that name");
    if (origins->count == ORIGINS_MAX)
        return target_file_fail(file, "there are more than %u origins", ORIGINS_MAX);
    grown = realloc(origins->list, (origins->count + 1) * sizeof(*grown));
    if (grown == NULL)
        return -ENOMEM;
    origins->list = grown;
    grown[origins->count] = (struct origin_target){
        .connections = ORIGIN_CONNECTIONS, .timeout_s = ORIGIN_TIMEOUT_S, .line = file->line};
    (void)slice_copy(grown[origins->count++].name, name);
    return 0;
}

/* ---- The file ---- */

static bool has_secrets(const struct target_file *file)
{
    const struct origins *origins = file->ctx;

    for (unsigned i = 0; i < origins->count; i++)
        if (origins->list[i].client.identity.secret_key != NULL)
            return true;
    return false;
}

static void origins_release(struct target_set *set)
{
    struct origins *origins = OWNER_OF(set, struct origins, set);

    for (unsigned i = 0; i < origins->count; i++) {
        struct origin_target *target = &origins->list[i];

        client_target_release(&target->client);
        events_patterns_free(&target->buckets);
        free(target->bucket);
        free(target->prefix);
    }
    free(origins->list);
}

static const struct target_set_form form = {
    {begin_section, take_setting, end_section, has_secrets}, sizeof(struct origins), origins_release};

int origins_read(struct origins **out, const struct target_source *source)
{
    struct target_set *set;
    int err = target_set_read(&set, &form, source);

    if (err == 0)
        *out = OWNER_OF(set, struct origins, set);
    return err;
}

void origins_unref(struct origins *origins)
{
    target_set_unref(origins != NULL ? &origins->set : NULL);
}

struct origin_target *origins_find(const struct origins *origins, struct slice bucket)
{
    for (unsigned i = 0; i < origins->count; i++)
        if (events_patterns_match(&origins->list[i].buckets, bucket))
            return &origins->list[i];
    return NULL;
}
