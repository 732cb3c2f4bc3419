/* SPDX-License-Identifier: MIT
 *
 * The counters of row_changes.h, and how a batch moves them. Only the committer's thread writes
 * them, so a store is enough. */
#include "metadata/rows/row_changes.h"

#include <assert.h>
#include <string.h>

uint64_t row_hash(int64_t bucket, struct slice key)
{
    assert(key.len == 0 || key.base != NULL);
    /* Whoever makes keys collide makes his own reads slower, not wrong ones: no secret is needed. */
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    const unsigned char *at = (const unsigned char *)key.base;
    uint64_t hash = (uint64_t)bucket * odd + key.len, word;
    size_t left = key.len;

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
        atomic_store(counter, ++value);
    assert((value & 1) == (move == TO_ODD ? 1 : 0));
}

static void key_move(struct row_changes *changes, int64_t bucket, struct slice key, enum move move)
{
    counter_move(&changes->keys[row_hash(bucket, key) % META_ROW_COUNTERS], move);
}

static size_t upload_place(const unsigned char *upload_id)
{
    assert(upload_id != NULL);
    return row_hash(0, slice_of(upload_id, META_UPLOAD_ID_BYTES)) % META_ROW_COUNTERS;
}

struct mover {
    struct row_changes *changes;
    enum move move;
};

static void touch_move(void *ctx, const struct row_touch *touch)
{
    const struct mover *mover = ctx;
    struct row_changes *changes = mover->changes;

    switch (touch->kind) {
    case ROW_TOUCH_ANY:
        counter_move(&changes->all, mover->move);
        return;
    case ROW_TOUCH_KEY:
        key_move(changes, touch->bucket, touch->key, mover->move);
        return;
    case ROW_TOUCH_PARTS:
        counter_move(&changes->uploads[upload_place((const unsigned char *)touch->key.base)], mover->move);
        return;
    }
}

void row_changes_begin(struct row_changes *changes, const struct row_touches *touches)
{
    assert(touches->walk != NULL);
    touches->walk(touches->batch, touch_move, &(struct mover){changes, TO_ODD});
}

void row_changes_end(struct row_changes *changes, const struct row_touches *touches)
{
    assert(touches->walk != NULL);
    touches->walk(touches->batch, touch_move, &(struct mover){changes, TO_EVEN});
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
