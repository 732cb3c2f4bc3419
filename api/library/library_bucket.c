/* SPDX-License-Identifier: MIT
 *
 * Buckets of the public library, and listing and deleting what is in them. */
#include "api/library/library.h"

#include <errno.h>
#include <string.h>

#include "storage/base/clock.h"
#include "storage/base/names.h"

bool sluice_bucket_name_is_valid(const char *bucket)
{
    return bucket_name_is_valid(bucket, strlen(bucket));
}

int sluice_bucket_create(struct sluice_store *store, const char *bucket)
{
    struct meta_bucket_create op = {.op.kind = META_OP_BUCKET_CREATE};
    struct core_worker *worker;
    int err;

    if (!bucket_name_is_valid(bucket, strlen(bucket)))
        return SLUICE_E_BUCKET_NAME;
    if ((err = library_lease(store, &worker)) != 0)
        return err;
    strcpy(op.bucket.name, bucket);
    op.bucket.created_ms = clock_real_ms();
    err = library_change(worker, &op.op);
    library_give_back(store, worker);
    return err;
}

int sluice_bucket_delete(struct sluice_store *store, const char *bucket)
{
    struct meta_bucket_delete op = {.op.kind = META_OP_BUCKET_DELETE};
    struct core_worker *worker;
    int err;

    if ((err = library_lease(store, &worker)) != 0)
        return err;
    err = library_find_bucket(worker, bucket, NULL, &op.bucket);
    if (err == 0)
        err = library_change(worker, &op.op);
    library_give_back(store, worker);
    return err;
}

struct bucket_page {
    int (*visit)(void *ctx, const char *bucket, int64_t created_ms);
    void *ctx;
    uint32_t count;
    char last[META_BUCKET_NAME_BYTES_MAX + 1];
};

static int bucket_page_visit(void *ctx, const struct meta_bucket *bucket)
{
    struct bucket_page *page = ctx;

    page->count++;
    strcpy(page->last, bucket->name);
    return page->visit(page->ctx, bucket->name, bucket->created_ms);
}

int sluice_bucket_list(struct sluice_store *store,
                       int (*visit)(void *ctx, const char *bucket, int64_t created_ms), void *ctx)
{
    struct bucket_page page = {.visit = visit, .ctx = ctx};
    char after[META_BUCKET_NAME_BYTES_MAX + 1];
    struct core_worker *worker;
    int err;

    if ((err = library_lease(store, &worker)) != 0)
        return err;
    do {
        page.count = 0;
        strcpy(after, page.last);
        err = meta_bucket_list(core_worker_reader(worker), slice_text(after), META_LIST_ENTRIES_MAX,
                               bucket_page_visit, &page);
    } while (err == 0 && page.count == META_LIST_ENTRIES_MAX);
    library_give_back(store, worker);
    return err;
}

/* ---- Objects by key ---- */

int sluice_delete(struct sluice_store *store, const char *bucket, const char *key)
{
    struct meta_delete_entry entry = {.key = slice_text(key)};
    struct meta_object_delete op = {.op.kind = META_OP_OBJECT_DELETE, .entries = &entry, .count = 1};
    struct core_worker *worker;
    int err;

    if ((err = library_lease(store, &worker)) != 0)
        return err;
    err = library_find_bucket(worker, bucket, key, &op.bucket);
    if (err == 0)
        err = library_change(worker, &op.op);
    if (err == 0)
        err = entry.result;
    library_give_back(store, worker);
    return err;
}

struct list_page {
    int (*visit)(void *ctx, const struct sluice_list_entry *entry);
    void *ctx;
    uint64_t left; /* entries still wanted */
    char last[META_KEY_BYTES_MAX + 1];
    size_t last_length;
};

static int list_page_visit(void *ctx, const struct meta_list_entry *row)
{
    struct list_page *page = ctx;
    struct sluice_list_entry entry = {.key = page->last, .is_prefix = row->is_prefix};

    if (row->key.len > META_KEY_BYTES_MAX)
        return META_E_CORRUPT;
    memcpy(page->last, row->key.base, row->key.len);
    page->last[row->key.len] = '\0';
    page->last_length = row->key.len;
    page->left--;
    if (!row->is_prefix)
        library_info_fill(&entry.info, row->size, row->modified_ms, row->etag, NULL);
    return page->visit(page->ctx, &entry);
}

static int list_pages(struct core_worker *worker, struct meta_list_query *query, struct list_page *page)
{
    char after[META_KEY_BYTES_MAX];
    bool truncated;
    int err;

    do {
        query->limit = page->left < META_LIST_ENTRIES_MAX ? (uint32_t)page->left : META_LIST_ENTRIES_MAX;
        err = meta_object_list(core_worker_reader(worker), query, list_page_visit, page, &truncated);
        memcpy(after, page->last, page->last_length); /* `last` changes while the next page is read */
        query->after = slice_of(after, page->last_length);
    } while (err == 0 && truncated && page->left > 0);
    return err;
}

int sluice_list(struct sluice_store *store, const char *bucket, const struct sluice_list_options *options,
                int (*visit)(void *ctx, const struct sluice_list_entry *entry), void *ctx)
{
    static const struct sluice_list_options defaults;
    struct list_page page = {.visit = visit, .ctx = ctx};
    struct meta_list_query query = {0};
    struct core_worker *worker;
    int err;

    options = options != NULL ? options : &defaults;
    page.left = options->limit != 0 ? options->limit : UINT64_MAX;
    query.prefix = slice_text(options->prefix);
    query.delimiter = slice_text(options->delimiter);
    query.after = slice_text(options->after);
    if ((err = library_lease(store, &worker)) != 0)
        return err;
    err = library_find_bucket(worker, bucket, NULL, &query.bucket);
    if (err == 0)
        err = list_pages(worker, &query, &page);
    library_give_back(store, worker);
    return err;
}
