/* SPDX-License-Identifier: MIT
 *
 * The check finds what was done to a store behind its back, says where, and changes nothing. */
#include "tests/unit/core/core_support.h"

#include <sys/wait.h>

#include "storage/ring/ring_fault.h"

#define BODY_BYTES 70000

static char lines[8192];

static void note_line(void *ctx, const char *text)
{
    assert_true(strlen(lines) + strlen(text) + 2 < sizeof(lines));
    strcat(lines, text);
    strcat(lines, "\n");
}

#define RECORD_ROOM 128 /* a blob's file has what it says of itself after its bytes */

/* Finds the only blob file of `size` bytes. */
static char found_path[512];
static off_t wanted_size;

static int find_entry(const char *path, const struct stat *status, int type, struct FTW *at)
{
    if (type == FTW_F && status->st_size >= wanted_size && status->st_size <= wanted_size + RECORD_ROOM &&
        strcmp(path + at->base, "SEQUENCE") != 0)
        snprintf(found_path, sizeof(found_path), "%s", path);
    return 0;
}

static const char *blob_path(const char *dir, off_t size)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/blobs", dir);
    found_path[0] = '\0';
    wanted_size = size;
    nftw(path, find_entry, 8, FTW_PHYS);
    assert_string_not_equal(found_path, "");
    return found_path;
}

static struct core_check_report check(struct rig *rig, bool verify_bytes)
{
    struct core_check_report report;

    lines[0] = '\0';
    assert_int_equal(core_check(rig->dir, verify_bytes, note_line, NULL, &report), 0);
    return report;
}

/* The head of a segment, and the block of the one small object in it. */
#define SEGMENT_BYTES 8192

/* Three objects of different sizes, one of them in a segment, one of them empty, and a copy; closed. */
static void begin_filled(struct rig *rig)
{
    struct meta_object_copy copy = {
        .op.kind = META_OP_OBJECT_COPY,
        .source.key = slice_text("dir/a\nb"),
        .key = slice_text("copy"),
        .source.if_modified_since_ms = INT64_MIN,
        .source.if_unmodified_since_ms = INT64_MIN,
    };
    unsigned char *body = body_make(BODY_BYTES, 1);

    rig_begin(rig, NULL);
    assert_int_equal(rig_put(rig, "dir/a\nb", body, BODY_BYTES, NO_CONDITION), 0);
    assert_int_equal(rig_put(rig, "other", body, 100, NO_CONDITION), 0);
    assert_int_equal(rig_put(rig, "empty", body, 0, NO_CONDITION), 0);
    copy.source.bucket = copy.bucket = rig->bucket;
    assert_int_equal(rig_change(rig, &copy.op), 0);
    rig_close(rig);
    free(body);
}

static void sound(void **state)
{
    struct core_check_report report;
    struct rig rig;

    begin_filled(&rig);
    report = check(&rig, true);
    assert_int_equal(report.findings, 0);
    assert_int_equal(report.objects, 4);
    assert_int_equal(report.extents, 3);
    assert_int_equal(report.bytes, BODY_BYTES + 100); /* what is shared counts once */
    assert_string_equal(lines, "");
    rig_end(&rig);
}

static void flipped_byte(void **state)
{
    struct core_check_report report;
    unsigned char byte;
    struct rig rig;

    begin_filled(&rig);
    int fd = open(blob_path(rig.dir, BODY_BYTES), O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, 12345), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, 12345), 1);
    close(fd);
    report = check(&rig, false);
    assert_int_equal(report.findings, 0); /* lengths are right */
    report = check(&rig, true);
    assert_int_equal(report.damaged, 2); /* the object and its copy */
    assert_int_equal(report.findings, 2);
    assert_non_null(strstr(lines, "object bucket/dir/a\\x0ab: "));
    assert_non_null(strstr(lines, "object bucket/copy: "));
    assert_null(strstr(lines, "other"));
    rig_end(&rig);
}

static void short_file(void **state)
{
    struct core_check_report report;
    struct rig rig;

    begin_filled(&rig);
    assert_int_equal(truncate(blob_path(rig.dir, SEGMENT_BYTES), 4096 + 99), 0);
    report = check(&rig, false);
    assert_int_equal(report.damaged, 1);
    assert_int_equal(report.findings, 1);
    assert_non_null(strstr(lines, "object bucket/other: "));
    rig_end(&rig);
}

static void missing_file(void **state)
{
    struct core_check_report report;
    struct rig rig;

    begin_filled(&rig);
    assert_int_equal(unlink(blob_path(rig.dir, SEGMENT_BYTES)), 0);
    report = check(&rig, true);
    assert_int_equal(report.missing, 1);
    assert_int_equal(report.findings, 1);
    assert_non_null(strstr(lines, "object bucket/other: "));
    rig_end(&rig);
}

static void orphaned_file(void **state)
{
    struct core_check_report report;
    char path[600], command[1400];
    struct rig rig;

    begin_filled(&rig);
    /* The name of a blob far away; its folder follows from the number. */
    snprintf(path, sizeof(path), "%s/blobs/00/0000000000000000", rig.dir);
    snprintf(command, sizeof(command), "cp %s %.*s7", blob_path(rig.dir, SEGMENT_BYTES),
             (int)strlen(path) - 1, path);
    assert_int_equal(system(command), 0);
    report = check(&rig, true);
    assert_int_equal(report.orphaned, 1);
    assert_int_equal(report.findings, 1);
    assert_non_null(strstr(lines, "blob 0000000000000007 (8192 bytes)"));
    rig_end(&rig);
}

/* Ends the process when the blob has its name and no row. */
static int die_at_folder_sync(enum ring_op_kind kind, int fd, uint64_t length)
{
    if (kind == RING_OP_FSYNC)
        _exit(0);
    return 0;
}

static void left_by_a_crash(void **state)
{
    struct core_check_report report;
    struct rig rig;
    int status;

    begin_filled(&rig);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        sys_fault = die_at_folder_sync;
        unsigned char *body = body_make(BODY_BYTES, 2);

        if (rig_open_again(&rig) == 0)
            (void)rig_put(&rig, "new", body, BODY_BYTES, NO_CONDITION);
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(blob_files(rig.dir), 2); /* the large object's, and the one that was left */
    report = check(&rig, true);
    assert_int_equal(report.findings, 0);
    assert_int_equal(blob_files(rig.dir), 2);
    assert_int_equal(rig_open_again(&rig), 0);
    assert_int_equal(blob_files(rig.dir), 1);
    rig_end(&rig);
}

static void not_while_open(void **state)
{
    struct core_check_report report;
    struct rig rig;

    begin_filled(&rig);
    assert_int_equal(rig_open_again(&rig), 0);
    assert_int_equal(core_check(rig.dir, true, note_line, NULL, &report), -EBUSY);
    rig_end(&rig);
}

static void no_store_there(void **state)
{
    struct core_check_report report;
    char dir[] = "/tmp/sluice-core-XXXXXX";

    assert_non_null(mkdtemp(dir));
    assert_true(core_check(dir, true, note_line, NULL, &report) < 0);
    tree_remove(dir);
    assert_int_equal(core_check(dir, true, note_line, NULL, &report), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound),          cmocka_unit_test(flipped_byte),    cmocka_unit_test(short_file),
        cmocka_unit_test(missing_file),   cmocka_unit_test(orphaned_file),   cmocka_unit_test(not_while_open),
        cmocka_unit_test(no_store_there), cmocka_unit_test(left_by_a_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
