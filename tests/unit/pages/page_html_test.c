/* SPDX-License-Identifier: MIT
 *
 * No text becomes markup, no key another path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/pages/page_html.h"

static struct arena arena;

static struct page_html fresh(void)
{
    arena_reset(&arena);
    return (struct page_html){.arena = &arena};
}

static void expect(const struct page_html *html, const char *text)
{
    assert_int_equal(html->length, strlen(text));
    assert_memory_equal(html->data, text, html->length);
}

static void text_is_escaped(void **state)
{
    struct page_html html = fresh();

    page_html_text(&html, SLICE("<script a=\"b\" c='d'>&amp;</script>"));
    expect(&html, "&lt;script a=&quot;b&quot; c=&#39;d&#39;&gt;&amp;amp;&lt;/script&gt;");
}

static void control_characters_are_replaced(void **state)
{
    struct page_html html = fresh();

    page_html_text(&html, SLICE("a\x01\x1b[2Jb\tc\nd\x7f"));
    expect(&html, "a\xef\xbf\xbd\xef\xbf\xbd[2Jb\tc\nd\xef\xbf\xbd");
}

/* "invoice-\u202Efdp.exe" would show as "invoice-exe.pdf". */
static void direction_is_not_turned(void **state)
{
    struct page_html html = fresh();

    page_html_text(&html, SLICE("a\xe2\x80\xae"
                                "b\xe2\x81\xa6\xe2\x80\x8f\xe2\x80\x93"));
    expect(&html, "a\xef\xbf\xbd"
                  "b\xef\xbf\xbd\xef\xbf\xbd\xe2\x80\x93");
}

static void empty_texts_write_nothing(void **state)
{
    struct page_html html = fresh();

    page_html_text(&html, slice_of(NULL, 0));
    page_html_text(&html, SLICE(""));
    assert_int_equal(html.length, 0);
}

static void links_are_encoded(void **state)
{
    struct page_html html = fresh();
    bool has_query = page_html_link(&html, "o", SLICE("bucket"), SLICE("a b/\"><x>/\xc3\xa9?#&%"));

    assert_false(has_query);
    page_html_parameter(&html, &has_query, "q", SLICE("x&y='"));
    page_html_parameter(&html, &has_query, "sort", SLICE("size"));
    expect(&html, "/-/ui/o/bucket/a%20b/%22%3E%3Cx%3E/%C3%A9%3F%23%26%25?q=x%26y%3D%27&amp;sort=size");
}

static void dots_are_no_path(void **state)
{
    static const char *const kept[] = {"", "a", "a/b", "a//b/", "...", ".a/b.", "a/..b"};
    static const char *const changed[] = {".", "..", "a/../b", "../", "a/.", "./a"};
    struct page_html html = fresh();
    bool has_query;

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        assert_true(page_path_is_kept(slice_text(kept[i])));
    for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++)
        assert_false(page_path_is_kept(slice_text(changed[i])));
    has_query = page_html_link(&html, "raw", SLICE("bucket"), SLICE("../../sign-out"));
    assert_true(has_query);
    page_html_parameter(&html, &has_query, "versionId", SLICE("1"));
    expect(&html, "/-/ui/raw/bucket/?at=..%2F..%2Fsign-out&amp;versionId=1");
}

static void sizes_are_short(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},
        {1023, "1023 B"},
        {1024, "1.0 KiB"},
        {102348, "99.9 KiB"},
        {102400, "100 KiB"},
        {1048575, "1.0 MiB"},
        {1536ull << 20, "1.5 GiB"},
        {5ull << 40, "5.0 TiB"},
        {UINT64_MAX, "16.0 EiB"},
    };
    char text[PAGE_SIZE_TEXT_BYTES];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        page_size_format(cases[i].bytes, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void times_are_told_twice(void **state)
{
    struct page_html html = fresh();

    page_html_time(&html, 1793541600000);
    expect(&html, "<time datetime=\"2026-11-01T14:00:00Z\">2026-11-01 14:00</time>");
}

static int empty_arena(void **state)
{
    arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_escaped),         cmocka_unit_test(control_characters_are_replaced),
        cmocka_unit_test(direction_is_not_turned), cmocka_unit_test(empty_texts_write_nothing),
        cmocka_unit_test(links_are_encoded),       cmocka_unit_test(dots_are_no_path),
        cmocka_unit_test(sizes_are_short),         cmocka_unit_test(times_are_told_twice),
    };

    return cmocka_run_group_tests(tests, NULL, empty_arena);
}
