/* SPDX-License-Identifier: MIT
 *
 * Sends what is there already of a file that is still being written, which has no name yet: as blob_egress.h does it of blobs, by sendfile, with cold
 * pages brought in by the ring first. What its writer has written never changes; how much that is, the caller knows. Nothing is verified.
 *
 * On the thread of its ring only. */
#ifndef STORAGE_EGRESS_BLOB_TAIL_H
#define STORAGE_EGRESS_BLOB_TAIL_H

#include <sys/types.h>

#include "storage/blob/blob_store.h"
#include "storage/ring/ring.h"

struct blob_tail;

/* fd: the caller's; a duplicate is kept. on_ready follows each -EBUSY. 0, -EMFILE or -ENOMEM. */
int blob_tail_begin(struct blob_tail **tail, struct blob_store *store, struct ring *ring, int fd,
                    void (*on_ready)(void *ctx), void *ctx);
/* Up to max bytes of [at, end), all of which is in the file; not empty. > 0 bytes; -EAGAIN: the socket is full; -EBUSY: the disk; -EPIPE, -ECONNRESET:
 * the peer; -EIO and others: it cannot be read. */
ssize_t blob_tail_send(struct blob_tail *tail, uint64_t at, uint64_t end, int socket_fd, size_t max);
ssize_t blob_tail_read(struct blob_tail *tail, uint64_t at, uint64_t end, void *buffer, size_t length);
/* Any time, also with disk work in flight. NULL is allowed. */
void blob_tail_end(struct blob_tail *tail);
/* Closes a descriptor of such a file aside: whoever closes the last one of a file without a name frees it, which takes its time. */
void blob_tail_close(struct blob_store *store, struct ring *ring, int fd);

#endif
