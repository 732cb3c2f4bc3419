/* SPDX-License-Identifier: MIT
 *
 * What a word names on a server: what a pattern matches, or all that lies below a folder. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct walk {
    struct remote *remote;
    const char *pattern; /* NULL: all */
    size_t skipped;      /* of a key, what is before its name from the folder on */
    const char *only;    /* this key alone; NULL */
    remote_found_fn found;
    void *ctx;
    uint64_t count;
};

static int visit(void *ctx, const struct client_entry *entry)
{
    struct walk *walk = ctx;
    const char *name = entry->key + walk->skipped;

    if (remote_is_over() != 0)
        return remote_is_over();
    if (entry->is_prefix || (walk->only != NULL && strcmp(entry->key, walk->only) != 0))
        return 0;
    if (walk->pattern != NULL && !remote_pattern_matches(walk->remote, walk->pattern, entry->key))
        return 0;
    walk->count++;
    return remote_is_wanted(walk->remote, name) ? walk->found(walk->ctx, entry, name) : 0;
}

static int list(struct remote *remote, struct remote_place *place, struct client_session *session,
                const char *prefix, bool is_folder, uint64_t limit, struct walk *walk)
{
    const struct client_listing listing = {
        .bucket = place->url.bucket, .prefix = prefix, .is_folder = is_folder, .limit = limit};
    int err = remote->options->versions ? client_list_versions(session, &listing, visit, walk)
                                        : client_list_objects(session, &listing, visit, walk);

    return err;
}

/* What is before the last slash of a text, that included. */
static size_t folder_length(const char *text)
{
    const char *slash = strrchr(text, '/');

    return slash != NULL ? (size_t)(slash - text) + 1 : 0;
}

static int walk_pattern(struct remote *remote, struct remote_place *place, struct client_session *session,
                        struct walk *walk)
{
    const char *pattern = place->url.key;
    char *prefix = remote_pattern_prefix(pattern);
    bool is_folder;
    int err;

    if (prefix == NULL)
        return -ENOMEM;
    walk->pattern = pattern;
    walk->skipped = folder_length(prefix);
    is_folder = !remote->is_recursive && strchr(pattern + strcspn(pattern, "*?[\\"), '/') == NULL;
    err = list(remote, place, session, prefix, is_folder, 0, walk);
    free(prefix);
    return err;
}

/* The object of that name, too, if there is one: of folders and files with one name, S3 has both. */
static int walk_folder(struct remote *remote, struct remote_place *place, struct client_session *session,
                       struct walk *walk)
{
    const char *key = place->url.key;
    char *folder = remote_folder_of(key);
    int err = 0;

    if (folder == NULL)
        return -ENOMEM;
    if (key[0] != '\0' && key[strlen(key) - 1] != '/') {
        walk->only = key;
        walk->skipped = folder_length(key);
        err = list(remote, place, session, key, true, remote->options->versions ? 0 : 1, walk);
    }
    walk->only = NULL;
    walk->skipped = strlen(folder);
    if (err == 0)
        err = list(remote, place, session, folder, false, 0, walk);
    free(folder);
    return err;
}

int remote_walk(struct remote *remote, struct remote_place *place, remote_found_fn found, void *ctx)
{
    struct walk walk = {.remote = remote, .found = found, .ctx = ctx};
    struct client_session *session = remote_session(remote, place->server);
    int err;

    if (session == NULL)
        return -EIO;
    err = remote_is_pattern(remote, place->url.key) ? walk_pattern(remote, place, session, &walk)
                                                    : walk_folder(remote, place, session, &walk);
    if (err != 0)
        return remote_blame(remote, session, err, &place->url);
    if (walk.count == 0 && remote_is_pattern(remote, place->url.key))
        return remote_fail(remote, -ENOENT, remote_name(place, place->url.bucket, place->url.key),
                           "nothing matches");
    return 0;
}
