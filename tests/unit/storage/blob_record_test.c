/* SPDX-License-Identifier: MIT
 *
 * What a blob's file says of itself: it goes with its name, its store and its length, or the file is another's. From which id on a file
 * has to say it, in new stores and those of earlier versions. Readers meet swapped files, and refuse them before the first byte. */
#include "tests/unit/storage/blob_support.h"

#include <endian.h>

#include "storage/digest/digest.h"

#define MIB (1u << 20)

static const struct blob_identity ours = {.store = "a store's own id", .epoch = 7},
                                  other = {.store = "another store's.", .epoch = 7};

static int judge(struct rig *rig, uint64_t blob, uint64_t offset, uint64_t length)
{
    int fd = blob_store_open_fd(rig->store, blob);

    assert_true(fd >= 0);
    int err = blob_store_judge(rig->store, (struct blob_unit){blob, offset}, length, fd);
    close(fd);
    return err;
}

static int file_of(struct rig *rig, uint64_t blob)
{
    char path[BLOB_PATH_BYTES];

    blob_path_format(path, blob);
    int fd = openat(rig->store->blobs_fd, path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void swap_files(struct rig *rig, uint64_t a, uint64_t b)
{
    char path_a[BLOB_PATH_BYTES], path_b[BLOB_PATH_BYTES];

    blob_path_format(path_a, a);
    blob_path_format(path_b, b);
    assert_int_equal(renameat2(rig->store->blobs_fd, path_a, rig->store->blobs_fd, path_b, RENAME_EXCHANGE),
                     0);
}

static void cut_file(struct rig *rig, uint64_t blob, uint64_t bytes)
{
    int fd = file_of(rig, blob);

    assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
    close(fd);
}

static void flip_from_end(struct rig *rig, uint64_t blob, off_t from_end)
{
    int fd = file_of(rig, blob);
    off_t at = lseek(fd, 0, SEEK_END) - from_end;
    unsigned char byte;

    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void settle_all(struct rig *rig, const uint64_t *blobs, size_t count)
{
    for (size_t i = 0; i < count; ++i)
        blob_store_settle(rig->store, blobs[i]);
}

/* ---- What a file says ---- */

static void says_whose_it_is(void **state)
{
    static const size_t lengths[] = {1, 100, 4095, 4096, 4097, 65536, MIB, MIB + 17};
    enum { COUNT = sizeof(lengths) / sizeof(*lengths) };
    unsigned char *bytes = make_bytes(MIB + 17, 1);
    uint64_t blobs[COUNT];
    struct rig rig;

    for (unsigned known = 0; known < 2; ++known) {
        rig_begin(&rig, RING_ENGINE_AUTO, known, false);
        if (known)
            blob_store_identify(rig.store, &ours);
        for (unsigned i = 0; i < COUNT; ++i) {
            blobs[i] = put_bytes(&rig, bytes, lengths[i]);
            assert_int_equal(judge(&rig, blobs[i], 0, lengths[i]), 0);
            assert_int_equal(judge(&rig, blobs[i], 0, 0), 0);
            assert_int_equal(judge(&rig, blobs[i], 0, lengths[i] + 1), -ESTALE);
            /* Not a segment; but units may share it. */
            assert_int_equal(judge(&rig, blobs[i], 4096, 10), lengths[i] < 4106 ? -ESTALE : 0);
            assert_int_equal(judge(&rig, blobs[i], 77, 20), lengths[i] < 97 ? -ESTALE : 0);
            assert_blob_holds(&rig, blobs[i], bytes, lengths[i]);
        }
        blob_store_identify(rig.store, &other);
        assert_int_equal(judge(&rig, blobs[0], 0, 1),
                         known ? -ESTALE : 0); /* who said nothing is not asked */
        settle_all(&rig, blobs, COUNT);
        rig_end(&rig);
    }
    free(bytes);
}

static void is_told_from_others(void **state)
{
    unsigned char *bytes = make_bytes(5000, 2);
    uint64_t blobs[4];
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    blob_store_identify(rig.store, &ours);
    for (unsigned i = 0; i < 4; ++i)
        blobs[i] = put_bytes(&rig, bytes, 5000);
    swap_files(&rig, blobs[0], blobs[1]);
    assert_int_equal(judge(&rig, blobs[0], 0, 5000), -ESTALE);
    assert_int_equal(judge(&rig, blobs[1], 0, 5000), -ESTALE);
    swap_files(&rig, blobs[0], blobs[1]);
    assert_int_equal(judge(&rig, blobs[0], 0, 5000), 0);
    for (off_t from_end = 1; from_end < 72; ++from_end) { /* every byte of the record counts */
        flip_from_end(&rig, blobs[2], from_end);
        assert_int_equal(judge(&rig, blobs[2], 0, 5000), -EBADMSG);
        flip_from_end(&rig, blobs[2], from_end);
    }
    assert_int_equal(judge(&rig, blobs[2], 0, 5000), 0);
    cut_file(&rig, blobs[2], 5000);
    assert_int_equal(judge(&rig, blobs[2], 0, 5000), -EBADMSG);
    cut_file(&rig, blobs[2], 0);
    assert_int_equal(judge(&rig, blobs[2], 0, 5000), -EBADMSG);
    settle_all(&rig, blobs, 4);
    free(bytes);
    rig_end(&rig);
}

/* A client's bytes may end as a record does: what counts is what the store wrote after them. */
static void client_cannot_speak_for_it(void **state)
{
    unsigned char bytes[4096] = {0};
    struct record_writer writer;
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    blob_store_identify(rig.store, &other);
    size_t length = blob_record_make(rig.store, 1, 4096 - 112, bytes + 2048);
    memmove(bytes + 4096 - length, bytes + 2048, length);
    blob_store_identify(rig.store, &ours);
    uint64_t blob = put_bytes(&rig, bytes, sizeof(bytes));
    assert_int_equal(judge(&rig, blob, 0, sizeof(bytes)), 0);
    cut_file(&rig, blob, sizeof(bytes));
    assert_int_equal(judge(&rig, blob, 0, sizeof(bytes)), -ESTALE);
    rig.store->ids.records_from = blob + 1; /* as if an earlier version had taken it */
    assert_int_equal(judge(&rig, blob, 0, sizeof(bytes)), 0);

    /* The record of a later version may be longer than what is read first. */
    unsigned char *later = malloc(8192), filling[4096] = {1};
    assert_non_null(later);
    record_begin(&writer, later, 8192);
    record_put(&writer, RECORD_STORE, 0, ours.store, RECORD_STORE_ID_BYTES);
    record_put_number(&writer, RECORD_KIND, 0, RECORD_KIND_BLOB);
    record_put_number(&writer, RECORD_BLOB, 0, blob);
    record_put_number(&writer, RECORD_PAYLOAD, 0, 1000);
    record_put(&writer, (enum record_type)77, 0, filling, sizeof(filling));
    length = record_end(&writer);
    int fd = file_of(&rig, blob);
    assert_int_equal(pwrite(fd, later, length, 1000), length);
    close(fd);
    cut_file(&rig, blob, 1000 + length);
    rig.store->ids.records_from = 1;
    assert_int_equal(judge(&rig, blob, 0, 1000), 0);
    assert_int_equal(judge(&rig, blob, 0, 999), -ESTALE);
    free(later);
    blob_store_settle(rig.store, blob);
    rig_end(&rig);
}

/* ---- From which id on ---- */

static void write_sequence_of_version_1(const struct rig *rig, uint64_t promised)
{
    unsigned char record[8192] = "SLUICSEQ\x01";
    const uint64_t numbers[] = {htole64(1000), htole64(promised), htole64(promised)};
    char path[96];

    record[12] = 1; /* synced */
    memcpy(record + 16, numbers, sizeof(numbers));
    uint32_t crc = htole32(digest_crc32c(0, record, 40));
    memcpy(record + 40, &crc, sizeof(crc));
    snprintf(path, sizeof(path), "%s/blobs/SEQUENCE", rig->dir);
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(fd, record, sizeof(record)), sizeof(record));
    close(fd);
}

static int every_row(void *ctx, uint64_t blob)
{
    return 1;
}

static void reopen(struct rig *rig)
{
    assert_int_equal(rig_open_store(rig, true, false), 0);
    assert_int_equal(blob_store_recover(rig->store, every_row, NULL, NULL, NULL), 0);
}

static void older_files_need_not_say(void **state)
{
    unsigned char *bytes = make_bytes(5000, 3);
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    assert_int_equal(rig.store->ids.records_from, BLOB_ID_FIRST); /* a new store */
    uint64_t old = put_bytes_alone(&rig, bytes, 5000);
    assert_int_equal(judge(&rig, old, 0, 5000), -EBADMSG);
    blob_store_settle(rig.store, old);
    blob_store_close(rig.store);
    write_sequence_of_version_1(&rig, old + 1);
    for (unsigned turn = 0; turn < 3; ++turn) {
        reopen(&rig);
        assert_int_equal(rig.store->ids.records_from, old + 1); /* and stays so */
        assert_int_equal(judge(&rig, old, 0, 5000), 0);
        uint64_t young = put_bytes_alone(&rig, bytes, 5000), whole = put_bytes(&rig, bytes, 5000);
        assert_int_equal(judge(&rig, young, 0, 5000), -EBADMSG);
        assert_int_equal(judge(&rig, whole, 0, 5000), 0);
        blob_store_settle(rig.store, young);
        blob_store_settle(rig.store, whole);
        blob_store_close(rig.store);
    }
    /* Where nobody knows any more, no file that is there needs to. */
    char path[96];
    snprintf(path, sizeof(path), "%s/blobs/SEQUENCE", rig.dir);
    assert_int_equal(unlink(path), 0);
    reopen(&rig);
    assert_true(rig.store->ids.records_from > BLOB_ID_JUMP);
    assert_int_equal(judge(&rig, old, 0, 5000), 0);
    free(bytes);
    rig_end(&rig);
}

/* ---- Readers ---- */

struct wait {
    bool ready;
};

static void wait_over(void *ctx)
{
    ((struct wait *)ctx)->ready = true;
}

static struct blob_range range_of(uint64_t blob, uint64_t length, const unsigned char *bytes)
{
    return (struct blob_range){
        .blob = blob,
        .length = length,
        .sum = {.length = length, .value = crc64nvme_update(0, bytes, length), .kind = DIGEST_CRC64NVME},
    };
}

/* Whether the egress begins: nothing has gone out by then. */
static int begins(struct rig *rig, const struct blob_range *range)
{
    struct wait wait = {false};
    struct blob_egress *egress;
    int err = blob_egress_begin(&egress, rig->store, rig->ring, range, 1, wait_over, &wait);

    if (err == -EBUSY) {
        while (!wait.ready)
            ring_wait(rig->ring, true);
        err = blob_egress_status(egress);
    }
    blob_egress_end(egress);
    rig_settle(rig);
    return err;
}

static void make_cold(struct rig *rig, uint64_t blob)
{
    int fd = file_of(rig, blob);

    assert_int_equal(fdatasync(fd), 0);
    assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    close(fd);
}

/* The same bytes in both: no checksum tells them apart, but the files do. */
static void swapped_files_are_refused(enum ring_engine engine, size_t length)
{
    unsigned char *bytes = make_bytes(length, 4);
    struct rig rig;

    for (unsigned cold = 0; cold < 2; ++cold) {
        uint64_t blobs[2];

        rig_begin(&rig, engine, true, false);
        for (unsigned i = 0; i < 2; ++i)
            blobs[i] = put_bytes(&rig, bytes, length);
        const struct blob_range first = range_of(blobs[0], length, bytes),
                                second = range_of(blobs[1], length, bytes);
        swap_files(&rig, blobs[0], blobs[1]);
        if (cold) {
            make_cold(&rig, blobs[0]);
            make_cold(&rig, blobs[1]);
        }
        for (unsigned turn = 0; turn < 2; ++turn) { /* also from the cache of descriptors */
            assert_int_equal(begins(&rig, &first), -EIO);
            assert_int_equal(begins(&rig, &second), -EIO);
        }
        assert_int_equal(blob_store_damage_met(rig.store, BLOB_DAMAGE_IDENTITY), 4);
        assert_int_equal(rig.errors, 2);
        settle_all(&rig, blobs, 2);
        rig_end(&rig);
    }
    free(bytes);
}

static void readers_refuse_swapped_files(void **state)
{
    swapped_files_are_refused(RING_ENGINE_AUTO, 5000);
    swapped_files_are_refused(RING_ENGINE_AUTO, MIB);
    swapped_files_are_refused(RING_ENGINE_THREADS, 5000);
    swapped_files_are_refused(RING_ENGINE_THREADS, MIB);
}

/* A row that thinks the file longer or shorter than it is. */
static void rows_and_files_agree_on_lengths(void **state)
{
    unsigned char *bytes = make_bytes(MIB, 5);
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    uint64_t blob = put_bytes(&rig, bytes, MIB);
    for (unsigned turn = 0; turn < 2; ++turn) {
        struct blob_range range = range_of(blob, MIB - 1, bytes);

        assert_int_equal(begins(&rig, &range), -EIO);
        range = range_of(blob, MIB, bytes);
        assert_int_equal(begins(&rig, &range), 0);
    }
    blob_store_settle(rig.store, blob);
    free(bytes);
    rig_end(&rig);
}

/* Several readers open the same cold file at once: what one has read of it must not be taken for another's bytes. */
static void several_look_at_once(void **state)
{
    enum { READERS = 4 };
    unsigned char *bytes = make_bytes(3000, 6);
    struct rig rig;

    for (unsigned threads = 0; threads < 2; ++threads) {
        rig_begin(&rig, threads ? RING_ENGINE_THREADS : RING_ENGINE_AUTO, true, false);
        uint64_t blob = put_bytes(&rig, bytes, 3000);
        const struct blob_range range = range_of(blob, 3000, bytes);
        struct blob_egress *egress[READERS];
        struct wait wait[READERS] = {0};

        make_cold(&rig, blob);
        for (unsigned i = 0; i < READERS; ++i)
            assert_int_equal(
                blob_egress_begin(&egress[i], rig.store, rig.ring, &range, 1, wait_over, &wait[i]), -EBUSY);
        for (unsigned i = 0; i < READERS; ++i) {
            while (!wait[i].ready)
                ring_wait(rig.ring, true);
            assert_int_equal(blob_egress_status(egress[i]), 0);
            assert_memory_equal(blob_egress_at_hand(egress[i]), bytes, 3000);
            blob_egress_end(egress[i]);
        }
        rig_settle(&rig);
        blob_store_settle(rig.store, blob);
        rig_end(&rig);
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_whose_it_is),
        cmocka_unit_test(is_told_from_others),
        cmocka_unit_test(client_cannot_speak_for_it),
        cmocka_unit_test(older_files_need_not_say),
        cmocka_unit_test(readers_refuse_swapped_files),
        cmocka_unit_test(rows_and_files_agree_on_lengths),
        cmocka_unit_test(several_look_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
