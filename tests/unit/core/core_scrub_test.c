/* SPDX-License-Identifier: MIT
 *
 * Scrubbing: its pace, what it writes down and what becomes of that when it is damaged, and that a round goes on where it stopped. What it finds
 * and mends through a server is tests/integration/scrub_test.py's. */
#include "tests/unit/core/core_support.h"

#include "api/core/core_scrub.h"
#include "api/core/scrub/findings.h"
#include "api/core/scrub/limits.h"
#include "api/core/scrub/scrub_pace.h"
#include "api/core/scrub/scrub_state.h"

#define MIB      (UINT64_C(1) << 20)
#define DAYS30_S (30 * UINT64_C(86400))

/* ---- Pace ---- */

static void a_round_takes_its_days(void **state)
{
    const uint64_t total = UINT64_C(10) << 40; /* 10 TiB */
    struct scrub_pace pace = {.rate = scrub_rate(total, DAYS30_S), .due_ms = 1000};
    uint64_t now_ms = 1000, days_ms = DAYS30_S * 1000;

    assert_in_range(pace.rate, total / DAYS30_S, 2 * total / DAYS30_S);
    for (uint64_t done = 0; done < total; done += MIB)
        now_ms += scrub_pace_wait(&pace, now_ms, MIB);
    assert_in_range(now_ms, days_ms / 2, days_ms);
    assert_int_equal(scrub_rate(0, DAYS30_S), SCRUB_RATE_BYTES_MIN);
    assert_true(scrub_rate(UINT64_MAX, 0) > 0);
    assert_true(scrub_rate(UINT64_MAX, 1) > SCRUB_RATE_BYTES_MIN);
}

/* After an hour in which nothing could be read, no burst. */
static void lost_time_is_not_saved_up(void **state)
{
    struct scrub_pace pace = {.rate = MIB, .due_ms = 0};
    uint64_t now_ms = 3600000, begin_ms = now_ms;

    for (unsigned i = 0; i < 10; i++)
        now_ms += scrub_pace_wait(&pace, now_ms, MIB);
    assert_in_range(now_ms - begin_ms, 8000, 10000);
    pace.rate = 0; /* an order */
    assert_int_equal(scrub_pace_wait(&pace, now_ms, 100 * MIB), 0);
}

static void others_come_first_but_not_for_ever(void **state)
{
    struct scrub_pace pace = {.rate = MIB};
    unsigned yields = 0;
    uint64_t cold = 0;

    assert_int_equal(scrub_pace_yield(&pace, cold), 0); /* nobody reads */
    assert_int_equal(scrub_pace_yield(&pace, ++cold), SCRUB_YIELD_MS);
    assert_int_equal(scrub_pace_yield(&pace, cold), 0); /* he was the last */
    while (scrub_pace_yield(&pace, ++cold) > 0)
        yields++;
    assert_int_equal(yields, SCRUB_YIELDS_MAX);
    assert_int_equal(scrub_pace_yield(&pace, ++cold), SCRUB_YIELD_MS); /* before the next read */
}

/* ---- How far it came ---- */

static int open_folder(char dir[64])
{
    strcpy(dir, "/tmp/sluice-scrub-XXXXXX");
    assert_non_null(mkdtemp(dir));
    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    return fd;
}

static void close_folder(int fd, const char *dir)
{
    close(fd);
    tree_remove(dir);
}

static struct scrub_state some_state(void)
{
    struct scrub_state some = {
        .began_ms = 1234567890123, .units = 7, .bytes = MIB, .findings = 2, .ended_ms = 99};

    some.cursor =
        (struct meta_extent_cursor){.table = 1, .is_inside = true, .bucket = -5, .number = INT64_MAX};
    some.cursor.key_length = sizeof(some.cursor.key);
    memset(some.cursor.key, 0xfe, sizeof(some.cursor.key));
    some.cursor.id_length = 16;
    memset(some.cursor.id, 3, 16);
    return some;
}

static void the_state_is_kept(void **state)
{
    struct scrub_state some = some_state(), found;
    char dir[64];
    int fd = open_folder(dir);

    scrub_state_read(fd, &found);
    assert_int_equal(found.began_ms, 0);
    assert_int_equal(scrub_state_write(fd, &some), 0);
    scrub_state_read(fd, &found);
    assert_int_equal(found.began_ms, some.began_ms);
    assert_int_equal(found.ended_ms, 99);
    assert_int_equal(found.cursor.bucket, -5);
    assert_int_equal(found.cursor.number, INT64_MAX);
    assert_int_equal(found.cursor.key_length, some.cursor.key_length);
    assert_memory_equal(found.cursor.key, some.cursor.key, some.cursor.key_length);
    assert_int_equal(found.findings, 2);
    close_folder(fd, dir);
}

/* Each byte that is changed, each length that it may be cut to: no state, and no harm. */
static void a_damaged_state_is_none(void **state)
{
    struct scrub_state some = some_state(), found;
    unsigned char record[4096];
    char dir[64];
    int fd = open_folder(dir);

    some.cursor.key_length = 20;
    assert_int_equal(scrub_state_write(fd, &some), 0);
    int file = openat(fd, SCRUB_STATE_NAME, O_RDWR);
    ssize_t length = pread(file, record, sizeof(record), 0);
    assert_true(length > 0);
    for (ssize_t at = 0; at < length; at++) {
        unsigned char wrong = record[at] ^ 0x41;

        assert_int_equal(pwrite(file, &wrong, 1, at), 1);
        scrub_state_read(fd, &found);
        assert_int_equal(found.began_ms, 0);
        assert_int_equal(pwrite(file, &record[at], 1, at), 1);
    }
    for (ssize_t cut = length; cut-- > 0;) {
        assert_int_equal(ftruncate(file, cut), 0);
        scrub_state_read(fd, &found);
        assert_int_equal(found.began_ms, 0);
    }
    memset(record, 0xff, sizeof(record));
    assert_int_equal(pwrite(file, record, sizeof(record), 0), sizeof(record));
    scrub_state_read(fd, &found);
    assert_int_equal(found.began_ms, 0);
    close(file);
    close_folder(fd, dir);
}

/* ---- What it found ---- */

static struct core_finding a_finding(int64_t at_ms, uint64_t blob)
{
    return (struct core_finding){.at_ms = at_ms,
                                 .kind = "object",
                                 .bucket = "bucket",
                                 .key = "dir/a\\x09b",
                                 .version = "",
                                 .what = "its file is missing",
                                 .blob = blob,
                                 .offset = 4096,
                                 .length = 5};
}

static int count_one(void *ctx, const struct core_finding *finding)
{
    ++*(unsigned *)ctx;
    return 0;
}

static unsigned count_of(struct findings *findings)
{
    unsigned count = 0;

    assert_int_equal(findings_each(findings, count_one, &count), 0);
    return count;
}

static int is_the_one(void *ctx, const struct core_finding *finding)
{
    assert_int_equal(finding->at_ms, 30);
    assert_int_equal(finding->blob, 2);
    assert_int_equal(finding->offset, 4096);
    assert_string_equal(finding->key, "dir/a\\x09b");
    assert_string_equal(finding->version, "");
    assert_string_equal(finding->what, "its file is missing");
    return 0;
}

static void findings_are_kept(void **state)
{
    struct core_finding one = a_finding(10, 1), two = a_finding(20, 2);
    struct findings *findings;
    char dir[64];
    int fd = open_folder(dir);

    assert_non_null(findings = findings_open(fd));
    assert_true(findings_add(findings, &one) && findings_add(findings, &two));
    two.at_ms = 30;
    assert_true(findings_add(findings, &two)); /* the same once more */
    assert_int_equal(findings_count(findings), 2);
    one.at_ms = 11;
    one.is_mended = true;
    assert_true(findings_add(findings, &one));
    assert_int_equal(findings_count(findings), 1);
    findings_drop_before(findings, 20);
    assert_int_equal(findings_save(findings, fd), 0);
    findings_close(findings);
    assert_non_null(findings = findings_open(fd));
    assert_int_equal(count_of(findings), 1);
    assert_int_equal(findings_each(findings, is_the_one, NULL), 0);
    findings_close(findings);
    close_folder(fd, dir);
}

static void findings_are_bounded(void **state)
{
    struct findings *findings;
    char dir[64];
    int fd = open_folder(dir);

    assert_non_null(findings = findings_open(fd));
    for (unsigned i = 0; i < SCRUB_FINDINGS_MAX + 10; i++) {
        struct core_finding one = a_finding(i, i + 1);

        assert_true(findings_add(findings, &one));
    }
    assert_int_equal(count_of(findings), SCRUB_FINDINGS_MAX);
    findings_close(findings);
    close_folder(fd, dir);
}

/* Whoever has written the file: only lines that are whole and plain are shown. */
static void hostile_findings(void **state)
{
    static const char text[] = "10\tobject\t01\t2\t3\t0\t\tbucket\twhat\tkey\n"
                               "\n\t\t\t\n10\tobject\t01\t2\t3\t0\t\tbucket\twhat\n"
                               "10\tobject\t02\t2\t3\t0\t\tbucket\twhat\tkey\tmore\n"
                               "99999999999999999999\tobject\t03\t2\t3\t0\t\tbucket\twhat\tkey\n"
                               "10\tobject\t04\t-2\t3\t0\t\tbucket\twhat\tkey\n"
                               "10\tobject\t05\t2\t3\t0\t\tbucket\twhat\tk\033[2Jey\n"
                               "10\tobject\tzz\t2\t3\t0\t\tbucket\twhat\tkey\n"
                               "10\tobject\t06\t2\t3\t1\tv\tbucket\twhat\tlast";
    struct findings *findings;
    char dir[64];
    int fd = open_folder(dir);
    int file = openat(fd, FINDINGS_NAME, O_RDWR | O_CREAT, 0600);

    assert_int_equal(write(file, text, sizeof(text) - 1), sizeof(text) - 1);
    assert_non_null(findings = findings_open(fd));
    assert_int_equal(count_of(findings), 2);
    findings_close(findings);
    assert_int_equal(ftruncate(file, SCRUB_FINDINGS_BYTES + 1), 0); /* longer than it can be */
    assert_non_null(findings = findings_open(fd));
    assert_int_equal(count_of(findings), 0);
    findings_close(findings);
    close(file);
    close_folder(fd, dir);
}

/* ---- A round ---- */

static char path_found[512];

static int find_entry(const char *path, const struct stat *status, int type, struct FTW *at)
{
    if (type == FTW_F && status->st_size >= 100000 && !is_segment(path)) {
        unsigned char byte;
        int fd = open(path, O_RDWR);

        assert_int_equal(pread(fd, &byte, 1, 100), 1);
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, 100), 1);
        close(fd);
        strcpy(path_found, path);
    }
    return 0;
}

static int note_key(void *ctx, const struct core_finding *finding)
{
    strcat(ctx, finding->key);
    return 0;
}

/* "a" was read before the stop, "b" and "c" were not. */
static void a_round_goes_on_where_it_stopped(void **state)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    unsigned char *body = body_make(100000, 1);
    struct scrub_state stopped = {.began_ms = 1};
    struct core_scrub_figures figures;
    struct rig rig;
    char blobs[128], keys[64] = "";

    rig_begin(&rig, NULL);
    for (const char *key = "abc"; *key != '\0'; key++)
        assert_int_equal(rig_put(&rig, (char[]){*key, '\0'}, body, 100000, NO_CONDITION), 0);
    snprintf(blobs, sizeof(blobs), "%s/blobs", rig.dir);
    nftw(blobs, find_entry, 8, FTW_PHYS);
    stopped.cursor =
        (struct meta_extent_cursor){.is_inside = true, .bucket = rig.bucket, .key = "a", .key_length = 1};
    assert_int_equal(scrub_state_write(core_folder_fd(rig.core), &stopped), 0);
    rig_close(&rig);

    rig.options.scrub_days = 1;
    rig.options.lifecycle_day_s = 1;
    assert_int_equal(rig_open_again(&rig), 0);
    do {
        nanosleep(&pause, NULL);
        core_scrub_figures(rig.core, &figures);
    } while (figures.ended_ms == 0);
    assert_true(figures.is_on);
    rig_close(&rig); /* perhaps in the next round, which looks at "a" again */
    assert_int_equal(figures.ended_findings, 2);
    rig.options.scrub_days = 0;
    assert_int_equal(rig_open_again(&rig), 0);
    assert_int_equal(core_findings_each(rig.core, note_key, keys), 0);
    assert_true(strstr(keys, "b") != NULL && strstr(keys, "c") != NULL);
    rig_end(&rig);
    free(body);
}

static bool at_once(void *ctx)
{
    return true;
}

static void an_order_can_be_ended(void **state)
{
    struct core_scrub_run run = {.is_over = at_once};
    unsigned char *body = body_make(100000, 1);
    struct rig rig;

    rig_begin(&rig, NULL);
    assert_int_equal(rig_put(&rig, "a", body, 100000, NO_CONDITION), 0);
    assert_int_equal(core_scrub(rig.core, &run), -ECANCELED);
    run = (struct core_scrub_run){0};
    assert_int_equal(core_scrub(rig.core, &run), 0);
    assert_int_equal(run.bytes, 100000);
    assert_int_equal(run.units, 1);
    assert_int_equal(run.findings, 0);
    rig_end(&rig);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_round_takes_its_days),
        cmocka_unit_test(lost_time_is_not_saved_up),
        cmocka_unit_test(others_come_first_but_not_for_ever),
        cmocka_unit_test(the_state_is_kept),
        cmocka_unit_test(a_damaged_state_is_none),
        cmocka_unit_test(findings_are_kept),
        cmocka_unit_test(findings_are_bounded),
        cmocka_unit_test(hostile_findings),
        cmocka_unit_test(a_round_goes_on_where_it_stopped),
        cmocka_unit_test(an_order_can_be_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
