/* SPDX-License-Identifier: MIT
 *
 * A result of an action is worth nothing without the blobs that it names: Bazel fails a build when it was told of an output that it then
 * cannot get. So before one is given out it is read, each blob is looked up, and of directories the trees are read, too, whose
 * files count. All that in small turns: a result may name a million of them. What is given out in the end is the object that was read.
 * See door_action.h. */
#include "api/doors/door_action.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/cache/cache.h"
#include "api/doors/action_result.h"
#include "api/s3/encryption/s3_encryption.h"
#include "api/s3/notification/s3_origin.h"

struct name {
    uint8_t kind; /* enum action_kind */
    char hash[ACTION_HASH_BYTES];
};

struct names {
    struct name *list;
    size_t count, capacity;
};

struct check {
    struct s3_request *request;
    struct door_call *call;
    struct core_turn turn;
    bool is_done;

    /* A result that is a miss for ever goes. */
    struct core_change change;
    struct meta_object_delete removal;
    struct meta_delete_entry entry;
    char etag[META_ETAG_BYTES_MAX + 1];

    struct names blobs; /* to be looked up */
    struct names trees; /* and those of them to be read */
    size_t named;
    unsigned waits; /* for room to note uses, one after the other */
    uint64_t bytes; /* that were to be read */

    /* What is being read; get NULL: nothing. */
    struct core_get *get;
    struct s3_pinned tree; /* that it is; the result itself is the request's */
    const char *at_hand;   /* all its bytes, or NULL */
    uint64_t size, at;
    struct action_body body;
};

static void go_on(struct check *check);

/* ---- Names ---- */

static int names_push(struct names *names, enum action_kind kind, const char *hash)
{
    if (names->count == names->capacity) {
        size_t capacity = names->capacity > 0 ? names->capacity * 2 : 64;
        struct name *list = realloc(names->list, capacity * sizeof(*list));

        if (list == NULL)
            return -ENOMEM;
        names->list = list;
        names->capacity = capacity;
    }
    names->list[names->count].kind = (uint8_t)kind;
    memcpy(names->list[names->count++].hash, hash, ACTION_HASH_BYTES);
    return 0;
}

static void names_free(struct names *names)
{
    free(names->list);
    *names = (struct names){0};
}

static int on_named(void *ctx, enum action_kind kind, const char *hash)
{
    struct check *check = ctx;
    int err;

    if (++check->named > DOOR_ACTION_NAMES_MAX ||
        (kind != ACTION_BLOB && check->trees.count == DOOR_ACTION_TREES_MAX))
        return -E2BIG;
    if ((err = names_push(&check->blobs, kind, hash)) != 0 || kind == ACTION_BLOB)
        return err;
    return names_push(&check->trees, kind, hash);
}

static struct slice key_at(const struct check *check, unsigned place, const struct name *name,
                           char key[DOOR_KEY_BYTES_MAX])
{
    char text[sizeof(DOOR_BLOB_PREFIX) - 1 + ACTION_HASH_BYTES];

    memcpy(text, DOOR_BLOB_PREFIX, sizeof(DOOR_BLOB_PREFIX) - 1);
    memcpy(text + sizeof(DOOR_BLOB_PREFIX) - 1, name->hash, ACTION_HASH_BYTES);
    return door_key_at(check->call, place, slice_of(text, sizeof(text)), key);
}

/* ---- The end ---- */

static void end_reading(struct check *check)
{
    if (check->get != NULL && check->get != check->request->pinned.get)
        s3_pinned_end(&check->tree);
    check->get = NULL;
}

static void give_out(struct check *check)
{
    names_free(&check->blobs);
    names_free(&check->trees);
    check->is_done = true;
    s3_op_get_object(check->request);
}

static void answer_miss(struct check *check)
{
    struct s3_request *request = check->request;

    check->call->own = NULL; /* the next scope's is another */
    core_cache_miss(request->worker, request->bucket.id);
    s3_answer_error(request, S3_ERROR_NO_SUCH_KEY);
}

static void on_removed(struct core_change *change)
{
    answer_miss(change->ctx); /* whatever became of it: it is a miss */
}

/* Nobody can give it out, now or later, unless somebody stores the very blob that it lacks. */
static bool is_lost(int err)
{
    return err == -ENOENT || err == -E2BIG || err == -EFBIG || err == -EBADMSG || err == -EMSGSIZE;
}

/* Whether a result that is there may not be replaced. */
static bool is_written_once(const struct check *check)
{
    const struct core_cache_rules *rules;

    return check->call->door->is_write_once ||
           (core_cache_rules_get(check->request->worker, check->request->bucket.id, &rules) == 0 &&
            rules != NULL && rules->write_once);
}

/* Where a result is written once, one that has lost a blob would stay a miss. So it goes, as that who may write it, and whose build has to,
 * hears of it: the next result finds the key free. True: on_removed follows. */
static bool remove_lost(struct check *check, int err)
{
    struct s3_request *request = check->request;
    const struct meta_object *object = request->pinned.object;

    if (!is_lost(err) || !is_written_once(check) || core_is_read_only(core_worker_core(request->worker)) ||
        door_may(check->call, request->key, S3_ACTION_PUT_OBJECT, S3_RIGHT_WRITE) != S3_ERROR_NONE)
        return false;
    memcpy(check->etag, object->etag, sizeof(check->etag));
    check->entry = (struct meta_delete_entry){.key = request->key,
                                              .if_match = check->etag,
                                              .if_match_modified = true,
                                              .modified_ms = object->modified_ms};
    check->removal = (struct meta_object_delete){.op.kind = META_OP_OBJECT_DELETE,
                                                 .op.origin = s3_origin(request),
                                                 .bucket = request->bucket.id,
                                                 .entries = &check->entry,
                                                 .count = 1,
                                                 .owner = slice_text(request->owner_id)};
    check->change = (struct core_change){.op = &check->removal.op, .done = on_removed, .ctx = check};
    return true;
}

/* Whatever keeps it: its client builds anew. */
static void miss(struct check *check, int err)
{
    bool is_removed = remove_lost(check, err);

    end_reading(check);
    names_free(&check->blobs);
    names_free(&check->trees);
    s3_pinned_end(&check->request->pinned);
    if (is_removed)
        core_change_submit(check->request->worker, &check->change);
    else
        answer_miss(check);
}

/* ---- Looking up ---- */

/* 0: it is there, and counts as used. -ENOENT; -EAGAIN; or an error. */
static int look_up(const struct check *check, const struct name *name)
{
    char text[DOOR_KEY_BYTES_MAX];
    int there = 0;

    for (unsigned place = 0; place < door_places(check->call) && there == 0; place++) {
        struct slice key = key_at(check, place, name, text);

        there = core_cache_touch(check->request->worker, check->request->bucket.id, &key, 1);
    }
    return there == 1 ? 0 : there == 0 ? -ENOENT : there;
}

static int look_up_next(struct check *check)
{
    int err = look_up(check, &check->blobs.list[check->blobs.count - 1]);

    if (err == -EAGAIN)
        return ++check->waits <= DOOR_ACTION_WAITS_MAX ? -EAGAIN : -EIO;
    check->waits = 0;
    check->blobs.count--;
    return err;
}

/* ---- Reading ---- */

static void on_ready(void *ctx)
{
    struct check *check = ctx;

    if (core_get_status(check->get) != 0)
        miss(check, -EIO);
    else
        go_on(check);
}

/* 0; -EBUSY: on_ready follows; or why it cannot be read. */
static int begin_reading(struct check *check, enum action_kind kind, struct core_get *get,
                         const struct meta_object *object)
{
    uint64_t size = object->size;
    const char *message;

    check->get = get;
    check->size = size;
    check->at = 0;
    check->at_hand = core_get_at_hand(get);
    check->bytes += size;
    if (check->bytes > DOOR_ACTION_READ_BYTES_MAX || (kind == ACTION_RESULT && size > DOOR_ACTION_BYTES_MAX))
        return -EFBIG;
    if (s3_encryption_open(check->request, S3_ENCRYPTION_OBJECT, get, object, &message) != S3_ERROR_NONE)
        return -EIO;
    action_body_begin(&check->body, kind, size, &check->request->http->arena, on_named, check);
    return check->at_hand != NULL || size == 0 ? 0 : core_get_open(get, 0, size, on_ready, check);
}

static int begin_tree(struct check *check)
{
    const struct name *name = &check->trees.list[--check->trees.count];
    char text[DOOR_KEY_BYTES_MAX];

    for (unsigned place = 0; place < door_places(check->call); place++) {
        struct slice key = key_at(check, place, name, text);

        check->tree = s3_pinned_named(&check->request->bucket, key, NULL);
        if (s3_pinned_look(check->request, &check->tree) == 0)
            return begin_reading(check, name->kind, check->tree.get, check->tree.object);
    }
    return -ENOENT; /* it was there a moment ago */
}

/* A step, or the end. 0; -EBUSY: on_ready follows. */
static int read_step(struct check *check)
{
    char buffer[DOOR_ACTION_STEP_BYTES];
    uint64_t left = check->size - check->at;
    ssize_t length = (ssize_t)(left < sizeof(buffer) ? left : sizeof(buffer));
    const char *bytes = buffer;
    int err;

    if (left == 0) {
        end_reading(check);
        return action_body_end(&check->body);
    }
    if (check->at_hand != NULL)
        bytes = check->at_hand + check->at;
    else if ((length = core_get_read(check->get, buffer, (size_t)length)) <= 0)
        return length == -EBUSY ? -EBUSY : -EIO;
    if ((err = action_body_feed(&check->body, bytes, (size_t)length)) != 0)
        return err;
    check->at += (uint64_t)length;
    return 0;
}

/* ---- One after the other ---- */

static void on_turn(struct core_turn *turn)
{
    go_on((struct check *)((char *)turn - offsetof(struct check, turn)));
}

/* What was named is looked up before more is read: names wait for less than a step. */
static int do_next(struct check *check, unsigned *budget)
{
    unsigned cost = 1;
    int err = 0;

    if (check->blobs.count > 0) {
        err = look_up_next(check);
    } else {
        err = check->get != NULL ? read_step(check) : begin_tree(check);
        cost = DOOR_ACTION_STEP_NAMES;
    }
    *budget = *budget > cost ? *budget - cost : 0;
    return err;
}

static void go_on(struct check *check)
{
    unsigned budget = DOOR_ACTION_TURN_NAMES;
    int err = 0;

    while (err == 0 && budget > 0) {
        if (check->blobs.count == 0 && check->get == NULL && check->trees.count == 0) {
            give_out(check);
            return;
        }
        err = do_next(check, &budget);
    }
    check->turn.next = on_turn;
    if (err == 0)
        core_turn_wait(check->request->worker, &check->turn);
    else if (err == -EAGAIN)
        core_cache_wait(check->request->worker, &check->turn);
    else if (err != -EBUSY)
        miss(check, err);
}

bool door_action_on_get(struct s3_request *request)
{
    struct door_call *call = door_call_of(request);
    struct check *check = call->own;
    int err;

    if ((check != NULL && check->is_done) || s3_pinned_look(request, &request->pinned) != 0)
        return false;
    call->own = check = s3_request_alloc(request, sizeof(*check));
    check->request = request;
    check->call = call;
    err = begin_reading(check, ACTION_RESULT, request->pinned.get, request->pinned.object);
    if (err == 0)
        go_on(check);
    else if (err != -EBUSY)
        miss(check, err);
    return true;
}

/* ---- Storing ---- */

struct storing {
    struct action_body body;
    int err;
};

static int on_named_stored(void *ctx, enum action_kind kind, const char *hash)
{
    (void)ctx;
    (void)kind;
    (void)hash;
    return 0;
}

void door_action_begin_put(struct door_call *call, uint64_t size)
{
    struct storing *storing = s3_request_alloc(call->request, sizeof(*storing));

    action_body_begin(&storing->body, ACTION_RESULT, size, &call->request->http->arena, on_named_stored,
                      storing);
    call->own = storing;
}

void door_action_on_body(struct s3_request *request, const void *data, size_t length)
{
    struct storing *storing = door_call_of(request)->own;

    if (storing->err == 0)
        storing->err = action_body_feed(&storing->body, data, length);
}

enum s3_error door_action_on_body_end(struct s3_request *request)
{
    struct storing *storing = door_call_of(request)->own;

    if (storing->err == 0)
        storing->err = action_body_end(&storing->body);
    if (storing->err == 0)
        return S3_ERROR_NONE;
    s3_request_explain(request, S3_ERROR_INVALID_REQUEST,
                       storing->err == -EMSGSIZE ? "A result in JSON has at most 256 KiB."
                                                 : "This is no ActionResult.");
    return S3_ERROR_INVALID_REQUEST;
}
