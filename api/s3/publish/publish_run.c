/* SPDX-License-Identifier: MIT
 *
 * The changes of a publication, one after the other, and what is done where one of them says that something is otherwise by now:
 *
 *   begin -> prepare (as often as there are steps) -> publish -> uploads end -> the answer
 *                                                       the bucket's last publication is not carried out: a sweep, and once more
 *                                                       others changed too much: given up, and all of it anew
 *   any failure: given up, then the answer */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "api/s3/access/s3_authorize.h"
#include "api/s3/publish/publish.h"
#include "api/s3/s3_operation.h"

/* ---- Memory of a step ---- */

static void on_arena_cleared(void *memory)
{
    arena_free(memory);
}

struct arena publish_scratch_enter(struct publishing *publishing)
{
    struct http_request *http = publishing->request->http;
    struct arena own = http->arena;

    if (publishing->scratch == NULL) {
        publishing->scratch =
            arena_alloc_hooked(&http->arena, sizeof(*publishing->scratch), on_arena_cleared);
        arena_init(publishing->scratch, NULL);
        own = http->arena;
    }
    http->arena = *publishing->scratch;
    return own;
}

void publish_scratch_leave(struct publishing *publishing, struct arena own)
{
    struct http_request *http = publishing->request->http;

    *publishing->scratch = http->arena;
    http->arena = own;
}

/* ---- Changes ---- */

static void submit(struct publishing *publishing, struct meta_op *op, enum meta_op_kind kind,
                   void (*done)(struct core_change *change))
{
    op->kind = kind;
    publishing->change = (struct core_change){.op = op, .done = done, .ctx = publishing};
    core_change_submit(publishing->request->worker, &publishing->change);
}

/* ---- Giving up ---- */

static void answer_failure(struct publishing *publishing)
{
    struct s3_request *request = publishing->request;

    if (publishing->order.refused.base != NULL)
        request->subject_key = publishing->order.refused;
    if (publishing->failure_result != 0)
        s3_answer_result(request, publishing->failure_result);
    else
        s3_answer_failure(request, publishing->failure, publishing->order.message);
}

static void on_given_up(struct core_change *change)
{
    answer_failure(change->ctx);
}

static void give_up(struct publishing *publishing, enum s3_error failure, int result)
{
    publishing->failure = failure;
    publishing->failure_result = result;
    if (publishing->id == 0) {
        answer_failure(publishing);
        return;
    }
    publishing->op.end = (struct meta_publish_end){.id = publishing->id};
    publishing->id = 0;
    submit(publishing, &publishing->op.end.op, META_OP_PUBLISH_END, on_given_up);
}

/* Of a key: what the answer says of it. */
static void give_up_key(struct publishing *publishing, enum s3_error failure, int result)
{
    struct s3_request *request = publishing->request;
    struct arena *arena = &request->http->arena;
    struct slice key = publishing->order.refused;

    /* The step's memory goes. */
    publishing->order.refused = key = arena_dup(arena, key.base, key.len);
    if ((failure == S3_ERROR_ACCESS_DENIED || failure == S3_ERROR_PRECONDITION_FAILED) && key.len > 0) {
        const char *why = request->explained == failure ? request->explanation : s3_error_message(failure);
        s3_request_explain(
            request, failure,
            arena_concat(arena, slice_text(why), SLICE(": "), key).base); /* has no such element */
    }
    if (failure == S3_ERROR_PRECONDITION_FAILED)
        s3_request_element(request, S3_ELEMENT_CONDITION, SLICE("ETag"));
    give_up(publishing, failure, result);
}

/* ---- The moment ---- */

static void begin(struct publishing *publishing);
static void publish(struct publishing *publishing);

static void on_given_up_to_begin_anew(struct core_change *change)
{
    begin(change->ctx);
}

static void begin_anew(struct publishing *publishing)
{
    publishing->op.end = (struct meta_publish_end){.id = publishing->id};
    publishing->id = 0;
    submit(publishing, &publishing->op.end.op, META_OP_PUBLISH_END, on_given_up_to_begin_anew);
}

static void on_swept(struct core_change *change)
{
    struct publishing *publishing = change->ctx;

    if (publishing->op.sweep.op.result != 0)
        give_up(publishing, S3_ERROR_NONE, publishing->op.sweep.op.result);
    else
        publish(publishing);
}

/* What was uploaded is an object's now. An end in between leaves uploads that nobody needs. */
static void uploads_end(struct publishing *publishing);

static void on_uploads_ended(struct core_change *change)
{
    uploads_end(change->ctx);
}

static void uploads_end(struct publishing *publishing)
{
    if (publishing->order.upload_count > 0 &&
        publish_keys_uploads(publishing, &publishing->op.uploads_end) > 0)
        submit(publishing, &publishing->op.uploads_end.op, META_OP_UPLOADS_END, on_uploads_ended);
    else
        publish_answer(publishing);
}

static void on_published(struct core_change *change)
{
    struct publishing *publishing = change->ctx;
    int result = publishing->op.publish.op.result;

    if (result == 0) {
        publishing->at = 0;
        uploads_end(publishing);
    } else if (result == META_E_BUSY) {
        publishing->op.sweep = (struct meta_sweep){.more = false};
        submit(publishing, &publishing->op.sweep.op, META_OP_SWEEP, on_swept);
    } else if ((result == META_E_CHANGED || result == META_E_JUDGED) &&
               ++publishing->attempts < S3_JUDGEMENTS_MAX) {
        begin_anew(publishing);
    } else {
        publishing->order.refused = publishing->order.pointer;
        if (result == META_E_PRECONDITION || result == META_E_NO_KEY)
            s3_request_element(publishing->request, S3_ELEMENT_CONDITION,
                               publishing->order.if_match.base != NULL ? SLICE("IfMatch")
                                                                       : SLICE("IfNoneMatch"));
        give_up(publishing, S3_ERROR_NONE, result == META_E_NO_KEY ? META_E_PRECONDITION : result);
    }
}

static void publish(struct publishing *publishing)
{
    struct s3_request *request = publishing->request;
    enum s3_error error = S3_ERROR_NONE;

    publishing->op.publish = (struct meta_publish){
        .id = publishing->id,
        .key = publishing->order.pointer,
        .overrules = publish_judge_overrules(publishing),
        .owner = slice_text(request->owner_id),
    };
    if (publishing->order.pointer.len > 0)
        error = publish_judge_pointer(publishing, &publishing->op.publish.condition);
    if (error == S3_ERROR_NONE) {
        submit(publishing, &publishing->op.publish.op, META_OP_PUBLISH, on_published);
        return;
    }
    publishing->order.refused = publishing->order.pointer;
    give_up_key(publishing, error, 0);
}

/* ---- Steps ---- */

static void step_go_on(struct core_turn *turn);

static void step_begin(struct publishing *publishing)
{
    publishing->step.count = publishing->step.pieces = 0;
    publish_aim(publishing->request, slice_of(NULL, 0)); /* what was pinned last lies in the step's memory */
    publishing->request->pinned.held = NULL;
    publishing->order.refused = slice_of(NULL, 0);
    if (publishing->scratch != NULL)
        arena_reset(publishing->scratch);
    publishing->step_stage = publishing->stage;
    publishing->step_at = publishing->at;
    memcpy(publishing->step_below, publishing->below, publishing->below_length);
    publishing->step_below_length = publishing->below_length;
    step_go_on(&publishing->turn);
}

/* Judged on what is there now, for it was something else. */
static void step_again(struct publishing *publishing)
{
    publishing->stage = publishing->step_stage;
    publishing->at = publishing->step_at;
    memcpy(publishing->below, publishing->step_below, publishing->step_below_length);
    publishing->below_length = publishing->step_below_length;
    step_begin(publishing);
}

static void on_prepared(struct core_change *change)
{
    struct publishing *publishing = change->ctx;
    const struct meta_publish_prepare *op = &publishing->op.prepare;
    int result = op->op.result;

    if (result == 0) {
        for (uint32_t i = 0; i < op->count; i++)
            publishing->removed += op->entries[i].removes && op->entries[i].existed;
        publishing->step_judgements = 0;
        step_begin(publishing);
        return;
    }
    if ((result == META_E_JUDGED || result == META_E_CHANGED) && op->failed < op->count &&
        ++publishing->step_judgements < S3_JUDGEMENTS_MAX) {
        step_again(publishing);
        return;
    }
    publishing->order.refused = slice_of(NULL, 0);
    if (op->failed < op->count) {
        const struct meta_publish_entry *entry = &op->entries[op->failed];
        publishing->order.refused = entry->upload == NULL && !entry->removes &&
                                            (result == META_E_NO_KEY || result == META_E_PRECONDITION)
                                        ? entry->copy.source.key
                                        : entry->copy.key;
    }
    if (result == -EEXIST) {
        publishing->order.message = "A key is named twice.";
        give_up_key(publishing, S3_ERROR_INVALID_ARGUMENT, 0);
    } else {
        give_up_key(publishing, s3_error_of_result(result), result);
    }
}

static void step_submit(struct publishing *publishing)
{
    publishing->op.prepare = (struct meta_publish_prepare){
        .id = publishing->id, .entries = publishing->step.entries, .count = publishing->step.count};
    submit(publishing, &publishing->op.prepare.op, META_OP_PUBLISH_PREPARE, on_prepared);
}

static void step_go_on(struct core_turn *turn)
{
    struct publishing *publishing = (struct publishing *)((char *)turn - offsetof(struct publishing, turn));
    enum s3_error error = S3_ERROR_NONE;
    bool is_full = false;

    if (publishing->stage == PUBLISH_READY) {
        publish(publishing);
        return;
    }
    struct arena own = publish_scratch_enter(publishing);
    error = publish_keys_gather(publishing, &is_full);
    publish_scratch_leave(publishing, own);
    if (error != S3_ERROR_NONE) {
        give_up_key(publishing, error, 0);
    } else if (is_full && publishing->step.count > 0) {
        step_submit(publishing);
    } else {
        publishing->turn.next = step_go_on;
        core_turn_wait(publishing->request->worker, &publishing->turn);
    }
}

static void on_begun(struct core_change *change)
{
    struct publishing *publishing = change->ctx;

    if (publishing->op.begin.op.result != 0) {
        give_up(publishing, S3_ERROR_NONE,
                publishing->op.begin.op.result == META_E_BUSY ? -EAGAIN : publishing->op.begin.op.result);
        return;
    }
    publishing->id = publishing->op.begin.id;
    step_begin(publishing);
}

static void begin(struct publishing *publishing)
{
    publishing->stage = PUBLISH_NAMED;
    publishing->at = 0;
    publishing->below_length = 0;
    publishing->removed = 0;
    publishing->rests_on_objects = false;
    publishing->op.begin = (struct meta_publish_begin){.bucket = publishing->request->bucket.id,
                                                       .prefix = publishing->order.prefix};
    submit(publishing, &publishing->op.begin.op, META_OP_PUBLISH_BEGIN, on_begun);
}

void publish_run(struct publishing *publishing)
{
    begin(publishing);
}
