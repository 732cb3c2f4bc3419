/* SPDX-License-Identifier: MIT
 *
 * Writing units into segments: where they lie and what is there afterwards, when a segment is sealed and what is told of it,
 * and every way in which a write, a sync or the making of a segment fails. */
#include "tests/unit/storage/segment_support.h"

#define UNIT SEGMENT_UNIT_BYTES_MAX
#define HEAD SEGMENT_ALIGN_BYTES

/* ---- Places ---- */

/* Each unit begins where the one before it ends, or after the head of another segment. */
static void assert_places(const struct batch *batch, struct blob_unit *end)
{
    for (uint32_t i = 0; i < batch->count; ++i) {
        const struct segment_unit *unit = &batch->units[i];

        assert_int_equal(unit->at.offset % SEGMENT_ALIGN_BYTES, 0);
        if (unit->at.blob != end->blob)
            *end = (struct blob_unit){unit->at.blob, HEAD};
        assert_int_equal(unit->at.offset, end->offset);
        end->offset += segment_unit_room(unit->length);
    }
}

static void units_of_all_sizes(void **state)
{
    enum { BATCHES = 8, UNITS = 17 };
    struct batch batches[BATCHES];
    struct blob_unit end = {0, 0};
    struct pen pen;

    pen_begin(&pen, true);
    for (uint32_t i = 0; i < BATCHES; ++i) {
        uint32_t lengths[UNITS] = {1, 4095, 4096, 4097, UNIT - 1, UNIT};

        for (uint32_t j = 6; j < UNITS; ++j)
            lengths[j] = 1 + (i * UNITS + j) * 481 % UNIT;
        batch_make(&batches[i], lengths, UNITS, i * 1000);
        batch_store(&pen, &batches[i]);
        assert_places(&batches[i], &end);
    }
    for (uint32_t i = 0; i < BATCHES; ++i) { /* after all of them: none has written over another */
        assert_batch_holds(&pen.rig, &batches[i]);
        batch_free(&batches[i]);
    }
    assert_true(pen.sealed_count > 0);
    pen_end(&pen);
}

static void batch_spans_two_segments(void **state)
{
    const uint32_t fit = (SEGMENT_BYTES_MIN - HEAD) / UNIT;
    struct batch batch;
    struct pen pen;

    pen_begin(&pen, true);
    batch_make_equal(&batch, fit + 2, UNIT, 1);
    assert_int_equal(batch_write(&pen, &batch), 0);
    assert_int_equal(pen.sealed_count, 0); /* changes that rest on it are under way */
    segment_batch_end(pen.writer, true);
    assert_int_equal(pen.sealed_count, 1);
    assert_int_equal(pen.sealed[0].blob, batch.units[0].at.blob);
    assert_int_equal(pen.sealed[0].used_bytes, HEAD + fit * UNIT);
    assert_true(pen.sealed[0].is_certain);
    assert_true(batch.units[fit].at.blob != batch.units[0].at.blob);
    assert_int_equal(batch.units[fit].at.offset, HEAD);
    assert_batch_holds(&pen.rig, &batch);
    batch_free(&batch);
    pen_end(&pen);
}

/* A full one holds as many of the largest units as fit: so it tells its size. */
static void sizes_grow(void **state)
{
    const uint64_t sizes[] = {256u << 10, 1u << 20, 4u << 20, 16u << 20, 32u << 20, 32u << 20};
    const unsigned count = sizeof(sizes) / sizeof(sizes[0]);
    struct batch batch;
    struct pen pen;

    pen_begin(&pen, false);
    batch_make_equal(&batch, 3, UNIT, 1); /* no more than one is sealed at once */
    while (pen.sealed_count < count)
        batch_store(&pen, &batch);
    for (unsigned i = 0; i < count; ++i)
        assert_int_equal(pen.sealed[i].used_bytes, HEAD + (sizes[i] - HEAD) / UNIT * UNIT);
    batch_free(&batch);
    pen_end(&pen);
}

/* What a durable store writes ahead, so that a sync has no blocks to allocate. */
static void only_durable_stores_write_zeros(void **state)
{
    for (int durable = 0; durable < 2; ++durable) {
        struct batch batch;
        struct stat st;
        struct pen pen;

        pen_begin(&pen, durable != 0);
        batch_make_equal(&batch, 1, 1, 1);
        batch_store(&pen, &batch);
        blob_stat(&pen.rig, batch.units[0].at.blob, &st);
        assert_int_equal(st.st_size, durable ? SEGMENT_BYTES_MIN : HEAD + SEGMENT_ALIGN_BYTES);
        if (durable)
            assert_true(st.st_blocks * 512 >= (blkcnt_t)SEGMENT_BYTES_MIN);
        batch_free(&batch);
        pen_end(&pen);
    }
}

/* ---- Age ---- */

/* All that were handed out are settled. Under the lock, for the thread that makes segments takes ids, too. */
static void assert_no_id_left(struct rig *rig)
{
    struct blob_ids *ids = &rig->store->ids;

    pthread_mutex_lock(&ids->lock);
    bool none = ids->settled == ids->next;
    pthread_mutex_unlock(&ids->lock);
    assert_true(none);
}

/* Until the next id is at least that. */
static void ids_run_ahead(struct rig *rig, uint64_t next)
{
    uint64_t id;

    do {
        assert_int_equal(blob_ids_take_wait(rig->store, &id), 0);
        blob_ids_settle(&rig->store->ids, id);
    } while (id + 1 < next);
}

static void sealed_by_age(void **state)
{
    struct batch batch;
    struct pen pen;
    uint64_t blob;

    pen_begin(&pen, true);
    batch_make_equal(&batch, 1, 100, 1);
    batch_store(&pen, &batch);
    blob = batch.units[0].at.blob;
    ids_run_ahead(&pen.rig, blob + BLOB_ID_BLOCK);
    batch_store(&pen, &batch);
    assert_int_equal(batch.units[0].at.blob, blob);
    ids_run_ahead(&pen.rig, blob + BLOB_ID_BLOCK + 1);
    batch_store(&pen, &batch);
    assert_true(batch.units[0].at.blob > blob);
    assert_int_equal(pen.sealed_count, 1);
    assert_int_equal(pen.sealed[0].blob, blob);
    assert_int_equal(pen.sealed[0].used_bytes, HEAD + 2 * SEGMENT_ALIGN_BYTES);
    assert_true(pen.sealed[0].is_certain);
    batch_free(&batch);
    pen_end(&pen);
}

/* It would hold recovery's range open: thrown away, not used. */
static void made_long_ago(void **state)
{
    struct batch batch;
    struct pen pen;
    uint64_t first;

    pen_begin(&pen, true);
    first = pen.rig.store->ids.next;
    segment_writer_expect(pen.writer);
    await_blobs(&pen.rig, 1);
    ids_run_ahead(&pen.rig, first + BLOB_ID_BLOCK + 1);
    batch_make_equal(&batch, 1, 100, 1);
    batch_store(&pen, &batch);
    assert_true(batch.units[0].at.blob > first + BLOB_ID_BLOCK);
    assert_int_equal(rig_count_blobs(&pen.rig), 1);
    assert_true(blob_store_is_settled(pen.rig.store, first));
    batch_free(&batch);
    pen_end(&pen);
}

/* No unit comes any more, but other blobs do. */
static void sealed_by_age_when_idle(void **state)
{
    struct batch batch;
    struct pen pen;
    uint64_t blob;

    pen_begin(&pen, true);
    batch_make_equal(&batch, 3, UNIT, 1); /* enough to have the next one made */
    batch_store(&pen, &batch);
    blob = batch.units[0].at.blob;
    await_blobs(&pen.rig, 2);
    ids_run_ahead(&pen.rig, blob + BLOB_ID_BLOCK);
    segment_writer_idle(pen.writer);
    assert_int_equal(pen.sealed_count, 0);
    assert_int_equal(rig_count_blobs(&pen.rig), 2);
    for (unsigned i = 0; i < 60000 && (pen.sealed_count == 0 || rig_count_blobs(&pen.rig) == 2); ++i) {
        ids_run_ahead(&pen.rig, blob + BLOB_ID_BLOCK + 2);
        segment_writer_idle(pen.writer); /* the next one may be in the making still */
        usleep(1000);
    }
    assert_int_equal(pen.sealed_count, 1);
    assert_int_equal(pen.sealed[0].blob, blob);
    assert_int_equal(pen.sealed[0].used_bytes, HEAD + 3 * UNIT);
    assert_true(pen.sealed[0].is_certain);
    assert_int_equal(rig_count_blobs(&pen.rig), 1);
    assert_false(blob_store_is_settled(pen.rig.store, blob)); /* the owner's part */
    batch_store(&pen, &batch);
    assert_true(batch.units[0].at.blob > blob + BLOB_ID_BLOCK);
    batch_free(&batch);
    pen_end(&pen);
}

/* ---- Writes that fail ---- */

static struct {
    unsigned calls, fail_at; /* 0: none */
    int error;
    size_t bytes_max; /* of one write; 0: any */
} writing;

static ssize_t pwritev_faulty(int fd, const struct iovec *list, int count, off_t offset)
{
    struct iovec first = list[0];

    ++writing.calls;
    if (writing.calls == writing.fail_at) {
        errno = writing.error;
        return -1;
    }
    if (writing.bytes_max == 0)
        return pwritev(fd, list, count, offset);
    if (first.iov_len > writing.bytes_max)
        first.iov_len = writing.bytes_max;
    return pwritev(fd, &first, 1, offset);
}

static void writing_set(unsigned fail_at, int error, size_t bytes_max)
{
    writing.calls = 0;
    writing.fail_at = fail_at;
    writing.error = error;
    writing.bytes_max = bytes_max;
    sys.pwritev = pwritev_faulty;
}

static void writes_in_pieces(void **state)
{
    const uint32_t lengths[] = {1, 9000, 4096, UNIT, 12287};
    struct batch batch;
    struct pen pen;

    pen_begin(&pen, true);
    batch_make(&batch, lengths, 5, 1);
    writing_set(3, EINTR, 5000);
    batch_store(&pen, &batch);
    sys.pwritev = pwritev;
    assert_true(writing.calls > 20);
    assert_batch_holds(&pen.rig, &batch);
    batch_free(&batch);
    pen_end(&pen);
}

/* At the first byte, or when a part is written: the group has failed, and the segment takes no more. */
static void failed_write(void **state)
{
    const int errors[] = {ENOSPC, EIO, ENOSPC};
    const unsigned fail_at[] = {1, 1, 3};

    for (int i = 0; i < 3; ++i) {
        struct batch before, batch;
        struct pen pen;

        pen_begin(&pen, true);
        batch_make_equal(&before, 2, 5000, 1);
        batch_make_equal(&batch, 4, 5000, 10);
        batch_store(&pen, &before);
        writing_set(fail_at[i], errors[i], fail_at[i] == 1 ? 0 : 4096);
        assert_int_equal(batch_write(&pen, &batch), 0);
        sys.pwritev = pwritev;
        segment_batch_end(pen.writer, true);
        assert_batch_failed(&batch, -errors[i]);
        assert_int_equal(pen.rig.errors, 1);
        assert_int_equal(pen.sealed_count, 1);
        assert_int_equal(pen.sealed[0].blob, before.units[0].at.blob);
        assert_int_equal(pen.sealed[0].used_bytes, HEAD + 2 * 8192);

        batch_store(&pen, &batch);
        assert_true(batch.units[0].at.blob != before.units[0].at.blob);
        assert_batch_holds(&pen.rig, &before);
        assert_batch_holds(&pen.rig, &batch);
        batch_free(&before);
        batch_free(&batch);
        pen_end(&pen);
    }
}

/* Of a list that takes several writes, the others are stored. */
static void one_of_several_writes_fails(void **state)
{
    const uint32_t first = (SEGMENT_BYTES_MIN - HEAD) / UNIT;
    struct batch batch;
    struct pen pen;

    pen_begin(&pen, true);
    batch_make_equal(&batch, 2 * first, UNIT, 1);
    writing_set(1, ENOSPC, 0);
    assert_int_equal(batch_write(&pen, &batch), 0);
    sys.pwritev = pwritev;
    segment_batch_end(pen.writer, true);
    for (uint32_t i = 0; i < batch.count; ++i) {
        assert_int_equal(batch.units[i].result, i < first ? -ENOSPC : 0);
        if (i >= first)
            assert_unit_holds(&pen.rig, &batch.units[i]);
    }
    batch_free(&batch);
    pen_end(&pen);
}

/* ---- Syncs that fail ---- */

/* Nobody knows what a crash would bring back: told so, and never written to again. */
static void expect_given_up(struct pen *pen, const struct batch *batch)
{
    struct batch later;

    for (uint32_t i = 0; i < batch->count; ++i) {
        const struct sealed *sealed = pen_sealed(pen, batch->units[i].at.blob);

        assert_non_null(sealed);
        assert_false(sealed->is_certain);
    }
    batch_make_equal(&later, 3, 4096, 99);
    batch_store(pen, &later);
    assert_null(pen_sealed(pen, later.units[0].at.blob));
    assert_batch_holds(&pen->rig, &later);
    batch_free(&later);
}

static pthread_t test_thread;
static atomic_int syncs_to_fail;
static int sync_errno = EIO;

/* Of the writer, not of the maker's thread. */
static int fdatasync_faulty(int fd)
{
    if (!pthread_equal(pthread_self(), test_thread) || atomic_load(&syncs_to_fail) == 0)
        return fdatasync(fd);
    atomic_fetch_sub(&syncs_to_fail, 1);
    errno = sync_errno;
    return -1;
}

static void failed_sync(void **state)
{
    struct batch batch;
    struct pen pen;

    test_thread = pthread_self();
    pen_begin(&pen, true);
    sys.fdatasync = fdatasync_faulty;
    batch_make_equal(&batch, 20, 4096, 1);
    atomic_store(&syncs_to_fail, 1);
    assert_int_equal(batch_write(&pen, &batch), -EIO);
    assert_int_equal(atomic_load(&syncs_to_fail), 0);
    segment_batch_end(pen.writer, false);
    assert_int_equal(pen.sealed_count, 1);
    expect_given_up(&pen, &batch);
    assert_int_equal(segment_sync_end(pen.writer), 0); /* told once */
    batch_free(&batch);
    pen_end(&pen);
    sys.fdatasync = fdatasync;
}

/* The owner may have been able to take the rows back for certain; the bytes stay doubtful. */
static void failed_sync_and_certain_end(void **state)
{
    struct batch batch;
    struct pen pen;

    test_thread = pthread_self();
    pen_begin(&pen, true);
    sys.fdatasync = fdatasync_faulty;
    batch_make_equal(&batch, 20, 4096, 1);
    sync_errno = ENOSPC;
    atomic_store(&syncs_to_fail, 1);
    assert_int_equal(batch_write(&pen, &batch), -ENOSPC);
    sync_errno = EIO;
    segment_batch_end(pen.writer, true);
    expect_given_up(&pen, &batch);
    batch_free(&batch);
    pen_end(&pen);
    sys.fdatasync = fdatasync;
}

static void failed_sync_at_a_seal(void **state)
{
    const uint32_t fit = (SEGMENT_BYTES_MIN - HEAD) / UNIT;
    struct batch batch;
    struct pen pen;

    test_thread = pthread_self();
    pen_begin(&pen, true);
    sys.fdatasync = fdatasync_faulty;
    batch_make_equal(&batch, fit + 2, UNIT, 1);
    atomic_store(&syncs_to_fail, 1);
    assert_int_equal(batch_write(&pen, &batch), -EIO);
    assert_int_equal(atomic_load(&syncs_to_fail), 0);
    segment_batch_end(pen.writer, true);
    expect_given_up(&pen, &batch);
    batch_free(&batch);
    pen_end(&pen);
    sys.fdatasync = fdatasync;
}

static void uncertain_commit(void **state)
{
    const uint32_t fit = (SEGMENT_BYTES_MIN - HEAD) / UNIT;
    struct batch batch;
    struct pen pen;

    pen_begin(&pen, true);
    batch_make_equal(&batch, fit + 2, UNIT, 1);
    assert_int_equal(batch_write(&pen, &batch), 0);
    segment_batch_end(pen.writer, false);
    assert_int_equal(pen.sealed_count, 2);
    expect_given_up(&pen, &batch);
    batch_free(&batch);
    pen_end(&pen);
}

/* ---- The making of a segment ---- */

static atomic_int making_error; /* 0: none */

static int openat_faulty(int dir_fd, const char *path, int flags, ...)
{
    if (atomic_load(&making_error) == EMFILE && (flags & O_CREAT) != 0) {
        errno = EMFILE;
        return -1;
    }
    return openat(dir_fd, path, flags, 0600);
}

static ssize_t pwrite_faulty(int fd, const void *data, size_t length, off_t offset)
{
    if (atomic_load(&making_error) == ENOSPC && offset > 0) { /* the head was written */
        errno = ENOSPC;
        return -1;
    }
    return pwrite(fd, data, length / 2 > HEAD ? length / 2 / HEAD * HEAD : length, offset);
}

static atomic_uint folder_syncs;

static int fsync_counted(int fd)
{
    atomic_fetch_add(&folder_syncs, 1);
    return fsync(fd);
}

static void making_fails_and_works_again(void **state)
{
    const int errors[] = {EMFILE, ENOSPC};

    for (int i = 0; i < 2; ++i) {
        struct batch batch;
        struct pen pen;

        pen_begin(&pen, true);
        sys.openat = openat_faulty;
        sys.pwrite = pwrite_faulty;
        sys.fsync = fsync_counted;
        atomic_store(&folder_syncs, 0);
        batch_make_equal(&batch, 3, 4096, 1);
        atomic_store(&making_error, errors[i]);
        for (int again = 0; again < 2; ++again) {
            assert_int_equal(batch_write(&pen, &batch), 0);
            segment_batch_end(pen.writer, true);
            assert_batch_failed(&batch, -errors[i]);
        }
        assert_int_equal(rig_count_blobs(&pen.rig), 0);
        assert_no_id_left(&pen.rig);
        /* A file that was there for a moment could come back after a power failure, with nobody to look for it. */
        assert_int_equal(atomic_load(&folder_syncs), errors[i] == ENOSPC ? 2 : 0);
        atomic_store(&making_error, 0);
        batch_store(&pen, &batch);
        assert_batch_holds(&pen.rig, &batch);
        assert_int_equal(pen.sealed_count, 0);
        batch_free(&batch);
        pen_end(&pen);
        sys.openat = openat;
        sys.pwrite = pwrite;
        sys.fsync = fsync;
    }
}

/* Room for a segment of the least size, and for no larger one. */
static ssize_t pwrite_on_a_small_disk(int fd, const void *data, size_t length, off_t offset)
{
    if (offset + length > 2 * SEGMENT_BYTES_MIN) {
        errno = ENOSPC;
        return -1;
    }
    return pwrite(fd, data, length, offset);
}

static void nearly_full_disk(void **state)
{
    const uint32_t fit = (SEGMENT_BYTES_MIN - HEAD) / UNIT;
    struct batch batch;
    struct pen pen;

    pen_begin(&pen, true);
    sys.pwrite = pwrite_on_a_small_disk;
    batch_make_equal(&batch, 4 * fit, UNIT, 1);
    batch_store(&pen, &batch); /* the second one should have been larger */
    assert_batch_holds(&pen.rig, &batch);
    for (unsigned i = 0; i < pen.sealed_count; ++i)
        assert_int_equal(pen.sealed[i].used_bytes, HEAD + fit * UNIT);
    segment_writer_destroy(pen.writer);
    sys.pwrite = pwrite;
    assert_int_equal(pen.sealed_count, 4);
    assert_int_equal(rig_count_blobs(&pen.rig), 4); /* of what did not fit nothing is left */
    batch_free(&batch);
    rig_end(&pen.rig);
}

static void unused_segment_goes_at_the_end(void **state)
{
    struct pen pen;

    pen_begin(&pen, true);
    segment_writer_expect(pen.writer);
    await_blobs(&pen.rig, 1);
    segment_writer_destroy(pen.writer);
    assert_int_equal(pen.sealed_count, 0);
    assert_int_equal(rig_count_blobs(&pen.rig), 0);
    assert_no_id_left(&pen.rig);
    rig_end(&pen.rig);
}

static void open_segment_is_sealed_at_the_end(void **state)
{
    struct batch batch;
    struct pen pen;

    pen_begin(&pen, true);
    batch_make_equal(&batch, 3, 4096, 1);
    batch_store(&pen, &batch);
    segment_writer_destroy(pen.writer);
    assert_int_equal(pen.sealed_count, 1);
    assert_int_equal(pen.sealed[0].blob, batch.units[0].at.blob);
    assert_int_equal(pen.sealed[0].used_bytes, HEAD + 3 * 4096);
    assert_true(pen.sealed[0].is_certain);
    assert_false(blob_store_is_settled(pen.rig.store, batch.units[0].at.blob)); /* the owner's part */
    batch_free(&batch);
    rig_end(&pen.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_of_all_sizes),
        cmocka_unit_test(batch_spans_two_segments),
        cmocka_unit_test(sizes_grow),
        cmocka_unit_test(only_durable_stores_write_zeros),
        cmocka_unit_test(sealed_by_age),
        cmocka_unit_test(made_long_ago),
        cmocka_unit_test(sealed_by_age_when_idle),
        cmocka_unit_test(writes_in_pieces),
        cmocka_unit_test(failed_write),
        cmocka_unit_test(one_of_several_writes_fails),
        cmocka_unit_test(failed_sync),
        cmocka_unit_test(failed_sync_and_certain_end),
        cmocka_unit_test(failed_sync_at_a_seal),
        cmocka_unit_test(uncertain_commit),
        cmocka_unit_test(making_fails_and_works_again),
        cmocka_unit_test(nearly_full_disk),
        cmocka_unit_test(unused_segment_goes_at_the_end),
        cmocka_unit_test(open_segment_is_sealed_at_the_end),
    };

    return RUN_ENGINES(tests);
}
