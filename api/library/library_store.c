/* SPDX-License-Identifier: MIT
 *
 * Stores of the public library: open, close, the workers they lend to calls, messages, check. */
#include "api/library/library.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/core_internal.h"
#include "api/core/keys/key_ring.h"
#include "api/core/keys/known_keys.h"
#include "storage/base/text/redact.h"

/* The public results are the module's own numbers. */
_Static_assert((int)SLUICE_E_NO_BUCKET == (int)META_E_NO_BUCKET, "results differ");
_Static_assert((int)SLUICE_E_BUCKET_EXISTS == (int)META_E_BUCKET_EXISTS, "results differ");
_Static_assert((int)SLUICE_E_BUCKET_NOT_EMPTY == (int)META_E_BUCKET_NOT_EMPTY, "results differ");
_Static_assert((int)SLUICE_E_NO_KEY == (int)META_E_NO_KEY, "results differ");
_Static_assert((int)SLUICE_E_PRECONDITION == (int)META_E_PRECONDITION, "results differ");
_Static_assert((int)SLUICE_E_NEWER_STORE == (int)META_E_NEWER_SCHEMA, "results differ");
_Static_assert((int)SLUICE_E_NOT_A_STORE == (int)META_E_NOT_OURS, "results differ");
_Static_assert((int)SLUICE_E_CORRUPT == (int)META_E_CORRUPT, "results differ");
_Static_assert((int)SLUICE_E_UNSYNCED == (int)META_E_UNSYNCED, "results differ");
_Static_assert((int)SLUICE_E_STALLED == (int)META_E_STALLED, "results differ");
_Static_assert((int)SLUICE_E_BUCKET_STATE == (int)META_E_BUCKET_STATE, "results differ");
_Static_assert((int)SLUICE_E_WRITE_ONCE == (int)META_E_WRITE_ONCE, "results differ");
_Static_assert((int)SLUICE_E_OBJECT_SIZE == (int)META_E_OBJECT_SIZE, "results differ");
_Static_assert((int)SLUICE_E_QUOTA == (int)META_E_QUOTA, "results differ");
_Static_assert((int)SLUICE_E_OLDER_DATABASE == (int)META_E_OLDER, "results differ");
_Static_assert((int)SLUICE_E_DAMAGED_LOG == (int)META_E_DAMAGED_LOG, "results differ");

const char *sluice_sqlite_version(void)
{
    return meta_sqlite_version();
}

const char *sluice_version(void)
{
    return SLUICE_VERSION;
}

const char *sluice_strerror(int result)
{
    switch (result) {
    case SLUICE_E_NEWER_STORE:
        return "the store was written by a newer version";
    case SLUICE_E_NOT_A_STORE:
        return "the directory holds a database of another application";
    case SLUICE_E_CORRUPT:
        return "the store's database is damaged";
    case SLUICE_E_BUCKET_NAME:
        return "not a valid bucket name";
    case SLUICE_E_KEY:
        return "not a valid key";
    case SLUICE_E_RANGE:
        return "outside the object";
    case SLUICE_E_CREDENTIALS:
        return "the credentials file cannot be understood";
    case SLUICE_E_OPEN_ADDRESS:
        return "no key is configured and the address is not loopback";
    case SLUICE_E_CERTIFICATE:
        return "the TLS certificate or its key cannot be used";
    case SLUICE_E_NOTIFICATIONS:
        return "the file of targets of events cannot be understood";
    case SLUICE_E_REPLICATION:
        return "the file of targets of replication cannot be understood";
    case SLUICE_E_ORIGINS:
        return "the file of origins cannot be understood";
    case SLUICE_E_NO_REPLICATION:
        return "the bucket has no rule of replication that is enabled";
    case SLUICE_E_SHARED_FS:
        return "other machines may have the directory's file system mounted, and no option allows that";
    case SLUICE_E_ENCRYPTION_KEYS:
        return "the encryption keys cannot be read";
    case SLUICE_E_NO_ENCRYPTION_KEY:
        return "the key that the object is encrypted under is not at hand";
    default:
        return meta_strerror(result);
    }
}

struct core *sluice_store_core(struct sluice_store *store)
{
    return store->core;
}

/* ---- Open and close ---- */

/* What a client wrote may stand in a line: without secrets, or not at all. */
static void store_log_redacted(const struct sluice_store *store, enum sluice_log_level level,
                               const char *message, size_t room)
{
    char *copy = malloc(room + 1);

    if (copy == NULL) {
        store->log(store->log_ctx, level, "no memory for a line of the log");
        return;
    }
    copy[redact_text(message, strlen(message), copy)] = '\0';
    store->log(store->log_ctx, level, copy);
    free(copy);
}

/* Every line of a store goes through here, and of the server that serves it. */
static void store_log(void *ctx, enum log_level level, const char *message)
{
    struct sluice_store *store = ctx;

    _Static_assert((int)SLUICE_LOG_INFO == LOG_LEVEL_INFO && (int)SLUICE_LOG_WARNING == LOG_LEVEL_WARNING &&
                       (int)SLUICE_LOG_ERROR == LOG_LEVEL_ERROR,
                   "levels are handed through as numbers");
    size_t room;

    if (store->log == NULL)
        return;
    room = redact_room(message, strlen(message));
    if (room == 0)
        store->log(store->log_ctx, (enum sluice_log_level)level, message);
    else
        store_log_redacted(store, (enum sluice_log_level)level, message, room);
}

static enum ring_engine store_engine(enum sluice_engine engine)
{
    static const enum ring_engine engines[] = {
        [SLUICE_ENGINE_AUTO] = RING_ENGINE_AUTO,
        [SLUICE_ENGINE_URING] = RING_ENGINE_URING,
        [SLUICE_ENGINE_THREADS] = RING_ENGINE_THREADS,
    };

    return engines[engine];
}

/* -EREMOTE would be "object is remote" to whoever reads it. */
static int store_result(int err)
{
    return err == -EREMOTE ? SLUICE_E_SHARED_FS : err;
}

static struct core_options core_options_of(struct sluice_store *store,
                                           const struct sluice_store_options *options)
{
    return (struct core_options){
        .relaxed = options->relaxed,
        .copy_mode = options->copy_mode,
        .etag_md5 = options->etag_md5,
        .verify_reads = options->verify_reads,
        .engine = store_engine(options->engine),
        .lifecycle_day_s = options->lifecycle_day_s,
        .shared_fs = options->shared_fs != SLUICE_SHARED_FS_REFUSE,
        .accept_older_database = options->accept_older_database,
        .lost_days = options->lost_days,
        .lost_share = options->lost_share,
        .refuses_changes = options->read_only,
        .min_free_bytes = options->min_free_bytes,
        .min_free_share = options->min_free_share,
        .garbage_max = options->garbage_max,
        .quota_bytes = options->quota_bytes,
        .quota_objects = options->quota_objects,
        .scrub_days = options->scrub_days == 0                  ? CORE_SCRUB_DAYS_DEFAULT
                      : options->scrub_days == SLUICE_SCRUB_OFF ? 0
                                                                : options->scrub_days,
        .mend_from = options->mend_from,
        .accept_clock = options->accept_clock,
        .cluster = options->cluster,
        .reclaim_delay_s = options->reclaim_delay_s,
        .server_timeout_s = options->server_timeout_s,
        .on_fenced = options->on_fenced,
        .fenced_ctx = options->fenced_ctx,
        .log = store_log,
        .log_ctx = store,
        .keys = store->keys,
    };
}

static int store_open_core(struct sluice_store *store, const char *directory,
                           const struct sluice_store_options *options)
{
    struct core_options core_options = core_options_of(store, options);

    core_options.data_dir = directory;
    return store_result(core_open(&store->core, &core_options));
}

static bool are_valid(const struct sluice_store_options *options)
{
    return (unsigned)options->engine <= SLUICE_ENGINE_THREADS &&
           (unsigned)options->shared_fs <= SLUICE_SHARED_FS_EXCLUSIVE && options->lost_share <= 100 &&
           options->min_free_share <= 100 &&
           (options->server_timeout_s == 0 || options->server_timeout_s >= SLUICE_SERVER_TIMEOUT_MIN_S) &&
           (options->cluster == NULL || (!options->relaxed && !options->read_only &&
                                         !options->accept_older_database && options->mend_from == NULL)) &&
           (options->encryption_keys == NULL || options->encryption_key_command == NULL);
}

int sluice_store_change(struct sluice_store *store, const struct sluice_store_options *options)
{
    struct core_options core_options;

    if (!are_valid(options))
        return -EINVAL;
    core_options = core_options_of(store, options);
    core_change_limits(store->core, &core_options);
    return 0;
}

static int store_open_keys(struct sluice_store *store, const struct sluice_store_options *options)
{
    const struct key_ring_source source = {.path = options->encryption_keys,
                                           .command = options->encryption_key_command,
                                           .log = store_log,
                                           .log_ctx = store};
    int err;

    if (source.path == NULL && source.command == NULL)
        return 0;
    err = key_ring_open(&store->keys, &source);
    return err == 0 || err == -ENOMEM ? err : SLUICE_E_ENCRYPTION_KEYS;
}

int sluice_store_reload_keys(struct sluice_store *store)
{
    int err = store->keys != NULL ? key_ring_reload(store->keys) : 0;

    return err == 0 || err == -ENOMEM ? err : SLUICE_E_ENCRYPTION_KEYS;
}

int library_result(int result)
{
    return result == -ENOKEY || result == -EACCES ? SLUICE_E_NO_ENCRYPTION_KEY : result;
}

int sluice_store_open(struct sluice_store **out, const char *directory,
                      const struct sluice_store_options *options)
{
    static const struct sluice_store_options defaults;
    struct core_worker *worker;
    struct sluice_store *store;
    int err;

    options = options != NULL ? options : &defaults;
    if (!are_valid(options))
        return -EINVAL;
    store = calloc(1, sizeof(*store));
    if (store == NULL)
        return -ENOMEM;
    store->log = options->log;
    store->log_ctx = options->log_ctx;
    pthread_mutex_init(&store->lock, NULL);
    if ((err = store_open_keys(store, options)) == 0)
        err = store_open_core(store, directory, options);
    if (err == 0 && (err = known_keys_meet(store->core)) == -EKEYREJECTED)
        err = SLUICE_E_ENCRYPTION_KEYS;
    /* The first worker now: an engine that the system refuses is told here, not by the first put. */
    if (err == 0 && (err = library_lease(store, &worker)) == 0)
        library_give_back(store, worker);
    if (err != 0) {
        sluice_store_close(store);
        return err;
    }
    *out = store;
    return 0;
}

int sluice_store_check_place(const char *directory, const struct sluice_store_options *options)
{
    static const struct sluice_store_options defaults;
    struct sluice_store store = {0}; /* for its log */

    options = options != NULL ? options : &defaults;
    if ((unsigned)options->shared_fs > SLUICE_SHARED_FS_EXCLUSIVE)
        return -EINVAL;
    store.log = options->log;
    store.log_ctx = options->log_ctx;
    const struct core_options core_options = {
        .data_dir = directory,
        .shared_fs = options->shared_fs != SLUICE_SHARED_FS_REFUSE,
        .log = store_log,
        .log_ctx = &store,
    };
    return store_result(core_check_place(&core_options));
}

void sluice_store_close(struct sluice_store *store)
{
    if (store == NULL)
        return;
    while (store->idle_count > 0)
        core_worker_destroy(store->idle[--store->idle_count]);
    if (store->core != NULL)
        core_close(store->core);
    key_ring_close(store->keys);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

/* ---- Workers ---- */

int library_lease(struct sluice_store *store, struct core_worker **worker)
{
    *worker = NULL;
    pthread_mutex_lock(&store->lock);
    if (store->idle_count > 0)
        *worker = store->idle[--store->idle_count];
    pthread_mutex_unlock(&store->lock);
    return *worker != NULL ? 0 : core_worker_create(store->core, worker);
}

void library_give_back(struct sluice_store *store, struct core_worker *worker)
{
    if (worker == NULL)
        return;
    core_worker_drain(worker);
    pthread_mutex_lock(&store->lock);
    if (store->idle_count < LIBRARY_WORKERS_IDLE_MAX) {
        store->idle[store->idle_count++] = worker;
        worker = NULL;
    }
    pthread_mutex_unlock(&store->lock);
    core_worker_destroy(worker);
}

static void library_on_changed(struct core_change *change)
{
    *(bool *)change->ctx = true;
}

int library_change(struct core_worker *worker, struct meta_op *op)
{
    bool is_done = false;
    struct core_change change = {.op = op, .done = library_on_changed, .ctx = &is_done};

    core_change_submit(worker, &change);
    while (!is_done)
        core_worker_wait(worker);
    return op->result;
}

/* ---- Small things for the other files ---- */

void library_info_fill(struct sluice_object_info *info, uint64_t size, int64_t modified_ms, const char *etag,
                       const struct meta_version_id *version)
{
    _Static_assert(sizeof(info->etag) > META_ETAG_BYTES_MAX, "every ETag fits");
    if (info == NULL)
        return;
    *info = (struct sluice_object_info){.size = size, .modified_ms = modified_ms};
    strcpy(info->etag, etag);
    if (version != NULL)
        (void)meta_version_format(version, info->version);
}

int library_find_bucket(struct core_worker *worker, const char *bucket, const char *key, int64_t *id)
{
    struct meta_bucket row;
    int err;

    if (!bucket_name_is_valid(bucket, strlen(bucket)))
        return SLUICE_E_BUCKET_NAME;
    if (key != NULL && !key_is_valid(key, strlen(key)))
        return SLUICE_E_KEY;
    err = meta_bucket_get(core_worker_reader(worker), slice_text(bucket), &row);
    if (err == 0)
        *id = row.id;
    return err;
}
