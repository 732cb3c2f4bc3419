/* SPDX-License-Identifier: MIT
 *
 * `sluice rm`: objects, a thousand in a request; and what else empties a bucket. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void remote_removal_submit(struct remote_removal *removal)
{
    if (removal->batch != NULL)
        remote_work_add(removal->work, removal->batch);
    removal->batch = NULL;
}

/* A list of keys is XML, which has no way to write most control characters, nor U+FFFE and U+FFFF. */
static bool fits_into_list(const char *key)
{
    for (const unsigned char *at = (const unsigned char *)key; *at != '\0'; at++)
        if (*at < ' ' || (at[0] == 0xef && at[1] == 0xbf && (at[2] & 0xbe) == 0xbe))
            return false;
    return true;
}

int remote_removal_add(struct remote_removal *removal, const char *key, const char *version)
{
    struct client_transfer *batch;
    struct client_doomed *doomed;
    bool is_alone = !fits_into_list(key);

    if (is_alone)
        remote_removal_submit(removal);
    batch = removal->batch;
    if (batch == NULL) {
        if ((batch = client_transfer_make(CLIENT_DELETE, removal->bucket, NULL, NULL, NULL)) == NULL)
            return -ENOMEM;
        removal->batch = batch;
        if ((batch->doomed = calloc(CLIENT_DELETE_KEYS_MAX, sizeof(batch->doomed[0]))) == NULL)
            return -ENOMEM;
    }
    doomed = &batch->doomed[batch->doomed_count++];
    doomed->key = strdup(key);
    doomed->version = version != NULL ? strdup(version) : NULL;
    if (doomed->key == NULL || (version != NULL && doomed->version == NULL))
        return -ENOMEM;
    if (is_alone || batch->doomed_count == CLIENT_DELETE_KEYS_MAX)
        remote_removal_submit(removal);
    return 0;
}

static int on_found(void *ctx, const struct client_entry *entry, const char *name)
{
    return remote_removal_add(ctx, entry->key, entry->version);
}

static void remove_place(struct remote *remote, struct remote_place *place)
{
    struct remote_work work;
    struct remote_removal removal = {.work = &work, .bucket = place->url.bucket};
    bool is_many =
        remote->is_recursive || remote->options->versions || remote_is_pattern(remote, place->url.key);

    if (!is_many && place->url.key[0] == '\0') {
        (void)remote_usage_fail(remote,
                                "s3://%s is a bucket: -r removes all that is in it, and sluice rb the bucket",
                                place->url.bucket);
        return;
    }
    if (remote->options->version_id != NULL && is_many) {
        (void)remote_usage_fail(remote, "--version-id is about one object");
        return;
    }
    if (remote_work_start(&work, remote, place->server, NULL) != 0)
        return;
    if (is_many)
        (void)remote_walk(remote, place, on_found, &removal);
    else if (remote_removal_add(&removal, place->url.key, remote->options->version_id) != 0)
        (void)remote_fail(remote, -ENOMEM, place->url.key, "out of memory");
    remote_removal_submit(&removal);
    remote_work_finish(&work);
}

int remote_rm(const struct options *options)
{
    struct remote remote;
    struct remote_place place;

    remote_begin(&remote, options);
    if (options->word_count == 0)
        (void)remote_usage_fail(&remote, "expected: sluice rm URL...; see sluice rm --help");
    for (size_t i = 0; i < options->word_count && !atomic_load(&remote_cancelled); i++) {
        if (remote_place_open(&remote, options->words[i], REMOTE_SERVER | REMOTE_BUCKET | REMOTE_WRITES,
                              &place) == 0)
            remove_place(&remote, &place);
        remote_place_close(&place);
    }
    return remote_end(&remote);
}

/* ---- Emptying a bucket: all versions, and uploads that nobody has completed ---- */

static int on_version(void *ctx, const struct client_entry *entry)
{
    return atomic_load(&remote_cancelled) ? -ECANCELED : remote_removal_add(ctx, entry->key, entry->version);
}

struct ending {
    struct remote *remote;
    struct remote_place *place;
    struct client_session *session; /* not the one that lists */
};

static int on_upload(void *ctx, const struct client_entry *entry)
{
    struct ending *ending = ctx;

    return entry->version == NULL || ending->remote->options->dry_run
               ? 0
               : client_upload_abort(ending->session, ending->place->url.bucket, entry->key, entry->version);
}

static int end_uploads(struct remote *remote, struct remote_place *place, struct client_session *session)
{
    const struct client_listing listing = {.bucket = place->url.bucket, .prefix = ""};
    struct ending ending = {remote, place, NULL};
    int err = client_session_open(&ending.session, &place->server->target, NULL, &remote_cancelled);

    if (err == 0)
        err = client_list_uploads(session, &listing, on_upload, &ending);
    client_session_close(ending.session);
    return err;
}

int remote_empty(struct remote *remote, struct remote_place *place)
{
    const struct client_listing listing = {.bucket = place->url.bucket, .prefix = ""};
    struct remote_work work;
    struct remote_removal removal = {.work = &work, .bucket = place->url.bucket};
    struct client_session *session = remote_session(remote, place->server);
    int err = session != NULL ? remote_work_start(&work, remote, place->server, NULL) : -EIO;

    if (err != 0)
        return err;
    err = client_list_versions(session, &listing, on_version, &removal);
    remote_removal_submit(&removal);
    remote_work_finish(&work);
    if (err == 0)
        err = end_uploads(remote, place, session);
    return err == 0 ? remote->status == CLI_OK ? 0 : -EIO : remote_blame(remote, session, err, &place->url);
}
