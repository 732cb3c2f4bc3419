/* SPDX-License-Identifier: MIT
 *
 * See page_entries.h. */
#include "api/pages/page_entries.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "api/pages/limits.h"

/* ---- Sorting ---- */

struct order {
    enum page_sort sort;
    bool descends;
};

static int compare(const void *one_entry, const void *other_entry, void *ctx)
{
    const struct page_entry *one = one_entry, *other = other_entry;
    const struct order *order = ctx;
    int result = 0;

    if (one->is_folder != other->is_folder)
        return one->is_folder ? -1 : 1;
    if (!one->is_folder && order->sort == PAGE_SORT_SIZE)
        result = (one->size > other->size) - (one->size < other->size);
    else if (!one->is_folder && order->sort == PAGE_SORT_DATE)
        result = (one->modified_ms > other->modified_ms) - (one->modified_ms < other->modified_ms);
    if (result == 0) {
        result = strverscmp(one->name.base, other->name.base);
        if (order->sort != PAGE_SORT_NAME)
            return result; /* of equal ones, and of folders, the usual order */
    }
    return order->descends ? -result : result;
}

void page_entries_sort(struct page_entry *entries, size_t count, enum page_sort sort, bool descends)
{
    struct order order = {sort, descends};

    if (count > 1)
        qsort_r(entries, count, sizeof(*entries), compare, &order);
}

static const char *const sort_names[PAGE_SORT_COUNT] = {"name", "size", "date"};

enum page_sort page_sort_of(struct slice text)
{
    for (unsigned i = 0; i < PAGE_SORT_COUNT; i++)
        if (slice_is(text, sort_names[i]))
            return (enum page_sort)i;
    return PAGE_SORT_NAME;
}

const char *page_sort_name(enum page_sort sort)
{
    return sort_names[sort];
}

/* ---- Gathering ---- */

static struct page_entry *add(struct page_entries *entries)
{
    if (entries->count == entries->capacity) {
        struct arena *arena = &entries->call->request->http->arena;

        entries->capacity = entries->capacity != 0 ? entries->capacity * 2 : 256;
        entries->list = arena_grow(arena, entries->list, entries->count * sizeof(*entries->list),
                                   entries->capacity * sizeof(*entries->list));
    }
    return &entries->list[entries->count++];
}

static int visit(void *ctx, const struct meta_list_entry *entry)
{
    struct page_entries *entries = ctx;
    struct arena *arena = &entries->call->request->http->arena;
    struct slice key = arena_dup(arena, entry->key.base, entry->key.len);
    struct page_entry *added;

    entries->seen++;
    entries->last = key;
    entries->bytes += key.len + sizeof(*added);
    if (!entry->is_prefix && key.len == entries->hidden)
        return 0; /* what keeps an empty folder there */
    added = add(entries);
    *added = (struct page_entry){.name = slice_from(key, entries->hidden),
                                 .size = entry->size,
                                 .modified_ms = entry->modified_ms,
                                 .is_folder = entry->is_prefix};
    return 0;
}

static void step(struct core_turn *turn)
{
    struct page_entries *entries =
        (struct page_entries *)((char *)turn - offsetof(struct page_entries, turn));
    struct s3_request *request = entries->call->request;
    struct meta_list_query query = {
        .bucket = request->bucket.id,
        .prefix = s3_parameter_value(request, "prefix"),
        .delimiter = SLICE("/"),
        .after = entries->last,
        .limit = META_LIST_ENTRIES_MAX,
    };
    size_t charged = entries->bytes;
    int err =
        meta_object_list(core_worker_reader(request->worker), &query, visit, entries, &entries->has_more);

    if (err == 0)
        err = http_body_charge(request->http, entries->bytes - charged);
    if (err == 0 && entries->has_more && entries->seen + META_LIST_ENTRIES_MAX <= PAGES_SORT_ENTRIES_MAX &&
        entries->bytes < PAGES_SORT_BYTES_MAX)
        core_turn_wait(request->worker, &entries->turn);
    else
        entries->done(entries, err);
}

void page_entries_gather(struct page_entries *entries, struct slice after)
{
    entries->hidden = entries->call->key.len;
    entries->last = after.base != NULL ? after : SLICE("");
    entries->turn.next = step;
    step(&entries->turn);
}
