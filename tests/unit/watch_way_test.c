/* SPDX-License-Identifier: MIT
 *
 * The way of a path through symbolic links: which folders decide where it leads to, in which order, and where it ends. */
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
static char visited[4096]; /* folders, a blank behind each */

static void note(void *ctx, const char *folder)
{
    size_t length = strlen(visited);

    (void)ctx;
    snprintf(visited + length, sizeof(visited) - length, "%s ", folder);
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

static void visits_the_folders_of_links(void **state)
{
    char path[PATH_MAX], folders[PATH_MAX], where[PATH_MAX];

    (void)state;
    assert_way("file", ". ", "file");
    assert_way("archive/./file", "archive/. ", "archive/./file");
    assert_way("live//site/chain.pem", "live/site live/site/../../archive ",
               "live/site/../../archive/chain1.pem");
    assert_way("current/chain.pem", ". live/site live/site/../../archive ",
               "live/site/../../archive/chain1.pem");
    assert_way("current", ". live ", "live/site");
    assert_way("far", ". /proc/../dev ", "/proc/../dev/null");
    snprintf(path, sizeof(path), "%s/current/none.pem", top);
    snprintf(folders, sizeof(folders), "%s %s/live/site ", top, top);
    snprintf(where, sizeof(where), "%s/live/site/none.pem", top);
    assert_way(path, folders, where);
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
        cmocka_unit_test(visits_the_folders_of_links),
        cmocka_unit_test(refuses_what_has_no_end),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
