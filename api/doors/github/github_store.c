/* SPDX-License-Identifier: MIT
 *
 * How an entry comes to be: an upload begins, and when its blocks are there and listed it becomes an object, in the list's order. Nobody finds
 * anything of it before. An entry that is there stays. Worker's thread. */
#include <errno.h>
#include <string.h>

#include "api/core/core.h"
#include "api/doors/github/github.h"
#include "api/s3/access/s3_access.h"
#include "api/s3/access/s3_pinned.h"
#include "api/s3/body/s3_checksum.h"
#include "api/s3/object/s3_lock.h"
#include "storage/base/clock.h"
#include "storage/base/hex.h"

/* ---- Beginning ---- */

struct clearing {
    struct core_change change;
    struct meta_upload_abort op;
};

struct creation {
    struct github_request *github;
    struct core_change change;
    struct meta_upload_create op;
    int64_t now_ms;
    /* Uploads that came to nothing. */
    struct clearing cleared[GITHUB_ABORTED_AT_ONCE];
    unsigned clearing_count, pending;
};

/* What speaks JSON passes over `ok: false`. OpenDAL, which speaks protobuf, takes it for a failure: sccache stores nothing from then on.
 * It knows GitHub's 409. */
static void answer_refused(struct github_request *github)
{
    if (github->is_wire)
        github_fail(github, 409, "already_exists", "there is an entry of that key, or it is being uploaded");
    else
        github_answer(github, &(struct github_answer){.ok = false});
}

static void answer_created(struct creation *creation)
{
    struct github_request *github = creation->github;
    char *name = s3_request_alloc(github->call->request, 2 * GITHUB_UPLOAD_ID_BYTES);
    struct github_answer answer = {.ok = true, .upload = creation->op.upload.id};

    hex_encode(creation->op.upload.id, GITHUB_UPLOAD_ID_BYTES, name);
    answer.url = github_url_make(github->call, GITHUB_UPLOAD, slice_of(name, 2 * GITHUB_UPLOAD_ID_BYTES),
                                 creation->now_ms);
    if (answer.url.len == 0)
        github_fail(github, 503, "unavailable",
                    "the server has no address to tell: --public-url gives it one");
    else
        github_answer(github, &answer);
}

/* Whether one could be cleared away does not matter to who begins another. */
static void on_cleared(struct core_change *change)
{
    struct creation *creation = change->ctx;

    if (--creation->pending == 0)
        answer_created(creation);
}

static int visit_stale(void *ctx, const struct meta_upload *upload, struct slice common_prefix)
{
    struct creation *creation = ctx;
    struct s3_request *request = creation->github->call->request;
    struct meta_upload_abort *op;

    (void)common_prefix; /* there is no delimiter */
    if (upload == NULL ||
        creation->now_ms - upload->initiated_ms < (GITHUB_UPLOAD_URL_S + GITHUB_IDLE_S) * 1000ll)
        return 0;
    op = &creation->cleared[creation->clearing_count++].op;
    op->op.kind = META_OP_UPLOAD_ABORT;
    op->bucket = request->bucket.id;
    op->key = arena_dup(&request->http->arena, upload->key.base, upload->key.len);
    memcpy(op->upload_id, upload->id, META_UPLOAD_ID_BYTES);
    return creation->clearing_count == GITHUB_ABORTED_AT_ONCE;
}

/* All uploads of the door's keys are the door's: those whose URLs are good no more, of this process or one before, have no end but here. */
static void clear_stale(struct creation *creation)
{
    const struct door_call *call = creation->github->call;
    struct s3_request *request = call->request;
    const struct meta_upload_query query = {
        .bucket = request->bucket.id, .prefix = slice_text(call->door->prefix), .limit = 100};
    bool truncated;

    (void)meta_upload_list(core_worker_reader(request->worker), &query, visit_stale, creation, &truncated);
    creation->pending = creation->clearing_count;
    if (creation->pending == 0)
        answer_created(creation);
    for (unsigned i = 0, count = creation->clearing_count; i < count; i++) {
        struct clearing *clearing = &creation->cleared[i];

        clearing->change = (struct core_change){.op = &clearing->op.op, .done = on_cleared, .ctx = creation};
        core_change_submit(request->worker, &clearing->change);
    }
}

static void on_created(struct core_change *change)
{
    struct creation *creation = change->ctx;
    struct github_request *github = creation->github;

    if (creation->op.op.result != 0) {
        github_uploads_end(github_door(github)->uploads, creation->op.upload.id);
        s3_answer_result(github->call->request, creation->op.op.result);
        return;
    }
    clear_stale(creation);
}

/* The size of the entry of that key; UINT64_MAX: there is none. */
static int entry_size(struct github_request *github, struct slice key, uint64_t *size)
{
    struct s3_request *request = github->call->request;
    struct s3_pinned there = s3_pinned_named(&request->bucket, key, NULL);
    int result = s3_pinned_look(request, &there);

    *size = result == 0 ? there.object->size : UINT64_MAX;
    s3_pinned_end(&there);
    return s3_pinned_is_absence(result) ? 0 : result;
}

static void begin(struct creation *creation, struct slice key)
{
    struct github_request *github = creation->github;
    struct s3_request *request = github->call->request;
    struct meta_upload *upload = &creation->op.upload;
    struct s3_upload_access access;
    enum s3_error error = s3_access_of_upload(request, &access);
    int err;

    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    core_upload_id_make(upload->id);
    upload->key = key;
    upload->initiated_ms = creation->now_ms;
    upload->owner = access.owner;
    err = github_uploads_begin(github_door(github)->uploads, upload->id, key, creation->now_ms);
    if (err == -EEXIST) {
        answer_refused(github);
    } else if (err == -ENOBUFS) {
        github_fail(github, 429, "resource_exhausted", "there are too many uploads under way");
    } else if (err != 0) {
        s3_answer_result(request, err);
    } else {
        creation->op.op.kind = META_OP_UPLOAD_CREATE;
        creation->op.bucket = request->bucket.id;
        creation->change = (struct core_change){.op = &creation->op.op, .done = on_created, .ctx = creation};
        core_change_submit(request->worker, &creation->change);
    }
}

/* The key of the entry that a call is to make, if it may. base NULL: that has been answered. */
static struct slice writable_key(struct github_request *github)
{
    struct slice key = github->key.base != NULL
                           ? github->key
                           : github_key(github, 0, github->message.version, github->message.key);
    enum s3_error error = key.base != NULL ? github_may(github, key, true) : S3_ERROR_KEY_TOO_LONG;

    if (error == S3_ERROR_NONE)
        return key;
    s3_answer_error(github->call->request, error);
    return slice_of(NULL, 0);
}

void github_create(struct github_request *github)
{
    struct s3_request *request = github->call->request;
    struct creation *creation = s3_request_alloc(request, sizeof(*creation));
    struct slice key = writable_key(github);
    uint64_t size;
    int err;

    if (key.base == NULL)
        return;
    creation->github = github;
    creation->now_ms = clock_real_ms();
    if ((err = entry_size(github, key, &size)) != 0)
        s3_answer_result(request, err);
    else if (size != UINT64_MAX)
        answer_refused(github);
    else
        begin(creation, key);
}

/* ---- The end ---- */

struct ending {
    struct github_request *github;
    struct core_turn turn;
    struct core_change change;
    struct meta_upload_complete op;
    uint16_t *numbers; /* of the parts, in the list's order */
    uint32_t count, seen, last;
    uint32_t *place_of; /* in op.parts, of each number; UINT32_MAX: not listed */
    struct meta_complete_part *parts;
    struct meta_checksum *checksums; /* as parts */
    uint64_t *sizes, size;
};

static void fail_incomplete(struct ending *ending)
{
    github_fail(ending->github, 400, "failed_precondition",
                "blocks of the list have not come, or not of that size");
}

static void on_completed(struct core_change *change)
{
    struct ending *ending = change->ctx;
    struct github_request *github = ending->github;
    struct github_answer answer = {.ok = true};
    int result = ending->op.op.result;

    if (result != 0 && result != META_E_PRECONDITION) {
        s3_answer_result(github->call->request, result);
        return;
    }
    github_uploads_end(github_door(github)->uploads, ending->op.upload_id);
    if (result != 0) {
        answer_refused(github); /* somebody else was first */
        return;
    }
    memcpy(&answer.entry, ending->op.upload_id + GITHUB_UPLOAD_ID_BYTES - sizeof(answer.entry),
           sizeof(answer.entry));
    answer.entry = (answer.entry & INT64_MAX) | 1;
    github_answer(github, &answer);
}

/* Of the whole, where all parts have one that it follows from. */
static void combine_checksums(struct ending *ending)
{
    struct meta_checksum *whole = &ending->op.checksum;
    size_t length = s3_checksum_bytes(S3_CHECKSUM_CRC64NVME);

    for (uint32_t i = 0; i < ending->count; i++) {
        uint32_t place = ending->place_of[ending->numbers[i]];
        const struct meta_checksum *part = &ending->checksums[place];

        if (part->algorithm != S3_CHECKSUM_CRC64NVME || part->length != length) {
            *whole = (struct meta_checksum){0};
            return;
        }
        if (i == 0)
            *whole = *part;
        else
            digest_crc_combine(s3_checksum_digest(S3_CHECKSUM_CRC64NVME), whole->value, part->value,
                               ending->sizes[place]);
    }
    whole->type = (uint8_t)S3_CHECKSUM_FULL_OBJECT;
}

/* Bytes in another order are another entry, so the ETag is of the list's order. */
static void order_parts(struct ending *ending)
{
    struct arena *arena = &ending->github->call->request->http->arena;
    struct meta_complete_part *listed = arena_alloc(arena, ending->count * sizeof(*listed));
    uint32_t *order = arena_alloc(arena, ending->count * sizeof(*order));
    bool is_ascending = true;

    for (uint32_t i = 0; i < ending->count; i++) {
        order[i] = ending->place_of[ending->numbers[i]];
        listed[i] = ending->parts[order[i]];
        is_ascending &= order[i] == i;
    }
    core_etag_make_multipart(listed, ending->count, ending->op.etag);
    ending->op.order = is_ascending ? NULL : order;
}

static void submit(struct ending *ending)
{
    struct s3_request *request = ending->github->call->request;
    enum s3_error error;

    combine_checksums(ending);
    order_parts(ending);
    ending->op.op.kind = META_OP_UPLOAD_COMPLETE;
    ending->op.bucket = request->bucket.id;
    ending->op.parts = ending->parts;
    ending->op.part_count = ending->count;
    ending->op.condition.if_none_match_any = true;
    if ((error = s3_lock_for_object(request, true, &ending->op.default_lock)) != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    ending->change = (struct core_change){.op = &ending->op.op, .done = on_completed, .ctx = ending};
    core_change_submit(request->worker, &ending->change);
}

static int visit_part(void *ctx, const struct meta_part *part)
{
    struct ending *ending = ctx;
    uint32_t place = part->number <= GITHUB_BLOCKS_MAX ? ending->place_of[part->number] : UINT32_MAX;

    ending->last = part->number;
    if (place == UINT32_MAX)
        return 0;
    memcpy(ending->parts[place].etag, part->etag, sizeof(part->etag));
    ending->checksums[place] = part->checksum;
    ending->sizes[place] = part->size;
    ending->size += part->size;
    ending->seen++;
    return 0;
}

static void read_parts(struct core_turn *turn)
{
    struct ending *ending = (struct ending *)((char *)turn - offsetof(struct ending, turn));
    struct s3_request *request = ending->github->call->request;
    const struct github_message *message = &ending->github->message;
    bool truncated;
    int result = meta_part_list(core_worker_reader(request->worker), ending->op.upload_id, ending->last,
                                META_LIST_ENTRIES_MAX, visit_part, ending, &truncated);

    if (result != 0) {
        s3_answer_result(request, result);
    } else if (truncated) {
        ending->turn.next = read_parts;
        core_turn_wait(request->worker, &ending->turn);
    } else if (ending->seen != ending->count || (message->has_size && message->size != ending->size)) {
        fail_incomplete(ending);
    } else {
        submit(ending);
    }
}

/* Places by ascending numbers. */
static void number_parts(struct ending *ending)
{
    struct s3_request *request = ending->github->call->request;
    uint32_t place = 0;

    ending->place_of = s3_request_alloc(request, (GITHUB_BLOCKS_MAX + 1) * sizeof(*ending->place_of));
    ending->parts = s3_request_alloc(request, ending->count * sizeof(*ending->parts));
    ending->checksums = s3_request_alloc(request, ending->count * sizeof(*ending->checksums));
    ending->sizes = s3_request_alloc(request, ending->count * sizeof(*ending->sizes));
    memset(ending->place_of, 0xff, (GITHUB_BLOCKS_MAX + 1) * sizeof(*ending->place_of));
    for (uint32_t i = 0; i < ending->count; i++)
        ending->place_of[ending->numbers[i]] = 0;
    for (uint32_t number = 1; number <= GITHUB_BLOCKS_MAX; number++) {
        if (ending->place_of[number] == UINT32_MAX)
            continue;
        ending->place_of[number] = place;
        ending->parts[place++].number = number;
    }
}

/* No list was told, or the upload is over: then its answer may have been lost, and the entry is there. */
static void answer_unlisted(struct github_request *github, struct slice key)
{
    uint64_t size;
    int err = entry_size(github, key, &size);

    if (err != 0)
        s3_answer_result(github->call->request, err);
    else if (size != UINT64_MAX && github->message.has_size && size == github->message.size)
        github_answer(github, &(struct github_answer){.ok = true, .entry = 1});
    else
        github_fail(github, 404, "not_found", "there is no upload of that key that is complete");
}

void github_finalize(struct github_request *github)
{
    struct s3_request *request = github->call->request;
    struct ending *ending = s3_request_alloc(request, sizeof(*ending));
    struct slice key = writable_key(github);
    int count;

    if (key.base == NULL)
        return;
    ending->github = github;
    ending->op.key = key;
    count = github_uploads_listed(github_door(github)->uploads, key, &request->http->arena,
                                  ending->op.upload_id, &ending->numbers);
    if (count <= 0) {
        answer_unlisted(github, key);
        return;
    }
    ending->count = (uint32_t)count;
    number_parts(ending);
    read_parts(&ending->turn);
}
