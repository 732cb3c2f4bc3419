/* SPDX-License-Identifier: MIT
 *
 * Git LFS: its batch call, whose answers lead to the objects at this same door, and these. lfs.url is http://HOST/-/cache/lfs, with or without
 * folders after it, each a store of its own:
 *
 *      [FOLDER/]objects/batch     POST, JSON: what is to be put or got, and where
 *      [FOLDER/]objects/HASH      GET, HEAD, PUT: bytes whose SHA-256 is that
 *
 * Locks are not kept: 404, by which clients know. Errors are JSON. See git-lfs' docs/api. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/cache/cache.h"
#include "api/doors/door.h"
#include "api/s3/body/s3_document.h"
#include "storage/base/owner.h"
#include "storage/base/text/percent.h"

#define LFS_TYPE "application/vnd.git-lfs+json"
#define OBJECTS  "objects/"

struct object {
    const char *hash;
    json_int_t size;
    bool is_there;
};

struct batch {
    struct door_call *call;
    struct core_turn turn;
    struct slice folder; /* with a slash after it, or empty */
    json_t *document;
    bool is_upload;
    struct object *objects;
    size_t count, looked_up;
    unsigned waits; /* for room to note uses, one after the other */
};

/* ---- Answers ---- */

/* document: taken. NULL: no memory. */
static void answer_json(struct door_call *call, int status, json_t *document)
{
    char *text = document != NULL ? json_dumps(document, JSON_COMPACT) : NULL;

    json_decref(document);
    if (text == NULL)
        (void)door_answer(call, 503, LFS_TYPE, "{\"message\":\"there is no memory\"}");
    else
        (void)door_answer(call, status, LFS_TYPE, text); /* copied */
    free(text);
}

static enum s3_door_way refuse(struct door_call *call, int status, const char *message)
{
    answer_json(call, status, json_pack("{s:s}", "message", message));
    return S3_DOOR_ANSWERED;
}

static bool on_error(struct s3_request *request, enum s3_error error, const char *message)
{
    struct door_call *call = door_call_of(request);
    int status = door_status_of(call, error);

    if (status == 401) {
        s3_answer_header_string(request, "www-authenticate", "Basic realm=\"sluice\"");
        s3_answer_header_string(request, "lfs-authenticate", "Basic realm=\"sluice\"");
    }
    (void)refuse(call, status, message);
    return true;
}

/* ---- The answer to a batch ---- */

static json_t *action_of(const struct batch *batch, struct slice base, const char *hash)
{
    struct arena *arena = &batch->call->request->http->arena;
    struct slice href = arena_concat(arena, base, slice_text(hash));

    return json_pack("{s:{s:s%}}", batch->is_upload ? "upload" : "download", "href", href.base, href.len);
}

/* What is there is not put once more; what is not there cannot be got. NULL: no memory. */
static json_t *entry_of(const struct batch *batch, struct slice base, const struct object *object)
{
    json_t *entry = json_pack("{s:s, s:I}", "oid", object->hash, "size", object->size);
    int err = 0;

    if (object->is_there != batch->is_upload)
        err = json_object_set_new(entry, "actions", action_of(batch, base, object->hash));
    else if (!object->is_there)
        err = json_object_set_new(entry, "error",
                                  json_pack("{s:i, s:s}", "code", 404, "message", "there is no such object"));
    if (err == 0)
        return entry;
    json_decref(entry);
    return NULL;
}

static json_t *answer_of(const struct batch *batch, struct slice base)
{
    json_t *list = json_array();

    for (size_t i = 0; list != NULL && i < batch->count; i++) {
        if (json_array_append_new(list, entry_of(batch, base, &batch->objects[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list != NULL
               ? json_pack("{s:s, s:s, s:o}", "transfer", "basic", "hash_algo", "sha256", "objects", list)
               : NULL;
}

static void answer_batch(struct batch *batch)
{
    struct door_call *call = batch->call;
    struct arena *arena = &call->request->http->arena;
    struct slice base = door_base_url(call, call->door->state);
    json_t *answer;

    if (base.len == 0) {
        json_decref(batch->document);
        (void)refuse(call, 503, "the server has no address to tell: --public-url gives it one");
        return;
    }
    base = arena_concat(arena, base, SLICE("/-/cache/"), slice_text(call->door->name), SLICE("/"),
                        percent_encode_in(arena, batch->folder, true), SLICE(OBJECTS));
    answer = answer_of(batch, base);
    json_decref(batch->document);
    answer_json(call, 200, answer);
}

/* ---- Looking up ---- */

static void look_up(struct batch *batch);

static void on_turn(struct core_turn *turn)
{
    look_up(OWNER_OF(turn, struct batch, turn));
}

/* 0, or an error; in which of the scopes does not matter. */
static int look_up_one(struct batch *batch, struct object *object)
{
    const struct s3_request *request = batch->call->request;
    char text[DOOR_KEY_BYTES_MAX];
    int there = 0;
    struct slice name = arena_concat(&batch->call->request->http->arena, batch->folder, SLICE(OBJECTS),
                                     slice_text(object->hash));

    for (unsigned place = 0; place < door_places(batch->call) && there == 0; place++) {
        struct slice key = door_key_at(batch->call, place, name, text);

        there = core_cache_touch(request->worker, request->bucket.id, &key, 1);
    }
    object->is_there = there == 1;
    return there < 0 ? there : 0;
}

static void look_up(struct batch *batch)
{
    struct s3_request *request = batch->call->request;
    int err = 0;

    batch->turn.next = on_turn;
    for (unsigned i = 0; i < DOOR_LFS_TURN_OBJECTS && batch->looked_up < batch->count && err == 0; i++) {
        if ((err = look_up_one(batch, &batch->objects[batch->looked_up])) == 0)
            batch->looked_up++;
    }
    if (err == -EAGAIN && ++batch->waits <= DOOR_ACTION_WAITS_MAX) {
        core_cache_wait(request->worker, &batch->turn);
    } else if (err != 0) {
        json_decref(batch->document);
        s3_answer_result(request, err);
    } else if (batch->looked_up < batch->count) {
        batch->waits = 0;
        core_turn_wait(request->worker, &batch->turn);
    } else {
        answer_batch(batch);
    }
}

/* ---- Reading a batch ---- */

static bool speaks_basic(const json_t *transfers)
{
    if (transfers == NULL)
        return true;
    for (size_t i = 0; i < json_array_size(transfers); i++) {
        const char *name = json_string_value(json_array_get(transfers, i));

        if (name != NULL && strcmp(name, "basic") == 0)
            return true;
    }
    return false;
}

static bool read_object(const json_t *member, struct object *object)
{
    object->hash = json_string_value(json_object_get(member, "oid"));
    object->size = json_integer_value(json_object_get(member, "size"));
    return object->hash != NULL && door_is_sha256(slice_text(object->hash)) && object->size >= 0;
}

/* 0, or a status and what is wrong. */
static int read_document(struct batch *batch, const char **message)
{
    const json_t *list = json_object_get(batch->document, "objects");
    const char *operation = json_string_value(json_object_get(batch->document, "operation"));
    const char *hashes = json_string_value(json_object_get(batch->document, "hash_algo"));

    *message = "this is no batch of Git LFS";
    if (operation == NULL || !json_is_array(list) ||
        (strcmp(operation, "download") != 0 && strcmp(operation, "upload") != 0))
        return 422;
    *message = "objects are known by their SHA-256";
    if (hashes != NULL && strcmp(hashes, "sha256") != 0)
        return 409;
    *message = "the transfer basic is the only one";
    if (!speaks_basic(json_object_get(batch->document, "transfers")))
        return 422;
    *message = "these are too many objects at a time";
    if (json_array_size(list) > DOOR_LFS_OBJECTS_MAX)
        return 413;
    batch->is_upload = strcmp(operation, "upload") == 0;
    batch->count = json_array_size(list);
    batch->objects = s3_request_alloc(batch->call->request, batch->count * sizeof(*batch->objects) + 1);
    *message = "an object has an oid, 64 hexadecimal digits, and a size";
    for (size_t i = 0; i < batch->count; i++)
        if (!read_object(json_array_get(list, i), &batch->objects[i]))
            return 422;
    return 0;
}

/* Of all of a batch: who may put one object of a folder may put any. With scopes, reading is the scopes' matter. */
static enum s3_error authorize(struct batch *batch)
{
    char text[DOOR_KEY_BYTES_MAX];
    struct slice name = arena_concat(&batch->call->request->http->arena, batch->folder, SLICE(OBJECTS));
    struct slice key = door_key_at(batch->call, 0, name, text);

    return batch->is_upload ? door_may(batch->call, key, S3_ACTION_PUT_OBJECT, S3_RIGHT_WRITE)
                            : door_may(batch->call, key, S3_ACTION_GET_OBJECT, S3_RIGHT_READ);
}

static void on_document(struct s3_request *request, struct slice body, void *ctx)
{
    struct batch *batch = ctx;
    const char *message;
    enum s3_error error;
    int status;

    batch->document = json_loadb(body.base, body.len, JSON_REJECT_DUPLICATES, NULL);
    if ((status = read_document(batch, &message)) != 0) {
        json_decref(batch->document);
        (void)refuse(batch->call, status, message);
    } else if ((error = authorize(batch)) != S3_ERROR_NONE) {
        json_decref(batch->document);
        s3_answer_error(request, error);
    } else {
        look_up(batch);
    }
}

static void serve(struct s3_request *request)
{
    struct batch *batch = door_call_of(request)->own;
    enum s3_error error = s3_request_open_bucket(request);

    if (error != S3_ERROR_NONE)
        s3_answer_error(request, error);
    else
        s3_document_collect(request, DOOR_LFS_BATCH_BYTES_MAX, on_document, batch);
}

/* ---- Entering ---- */

static enum s3_door_way enter_batch(struct door_call *call, struct slice folder)
{
    struct batch *batch = s3_request_alloc(call->request, sizeof(*batch));

    if (call->request->method != S3_POST)
        return door_answer_method(call, "POST");
    batch->call = call;
    batch->folder = folder;
    call->own = batch;
    call->front.serve = serve;
    call->request->method = S3_GET; /* what it does is asked for once it is known */
    return door_go_to_key(call, arena_concat(&call->request->http->arena, folder, SLICE(OBJECTS)));
}

static enum s3_door_way enter_object(struct door_call *call, struct slice hash)
{
    enum s3_method method = call->request->method;
    enum s3_door_way way;

    if (!door_is_sha256(hash))
        return refuse(call, 404, "there is no such object");
    if (method != S3_GET && method != S3_HEAD && method != S3_PUT)
        return door_answer_method(call, "GET, HEAD, PUT");
    if ((way = door_go_to_key(call, call->path)) == S3_DOOR_ENTERED && method == S3_PUT)
        door_claim_sha256(call, hash);
    return way;
}

static enum s3_door_way enter_lfs(struct door_call *call)
{
    struct slice last = call->path;
    size_t before;

    if (call->path.len > DOOR_HASH_BYTES_MAX || !door_path_is_plain(call->path))
        return refuse(call, 404, "there is no such path");
    while (memchr(last.base, '/', last.len) != NULL)
        last = slice_from(last, 1);
    before = call->path.len - last.len; /* up to and with the last slash */
    if (before < strlen(OBJECTS) || memcmp(last.base - strlen(OBJECTS), OBJECTS, strlen(OBJECTS)) != 0 ||
        (before > strlen(OBJECTS) && call->path.base[before - strlen(OBJECTS) - 1] != '/'))
        return refuse(call, 404, "this is not kept here");
    return slice_is(last, "batch") ? enter_batch(call, slice_of(call->path.base, before - strlen(OBJECTS)))
                                   : enter_object(call, last);
}

static int open_lfs(struct door *door, const char *public_url)
{
    return public_url == NULL || (door->state = door_public_url_copy(public_url)) != NULL ? 0 : -ENOMEM;
}

static void close_lfs(struct door *door)
{
    free(door->state);
}

const struct door_kind door_lfs = {.name = "lfs",
                                   .open = open_lfs,
                                   .close = close_lfs,
                                   .enter = enter_lfs,
                                   .on_error = on_error,
                                   .status_of_taken = 200};
