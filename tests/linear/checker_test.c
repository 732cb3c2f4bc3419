/* SPDX-License-Identifier: MIT
 *
 * The checker of histories: hand-made ones, linearizable and not, and many random ones that a search
 * through all orders judges too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checker.h"

/* clang-format off */
#define NEVER LINEAR_UNANSWERED
#define TERMS(...)                                                                                           \
    .term_count = sizeof((struct linear_term[]){__VA_ARGS__}) / sizeof(struct linear_term),                  \
    .terms = {__VA_ARGS__}
#define IS(key, value)      {LINEAR_EQUALS, key, value}
#define IS_NOT(key, value)  {LINEAR_DIFFERS, key, value}
#define BECOMES(key, value) {LINEAR_SET, key, value}
#define COPIED(key, from)   {LINEAR_COPY, key, from}

/* Operations as clients see them; A and B are keys, absent at the beginning. */
enum { A, B, KEYS };
#define GET(from, to, key, value)         {from, to, TERMS(IS(key, value))}
#define LIST(from, to, a, b)              {from, to, TERMS(IS(A, a), IS(B, b))}
#define PUT(from, to, key, value)         {from, to, TERMS(BECOMES(key, value))}
#define DELETE(from, to, key)             {from, to, TERMS(BECOMES(key, 0))}
#define CREATE(from, to, key, value)      {from, to, TERMS(IS(key, 0), BECOMES(key, value))}
#define CREATE_REFUSED(from, to, key)     {from, to, TERMS(IS_NOT(key, 0))}
#define SWAP(from, to, key, old, value)   {from, to, TERMS(IS(key, old), BECOMES(key, value))}
#define SWAP_REFUSED(from, to, key, old)  {from, to, TERMS(IS_NOT(key, old), IS_NOT(key, 0))}
#define COPY(from, to, source, key, seen) {from, to, TERMS(IS(source, seen), COPIED(key, source))}
#define COPY_LOST(from, source, key)      {from, NEVER, TERMS(IS_NOT(source, 0), COPIED(key, source))}
#define MOVE(from, to, source, key)       {from, to, TERMS(IS_NOT(source, 0), COPIED(key, source), BECOMES(source, 0))}

struct example {
    const char *name;
    struct linear_operation operations[10];
    uint64_t death;
    size_t bad; /* the operation that nothing explains, or GOOD */
};
#define GOOD 99u

static const struct example examples[] = {
    {"one after another", {PUT(1, 2, A, 7), GET(3, 4, A, 7), DELETE(5, 6, A), GET(7, 8, A, 0)}, 0, GOOD},
    {"a stale read", {PUT(1, 2, A, 7), PUT(3, 4, A, 8), GET(5, 6, A, 7)}, 0, 2},
    {"an old value while the new one is on its way", {PUT(1, 2, A, 7), PUT(3, 6, A, 8), GET(4, 5, A, 7)}, 0, GOOD},
    {"a new value, then the old one again",
     {PUT(1, 2, A, 7), PUT(3, 9, A, 8), GET(4, 5, A, 8), GET(6, 7, A, 7)}, 0, 3},
    {"two readers at once see the new and the old one",
     {PUT(1, 2, A, 7), PUT(3, 9, A, 8), GET(4, 7, A, 8), GET(5, 6, A, 7)}, 0, GOOD},
    {"two writers, whose order two readers see differently",
     {PUT(1, 9, A, 7), PUT(1, 9, A, 8), GET(2, 3, A, 7), GET(4, 5, A, 8), GET(6, 7, A, 7)}, 0, 4},
    {"a read of what is written later", {GET(1, 2, A, 7), PUT(3, 4, A, 7)}, 0, 0},
    {"a lost update",
     {PUT(1, 2, A, 7), SWAP(3, 6, A, 7, 8), SWAP(4, 5, A, 7, 9)}, 0, 1},
    {"one of two updates is refused",
     {PUT(1, 2, A, 7), SWAP(3, 6, A, 7, 8), SWAP_REFUSED(4, 5, A, 7), GET(7, 8, A, 8)}, 0, GOOD},
    {"an update is refused although nothing had changed",
     {PUT(1, 2, A, 7), SWAP_REFUSED(3, 4, A, 7), SWAP(5, 6, A, 7, 8)}, 0, 1},
    {"two winners of a creation", {CREATE(1, 4, A, 7), CREATE(2, 3, A, 8)}, 0, 0},
    {"two winners, with a deletion at the same time",
     {CREATE(1, 6, A, 7), CREATE(2, 5, A, 8), DELETE(3, 4, A)}, 0, GOOD},
    {"no winner", {CREATE_REFUSED(1, 4, A), CREATE_REFUSED(2, 3, A)}, 0, 1},
    {"one winner", {CREATE(1, 4, A, 7), CREATE_REFUSED(2, 3, A), GET(5, 6, A, 7)}, 0, GOOD},
    {"back after a deletion", {PUT(1, 2, A, 7), DELETE(3, 4, A), GET(5, 6, A, 7)}, 0, 2},
    {"a write without an answer shows late",
     {PUT(1, 2, A, 7), PUT(3, NEVER, A, 8), GET(4, 5, A, 7), GET(6, 7, A, 8)}, 0, GOOD},
    {"a write without an answer shows, and is undone",
     {PUT(1, 2, A, 7), PUT(3, NEVER, A, 8), GET(4, 5, A, 8), GET(6, 7, A, 7)}, 0, 3},
    {"a write without an answer is lost with its server",
     {PUT(1, 2, A, 7), PUT(3, NEVER, A, 8), GET(6, 7, A, 7)}, 5, GOOD},
    {"a write without an answer was saved",
     {PUT(1, 2, A, 7), PUT(3, NEVER, A, 8), GET(6, 7, A, 8)}, 5, GOOD},
    {"a write comes after the death of its server",
     {PUT(1, 2, A, 7), PUT(3, NEVER, A, 8), GET(6, 7, A, 7), GET(8, 9, A, 8)}, 5, 3},
    {"what was seen is lost with the server",
     {PUT(1, 2, A, 7), PUT(3, NEVER, A, 8), GET(4, 5, A, 8), GET(7, 8, A, 7)}, 6, 3},
    {"what was answered is lost with the server", {PUT(1, 2, A, 7), PUT(3, 4, A, 8), GET(6, 7, A, 7)}, 5, 2},
    {"a listing in which all is as it was at one moment",
     {PUT(1, 2, A, 7), PUT(3, 6, B, 8), LIST(4, 5, 7, 0), LIST(7, 8, 7, 8)}, 0, GOOD},
    {"a listing that shows the later write without the earlier one",
     {PUT(1, 9, A, 7), GET(2, 3, A, 7), PUT(4, 9, B, 8), LIST(2, 9, 0, 8)}, 0, 3},
    {"two listings that disagree about an order",
     {PUT(1, 9, A, 7), PUT(1, 9, B, 8), LIST(2, 8, 7, 0), LIST(2, 7, 0, 8)}, 0, 2},
    {"a copy takes what there is", {PUT(1, 2, A, 7), COPY(3, 4, A, B, 7), LIST(5, 6, 7, 7)}, 0, GOOD},
    {"a copy of what was overwritten", {PUT(1, 2, A, 7), PUT(3, 4, A, 8), COPY(5, 6, A, B, 7)}, 0, 2},
    {"a copy without an answer of one value, then of another",
     {PUT(1, 2, A, 7), COPY_LOST(3, A, B), GET(4, 5, B, 7), PUT(6, 7, A, 8), GET(8, 9, B, 8)}, 0, 4},
    {"a renamed object is in one place",
     {PUT(1, 2, A, 7), MOVE(3, 8, A, B), LIST(4, 5, 7, 0), LIST(6, 7, 0, 7)}, 0, GOOD},
    {"a renamed object is in both places", {PUT(1, 2, A, 7), MOVE(3, 6, A, B), LIST(4, 5, 7, 7)}, 0, 2},
};
/* clang-format on */

static void judge(const struct linear_history *history, const char *name, size_t bad)
{
    struct linear_result result;

    assert_int_equal(linear_check(history, 1000000, &result), 0);
    if (result.verdict != (bad == GOOD ? LINEAR_YES : LINEAR_NO) || (bad != GOOD && result.operation != bad))
        fail_msg("%s: verdict %d, operation %zu", name, (int)result.verdict, result.operation);
}

static void test_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        struct linear_history history = {.key_count = KEYS,
                                         .operations = examples[i].operations,
                                         .deaths = &examples[i].death,
                                         .death_count = examples[i].death != 0};

        while (history.operation_count < 10 && examples[i].operations[history.operation_count].term_count > 0)
            history.operation_count++;
        judge(&history, examples[i].name, examples[i].bad);
    }
}

static void test_begins_with_a_state(void **state)
{
    static const struct linear_operation operations[] = {GET(1, 2, A, 5), GET(1, 2, B, 6)};
    struct linear_history history = {
        .key_count = KEYS, .state = {5, 6}, .operations = operations, .operation_count = 2};

    (void)state;
    judge(&history, "the values of the beginning", GOOD);
    history.state[B] = 5;
    judge(&history, "another value at the beginning", 1);
}

static void test_copies_may_be_something_else(void **state)
{
    static uint16_t copied_as[UINT16_MAX + 1] = {[7] = 8};
    struct linear_operation operations[] = {
        PUT(1, 2, A, 7), {3, 4, TERMS(IS_NOT(A, 0), {LINEAR_COPY_AS, B, A}, IS(B, 8))}, LIST(5, 6, 7, 8)};
    struct linear_history history = {
        .key_count = KEYS, .operations = operations, .operation_count = 3, .copied_as = copied_as};

    (void)state;
    judge(&history, "a copy has a value of its own", GOOD);
    history.copied_as = NULL;
    judge(&history, "a copy has the value of its source", 1);
    history.copied_as = copied_as;
    operations[0] = (struct linear_operation)PUT(1, 2, A, 6);
    judge(&history, "a copy of another value", 1);
    operations[1].end = LINEAR_UNANSWERED;
    operations[1].term_count = 2;
    operations[2] = (struct linear_operation)LIST(5, 6, 6, 6);
    judge(&history, "nobody was told, and the value has no other", GOOD);
}

static void test_one_moment_is_at_once(void **state)
{
    static const struct linear_operation operations[] = {PUT(1, 2, A, 7), GET(2, 3, A, 0)};
    struct linear_history history = {.key_count = KEYS, .operations = operations, .operation_count = 2};

    (void)state;
    judge(&history, "an answer and a call at one moment may have been at once", GOOD);
}

static void test_refuses_what_is_no_history(void **state)
{
    static const struct linear_operation backwards[] = {PUT(2, 1, A, 7)}, no_key[] = {PUT(1, 2, KEYS, 7)},
                                         no_source[] = {COPY(1, 2, A, B, 0)}, late[] = {PUT(1, 9, A, 7)};
    static const uint64_t death = 5;
    struct linear_history history = {.key_count = KEYS, .operation_count = 1, .operations = backwards};
    struct linear_result result;

    (void)state;
    assert_int_equal(linear_check(&history, 100, &result), -EINVAL);
    history.operations = no_key;
    assert_int_equal(linear_check(&history, 100, &result), -EINVAL);
    history.operations = no_source;
    history.key_count = 1;
    assert_int_equal(linear_check(&history, 100, &result), -EINVAL);
    history = (struct linear_history){
        .key_count = KEYS, .operation_count = 1, .operations = late, .deaths = &death, .death_count = 1};
    assert_int_equal(linear_check(&history, 100, &result), -EINVAL);
}

/* Twelve writers at once have more orders than the bound lets be looked at. */
static void test_bounded(void **state)
{
    struct linear_operation operations[LINEAR_PENDING_MAX + 1];
    struct linear_history history = {.key_count = KEYS, .operation_count = 13, .operations = operations};
    struct linear_result result;

    (void)state;
    for (size_t i = 0; i <= LINEAR_PENDING_MAX; i++)
        operations[i] = (struct linear_operation)PUT(1, 9, i % KEYS, (uint16_t)(i + 1));
    operations[12] = (struct linear_operation)GET(2, 3, A, 99);
    assert_int_equal(linear_check(&history, 1000, &result), 0);
    assert_int_equal(result.verdict, LINEAR_TOO_LARGE);
    assert_int_equal(linear_check(&history, 100000, &result), 0);
    assert_int_equal(result.verdict, LINEAR_NO);
    history.operation_count = LINEAR_PENDING_MAX + 1;
    operations[12] = (struct linear_operation)PUT(1, 9, A, 13);
    assert_int_equal(linear_check(&history, 1000, &result), -E2BIG);
}

/* ---- Against a search through all orders ---- */

#define RANDOM_OPERATIONS 7u
#define RANDOM_VALUES     3u
#define RANDOM_TIMES      14u

static uint32_t seed = 1;

static uint32_t random_below(uint32_t limit)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % limit;
}

static struct linear_operation random_operation(void)
{
    uint16_t value = (uint16_t)random_below(RANDOM_VALUES),
             other = (uint16_t)(1 + random_below(RANDOM_VALUES));
    uint8_t key = (uint8_t)random_below(KEYS);
    uint64_t begin = 1 + random_below(RANDOM_TIMES), answered = begin + random_below(6), end = answered;

    if (random_below(4) == 0)
        end = NEVER; /* of those that change something */
    switch (random_below(12)) {
    case 0:
    case 1:
        return (struct linear_operation)PUT(begin, end, key, other);
    case 2:
        return (struct linear_operation)PUT(begin, NEVER, key, other);
    case 3:
        return (struct linear_operation)CREATE(begin, end, key, other);
    case 4:
        return (struct linear_operation)CREATE_REFUSED(begin, answered, key);
    case 5:
        return (struct linear_operation)SWAP(begin, end, key, value, other);
    case 6:
        return (struct linear_operation)DELETE(begin, end, key);
    case 7:
        return (struct linear_operation)COPY(begin, end, key, (uint8_t)(1 - key), value);
    case 8:
        return (struct linear_operation)MOVE(begin, end, key, (uint8_t)(1 - key));
    case 9:
        return (struct linear_operation)LIST(begin, answered, value, (uint16_t)random_below(RANDOM_VALUES));
    default:
        return (struct linear_operation)GET(begin, answered, key, value);
    }
}

/* Whether b must come after a. A death, which changes nothing, comes after what began before it, where
 * that happens at all. */
static bool precedes(const struct linear_operation *a, const struct linear_operation *b, uint64_t death)
{
    return a->end < b->begin || (death != 0 && a->begin <= death && b->begin > death);
}

static bool brute_apply(const struct linear_operation *operation, uint16_t state[KEYS])
{
    for (uint32_t i = 0; i < operation->term_count; i++) {
        const struct linear_term *term = &operation->terms[i];

        if ((term->kind == LINEAR_EQUALS && state[term->key] != term->value) ||
            (term->kind == LINEAR_DIFFERS && state[term->key] == term->value))
            return false;
        if (term->kind == LINEAR_SET)
            state[term->key] = term->value;
        if (term->kind == LINEAR_COPY)
            state[term->key] = state[term->value];
    }
    return true;
}

/* used: those that are in the order already, or left out. */
static bool brute_search(const struct linear_operation *operations, uint64_t death, uint32_t used,
                         const uint16_t state[KEYS])
{
    bool is_first, left = false;

    for (uint32_t i = 0; i < RANDOM_OPERATIONS; i++) {
        uint16_t after[KEYS] = {state[A], state[B]};

        if ((used >> i & 1) != 0)
            continue;
        left = true;
        is_first = true;
        for (uint32_t j = 0; j < RANDOM_OPERATIONS; j++)
            is_first = is_first &&
                       ((used >> j & 1) != 0 || j == i || !precedes(&operations[j], &operations[i], death));
        if (operations[i].end == NEVER && brute_search(operations, death, used | 1u << i, state))
            return true;
        if (is_first && brute_apply(&operations[i], after) &&
            brute_search(operations, death, used | 1u << i, after))
            return true;
    }
    return !left;
}

static bool answered_across(const struct linear_operation *operation, uint64_t death)
{
    return death != 0 && operation->end != NEVER && operation->begin <= death && operation->end > death;
}

static void test_agrees_with_all_orders(void **state)
{
    size_t yes = 0, no = 0;

    (void)state;
    for (uint32_t round = 0; round < 60000; round++) {
        static const uint16_t nothing[KEYS];
        struct linear_operation operations[RANDOM_OPERATIONS];
        uint64_t death = random_below(2) * (1 + random_below(RANDOM_TIMES));
        struct linear_history history = {.key_count = KEYS,
                                         .operations = operations,
                                         .operation_count = RANDOM_OPERATIONS,
                                         .deaths = &death,
                                         .death_count = death != 0};
        struct linear_result result;
        bool expected;

        for (uint32_t i = 0; i < RANDOM_OPERATIONS; i++) {
            do
                operations[i] = random_operation();
            while (answered_across(&operations[i], death));
        }
        expected = brute_search(operations, death, 0, nothing);
        assert_int_equal(linear_check(&history, 100000, &result), 0);
        if (result.verdict != (expected ? LINEAR_YES : LINEAR_NO))
            fail_msg("round %u: %d instead of %d", round, (int)result.verdict, (int)expected);
        *(expected ? &yes : &no) += 1;
    }
    printf("%zu histories with an order, %zu without\n", yes, no);
    assert_true(yes > 1000 && no > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_begins_with_a_state),
        cmocka_unit_test(test_copies_may_be_something_else),
        cmocka_unit_test(test_one_moment_is_at_once),
        cmocka_unit_test(test_refuses_what_is_no_history),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_agrees_with_all_orders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
