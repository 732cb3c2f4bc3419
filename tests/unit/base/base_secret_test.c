/* SPDX-License-Identifier: MIT
 *
 * Secrets in files: one line, readable by few. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/base/secret_file.h"

static char path[] = "/tmp/sluice-secret-XXXXXX";

static void write_file(const char *bytes, size_t length, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_TRUNC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), (ssize_t)length);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void lines(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        int result;
        const char *text;
    } rows[] = {
        {"secret", 6, 0, "secret"},       {"secret\n", 7, 0, "secret"},   {"secret\r\n", 8, 0, "secret"},
        {"1234567", 7, 0, "1234567"},     {"1234567\n", 8, 0, "1234567"}, {"12345678", 8, -EMSGSIZE, ""},
        {"12345678\n", 9, -EMSGSIZE, ""}, {"", 0, -EBADMSG, ""},          {"\n", 1, -EBADMSG, ""},
        {"a\nb\n", 4, -EBADMSG, ""},      {"a\n\n", 3, -EBADMSG, ""},     {"a\0b", 3, -EBADMSG, ""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[8] = "before";

        write_file(rows[i].bytes, rows[i].length, 0600);
        assert_int_equal(secret_file_read(path, text, sizeof(text)), rows[i].result);
        assert_string_equal(text, rows[i].text);
    }
}

static void readers(void **state)
{
    static const struct {
        mode_t mode;
        enum secret_readers readers;
        int result;
    } rows[] = {
        {0600, SECRET_READERS_OWNER, 0},        {0400, SECRET_READERS_OWNER, 0},
        {0640, SECRET_READERS_GROUP, 0},        {0644, SECRET_READERS_ANYBODY, -EPERM},
        {0604, SECRET_READERS_ANYBODY, -EPERM}, {0622, SECRET_READERS_OWNER, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct stat status;
        char text[8];

        write_file("x", 1, 0600);
        assert_int_equal(chmod(path, rows[i].mode), 0);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(secret_file_readers(&status), rows[i].readers);
        assert_int_equal(secret_file_read(path, text, sizeof(text)), rows[i].result);
        assert_int_equal(chmod(path, 0600), 0);
    }
}

static void no_file(void **state)
{
    char text[8];

    assert_int_equal(secret_file_read("/nowhere/at/all", text, sizeof(text)), -ENOENT);
    assert_int_equal(secret_file_read("/tmp", text, sizeof(text)), -EISDIR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines), cmocka_unit_test(readers),
                                       cmocka_unit_test(no_file)};
    int fd = mkstemp(path), result;

    if (fd < 0)
        return 1;
    close(fd);
    result = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return result;
}
