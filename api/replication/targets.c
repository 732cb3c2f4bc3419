/* SPDX-License-Identifier: MIT
 *
 * See targets.h. */
#include "api/replication/targets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/client/access/url.h"

/* ---- Settings ---- */

static struct replication_target *current(struct target_file *file)
{
    struct replication_targets *targets = file->ctx;

    return &targets->list[targets->count - 1];
}

static int take_text(const struct target_file *file, char **text, const char *name, struct slice value)
{
    if (*text != NULL)
        return target_file_fail(file, "%s is there twice", name);
    return (*text = strndup(value.base, value.len)) != NULL ? 0 : -ENOMEM;
}

static int take_endpoint(const struct target_file *file, struct replication_target *target,
                         struct slice value)
{
    int err = target_take_url(file, &target->client.origin, value);

    if (err != 0)
        return err;
    return client_url_is_origin(target->client.origin)
               ? 0
               : target_file_fail(file,
                                  "endpoint must be http://HOST:PORT or https://HOST:PORT, and no more");
}

static int take_switch(const struct target_file *file, bool *is_on, const char *name, struct slice value)
{
    *is_on = slice_is(value, "yes");
    return *is_on || slice_is(value, "no") ? 0 : target_file_fail(file, "%s must be yes or no", name);
}

static int take_addressing(const struct target_file *file, struct replication_target *target,
                           struct slice value)
{
    bool is_virtual = slice_is(value, "virtual");

    target->client.addressing = is_virtual ? CLIENT_ADDRESS_VIRTUAL : CLIENT_ADDRESS_PATH;
    return is_virtual || slice_is(value, "path")
               ? 0
               : target_file_fail(file, "addressing must be path or virtual");
}

static int take_setting(struct target_file *file, struct slice name, struct slice value)
{
    struct replication_target *target = current(file);
    struct client_identity *identity = &target->client.identity;

    if (slice_is(name, "endpoint"))
        return take_endpoint(file, target, value);
    if (slice_is(name, "region"))
        return take_text(file, &identity->region, "region", value);
    if (slice_is(name, "access-key"))
        return take_text(file, &identity->access_key, "access-key", value);
    if (slice_is(name, "secret-key"))
        return target_take_secret(file, &identity->secret_key, "secret-key", REPLICATION_KEY_BYTES_MIN,
                                  value);
    if (slice_is(name, "secret-key-file"))
        return target_take_secret_file(file, &identity->secret_key, "secret-key", REPLICATION_KEY_BYTES_MIN,
                                       value);
    if (slice_is(name, "ca"))
        return take_text(file, &identity->ca_bundle, "ca", value);
    if (slice_is(name, "addressing"))
        return take_addressing(file, target, value);
    if (slice_is(name, "buckets"))
        return target_take_patterns(file, &target->buckets, value);
    if (slice_is(name, "users"))
        return target_take_patterns(file, &target->users, value);
    if (slice_is(name, "connections"))
        return target_take_number(file, &target->connections, "connections", value,
                                  REPLICATION_CONNECTIONS_MAX);
    if (slice_is(name, "locks"))
        return take_switch(file, &target->copies_locks, "locks", value);
    if (slice_is(name, "replica")) {
        bool is_told = true;
        int err = take_switch(file, &is_told, "replica", value);

        target->is_silent = !is_told;
        return err;
    }
    return target_file_fail(file, "there is no such setting");
}

/* ---- Sections ---- */

static int end_section(struct target_file *file)
{
    struct replication_target *target = current(file);
    struct client_identity *identity = &target->client.identity;

    if (target->client.origin == NULL)
        return target_file_fail(file, "[%s] of line %u has no endpoint", target->name, target->line);
    if ((identity->access_key == NULL) != (identity->secret_key == NULL))
        return target_file_fail(file, "[%s] of line %u needs both access-key and secret-key, or neither",
                                target->name, target->line);
    if (target->buckets.count == 0 || target->users.count == 0)
        return target_file_fail(
            file, "[%s] of line %u must say buckets and users that may use it; * is all of them",
            target->name, target->line);
    if (identity->region == NULL && (identity->region = strdup("us-east-1")) == NULL)
        return -ENOMEM;
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

static const struct target_file_calls calls = {begin_section, take_setting, end_section, has_secrets};

static int targets_make(struct replication_targets **targets, struct target_file *file)
{
    if ((*targets = calloc(1, sizeof(**targets))) == NULL)
        return -ENOMEM;
    (*targets)->references = 1;
    file->calls = &calls;
    file->ctx = *targets;
    return 0;
}

static int targets_give(struct replication_targets **out, struct replication_targets *targets, int err)
{
    if (err != 0)
        replication_targets_unref(targets);
    else
        *out = targets;
    return err;
}

int replication_targets_parse(struct replication_targets **out, const char *text, size_t length,
                              const char *path, log_fn log, void *log_ctx)
{
    struct target_file file = {.path = path, .log = log, .log_ctx = log_ctx};
    struct replication_targets *targets;
    int err = targets_make(&targets, &file);

    return err != 0 ? err : targets_give(out, targets, target_file_parse(&file, text, length));
}

int replication_targets_read(struct replication_targets **out, const char *path, log_fn log, void *log_ctx)
{
    struct target_file file = {.path = path, .log = log, .log_ctx = log_ctx};
    struct replication_targets *targets;
    int err = targets_make(&targets, &file);

    return err != 0 ? err : targets_give(out, targets, target_file_read(&file));
}

/* ---- A set ---- */

struct replication_targets *replication_targets_ref(struct replication_targets *targets)
{
    (void)__atomic_fetch_add(&targets->references, 1, __ATOMIC_RELAXED);
    return targets;
}

void replication_targets_unref(struct replication_targets *targets)
{
    if (targets == NULL || __atomic_sub_fetch(&targets->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    for (unsigned i = 0; i < targets->count; i++) {
        struct replication_target *target = &targets->list[i];
        struct client_identity *identity = &target->client.identity;

        target_secret_free(identity->secret_key);
        free(identity->access_key);
        free(identity->region);
        free(identity->ca_bundle);
        free(target->client.origin);
        events_patterns_free(&target->buckets);
        events_patterns_free(&target->users);
    }
    free(targets->list);
    free(targets);
}

const struct replication_target *replication_targets_find(const struct replication_targets *targets,
                                                          struct slice name)
{
    for (unsigned i = 0; i < targets->count; i++)
        if (slice_is(name, targets->list[i].name))
            return &targets->list[i];
    return NULL;
}
