/* SPDX-License-Identifier: MIT
 *
 * Lines of the log and their bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "storage/base/log.h"

struct heard {
    enum log_level level;
    char text[2 * LOG_SAY_BYTES];
    unsigned lines;
};

static void hear(void *ctx, enum log_level level, const char *message)
{
    struct heard *heard = ctx;

    heard->level = level;
    heard->lines++;
    strcpy(heard->text, message);
}

static void say(log_fn log, struct heard *heard, enum log_level level, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_say(log, heard, level, format, arguments);
    va_end(arguments);
}

static void test_says_a_line(void **state)
{
    char longer[LOG_SAY_BYTES + 100];
    struct heard heard = {0};

    say(hear, &heard, LOG_LEVEL_WARNING, "%d of %s", 3, "many");
    assert_int_equal(heard.level, LOG_LEVEL_WARNING);
    assert_string_equal(heard.text, "3 of many");
    memset(longer, 'x', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    say(hear, &heard, LOG_LEVEL_ERROR, "%s", longer);
    assert_int_equal(strlen(heard.text), LOG_SAY_BYTES - 1);
    say(NULL, &heard, LOG_LEVEL_ERROR, "%s", "to nobody");
    assert_int_equal(heard.lines, 2);
}

/* So that the clock is as far as the test wants it: time goes by in the limit's own past. */
static void pass(struct log_limit *limit, uint64_t milliseconds)
{
    limit->since_ms -= milliseconds;
}

#define HOUR_MS 3600000u

static void test_leaves_out_what_is_too_much(void **state)
{
    struct log_limit limit = {0};
    unsigned left_out = 77;

    for (unsigned i = 0; i < 3; i++) {
        assert_true(log_limit_admit(&limit, 3, HOUR_MS, &left_out));
        assert_int_equal(left_out, 0);
    }
    for (unsigned i = 0; i < 5; i++)
        assert_false(log_limit_admit(&limit, 3, HOUR_MS, &left_out));
    pass(&limit, HOUR_MS);
    assert_true(log_limit_admit(&limit, 3, HOUR_MS, &left_out));
    assert_int_equal(left_out, 5);
    assert_true(log_limit_admit(&limit, 3, HOUR_MS, &left_out)); /* and that is told once */
    assert_int_equal(left_out, 0);
}

static void test_a_quiet_time_forgets_nothing(void **state)
{
    struct log_limit limit = {0};
    unsigned left_out;

    assert_true(log_limit_admit(&limit, 1, HOUR_MS, &left_out));
    assert_false(log_limit_admit(&limit, 1, HOUR_MS, &left_out));
    pass(&limit, 5 * (uint64_t)HOUR_MS);
    assert_true(log_limit_admit(&limit, 1, HOUR_MS, &left_out));
    assert_int_equal(left_out, 1);
    assert_false(log_limit_admit(&limit, 1, HOUR_MS, &left_out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_says_a_line),
        cmocka_unit_test(test_leaves_out_what_is_too_much),
        cmocka_unit_test(test_a_quiet_time_forgets_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
