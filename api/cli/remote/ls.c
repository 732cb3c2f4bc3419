/* SPDX-License-Identifier: MIT
 *
 * `sluice ls`: buckets, the entries of a folder, or all below it. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct listing {
    struct remote *remote;
    const char *bucket;
    size_t skipped;
    uint64_t count;
};

static int print(void *ctx, const struct client_entry *entry)
{
    struct listing *listing = ctx;
    const char *name = entry->key + listing->skipped;

    if (remote_is_over() != 0)
        return remote_is_over();
    listing->count++;
    if (name[0] != '\0' && remote_is_wanted(listing->remote, name))
        remote_print_entry(listing->remote, listing->bucket, entry, name);
    return 0;
}

static int print_found(void *ctx, const struct client_entry *entry, const char *name)
{
    struct listing *listing = ctx;

    remote_print_entry(listing->remote, listing->bucket, entry, entry->key);
    return 0;
}

static void list_buckets(struct remote *remote, struct remote_place *place)
{
    struct client_session *session = remote_session(remote, place->server);
    struct listing listing = {.remote = remote};
    int err = session != NULL ? client_list_buckets(session, print, &listing) : 0;

    if (err != 0)
        (void)remote_blame(remote, session, err, &place->url);
}

/* One level: what the word names, as an object and as a folder. "logs" is the object logs and the folder logs/, and not logs2. */
static int list_level(struct remote *remote, struct remote_place *place, struct client_session *session,
                      struct listing *listing)
{
    struct client_listing question = {
        .bucket = place->url.bucket, .prefix = place->url.key, .is_folder = true};
    const char *slash = strrchr(place->url.key, '/');

    listing->skipped = slash != NULL ? (size_t)(slash - place->url.key) + 1 : 0;
    return remote->options->versions ? client_list_versions(session, &question, print, listing)
                                     : client_list_objects(session, &question, print, listing);
}

static void list(struct remote *remote, struct remote_place *place)
{
    struct client_session *session = remote_session(remote, place->server);
    struct listing listing = {.remote = remote, .bucket = place->url.bucket};
    int err;

    if (session == NULL)
        return;
    if (remote->is_recursive || remote_is_pattern(remote, place->url.key)) {
        (void)remote_walk(remote, place, print_found, &listing);
        return;
    }
    err = list_level(remote, place, session, &listing);
    if (err != 0)
        (void)remote_blame(remote, session, err, &place->url);
    else if (listing.count == 0 && place->url.key[0] != '\0')
        (void)remote_fail(remote, -ENOENT, remote_name(place, place->url.bucket, place->url.key),
                          "nothing is there");
}

int remote_ls(const struct options *options)
{
    struct remote remote;
    struct remote_place place;
    size_t count = options->word_count > 0 ? options->word_count : 1;

    remote_begin(&remote, options);
    for (size_t i = 0; i < count && !atomic_load(&remote_cancelled); i++) {
        if (remote_place_open(&remote, options->word_count > 0 ? options->words[i] : "s3://", REMOTE_SERVER,
                              &place) == 0) {
            if (place.url.bucket == NULL)
                list_buckets(&remote, &place);
            else
                list(&remote, &place);
        }
        remote_place_close(&place);
    }
    return remote_end(&remote);
}
