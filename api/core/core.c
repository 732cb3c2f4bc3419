/* SPDX-License-Identifier: MIT
 *
 * Opening and closing a store: the folder of blobs (which holds the lock), the database beside it, recovery,
 * the digest threads, the reclaimer. Opened in that order and closed in the opposite one; core_close takes a
 * half-opened core.
 *
 * Everything here blocks: not for event-loop threads. */
#include "api/core/core_internal.h"
#include "api/core/backup/backup.h"
#include "api/core/sealed/sealed_put.h"
#include "storage/base/work_pool.h"

#include "api/core/cache/cache_use.h"
#include "api/core/cluster/cluster.h"
#include "api/core/many/pack.h"
#include "api/core/many/unpacks.h"
#include "api/core/scrub/scrub.h"
#include "api/core/upkeep/pressure.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metadata/meta_journal.h"
#include "metadata/meta_usage.h"
#include "storage/limits.h"

/* Digests are bound by memory and arithmetic: more threads than this only get in the workers' way. */
#define CORE_DIGEST_THREADS_DEFAULT_MAX 4
#define CORE_REHASH_THREADS             2u /* so that one that waits for a cold disk does not stop them all */

char *core_database_path(const char *data_dir)
{
    char *path;

    assert(data_dir != NULL);
    return asprintf(&path, "%s/sluice.db", data_dir) < 0 ? NULL : path;
}

static unsigned core_digest_threads(const struct core_options *options)
{
    long cores;

    assert(options != NULL);
    if (options->digest_threads != 0)
        return options->digest_threads < DIGEST_THREADS_MAX ? options->digest_threads : DIGEST_THREADS_MAX;
    cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (cores < 1)
        return 1;
    return cores < CORE_DIGEST_THREADS_DEFAULT_MAX ? (unsigned)cores : CORE_DIGEST_THREADS_DEFAULT_MAX;
}

static int core_open_blobs(struct core *core)
{
    const struct blob_store_options options = {
        .durable = !core->options.relaxed,
        .copy_mode = core->options.copy_mode,
        .read_only = core->options.read_only,
        .shared_fs = core->options.shared_fs,
        .min_free_bytes = core->options.min_free_bytes,
        .min_free_share = core->options.min_free_share,
        .log = core->options.log,
        .log_ctx = core->options.log_ctx,
        .on_grown = epoch_on_grown,
        .grown_ctx = core,
    };

    assert(core->blobs == NULL);
    return blob_store_open(&core->blobs, core->options.data_dir, &options);
}

static int core_open_meta(struct core *core)
{
    struct blob_past past;
    struct meta_options options = {
        .durable = !core->options.relaxed,
        .keeps_replaced = core->options.relaxed,
        .read_only = core->options.read_only,
        .compacts = core->options.vacuums,
        .hooks = core->pack != NULL ? pack_hooks(core->pack) : (struct meta_batch_hooks){0},
        .log = core->options.log,
        .log_ctx = core->options.log_ctx,
        .admit = past_admit,
        .admit_ctx = core,
    };
    char *path = core_database_path(core->options.data_dir);
    int err;

    assert(core->meta == NULL && core->blobs != NULL);
    blob_store_past(core->blobs, &past);
    options.was_durable = past.was_durable;
    options.may_be_older = past.is_unclean && !past.was_durable;
    if (path == NULL || asprintf(&core->chronicle, "%s/" CORE_CHRONICLE, core->options.data_dir) < 0) {
        free(path);
        core->chronicle = NULL;
        return -ENOMEM;
    }
    options.chronicle = core->chronicle;
    err = meta_open(&core->meta, path, &options);
    free(path);
    return err;
}

static int core_blob_is_live(void *ctx, uint64_t blob)
{
    return meta_file_is_live(ctx, blob);
}

/* Removes the blobs that a crash left without a row. Garbage counts as live: the reclaimer has it in hand. */
static int core_recover(struct core *core)
{
    struct meta_reader *reader;
    uint64_t removed = 0, last;
    int err;

    assert(!core->options.read_only);
    err = meta_reader_open(core->meta, &reader);
    if (err != 0)
        return err;
    if ((err = meta_file_last(reader, &last)) == 0 && (err = blob_store_stay_above(core->blobs, last)) == 0)
        err = blob_store_recover(core->blobs, core_blob_is_live, core_blob_units, reader, &removed);
    meta_reader_close(reader);
    if (err == 0 && removed > 0)
        core_log(core, LOG_LEVEL_INFO, "recovery: removed %llu blobs of unfinished uploads",
                 (unsigned long long)removed);
    return err;
}

static uint64_t quota_of(uint64_t number)
{
    return number != 0 ? number : META_QUOTA_NONE;
}

static void core_take_quota(struct core *core, const struct core_options *options)
{
    meta_quota_set_store(
        core->meta, (struct meta_quota){quota_of(options->quota_bytes), quota_of(options->quota_objects)});
}

/* A store of this process alone: the folder, then the database in it. */
static int core_open_alone(struct core *core)
{
    int err;

    if ((err = core_open_blobs(core)) != 0 || (err = past_look(core)) != 0 || core->past.has_no_database ||
        (!core->options.read_only && (err = pack_open(core, &core->pack)) != 0))
        return err;
    err = core_open_meta(core);
    if (err != 0 && core->options.read_only && core->past.error != 0) {
        core->past.has_no_database = true; /* which was noted, and the rest can be looked at */
        return 0;
    }
    return err;
}

/* What its last process left. */
static int core_settle_alone(struct core *core)
{
    int err;

    if ((err = core_replay(core)) != 0 || (err = core_verify_recent(core)) != 0)
        return err;
    /* Recovery cuts the journal off, and removes what no row names. */
    if ((err = meta_make_durable(core->meta)) != 0 || (err = blob_store_log_is_there(core->blobs)) != 0 ||
        (err = core_recover(core)) != 0)
        return err;
    core_hold_forget(core);
    return settle_open(core);
}

static int core_open_parts(struct core *core)
{
    const bool is_alone = core->options.cluster == NULL;
    int err = is_alone ? core_open_alone(core) : cluster_open(core);

    if (err != 0 || core->past.has_no_database)
        return err;
    core_take_quota(core, &core->options);
    if ((err = digest_pool_create(&core->digests, core_digest_threads(&core->options))) != 0)
        return err;
    if ((err = digest_jobs_create(&core->rehashes, core->blobs, CORE_REHASH_THREADS)) != 0)
        return err;
    if (core->options.read_only)
        return 0;
    if ((err = pump_pool_create(&core->pumps, PUMP_THREADS_MAX)) != 0 ||
        (err = sealed_pool_create(&core->seals, core_digest_threads(&core->options))) != 0 ||
        (err = unpacks_create(&core->unpacks)) != 0)
        return err;
    if (is_alone && (err = core_settle_alone(core)) != 0)
        return err;
    if ((err = reclaim_start(core, &core->reclaim)) != 0 || (err = settle_start(core, &core->settle)) != 0)
        return err;
    if (core->options.compacts)
        return 0;
    if (core->options.refuses_changes)
        return scrub_start(core, &core->scrub);
    if ((err = cache_uses_create(&core->uses)) != 0 || (err = evict_start(core, &core->evict)) != 0)
        return err;
    /* What is kept of a round of scrubbing is a single server's. */
    if (is_alone && (err = scrub_start(core, &core->scrub)) != 0)
        return err;
    err = lifecycle_start(core, &core->lifecycle);
    return err != 0 || is_alone ? err : cluster_start(core);
}

static int core_open_as(struct core **out, const struct core_options *options)
{
    struct core *core = calloc(1, sizeof(*core));
    int err;

    assert(options->data_dir != NULL);
    if (core == NULL)
        return -ENOMEM;
    epoch_init(core);
    pressure_init(core);
    pthread_mutex_init(&core->check_lock, NULL);
    pthread_mutex_init(&core->news.lock, NULL);
    core->options = *options;
    atomic_init(&core->limits.verify_reads, options->verify_reads);
    atomic_init(&core->limits.lost_days, options->lost_days);
    atomic_init(&core->limits.lost_share, options->lost_share);
    if (core->options.garbage_max == 0)
        core->options.garbage_max = CORE_GARBAGE_MAX_DEFAULT;
    if (core->options.reclaim_delay_s == 0)
        core->options.reclaim_delay_s = CORE_RECLAIM_DELAY_DEFAULT_S;
    if (core->options.server_timeout_s == 0)
        core->options.server_timeout_s = CORE_SERVER_TIMEOUT_DEFAULT_S;
    core->options.data_dir = strdup(options->data_dir);
    core->options.mend_from = options->mend_from != NULL ? strdup(options->mend_from) : NULL;
    core->options.cluster = options->cluster != NULL ? strdup(options->cluster) : NULL;
    err = core->options.data_dir == NULL || (options->mend_from != NULL && core->options.mend_from == NULL) ||
                  (options->cluster != NULL && core->options.cluster == NULL)
              ? -ENOMEM
              : core_open_parts(core);
    if (err != 0) {
        core_close(core);
        return err;
    }
    core->is_open = true;
    if (options->accept_older_database && !core->past.is_accepted)
        core_log(core, LOG_LEVEL_WARNING, "--accept-older-database was not needed: start without it");
    *out = core;
    return 0;
}

/* Whether a store that was opened without writing shows all that it holds: nothing waits for the next start. */
static bool core_is_settled(struct core *core)
{
    struct blob_past past;

    blob_store_past(core->blobs, &past);
    return core->past.count == 0 && !core->past.has_no_database && !past.is_unclean && !past.is_damaged;
}

/* 0, with *out NULL where the store must be recovered first, or brought up to date. */
static int core_open_unwritten(struct core **out, const struct core_options *options)
{
    struct core_options unwritten = *options;
    int err;

    unwritten.read_only = true;
    err = core_open_as(out, &unwritten);
    if (err == 0 && core_is_settled(*out))
        return 0;
    if (err == 0)
        core_close(*out);
    *out = NULL;
    return err == META_E_OLDER_SCHEMA || err == -EROFS ? 0 : err;
}

int core_open(struct core **out, const struct core_options *options)
{
    struct core *core = NULL;
    int err = options->refuses_changes && !options->read_only ? core_open_unwritten(&core, options) : 0;

    if (err != 0 || core != NULL) {
        *out = core;
        return err;
    }
    return core_open_as(out, options);
}

int core_open_to_look(struct core **out, const char *data_dir)
{
    const struct core_options options = {
        .data_dir = data_dir, .read_only = true, .shared_fs = true, .digest_threads = 1};

    return core_open(out, &options);
}

/* The database removes its log when it is closed, so SEQUENCE must not say any more that it is there; and of a store that was not opened
 * everything stays. */
static void core_end_log(struct core *core)
{
    int err;

    if (core->meta == NULL || core->options.read_only || core->cluster != NULL)
        return;
    if (!core->is_open) {
        meta_keep_log(core->meta);
    } else if ((err = blob_store_log_ends(core->blobs)) != 0) {
        core_log(core, LOG_LEVEL_WARNING, "cannot write blobs/SEQUENCE at close, the log stays: %s",
                 strerror(-err));
        meta_keep_log(core->meta);
    }
}

void core_close(struct core *core)
{
    assert(atomic_load(&core->workers) == 0);
    cluster_stop(core);
    scrub_stop(core->scrub);
    lifecycle_stop(core->lifecycle); /* it wakes the reclaimer */
    evict_stop(core->evict);         /* the same */
    cache_uses_free(core->uses);
    settle_stop(core->settle);
    pack_close(core->pack); /* no put is under way: the committer calls its hooks no more */
    reclaim_stop(core->reclaim);
    pump_pool_destroy(core->pumps);
    work_pool_destroy(core->seals);
    unpacks_destroy(core->unpacks);
    if (core->digests != NULL)
        digest_pool_destroy(core->digests);
    digest_jobs_destroy(core->rehashes);
    cluster_end_reads(core);
    epoch_end(core);
    core_end_log(core);
    meta_close(core->meta);
    pack_free(core->pack); /* its hooks are called until the end */
    blob_store_close(core->blobs);
    cluster_free(core); /* the folder has told it which ids are settled */
    epoch_free(core);
    pressure_free(core);
    pthread_mutex_destroy(&core->check_lock);
    pthread_mutex_destroy(&core->news.lock);
    free(core->chronicle);
    free((char *)core->options.data_dir); /* the core's own copies */
    free((char *)core->options.mend_from);
    free((char *)core->options.cluster);
    free(core);
}

int core_check_place(const struct core_options *options)
{
    const struct blob_store_options blobs = {
        .shared_fs = options->shared_fs, .log = options->log, .log_ctx = options->log_ctx};

    return blob_store_check_place(options->data_dir, &blobs);
}

const struct core_options *core_get_options(const struct core *core)
{
    return &core->options;
}

void core_change_limits(struct core *core, const struct core_options *options)
{
    assert(core->is_open);
    atomic_store(&core->limits.verify_reads, options->verify_reads);
    atomic_store(&core->limits.lost_days, options->lost_days);
    atomic_store(&core->limits.lost_share, options->lost_share);
    blob_store_keep_free(core->blobs, options->min_free_bytes, options->min_free_share);
    core_take_quota(core, options);
}

struct key_ring *core_keys(const struct core *core)
{
    return core->options.keys;
}

const char *core_data_dir(const struct core *core)
{
    return core->options.data_dir;
}
