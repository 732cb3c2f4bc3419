/* SPDX-License-Identifier: MIT
 *
 * The look at the log before it is used: what a crash leaves, in whatever order pages reach the disk, is never called damage; what no crash
 * can leave is. The logs are SQLite's own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metadata/sqlite/wal/wal_scan.h"

#define HEAD_BYTES 32
#define PAGE_BYTES (24 + 4096)

struct rig {
    char dir[64], db_path[96], log_path[96], copy_path[96];
    sqlite3 *db;
    uint32_t journal_page;
    uint64_t ends[64]; /* the last page of each commit */
    bool is_synced[64];
    unsigned commits;
};

static void run(struct rig *rig, const char *text)
{
    assert_int_equal(sqlite3_exec(rig->db, text, NULL, NULL, NULL), SQLITE_OK);
}

static uint64_t log_pages(const struct rig *rig)
{
    struct stat st;

    assert_int_equal(stat(rig->log_path, &st), 0);
    return st.st_size < HEAD_BYTES ? 0 : ((uint64_t)st.st_size - HEAD_BYTES) / PAGE_BYTES;
}

static void note_commit(struct rig *rig, bool is_synced)
{
    rig->ends[rig->commits] = log_pages(rig);
    rig->is_synced[rig->commits++] = is_synced;
}

/* Two tables and some pages each: one commit takes several. */
static void commit(struct rig *rig, bool is_synced)
{
    char text[256];

    snprintf(
        text, sizeof(text),
        "BEGIN; INSERT INTO a VALUES(randomblob(3000)); INSERT INTO b VALUES(randomblob(3000)); %s COMMIT",
        is_synced ? "" : "UPDATE journal SET applied = applied + 1;");
    run(rig, text);
    note_commit(rig, is_synced);
}

static int take_number(void *ctx, int count, char **values, char **names)
{
    *(uint32_t *)ctx = (uint32_t)strtoul(values[0], NULL, 10);
    return 0;
}

static void rig_begin(struct rig *rig)
{
    memset(rig, 0, sizeof(*rig));
    snprintf(rig->dir, sizeof(rig->dir), "/tmp/sluice-wal-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    snprintf(rig->db_path, sizeof(rig->db_path), "%s/db", rig->dir);
    snprintf(rig->log_path, sizeof(rig->log_path), "%s/db-wal", rig->dir);
    snprintf(rig->copy_path, sizeof(rig->copy_path), "%s/copy", rig->dir);
    assert_int_equal(sqlite3_open(rig->db_path, &rig->db), SQLITE_OK);
    run(rig, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;"
             "CREATE TABLE journal(applied INTEGER NOT NULL); INSERT INTO journal VALUES(0);"
             "CREATE TABLE a(x); CREATE TABLE b(x); PRAGMA wal_checkpoint(TRUNCATE)");
    assert_int_equal(sqlite3_exec(rig->db, "SELECT rootpage FROM sqlite_schema WHERE name = 'journal'",
                                  take_number, &rig->journal_page, NULL),
                     SQLITE_OK);
    assert_true(rig->journal_page > 0);
}

static void rig_end(struct rig *rig)
{
    char command[128];

    sqlite3_close(rig->db);
    snprintf(command, sizeof(command), "rm -r %s", rig->dir);
    assert_int_equal(system(command), 0);
}

/* ---- Copies of the log, and what is done to them ---- */

static void copy(const struct rig *rig)
{
    char command[256];

    snprintf(command, sizeof(command), "cp %s %s", rig->log_path, rig->copy_path);
    assert_int_equal(system(command), 0);
}

static off_t page_at(uint64_t page)
{
    return HEAD_BYTES + (off_t)(page - 1) * PAGE_BYTES;
}

static void flip(const struct rig *rig, off_t at)
{
    int fd = open(rig->copy_path, O_RDWR | O_CLOEXEC);
    unsigned char byte;

    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x20;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

/* As if it had never reached the disk. */
static void lose(const struct rig *rig, uint64_t page)
{
    static const unsigned char zeros[PAGE_BYTES];
    int fd = open(rig->copy_path, O_WRONLY | O_CLOEXEC);

    assert_int_equal(pwrite(fd, zeros, sizeof(zeros), page_at(page)), sizeof(zeros));
    close(fd);
}

static enum meta_tail look(const struct rig *rig, bool is_synced, struct wal_scan *scan)
{
    assert_int_equal(wal_scan(rig->copy_path, rig->journal_page, is_synced, scan), 0);
    return scan->tail;
}

static enum meta_tail tail(const struct rig *rig)
{
    struct wal_scan scan;

    return look(rig, true, &scan);
}

/* ---- Tests ---- */

static void whole(void **state)
{
    struct wal_scan scan;
    struct rig rig;

    rig_begin(&rig);
    assert_int_equal(look(&rig, true, &scan), META_TAIL_WHOLE); /* not there */
    for (unsigned i = 0; i < 6; ++i)
        commit(&rig, i % 2 == 0);
    copy(&rig);
    assert_int_equal(look(&rig, true, &scan), META_TAIL_WHOLE);
    assert_int_equal(scan.pages, log_pages(&rig));
    /* An empty file, and one that ends within its head, or within a page. */
    assert_int_equal(truncate(rig.copy_path, 0), 0);
    assert_int_equal(tail(&rig), META_TAIL_WHOLE);
    copy(&rig);
    assert_int_equal(truncate(rig.copy_path, 20), 0);
    assert_int_equal(tail(&rig), META_TAIL_WHOLE);
    copy(&rig);
    assert_int_equal(truncate(rig.copy_path, page_at(3) + 100), 0);
    assert_int_equal(tail(&rig), META_TAIL_WHOLE);
    rig_end(&rig);
}

/* What the log held before it began anew lies after its end. */
static void what_was_before_does_not_count(void **state)
{
    struct rig rig;

    rig_begin(&rig);
    for (unsigned i = 0; i < 8; ++i)
        commit(&rig, true);
    uint64_t before = log_pages(&rig);
    run(&rig, "PRAGMA wal_checkpoint(RESTART)");
    for (unsigned i = 0; i < 3; ++i)
        commit(&rig, true);
    assert_int_equal(log_pages(&rig), before);
    copy(&rig);
    assert_int_equal(tail(&rig), META_TAIL_WHOLE);
    flip(&rig, page_at(1) + 500);
    assert_int_equal(tail(&rig), META_TAIL_DAMAGED);
    rig_end(&rig);
}

/* A flipped bit in any place of a page that a whole synced commit and one more page come after. */
static void damage_before_a_synced_commit(void **state)
{
    const off_t places[] = {0, 3, 4, 8, 15, 16, 23, 24, 1000, PAGE_BYTES - 1};
    struct rig rig;

    rig_begin(&rig);
    for (unsigned i = 0; i < 7; ++i)
        commit(&rig, i != 3);
    for (uint64_t page = 1; page <= rig.ends[6]; ++page) {
        for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); ++i) {
            struct wal_scan scan;

            copy(&rig);
            flip(&rig, page_at(page) + places[i]);
            enum meta_tail found = look(&rig, true, &scan);
            assert_int_equal(scan.gap, page);
            /* The commit before the last is the proof for all before it, unless its beginning cannot be told. */
            if (page < rig.ends[4])
                assert_int_equal(found, META_TAIL_DAMAGED);
            else if (page <= rig.ends[5])
                assert_true(found >= META_TAIL_DOUBTFUL);
            assert_true(look(&rig, false, &scan) < META_TAIL_DAMAGED);
        }
    }
    for (off_t at = 0; at < HEAD_BYTES; ++at) {
        copy(&rig);
        flip(&rig, at);
        assert_int_equal(tail(&rig), META_TAIL_DAMAGED);
    }
    rig_end(&rig);
}

/* Where the head is damaged, the first page tells what log it is: that its commit was over shows in the page after it. */
static void a_first_commit_without_a_head(void **state)
{
    struct wal_scan scan;
    struct rig rig;

    rig_begin(&rig);
    run(&rig, "UPDATE journal SET applied = applied + 1");
    assert_int_equal(log_pages(&rig), 1);
    commit(&rig, true);
    assert_true(log_pages(&rig) > 2);
    copy(&rig);
    flip(&rig, 20);
    assert_int_equal(truncate(rig.copy_path, page_at(3)), 0); /* of the second commit its first page alone */
    assert_int_equal(look(&rig, true, &scan), META_TAIL_DOUBTFUL);
    rig_end(&rig);
}

/* The last commit: nobody can say whether it was over. */
static void damage_to_the_last_commit(void **state)
{
    struct rig rig;

    rig_begin(&rig);
    for (unsigned i = 0; i < 3; ++i)
        commit(&rig, true);
    for (uint64_t page = rig.ends[1] + 1; page <= rig.ends[2]; ++page) {
        copy(&rig);
        flip(&rig, page_at(page) + 777);
        assert_true(tail(&rig) == META_TAIL_TORN || tail(&rig) == META_TAIL_DOUBTFUL);
        lose(&rig, page);
        assert_true(tail(&rig) < META_TAIL_DAMAGED);
    }
    rig_end(&rig);
}

/* Of commits that were not synced any pages may be missing, whatever came later, up to a synced one in flight. */
static void pages_in_any_order(void **state)
{
    struct rig rig;

    rig_begin(&rig);
    commit(&rig, true);
    for (unsigned i = 0; i < 6; ++i)
        commit(&rig, false);
    commit(&rig, true);
    uint64_t first = rig.ends[0] + 1, count = rig.ends[7] - rig.ends[0];
    for (unsigned seed = 1; seed < 400; ++seed) {
        copy(&rig);
        srandom(seed);
        for (uint64_t i = 0; i < count; ++i)
            if (random() % (1 + seed % 7) == 0)
                lose(&rig, first + i);
        assert_true(tail(&rig) < META_TAIL_DAMAGED);
    }
    /* One that came whole, after a gap: told, and kept. */
    copy(&rig);
    lose(&rig, first);
    assert_int_equal(tail(&rig), META_TAIL_DOUBTFUL);
    rig_end(&rig);
}

/* A second life goes on where the first one's last pages are lost: what is left of those lies after its end, and fits. */
static void leftovers_of_another_life(void **state)
{
    for (unsigned lost = 0; lost < 4; ++lost) {
        struct rig rig;

        rig_begin(&rig);
        commit(&rig, true);
        for (unsigned i = 0; i < 5; ++i)
            commit(&rig, false);
        commit(&rig, true);
        copy(&rig);
        lose(&rig, rig.ends[lost] + 1); /* all later ones reached the disk, and the last sync was not over */
        /* SQLite itself goes on with that log. */
        sqlite3_db_config(rig.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        sqlite3_close(rig.db);
        assert_int_equal(rename(rig.copy_path, rig.log_path), 0);
        assert_int_equal(sqlite3_open(rig.db_path, &rig.db), SQLITE_OK);
        run(&rig, "PRAGMA wal_autocheckpoint = 0; INSERT INTO a VALUES(1)");
        copy(&rig);
        assert_true(tail(&rig) < META_TAIL_DAMAGED);
        run(&rig, "INSERT INTO a VALUES(1)");
        copy(&rig);
        assert_true(tail(&rig) < META_TAIL_DAMAGED);
        rig_end(&rig);
    }
}

static void no_log_that_can_be_read(void **state)
{
    struct wal_scan scan;
    struct rig rig;

    rig_begin(&rig);
    assert_int_equal(mkdir(rig.copy_path, 0700), 0);
    assert_true(wal_scan(rig.copy_path, rig.journal_page, true, &scan) < 0);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole),
        cmocka_unit_test(what_was_before_does_not_count),
        cmocka_unit_test(damage_before_a_synced_commit),
        cmocka_unit_test(a_first_commit_without_a_head),
        cmocka_unit_test(damage_to_the_last_commit),
        cmocka_unit_test(pages_in_any_order),
        cmocka_unit_test(leftovers_of_another_life),
        cmocka_unit_test(no_log_that_can_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
