/* SPDX-License-Identifier: MIT
 *
 * Ids that are handed out and not settled: as many uploads as may be under way, and however many came before them; and ids that no store
 * comes to, but a damaged file or row may name. */
#include "tests/unit/storage/blob_support.h"

#define MANY                                                                                                 \
    3000u /* more than the table of unsettled ids has room for at first, and than it has after it has grown once */

static uint64_t take(struct rig *rig)
{
    uint64_t id;

    assert_int_equal(blob_ids_take_wait(rig->store, &id), 0);
    return id;
}

/* The table grows while its first id is far beyond its length. */
static void many_are_unsettled_late(void **state)
{
    static uint64_t taken[MANY];
    struct blob_ids *ids;
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_THREADS, true, false);
    ids = &rig.store->ids;
    for (uint64_t id = 0; id < 2 * MANY;)
        blob_ids_settle(ids, id = take(&rig));
    for (uint32_t i = 0; i < MANY; i++)
        taken[i] = take(&rig);
    for (uint32_t i = 1; i < MANY; i++) {
        assert_int_equal(taken[i], taken[i - 1] + 1);
        blob_ids_settle(ids, taken[i]);
    }
    assert_int_equal(ids->settled, taken[0]); /* the first holds all of them */
    blob_ids_settle(ids, taken[0]);
    assert_int_equal(ids->settled, ids->next);
    rig_end(&rig);
}

/* What SEQUENCE calls settled. */
static uint64_t told(struct rig *rig)
{
    struct blob_sequence sequence = {0};
    char path[96];

    snprintf(path, sizeof(path), "%s/blobs/SEQUENCE", rig->dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(blob_sequence_read(fd, &sequence), 0);
    close(fd);
    return sequence.settled;
}

static _Atomic unsigned sequence_syncs; /* the store has a thread for them */

static int fdatasync_counted(int fd)
{
    ++sequence_syncs;
    return fdatasync(fd);
}

/* A segment that is settled is in SEQUENCE within moments, once nothing before it is open; other blobs wait for the next promise. */
static void settled_segments_are_told(void **state)
{
    struct rig rig;

    sys.fdatasync = fdatasync_counted; /* before the store has threads, and after */
    rig_begin(&rig, RING_ENGINE_THREADS, true, false);
    uint64_t plain = take(&rig), segment = take(&rig), other = take(&rig), last = take(&rig);
    uint64_t before = told(&rig);
    assert_true(before <= plain);
    sequence_syncs = 0;
    blob_store_settle_segment(rig.store, segment);
    blob_store_settle(rig.store, other);
    usleep(20000);
    assert_int_equal(told(&rig), before); /* `plain` may be without a row */
    blob_store_settle(rig.store, plain);
    while (told(&rig) < last)
        usleep(1000);
    assert_int_equal(told(&rig), last);
    assert_int_equal(sequence_syncs, 1);
    blob_store_settle(rig.store, last);
    usleep(20000);
    assert_int_equal(told(&rig), last);
    assert_int_equal(sequence_syncs, 1);
    rig_end(&rig);
    sys.fdatasync = fdatasync;
}

/* Whole records of ids that no store comes to. */
static void sequence_is_at_the_end(void **state)
{
    static const uint64_t promised[] = {BLOB_ID_MAX, BLOB_ID_MAX - BLOB_ID_BLOCK, BLOB_ID_MAX - BLOB_ID_JUMP};
    char path[96];

    for (size_t i = 0; i < 2 * sizeof(promised) / sizeof(promised[0]); i++) {
        struct blob_sequence sequence = {.generation = 1000,
                                         .settled = promised[i / 2] - i % 2,
                                         .promised = promised[i / 2],
                                         .synced = true};
        struct rig rig;

        rig_begin(&rig, RING_ENGINE_THREADS, true, false);
        blob_store_close(rig.store);
        snprintf(path, sizeof(path), "%s/blobs/SEQUENCE", rig.dir);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        assert_int_equal(blob_sequence_write(fd, &sequence), 0);
        close(fd);
        rig.errors = 0;
        assert_int_equal(rig_open_store(&rig, true, false), -EBADMSG);
        assert_int_equal(rig.errors, 1);
        rig.store = NULL;
        rig_end(&rig);
    }
}

/* What rows name at most, and then a store that goes on above it. */
static void rows_name_the_highest(void **state)
{
    const uint64_t last = BLOB_ID_MAX - BLOB_ID_JUMP - BLOB_ID_BLOCK - 1;
    static const uint64_t too_high[] = {BLOB_ID_MAX - BLOB_ID_BLOCK,
                                        BLOB_ID_MAX - BLOB_ID_BLOCK + 1,
                                        BLOB_ID_MAX,
                                        BLOB_ID_MAX + 1,
                                        INT64_MAX,
                                        UINT64_MAX};
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_THREADS, true, false);
    blob_store_close(rig.store);
    assert_int_equal(rig_open_store(&rig, true, false), 0);
    for (size_t i = 0; i < sizeof(too_high) / sizeof(too_high[0]); i++)
        assert_int_equal(blob_store_stay_above(rig.store, too_high[i]), -EBADMSG);
    assert_int_equal(blob_store_stay_above(rig.store, last + 1), -EBADMSG);
    assert_int_equal(blob_store_stay_above(rig.store, last), 0);
    assert_int_equal(blob_store_recover(rig.store, no_row, NULL, NULL, NULL), 0);
    for (uint64_t i = 1; i < 2 * BLOB_ID_BLOCK; i++) {
        uint64_t id = take(&rig);

        assert_int_equal(id, last + i);
        blob_ids_settle(&rig.store->ids, id);
    }
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequence_is_at_the_end),
        cmocka_unit_test(rows_name_the_highest),
        cmocka_unit_test(many_are_unsettled_late),
        cmocka_unit_test(settled_segments_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
