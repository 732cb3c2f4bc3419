/* SPDX-License-Identifier: MIT
 *
 * `sluice stat`: what there is to know of an object or a bucket: name = value lines, the headers of the answer by their own names. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <jansson.h>

/* Headers that are about the connection and not about the object. */
static bool is_of_object(const char *name)
{
    static const char *const others[] = {
        "date",       "server",           "connection", "keep-alive",     "x-amz-request-id",
        "x-amz-id-2", "accept-ranges",    "vary",       "content-length", "last-modified",
        "etag",       "transfer-encoding"};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (strcmp(name, others[i]) == 0)
            return false;
    return true;
}

static void print_json(const struct remote_place *place, const struct client_session *session,
                       const struct client_object *object)
{
    json_t *headers = json_object();

    for (size_t i = 0; i < session->answer.header_count; i++)
        if (is_of_object(session->answer.headers[i].name.base))
            (void)json_object_set_new(headers, session->answer.headers[i].name.base,
                                      json_string(session->answer.headers[i].value.base));
    remote_print_json(json_pack("{s:s, s:s, s:I, s:I, s:s, s:o}", "bucket", place->url.bucket, "key",
                                place->url.key, "size", (json_int_t)object->size, "modified_ms",
                                (json_int_t)object->modified_ms, "etag", object->etag, "headers", headers));
}

static void print_plain(const struct remote_place *place, const struct client_session *session,
                        const struct client_object *object)
{
    const char *modified = client_answer_header(&session->answer, "last-modified");

    fputs("key = ", stdout);
    remote_print_text(stdout, place->url.key);
    printf("\nsize = %" PRIu64 "\nmodified = %s\netag = ", object->size, modified != NULL ? modified : "");
    remote_print_text(stdout, object->etag);
    putchar('\n');
    for (size_t i = 0; i < session->answer.header_count; i++) {
        if (!is_of_object(session->answer.headers[i].name.base))
            continue;
        remote_print_text(stdout, session->answer.headers[i].name.base);
        fputs(" = ", stdout);
        remote_print_text(stdout, session->answer.headers[i].value.base);
        putchar('\n');
    }
}

static void stat_object(struct remote *remote, struct remote_place *place, struct client_session *session)
{
    struct client_object object;
    int err =
        client_object_head(session, place->url.bucket, place->url.key, remote->options->version_id, &object);

    if (err != 0)
        (void)remote_blame(remote, session, err, &place->url);
    else if (remote->options->json)
        print_json(place, session, &object);
    else
        print_plain(place, session, &object);
}

static void stat_bucket(struct remote *remote, struct remote_place *place, struct client_session *session)
{
    const char *region;
    int err;

    (void)client_session_begin(session, "HEAD", place->url.bucket, NULL);
    if ((err = client_session_call(session, NULL, NULL)) != 0) {
        (void)remote_blame(remote, session, err, &place->url);
        return;
    }
    region = client_answer_header(&session->answer, "x-amz-bucket-region");
    if (remote->options->json)
        remote_print_json(json_pack("{s:s, s:s?}", "bucket", place->url.bucket, "region", region));
    else
        printf("bucket = %s\nregion = %s\n", place->url.bucket, region != NULL ? region : "");
}

int remote_stat(const struct options *options)
{
    struct remote remote;
    struct remote_place place;

    remote_begin(&remote, options);
    if (options->word_count == 0)
        (void)remote_usage_fail(&remote, "expected: sluice stat URL...; see sluice stat --help");
    for (size_t i = 0; i < options->word_count; i++) {
        struct client_session *session =
            remote_place_open(&remote, options->words[i], REMOTE_SERVER | REMOTE_BUCKET, &place) == 0
                ? remote_session(&remote, place.server)
                : NULL;

        if (session != NULL && place.url.key[0] != '\0')
            stat_object(&remote, &place, session);
        else if (session != NULL)
            stat_bucket(&remote, &place, session);
        remote_place_close(&place);
    }
    return remote_end(&remote);
}
