/* SPDX-License-Identifier: MIT
 *
 * See cluster.h. */
#include "api/core/cluster/cluster.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/cluster/bodies.h"
#include "api/core/cluster/limits.h"
#include "api/core/figures.h"
#include "metadata/meta_cluster.h"
#include "metadata/meta_outbox.h"
#include "storage/base/clock.h"
#include "storage/base/thread.h"

struct core_cluster {
    struct core *core;
    struct meta_cluster *rows;
    struct blob_shared shared;
    struct bodies *bodies;
    struct meta_reader *reader; /* the thread's */
    pthread_t thread;
    bool is_running;
    atomic_bool leads, is_cut_off;
    atomic_uint servers;         /* for figures */
    atomic_uint_fast64_t buried; /* the same */
    uint64_t began_ms;
    /* The thread's own: */
    uint64_t beats;
    uint64_t beat_ms;  /* the last sign of life */
    uint64_t heard_ms; /* since when each of them was answered; 0: the last one was not */
    bool trouble_told; /* the log has a line about what cannot be cleared */

    pthread_mutex_t lock;
    pthread_cond_t changed; /* on CLOCK_MONOTONIC */
    bool is_stopping;
};

/* ---- For the store of blobs ---- */

static int on_take_block(void *ctx, uint64_t *first)
{
    struct core_cluster *cluster = ctx;

    return meta_cluster_block_take(cluster->rows, BLOB_ID_BLOCK, first) == 0 ? 0 : -EHOSTDOWN;
}

static int on_settle_block(void *ctx, uint64_t first)
{
    struct core_cluster *cluster = ctx;

    return meta_cluster_block_settle(cluster->rows, first) == 0 ? 0 : -EIO;
}

static int on_read_row(void *ctx, uint64_t id, void *bytes)
{
    struct core_cluster *cluster = ctx;

    return bodies_read(cluster->bodies, id, bytes);
}

/* ---- Opening ---- */

/* Which store the rows are of. */
static int identity_get(struct core *core, struct meta_identity *identity)
{
    struct meta_reader *reader;
    int err = meta_reader_open(core->meta, &reader);

    if (err != 0)
        return err;
    err = meta_identity_get(reader, identity);
    meta_reader_close(reader);
    return err;
}

static int open_rows(struct core *core)
{
    const struct meta_options options = {.durable = true,
                                         .read_only = core->options.read_only,
                                         .was_durable = true,
                                         .log = core->options.log,
                                         .log_ctx = core->options.log_ctx};
    int err = meta_open(&core->meta, core->options.cluster, &options);

    if (err == -EPROTONOSUPPORT)
        core_log(core, LOG_LEVEL_ERROR, "this program was built without libpq, which a cluster needs");
    if (err == 0)
        err = bodies_create(&core->cluster->bodies, core->meta);
    return err != 0 ? err : meta_cluster_open(&core->cluster->rows, core->meta);
}

static int open_blobs(struct core *core)
{
    struct core_cluster *cluster = core->cluster;
    struct meta_identity rows;
    struct blob_identity files = {.epoch = 1};
    int err = identity_get(core, &rows);

    if (err != 0)
        return err;
    cluster->shared = (struct blob_shared){.server = (uint64_t)meta_cluster_server(cluster->rows),
                                           .take_block = on_take_block,
                                           .settle_block = on_settle_block,
                                           .read_row = on_read_row,
                                           .ctx = cluster};
    memcpy(cluster->shared.store, rows.store, sizeof(rows.store));
    memcpy(files.store, rows.store, sizeof(rows.store));
    const struct blob_store_options options = {
        .durable = true,
        .copy_mode = core->options.copy_mode,
        .read_only = core->options.read_only,
        .shared_fs = true,
        .min_free_bytes = core->options.min_free_bytes,
        .min_free_share = core->options.min_free_share,
        .log = core->options.log,
        .log_ctx = core->options.log_ctx,
        .shared = &cluster->shared,
    };
    if ((err = blob_store_open(&core->blobs, core->options.data_dir, &options)) == 0)
        blob_store_identify(core->blobs, &files);
    return err;
}

int cluster_open(struct core *core)
{
    struct core_cluster *cluster = calloc(1, sizeof(*cluster));
    int err;

    assert(core->meta == NULL && core->blobs == NULL && !core->options.relaxed);
    if (cluster == NULL)
        return -ENOMEM;
    cluster->core = core;
    cluster->began_ms = clock_monotonic_ms();
    core->cluster = cluster;
    pthread_mutex_init(&cluster->lock, NULL);
    thread_condition_init(&cluster->changed);
    atomic_init(&core->garbage_ready, INT64_MAX); /* what may go, cluster_garbage says */
    if ((err = open_rows(core)) != 0)
        return err;
    return open_blobs(core);
}

/* ---- What servers that are gone have left ---- */

static int is_live(void *ctx, uint64_t blob)
{
    return meta_file_is_live(ctx, blob);
}

static int clear_blocks(struct core_cluster *cluster)
{
    uint64_t first, server, removed;
    int found = 0, err;

    for (unsigned i = 0; i < CLUSTER_CLEAR_BLOCKS; i++) {
        if ((found = meta_cluster_block_left(cluster->rows, &first, &server)) <= 0)
            return found;
        /* Its uploads first: one that wakes up has no file any more that it could give a name behind our back. */
        if ((err = blob_store_clear_staging(cluster->core->blobs, server)) != 0)
            return err;
        err = blob_store_clear(cluster->core->blobs, first, is_live, cluster->reader, &removed);
        if (removed > 0)
            core_log(cluster->core, LOG_LEVEL_INFO,
                     "cluster: removed %" PRIu64 " blobs of unfinished uploads of a server that is gone",
                     removed);
        if (err != 0 || (err = meta_cluster_block_settle(cluster->rows, first)) != 0)
            return err;
    }
    return 0;
}

static int clear_folders(struct core_cluster *cluster)
{
    uint64_t server;
    int err, found;

    while ((found = meta_cluster_server_left(cluster->rows, &server)) > 0)
        if ((err = blob_store_clear_staging(cluster->core->blobs, server)) != 0 ||
            (err = meta_cluster_server_forget(cluster->rows, server)) != 0)
            return err;
    return found;
}

/* By any server: the one that leads may be the one that stalls. Nobody is blamed for a silence that was the database's, or this server's own. */
static int bury(struct core_cluster *cluster)
{
    uint32_t silent_s = cluster->core->options.server_timeout_s, dead = 0;

    if (cluster->heard_ms == 0 || clock_monotonic_ms() - cluster->heard_ms < CLUSTER_HEARD_MS)
        return 0;
    int err = meta_cluster_bury(cluster->rows, silent_s, &dead);
    (void)atomic_fetch_add(&cluster->buried, dead);
    if (dead > 0)
        core_log(cluster->core, LOG_LEVEL_WARNING,
                 "cluster: %" PRIu32 " servers have been silent for %" PRIu32 " s and are taken for dead",
                 dead, silent_s);
    return err;
}

static void look(struct core_cluster *cluster)
{
    int err = bury(cluster);

    if (err == 0 && atomic_load(&cluster->leads) && (err = clear_blocks(cluster)) == 0)
        err = clear_folders(cluster);
    if (err != 0 && !cluster->trouble_told)
        core_log(cluster->core, LOG_LEVEL_ERROR,
                 "cluster: cannot clear what servers that are gone have left, will try again: %s",
                 meta_strerror(err));
    cluster->trouble_told = err != 0;
}

/* ---- The thread ---- */

static void tell_fenced(struct core *core)
{
    core_log(core, LOG_LEVEL_ERROR,
             "cluster: other servers have taken this one for dead, for they have not heard of it for a "
             "while: it ends");
    if (core->options.on_fenced != NULL)
        core->options.on_fenced(core->options.fenced_ctx);
}

static void note_heard(struct core_cluster *cluster, bool is_heard)
{
    uint64_t now = clock_monotonic_ms();

    if (!is_heard)
        cluster->heard_ms = 0;
    else if (cluster->heard_ms == 0 || now - cluster->beat_ms >= CLUSTER_HEARD_MS)
        cluster->heard_ms = now;
    cluster->beat_ms = now;
}

/* META_E_FENCED: there is nothing more to do. */
static int beat(struct core_cluster *cluster)
{
    struct core *core = cluster->core;
    bool leads = false, did = atomic_load(&cluster->leads);
    int err = meta_cluster_beat(cluster->rows);

    if (err == 0)
        err = meta_cluster_lead(cluster->rows, &leads);
    atomic_store(&cluster->leads, leads);
    note_heard(cluster, err == 0);
    if ((err != 0) != atomic_exchange(&cluster->is_cut_off, err != 0) && err != META_E_FENCED)
        core_log(core, err != 0 ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "cluster: the database %s",
                 err != 0 ? "does not answer" : "answers again");
    if (leads && !did)
        core_log(core, LOG_LEVEL_INFO, "cluster: this server does what one does for all");
    return err;
}

static void work(struct core_cluster *cluster)
{
    uint32_t servers;

    if (cluster->beats++ % CLUSTER_LOOK_BEATS == 0 && meta_cluster_count(cluster->rows, &servers) == 0)
        atomic_store(&cluster->servers, servers);
    if (cluster->beats % CLUSTER_IDLE_BEATS == 0)
        blob_store_close_idle(cluster->core->blobs);
    if (cluster->beats % CLUSTER_LOOK_BEATS != 1)
        return;
    look(cluster);
    if (atomic_load(&cluster->leads))
        reclaim_wake(cluster->core->reclaim);
}

/* Until the next sign of life is due. Whether to stop. */
static bool rest(struct core_cluster *cluster)
{
    struct timespec at = clock_monotonic_in(CLUSTER_BEAT_MS);

    pthread_mutex_lock(&cluster->lock);
    while (!cluster->is_stopping && pthread_cond_timedwait(&cluster->changed, &cluster->lock, &at) == 0)
        ;
    bool is_stopping = cluster->is_stopping;
    pthread_mutex_unlock(&cluster->lock);
    return is_stopping;
}

static void *cluster_main(void *arg)
{
    struct core_cluster *cluster = arg;

    do {
        if (beat(cluster) == META_E_FENCED) {
            tell_fenced(cluster->core);
            break;
        }
        work(cluster);
    } while (!rest(cluster));
    atomic_store(&cluster->leads, false);
    return NULL;
}

int cluster_start(struct core *core)
{
    struct core_cluster *cluster = core->cluster;
    int err = meta_reader_open(core->meta, &cluster->reader);

    if (err == 0)
        err = thread_start(&cluster->thread, "sluice-cluster", cluster_main, cluster);
    cluster->is_running = err == 0;
    if (err == 0)
        core_log(core, LOG_LEVEL_INFO, "cluster: this is server %" PRId64,
                 meta_cluster_server(cluster->rows));
    return err;
}

void cluster_stop(struct core *core)
{
    struct core_cluster *cluster = core->cluster;

    if (cluster == NULL)
        return;
    pthread_mutex_lock(&cluster->lock);
    cluster->is_stopping = true;
    pthread_cond_signal(&cluster->changed);
    pthread_mutex_unlock(&cluster->lock);
    if (cluster->is_running)
        thread_join(cluster->thread);
    if (cluster->reader != NULL)
        meta_reader_close(cluster->reader);
    cluster->reader = NULL;
}

void cluster_end_reads(struct core *core)
{
    if (core->cluster == NULL)
        return;
    bodies_free(core->cluster->bodies);
    core->cluster->bodies = NULL;
}

void cluster_free(struct core *core)
{
    struct core_cluster *cluster = core->cluster;

    if (cluster == NULL)
        return;
    if (cluster->rows != NULL)
        meta_cluster_close(cluster->rows);
    pthread_cond_destroy(&cluster->changed);
    pthread_mutex_destroy(&cluster->lock);
    free(cluster);
}

/* ---- For the rest of the core ---- */

bool core_leads(const struct core *core)
{
    return core->cluster == NULL || atomic_load(&core->cluster->leads);
}

bool core_cluster_figures(struct core *core, struct core_cluster_figures *figures)
{
    struct core_cluster *cluster = core->cluster;

    if (cluster == NULL)
        return false;
    *figures = (struct core_cluster_figures){.leads = atomic_load(&cluster->leads),
                                             .is_cut_off = atomic_load(&cluster->is_cut_off),
                                             .servers = atomic_load(&cluster->servers),
                                             .buried = atomic_load(&cluster->buried),
                                             .ids_left = blob_store_ids_left(core->blobs)};
    meta_cluster_figures(core->meta, &figures->rows);
    uint64_t last_ms = figures->rows.last_batch_ms != 0 ? figures->rows.last_batch_ms : cluster->began_ms;
    uint64_t now_ms = clock_monotonic_ms();
    figures->last_batch_s = now_ms > last_ms ? (now_ms - last_ms) / 1000 : 0;
    return true;
}

uint64_t core_outbox_from(uint64_t last, bool is_idle)
{
    const uint64_t overlap = (uint64_t)CLUSTER_OUTBOX_LATE_MS << META_OUTBOX_SEQ_SHIFT;

    return is_idle || last < overlap ? 0 : last - overlap;
}

bool cluster_is_cut_off(const struct core *core)
{
    return core->cluster != NULL && atomic_load(&core->cluster->is_cut_off);
}

int cluster_garbage(struct core *core, int64_t after, struct meta_garbage *entries, uint32_t limit)
{
    return meta_cluster_garbage(core->cluster->rows, core->options.reclaim_delay_s, after, entries, limit);
}

bool cluster_may_lack_row(struct core *core, uint64_t blob)
{
    return meta_cluster_block_is_open(core->cluster->rows, BLOB_ID_BLOCK, blob) != 0;
}
