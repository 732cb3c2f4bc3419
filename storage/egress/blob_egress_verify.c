/* SPDX-License-Identifier: MIT
 *
 * Whether what is about to be sent is what was stored: bytes that come into memory are compared with the checksum of their unit, which
 * the row has. A small unit is read whole, whatever part of it is wanted, and nothing of it is given out before it is known to be
 * right. A large one is summed up as it passes, if all of it is wanted. And the file itself says whose it is.
 *
 * On the thread of the egress's ring; reads as the buffered way does. */
#include "storage/egress/blob_egress_parts.h"

#include <errno.h>
#include <sys/stat.h>

static int egress_fail_sum(struct blob_egress *egress)
{
    return egress_fail_damaged(egress, BLOB_DAMAGE_SUM, "is not what was stored: its checksum differs");
}

/* Reads [offset, offset + length) of the file into the buffer, which has room for it. 1 when all is there, -EBUSY. */
static ssize_t egress_read_whole(struct blob_egress *egress, enum egress_step step, uint64_t offset,
                                 size_t length)
{
    while (egress->unit_filled < length) {
        unsigned char *to = egress->buffer + egress->unit_filled;
        uint64_t from = offset + egress->unit_filled;
        size_t left = length - egress->unit_filled;
        ssize_t n = egress_read_nowait(egress, to, from, left);

        if (n <= 0) {
            ring_read(egress->ring, egress_step_begin(egress, step), egress->file->fd, to, (uint32_t)left,
                      from);
            return egress_busy(egress);
        }
        egress->unit_filled += (size_t)n;
    }
    egress->unit_filled = 0;
    return 1;
}

/* The unit is a row: all of it into the buffer. 1, or a failure. */
static ssize_t egress_read_row(struct blob_egress *egress, size_t length)
{
    const struct blob_range *range = egress_range(egress);
    int count;

    if (egress_buffer_reserve(egress, BLOB_ROW_BYTES_MAX) != 0)
        return egress_fail(egress, -ENOMEM, "cannot be read");
    if ((count = blob_row_read(egress->store, range->blob, egress->buffer)) < 0)
        return count == -ENOENT ? egress_fail_missing(egress, count)
                                : egress_fail(egress, count, "cannot be read");
    return (size_t)count == length ? 1 : egress_fail(egress, -ENODATA, "is too short");
}

ssize_t egress_fill_unit(struct blob_egress *egress)
{
    const struct blob_range *range = egress_range(egress);
    const struct blob_sum *sum = &range->sum;
    size_t length = (size_t)sum->length;
    ssize_t n;

    assert(range->offset >= sum->offset && range->length <= sum->offset + sum->length - range->offset);
    if (blob_is_row(range->blob))
        n = egress_read_row(egress, length);
    else if (egress_buffer_reserve(egress, length) != 0)
        n = egress_fail(egress, -ENOMEM, "cannot be read");
    else
        n = egress_read_whole(egress, EGRESS_READ, sum->offset, length);
    if (n != 1)
        return n;
    if (digest_crc_update(sum->kind, 0, egress->buffer, length) != sum->value)
        return egress_fail_sum(egress);
    egress_hot_offer(egress);
    egress->buffer_start = (size_t)(range->offset - sum->offset);
    egress->buffer_end = egress->buffer_start + (size_t)range->length;
    return 1;
}

int egress_pass(struct blob_egress *egress, const void *bytes, size_t count)
{
    const struct blob_range *range = egress_range(egress);
    const struct blob_sum *sum = &range->sum;

    if (sum->length == 0)
        return 0;
    if (range->offset == sum->offset) {
        egress->sum = 0;
        egress->sum_end = sum->offset;
    }
    if (range->offset != egress->sum_end) /* it began further in, or sendfile has taken some */
        return 0;
    egress->sum = digest_crc_update(sum->kind, egress->sum, bytes, count);
    egress->sum_end += count;
    if (egress->sum_end == sum->offset + sum->length && egress->sum != sum->value)
        return egress_fail_sum(egress);
    return 0;
}

/* ---- Whether it is the right file ---- */

/* Reads what the file says of itself. 1: it is the one; -EBUSY or a failure. */
static ssize_t egress_judge_record(struct blob_egress *egress, struct blob_contents *contents)
{
    struct blob_claim *claim = &egress->claim;
    struct blob_file *file = egress->file;
    struct stat st;
    int err;

    if (fstat(file->fd, &st) != 0)
        return egress_fail(egress, -errno, "cannot be read");
    do {
        uint64_t offset, bytes = (uint64_t)st.st_size;
        size_t length = blob_record_place(claim, bytes, egress->record_wanted, &offset);
        ssize_t n;

        if (egress_buffer_reserve(egress, length) != 0)
            return egress_fail(egress, -ENOMEM, "cannot be read");
        if ((n = egress_read_whole(egress, EGRESS_RECORD, offset, length)) != 1)
            return n;
        err = blob_record_judge(egress->store, claim, bytes, egress->buffer, length, &egress->record_wanted,
                                contents);
    } while (err == -ENOBUFS || blob_claim_turn(claim, err));
    if (err != 0)
        return egress_fail_damaged(egress, BLOB_DAMAGE_IDENTITY,
                                   "is another blob's file, or does not say whose it is");
    atomic_store_explicit(&file->payload, contents->payload, memory_order_relaxed);
    atomic_store_explicit(&file->kind, contents->kind, memory_order_release);
    return 1;
}

ssize_t egress_judge(struct blob_egress *egress)
{
    const struct blob_range *range = egress_range(egress);
    struct blob_contents contents = {.kind = atomic_load_explicit(&egress->file->kind, memory_order_acquire)};
    ssize_t n;

    contents.payload = atomic_load_explicit(&egress->file->payload, memory_order_relaxed);
    if (range->sum.length > 0) {
        if (contents.kind == BLOB_FILE_UNKNOWN && (n = egress_judge_record(egress, &contents)) != 1)
            return n;
        if (!blob_contents_fit(&contents, &egress->claim, range->sum.length))
            return egress_fail_damaged(egress, BLOB_DAMAGE_IDENTITY, "does not hold what its row says");
    }
    egress->unit_filled = 0; /* of a record that meanwhile somebody else has read */
    egress->is_judged = true;
    return 1;
}

/* ---- Before the first byte ---- */

uint32_t egress_look_count(const struct blob_egress *egress)
{
    uint64_t bytes = 0;
    uint32_t count = 0;

    for (uint32_t i = 0; i < egress->range_count; i++) {
        if (!blob_sum_is_small(&egress->ranges[i].sum))
            continue;
        if ((bytes += egress->ranges[i].sum.length) > EGRESS_LOOK_BYTES_MAX)
            break;
        count = i + 1;
    }
    return count;
}

/* From the last one to the first, which then lies in the buffer and has not to be read again. */
ssize_t egress_look(struct blob_egress *egress)
{
    for (; egress->look > 0; egress->look--) {
        ssize_t n;

        egress->range = egress->look - 1;
        if (!blob_sum_is_small(&egress_range(egress)->sum))
            continue;
        if ((n = egress_fill(egress)) != 1)
            return n;
        if (egress->range == 0)
            continue;
        egress->buffer_start = egress->buffer_end = 0;
        egress_close_file(egress);
    }
    egress->range = 0;
    ssize_t n = egress_file(egress);
    if (n != -EBUSY)
        egress->is_beginning = false;
    return n == 1 ? 0 : n;
}
