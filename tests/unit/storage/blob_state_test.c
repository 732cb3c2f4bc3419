/* SPDX-License-Identifier: MIT
 *
 * The states of an upload: which its file goes through, in which order, for every kind of upload; and that a writer whose sides do not
 * go together is noticed. States are looked at when an operation begins, and between two rounds of the ring. */
#include "tests/unit/storage/blob_support.h"

#include <sys/wait.h>

#include "storage/ingress/blob_writer_parts.h"

#define MIB (1u << 20)

/* ---- The walk ---- */

#define WALK_MAX 32u

/* The states of one upload, without repetitions. */
static struct walk {
    const struct blob_writer *writer; /* NULL: nothing to look at */
    enum file_state file[WALK_MAX];
    enum bytes_state bytes[WALK_MAX];
    enum sums_state sums[WALK_MAX];
    enum owner_state owner[WALK_MAX];
    unsigned files, bytes_count, sums_count, owners;
} walk;

#define NOTE(list, count, state)                                                                             \
    do {                                                                                                     \
        if (walk.count == 0 || walk.list[walk.count - 1] != (state)) {                                       \
            assert_true(walk.count < WALK_MAX);                                                              \
            walk.list[walk.count++] = (state);                                                               \
        }                                                                                                    \
    } while (0)

static void walk_note(void)
{
    if (walk.writer == NULL)
        return;
    NOTE(file, files, walk.writer->file);
    NOTE(bytes, bytes_count, walk.writer->bytes);
    NOTE(sums, sums_count, walk.writer->sums);
    NOTE(owner, owners, walk.writer->owner);
}

static int walk_hook(enum ring_op_kind kind, int fd, uint64_t length)
{
    walk_note();
    return fault_hook(kind, fd, length);
}

static void walk_wait(struct upload *upload, const bool *flag)
{
    while (!*flag) {
        ring_wait(upload->rig->ring, true);
        walk_note();
    }
}

/* One upload, from begin to free. */
static void walk_upload(struct rig *rig, size_t length, bool length_known, enum feed feed)
{
    unsigned char *bytes = make_bytes(length, 7);
    struct upload upload;

    walk = (struct walk){0};
    sys_fault = walk_hook;
    upload_begin(&upload, rig, bytes, length, length_known, feed);
    walk.writer = upload.writer;
    walk_note();
    walk_wait(&upload, &upload.ready);
    assert_int_equal(upload.result, 0);
    assert_int_equal(upload_feed(&upload), 0);
    walk_note();
    blob_writer_seal(upload.writer);
    walk_note();
    walk_wait(&upload, &upload.sealed);
    assert_int_equal(upload.result, 0);
    while (upload.writer->step != STEP_NONE) { /* so that each state is seen by itself */
        ring_wait(rig->ring, true);
        walk_note();
    }
    blob_writer_publish(upload.writer);
    walk_note();
    walk_wait(&upload, &upload.published);
    assert_int_equal(upload.result, 0);
    walk.writer = NULL;
    upload_end(&upload);
    sys_fault = NULL;
    assert_int_equal(upload.blob != 0, length != 0);
    if (upload.blob != 0)
        assert_blob_holds(rig, upload.blob, bytes, length);
    free(bytes);
}

static void expect_file(const enum file_state *states, unsigned count)
{
    assert_int_equal(walk.files, count);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(walk.file[i], states[i]);
}

#define EXPECT_FILE(...)                                                                                     \
    expect_file((const enum file_state[]){__VA_ARGS__},                                                      \
                sizeof((const enum file_state[]){__VA_ARGS__}) / sizeof(enum file_state))

/* Nothing goes back, and each ends where it should. */
static void expect_forward(void)
{
    for (unsigned i = 1; i < walk.bytes_count; i++)
        assert_true(walk.bytes[i] > walk.bytes[i - 1]);
    for (unsigned i = 1; i < walk.sums_count; i++)
        assert_true(walk.sums[i] > walk.sums[i - 1]);
    for (unsigned i = 1; i < walk.owners; i++)
        assert_int_equal(walk.owner[i], walk.owner[i - 1] + 1); /* the owner skips nothing */
    assert_int_equal(walk.bytes[walk.bytes_count - 1], BYTES_IN_FILE);
    assert_int_equal(walk.sums[walk.sums_count - 1], SUMS_KNOWN);
    assert_int_equal(walk.owner[walk.owners - 1], OWNER_HAS_BLOB);
    assert_int_equal(walk.owners, 5);
}

static void test_durable(void **state)
{
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    for (enum feed feed = FEED_SPLICE; feed <= FEED_MIXED; feed++) {
        walk_upload(&rig, 2 * MIB, true, feed); /* has its space reserved */
        EXPECT_FILE(FILE_NONE, FILE_OPEN, FILE_READY, FILE_RECORDED, FILE_NAMED, FILE_DURABLE);
        expect_forward();
        walk_upload(&rig, 300000, false, feed); /* has not */
        EXPECT_FILE(FILE_NONE, FILE_READY, FILE_RECORDED, FILE_NAMED, FILE_DURABLE);
        expect_forward();
    }
    rig_end(&rig);
}

static void test_relaxed(void **state)
{
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, false, false);
    walk_upload(&rig, 2 * MIB, true, FEED_SPLICE);
    EXPECT_FILE(FILE_NONE, FILE_OPEN, FILE_READY, FILE_RECORDED, FILE_DURABLE);
    expect_forward();
    rig_end(&rig);
}

static void test_staged(void **state)
{
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    atomic_store(&rig.store->no_tmpfile, true);
    walk_upload(&rig, 5000, true, FEED_MEMORY);
    EXPECT_FILE(FILE_NONE, FILE_READY, FILE_RECORDED, FILE_NAMED, FILE_DURABLE);
    expect_forward();
    assert_int_equal(rig_count_staging(&rig), 0);
    rig_end(&rig);
}

static void test_pumped(void **state)
{
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    assert_int_equal(pump_pool_create(&rig.pumps, 1), 0);
    walk_upload(&rig, 3 * MIB + 1, true, FEED_SPLICE);
    EXPECT_FILE(FILE_NONE, FILE_OPEN, FILE_READY, FILE_RECORDED, FILE_NAMED, FILE_DURABLE);
    expect_forward();
    assert_int_equal(walk.sums[0], SUMS_NONE); /* and no digest thread ever follows */
    assert_int_equal(walk.sums_count, 2);
    rig_end(&rig);
}

static void test_empty(void **state)
{
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    walk_upload(&rig, 0, true, FEED_MEMORY);
    EXPECT_FILE(FILE_READY, FILE_DURABLE); /* which is no file at all */
    expect_forward();
    walk_upload(&rig, 0, false, FEED_MEMORY);
    EXPECT_FILE(FILE_NONE, FILE_READY, FILE_DURABLE);
    expect_forward();
    assert_int_equal(rig_count_blobs(&rig), 0);
    rig_end(&rig);
}

/* The name is a stranger's: the file gets another record, another sync, another name. */
static void test_name_taken(void **state)
{
    struct rig rig;
    char path[BLOB_PATH_BYTES];

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    blob_path_format(path, rig.store->ids.next);
    int fd = openat(rig.store->blobs_fd, path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    walk_upload(&rig, 5000, true, FEED_MEMORY);
    EXPECT_FILE(FILE_NONE, FILE_READY, FILE_RECORDED, FILE_READY, FILE_RECORDED, FILE_NAMED, FILE_DURABLE);
    expect_forward();
    rig_end(&rig);
}

/* ---- What is noticed ---- */

/* Whether the check ends a process that has this writer; `spoil` makes it wrong there. */
static bool is_noticed(struct blob_writer *writer, void (*spoil)(struct blob_writer *writer))
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL); /* cmocka's would go on */
        close(STDERR_FILENO);
        if (spoil != NULL)
            spoil(writer);
        writer_state_check(writer);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void spoil_skips_the_sync(struct blob_writer *writer)
{
    writer->file = FILE_DURABLE; /* without a record, an id, a sync */
}

static void spoil_no_file(struct blob_writer *writer)
{
    writer->file = FILE_NONE;
}

static void spoil_more_written_than_came(struct blob_writer *writer)
{
    writer->written = writer->taken + 1;
}

static void spoil_id_too_early(struct blob_writer *writer)
{
    writer->blob = 1;
}

static void spoil_sums_of_nowhere(struct blob_writer *writer)
{
    writer->sums = SUMS_FINISHED;
}

static void spoil_owner_knows_more(struct blob_writer *writer)
{
    writer->owner = OWNER_HAS_SUMS;
}

static void spoil_syncs_now(struct blob_writer *writer)
{
    writer->step = STEP_SYNC;
}

static void spoil_undoes_what_is_wanted(struct blob_writer *writer)
{
    writer->step = STEP_CLOSE;
}

static void test_notices_what_does_not_go_together(void **state)
{
    static void (*const spoils[])(struct blob_writer *) = {
        spoil_skips_the_sync,
        spoil_no_file,
        spoil_more_written_than_came,
        spoil_id_too_early,
        spoil_sums_of_nowhere,
        spoil_owner_knows_more,
        spoil_syncs_now,
        spoil_undoes_what_is_wanted,
    };
    struct upload upload;
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_THREADS, true, false);
    upload_begin(&upload, &rig, (const unsigned char *)"four", 4, false, FEED_MEMORY);
    upload_wait(&upload, &upload.ready);
    assert_int_equal(upload_feed(&upload), 0);
    rig_settle(&rig);
    assert_int_equal(upload.writer->written, 4);
    assert_false(is_noticed(upload.writer, NULL));
    for (unsigned i = 0; i < sizeof(spoils) / sizeof(spoils[0]); i++)
        assert_true(is_noticed(upload.writer, spoils[i]));
    upload_end(&upload);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durable),
        cmocka_unit_test(test_relaxed),
        cmocka_unit_test(test_staged),
        cmocka_unit_test(test_pumped),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_name_taken),
        cmocka_unit_test(test_notices_what_does_not_go_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
