/* SPDX-License-Identifier: MIT
 *
 * The check of a store that is open: it finds what a check of a closed one finds, and takes nothing for damage that is only changed
 * while it looks. */
#include "tests/unit/core/core_support.h"

#include <limits.h>

#include "storage/ring/ring_fault.h"

#define BODY_BYTES 70000

static char lines[8192];

/* What happens while the check is under way: at the call of is_over with that number. */
struct meanwhile {
    struct rig *rig;
    unsigned calls, at;
    void (*happens)(struct rig *rig);
    bool ends;
};

static void note_line(void *ctx, const char *text)
{
    assert_true(strlen(lines) + strlen(text) + 2 < sizeof(lines));
    strcat(lines, text);
    strcat(lines, "\n");
}

static bool is_over(void *ctx)
{
    struct meanwhile *meanwhile = ctx;

    if (++meanwhile->calls != meanwhile->at)
        return false;
    if (meanwhile->happens != NULL)
        meanwhile->happens(meanwhile->rig);
    return meanwhile->ends;
}

static struct core_check_report check_with(struct meanwhile *meanwhile, int result)
{
    struct core_check_report report;

    lines[0] = '\0';
    assert_int_equal(core_check_live(meanwhile->rig->core, true, note_line, is_over, meanwhile, &report),
                     result);
    return report;
}

static struct core_check_report check(struct rig *rig)
{
    struct meanwhile nothing = {.rig = rig};

    return check_with(&nothing, 0);
}

/* One object in a file of its own, and one in a segment. */
static void begin_filled(struct rig *rig)
{
    unsigned char *body = body_make(BODY_BYTES, 1);

    rig_begin(rig, NULL);
    assert_int_equal(rig_put(rig, "large", body, BODY_BYTES, NO_CONDITION), 0);
    assert_int_equal(rig_put(rig, "small", body, 100, NO_CONDITION), 0);
    free(body);
}

static void sound(void **state)
{
    struct core_check_report report;
    struct rig rig;

    begin_filled(&rig);
    report = check(&rig);
    assert_int_equal(report.findings, 0);
    assert_int_equal(report.objects, 2);
    assert_int_equal(report.extents, 2);
    assert_int_equal(report.bytes, BODY_BYTES + 100);
    assert_string_equal(lines, "");
    rig_end(&rig);
}

/* ---- What is wrong ---- */

static char large_path[512];

static int find_large(const char *path, const struct stat *status, int type, struct FTW *at)
{
    if (type == FTW_F && status->st_size >= BODY_BYTES && !is_segment(path))
        snprintf(large_path, sizeof(large_path), "%s", path);
    return 0;
}

/* Where the large object lies. */
static const char *large_file(struct rig *rig)
{
    char blobs[128];

    snprintf(blobs, sizeof(blobs), "%s/blobs", rig->dir);
    large_path[0] = '\0';
    nftw(blobs, find_large, 8, FTW_PHYS);
    assert_string_not_equal(large_path, "");
    return large_path;
}

static void damaged(void **state)
{
    struct core_check_report report;
    unsigned char byte;
    struct rig rig;

    begin_filled(&rig);
    int fd = open(large_file(&rig), O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, 12345), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, 12345), 1);
    close(fd);
    report = check(&rig);
    assert_int_equal(report.damaged, 1);
    assert_int_equal(report.findings, 1);
    assert_non_null(strstr(lines, "object bucket/large: "));

    assert_int_equal(unlink(large_path), 0);
    report = check(&rig);
    assert_int_equal(report.missing, 1);
    assert_int_equal(report.findings, 1);
    rig_end(&rig);
}

/* Under a name that was given back: no upload is on its way there. */
static void orphaned(void **state)
{
    struct core_check_report report;
    struct rig rig;

    begin_filled(&rig);
    large_file(&rig);
    assert_int_equal(rig_delete(&rig, "large"), 0);
    await_blob_files(&rig, 0);
    int fd = open(large_path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_int_equal(write(fd, "stray", 5), 5);
    close(fd);
    do /* until its name is struck off the list of garbage */
        report = check(&rig);
    while (report.orphaned == 0 && access(large_path, F_OK) == 0 && usleep(5000) == 0);
    assert_int_equal(report.orphaned, 1);
    assert_int_equal(report.findings, 1);
    assert_non_null(strstr(lines, "(5 bytes): no row names it"));
    assert_int_equal(unlink(large_path), 0);
    rig_end(&rig);
}

/* ---- What only changes ---- */

static void delete_all(struct rig *rig)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    unsigned long before = segment_blocks(rig->dir);

    assert_int_equal(rig_delete(rig, "large"), 0);
    assert_int_equal(rig_delete(rig, "small"), 0);
    await_blob_files(rig, 0);
    /* The hole of the small one: its block is given back. */
    for (unsigned i = 0; i < 4000 && segment_blocks(rig->dir) >= before; i++)
        nanosleep(&pause, NULL);
}

static void deleted_meanwhile(void **state)
{
    struct core_check_report report;
    struct rig rig;

    begin_filled(&rig);
    /* The first call is for the count of the bucket, the second for the first extent: the rows of both are taken by then. */
    report = check_with(&(struct meanwhile){.rig = &rig, .at = 2, .happens = delete_all}, 0);
    assert_string_equal(lines, "");
    assert_int_equal(report.findings, 0);
    assert_int_equal(report.extents, 2);
    rig_end(&rig);
}

static struct rig *uploading;
static unsigned checks;

/* When the file of the upload has its name, which it gets before its row. */
static int check_at_folder_sync(enum ring_op_kind kind, int fd, uint64_t length)
{
    struct rig *rig = uploading;

    if (kind != RING_OP_FSYNC || rig == NULL)
        return 0;
    uploading = NULL;
    assert_int_equal(blob_files(rig->dir), 2);
    assert_int_equal(check(rig).findings, 0);
    checks++;
    return 0;
}

static void uploading_meanwhile(void **state)
{
    unsigned char *body = body_make(BODY_BYTES, 3);
    struct rig rig;

    begin_filled(&rig);
    checks = 0;
    uploading = &rig;
    sys_fault = check_at_folder_sync;
    assert_int_equal(rig_put(&rig, "new", body, BODY_BYTES, NO_CONDITION), 0);
    sys_fault = NULL;
    assert_int_equal(checks, 1);
    assert_int_equal(check(&rig).objects, 3);
    free(body);
    rig_end(&rig);
}

/* ---- Its end ---- */

static struct core *checked;

static void check_another(struct rig *rig)
{
    struct core_check_report report;

    assert_int_equal(core_check_live(rig->core, true, NULL, NULL, NULL, &report), -EALREADY);
    core_check_interrupt(rig->core); /* between two steps: no harm */
    checked = rig->core;
}

static void one_at_a_time(void **state)
{
    struct rig rig;

    begin_filled(&rig);
    check_with(&(struct meanwhile){.rig = &rig, .at = 2, .happens = check_another}, 0);
    assert_ptr_equal(checked, rig.core);
    core_check_interrupt(rig.core); /* there is none */
    rig_end(&rig);
}

static void ended_at_each_step(void **state)
{
    struct meanwhile all = {.at = UINT_MAX};
    struct rig rig;

    begin_filled(&rig);
    all.rig = &rig;
    check_with(&all, 0);
    assert_true(all.calls > 3);
    for (unsigned at = 1; at <= all.calls; at++)
        check_with(&(struct meanwhile){.rig = &rig, .at = at, .ends = true}, -ECANCELED);
    assert_int_equal(check(&rig).findings, 0);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound),
        cmocka_unit_test(damaged),
        cmocka_unit_test(orphaned),
        cmocka_unit_test(deleted_meanwhile),
        cmocka_unit_test(uploading_meanwhile),
        cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(ended_at_each_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
