/* SPDX-License-Identifier: MIT
 *
 * Opening: new, again, and what must be refused without being touched; the read-only way; and what the check
 * finds when rows were damaged behind the module's back. */
#include "meta_test_support.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

static const struct meta_options relaxed = {.durable = false};

static void sql(const char *path, const char *statements)
{
    sqlite3 *db;
    char *message = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, statements, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
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

static void close_store(struct store *store)
{
    meta_reader_close(store->reader);
    meta_close(store->meta);
    store->reader = NULL;
    store->meta = NULL;
}

static void what_was_stored_is_there_again(void **state)
{
    struct store *store = *state;

    assert_int_equal(put(store, "key", 3), 0);
    assert_int_equal(put(store, "gone", 4), 0);
    assert_int_equal(delete_key(store, "gone"), 0);
    close_store(store);
    assert_true(sql_int(store->path, "PRAGMA user_version") >= 1);
    assert_int_equal(sql_int(store->path, "PRAGMA application_id"), 0x536c7569);
    store_reopen(store);
    assert_int_equal(file_of(store, "key"), 3);
    assert_int_equal(put(store, "key2", 5), 0); /* the set of buckets was read */
    assert_int_equal(delete_key(store, "key"), 0);
    assert_int_equal(garbage_count(store), 2); /* the new row did not collide with the old */
    int64_t first = store->bucket;
    assert_int_equal(delete_key(store, "key2"), 0);
    assert_int_equal(bucket_delete(store->meta, store->bucket), 0);
    store_reopen(store);
    assert_true(bucket_create(store->meta, "bucket") > first);
}

/* A copy that VACUUM INTO made has the journal's mode of SQLite's own, and no log. */
static void a_copy_in_another_mode_opens(void **state)
{
    struct store *store = *state;

    assert_int_equal(put(store, "key", 3), 0);
    close_store(store);
    sql(store->path, "PRAGMA journal_mode = DELETE");
    store_reopen(store);
    assert_int_equal(file_of(store, "key"), 3);
    assert_int_equal(put(store, "key", 4), 0);
    close_store(store);
    assert_int_equal(sql_int(store->path, "SELECT count(*) FROM object"), 1);
    store_reopen(store);
}

static void assert_refused(const char *path, int expected)
{
    struct stat before, after;
    struct meta *meta = NULL;

    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(meta_open(&meta, path, &relaxed), expected);
    assert_null(meta);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    assert_int_equal(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    assert_int_equal(unlink(path), 0);
}

static void what_is_not_ours_is_refused(void **state)
{
    char dir[64], path[96];
    struct meta *meta;

    dir_make(dir);
    snprintf(path, sizeof(path), "%s/db", dir);
    sql(path, "CREATE TABLE t(x)");
    assert_refused(path, META_E_NOT_OURS);
    sql(path, "PRAGMA application_id = 77");
    assert_refused(path, META_E_NOT_OURS);
    sql(path, "PRAGMA user_version = 3");
    assert_refused(path, META_E_NOT_OURS);
    sql(path, "PRAGMA application_id = 0x536c7569; PRAGMA user_version = 1000");
    assert_refused(path, META_E_NEWER_SCHEMA);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(write(fd, "garbage ", 8), 8);
    close(fd);
    assert_refused(path, META_E_CORRUPT);
    snprintf(path, sizeof(path), "%s/no/such/folder", dir);
    assert_int_equal(meta_open(&meta, path, &relaxed), -ENOENT);
    dir_remove(dir);
}

static void on_put_refused(struct meta_op *op)
{
    assert_int_equal(op->result, -EROFS);
    *(bool *)op->ctx = true;
}

static void read_only(void **state)
{
    struct store *store = *state;
    struct meta *meta;
    bool called = false;

    assert_int_equal(meta_open(&meta, "/tmp/sluice-no-such-db", &(struct meta_options){.read_only = true}),
                     -ENOENT);
    assert_int_equal(put(store, "key", 3), 0);
    close_store(store);
    store_reopen_with(store, &(struct meta_options){.read_only = true});
    assert_int_equal(file_of(store, "key"), 3);
    assert_sound(store);
    struct meta_object_put op = {.op = {.kind = META_OP_OBJECT_PUT, .done = on_put_refused, .ctx = &called}};
    meta_submit(store->meta, &op.op);
    assert_true(called);
}

static void older_schema_is_not_read_only(void **state)
{
    char dir[64], path[96];
    struct meta *meta;

    dir_make(dir);
    snprintf(path, sizeof(path), "%s/db", dir);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(meta_open(&meta, path, &(struct meta_options){.read_only = true}), META_E_OLDER_SCHEMA);
    dir_remove(dir);
}

/* ---- Damage ---- */

static void count_finding(void *ctx, const char *finding)
{
    if (*(const char **)ctx != NULL && strstr(finding, *(const char **)ctx) != NULL)
        *(const char **)ctx = NULL;
}

/* Applies the damage and its repair; the check must name it in between. */
static void assert_found(struct store *store, const char *damage, const char *repair, const char *expected)
{
    const char *looked_for = expected;

    close_store(store);
    sql(store->path, damage);
    store_reopen(store);
    assert_true(meta_check(store->reader, count_finding, &looked_for) > 0);
    if (looked_for != NULL)
        fail_msg("not reported: %s", expected);
    close_store(store);
    sql(store->path, repair);
    store_reopen(store);
    assert_sound(store);
}

static void damage_is_found(void **state)
{
    struct store *store = *state;
    unsigned char id[META_UPLOAD_ID_BYTES] = {1};

    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(put(store, "b", 2), 0);
    assert_int_equal(delete_key(store, "b"), 0);
    assert_int_equal(upload_create(store, slice_text("u"), id), 0);
    assert_int_equal(part_put(store, slice_text("u"), id, 1, 3, 10), 0);
    assert_found(store, "UPDATE unit SET refs = 2 WHERE file = 1", "UPDATE unit SET refs = 1 WHERE file = 1",
                 "counted 2 times, named 1");
    assert_found(store, "DELETE FROM unit WHERE file = 1",
                 "INSERT INTO unit(file, unit_offset, refs) VALUES(1, 0, 1)", "named but not counted");
    assert_found(store, "DELETE FROM unit WHERE file = 3",
                 "INSERT INTO unit(file, unit_offset, refs) VALUES(3, 0, 1)", "named but not counted");
    assert_found(store, "INSERT INTO unit(file, unit_offset, refs) VALUES(9, 0, 1)",
                 "DELETE FROM unit WHERE file = 9", "counted 1 times, named 0");
    assert_found(store, "DELETE FROM unit WHERE file = 2",
                 "INSERT INTO unit(file, unit_offset, refs) VALUES(2, 0, 0)", "is no unit without");
    assert_found(store, "INSERT INTO unit(file, unit_offset, refs) VALUES(8, 0, 0)",
                 "DELETE FROM unit WHERE file = 8", "is not garbage");
    assert_found(store, "INSERT INTO garbage VALUES(99, 2, 0, 100, NULL)",
                 "DELETE FROM garbage WHERE row = 99", "more than once");
    assert_found(store, "UPDATE object SET size = 101", "UPDATE object SET size = 100", "do not add up");
    assert_found(store, "UPDATE object SET etag = x'07'", "UPDATE object SET etag = x'0041'",
                 "ETag does not decode");
    assert_found(store, "UPDATE object SET attributes = x'0105'", "UPDATE object SET attributes = NULL",
                 "attributes do not decode");
    assert_found(store, "UPDATE object SET parts = x'010101'", "UPDATE object SET parts = NULL",
                 "part sizes do not decode");
    assert_found(store, "UPDATE part SET size = 11", "UPDATE part SET size = 10", "do not add up");
    assert_found(store, "UPDATE object SET bucket = 77", "UPDATE object SET bucket = 1",
                 "which does not exist");
    assert_found(store, "UPDATE part SET upload_id = x'55'",
                 "UPDATE part SET upload_id = (SELECT id FROM upload)", "which does not exist");
}

/* A row that does not decode is an error to its reader, and can still be overwritten and deleted. */
static void damaged_rows_can_be_replaced(void **state)
{
    struct store *store = *state;
    struct meta_object object;
    const char *nothing = NULL;

    assert_int_equal(put(store, "a", 1), 0);
    assert_int_equal(put(store, "b", 2), 0);
    assert_int_equal(put(store, "c", 3), 0);
    close_store(store);
    sql(store->path, "UPDATE object SET extents = x'0102030405060708090a', etag = x'ff'");
    store_reopen(store);
    assert_int_equal(meta_object_get(store->reader, store->bucket, slice_text("a"), &object), META_E_CORRUPT);
    assert_int_equal(put(store, "a", 4), 0);
    assert_int_equal(file_of(store, "a"), 4);
    assert_int_equal(delete_key(store, "b"), 0);
    assert_int_equal(copy(store, "c", "d"), META_E_CORRUPT);
    assert_int_equal(delete_key(store, "c"), 0);
    assert_int_equal(garbage_count(store), 0); /* nobody knows what they named: their bytes stay */
    assert_int_equal(meta_file_is_live(store->reader, 1), 1);
    assert_int_equal(meta_check(store->reader, count_finding, &nothing), 3);
    close_store(store);
    sql(store->path, "DELETE FROM unit WHERE file < 4");
    store_reopen(store);
}

static void ignore_log(void *ctx, enum log_level level, const char *message)
{
    *(unsigned *)ctx += level == 2;
}

/* A reader that comes later is opened by path: it must not find another store's rows there, nor make a new log. */
static void a_moved_database_is_not_mistaken(void **state)
{
    struct store *store = *state, other = {0};
    struct meta_reader *late;
    unsigned errors = 0;
    char moved[128];

    store_reopen_with(store, &(struct meta_options){.log = ignore_log, .log_ctx = &errors});
    assert_int_equal(put(store, "key", 3), 0);
    snprintf(moved, sizeof(moved), "%s-moved", store->dir);
    assert_int_equal(rename(store->dir, moved), 0);
    assert_int_equal(meta_reader_open(store->meta, &late), -ENOENT);
    assert_int_equal(mkdir(store->dir, 0700), 0);
    strcpy(other.path, store->path);
    store_reopen(&other);
    assert_int_equal(meta_reader_open(store->meta, &late), -ESTALE);
    assert_int_equal(errors, 1);
    assert_int_equal(put(store, "key2", 4), 0); /* what is open stays whole */
    assert_int_equal(file_of(store, "key2"), 4);
    close_store(store); /* and its end takes nothing from the other */
    other.bucket = bucket_create(other.meta, "bucket");
    assert_int_equal(put(&other, "key", 7), 0);
    close_store(&other);
    dir_remove(store->dir);
    assert_int_equal(rename(moved, store->dir), 0);
    store_reopen(store);
    assert_int_equal(file_of(store, "key"), 3);
    assert_int_equal(file_of(store, "key2"), 4);
}

static void errors_have_names(void **state)
{
#define CODE(name, value, text) value,
    static const int codes[] = {META_ERROR_MAP(CODE)};
#undef CODE

    /* Each of its own, for the log has nothing else. */
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(meta_strerror(codes[i]), meta_strerror(codes[j]));
    assert_string_equal(meta_strerror(META_E_NO_KEY), "no such key");
    assert_string_equal(meta_strerror(0), "success");
    assert_string_equal(meta_strerror(-ENOSPC), "No space left on device");
    assert_string_equal(meta_strerror(-99999), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(what_was_stored_is_there_again),
        store_test(a_copy_in_another_mode_opens),
        cmocka_unit_test(what_is_not_ours_is_refused),
        store_test(read_only),
        cmocka_unit_test(older_schema_is_not_read_only),
        store_test(damage_is_found),
        store_test(damaged_rows_can_be_replaced),
        store_test(a_moved_database_is_not_mistaken),
        cmocka_unit_test(errors_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
