/* SPDX-License-Identifier: MIT
 *
 * A buffer goes to and fro between a get and a put; see sealed_move.h. */
#include "api/core/sealed/sealed_move.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "storage/base/owner.h"

#define BUFFER_BYTES (64u << 10)

static void finish(struct sealed_move *move, int result)
{
    free(move->buffer);
    move->buffer = NULL;
    move->done(move, result);
}

/* 1: go on; 0: somebody will call; or a failure. */
static int fill(struct sealed_move *move)
{
    size_t wanted = move->left < BUFFER_BYTES ? (size_t)move->left : BUFFER_BYTES;
    ssize_t count = core_get_read(move->get, move->buffer, wanted);

    if (count == -EBUSY)
        return 0; /* on_ready */
    if (count <= 0)
        return count == 0 ? -EIO : (int)count;
    move->have = (size_t)count;
    move->given = 0;
    move->left -= (uint64_t)count;
    return 1;
}

static int give(struct sealed_move *move)
{
    ssize_t count = core_put_write(move->put, move->buffer + move->given, move->have - move->given);

    if (count == -EBUSY) {
        move->wants_room = true;
        return 0;
    }
    if (count <= 0)
        return count == 0 ? -EIO : (int)count;
    move->given += (size_t)count;
    return 1;
}

static void on_turn(struct core_turn *turn);

static void step(struct sealed_move *move)
{
    size_t moved = 0;
    int result = 1;

    while (result > 0 && (move->left > 0 || move->given < move->have)) {
        if (moved >= SEALED_MOVE_TURN_BYTES) {
            move->is_turning = true;
            move->turn = (struct core_turn){.next = on_turn};
            core_turn_wait(move->worker, &move->turn);
            return;
        }
        if (move->given == move->have) {
            result = fill(move);
            moved += result > 0 ? move->have : 0;
        } else {
            result = give(move);
        }
    }
    if (result != 0)
        finish(move, result > 0 ? 0 : result);
}

static void on_turn(struct core_turn *turn)
{
    struct sealed_move *move = OWNER_OF(turn, struct sealed_move, turn);

    move->is_turning = false;
    if (!move->is_open) {
        move->is_open = true;
        int result = core_get_status(move->get);

        if (result != 0) {
            finish(move, result);
            return;
        }
    }
    step(move);
}

static void on_ready(void *ctx)
{
    struct sealed_move *move = ctx;

    if (!move->is_turning)
        on_turn(&move->turn);
}

void sealed_move_resume(struct sealed_move *move)
{
    if (move->wants_room && !move->is_turning) {
        move->wants_room = false;
        step(move);
    }
}

int sealed_move_start(struct sealed_move *move)
{
    int result = 0;

    assert(move->buffer == NULL && move->done != NULL);
    if ((move->buffer = malloc(BUFFER_BYTES)) == NULL)
        return -ENOMEM;
    move->left = move->length;
    move->have = move->given = 0;
    move->is_open = false;
    if (move->length > 0)
        result = core_get_open(move->get, move->first, move->length, on_ready, move);
    if (result == -EBUSY)
        return 0;
    if (result != 0) {
        free(move->buffer);
        move->buffer = NULL;
        return result;
    }
    move->is_turning = true;
    move->turn = (struct core_turn){.next = on_turn};
    core_turn_wait(move->worker, &move->turn);
    return 0;
}
