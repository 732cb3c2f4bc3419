/* SPDX-License-Identifier: MIT
 *
 * Cookies, forms, and where one may be sent back to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/pages/page_form.h"

static void cookies_are_found(void **state)
{
    assert_true(slice_is(page_cookie_find(SLICE("s=1"), "s"), "1"));
    assert_true(slice_is(page_cookie_find(SLICE("a=b; s=1; t=2"), "s"), "1"));
    assert_true(slice_is(page_cookie_find(SLICE("a=b;s=1=2 ;t"), "s"), "1=2"));
    assert_true(slice_is(page_cookie_find(SLICE("s="), "s"), ""));
    assert_null(page_cookie_find(SLICE("ss=1; xs=2; s"), "s").base);
    assert_null(page_cookie_find(SLICE(""), "s").base);
    assert_null(page_cookie_find(slice_of(NULL, 0), "s").base);
}

static void two_cookies_are_none(void **state)
{
    assert_null(page_cookie_find(SLICE("s=1; s=2"), "s").base);
}

static void forms_are_decoded(void **state)
{
    struct arena arena = {0};
    struct page_form form;

    assert_true(page_form_read(&form, &arena, SLICE("key=a%2Bb&&secret=x+y%3D&empty=&bare")));
    assert_int_equal(form.count, 4);
    assert_true(slice_is(page_form_value(&form, "key"), "a+b"));
    assert_true(slice_is(page_form_value(&form, "secret"), "x y="));
    assert_true(slice_is(page_form_value(&form, "empty"), ""));
    assert_true(slice_is(page_form_value(&form, "bare"), ""));
    assert_null(page_form_value(&form, "none").base);
    assert_true(page_form_read(&form, &arena, SLICE("")));
    assert_int_equal(form.count, 0);
    arena_free(&arena);
}

static void bad_forms_are_refused(void **state)
{
    struct arena arena = {0};
    struct page_form form;

    assert_false(page_form_read(&form, &arena, SLICE("key=%")));
    assert_false(page_form_read(&form, &arena, SLICE("key=%00")));
    assert_false(page_form_read(&form, &arena, SLICE("%zz=1")));
    assert_true(page_form_read(&form, &arena, SLICE("1&2&3&4&5&6&7&8")));
    assert_false(page_form_read(&form, &arena, SLICE("1&2&3&4&5&6&7&8&9")));
    arena_free(&arena);
}

static void one_goes_on_here_alone(void **state)
{
    static const char *const elsewhere[] = {"",
                                            "/",
                                            "//evil.example/",
                                            "https://evil.example/-/ui/",
                                            "/bucket/page.html",
                                            "/-/uix",
                                            "/-/ui/a\r\nset-cookie: x",
                                            "/-/ui/a b",
                                            "/-/ui/\\evil.example",
                                            "/-/ui/\xc3\xa9"};

    assert_true(page_next_is_own(SLICE("/-/ui/")));
    assert_true(page_next_is_own(SLICE("/-/ui/b/bucket/a%20b/?q=x&sort=size")));
    for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
        assert_false(page_next_is_own(slice_text(elsewhere[i])));
    assert_false(page_next_is_own(slice_of(NULL, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cookies_are_found),      cmocka_unit_test(two_cookies_are_none),
        cmocka_unit_test(forms_are_decoded),      cmocka_unit_test(bad_forms_are_refused),
        cmocka_unit_test(one_goes_on_here_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
