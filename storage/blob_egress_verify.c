/* SPDX-License-Identifier: MIT
 *
 * Whether what is about to be sent is what was stored: bytes that come into memory are compared with the checksum of their unit, which
 * the row has. A small unit is read whole, whatever part of it is wanted, and nothing of it is given out before it is known to be
 * right. A large one is summed up as it passes, if all of it is wanted.
 *
 * On the thread of the egress's ring; reads as the buffered way does. */
#include "storage/blob_egress_parts.h"

#include <errno.h>

static int egress_fail_sum(struct blob_egress *egress)
{
    return egress_fail_damaged(egress, BLOB_DAMAGE_SUM, "is not what was stored: its checksum differs");
}

ssize_t egress_fill_unit(struct blob_egress *egress)
{
    const struct blob_range *range = egress_range(egress);
    const struct blob_sum *sum = &range->sum;
    size_t length = (size_t)sum->length;
    ssize_t n;

    assert(range->offset >= sum->offset && range->length <= sum->offset + sum->length - range->offset);
    if (egress_buffer_reserve(egress, length) != 0)
        return egress_fail(egress, -ENOMEM, "cannot be read");
    while (egress->unit_filled < length) {
        unsigned char *to = egress->buffer + egress->unit_filled;
        uint64_t from = sum->offset + egress->unit_filled;
        size_t left = length - egress->unit_filled;

        if ((n = egress_read_nowait(egress, to, from, left)) <= 0) {
            ring_read(egress->ring, egress_step_begin(egress, EGRESS_READ), egress->file->fd, to,
                      (uint32_t)left, from);
            return egress_busy(egress);
        }
        egress->unit_filled += (size_t)n;
    }
    egress->unit_filled = 0;
    if (digest_crc_update(sum->kind, 0, egress->buffer, length) != sum->value)
        return egress_fail_sum(egress);
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
    return n == 1 ? 0 : n;
}
