/* SPDX-License-Identifier: MIT
 *
 * Bazel's HTTP cache, as bazel-remote has it and moon uses it too:
 *
 *      [INSTANCE/]ac/HASH       GET, HEAD, PUT: the result of an action; see door_action.h
 *      [INSTANCE/]cas/HASH      GET, HEAD, PUT: bytes whose SHA-256 is that; the instance has no say in it. Those of no bytes are always there
 *      status                   GET: JSON, for whoever may ask
 *
 * HASH has 64 hex digits in lower case. A blob may come in zstd's coding (Content-Encoding: zstd, X-Digest-SizeBytes), as bazel-remote takes it: the name
 * is that of the plain bytes, and these are stored, so that they are sent by sendfile to whoever asks; to those who would take zstd, too.
 * Clients build on after any error, with a warning. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/doors/action_result.h"
#include "api/doors/door_action.h"
#include "api/doors/door_decode.h"
#include "api/s3/object/s3_range.h"
#include "storage/base/clock.h"

/* What the path names. */
struct entry {
    struct slice instance; /* with a slash after it, or empty */
    struct slice hash;
    bool is_blob;
};

static bool ends_with_folder(struct slice path, const char *folder)
{
    size_t length = strlen(folder);

    return path.len >= length && memcmp(path.base + path.len - length, folder, length) == 0 &&
           (path.len == length || path.base[path.len - length - 1] == '/');
}

static bool read_entry(struct slice path, struct entry *entry)
{
    struct slice folder;

    if (path.len <= ACTION_HASH_BYTES || !door_path_is_plain(path))
        return false;
    folder = slice_of(path.base, path.len - ACTION_HASH_BYTES);
    entry->hash = slice_from(path, folder.len);
    entry->is_blob = ends_with_folder(folder, "cas/");
    if (!door_is_sha256(entry->hash) || (!entry->is_blob && !ends_with_folder(folder, "ac/")))
        return false;
    entry->instance = slice_of(folder.base, folder.len - strlen(entry->is_blob ? "cas/" : "ac/"));
    return true;
}

static enum s3_door_way answer_status(struct door_call *call)
{
    char text[64];

    if (door_authenticate(call) != S3_DOOR_ENTERED)
        return S3_DOOR_ANSWERED;
    (void)snprintf(text, sizeof(text), "{\"ServerTime\":%" PRId64 "}\n", (int64_t)(clock_real_ms() / 1000));
    return door_answer(call, 200, "application/json",
                       arena_concat(&call->request->http->arena, slice_text(text)).base);
}

static enum s3_door_way answer_empty_blob(struct door_call *call)
{
    return door_authenticate(call) == S3_DOOR_ENTERED ? door_answer(call, 200, "application/octet-stream", "")
                                                      : S3_DOOR_ANSWERED;
}

/* ---- Storing ---- */

static bool is_coded(const struct s3_request *request)
{
    struct slice coding = s3_request_header(request, "content-encoding");

    return coding.len > 0 && !slice_is_nocase(coding, "identity");
}

/* The coding is zstd, of a blob, and can be decoded here. */
static bool begin_decoding(struct door_call *call, const struct entry *entry, uint64_t size)
{
    return entry->is_blob && slice_is_nocase(s3_request_header(call->request, "content-encoding"), "zstd") &&
           door_decode_begin_put(call, call->door->state, size);
}

/* What the plain bytes are to be. False: it is no number. */
static bool read_size(const struct s3_request *request, uint64_t *size)
{
    struct slice text = s3_request_header(request, "x-digest-sizebytes");

    *size = UINT64_MAX;
    return text.base == NULL || s3_number_parse(text.base, text.len, INT64_MAX, size) == 0;
}

static enum s3_door_way put_entry(struct door_call *call, const struct entry *entry, struct slice name)
{
    struct s3_request *request = call->request;
    uint64_t length = http_body_length(request->http), size;
    enum s3_door_way way;

    if (!read_size(request, &size))
        return door_answer(call, 400, "text/plain", "X-Digest-SizeBytes is no number\n");
    if (is_coded(request) && !begin_decoding(call, entry, size))
        return door_answer(call, 415, "text/plain",
                           "blobs are taken as they are or in zstd's coding, results as they are\n");
    if (length == UINT64_MAX || s3_request_header(request, "content-length").base == NULL)
        return door_answer(call, 411, "text/plain", "a Content-Length is needed\n");
    if ((way = door_go_to_key(call, name)) != S3_DOOR_ENTERED)
        return way;
    if (entry->is_blob) {
        door_claim_sha256(call, entry->hash);
    } else if (call->door->validates) {
        call->front.on_body = door_action_on_body;
        call->front.on_body_end = door_action_on_body_end;
        call->front.body_bytes_max = DOOR_ACTION_BYTES_MAX;
        door_action_begin_put(call, length);
    }
    return way;
}

/* ---- Entering ---- */

static enum s3_door_way enter_entry(struct door_call *call, const struct entry *entry)
{
    struct arena *arena = &call->request->http->arena;
    enum s3_method method = call->request->method;
    struct slice name = entry->is_blob ? arena_concat(arena, SLICE(DOOR_BLOB_PREFIX), entry->hash)
                                       : arena_concat(arena, entry->instance, SLICE("ac/"), entry->hash);

    if (method == S3_PUT)
        return put_entry(call, entry, name);
    if (method != S3_GET && method != S3_HEAD)
        return door_answer_method(call, "GET, HEAD, PUT");
    if (entry->is_blob && slice_is(entry->hash, ACTION_HASH_EMPTY))
        return answer_empty_blob(call);
    if (!entry->is_blob && call->door->validates)
        call->front.on_get = door_action_on_get;
    return door_go_to_key(call, name);
}

static enum s3_door_way enter_bazel(struct door_call *call)
{
    struct entry entry;

    if (slice_is(call->path, "status") && call->request->method == S3_GET)
        return answer_status(call);
    return read_entry(call->path, &entry) ? enter_entry(call, &entry) : door_answer_absent(call);
}

static int open_bazel(struct door *door, const char *public_url)
{
    struct door_decoders *decoders = NULL;
    int err = door_decoders_create(&decoders);

    (void)public_url;
    door->state = decoders;
    return err;
}

static void close_bazel(struct door *door)
{
    door_decoders_destroy(door->state);
}

const struct door_kind door_bazel = {.name = "bazel",
                                     .open = open_bazel,
                                     .close = close_bazel,
                                     .enter = enter_bazel,
                                     .status_of_taken = 200,
                                     .hides_trouble = true,
                                     .validates = true};
