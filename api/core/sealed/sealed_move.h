/* SPDX-License-Identifier: MIT
 *
 * Bytes of an object into a put, through memory: what a copy takes whose bytes are to be sealed otherwise than the source's. In turns of the
 * worker, so that its other requests go on. Worker's thread. */
#ifndef API_CORE_SEALED_SEALED_MOVE_H
#define API_CORE_SEALED_SEALED_MOVE_H

#include "api/core/core.h"

/* Bytes that one turn moves: half a millisecond of opening records. */
#define SEALED_MOVE_TURN_BYTES (256u << 10)

struct sealed_move {
    /* Filled by the owner, valid until done. */
    struct core_worker *worker;
    struct core_get *get; /* not opened yet, or over with an earlier range; a sealed one has its key */
    struct core_put *put; /* takes bytes */
    uint64_t first, length;
    /* All is in the put, which can be sealed, or the failure; once, never from inside sealed_move_start. */
    void (*done)(struct sealed_move *move, int result);
    void *ctx;
    /* private */
    struct core_turn turn;
    bool is_turning, wants_room, is_open;
    uint64_t left;
    size_t have, given; /* of the buffer */
    unsigned char *buffer;
};

/* 0: done follows; or why not. */
int sealed_move_start(struct sealed_move *move);
/* The put's on_room leads here. */
void sealed_move_resume(struct sealed_move *move);

#endif
