/* SPDX-License-Identifier: MIT
 *
 * A copy of a store's files, with the first of its calls failing, then the second, and so on: it says so or has done it, the source is as it was, no
 * descriptor is left, and the next one, on what there is by then, has all of it. */
#include "tests/unit/storage/blob_failure_support.h"

#include "storage/copy/blob_copy.h"

/* One after the other in one folder, as backups are made each night. */
struct attempt {
    char to[80];
    bool may_share;
    int not_here; /* as what the system refuses links and copies within the kernel */
};

static int copy_all(const struct attempt *attempt)
{
    const struct blob_run run = {units.units[0].at.offset, units.units[0].length};
    const struct blob_identity identity = {.epoch = 3};
    uint64_t segment = units.units[0].at.blob;
    struct blob_copy *copy;
    int err = blob_copy_open(&copy, saved, attempt->to, attempt->may_share);

    if (err != 0)
        return err;
    if ((err = blob_copy_file(copy, live, false)) == 0 && (err = blob_copy_knows_segment(copy, segment)) >= 0)
        err = blob_copy_units(copy, segment, &run, 1, err == 0);
    if (err == 0)
        err = blob_copy_sync(copy);
    if (err == 0)
        err = blob_copy_sequence(copy, &identity, blob_copy_records_from(copy), segment, false);
    blob_copy_close(copy);
    return err;
}

static bool try_once(const struct attempt *attempt, unsigned number, int *result)
{
    unsigned before = count_descriptors();

    atomic_store(&not_here, attempt->not_here);
    atomic_store(&came, false);
    atomic_store(&left, (int)number);
    errno =
        ENXIO; /* as a look for data behind the end of the file before leaves it: no call that goes well takes it back */
    *result = copy_all(attempt);
    atomic_store(&left, 0);
    atomic_store(&not_here, 0);
    assert_true(*result <= 0);
    assert_int_equal(count_descriptors(), before);
    return atomic_load(&came);
}

static void folder_holds(const char *folder)
{
    struct rig rig = {0};

    snprintf(rig.dir, sizeof(rig.dir), "%.63s", folder);
    assert_int_equal(rig_open_store(&rig, true, false), 0);
    assert_blob_holds(&rig, live, (const unsigned char *)TEXT_LIVE, strlen(TEXT_LIVE));
    assert_unit_holds(&rig, &units.units[0]);
    blob_store_close(rig.store);
}

static void folder_empty(struct attempt *attempt)
{
    snprintf(attempt->to, sizeof(attempt->to), "/tmp/sluice-copy-XXXXXX");
    assert_non_null(mkdtemp(attempt->to));
}

static void copied(bool may_share, int error)
{
    struct attempt attempt = {.may_share = may_share, .not_here = error};
    unsigned number = 1, met = 0;
    int result;

    folder_empty(&attempt);
    while (try_once(&attempt, number, &result)) {
        met++;
        if (result == 0) /* it went on without what had failed */
            folder_holds(attempt.to);
        /* Of the calls that make 256 folders, a few; and all is to do again. */
        number += number < 60 || number > 300 ? 1 : 17;
        remove_tree(attempt.to);
        folder_empty(&attempt);
    }
    assert_int_equal(result, 0);
    folder_holds(attempt.to);
    assert_true(met > 40);
    /* And into what is there. */
    for (number = 1; try_once(&attempt, number, &result); number += number < 60 ? 1 : 17)
        folder_holds(attempt.to);
    assert_int_equal(result, 0);
    folder_holds(attempt.to);
    remove_tree(attempt.to);
}

static void as_other_names(void **state)
{
    copied(true, 0);
}

static void byte_for_byte(void **state)
{
    copied(false, 0);
}

static void where_the_kernel_does_not_copy(void **state)
{
    copied(true, EXDEV);
}

/* Of a unit that nobody needs any more all blocks go, the last one with its few bytes too. */
static void what_nobody_needs_goes_as_a_whole(void **state)
{
    struct blob_run run = {units.units[0].at.offset, units.units[0].length};
    uint64_t segment = units.units[0].at.blob;
    struct attempt attempt = {.may_share = false};
    struct rig rig = {0};
    struct blob_copy *copy;
    int result;

    folder_empty(&attempt);
    assert_false(try_once(&attempt, 0, &result));
    assert_int_equal(result, 0);
    assert_int_equal(blob_copy_open(&copy, saved, attempt.to, false), 0);
    run.length = SEGMENT_ALIGN_BYTES + 1;
    blob_copy_forget(copy, segment, &run, 1);
    blob_copy_close(copy);
    snprintf(rig.dir, sizeof(rig.dir), "%.63s", attempt.to);
    assert_int_equal(rig_open_store(&rig, true, false), 0);
    int fd = blob_store_open_fd(rig.store, segment);
    assert_true(fd >= 0);
    assert_true(lseek(fd, (off_t)run.offset, SEEK_DATA) < 0);
    close(fd);
    blob_store_close(rig.store);
    remove_tree(attempt.to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_other_names),
        cmocka_unit_test(byte_for_byte),
        cmocka_unit_test(where_the_kernel_does_not_copy),
        cmocka_unit_test(what_nobody_needs_goes_as_a_whole),
    };

    return cmocka_run_group_tests_name("each call of a copy fails", tests, folder_make, folder_remove);
}
