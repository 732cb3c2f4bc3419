/* SPDX-License-Identifier: MIT
 *
 * Faults for tests: the table of system calls (storage/base/sys.h), and its sibling for operations of a ring. */
#ifndef STORAGE_RING_RING_FAULT_H
#define STORAGE_RING_RING_FAULT_H

#include "storage/base/sys.h"
#include "storage/ring/ring.h"

/* Asked by the ring before an operation starts: 0 lets it run, a negative errno becomes its result instead.
 * fd is the file worked on; for openat and unlinkat the folder, for renameat the folder it comes from. length is 0 for
 * operations that have none.
 * NULL (always, outside tests) means 0. May be called from any ring's thread. */
extern int (*sys_fault)(enum ring_op_kind kind, int fd, uint64_t length);

#endif
