/* SPDX-License-Identifier: MIT
 *
 * The way of a path through folders and symbolic links: which folders it passes, which decide where it leads to, in which order, and
 * where it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/server/watch_way.h"

static char top[] = "/tmp/watch_way_test.XXXXXX";
static char visited[4096]; /* folders, a blank after each; those that are passed only in brackets */

static void note(void *ctx, const char *folder, bool decides)
{
    size_t length = strlen(visited);

    (void)ctx;
    snprintf(visited + length, sizeof(visited) - length, decides ? "%s " : "(%s) ", folder);
}

static void assert_way(const char *path, const char *folders, const char *where)
{
    char end[PATH_MAX];

    visited[0] = '\0';
    assert_int_equal(watch_way_walk(path, note, NULL, end), 0);
    assert_string_equal(visited, folders);
    assert_string_equal(end, where);
}

static int setup(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(top));
    assert_int_equal(chdir(top), 0);
    assert_int_equal(mkdir("archive", 0700) | mkdir("live", 0700) | mkdir("live/site", 0700), 0);
    assert_int_equal(symlink("../../archive/chain1.pem", "live/site/chain.pem"), 0);
    assert_int_equal(symlink("live/site", "current"), 0);
    assert_int_equal(symlink("/proc/../dev/null", "far"), 0);
    assert_int_equal(symlink("loop", "loop"), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)(unlink("live/site/chain.pem") | unlink("current") | unlink("far") | unlink("loop"));
    (void)(rmdir("live/site") | rmdir("live") | rmdir("archive"));
    return rmdir(top);
}

static void passes_plain_folders(void **state)
{
    (void)state;
    assert_way("file", ". ", "file");
    assert_way("archive/file", "(archive) archive ", "archive/file");
    assert_way("archive/./file", "(archive) (archive/.) archive/. ", "archive/./file");
    assert_way("live//site/file", "(live) (live/site) live/site ", "live/site/file");
    assert_way("/dev/null", "(/dev) /dev ", "/dev/null");
}

static void visits_the_folders_of_links(void **state)
{
    char path[PATH_MAX], folders[PATH_MAX], where[PATH_MAX];

    (void)state;
    assert_way("live//site/chain.pem",
               "(live) (live/site) live/site (live/site/..) (live/site/../..) (live/site/../../archive) "
               "live/site/../../archive ",
               "live/site/../../archive/chain1.pem");
    assert_way("current/chain.pem",
               ". (live) (live/site) live/site (live/site/..) (live/site/../..) (live/site/../../archive) "
               "live/site/../../archive ",
               "live/site/../../archive/chain1.pem");
    assert_way("current", ". (live) live ", "live/site");
    assert_way("far", ". (/proc) (/proc/..) (/proc/../dev) /proc/../dev ", "/proc/../dev/null");
    snprintf(path, sizeof(path), "%s/current/none.pem", top);
    snprintf(folders, sizeof(folders), "(/tmp) (%s) %s (%s/live) (%s/live/site) %s/live/site ", top, top, top,
             top, top);
    snprintf(where, sizeof(where), "%s/live/site/none.pem", top);
    assert_way(path, folders, where);
}

/* It must be seen when there is a folder again. */
static void a_missing_folder_is_awaited_where_it_would_be(void **state)
{
    (void)state;
    assert_way("none/file", ". ", "none");
    assert_way("live/none/deeper/file", "(live) live ", "live/none");
    assert_way("current/none/file", ". (live) (live/site) live/site ", "live/site/none");
    assert_way("current/chain.pem/file",
               ". (live) (live/site) live/site (live/site/..) (live/site/../..) (live/site/../../archive) "
               "live/site/../../archive ",
               "live/site/../../archive/chain1.pem");          /* which is not there */
    assert_way("/dev/null/file", "(/dev) /dev ", "/dev/null"); /* nor is it a folder */
}

/* The folder on the way is replaced at the moment it is visited. */
static void replace(void *ctx, const char *folder, bool decides)
{
    note(NULL, folder, decides);
    if (!decides && strcmp(folder, "swapped") == 0)
        assert_int_equal(rmdir("swapped") | symlink("archive", "swapped"), 0);
}

static void a_folder_that_becomes_a_link_meanwhile(void **state)
{
    char end[PATH_MAX];

    (void)state;
    assert_int_equal(mkdir("swapped", 0700), 0);
    visited[0] = '\0';
    assert_int_equal(watch_way_walk("swapped/file", replace, NULL, end), 0);
    assert_string_equal(visited, "(swapped) . (archive) archive ");
    assert_string_equal(end, "archive/file");
    assert_int_equal(unlink("swapped"), 0);
}

static void refuses_what_has_no_end(void **state)
{
    char end[PATH_MAX], path[PATH_MAX + 2];

    (void)state;
    assert_int_equal(watch_way_walk("loop/file", note, NULL, end), -ELOOP);
    assert_int_equal(watch_way_walk("loop", note, NULL, end), -ELOOP);
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(watch_way_walk(path, note, NULL, end), -ENAMETOOLONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_plain_folders),
        cmocka_unit_test(visits_the_folders_of_links),
        cmocka_unit_test(a_missing_folder_is_awaited_where_it_would_be),
        cmocka_unit_test(a_folder_that_becomes_a_link_meanwhile),
        cmocka_unit_test(refuses_what_has_no_end),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
