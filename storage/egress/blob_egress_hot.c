/* SPDX-License-Identifier: MIT
 *
 * The way of small units that are asked for often: out of memory, without a look at their file. On the thread of the egress's ring. */
#include "storage/egress/blob_egress_parts.h"

#include <errno.h>
#include <string.h>

/* False: it is none that is kept. */
static bool hot_unit_of(struct blob_egress *egress, struct hot_unit *unit)
{
    const struct blob_range *range;

    if (egress->range_count != 1 || egress->store->options.copy_mode)
        return false;
    range = egress_range(egress);
    if (!blob_sum_is_small(&range->sum) || range->sum.length < HOT_UNIT_BYTES_MIN)
        return false;
    *unit = (struct hot_unit){range->blob, range->sum.offset, range->sum.value, (uint32_t)range->sum.length};
    return true;
}

bool egress_hot_get(struct blob_egress *egress)
{
    struct hot_unit unit;

    return hot_unit_of(egress, &unit) && hot_units_get(egress->store->hot, &unit, &egress->lease);
}

void egress_hot_offer(struct blob_egress *egress)
{
    struct hot_unit unit;

    assert(egress->lease.chunk == NULL);
    if (hot_unit_of(egress, &unit))
        hot_units_offer(egress->store->hot, &unit, egress->buffer);
}

/* Where the next byte is in the unit, and how many follow it, up to `max`. */
static size_t hot_next(struct blob_egress *egress, size_t max, size_t *first)
{
    const struct blob_range *range = egress_range(egress);

    assert(range->offset >= range->sum.offset);
    *first = (size_t)(range->offset - range->sum.offset);
    assert(*first + range->length <= range->sum.length);
    return max < range->length ? max : (size_t)range->length;
}

ssize_t egress_hot_send(struct blob_egress *egress, int socket_fd, size_t max)
{
    size_t first, length;
    ssize_t n;

    if (egress->error != 0 || egress->remaining == 0)
        return egress->error;
    length = hot_next(egress, max, &first);
    if ((n = hot_units_send(egress->store->hot, &egress->lease, first, length, socket_fd)) < 0)
        return egress_send_failed(egress);
    egress_forward(egress, (uint64_t)n);
    return n;
}

ssize_t egress_hot_read(struct blob_egress *egress, void *buffer, size_t length)
{
    size_t first, count;

    if (egress->error != 0 || egress->remaining == 0)
        return egress->error;
    count = hot_next(egress, length, &first);
    memcpy(buffer, egress->lease.bytes + first, count);
    egress_forward(egress, count);
    return (ssize_t)count;
}
