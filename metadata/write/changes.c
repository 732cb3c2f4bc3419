/* SPDX-License-Identifier: MIT
 *
 * The table of changes: all that is to be known of a kind of change outside its own function, in one row. The functions are in
 * change_*.c, rows/ and sqlite/. */
#include "metadata/write/changes.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "metadata/meta_cache.h"
#include "metadata/meta_import.h"
#include "metadata/meta_journal.h"
#include "metadata/meta_lock.h"
#include "metadata/meta_publish.h"
#include "metadata/meta_relaxed.h"
#include "metadata/meta_settings.h"
#include "metadata/meta_usage.h"

/* ---- What a change weighs ---- */

/* Parts and keys that weigh as much as one change, when a batch is filled. */
#define WEIGHT_ENTRIES 4u
/* Parts that were put together beforehand: what is left is to write the long row. */
#define WEIGHT_PARTS_READY 128u

static uint32_t weight_one(const struct meta_op *op)
{
    return 1;
}

static uint32_t weight_delete(const struct meta_op *op)
{
    assert(op->kind == META_OP_OBJECT_DELETE);
    return 1 + ((const struct meta_object_delete *)op)->count / WEIGHT_ENTRIES;
}

static uint32_t weight_puts(const struct meta_op *op)
{
    assert(op->kind == META_OP_OBJECTS_PUT);
    return 1 + ((const struct meta_objects_put *)op)->count;
}

static uint32_t weight_complete(const struct meta_op *op)
{
    const struct meta_upload_complete *complete = (const struct meta_upload_complete *)op;

    assert(op->kind == META_OP_UPLOAD_COMPLETE);
    return 1 + complete->part_count / (complete->assembly != NULL ? WEIGHT_PARTS_READY : WEIGHT_ENTRIES);
}

static uint32_t weight_garbage(const struct meta_op *op)
{
    assert(op->kind == META_OP_GARBAGE_DONE);
    return 1 + ((const struct meta_garbage_done *)op)->count / WEIGHT_ENTRIES;
}

static uint32_t weight_touch(const struct meta_op *op)
{
    assert(op->kind == META_OP_CACHE_TOUCH);
    return 1 + ((const struct meta_cache_touch *)op)->count / WEIGHT_ENTRIES;
}

static uint32_t weight_done(const struct meta_op *op)
{
    assert(op->kind == META_OP_OUTBOX_DONE);
    return 1 + ((const struct meta_outbox_done *)op)->count / WEIGHT_ENTRIES;
}

static uint32_t weight_note(const struct meta_op *op)
{
    assert(op->kind == META_OP_OUTBOX_NOTE);
    return 1 + ((const struct meta_outbox_note *)op)->count / WEIGHT_ENTRIES;
}

static uint32_t weight_slice(const struct meta_op *op)
{
    return META_CLEAR_MAX / WEIGHT_ENTRIES;
}

static uint32_t weight_prepare(const struct meta_op *op)
{
    assert(op->kind == META_OP_PUBLISH_PREPARE);
    return 1 + 2 * ((const struct meta_publish_prepare *)op)->count;
}

static uint32_t weight_batch(const struct meta_op *op)
{
    return META_BATCH_OPS_MAX;
}

/* ---- Which rows it touches ---- */

/* Of `object` and `bucket`, and of `part`: those that copies are kept of. */
enum touched {
    TOUCHED_ANY, /* it names none */
    TOUCHED_NONE,
    TOUCHED_KEY,
    TOUCHED_KEYS, /* of a meta_object_delete */
    TOUCHED_PUTS, /* those of a meta_objects_put */
    TOUCHED_PARTS,
};

struct touch {
    enum touched what;
    size_t bucket_at, key_at; /* in the change; of parts: that of the upload's id */
};

/* ---- The table ---- */

#define ANY                                                                                                  \
    {                                                                                                        \
        TOUCHED_ANY, 0, 0                                                                                    \
    }
#define NONE                                                                                                 \
    {                                                                                                        \
        TOUCHED_NONE, 0, 0                                                                                   \
    }
#define KEYS                                                                                                 \
    {                                                                                                        \
        TOUCHED_KEYS, 0, 0                                                                                   \
    }
#define PUTS                                                                                                 \
    {                                                                                                        \
        TOUCHED_PUTS, 0, 0                                                                                   \
    }
#define KEY(type)                                                                                            \
    {                                                                                                        \
        TOUCHED_KEY, offsetof(struct type, bucket), offsetof(struct type, key)                               \
    }
#define KEY_OF_PUT(type)                                                                                     \
    {                                                                                                        \
        TOUCHED_KEY, offsetof(struct type, put.bucket), offsetof(struct type, put.key)                       \
    }
#define KEY_OF_ANNOTATED(type)                                                                               \
    {                                                                                                        \
        TOUCHED_KEY, offsetof(struct type, object.bucket), offsetof(struct type, object.key)                 \
    }
#define PARTS(type)                                                                                          \
    {                                                                                                        \
        TOUCHED_PARTS, 0, offsetof(struct type, upload_id)                                                   \
    }

#define GARBAGE      CHANGE_MAKES_GARBAGE
#define HOUSEKEEPING CHANGE_IS_HOUSEKEEPING
#define UNMARKED     CHANGE_IS_UNMARKED
#define SETTINGS     CHANGE_EXPIRES_SETTINGS
#define SETS         CHANGE_MOVES_SETS
#define JOURNALED    CHANGE_IS_JOURNALED
#define NO_ENTRY     CHANGE_NEEDS_NO_ENTRY
#define UNJUDGED     CHANGE_IS_UNJUDGED

/* clang-format off */
/*    kind             struct                  function              rows                         weight           traits */
#define CHANGE_MAP(X)                                                                                                                          \
    X(BUCKET_CREATE,     meta_bucket_create,     op_bucket_create,     ANY,                         weight_one,      SETS)                     \
    X(BUCKET_DELETE,     meta_bucket_delete,     op_bucket_delete,     ANY,                         weight_one,      GARBAGE|SETTINGS|SETS)    \
    X(BUCKET_VERSIONING, meta_bucket_versioning, op_bucket_versioning, ANY,                         weight_one,      0)                        \
    X(SETTING_PUT,       meta_setting_put,       op_setting_put,       NONE,                        weight_one,      SETTINGS)                 \
    X(OBJECT_PUT,        meta_object_put,        op_object_put,        KEY(meta_object_put),        weight_one,      GARBAGE|JOURNALED)        \
    X(OBJECT_DELETE,     meta_object_delete,     op_object_delete,     KEYS,                        weight_delete,   GARBAGE)                  \
    X(OBJECT_COPY,       meta_object_copy,       op_object_copy,       KEY(meta_object_copy),       weight_one,      GARBAGE)                  \
    X(OBJECT_RENAME,     meta_object_rename,     op_object_rename,     ANY,                         weight_one,      GARBAGE)                  \
    X(OBJECT_LABEL,      meta_object_label,      op_object_label,      KEY(meta_object_label),      weight_one,      0)                        \
    X(ANNOTATION_PUT,    meta_annotation_put,    op_annotation_put,    KEY_OF_ANNOTATED(meta_annotation_put),    weight_one, GARBAGE)           \
    X(ANNOTATION_DELETE, meta_annotation_delete, op_annotation_delete, KEY_OF_ANNOTATED(meta_annotation_delete), weight_one, GARBAGE)           \
    X(OBJECT_LOCK,       meta_object_lock,       op_object_lock,       ANY,                         weight_one,      0)                        \
    X(UPLOAD_CREATE,     meta_upload_create,     op_upload_create,     NONE,                        weight_one,      0)                        \
    X(UPLOAD_COMPLETE,   meta_upload_complete,   op_upload_complete,   KEY(meta_upload_complete),   weight_complete, GARBAGE)                  \
    X(UPLOAD_ABORT,      meta_upload_abort,      op_upload_abort,      NONE,                        weight_one,      GARBAGE)                  \
    X(PART_PUT,          meta_part_put,          op_part_put,          PARTS(meta_part_put),        weight_one,      GARBAGE)                  \
    X(PART_COPY,         meta_part_copy,         op_part_copy,         PARTS(meta_part_copy),       weight_one,      GARBAGE)                  \
    X(SWEEP,             meta_sweep,             op_sweep,             NONE,                        weight_slice,    GARBAGE|HOUSEKEEPING|SETS|UNJUDGED)\
    X(SHRINK,            meta_shrink,            op_shrink,            NONE,                        weight_slice,    HOUSEKEEPING|UNMARKED|NO_ENTRY) \
    X(GARBAGE_DONE,      meta_garbage_done,      op_garbage_done,      NONE,                        weight_garbage,  HOUSEKEEPING|UNMARKED|NO_ENTRY) \
    X(MARK,              meta_mark_set,          op_mark_set,          NONE,                        weight_slice,    GARBAGE|HOUSEKEEPING|UNMARKED)  \
    X(LOST,              meta_lost,              op_lost,              ANY,                         weight_one,      GARBAGE|UNJUDGED)         \
    X(REPLAY,            meta_replay,            op_replay,            ANY,                         weight_batch,    GARBAGE|UNJUDGED)         \
    X(EPOCH_RAISE,       meta_epoch_raise,       op_epoch_raise,       NONE,                        weight_one,      HOUSEKEEPING)             \
    X(CACHE_SET,         meta_cache_set,         op_cache_set,         NONE,                        weight_one,      SETTINGS)                 \
    X(CACHE_STEP,        meta_cache_step,        op_cache_step,        NONE,                        weight_slice,    HOUSEKEEPING|UNMARKED)    \
    X(CACHE_TOUCH,       meta_cache_touch,       op_cache_touch,       NONE,                        weight_touch,    HOUSEKEEPING|UNMARKED|NO_ENTRY) \
    X(OBJECTS_PUT,       meta_objects_put,       op_objects_put,       PUTS,                        weight_puts,     GARBAGE) \
    X(PUBLISH_BEGIN,     meta_publish_begin,     op_publish_begin,     NONE,                        weight_one,      SETS)                     \
    X(PUBLISH_PREPARE,   meta_publish_prepare,   op_publish_prepare,   NONE,                        weight_prepare,  0)                        \
    X(PUBLISH,           meta_publish,           op_publish,           ANY,                         weight_slice,    GARBAGE|SETS)             \
    X(PUBLISH_END,       meta_publish_end,       op_publish_end,       NONE,                        weight_one,      GARBAGE|SETS)             \
    X(UPLOADS_END,       meta_uploads_end,       op_uploads_end,       NONE,                        weight_slice,    GARBAGE)                  \
    X(OBJECT_IMPORT,     meta_object_import,     op_object_import,     KEY_OF_PUT(meta_object_import), weight_one,    0)                         \
    X(OUTBOX_SET,        meta_outbox_set,        op_outbox_set,        NONE,                        weight_one,      SETTINGS|SETS)            \
    X(OUTBOX_DONE,       meta_outbox_done,       op_outbox_done,       NONE,                        weight_done,     HOUSEKEEPING|UNMARKED|NO_ENTRY) \
    X(OUTBOX_NOTE,       meta_outbox_note,       op_outbox_note,       NONE,                        weight_note,     0)                        \
    X(REPLICATED,        meta_replicated,        op_replicated,        KEY(meta_replicated),        weight_one,      HOUSEKEEPING|UNMARKED|NO_ENTRY) \
    X(USAGE_STEP,        meta_usage_step,        op_usage_step,        NONE,                        weight_slice,    HOUSEKEEPING|UNMARKED|UNJUDGED) \
    X(USAGE_RECOUNT,     meta_usage_recount,     op_usage_recount,     NONE,                        weight_slice,    UNMARKED|UNJUDGED) \
    X(QUOTA_SET,         meta_quota_set,         op_quota_set,         NONE,                        weight_one,      UNMARKED)
/* clang-format on */

/* Each function takes its own struct, which begins with the op; so the compiler sees that they belong together. */
#define CHANGE_CALL(kind, type, function, rows, weight, traits)                                              \
    static int call_##function(struct meta_writer *writer, struct meta_op *op)                               \
    {                                                                                                        \
        _Static_assert(offsetof(struct type, op) == 0, "a change begins with its op");                       \
        return function(writer, (struct type *)op);                                                          \
    }
CHANGE_MAP(CHANGE_CALL)

struct change {
    int (*run)(struct meta_writer *writer, struct meta_op *op);
    uint32_t (*weight)(const struct meta_op *op);
    struct touch touch;
    unsigned traits;
};

static const struct change changes[META_OP_KIND_COUNT] = {
#define CHANGE_ROW(kind, type, function, rows, weight, traits)                                               \
    [META_OP_##kind] = {call_##function, weight, rows, traits},
    CHANGE_MAP(CHANGE_ROW)};

#define CHANGE_ONE(kind, type, function, rows, weight, traits) +1
_Static_assert(CHANGE_MAP(CHANGE_ONE) == META_OP_KIND_COUNT, "each kind of change has a row");

static const struct change *change_of(const struct meta_op *op)
{
    assert(op->kind < META_OP_KIND_COUNT);
    return &changes[op->kind];
}

uint32_t change_weight(const struct meta_op *op)
{
    uint32_t weight = change_of(op)->weight(op);

    assert(weight > 0); /* else a batch could be endless */
    return weight;
}

bool change_has(const struct meta_op *op, enum change_traits trait)
{
    return (change_of(op)->traits & trait) != 0;
}

bool changes_have(const struct meta_op *batch, enum change_traits trait)
{
    while (batch != NULL && !change_has(batch, trait))
        batch = batch->next;
    return batch != NULL;
}

uint32_t changes_count_without(const struct meta_op *batch, enum change_traits trait)
{
    uint32_t count = 0;

    for (; batch != NULL; batch = batch->next)
        count += !change_has(batch, trait);
    return count;
}

bool meta_op_makes_garbage(enum meta_op_kind kind)
{
    assert(kind < META_OP_KIND_COUNT);
    return (changes[kind].traits & CHANGE_MAKES_GARBAGE) != 0;
}

/* ---- The rows of a batch ---- */

static void visit_key(int64_t bucket, struct slice key, row_touch_fn visit, void *ctx)
{
    assert(key.len == 0 || key.base != NULL);
    visit(ctx, &(struct row_touch){.kind = ROW_TOUCH_KEY, .bucket = bucket, .key = key});
}

static void change_visit_rows(const struct meta_op *op, row_touch_fn visit, void *ctx)
{
    const struct touch *touch = &change_of(op)->touch;
    const char *change = (const char *)op;

    switch (touch->what) {
    case TOUCHED_NONE:
        return;
    case TOUCHED_ANY:
        visit(ctx, &(struct row_touch){.kind = ROW_TOUCH_ANY});
        return;
    case TOUCHED_KEY:
        visit_key(*(const int64_t *)(change + touch->bucket_at),
                  *(const struct slice *)(change + touch->key_at), visit, ctx);
        return;
    case TOUCHED_KEYS: {
        const struct meta_object_delete *delete = (const struct meta_object_delete *)op;
        for (uint32_t i = 0; i < delete->count; i++)
            visit_key(delete->bucket, delete->entries[i].key, visit, ctx);
        return;
    }
    case TOUCHED_PUTS: {
        const struct meta_objects_put *puts = (const struct meta_objects_put *)op;
        for (uint32_t i = 0; i < puts->count; i++)
            visit_key(puts->puts[i].bucket, puts->puts[i].key, visit, ctx);
        return;
    }
    case TOUCHED_PARTS:
        visit(ctx, &(struct row_touch){.kind = ROW_TOUCH_PARTS,
                                       .key = {change + touch->key_at, META_UPLOAD_ID_BYTES}});
        return;
    }
}

static void changes_walk(const void *batch, row_touch_fn visit, void *ctx)
{
    for (const struct meta_op *op = batch; op != NULL; op = op->next)
        change_visit_rows(op, visit, ctx);
}

static const struct meta_copy_source *change_source(const struct meta_op *op)
{
    return op->kind == META_OP_OBJECT_COPY ? &((const struct meta_object_copy *)op)->source
           : op->kind == META_OP_PART_COPY ? &((const struct meta_part_copy *)op)->source
                                           : NULL;
}

static void changes_walk_sources(const void *batch, row_touch_fn visit, void *ctx)
{
    for (const struct meta_op *op = batch; op != NULL; op = op->next) {
        const struct meta_copy_source *source = change_source(op);
        if (source != NULL)
            visit_key(source->bucket, source->key, visit, ctx);
    }
}

static void extents_visit(const struct meta_extents *extents,
                          void (*visit)(void *ctx, const struct meta_extent *extent), void *ctx)
{
    for (uint32_t i = 0; i < extents->count; i++)
        visit(ctx, &extents->list[i]);
}

static void changes_walk_units(const void *batch, void (*visit)(void *ctx, const struct meta_extent *extent),
                               void *ctx)
{
    for (const struct meta_op *op = batch; op != NULL; op = op->next) {
        if (op->kind == META_OP_OBJECT_PUT)
            extents_visit(&((const struct meta_object_put *)op)->object.extents, visit, ctx);
        else if (op->kind == META_OP_PART_PUT)
            extents_visit(&((const struct meta_part_put *)op)->part.extents, visit, ctx);
        else if (op->kind == META_OP_ANNOTATION_PUT)
            extents_visit(&((const struct meta_annotation_put *)op)->annotation.extents, visit, ctx);
        else if (op->kind == META_OP_OBJECTS_PUT)
            for (uint32_t i = 0; i < ((const struct meta_objects_put *)op)->count; i++)
                extents_visit(&((const struct meta_objects_put *)op)->puts[i].object.extents, visit, ctx);
    }
}

/* A sweep removes publications that are over, in its own time. */
static bool changes_move_sets(const void *batch)
{
    for (const struct meta_op *op = batch; op != NULL; op = op->next)
        if ((change_has(op, CHANGE_EXPIRES_SETTINGS | CHANGE_MOVES_SETS) || op->kind == META_OP_QUOTA_SET) &&
            !change_has(op, CHANGE_IS_HOUSEKEEPING))
            return true;
    return false;
}

struct row_touches changes_touches(const struct meta_op *batch)
{
    return (struct row_touches){changes_walk, changes_walk_sources, changes_walk_units, changes_move_sets,
                                batch};
}

/* ---- Publications, and what other changes are about ---- */

struct meeting {
    struct meta_writer *writer;
    int err;
};

static void on_key_changed(void *ctx, const struct row_touch *touch)
{
    struct meeting *meeting = ctx;

    if (touch->kind != ROW_TOUCH_KEY || meeting->err != 0)
        return;
    meeting->err = publications_note(meeting->writer, touch->bucket, touch->key);
    arena_reset(&meeting->writer->arena);
}

static void on_key_read(void *ctx, const struct row_touch *touch)
{
    struct meeting *meeting = ctx;

    if (meeting->err != 0)
        return;
    meeting->err = publications_meet(meeting->writer, touch->bucket, touch->key);
    arena_reset(&meeting->writer->arena);
}

/* Keys that the table does not name, as no copy of their rows is stale afterwards, or too many are. */
static void change_visit_others(const struct meta_op *op, struct meeting *meeting)
{
    const struct meta_copy_source *source = change_source(op);

    if (source != NULL) {
        visit_key(source->bucket, source->key, on_key_read, meeting);
    } else if (op->kind == META_OP_OBJECT_RENAME) {
        const struct meta_object_rename *rename = (const struct meta_object_rename *)op;
        visit_key(rename->source.bucket, rename->source.key, on_key_changed, meeting);
        visit_key(rename->source.bucket, rename->key, on_key_changed, meeting);
    } else if (op->kind == META_OP_OBJECT_LOCK) {
        const struct meta_object_lock *lock = (const struct meta_object_lock *)op;
        visit_key(lock->bucket, lock->key, on_key_read, meeting);
    }
}

int change_run(struct meta_writer *writer, struct meta_op *op)
{
    struct meeting meeting = {writer, 0};

    if (writer->publications.count > 0) {
        change_visit_rows(op, on_key_changed, &meeting);
        change_visit_others(op, &meeting);
    }
    int err = meeting.err != 0 ? meeting.err : change_of(op)->run(writer, op);
    /* Here, behind all kinds of changes: none that adds something can forget it. */
    if (err == 0 && !change_has(op, CHANGE_IS_UNJUDGED))
        err = usage_judge(&writer->meta->usage);
    return err == 0 && events_are_followed(writer) ? events_note(writer, op) : err;
}
