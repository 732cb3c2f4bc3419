/* SPDX-License-Identifier: MIT
 *
 * RFC 2047's encoded words: what is read, what is left alone, and that everything comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/s3/text/s3_encoded_word.h"

static struct arena arena;

static void assert_text(struct slice got, const char *want)
{
    if (!slice_is(got, want))
        print_error("expected %s, got %.*s\n", want, (int)got.len, got.base != NULL ? got.base : "nothing");
    assert_true(slice_is(got, want));
}

static void test_read(void **state)
{
    static const char *const cases[][2] = {
        {"plain", "plain"},
        {"", ""},
        {"=?UTF-8?Q?caf=C3=A9?=", "caf\xc3\xa9"},
        {"=?utf-8?q?caf=c3=a9_au_lait?=", "caf\xc3\xa9 au lait"},
        {"=?UTF-8?B?Y2Fmw6k=?=", "caf\xc3\xa9"},
        {"=?ISO-8859-1?Q?caf=E9?=", "caf\xc3\xa9"},
        {"=?iso-8859-1?B?Y2Fm6Q==?=", "caf\xc3\xa9"},
        {"=?US-ASCII?Q?a=3Fb?=", "a?b"},
        {"=?UTF-8?Q?a?= =?UTF-8?Q?b?=", "ab"},
        {"=?UTF-8?Q?a?=  and  =?UTF-8?Q?b?=", "a  and  b"},
        {"before =?UTF-8?Q?=E6=97=A5?= after", "before \xe6\x97\xa5 after"},
        /* Not whole words. */
        {"a=?UTF-8?Q?b?=", "a=?UTF-8?Q?b?="},
        {"http://host/path?a=?b&c", "http://host/path?a=?b&c"},
        /* Malformed: as it came, all of it. */
        {"=?UTF-8?Q?good?= =?UTF-8?Q?bad=?=", "=?UTF-8?Q?good?= =?UTF-8?Q?bad=?="},
        {"=?UTF-8?Q?bad=4?=", "=?UTF-8?Q?bad=4?="},
        {"=?UTF-8?B?***?=", "=?UTF-8?B?***?="},
        {"=?UTF-8?B?Y2F?=", "=?UTF-8?B?Y2F?="},
        {"=?UTF-8?Q?open", "=?UTF-8?Q?open"},
        {"=?UTF-8?Q?"
         "?=",
         "=?UTF-8?Q?"
         "?="},
        {"=?KLINGON?Q?a?=", "=?KLINGON?Q?a?="},
        {"=?UTF-8?X?a?=", "=?UTF-8?X?a?="},
        /* What no header may say. */
        {"=?UTF-8?Q?a=0D=0AForged:_yes?=", "=?UTF-8?Q?a=0D=0AForged:_yes?="},
        {"=?UTF-8?Q?a=00b?=", "=?UTF-8?Q?a=00b?="},
        {"=?UTF-8?Q?=C3?=", "=?UTF-8?Q?=C3?="},
        {"=?UTF-8?B?/w==?=", "=?UTF-8?B?/w==?="},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_text(s3_encoded_words_read(&arena, slice_text(cases[i][0])), cases[i][1]);
}

static void test_write(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"plain text, \"quoted\"; a=?b", "plain text, \"quoted\"; a=?b"},
        {"caf\xc3\xa9", "=?UTF-8?Q?caf=C3=A9?="},
        {"a b_c=d?\xe6\x97\xa5", "=?UTF-8?Q?a_b=5Fc=3Dd=3F=E6=97=A5?="},
        {"=?UTF-8?Q?bad=?=", "=?UTF-8?Q?=3D=3FUTF-8=3FQ=3Fbad=3D=3F=3D?="},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_text(s3_encoded_words_write(&arena, slice_text(cases[i][0])), cases[i][1]);
    assert_null(s3_encoded_words_write(&arena, SLICE("caf\xe9")).base);
    assert_null(s3_encoded_words_write(&arena, SLICE("a\nb")).base);
    assert_null(s3_encoded_words_write(&arena, SLICE("a\0b")).base);
    assert_null(s3_encoded_words_write(&arena, SLICE("a\x7f")).base);
}

/* Whatever is a text comes back, in words that strict readers take. */
static void test_round_trip(void **state)
{
    static const char *const pieces[] = {
        "a",   " ", "=", "?", "_", "\xc3\xa9", "\xe6\x97\xa5", "\xf0\x9f\x98\x80", "=?UTF-8?Q?x?=",
        "?= ", "\t"};
    const size_t count = sizeof(pieces) / sizeof(pieces[0]);
    char text[1000];

    srand(1);
    for (unsigned run = 0; run < 2000; run++) {
        size_t length = 0;

        for (unsigned n = (unsigned)rand() % 60; n > 0; n--)
            length += (size_t)sprintf(text + length, "%s", pieces[(size_t)rand() % count]);
        struct slice written = s3_encoded_words_write(&arena, slice_of(text, length));

        assert_non_null(written.base);
        for (const char *at = written.base, *end = at + written.len; at != NULL && at < end;) {
            const char *blank = memchr(at, ' ', (size_t)(end - at));

            if (written.base != text)
                assert_in_range((blank != NULL ? blank : end) - at, 12, 75);
            at = blank != NULL ? blank + 1 : NULL;
        }
        assert_true(slice_equals(s3_encoded_words_read(&arena, written), slice_of(text, length)));
        arena_reset(&arena);
    }
}

static int setup(void **state)
{
    arena_init(&arena, NULL);
    return 0;
}

static int teardown(void **state)
{
    arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_round_trip),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
