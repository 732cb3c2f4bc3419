/* SPDX-License-Identifier: MIT
 *
 * Colours of logs, and what else terminals are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/pages/page_ansi.h"

static struct arena arena;

static void expect(struct slice text, const char *wanted)
{
    struct page_html html = {.arena = &arena};

    arena_reset(&arena);
    page_ansi_write(&html, text);
    assert_int_equal(html.length, strlen(wanted));
    if (html.length > 0)
        assert_memory_equal(html.data, wanted, html.length);
}

static void plain_text_stays(void **state)
{
    expect(SLICE(""), "");
    expect(SLICE("a <b>\n"), "a &lt;b&gt;\n");
}

static void colours_become_classes(void **state)
{
    expect(SLICE("\x1b[31mred\x1b[0m plain"), "<span class=\"f1 \">red</span> plain");
    expect(SLICE("\x1b[1;92;44mx\x1b[22;39my\x1b[mz"),
           "<span class=\"f10 b4 B \">x</span><span class=\"b4 \">y</span>z");
    expect(SLICE("\x1b[3m\x1b[4mx"), "<span class=\"I U \">x</span>");
    expect(SLICE("\x1b[7mx\x1b[27my"), "<span class=\"V \">x</span>y");
}

static void many_colours_become_sixteen(void **state)
{
    expect(SLICE("\x1b[38;5;196mx"), "<span class=\"f9 \">x</span>");
    expect(SLICE("\x1b[38;5;3mx"), "<span class=\"f3 \">x</span>");
    expect(SLICE("\x1b[38;2;0;130;0;1mx"), "<span class=\"f2 B \">x</span>");
    expect(SLICE("\x1b[48;5;232mx"), "<span class=\"b0 \">x</span>");
    expect(SLICE("\x1b[38;5;255mx"), "<span class=\"f15 \">x</span>");
    expect(SLICE("\x1b[38;5mx"), "x"); /* cut off */
}

static void other_sequences_go(void **state)
{
    expect(SLICE("a\x1b[2J\x1b[10;5Hb\x1b]0;title\ac\x1b]8;;http://x\x1b\\d\x1b(e"), "abcde");
    expect(SLICE("a\x1b"), "a");
    expect(SLICE("a\x1b["), "a");
    expect(SLICE("a\x1b[31"), "a");
    expect(SLICE("a\x1b]never ends\nb"), "a\nb");
}

static void numbers_are_bounded(void **state)
{
    expect(SLICE("\x1b[99999999999999999999999999mx"), "x");
    expect(SLICE("\x1b[;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;1mx"), "<span class=\"B \">x</span>");
}

static void lines_written_over_are_lines(void **state)
{
    expect(SLICE("1%\r2%\r\n3%\r"), "1%\n2%\n3%");
}

static int empty_arena(void **state)
{
    arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_stays),
        cmocka_unit_test(colours_become_classes),
        cmocka_unit_test(many_colours_become_sixteen),
        cmocka_unit_test(other_sequences_go),
        cmocka_unit_test(numbers_are_bounded),
        cmocka_unit_test(lines_written_over_are_lines),
    };

    return cmocka_run_group_tests(tests, NULL, empty_arena);
}
