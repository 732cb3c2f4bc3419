/* SPDX-License-Identifier: MIT
 *
 * MessagePack: every kind of value that MinIO writes, and what is none, or says that it is longer than it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/import/msgpack.h"

#define OF(literal) msgpack_of(slice_of(literal, sizeof(literal) - 1))

static void test_numbers(void **state)
{
    struct msgpack cursor =
        OF("\x00\x7f\xff\xe0\xcc\xff\xcd\x01\x00\xce\x00\x01\x00\x00\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"
           "\xd0\x80\xd1\x80\x00\xd2\x80\x00\x00\x00\xd3\x80\x00\x00\x00\x00\x00\x00\x00");
    static const int64_t wanted[] = {0,     127,       -1,   -32,    255,           256,
                                     65536, INT64_MAX, -128, -32768, -2147483648LL, INT64_MIN};

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        assert_int_equal(msgpack_int(&cursor), wanted[i]);
    assert_false(cursor.is_bad);
    assert_ptr_equal(cursor.at, cursor.end);
    cursor = OF("\xcf\x80\x00\x00\x00\x00\x00\x00\x00");
    assert_int_equal(msgpack_int(&cursor), 0);
    assert_true(cursor.is_bad); /* more than fits */
}

static void test_texts_and_bytes(void **state)
{
    struct msgpack cursor = OF("\xa3"
                               "abc"
                               "\xd9\x02"
                               "de"
                               "\xda\x00\x01"
                               "f"
                               "\xdb\x00\x00\x00\x01"
                               "g"
                               "\xc4\x01"
                               "h"
                               "\xc5\x00\x01"
                               "i"
                               "\xc6\x00\x00\x00\x01"
                               "j"
                               "\xc0\xa0");
    static const char *const wanted[] = {"abc", "de", "f", "g", "h", "i", "j", "", ""};

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        assert_true(slice_is(msgpack_bytes(&cursor), wanted[i]));
    assert_false(cursor.is_bad);
    assert_ptr_equal(cursor.at, cursor.end);
}

static void test_lists_and_times(void **state)
{
    struct msgpack cursor = OF("\x81\x01\x02\xde\x00\x01\x01\x02\xdf\x00\x00\x00\x01\x01\x02\x91\x01\xdc\x00"
                               "\x01\x01\xdd\x00\x00\x00\x01\x01"
                               "\xc0\xc3\xc2\xc7\x0c\x05\x00\x00\x00\x00\x00\x00\x00\x02\x0b\xeb\xc2\x00"
                               "\xc7\x0c\x05\xff\xff\xff\xf1\x88\x6e\x09\x00\x00\x00\x00\x00");

    for (int i = 0; i < 3; i++) {
        assert_int_equal(msgpack_map(&cursor), 1);
        assert_int_equal(msgpack_int(&cursor), 1);
        assert_int_equal(msgpack_int(&cursor), 2);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(msgpack_array(&cursor), 1);
        assert_int_equal(msgpack_int(&cursor), 1);
    }
    assert_int_equal(msgpack_map(&cursor), 0); /* nil */
    assert_true(msgpack_bool(&cursor));
    assert_false(msgpack_bool(&cursor));
    assert_int_equal(msgpack_time_ms(&cursor), 2200);
    assert_int_equal(msgpack_time_ms(&cursor), 0); /* of the year 1 */
    assert_false(cursor.is_bad);
    assert_ptr_equal(cursor.at, cursor.end);
}

static void test_skip(void **state)
{
    static const char deep[] = "\x82\xa1"
                               "a"
                               "\x92\x01\x91\x91\xc4\x01"
                               "x"
                               "\xa1"
                               "b"
                               "\xc7\x01\x05\x00\x07";
    struct msgpack cursor = OF(deep);

    msgpack_skip(&cursor);
    assert_false(cursor.is_bad);
    assert_int_equal(msgpack_int(&cursor), 7);
    cursor = OF("\xca\x00\x00\x00\x00\xcb\x00\x00\x00\x00\x00\x00\x00\x00\xd4\x01\x00\xd8\x01"
                "0123456789abcdef"
                "\xcd\x00\x00\xd3"
                "12345678"
                "\x05");
    for (int i = 0; i < 6; i++)
        msgpack_skip(&cursor);
    assert_int_equal(msgpack_int(&cursor), 5);
    assert_false(cursor.is_bad);
}

/* A thousand lists within each other take no stack. */
static void test_skip_has_no_depth(void **state)
{
    unsigned char bytes[100001];
    struct msgpack cursor;

    memset(bytes, 0x91, sizeof(bytes) - 1);
    bytes[sizeof(bytes) - 1] = 1;
    cursor = msgpack_of(slice_of(bytes, sizeof(bytes)));
    msgpack_skip(&cursor);
    assert_false(cursor.is_bad);
    assert_ptr_equal(cursor.at, cursor.end);
}

static void test_hostile(void **state)
{
    static const struct slice bad[] = {SLICE(""),
                                       SLICE("\xc1"),
                                       SLICE("\xcd"),
                                       SLICE("\xa3"
                                             "ab"),
                                       SLICE("\xc6\xff\xff\xff\xff"),
                                       SLICE("\xdf\xff\xff\xff\xff"),
                                       SLICE("\xdd\xff\xff\xff\xff\x01"),
                                       SLICE("\x8f\x01\x02"),
                                       SLICE("\xc9\xff\xff\xff\xff\x01"),
                                       SLICE("\xd8\x01\x02"),
                                       SLICE("\xdc\x00\x03\xdc\x00\x02\x01\x01\x01"),
                                       SLICE("\xcb\x00")};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct msgpack cursor = msgpack_of(bad[i]);

        msgpack_skip(&cursor);
        assert_true(cursor.is_bad);
        assert_ptr_equal(cursor.at, cursor.end);
        /* And all that comes after is empty. */
        assert_int_equal(msgpack_map(&cursor) + msgpack_array(&cursor), 0);
        assert_int_equal(msgpack_bytes(&cursor).len, 0);
        assert_int_equal(msgpack_int(&cursor), 0);
    }
    struct msgpack wrong = OF("\x01");
    assert_int_equal(msgpack_bytes(&wrong).len, 0);
    assert_true(wrong.is_bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),           cmocka_unit_test(test_texts_and_bytes),
        cmocka_unit_test(test_lists_and_times),   cmocka_unit_test(test_skip),
        cmocka_unit_test(test_skip_has_no_depth), cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
