/* SPDX-License-Identifier: MIT
 *
 * Which addresses may be served without a key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/server/address.h"

static void test_loopback(void **state)
{
    assert_true(address_is_loopback("127.0.0.1:9000"));
    assert_true(address_is_loopback("127.8.7.6:0"));
    assert_true(address_is_loopback("[::1]:9000"));
    assert_true(address_is_loopback("[::ffff:127.0.0.1]:9000"));
    assert_true(address_is_loopback("localhost:9000"));
    assert_true(address_is_loopback("unix:/run/sluice/sluice.sock"));
    assert_true(address_is_loopback("unix:relative"));
}

static void test_reachable(void **state)
{
    assert_false(address_is_loopback("0.0.0.0:9000"));
    assert_false(address_is_loopback("[::]:9000"));
    assert_false(address_is_loopback("192.168.1.1:9000"));
    assert_false(address_is_loopback("128.0.0.1:9000"));
    assert_false(address_is_loopback("[::ffff:10.0.0.1]:9000"));
    assert_false(address_is_loopback("[2001:db8::1]:9000"));
}

/* Names and what is not an address: never taken for loopback. */
static void test_not_understood(void **state)
{
    assert_false(address_is_loopback("localhost.example.org:9000"));
    assert_false(address_is_loopback("127.0.0.1.example.org:9000"));
    assert_false(address_is_loopback("127.1:9000"));
    assert_false(address_is_loopback("127.0.0.1"));
    assert_false(address_is_loopback(":9000"));
    assert_false(address_is_loopback("[]:9000"));
    assert_false(address_is_loopback(""));
    assert_false(address_is_loopback("[::1:9000"));
    assert_false(address_is_loopback("1111111111111111111111111111111111111111111111111111111111:1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loopback),
        cmocka_unit_test(test_reachable),
        cmocka_unit_test(test_not_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
