/* SPDX-License-Identifier: MIT
 *
 * What was found of each unit is kept in a hash table, open addressing, doubled when it is two thirds full.
 *
 * Rows come in the order of their keys, and small units lie anywhere: read in that order, a million of them are a million seeks. So they are
 * noted, sorted by place, and dealt out to threads in shares that are read from their beginning to their end. */
#include "api/core/upkeep/check_units.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "storage/base/thread.h"

#define UNITS_CAPACITY_FIRST 1024u
#define UNITS_THREADS_MAX    16u

/* A share: enough to be worth a lock, little enough to end together. */
#define SHARE_BYTES (4u << 20)
#define SHARE_JOBS  1024u

struct check_unit {
    uint64_t file; /* 0: the place is free; no blob has that id */
    uint64_t offset, length;
    uint64_t crc;
    enum meta_unit_crc crc_kind;
    int verdict; /* enum check_verdict, or UNIT_NOTED */
};

#define UNIT_NOTED (-1) /* it is among the jobs */

struct check_units {
    struct blob_store *blobs;
    enum check_way way;
    uint64_t bytes;
    struct check_unit *table;
    size_t capacity, count; /* capacity is a power of two */
    struct check_reader *reader;
    struct check_job *jobs;
    size_t job_count, job_capacity;
};

struct check_units *check_units_create(struct blob_store *blobs, bool verify_bytes)
{
    struct check_units *units = calloc(1, sizeof(*units));

    assert(blobs != NULL);
    if (units == NULL)
        return NULL;
    units->blobs = blobs;
    units->way = verify_bytes ? CHECK_CACHED : CHECK_NO_BYTES;
    units->capacity = UNITS_CAPACITY_FIRST;
    units->table = calloc(units->capacity, sizeof(*units->table));
    units->reader = check_reader_create(blobs, units->way);
    if (units->table == NULL || units->reader == NULL) {
        check_units_free(units);
        return NULL;
    }
    return units;
}

void check_units_free(struct check_units *units)
{
    if (units == NULL)
        return;
    check_reader_free(units->reader);
    free(units->jobs);
    free(units->table);
    free(units);
}

uint64_t check_units_bytes(const struct check_units *units)
{
    return units->bytes;
}

/* ---- The table ---- */

/* The unit's place, or the free place where it would go. */
static struct check_unit *units_place(struct check_unit *table, size_t capacity, uint64_t file,
                                      uint64_t offset)
{
    uint64_t hash = (file ^ offset << 32) * UINT64_C(0x9e3779b97f4a7c15); /* Fibonacci hashing */
    size_t at = (size_t)(hash >> 32) & (capacity - 1);

    assert((capacity & (capacity - 1)) == 0 && file != 0);
    while (table[at].file != 0 && (table[at].file != file || table[at].offset != offset))
        at = (at + 1) & (capacity - 1);
    return &table[at];
}

static int units_grow(struct check_units *units)
{
    size_t capacity = units->capacity * 2;
    struct check_unit *table;

    assert(units->count < units->capacity);
    if (units->count * 3 < units->capacity * 2)
        return 0;
    table = calloc(capacity, sizeof(*table));
    if (table == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < units->capacity; i++) {
        const struct check_unit *unit = &units->table[i];

        if (unit->file != 0)
            *units_place(table, capacity, unit->file, unit->offset) = *unit;
    }
    free(units->table);
    units->table = table;
    units->capacity = capacity;
    return 0;
}

static bool unit_agrees(const struct check_unit *unit, const struct meta_extent *extent)
{
    return unit->length == extent->unit_length && unit->crc == extent->unit_crc &&
           unit->crc_kind == extent->unit_crc_kind;
}

/* Its place, which is its own from here on if it was free. NULL: no memory. */
static struct check_unit *units_find(struct check_units *units, const struct meta_extent *extent,
                                     bool *is_new)
{
    struct check_unit *unit;

    if (units_grow(units) != 0)
        return NULL;
    unit = units_place(units->table, units->capacity, extent->file, extent->unit_offset);
    *is_new = unit->file == 0;
    if (*is_new) {
        *unit = (struct check_unit){
            .file = extent->file,
            .offset = extent->unit_offset,
            .length = extent->unit_length,
            .crc = extent->unit_crc,
            .crc_kind = extent->unit_crc_kind,
            .verdict = UNIT_NOTED,
        };
        units->count++;
    }
    return unit;
}

static void unit_found(struct check_units *units, struct check_unit *unit, int verdict)
{
    bool was_there = unit->verdict != UNIT_NOTED && unit->verdict != CHECK_MISSING;

    unit->verdict = verdict;
    if (!was_there && verdict != CHECK_MISSING)
        units->bytes += unit->length;
}

/* ---- One ---- */

static int unit_look(struct check_units *units, struct check_unit *unit, const struct meta_extent *extent)
{
    struct check_job job = check_job_of(extent);

    (void)check_reader_run(units->reader, &job, 1, NULL, NULL); /* nobody ends it */
    if (job.verdict >= 0)
        unit_found(units, unit, job.verdict);
    return job.verdict;
}

int check_units_look(struct check_units *units, const struct meta_extent *extent)
{
    struct check_unit *unit;
    bool is_new;

    if (extent->file == 0)
        return CHECK_MISSING;
    if ((unit = units_find(units, extent, &is_new)) == NULL)
        return -ENOMEM;
    if (unit->verdict == UNIT_NOTED)
        return unit_look(units, unit, extent);
    return unit_agrees(unit, extent) ? unit->verdict : CHECK_DISAGREES;
}

int check_units_look_again(struct check_units *units, const struct meta_extent *extent)
{
    struct check_unit *unit = units_place(units->table, units->capacity, extent->file, extent->unit_offset);

    if (extent->file == 0 || unit->file == 0 || !unit_agrees(unit, extent))
        return check_units_look(units, extent);
    return unit_look(units, unit, extent);
}

/* ---- Many ---- */

int check_units_note(struct check_units *units, const struct meta_extent *extent)
{
    bool is_new;

    if (extent->file == 0)
        return 0;
    if (units->job_count == units->job_capacity) {
        size_t capacity = units->job_capacity == 0 ? 1024 : 2 * units->job_capacity;
        struct check_job *jobs = realloc(units->jobs, capacity * sizeof(*jobs));

        if (jobs == NULL)
            return -ENOMEM;
        units->jobs = jobs;
        units->job_capacity = capacity;
    }
    if (units_find(units, extent, &is_new) == NULL)
        return -ENOMEM;
    if (is_new) {
        units->jobs[units->job_count] = check_job_of(extent);
        units->jobs[units->job_count++].verdict = UNIT_NOTED;
    }
    return 0;
}

/* What the threads share. */
struct run {
    struct check_units *units;
    pthread_mutex_t lock;
    size_t next; /* job that nobody has, under the lock */
    atomic_uint_fast64_t bytes;
    atomic_int error; /* the first */
    bool (*is_over)(void *ctx, uint64_t bytes);
    void *ctx;
};

static struct check_job *run_take(struct run *run, size_t *count)
{
    struct check_job *jobs;
    uint64_t bytes = 0;

    pthread_mutex_lock(&run->lock);
    jobs = run->units->jobs + run->next;
    for (*count = 0; run->next < run->units->job_count && *count < SHARE_JOBS && bytes < SHARE_BYTES;
         ++*count)
        bytes += run->units->jobs[run->next++].length;
    pthread_mutex_unlock(&run->lock);
    return jobs;
}

static void run_fail(struct run *run, int err)
{
    int none = 0;

    (void)atomic_compare_exchange_strong(&run->error, &none, err);
}

static int run_before(void *ctx, uint64_t bytes)
{
    struct run *run = ctx;

    atomic_fetch_add(&run->bytes, bytes);
    return atomic_load(&run->error);
}

static int run_before_mine(void *ctx, uint64_t bytes)
{
    struct run *run = ctx;

    if (run->is_over != NULL && run->is_over(run->ctx, atomic_load(&run->bytes)))
        run_fail(run, -ECANCELED);
    return run_before(run, bytes);
}

static void run_shares(struct run *run, struct check_reader *reader, int (*before)(void *ctx, uint64_t bytes))
{
    struct check_job *jobs;
    size_t count;

    while (atomic_load(&run->error) == 0 && (jobs = run_take(run, &count), count > 0))
        (void)check_reader_run(reader, jobs, count, before, run); /* run->error tells */
}

/* A thread without a reader leaves its share to the others. */
static void *run_main(void *ctx)
{
    struct run *run = ctx;
    struct check_reader *reader = check_reader_create(run->units->blobs, run->units->way);

    if (reader != NULL)
        run_shares(run, reader, run_before);
    check_reader_free(reader);
    return NULL;
}

/* What has no verdict is as if nobody had met it: the place in the table waits for whoever looks. */
static int run_end(struct run *run)
{
    struct check_units *units = run->units;
    int err = atomic_load(&run->error);

    for (size_t i = 0; i < units->job_count; i++) {
        const struct check_job *job = &units->jobs[i];

        if (job->verdict == -ENOMEM && err == 0)
            err = -ENOMEM;
        if (job->verdict >= 0)
            unit_found(units, units_place(units->table, units->capacity, job->file, job->offset),
                       job->verdict);
    }
    units->job_count = 0;
    return err;
}

int check_units_run(struct check_units *units, unsigned threads, bool (*is_over)(void *ctx, uint64_t bytes),
                    void *ctx)
{
    struct run run = {.units = units, .is_over = is_over, .ctx = ctx};
    pthread_t others[UNITS_THREADS_MAX];
    unsigned started = 0;

    check_jobs_sort(units->jobs, units->job_count);
    pthread_mutex_init(&run.lock, NULL);
    while (started + 1 < threads && started < UNITS_THREADS_MAX &&
           units->job_count > (size_t)started * SHARE_JOBS &&
           thread_start(&others[started], "sluice-check", run_main, &run) == 0)
        started++;
    run_shares(&run, units->reader, run_before_mine);
    while (started > 0)
        thread_join(others[--started]);
    pthread_mutex_destroy(&run.lock);
    return run_end(&run);
}
