/* SPDX-License-Identifier: MIT
 *
 * Backups by sluice.h: of an open store, again into the same place, by directory, and back; what they refuse; and what becomes of two stores that
 * a backup has made of one. */
#include "tests/unit/library/library_support.h"

#define SMALL 3000u
#define LARGE 200000u

struct folder {
    char path[80];
};

/* A name below the place's folder; place_end removes it with the rest. */
static struct folder beside(const struct place *place, const char *name)
{
    struct folder folder;

    snprintf(folder.path, sizeof(folder.path), "%s-%s", place->dir, name);
    return folder;
}

static void folder_remove(const struct folder *folder)
{
    nftw(folder->path, place_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void put(struct sluice_store *store, const char *key, size_t length, uint32_t seed)
{
    unsigned char *bytes = bytes_make(length, seed);

    assert_int_equal(sluice_put(store, "bucket", key, bytes, length, NULL, NULL), 0);
    free(bytes);
}

static void expect(struct sluice_store *store, const char *key, size_t length, uint32_t seed)
{
    unsigned char *bytes = bytes_make(length, seed);

    expect_object(store, key, bytes, length);
    free(bytes);
}

static void expect_sound(const char *path)
{
    struct sluice_check_report report;

    assert_int_equal(sluice_check(path, true, NULL, NULL, &report), 0);
    assert_int_equal(report.findings, 0);
}

static struct sluice_store *restored(const struct folder *from, const struct folder *to)
{
    struct sluice_store *store;

    assert_int_equal(sluice_restore(from->path, to->path, NULL, NULL), 0);
    expect_sound(to->path);
    assert_int_equal(sluice_store_open(&store, to->path, NULL), 0);
    return store;
}

static void test_there_and_back(void **state)
{
    struct place place;
    struct sluice_backup_report report;
    struct sluice_store *store;

    place_begin(&place, NULL);
    const struct folder to = beside(&place, "to"), back = beside(&place, "back");
    put(place.store, "small", SMALL, 1);
    put(place.store, "large", LARGE, 2);
    assert_int_equal(sluice_backup(place.store, to.path, NULL, &report), 0);
    assert_int_equal(report.files, 2); /* a segment and a file */
    assert_false(report.is_live);
    assert_int_equal(report.damaged, 0);
    expect_sound(to.path);
    assert_int_equal(sluice_delete(place.store, "bucket", "small"), 0);
    assert_int_equal(sluice_delete(place.store, "bucket", "large"), 0);

    store = restored(&to, &back);
    expect(store, "small", SMALL, 1);
    expect(store, "large", LARGE, 2);
    put(store, "new", SMALL, 3); /* it is a store that can be written */
    sluice_store_close(store);
    expect_sound(back.path);
    expect_sound(to.path);
    folder_remove(&to);
    folder_remove(&back);
    place_end(&place);
}

static void test_only_what_is_new(void **state)
{
    const struct sluice_backup_options copies = {.copies = true};
    struct sluice_backup_report report;
    struct place place;

    place_begin(&place, NULL);
    const struct folder to = beside(&place, "to");
    put(place.store, "small", SMALL, 1);
    put(place.store, "large", LARGE, 2);
    assert_int_equal(sluice_backup(place.store, to.path, &copies, &report), 0);
    assert_true(report.bytes >= SMALL + LARGE);
    assert_int_equal(report.linked + report.cloned, 0);
    assert_int_equal(sluice_backup(place.store, to.path, &copies, &report), 0);
    assert_int_equal(report.bytes, 0);
    assert_int_equal(report.files, 0);
    put(place.store, "another", SMALL, 3);
    assert_int_equal(sluice_backup(place.store, to.path, &copies, &report), 0);
    assert_int_equal(report.bytes, SMALL); /* one unit more in a segment that is there */
    assert_int_equal(report.files, 1);
    assert_int_equal(sluice_delete(place.store, "bucket", "large"), 0);
    assert_int_equal(sluice_backup(place.store, to.path, &copies, &report), 0);
    assert_int_equal(report.removed, 1);
    expect_sound(to.path);
    folder_remove(&to);
    place_end(&place);
}

/* Its server has it open here: then it cannot be asked. Closed, it is opened for the time. */
static void test_by_directory(void **state)
{
    struct sluice_backup_report report;
    struct sluice_store *store;
    struct place place;

    place_begin(&place, NULL);
    const struct folder to = beside(&place, "to"), back = beside(&place, "back");
    put(place.store, "small", SMALL, 1);
    sluice_store_close(place.store);
    assert_int_equal(sluice_backup_directory(place.dir, to.path, NULL, &report), 0);
    store = restored(&to, &back);
    expect(store, "small", SMALL, 1);
    sluice_store_close(store);
    assert_int_equal(sluice_backup_directory(back.path, place.dir, NULL, &report), -ENOTEMPTY);
    assert_int_equal(sluice_backup_directory("/nowhere", to.path, NULL, &report), -ENOENT);
    assert_int_equal(sluice_store_open(&place.store, place.dir, NULL), 0);
    expect(place.store, "small", SMALL, 1);
    folder_remove(&to);
    folder_remove(&back);
    place_end(&place);
}

static int give_up(void *ctx, const struct sluice_backup_report *report)
{
    return 1;
}

static void test_refusals(void **state)
{
    const struct sluice_backup_options impatient = {.progress = give_up};
    struct sluice_store *other;
    struct place place;

    place_begin(&place, NULL);
    const struct folder to = beside(&place, "to"), back = beside(&place, "back"),
                        third = beside(&place, "third");
    put(place.store, "large", LARGE, 1);
    assert_int_equal(sluice_backup(place.store, place.dir, NULL, NULL), -ENOTEMPTY);
    assert_int_equal(sluice_backup(place.store, to.path, &impatient, NULL), -ECANCELED);
    assert_int_equal(sluice_restore(to.path, back.path, NULL, NULL), -ENOENT); /* none is whole */
    assert_int_equal(sluice_backup(place.store, to.path, NULL, NULL), 0);
    assert_int_equal(sluice_restore(to.path, place.dir, NULL, NULL), -ENOTEMPTY);
    assert_int_equal(sluice_restore(place.dir, back.path, NULL, NULL), -EBUSY);

    assert_int_equal(sluice_store_open(&other, third.path, NULL), 0);
    assert_int_equal(sluice_backup(other, to.path, NULL, NULL), -ESTALE); /* of another store */
    sluice_store_close(other);
    assert_int_equal(sluice_restore(third.path, back.path, NULL, NULL), -ESTALE); /* no backup */

    assert_int_equal(sluice_store_open(&other, to.path, NULL), 0);
    put(other, "new", LARGE, 2);
    assert_int_equal(sluice_backup(place.store, to.path, NULL, NULL), -EBUSY);
    sluice_store_close(other);
    assert_int_equal(sluice_backup(place.store, to.path, NULL, NULL), -ESTALE); /* it was written to */
    folder_remove(&to);
    folder_remove(&back);
    folder_remove(&third);
    place_end(&place);
}

/* A store and what was made of its backup go on, each with objects of its own, and are both copied into one place in turn: no file of the one
 * is taken for the other's. */
static void test_two_of_one(void **state)
{
    struct sluice_store *twin, *store;
    struct place place;

    place_begin(&place, NULL);
    const struct folder to = beside(&place, "to"), back = beside(&place, "back"),
                        third = beside(&place, "third");
    put(place.store, "small", SMALL, 1);
    put(place.store, "large", LARGE, 2);
    assert_int_equal(sluice_backup(place.store, to.path, NULL, NULL), 0);
    twin = restored(&to, &back);
    put(place.store, "small", SMALL, 11);
    put(place.store, "large", LARGE, 12);
    put(twin, "small", SMALL, 21);
    put(twin, "large", LARGE, 22);
    assert_int_equal(sluice_backup(place.store, to.path, NULL, NULL), 0);
    assert_int_equal(sluice_backup(twin, to.path, NULL, NULL), 0);
    expect_sound(to.path);
    store = restored(&to, &third);
    expect(store, "small", SMALL, 21);
    expect(store, "large", LARGE, 22);
    sluice_store_close(store);
    sluice_store_close(twin);
    folder_remove(&to);
    folder_remove(&back);
    folder_remove(&third);
    place_end(&place);
}

static char lost_file[256];

static int find_file(const char *path, const struct stat *status, int type, struct FTW *at)
{
    if (type == FTW_F && strstr(path, "/blobs/") != NULL && status->st_size > (off_t)LARGE)
        snprintf(lost_file, sizeof(lost_file), "%s", path);
    return 0;
}

static void test_a_file_is_missing(void **state)
{
    char kept[300];
    struct sluice_backup_report report;
    struct sluice_store *store;
    struct place place;

    place_begin(&place, NULL);
    const struct folder to = beside(&place, "to"), back = beside(&place, "back");
    put(place.store, "small", SMALL, 1);
    put(place.store, "large", LARGE, 2);
    lost_file[0] = '\0';
    nftw(place.dir, find_file, 8, FTW_PHYS);
    snprintf(kept, sizeof(kept), "%s/kept", place.dir);
    assert_int_equal(rename(lost_file, kept), 0);
    assert_int_equal(sluice_backup(place.store, to.path, NULL, &report), 0);
    assert_int_equal(report.damaged, 1);
    assert_int_equal(sluice_restore(to.path, back.path, NULL, &report), 0);
    assert_int_equal(report.damaged, 1);
    assert_int_equal(sluice_store_open(&store, back.path, NULL), 0);
    expect(store, "small", SMALL, 1); /* the rest of it is */
    sluice_store_close(store);
    assert_int_equal(rename(kept, lost_file), 0);
    folder_remove(&to);
    folder_remove(&back);
    place_end(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_only_what_is_new),
        cmocka_unit_test(test_by_directory),   cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_two_of_one),     cmocka_unit_test(test_a_file_is_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
