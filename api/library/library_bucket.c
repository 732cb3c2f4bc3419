/* SPDX-License-Identifier: MIT
 *
 * Buckets of the public library, and listing and deleting what is in them. */
#include "api/library/library.h"

#include <errno.h>
#include <string.h>

#include "storage/base/clock.h"
#include "storage/base/text/names.h"

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
