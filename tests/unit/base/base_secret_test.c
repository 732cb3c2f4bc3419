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
        uid_t owner;
        int result;
    } rows[] = {
        {0600, 1234, 0},      {0400, 1234, 0},      {0622, 1234, 0},      {0640, 1234, -EPERM},
        {0644, 1234, -EPERM}, {0604, 1234, -EPERM}, {0440, 1234, -EPERM}, {0444, 1234, -EPERM},
        {0600, 0, 0},         {0400, 0, 0},         {0640, 0, 0},         {0440, 0, 0},
        {0644, 0, -EPERM},    {0604, 0, -EPERM},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct stat status = {.st_mode = S_IFREG | rows[i].mode, .st_uid = rows[i].owner};
        char text[8];

        assert_int_equal(secret_file_is_private(&status), rows[i].result == 0);
        if (rows[i].owner != 0 && geteuid() != 0)
            status.st_uid = geteuid(); /* as good as any other but root */
        else if (geteuid() != 0)
            continue;
        write_file("x", 1, 0600);
        assert_int_equal(chown(path, status.st_uid, (gid_t)-1), 0);
        assert_int_equal(chmod(path, rows[i].mode), 0);
        assert_int_equal(secret_file_read(path, text, sizeof(text)), rows[i].result);
        assert_int_equal(chmod(path, 0600), 0);
    }
    assert_int_equal(chown(path, geteuid(), (gid_t)-1), 0);
}

/* What is no file has no bytes that others could read. */
static void pipes(void **state)
{
    struct stat status = {.st_mode = S_IFIFO | 0666, .st_uid = 1234};

    assert_true(secret_file_is_private(&status));
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
                                       cmocka_unit_test(pipes), cmocka_unit_test(no_file)};
    int fd = mkstemp(path), result;

    if (fd < 0)
        return 1;
    close(fd);
    result = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return result;
}
