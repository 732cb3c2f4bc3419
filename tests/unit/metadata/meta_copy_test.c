/* SPDX-License-Identifier: MIT
 *
 * Before an older database is brought up to date a copy of it is kept, with all that its log holds; once, whole or not at all, and
 * nothing is changed without it. */
#include "meta_test_support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "metadata/meta_backup.h"

/* The last schema that lacks the tables which make_older drops. */
#define OLDER "4"

static void sql(sqlite3 *db, const char *statements)
{
    char *message = NULL;

    if (sqlite3_exec(db, statements, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
}

static int64_t sql_int(const char *path, const char *query)
{
    sqlite3 *db;
    sqlite3_stmt *statement;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, query, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return value;
}

static void file_copy(const char *from, const char *to)
{
    char bytes[65536];
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t n;

    assert_true(in >= 0 && out >= 0);
    while ((n = read(in, bytes, sizeof(bytes))) > 0)
        assert_int_equal(write(out, bytes, (size_t)n), n);
    assert_int_equal(n, 0);
    close(in);
    close(out);
}

/* A database of an older schema in `path`, of which the last changes are in its log alone, as a kill leaves it. */
static void make_older(struct store *store, char path[128])
{
    char log[128], log_copy[144];
    sqlite3 *db;

    assert_int_equal(put(store, "key", 3), 0);
    meta_reader_close(store->reader);
    meta_close(store->meta);
    store->reader = NULL;
    store->meta = NULL;
    assert_int_equal(sqlite3_open(store->path, &db), SQLITE_OK);
    /* which writes every row anew: not in the log that is looked at below */
    sql(db, "ALTER TABLE object DROP COLUMN annotations; ALTER TABLE version DROP COLUMN annotations;"
            "DROP TABLE usage; DROP TABLE quota; DROP TABLE usage_walk; DELETE FROM garbage WHERE row = "
            "9223372036854775807;"
            "ALTER TABLE garbage DROP COLUMN usage;"
            "ALTER TABLE upload DROP COLUMN parts; ALTER TABLE upload DROP COLUMN bytes;"
            "PRAGMA wal_checkpoint(TRUNCATE);");
    sql(db, "PRAGMA wal_autocheckpoint = 0; DROP TABLE finished; DROP TABLE dropped; DROP TABLE journal;"
            "DROP TABLE mark; DROP TABLE replaced; DROP TABLE store;"
            "DROP TABLE annotation; DROP TABLE annotation_set;"
            "ALTER TABLE unit DROP COLUMN crc; ALTER TABLE unit DROP COLUMN crc_kind;"
            "DROP TABLE tally; DROP TABLE used; DROP TABLE publication; DROP TABLE outbox;"
            "DROP TABLE outbox_given; DROP INDEX version_named;"
            "PRAGMA user_version = " OLDER);
    snprintf(path, 128, "%s/older.db", store->dir);
    snprintf(log, sizeof(log), "%s-wal", store->path);
    snprintf(log_copy, sizeof(log_copy), "%s-wal", path);
    file_copy(store->path, path);
    file_copy(log, log_copy);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(rename(path, store->path), 0);
    snprintf(log_copy, sizeof(log_copy), "%s/older.db-wal", store->dir);
    assert_int_equal(rename(log_copy, log), 0);
    snprintf(path, 128, "%s.v" OLDER, store->path);
}

static void open_again(struct store *store)
{
    assert_int_equal(meta_open(&store->meta, store->path, &(struct meta_options){.durable = true}), 0);
    assert_int_equal(meta_reader_open(store->meta, &store->reader), 0);
}

static void a_copy_is_kept(void **state)
{
    struct store *store = *state;
    char copy[128], unfinished[144];
    struct stat status;

    make_older(store, copy);
    snprintf(unfinished, sizeof(unfinished), "%s.new", copy);
    int fd = open(unfinished, O_CREAT | O_WRONLY | O_CLOEXEC, 0600); /* a crash has left it */
    assert_int_equal(write(fd, "half a copy", 11), 11);
    close(fd);
    mode_t mask = umask(0); /* which is the process's affair */
    open_again(store);
    umask(mask);
    assert_int_equal(file_of(store, "key"), 3);
    assert_int_equal(stat(copy, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(access(unfinished, F_OK), -1);
    assert_int_equal(sql_int(copy, "PRAGMA user_version"), atoi(OLDER)); /* which only the log had */
    assert_int_equal(sql_int(copy, "SELECT count(*) FROM sqlite_schema WHERE name = 'journal'"), 0);
    assert_int_equal(sql_int(copy, "SELECT count(*) FROM object"), 1);
    assert_int_equal(sql_int(copy, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);

    /* It takes the place of the database, as an earlier release would have it, and is brought up to date again. */
    meta_reader_close(store->reader);
    meta_close(store->meta);
    assert_int_equal(rename(copy, store->path), 0);
    open_again(store);
    assert_int_equal(file_of(store, "key"), 3);
    assert_int_equal(sql_int(copy, "PRAGMA user_version"), atoi(OLDER));
}

static void one_that_is_there_stays(void **state)
{
    struct store *store = *state;
    char copy[128], seen[16] = "";

    make_older(store, copy);
    int fd = open(copy, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "an operator's", 13), 13);
    open_again(store);
    assert_int_equal(file_of(store, "key"), 3);
    assert_int_equal(pread(fd, seen, sizeof(seen), 0), 13);
    assert_string_equal(seen, "an operator's");
    close(fd);
}

static void none_is_made_of_what_needs_none(void **state)
{
    struct store *store = *state;
    char name[144];

    assert_int_equal(put(store, "key", 3), 0);
    store_reopen(store);
    for (int version = 0; version < 100; version++) {
        snprintf(name, sizeof(name), "%s.v%d", store->path, version);
        assert_int_equal(access(name, F_OK), -1);
    }
}

static void count_errors(void *ctx, enum log_level level, const char *message)
{
    *(unsigned *)ctx += level == 2 && strstr(message, "no copy of the database") != NULL;
}

/* No room: nothing is changed, and the log says what to do. */
static void without_a_copy_nothing_is_changed(void **state)
{
    struct store *store = *state;
    struct rlimit before, tight;
    char copy[128], unfinished[144], log[128];
    struct stat status;
    unsigned errors = 0;
    const struct meta_options options = {.durable = true, .log = count_errors, .log_ctx = &errors};
    struct meta *meta = NULL;

    for (unsigned i = 0; i < 12000; i++) { /* far larger than the log will be */
        char key[16];

        snprintf(key, sizeof(key), "many-%u", i);
        assert_int_equal(put(store, key, 100 + i), 0);
    }
    make_older(store, copy);
    snprintf(unfinished, sizeof(unfinished), "%s.new", copy);
    snprintf(log, sizeof(log), "%s-wal", store->path);
    assert_int_equal(stat(log, &status), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight =
        (struct rlimit){(rlim_t)status.st_size + 4096, before.rlim_max}; /* which the start writes again */
    assert_int_equal(stat(store->path, &status), 0);
    assert_true((rlim_t)status.st_size > tight.rlim_cur);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    assert_true(meta_open(&meta, store->path, &options) < 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(errors, 1);
    assert_int_equal(access(copy, F_OK), -1);
    assert_int_equal(access(unfinished, F_OK), -1);
    assert_int_equal(mkdir(unfinished, 0700), 0); /* what cannot be written at all */
    assert_true(meta_open(&meta, store->path, &options) < 0);
    assert_int_equal(errors, 2);
    assert_int_equal(rmdir(unfinished), 0);
    assert_int_equal(sql_int(store->path, "PRAGMA user_version"), atoi(OLDER));
    open_again(store);
    assert_int_equal(file_of(store, "key"), 3);
    assert_int_equal(sql_int(copy, "PRAGMA user_version"), atoi(OLDER));
}

static bool is_over(void *ctx)
{
    return true;
}

/* A backup's copy of the rows: where there was none, in place of one, and none that is half made. */
static void a_backup_is_written_in_place_of_what_was_there(void **state)
{
    struct store *store = *state;
    struct meta_identity identity;
    struct meta_copy *copy;
    uint64_t last;
    char path[128];

    assert_int_equal(put(store, "key", 3), 0);
    snprintf(path, sizeof(path), "%s/backup.db", store->dir);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(meta_backup_write(store->meta, path, NULL, NULL), 0);
        assert_int_equal(meta_copy_open(&copy, path), 0);
        assert_int_equal(meta_copy_identity(copy, &identity), 0);
        assert_int_equal(meta_copy_last(copy, &last), 0);
        assert_int_equal(last, 3 + again);
        assert_int_equal(meta_copy_has(copy, 3 + (uint64_t)again), 1);
        meta_copy_close(copy);
        assert_int_equal(put(store, "another", 4), 0);
    }
    assert_int_equal(meta_backup_write(store->meta, path, is_over, NULL), -ECANCELED);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(meta_backup_write(store->meta, path, NULL, NULL), -EISDIR);
    assert_int_equal(rmdir(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_copy_is_kept, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(one_that_is_there_stays, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(none_is_made_of_what_needs_none, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(without_a_copy_nothing_is_changed, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(a_backup_is_written_in_place_of_what_was_there, store_setup,
                                        store_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
