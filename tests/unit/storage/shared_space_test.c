/* SPDX-License-Identifier: MIT
 *
 * Blobs that several units share: what they say of themselves, holes between the units that are left, and recovery, which leaves them
 * alone. Whatever goes, no byte of a unit that stays may change. */
#include "tests/unit/storage/segment_support.h"

#define MIB   (1u << 20)
#define UNITS 64u

/* The rows of one file. */
struct units {
    struct blob_run list[UNITS];
    bool is_there[UNITS];
    unsigned count;
};

static int units_visit(void *ctx, uint64_t blob, int (*visit)(void *ctx, uint64_t offset, uint64_t length),
                       void *visit_ctx)
{
    const struct units *units = ctx;
    int err = 0;

    for (unsigned i = 0; i < units->count && err == 0; ++i)
        if (units->is_there[i])
            err = visit(visit_ctx, units->list[i].offset, units->list[i].length);
    return err;
}

static void units_add(struct units *units, uint64_t offset, uint64_t length)
{
    assert_true(units->count < UNITS);
    units->list[units->count] = (struct blob_run){offset, length};
    units->is_there[units->count++] = true;
}

/* Units as the members of an archive lie: in blocks of 512 bytes, with one before each. */
static uint64_t units_lay(struct units *units, const uint64_t *lengths, unsigned count)
{
    uint64_t at = 0;

    *units = (struct units){.count = 0};
    for (unsigned i = 0; i < count; ++i) {
        units_add(units, at + 512, lengths[i]);
        at += 512 + (lengths[i] + 511) / 512 * 512;
    }
    return at + 1024;
}

/* Gives units back, by their letters: 'x' now; '.' stays; '-' went before. */
static int give_back(struct rig *rig, uint64_t blob, struct units *units, const char *which)
{
    struct blob_run runs[UNITS];
    uint32_t count = 0;

    for (unsigned i = units->count; i-- > 0;) /* in no order that helps */
        if (which[i] == 'x')
            runs[count++] = units->list[i];
    struct blob_giving giving = {.blob = blob, .runs = runs, .count = count};
    blob_store_give_back(rig->store, &giving, 1, units_visit, units);
    int err = giving.result;
    for (unsigned i = 0; i < units->count && err == 0; ++i)
        units->is_there[i] &= which[i] != 'x';
    return err;
}

static void assert_left(struct rig *rig, uint64_t blob, const struct units *units, const unsigned char *bytes)
{
    int fd = blob_store_open_fd(rig->store, blob);
    unsigned char *found = malloc(64 * MIB);

    assert_true(fd >= 0);
    for (unsigned i = 0; i < units->count; ++i) {
        const struct blob_run *unit = &units->list[i];

        if (!units->is_there[i])
            continue;
        assert_int_equal(pread(fd, found, unit->length, (off_t)unit->offset), unit->length);
        assert_memory_equal(found, bytes + unit->offset, unit->length);
        assert_int_equal(
            blob_store_judge(rig->store, (struct blob_unit){blob, unit->offset}, unit->length, fd), 0);
    }
    close(fd);
    free(found);
}

/* Where the first byte that is no hole lies, from there on. */
static uint64_t data_from(struct rig *rig, uint64_t blob, uint64_t offset)
{
    int fd = blob_store_open_fd(rig->store, blob);
    off_t data = lseek(fd, (off_t)offset, SEEK_DATA);

    close(fd);
    return data < 0 ? UINT64_MAX : (uint64_t)data;
}

static uint64_t up(uint64_t offset, uint64_t align)
{
    return (offset + align - 1) / align * align;
}

static void holes_are_whole_blocks_between_what_is_left(void **state)
{
    static const uint64_t lengths[] = {9000, 20000, 100, 100, 9000, 70000, 1, 512};
    struct units units;
    struct rig rig;

    rig_begin(&rig, engine, true, false);
    uint64_t length = units_lay(&units, lengths, 8);
    unsigned char *bytes = make_bytes(length, 1);
    uint64_t blob = put_bytes(&rig, bytes, length);
    assert_int_equal(blob_store_is_shared(rig.store, blob), 1);
    assert_int_equal(give_back(&rig, blob, &units, ".x......"), 0);
    assert_left(&rig, blob, &units, bytes);
    uint64_t begin = up(units.list[0].offset + units.list[0].length, 4096);
    uint64_t end = units.list[2].offset / 4096 * 4096;
    assert_true(end > begin);
    assert_int_equal(data_from(&rig, blob, begin), end);
    assert_true(data_from(&rig, blob, begin - 4096) < begin);
    /* Too small for blocks of their own; with their neighbour, which went before, they are not. */
    assert_int_equal(give_back(&rig, blob, &units, ".-.x...."), 0);
    assert_int_equal(data_from(&rig, blob, begin), end);
    assert_int_equal(give_back(&rig, blob, &units, ".-x-x..."), 0);
    assert_left(&rig, blob, &units, bytes);
    assert_int_equal(data_from(&rig, blob, begin), units.list[5].offset / 4096 * 4096);
    /* Up to the end of the payload, but for what the file says of itself. */
    assert_int_equal(give_back(&rig, blob, &units, ".----xxx"), 0);
    assert_left(&rig, blob, &units, bytes);
    assert_int_equal(data_from(&rig, blob, begin), length / 4096 * 4096);
    assert_int_equal(blob_store_is_shared(rig.store, blob), 1);
    blob_store_settle(rig.store, blob);
    free(bytes);
    rig_end(&rig);
}

/* What was sent by sendfile may be in a socket's queue still. */
static void large_gaps_keep_to_whole_folios(void **state)
{
    static const uint64_t lengths[] = {5000, SHARED_UNIT_WHOLE_BYTES + 12345, 5000,
                                       SHARED_UNIT_WHOLE_BYTES - 10000, 5000};
    struct units units;
    struct rig rig;

    rig_begin(&rig, engine, true, false);
    uint64_t length = units_lay(&units, lengths, 5);
    unsigned char *bytes = make_bytes(length, 2);
    uint64_t blob = put_bytes(&rig, bytes, length);
    assert_false(blob_unit_is_packed(units.list[1].offset, units.list[1].length));
    assert_true(blob_unit_is_packed(units.list[3].offset, units.list[3].length));
    assert_false(blob_unit_is_packed(0, 1));
    assert_int_equal(give_back(&rig, blob, &units, ".x..."), 0);
    assert_left(&rig, blob, &units, bytes);
    assert_int_equal(data_from(&rig, blob, SHARED_HOLE_ALIGN_BYTES),
                     (units.list[1].offset + units.list[1].length) / SHARED_HOLE_ALIGN_BYTES *
                         SHARED_HOLE_ALIGN_BYTES);
    assert_true(data_from(&rig, blob, units.list[1].offset) < SHARED_HOLE_ALIGN_BYTES);
    assert_int_equal(give_back(&rig, blob, &units, ".-.x."),
                     0); /* a gap of its own, which held nothing large */
    assert_left(&rig, blob, &units, bytes);
    assert_int_equal(data_from(&rig, blob, up(units.list[2].offset + 5000, 4096)),
                     units.list[4].offset / 4096 * 4096);
    assert_int_equal(give_back(&rig, blob, &units, ".-x-."), 0);
    assert_left(&rig, blob, &units, bytes);
    assert_int_equal(data_from(&rig, blob, SHARED_HOLE_ALIGN_BYTES), units.list[4].offset / 4096 * 4096);
    blob_store_settle(rig.store, blob);
    free(bytes);
    rig_end(&rig);
}

static void segments_and_what_is_gone(void **state)
{
    struct units units = {.count = 0};
    struct batch batch;
    struct pen pen;

    pen_begin(&pen, true);
    batch_make_equal(&batch, 3, 5000, 1);
    assert_int_equal(batch_write(&pen, &batch), 0);
    uint64_t blob = batch.units[0].at.blob;
    segment_batch_end(pen.writer, false);
    for (unsigned i = 0; i < 3; ++i)
        units_add(&units, batch.units[i].at.offset, 5000);
    assert_int_equal(blob_store_is_shared(pen.rig.store, blob), 0);
    assert_int_equal(give_back(&pen.rig, blob, &units, ".x."), 0);
    assert_int_equal(data_from(&pen.rig, blob, units.list[1].offset), units.list[2].offset);
    assert_unit_holds(&pen.rig, &batch.units[0]);
    assert_unit_holds(&pen.rig, &batch.units[2]);
    assert_int_equal(give_back(&pen.rig, 4711, &units, "x.."), 0);
    assert_int_equal(blob_store_is_shared(pen.rig.store, 4711), -ENOENT);
    batch_free(&batch);
    pen_end(&pen);
}

/* A start finds it unsettled. */
struct database {
    uint64_t blob;
    struct units *units;
};

static int database_is_live(void *ctx, uint64_t blob)
{
    return blob == ((struct database *)ctx)->blob;
}

static int database_units(void *ctx, uint64_t blob, int (*visit)(void *ctx, uint64_t offset, uint64_t length),
                          void *visit_ctx)
{
    return units_visit(((struct database *)ctx)->units, blob, visit, visit_ctx);
}

static void recovery_leaves_it_alone(void **state)
{
    /* All of them where a segment might have them, too. */
    static const uint64_t lengths[] = {3584, 3584, 3584, 3584};
    struct units units;
    struct rig rig;

    rig_begin(&rig, engine, true, false);
    unsigned char *bytes = make_bytes(MIB, 3);
    uint64_t length = units_lay(&units, lengths, 4);
    for (unsigned i = 0; i < 4; ++i)
        units.list[i].offset += 3584;
    uint64_t blob = put_bytes(&rig, bytes, length + 4096);
    units.is_there[1] = false;
    struct database database = {blob, &units};
    blob_store_close(rig.store); /* as a kill does, but for the descriptors */
    assert_int_equal(rig_open_store(&rig, true, false), 0);
    rig.warnings = 0;
    assert_int_equal(blob_store_recover(rig.store, database_is_live, database_units, &database, NULL), 0);
    assert_int_equal(rig.warnings, 0);
    int fd = blob_store_open_fd(rig.store, blob);
    unsigned char found[24576];
    assert_int_equal(pread(fd, found, length + 4096, 0), length + 4096);
    assert_memory_equal(found, bytes, length + 4096);
    close(fd);
    free(bytes);
    rig_end(&rig);
}

static void damaged_rows_keep_all(void **state)
{
    static const uint64_t lengths[] = {9000, 9000, 9000};
    struct units units;
    struct rig rig;

    rig_begin(&rig, engine, true, false);
    uint64_t length = units_lay(&units, lengths, 3);
    unsigned char *bytes = make_bytes(length, 4);
    uint64_t blob = put_bytes(&rig, bytes, length);
    units.list[0].length = UINT64_MAX;
    assert_int_equal(give_back(&rig, blob, &units, ".x."), -EIO);
    units.list[0].length = 9000;
    assert_left(&rig, blob, &units, bytes);
    assert_int_equal(give_back(&rig, blob, &units, ".x."), 0);
    assert_left(&rig, blob, &units, bytes);
    blob_store_settle(rig.store, blob);
    free(bytes);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holes_are_whole_blocks_between_what_is_left),
        cmocka_unit_test(large_gaps_keep_to_whole_folios),
        cmocka_unit_test(segments_and_what_is_gone),
        cmocka_unit_test(recovery_leaves_it_alone),
        cmocka_unit_test(damaged_rows_keep_all),
    };

    return RUN_ENGINES(tests);
}
