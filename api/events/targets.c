/* SPDX-License-Identifier: MIT
 *
 * Targets of events, as the operator's file has them. */
#include "api/events/targets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/owner.h"

/* ---- Settings ---- */

static struct events_target *current(struct target_file *file)
{
    struct events_targets *targets = file->ctx;

    return &targets->list[targets->count - 1];
}

static int take_setting(struct target_file *file, struct slice name, struct slice value)
{
    struct events_target *target = current(file);

    if (slice_is(name, "url"))
        return target_take_url(file, &target->url, value);
    if (slice_is(name, "secret"))
        return target_take_secret(file, &target->secret, "secret", EVENTS_SECRET_BYTES_MIN, value);
    if (slice_is(name, "secret-file"))
        return target_take_secret_file(file, &target->secret, "secret", EVENTS_SECRET_BYTES_MIN, value);
    if (slice_is(name, "buckets"))
        return target_take_patterns(file, &target->buckets, value);
    if (slice_is(name, "users"))
        return target_take_patterns(file, &target->users, value);
    if (slice_is(name, "timeout"))
        return target_take_number(file, &target->timeout_s, "timeout", value, EVENTS_TIMEOUT_S_MAX);
    if (slice_is(name, "connections"))
        return target_take_number(file, &target->connections, "connections", value, EVENTS_CONNECTIONS_MAX);
    if (slice_is(name, "batch"))
        return target_take_number(file, &target->batch, "batch", value, EVENTS_BATCH_MAX);
    if (slice_is(name, "keep"))
        return target_take_number(file, &target->keep_hours, "keep", value, EVENTS_KEEP_HOURS_MAX);
    return target_file_fail(file, "there is no such setting");
}

/* ---- Sections ---- */

static int end_section(struct target_file *file)
{
    const struct events_target *target = current(file);

    if (target->url == NULL)
        return target_file_fail(file, "[%s] of line %u has no url", target->name, target->line);
    if (target->buckets.count == 0 || target->users.count == 0)
        return target_file_fail(
            file, "[%s] of line %u must say buckets and users that may use it; * is all of them",
            target->name, target->line);
    return 0;
}

static int begin_section(struct target_file *file, struct slice name)
{
    struct events_targets *targets = file->ctx;
    struct events_target *grown;

    if (events_targets_find(targets, name) != NULL)
        return target_file_fail(file, "there are two targets of that name");
    if (targets->count == EVENTS_TARGETS_MAX)
        return target_file_fail(file, "there are more than %u targets", EVENTS_TARGETS_MAX);
    grown = realloc(targets->list, (targets->count + 1) * sizeof(*grown));
    if (grown == NULL)
        return -ENOMEM;
    targets->list = grown;
    grown[targets->count] = (struct events_target){.timeout_s = EVENTS_TIMEOUT_S,
                                                   .connections = EVENTS_CONNECTIONS,
                                                   .batch = 1,
                                                   .keep_hours = EVENTS_KEEP_HOURS,
                                                   .line = file->line};
    (void)slice_copy(grown[targets->count++].name, name);
    return 0;
}

/* ---- The file ---- */

static bool has_secrets(const struct target_file *file)
{
    const struct events_targets *targets = file->ctx;

    for (unsigned i = 0; i < targets->count; i++)
        if (targets->list[i].secret != NULL)
            return true;
    return false;
}

static void targets_release(struct target_set *set)
{
    struct events_targets *targets = OWNER_OF(set, struct events_targets, set);

    for (unsigned i = 0; i < targets->count; i++) {
        struct events_target *target = &targets->list[i];

        target_secret_free(target->secret);
        free(target->url);
        events_patterns_free(&target->buckets);
        events_patterns_free(&target->users);
    }
    free(targets->list);
}

static const struct target_set_form form = {
    {begin_section, take_setting, end_section, has_secrets}, sizeof(struct events_targets), targets_release};

int events_targets_read(struct events_targets **out, const struct target_source *source)
{
    struct target_set *set;
    int err = target_set_read(&set, &form, source);

    if (err == 0)
        *out = OWNER_OF(set, struct events_targets, set);
    return err;
}

struct events_targets *events_targets_ref(struct events_targets *targets)
{
    target_set_ref(&targets->set);
    return targets;
}

void events_targets_unref(struct events_targets *targets)
{
    target_set_unref(targets != NULL ? &targets->set : NULL);
}

const struct events_target *events_targets_find(const struct events_targets *targets, struct slice name)
{
    for (unsigned i = 0; i < targets->count; i++)
        if (slice_is(name, targets->list[i].name))
            return &targets->list[i];
    return NULL;
}
