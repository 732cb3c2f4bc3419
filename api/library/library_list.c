/* SPDX-License-Identifier: MIT
 *
 * Listings. A page is read and copied, and only then shown: what a visitor does may take as long as it likes, and while a page is
 * being read, the database's log cannot begin anew. */
#include "api/library/library.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/arena.h"

/* Entries that are copied at a time: 100 KiB with keys of some length. */
#define LIST_PAGE_ENTRIES 256u

struct list_entry {
    struct slice key; /* with a NUL behind it */
    bool is_prefix, is_marker, is_current;
    struct meta_version_id version;
    struct sluice_object_info info;
};

struct list_page {
    struct list_entry entries[LIST_PAGE_ENTRIES];
    uint32_t count;
    struct arena arena; /* their keys */
    uint64_t left;      /* entries still wanted */
};

static struct list_page *page_make(const struct sluice_list_options *options)
{
    struct list_page *page = calloc(1, sizeof(*page));

    if (page != NULL)
        page->left = options->limit != 0 ? options->limit : UINT64_MAX;
    return page;
}

static void page_free(struct list_page *page)
{
    if (page == NULL)
        return;
    arena_free(&page->arena);
    free(page);
}

/* How many of the next page are wanted. */
static uint32_t page_limit(const struct list_page *page)
{
    return page->left < LIST_PAGE_ENTRIES ? (uint32_t)page->left : LIST_PAGE_ENTRIES;
}

/* The next entry of the page, with its key; NULL: there is no memory. */
static struct list_entry *page_add(struct list_page *page, struct slice key)
{
    struct list_entry *entry = &page->entries[page->count];
    char *copy = arena_alloc(&page->arena, key.len + 1);

    assert(page->count < LIST_PAGE_ENTRIES && key.len <= META_KEY_BYTES_MAX);
    if (copy == NULL)
        return NULL;
    (void)slice_copy(copy, key);
    copy[key.len] = '\0';
    *entry = (struct list_entry){.key = slice_of(copy, key.len)};
    page->count++;
    page->left--;
    return entry;
}

/* The last entry's key, which outlives the page. */
static struct slice page_last(const struct list_page *page, char *key)
{
    const struct slice last = page->entries[page->count - 1].key;

    (void)slice_copy(key, last);
    return slice_of(key, last.len);
}

static void page_empty(struct list_page *page)
{
    arena_reset(&page->arena);
    page->count = 0;
}

/* ---- Objects ---- */

static int on_object(void *ctx, const struct meta_list_entry *row)
{
    struct list_entry *entry;

    if (row->key.len > META_KEY_BYTES_MAX)
        return META_E_CORRUPT;
    if ((entry = page_add(ctx, row->key)) == NULL)
        return -ENOMEM;
    entry->is_prefix = row->is_prefix;
    if (!row->is_prefix)
        library_info_fill(&entry->info, row->size, row->modified_ms, row->etag, NULL);
    return 0;
}

static int objects_show(const struct list_page *page,
                        int (*visit)(void *ctx, const struct sluice_list_entry *entry), void *ctx)
{
    int result = 0;

    for (uint32_t i = 0; i < page->count && result == 0; i++) {
        const struct list_entry *entry = &page->entries[i];
        const struct sluice_list_entry shown = {
            .key = entry->key.base, .is_prefix = entry->is_prefix, .info = entry->info};

        result = visit(ctx, &shown);
    }
    return result;
}

static int object_pages(struct core_worker *worker, struct meta_list_query *query, struct list_page *page,
                        int (*visit)(void *ctx, const struct sluice_list_entry *entry), void *ctx)
{
    char after[META_KEY_BYTES_MAX];
    bool truncated;
    int err;

    do {
        page_empty(page);
        query->limit = page_limit(page);
        err = meta_object_list(core_worker_reader(worker), query, on_object, page, &truncated);
        if (err == 0)
            err = objects_show(page, visit, ctx);
        if (err == 0 && page->count > 0)
            query->after = page_last(page, after);
    } while (err == 0 && truncated && page->left > 0);
    return err;
}

int sluice_list(struct sluice_store *store, const char *bucket, const struct sluice_list_options *options,
                int (*visit)(void *ctx, const struct sluice_list_entry *entry), void *ctx)
{
    static const struct sluice_list_options defaults;
    struct meta_list_query query = {0};
    struct core_worker *worker;
    struct list_page *page;
    int err;

    options = options != NULL ? options : &defaults;
    query.prefix = slice_text(options->prefix);
    query.delimiter = slice_text(options->delimiter);
    query.after = slice_text(options->after);
    if ((page = page_make(options)) == NULL)
        return -ENOMEM;
    err = library_lease(store, &worker);
    if (err == 0) {
        if ((err = library_find_bucket(worker, bucket, NULL, &query.bucket)) == 0)
            err = object_pages(worker, &query, page, visit, ctx);
        library_give_back(store, worker);
    }
    page_free(page);
    return err;
}

/* ---- Versions ---- */

static int on_version(void *ctx, const struct meta_version_entry *row)
{
    struct list_entry *entry;

    if (row->key.len > META_KEY_BYTES_MAX)
        return META_E_CORRUPT;
    if ((entry = page_add(ctx, row->key)) == NULL)
        return -ENOMEM;
    entry->is_prefix = row->is_prefix;
    entry->is_marker = row->is_marker;
    entry->is_current = row->is_current;
    entry->version = row->version;
    if (!row->is_prefix)
        library_info_fill(&entry->info, row->size, row->modified_ms, row->etag, &row->version);
    return 0;
}

static int versions_show(const struct list_page *page,
                         int (*visit)(void *ctx, const struct sluice_version_entry *entry), void *ctx)
{
    int result = 0;

    for (uint32_t i = 0; i < page->count && result == 0; i++) {
        const struct list_entry *entry = &page->entries[i];
        const struct sluice_version_entry shown = {
            .key = entry->key.base,
            .is_prefix = entry->is_prefix,
            .is_marker = entry->is_marker,
            .is_current = entry->is_current,
            .info = entry->info,
        };

        result = visit(ctx, &shown);
    }
    return result;
}

static int version_pages(struct core_worker *worker, struct meta_version_query *query, struct list_page *page,
                         int (*visit)(void *ctx, const struct sluice_version_entry *entry), void *ctx)
{
    char key_marker[META_KEY_BYTES_MAX];
    struct meta_version_id version_marker;
    bool truncated;
    int err;

    do {
        page_empty(page);
        query->limit = page_limit(page);
        err = meta_version_list(core_worker_reader(worker), query, on_version, page, &truncated);
        if (err == 0)
            err = versions_show(page, visit, ctx);
        if (err == 0 && page->count > 0) {
            query->key_marker = page_last(page, key_marker);
            version_marker = page->entries[page->count - 1].version;
            query->version_marker = page->entries[page->count - 1].is_prefix ? NULL : &version_marker;
        }
    } while (err == 0 && truncated && page->left > 0);
    return err;
}

int sluice_list_versions(struct sluice_store *store, const char *bucket,
                         const struct sluice_list_options *options,
                         int (*visit)(void *ctx, const struct sluice_version_entry *entry), void *ctx)
{
    static const struct sluice_list_options defaults;
    struct meta_version_query query = {0};
    struct core_worker *worker;
    struct list_page *page;
    int err;

    options = options != NULL ? options : &defaults;
    query.prefix = slice_text(options->prefix);
    query.delimiter = slice_text(options->delimiter);
    query.key_marker = slice_text(options->after);
    if ((page = page_make(options)) == NULL)
        return -ENOMEM;
    err = library_lease(store, &worker);
    if (err == 0) {
        if ((err = library_find_bucket(worker, bucket, NULL, &query.bucket)) == 0)
            err = version_pages(worker, &query, page, visit, ctx);
        library_give_back(store, worker);
    }
    page_free(page);
    return err;
}
