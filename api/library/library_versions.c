/* SPDX-License-Identifier: MIT
 *
 * Versions through the public library: a bucket's state, ids as texts, deleting and listing versions. */
#include "api/library/library.h"

#include <string.h>

_Static_assert(sizeof(((struct sluice_object_info *)0)->version) > META_VERSION_TEXT_BYTES,
               "every version fits");

int sluice_bucket_set_versioning(struct sluice_store *store, const char *bucket, bool enabled)
{
    struct meta_bucket_versioning op = {
        .op.kind = META_OP_BUCKET_VERSIONING,
        .versioning = enabled ? META_VERSIONING_ENABLED : META_VERSIONING_SUSPENDED,
    };
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

int sluice_delete_version(struct sluice_store *store, const char *bucket, const char *key,
                          const char *version)
{
    struct meta_version_id id;
    struct meta_delete_entry entry = {.key = slice_text(key), .version = &id};
    struct meta_object_delete op = {.op.kind = META_OP_OBJECT_DELETE, .entries = &entry, .count = 1};
    struct core_worker *worker;
    int err;

    if ((err = meta_version_parse(slice_text(version), &id)) != 0 ||
        (err = library_lease(store, &worker)) != 0)
        return err;
    err = library_find_bucket(worker, bucket, key, &op.bucket);
    if (err == 0)
        err = library_change(worker, &op.op);
    if (err == 0)
        err = entry.result;
    library_give_back(store, worker);
    return err;
}

/* ---- Listing ---- */

struct version_page {
    int (*visit)(void *ctx, const struct sluice_version_entry *entry);
    void *ctx;
    uint64_t left; /* entries still wanted */
    char last[META_KEY_BYTES_MAX + 1];
    size_t last_length;
    struct meta_version_id last_version;
    bool last_is_prefix;
};

static int version_page_visit(void *ctx, const struct meta_version_entry *row)
{
    struct version_page *page = ctx;
    struct sluice_version_entry entry = {
        .key = page->last,
        .is_prefix = row->is_prefix,
        .is_marker = row->is_marker,
        .is_current = row->is_current,
    };

    if (row->key.len > META_KEY_BYTES_MAX)
        return META_E_CORRUPT;
    memcpy(page->last, row->key.base, row->key.len);
    page->last[row->key.len] = '\0';
    page->last_length = row->key.len;
    page->last_version = row->version;
    page->last_is_prefix = row->is_prefix;
    page->left--;
    if (!row->is_prefix)
        library_info_fill(&entry.info, row->size, row->modified_ms, row->etag, &row->version);
    return page->visit(page->ctx, &entry);
}

static int version_pages(struct core_worker *worker, struct meta_version_query *query,
                         struct version_page *page)
{
    char key_marker[META_KEY_BYTES_MAX];
    struct meta_version_id version_marker;
    bool truncated;
    int err;

    do {
        query->limit = page->left < META_LIST_ENTRIES_MAX ? (uint32_t)page->left : META_LIST_ENTRIES_MAX;
        err = meta_version_list(core_worker_reader(worker), query, version_page_visit, page, &truncated);
        memcpy(key_marker, page->last, page->last_length); /* `last` changes while the next page is read */
        version_marker = page->last_version;
        query->key_marker = slice_of(key_marker, page->last_length);
        query->version_marker = page->last_is_prefix ? NULL : &version_marker;
    } while (err == 0 && truncated && page->left > 0);
    return err;
}

int sluice_list_versions(struct sluice_store *store, const char *bucket,
                         const struct sluice_list_options *options,
                         int (*visit)(void *ctx, const struct sluice_version_entry *entry), void *ctx)
{
    static const struct sluice_list_options defaults;
    struct version_page page = {.visit = visit, .ctx = ctx};
    struct meta_version_query query = {0};
    struct core_worker *worker;
    int err;

    options = options != NULL ? options : &defaults;
    page.left = options->limit != 0 ? options->limit : UINT64_MAX;
    query.prefix = slice_text(options->prefix);
    query.delimiter = slice_text(options->delimiter);
    query.key_marker = slice_text(options->after);
    if ((err = library_lease(store, &worker)) != 0)
        return err;
    err = library_find_bucket(worker, bucket, NULL, &query.bucket);
    if (err == 0)
        err = version_pages(worker, &query, &page);
    library_give_back(store, worker);
    return err;
}
