/* SPDX-License-Identifier: MIT
 *
 * Arenas: what they hand out, keep, give back and call. */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "storage/base/arena.h"

static char called[16];

static void on_clear(void *memory)
{
    strncat(called, memory, 1);
}

static void check_pieces(struct arena *arena)
{
    unsigned char *pieces[300];

    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < 300; i++) {
            pieces[i] = arena_alloc(arena, i * 7);
            assert_non_null(pieces[i]);
            assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
            memset(pieces[i], (int)i, i * 7);
        }
        for (size_t i = 0; i < 300; i++)
            for (size_t at = 0; at < i * 7; at++)
                assert_int_equal(pieces[i][at], (unsigned char)i);
        arena_reset(arena);
    }
}

static void test_pieces(void **state)
{
    struct arena_stock stock = {0};
    struct arena plain = {0}, own, stocked;

    arena_init(&own, NULL);
    arena_init(&stocked, &stock);
    check_pieces(&plain);
    check_pieces(&own);
    check_pieces(&stocked);
    arena_free(&plain);
    arena_free(&own);
    arena_free(&stocked);
    arena_stock_free(&stock);
}

static void test_reset_keeps_one_chunk(void **state)
{
    struct arena arena = {0};
    void *first = arena_alloc(&arena, 100);

    (void)arena_alloc(&arena, 1u << 20); /* memory of its own: the chunk stays in use */
    assert_ptr_equal(arena_alloc(&arena, 16), (char *)first + 112);
    arena_reset(&arena);
    assert_ptr_equal(arena_alloc(&arena, 100), first);
    arena_free(&arena);
    assert_null(arena.chunks);
    assert_null(arena_alloc(&arena, SIZE_MAX)); /* one that was not initialised may fail */
    arena_free(&arena);
}

static void test_stock(void **state)
{
    struct arena_stock stock = {0};
    struct arena one, other;
    void *memory;

    arena_init(&one, &stock);
    arena_init(&other, &stock);
    memory = arena_alloc(&one, 100);
    assert_non_null(memory);
    (void)arena_alloc(&one, 1u << 20);
    arena_free(&one);
#ifndef __SANITIZE_ADDRESS__ /* under which nothing is used again */
    assert_int_equal(stock.count, 1);
    assert_ptr_equal(arena_alloc(&other, 100), memory);
#endif
    assert_int_equal(stock.count, 0);
    for (unsigned i = 0; i < 1000; i++)
        (void)arena_alloc(&other, 1000);
    arena_free(&other);
    assert_true(stock.count <= 64); /* and no more is kept than that */
    arena_stock_free(&stock);
    assert_int_equal(stock.count, 0);
}

/* A text that grows byte by byte to a MiB and keeps what it has, beside other pieces. */
static void check_growth(struct arena *arena)
{
    unsigned char *text = NULL, *beside = NULL;
    size_t used = 0;

    for (size_t size = 1; size <= 1u << 20; size += size / 3 + 1) {
        text = arena_grow(arena, text, used, size);
        assert_non_null(text);
        assert_int_equal((uintptr_t)text % alignof(max_align_t), 0);
        for (size_t at = 0; at < used; at += 97)
            assert_int_equal(text[at], (unsigned char)(at * 7));
        for (; used < size; used++)
            text[used] = (unsigned char)(used * 7);
        if (size % 5 == 0) { /* the text is the latest large piece no longer */
            beside = arena_alloc(arena, size);
            memset(beside, 0xee, size);
        }
    }
    assert_non_null(beside);
    arena_reset(arena);
}

static void test_grow(void **state)
{
    struct arena_stock stock = {0};
    struct arena plain = {0}, stocked;

    arena_init(&stocked, &stock);
    for (int i = 0; i < 3; i++) {
        check_growth(&plain);
        check_growth(&stocked);
    }
    assert_null(arena_grow(&plain, NULL, 0, SIZE_MAX));
    arena_free(&plain);
    arena_free(&stocked);
    arena_stock_free(&stock);
}

/* One large piece waits for the next request that wants one: neither a small one nor one that is too large, and never two. */
static void test_stock_keeps_large(void **state)
{
#ifndef __SANITIZE_ADDRESS__
    struct arena_stock stock = {0};
    struct arena one;
    void *large, *larger;

    arena_init(&one, &stock);
    large = arena_alloc(&one, 300u << 10);
    larger = arena_alloc(&one, 400u << 10);
    (void)arena_alloc(&one, 4u << 20);
    arena_free(&one);
    assert_non_null(stock.large);
    assert_ptr_not_equal(arena_alloc(&one, 8u << 10), larger);
    assert_ptr_not_equal(arena_alloc(&one, 500u << 10), larger);
    assert_non_null(stock.large);
    assert_ptr_equal(arena_alloc(&one, 300u << 10), larger);
    assert_null(stock.large);
    (void)large;
    assert_ptr_equal(arena_grow(&one, larger, 300u << 10, 400u << 10), larger); /* it has the room still */
    arena_free(&one);
    assert_non_null(stock.large);
    arena_stock_free(&stock);
    assert_null(stock.large);
#endif
}

static void test_hooks(void **state)
{
    struct arena arena;

    arena_init(&arena, NULL);
    for (const char *name = "abc"; *name != '\0'; name++)
        memcpy(arena_alloc_hooked(&arena, 1, on_clear), name, 1);
    called[0] = '\0';
    arena_reset(&arena);
    assert_string_equal(called, "cba"); /* the newest first */
    arena_reset(&arena);
    assert_string_equal(called, "cba"); /* each once */
    memcpy(arena_alloc_hooked(&arena, 1, on_clear), "d", 1);
    arena_free(&arena);
    assert_string_equal(called, "cbad");
}

static void test_texts(void **state)
{
    const struct slice parts[] = {SLICE("a"), {NULL, 0}, SLICE("bc")};
    struct arena arena;
    struct slice text;

    arena_init(&arena, NULL);
    text = arena_dup(&arena, "text", 2);
    assert_string_equal(text.base, "te");
    assert_int_equal(text.len, 2);
    assert_string_equal(arena_dup(&arena, NULL, 0).base, "");
    assert_string_equal(arena_dup_text(&arena, "text").base, "text");
    assert_string_equal(arena_dup_lower(&arena, SLICE("X-Amz[")).base, "x-amz[");
    text = arena_join(&arena, parts, 3);
    assert_string_equal(text.base, "abc");
    assert_int_equal(text.len, 3);
    text = arena_concat(&arena, SLICE("x"), text);
    assert_string_equal(text.base, "xabc");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_reset_keeps_one_chunk),
        cmocka_unit_test(test_stock),
        cmocka_unit_test(test_hooks),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_grow),
        cmocka_unit_test(test_stock_keeps_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
