/* SPDX-License-Identifier: MIT
 *
 * Object Lock: the packed form, what a lock forbids, and changing it. The first part is pure; the change runs
 * on the committer's thread. */
#include "metadata/meta_lock.h"

#include <assert.h>
#include <string.h>

#include "metadata/write/writer.h"

#define LOCK_FORM 1u

/* form, mode, hold, milliseconds (big-endian) */
size_t meta_lock_pack(const struct meta_lock *lock, unsigned char out[META_LOCK_BYTES])
{
    assert(lock->mode <= META_LOCK_COMPLIANCE && lock->hold <= META_HOLD_OFF);
    if (lock->mode == META_LOCK_NONE && lock->hold == META_HOLD_NEVER)
        return 0;
    out[0] = LOCK_FORM;
    out[1] = (unsigned char)lock->mode;
    out[2] = (unsigned char)lock->hold;
    for (int i = 0; i < 8; i++)
        out[3 + i] = (unsigned char)((uint64_t)lock->until_ms >> (56 - 8 * i));
    return META_LOCK_BYTES;
}

int meta_lock_unpack(struct slice packed, struct meta_lock *lock)
{
    const unsigned char *in = (const unsigned char *)packed.base;
    uint64_t until_ms = 0;

    assert(packed.len == 0 || in != NULL);
    memset(lock, 0, sizeof(*lock));
    if (packed.len == 0)
        return 0;
    if (packed.len != META_LOCK_BYTES || in[0] != LOCK_FORM || in[1] > META_LOCK_COMPLIANCE ||
        in[2] > META_HOLD_OFF)
        return META_E_CORRUPT;
    for (int i = 0; i < 8; i++)
        until_ms = until_ms << 8 | in[3 + i];
    *lock = (struct meta_lock){(enum meta_lock_mode)in[1], (enum meta_hold)in[2], (int64_t)until_ms};
    return 0;
}

static bool retention_runs(const struct meta_lock *lock, int64_t now_ms)
{
    return lock->mode != META_LOCK_NONE && lock->until_ms > now_ms;
}

bool meta_lock_forbids(const struct meta_lock *lock, int64_t now_ms, bool bypass_governance)
{
    if (lock->hold == META_HOLD_ON)
        return true;
    return retention_runs(lock, now_ms) && !(lock->mode == META_LOCK_GOVERNANCE && bypass_governance);
}

/* A lock that cannot be read protects: it was there for a reason. */
bool row_is_locked(const struct meta_writer *writer, const struct object_row *row, bool bypass_governance)
{
    struct meta_lock lock;

    assert(row != NULL);
    if (meta_lock_unpack(codec_attributes_find(row->attributes, META_ATTRIBUTE_LOCK), &lock) != 0)
        return true;
    return meta_lock_forbids(&lock, writer->now_ms, bypass_governance);
}

/* Whether the retention may take the place of one that perhaps still runs. */
static bool retention_may_become(const struct meta_lock *now, const struct meta_lock *next, int64_t now_ms,
                                 bool bypass_governance)
{
    assert(next->mode <= META_LOCK_COMPLIANCE);
    if (!retention_runs(now, now_ms) || (now->mode == META_LOCK_GOVERNANCE && bypass_governance))
        return true;
    return next->mode == now->mode && next->until_ms >= now->until_ms;
}

int lock_default(struct meta_writer *writer, struct slice *attributes, struct slice packed)
{
    unsigned char merged[META_LOCK_BYTES];
    struct meta_lock lock, retention;
    int err;

    assert(attributes != NULL);
    if ((err = meta_lock_unpack(packed, &retention)) != 0 || retention.mode == META_LOCK_NONE)
        return err;
    if ((err = meta_lock_unpack(codec_attributes_find(*attributes, META_ATTRIBUTE_LOCK), &lock)) != 0 ||
        lock.mode != META_LOCK_NONE)
        return err;
    retention.hold = lock.hold;
    return attributes_label(writer, attributes, META_ATTRIBUTE_LOCK,
                            slice_of(merged, meta_lock_pack(&retention, merged)));
}

static int lock_store(struct meta_writer *writer, struct meta_object_lock *op, struct object_row *row,
                      const struct meta_lock *lock)
{
    unsigned char packed[META_LOCK_BYTES];
    size_t length = meta_lock_pack(lock, packed);
    int err = attributes_label(writer, &row->attributes, META_ATTRIBUTE_LOCK,
                               slice_of(length > 0 ? packed : NULL, length));

    op->locked = row->version;
    return err != 0 ? err
                    : version_set_attributes(writer, op->bucket, op->key, &row->version, row->attributes);
}

int op_object_lock(struct meta_writer *writer, struct meta_object_lock *op)
{
    struct object_row row;
    struct meta_lock lock;
    int err;

    assert(op->sets_retention || op->sets_hold);
    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    err = judged_row_load(writer, op->bucket, op->key, op->version, op->judged, &row);
    if (err != 0 ||
        (err = meta_lock_unpack(codec_attributes_find(row.attributes, META_ATTRIBUTE_LOCK), &lock)) != 0)
        return err;
    if (op->sets_retention) {
        if (!retention_may_become(&lock, &op->lock, writer->now_ms, op->bypass_governance))
            return META_E_LOCKED;
        lock.mode = op->lock.mode;
        lock.until_ms = op->lock.mode != META_LOCK_NONE ? op->lock.until_ms : 0;
    }
    if (op->sets_hold)
        lock.hold = op->lock.hold;
    return lock_store(writer, op, &row, &lock);
}
