/* SPDX-License-Identifier: MIT
 *
 * Sends ranges of blobs to a socket: sendfile, extent by extent, with cold pages brought in by the ring first, so that
 * the calling thread is never stopped by a disk. Ranges of packed units are copied instead.
 *
 * What passes through memory is verified, if its checksum is known: small units whole, before their first byte is given out; larger
 * ones in passing, where all of one is wanted: its last bytes are held back when it is not what was stored. What sendfile moves
 * nobody sees.
 *
 * On the thread of its ring only. The caller holds a pin on the blobs for as long as the egress lives. */
#ifndef STORAGE_EGRESS_BLOB_EGRESS_H
#define STORAGE_EGRESS_BLOB_EGRESS_H

#include <unistd.h>

#include "storage/blob/blob_store.h"
#include "storage/digest/digest.h"
#include "storage/limits.h"

struct blob_egress;

/* What bytes are verified by: the checksum of the unit that they lie in, as their row has it. */
struct blob_sum {
    /* the unit in its file; length 0: nothing is known of it, and nothing verified */
    uint64_t offset, length;
    uint64_t value;
    enum digest_kind kind; /* DIGEST_CRC64NVME or DIGEST_CRC32C */
};

/* Bytes [offset, offset + length) of a blob's file.
 * packed: the file holds other units too, and this one's bytes may be punched out of it once no pin names them. What
 * sendfile put into a socket's queue outlives every pin, for it refers to the pages themselves, which the kernel zeroes in
 * place when a hole takes a part of a large folio: so these bytes go out as a copy, or out of memory (hot_units.h). */
struct blob_range {
    uint64_t blob, offset, length;
    bool packed;
    struct blob_sum sum; /* the range lies inside the unit */
};

/* Of a unit in its file: whether ranges of it are packed. */
static inline bool blob_unit_is_packed(uint64_t offset, uint64_t length)
{
    return offset > 0 && (length < SHARED_UNIT_WHOLE_BYTES || getpagesize() != SHARED_PAGE_BYTES);
}

/* A unit that is verified whole before any of its bytes are given out, also where the range is a part of it. */
static inline bool blob_sum_is_small(const struct blob_sum *sum)
{
    return sum->length > 0 && sum->length <= EGRESS_VERIFY_BYTES_MAX;
}

/* A unit that is verified as it passes through memory: all of it is wanted. */
static inline bool blob_range_is_unit(const struct blob_range *range)
{
    return range->sum.length > 0 && range->offset == range->sum.offset && range->length == range->sum.length;
}

/* ranges: copied; empty ones are skipped. on_ready is delivered from ring_reap whenever a call that returned -EBUSY may
 * be tried again, and once after begin when begin returned -EBUSY.
 * Returns 0: the first descriptor is at hand, and small units, EGRESS_LOOK_BYTES_MAX of them, are verified; -EBUSY: wait for
 * on_ready, then ask blob_egress_status; a failure, as of blob_egress_status: it still has to be ended; -ENOMEM with *egress NULL. */
int blob_egress_begin(struct blob_egress **egress, struct blob_store *store, struct ring *ring,
                      const struct blob_range *ranges, uint32_t range_count, void (*on_ready)(void *ctx),
                      void *ctx);

/* 0, or the failure that opening or reading met (sticky): -EIO (also a blob that is missing, too short, or not what was stored),
 * -EMFILE, -ENOMEM. -ESTALE: a blob of a shared store is missing, which another process may have removed since its row was read: nothing was told
 * of it. */
int blob_egress_status(const struct blob_egress *egress);

uint64_t blob_egress_remaining(const struct blob_egress *egress);

/* Sends up to `max` bytes to a non-blocking socket. Returns bytes sent (> 0), 0 when everything has been sent, -EAGAIN
 * (socket full), -EBUSY (disk; on_ready follows), -EPIPE / -ECONNRESET (peer), or a sticky failure. Less than `max` also where the
 * blob comes from the disk: then others should have their turn before the next call. */
ssize_t blob_egress_send(struct blob_egress *egress, int socket_fd, size_t max);

/* After -ESTALE: a row names it still, so it is damage, and told as that. */
void blob_egress_tell_missing(struct blob_egress *egress);

/* All bytes that remain, where they are one range of a small unit, which begin has verified; else NULL. Valid until the next call. */
const void *blob_egress_at_hand(const struct blob_egress *egress);
/* The failure is damage, and the log had a line about it just now, which knows no names: the caller may add them. */
bool blob_egress_told_damage(const struct blob_egress *egress);

/* The buffered way: copies up to `length` next bytes into memory. Returns bytes (> 0), 0 at the end, -EBUSY, or a sticky
 * failure. The store in standard copy mode makes blob_egress_send use it inside. */
ssize_t blob_egress_read(struct blob_egress *egress, void *buffer, size_t length);

/* Any time, also with disk work in flight. NULL is allowed. */
void blob_egress_end(struct blob_egress *egress);

#endif
