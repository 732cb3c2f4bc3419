/* SPDX-License-Identifier: MIT
 *
 * What the tests of segments share: a writer over a store in a temporary folder, batches of units with known bytes, and what
 * was told of sealed segments. Header only; every test is one program. */
#ifndef TESTS_SEGMENT_SUPPORT_H
#define TESTS_SEGMENT_SUPPORT_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>

#include "storage/segment/segment.h"
#include "storage/segment/segment_internal.h"
#include "tests/unit/storage/blob_support.h"

#define SEALED_MAX 32u

struct sealed {
    uint64_t blob, used_bytes;
    bool is_certain;
};

struct pen {
    struct rig rig;
    struct segment_writer *writer;
    struct sealed sealed[SEALED_MAX];
    unsigned sealed_count;
};

static enum ring_engine engine; /* of the group that runs */

UNUSED static void note_sealed(void *ctx, uint64_t blob, uint64_t used_bytes, bool is_certain)
{
    struct pen *pen = ctx;

    assert_true(pen->sealed_count < SEALED_MAX);
    pen->sealed[pen->sealed_count++] = (struct sealed){blob, used_bytes, is_certain};
}

UNUSED static void pen_begin(struct pen *pen, bool durable)
{
    rig_begin(&pen->rig, engine, durable, false);
    pen->sealed_count = 0;
    assert_int_equal(segment_writer_create(&pen->writer, pen->rig.store, note_sealed, pen), 0);
}

UNUSED static void pen_end(struct pen *pen)
{
    segment_writer_destroy(pen->writer);
    rig_end(&pen->rig);
}

/* NULL: nothing was told of that blob. */
UNUSED static const struct sealed *pen_sealed(const struct pen *pen, uint64_t blob)
{
    for (unsigned i = 0; i < pen->sealed_count; ++i)
        if (pen->sealed[i].blob == blob)
            return &pen->sealed[i];
    return NULL;
}

/* ---- Batches ---- */

struct batch {
    struct segment_unit *units;
    uint32_t count;
};

UNUSED static void batch_make(struct batch *batch, const uint32_t *lengths, uint32_t count, uint64_t seed)
{
    batch->units = calloc(count, sizeof(*batch->units));
    assert_non_null(batch->units);
    batch->count = count;
    for (uint32_t i = 0; i < count; ++i) {
        struct segment_unit *unit = &batch->units[i];
        uint32_t room = segment_unit_room(lengths[i]);
        unsigned char *data = make_bytes(room, seed + i);

        memset(data + lengths[i], 0, room - lengths[i]);
        unit->data = data;
        unit->length = lengths[i];
        unit->result = 1;
        unit->next = i + 1 < count ? unit + 1 : NULL;
    }
}

/* `count` units of the same length. */
UNUSED static void batch_make_equal(struct batch *batch, uint32_t count, uint32_t length, uint64_t seed)
{
    uint32_t *lengths = calloc(count, sizeof(*lengths));

    assert_non_null(lengths);
    for (uint32_t i = 0; i < count; ++i)
        lengths[i] = length;
    batch_make(batch, lengths, count, seed);
    free(lengths);
}

UNUSED static void batch_free(struct batch *batch)
{
    for (uint32_t i = 0; i < batch->count; ++i)
        free((void *)(uintptr_t)batch->units[i].data);
    free(batch->units);
}

/* Written and synced; the result of the sync. */
UNUSED static int batch_write(struct pen *pen, struct batch *batch)
{
    segment_write(pen->writer, batch->units);
    segment_sync_begin(pen->writer);
    return segment_sync_end(pen->writer);
}

/* The whole life of a batch that goes well. */
UNUSED static void batch_store(struct pen *pen, struct batch *batch)
{
    assert_int_equal(batch_write(pen, batch), 0);
    segment_batch_end(pen->writer, true);
    for (uint32_t i = 0; i < batch->count; ++i)
        assert_int_equal(batch->units[i].result, 0);
}

/* ---- Looking ---- */

/* The unit's bytes are in its place, and zeros after them up to the next one's. */
UNUSED static void assert_unit_holds(struct rig *rig, const struct segment_unit *unit)
{
    uint32_t room = segment_unit_room(unit->length);
    unsigned char *found = malloc(room);
    int fd = blob_store_open_fd(rig->store, unit->at.blob);

    assert_non_null(found);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, found, room, (off_t)unit->at.offset), room);
    assert_memory_equal(found, unit->data, room);
    close(fd);
    free(found);
}

UNUSED static void assert_batch_holds(struct rig *rig, const struct batch *batch)
{
    for (uint32_t i = 0; i < batch->count; ++i)
        assert_unit_holds(rig, &batch->units[i]);
}

/* All of the units failed so, and name no place. */
UNUSED static void assert_batch_failed(const struct batch *batch, int err)
{
    for (uint32_t i = 0; i < batch->count; ++i) {
        assert_int_equal(batch->units[i].result, err);
        assert_int_equal(batch->units[i].at.blob, 0);
    }
}

UNUSED static void blob_stat(struct rig *rig, uint64_t blob, struct stat *st)
{
    int fd = blob_store_open_fd(rig->store, blob);

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, st), 0);
    close(fd);
}

/* Segments are made by a thread of their own: waits for its file. */
UNUSED static void await_blobs(struct rig *rig, unsigned count)
{
    const struct timespec pause = {.tv_nsec = 2000000};

    for (unsigned i = 0; i < 30000 && rig_count_blobs(rig) != count; ++i)
        nanosleep(&pause, NULL);
    assert_int_equal(rig_count_blobs(rig), count);
}

/* ---- Both engines ---- */

UNUSED static int choose_threads(void **state)
{
    engine = RING_ENGINE_THREADS;
    return 0;
}

UNUSED static int choose_uring(void **state)
{
    engine = RING_ENGINE_URING;
    return 0;
}

UNUSED static bool uring_is_here(void)
{
    struct ring *ring;

    if (ring_create(&ring, RING_ENGINE_URING) != 0)
        return false;
    ring_destroy(ring);
    return true;
}

#define RUN_ENGINES(tests)                                                                                   \
    (cmocka_run_group_tests_name("threads", tests, choose_threads, NULL) +                                   \
     (uring_is_here() ? cmocka_run_group_tests_name("io_uring", tests, choose_uring, NULL) : 0))

#endif
