/* SPDX-License-Identifier: MIT
 *
 * See targets.h. */
#include "api/replication/targets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/client/access/target_settings.h"
#include "storage/base/owner.h"

/* ---- Settings ---- */

static struct replication_target *current(struct target_file *file)
{
    struct replication_targets *targets = file->ctx;

    return &targets->list[targets->count - 1];
}

static int take_setting(struct target_file *file, struct slice name, struct slice value)
{
    struct replication_target *target = current(file);
    int err = client_target_take(file, &target->client, name, value);

    if (err != CLIENT_TARGET_OTHER)
        return err;
    if (slice_is(name, "buckets"))
        return target_take_patterns(file, &target->buckets, value);
    if (slice_is(name, "users"))
        return target_take_patterns(file, &target->users, value);
    if (slice_is(name, "connections"))
        return target_take_number(file, &target->connections, "connections", value,
                                  REPLICATION_CONNECTIONS_MAX);
    if (slice_is(name, "locks"))
        return target_take_switch(file, &target->copies_locks, "locks", value);
    if (slice_is(name, "replica")) {
        bool is_told = true;

        err = target_take_switch(file, &is_told, "replica", value);
        target->is_silent = !is_told;
        return err;
    }
    return target_file_fail(file, "there is no such setting");
}

/* ---- Sections ---- */

static int end_section(struct target_file *file)
{
    struct replication_target *target = current(file);
    int err = client_target_end(file, &target->client, target->name, target->line);

    if (err != 0)
        return err;
    if (target->buckets.count == 0 || target->users.count == 0)
        return target_file_fail(
            file, "[%s] of line %u must say buckets and users that may use it; * is all of them",
            target->name, target->line);
    return 0;
}

static int begin_section(struct target_file *file, struct slice name)
{
    struct replication_targets *targets = file->ctx;
    struct replication_target *grown;

    if (replication_targets_find(targets, name) != NULL)
        return target_file_fail(file, "there are two targets of that name");
    if (targets->count == REPLICATION_TARGETS_MAX)
        return target_file_fail(file, "there are more than %u targets", REPLICATION_TARGETS_MAX);
    grown = realloc(targets->list, (targets->count + 1) * sizeof(*grown));
    if (grown == NULL)
        return -ENOMEM;
    targets->list = grown;
    grown[targets->count] =
        (struct replication_target){.connections = REPLICATION_CONNECTIONS, .line = file->line};
    (void)slice_copy(grown[targets->count++].name, name);
    return 0;
}

/* ---- The file ---- */

static bool has_secrets(const struct target_file *file)
{
    const struct replication_targets *targets = file->ctx;

    for (unsigned i = 0; i < targets->count; i++)
        if (targets->list[i].client.identity.secret_key != NULL)
            return true;
    return false;
}

static void targets_release(struct target_set *set)
{
    struct replication_targets *targets = OWNER_OF(set, struct replication_targets, set);

    for (unsigned i = 0; i < targets->count; i++) {
        client_target_release(&targets->list[i].client);
        events_patterns_free(&targets->list[i].buckets);
        events_patterns_free(&targets->list[i].users);
    }
    free(targets->list);
}

static const struct target_set_form form = {{begin_section, take_setting, end_section, has_secrets},
                                            sizeof(struct replication_targets),
                                            targets_release};

int replication_targets_read(struct replication_targets **out, const struct target_source *source)
{
    struct target_set *set;
    int err = target_set_read(&set, &form, source);

    if (err == 0)
        *out = OWNER_OF(set, struct replication_targets, set);
    return err;
}

struct replication_targets *replication_targets_ref(struct replication_targets *targets)
{
    target_set_ref(&targets->set);
    return targets;
}

void replication_targets_unref(struct replication_targets *targets)
{
    target_set_unref(targets != NULL ? &targets->set : NULL);
}

const struct replication_target *replication_targets_find(const struct replication_targets *targets,
                                                          struct slice name)
{
    for (unsigned i = 0; i < targets->count; i++)
        if (slice_is(name, targets->list[i].name))
            return &targets->list[i];
    return NULL;
}
