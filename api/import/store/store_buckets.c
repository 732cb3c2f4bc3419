/* SPDX-License-Identifier: MIT
 *
 * Buckets of another store: made before their keys come, with their versioning. Their settings follow when all keys are there, so that no rule
 * acts on what is still arriving, as the documents that they are. */
#include "api/import/store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/quota.h"

/* Settings that are documents and nothing else. What a cache counts, what is told to others and where copies go hang on rows and targets of their store. */
static const struct {
    enum meta_setting_kind kind;
    const char *words;
    bool stays; /* left out, by name */
} kinds[] = {
    {META_SETTING_TAGGING, "tags", false},
    {META_SETTING_CORS, "CORS rules", false},
    {META_SETTING_LIFECYCLE, "lifecycle rules", false},
    {META_SETTING_OWNERSHIP, "ownership controls", false},
    {META_SETTING_PUBLIC_ACCESS_BLOCK, "public access block", false},
    {META_SETTING_ACL, "ACL", false},
    {META_SETTING_POLICY, "policy", false},
    {META_SETTING_OBJECT_LOCK, "object lock", false},
    {META_SETTING_WEBSITE, "website", false},
    {META_SETTING_CONTENT_TYPES, "content types", false},
    {META_SETTING_ENCRYPTION, "encryption", false},
    {META_SETTING_NOTIFICATION, "notifications: set them again, for their targets are the server's", true},
    {META_SETTING_REPLICATION, "replication: set it again, for its targets are the server's", true},
};

/* ---- Buckets ---- */

static void tell(struct from *from, enum sluice_import_kind kind, const char *bucket, const char *why)
{
    import_find(&from->import, kind, bucket, NULL, NULL, why);
}

/* One that is here gets versions, if the other has any, and loses none. */
static int bucket_meet(struct core_worker *worker, struct from_bucket *bucket)
{
    enum meta_versioning versioning = bucket->bucket.versioning;
    struct meta_bucket_create create = {.op.kind = META_OP_BUCKET_CREATE, .bucket = bucket->bucket};
    struct meta_bucket_versioning change = {.op.kind = META_OP_BUCKET_VERSIONING, .versioning = versioning};
    struct meta_bucket here;
    int err = meta_bucket_get(core_worker_reader(worker), slice_text(bucket->bucket.name), &here);

    if (err == META_E_NO_BUCKET) {
        err = library_change(worker, &create.op);
        bucket->id = create.bucket.id;
        return err;
    }
    if (err != 0)
        return err;
    bucket->id = change.bucket = here.id;
    if (versioning == META_VERSIONING_NEVER || here.versioning == versioning ||
        (versioning == META_VERSIONING_SUSPENDED && here.versioning != META_VERSIONING_NEVER))
        return 0;
    return library_change(worker, &change.op);
}

static int is_cache(struct core_worker *source, int64_t bucket)
{
    struct slice document;
    int err = meta_setting_get(core_worker_reader(source), bucket, META_SETTING_CACHE, &document);

    if (err == 0)
        free((void *)document.base);
    return err == 0 ? 1 : err == META_E_NO_SETTING ? 0 : err;
}

static int bucket_add(struct from *from, struct core_worker *source, const struct meta_bucket *is)
{
    struct from_bucket *bucket;
    struct core_worker *worker;
    int err = is_cache(source, is->id);

    if (err == 1)
        tell(from, SLUICE_IMPORT_LEFT_OUT, is->name, "it is a cache, which fills by itself");
    if (err != 0)
        return err < 0 ? err : 0;
    if ((bucket = calloc(1, sizeof(*bucket))) == NULL)
        return -ENOMEM;
    bucket->bucket = *is;
    if ((err = library_lease(from->import.store, &worker)) == 0) {
        err = bucket_meet(worker, bucket);
        library_give_back(from->import.store, worker);
    }
    if (err != 0) {
        free(bucket);
        if (err == META_E_BUCKET_STATE)
            tell(from, SLUICE_IMPORT_REFUSED, is->name, "it is a cache bucket here");
        return err == META_E_BUCKET_STATE ? 0 : err;
    }
    bucket->next = from->buckets;
    from->buckets = bucket;
    import_count(&from->import, &(struct sluice_import_report){.buckets = 1});
    return 0;
}

struct page {
    struct meta_bucket buckets[64];
    uint32_t count;
};

static int visit_bucket(void *ctx, const struct meta_bucket *bucket)
{
    struct page *page = ctx;

    page->buckets[page->count++] = *bucket;
    return 0;
}

int from_buckets(struct from *from)
{
    struct page *page = calloc(1, sizeof(*page));
    char after[META_BUCKET_NAME_BYTES_MAX + 1] = "";
    struct core_worker *source;
    int err = page != NULL ? library_lease(from->store, &source) : -ENOMEM;

    if (err != 0) {
        free(page);
        return err;
    }
    do { /* each is made outside the walk that found it */
        page->count = 0;
        err = meta_bucket_list(core_worker_reader(source), slice_text(after), 64, visit_bucket, page);
        for (uint32_t i = 0; err == 0 && i < page->count; i++)
            err = import_is_over(&from->import) ? -ECANCELED : bucket_add(from, source, &page->buckets[i]);
        if (page->count > 0)
            strcpy(after, page->buckets[page->count - 1].name);
    } while (err == 0 && page->count == 64);
    library_give_back(from->store, source);
    free(page);
    return err;
}

/* ---- Settings ---- */

/* What is set here stays as it is. */
static int setting_put(struct from *from, struct core_worker *worker, const struct from_bucket *bucket,
                       enum meta_setting_kind kind, const char *words, struct slice document)
{
    struct meta_setting_put put = {
        .op.kind = META_OP_SETTING_PUT, .bucket = bucket->id, .kind = kind, .document = document};
    char why[IMPORT_WHY_BYTES];
    struct slice here;
    int err = meta_setting_get(core_worker_reader(worker), bucket->id, kind, &here);

    if (err == 0) {
        if (slice_compare(here, document) != 0) {
            (void)snprintf(why, sizeof(why), "%s: the bucket here has others", words);
            tell(from, SLUICE_IMPORT_LEFT_OUT, bucket->bucket.name, why);
        }
        free((void *)here.base);
        return 0;
    }
    if (err != META_E_NO_SETTING)
        return err;
    if ((err = library_change(worker, &put.op)) == 0)
        import_count(&from->import, &(struct sluice_import_report){.settings = 1});
    return err;
}

static int quota_put(struct from *from, struct core_worker *worker, const struct from_bucket *bucket)
{
    struct meta_quota_set set = {.op.kind = META_OP_QUOTA_SET, .bucket = bucket->id};
    struct meta_usage usage, here;
    int err;

    if (meta_usage_get(core_meta(from->store->core), bucket->bucket.id, &usage) != 1 ||
        (usage.quota.bytes_max == META_QUOTA_NONE && usage.quota.objects_max == META_QUOTA_NONE) ||
        (meta_usage_get(core_meta(from->import.store->core), bucket->id, &here) == 1 &&
         (here.quota.bytes_max != META_QUOTA_NONE || here.quota.objects_max != META_QUOTA_NONE)))
        return 0;
    set.quota = usage.quota;
    if ((err = library_change(worker, &set.op)) == 0)
        import_count(&from->import, &(struct sluice_import_report){.settings = 1});
    return err;
}

static int settings_take(struct from *from, struct core_worker *source, struct core_worker *worker,
                         const struct from_bucket *bucket)
{
    int err = 0;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && err == 0; i++) {
        struct slice document;

        err = meta_setting_get(core_worker_reader(source), bucket->bucket.id, kinds[i].kind, &document);
        if (err == META_E_NO_SETTING) {
            err = 0;
            continue;
        }
        if (err != 0)
            break;
        if (kinds[i].stays)
            tell(from, SLUICE_IMPORT_LEFT_OUT, bucket->bucket.name, kinds[i].words);
        else
            err = setting_put(from, worker, bucket, kinds[i].kind, kinds[i].words, document);
        free((void *)document.base);
    }
    return err != 0 ? err : quota_put(from, worker, bucket);
}

/* ---- Unfinished uploads ---- */

static int visit_upload(void *ctx, const struct meta_upload *upload, struct slice common_prefix)
{
    uint64_t *count = ctx;

    ++*count;
    return 0;
}

static int uploads_tell(struct from *from, struct core_worker *source, const struct from_bucket *bucket)
{
    struct meta_upload_query query = {.bucket = bucket->bucket.id, .limit = META_LIST_ENTRIES_MAX};
    char why[IMPORT_WHY_BYTES];
    uint64_t count = 0;
    bool truncated;
    int err = meta_upload_list(core_worker_reader(source), &query, visit_upload, &count, &truncated);

    if (err != 0 || count == 0)
        return err;
    (void)snprintf(why, sizeof(why), "%s%llu unfinished uploads, which their clients begin anew",
                   truncated ? "more than " : "", (unsigned long long)count);
    tell(from, SLUICE_IMPORT_LEFT_OUT, bucket->bucket.name, why);
    return 0;
}

int from_settings(struct from *from)
{
    struct core_worker *source, *worker;
    int err = library_lease(from->store, &source);

    if (err != 0)
        return err;
    if ((err = library_lease(from->import.store, &worker)) != 0) {
        library_give_back(from->store, source);
        return err;
    }
    for (struct from_bucket *bucket = from->buckets; bucket != NULL && err == 0; bucket = bucket->next) {
        err = settings_take(from, source, worker, bucket);
        if (err == 0)
            err = uploads_tell(from, source, bucket);
        if (err == 0 && import_is_over(&from->import))
            err = -ECANCELED;
    }
    library_give_back(from->import.store, worker);
    library_give_back(from->store, source);
    return err;
}
