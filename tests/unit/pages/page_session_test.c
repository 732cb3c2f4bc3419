/* SPDX-License-Identifier: MIT
 *
 * Sessions begin, are found, and end: by hand, by time, by number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "api/pages/limits.h"
#include "api/pages/page_session.h"

static struct page_sessions *sessions;

static struct s3_web_claim claim_of(const char *name)
{
    struct s3_web_claim claim = {.scheme = S3_WEB_BASIC};

    claim.name_length = strlen(name);
    memcpy(claim.name, name, claim.name_length);
    claim.digest[0] = (unsigned char)name[0];
    return claim;
}

struct text {
    char text[PAGE_SESSION_TEXT_BYTES + 1];
};

static struct text begin(const char *name, uint64_t now_s)
{
    struct s3_web_claim claim = claim_of(name);
    struct text made;

    assert_true(page_session_begin(sessions, &claim, now_s, made.text));
    assert_int_equal(strlen(made.text), PAGE_SESSION_TEXT_BYTES);
    return made;
}

static bool is_there(const struct text *text, uint64_t now_s)
{
    struct page_session session;

    return page_session_find(sessions, slice_text(text->text), now_s, &session);
}

static int make(void **state)
{
    sessions = page_sessions_create();
    return sessions != NULL ? 0 : -1;
}

static int destroy(void **state)
{
    page_sessions_destroy(sessions);
    return 0;
}

static void a_session_is_found(void **state)
{
    struct text text = begin("ADA", 100), other = begin("BOB", 100);
    struct page_session session, second;

    assert_string_not_equal(text.text, other.text);
    assert_true(page_session_find(sessions, slice_text(text.text), 101, &session));
    assert_true(page_session_find(sessions, slice_text(other.text), 101, &second));
    assert_memory_equal(session.claim.name, "ADA", 3);
    assert_int_equal(session.claim.digest[0], 'A');
    assert_int_equal(strlen(session.csrf), PAGE_CSRF_TEXT_BYTES);
    assert_string_not_equal(session.csrf, second.csrf);
    assert_int_equal(page_sessions_count(sessions), 2);
}

static void what_is_no_session_is_not_found(void **state)
{
    struct text text = begin("ADA", 100);
    struct page_session session;

    for (size_t i = 0; i < PAGE_SESSION_TEXT_BYTES; i++) {
        struct text wrong = text;

        wrong.text[i] = wrong.text[i] == '0' ? '1' : '0';
        assert_false(is_there(&wrong, 100));
        wrong.text[i] = 'g';
        assert_false(is_there(&wrong, 100));
    }
    assert_false(page_session_find(sessions, SLICE(""), 100, &session));
    assert_false(
        page_session_find(sessions, slice_of(text.text, PAGE_SESSION_TEXT_BYTES - 1), 100, &session));
    assert_true(is_there(&text, 100));
}

static void a_session_ends(void **state)
{
    struct text text = begin("ADA", 100), next;
    struct page_session session;

    assert_true(page_session_find(sessions, slice_text(text.text), 100, &session));
    page_session_end(sessions, &session);
    assert_false(is_there(&text, 100));
    next = begin("BOB", 100); /* in the same place: what ended before ends nothing of it */
    page_session_end(sessions, &session);
    assert_true(is_there(&next, 100));
}

static void time_ends_a_session(void **state)
{
    struct text idle = begin("ADA", 100), busy = begin("ADA", 100);
    uint64_t now = 100;

    for (; now < 100 + PAGES_SESSION_S; now += PAGES_SESSION_IDLE_S - 1)
        assert_true(is_there(&busy, now));
    assert_false(is_there(&busy, 100 + PAGES_SESSION_S));
    assert_false(is_there(&idle, 100 + 3 * PAGES_SESSION_IDLE_S));
}

static void a_key_has_so_many(void **state)
{
    struct text first = begin("BOB", 1), own[PAGES_SESSIONS_PER_KEY_MAX + 1];

    for (unsigned i = 0; i <= PAGES_SESSIONS_PER_KEY_MAX; i++)
        own[i] = begin("ADA", 10 + i);
    assert_false(is_there(&own[0], 100)); /* the oldest of its own */
    assert_true(is_there(&own[1], 100));
    assert_true(is_there(&own[PAGES_SESSIONS_PER_KEY_MAX], 100));
    assert_true(is_there(&first, 100));
}

static void all_keys_have_so_many(void **state)
{
    struct text first = begin("FIRST", 1), second = begin("SECOND", 2);
    char name[16];

    for (unsigned i = 0; i < PAGES_SESSIONS_MAX - 1; i++) {
        snprintf(name, sizeof(name), "KEY%u", i);
        begin(name, 10);
    }
    assert_false(is_there(&first, 11));
    assert_true(is_there(&second, 11));
    assert_int_equal(page_sessions_count(sessions), PAGES_SESSIONS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_session_is_found, make, destroy),
        cmocka_unit_test_setup_teardown(what_is_no_session_is_not_found, make, destroy),
        cmocka_unit_test_setup_teardown(a_session_ends, make, destroy),
        cmocka_unit_test_setup_teardown(time_ends_a_session, make, destroy),
        cmocka_unit_test_setup_teardown(a_key_has_so_many, make, destroy),
        cmocka_unit_test_setup_teardown(all_keys_have_so_many, make, destroy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
