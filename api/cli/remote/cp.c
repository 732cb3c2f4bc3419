/* SPDX-License-Identifier: MIT
 *
 * `sluice cp` and `sluice mv`: between here and a server, within a server, and from one server to another. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct copying {
    struct remote *remote;
    struct remote_work *work;
    const struct remote_place *from, *to;
    const char *folder;
};

struct client_transfer *remote_make_copy(const struct remote_place *from, const struct remote_place *to,
                                         const char *from_key, const struct client_entry *entry,
                                         const char *to_key)
{
    struct client_transfer *transfer =
        client_transfer_make(from->server == to->server ? CLIENT_COPY : CLIENT_RELAY, from->url.bucket,
                             from_key, to->url.bucket, to_key);

    if (transfer != NULL && entry != NULL)
        remote_take_entry(transfer, entry);
    return transfer;
}

/* An object onto itself: a move would delete it. */
static bool is_itself(const struct client_transfer *transfer)
{
    return transfer->kind == CLIENT_COPY && strcmp(transfer->from_bucket, transfer->to_bucket) == 0 &&
           strcmp(transfer->from, transfer->to) == 0;
}

static int submit(struct copying *copying, const char *from_key, const struct client_entry *entry,
                  const char *to_key)
{
    const struct options *options = copying->remote->options;
    struct client_transfer *transfer =
        to_key != NULL ? remote_make_copy(copying->from, copying->to, from_key, entry, to_key) : NULL;
    bool is_whole = transfer != NULL;

    if (is_whole && options->version_id != NULL)
        is_whole = (transfer->from_version = strdup(options->version_id)) != NULL;
    if (is_whole && (options->content_type != NULL || options->metadata.count > 0))
        is_whole = remote_add_attributes(copying->remote, transfer, NULL);
    if (!is_whole) {
        client_transfer_free(transfer);
        return remote_fail(copying->remote, -ENOMEM, from_key, "out of memory");
    }
    if (is_itself(transfer) && transfer->from_version == NULL && transfer->attribute_count == 0) {
        client_transfer_free(transfer);
        return remote_fail(copying->remote, -EINVAL, from_key, "it is its own target");
    }
    remote_work_add(copying->work, transfer);
    return 0;
}

static int on_found(void *ctx, const struct client_entry *entry, const char *name)
{
    struct copying *copying = ctx;
    char *key = remote_join(copying->folder, name);

    (void)submit(copying, entry->key, entry, key); /* what it said */
    free(key);
    return 0;
}

int remote_copy_place(struct remote *remote, struct remote_work *work, struct remote_place *from,
                      const struct remote_place *to, bool is_folder)
{
    struct copying copying = {.remote = remote, .work = work, .from = from, .to = to};
    char *folder = remote_folder_of(to->url.key), *key;
    int err;

    if (folder == NULL)
        return remote_fail(remote, -ENOMEM, from->url.key, "out of memory");
    copying.folder = folder;
    if (remote->is_recursive || remote_is_pattern(remote, from->url.key)) {
        err = remote_walk(remote, from, on_found, &copying);
    } else if (from->url.key[0] == '\0') {
        err = remote_usage_fail(remote, "s3://%s is a bucket: -r takes all that is in it", from->url.bucket);
    } else {
        key = is_folder ? remote_join(folder, remote_base_name(from->url.key)) : strdup(to->url.key);
        err = submit(&copying, from->url.key, NULL, key);
        free(key);
    }
    free(folder);
    return err;
}

static int copy_one(struct remote *remote, struct remote_work *work, struct remote_place *from,
                    struct remote_place *to, bool is_many)
{
    size_t length = strlen(to->url.key);
    bool is_folder = is_many || length == 0 || to->url.key[length - 1] == '/';

    if (to->server == NULL)
        return remote_get_place(remote, work, from, to->url.key,
                                is_many || remote_is_folder_here(to->url.key));
    if (from->server == NULL)
        return remote_put_path(remote, work, from->url.key, to->url.bucket, to->url.key, is_folder);
    return remote_copy_place(remote, work, from, to, is_folder);
}

/* "-" on one of the two sides: it is a stream, and there is nothing beside it. True: it was that. */
static bool stream(struct remote *remote, struct remote_place *from, struct remote_place *to, bool is_move)
{
    bool is_in = from->server == NULL && strcmp(from->url.key, "-") == 0,
         is_out = to->server == NULL && strcmp(to->url.key, "-") == 0;

    if (!is_in && !is_out)
        return false;
    if (is_move)
        (void)remote_usage_fail(remote, "a stream cannot be moved");
    else if (is_in && (to->url.key[0] == '\0' || to->url.key[strlen(to->url.key) - 1] == '/'))
        (void)remote_usage_fail(remote, "standard input has no name: give the whole URL");
    else if (is_in)
        (void)remote_put_stream(remote, to);
    else if (from->url.key[0] == '\0')
        (void)remote_usage_fail(remote, "s3://%s is a bucket, and not an object", from->url.bucket);
    else
        (void)remote_cat_object(remote, from);
    return true;
}

static void copy_word(struct remote *remote, const char *word, struct remote_place *to, bool is_move,
                      bool is_many)
{
    struct remote_place from;
    struct remote_work work;

    if (remote_place_open(remote, word, REMOTE_BUCKET | REMOTE_SOURCE | (is_move ? REMOTE_WRITES : 0),
                          &from) == 0) {
        if (from.server == NULL && to->server == NULL) {
            (void)remote_usage_fail(remote,
                                    "%s and %s are both on this machine: cp(1) and mv(1) are for those", word,
                                    to->url.key);
        } else if (!stream(remote, &from, to, is_move) &&
                   remote_work_start(&work, remote, from.server, to->server) == 0) {
            work.removes_sources = is_move;
            (void)copy_one(remote, &work, &from, to, is_many);
            remote_work_finish(&work);
        }
    }
    remote_place_close(&from);
}

static int copy_all(const struct options *options, bool is_move)
{
    size_t sources = options->word_count - 1;
    struct remote remote;
    struct remote_place to;

    remote_begin(&remote, options);
    if (options->word_count < 2) {
        (void)remote_usage_fail(&remote, "expected: sluice %s FROM... TO; see --help", is_move ? "mv" : "cp");
        return remote_end(&remote);
    }
    if (remote_place_open(&remote, options->words[sources], REMOTE_BUCKET | REMOTE_WRITES, &to) == 0)
        for (size_t i = 0; i < sources && !atomic_load(&remote_cancelled); i++)
            copy_word(&remote, options->words[i], &to, is_move, sources > 1);
    remote_place_close(&to);
    return remote_end(&remote);
}

int remote_cp(const struct options *options)
{
    return copy_all(options, false);
}

int remote_mv(const struct options *options)
{
    return copy_all(options, true);
}
