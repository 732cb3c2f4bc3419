/* SPDX-License-Identifier: MIT
 *
 * The journal of a segment: entries are read back as they were written and share the room with units, and nothing else is ever
 * taken for one: torn or damaged entries, another token, a client's bytes. */
#include <endian.h>

#include "storage/digest/digest.h"
#include "tests/unit/storage/segment_journal_support.h"

static const unsigned char other_token[SEGMENT_TOKEN_BYTES] = "0123456789abcdf";

static int on_any_entry(void *ctx, const struct segment_entry *entry)
{
    ++*(uint64_t *)ctx;
    return 0;
}

/* For changing a segment's bytes behind its writer's back. */
static int file_open(struct pen *pen, uint64_t blob)
{
    char path[BLOB_PATH_BYTES];
    int fd;

    blob_path_format(path, blob);
    fd = openat(pen->rig.store->blobs_fd, path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* ---- Writing and reading ---- */

static void entries_between_units(void **state)
{
    enum { BATCHES = 24, UNITS = 3 };
    uint32_t lengths[BATCHES] = {1, 31, 4063, 4064, 4065, 4095, 4096, 4097, 8160, 8161, 20000, 3};
    struct reading reading = {.lengths = lengths};
    struct batch batches[BATCHES], before;
    struct pen pen;
    uint64_t blob;

    pen_begin(&pen, true);
    batch_make_equal(&before, 5, UNIT, 7);
    batch_store(&pen, &before); /* the second segment has more room */
    blob = segment_writer_blob(pen.writer);
    assert_int_equal(before.units[4].at.blob, blob);
    for (uint32_t i = 0; i < BATCHES; ++i) {
        const uint32_t units[UNITS] = {100 * (i + 1), BLOCK, 9000};

        if (lengths[i] == 0)
            lengths[i] = 1 + i * 331;
        batch_make(&batches[i], units, UNITS, i * 1000);
        segment_write(pen.writer, batches[i].units);
        assert_int_equal(entry_put(&pen, i + 1, lengths[i]), 0);
        segment_sync_begin(pen.writer);
        assert_int_equal(segment_sync_end(pen.writer), 0);
        segment_batch_end(pen.writer, true);
    }
    assert_int_equal(segment_writer_blob(pen.writer), blob);
    segment_writer_destroy(pen.writer);
    assert_int_equal(segment_entries_read(pen.rig.store, blob, token, on_entry, &reading), 0);
    assert_int_equal(reading.count, BATCHES);
    for (uint32_t i = 0; i < BATCHES; ++i) {
        assert_int_equal(batches[i].units[0].at.blob, blob);
        assert_batch_holds(&pen.rig, &batches[i]);
        batch_free(&batches[i]);
    }
    batch_free(&before);
    rig_end(&pen.rig);
}

static void largest_entry(void **state)
{
    struct batch batch;
    struct pen pen;
    uint64_t blob;

    pen_begin(&pen, true);
    batch_make_equal(&batch, 1, UNIT, 1);
    batch_store(&pen, &batch);
    blob = segment_writer_blob(pen.writer);
    assert_int_equal(entry_put(&pen, 1, SEGMENT_ENTRY_BYTES_MAX), 0); /* into the smallest segment */
    segment_writer_destroy(pen.writer);
    assert_int_equal(entries_found(&pen, blob), 1);
    batch_free(&batch);
    rig_end(&pen.rig);
}

static void the_reader_stops_it(void **state)
{
    const uint32_t lengths[3] = {10, 5000, 20};
    struct reading reading = {.lengths = lengths, .stop_at = 2};
    struct pen pen;
    uint64_t blob;

    pen_begin(&pen, true);
    blob = three_entries(&pen, lengths);
    assert_int_equal(segment_entries_read(pen.rig.store, blob, token, on_entry, &reading), 77);
    assert_int_equal(reading.count, 2);
    assert_int_equal(entries_found(&pen, blob), 3);
    pen_end(&pen);
}

/* ---- Room ---- */

static void room_is_shared(void **state)
{
    struct batch batch, fits, too_long;
    struct pen pen;
    uint64_t blob;

    pen_begin(&pen, true);
    assert_int_equal(segment_writer_blob(pen.writer), 0);
    assert_int_equal(entry_put(&pen, 1, 1), -ENOSPC); /* no segment is open */
    batch_make_equal(&batch, 3, UNIT, 1);
    batch_make_equal(&fits, 1, 3 * BLOCK, 20);
    batch_make_equal(&too_long, 2, 1, 30);
    batch_store(&pen, &batch);
    blob = segment_writer_blob(pen.writer); /* 15 blocks are left */
    assert_int_equal(entry_put(&pen, 1, 10 * BLOCK - TRAILER), 0);
    assert_int_equal(entry_put(&pen, 2, 5 * BLOCK - TRAILER + 1), -ENOSPC);
    assert_int_equal(entry_put(&pen, 2, 1), 0);
    assert_int_equal(entry_put(&pen, 3, 4 * BLOCK - TRAILER + 1), -ENOSPC);
    batch_store(&pen, &fits);
    assert_int_equal(fits.units[0].at.blob, blob);
    assert_int_equal(entry_put(&pen, 3, BLOCK - TRAILER + 1), -ENOSPC);
    assert_int_equal(entry_put(&pen, 3, BLOCK - TRAILER), 0); /* to the last byte */
    assert_int_equal(entry_put(&pen, 4, 1), -ENOSPC);
    batch_store(&pen, &too_long);
    assert_true(too_long.units[0].at.blob != blob);
    assert_int_equal(too_long.units[0].at.offset, BLOCK);
    assert_int_equal(pen_sealed(&pen, blob)->used_bytes, SEGMENT_BYTES_MIN - 12 * BLOCK);
    assert_true(pen_sealed(&pen, blob)->is_certain);
    assert_int_equal(entries_found(&pen, blob), 3);
    assert_batch_holds(&pen.rig, &batch);
    assert_batch_holds(&pen.rig, &fits);
    batch_free(&batch);
    batch_free(&fits);
    batch_free(&too_long);
    pen_end(&pen);
}

/* Of one list, those that fit go in front of the journal, the others into the next segment. */
static void a_batch_meets_the_journal(void **state)
{
    struct batch batch, rest;
    struct pen pen;
    uint64_t blob;

    pen_begin(&pen, true);
    batch_make_equal(&batch, 3, UNIT, 1);
    batch_make_equal(&rest, 4, 100, 20);
    batch_store(&pen, &batch);
    blob = segment_writer_blob(pen.writer);
    assert_int_equal(entry_put(&pen, 1, 13 * BLOCK - TRAILER), 0); /* 2 of 15 blocks are left */
    batch_store(&pen, &rest);
    for (uint32_t i = 0; i < 4; ++i)
        assert_int_equal(rest.units[i].at.blob == blob, i < 2);
    assert_int_equal(pen_sealed(&pen, blob)->used_bytes, SEGMENT_BYTES_MIN - 13 * BLOCK);
    assert_int_equal(entries_found(&pen, blob), 1);
    assert_batch_holds(&pen.rig, &rest);
    batch_free(&batch);
    batch_free(&rest);
    pen_end(&pen);
}

/* Units and entries of odd sizes until both are refused; then each is whole. */
static void until_it_is_full(void **state)
{
    enum { ROUNDS = 40 };
    struct batch batches[ROUNDS];
    uint32_t rounds = 0;
    uint64_t entries = 0, blob = 0;
    struct pen pen;

    pen_begin(&pen, true);
    do {
        const uint32_t lengths[2] = {1 + rounds * 1777 % 9000, 4096};

        assert_true(rounds < ROUNDS);
        batch_make(&batches[rounds], lengths, 2, rounds * 100);
        batch_store(&pen, &batches[rounds]);
        if (blob == 0)
            blob = segment_writer_blob(pen.writer);
        if (segment_writer_blob(pen.writer) == blob &&
            entry_put(&pen, entries + 1, 1 + rounds * 997 % 7000) == 0)
            ++entries;
    } while (batches[rounds++].units[1].at.blob == blob);
    assert_true(entries > 5);
    assert_int_equal(entries_found(&pen, blob), entries);
    for (uint32_t i = 0; i < rounds; ++i) {
        assert_batch_holds(&pen.rig, &batches[i]);
        batch_free(&batches[i]);
    }
    pen_end(&pen);
}

static void stores_that_are_not_durable_have_none(void **state)
{
    struct batch batch;
    struct pen pen;
    uint64_t blob;

    pen_begin(&pen, false);
    assert_int_equal(entry_put(&pen, 1, 100), -EOPNOTSUPP);
    batch_make_equal(&batch, 1, 100, 1);
    batch_store(&pen, &batch);
    blob = segment_writer_blob(pen.writer);
    assert_int_equal(entry_put(&pen, 1, 100), -EOPNOTSUPP);
    segment_writer_destroy(pen.writer);
    assert_int_equal(entries_found(&pen, blob), 0);
    batch_free(&batch);
    rig_end(&pen.rig);
}

/* ---- What is not an entry ---- */

static void another_token(void **state)
{
    const uint32_t lengths[3] = {10, 5000, 20};
    struct pen pen;
    uint64_t blob, found = 0;

    pen_begin(&pen, true);
    blob = three_entries(&pen, lengths);
    assert_int_equal(segment_entries_read(pen.rig.store, blob, other_token, on_any_entry, &found), 0);
    assert_int_equal(found, 0);
    assert_int_equal(entries_found(&pen, blob), 3);
    pen_end(&pen);
}

/* Data, zeros and trailer: each byte counts. */
static void any_byte_flipped(void **state)
{
    const uint32_t lengths[3] = {10, 5000, 20};
    struct pen pen;
    uint64_t blob;
    int fd;

    pen_begin(&pen, true);
    blob = three_entries(&pen, lengths);
    fd = file_open(&pen, blob);
    for (off_t at = SEGMENT_BYTES_MIN - 3 * BLOCK; at < SEGMENT_BYTES_MIN - BLOCK; ++at) {
        unsigned char byte, flipped;

        assert_int_equal(pread(fd, &byte, 1, at), 1);
        flipped = byte ^ (unsigned char)(1u << at % 8);
        assert_int_equal(pwrite(fd, &flipped, 1, at), 1);
        assert_int_equal(entries_found(&pen, blob), 1);
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    assert_int_equal(entries_found(&pen, blob), 3);
    close(fd);
    pen_end(&pen);
}

/* A crash brings back some of its blocks. */
static int note_sequence(void *ctx, const struct segment_entry *entry)
{
    uint64_t *seen = ctx;
    unsigned char *expected = make_bytes(entry->length, entry->sequence);

    assert_memory_equal(entry->data, expected, entry->length);
    free(expected);
    *seen = *seen * 10 + entry->sequence;
    return 0;
}

/* After an unclean end an entry is found after those that are damaged, which were durable before it; and after the last one nothing. */
static void valid_entries_after_a_damaged_one(void **state)
{
    const uint32_t lengths[3] = {20000, 100, 9000};
    const struct {
        unsigned damaged; /* bits */
        uint64_t seen;
    } cases[] = {{0, 123}, {1, 23}, {2, 13}, {4, 12}, {3, 3}, {5, 2}, {6, 1}, {7, 0}};

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        const off_t ends[3] = {0, 20480, 20480 + 4096};
        uint64_t blob, seen = 0;
        struct stat st;
        struct pen pen;

        pen_begin(&pen, true);
        blob = three_entries(&pen, lengths);
        blob_stat(&pen.rig, blob, &st);
        for (unsigned entry = 0; entry < 3; ++entry) {
            int fd = file_open(&pen, blob);
            off_t at = st.st_size - ends[entry] - TRAILER;
            unsigned char byte;

            /* Once its trailer, once its data. */
            if (i % 2 == 0)
                at -= 40;
            if ((cases[i].damaged & 1u << entry) != 0) {
                assert_int_equal(pread(fd, &byte, 1, at), 1);
                byte ^= 1;
                assert_int_equal(pwrite(fd, &byte, 1, at), 1);
            }
            close(fd);
        }
        pen.rig.store->ids.past.is_unclean = true;
        assert_int_equal(segment_entries_read(pen.rig.store, blob, token, note_sequence, &seen), 0);
        assert_int_equal(seen, cases[i].seen);
        pen_end(&pen);
    }
}

static void torn_last_entry(void **state)
{
    static const unsigned char zeros[BLOCK];
    const uint32_t lengths[3] = {10, 20, 4 * BLOCK};
    const off_t begin = SEGMENT_BYTES_MIN - 7 * BLOCK;
    unsigned char blocks[5][BLOCK];
    struct pen pen;
    uint64_t blob;
    int fd;

    pen_begin(&pen, true);
    blob = three_entries(&pen, lengths);
    fd = file_open(&pen, blob);
    assert_int_equal(pread(fd, blocks, sizeof(blocks), begin), sizeof(blocks));
    for (unsigned kept = 0; kept < 32; ++kept) {
        for (unsigned i = 0; i < 5; ++i)
            assert_int_equal(
                pwrite(fd, (kept >> i & 1) != 0 ? blocks[i] : zeros, BLOCK, begin + (off_t)(i * BLOCK)),
                BLOCK);
        assert_int_equal(entries_found(&pen, blob), kept == 31 ? 3 : 2);
    }
    close(fd);
    pen_end(&pen);
}

static void files_without_entries(void **state)
{
    const size_t sizes[] = {1,         TRAILER, BLOCK - 1,        BLOCK, BLOCK + TRAILER,
                            2 * BLOCK, 100000,  SEGMENT_BYTES_MIN};
    struct pen pen;

    pen_begin(&pen, true);
    assert_int_equal(entries_found(&pen, 12345), 0); /* not there */
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); ++i) {
        unsigned char *bytes = make_bytes(sizes[i], i);

        assert_int_equal(entries_found(&pen, put_bytes(&pen.rig, bytes, sizes[i])), 0);
        free(bytes);
    }
    pen_end(&pen);
}

/* What an entry would be, as the format says. room_of(length) bytes, that end with the trailer. */
static unsigned char *imitation_make(const unsigned char *its_token, uint64_t sequence, uint64_t length,
                                     size_t room)
{
    unsigned char *bytes = make_bytes(room, sequence);
    uint64_t trailer[4] = {0, htole64(sequence), htole64(length), 0}, crc;
    size_t data = length < room ? length : room;

    memset(bytes + data, 0, room - data);
    memcpy(trailer, "SJournl1", 8);
    crc = crc64nvme_update(0, its_token, SEGMENT_TOKEN_BYTES);
    crc = crc64nvme_update(crc, &trailer[1], 16);
    trailer[3] = htole64(crc64nvme_update(crc, bytes, data));
    memcpy(bytes + room - TRAILER, trailer, TRAILER);
    return bytes;
}

/* A file that has a head and ends with these bytes. */
static uint64_t file_with_end(struct pen *pen, const unsigned char *end, size_t length)
{
    unsigned char *bytes = make_bytes(BLOCK + length, 5);
    uint64_t blob;

    memcpy(bytes + BLOCK, end, length);
    blob = put_bytes_alone(&pen->rig, bytes, BLOCK + length);
    free(bytes);
    return blob;
}

/* The right token, so that only the bounds are left to refuse it. */
static void lengths_are_not_trusted(void **state)
{
    const uint64_t lengths[] = {
        100,        0,          2 * BLOCK - TRAILER + 1, 3 * BLOCK,  SEGMENT_ENTRY_BYTES_MAX,
        UINT32_MAX, UINT64_MAX, UINT64_MAX - TRAILER,    1ull << 32, (1ull << 32) + 100};
    struct pen pen;

    pen_begin(&pen, true);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); ++i) {
        size_t room = i == 0 ? BLOCK : 2 * BLOCK;
        unsigned char *bytes = imitation_make(token, 1, lengths[i], room);

        assert_int_equal(entries_found(&pen, file_with_end(&pen, bytes, room)), i == 0);
        free(bytes);
    }
    pen_end(&pen);
}

static void sequence_counts(void **state)
{
    struct pen pen;

    pen_begin(&pen, true);
    for (uint64_t first = 0; first < 3; ++first) {
        unsigned char *bytes = imitation_make(token, first, 100, BLOCK);

        assert_int_equal(entries_found(&pen, file_with_end(&pen, bytes, BLOCK)), first == 1);
        free(bytes);
    }
    pen_end(&pen);
}

/* ---- Files that were cut ---- */

/* One row: the first unit of a segment. */
static int one_unit(void *ctx, uint64_t blob, int (*visit)(void *ctx, uint64_t offset, uint64_t length),
                    void *visit_ctx)
{
    return visit(visit_ctx, BLOCK, 100);
}

static void a_cut_removes_the_journal(void **state)
{
    const uint32_t lengths[3] = {10, 5000, 20};

    for (int recovered = 0; recovered < 2; ++recovered) {
        struct stat st;
        struct pen pen;
        uint64_t blob;

        pen_begin(&pen, true);
        blob = three_entries(&pen, lengths);
        assert_int_equal(pen.sealed[0].used_bytes, 2 * BLOCK);
        assert_int_equal(entries_found(&pen, blob), 3); /* sealing does not */
        if (recovered)
            assert_int_equal(segment_recover(pen.rig.store, blob, one_unit, NULL), 0);
        else
            assert_int_equal(blob_store_cut(pen.rig.store, blob, pen.sealed[0].used_bytes), 0);
        blob_stat(&pen.rig, blob, &st);
        assert_int_equal(st.st_size, 2 * BLOCK);
        assert_int_equal(entries_found(&pen, blob), 0);
        pen_end(&pen);
    }
}

/* Then the file ends with what a client uploaded. */
static void a_body_that_imitates_an_entry(void **state)
{
    unsigned char *bytes = imitation_make(other_token, 1, 3000, BLOCK);
    struct segment_unit unit = {.data = bytes, .length = BLOCK};
    struct batch batch = {&unit, 1};
    uint64_t found = 0;
    struct pen pen;

    pen_begin(&pen, true);
    batch_store(&pen, &batch);
    assert_int_equal(entry_put(&pen, 1, 100), 0);
    segment_writer_seal(pen.writer);
    segment_batch_end(pen.writer, true);
    assert_int_equal(entries_found(&pen, unit.at.blob), 1);
    assert_int_equal(blob_store_cut(pen.rig.store, unit.at.blob, pen.sealed[0].used_bytes), 0);
    assert_int_equal(entries_found(&pen, unit.at.blob), 0);
    /* It lacks nothing but the token. */
    assert_int_equal(segment_entries_read(pen.rig.store, unit.at.blob, other_token, on_any_entry, &found), 0);
    assert_int_equal(found, 1);
    free(bytes);
    pen_end(&pen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_between_units),
        cmocka_unit_test(largest_entry),
        cmocka_unit_test(the_reader_stops_it),
        cmocka_unit_test(room_is_shared),
        cmocka_unit_test(a_batch_meets_the_journal),
        cmocka_unit_test(until_it_is_full),
        cmocka_unit_test(stores_that_are_not_durable_have_none),
        cmocka_unit_test(another_token),
        cmocka_unit_test(any_byte_flipped),
        cmocka_unit_test(valid_entries_after_a_damaged_one),
        cmocka_unit_test(torn_last_entry),
        cmocka_unit_test(files_without_entries),
        cmocka_unit_test(lengths_are_not_trusted),
        cmocka_unit_test(sequence_counts),
        cmocka_unit_test(a_cut_removes_the_journal),
        cmocka_unit_test(a_body_that_imitates_an_entry),
    };

    return RUN_ENGINES(tests);
}
