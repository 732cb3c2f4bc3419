/* SPDX-License-Identifier: MIT
 *
 * Sends ranges of blobs to a socket: sendfile, extent by extent, with cold pages brought in by the ring first, so that
 * the calling thread is never stopped by a disk. Ranges of packed units are copied instead.
 *
 * On the thread of its ring only. The caller holds a pin on the blobs for as long as the egress lives. */
#ifndef STORAGE_BLOB_EGRESS_H
#define STORAGE_BLOB_EGRESS_H

#include "storage/blob_store.h"

struct blob_egress;

/* Bytes [offset, offset + length) of a blob's file.
 * packed: the file holds other units too, and this one's bytes may be punched out of it once no pin names them. What
 * sendfile put into a socket's queue outlives every pin, for it refers to the pages themselves, which the kernel zeroes in
 * place when a hole takes a part of a large folio: so these bytes go out as a copy. */
struct blob_range {
    uint64_t blob, offset, length;
    bool packed;
};

/* ranges: copied; empty ones are skipped. on_ready is delivered from ring_reap whenever a call that returned -EBUSY may
 * be tried again, and once after begin when begin returned -EBUSY.
 * Returns 0: the first descriptor is at hand; -EBUSY: it is being opened, wait for on_ready, then ask blob_egress_status;
 * -ENOMEM. */
int blob_egress_begin(struct blob_egress **egress, struct blob_store *store, struct ring *ring,
                      const struct blob_range *ranges, uint32_t range_count, void (*on_ready)(void *ctx), void *ctx);

/* 0, or the failure that opening or reading met (sticky): -EIO (also a blob that is missing or too short), -EMFILE. */
int blob_egress_status(const struct blob_egress *egress);

uint64_t blob_egress_remaining(const struct blob_egress *egress);

/* Sends up to `max` bytes to a non-blocking socket. Returns bytes sent (> 0), 0 when everything has been sent, -EAGAIN
 * (socket full), -EBUSY (disk; on_ready follows), -EPIPE / -ECONNRESET (peer), or a sticky failure. Less than `max` also where the
 * blob comes from the disk: then others should have their turn before the next call. */
ssize_t blob_egress_send(struct blob_egress *egress, int socket_fd, size_t max);

/* The buffered way: copies up to `length` next bytes into memory. Returns bytes (> 0), 0 at the end, -EBUSY, or a sticky
 * failure. The store in standard copy mode makes blob_egress_send use it inside. */
ssize_t blob_egress_read(struct blob_egress *egress, void *buffer, size_t length);

/* Any time, also with disk work in flight. NULL is allowed. */
void blob_egress_end(struct blob_egress *egress);

#endif
