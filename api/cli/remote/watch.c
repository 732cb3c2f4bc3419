/* SPDX-License-Identifier: MIT
 *
 * `sluice watch`: prints what happens to objects, as it happens, until it is interrupted. It asks as MinIO's clients do (GET with ?events), and asks again
 * when the connection ends: what happens in between is not told. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/client/progress.h"

#define LINE_BYTES_MAX (64u << 10) /* of an event; keys have 1,024 bytes */
#define PING_SECONDS   "5"
#define PAUSE_S_MAX    30u

struct watching {
    struct remote *remote;
    const struct remote_place *place;
    char line[LINE_BYTES_MAX];
    size_t length;
    bool is_connected; /* something has come on this connection */
    bool was_connected;
};

/* ---- What comes ---- */

/* Of a key in an event: a plus is a blank, and the rest is percent-encoded. In place. */
static void decode(char *text)
{
    char *to = text;

    for (const char *at = text; *at != '\0'; at++) {
        unsigned byte;

        if (*at == '%' && sscanf(at + 1, "%2x", &byte) == 1) {
            *to++ = (char)byte;
            at += 2;
        } else {
            *to++ = (char)(*at == '+' ? ' ' : *at);
        }
    }
    *to = '\0';
}

static const char *text_at(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

static void print_record(const json_t *record)
{
    const json_t *s3 = json_object_get(record, "s3"), *object = json_object_get(s3, "object");
    const char *name = text_at(record, "eventName"), *version = text_at(object, "versionId");
    const json_t *size = json_object_get(object, "size");
    char *key = strdup(text_at(object, "key"));

    if (key == NULL)
        return;
    decode(key);
    if (strncmp(name, "s3:", 3) == 0)
        name += 3;
    printf("%.19sZ  ", text_at(record, "eventTime"));
    remote_print_text(stdout, name);
    printf("  ");
    if (json_is_integer(size))
        printf("%" JSON_INTEGER_FORMAT "  ", json_integer_value(size));
    printf("s3://");
    remote_print_text(stdout, text_at(json_object_get(s3, "bucket"), "name"));
    putchar('/');
    remote_print_text(stdout, key);
    if (version[0] != '\0') {
        putchar(' ');
        remote_print_text(stdout, version);
    }
    putchar('\n');
    free(key);
}

/* Lines of JSON; pings are blank, or have no records. */
static int take_line(struct watching *watching)
{
    json_t *root = json_loadb(watching->line, watching->length, 0, NULL), *record;
    size_t index;

    if (strspn(watching->line, " \r") >= watching->length) {
        json_decref(root);
        return 0;
    }
    if (!json_is_array(json_object_get(root, "Records"))) {
        json_decref(root);
        return -EPROTO;
    }
    json_array_foreach(json_object_get(root, "Records"), index, record)
    {
        if (watching->remote->options->json)
            remote_print_json(json_incref(record));
        else
            print_record(record);
    }
    json_decref(root);
    return fflush(stdout) == 0 ? 0 : -EPIPE;
}

static int on_bytes(void *ctx, const void *data, size_t length)
{
    struct watching *watching = ctx;
    const char *at = data;
    int err = 0;

    watching->is_connected = watching->was_connected = true;
    for (size_t i = 0; i < length && err == 0; i++) {
        if (at[i] == '\n') {
            err = take_line(watching);
            watching->length = 0;
        } else if (watching->length == sizeof(watching->line)) {
            err = -EMSGSIZE;
        } else {
            watching->line[watching->length++] = at[i];
        }
    }
    return err;
}

/* ---- Asking ---- */

static void add_events(struct client_request *request, const struct options_list *events)
{
    static const struct {
        const char *word, *name;
    } words[] = {{"put", "s3:ObjectCreated:*"},
                 {"delete", "s3:ObjectRemoved:*"},
                 {"tags", "s3:ObjectTagging:*"},
                 {"acl", "s3:ObjectAcl:Put"},
                 {"expire", "s3:LifecycleExpiration:*"}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && events->count == 0; i++)
        client_request_query(request, "events", words[i].name);
    for (size_t i = 0; i < events->count; i++) {
        const char *name = events->items[i];
        for (size_t j = 0; j < sizeof(words) / sizeof(words[0]); j++)
            if (strcmp(name, words[j].word) == 0)
                name = words[j].name;
        client_request_query(request, "events", name);
    }
}

static int listen_once(struct watching *watching, struct client_session *session)
{
    const struct options *options = watching->remote->options;
    const char *bucket = watching->place->url.bucket, *prefix = watching->place->url.key;
    struct client_request *request = client_session_begin(session, "GET", bucket, NULL);

    add_events(request, &options->events);
    client_request_query(request, "ping", PING_SECONDS);
    if (prefix != NULL && prefix[0] != '\0')
        client_request_query(request, "prefix", prefix);
    if (options->suffix != NULL)
        client_request_query(request, "suffix", options->suffix);
    watching->length = 0;
    watching->is_connected = false;
    return client_session_call(session, on_bytes, watching);
}

/* Whether another try may find what this one has not. */
static bool may_come_back(const struct watching *watching, int err)
{
    return err == 0 || (watching->was_connected && (client_error_is_unreachable(err) || err == -EIO));
}

static void pause_seconds(unsigned seconds)
{
    for (unsigned i = 0; i < 10 * seconds && remote_is_over() == 0; i++)
        (void)nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
}

static int watch(struct watching *watching)
{
    struct remote *remote = watching->remote;
    struct client_session *session = remote_session(remote, watching->place->server);
    unsigned pause = 1;

    if (session == NULL)
        return -EIO;
    for (;;) {
        int err = listen_once(watching, session);

        if (remote_is_over() != 0 || err == -EPIPE)
            return 0;
        if (watching->is_connected)
            pause = 1;
        if (!may_come_back(watching, err))
            return remote_blame(remote, session, err, &watching->place->url);
        if (!remote->options->quiet)
            cli_say(SLUICE_LOG_WARNING, "the connection ended, and is made again in %u s: %s", pause,
                    err != 0 ? session->why : "the server has ended it");
        pause_seconds(pause);
        pause = 2 * pause < PAUSE_S_MAX ? 2 * pause : PAUSE_S_MAX;
    }
}

int remote_watch(const struct options *options)
{
    struct watching *watching = calloc(1, sizeof(*watching));
    struct remote_place place;
    struct remote remote;

    remote_begin(&remote, options);
    remote.is_literal = true;
    if (watching == NULL) {
        (void)remote_fail(&remote, -ENOMEM, "watch", strerror(ENOMEM));
    } else if (options->word_count != 1) {
        (void)remote_usage_fail(&remote, "expected: sluice watch URL; see sluice watch --help");
    } else {
        *watching = (struct watching){.remote = &remote, .place = &place};
        if (remote_place_open(&remote, options->words[0], REMOTE_SERVER, &place) == 0)
            (void)watch(watching);
        remote_place_close(&place);
    }
    free(watching);
    return remote_end(&remote);
}
