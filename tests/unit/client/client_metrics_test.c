/* SPDX-License-Identifier: MIT
 *
 * What a server's metrics say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/client/metrics.h"

static const char text[] = "# HELP a_total Things.\n"
                           "# TYPE a_total counter\n"
                           "a_total{op=\"get\",code=\"200\"} 3\r\n"
                           "a_total{code=\"500\",op=\"get\"} 4\n"
                           "a_total{op=\"put\"} 5e2\n"
                           "a_total_more 1000\n"
                           "a 7\n"
                           "a_total{op=\"broken\" 9\n"
                           "b NaNsense\n"
                           "a_total";

static void test_sums(void **state)
{
    struct slice all = slice_text(text);

    assert_true(client_metric_sum(all, "a_total", NULL, NULL) == 507.0);
    assert_true(client_metric_sum(all, "a_total", "op", "get") == 7.0);
    assert_true(client_metric_sum(all, "a_total", "code", "500") == 4.0);
    assert_true(client_metric_sum(all, "a_total", "op", "none") == 0.0);
    assert_true(client_metric_sum(all, "a", NULL, NULL) == 7.0);
    assert_true(client_metric_sum(all, "c", NULL, NULL) == 0.0);
    assert_true(client_metric_sum(SLICE(""), "a", NULL, NULL) == 0.0);
}

static void test_next(void **state)
{
    struct slice rest = slice_text(text), value;
    double number;

    assert_true(client_metric_next(&rest, "a_total", "op", &value, &number));
    assert_true(slice_is(value, "get") && number == 3.0);
    assert_true(client_metric_next(&rest, "a_total", "op", &value, &number));
    assert_true(client_metric_next(&rest, "a_total", "op", &value, &number));
    assert_true(slice_is(value, "put") && number == 500.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sums), cmocka_unit_test(test_next)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
