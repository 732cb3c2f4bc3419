/* SPDX-License-Identifier: MIT
 *
 * Bodies that come in zstd's coding, and are stored as the bytes that they stand for: what is claimed of a body (its SHA-256, its size) is
 * claimed of those. They are decoded as they come, in steps, each on a thread of a pool, with a window of 8 MiB at most. */
#ifndef API_DOORS_DOOR_DECODE_H
#define API_DOORS_DOOR_DECODE_H

#include "api/doors/door.h"

struct door_decoders; /* the threads; none before there is something to do */

int door_decoders_create(struct door_decoders **decoders);  /* 0 or -ENOMEM */
void door_decoders_destroy(struct door_decoders *decoders); /* NULL allowed */

/* While a PUT enters: its body is to be decoded; size: what is to come out, or UINT64_MAX. False: there is no libzstd here. The
 * object has no Content-Encoding then. */
bool door_decode_begin_put(struct door_call *call, struct door_decoders *decoders, uint64_t size);

#endif
