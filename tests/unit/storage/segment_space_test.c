/* SPDX-License-Identifier: MIT
 *
 * Giving back what lies in a segment: holes, tails, and what recovery finds after a crash. What is left must not be touched,
 * and where the rows make no sense, nothing is. */
#include "tests/unit/storage/segment_support.h"

#define UNIT_BYTES 5000u
#define ROOM_BYTES 8192u
#define UNITS      6u

/* ---- Holes ---- */

/* Whether the whole range is a hole. */
static bool is_hole(struct rig *rig, uint64_t blob, uint64_t offset, uint64_t length)
{
    int fd = blob_store_open_fd(rig->store, blob);
    off_t data;

    assert_true(fd >= 0);
    data = lseek(fd, (off_t)offset, SEEK_DATA);
    close(fd);
    return data < 0 || (uint64_t)data >= offset + length;
}

static void assert_holes(struct rig *rig, const struct batch *batch, const char *holes)
{
    for (uint32_t i = 0; i < batch->count; ++i) {
        const struct segment_unit *unit = &batch->units[i];

        if (holes[i] == 'h') {
            assert_true(is_hole(rig, unit->at.blob, unit->at.offset, ROOM_BYTES));
        } else {
            assert_false(is_hole(rig, unit->at.blob, unit->at.offset, ROOM_BYTES));
            assert_unit_holds(rig, unit);
        }
    }
}

/* One segment with `count` units, alone in it. */
static void pen_fill(struct pen *pen, struct batch *batch, uint32_t count, uint64_t seed)
{
    batch_make_equal(batch, count, UNIT_BYTES, seed);
    assert_int_equal(batch_write(pen, batch), 0);
    segment_batch_end(pen->writer, false); /* sealed: the next one goes elsewhere */
    for (uint32_t i = 0; i < count; ++i)
        assert_int_equal(batch->units[i].at.blob, batch->units[0].at.blob);
}

static unsigned punches;
static int punch_error, punch_error_at;

static int fallocate_counted(int fd, int mode, off_t offset, off_t length)
{
    if (++punches == (unsigned)punch_error_at) {
        errno = punch_error;
        return -1;
    }
    return fallocate(fd, mode, offset, length);
}

static void punching_set(int error, int at)
{
    punches = 0;
    punch_error = error;
    punch_error_at = at;
    sys.fallocate = fallocate_counted;
}

static struct blob_run run_of(const struct batch *batch, uint32_t i)
{
    return (struct blob_run){batch->units[i].at.offset, batch->units[i].length};
}

static void neighbours_make_one_hole(void **state)
{
    struct batch batch;
    struct pen pen;

    pen_begin(&pen, true);
    pen_fill(&pen, &batch, UNITS, 1);
    struct blob_run runs[] = {run_of(&batch, 5), run_of(&batch, 2), run_of(&batch, 1), run_of(&batch, 2)};
    punching_set(0, 0);
    assert_int_equal(blob_store_punch(pen.rig.store, batch.units[0].at.blob, runs, 4), 0);
    sys.fallocate = fallocate;
    assert_int_equal(punches, 2);
    assert_holes(&pen.rig, &batch, "-hh--h");
    batch_free(&batch);
    pen_end(&pen);
}

/* A row may say that a unit has no bytes; for a hole of none the system would say EINVAL. */
static void runs_without_bytes_are_no_holes(void **state)
{
    struct batch batch;
    struct pen pen;

    pen_begin(&pen, true);
    pen_fill(&pen, &batch, UNITS, 1);
    struct blob_run runs[] = {
        {batch.units[0].at.offset, 0}, run_of(&batch, 4), {batch.units[2].at.offset, 0}};
    punching_set(0, 0);
    assert_int_equal(blob_store_punch(pen.rig.store, batch.units[0].at.blob, runs, 3), 0);
    sys.fallocate = fallocate;
    assert_int_equal(punches, 1);
    assert_holes(&pen.rig, &batch, "----h-");
    batch_free(&batch);
    pen_end(&pen);
}

static off_t punched_bytes;

static int fallocate_noted(int fd, int mode, off_t offset, off_t length)
{
    punched_bytes = length;
    return fallocate(fd, mode, offset, length);
}

/* A byte more than a block is a block more: the room of a unit is given back whole. */
static void the_last_block_goes_too(void **state)
{
    struct batch batch;
    struct pen pen;

    pen_begin(&pen, true);
    pen_fill(&pen, &batch, UNITS, 1);
    struct blob_run run = {batch.units[3].at.offset, SEGMENT_ALIGN_BYTES + 1};
    sys.fallocate = fallocate_noted;
    assert_int_equal(blob_store_punch(pen.rig.store, batch.units[0].at.blob, &run, 1), 0);
    sys.fallocate = fallocate;
    assert_int_equal(punched_bytes, 2 * SEGMENT_ALIGN_BYTES);
    assert_holes(&pen.rig, &batch, "---h--");
    batch_free(&batch);
    pen_end(&pen);
}

static void punching_fails(void **state)
{
    struct batch batch;
    struct pen pen;
    uint64_t blob;

    pen_begin(&pen, true);
    pen_fill(&pen, &batch, UNITS, 1);
    blob = batch.units[0].at.blob;
    struct blob_run runs[] = {run_of(&batch, 0), run_of(&batch, 3)};
    punching_set(EIO, 2);
    assert_int_equal(blob_store_punch(pen.rig.store, blob, runs, 2), -EIO);
    assert_holes(&pen.rig, &batch, "h-----");
    punching_set(EINTR, 1);
    assert_int_equal(blob_store_punch(pen.rig.store, blob, runs, 2), 0); /* repeated as a whole */
    assert_int_equal(punches, 3);
    assert_holes(&pen.rig, &batch, "h--h--");
    sys.fallocate = fallocate;
    batch_free(&batch);
    pen_end(&pen);
}

static void file_system_without_holes(void **state)
{
    struct batch batch;
    struct pen pen;
    uint64_t blob;

    pen_begin(&pen, true);
    pen_fill(&pen, &batch, UNITS, 1);
    blob = batch.units[0].at.blob;
    struct blob_run run = run_of(&batch, 2);
    unsigned told = pen.rig.warnings + pen.rig.errors;
    for (int i = 0; i < 2; ++i) {
        punching_set(EOPNOTSUPP, 1);
        pen.rig.last_message[0] = '\0';
        assert_int_equal(blob_store_punch(pen.rig.store, blob, &run, 1), 0);
        assert_int_equal(punches, 1);
        assert_int_equal(pen.rig.last_message[0] == '\0', i == 1); /* told once */
    }
    assert_true(pen.rig.warnings + pen.rig.errors <= told + 1);
    sys.fallocate = fallocate;
    assert_holes(&pen.rig, &batch, "------");
    batch_free(&batch);
    pen_end(&pen);
}

/* Runs come from rows. */
static void damaged_runs_are_refused(void **state)
{
    static const struct blob_run nonsense[] = {
        {0, UNIT_BYTES},    {4096 + 512, UNIT_BYTES},        {4096, SEGMENT_UNIT_BYTES_MAX + 1},
        {4096, UINT64_MAX}, {UINT64_MAX - 4095, UNIT_BYTES}, {(uint64_t)INT64_MAX - 4095, UNIT_BYTES},
    };
    struct batch batch;
    struct pen pen;

    pen_begin(&pen, true);
    pen_fill(&pen, &batch, UNITS, 1);
    for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); ++i) {
        struct blob_run runs[] = {run_of(&batch, 2), nonsense[i]};
        unsigned errors = pen.rig.errors;

        assert_int_equal(blob_store_punch(pen.rig.store, batch.units[0].at.blob, runs, 2), -EIO);
        assert_int_equal(pen.rig.errors, errors + 1);
    }
    assert_holes(&pen.rig, &batch, "------");
    batch_free(&batch);
    pen_end(&pen);
}

static int fdatasync_fails(int fd)
{
    errno = EIO;
    return -1;
}

/* What is not durable is not given back for good: the caller tries again. */
static void giving_back_is_synced(void **state)
{
    struct batch batch;
    struct pen pen;
    uint64_t blob;

    pen_begin(&pen, true);
    pen_fill(&pen, &batch, UNITS, 1);
    blob = batch.units[0].at.blob;
    struct blob_run run = run_of(&batch, 2);
    segment_writer_destroy(pen.writer); /* its thread syncs too */
    sys.fdatasync = fdatasync_fails;
    assert_int_equal(blob_store_punch(pen.rig.store, blob, &run, 1), -EIO);
    assert_int_equal(blob_store_cut(pen.rig.store, blob, 4096 + ROOM_BYTES), -EIO);
    /* Done again, a failed sync is not taken for one that went well. */
    assert_int_equal(blob_store_punch(pen.rig.store, blob, &run, 1), -EIO);
    assert_int_equal(blob_store_cut(pen.rig.store, blob, 4096 + ROOM_BYTES), -EIO);
    sys.fdatasync = fdatasync;
    assert_int_equal(blob_store_cut(pen.rig.store, blob, 4096 + ROOM_BYTES), 0);
    batch_free(&batch);
    rig_end(&pen.rig);
}

static void cutting(void **state)
{
    const uint64_t used = SEGMENT_ALIGN_BYTES + UNITS * ROOM_BYTES;
    struct batch batch;
    struct stat st;
    struct pen pen;
    uint64_t blob;

    pen_begin(&pen, true);
    pen_fill(&pen, &batch, UNITS, 1);
    blob = batch.units[0].at.blob;
    assert_int_equal(blob_store_cut(pen.rig.store, blob, used), 0);
    blob_stat(&pen.rig, blob, &st);
    assert_int_equal(st.st_size, used);
    assert_int_equal(blob_store_cut(pen.rig.store, blob, used + 1), 0); /* never longer */
    blob_stat(&pen.rig, blob, &st);
    assert_int_equal(st.st_size, used);
    assert_holes(&pen.rig, &batch, "------");
    batch_free(&batch);
    pen_end(&pen);
}

static void files_that_are_gone(void **state)
{
    struct blob_run run = {4096, 4096};
    struct pen pen;

    pen_begin(&pen, true);
    assert_int_equal(blob_store_punch(pen.rig.store, 12345, &run, 1), 0);
    assert_int_equal(blob_store_cut(pen.rig.store, 12345, 4096), 0);
    pen_end(&pen);
}

/* ---- Recovery ---- */

/* What rows say of one blob. */
struct rows {
    uint64_t blob;
    uint32_t count;
    struct {
        uint64_t offset, length;
    } units[300];
};

struct database {
    struct rows *list;
    uint32_t count;
};

static const struct rows *rows_of(const struct database *database, uint64_t blob)
{
    for (uint32_t i = 0; i < database->count; ++i)
        if (database->list[i].blob == blob)
            return &database->list[i];
    return NULL;
}

static int database_is_live(void *ctx, uint64_t blob)
{
    return rows_of(ctx, blob) != NULL;
}

static int database_units(void *ctx, uint64_t blob, int (*visit)(void *ctx, uint64_t offset, uint64_t length),
                          void *visit_ctx)
{
    const struct rows *rows = rows_of(ctx, blob);
    int err = 0;

    for (uint32_t i = 0; i < rows->count && err == 0; ++i)
        err = visit(visit_ctx, rows->units[i].offset, rows->units[i].length);
    return err;
}

/* The process ends, with nothing settled, and another one opens the store. */
static void pen_restart(struct pen *pen, struct database *database, uint64_t *removed)
{
    segment_writer_destroy(pen->writer);
    blob_store_close(pen->rig.store);
    assert_int_equal(rig_open_store(&pen->rig, true, false), 0);
    assert_int_equal(blob_store_recover(pen->rig.store, database_is_live, database_units, database, removed),
                     0);
}

static void row_add(struct rows *rows, uint64_t offset, uint64_t length)
{
    rows->units[rows->count].offset = offset;
    rows->units[rows->count++].length = length;
}

static void rows_add_units(struct rows *rows, const struct batch *batch, const char *holes)
{
    rows->blob = batch->units[0].at.blob;
    for (uint32_t i = 0; i < batch->count; ++i)
        if (holes[i] != 'h')
            row_add(rows, batch->units[i].at.offset, batch->units[i].length);
}

static void recovery_gives_back_gaps_and_tail(void **state)
{
    struct rows rows[3] = {{0}};
    struct database database = {rows, 3};
    struct batch kept, orphan, first;
    uint64_t plain, removed;
    unsigned char *bytes = make_bytes(100000, 7);
    struct stat st;
    struct pen pen;

    pen_begin(&pen, true);
    pen_fill(&pen, &kept, UNITS, 1);
    pen_fill(&pen, &orphan, UNITS, 50);
    pen_fill(&pen, &first, UNITS, 90);
    plain = put_bytes(&pen.rig, bytes, 100000); /* not settled either */
    rows_add_units(&rows[0], &kept, "h-h--h");
    rows_add_units(&rows[1], &first, "-hhhhh");
    rows[2].blob = plain;
    row_add(&rows[2], 0, 100000);
    for (int again = 0; again < 2; ++again) {
        pen_restart(&pen, &database, &removed);
        if (again == 0)
            assert_true(removed >= 1); /* with what was made ahead of its use */
        assert_int_equal(rig_count_blobs(&pen.rig), 3);
        assert_holes(&pen.rig, &kept, "h-h--h");
        blob_stat(&pen.rig, kept.units[0].at.blob, &st);
        assert_int_equal(st.st_size, kept.units[4].at.offset + ROOM_BYTES);
        assert_holes(&pen.rig, &first, "-hhhhh");
        blob_stat(&pen.rig, first.units[0].at.blob, &st);
        assert_int_equal(st.st_size, first.units[0].at.offset + ROOM_BYTES);
        assert_blob_holds(&pen.rig, plain, bytes, 100000);
        assert_int_equal(segment_writer_create(&pen.writer, pen.rig.store, note_sealed, &pen), 0);
    }
    free(bytes);
    batch_free(&kept);
    batch_free(&orphan);
    batch_free(&first);
    pen_end(&pen);
}

/* What the reclaimer punched is not punched again, however much it is; what it did not come to is. */
static void recovery_leaves_holes_alone(void **state)
{
    struct rows rows = {0};
    struct database database = {&rows, 1};
    struct batch batch;
    struct pen pen;

    pen_begin(&pen, true);
    pen_fill(&pen, &batch, UNITS, 1);
    rows_add_units(&rows, &batch, "h-hhh-");
    struct blob_run runs[] = {run_of(&batch, 0), run_of(&batch, 2), run_of(&batch, 4)};
    assert_int_equal(blob_store_punch(pen.rig.store, rows.blob, runs, 3), 0);
    assert_holes(&pen.rig, &batch, "h-h-h-");
    segment_writer_destroy(pen.writer);
    blob_store_close(pen.rig.store);
    assert_int_equal(rig_open_store(&pen.rig, true, false), 0);
    punching_set(0, 0);
    assert_int_equal(blob_store_recover(pen.rig.store, database_is_live, database_units, &database, NULL), 0);
    sys.fallocate = fallocate;
    assert_int_equal(punches, 1); /* of the three units between two that are left */
    assert_holes(&pen.rig, &batch, "h-hhh-");
    batch_free(&batch);
    rig_end(&pen.rig);
}

/* More of them than recovery gathers at once. */
static void recovery_of_many_gaps(void **state)
{
    enum { MANY = 590 };
    struct rows rows = {0};
    struct database database = {&rows, 1};
    uint32_t first = 0, kept = 0;
    struct batch batch;
    uint64_t removed;
    struct pen pen;

    pen_begin(&pen, true);
    batch_make_equal(&batch, MANY + 100, 100, 1);
    batch_store(&pen, &batch);
    while (batch.units[first].at.blob == batch.units[0].at.blob)
        ++first; /* the second segment is larger */
    rows.blob = batch.units[first].at.blob;
    assert_true(batch.units[batch.count - 1].at.blob != batch.units[0].at.blob);
    for (uint32_t i = first; i < batch.count && batch.units[i].at.blob == rows.blob && rows.count < 270; ++i)
        if (i % 2 == 1)
            row_add(&rows, batch.units[kept = i].at.offset, 100);
    pen_restart(&pen, &database, &removed);
    for (uint32_t i = first; i <= kept; ++i) {
        assert_int_equal(is_hole(&pen.rig, rows.blob, batch.units[i].at.offset, 4096), i % 2 == 0);
        if (i % 2 == 1)
            assert_unit_holds(&pen.rig, &batch.units[i]);
    }
    batch_free(&batch);
    rig_end(&pen.rig);
}

static atomic_uint syncs;

static int fdatasync_counted(int fd)
{
    ++syncs;
    return fdatasync(fd);
}

/* No file but those of the list is opened, each is synced once, and one that fails is told of alone. */
static void many_files_are_given_back_together(void **state)
{
    enum { FILES = 3, MANY = 60 };
    struct blob_run runs[FILES][MANY];
    struct blob_giving list[FILES + 1];
    struct batch batches[FILES];
    struct pen pen;

    pen_begin(&pen, true);
    for (int i = 0; i < FILES; ++i) {
        batch_make_equal(&batches[i], MANY, 100, 10 * (unsigned)i + 1);
        assert_int_equal(batch_write(&pen, &batches[i]), 0);
        segment_batch_end(pen.writer, false);
        list[i] = (struct blob_giving){.blob = batches[i].units[0].at.blob, .runs = runs[i]};
        for (uint32_t j = 0; j < MANY; j += 2)
            runs[i][list[i].count++] = run_of(&batches[i], j);
    }
    list[FILES] = (struct blob_giving){.blob = 12345, .runs = runs[0], .count = 1}; /* is gone */
    runs[1][3].length = SEGMENT_UNIT_BYTES_MAX + 1;                                 /* a damaged row */
    segment_writer_destroy(pen.writer);                                             /* its thread syncs too */
    syncs = 0;
    sys.fdatasync = fdatasync_counted;
    blob_store_give_back(pen.rig.store, list, FILES + 1, database_units, NULL);
    sys.fdatasync = fdatasync;
    assert_int_equal(syncs, 2);
    for (int i = 0; i < FILES; ++i) {
        assert_int_equal(list[i].result, i == 1 ? -EIO : 0);
        for (uint32_t j = 0; j < MANY; ++j)
            assert_int_equal(is_hole(&pen.rig, list[i].blob, batches[i].units[j].at.offset, 4096),
                             i != 1 && j % 2 == 0);
        batch_free(&batches[i]);
    }
    assert_int_equal(list[FILES].result, 0);
    rig_end(&pen.rig);
}

static int fallocate_refuses_holes(int fd, int mode, off_t offset, off_t length)
{
    if ((mode & FALLOC_FL_PUNCH_HOLE) == 0)
        return fallocate(fd, mode, offset, length);
    errno = EOPNOTSUPP;
    return -1;
}

/* Where no hole can be punched, a segment with little in it is written anew: not before it is settled, and not for little. */
static void thin_segments_are_written_anew(void **state)
{
    enum { MANY = 60 };
    struct rows rows = {0};
    struct database database = {&rows, 1};
    struct blob_run runs[MANY];
    struct stat before, after;
    struct batch batch;
    struct pen pen;
    char holes[MANY + 1];

    pen_begin(&pen, true);
    batch_make_equal(&batch, MANY, 100, 1);
    assert_int_equal(batch_write(&pen, &batch), 0);
    segment_batch_end(pen.writer, false);
    memset(holes, '-', sizeof(holes) - 1);
    holes[MANY] = '\0';
    rows_add_units(&rows, &batch, holes);
    assert_int_equal(blob_store_cut(pen.rig.store, rows.blob, batch.units[MANY - 1].at.offset + 4096), 0);
    blob_stat(&pen.rig, rows.blob, &before);
    int reader = blob_store_open_fd(pen.rig.store, rows.blob);
    sys.fallocate = fallocate_refuses_holes;
    for (int turn = 0; turn < 3; ++turn) { /* too early; too little; as it should */
        struct blob_giving giving = {.blob = rows.blob, .runs = runs};

        for (uint32_t i = 0; i < (turn == 1 ? 10u : 50u); ++i)
            runs[giving.count++] = run_of(&batch, i == 0 ? 0 : i + 5);
        if (turn == 1)
            blob_store_settle_segment(pen.rig.store, rows.blob);
        blob_store_give_back(pen.rig.store, &giving, 1, database_units, &database);
        assert_int_equal(giving.result, 0);
        blob_stat(&pen.rig, rows.blob, &after);
        assert_int_equal(after.st_size, before.st_size);
        if (turn < 2) {
            assert_int_equal(after.st_ino, before.st_ino);
            continue;
        }
        assert_true(after.st_ino != before.st_ino);
        assert_true(after.st_blocks * 2 < before.st_blocks);
    }
    sys.fallocate = fallocate;
    for (uint32_t i = 0; i < MANY; ++i) {
        bool is_gone = i == 0 || (i > 5 && i < 55);

        assert_int_equal(is_hole(&pen.rig, rows.blob, batch.units[i].at.offset, 4096), is_gone);
        if (!is_gone)
            assert_unit_holds(&pen.rig, &batch.units[i]);
    }
    unsigned char first[100]; /* whoever has the old file open still reads what was in it */
    assert_int_equal(pread(reader, first, sizeof(first), (off_t)batch.units[0].at.offset), sizeof(first));
    assert_memory_equal(first, batch.units[0].data, sizeof(first));
    close(reader);
    batch_free(&batch);
    pen_end(&pen);
}

/* A damaged database must not cost bytes. */
static void recovery_leaves_alone_what_makes_no_sense(void **state)
{
    static const struct {
        uint64_t offset[2], length[2];
    } nonsense[] = {
        {{4096 + 512, 0}, {UNIT_BYTES, 0}},                    /* not aligned */
        {{4096, 4096 + 4096}, {UNIT_BYTES, UNIT_BYTES}},       /* overlap */
        {{4096, 4096 + ROOM_BYTES}, {UNIT_BYTES, 0}},          /* empty */
        {{4096, 0}, {SEGMENT_UNIT_BYTES_MAX + 1, 0}},          /* longer than any unit */
        {{4096 + ROOM_BYTES, 4096}, {UNIT_BYTES, UNIT_BYTES}}, /* not in order */
        {{0, 4096}, {100000, UNIT_BYTES}},                     /* both a blob of its own and a segment */
        {{UINT64_MAX - 4095, 0}, {UNIT_BYTES, 0}},             /* beyond the end of any file */
        {{(uint64_t)INT64_MAX - 4095, 0}, {UNIT_BYTES, 0}},
    };

    for (uint32_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); ++i) {
        struct rows rows = {0};
        struct database database = {&rows, 1};
        struct stat before, after;
        struct batch batch;
        struct pen pen;

        pen_begin(&pen, true);
        pen_fill(&pen, &batch, UNITS, 1);
        rows.blob = batch.units[0].at.blob;
        blob_stat(&pen.rig, rows.blob, &before);
        row_add(&rows, nonsense[i].offset[0], nonsense[i].length[0]);
        if (nonsense[i].offset[1] != 0)
            row_add(&rows, nonsense[i].offset[1], nonsense[i].length[1]);
        unsigned warnings = pen.rig.warnings;
        pen_restart(&pen, &database, NULL);
        assert_int_equal(pen.rig.warnings, warnings + 1);
        blob_stat(&pen.rig, rows.blob, &after);
        assert_int_equal(after.st_size, before.st_size);
        assert_holes(&pen.rig, &batch, "------");
        batch_free(&batch);
        rig_end(&pen.rig);
    }
}

/* Without a row it is nothing but space. */
static void made_segment_after_a_crash(void **state)
{
    struct database nothing = {NULL, 0};
    uint64_t removed;
    struct pen pen;
    int status;

#ifdef __SANITIZE_THREAD__
    skip(); /* it allows no threads in the child of a process with threads */
#endif
    pen_begin(&pen, true);
    segment_writer_destroy(pen.writer);
    blob_store_close(pen.rig.store);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct pen child = {.rig = pen.rig};

        if (rig_open_store(&child.rig, true, false) != 0 ||
            blob_store_recover(child.rig.store, no_row, NULL, NULL, NULL) != 0 ||
            segment_writer_create(&child.writer, child.rig.store, note_sealed, &child) != 0)
            _exit(2);
        segment_writer_expect(child.writer);
        while (rig_count_blobs(&child.rig) == 0)
            usleep(1000);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(rig_open_store(&pen.rig, true, false), 0);
    assert_int_equal(rig_count_blobs(&pen.rig), 1);
    assert_int_equal(blob_store_recover(pen.rig.store, database_is_live, database_units, &nothing, &removed),
                     0);
    assert_int_equal(removed, 1);
    assert_int_equal(rig_count_blobs(&pen.rig), 0);
    rig_end(&pen.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_make_one_hole),
        cmocka_unit_test(runs_without_bytes_are_no_holes),
        cmocka_unit_test(the_last_block_goes_too),
        cmocka_unit_test(punching_fails),
        cmocka_unit_test(file_system_without_holes),
        cmocka_unit_test(damaged_runs_are_refused),
        cmocka_unit_test(giving_back_is_synced),
        cmocka_unit_test(cutting),
        cmocka_unit_test(files_that_are_gone),
        cmocka_unit_test(recovery_gives_back_gaps_and_tail),
        cmocka_unit_test(many_files_are_given_back_together),
        cmocka_unit_test(thin_segments_are_written_anew),
        cmocka_unit_test(recovery_leaves_holes_alone),
        cmocka_unit_test(recovery_of_many_gaps),
        cmocka_unit_test(recovery_leaves_alone_what_makes_no_sense),
        cmocka_unit_test(made_segment_after_a_crash),
    };

    return RUN_ENGINES(tests);
}
