/* SPDX-License-Identifier: MIT
 *
 * The search, after Wing and Gong, and Lowe's "just-in-time linearization": the history is walked event by
 * event with the set of all configurations that are possible so far. A configuration is a state and those
 * of the operations under way that have taken effect. A call adds an operation that has not. An answer
 * keeps the configurations in which its operation has taken effect, or in which it can now, after any
 * others under way. When none is left, no order explains that answer.
 *
 * Five things keep the set small. Equal configurations are one, whatever order led to them. An operation
 * that changes nothing takes effect as soon as it can: whatever is possible without it is possible after
 * it. One that gets no answer need not take effect: a configuration is left out where there is one
 * that differs only in that fewer of these have. And of several such ones that are alike it does not matter
 * which take effect, only how many: the first ones do. One that gets no answer and is about one key alone takes
 * effect just before another that looks at that key, or after the last event: any order with it can be brought
 * into that form, for until then nothing tells whether it has, and where the key is written before it is looked at
 * it need not. So a configuration owes a look at some keys, and only what looks at them may be next. */
#include "checker.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct configuration {
    uint64_t done; /* slots of operations under way that have taken effect */
    uint16_t state[LINEAR_KEYS_MAX];
    uint8_t owed; /* keys that what is next has to look at */
};

/* ---- Sets of configurations ---- */

struct configuration_set {
    struct configuration *list;
    size_t count, capacity;
    uint32_t *table;   /* index + 1 into list, or 0; twice the capacity of the list */
    uint64_t optional; /* slots whose operation gets no answer */
};

static void set_free(struct configuration_set *set)
{
    free(set->list);
    free(set->table);
    *set = (struct configuration_set){.optional = set->optional};
}

/* One that was large once does not cost its whole size at every later event. */
static void set_clear(struct configuration_set *set, uint64_t optional)
{
    if (set->count * 64 < set->capacity)
        set_free(set);
    else if (set->table != NULL)
        memset(set->table, 0, 2 * set->capacity * sizeof(*set->table));
    set->count = 0;
    set->optional = optional;
}

static uint64_t mix(uint64_t value)
{
    value ^= value >> 32;
    value *= 0x9e3779b97f4a7c15u;
    return value ^ value >> 29;
}

/* Of what two configurations have in common when one of them can take the place of the other. */
static uint64_t hash(const struct configuration_set *set, const struct configuration *configuration)
{
    uint64_t words[2];

    static_assert(sizeof(words) == sizeof(configuration->state), "two words of state");
    memcpy(words, configuration->state, sizeof(words));
    return mix(mix(mix(configuration->done & ~set->optional) + words[0] + configuration->owed) + words[1]);
}

static bool replaces(const struct configuration_set *set, const struct configuration *one,
                     const struct configuration *other)
{
    return one->owed == other->owed && (one->done & ~other->done) == 0 &&
           ((one->done ^ other->done) & ~set->optional) == 0 &&
           memcmp(one->state, other->state, sizeof(one->state)) == 0;
}

/* Where one is in the table that can take its place, or else where it would be. */
static uint32_t *set_find(const struct configuration_set *set, const struct configuration *configuration)
{
    size_t mask = 2 * set->capacity - 1;

    for (size_t at = hash(set, configuration) & mask;; at = (at + 1) & mask) {
        uint32_t *entry = &set->table[at];

        if (*entry == 0 || replaces(set, &set->list[*entry - 1], configuration))
            return entry;
    }
}

/* For one that is in the list. */
static uint32_t *set_find_free(const struct configuration_set *set, const struct configuration *configuration)
{
    size_t mask = 2 * set->capacity - 1, at = hash(set, configuration) & mask;

    while (set->table[at] != 0)
        at = (at + 1) & mask;
    return &set->table[at];
}

static int set_grow(struct configuration_set *set)
{
    size_t capacity = set->capacity == 0 ? 64 : 2 * set->capacity;
    struct configuration *list = realloc(set->list, capacity * sizeof(*list));
    uint32_t *table;

    if (list == NULL)
        return -ENOMEM;
    set->list = list;
    if ((table = calloc(2 * capacity, sizeof(*table))) == NULL)
        return -ENOMEM;
    free(set->table);
    set->table = table;
    set->capacity = capacity;
    for (size_t i = 0; i < set->count; i++)
        *set_find_free(set, &set->list[i]) = (uint32_t)i + 1;
    return 0;
}

static int set_add(struct configuration_set *set, const struct configuration *configuration)
{
    uint32_t *entry;
    int err;

    if (set->count == set->capacity && (err = set_grow(set)) != 0)
        return err;
    if (*(entry = set_find(set, configuration)) == 0) {
        set->list[set->count++] = *configuration;
        *entry = (uint32_t)set->count;
    }
    return 0;
}

/* ---- Operations ---- */

struct search {
    const struct linear_history *history;
    size_t bound;
    struct configuration_set now, visited, next;
    const struct linear_operation *slots[LINEAR_PENDING_MAX]; /* under way, or NULL */
    uint64_t readers;                                         /* slots whose operation changes nothing */
    uint64_t unanswered;                                      /* slots whose operation gets no answer */
    uint64_t twins[LINEAR_PENDING_MAX]; /* of such a slot: those before it whose operation is the same */
    uint8_t looks[LINEAR_PENDING_MAX];  /* keys that the slot's operation looks at */
    uint8_t late[LINEAR_PENDING_MAX]; /* the key of one that may take effect as late as that; 0: it is none */
    bool is_last;                     /* nobody looks any more */
    struct linear_result *result;
};

static bool changes_state(const struct linear_operation *operation)
{
    for (uint32_t i = 0; i < operation->term_count; i++) {
        if (operation->terms[i].kind != LINEAR_EQUALS && operation->terms[i].kind != LINEAR_DIFFERS)
            return true;
    }
    return false;
}

static uint8_t keys_looked_at(const struct linear_operation *operation)
{
    uint8_t keys = 0;

    for (uint32_t i = 0; i < operation->term_count; i++) {
        const struct linear_term *term = &operation->terms[i];

        if (term->kind == LINEAR_EQUALS || term->kind == LINEAR_DIFFERS)
            keys |= (uint8_t)(1u << term->key);
        else if (term->kind != LINEAR_SET)
            keys |= (uint8_t)(1u << term->value);
    }
    return keys;
}

/* The key that it is about, where that is one alone and nobody is answered; or 0. */
static uint8_t key_of_late(const struct linear_operation *operation)
{
    uint8_t keys = keys_looked_at(operation);

    for (uint32_t i = 0; i < operation->term_count; i++)
        keys |= (uint8_t)(1u << operation->terms[i].key);
    return operation->end == LINEAR_UNANSWERED && (keys & (keys - 1)) == 0 ? keys : 0;
}

static uint16_t copy_of(const struct linear_history *history, uint16_t value)
{
    return history->copied_as != NULL && history->copied_as[value] != 0 ? history->copied_as[value] : value;
}

/* Whether it is possible in that state, which it changes; when not, what is left in state is of no use. */
static bool apply(const struct linear_history *history, const struct linear_operation *operation,
                  uint16_t state[LINEAR_KEYS_MAX])
{
    for (uint32_t i = 0; i < operation->term_count; i++) {
        const struct linear_term *term = &operation->terms[i];

        switch (term->kind) {
        case LINEAR_EQUALS:
            if (state[term->key] != term->value)
                return false;
            break;
        case LINEAR_DIFFERS:
            if (state[term->key] == term->value)
                return false;
            break;
        case LINEAR_SET:
            state[term->key] = term->value;
            break;
        case LINEAR_COPY:
            state[term->key] = state[term->value];
            break;
        case LINEAR_COPY_AS:
            state[term->key] = copy_of(history, state[term->value]);
            break;
        }
    }
    return true;
}

/* Lets those take effect that change nothing and can. */
static void settle_readers(const struct search *search, struct configuration *configuration)
{
    for (uint64_t left = search->readers & ~configuration->done; left != 0; left &= left - 1) {
        unsigned slot = (unsigned)__builtin_ctzll(left);

        if (apply(search->history, search->slots[slot], configuration->state)) {
            configuration->done |= UINT64_C(1) << slot;
            configuration->owed &= (uint8_t)~search->looks[slot];
        }
    }
}

/* ---- Events ---- */

enum event_kind { EVENT_CALL, EVENT_ANSWER, EVENT_DEATH }; /* in this order at one moment */

struct event {
    uint64_t time;
    enum event_kind kind;
    size_t operation;
};

static int event_compare(const void *left, const void *right)
{
    const struct event *a = left, *b = right;

    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return a->operation < b->operation ? -1 : a->operation > b->operation;
}

static bool are_alike(const struct linear_operation *one, const struct linear_operation *other)
{
    if (one->term_count != other->term_count)
        return false;
    for (uint32_t i = 0; i < one->term_count; i++)
        if (one->terms[i].kind != other->terms[i].kind || one->terms[i].key != other->terms[i].key ||
            one->terms[i].value != other->terms[i].value)
            return false;
    return true;
}

static void note_unanswered(struct search *search, unsigned slot)
{
    for (uint64_t left = search->unanswered; left != 0; left &= left - 1) {
        unsigned other = (unsigned)__builtin_ctzll(left);

        if (are_alike(search->slots[slot], search->slots[other]))
            search->twins[other > slot ? other : slot] |= UINT64_C(1) << (other > slot ? slot : other);
    }
    search->unanswered |= UINT64_C(1) << slot;
}

static int search_call(struct search *search, const struct linear_operation *operation)
{
    unsigned slot = 0;
    int err;

    while (slot < LINEAR_PENDING_MAX && search->slots[slot] != NULL)
        slot++;
    if (slot == LINEAR_PENDING_MAX)
        return -E2BIG;
    search->slots[slot] = operation;
    search->looks[slot] = keys_looked_at(operation);
    search->late[slot] = changes_state(operation) ? key_of_late(operation) : 0;
    if (operation->end == LINEAR_UNANSWERED)
        note_unanswered(search, slot);
    if (changes_state(operation))
        return 0;
    search->readers |= UINT64_C(1) << slot;
    set_clear(&search->next, search->unanswered);
    for (size_t i = 0; i < search->now.count; i++) {
        settle_readers(search, &search->now.list[i]);
        if ((err = set_add(&search->next, &search->now.list[i])) != 0)
            return err;
    }
    return 1; /* next is the new set */
}

/* Puts a configuration where it belongs: into next when what is waited for has taken effect, else among
 * those to be looked at. */
static int search_place(struct search *search, struct configuration *configuration, uint64_t wanted)
{
    settle_readers(search, configuration);
    if ((configuration->done & wanted) == 0 || configuration->owed != 0)
        return set_add(&search->visited, configuration);
    configuration->done &= ~wanted;
    return set_add(&search->next, configuration);
}

/* Whether the slot's operation may be the next one where looks are owed; and what is owed then. */
static bool may_be_next(const struct search *search, unsigned slot, uint8_t *owed)
{
    uint8_t late = search->is_last ? 0 : search->late[slot];

    if ((*owed & ~search->looks[slot]) == 0)
        *owed = late;
    else if (late != 0 && (*owed & late) == 0)
        *owed |= late;
    else
        return false;
    return true;
}

/* Every configuration that follows from this one by one more operation. */
static int search_step(struct search *search, const struct configuration *from, uint64_t wanted)
{
    int err;

    for (unsigned slot = 0; slot < LINEAR_PENDING_MAX; slot++) {
        struct configuration to = *from;

        if (search->slots[slot] == NULL || (from->done >> slot & 1) != 0 ||
            (search->twins[slot] & ~from->done) != 0 || !may_be_next(search, slot, &to.owed) ||
            !apply(search->history, search->slots[slot], to.state))
            continue;
        to.done |= UINT64_C(1) << slot;
        if ((err = search_place(search, &to, wanted)) != 0)
            return err;
    }
    return 0;
}

/* All that is possible until what is wanted has taken effect. 1 and next has it; 0 when there is too much. */
static int search_expand(struct search *search, uint64_t wanted)
{
    int err;

    set_clear(&search->visited, search->unanswered);
    set_clear(&search->next, search->unanswered);
    for (size_t i = 0; i < search->now.count; i++) {
        if ((err = search_place(search, &search->now.list[i], wanted)) != 0)
            return err;
    }
    for (size_t i = 0; i < search->visited.count; i++) {
        struct configuration from = search->visited.list[i]; /* the list may move */

        if ((err = search_step(search, &from, wanted)) != 0)
            return err;
        if (search->visited.count + search->next.count > search->bound) {
            search->result->verdict = LINEAR_TOO_LARGE;
            return 0;
        }
    }
    if (search->visited.count + search->next.count > search->result->largest)
        search->result->largest = search->visited.count + search->next.count;
    return 1;
}

static int search_answer(struct search *search, size_t index)
{
    unsigned slot = 0;
    int err;

    while (search->slots[slot] != &search->history->operations[index])
        slot++;
    if ((err = search_expand(search, UINT64_C(1) << slot)) != 1)
        return err;
    search->slots[slot] = NULL;
    search->readers &= ~(UINT64_C(1) << slot);
    if (search->next.count > 0)
        return 1;
    search->result->verdict = LINEAR_NO;
    search->result->operation = index;
    return 0;
}

/* What is under way has taken effect by now, or never will: of all that is possible, only the states are
 * left. */
static int search_death(struct search *search)
{
    int err;

    for (unsigned slot = 0; slot < LINEAR_PENDING_MAX; slot++) {
        if (search->slots[slot] != NULL && (search->unanswered >> slot & 1) == 0)
            return -EINVAL;
    }
    search->is_last = true;
    if ((err = search_expand(search, 0)) != 1)
        return err;
    search->is_last = false;
    for (size_t i = 0; i < search->visited.count; i++) {
        search->visited.list[i].done = 0;
        if ((err = set_add(&search->next, &search->visited.list[i])) != 0)
            return err;
    }
    memset(search->slots, 0, sizeof(search->slots));
    memset(search->twins, 0, sizeof(search->twins));
    search->readers = search->unanswered = 0;
    return 1;
}

/* 1: go on with the set in next. 0: go on as before, or the verdict is there. Else an error. */
static int search_event(struct search *search, const struct event *event)
{
    switch (event->kind) {
    case EVENT_CALL:
        return search_call(search, &search->history->operations[event->operation]);
    case EVENT_ANSWER:
        return search_answer(search, event->operation);
    default:
        return search_death(search);
    }
}

static int search_run(struct search *search, const struct event *events, size_t count)
{
    struct configuration first = {0};
    int err;

    memcpy(first.state, search->history->state, search->history->key_count * sizeof(first.state[0]));
    if ((err = set_add(&search->now, &first)) != 0)
        return err;
    for (size_t i = 0; i < count; i++) {
        if ((err = search_event(search, &events[i])) < 0)
            return err;
        if (search->result->verdict != LINEAR_YES)
            return 0;
        if (err == 1) {
            struct configuration_set set = search->now;

            search->now = search->next;
            search->next = set;
        }
    }
    return 0;
}

/* ---- The history ---- */

static bool is_whole(const struct linear_history *history)
{
    if (history->key_count > LINEAR_KEYS_MAX)
        return false;
    for (size_t i = 0; i < history->operation_count; i++) {
        const struct linear_operation *operation = &history->operations[i];

        if (operation->end < operation->begin || operation->term_count > LINEAR_TERMS_MAX)
            return false;
        for (uint32_t t = 0; t < operation->term_count; t++) {
            const struct linear_term *term = &operation->terms[t];

            if (term->key >= history->key_count ||
                (term->kind >= LINEAR_COPY && term->value >= history->key_count))
                return false;
        }
    }
    return true;
}

/* Sorted; count gets how many. */
static struct event *make_events(const struct linear_history *history, size_t *count)
{
    struct event *events = calloc(2 * history->operation_count + history->death_count + 1, sizeof(*events));
    size_t n = 0;

    if (events == NULL)
        return NULL;
    for (size_t i = 0; i < history->operation_count; i++) {
        const struct linear_operation *operation = &history->operations[i];

        events[n++] = (struct event){operation->begin, EVENT_CALL, i};
        if (operation->end != LINEAR_UNANSWERED)
            events[n++] = (struct event){operation->end, EVENT_ANSWER, i};
    }
    for (size_t i = 0; i < history->death_count; i++)
        events[n++] = (struct event){history->deaths[i], EVENT_DEATH, i};
    qsort(events, n, sizeof(*events), event_compare);
    *count = n;
    return events;
}

int linear_check(const struct linear_history *history, size_t bound, struct linear_result *result)
{
    struct search search = {.history = history, .bound = bound, .result = result};
    struct event *events;
    size_t count;
    int err;

    *result = (struct linear_result){.verdict = LINEAR_YES};
    if (!is_whole(history))
        return -EINVAL;
    if ((events = make_events(history, &count)) == NULL)
        return -ENOMEM;
    err = search_run(&search, events, count);
    free(events);
    set_free(&search.now);
    set_free(&search.visited);
    set_free(&search.next);
    return err;
}
