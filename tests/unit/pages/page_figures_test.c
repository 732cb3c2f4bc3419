/* SPDX-License-Identifier: MIT
 *
 * What the status page remembers, as long as there is room, and its charts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "api/pages/page_figures.h"
#include "api/pages/page_html.h"

static void the_latest_samples_stay(void **state)
{
    struct page_figures *figures = page_figures_create();
    static struct page_sample got[PAGES_SAMPLES];

    assert_int_equal(page_figures_samples(figures, got, PAGES_SAMPLES), 0);
    for (unsigned i = 0; i < PAGES_SAMPLES + 10; i++)
        page_figures_add(figures, &(struct page_sample){.time_ms = i, .requests = 2 * i});
    assert_int_equal(page_figures_samples(figures, got, PAGES_SAMPLES), PAGES_SAMPLES);
    assert_int_equal(got[0].time_ms, 10);
    assert_int_equal(got[PAGES_SAMPLES - 1].requests, 2 * (PAGES_SAMPLES + 9));
    assert_int_equal(page_figures_samples(figures, got, 2), 2);
    assert_int_equal(got[0].time_ms, PAGES_SAMPLES + 8);
    page_figures_destroy(figures);
}

static void the_latest_messages_stay(void **state)
{
    struct page_figures *figures = page_figures_create();
    static struct page_message got[PAGES_MESSAGES];
    char text[2 * PAGES_MESSAGE_BYTES];

    page_figures_note(figures, LOG_LEVEL_INFO, "nothing to remember");
    assert_int_equal(page_figures_messages(figures, got, PAGES_MESSAGES), 0);
    for (unsigned i = 0; i < PAGES_MESSAGES + 5; i++) {
        snprintf(text, sizeof(text), "message %u", i);
        page_figures_note(figures, i % 2 == 0 ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, text);
    }
    assert_int_equal(page_figures_messages(figures, got, PAGES_MESSAGES), PAGES_MESSAGES);
    assert_string_equal(got[0].text, "message 54");
    assert_int_equal(got[0].level, LOG_LEVEL_WARNING);
    assert_string_equal(got[PAGES_MESSAGES - 1].text, "message 5");
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    page_figures_note(figures, LOG_LEVEL_ERROR, text);
    assert_int_equal(page_figures_messages(figures, got, 1), 1);
    assert_int_equal(strlen(got[0].text), PAGES_MESSAGE_BYTES - 1);
    page_figures_destroy(figures);
}

static double chart(const double *values, unsigned count, const char *wanted)
{
    struct arena arena = {0};
    struct page_html html = {.arena = &arena};
    double most = page_chart_write(&html, values, count, 100, 50);

    if (wanted != NULL) {
        assert_int_equal(html.length, strlen(wanted));
        if (html.length > 0)
            assert_memory_equal(html.data, wanted, html.length);
    }
    assert_true(html.length < PAGES_CHART_POINTS * 12);
    arena_free(&arena);
    return most;
}

static void a_chart_goes_from_left_to_right(void **state)
{
    static const double values[] = {0, 10, 5}, zeros[] = {0, 0};
    static double many[PAGES_SAMPLES];

    assert_true(chart(values, 3, "M0 50L50 0L100 25") == 10);
    assert_true(chart(zeros, 2, "M0 50L100 50") == 0);
    assert_true(chart(values + 1, 1, "M0 0") == 10);
    assert_true(chart(NULL, 0, "") == 0);
    for (unsigned i = 0; i < PAGES_SAMPLES; i++)
        many[i] = i < PAGES_SAMPLES / 2 ? 7 : 1;
    assert_true(chart(many, PAGES_SAMPLES, NULL) == 7); /* means of what falls to a point */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_latest_samples_stay),
        cmocka_unit_test(the_latest_messages_stay),
        cmocka_unit_test(a_chart_goes_from_left_to_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
