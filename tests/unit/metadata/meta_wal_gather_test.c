/* SPDX-License-Identifier: MIT
 *
 * The frames of a commit reach the log with one write, and nobody can tell: what is committed is in the file, whole, before any connection
 * may see it; what a failing disk refuses fails where it would have failed; what was undone leaves nothing.
 *
 * Writes of the database's library go through a table that it lets us replace; its syncs through fdatasync, which this program defines
 * itself. A crash is a copy of the two files at that moment. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "metadata/limits.h"
#include "metadata/sqlite/wal/wal.h"
#include "metadata/sqlite/wal/wal_gather.h"

#define FRAME_BYTES (24 + 4096)

/* ---- The disk ---- */

struct event {
    char what; /* w, or s for a sync */
    off_t offset;
    size_t length;
};

static struct event events[4096];
static unsigned event_count;
static bool is_recording;
static unsigned fail_at; /* the write that fails; 0: none */
static int fail_errno;   /* 0: it takes half of the bytes, and the rest of it meets a full disk */
static bool fails_next;

/* Visible, for the database's library to find it before the C library's. */
__attribute__((visibility("default"))) int fdatasync(int fd);

static void event_add(char what, off_t offset, size_t length)
{
    if (!is_recording)
        return;
    assert_true(event_count < sizeof(events) / sizeof(events[0]));
    events[event_count++] = (struct event){what, offset, length};
}

int fdatasync(int fd)
{
    event_add('s', 0, 0);
    return (int)syscall(SYS_fdatasync, fd);
}

static ssize_t pwrite_watched(int fd, const void *data, size_t length, off_t offset)
{
    event_add('w', offset, length);
    if (fails_next || (fail_at > 0 && --fail_at == 0)) {
        fails_next = !fails_next && fail_errno == 0;
        if (fails_next)
            return pwrite(fd, data, length / 2, offset);
        errno = fail_errno == 0 ? ENOSPC : fail_errno;
        return -1;
    }
    return pwrite(fd, data, length, offset);
}

static void disk_watch(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find("unix-excl");

    assert_non_null(vfs);
    assert_int_equal(vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)pwrite_watched), SQLITE_OK);
    assert_int_equal(vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)pwrite_watched), SQLITE_OK);
}

static void events_begin(void)
{
    event_count = 0;
    is_recording = true;
}

static unsigned events_end(char what)
{
    unsigned count = 0;

    is_recording = false;
    for (unsigned i = 0; i < event_count; i++)
        count += events[i].what == what;
    return count;
}

/* ---- A database ---- */

struct rig {
    char dir[64], db_path[96], log_path[96];
    sqlite3 *db, *other; /* the one that gathers; one that reads */
    struct wal wal;
    struct wal_gather *gather;
};

static int run_code(sqlite3 *db, const char *text)
{
    return sqlite3_exec(db, text, NULL, NULL, NULL);
}

static void run(sqlite3 *db, const char *text)
{
    assert_int_equal(run_code(db, text), SQLITE_OK);
}

static int take_number(void *ctx, int count, char **values, char **names)
{
    assert_int_equal(count, 1);
    *(long long *)ctx = values[0] == NULL ? 0 : strtoll(values[0], NULL, 10);
    return 0;
}

static long long number(sqlite3 *db, const char *query)
{
    long long value = -1;

    assert_int_equal(sqlite3_exec(db, query, take_number, &value, NULL), SQLITE_OK);
    return value;
}

static int take_ok(void *ctx, int count, char **values, char **names)
{
    assert_string_equal(values[0], "ok");
    return 0;
}

static void assert_whole(sqlite3 *db)
{
    assert_int_equal(sqlite3_exec(db, "PRAGMA integrity_check", take_ok, NULL, NULL), SQLITE_OK);
}

static sqlite3 *connect_to(const char *path)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "unix-excl"),
                     SQLITE_OK);
    return db;
}

static int rig_begin(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    strcpy(rig->dir, "/tmp/sluice-gather-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    snprintf(rig->db_path, sizeof(rig->db_path), "%s/db", rig->dir);
    snprintf(rig->log_path, sizeof(rig->log_path), "%s/db-wal", rig->dir);
    rig->db = connect_to(rig->db_path);
    run(rig->db, "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;"
                 "PRAGMA synchronous = NORMAL;"
                 "CREATE TABLE a(id INTEGER PRIMARY KEY, data BLOB); CREATE TABLE b(id INTEGER PRIMARY KEY, "
                 "data BLOB);"
                 "CREATE TABLE total(bytes INTEGER); INSERT INTO total VALUES(0)");
    rig->other = connect_to(rig->db_path);
    assert_int_equal(number(rig->other, "SELECT count(*) FROM a"), 0);
    wal_init(&rig->wal);
    assert_int_equal(wal_gather_start(&rig->gather, &rig->wal, rig->db), 0);
    *state = rig;
    return 0;
}

static int rig_end(void **state)
{
    struct rig *rig = *state;

    fail_at = 0;
    fails_next = false;
    assert_int_equal(sqlite3_close(rig->other), SQLITE_OK);
    assert_int_equal(sqlite3_close(rig->db), SQLITE_OK);
    wal_gather_free(rig->gather);
    (void)unlink(rig->log_path);
    assert_int_equal(unlink(rig->db_path), 0);
    assert_int_equal(rmdir(rig->dir), 0);
    free(rig);
    return 0;
}

static void file_copy(const char *from, const char *to)
{
    char buffer[65536];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ssize_t n;

    assert_true(in >= 0 && out >= 0);
    while ((n = read(in, buffer, sizeof(buffer))) > 0)
        assert_int_equal(write(out, buffer, (size_t)n), n);
    close(in);
    close(out);
}

/* What a process that comes after kill -9 would find: the answer to a query, in a database that is whole. */
static long long number_after_crash(const struct rig *rig, const char *query)
{
    char db_path[128], log_path[128];
    unsigned at = fail_at;

    fail_at = 0;
    snprintf(db_path, sizeof(db_path), "%s/copy", rig->dir);
    snprintf(log_path, sizeof(log_path), "%s/copy-wal", rig->dir);
    file_copy(rig->db_path, db_path);
    file_copy(rig->log_path, log_path);
    sqlite3 *db = connect_to(db_path);
    run(db, "PRAGMA synchronous = OFF");
    long long value = number(db, query);
    assert_whole(db);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(unlink(db_path), 0);
    (void)unlink(log_path);
    fail_at = at;
    return value;
}

/* A few pages of three tables. */
#define SMALL_COMMIT                                                                                         \
    "BEGIN; INSERT INTO a(data) VALUES(randomblob(1000)); INSERT INTO b(data) VALUES(randomblob(1000));"     \
    "UPDATE total SET bytes = bytes + 1000; COMMIT"
#define ROWS "SELECT count(*) FROM a"

/* ---- Writes ---- */

static void a_commit_is_one_write(void **state)
{
    struct rig *rig = *state;

    for (int i = 1; i <= 100; i++) {
        events_begin();
        run(rig->db, SMALL_COMMIT);
        assert_int_equal(events_end('w'), 1);
        assert_int_equal(events[0].length % FRAME_BYTES, 0);
        assert_true(events[0].length >= 3 * FRAME_BYTES);
        assert_int_equal(number(rig->other, ROWS), i);
    }
    assert_int_equal(number_after_crash(rig, ROWS), 100);
}

static void a_large_commit_is_a_few(void **state)
{
    struct rig *rig = *state;

    events_begin();
    run(rig->db, "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 240)"
                 "INSERT INTO a(data) SELECT randomblob(3500) FROM n");
    unsigned writes = events_end('w');
    uint64_t bytes = 0;
    for (unsigned i = 0; i < event_count; i++) {
        bytes += events[i].length;
        assert_int_equal(events[i].length % FRAME_BYTES, 0);
        assert_true(events[i].length < 128 << 10);
        assert_int_equal(events[i].offset, events[0].offset + (off_t)(bytes - events[i].length));
    }
    uint64_t frames = bytes / FRAME_BYTES;
    assert_true(frames >= 240);
    assert_int_equal(writes, (frames + META_WAL_GATHER_FRAMES - 1) / META_WAL_GATHER_FRAMES);
    assert_int_equal(number(rig->other, ROWS), 240);
    assert_int_equal(number_after_crash(rig, ROWS), 240);
}

static void a_synced_commit_is_written_before_its_sync(void **state)
{
    struct rig *rig = *state;

    run(rig->db, SMALL_COMMIT);
    run(rig->db, "PRAGMA synchronous = FULL");
    events_begin();
    run(rig->db, SMALL_COMMIT);
    assert_int_equal(events_end('w'), 1);
    assert_int_equal(event_count, 2);
    assert_int_equal(events[1].what, 's');
}

static void a_log_that_begins_anew(void **state)
{
    struct rig *rig = *state;

    for (int i = 1; i <= 5; i++) {
        run(rig->db, SMALL_COMMIT);
        run(rig->db, "PRAGMA wal_checkpoint(PASSIVE)");
        events_begin();
        run(rig->db, SMALL_COMMIT);
        assert_int_equal(events_end('w'), 2); /* its head, which is synced, and the frames */
        assert_int_equal(events[0].length, 32);
        assert_int_equal(events[event_count - 1].offset, 32);
        assert_int_equal(number(rig->other, ROWS), 2 * i);
        assert_int_equal(number_after_crash(rig, ROWS), 2 * i);
    }
}

/* ---- More pages than fit into memory: frames leave before the commit, are read again, and written again ---- */

#define LARGE_BEGIN                                                                                          \
    "PRAGMA cache_size = 10; BEGIN;"                                                                         \
    "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)"                                     \
    "INSERT INTO a(data) SELECT randomblob(3500) FROM n;"                                                    \
    "UPDATE a SET data = zeroblob(3400) WHERE id % 3 = 0; UPDATE b SET data = zeroblob(900) WHERE id = 1;"   \
    "UPDATE a SET data = zeroblob(3300) WHERE id % 7 = 0"
#define LARGE_BYTES "SELECT sum(length(data)) FROM a WHERE length(data) > 1000"

static void a_transaction_reads_its_own_frames(void **state)
{
    struct rig *rig = *state;

    run(rig->db, "PRAGMA cache_size = 5; BEGIN");
    for (int rows = 1; rows <= 100; rows++) {
        run(rig->db, "INSERT INTO a(data) VALUES(zeroblob(3500))");
        assert_int_equal(number(rig->db, LARGE_BYTES), rows * 3500);
        assert_int_equal(number(rig->other, ROWS), 0);
    }
    assert_whole(rig->db);
    run(rig->db, "COMMIT");
    assert_int_equal(number(rig->other, LARGE_BYTES), 100 * 3500);
    assert_int_equal(number_after_crash(rig, LARGE_BYTES), 100 * 3500);
}

/* Where a page is written again, the checksums of all that come after it are made anew. */
static void frames_are_written_again(void **state)
{
    struct rig *rig = *state;

    run(rig->db, SMALL_COMMIT);
    run(rig->db, LARGE_BEGIN);
    long long bytes = number(rig->db, LARGE_BYTES);
    assert_whole(rig->db);
    assert_int_equal(number(rig->other, LARGE_BYTES), 0);
    run(rig->db, "COMMIT");
    assert_int_equal(number(rig->other, LARGE_BYTES), bytes);
    assert_int_equal(number_after_crash(rig, LARGE_BYTES), bytes);
    assert_whole(rig->db);
}

static void what_is_undone_leaves_nothing(void **state)
{
    struct rig *rig = *state;

    run(rig->db, SMALL_COMMIT);
    for (int i = 2; i < 6; i++) {
        run(rig->db, LARGE_BEGIN);
        run(rig->db, "ROLLBACK");
        assert_int_equal(number(rig->db, LARGE_BYTES), 0);
        assert_int_equal(number_after_crash(rig, ROWS), i - 1);
        run(rig->db, SMALL_COMMIT);
        assert_int_equal(number(rig->other, ROWS), i);
        assert_int_equal(number_after_crash(rig, ROWS), i);
    }
    assert_int_equal(number_after_crash(rig, LARGE_BYTES), 0);
}

/* Nor does it cost the next transaction a write, or an error. */
static void what_is_undone_is_not_written(void **state)
{
    struct rig *rig = *state;

    run(rig->db, SMALL_COMMIT);
    run(rig->db,
        "PRAGMA cache_size = 10; BEGIN; WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25)"
        "INSERT INTO a(data) SELECT randomblob(3500) FROM n");
    events_begin();
    run(rig->db, "ROLLBACK; PRAGMA cache_size = 100; UPDATE total SET bytes = 7");
    assert_int_equal(events_end('w'), 1);
    assert_int_equal(events[0].length, FRAME_BYTES);
    assert_int_equal(number_after_crash(rig, "SELECT bytes FROM total"), 7);
}

/* ---- A failing disk ---- */

/* Each write of the commit in turn. What was refused is nowhere, what was not is everywhere, and the next one goes well. */
static void fail_each(struct rig *rig, const char *text, const char *query, int error)
{
    unsigned failures = 0;
    int code;

    fail_errno = error;
    for (unsigned at = 1;; at++) {
        long long before = number(rig->other, query);

        fail_at = at;
        if ((code = run_code(rig->db, text)) == SQLITE_OK)
            code = sqlite3_get_autocommit(rig->db) ? SQLITE_OK : run_code(rig->db, "COMMIT");
        bool is_over = fail_at > 0;
        fail_at = 0;
        assert_false(fails_next);
        if (!sqlite3_get_autocommit(rig->db))
            run(rig->db, "ROLLBACK");
        assert_false(wal_is_suspect(&rig->wal));
        assert_int_equal(code == SQLITE_OK, is_over);
        if (code == SQLITE_OK) {
            assert_true(number(rig->other, query) > before);
            assert_int_equal(number_after_crash(rig, query), number(rig->other, query));
            break;
        }
        failures++;
        assert_int_equal(code & 0xff, error == EIO ? SQLITE_IOERR : SQLITE_FULL);
        assert_int_equal(number(rig->db, query), before);
        assert_int_equal(number(rig->other, query), before);
        assert_int_equal(number_after_crash(rig, query), before);
        run(rig->db, "UPDATE total SET bytes = bytes + 1");
        assert_int_equal(number_after_crash(rig, query), before);
        assert_int_equal(number_after_crash(rig, "SELECT bytes FROM total"),
                         number(rig->other, "SELECT bytes FROM total"));
    }
    assert_true(failures > 0);
}

static void small_commits_fail(void **state)
{
    struct rig *rig = *state;

    run(rig->db, SMALL_COMMIT);
    fail_each(rig, SMALL_COMMIT, ROWS, EIO);
    fail_each(rig, SMALL_COMMIT, ROWS, ENOSPC);
    fail_each(rig, SMALL_COMMIT, ROWS, 0);
    assert_whole(rig->db);
}

static void large_commits_fail(void **state)
{
    struct rig *rig = *state;

    run(rig->db, SMALL_COMMIT);
    fail_each(rig, LARGE_BEGIN, LARGE_BYTES, EIO);
    fail_each(rig, LARGE_BEGIN, LARGE_BYTES, ENOSPC);
    fail_each(rig, LARGE_BEGIN, LARGE_BYTES, 0);
    assert_whole(rig->db);
}

/* A statement that fails for a full disk is undone alone, and its transaction goes on. But not where frames of it are lost. */
static void a_statement_fails(void **state)
{
    static const char *const statements[] = {
        "SAVEPOINT c; WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12)"
        "INSERT INTO a(data) SELECT randomblob(3500) FROM n; RELEASE c",
        "SAVEPOINT c; INSERT INTO b SELECT id, data FROM a; RELEASE c",
        "SAVEPOINT c; UPDATE total SET bytes = bytes + 5; RELEASE c",
    };
    struct rig *rig = *state;
    bool is_over = false;

    run(rig->db, "PRAGMA cache_size = 5");
    fail_errno = ENOSPC;
    for (unsigned at = 1; !is_over; at++) {
        run(rig->db, "BEGIN");
        fail_at = at;
        for (unsigned i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
            if (run_code(rig->db, statements[i]) != SQLITE_OK)
                (void)run_code(rig->db, "ROLLBACK TO c; RELEASE c");
        is_over = fail_at > 0;
        (void)run_code(rig->db, "COMMIT");
        fail_at = 0;
        (void)run_code(rig->db, "ROLLBACK");
        assert_whole(rig->other);
        assert_int_equal(number_after_crash(rig, "SELECT sum(length(data)) FROM a"),
                         number(rig->other, "SELECT sum(length(data)) FROM a"));
        run(rig->db, "DELETE FROM a; DELETE FROM b; UPDATE total SET bytes = bytes + 1");
        assert_whole(rig->db);
    }
    assert_false(wal_is_suspect(&rig->wal));
}

/* ---- Others who read meanwhile ---- */

static atomic_bool is_over;

/* Whoever sees a commit sees all of it. */
static void *read_on(void *path)
{
    sqlite3 *db = connect_to(path);
    unsigned rounds = 0;

    while (!atomic_load(&is_over)) {
        assert_int_equal(number(db, "SELECT (SELECT bytes FROM total) - (SELECT sum(length(data)) FROM a)"),
                         0);
        rounds++;
    }
    assert_true(rounds > 0);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return NULL;
}

static void readers_miss_nothing(void **state)
{
    struct rig *rig = *state;
    pthread_t thread;

    run(rig->db, SMALL_COMMIT);
    atomic_store(&is_over, false);
    assert_int_equal(pthread_create(&thread, NULL, read_on, rig->db_path), 0);
    for (int i = 0; i < 500; i++) {
        run(rig->db, SMALL_COMMIT);
        if (i % 100 == 99)
            (void)run_code(rig->db, "PRAGMA wal_checkpoint(PASSIVE)");
    }
    atomic_store(&is_over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(number_after_crash(rig, ROWS), 501);
}

/* The methods are the connection's own: once it is closed, the files are as if nothing had been. */
static void a_connection_without_a_log(void **state)
{
    struct rig *rig = *state;
    struct wal_gather *gather = NULL;
    sqlite3 *db;

    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(wal_gather_start(&gather, &rig->wal, db), -EIO);
    assert_null(gather);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

#define rig_test(name) cmocka_unit_test_setup_teardown(name, rig_begin, rig_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(a_commit_is_one_write),
        rig_test(a_large_commit_is_a_few),
        rig_test(a_synced_commit_is_written_before_its_sync),
        rig_test(a_log_that_begins_anew),
        rig_test(a_transaction_reads_its_own_frames),
        rig_test(frames_are_written_again),
        rig_test(what_is_undone_leaves_nothing),
        rig_test(what_is_undone_is_not_written),
        rig_test(small_commits_fail),
        rig_test(large_commits_fail),
        rig_test(a_statement_fails),
        rig_test(readers_miss_nothing),
        rig_test(a_connection_without_a_log),
    };
    disk_watch();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
