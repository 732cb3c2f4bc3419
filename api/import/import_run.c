/* SPDX-License-Identifier: MIT
 *
 * sluice_import_minio: the order of it all. Keys are counted by a first walk, so that progress has an end; the second hands them to threads. */
#include "api/import/import.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/base/owner.h"
#include "storage/base/work_pool.h"

/* ---- Threads ---- */

struct import_job {
    struct queue_link link;
    const struct import_bucket *bucket;
    char *key;   /* behind path */
    char path[]; /* of the key's folder */
};

static void took(void *ctx, uint64_t bytes)
{
    const struct sluice_import_report more = {.bytes = bytes};

    import_count(ctx, &more);
}

static bool is_over(void *ctx)
{
    return import_is_over(ctx);
}

static void hand_init(struct import_hand *hand, struct import *import)
{
    *hand =
        (struct import_hand){.import = import, .frames = {.is_over = is_over, .took = took, .ctx = import}};
    arena_init(&hand->arena, NULL);
}

static void hand_free(struct import_hand *hand)
{
    arena_free(&hand->arena);
    frames_free(&hand->frames);
}

static int hand_open(void **own)
{
    *own = calloc(1, sizeof(struct import_hand));
    return *own != NULL ? 0 : -ENOMEM;
}

static void hand_close(void *own)
{
    hand_free(own);
    free(own);
}

static bool run_job(void *ctx, struct queue_link *link, void *own)
{
    struct import_job *job = OWNER_OF(link, struct import_job, link);
    struct import_hand *hand = own;
    struct import *import = ctx;
    int err = 0;

    if (hand->import == NULL)
        hand_init(hand, import);
    if (!import_is_over(import))
        err = import_key(hand, job->bucket, job->path, job->key);
    if (err != 0)
        import_fail(import, err);
    free(job);
    pthread_mutex_lock(&import->lock);
    import->waiting--;
    pthread_cond_signal(&import->room);
    pthread_mutex_unlock(&import->lock);
    return false;
}

/* ---- Walks ---- */

struct import_walk {
    struct import *import;
    const struct import_bucket *bucket;
    bool counts; /* the first walk, which only counts */
};

static int walk_job(struct import_walk *walk, const char *path, const char *key)
{
    size_t path_bytes = strlen(path) + 1, key_bytes = strlen(key) + 1;
    struct import_job *job = malloc(sizeof(*job) + path_bytes + key_bytes);
    struct import *import = walk->import;

    if (job == NULL)
        return -ENOMEM;
    job->bucket = walk->bucket;
    memcpy(job->path, path, path_bytes);
    job->key = job->path + path_bytes;
    memcpy(job->key, key, key_bytes);
    pthread_mutex_lock(&import->lock);
    while (import->waiting >= IMPORT_WAITING_MAX)
        pthread_cond_wait(&import->room, &import->lock);
    import->waiting++;
    pthread_mutex_unlock(&import->lock);
    work_pool_add(import->pool, &job->link);
    return 0;
}

static int on_key(void *ctx, const char *path, const char *key)
{
    const struct sluice_import_report found = {.keys_found = 1};
    struct import_walk *walk = ctx;

    if (import_is_over(walk->import))
        return -ECANCELED;
    if (!walk->counts)
        return walk_job(walk, path, key);
    import_count(walk->import, &found);
    return 0;
}

static int on_stray(void *ctx, const char *path, const char *why)
{
    struct import_walk *walk = ctx;

    if (!walk->counts)
        import_find(walk->import, SLUICE_IMPORT_REFUSED, walk->bucket->name, path, NULL, why);
    return 0;
}

static int walk_buckets(struct import *import, bool counts)
{
    struct import_walk walk = {.import = import, .counts = counts};
    const struct folder_visitor visitor = {.key = on_key, .stray = on_stray, .ctx = &walk};
    int err = 0;

    for (walk.bucket = import->buckets; walk.bucket != NULL && err == 0; walk.bucket = walk.bucket->next)
        err = folder_walk(walk.bucket->folder, &visitor);
    return err;
}

static int import_keys(struct import *import)
{
    const struct work_pool_options options = {.name = "import",
                                              .thread_max = IMPORT_THREADS,
                                              .run = run_job,
                                              .open_own = hand_open,
                                              .close_own = hand_close,
                                              .ctx = import};
    int err;

    if ((err = work_pool_create(&import->pool, &options)) != 0)
        return err;
    if ((err = work_pool_begin(import->pool)) == 0)
        err = walk_buckets(import, false);
    if (err != 0)
        import_fail(import, err);
    work_pool_destroy(import->pool); /* when all that was handed over is done */
    return atomic_load(&import->error);
}

/* ---- The whole ---- */

static int import_all(struct import *import)
{
    struct import_hand hand;
    int err;

    hand_init(&hand, import);
    if ((err = import_buckets(&hand)) == 0 && (err = walk_buckets(import, true)) == 0 &&
        (err = import_keys(import)) == 0 && (err = import_settings(&hand)) == 0)
        err = import_uploads(&hand);
    hand_free(&hand);
    int first = atomic_load(&import->error);
    return first != 0 ? first : err;
}

static void buckets_free(struct import *import)
{
    while (import->buckets != NULL) {
        struct import_bucket *bucket = import->buckets;

        import->buckets = bucket->next;
        (void)close(bucket->folder);
        free(bucket);
    }
}

int sluice_import_minio(struct sluice_store *store, const char *folder,
                        const struct sluice_import_options *options, struct sluice_import_report *report)
{
    static const struct sluice_import_options defaults;
    struct import import = {
        .store = store, .options = options != NULL ? options : &defaults, .report = report};
    int err;

    _Static_assert(sizeof(report->why) >= IMPORT_WHY_BYTES, "why an import was refused fits");
    assert(report != NULL);
    *report = (struct sluice_import_report){0};
    if (store != NULL && core_is_read_only(store->core))
        return -EROFS;
    if ((import.folder = folder_open(folder, report->why)) < 0)
        return import.folder;
    if (store == NULL) {
        (void)close(import.folder);
        return 0;
    }
    pthread_mutex_init(&import.lock, NULL);
    pthread_cond_init(&import.room, NULL);
    err = import_all(&import);
    buckets_free(&import);
    pthread_cond_destroy(&import.room);
    pthread_mutex_destroy(&import.lock);
    (void)close(import.folder);
    return err;
}
