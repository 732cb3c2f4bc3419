/* SPDX-License-Identifier: MIT
 *
 * Names that annotations may have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/text/s3_annotation_name.h"

static void knows_names(void **state)
{
    static const char *const good[] = {"x",
                                       "ml.label",
                                       "a-b_c.d",
                                       "-",
                                       ".",
                                       "_",
                                       "0",
                                       "AW",
                                       "S",
                                       "x-aws",
                                       "as3",
                                       "donn\u00e9es",
                                       "\u540d\u524d",
                                       "\u0939\u093f\u0928\u094d\u0926\u0940",
                                       "\u00b2",
                                       "\u00aa",
                                       "\u216b",
                                       "\uff21",
                                       "\U00020000",
                                       "\u2460",
                                       "\u0660"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (s3_annotation_name_check(slice_text(good[i])) != S3_ERROR_NONE)
            fail_msg("%s is not taken for a name", good[i]);
}

static void refuses_the_rest(void **state)
{
    static const char *const bad[] = {"aws",    "AWS-x",  "aWsome",       "s3",         "S3x",    " ",
                                      "a b",    "a/b",    "a:b",          "a@b",        "a\nb",   "a\x7f",
                                      "a\x80",  "\xc3",   "\xed\xa0\x80", "\u00d7",     "\u00a0", "\u2014",
                                      "\u2028", "\u3000", "\u20ac",       "\U0001f408", "\ue000", "\ufeff",
                                      "\uff0f", "\u00ab", "a\u200bb"};
    char large[513];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (s3_annotation_name_check(slice_text(bad[i])) != S3_ERROR_INVALID_ANNOTATION_NAME)
            fail_msg("%s is taken for a name", bad[i]);
    assert_int_equal(s3_annotation_name_check(slice_of("a\0b", 3)), S3_ERROR_INVALID_ANNOTATION_NAME);
    assert_int_equal(s3_annotation_name_check(slice_text("")), S3_ERROR_USER_ANNOTATION_NAME_MISSING);
    assert_int_equal(s3_annotation_name_check(slice_of(NULL, 0)), S3_ERROR_USER_ANNOTATION_NAME_MISSING);
    memset(large, 'n', sizeof(large));
    assert_int_equal(s3_annotation_name_check(slice_of(large, 512)), S3_ERROR_NONE);
    assert_int_equal(s3_annotation_name_check(slice_of(large, 513)), S3_ERROR_ANNOTATION_NAME_TOO_LONG);
    assert_true(s3_annotation_prefix_is_valid(slice_of(large, 512)));
    assert_false(s3_annotation_prefix_is_valid(slice_of(large, 513)));
}

static void knows_prefixes(void **state)
{
    assert_true(s3_annotation_prefix_is_valid(slice_of(NULL, 0)));
    assert_true(s3_annotation_prefix_is_valid(slice_text("aws"))); /* of no name, but that is no mistake */
    assert_true(s3_annotation_prefix_is_valid(slice_text("ml.")));
    assert_false(s3_annotation_prefix_is_valid(slice_text("a b")));
    assert_false(s3_annotation_prefix_is_valid(slice_text("\xc3")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_names),
        cmocka_unit_test(refuses_the_rest),
        cmocka_unit_test(knows_prefixes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
