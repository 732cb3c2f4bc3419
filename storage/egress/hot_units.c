/* SPDX-License-Identifier: MIT
 *
 * A few chunks of memory, each with the list of its units:
 *
 *     chunk  | unit | unit ..| unit      |          |       begins of pages; one chunk is open, and is filled from the left
 *                                        ^ used
 *
 * A unit that is asked for and not here is a candidate: a small table counts how often that was. When the open chunk is full, a new one
 * takes its place; when there are as many as may be, the one goes whose units are asked for least, if the candidate is asked for more
 * often than these are: a unit brings along what was counted of it. Counts are halved now and then.
 *
 * A chunk that goes leaves the table at once, and its memory when nobody holds it. What a socket still has of its pages is then the
 * socket's alone.
 *
 * One lock, for a few instructions at a time: bytes are copied outside. */
#include "storage/egress/hot_units.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "storage/base/io.h"
#include "storage/base/scramble.h"
#include "storage/base/sys.h"
#include "storage/limits.h"
#include "storage/ring/pipe_pool.h"

#define PAGE       4096u
#define BUCKETS    2048u
#define UNITS_MAX  (HOT_CHUNK_BYTES / ((HOT_UNIT_BYTES_MIN + PAGE - 1) / PAGE * PAGE))
#define CHUNKS_MAX (HOT_BYTES_MAX / HOT_CHUNK_BYTES)
#define MEMORY_BYTES                                                                                         \
    (2 * HOT_CHUNK_BYTES) /* of address space: some chunk of these begins where a large page does */

struct hot_place {
    struct hot_unit unit;
    uint32_t at; /* in the chunk */
    struct hot_chunk *chunk;
    struct hot_place *next; /* with the same hash */
};

struct hot_chunk {
    unsigned char *mapped, *memory;
    uint32_t used;
    uint32_t holds; /* leases, and copies under way */
    bool is_gone;   /* from the table: freed with the last hold */
    uint32_t count; /* of its places */
    uint64_t asks;  /* for its units */
    struct hot_place places[UNITS_MAX];
};

struct hot_candidate {
    uint32_t tag, asks;
};

struct hot_units {
    pthread_mutex_t lock;
    struct pipe_pool *pipes;
    bool no_pages; /* the kernel gives no pages to pipes: bytes are copied */
    uint32_t asks; /* since counts were halved */
    uint32_t chunk_max, chunk_count;
    struct hot_chunk *chunks[CHUNKS_MAX]; /* the last one is open */
    struct hot_place **buckets;           /* BUCKETS; NULL before the first candidate, as the next */
    struct hot_candidate *candidates;     /* HOT_CANDIDATES */
};

/* ---- Room ---- */

/* Of the control group that this process is in; 0: it has no limit, or none that can be read. */
static uint64_t group_memory(void)
{
    char line[512], path[600];
    unsigned long long limit = 0;
    FILE *file = fopen("/proc/self/cgroup", "re");

    if (file == NULL)
        return 0;
    bool found = fgets(line, sizeof(line), file) != NULL && strncmp(line, "0::", 3) == 0;
    fclose(file); /* was only read from */
    if (!found)
        return 0;
    line[strcspn(line, "\n")] = '\0';
    snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.max", line + 3);
    if ((file = fopen(path, "re")) == NULL)
        return 0;
    if (fscanf(file, "%llu", &limit) != 1)
        limit = 0;
    fclose(file);
    return limit;
}

size_t hot_units_room(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    uint64_t memory = pages > 0 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
    uint64_t limit = group_memory(), room;

    if (limit > 0 && limit < memory)
        memory = limit;
    room = memory / HOT_MEMORY_SHARE;
    return room < HOT_BYTES_MAX ? (size_t)room : HOT_BYTES_MAX;
}

/* ---- Chunks ---- */

static struct hot_chunk *chunk_create(void)
{
    struct hot_chunk *chunk = calloc(1, sizeof(*chunk));
    void *mapped;

    if (chunk == NULL)
        return NULL;
    mapped =
        mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) {
        free(chunk);
        return NULL;
    }
    chunk->mapped = mapped;
    chunk->memory = chunk->mapped + (HOT_CHUNK_BYTES - (uintptr_t)mapped % HOT_CHUNK_BYTES) % HOT_CHUNK_BYTES;
    (void)sys.madvise(chunk->memory, HOT_CHUNK_BYTES, MADV_HUGEPAGE); /* else a unit is several pages */
    (void)sys.madvise(chunk->memory, HOT_CHUNK_BYTES, MADV_DONTFORK);
    return chunk;
}

static void chunk_free(struct hot_chunk *chunk)
{
    int err = munmap(chunk->mapped, MEMORY_BYTES);

    assert(chunk->holds == 0 && err == 0);
    (void)err;
    free(chunk);
}

static void chunk_let_go(struct hot_chunk *chunk)
{
    assert(chunk->holds > 0);
    if (--chunk->holds == 0 && chunk->is_gone)
        chunk_free(chunk);
}

static uint64_t unit_hash(const struct hot_unit *unit)
{
    return scramble(unit->blob ^ scramble(unit->offset ^ scramble(unit->sum)));
}

static bool unit_is(const struct hot_unit *one, const struct hot_unit *other)
{
    return one->blob == other->blob && one->offset == other->offset && one->sum == other->sum &&
           one->length == other->length;
}

static struct hot_place **place_find(struct hot_units *units, const struct hot_unit *unit)
{
    struct hot_place **at = &units->buckets[unit_hash(unit) % BUCKETS];

    while (*at != NULL && !unit_is(&(*at)->unit, unit))
        at = &(*at)->next;
    return at;
}

/* Takes the chunk out of the table, and its units. */
static void chunk_remove(struct hot_units *units, uint32_t index)
{
    struct hot_chunk *chunk = units->chunks[index];

    for (uint32_t i = 0; i < chunk->count; i++) {
        struct hot_place **at = &units->buckets[unit_hash(&chunk->places[i].unit) % BUCKETS];

        while (*at != &chunk->places[i])
            at = &(*at)->next;
        *at = chunk->places[i].next;
    }
    units->chunk_count--;
    memmove(&units->chunks[index], &units->chunks[index + 1],
            (units->chunk_count - index) * sizeof(*units->chunks));
    chunk->is_gone = true;
    chunk->holds++;
    chunk_let_go(chunk);
}

static uint32_t chunk_coldest(const struct hot_units *units)
{
    uint32_t coldest = 0;

    for (uint32_t i = 1; i < units->chunk_count; i++)
        if (units->chunks[i]->asks < units->chunks[coldest]->asks)
            coldest = i;
    return coldest;
}

/* A chunk with room, for a unit that was asked for so often; NULL: it is not worth one. */
static struct hot_chunk *chunk_for(struct hot_units *units, uint32_t length, uint32_t asks)
{
    struct hot_chunk *open = units->chunk_count > 0 ? units->chunks[units->chunk_count - 1] : NULL;

    if (open != NULL && HOT_CHUNK_BYTES - open->used >= length)
        return open;
    if (units->chunk_count == units->chunk_max) {
        uint32_t coldest = chunk_coldest(units);
        const struct hot_chunk *chunk = units->chunks[coldest];

        if (chunk->asks / (chunk->count > 0 ? chunk->count : 1) + 1 >= asks)
            return NULL;
        chunk_remove(units, coldest);
    }
    if ((open = chunk_create()) != NULL)
        units->chunks[units->chunk_count++] = open;
    return open;
}

/* ---- Counting ---- */

static void asks_count(struct hot_units *units)
{
    if (++units->asks < HOT_ASKS_HALVED)
        return;
    units->asks = 0;
    for (uint32_t i = 0; i < HOT_CANDIDATES; i++)
        units->candidates[i].asks /= 2;
    for (uint32_t i = 0; i < units->chunk_count; i++)
        units->chunks[i]->asks /= 2;
}

/* Of two that meet in one place the one that is asked for more often stays. */
static struct hot_candidate *candidate_ask(struct hot_units *units, const struct hot_unit *unit)
{
    uint64_t hash = unit_hash(unit);
    struct hot_candidate *candidate = &units->candidates[hash % HOT_CANDIDATES];
    uint32_t tag = (uint32_t)(hash >> 32);

    if (candidate->tag != tag && candidate->asks > 0 && --candidate->asks > 0)
        return NULL;
    if (candidate->tag != tag)
        *candidate = (struct hot_candidate){.tag = tag};
    candidate->asks++;
    return candidate;
}

static bool tables_are_there(struct hot_units *units)
{
    if (units->buckets == NULL)
        units->buckets = calloc(BUCKETS, sizeof(*units->buckets));
    if (units->candidates == NULL)
        units->candidates = calloc(HOT_CANDIDATES, sizeof(*units->candidates));
    return units->buckets != NULL && units->candidates != NULL;
}

/* ---- Calls ---- */

int hot_units_create(struct hot_units **out, size_t bytes_max)
{
    struct hot_units *units = calloc(1, sizeof(*units));

    if (units == NULL || pipe_pool_create(&units->pipes) != 0) {
        free(units);
        return -ENOMEM;
    }
    pthread_mutex_init(&units->lock, NULL);
    units->chunk_max = (uint32_t)((bytes_max < HOT_BYTES_MAX ? bytes_max : HOT_BYTES_MAX) / HOT_CHUNK_BYTES);
    *out = units;
    return 0;
}

void hot_units_free(struct hot_units *units)
{
    if (units == NULL)
        return;
    while (units->chunk_count > 0) {
        assert(units->chunks[units->chunk_count - 1]->holds == 0);
        chunk_remove(units, units->chunk_count - 1);
    }
    pipe_pool_destroy(units->pipes);
    pthread_mutex_destroy(&units->lock);
    free(units->buckets);
    free(units->candidates);
    free(units);
}

bool hot_units_get(struct hot_units *units, const struct hot_unit *unit, struct hot_lease *lease)
{
    struct hot_place *place = NULL;

    *lease = (struct hot_lease){0};
    pthread_mutex_lock(&units->lock);
    if (units->chunk_count > 0 && (place = *place_find(units, unit)) != NULL) {
        place->chunk->holds++;
        place->chunk->asks++;
        asks_count(units);
        *lease = (struct hot_lease){.chunk = place->chunk, .bytes = place->chunk->memory + place->at};
    }
    pthread_mutex_unlock(&units->lock);
    return place != NULL;
}

void hot_units_release(struct hot_units *units, struct hot_lease *lease)
{
    if (lease->chunk == NULL)
        return;
    pthread_mutex_lock(&units->lock);
    chunk_let_go(lease->chunk);
    pthread_mutex_unlock(&units->lock);
    *lease = (struct hot_lease){0};
}

/* Room for the unit, held; NULL: it is not worth a copy. */
static struct hot_chunk *offer_reserve(struct hot_units *units, const struct hot_unit *unit, uint32_t *at,
                                       uint32_t *asks)
{
    struct hot_candidate *candidate;
    struct hot_chunk *chunk;

    if (units->chunk_max == 0 || !tables_are_there(units))
        return NULL;
    asks_count(units);
    candidate = candidate_ask(units, unit);
    if (candidate == NULL || candidate->asks < HOT_ASKS_MIN ||
        (chunk = chunk_for(units, unit->length, candidate->asks)) == NULL)
        return NULL;
    *asks = candidate->asks;
    *candidate = (struct hot_candidate){0};
    *at = chunk->used;
    chunk->used += (unit->length + PAGE - 1) / PAGE * PAGE;
    chunk->holds++;
    return chunk;
}

/* Another worker may have brought it meanwhile: then the bytes lie idle until the chunk goes. */
static void offer_publish(struct hot_units *units, const struct hot_unit *unit, struct hot_chunk *chunk,
                          uint32_t at, uint32_t asks)
{
    struct hot_place **end = place_find(units, unit), *place;

    if (*end == NULL && !chunk->is_gone) {
        assert(chunk->count < UNITS_MAX);
        place = *end = &chunk->places[chunk->count++];
        *place = (struct hot_place){.unit = *unit, .at = at, .chunk = chunk};
        chunk->asks += asks;
    }
    chunk_let_go(chunk);
}

void hot_units_offer(struct hot_units *units, const struct hot_unit *unit, const void *bytes)
{
    struct hot_chunk *chunk;
    uint32_t at, asks;

    assert(unit->length >= HOT_UNIT_BYTES_MIN && unit->length <= EGRESS_VERIFY_BYTES_MAX);
    pthread_mutex_lock(&units->lock);
    chunk = offer_reserve(units, unit, &at, &asks);
    pthread_mutex_unlock(&units->lock);
    if (chunk == NULL)
        return;
    memcpy(chunk->memory + at, bytes, unit->length);
    pthread_mutex_lock(&units->lock);
    offer_publish(units, unit, chunk, at, asks);
    pthread_mutex_unlock(&units->lock);
}

size_t hot_units_bytes(struct hot_units *units)
{
    pthread_mutex_lock(&units->lock);
    size_t bytes = (size_t)units->chunk_count * HOT_CHUNK_BYTES;
    pthread_mutex_unlock(&units->lock);
    return bytes;
}

/* ---- Sending ---- */

static bool pipe_take(struct hot_units *units, struct pipe_pair *pipe)
{
    pthread_mutex_lock(&units->lock);
    bool taken = !units->no_pages && pipe_pool_take(units->pipes, pipe) == 0;
    pthread_mutex_unlock(&units->lock);
    return taken;
}

static void pipe_give(struct hot_units *units, struct pipe_pair *pipe, bool is_dirty, bool is_refused)
{
    pthread_mutex_lock(&units->lock);
    pipe_pool_give(units->pipes, pipe, is_dirty);
    units->no_pages |= is_refused;
    pthread_mutex_unlock(&units->lock);
}

/* The pages go to the pipe, and from there to the socket. A pipe with what the socket did not take is closed: it happens once to an
 * answer. 0: it is not to be. */
static ssize_t send_pages(struct hot_units *units, const struct iovec *bytes, int socket_fd)
{
    struct pipe_pair pipe;
    ssize_t filled, sent = -1;
    int err;

    if (!pipe_take(units, &pipe))
        return 0;
    filled = IO_RETRY(sys.vmsplice(pipe.write_fd, bytes, 1, SPLICE_F_NONBLOCK));
    if (filled > 0)
        sent = IO_RETRY(sys.splice(pipe.read_fd, NULL, socket_fd, NULL, (size_t)filled, SPLICE_F_NONBLOCK));
    err = errno;
    bool refused = sent < 0 && (err == ENOSYS || err == EPERM || err == EINVAL);
    pipe_give(units, &pipe, filled > 0 && sent != filled, refused);
    errno = err;
    return refused || filled <= 0 ? 0 : sent;
}

ssize_t hot_units_send(struct hot_units *units, struct hot_lease *lease, size_t first, size_t length,
                       int socket_fd)
{
    struct iovec bytes = {(unsigned char *)lease->bytes + first, length};
    ssize_t sent;

    assert(lease->chunk != NULL && length > 0);
    if (!lease->is_slow && (sent = send_pages(units, &bytes, socket_fd)) != 0) {
        lease->is_slow = sent != (ssize_t)length;
        return sent;
    }
    return IO_RETRY(send(socket_fd, bytes.iov_base, length, MSG_NOSIGNAL | MSG_DONTWAIT));
}
