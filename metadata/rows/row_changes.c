/* SPDX-License-Identifier: MIT
 *
 * The counters of row_changes.h: which of them a batch moves, and how. Only the committer's thread writes
 * them, so a store is enough. */
#include "metadata/rows/row_changes.h"

#include <string.h>

uint64_t row_hash(int64_t bucket, struct meta_bytes key)
{
    /* Whoever makes keys collide makes his own reads slower, not wrong ones: no secret is needed. */
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    const unsigned char *at = key.data;
    uint64_t hash = (uint64_t)bucket * odd + key.length, word;
    size_t left = key.length;

    for (; left >= sizeof(word); at += sizeof(word), left -= sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        hash = (hash ^ word) * odd;
        hash ^= hash >> 29;
    }
    word = 0;
    if (left > 0)
        memcpy(&word, at, left);
    hash = (hash ^ word) * odd;
    return hash ^ hash >> 32;
}

/* ---- Moving ---- */

enum move { TO_ODD, TO_EVEN };

/* Several changes of a batch may fall on one counter: it moves once each way. */
static void counter_move(atomic_uint_fast64_t *counter, enum move move)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);

    if ((value & 1) == (move == TO_ODD ? 0 : 1))
        atomic_store(counter, value + 1);
}

static void key_move(struct row_changes *changes, int64_t bucket, struct meta_bytes key, enum move move)
{
    counter_move(&changes->keys[row_hash(bucket, key) % META_ROW_COUNTERS], move);
}

static size_t upload_place(const unsigned char *upload_id)
{
    return row_hash(0, (struct meta_bytes){upload_id, META_UPLOAD_ID_BYTES}) % META_ROW_COUNTERS;
}

static void op_move(struct row_changes *changes, const struct meta_op *op, enum move move)
{
    switch (op->kind) {
    case META_OP_OBJECT_PUT: {
        const struct meta_object_put *put = (const struct meta_object_put *)op;
        key_move(changes, put->bucket, put->key, move);
        return;
    }
    case META_OP_OBJECT_DELETE: {
        const struct meta_object_delete *delete = (const struct meta_object_delete *)op;
        for (uint32_t i = 0; i < delete->count; i++)
            key_move(changes, delete->bucket, delete->entries[i].key, move);
        return;
    }
    case META_OP_OBJECT_COPY: {
        const struct meta_object_copy *copy = (const struct meta_object_copy *)op;
        key_move(changes, copy->bucket, copy->key, move);
        return;
    }
    case META_OP_OBJECT_ANNOTATE: {
        const struct meta_object_annotate *annotate = (const struct meta_object_annotate *)op;
        key_move(changes, annotate->bucket, annotate->key, move);
        return;
    }
    case META_OP_UPLOAD_COMPLETE: {
        const struct meta_upload_complete *complete = (const struct meta_upload_complete *)op;
        key_move(changes, complete->bucket, complete->key, move);
        return;
    }
    case META_OP_PART_PUT:
        counter_move(&changes->uploads[upload_place(((const struct meta_part_put *)op)->upload_id)], move);
        return;
    case META_OP_PART_COPY:
        counter_move(&changes->uploads[upload_place(((const struct meta_part_copy *)op)->upload_id)], move);
        return;
    case META_OP_UPLOAD_CREATE:
    case META_OP_UPLOAD_ABORT:
    case META_OP_GARBAGE_DONE:
    case META_OP_EPOCH_RAISE:
    case META_OP_SWEEP:
    case META_OP_MARK:
    case META_OP_SETTING_PUT:
        return; /* no row of `object` or `bucket` */
    default:
        counter_move(&changes->all, move);
    }
}

void row_changes_begin(struct row_changes *changes, const struct meta_op *batch)
{
    for (; batch != NULL; batch = batch->next)
        op_move(changes, batch, TO_ODD);
}

void row_changes_end(struct row_changes *changes, const struct meta_op *batch)
{
    for (; batch != NULL; batch = batch->next)
        op_move(changes, batch, TO_EVEN);
}

/* ---- Asking ---- */

bool row_stamp_take(const struct row_changes *changes, uint64_t hash, struct row_stamp *stamp)
{
    stamp->all = atomic_load(&changes->all);
    stamp->key = atomic_load(&changes->keys[hash % META_ROW_COUNTERS]);
    return ((stamp->all | stamp->key) & 1) == 0;
}

bool row_stamp_holds(const struct row_changes *changes, uint64_t hash, const struct row_stamp *stamp)
{
    return atomic_load(&changes->keys[hash % META_ROW_COUNTERS]) == stamp->key &&
           atomic_load(&changes->all) == stamp->all;
}

bool row_stamp_take_bucket(const struct row_changes *changes, uint64_t *stamp)
{
    *stamp = atomic_load(&changes->all);
    return (*stamp & 1) == 0;
}

bool row_stamp_holds_bucket(const struct row_changes *changes, uint64_t stamp)
{
    return atomic_load(&changes->all) == stamp;
}

bool upload_stamp_take(const struct row_changes *changes, const unsigned char *upload_id, uint64_t *stamp)
{
    *stamp = atomic_load(&changes->uploads[upload_place(upload_id)]);
    return (*stamp & 1) == 0;
}

bool upload_stamp_holds(const struct row_changes *changes, const unsigned char *upload_id, uint64_t stamp)
{
    return atomic_load(&changes->uploads[upload_place(upload_id)]) == stamp;
}
