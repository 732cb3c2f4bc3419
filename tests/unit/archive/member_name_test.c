/* SPDX-License-Identifier: MIT
 *
 * Which names members may have. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/archive/member_name.h"

static int clean(const char *raw, const char *wanted)
{
    struct slice name;
    int err = member_name_clean(slice_text(raw), &name);

    if (err == 0 && wanted != NULL)
        assert_true(slice_is(name, wanted));
    return err;
}

static void test_good(void **state)
{
    static const char *const names[] = {"a",    "a/b",   "a/",     ".a",   "..a",
                                        "a..",  "a/...", "a..b/c", "ab:c", "\xc3\xa4/\xe2\x82\xac",
                                        "a//b", "a/./b"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(clean(names[i], names[i]), 0);
    assert_int_equal(clean("./a", "a"), 0);
    assert_int_equal(clean("././a/b", "a/b"), 0);
}

static void test_leading_elsewhere(void **state)
{
    static const char *const names[] = {"/a",       "../a",  "a/../b", "a/..",  "..",   "\\a",   "..\\a",
                                        "a\\..\\b", "a\\..", "C:a",    "c:\\a", ".//a", "./../a"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(clean(names[i], NULL), -EPERM);
}

static void test_no_names(void **state)
{
    char long_name[KEY_BYTES_MAX + 2];
    struct slice name;

    assert_int_equal(clean("", NULL), -EINVAL);
    assert_int_equal(clean("./", NULL), -EINVAL);
    assert_int_equal(clean(".", NULL), -EINVAL);
    assert_int_equal(clean("\xff\xfe", NULL), -EINVAL);
    assert_int_equal(member_name_clean(SLICE("a\0b"), &name), -EINVAL);
    memset(long_name, 'x', sizeof(long_name));
    assert_int_equal(member_name_clean(slice_of(long_name, KEY_BYTES_MAX), &name), 0);
    assert_int_equal(member_name_clean(slice_of(long_name, KEY_BYTES_MAX + 1), &name), -EINVAL);
}

static void test_cp437(void **state)
{
    char text[3 * 8];
    size_t length = member_name_of_cp437(SLICE("B\x84r\x9e\xff"), text);

    assert_true(slice_equals(slice_of(text, length), SLICE("B\xc3\xa4r\xe2\x82\xa7\xc2\xa0")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_leading_elsewhere),
        cmocka_unit_test(test_no_names),
        cmocka_unit_test(test_cp437),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
