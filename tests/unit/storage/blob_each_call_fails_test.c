/* SPDX-License-Identifier: MIT
 *
 * What a store does with files at a start and in quiet hours, with the first of its calls failing, then the second, and so on until all has
 * gone well: each time it says so or has done it, nothing that was stored is gone, no descriptor is left, and done again it comes to what it
 * should have.
 *
 * In order: the store's folder; what is tried. */
#include "tests/unit/storage/blob_failure_support.h"

/* ---- The store's folder ---- */

static void place_begin(struct rig *rig)
{
    memset(rig, 0, sizeof(*rig));
    snprintf(rig->dir, sizeof(rig->dir), "/tmp/sluice-calls-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    assert_int_equal(rmdir(rig->dir), 0);
    copy_folder(saved, rig->dir);
}

static void place_end(struct rig *rig)
{
    blob_store_close(rig->store);
    remove_tree(rig->dir);
}

static int start(struct rig *rig)
{
    int err = rig_open_store(rig, true, false);

    if (err != 0) {
        rig->store = NULL;
        return err;
    }
    blob_store_doubt(rig->store, BLOB_DOUBT_ALL);
    return blob_store_recover(rig->store, row_of, units_of, NULL, NULL);
}

/* ---- What is tried ---- */

struct attempt {
    struct rig rig, other; /* the second one where there are two stores */
    const char *name;
    void (*prepare)(struct attempt *attempt); /* NULL: nothing to do */
    int (*run)(struct attempt *attempt);
    void (*check)(struct attempt *attempt); /* after it has gone well */
};

/* With the n-th call failing. Whether one did. */
static bool try_once(struct attempt *attempt, int number, int *result)
{
    if (attempt->prepare != NULL)
        attempt->prepare(attempt);
    unsigned before = count_descriptors();
    atomic_store(&came, false);
    atomic_store(&left, number);
    *result = attempt->run(attempt);
    atomic_store(&left, 0);
    assert_true(*result <= 0);
    assert_int_equal(count_descriptors(), before);
    return atomic_load(&came);
}

/* Until all goes well, on the same stores. */
static unsigned try_each(struct attempt *attempt)
{
    int result, number = 1;

    while (try_once(attempt, number, &result)) {
        assert_blob_holds(&attempt->rig, live, (const unsigned char *)TEXT_LIVE, strlen(TEXT_LIVE));
        assert_unit_holds(&attempt->rig, &units.units[0]);
        number++;
    }
    assert_int_equal(result, 0);
    attempt->check(attempt);
    print_message("%s: %d calls\n", attempt->name, number - 1);
    return (unsigned)number - 1;
}

static int note_lost(void *ctx, const struct blob_lost *lost)
{
    ++*(unsigned *)ctx;
    return 0;
}

static unsigned lost_count(struct rig *rig)
{
    unsigned count = 0;

    assert_int_equal(blob_store_lost_walk(rig->store, note_lost, &count), 0);
    return count;
}

static unsigned calls_of_start(void)
{
    enum { MANY = 1000000 };
    struct rig rig;

    place_begin(&rig);
    atomic_store(&left, MANY);
    assert_int_equal(start(&rig), 0);
    unsigned calls = (unsigned)(MANY - atomic_load(&left));
    atomic_store(&left, 0);
    place_end(&rig);
    return calls;
}

/* A start that fails in between has deleted nothing that is not understood: the next one finds it in blobs/ or in lost/. */
static void a_start(void **state)
{
    unsigned number = 1, all = calls_of_start();
    bool failed = true;

    /* Of those in the middle, which look for blobs in 256 folders, a few. */
    for (; failed; number += number < all / 8 || number > all - all / 8 ? 1 : 17) {
        struct rig rig;
        int result;

        place_begin(&rig);
        atomic_store(&came, false);
        atomic_store(&left, (int)number);
        result = start(&rig);
        atomic_store(&left, 0);
        failed = atomic_load(&came);
        assert_true(result <= 0 && (failed || result == 0));
        if (result != 0) {
            blob_store_close(rig.store); /* what was opened, if it was */
            assert_int_equal(start(&rig), 0);
        }
        assert_blob_holds(&rig, live, (const unsigned char *)TEXT_LIVE, strlen(TEXT_LIVE));
        assert_unit_holds(&rig, &units.units[0]);
        assert_int_equal(lost_count(&rig) + blob_store_has(rig.store, orphan), 1);
        place_end(&rig);
    }
    assert_true(number > all && all > 20);
}

static int run_keep(struct attempt *attempt)
{
    return blob_store_lost_keep(attempt->rig.store, "sluice.db");
}

static int find_rows(void *ctx, const struct blob_lost *lost)
{
    struct attempt *attempt = ctx;
    char path[256], bytes[8] = "";

    if (strstr(lost->name, "sluice.db") == NULL)
        return 0;
    snprintf(path, sizeof(path), "%s/lost/%s", attempt->rig.dir, lost->name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, sizeof(bytes), file), 4);
    fclose(file);
    assert_string_equal(bytes, "rows"); /* all of it, or it would not have that name */
    attempt->name = "found";
    return 0;
}

static void lost_empty(struct attempt *attempt)
{
    uint64_t files, bytes;

    assert_int_equal(blob_store_lost_bound(attempt->rig.store, 0, 0, &files, &bytes), 0);
}

static void check_keep(struct attempt *attempt)
{
    const char *name = attempt->name;

    assert_int_equal(blob_store_lost_walk(attempt->rig.store, find_rows, attempt), 0);
    assert_string_equal(attempt->name, "found");
    attempt->name = name;
}

static int run_bound(struct attempt *attempt)
{
    uint64_t files, bytes;

    return blob_store_lost_bound(attempt->rig.store, 0, 0, &files, &bytes);
}

static void check_bound(struct attempt *attempt)
{
    assert_int_equal(lost_count(&attempt->rig), 0);
}

static void lost_files(void **state)
{
    struct attempt attempt = {
        .name = "a file is kept", .prepare = lost_empty, .run = run_keep, .check = check_keep};

    place_begin(&attempt.rig);
    assert_int_equal(start(&attempt.rig), 0);
    assert_true(try_each(&attempt) > 4);
    atomic_store(&not_here, EXDEV); /* copied in another way */
    attempt.name = "a file is kept without copy_file_range";
    assert_true(try_each(&attempt) > 4);
    atomic_store(&not_here, 0);
    attempt.name = "lost/ is emptied";
    attempt.prepare = NULL;
    attempt.run = run_bound;
    attempt.check = check_bound;
    assert_true(try_each(&attempt) > 2);
    place_end(&attempt.rig);
}

static bool carries_change; /* the file may change, so it is no other name of it */

static int run_carry(struct attempt *attempt)
{
    int err = blob_store_carry(attempt->rig.store, attempt->other.store, live, false);

    return err != 0 ? err
                    : blob_store_carry(attempt->rig.store, attempt->other.store, units.units[0].at.blob,
                                       carries_change);
}

static void other_empty(struct attempt *attempt)
{
    assert_int_equal(blob_store_remove(attempt->other.store, live), 0);
    assert_int_equal(blob_store_remove(attempt->other.store, units.units[0].at.blob), 0);
}

static void check_carry(struct attempt *attempt)
{
    assert_blob_holds(&attempt->other, live, (const unsigned char *)TEXT_LIVE, strlen(TEXT_LIVE));
    assert_unit_holds(&attempt->other, &units.units[0]);
}

static void another_store(void **state)
{
    static const int errors[] = {0, 0, EXDEV};
    struct attempt attempt = {
        .name = "carried", .prepare = other_empty, .run = run_carry, .check = check_carry};

    place_begin(&attempt.rig);
    assert_int_equal(start(&attempt.rig), 0);
    snprintf(attempt.other.dir, sizeof(attempt.other.dir), "/tmp/sluice-other-XXXXXX");
    assert_non_null(mkdtemp(attempt.other.dir));
    assert_int_equal(rig_open_store(&attempt.other, true, false), 0);
    assert_int_equal(blob_store_recover(attempt.other.store, no_row, NULL, NULL, NULL), 0);
    for (unsigned i = 0; i < 3; ++i) {
        carries_change = i == 1;
        atomic_store(&not_here, errors[i]);
        assert_true(try_each(&attempt) > 2);
    }
    atomic_store(&not_here, 0);
    place_end(&attempt.other);
    place_end(&attempt.rig);
}

static uint64_t damaged; /* where in the file of `live`, or of the segment */
static struct blob_unit damaged_unit;
static uint64_t damaged_length;

static void damaged_path(char path[160], const char *folder)
{
    char name[BLOB_PATH_BYTES];

    blob_path_format(name, damaged_unit.blob);
    snprintf(path, 160, "%s/blobs/%s", folder, name);
}

static void damage(struct attempt *attempt)
{
    char path[160];

    damaged_path(path, attempt->rig.dir);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "?", 1, (off_t)damaged), 1);
    close(fd);
}

static int run_mend(struct attempt *attempt)
{
    char path[160];
    int from, err;

    damaged_path(path, saved);
    from = open(path, O_RDONLY | O_CLOEXEC); /* in a backup, whose disk is well */
    assert_true(from >= 0);
    err = blob_store_mend(attempt->rig.store, damaged_unit, damaged_length, from);
    close(from);
    return err;
}

static void check_mend(struct attempt *attempt)
{
    assert_blob_holds(&attempt->rig, live, (const unsigned char *)TEXT_LIVE, strlen(TEXT_LIVE));
    assert_batch_holds(&attempt->rig, &units);
}

/* What is being mended is not looked at before it is: bytes that are wrong stay so, or become right. */
static void mended(void **state)
{
    struct attempt attempt = {.run = run_mend, .check = check_mend};
    const struct blob_unit places[] = {{live, 0}, {units.units[2].at.blob, units.units[2].at.offset}};
    const uint64_t lengths[] = {strlen(TEXT_LIVE), units.units[2].length};

    for (unsigned i = 0; i < 2; ++i) {
        int result, number = 1;

        place_begin(&attempt.rig);
        assert_int_equal(rig_open_store(&attempt.rig, true, false), 0);
        damaged_unit = places[i];
        damaged_length = lengths[i];
        damaged = places[i].offset + 3;
        attempt.prepare = damage;
        while (try_once(&attempt, number, &result))
            number++;
        assert_int_equal(result, 0);
        check_mend(&attempt);
        assert_true(number > 3);
        place_end(&attempt.rig);
    }
}

static int run_walk(struct attempt *attempt)
{
    unsigned count = 0;

    return blob_store_walk(attempt->rig.store, count_one, &count);
}

static int run_clear(struct attempt *attempt)
{
    struct blob_run runs[] = {{units.units[1].at.offset, units.units[1].length},
                              {units.units[2].at.offset, units.units[2].length}};
    uint64_t blob = units.units[0].at.blob;
    int err = blob_store_punch(attempt->rig.store, blob, runs, 2);

    return err != 0 ? err : blob_store_cut(attempt->rig.store, blob, units.units[1].at.offset);
}

static void check_clear(struct attempt *attempt)
{
    struct stat st;

    blob_stat(&attempt->rig, units.units[0].at.blob, &st);
    assert_true((uint64_t)st.st_size <= units.units[1].at.offset + SEGMENT_ALIGN_BYTES);
    assert_unit_holds(&attempt->rig, &units.units[0]);
}

static int run_remove(struct attempt *attempt)
{
    int err = blob_store_remove(attempt->rig.store, orphan);

    return err != 0 ? err : blob_store_sync_removed(attempt->rig.store, &orphan, 1);
}

static void check_remove(struct attempt *attempt)
{
    assert_false(blob_store_has(attempt->rig.store, orphan));
}

static void check_nothing(struct attempt *attempt)
{
}

static void walked_and_cleared(void **state)
{
    struct attempt attempt = {.name = "walked", .run = run_walk, .check = check_nothing};

    place_begin(&attempt.rig);
    assert_int_equal(rig_open_store(&attempt.rig, true, false), 0);
    assert_true(try_each(&attempt) > 2);
    attempt.name = "units are given back";
    attempt.run = run_clear;
    attempt.check = check_clear;
    assert_true(try_each(&attempt) > 2);
    attempt.name = "a file is removed";
    attempt.run = run_remove;
    attempt.check = check_remove;
    assert_true(try_each(&attempt) > 1);
    place_end(&attempt.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_start), cmocka_unit_test(lost_files),         cmocka_unit_test(another_store),
        cmocka_unit_test(mended),  cmocka_unit_test(walked_and_cleared),
    };

    return cmocka_run_group_tests_name("each call fails", tests, folder_make, folder_remove);
}
