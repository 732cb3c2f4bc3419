/* SPDX-License-Identifier: MIT
 *
 * `sluice mirror`: buckets of one server on another: settings, versions in their order, metadata, tags, locks, and ETags where the same parts give the same. Version
 * ids and times are the target server's, for S3 has no way to set them.
 *
 * What is at the target is read first, into memory; then the source's versions pass key by key. A key whose versions the target has in part gets the rest, so
 * that a run that was cut off goes on. In order: the settings of a bucket; its objects; buckets. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/cli/remote/history.h"

struct mirror {
    struct remote *remote;
    struct remote_place *from, *to;
    const char *from_bucket, *to_bucket;
    struct remote_work work;
    struct histories there;
    struct histories key; /* the versions of the key that is being read, and no other */
    bool has_versions;
};

/* ---- The settings of a bucket ---- */

static void warn(struct mirror *mirror, const char *name, int err, const char *why)
{
    char subject[256];

    (void)snprintf(subject, sizeof(subject), "s3://%s: its %s was not taken over", mirror->to_bucket, name);
    (void)remote_fail(mirror->remote, err, subject, why);
}

static void put_setting(struct mirror *mirror, const char *name, const char *document)
{
    struct client_session *to = remote_session(mirror->remote, mirror->to->server);
    int err = client_bucket_setting_put(to, mirror->to_bucket, name, slice_text(document));

    if (err != 0)
        warn(mirror, name, err, to->why);
}

static void copy_setting(struct mirror *mirror, const char *name)
{
    struct client_session *from = remote_session(mirror->remote, mirror->from->server);
    struct slice document;
    char *copy;
    int err = client_bucket_setting_get(from, mirror->from_bucket, name, &document);

    if (err == -ENOENT || err == -EOPNOTSUPP)
        return; /* it has none, or the server knows nothing of it */
    if (err != 0) {
        warn(mirror, name, err, from->why);
        return;
    }
    if (mirror->remote->options->dry_run)
        return;
    copy = strndup(document.base, document.len); /* both ends may be one session */
    if (copy != NULL)
        put_setting(mirror, name, copy);
    else
        warn(mirror, name, -ENOMEM, "out of memory");
    free(copy);
}

/* When the objects are there: a rule that locks or deletes them is for those that come after. */
static void copy_settings(struct mirror *mirror)
{
    static const char *const names[] = {"tagging", "cors",    "ownershipControls", "publicAccessBlock",
                                        "policy",  "website", "lifecycle",         "object-lock"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !atomic_load(&remote_cancelled); i++)
        copy_setting(mirror, names[i]);
}

static bool has_locks(struct mirror *mirror)
{
    struct slice document;

    return client_bucket_setting_get(remote_session(mirror->remote, mirror->from->server),
                                     mirror->from_bucket, "object-lock", &document) == 0;
}

/* The bucket is there, and keeps versions if the source does or has done so. 0, or what was said. */
static int prepare(struct mirror *mirror, enum client_versioning versioning)
{
    struct client_session *to = remote_session(mirror->remote, mirror->to->server);
    bool is_locked = has_locks(mirror);
    int err;

    if (mirror->remote->options->dry_run)
        return 0;
    err = client_bucket_make(to, mirror->to_bucket, is_locked);
    if (err == -EEXIST)
        err = 0;
    if (err == 0 && versioning != CLIENT_VERSIONING_NEVER && !is_locked)
        err = client_bucket_versioning_set(to, mirror->to_bucket, true);
    return err == 0 ? 0 : remote_fail(mirror->remote, err, mirror->to_bucket, to->why);
}

/* ---- Its objects ---- */

static int on_there(void *ctx, const struct client_entry *entry)
{
    return atomic_load(&remote_cancelled) ? -ECANCELED : histories_add(ctx, entry);
}

static struct client_transfer *make_single(const struct mirror *mirror, const struct history *history)
{
    const struct history_version *version = &history->versions[0];
    struct client_transfer *transfer = client_transfer_make(CLIENT_RELAY, mirror->from_bucket, history->key,
                                                            mirror->to_bucket, history->key);

    if (transfer == NULL)
        return NULL;
    transfer->is_mirror = transfer->has_size = true;
    transfer->size = version->size;
    (void)snprintf(transfer->etag, sizeof(transfer->etag), "%s", version->etag);
    if (mirror->has_versions)
        transfer->from_version = strdup(version->id);
    return transfer;
}

/* The newest `missing` ones, the oldest of them first. */
static struct client_transfer *make_chain(const struct mirror *mirror, const struct history *history,
                                          size_t missing)
{
    struct client_transfer *transfer = client_transfer_make(CLIENT_CHAIN, mirror->from_bucket, history->key,
                                                            mirror->to_bucket, history->key);

    if (transfer == NULL)
        return NULL;
    transfer->has_size = true;
    transfer->links = calloc(missing, sizeof(transfer->links[0]));
    for (size_t i = 0; transfer->links != NULL && i < missing; i++) {
        const struct history_version *version = &history->versions[missing - 1 - i];
        struct client_link *link = &transfer->links[i];

        *link = (struct client_link){
            .version = strdup(version->id), .size = version->size, .is_marker = version->is_marker};
        memcpy(link->etag, version->etag, sizeof(link->etag));
        transfer->link_count = i + 1;
        transfer->size += version->size;
        if (link->version != NULL)
            continue;
        client_transfer_free(transfer);
        return NULL;
    }
    if (transfer->links != NULL)
        return transfer;
    client_transfer_free(transfer);
    return NULL;
}

static void submit(struct mirror *mirror, const struct history *history)
{
    ssize_t missing =
        history_missing(history, histories_find(&mirror->there, history->key), mirror->has_versions);

    if (!remote_is_wanted(mirror->remote, history->key) || missing == 0)
        return;
    if (missing < 0)
        (void)remote_fail(mirror->remote, -EEXIST, history->key,
                          "the target has other versions of it: remove them, or mirror into another bucket");
    else
        remote_work_add(&mirror->work, missing == 1 && !history->versions[0].is_marker
                                           ? make_single(mirror, history)
                                           : make_chain(mirror, history, (size_t)missing));
}

static void flush(struct mirror *mirror)
{
    if (mirror->key.count > 0)
        submit(mirror, &mirror->key.list[0]);
    histories_free(&mirror->key);
}

static int on_version(void *ctx, const struct client_entry *entry)
{
    struct mirror *mirror = ctx;

    if (atomic_load(&remote_cancelled))
        return -ECANCELED;
    if (mirror->key.count > 0 && strcmp(mirror->key.list[0].key, entry->key) != 0)
        flush(mirror);
    return entry->is_prefix ? 0 : histories_add(&mirror->key, entry);
}

/* 0, or what was said. */
static int copy_objects(struct mirror *mirror)
{
    struct remote *remote = mirror->remote;
    struct client_session *from = remote_session(remote, mirror->from->server),
                          *to = remote_session(remote, mirror->to->server);
    const struct client_listing source = {.bucket = mirror->from_bucket, .prefix = mirror->from->url.key};
    const struct client_listing target = {.bucket = mirror->to_bucket, .prefix = mirror->from->url.key};
    int err = client_list_versions(to, &target, on_there, &mirror->there);

    if (err == -ENOENT && remote->options->dry_run)
        err = 0;
    if (err != 0)
        return remote_fail(remote, err, mirror->to_bucket, to->why[0] != '\0' ? to->why : strerror(-err));
    histories_sort(&mirror->there);
    if ((err = remote_work_start(&mirror->work, remote, mirror->from->server, mirror->to->server)) != 0)
        return err;
    if ((err = client_list_versions(from, &source, on_version, mirror)) == 0)
        flush(mirror);
    remote_work_finish(&mirror->work);
    return err == 0 ? 0
                    : remote_fail(remote, err, mirror->from_bucket,
                                  from->why[0] != '\0' ? from->why : strerror(-err));
}

/* ---- Buckets ---- */

static void copy_bucket(struct remote *remote, struct remote_place *from, struct remote_place *to,
                        const char *from_bucket, const char *to_bucket)
{
    struct mirror mirror = {
        .remote = remote, .from = from, .to = to, .from_bucket = from_bucket, .to_bucket = to_bucket};
    struct client_session *source = remote_session(remote, from->server);
    enum client_versioning versioning;
    int err = client_bucket_versioning_get(source, from_bucket, &versioning);

    if (err == -EOPNOTSUPP) {
        versioning = CLIENT_VERSIONING_NEVER;
        err = 0;
    }
    if (err != 0) {
        (void)remote_fail(remote, err, from_bucket, source->why);
        return;
    }
    mirror.has_versions = versioning != CLIENT_VERSIONING_NEVER;
    if (prepare(&mirror, versioning) == 0 && copy_objects(&mirror) == 0 && !atomic_load(&remote_cancelled)) {
        if (versioning == CLIENT_VERSIONING_SUSPENDED && !remote->options->dry_run &&
            (err = client_bucket_versioning_set(remote_session(remote, to->server), to_bucket, false)) != 0)
            warn(&mirror, "suspended versioning", err, remote_session(remote, to->server)->why);
        copy_settings(&mirror);
    }
    histories_free(&mirror.there);
    histories_free(&mirror.key);
}

struct names {
    char **list;
    size_t count;
};

static int on_bucket(void *ctx, const struct client_entry *entry)
{
    struct names *names = ctx;
    char **longer = realloc(names->list, (names->count + 1) * sizeof(*longer));

    if (longer == NULL)
        return -ENOMEM;
    names->list = longer;
    return (names->list[names->count] = strdup(entry->key)) != NULL ? (names->count++, 0) : -ENOMEM;
}

static void copy_all(struct remote *remote, struct remote_place *from, struct remote_place *to)
{
    struct client_session *session = remote_session(remote, from->server);
    struct names names = {0};
    int err = client_list_buckets(session, on_bucket, &names);

    if (err != 0)
        (void)remote_blame(remote, session, err, &from->url);
    for (size_t i = 0; err == 0 && i < names.count && !atomic_load(&remote_cancelled); i++)
        copy_bucket(remote, from, to, names.list[i], names.list[i]);
    for (size_t i = 0; i < names.count; i++)
        free(names.list[i]);
    free(names.list);
}

static void run(struct remote *remote, struct remote_place *from, struct remote_place *to)
{
    if (remote_session(remote, from->server) == NULL || remote_session(remote, to->server) == NULL)
        return;
    if (from->server == to->server &&
        (to->url.bucket == NULL || from->url.bucket == NULL || strcmp(from->url.bucket, to->url.bucket) == 0))
        (void)remote_usage_fail(remote, "a server is no mirror of itself");
    else if (to->url.key[0] != '\0' || (to->url.bucket != NULL && from->url.bucket == NULL))
        (void)remote_usage_fail(
            remote, "the target is a server, or a bucket where the source is one: keys stay as they are");
    else if (from->url.bucket != NULL)
        copy_bucket(remote, from, to, from->url.bucket,
                    to->url.bucket != NULL ? to->url.bucket : from->url.bucket);
    else
        copy_all(remote, from, to);
    if (!remote->options->quiet && !remote->options->dry_run)
        cli_say(SLUICE_LOG_INFO,
                "times and version ids are the target's own, and access control lists were not looked at");
}

int remote_mirror(const struct options *options)
{
    struct remote remote;
    struct remote_place from = {0}, to = {0};

    remote_begin(&remote, options);
    remote.is_mirror = true;
    if (options->word_count != 2)
        (void)remote_usage_fail(&remote, "expected: sluice mirror FROM TO; see sluice mirror --help");
    else if (remote_place_open(&remote, options->words[1], REMOTE_SERVER | REMOTE_WRITES | REMOTE_MAKES,
                               &to) == 0 &&
             remote_place_open(&remote, options->words[0], REMOTE_SERVER | REMOTE_SOURCE, &from) == 0)
        run(&remote, &from, &to);
    remote_place_close(&from);
    remote_place_close(&to);
    return remote_end(&remote);
}
