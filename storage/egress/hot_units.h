/* SPDX-License-Identifier: MIT
 *
 * Small units that are asked for again and again, kept in memory from which a socket takes their pages as they are: no copy, and no
 * checksum more, for they were compared with it when they came here. Nothing is ever written over such a page, so what waits in a
 * socket, or with the peer on this machine, stays what it was: memory is filled once, from its beginning to its end, and given
 * back to the kernel as a whole. That is what the page cache cannot promise of a unit in a segment, into which holes are punched.
 *
 * Bounded by bytes (limits.h). A full table makes room only for units that are asked for more often than what is in it, so a walk over many
 * objects costs no copies. One table for all workers of a store; any thread. */
#ifndef STORAGE_EGRESS_HOT_UNITS_H
#define STORAGE_EGRESS_HOT_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct hot_units;

/* Which bytes: units never change, and one that is gone is not asked for. The checksum is a part of the name. */
struct hot_unit {
    uint64_t blob, offset, sum;
    uint32_t length; /* HOT_UNIT_BYTES_MIN .. EGRESS_VERIFY_BYTES_MAX */
};

/* A hold on memory of a unit. */
struct hot_lease {
    struct hot_chunk *chunk;    /* NULL: none */
    const unsigned char *bytes; /* all of the unit, until it is released */
    bool is_slow;               /* its socket was full: what is left goes as a copy */
};

/* Bytes that a store may keep on this machine: HOT_BYTES_MAX, or a small share of the memory that this process may have. */
size_t hot_units_room(void);

/* bytes_max: whole chunks of it are used; less than one: nothing is kept. 0 or -ENOMEM. No memory is taken before the first unit. */
int hot_units_create(struct hot_units **units, size_t bytes_max);
/* All leases are released by then. NULL is allowed. */
void hot_units_free(struct hot_units *units);

/* True: *lease holds the unit. False: it is not here, *lease is empty. */
bool hot_units_get(struct hot_units *units, const struct hot_unit *unit, struct hot_lease *lease);
/* An empty lease is allowed. */
void hot_units_release(struct hot_units *units, struct hot_lease *lease);

/* The unit was asked for, and here are its bytes, which go with its checksum. They are copied, if that is worth it. */
void hot_units_offer(struct hot_units *units, const struct hot_unit *unit, const void *bytes);

/* Sends `length` bytes from `first` on to a non-blocking socket. Bytes sent (> 0), or -1 and errno, as of send. */
ssize_t hot_units_send(struct hot_units *units, struct hot_lease *lease, size_t first, size_t length,
                       int socket_fd);

/* Bytes of memory that units lie in; for tests. */
size_t hot_units_bytes(struct hot_units *units);

#endif
