/* SPDX-License-Identifier: MIT
 *
 * Names that regions may have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/s3/text/s3_region.h"

static void knows_names(void **state)
{
    static const char *const good[] = {"us-east-1",      "ap-southeast-5", "us-gov-west-1", "cn-north-1",
                                       "us-isob-east-1", "eusc-de-east-1", "xx-yy-12"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (!s3_region_is_possible(slice_text(good[i])))
            fail_msg("%s is not taken for a region", good[i]);
}

static void refuses_the_rest(void **state)
{
    static const char *const bad[] = {
        "",           "nowhere",     "us-1",       "us-east",     "us-east-",  "us-east-x",
        "us-east-1-", "us-east-123", "-us-east-1", "us--east-1",  "US-EAST-1", "us-east-1 ",
        "us-a-b-c-1", "us-east1",    "u-east-1",   "us-east-1-2", "us_east_1", "1-2-3"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (s3_region_is_possible(slice_text(bad[i])))
            fail_msg("%s is taken for a region", bad[i]);
    assert_false(s3_region_is_possible(slice_of(NULL, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_names),
        cmocka_unit_test(refuses_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
