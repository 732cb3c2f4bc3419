/* SPDX-License-Identifier: MIT
 *
 * How an entry begins: by an upload, unless there is one already, which stays. Nobody finds anything of it before its end (github_end.c).
 * Worker's thread. */
#include <errno.h>
#include <string.h>

#include "api/core/core.h"
#include "api/doors/github/github.h"
#include "api/s3/encryption/s3_encryption.h"
#include "api/s3/access/s3_access.h"
#include "api/s3/access/s3_pinned.h"
#include "storage/base/clock.h"
#include "storage/base/text/hex.h"

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

int github_entry_find(struct github_request *github, struct slice key, struct github_entry *entry)
{
    struct s3_request *request = github->call->request;
    struct s3_pinned there = s3_pinned_named(&request->bucket, key, NULL);
    int result = s3_pinned_look(request, &there);

    *entry = (struct github_entry){.size = UINT64_MAX};
    if (result == 0) {
        entry->size = there.object->size;
        entry->checksum = there.object->checksum;
        memcpy(entry->upload, there.object->upload_id, sizeof(entry->upload));
    }
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
    const char *message = NULL;
    int err;

    if (error == S3_ERROR_NONE) /* its digest is taken of what is stored */
        error = s3_encryption_refuse_sealing(request, "This cache stores nothing in a bucket that encrypts.",
                                             &message);
    if (error != S3_ERROR_NONE) {
        s3_answer_failure(request, error, message);
        return;
    }
    core_upload_id_make(upload->id);
    upload->key = key;
    upload->initiated_ms = creation->now_ms;
    upload->owner = access.owner;
    upload->attributes = github->attributes;
    err = github_uploads_begin(github_door(github)->uploads, upload->id, key, creation->now_ms);
    if (err == -EEXIST) {
        github_answer_taken(github);
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

struct slice github_writable_key(struct github_request *github)
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
    struct slice key = github_writable_key(github);
    struct github_entry entry;
    int err;

    if (key.base == NULL)
        return;
    creation->github = github;
    creation->now_ms = clock_real_ms();
    if ((err = github_entry_find(github, key, &entry)) != 0)
        s3_answer_result(request, err);
    else if (entry.size != UINT64_MAX)
        github_answer_taken(github);
    else
        begin(creation, key);
}
