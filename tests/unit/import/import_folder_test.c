/* SPDX-License-Identifier: MIT
 *
 * Folders: what kind they are, and the walk over their keys. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/import/folder.h"

static char root[64];

static int setup(void **state)
{
    strcpy(root, "/tmp/sluice-folder-XXXXXX");
    return mkdtemp(root) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", root);
    return system(command);
}

/* Makes it, and the folders before it. */
static void put(const char *name, const char *text)
{
    char path[2048];
    FILE *stream;

    snprintf(path, sizeof(path), "%s/%s", root, name);
    for (char *at = strchr(path + strlen(root) + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        (void)mkdir(path, 0700);
        *at = '/';
    }
    assert_non_null(stream = fopen(path, "w"));
    fputs(text, stream);
    fclose(stream);
}

static void assert_kind(const char *format, int err, const char *words)
{
    char why[IMPORT_WHY_BYTES] = "";
    int folder;

    put(".minio.sys/format.json", format);
    folder = folder_open(root, why);
    if (err == 0) {
        assert_true(folder >= 0);
        close(folder);
        return;
    }
    assert_int_equal(folder, err);
    assert_non_null(strstr(why, words));
}

static void test_kinds(void **state)
{
    char why[IMPORT_WHY_BYTES];

    assert_int_equal(folder_open(root, why), -ENOENT);
    assert_int_equal(folder_open("/nowhere", why), -ENOENT);
    assert_kind("{\"format\":\"xl-single\",\"xl\":{\"version\":\"3\",\"sets\":[[\"a\"]]}}", 0, "");
    assert_kind("{\"format\":\"xl\",\"xl\":{\"version\":\"3\",\"sets\":[[\"a\",\"b\"],[\"c\"]]}}", -ENOTSUP,
                "one of 3 drives");
    assert_kind("{\"format\":\"xl-single\",\"xl\":{\"version\":\"4\",\"sets\":[[\"a\"]]}}", -ENOTSUP,
                "version 4");
    assert_kind("{\"format\":\"fs\"}", -ENOTSUP, "file system mode");
    assert_kind("{\"format\":7,\"xl\":[]}", -ENOTSUP, "not known");
    assert_kind("[]", -ENOTSUP, "not known");
    assert_kind("{", -EBADMSG, "damaged");
}

struct seen {
    char keys[4096], strays[4096];
};

static int on_key(void *ctx, const char *path, const char *key)
{
    struct seen *seen = ctx;

    snprintf(seen->keys + strlen(seen->keys), sizeof(seen->keys) - strlen(seen->keys), "[%s]", key);
    return 0;
}

static int on_stray(void *ctx, const char *path, const char *why)
{
    struct seen *seen = ctx;

    snprintf(seen->strays + strlen(seen->strays), sizeof(seen->strays) - strlen(seen->strays), "[%s: %s]",
             path, why);
    return 0;
}

static void assert_seen(const char *seen, const char *const *wanted, size_t count)
{
    size_t length = 0;

    for (size_t i = 0; i < count; i++) {
        assert_non_null(strstr(seen, wanted[i]));
        length += strlen(wanted[i]);
    }
    assert_int_equal(strlen(seen), length);
}

static void test_walk(void **state)
{
    static const char *const keys[] = {"[a]", "[a/b]", "[c/d/]", "[e__XLDIR__/f]", "[__XLDIR__]"};
    static const char *const strays[] = {"[link: it is neither a file nor a folder]",
                                         "[old/: it is of the form that MinIO had before 2020]"};
    struct seen seen = {"", ""};
    const struct folder_visitor visitor = {on_key, on_stray, &seen};
    char path[128];
    int folder;

    put("xl.meta", "of nothing");
    put("a/xl.meta", "");
    put("a/0123/part.1", "");
    put("a/b/xl.meta", "");
    put("c/d__XLDIR__/xl.meta", "");
    put("e__XLDIR__/f/xl.meta", "");
    put("__XLDIR__/xl.meta", "");
    put("old/xl.json", "");
    snprintf(path, sizeof(path), "%s/link", root);
    assert_int_equal(symlink("/", path), 0);
    folder = open(root, O_RDONLY | O_DIRECTORY);
    assert_int_equal(folder_walk(folder, &visitor), 0);
    assert_seen(seen.keys, keys, sizeof(keys) / sizeof(keys[0]));
    assert_seen(seen.strays, strays, sizeof(strays) / sizeof(strays[0]));
    close(folder);
}

/* Deeper than any key, and longer than any: named, and no end of the walk. */
static void test_walk_has_bounds(void **state)
{
    struct seen seen = {"", ""};
    const struct folder_visitor visitor = {on_key, on_stray, &seen};
    int folder = open(root, O_RDONLY | O_DIRECTORY), at = dup(folder);

    for (unsigned i = 0; i < FOLDER_DEPTH_MAX + 8; i++) {
        int next;

        assert_int_equal(mkdirat(at, "d", 0700), 0);
        next = openat(at, "d", O_RDONLY | O_DIRECTORY);
        assert_true(next >= 0);
        close(at);
        at = next;
    }
    close(at);
    assert_int_equal(folder_walk(folder, &visitor), 0);
    assert_non_null(strstr(seen.strays, "it lies deeper than any key"));
    assert_string_equal(seen.keys, "");
    close(folder);
}

static void test_read(void **state)
{
    struct slice bytes;
    int folder = open(root, O_RDONLY | O_DIRECTORY);

    put("file", "12345");
    assert_int_equal(folder_read(folder, "file", 5, &bytes), 0);
    assert_true(slice_is(bytes, "12345"));
    free((void *)bytes.base);
    assert_int_equal(folder_read(folder, "file", 4, &bytes), -EFBIG);
    assert_int_equal(folder_read(folder, ".", 4, &bytes), -EINVAL);
    assert_int_equal(folder_read(folder, "none", 4, &bytes), -ENOENT);
    assert_int_equal(symlinkat("file", folder, "link"), 0);
    assert_int_equal(folder_read(folder, "link", 5, &bytes), -ELOOP);
    assert_int_equal(mkfifoat(folder, "pipe", 0600), 0);
    assert_int_equal(folder_read(folder, "pipe", 5, &bytes), -EINVAL);
    close(folder);
}

#define test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {test(test_kinds), test(test_walk), test(test_walk_has_bounds),
                                       test(test_read)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
