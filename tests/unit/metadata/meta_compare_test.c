/* SPDX-License-Identifier: MIT
 *
 * Rows are compared with what the chronicle told of them: what has changed by itself is found, and nothing else is. And no column is left out of the
 * chronicle by mistake. */
#include "meta_test_support.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <time.h>

#include "metadata/chronicle/chronicle_files.h"
#include "metadata/meta_chronicle.h"
#include "metadata/meta_compare.h"
#include "metadata/meta_usage.h"
#include "metadata/sqlite/chronicle/row_chronicle.h"

#define OBJECTS  300u
#define WRITINGS 400u

static char folder[128], said[4096];

static void chronicled_open(struct store *store, bool read_only)
{
    snprintf(folder, sizeof(folder), "%s/chronicle", store->dir);
    store_reopen_with(store,
                      &(struct meta_options){.durable = true, .read_only = read_only, .chronicle = folder});
}

static void complete_await(struct store *store)
{
    struct meta_chronicle_state state = {.is_complete = false};

    for (unsigned i = 0; i < 6000 && !state.is_complete; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        meta_chronicle_state(store->meta, &state);
    }
    assert_true(state.is_complete);
}

static void store_shut(struct store *store)
{
    meta_reader_close(store->reader);
    meta_close(store->meta);
    store->meta = NULL;
}

static void finding_keep(void *ctx, const char *text)
{
    (void)ctx;
    if (strlen(said) + strlen(text) + 2 < sizeof(said)) {
        strcat(said, text);
        strcat(said, "\n");
    }
}

static struct meta_compare compared(struct meta *meta, int (*settle)(void *ctx), void *ctx)
{
    struct meta_compare compare = {.finding = finding_keep, .settle = settle, .ctx = ctx};

    said[0] = '\0';
    assert_int_equal(meta_compare_run(meta, &compare), 0);
    return compare;
}

static void sql(struct store *store, const char *text)
{
    char *message = NULL;
    sqlite3 *db;

    assert_int_equal(sqlite3_open(store->path, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", text, message);
    sqlite3_close(db);
}

/* A store of rows of several tables, some in the base and some in the log; closed. */
static void store_fill(struct store *store)
{
    unsigned char id[META_UPLOAD_ID_BYTES];
    char key[16];

    for (unsigned i = 0; i < OBJECTS; i++) {
        snprintf(key, sizeof(key), "k%03u", i);
        assert_int_equal(put(store, key, 1 + i), 0);
    }
    chronicled_open(store, false);
    complete_await(store);
    assert_int_equal(put(store, "k010", 1000), 0); /* over one of the base */
    assert_int_equal(delete_key(store, "k011"), 0);
    assert_int_equal(put(store, "k011", 1001), 0);
    assert_int_equal(delete_key(store, "k012"), 0);
    assert_int_equal(put(store, "new", 1002), 0);
    assert_int_equal(annotation_put(store, "k020", "note", 1003), 0);
    upload_id_make(id, 7);
    assert_int_equal(upload_create(store, slice_text("u"), id), 0);
    assert_int_equal(part_put(store, slice_text("u"), id, 1, 1004, 50), 0);
    store_shut(store);
}

/* What a comparison says of the closed store. */
static struct meta_compare looked(struct store *store)
{
    chronicled_open(store, true);
    struct meta_compare compare = compared(store->meta, NULL, NULL);
    store_shut(store);
    return compare;
}

/* The last log loses its end, as where a server ends before it has made a base of what a crash left. */
static void end_cut_off(void)
{
    struct chronicle_list list;
    struct chronicle_file file;
    char name[CHRONICLE_NAME_BYTES], bytes[8192];
    int folder_fd = open(folder, O_RDONLY | O_DIRECTORY);

    assert_true(folder_fd >= 0);
    assert_int_equal(chronicle_list_read(folder_fd, &list), 0);
    file = list.files[list.count - 1];
    assert_false(file.is_base);
    chronicle_file_name(name, &file);
    int fd = openat(folder_fd, name, O_RDWR);
    assert_true(fd >= 0);
    size_t length = file.bytes < sizeof(bytes) ? (size_t)file.bytes : sizeof(bytes);
    assert_int_equal(pread(fd, bytes, length, (off_t)(file.bytes - length)), length);
    const char *frame = memmem(bytes, length, "ChrF", 4);
    for (const char *next = frame; next != NULL;
         next = memmem(next + 1, (size_t)(bytes + length - next - 1), "ChrF", 4))
        frame = next;
    assert_non_null(frame);
    assert_int_equal(ftruncate(fd, (off_t)(file.bytes - length) + (frame - bytes)), 0);
    close(fd);
    chronicle_list_free(&list);
    close(folder_fd);
}

static void test_a_chronicle_without_its_end_says_nothing(void **state)
{
    struct store *store = *state;

    store_fill(store);
    sql(store, "UPDATE object SET modified_ms = modified_ms + 1 WHERE key = CAST('k100' AS BLOB)");
    assert_true(looked(store).findings > 0);
    end_cut_off();
    struct meta_compare compare = looked(store);
    assert_false(compare.is_compared);
    assert_int_equal(compare.findings, 0);
    assert_string_equal(said, "");
    chronicled_open(store, false);
}

static void test_a_sound_store_has_no_finding(void **state)
{
    struct store *store = *state;

    store_fill(store);
    struct meta_compare compare = looked(store);
    assert_true(compare.is_compared);
    assert_string_equal(said, "");
    assert_int_equal(compare.findings, 0);
    assert_true(compare.rows >= OBJECTS + 4); /* a bucket, an annotation, an upload, a part */
    chronicled_open(store, false);
}

static void test_what_changed_by_itself_is_found(void **state)
{
    static const struct {
        const char *damage, *mends;
        const char *says;
    } cases[] = {
        {"UPDATE object SET size = size + 64 WHERE key = x'6b303530'",
         "UPDATE object SET size = size - 64 WHERE key = x'6b303530'",
         "object (bucket 1, key k050): size in the database"},
        {"UPDATE object SET etag = CAST(etag || x'00' AS BLOB), modified_ms = modified_ms + 1 WHERE key = "
         "x'6e6577'",
         "UPDATE object SET etag = substr(etag, 1, length(etag) - 1), modified_ms = modified_ms - 1 WHERE "
         "key = x'6e6577'",
         NULL},
        {"UPDATE bucket SET created_ms = created_ms + 1", "UPDATE bucket SET created_ms = created_ms - 1",
         "bucket (id 1): created_ms in the database"},
        {"UPDATE object SET key = x'6b3035ff' WHERE key = x'6b303531'",
         "UPDATE object SET key = x'6b303531' WHERE key = x'6b3035ff'",
         "key k051): the database has lost this row"},
    };
    struct store *store = *state;

    store_fill(store);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sql(store, cases[i].damage);
        struct meta_compare compare = looked(store);
        assert_true(compare.is_compared && compare.findings > 0);
        if (cases[i].says != NULL && strstr(said, cases[i].says) == NULL)
            fail_msg("%s: %s", cases[i].damage, said);
        sql(store, cases[i].mends);
        assert_int_equal(looked(store).findings, 0);
    }
    chronicled_open(store, false);
}

/* ---- Beside changes ---- */

struct writing {
    struct store *store;
    int result;
};

static void *write_on(void *argument)
{
    struct writing *writing = argument;
    char key[16];

    for (unsigned i = 0; i < WRITINGS && writing->result == 0; i++) {
        snprintf(key, sizeof(key), "k%03u", i % 50);
        writing->result =
            put_bytes(writing->store->meta, writing->store->bucket, slice_text(key), 5000 + i, 10, NULL);
    }
    return NULL;
}

static int settle(void *ctx)
{
    struct store *store = ctx;
    struct meta_usage_step nothing = {.rows = 0};

    return op_wait(store->meta, &nothing.op, META_OP_USAGE_STEP);
}

static void test_nothing_is_found_beside_changes(void **state)
{
    struct writing writing = {.store = *state};
    unsigned found = 0;
    pthread_t thread;

    store_fill(writing.store);
    chronicled_open(writing.store, false);
    complete_await(writing.store);
    assert_int_equal(pthread_create(&thread, NULL, write_on, &writing), 0);
    for (unsigned i = 0; i < 10; i++) {
        struct meta_compare compare = compared(writing.store->meta, settle, writing.store);

        assert_string_equal(said, "");
        found += compare.is_compared;
    }
    pthread_join(thread, NULL);
    assert_int_equal(writing.result, 0);
    assert_true(found > 0);
}

/* ---- The chronicle's own damage ---- */

static void test_a_damaged_chronicle_is_made_anew(void **state)
{
    struct store *store = *state;
    struct chronicle_list list;
    char name[CHRONICLE_NAME_BYTES];
    struct meta_compare compare;

    store_fill(store);
    int folder_fd = open(folder, O_RDONLY | O_DIRECTORY);
    assert_int_equal(chronicle_list_read(folder_fd, &list), 0);
    assert_true(list.files[0].is_base);
    chronicle_file_name(name, &list.files[0]);
    int fd = openat(folder_fd, name, O_WRONLY);
    assert_int_equal(pwrite(fd, "damage", 6, (off_t)list.files[0].bytes / 2), 6);
    close(fd);
    close(folder_fd);
    chronicle_list_free(&list);
    compare = looked(store);
    assert_true(compare.is_compared);
    assert_int_equal(compare.findings, 1); /* and none of rows that it cannot tell of any more */
    assert_non_null(strstr(said, "the chronicle is damaged"));
    chronicled_open(store, false);
    assert_int_equal(compared(store->meta, settle, store).findings, 1);
    complete_await(store);
    compare = compared(store->meta, settle, store);
    assert_true(compare.is_compared);
    assert_string_equal(said, "");
}

/* ---- Columns ---- */

/* What follows from other rows, or is of no use to who begins anew. Whoever adds a table or a column decides: it is told, or stands here. */
static const char *const untold[] = {
    "annotation_set", "dropped",       "finished",    "garbage",      "journal",      "mark",       "outbox",
    "outbox_given",   "replaced",      "store",       "unit",         "usage",        "usage_walk", "used",
    "tally.cursor",   "tally.entries", "tally.bytes", "upload.parts", "upload.bytes",
};

static bool is_untold(const char *table, const char *column)
{
    char both[128];

    snprintf(both, sizeof(both), "%s.%s", table, column);
    for (size_t i = 0; i < sizeof(untold) / sizeof(untold[0]); i++)
        if (strcmp(untold[i], table) == 0 || strcmp(untold[i], both) == 0)
            return true;
    return false;
}

static bool is_told(const char *table, const char *column)
{
    char columns[512], wanted[128];

    for (unsigned i = 1; i < CHRONICLE_TABLES_END; i++) {
        if (strcmp(chronicle_tables[i].name, table) != 0)
            continue;
        snprintf(columns, sizeof(columns), ", %s,", chronicle_tables[i].columns);
        snprintf(wanted, sizeof(wanted), ", %s,", column);
        return strstr(columns, wanted) != NULL;
    }
    return false;
}

static void test_every_column_is_told_or_known_not_to_be(void **state)
{
    struct store *store = *state;
    sqlite3_stmt *statement;
    unsigned told = 0;
    sqlite3 *db;

    store_shut(store);
    assert_int_equal(sqlite3_open(store->path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db,
                           "SELECT t.name, c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c"
                           " WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'",
                           -1, &statement, NULL),
        SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const char *table = (const char *)sqlite3_column_text(statement, 0);
        const char *column = (const char *)sqlite3_column_text(statement, 1);

        if (is_told(table, column) == is_untold(table, column))
            fail_msg("%s.%s: the chronicle has to tell it (row_chronicle.c), or this test to know why not",
                     table, column);
        told += is_told(table, column);
    }
    assert_true(told > 50);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    store_reopen(store);
}

static int store_end(void **state)
{
    struct store *store = *state;

    store_shut(store);
    if (folder[0] != '\0' && access(folder, F_OK) == 0)
        dir_remove(folder);
    dir_remove(store->dir);
    free(store);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_sound_store_has_no_finding, store_setup, store_end),
        cmocka_unit_test_setup_teardown(test_a_chronicle_without_its_end_says_nothing, store_setup,
                                        store_end),
        cmocka_unit_test_setup_teardown(test_what_changed_by_itself_is_found, store_setup, store_end),
        cmocka_unit_test_setup_teardown(test_nothing_is_found_beside_changes, store_setup, store_end),
        cmocka_unit_test_setup_teardown(test_a_damaged_chronicle_is_made_anew, store_setup, store_end),
        cmocka_unit_test_setup_teardown(test_every_column_is_told_or_known_not_to_be, store_setup, store_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
