/* SPDX-License-Identifier: MIT
 *
 * sluice_import_store: the order of it all. Keys are counted by what the store has counted itself, so that progress has an end; a walk hands them
 * to threads. */
#include "api/import/store/store.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/quota.h"
#include "storage/base/owner.h"
#include "storage/base/work_pool.h"

#define VERSIONS_FIRST 4 /* of a key: most have one */

/* ---- Threads ---- */

static int buffer_open(void **own)
{
    *own = malloc(IMPORT_COPY_BYTES);
    return *own != NULL ? 0 : -ENOMEM;
}

static void key_free(struct from_key *key)
{
    if (key != NULL)
        free(key->versions);
    free(key);
}

static bool run_key(void *ctx, struct queue_link *link, void *own)
{
    struct from_key *key = OWNER_OF(link, struct from_key, link);
    struct from *from = ctx;
    int err = import_is_over(&from->import) ? 0 : from_key_import(from, key, own);

    if (err != 0)
        import_fail(&from->import, err);
    key_free(key);
    pthread_mutex_lock(&from->import.lock);
    from->import.waiting--;
    pthread_cond_signal(&from->import.room);
    pthread_mutex_unlock(&from->import.lock);
    return false;
}

static void hand_over(struct from *from, struct from_key *key)
{
    pthread_mutex_lock(&from->import.lock);
    while (from->import.waiting >= IMPORT_WAITING_MAX)
        pthread_cond_wait(&from->import.room, &from->import.lock);
    from->import.waiting++;
    pthread_mutex_unlock(&from->import.lock);
    work_pool_add(from->import.pool, &key->link);
}

/* ---- The walk ---- */

struct walk {
    struct from *from;
    const struct from_bucket *bucket;
    struct from_key *key; /* whose versions are coming; NULL: none yet */
};

static int key_begin(struct walk *walk, struct slice name)
{
    struct from_key *key = calloc(1, sizeof(*key));

    if (key == NULL)
        return -ENOMEM;
    assert(name.len <= META_KEY_BYTES_MAX);
    (void)slice_copy(key->key, name);
    key->length = name.len;
    key->bucket = walk->bucket;
    walk->key = key;
    return 0;
}

static void key_end(struct walk *walk)
{
    if (walk->key != NULL)
        hand_over(walk->from, walk->key);
    walk->key = NULL;
}

static int version_add(struct from_key *key, const struct meta_version_entry *entry)
{
    if (key->count == key->capacity) {
        size_t capacity = key->capacity == 0 ? VERSIONS_FIRST : 2 * key->capacity;
        struct from_version *grown = realloc(key->versions, capacity * sizeof(*grown));
        if (grown == NULL)
            return -ENOMEM;
        key->versions = grown;
        key->capacity = capacity;
    }
    struct from_version *version = &key->versions[key->count++];
    *version = (struct from_version){.id = entry->version, .is_marker = entry->is_marker};
    if (entry->is_marker && entry->owner.len < sizeof(version->owner))
        (void)slice_copy(version->owner, entry->owner);
    return 0;
}

static int visit_version(void *ctx, const struct meta_version_entry *entry)
{
    struct walk *walk = ctx;
    int err;

    if (import_is_over(&walk->from->import))
        return -ECANCELED;
    if (walk->key == NULL || slice_compare(slice_of(walk->key->key, walk->key->length), entry->key) != 0) {
        key_end(walk);
        if ((err = key_begin(walk, entry->key)) != 0)
            return err;
    }
    return version_add(walk->key, entry);
}

/* A page a query, the next one behind the last version of the key that is at hand. */
static int walk_bucket(struct walk *walk, struct core_worker *worker)
{
    struct meta_version_query query = {.bucket = walk->bucket->bucket.id, .limit = META_LIST_ENTRIES_MAX};
    char marker[META_KEY_BYTES_MAX];
    struct meta_version_id version;
    bool truncated = true;
    int err = 0;

    while (err == 0 && truncated) {
        if (walk->key != NULL) {
            query.key_marker = slice_of(marker, walk->key->length);
            (void)slice_copy(marker, slice_of(walk->key->key, walk->key->length));
            version = walk->key->versions[walk->key->count - 1].id;
            query.version_marker = &version;
        }
        err = meta_version_list(core_worker_reader(worker), &query, visit_version, walk, &truncated);
    }
    if (err == 0)
        key_end(walk);
    key_free(walk->key);
    walk->key = NULL;
    return err;
}

static int walk_buckets(struct from *from)
{
    struct core_worker *worker;
    int err = library_lease(from->store, &worker);

    if (err != 0)
        return err;
    for (struct from_bucket *bucket = from->buckets; bucket != NULL && err == 0; bucket = bucket->next) {
        struct walk walk = {.from = from, .bucket = bucket};
        err = walk_bucket(&walk, worker);
    }
    library_give_back(from->store, worker);
    return err;
}

/* Those with nothing but older versions are not among them: it is what progress goes by, no more. */
static void keys_count(struct from *from)
{
    struct sluice_import_report found = {0};
    struct meta_usage usage;

    for (struct from_bucket *bucket = from->buckets; bucket != NULL; bucket = bucket->next)
        if (meta_usage_get(core_meta(from->store->core), bucket->bucket.id, &usage) == 1)
            found.keys_found += usage.kinds[META_USAGE_OBJECTS].count;
    import_count(&from->import, &found);
}

static int import_keys(struct from *from)
{
    const struct work_pool_options options = {.name = "import",
                                              .thread_max = IMPORT_THREADS,
                                              .run = run_key,
                                              .open_own = buffer_open,
                                              .close_own = free,
                                              .ctx = from};
    int err;

    keys_count(from);
    if ((err = work_pool_create(&from->import.pool, &options)) != 0)
        return err;
    if ((err = work_pool_begin(from->import.pool)) == 0)
        err = walk_buckets(from);
    if (err != 0)
        import_fail(&from->import, err);
    work_pool_destroy(from->import.pool); /* when all that was handed over is done */
    return atomic_load(&from->import.error);
}

/* ---- The whole ---- */

int sluice_import_store(struct sluice_store *store, struct sluice_store *source,
                        const struct sluice_import_options *options, struct sluice_import_report *report)
{
    static const struct sluice_import_options defaults;
    struct from from = {
        .import = {.store = store, .options = options != NULL ? options : &defaults, .report = report},
        .store = source};
    int err;

    assert(store != source && report != NULL);
    *report = (struct sluice_import_report){0};
    if (core_is_read_only(store->core))
        return -EROFS;
    pthread_mutex_init(&from.import.lock, NULL);
    pthread_cond_init(&from.import.room, NULL);
    if ((err = from_buckets(&from)) == 0 && (err = import_keys(&from)) == 0)
        err = from_settings(&from);
    while (from.buckets != NULL) {
        struct from_bucket *bucket = from.buckets;
        from.buckets = bucket->next;
        free(bucket);
    }
    pthread_cond_destroy(&from.import.room);
    pthread_mutex_destroy(&from.import.lock);
    int first = atomic_load(&from.import.error);
    return first != 0 ? first : err;
}
