/* SPDX-License-Identifier: MIT
 *
 * lost/: recovery moves there what it cannot explain, as much as it is in doubt; age and bytes are bounded; and what SEQUENCE says of how
 * the store was left. */
#include "tests/unit/storage/segment_support.h"

/* A copy of the store as a crash would leave it now takes its place, and is not recovered yet. */
static void crash(struct rig *rig, bool durable)
{
    char command[256], copy[64];

    snprintf(copy, sizeof(copy), "%.50s-crash", rig->dir);
    snprintf(command, sizeof(command), "cp -a %s %s", rig->dir, copy);
    assert_int_equal(system(command), 0);
    blob_store_close(rig->store);
    remove_tree(rig->dir);
    assert_int_equal(rename(copy, rig->dir), 0);
    assert_int_equal(rig_open_store(rig, durable, false), 0);
}

struct seen {
    unsigned count;
    uint64_t bytes;
    char names[8][80];
};

static int note_lost(void *ctx, const struct blob_lost *lost)
{
    struct seen *seen = ctx;

    assert_true(seen->count < 8);
    snprintf(seen->names[seen->count++], sizeof(seen->names[0]), "%s", lost->name);
    seen->bytes += lost->bytes;
    return 0;
}

static struct seen look(struct rig *rig)
{
    struct seen seen = {0};

    assert_int_equal(blob_store_lost_walk(rig->store, note_lost, &seen), 0);
    return seen;
}

static int row_of(void *ctx, uint64_t blob)
{
    return blob == *(const uint64_t *)ctx;
}

static uint64_t put_settled(struct rig *rig, const char *text)
{
    uint64_t blob = put_bytes(rig, (const unsigned char *)text, strlen(text));

    blob_store_settle(rig->store, blob);
    return blob;
}

static uint64_t recover(struct rig *rig, uint64_t live)
{
    uint64_t removed;

    assert_int_equal(blob_store_recover(rig->store, row_of, NULL, &live, &removed), 0);
    return removed;
}

/* Without doubt an unfinished upload is removed, with any it is moved; what was settled is looked at only when all is in doubt. */
static void as_much_as_is_in_doubt(void **state)
{
    for (enum blob_doubt doubt = BLOB_DOUBT_NONE; doubt <= BLOB_DOUBT_ALL; ++doubt) {
        struct rig rig;
        char expected[24];

        rig_begin(&rig, engine, true, false);
        uint64_t live = put_settled(&rig, "live"), settled = put_settled(&rig, "settled");
        blob_store_close(rig.store);
        assert_int_equal(rig_open_store(&rig, true, false), 0);
        assert_int_equal(recover(&rig, live), 0);
        uint64_t orphan = put_bytes(&rig, (const unsigned char *)"orphan", 6);
        crash(&rig, true);
        blob_store_doubt(rig.store, doubt);
        blob_store_doubt(rig.store, BLOB_DOUBT_NONE); /* takes nothing back */
        assert_int_equal(recover(&rig, live), doubt == BLOB_DOUBT_NONE);
        struct seen seen = look(&rig);
        assert_int_equal(seen.count, doubt == BLOB_DOUBT_NONE ? 0 : doubt == BLOB_DOUBT_ALL ? 2 : 1);
        assert_int_equal(rig.warnings, seen.count);
        assert_int_equal(blob_store_open_fd(rig.store, orphan), -ENOENT);
        assert_blob_holds(&rig, live, (const unsigned char *)"live", 4);
        if (doubt < BLOB_DOUBT_ALL)
            assert_blob_holds(&rig, settled, (const unsigned char *)"settled", 7);
        if (seen.count > 0) {
            snprintf(expected, sizeof(expected), "-%016llx", (unsigned long long)orphan);
            assert_string_equal(seen.names[seen.count - 1] + 16, expected);
        }
        rig_end(&rig);
    }
}

/* Nothing was synced: a power failure may have taken rows. */
static void relaxed_store(void **state)
{
    struct rig rig;

    rig_begin(&rig, engine, false, false);
    put_bytes(&rig, (const unsigned char *)"orphan", 6);
    crash(&rig, false);
    assert_int_equal(recover(&rig, 0), 0);
    assert_int_equal(look(&rig).count, 1);
    rig_end(&rig);
}

/* In a segment that rows name, nothing is given back that might be of rows that are lost. */
static int first_unit(void *ctx, uint64_t blob,
                      int (*visit)(void *visit_ctx, uint64_t offset, uint64_t length), void *visit_ctx)
{
    return visit(visit_ctx, 4096, 3000); /* of three */
}

static void gaps_are_left_in_doubt(void **state)
{
    for (enum blob_doubt doubt = BLOB_DOUBT_FILES; doubt <= BLOB_DOUBT_UNITS; ++doubt) {
        struct batch batch;
        struct stat st;
        struct pen pen;

        pen_begin(&pen, true);
        batch_make_equal(&batch, 3, 3000, 1);
        batch_store(&pen, &batch);
        uint64_t blob = batch.units[0].at.blob;
        segment_writer_destroy(pen.writer);
        crash(&pen.rig, true);
        blob_store_doubt(pen.rig.store, doubt);
        assert_int_equal(blob_store_recover(pen.rig.store, row_of, first_unit, &blob, NULL), 0);
        blob_stat(&pen.rig, blob, &st);
        assert_unit_holds(&pen.rig, &batch.units[0]);
        if (doubt == BLOB_DOUBT_UNITS)
            assert_batch_holds(&pen.rig, &batch);
        else
            assert_int_equal(st.st_size, 8192);
        batch_free(&batch);
        rig_end(&pen.rig);
    }
}

/* ---- Bounds ---- */

static void lost_write(struct rig *rig, const char *name, size_t bytes)
{
    char path[160], *data = calloc(1, bytes + 1);
    int fd;

    snprintf(path, sizeof(path), "%s/lost", rig->dir);
    assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
    snprintf(path, sizeof(path), "%s/lost/%s", rig->dir, name);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, data, bytes), bytes);
    assert_int_equal(fsync(fd), 0); /* so that its blocks count */
    close(fd);
    free(data);
}

static void age_and_bytes(void **state)
{
    uint64_t files, bytes;
    struct rig rig;

    rig_begin(&rig, engine, true, false);
    assert_int_equal(blob_store_lost_bound(rig.store, 30, 10, &files, &bytes),
                     0); /* there is no such folder */
    assert_int_equal(files, 0);
    lost_write(&rig, "20200101T000000Z-0000000000000001", 5000);
    lost_write(&rig, "20990101T000000Z-0000000000000002", 5000);
    lost_write(&rig, "20980101T000000Z-0000000000000003", 9000);
    lost_write(&rig, "what an operator put there", 5000);
    struct seen seen = look(&rig);
    assert_int_equal(seen.count, 3);
    assert_string_equal(seen.names[1], "20980101T000000Z-0000000000000003"); /* oldest first */
    assert_int_equal(blob_store_lost_bound(rig.store, 30, 10, &files, &bytes), 0);
    assert_int_equal(files, 1);
    assert_true(bytes >= 5000);
    assert_non_null(strstr(rig.last_message, "20200101T000000Z-0000000000000001"));
    assert_non_null(strstr(rig.last_message, "too old"));
    assert_int_equal(look(&rig).count, 2);
    /* A share of nothing: the oldest go until the rest fits, that is all of them. */
    assert_int_equal(blob_store_lost_bound(rig.store, 30, 0, &files, &bytes), 0);
    assert_int_equal(files, 2);
    assert_non_null(strstr(rig.last_message, "too much"));
    char path[128];
    snprintf(path, sizeof(path), "%s/lost/what an operator put there", rig.dir);
    assert_int_equal(access(path, F_OK), 0);
    rig_end(&rig);
}

static void everything_at_once(void **state)
{
    uint64_t files, bytes;
    struct rig rig;

    rig_begin(&rig, engine, true, false);
    lost_write(&rig, "20990101T000000Z-0000000000000002", 5000);
    lost_write(&rig, "20990101T000000Z-sluice.db-wal", 100);
    blob_store_close(rig.store);
    struct blob_store_options options = {.read_only = true};
    assert_int_equal(blob_store_open(&rig.store, rig.dir, &options), 0);
    assert_int_equal(blob_store_lost_keep(rig.store, "LOCK"), -EROFS);
    assert_int_equal(look(&rig).count, 2);
    assert_int_equal(blob_store_lost_bound(rig.store, 0, 0, &files, &bytes), 0);
    assert_int_equal(files, 2);
    assert_int_equal(look(&rig).count, 0);
    rig_end(&rig);
}

static void copies_are_kept(void **state)
{
    struct rig rig;
    char path[128];

    rig_begin(&rig, engine, true, false);
    snprintf(path, sizeof(path), "%s/log", rig.dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "the log", 7), 7);
    close(fd);
    for (unsigned i = 0; i < 3; ++i)
        assert_int_equal(blob_store_lost_keep(rig.store, "log"), 0); /* within one second, most likely */
    struct seen seen = look(&rig);
    assert_int_equal(seen.count, 3);
    for (unsigned i = 0; i < 3; ++i) {
        char bytes[16] = "";

        snprintf(path, sizeof(path), "%s/lost/%s", rig.dir, seen.names[i]);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_int_equal(read(fd, bytes, sizeof(bytes)), 7);
        assert_string_equal(bytes, "the log");
        close(fd);
    }
    assert_int_equal(blob_store_lost_keep(rig.store, "nothing"), -ENOENT);
    rig_end(&rig);
}

/* ---- How it was left ---- */

static struct blob_past past_of(struct rig *rig)
{
    struct blob_past past;

    blob_store_past(rig->store, &past);
    return past;
}

static void log_is_remembered(void **state)
{
    struct rig rig;

    rig_begin(&rig, engine, true, false);
    assert_false(past_of(&rig).had_log);
    assert_int_equal(blob_store_log_is_there(rig.store), 0);
    crash(&rig, true); /* before SEQUENCE was written again */
    assert_false(past_of(&rig).had_log);
    assert_int_equal(blob_store_log_is_there(rig.store), 0);
    assert_int_equal(recover(&rig, 0), 0);
    crash(&rig, true);
    assert_true(past_of(&rig).had_log);
    assert_true(past_of(&rig).is_unclean && past_of(&rig).was_durable);
    /* Refused, closed, opened again: it says so still. */
    blob_store_close(rig.store);
    assert_int_equal(rig_open_store(&rig, true, false), 0);
    assert_true(past_of(&rig).had_log);
    assert_int_equal(blob_store_log_is_there(rig.store), 0);
    assert_int_equal(recover(&rig, 0), 0);
    assert_int_equal(blob_store_log_ends(rig.store), 0);
    crash(&rig, true); /* between that and the close */
    assert_false(past_of(&rig).had_log);
    assert_true(past_of(&rig).is_unclean);
    assert_int_equal(recover(&rig, 0), 0);
    blob_store_close(rig.store);
    assert_int_equal(rig_open_store(&rig, true, false), 0);
    assert_false(past_of(&rig).is_unclean);
    assert_int_equal(recover(&rig, 0), 0);
    rig_end(&rig);
}

static void no_log_in_a_relaxed_store(void **state)
{
    struct rig rig;

    rig_begin(&rig, engine, false, false);
    assert_int_equal(blob_store_log_is_there(rig.store), 0);
    crash(&rig, false);
    assert_int_equal(blob_store_log_is_there(rig.store), 0);
    assert_int_equal(recover(&rig, 0), 0);
    crash(&rig, false);
    assert_false(past_of(&rig).had_log);
    assert_false(past_of(&rig).was_durable);
    assert_int_equal(recover(&rig, 0), 0);
    rig_end(&rig);
}

/* Of what a store that syncs nothing wrote, after an unclean end nothing counts; of a durable one its segments do, too. */
static void epochs_that_files_know(void **state)
{
    const struct blob_identity identity = {.store = "a store's own id", .epoch = 7};
    const unsigned char stranger[RECORD_STORE_ID_BYTES] = "another store's";

    for (unsigned way = 0; way < 4; ++way) {
        unsigned durable = way % 2;
        struct batch batch;
        struct pen pen;
        uint64_t epoch;

        rig_shared_fs = way > 1;
        pen_begin(&pen, durable);
        blob_store_identify(pen.rig.store, &identity); /* SEQUENCE does not say so yet */
        batch_make_equal(&batch, 1, 3000, 1);
        batch_store(&pen, &batch);
        segment_writer_destroy(pen.writer);
        crash(&pen.rig, durable);
        assert_int_equal(blob_store_epoch_found(pen.rig.store, identity.store, &epoch), 0);
        assert_int_equal(epoch, durable ? 7 : 0);
        assert_int_equal(blob_store_epoch_found(pen.rig.store, stranger, &epoch), 0);
        assert_int_equal(epoch, 0);
        blob_store_identify(pen.rig.store, &identity);
        (void)recover(&pen.rig, 0);
        crash(&pen.rig, durable);
        assert_int_equal(blob_store_epoch_found(pen.rig.store, identity.store, &epoch), 0);
        assert_int_equal(epoch, durable ? 7 : 0);
        (void)recover(&pen.rig, 0);
        blob_store_close(pen.rig.store);
        assert_int_equal(rig_open_store(&pen.rig, durable, false), 0);
        assert_int_equal(blob_store_epoch_found(pen.rig.store, identity.store, &epoch), 0);
        assert_int_equal(epoch, durable ? 7 : 0); /* a relaxed one has no end that it waits for */
        (void)recover(&pen.rig, 0);
        batch_free(&batch);
        rig_end(&pen.rig);
    }
    rig_shared_fs = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_much_as_is_in_doubt), cmocka_unit_test(relaxed_store),
        cmocka_unit_test(gaps_are_left_in_doubt), cmocka_unit_test(age_and_bytes),
        cmocka_unit_test(everything_at_once),     cmocka_unit_test(copies_are_kept),
        cmocka_unit_test(log_is_remembered),      cmocka_unit_test(no_log_in_a_relaxed_store),
        cmocka_unit_test(epochs_that_files_know),
    };

    return RUN_ENGINES(tests);
}
