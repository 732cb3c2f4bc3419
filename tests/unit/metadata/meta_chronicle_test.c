/* SPDX-License-Identifier: MIT
 *
 * The chronicle: what changes come to is told in it, damage costs what it hits, and a database is made from it that says the same. */
#include "meta_test_support.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "metadata/chronicle/chronicle_files.h"
#include "metadata/meta_chronicle.h"
#include "metadata/meta_recover.h"
#include "metadata/meta_usage.h"

struct told {
    unsigned puts, gone;
};

static char folder[128];

static void chronicled_open(struct store *store)
{
    snprintf(folder, sizeof(folder), "%s/chronicle", store->dir);
    store_reopen_with(store, &(struct meta_options){.durable = true, .chronicle = folder});
}

/* Waits until the base is made. */
static void complete_await(struct store *store)
{
    struct meta_chronicle_state state;

    for (unsigned i = 0; i < 6000; i++) {
        meta_chronicle_state(store->meta, &state);
        if (state.is_complete)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    assert_true(state.is_complete);
}

static int on_entry(void *ctx, const struct chronicle_entry *entry, int64_t time_ms)
{
    struct told *told = ctx;

    assert_true(time_ms > 0);
    told->puts += entry->kind == CHRONICLE_PUT;
    told->gone += entry->kind == CHRONICLE_GONE;
    return 0;
}

static int folder_open(void)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY);

    assert_true(fd >= 0);
    return fd;
}

/* All that the files tell; the sum of the last one. */
static struct told chronicle_read(struct chronicle_sum *last)
{
    struct told told = {0, 0};
    const struct chronicle_visitor visitor = {on_entry, &told};
    struct chronicle_list list;
    int fd = folder_open();

    assert_int_equal(chronicle_list_read(fd, &list), 0);
    for (size_t i = chronicle_list_first(&list); i < list.count; i++)
        assert_int_equal(chronicle_file_walk(fd, &list.files[i], &visitor, last), 0);
    chronicle_list_free(&list);
    close(fd);
    return told;
}

static void last_file(char path[256], struct chronicle_file *file)
{
    char name[CHRONICLE_NAME_BYTES];
    struct chronicle_list list;
    int fd = folder_open();

    assert_int_equal(chronicle_list_read(fd, &list), 0);
    assert_true(list.count > 0);
    *file = list.files[list.count - 1];
    chronicle_file_name(name, file);
    snprintf(path, 256, "%s/%s", folder, name);
    chronicle_list_free(&list);
    close(fd);
}

static void store_shut(struct store *store)
{
    meta_reader_close(store->reader);
    meta_close(store->meta);
    store->meta = NULL;
}

static int has_all(void *ctx, const struct meta_extent *extent)
{
    return extent->file != *(const uint64_t *)ctx;
}

/* Makes the database anew of the chronicle alone, and opens it in the old one's place. */
static struct meta_recover_report recovered(struct store *store, uint64_t missing)
{
    char made[160];
    struct meta_recover_options options = {
        .to = made, .chronicle = folder, .has_unit = has_all, .ctx = &missing};
    struct meta_recover_report report, refused;

    store_shut(store);
    snprintf(made, sizeof(made), "%s/made.db", store->dir);
    assert_int_equal(meta_recover(&options, &report), 0);
    assert_int_equal(meta_recover(&options, &refused), -EEXIST);
    assert_int_equal(unlink(store->path), 0);
    assert_int_equal(rename(made, store->path), 0);
    store_reopen(store);
    return report;
}

static void counts_settle(struct store *store)
{
    struct meta_usage_step op = {.more = true};

    while (op.more)
        assert_int_equal(op_wait(store->meta, &op.op, META_OP_USAGE_STEP), 0);
}

/* ---- Tests ---- */

static void test_a_store_that_is_closed_tells_all(void **state)
{
    struct store *store = *state;
    struct chronicle_sum sum;
    unsigned char id[META_UPLOAD_ID_BYTES];

    assert_int_equal(put(store, "before", 1), 0); /* by a store that keeps no chronicle yet */
    chronicled_open(store);
    complete_await(store);
    assert_int_equal(put(store, "a", 2), 0);
    assert_int_equal(put(store, "a", 3), 0);
    assert_int_equal(put(store, "b", 4), 0);
    assert_int_equal(delete_key(store, "b"), 0);
    assert_int_equal(copy(store, "a", "c"), 0);
    assert_int_equal(annotation_put(store, "c", "note", 9), 0);
    upload_id_make(id, 7);
    assert_int_equal(upload_create(store, slice_text("u"), id), 0);
    assert_int_equal(part_put(store, slice_text("u"), id, 1, 5, 50), 0);
    assert_int_equal(put_bytes(store->meta, 12345, slice_text("x"), 6, 10, NULL), META_E_NO_BUCKET);
    struct meta_recover_report report = recovered(store, 0);
    struct told told = chronicle_read(&sum);
    assert_true(sum.has_end && sum.damaged == 0);
    assert_true(told.puts >= 9 && told.gone >= 1);
    assert_true(report.is_chronicle_complete && report.has_store && !report.is_database_read);
    assert_int_equal(report.objects, 3);
    assert_int_equal(report.parts, 1);
    assert_int_equal(report.annotations, 1);
    assert_int_equal(report.lost, 0);
    assert_int_equal(file_of(store, "before"), 1);
    assert_int_equal(file_of(store, "a"), 3);
    assert_int_equal(file_of(store, "b"), META_E_NO_KEY);
    assert_int_equal(file_of(store, "c"), 3);
    assert_int_equal(annotation_file(store, "c", NULL, "note"), 9);
    counts_settle(store);
    assert_sound(store);
}

/* Which base the files begin with. */
static uint64_t base_number(void)
{
    struct chronicle_list list;
    int fd = folder_open();

    assert_int_equal(chronicle_list_read(fd, &list), 0);
    size_t first = chronicle_list_first(&list);
    assert_true(first < list.count && list.files[first].is_base);
    uint64_t number = list.files[first].number;
    chronicle_list_free(&list);
    close(fd);
    return number;
}

/* After a power failure the files may be newer than the database, which says the same epoch. */
static void test_what_may_be_newer_than_the_database_is_made_anew(void **state)
{
    struct store *store = *state;

    chronicled_open(store);
    complete_await(store);
    uint64_t base = base_number();
    chronicled_open(store);
    complete_await(store);
    assert_int_equal(base_number(), base);
    store_reopen_with(store, &(struct meta_options){.chronicle = folder, .may_be_older = true});
    complete_await(store);
    assert_true(base_number() > base);
}

static void test_what_has_no_bytes_is_left_out(void **state)
{
    struct store *store = *state;

    chronicled_open(store);
    assert_int_equal(put(store, "kept", 1), 0);
    assert_int_equal(put(store, "lost", 2), 0);
    struct meta_recover_report report = recovered(store, 2);
    assert_int_equal(report.lost, 1);
    assert_int_equal(file_of(store, "kept"), 1);
    assert_int_equal(file_of(store, "lost"), META_E_NO_KEY);
    counts_settle(store);
    assert_sound(store);
}

static void test_damage_costs_what_it_hits(void **state)
{
    struct store *store = *state;
    struct chronicle_file file;
    struct chronicle_sum sum;
    char key[1001], path[256];

    chronicled_open(store);
    complete_await(store);
    memset(key, 'k', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    for (unsigned i = 0; i < 400; i++) {
        memcpy(key, "0123456789" + i % 10, 1);
        memcpy(key + 1, "0123456789" + i / 10 % 10, 1);
        memcpy(key + 2, "0123456789" + i / 100, 1);
        assert_int_equal(put(store, key, 10 + i), 0);
    }
    store_shut(store);
    struct told whole = chronicle_read(&sum);
    assert_true(sum.has_end);
    last_file(path, &file);
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "damage", 6, (off_t)file.bytes / 2), 6);
    struct told left = chronicle_read(&sum);
    assert_int_equal(sum.damaged, 1);
    assert_true(sum.has_end);
    assert_true(left.puts < whole.puts && left.puts >= whole.puts / 2);
    /* Cut off in the middle of a frame: what a crash leaves. */
    assert_int_equal(ftruncate(fd, (off_t)file.bytes - 3), 0);
    close(fd);
    (void)chronicle_read(&sum);
    assert_false(sum.has_end);
    /* The next process knows that something is missing, and tells all anew. */
    chronicled_open(store);
    complete_await(store);
    store_shut(store);
    struct told again = chronicle_read(&sum);
    assert_true(sum.has_end && sum.damaged == 0);
    assert_true(again.puts >= 401); /* and the bucket */
    chronicled_open(store);
}

static void test_frames_of_others_are_none(void **state)
{
    struct store *store = *state;
    struct chronicle_file file;
    struct chronicle_sum sum;
    char path[256], other[256], name[CHRONICLE_NAME_BYTES];

    chronicled_open(store);
    complete_await(store);
    assert_int_equal(put(store, "a", 1), 0);
    store_shut(store);
    last_file(path, &file);
    file.salt[0] ^= 1; /* as in a frame that a client has made, who does not know it */
    chronicle_file_name(name, &file);
    snprintf(other, sizeof(other), "%s/%s", folder, name);
    assert_int_equal(rename(path, other), 0);
    int fd = folder_open();
    struct told told = {0, 0};
    const struct chronicle_visitor visitor = {on_entry, &told};
    assert_int_equal(chronicle_file_walk(fd, &file, &visitor, &sum), 0);
    assert_int_equal(sum.frames, 0);
    assert_int_equal(told.puts, 0);
    close(fd);
    chronicled_open(store);
}

/* A file of the chronicle that is gone: what it told is of the old database, where there is one. */
static void test_what_the_chronicle_lacks_is_asked_of_the_database(void **state)
{
    struct store *store = *state;
    struct chronicle_file file;
    struct meta_recover_report report;
    char path[256], made[160];
    uint64_t missing = 0;
    struct meta_recover_options options = {
        .to = made, .chronicle = folder, .has_unit = has_all, .ctx = &missing};

    assert_int_equal(put(store, "a", 1), 0);
    chronicled_open(store);
    complete_await(store);
    assert_int_equal(put(store, "b", 2), 0);
    store_shut(store);
    snprintf(made, sizeof(made), "%s/made.db", store->dir);
    last_file(path, &file);
    int fd = open(path, O_WRONLY);
    assert_int_equal(ftruncate(fd, (off_t)file.bytes - 3), 0);
    close(fd);
    /* Alone it is believed as far as it goes. */
    assert_int_equal(meta_recover(&options, &report), 0);
    assert_false(report.is_chronicle_complete || report.is_database_read);
    assert_int_equal(unlink(made), 0);
    options.database = store->path;
    assert_int_equal(meta_recover(&options, &report), 0);
    assert_true(report.is_database_read && !report.is_chronicle_complete);
    assert_int_equal(report.objects, 2);
    assert_int_equal(unlink(made), 0);
    /* A database that cannot be opened is as good as none. */
    options.database = store->dir;
    assert_int_equal(meta_recover(&options, &report), 0);
    assert_false(report.is_database_read);
    assert_int_equal(unlink(made), 0);
    /* Neither: there is nothing to make one of, and none is made. */
    options.database = NULL;
    options.chronicle = made;
    assert_int_equal(meta_recover(&options, &report), META_E_NO_BUCKET);
    assert_int_equal(access(made, F_OK), -1);
    chronicled_open(store);
}

static void test_files_of_other_names_are_none(void **state)
{
    static const char *const others[] = {
        "",        "log",   "base",    "sluice.db",
        "ase-1-1", "log-1", "log-x-y", "base-0000000000000001-000000000000000"};
    struct chronicle_file file = {.is_base = true, .number = 7, .salt = {1, 2, 3}}, again;
    char name[CHRONICLE_NAME_BYTES];

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(chronicle_file_parse(others[i], &again));
    chronicle_file_name(name, &file);
    assert_true(chronicle_file_parse(name, &again));
    assert_true(again.is_base && again.number == 7);
    assert_memory_equal(again.salt, file.salt, sizeof(file.salt));
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
        cmocka_unit_test_setup_teardown(test_a_store_that_is_closed_tells_all, store_setup, store_end),
        cmocka_unit_test_setup_teardown(test_what_may_be_newer_than_the_database_is_made_anew, store_setup,
                                        store_end),
        cmocka_unit_test_setup_teardown(test_what_has_no_bytes_is_left_out, store_setup, store_end),
        cmocka_unit_test_setup_teardown(test_damage_costs_what_it_hits, store_setup, store_end),
        cmocka_unit_test_setup_teardown(test_frames_of_others_are_none, store_setup, store_end),
        cmocka_unit_test_setup_teardown(test_what_the_chronicle_lacks_is_asked_of_the_database, store_setup,
                                        store_end),
        cmocka_unit_test(test_files_of_other_names_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
