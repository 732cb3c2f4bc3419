/* SPDX-License-Identifier: MIT
 *
 * Whether bytes of a file are in memory, asked without bringing them in, so that sendfile is only called when it will
 * not wait for a disk. */
#ifndef STORAGE_EGRESS_BLOB_RESIDENCY_H
#define STORAGE_EGRESS_BLOB_RESIDENCY_H

#include <stdbool.h>
#include <stdint.h>

enum blob_residency {
    /* Linux 6.5: all of them, 0.15 us per MiB; and the last one as below, that it is not on its way only */
    BLOB_RESIDENCY_CACHESTAT,
    /* preadv2 RWF_NOWAIT of the first and last byte: a guess that is nearly always right */
    BLOB_RESIDENCY_NOWAIT,
    BLOB_RESIDENCY_UNKNOWN, /* everything counts as cold and goes through the ring */
};

/* What the kernel allows here. fd: any regular file of the store's file system. */
enum blob_residency blob_residency_choose(int fd);

/* Whether all of [offset, offset + length) is in memory. length > 0. */
bool blob_residency_check(enum blob_residency how, int fd, uint64_t offset, uint64_t length);

/* Whether all of [offset, offset + length) was written a moment ago and is still to be written back: it is in memory, whole, and
 * stays there. For files written from their beginning to their end: of a large folio of which a part was written the kernel
 * calls all of it dirty. false also where it cannot tell. length > 0. */
bool blob_residency_is_dirty(int fd, uint64_t offset, uint64_t length);

#endif
