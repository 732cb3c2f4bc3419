/* SPDX-License-Identifier: MIT
 *
 * Bytes of a sealed object on their way out: which stretches of its bodies a range needs, read by an egress of their own, and opened record by
 * record on the worker, as TLS closes its records there. Worker's thread. */
#ifndef API_CORE_SEALED_SEALED_GET_H
#define API_CORE_SEALED_SEALED_GET_H

#include "api/core/core_internal.h"
#include "storage/seal/seal.h"

struct sealed_get;

/* Whether any of the object's bytes are sealed. */
bool sealed_object_is(const struct meta_object *object);
/* Bytes [first, first + length) of the object, length > 0, inside of it. object: as long as the get. As blob_egress_begin, and -EIO for a row
 * that cannot be; where it returns -ENOMEM, *sealed is NULL. */
int sealed_get_begin(struct sealed_get **sealed, struct core_worker *worker, const struct meta_object *object,
                     const struct seal_key *key, uint64_t first, uint64_t length, void (*on_ready)(void *ctx),
                     void *ctx);
struct blob_egress *sealed_get_egress(const struct sealed_get *sealed);
/* As core_get_read. What does not open is damage: it is told in the log, and -EIO. */
ssize_t sealed_get_read(struct sealed_get *sealed, void *buffer, size_t length);
/* As core_get_send, out of memory. */
ssize_t sealed_get_send(struct sealed_get *sealed, int socket_fd, size_t max);
/* Whether it was just told. */
bool sealed_get_told_damage(const struct sealed_get *sealed);
void sealed_get_end(struct sealed_get *sealed); /* NULL allowed */

#endif
