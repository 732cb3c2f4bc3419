/* SPDX-License-Identifier: MIT
 *
 * Slices, percent-encoding and base64. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "storage/base/text/base64.h"
#include "storage/base/text/percent.h"
#include "storage/base/slice.h"

static const struct slice absent = {NULL, 0};

static void test_equality(void **state)
{
    assert_true(slice_equals(SLICE("Host"), slice_text("Host")));
    assert_false(slice_equals(SLICE("Host"), SLICE("host")));
    assert_false(slice_equals(SLICE("Host"), SLICE("Hos")));
    assert_true(slice_equals(SLICE(""), absent));
    assert_true(slice_equals(SLICE("a\0b"), slice_of("a\0b", 3)));
    assert_false(slice_equals(SLICE("a\0b"), SLICE("a\0c")));
    assert_true(slice_equals_nocase(SLICE("Host-1"), SLICE("hOST-1")));
    assert_false(slice_equals_nocase(SLICE("[Host"), SLICE("{host"))); /* bit 0x20 apart, but no letters */
    assert_false(slice_equals_nocase(SLICE("Host"), SLICE("Host ")));

    assert_true(slice_is(SLICE("GET"), "GET"));
    assert_false(slice_is(SLICE("get"), "GET"));
    assert_false(slice_is(SLICE("GETS"), "GET"));
    assert_false(slice_is(SLICE("GE"), "GET"));
    assert_true(slice_is(SLICE(""), ""));
    assert_false(slice_is(absent, ""));
    assert_true(slice_is_nocase(SLICE("gEt"), "GET"));
    assert_false(slice_is_nocase(SLICE("gEts"), "GET"));
    assert_false(slice_is_nocase(SLICE("@"), "`"));
    assert_true(slice_is_empty(absent));
    assert_false(slice_is_empty(SLICE(" ")));
    assert_null(slice_text(NULL).base);
}

static void test_prefix(void **state)
{
    assert_true(slice_has_prefix(SLICE("x-amz-date"), "x-amz-"));
    assert_true(slice_has_prefix(SLICE("x-amz-"), "x-amz-"));
    assert_false(slice_has_prefix(SLICE("x-amz"), "x-amz-"));
    assert_false(slice_has_prefix(SLICE("X-amz-date"), "x-amz-"));
    assert_true(slice_has_prefix(SLICE("a"), ""));
    assert_false(slice_has_prefix(absent, ""));
    assert_true(slice_has_prefix_nocase(SLICE("X-Amz-Date"), "x-aMZ-"));
    assert_false(slice_has_prefix_nocase(SLICE("X-Am"), "x-amz-"));
    assert_false(slice_has_prefix_nocase(absent, ""));
    assert_true(slice_begins(SLICE("a\0b"), SLICE("a\0")));
    assert_false(slice_begins(SLICE("a\0b"), SLICE("a\0c")));
    assert_false(slice_begins(SLICE("a"), SLICE("ab")));
    assert_true(slice_begins(SLICE("a"), SLICE("a")));
    assert_true(slice_begins(absent, absent));
    assert_false(slice_begins(absent, SLICE("a")));
}

static void test_order(void **state)
{
    assert_true(slice_compare(SLICE("a"), SLICE("b")) < 0);
    assert_true(slice_compare(SLICE("b"), SLICE("a\xff")) > 0);
    assert_true(slice_compare(SLICE("a"), SLICE("a\0")) < 0);
    assert_true(slice_compare(SLICE("\x80"), SLICE("\x7f")) > 0);
    assert_true(slice_compare(SLICE(""), SLICE("a")) < 0);
    assert_int_equal(slice_compare(SLICE("a\0b"), SLICE("a\0b")), 0);
    assert_int_equal(slice_compare(SLICE(""), absent), 0);
}

static void test_cutting(void **state)
{
    struct slice list, item, text;

    assert_true(slice_is(slice_trim(SLICE(" \t a b\t ")), "a b"));
    assert_true(slice_is(slice_trim(SLICE(" \t ")), ""));
    assert_true(slice_is(slice_trim(SLICE("\n a\r")), "\n a\r"));
    assert_true(slice_is(slice_trim_any(SLICE("\n a\r"), " \r\n"), "a"));
    assert_int_equal(slice_trim_any(SLICE("a\0"), " ").len, 2); /* NUL is none of the characters */
    assert_true(slice_is(slice_from(SLICE("bytes=1"), 6), "1"));

    list = SLICE(" a ,, b c,\t, d");
    assert_true(slice_next_item(&list, &item) && slice_is(item, "a"));
    assert_true(slice_next_item(&list, &item) && slice_is(item, "b c"));
    assert_true(slice_next_item(&list, &item) && slice_is(item, "d"));
    assert_false(slice_next_item(&list, &item));
    list = absent;
    assert_false(slice_next_item(&list, &item));

    list = SLICE("a&&b=1&");
    assert_true(slice_next_part(&list, '&', &item) && slice_is(item, "a"));
    assert_true(slice_next_part(&list, '&', &item) && slice_is(item, ""));
    assert_true(slice_next_part(&list, '&', &item) && slice_is(item, "b=1"));
    assert_false(slice_next_part(&list, '&', &item));

    text = SLICE("key/20200101/us");
    assert_true(slice_is(slice_cut_last(&text, '/'), "us"));
    assert_true(slice_is(slice_cut_last(&text, '/'), "20200101"));
    assert_true(slice_is(text, "key"));
    assert_null(slice_cut_last(&text, '/').base);
    assert_true(slice_is(text, "key"));
    text = SLICE("key/");
    item = slice_cut_last(&text, '/');
    assert_true(item.base != NULL && item.len == 0);
}

static void check_base64(const char *data, const char *plain, const char *url)
{
    size_t length = strlen(data);
    char text[32], back[32];

    assert_int_equal(base64_encode(data, length, text), strlen(plain));
    assert_string_equal(text, plain);
    assert_int_equal(BASE64_ENCODED_BYTES(length), strlen(plain));
    assert_int_equal(base64_decoded_length(slice_text(plain)), length);
    assert_int_equal(base64_decode(slice_text(plain), back, length), 0);
    assert_memory_equal(back, data, length);
    assert_int_equal(base64url_encode(data, length, text), strlen(url));
    assert_string_equal(text, url);
    assert_int_equal(base64url_decode(slice_text(url), back), length);
    assert_memory_equal(back, data, length);
    assert_true(BASE64URL_DECODED_BYTES(strlen(url)) >= length);
}

static void test_base64(void **state)
{
    static const char *const bad[] = {
        "Zg=", "Zg", "Zh==", "Zm9=", "Z===", "====", "Zm9v=", "Zm 9", "-_-_", "Zg==Zg==", "=Zg="};
    static const char *const bad_url[] = {"Z", "Zh", "Zm9", "+/+/", "Zg==", "Zm 8"};
    char back[32];

    check_base64("", "", "");
    check_base64("f", "Zg==", "Zg");
    check_base64("fo", "Zm8=", "Zm8");
    check_base64("foo", "Zm9v", "Zm9v");
    check_base64("\xfb\xff\xfe", "+//+", "-__-");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        for (size_t length = 0; length < 7; length++)
            assert_int_equal(base64_decode(slice_text(bad[i]), back, length), -EINVAL);
    for (size_t i = 0; i < sizeof(bad_url) / sizeof(bad_url[0]); i++)
        assert_int_equal(base64url_decode(slice_text(bad_url[i]), back), -EINVAL);
    assert_int_equal(base64_decode(SLICE("Zm\09"), back, 3), -EINVAL);
    assert_int_equal(base64_decode(SLICE("Zm9v"), back, 2), -EINVAL);
    assert_int_equal(base64_decode(SLICE(""), back, 0), 0);
    assert_int_equal(base64_decoded_length(SLICE("Zm8")), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equality), cmocka_unit_test(test_prefix), cmocka_unit_test(test_order),
        cmocka_unit_test(test_cutting),  cmocka_unit_test(test_base64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
