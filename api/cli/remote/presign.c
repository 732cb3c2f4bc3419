/* SPDX-License-Identifier: MIT
 *
 * `sluice presign`: a URL that whoever has it may use for a while. Nobody is asked for it: the key signs. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

static void sign(struct remote *remote, struct remote_place *place)
{
    const struct options *options = remote->options;
    struct client_request request;
    struct arena arena;
    struct slice url;
    uint64_t seconds;

    if (place->server->store != NULL || place->server->target.identity.access_key == NULL) {
        (void)remote_fail(remote, -EINVAL, place->url.key,
                          place->server->store != NULL
                              ? "no server has the store open, so nobody could use the URL"
                              : "there is no key to sign with: AWS_ACCESS_KEY_ID, ~/.aws");
        return;
    }
    (void)remote_parse_duration(options->expires, &seconds); /* it was checked */
    arena_init(&arena, NULL);
    client_request_begin(&request, &arena, options->method == METHOD_PUT ? "PUT" : "GET", place->url.bucket,
                         place->url.key);
    client_request_address(&request, &place->server->target);
    if (options->version_id != NULL)
        client_request_query(&request, "versionId", options->version_id);
    url = client_request_presign(&request, &place->server->target, time(NULL), (unsigned)seconds);
    if (options->json)
        remote_print_json(json_pack("{s:s, s:s, s:s, s:I}", "bucket", place->url.bucket, "key",
                                    place->url.key, "url", url.base, "seconds", (json_int_t)seconds));
    else
        puts(url.base);
    arena_free(&arena);
}

int remote_presign(const struct options *options)
{
    struct remote remote;
    struct remote_place place;

    remote_begin(&remote, options);
    if (options->word_count == 0)
        (void)remote_usage_fail(&remote, "expected: sluice presign URL...; see sluice presign --help");
    for (size_t i = 0; i < options->word_count; i++) {
        if (remote_place_open(&remote, options->words[i], REMOTE_SERVER | REMOTE_BUCKET | REMOTE_KEY,
                              &place) == 0)
            sign(&remote, &place);
        remote_place_close(&place);
    }
    return remote_end(&remote);
}
