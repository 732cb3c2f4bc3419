/* SPDX-License-Identifier: MIT
 *
 * Making the kernel's ring, for the io_uring engine; private to it, and to the test that tries what a ring refuses. */
#ifndef STORAGE_RING_RING_URING_H
#define STORAGE_RING_RING_URING_H

#include <liburing.h>

/* A ring that has carried out an operation, writes event_fd for each completion, and takes no operations but those the engine uses.
 * completions_max: how many may wait to be collected. Returns 0, or a negative errno and no ring. io_uring_queue_exit ends it. */
int uring_make(struct io_uring *uring, int event_fd, unsigned *completions_max);

#endif
