/* SPDX-License-Identifier: MIT
 *
 * What a server may answer to the commands for work, to replication, to imports and to a bucket in front of it: the layer of connections is this file, and its answers come
 * from the input. The first byte chooses the call; each answer is a line with the status, lines of headers, an empty line and a body, and
 * ends before a line "%%". Of whatever comes: entries have what visitors rely on, no more are visited than were asked for, texts are within
 * the answer's size, and a call that fails says so in a sentence without control characters, for it goes to a terminal.
 *
 * In order: the connection; visitors; the calls. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/client/buckets.h"
#include "api/client/lists.h"
#include "api/client/metrics.h"
#include "api/client/uploads.h"
#include "api/http/http.h"
#include "api/origin/answer.h"
#include "storage/base/arena.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADERS_MAX = 16, ENTRIES_ASKED_FOR = 5, ANSWERS_MAX = 8 };

static void require(int condition)
{
    if (!condition)
        abort();
}

/* ---- The connection ---- */

static struct slice coming; /* the answers that have not been given yet */
static unsigned answers;
static size_t largest; /* of the bodies */

static bool line_next(struct slice *text, struct slice *line)
{
    if (text->len == 0)
        return false;
    (void)slice_next_part(text, '\n', line);
    return true;
}

static void headers_take(struct client_answer *answer, struct slice *text)
{
    struct slice line;

    answer->headers = arena_alloc(answer->arena, HEADERS_MAX * sizeof(answer->headers[0]));
    require(answer->headers != NULL);
    while (line_next(text, &line) && line.len > 0) {
        const char *colon = memchr(line.base, ':', line.len);

        if (colon == NULL || answer->header_count == HEADERS_MAX)
            continue;
        answer->headers[answer->header_count++] = (struct s3_sigv4_header){
            slice_of(line.base, (size_t)(colon - line.base)),
            arena_dup(answer->arena, colon + 1, line.len - (size_t)(colon - line.base) - 1)};
    }
}

static struct slice body_take(struct slice *text)
{
    const char *begin = text->base, *end = memmem(text->base, text->len, "\n%%", 3);
    size_t length = end != NULL ? (size_t)(end - begin) : text->len;

    *text = slice_from(*text, end != NULL ? length + 3 : length);
    return slice_of(begin, length);
}

int client_connection_open(struct client_connection **connection, const struct client_target *target,
                           atomic_ullong *moved, const atomic_bool *cancelled)
{
    *connection = NULL;
    return 0;
}

void client_connection_close(struct client_connection *connection)
{
}

int client_connection_perform(struct client_connection *connection, const struct client_request *request,
                              client_sink_fn sink, void *ctx, struct client_answer *answer,
                              char why[CLIENT_WHY_BYTES])
{
    struct slice line, body;

    *answer = (struct client_answer){.arena = request->arena};
    if (answers++ == ANSWERS_MAX || !line_next(&coming, &line)) {
        memcpy(why, "no answer", 10);
        return -ECONNRESET;
    }
    answer->status = 200;
    if (line.len == 3 && line.base[0] >= '1' && line.base[0] <= '5')
        answer->status = (line.base[0] - '0') * 100 + (unsigned char)line.base[1] % 10 * 10 +
                         (unsigned char)line.base[2] % 10;
    headers_take(answer, &coming);
    body = body_take(&coming);
    largest = body.len > largest ? body.len : largest;
    if (sink != NULL && answer->status >= 200 && answer->status < 300) {
        answer->sunk = body.len;
        return body.len > 0 ? sink(ctx, body.base, body.len) : 0;
    }
    if (body.len > 0)
        answer->body = (char *)arena_dup(answer->arena, body.base, body.len).base;
    answer->body_length = body.len;
    return 0;
}

const char *client_answer_header(const struct client_answer *answer, const char *name)
{
    for (size_t i = 0; i < answer->header_count; i++)
        if (slice_is(answer->headers[i].name, name))
            return answer->headers[i].value.base;
    return NULL;
}

/* ---- Visitors ---- */

static unsigned visited;

static int on_entry(void *ctx, const struct client_entry *entry)
{
    const uint64_t *limit = ctx;

    visited++;
    require(*limit == 0 || visited <= *limit);
    require(entry->key != NULL || entry->number > 0);
    require(entry->key == NULL || strlen(entry->key) <= largest);
    require(entry->etag != NULL && strlen(entry->etag) <= largest);
    require(entry->version == NULL || strlen(entry->version) <= largest);
    require(entry->crc64nvme == NULL || strlen(entry->crc64nvme) <= largest);
    return 0;
}

static void on_failed(void *ctx, const char *key, const char *version, const char *why)
{
    require(key != NULL && strlen(key) <= largest && why != NULL);
    (void)version;
}

static int on_bytes(void *ctx, const void *data, size_t length)
{
    *(size_t *)ctx += length;
    return 0;
}

static void failure_is_told(const struct client_session *session, int err)
{
    require(err < 0 && session->why[0] != '\0');
    for (const char *at = session->why; *at != '\0'; at++)
        require((unsigned char)*at >= ' ' && *at != 0x7f);
}

/* ---- The calls ---- */

static int list_some(struct client_session *session, unsigned kind, bool is_bounded)
{
    uint64_t limit = is_bounded ? ENTRIES_ASKED_FOR : 0, none = 0;
    const struct client_listing listing = {
        .bucket = "bucket", .prefix = "a/", .is_folder = true, .limit = limit};

    switch (kind) {
    case 0:
        return client_list_buckets(session, on_entry, &none);
    case 1:
        return client_list_objects(session, &listing, on_entry, &limit);
    case 2:
        return client_list_versions(session, &listing, on_entry, &limit);
    case 3:
        return client_list_uploads(session, &listing, on_entry, &limit);
    default:
        return client_list_parts(session, "bucket", "key", "upload", on_entry, &none);
    }
}

static int object_some(struct client_session *session, unsigned kind)
{
    const struct client_get get = {.bucket = "bucket", .key = "key", .offset = 10, .length = 20};
    const struct client_copy copy = {
        .from_bucket = "from", .from_key = "key", .bucket = "bucket", .key = "copy", .if_match = "e"};
    const struct client_doomed doomed[] = {{"a", NULL}, {"b", "v"}};
    struct client_object object;
    uint64_t count, bytes;
    size_t sunk = 0;
    int err;

    switch (kind) {
    case 0:
        err = client_object_head(session, "bucket", "key", NULL, &object);
        require(err != 0 || object.etag != NULL);
        return err;
    case 1:
        err = client_object_get(session, &get, on_bytes, &sunk, &object);
        require(err != 0 || (object.etag != NULL && sunk <= largest));
        return err;
    case 2:
        return client_object_first_part(session, "bucket", "key", NULL, &count, &bytes);
    case 3:
        return client_object_copy(session, &copy);
    default:
        return client_objects_delete(session, "bucket", doomed, 2, on_failed, NULL);
    }
}

static int upload_some(struct client_session *session, unsigned kind)
{
    const struct client_copy copy = {
        .from_bucket = "from", .from_key = "key", .bucket = "bucket", .key = "copy"};
    struct client_part part = {.etag = "e"};
    const uint64_t crc = 1;
    char *id;
    int err;

    switch (kind) {
    case 0:
        err = client_upload_begin(session, "bucket", "key", CLIENT_CHECKSUM_CRC64NVME, NULL, 0, &id);
        require(err != 0 || (id != NULL && strlen(id) <= largest));
        free(id);
        return err;
    case 1:
        err = client_upload_part_copy(session, &copy, "upload", 1, 0, 100, &part);
        require(err != 0 || (part.etag[0] != '\0' && strlen(part.etag) < sizeof(part.etag)));
        return err;
    default:
        return client_upload_complete(session, "bucket", "key", "upload", &part, 1, &crc);
    }
}

static int bucket_some(struct client_session *session, unsigned kind)
{
    enum client_versioning versioning;
    bool by_name;

    return kind == 0 ? client_bucket_versioning_get(session, "bucket", &versioning)
                     : client_bucket_types_get(session, "bucket", &by_name);
}

/* The head that stands in front of an object of an origin: what is kept of it becomes headers of our own answers. */
static void origin_read(bool etags_are_opaque)
{
    static const struct digest_values nothing;
    char why[ORIGIN_WHY_BYTES] = "", told[CLIENT_WHY_BYTES];
    struct client_answer head;
    struct origin_answer answer;
    struct arena arena;
    const struct client_request request = {.arena = &arena};

    arena_init(&arena, NULL); /* as that of what is fetched */
    if (client_connection_perform(NULL, &request, NULL, NULL, &head, told) == 0) {
        if (origin_answer_read(&arena, &head, etags_are_opaque, &answer, why) != 0) {
            require(why[0] != '\0');
        } else {
            const struct meta_object *object = &answer.object;

            require(head.status == 200 && object->size <= ORIGIN_OBJECT_BYTES_MAX &&
                    object->modified_ms >= 0);
            require(memchr(object->etag, '\0', sizeof(object->etag)) != NULL);
            require(object->checksum.length <= sizeof(object->checksum.value));
            for (size_t i = 0; i < object->attributes.count; i++)
                require(http_value_is_safe(object->attributes.list[i].value) &&
                        object->attributes.list[i].name.len > 0);
            /* Nothing in it is compared by what it does not ask to be computed. */
            require(answer.digest_mask != 0 || origin_answer_compare(&answer, &nothing, why) == 0);
        }
    }
    arena_free(&arena);
}

static void metrics_read(struct slice text)
{
    struct slice value;
    double number;

    (void)client_metric_sum(text, "sluice_requests_total", "code", "200");
    while (client_metric_next(&text, "sluice_requests_total", "code", &value, &number))
        require(value.len <= text.len + value.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const atomic_bool at_once = true; /* nothing is tried again, which would take its time */
    const struct client_target target = {
        .origin = "http://server",
        .identity = {.access_key = "key", .secret_key = "secret", .region = "us-east-1"}};
    struct client_session *session;
    int err;

    if (size == 0)
        return 0;
    coming = slice_of(data + 1, size - 1);
    answers = visited = 0;
    largest = 0;
    if (data[0] % 16 == 15) {
        origin_read(data[0] >= 128);
        return 0;
    }
    require(client_session_open(&session, &target, NULL, &at_once) == 0);
    if (data[0] % 16 < 5)
        err = list_some(session, data[0] % 16, data[0] >= 128);
    else if (data[0] % 16 < 10)
        err = object_some(session, data[0] % 16 - 5);
    else if (data[0] % 16 < 13)
        err = upload_some(session, data[0] % 16 - 10);
    else
        err = bucket_some(session, data[0] % 16 - 13);
    if (err != 0)
        failure_is_told(session, err);
    metrics_read(slice_of(data, size));
    client_session_close(session);
    return 0;
}
