/* SPDX-License-Identifier: MIT
 *
 * An array of members and an arena of their names, sorted twice at the end: by where they are, to see who overlaps whom, then by name. */
#include "api/archive/member_index.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "storage/base/arena.h"

#define FIRST_CAPACITY 16u

struct member_index {
    enum archive_kind kind;
    atomic_uint refs;
    struct archive_budget *budget;
    size_t charged; /* of the budget */
    struct arena names;
    struct member *list;
    uint32_t count, capacity;
    bool is_finished;
};

/* ---- The budget ---- */

static int take_here(struct archive_budget *budget, size_t bytes)
{
    size_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);

    do {
        if (bytes > budget->most || used > budget->most - bytes)
            return -ENOBUFS;
    } while (!atomic_compare_exchange_weak_explicit(&budget->used, &used, used + bytes, memory_order_relaxed,
                                                    memory_order_relaxed));
    return 0;
}

static void give_here(struct archive_budget *budget, size_t bytes)
{
    size_t before = atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);

    assert(before >= bytes);
    (void)before;
}

int archive_budget_take(struct archive_budget *budget, size_t bytes)
{
    int err = take_here(budget, bytes);

    if (err == 0 && budget->whole != NULL && (err = archive_budget_take(budget->whole, bytes)) != 0)
        give_here(budget, bytes);
    return err;
}

void archive_budget_give(struct archive_budget *budget, size_t bytes)
{
    for (; budget != NULL; budget = budget->whole)
        give_here(budget, bytes);
}

static int charge(struct member_index *index, size_t bytes)
{
    int err = archive_budget_take(index->budget, bytes);

    if (err == 0)
        index->charged += bytes;
    return err;
}

/* ---- Its life ---- */

int member_index_create(struct member_index **out, enum archive_kind kind, struct archive_budget *budget)
{
    struct member_index *index = calloc(1, sizeof(*index));
    int err;

    if (index == NULL)
        return -ENOMEM;
    index->kind = kind;
    index->budget = budget;
    atomic_init(&index->refs, 1);
    if ((err = charge(index, sizeof(*index))) != 0) {
        free(index);
        return err;
    }
    *out = index;
    return 0;
}

struct member_index *member_index_ref(struct member_index *index)
{
    atomic_fetch_add_explicit(&index->refs, 1, memory_order_relaxed);
    return index;
}

void member_index_unref(struct member_index *index)
{
    if (index == NULL || atomic_fetch_sub_explicit(&index->refs, 1, memory_order_acq_rel) != 1)
        return;
    archive_budget_give(index->budget, index->charged);
    arena_free(&index->names);
    free(index->list);
    free(index);
}

/* ---- Making it ---- */

static int grow(struct member_index *index)
{
    uint32_t capacity = index->capacity > 0 ? 2 * index->capacity : FIRST_CAPACITY;
    struct member *list;
    int err = charge(index, (size_t)(capacity - index->capacity) * sizeof(*list));

    if (err != 0)
        return err;
    if ((list = realloc(index->list, capacity * sizeof(*list))) == NULL)
        return -ENOMEM; /* what was charged is given back with the index */
    index->list = list;
    index->capacity = capacity;
    return 0;
}

int member_index_add(struct member_index *index, const struct member *member)
{
    struct slice name;
    int err;

    assert(!index->is_finished);
    if (index->count == ARCHIVE_MEMBERS_MAX)
        return -E2BIG;
    if (index->count == index->capacity && (err = grow(index)) != 0)
        return err;
    if ((err = charge(index, member->name.len + 1)) != 0)
        return err;
    if ((name = arena_dup(&index->names, member->name.base, member->name.len)).base == NULL)
        return -ENOMEM;
    index->list[index->count] = *member;
    index->list[index->count].name = name;
    index->list[index->count].place = index->count;
    index->count++;
    return 0;
}

static int compare_offsets(const void *a, const void *b)
{
    const struct member *left = a, *right = b;

    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

/* The newest of a name first. */
static int compare_names(const void *a, const void *b)
{
    const struct member *left = a, *right = b;
    int order = slice_compare(left->name, right->name);

    return order != 0 ? order : (left->place < right->place) - (left->place > right->place);
}

static void mark(struct member *member, enum member_refusal refusal)
{
    if (member->refusal == MEMBER_FINE)
        member->refusal = (uint8_t)refusal;
}

/* In the order of offsets. A member that reaches into the next one, or into one further on, overlaps with it. */
static void mark_overlaps(struct member_index *index, uint64_t end)
{
    struct member *longest = NULL; /* which reaches furthest of those before */
    uint64_t reached = 0;

    for (uint32_t i = 0; i < index->count; i++) {
        struct member *member = &index->list[i];
        uint64_t least = member->offset + member->head;

        member->limit = i + 1 < index->count ? member[1].offset : end;
        if (longest != NULL && member->offset < reached) {
            mark(longest, MEMBER_OVERLAPS);
            mark(member, MEMBER_OVERLAPS);
        }
        if (member->stored > end || least > end - member->stored) {
            mark(member, MEMBER_DAMAGED);
            continue;
        }
        if (longest == NULL || least + member->stored > reached) {
            reached = least + member->stored;
            longest = member;
        }
    }
}

static void drop_duplicates(struct member_index *index)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < index->count; i++) {
        if (kept > 0 && slice_equals(index->list[kept - 1].name, index->list[i].name))
            continue;
        index->list[kept++] = index->list[i];
    }
    index->count = kept;
}

void member_index_finish(struct member_index *index, uint64_t end)
{
    assert(!index->is_finished);
    index->is_finished = true;
    if (index->count == 0)
        return;
    if (index->kind == ARCHIVE_ZIP) { /* in tar each begins where the one before it ends */
        qsort(index->list, index->count, sizeof(*index->list), compare_offsets);
        mark_overlaps(index, end);
    }
    qsort(index->list, index->count, sizeof(*index->list), compare_names);
    drop_duplicates(index);
}

/* ---- Reading it ---- */

enum archive_kind member_index_kind(const struct member_index *index)
{
    return index->kind;
}

uint32_t member_index_count(const struct member_index *index)
{
    return index->count;
}

size_t member_index_bytes(const struct member_index *index)
{
    return index->charged;
}

const struct member *member_index_at(const struct member_index *index, uint32_t place)
{
    assert(index->is_finished && place < index->count);
    return &index->list[place];
}

uint32_t member_index_seek(const struct member_index *index, struct slice name)
{
    uint32_t low = 0, high = index->count;

    assert(index->is_finished);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (slice_compare(index->list[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t member_index_skip(const struct member_index *index, uint32_t place, struct slice prefix)
{
    uint32_t low = place, high = index->count;

    while (low < high) { /* those that begin so stand together */
        uint32_t middle = low + (high - low) / 2;

        if (slice_begins(index->list[middle].name, prefix))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct member *member_index_find(const struct member_index *index, struct slice name)
{
    uint32_t place = member_index_seek(index, name);

    if (place == index->count || !slice_equals(index->list[place].name, name))
        return NULL;
    return &index->list[place];
}
