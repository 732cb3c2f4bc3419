/* SPDX-License-Identifier: MIT
 *
 * How far, how fast, how long still. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/client/progress.h"

static void expect_bytes(uint64_t bytes, const char *want)
{
    char text[CLIENT_AMOUNT_BYTES];

    client_format_bytes(bytes, text);
    assert_string_equal(text, want);
}

static void expect_seconds(uint64_t seconds, const char *want)
{
    char text[CLIENT_DURATION_BYTES];

    client_format_seconds(seconds, text);
    assert_string_equal(text, want);
}

static void test_words(void **state)
{
    expect_bytes(0, "0 B");
    expect_bytes(999, "999 B");
    expect_bytes(1000, "1.0 KiB");
    expect_bytes(1024, "1.0 KiB");
    expect_bytes(1536, "1.5 KiB");
    expect_bytes(100 * 1024 + 512, "100 KiB");
    expect_bytes(1u << 20, "1.0 MiB");
    expect_bytes(5ull << 40, "5.0 TiB");
    expect_bytes(UINT64_MAX, "16.0 EiB");
    expect_seconds(0, "0 s");
    expect_seconds(59, "59 s");
    expect_seconds(60, "1:00");
    expect_seconds(3599, "59:59");
    expect_seconds(7209, "2:00:09");
    expect_seconds(UINT64_MAX, "");
}

static void test_rate(void **state)
{
    struct client_meter meter = {0};

    assert_true(client_meter_left_s(&meter, 1000) == UINT64_MAX);
    assert_int_equal(client_meter_left_s(&meter, 0), 0);
    client_meter_update(&meter, 0, 5000);
    assert_false(meter.has_rate);
    client_meter_update(&meter, 1000, 6000);
    assert_true(meter.rate == 1000.0);
    assert_int_equal(client_meter_left_s(&meter, 10000), 10);
    client_meter_update(&meter, 1000, 6000); /* no time has passed */
    assert_true(meter.rate == 1000.0);
    for (unsigned i = 1; i <= 20; i++) /* it stands still: the rate is soon near nothing */
        client_meter_update(&meter, 1000, 6000 + i * 1000);
    assert_true(meter.rate < 1.0);
    assert_true(client_meter_left_s(&meter, 10000) == UINT64_MAX);
    client_meter_update(&meter, 500, 30000); /* what comes again is no negative rate */
    assert_true(meter.rate >= 0.0);
    for (unsigned i = 1; i <= 40; i++)
        client_meter_update(&meter, 500 + (uint64_t)i * 2000, 30000 + i * 1000);
    assert_true(meter.rate > 1990.0 && meter.rate <= 2000.0);
}

static void test_line(void **state)
{
    struct client_counts counts = {
        .bytes_done = 1u << 20, .bytes_all = 4u << 20, .items_done = 1, .items_all = 3, .is_all_known = true};
    struct client_meter meter = {.rate = 1 << 20, .has_rate = true};
    char line[160];

    client_progress_line(&counts, &meter, line, sizeof(line));
    assert_string_equal(line, " 25 %  1.0 MiB of 4.0 MiB  1 of 3  1.0 MiB/s  3 s left");
    counts.is_all_known = false;
    client_progress_line(&counts, &meter, line, sizeof(line));
    assert_string_equal(line, "1.0 MiB  1 of 3 or more  1.0 MiB/s");
    counts =
        (struct client_counts){.bytes_done = 9, .bytes_all = 5, .is_all_known = true}; /* a file that grew */
    client_progress_line(&counts, &meter, line, sizeof(line));
    assert_non_null(strstr(line, "100 %"));
    counts = (struct client_counts){.is_all_known = true};
    client_progress_line(&counts, &(struct client_meter){0}, line, sizeof(line));
    assert_non_null(strstr(line, "  0 %  0 B of 0 B"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words), cmocka_unit_test(test_rate),
                                       cmocka_unit_test(test_line)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
