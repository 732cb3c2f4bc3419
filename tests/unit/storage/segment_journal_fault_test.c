/* SPDX-License-Identifier: MIT
 *
 * The journal of a segment and the disk: an entry is durable by the sync of its units, sealing syncs it, and every way in which
 * writing, syncing or reading it fails. */
#include "tests/unit/storage/segment_journal_support.h"

/* ---- Syncs ---- */

static pthread_t test_thread;
static atomic_uint syncs;
static atomic_bool syncs_fail;

/* Of the writer, not of the maker's thread. */
static int fdatasync_counted(int fd)
{
    if (!pthread_equal(pthread_self(), test_thread))
        return fdatasync(fd);
    atomic_fetch_add(&syncs, 1);
    if (!atomic_load(&syncs_fail))
        return fdatasync(fd);
    errno = EIO;
    return -1;
}

static void syncing_set(bool fail)
{
    test_thread = pthread_self();
    atomic_store(&syncs, 0);
    atomic_store(&syncs_fail, fail);
    sys.fdatasync = fdatasync_counted;
}

static void one_sync_for_units_and_entry(void **state)
{
    struct batch batch;
    struct pen pen;

    pen_begin(&pen, true);
    batch_make_equal(&batch, 3, 5000, 1);
    syncing_set(false);
    for (unsigned i = 1; i <= 3; ++i) {
        segment_write(pen.writer, batch.units);
        assert_int_equal(entry_put(&pen, i, 5000), 0);
        assert_int_equal(atomic_load(&syncs), i - 1);
        segment_sync_begin(pen.writer);
        assert_int_equal(segment_sync_end(pen.writer), 0);
        assert_int_equal(atomic_load(&syncs), i);
        segment_batch_end(pen.writer, true);
    }
    assert_int_equal(entry_put(&pen, 4, 10), 0); /* without units */
    segment_sync_begin(pen.writer);
    assert_int_equal(segment_sync_end(pen.writer), 0);
    assert_int_equal(atomic_load(&syncs), 4);
    assert_int_equal(segment_sync_end(pen.writer), 0);
    assert_int_equal(atomic_load(&syncs), 4); /* nothing new */
    batch_free(&batch);
    pen_end(&pen);
    sys.fdatasync = fdatasync;
}

static void sealing_syncs(void **state)
{
    for (int fails = 0; fails < 2; ++fails) {
        struct batch batch;
        struct pen pen;
        uint64_t blob;

        pen_begin(&pen, true);
        batch_make_equal(&batch, 1, 5000, 1);
        batch_store(&pen, &batch);
        blob = segment_writer_blob(pen.writer);
        assert_int_equal(entry_put(&pen, 1, 10), 0);
        syncing_set(fails);
        segment_writer_seal(pen.writer);
        assert_int_equal(atomic_load(&syncs), 1);
        segment_writer_seal(pen.writer); /* none is open */
        assert_int_equal(segment_writer_blob(pen.writer), 0);
        assert_int_equal(entry_put(&pen, 2, 10), -ENOSPC);
        assert_int_equal(segment_sync_end(pen.writer), fails ? -EIO : 0);
        assert_int_equal(atomic_load(&syncs), 1);
        sys.fdatasync = fdatasync;
        assert_int_equal(pen.sealed_count, 0);
        segment_batch_end(pen.writer, true);
        assert_int_equal(pen.sealed_count, 1);
        assert_int_equal(pen.sealed[0].blob, blob);
        assert_int_equal(pen.sealed[0].used_bytes, 3 * BLOCK);
        assert_int_equal(pen.sealed[0].is_certain, !fails);
        batch_store(&pen, &batch);
        assert_true(batch.units[0].at.blob != blob);
        assert_int_equal(entry_put(&pen, 1, 10), 0); /* a journal of its own */
        batch_free(&batch);
        pen_end(&pen);
    }
}

/* ---- Writes and reads that fail ---- */

static struct {
    unsigned calls, fail_at; /* 0: none */
    int error;
    size_t bytes_max; /* of one call */
} faults;

static bool fault_is_due(void)
{
    errno = faults.error;
    return ++faults.calls == faults.fail_at;
}

static ssize_t pwritev_faulty(int fd, const struct iovec *list, int count, off_t offset)
{
    struct iovec first = list[0];

    if (fault_is_due())
        return -1;
    first.iov_len = first.iov_len < faults.bytes_max ? first.iov_len : faults.bytes_max;
    return pwritev(fd, &first, 1, offset);
}

static ssize_t pread_faulty(int fd, void *buffer, size_t count, off_t offset)
{
    if (fault_is_due())
        return -1;
    return pread(fd, buffer, count < faults.bytes_max ? count : faults.bytes_max, offset);
}

static void faults_set(unsigned fail_at, int error)
{
    faults.calls = 0;
    faults.fail_at = fail_at;
    faults.error = error;
    faults.bytes_max = 1000;
}

static void writes_and_reads_in_pieces(void **state)
{
    struct batch batch;
    struct pen pen;

    pen_begin(&pen, true);
    batch_make_equal(&batch, 1, 5000, 1);
    batch_store(&pen, &batch);
    faults_set(3, EINTR);
    sys.pwritev = pwritev_faulty;
    assert_int_equal(entry_put(&pen, 1, 9000), 0);
    assert_int_equal(entry_put(&pen, 2, BLOCK - TRAILER), 0); /* no zeros between data and trailer */
    sys.pwritev = pwritev;
    assert_true(faults.calls > 15);
    segment_writer_seal(pen.writer);
    faults_set(4, EINTR);
    sys.pread = pread_faulty;
    assert_int_equal(entries_found(&pen, batch.units[0].at.blob), 2);
    sys.pread = pread;
    assert_true(faults.calls > 15);
    batch_free(&batch);
    pen_end(&pen);
}

static void failed_write_seals(void **state)
{
    const int errors[] = {EIO, ENOSPC, EDQUOT, EBADMSG}, expected[] = {-EIO, -EIO, -EDQUOT, -EIO};

    for (unsigned i = 0; i < 8; ++i) {
        struct batch batch;
        struct pen pen;
        uint64_t blob;

        pen_begin(&pen, true);
        batch_make_equal(&batch, 2, 5000, 1);
        segment_write(pen.writer, batch.units);
        blob = segment_writer_blob(pen.writer);
        assert_int_equal(entry_put(&pen, 1, 100), 0);
        faults_set(i < 4 ? 1 : 3, errors[i % 4]); /* at the first byte, or when a part is written */
        sys.pwritev = pwritev_faulty;
        assert_int_equal(entry_put(&pen, 2, 5000), expected[i % 4]);
        sys.pwritev = pwritev;
        assert_int_equal(pen.rig.errors, 1);
        assert_int_equal(segment_writer_blob(pen.writer), 0);
        assert_int_equal(segment_sync_end(pen.writer), 0);
        segment_batch_end(pen.writer, true);
        assert_int_equal(pen.sealed_count, 1);
        assert_int_equal(pen.sealed[0].blob, blob);
        assert_int_equal(pen.sealed[0].used_bytes, 5 * BLOCK);
        assert_true(pen.sealed[0].is_certain);
        assert_int_equal(entries_found(&pen, blob), 1);
        assert_batch_holds(&pen.rig, &batch);
        batch_store(&pen, &batch);
        assert_true(batch.units[0].at.blob != blob);
        batch_free(&batch);
        pen_end(&pen);
    }
}

/* An error is no end of the journal. */
static void failed_reads_are_told(void **state)
{
    const uint32_t lengths[3] = {10, 5000, 20};
    struct reading reading;
    struct pen pen;
    uint64_t blob;
    unsigned at = 0;
    int err;

    pen_begin(&pen, true);
    blob = three_entries(&pen, lengths);
    do {
        reading = (struct reading){.lengths = lengths};
        faults_set(++at, EIO);
        sys.pread = pread_faulty;
        err = segment_entries_read(pen.rig.store, blob, token, on_entry, &reading);
        sys.pread = pread;
        assert_int_equal(err, faults.calls >= at ? -EIO : 0);
    } while (err != 0);
    assert_true(at > 15);
    assert_int_equal(reading.count, 3);
    pen_end(&pen);
}

/* ---- The next life ---- */

static ssize_t pread_after_sync(int fd, void *buffer, size_t count, off_t offset)
{
    assert_int_equal(atomic_load(&syncs), 1);
    return pread(fd, buffer, count, offset);
}

/* What can be read after kill -9 need not be on the disk. */
static void entries_are_synced_before_they_are_read(void **state)
{
    const uint32_t lengths[3] = {10, 5000, 20};
    struct reading reading = {.lengths = lengths};
    struct pen pen;
    uint64_t blob;

    pen_begin(&pen, true);
    blob = three_entries(&pen, lengths);
    syncing_set(true);
    assert_int_equal(segment_entries_read(pen.rig.store, blob, token, on_entry, &reading), -EIO);
    assert_int_equal(reading.count, 0);
    assert_int_equal(pen.rig.errors, 1);
    syncing_set(false);
    sys.pread = pread_after_sync;
    assert_int_equal(segment_entries_read(pen.rig.store, blob, token, on_entry, &reading), 0);
    sys.pread = pread;
    assert_int_equal(reading.count, 3);
    sys.fdatasync = fdatasync;
    pen_end(&pen);
}

static uint64_t written_again;

static ssize_t pwritev_noted(int fd, const struct iovec *list, int count, off_t offset)
{
    char before[BLOCK];

    assert_int_equal(count, 1);
    assert_int_equal(pread(fd, before, sizeof(before), offset), sizeof(before));
    assert_memory_equal(before, list->iov_base, sizeof(before));
    written_again += list->iov_len;
    return pwritev(fd, list, count, offset);
}

/* What a failed sync lost is in memory, and only a write brings it to the disk. */
static void bytes_are_written_again(void **state)
{
    const uint32_t lengths[3] = {10, 5000, 20};
    const struct blob_run runs[] = {{BLOCK, BLOCK}, {SEGMENT_BYTES_MIN - 3 * BLOCK, 3 * BLOCK}};
    struct pen pen;
    uint64_t blob;

    pen_begin(&pen, true);
    blob = three_entries(&pen, lengths);
    written_again = 0;
    syncing_set(false);
    sys.pwritev = pwritev_noted;
    assert_int_equal(segment_renew(pen.rig.store, blob, runs, 2), 0);
    assert_int_equal(written_again, 4 * BLOCK);
    assert_int_equal(atomic_load(&syncs), 1);
    syncing_set(true);
    assert_int_equal(segment_renew(pen.rig.store, blob, runs, 2), -EIO);
    faults_set(2, EIO);
    sys.pwritev = pwritev_faulty;
    syncing_set(false);
    assert_int_equal(segment_renew(pen.rig.store, blob, runs, 2), -EIO);
    assert_int_equal(atomic_load(&syncs), 0);
    sys.pwritev = pwritev;
    sys.fdatasync = fdatasync;
    assert_int_equal(segment_renew(pen.rig.store, blob + 100, runs, 1), -ENOENT);
    assert_int_equal(entries_found(&pen, blob), 3);
    pen_end(&pen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_sync_for_units_and_entry),
        cmocka_unit_test(sealing_syncs),
        cmocka_unit_test(writes_and_reads_in_pieces),
        cmocka_unit_test(failed_write_seals),
        cmocka_unit_test(failed_reads_are_told),
        cmocka_unit_test(entries_are_synced_before_they_are_read),
        cmocka_unit_test(bytes_are_written_again),
    };

    return RUN_ENGINES(tests);
}
