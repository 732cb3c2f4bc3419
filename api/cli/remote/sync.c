/* SPDX-License-Identifier: MIT
 *
 * `sluice sync`: makes a folder as another is, by moving what differs. What is at the target is read first, into memory; then the source is walked. Files
 * differ by their size, or where the source is newer. With --delete, what the source has not is removed, and only if all of the source could be read.
 *
 * In order: what is at the target; the source, file by file; what is removed. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct there {
    char *name; /* from the folder on */
    uint64_t size;
    int64_t modified_ms;
    bool is_in_source;
};

struct sync {
    struct remote *remote;
    struct remote_work work;
    struct remote_place *from, *to;
    char *from_folder, *to_folder; /* of keys, or of files */
    struct there *there;
    size_t count, room;
};

/* ---- What is at the target ---- */

static int add(struct sync *sync, const char *name, uint64_t size, int64_t modified_ms)
{
    if (sync->count == sync->room) {
        size_t room = sync->room != 0 ? 2 * sync->room : 1024;
        struct there *longer = realloc(sync->there, room * sizeof(*longer));

        if (longer == NULL)
            return -ENOMEM;
        sync->there = longer;
        sync->room = room;
    }
    sync->there[sync->count] = (struct there){.name = strdup(name), .size = size, .modified_ms = modified_ms};
    return sync->there[sync->count++].name != NULL ? 0 : -ENOMEM;
}

static int64_t time_of(const struct stat *status)
{
    return status->st_mtim.tv_sec * 1000 + status->st_mtim.tv_nsec / 1000000;
}

static int on_file_there(void *ctx, const char *path, const char *name, const struct stat *status)
{
    return add(ctx, name, (uint64_t)status->st_size, time_of(status));
}

static int on_object_there(void *ctx, const struct client_entry *entry, const char *name)
{
    return name[0] != '\0' ? add(ctx, name, entry->size, entry->modified_ms) : 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct there *)a)->name, ((const struct there *)b)->name);
}

/* The folder and nothing beside it: an object that is called as the folder is none of its files. */
static int walk_objects(struct sync *sync, struct remote_place *place, const char *folder,
                        remote_found_fn found)
{
    struct remote_place below = *place;

    below.url.key = (char *)folder;
    return remote_walk(sync->remote, &below, found, sync);
}

static int read_target(struct sync *sync)
{
    int err;

    if (sync->to->server != NULL)
        err = walk_objects(sync, sync->to, sync->to_folder, on_object_there);
    else
        err = access(sync->to_folder, F_OK) == 0
                  ? remote_walk_files(sync->remote, sync->to_folder, on_file_there, sync)
                  : 0;
    if (sync->count > 0)
        qsort(sync->there, sync->count, sizeof(sync->there[0]), compare);
    return err;
}

/* ---- The source ---- */

/* Whole seconds: what a server says of times has no more. */
static bool differs(const struct sync *sync, const struct there *there, uint64_t size, int64_t modified_ms)
{
    return there->size != size ||
           (!sync->remote->options->size_only && modified_ms / 1000 > there->modified_ms / 1000);
}

static bool is_due(struct sync *sync, const char *name, uint64_t size, int64_t modified_ms)
{
    const struct there wanted = {.name = (char *)name};
    struct there *there =
        sync->count > 0 ? bsearch(&wanted, sync->there, sync->count, sizeof(wanted), compare) : NULL;

    if (there == NULL)
        return true;
    there->is_in_source = true;
    return differs(sync, there, size, modified_ms);
}

static int on_file(void *ctx, const char *path, const char *name, const struct stat *status)
{
    struct sync *sync = ctx;
    char *key;

    if (!is_due(sync, name, (uint64_t)status->st_size, time_of(status)))
        return 0;
    key = remote_join(sync->to_folder, name);
    remote_work_add(&sync->work, key != NULL
                                     ? remote_make_upload(sync->remote, path, (uint64_t)status->st_size,
                                                          sync->to->url.bucket, key)
                                     : NULL);
    free(key);
    return 0;
}

static int on_object(void *ctx, const struct client_entry *entry, const char *name)
{
    struct sync *sync = ctx;
    size_t length = strlen(name);
    char *target;

    if (length == 0 || (sync->to->server == NULL && name[length - 1] == '/' && entry->size == 0))
        return 0; /* what some tools make for a folder */
    if (sync->to->server == NULL && !remote_is_safe_name(name)) {
        (void)remote_fail(sync->remote, -EINVAL, entry->key,
                          "it cannot be the name of a file below a folder");
        return 0;
    }
    if (!is_due(sync, name, entry->size, entry->modified_ms))
        return 0;
    target = remote_join(sync->to_folder, name);
    if (target == NULL)
        return -ENOMEM;
    remote_work_add(&sync->work, sync->to->server == NULL
                                     ? remote_make_download(sync->remote, sync->from->url.bucket, entry->key,
                                                            entry, target)
                                     : remote_make_copy(sync->from, sync->to, entry->key, entry, target));
    free(target);
    return 0;
}

static int walk_source(struct sync *sync)
{
    struct stat status;

    if (sync->from->server != NULL)
        return walk_objects(sync, sync->from, sync->from_folder, on_object);
    if (stat(sync->from_folder, &status) != 0)
        return remote_fail(sync->remote, -errno, sync->from_folder, strerror(errno));
    if (!S_ISDIR(status.st_mode))
        return remote_usage_fail(sync->remote, "%s is not a folder", sync->from_folder);
    return remote_walk_files(sync->remote, sync->from_folder, on_file, sync);
}

/* ---- What is removed ---- */

static void remove_file(struct sync *sync, const char *name)
{
    const struct options *options = sync->remote->options;
    char *path = remote_join(sync->to_folder, name);

    if (path == NULL || (!options->dry_run && unlink(path) != 0 && errno != ENOENT))
        (void)remote_fail(sync->remote, path == NULL ? -ENOMEM : -errno, name,
                          strerror(path == NULL ? ENOMEM : errno));
    else
        remote_say_removed(sync->remote, path);
    free(path);
}

static int remove_others(struct sync *sync)
{
    struct remote_work work;
    struct remote_removal removal = {.work = &work, .bucket = sync->to->url.bucket};
    int err = sync->to->server != NULL ? remote_work_start(&work, sync->remote, sync->to->server, NULL) : 0;

    if (err != 0)
        return err;
    for (size_t i = 0; err == 0 && i < sync->count && !atomic_load(&remote_cancelled); i++) {
        char *key;

        if (sync->there[i].is_in_source)
            continue;
        if (sync->to->server == NULL) {
            remove_file(sync, sync->there[i].name);
            continue;
        }
        key = remote_join(sync->to_folder, sync->there[i].name);
        err = key != NULL ? remote_removal_add(&removal, key, NULL) : -ENOMEM;
        free(key);
    }
    if (sync->to->server != NULL) {
        remote_removal_submit(&removal);
        remote_work_finish(&work);
    }
    return err == 0 ? 0 : remote_fail(sync->remote, err, "cannot go on", strerror(-err));
}

static void run(struct sync *sync)
{
    struct remote *remote = sync->remote;
    int err = read_target(sync);

    if (err != 0 || remote_work_start(&sync->work, remote, sync->from->server, sync->to->server) != 0)
        return;
    err = walk_source(sync);
    remote_work_finish(&sync->work);
    if (!remote->options->delete || atomic_load(&remote_cancelled))
        return;
    if (err == 0 && remote->status == CLI_OK)
        (void)remove_others(sync);
    else
        cli_say(SLUICE_LOG_WARNING, "nothing was removed, because not all went well");
}

static void sync_places(struct remote *remote, struct remote_place *from, struct remote_place *to)
{
    struct sync sync = {.remote = remote, .from = from, .to = to};

    if (from->server == NULL && to->server == NULL) {
        (void)remote_usage_fail(remote, "both folders are on this machine: rsync(1) is for those");
        return;
    }
    sync.from_folder = from->server != NULL ? remote_folder_of(from->url.key) : strdup(from->url.key);
    sync.to_folder = to->server != NULL ? remote_folder_of(to->url.key) : strdup(to->url.key);
    if (sync.from_folder == NULL || sync.to_folder == NULL)
        (void)remote_fail(remote, -ENOMEM, "cannot begin", "out of memory");
    else
        run(&sync);
    for (size_t i = 0; i < sync.count; i++)
        free(sync.there[i].name);
    free(sync.there);
    free(sync.from_folder);
    free(sync.to_folder);
}

int remote_sync(const struct options *options)
{
    struct remote remote;
    struct remote_place from = {0}, to = {0};

    remote_begin(&remote, options);
    remote.is_recursive = true;
    remote.is_literal = true;
    if (options->word_count != 2)
        (void)remote_usage_fail(&remote, "expected: sluice sync FROM TO; see sluice sync --help");
    else if (remote_place_open(&remote, options->words[1], REMOTE_BUCKET | REMOTE_WRITES, &to) == 0 &&
             remote_place_open(&remote, options->words[0], REMOTE_BUCKET | REMOTE_SOURCE, &from) == 0)
        sync_places(&remote, &from, &to);
    remote_place_close(&from);
    remote_place_close(&to);
    return remote_end(&remote);
}
