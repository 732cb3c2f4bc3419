/* SPDX-License-Identifier: MIT
 *
 * `sluice mb` and `sluice rb`: buckets come and go. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>

static void say(const struct remote *remote, const char *done, const char *bucket)
{
    if (remote->options->json)
        remote_print_json(json_pack("{s:s, s:s}", "done", done, "bucket", bucket));
    else if (!remote->options->quiet)
        printf("%s%s s3://%s\n", remote->options->dry_run ? "would be " : "", done, bucket);
}

static void make(struct remote *remote, struct remote_place *place)
{
    struct client_session *session = remote_session(remote, place->server);
    int err;

    if (session == NULL)
        return;
    if ((err = client_bucket_make(session, place->url.bucket, false)) != 0)
        (void)remote_blame(remote, session, err, &place->url);
    else
        say(remote, "made", place->url.bucket);
}

static void drop(struct remote *remote, struct remote_place *place)
{
    struct client_session *session = remote_session(remote, place->server);
    int err;

    if (session == NULL || (remote->options->force && remote_empty(remote, place) != 0))
        return;
    if (!remote->options->dry_run && (err = client_bucket_drop(session, place->url.bucket)) != 0)
        (void)remote_blame(remote, session, err, &place->url);
    else
        say(remote, "removed", place->url.bucket);
}

static int each(const struct options *options, unsigned needs,
                void (*run)(struct remote *remote, struct remote_place *place))
{
    struct remote remote;
    struct remote_place place;

    remote_begin(&remote, options);
    if (options->word_count == 0)
        (void)remote_usage_fail(&remote, "expected the URL of a bucket; see --help");
    for (size_t i = 0; i < options->word_count && !atomic_load(&remote_cancelled); i++) {
        if (remote_place_open(&remote, options->words[i],
                              needs | REMOTE_SERVER | REMOTE_BUCKET | REMOTE_WRITES, &place) == 0) {
            if (place.url.key[0] != '\0' && strcmp(place.url.key, "/") != 0)
                (void)remote_usage_fail(&remote, "%s names an object, and not a bucket", options->words[i]);
            else
                run(&remote, &place);
        }
        remote_place_close(&place);
    }
    return remote_end(&remote);
}

int remote_mb(const struct options *options)
{
    return each(options, REMOTE_MAKES, make);
}

int remote_rb(const struct options *options)
{
    return each(options, 0, drop);
}
