/* SPDX-License-Identifier: MIT
 *
 * One flight, after somebody has found it: what is coming, as far as it has come, and who reads that. Its own lock, as readers may be slower than
 * the flights they belonged to last. */
#include "api/origin/flights.h"

#include <errno.h>
#include <stdlib.h>

#include "api/core/put/put_tail.h"
#include "storage/base/owner.h"

static void on_more(struct core_turn *turn)
{
    struct s3_fetch *fetch = OWNER_OF(turn, struct s3_fetch, turn);

    fetch->more(fetch);
}

/* With the lock. What is told is its worker's again. */
static void readers_wake(struct origin_flight *flight)
{
    struct s3_fetch *next;

    for (struct s3_fetch *fetch = flight->readers; fetch != NULL; fetch = next) {
        next = fetch->next;
        fetch->waits = false;
        core_turn_end(&fetch->turn);
    }
    flight->readers = NULL;
}

void origin_flight_grew(struct origin_flight *flight, uint64_t written)
{
    pthread_mutex_lock(&flight->lock);
    if (written > flight->written) {
        flight->written = written;
        readers_wake(flight);
    }
    pthread_mutex_unlock(&flight->lock);
}

void origin_flight_finish(struct origin_flight *flight, int result)
{
    pthread_mutex_lock(&flight->lock);
    flight->is_over = true;
    flight->result = result;
    readers_wake(flight);
    pthread_mutex_unlock(&flight->lock);
}

/* The last byte waits for the judgement: an answer that is whole is right. */
static uint64_t readable(const struct origin_flight *flight)
{
    uint64_t size = flight->object.size;

    if (flight->is_over)
        return size;
    return flight->written < size ? flight->written : size - 1;
}

int64_t origin_flight_available(struct origin_flight *flight, struct s3_fetch *fetch, uint64_t at)
{
    int64_t bytes;

    pthread_mutex_lock(&flight->lock);
    if (flight->is_over && flight->result != 0) {
        bytes = -EIO;
    } else if (at < readable(flight)) {
        bytes = (int64_t)(readable(flight) - at);
    } else {
        bytes = -EBUSY;
        fetch->turn.next = on_more;
        fetch->waits = true;
        fetch->next = flight->readers;
        flight->readers = fetch;
        core_turn_begin(fetch->worker, &fetch->turn);
    }
    pthread_mutex_unlock(&flight->lock);
    return bytes;
}

/* Whether its wait, if it has one, is over without a turn. */
bool origin_flight_leave(struct origin_flight *flight, struct s3_fetch *fetch)
{
    struct s3_fetch **at = &flight->readers;
    bool was_waiting;

    pthread_mutex_lock(&flight->lock);
    if ((was_waiting = fetch->waits)) {
        while (*at != fetch)
            at = &(*at)->next;
        *at = fetch->next;
        fetch->waits = false;
        core_turn_cancel(&fetch->turn);
    }
    pthread_mutex_unlock(&flight->lock);
    return was_waiting;
}

void origin_flight_unref(struct origin_flight *flight, struct core_worker *worker)
{
    if (__atomic_sub_fetch(&flight->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    if (flight->fd >= 0)
        core_tail_close(worker, flight->fd);
    pthread_mutex_destroy(&flight->lock);
    arena_free(&flight->arena);
    free(flight);
}
