/* SPDX-License-Identifier: MIT
 *
 * What is in a folder, gathered and sorted: up to PAGES_SORT_ENTRIES_MAX entries, a piece a turn of the worker, so that a large folder keeps nobody
 * waiting; what comes after them is another page. Worker's thread, but for the pure part. */
#ifndef API_PAGES_PAGE_ENTRIES_H
#define API_PAGES_PAGE_ENTRIES_H

#include "api/core/core.h"
#include "api/pages/page.h"

enum page_sort { PAGE_SORT_NAME, PAGE_SORT_SIZE, PAGE_SORT_DATE, PAGE_SORT_COUNT };

struct page_entry {
    struct slice name; /* behind the folder's, followed by a NUL; a folder's ends in '/' */
    uint64_t size;
    int64_t modified_ms;
    bool is_folder;
};

/* Folders first, by name; then the objects. Equal ones by name, numbers in names by what they count. Pure. */
void page_entries_sort(struct page_entry *entries, size_t count, enum page_sort sort, bool descends);
/* "name", "size" or "date"; anything else is name. Pure. */
enum page_sort page_sort_of(struct slice text);
const char *page_sort_name(enum page_sort sort);

struct page_entries {
    struct page_call *call;
    struct page_entry *list;
    size_t count;
    bool has_more;     /* behind the last of them, in the order of keys */
    struct slice last; /* the key of that */
    /* With 0 or an error; once. */
    void (*done)(struct page_entries *entries, int result);

    /* Private. */
    struct core_turn turn;
    size_t capacity, bytes, seen;
    size_t hidden; /* bytes of each key that are not shown: the folder */
};

/* Reads the entries of request->bucket whose keys begin with call->key and call->search, behind `after`. call, done: filled by the caller. */
void page_entries_gather(struct page_entries *entries, struct slice after);

#endif
