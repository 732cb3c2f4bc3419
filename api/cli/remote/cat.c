/* SPDX-License-Identifier: MIT
 *
 * `sluice cat`: objects to standard output. What cannot be compared before it is printed is compared after: the exit status says whether it was right. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int write_out(void *ctx, const void *data, size_t length)
{
    struct client_sum *sum = ctx;
    const char *at = data;

    client_sum_add(sum, data, length);
    while (length > 0) {
        ssize_t count = write(STDOUT_FILENO, at, length);

        if (count < 0 && errno != EINTR)
            return -errno;
        if (count > 0) {
            at += count;
            length -= (size_t)count;
        }
    }
    return 0;
}

int remote_cat_object(struct remote *remote, struct remote_place *place)
{
    struct client_session *session = remote_session(remote, place->server);
    const struct client_get get = {.bucket = place->url.bucket,
                                   .key = place->url.key,
                                   .version = remote->options->version_id,
                                   .length = UINT64_MAX};
    struct client_object object;
    struct client_sum sum = {0};
    int err;

    if (session == NULL)
        return -EIO;
    if ((err = client_object_get(session, &get, write_out, &sum, &object)) != 0)
        return remote_blame(remote, session, err, &place->url);
    if (!client_sum_is(&sum, object.crc64nvme))
        return remote_fail(remote, -EBADMSG, remote_name(place, place->url.bucket, place->url.key),
                           "what came has another checksum than the server has: it is damaged");
    return 0;
}

int remote_cat(const struct options *options)
{
    struct remote remote;
    struct remote_place place;

    remote_begin(&remote, options);
    if (options->word_count == 0)
        (void)remote_usage_fail(&remote, "expected: sluice cat URL...; see sluice cat --help");
    for (size_t i = 0; i < options->word_count && !atomic_load(&remote_cancelled); i++) {
        if (remote_place_open(&remote, options->words[i], REMOTE_SERVER | REMOTE_BUCKET | REMOTE_KEY,
                              &place) == 0)
            (void)remote_cat_object(&remote, &place);
        remote_place_close(&place);
    }
    return remote_end(&remote);
}
