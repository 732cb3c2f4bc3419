/* SPDX-License-Identifier: MIT
 *
 * What the files of the core share: the two objects everything hangs on, and the reclaimer's side of a PUT. */
#ifndef API_CORE_CORE_INTERNAL_H
#define API_CORE_CORE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "api/core/core.h"
#include "api/core/limits.h"
#include "api/core/put/put_small.h"
#include "storage/egress/blob_egress.h"
#include "storage/blob/blob_store.h"
#include "storage/ingress/blob_writer.h"
#include "storage/digest/digest_jobs.h"
#include "storage/ring/pipe_pool.h"

struct reclaim;
struct scrub;
struct settle;
struct lifecycle;
struct cache_uses;
struct evict;
struct worker_uses;
struct pack;
struct unpacks;
struct core_cluster;
struct work_pool;

/* What the last process left, where it is not as it should be (past.c). */
/* In the data folder, beside the blobs that it tells of. */
#define CORE_CHRONICLE "blobs/chronicle"

#define CORE_TROUBLES_MAX  6u
#define CORE_TROUBLE_BYTES 400u

struct core_past {
    unsigned count;
    char troubles[CORE_TROUBLES_MAX][CORE_TROUBLE_BYTES];
    int error;            /* why the store is not opened; 0: it may be */
    bool is_accepted;     /* it was, and is opened all the same */
    bool has_no_database; /* read only: there is nothing to read */
    uint64_t epoch;       /* the highest that files or database knew */
};

/* The epoch of the store (epoch.c). */
struct core_epoch {
    pthread_mutex_t lock;
    struct blob_identity identity; /* the epoch is durable in the database */
    struct meta_epoch_raise change;
    bool is_ready, is_under_way;
    uint64_t raised_ms;
};

/* Back pressure (upkeep/pressure.h). */
struct core_pressure {
    pthread_mutex_t lock;
    pthread_cond_t changed;           /* on CLOCK_MONOTONIC */
    atomic_uint_fast64_t given, held; /* bytes, of what meta_garbage_made counts */
    atomic_uint hurries;              /* who has changes that make it less */
    atomic_bool is_off;               /* nothing is given back for now, and nobody is to wait for that */
    atomic_uint_fast64_t waits;       /* so far */
};

/* Who hears of what changes came to (news.c). */
struct core_news {
    pthread_mutex_t lock;
    struct {
        void (*hear)(void *ctx, const struct meta_news *news); /* NULL: the place is free */
        void *ctx;
    } list[CORE_HEARERS_MAX];
};

struct core {
    struct core_options options; /* data_dir is the core's own copy */
    struct {                     /* of them, what core_change_limits may change */
        atomic_bool verify_reads;
        atomic_uint lost_days, lost_share;
    } limits;
    struct blob_store *blobs;
    struct meta *meta;
    char *chronicle; /* the folder of the store's chronicle */
    struct digest_pool *digests;
    struct digest_jobs *rehashes; /* of what is stored already */
    struct pack *pack;            /* NULL in a cluster: there are no segments */
    struct core_cluster *cluster; /* NULL: the store is this process's alone */
    struct pump_pool *pumps;
    struct work_pool *seals; /* threads that encrypt */
    struct unpacks *unpacks; /* NULL in a store that is not written */
    struct reclaim *reclaim;
    struct settle *settle; /* of a relaxed store only */
    struct lifecycle *lifecycle;
    struct scrub *scrub;     /* NULL in a store that was opened to look at it */
    struct cache_uses *uses; /* of objects in cache buckets; NULL in a store that is not written */
    struct evict *evict;     /* the same */
    bool is_unsettled; /* at open: what an earlier relaxed process left is not known to be on the disk */
    /* garbage up to this row may be given back; a durable store need not ask */
    atomic_int_fast64_t garbage_ready;
    struct core_past past;
    struct core_epoch epoch;
    struct core_pressure pressure;
    struct core_news news;
    bool is_open;              /* all of it */
    atomic_uint_fast64_t hold; /* the number of the one that lasts (backup/hold.c), or 0 */
    pthread_mutex_t check_lock;
    struct meta_reader *checking; /* of the check of the open store that is under way, or NULL */
    atomic_uint workers;          /* alive: none may be left at close */
    atomic_bool engine_is_told;   /* the line about the second disk engine was logged */
};

struct core_settings;

struct core_worker {
    struct core *core;
    struct core_settings *settings;
    struct ring *ring;
    struct meta_reader *reader;
    struct pipe_pool *pipes;
    struct worker_uses *uses;       /* NULL until it meets a cache bucket */
    struct put_small_queue sealing; /* small bodies that are complete, until the turn ends */
    unsigned puts;                  /* not freed yet, those that only wait for a late event included */
    unsigned changes; /* at the committer, on a digest thread or waiting for a turn: not delivered yet */
};

/* One line for the operator, as printf. Any thread. */
void core_log(const struct core *core, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* These have the signatures that storage and metadata want; ctx is the core. */

/* What a worker keeps of the settings of buckets (settings.c). NULL when there is no memory. */
struct core_settings *core_settings_create(void);
void core_settings_free(struct core_settings *settings); /* NULL allowed */

/* Waits until the worker's ring has nothing in flight: before the worker changes threads. */
void core_worker_drain(struct core_worker *worker);

/* get_extent.c: as core_get_extent_open, of any extent whose unit somebody holds. */
int extent_open_file(struct core *core, const struct meta_extent *extent, int *fd, uint64_t *offset);

/* Where bytes [first, first + length) of the object lie; freed by the caller. -ERANGE, -ENOMEM, or -EIO: a damaged row. */
int core_get_ranges(struct core_get *get, uint64_t first, uint64_t length, struct blob_range **ranges,
                    uint32_t *count);
struct core_worker *core_get_worker(const struct core_get *get);
/* By which checksum the extent's unit is verified. */
enum digest_kind core_unit_kind(const struct meta_extent *extent);
/* Bytes [skip, skip + length) of the extent. */
struct blob_range core_extent_range(const struct meta_extent *extent, uint64_t skip, uint64_t length);
/* Reads the large units that the range touches on digest threads, and compares them. -EBUSY: done follows, from core_worker_run; 0: there
 * are none; -ERANGE, -ENOMEM, -EIO: a damaged row. The get must not be ended before. */
int core_get_verify(struct core_get *get, uint64_t first, uint64_t length,
                    void (*done)(void *ctx, int result, bool told_damage), void *ctx);
/* A ring could not be created: says why, where the operator chose the engine. */
void core_tell_no_engine(struct core *core, int err);

/* DATA/sluice.db in memory of its own, or NULL. */
char *core_database_path(const char *data_dir);

/* ---- What was left: rows and files that are not of the same time ---- */

/* After the blobs were opened, before the database is: 0, or why the store must not be opened, which is told. In a read-only store
 * it is only noted, as by the others. */
int past_look(struct core *core);
/* As meta_options.admit; ctx is the core. */
int past_admit(void *ctx, const struct meta_found *found);
/* An entry of the journal is damaged, and later ones are not. 0: go on with what comes before it. */
int past_entry_damaged(struct core *core, uint64_t segment, uint64_t sequence);

/* ---- The epoch ---- */

void epoch_init(struct core *core);
void epoch_free(struct core *core);
/* With the store's id, and the epoch to raise it to: what the end of the replay commits. */
int epoch_choose(struct core *core, struct meta_reader *reader);
/* It is durable: files may say so. */
void epoch_begin(struct core *core);
/* The committer is about to stop. */
void epoch_end(struct core *core);
/* As blob_store_options.on_grown; ctx is the core. */
void epoch_on_grown(void *ctx);

/* ---- What changes come to ---- */

/* For meta_batch_hooks.news. */
void core_news_tell(struct core *core, const struct meta_news *news);

/* ---- lost/ ---- */

/* Removes what is too old or too much. Blocks. */
void lost_bound(struct core *core);

/* ---- Replay: changes that the journal holds and the rows do not ---- */

/* Before anything else looks at rows or blobs, in a store that may be written. 0 or an error: then it must not be opened. Blocks. */
int core_replay(struct core *core);
/* How many batches the next core_replay will find; an incomplete last one counts. Blocks. */
int core_replay_pending(struct core *core, struct meta_reader *reader, uint64_t *batches);

/* As blob_units_fn; ctx is a reader. */
static inline int core_blob_units(void *ctx, uint64_t blob,
                                  int (*visit)(void *visit_ctx, uint64_t offset, uint64_t length),
                                  void *visit_ctx)
{
    return meta_file_units(ctx, blob, visit, visit_ctx);
}

/* Every batch that was committed before has ended when this returns 0: all that is told of its rows has been. Blocks. */
int core_batches_end(struct core *core);
/* Submits a change and waits for its result. Blocks: not for workers. */
int core_change_wait(struct core *core, struct meta_op *op, enum meta_op_kind kind);
/* The same for several of a kind, one after the other in the queue; each has its own result. 0 or the first failure. */
int core_changes_wait(struct core *core, struct meta_op *const *ops, uint32_t count, enum meta_op_kind kind);

/* ---- Reclaimer: one thread per core that removes what no row refers to any more ---- */

/* A unit whose row was refused: a published blob, or a run in a segment. */
struct reclaim_discard {
    struct reclaim_discard *next;
    struct blob_unit unit;
    uint64_t length; /* of a unit in a segment */
};

/* Starts the thread, which at once takes up what an earlier process left. */
int reclaim_start(struct core *core, struct reclaim **reclaim);
/* Carries out every discard, a bounded share of the garbage, and ends the thread. NULL allowed. */
void reclaim_stop(struct reclaim *reclaim);
/* Until reclaim_release nothing of the garbage is given back; waits for what is. Once at a time. Any thread; blocks. */
void reclaim_hold(struct reclaim *reclaim);
void reclaim_release(struct reclaim *reclaim);
/* A change that may have made garbage is committed. Cheap; any thread. */
void reclaim_wake(struct reclaim *reclaim);
/* Takes the discard over: removes the blob, then settles it; or punches its hole. Any thread; does not block. */
void reclaim_add_discard(struct reclaim *reclaim, struct reclaim_discard *discard);
/* A segment takes no more units: cuts off what it did not use, removes it if nothing refers to it, and settles it; not if the
 * end of its last batch is uncertain. Any thread; does not block. reclaim NULL: the store is being opened; the next start
 * does it. */
void reclaim_add_sealed(struct reclaim *reclaim, uint64_t blob, uint64_t used_bytes, bool is_certain);

/* ---- Relaxed stores: settle.c, verify_recent.c; metadata/meta_relaxed.h tells the idea ---- */

/* Compares the units that may have been lost with the power with their checksums, and drops the rows whose bytes are not there. Before anything is
 * served, after the replay, in every store that may be written: a durable one may be opened after a relaxed one. 0 or an error: then
 * the store must not be opened. Blocks. */
int core_verify_recent(struct core *core);

/* After recovery. A relaxed store: sets a mark where there is none. A durable one: takes the mark away. 0 or an error: then the store must
 * not be opened. Blocks. */
int settle_open(struct core *core);
/* Starts the thread; in a relaxed store only, after the reclaimer. */
int settle_start(struct core *core, struct settle **settle);
/* No change is under way, and none comes. Syncs nothing, so that stopping is quick: if nothing came since the last point, the mark is taken
 * away; if something did, it stays, and the next start verifies that. NULL allowed. */
void settle_stop(struct settle *settle);
/* The next point is taken as soon as may be. Returns whether there will be one: not after a failed sync. Any thread; does not block. */
bool settle_hurry(struct settle *settle);

/* ---- Stores that are not served ---- */

/* Opens one to tell something of it, without writing into it; as core_open. Where it has no database, core->past says so. */
int core_open_to_look(struct core **core, const char *data_dir);

/* ---- Lifecycle: one thread per core that carries out the lifecycle rules of buckets ---- */

int lifecycle_start(struct core *core, struct lifecycle **lifecycle);
struct core_expiry;
/* Any thread. */
void lifecycle_order(struct lifecycle *lifecycle, struct core_expiry *expiry);
/* Waits for the change it has at the committer, if any. NULL allowed. */
void lifecycle_stop(struct lifecycle *lifecycle);

#endif
