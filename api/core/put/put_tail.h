/* SPDX-License-Identifier: MIT
 *
 * A put that is read while its bytes are still coming: for what is fetched from elsewhere and asked for meanwhile. Whether these bytes will ever be
 * an object nobody knows yet. */
#ifndef API_CORE_PUT_TAIL_H
#define API_CORE_PUT_TAIL_H

#include "api/core/core.h"

struct blob_tail;

/* From on_ready(0) to the end of the put, on its worker's thread: a descriptor of its own of the file that the bytes go to, the caller's to close; -EOPNOTSUPP:
 * there is none that could be read, as the put is small, sealed or empty. */
int core_put_follow(const struct core_put *put);
/* How much of the body is in that file. */
uint64_t core_put_written(const struct core_put *put);

/* Reading it, on any worker's thread; storage/egress/blob_tail.h. */
int core_tail_begin(struct core_worker *worker, int fd, void (*on_ready)(void *ctx), void *ctx,
                    struct blob_tail **tail);
ssize_t core_tail_send(struct blob_tail *tail, uint64_t at, uint64_t end, int socket_fd, size_t max);
ssize_t core_tail_read(struct blob_tail *tail, uint64_t at, uint64_t end, void *buffer, size_t length);
void core_tail_end(struct blob_tail *tail);
/* Closes what core_put_follow gave, aside: a file that nobody else has is freed with that. */
void core_tail_close(struct core_worker *worker, int fd);

#endif
