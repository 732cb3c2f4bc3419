/* SPDX-License-Identifier: MIT
 *
 * Blob ids: handed out in ascending order, never twice, never before SEQUENCE on disk promises them.
 *
 *        settled            next                 promised
 *   ------|-----------------|---------------------|------
 *   done    handed out; a     may be handed out     not yours
 *           bit says which
 *           are settled
 *
 * A promise is kept in two steps: the folders that the ids go to are made, then SEQUENCE is written. So a new store
 * begins with the 17 folders of its first block, and making 256 does not delay the first start.
 *
 * The next block is promised when half of the present one is used, by a thread of its own (the keeper,
 * started with the first need): a promise is a synced write, the publishers are event loops, and once per
 * 2048 blobs is too seldom to weave it into their rings. A publisher that finds no promised id waits for the
 * keeper's post.
 *
 * SEQUENCE is also written when the owner says so of an id that it settles (a segment, blob_ids_tell): recovery looks at all that a record
 * does not call settled, and what is known about a few blobs may be known about a hundred segments of 8,000 units.
 *
 * Any thread. Only the keeper, recovery and close write the file, and never at the same time. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/base/disk_error.h"
#include "storage/base/io.h"
#include "storage/base/thread.h"
#include "storage/blob/blob_internal.h"
#include "storage/base/sys.h"

#define IDS_CAPACITY_FIRST 1024u

/* Below this, SEQUENCE may say, every blob has its row or no file. Where nothing is synced on the way, only a point that was reached and
 * synced since can say so. */
static uint64_t ids_settled_on_disk(const struct blob_ids *ids)
{
    if (!ids->recovered)
        return ids->disk.settled;
    return ids->durable || ids->settled < ids->mark ? ids->settled : ids->mark;
}

/* What SEQUENCE should say now. Called under the lock. */
static struct blob_sequence ids_next_record(const struct blob_ids *ids, uint64_t promised)
{
    return (struct blob_sequence){
        .generation = ids->disk.generation + 1,
        /* The other slot than the one that counts; after a failed write or sync the failed one again: it is written anew, so the
         * next sync has something to do, and what counts was never touched. */
        .slot = 1 - ids->disk.slot,
        .settled = ids_settled_on_disk(ids),
        .promised = promised,
        .synced = ids->durable,
        .has_log = ids->has_log,
        .identity = ids->identity,
        .records_from = ids->records_from,
        .marked = !ids->durable,
    };
}

/* Whether an id may be the next one: what a file or a row says may be anything, and ids must be left for as long as anybody could use them
 * up. */
static bool ids_may_begin_at(uint64_t id)
{
    return id <= BLOB_ID_MAX - BLOB_ID_JUMP - BLOB_ID_BLOCK;
}

/* Ids go on far above anything that may be in use. */
static int ids_jump(struct blob_ids *ids, uint64_t above)
{
    if (!ids_may_begin_at(above))
        return -EBADMSG;
    ids->next = above + BLOB_ID_JUMP;
    return 0;
}

static int ids_highest_visit(void *ctx, uint64_t blob, uint64_t size_bytes)
{
    uint64_t *highest = ctx;

    if (blob > *highest)
        *highest = blob;
    return 0;
}

/* SEQUENCE tells nothing: every file may be an orphan, and ids go on far above the highest one. */
static int ids_open_damaged(struct blob_store *store, bool missing)
{
    struct blob_ids *ids = &store->ids;
    uint64_t highest = 0;
    int err;

    if ((err = blob_store_walk(store, ids_highest_visit, &highest)) != 0)
        return err;
    ids->disk = (struct blob_sequence){.settled = BLOB_ID_FIRST, .promised = BLOB_ID_FIRST};
    ids->next = BLOB_ID_FIRST;
    ids->recover_end = highest + 1;
    if (missing && highest == 0)
        return 0; /* a new store */
    ids->damaged = ids->found_relaxed = ids->past.is_damaged = ids->past.is_unclean = true;
    ids->doubt = BLOB_DOUBT_UNITS;
    blob_store_log(store, LOG_LEVEL_WARNING,
                   "blobs/SEQUENCE is %s; going by the highest blob found, %llu, and checking every blob",
                   missing ? "missing" : "damaged", (unsigned long long)highest);
    return ids_jump(ids, highest);
}

/* The usual case. Two things can make the record older than the ids in use: a power failure under a store of
 * an earlier release that did not sync it, and the loss of the newer slot. Jumping ahead costs nothing. */
static int ids_open_known(struct blob_ids *ids)
{
    bool unclean = ids->disk.settled != ids->disk.promised;

    ids->found_relaxed = !ids->disk.synced || ids->disk.torn;
    ids->past = (struct blob_past){
        .is_torn = ids->disk.torn,
        .is_unclean = unclean || ids->disk.torn,
        .was_durable = ids->disk.synced,
        .had_log = ids->disk.has_log,
    };
    if (ids->past.is_torn)
        ids->doubt = BLOB_DOUBT_UNITS;
    else if (ids->past.is_unclean && !ids->past.was_durable)
        ids->doubt = BLOB_DOUBT_FILES; /* a power failure may have taken rows */
    ids->next = ids->recover_end = ids->disk.promised;
    if (ids->disk.torn)
        ids->recover_end += BLOB_ID_BLOCK;
    if (ids->disk.torn || (unclean && !ids->disk.synced && !ids->disk.marked))
        return ids_jump(ids, ids->next);
    return 0;
}

int blob_ids_open(struct blob_store *store)
{
    struct blob_ids *ids = &store->ids;
    bool read_only = store->options.read_only;
    int flags = read_only ? O_RDONLY : O_RDWR | O_CREAT;
    int err = -ENODATA;

    assert(store->blobs_fd >= 0 && ids->fd < 0);
    ids->durable = store->options.durable;
    ids->is_shared = store->options.shared != NULL;
    if (ids->is_shared) { /* there is no SEQUENCE, and each file has its record */
        ids->recovered = true;
        ids->records_from = BLOB_ID_FIRST;
        return 0;
    }
    ids->fd = io_open(store->blobs_fd, "SEQUENCE", flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (ids->fd < 0 && !(read_only && errno == ENOENT))
        return -errno;
    if (ids->fd >= 0)
        err = blob_sequence_read(ids->fd, &ids->disk);
    if (err == -ENOTSUP) {
        blob_store_log(store, LOG_LEVEL_ERROR, "blobs/SEQUENCE was written by a newer version");
        return -EBADMSG;
    }
    if (err == -ENODATA || err == -EBADMSG) {
        err = ids_open_damaged(store, err == -ENODATA);
    } else if (err == 0) {
        ids->found = ids->identity = ids->disk.identity;
        ids->records_from = ids->disk.records_from;
        err = ids_open_known(ids);
    }
    if (err == 0 && !ids_may_begin_at(ids->next) && !read_only)
        err = -EBADMSG;
    if (err == -EBADMSG)
        blob_store_log(store, LOG_LEVEL_ERROR,
                       "blobs/SEQUENCE, or a file in blobs/, has an id that no store comes to");
    if (err != 0)
        return err;
    ids->settled = ids->next;
    ids->mark = ids->disk.settled;
    return 0;
}

void blob_store_past(struct blob_store *store, struct blob_past *past)
{
    *past = store->ids.past; /* never changes after open */
}

void blob_store_doubt(struct blob_store *store, enum blob_doubt doubt)
{
    assert(!store->ids.recovered); /* too late: what was doubtful is gone */
    if (doubt > store->ids.doubt)
        store->ids.doubt = doubt;
}

int blob_store_log_is_there(struct blob_store *store)
{
    if (!store->options.durable)
        return 0;
    if (sys.fsync(store->dir_fd) != 0)
        return -errno;
    pthread_mutex_lock(&store->ids.lock);
    store->ids.has_log = true;
    pthread_mutex_unlock(&store->ids.lock);
    return 0;
}

int blob_store_stay_above(struct blob_store *store, uint64_t last)
{
    struct blob_ids *ids = &store->ids;
    int err = 0;

    pthread_mutex_lock(&ids->lock);
    assert(!ids->recovered);
    assert(ids->settled == ids->next);
    bool behind = last >= ids->next;
    if (behind && (last == UINT64_MAX || !ids_may_begin_at(last + 1)))
        err = -EBADMSG;
    else if (behind)
        ids->next = ids->settled = ids->recover_end = last + 1;
    pthread_mutex_unlock(&ids->lock);
    if (behind)
        blob_store_log(store, LOG_LEVEL_WARNING,
                       "rows name blobs up to %llu, which blobs/SEQUENCE does not know: files may be missing",
                       (unsigned long long)last);
    return err;
}

/* Writes a record and takes note of it. Not under the lock; nobody else may be writing. */
static int ids_write(struct blob_store *store, struct blob_sequence record)
{
    struct blob_ids *ids = &store->ids;
    int err = blob_sequence_write(ids->fd, &record);

    assert(!ids->keeper_running); /* which may be writing, too */
    pthread_mutex_lock(&ids->lock);
    if (err == 0)
        ids->disk = record;
    pthread_mutex_unlock(&ids->lock);
    return err;
}

int blob_ids_recovered(struct blob_store *store)
{
    struct blob_ids *ids = &store->ids;

    pthread_mutex_lock(&ids->lock);
    assert(!ids->keeper_running); /* recovery comes before the first writer */
    assert(ids->settled == ids->next);
    assert(!ids->recovered); /* once is all that recovery runs */
    ids->recovered = true;
    if (ids->records_from == 0) /* a new store, one of an earlier version, or one whose SEQUENCE was lost */
        ids->records_from = ids->next;
    struct blob_sequence record = ids_next_record(ids, ids->next + BLOB_ID_BLOCK);
    uint64_t first = ids->next;
    pthread_mutex_unlock(&ids->lock);
    int err = blob_layout_make_folders(store, first, record.promised);
    return err != 0 ? err : ids_write(store, record);
}

/* ---- The keeper ---- */

static int ids_promise(struct blob_store *store)
{
    struct blob_ids *ids = &store->ids;
    int err;

    pthread_mutex_lock(&ids->lock);
    struct blob_sequence record = ids_next_record(ids, ids->next + BLOB_ID_BLOCK);
    uint64_t first = ids->next;
    pthread_mutex_unlock(&ids->lock);
    assert(record.promised > first);
    if ((err = blob_layout_make_folders(store, first, record.promised)) != 0 ||
        (err = blob_sequence_write(ids->fd, &record)) != 0)
        return err;
    pthread_mutex_lock(&ids->lock);
    ids->disk = record;
    pthread_mutex_unlock(&ids->lock);
    return 0;
}

/* The lock is held on entry and on return, and given up for the write. */
static void ids_keep_one(struct blob_store *store)
{
    struct blob_ids *ids = &store->ids;
    int err;

    assert(ids->promise_wanted);
    pthread_mutex_unlock(&ids->lock);
    err = ids->is_shared ? blob_shared_keep(store) : ids_promise(store);
    if (err != 0 && !ids->promise_failing) /* once, until it works again */
        blob_store_log(store, LOG_LEVEL_ERROR, "cannot promise blob ids: %s", strerror(-err));
    ids->promise_failing = err != 0;
    if (err != 0 && err != -EHOSTDOWN) /* that is no disk: of a shared store, whoever gives blocks is away */
        err = disk_error(err);
    pthread_mutex_lock(&ids->lock);
    ids->promise_wanted = false;
    ids->promise_error = err;
    pthread_cond_broadcast(&ids->promised);
    blob_waiters_post(&ids->waiters, err);
    pthread_mutex_unlock(&ids->lock);
    blob_store_grown(store);
    pthread_mutex_lock(&ids->lock);
}

/* Whether SEQUENCE is to say what it does not say yet. Under the lock. */
static bool ids_tell_is_due(const struct blob_ids *ids)
{
    return ids->settled >= ids->tell && ids->disk.settled < ids->tell;
}

static void *ids_keeper_main(void *arg)
{
    struct blob_store *store = arg;
    struct blob_ids *ids = &store->ids;

    pthread_mutex_lock(&ids->lock);
    while (!ids->keeper_stop) {
        if (!ids->promise_failing && ids_tell_is_due(ids))
            ids->promise_wanted = true;
        if (ids->promise_wanted)
            ids_keep_one(store);
        else
            pthread_cond_wait(&ids->wake, &ids->lock);
    }
    pthread_mutex_unlock(&ids->lock);
    return NULL;
}

/* Under the lock. */
static int ids_keeper_start(struct blob_store *store)
{
    struct blob_ids *ids = &store->ids;
    int err = 0;

    assert(!ids->keeper_stop); /* no id is taken from a store that is being closed */
    if (!ids->keeper_running)
        err = thread_start(&ids->keeper, "sluice-ids", ids_keeper_main, store);
    if (err == 0)
        ids->keeper_running = true;
    return err;
}

/* ---- Handing out and settling ---- */

static uint64_t ids_bit(const struct blob_ids *ids, uint64_t id, uint64_t **word)
{
    uint64_t at = id % ids->capacity;

    assert(id >= ids->settled && id - ids->settled < ids->capacity);
    *word = &ids->bits[at / 64];
    return UINT64_C(1) << (at % 64);
}

/* Room for one more id in [settled, next]. */
static int ids_reserve(struct blob_ids *ids)
{
    if (ids->next - ids->settled < ids->capacity)
        return 0;

    struct blob_ids grown = {.capacity = ids->capacity == 0 ? IDS_CAPACITY_FIRST : ids->capacity * 2,
                             .settled = ids->settled};
    grown.bits = calloc(grown.capacity / 64, sizeof(uint64_t));
    if (grown.bits == NULL)
        return -ENOMEM;
    for (uint64_t id = ids->settled; id < ids->next; ++id) {
        uint64_t *from, *to;
        uint64_t from_bit = ids_bit(ids, id, &from), to_bit = ids_bit(&grown, id, &to);
        if (*from & from_bit)
            *to |= to_bit;
    }
    free(ids->bits);
    ids->bits = grown.bits;
    assert(grown.capacity > ids->capacity);
    ids->capacity = grown.capacity;
    return 0;
}

/* Of the ids that SEQUENCE promises. As blob_shared_take. */
static int ids_take_promised(struct blob_ids *ids, uint64_t *id, bool *wants)
{
    /* disk.promised may lie below next right after a jump; then nothing is promised yet. */
    bool is_empty = ids->next >= ids->disk.promised;
    int err;

    *wants = is_empty || ids->disk.promised - ids->next <= BLOB_ID_BLOCK / 2;
    if (is_empty)
        return -EAGAIN;
    if ((err = ids_reserve(ids)) != 0)
        return err;
    *id = ids->next++;
    assert(*id >= ids->settled && *id < ids->disk.promised && *id <= BLOB_ID_MAX);
    return 0;
}

/* Under the lock. 0 and an id, -EAGAIN: the keeper was asked for more, or a failure. */
static int ids_take(struct blob_store *store, uint64_t *id)
{
    struct blob_ids *ids = &store->ids;
    bool wants;
    int keeper = 0,
        err = ids->is_shared ? blob_shared_take(ids, id, &wants) : ids_take_promised(ids, id, &wants);

    if (wants && !ids->promise_wanted && (keeper = ids_keeper_start(store)) == 0) {
        ids->promise_wanted = true;
        pthread_cond_signal(&ids->wake);
    }
    /* A keeper that could not start matters only once ids run out. */
    return err == -EAGAIN && keeper != 0 ? keeper : err;
}

int blob_ids_take(struct blob_store *store, uint64_t *id, struct blob_waiter *waiter)
{
    struct blob_ids *ids = &store->ids;

    assert(waiter->ring != NULL && waiter->op.done != NULL);
    pthread_mutex_lock(&ids->lock);
    int err = ids_take(store, id);
    if (err == -EAGAIN) {
        queue_push(&ids->waiters, &waiter->link);
        err = -EINPROGRESS;
    }
    pthread_mutex_unlock(&ids->lock);
    return err;
}

int blob_ids_take_wait(struct blob_store *store, uint64_t *id)
{
    struct blob_ids *ids = &store->ids;
    int err;

    pthread_mutex_lock(&ids->lock);
    while ((err = ids_take(store, id)) == -EAGAIN) {
        while (ids->promise_wanted)
            pthread_cond_wait(&ids->promised, &ids->lock);
        if (ids->promise_error != 0) {
            err = ids->promise_error;
            break;
        }
    }
    pthread_mutex_unlock(&ids->lock);
    return err;
}

int blob_ids_write_wait(struct blob_store *store)
{
    struct blob_ids *ids = &store->ids;

    pthread_mutex_lock(&ids->lock);
    while (ids->promise_wanted) /* a write that may have begun before */
        pthread_cond_wait(&ids->promised, &ids->lock);
    int err = ids_keeper_start(store);
    if (err == 0) {
        ids->promise_wanted = true;
        pthread_cond_signal(&ids->wake);
        while (ids->promise_wanted)
            pthread_cond_wait(&ids->promised, &ids->lock);
        err = ids->promise_error;
    }
    pthread_mutex_unlock(&ids->lock);
    return err;
}

bool blob_ids_forget(struct blob_store *store, struct blob_waiter *waiter)
{
    pthread_mutex_lock(&store->ids.lock);
    bool removed = queue_remove(&store->ids.waiters, &waiter->link);
    pthread_mutex_unlock(&store->ids.lock);
    return removed;
}

/* Of the ids that SEQUENCE promises. Under the lock. Whether the keeper has something to tell now. */
static bool ids_settle_promised(struct blob_ids *ids, uint64_t id)
{
    uint64_t *word, bit;

    assert(id >= ids->settled);
    assert(id < ids->next);
    bit = ids_bit(ids, id, &word);
    assert((*word & bit) == 0); /* settled twice */
    ++ids->settles;
    *word |= bit;
    while (ids->settled < ids->next) {
        bit = ids_bit(ids, ids->settled, &word);
        if ((*word & bit) == 0)
            break;
        *word &= ~bit; /* the place is somebody else's once settled moves on */
        ++ids->settled;
    }
    return ids_tell_is_due(ids);
}

void blob_ids_settle(struct blob_ids *ids, uint64_t id)
{
    pthread_mutex_lock(&ids->lock);
    if (ids->is_shared ? blob_shared_settle(ids, id) : ids_settle_promised(ids, id)) {
        ids->promise_wanted |= ids->is_shared;
        pthread_cond_signal(&ids->wake);
    }
    pthread_mutex_unlock(&ids->lock);
}

void blob_ids_tell(struct blob_store *store, uint64_t id)
{
    struct blob_ids *ids = &store->ids;

    pthread_mutex_lock(&ids->lock);
    assert(id < ids->next);
    /* What is settled in a store that does not sync, only a point can tell. Without a keeper the next promise tells it. */
    if (ids->durable && id >= ids->tell && ids_keeper_start(store) == 0) {
        ids->tell = id + 1;
        if (ids_tell_is_due(ids))
            pthread_cond_signal(&ids->wake);
    }
    pthread_mutex_unlock(&ids->lock);
}

bool blob_ids_is_settled(const struct blob_ids *ids, uint64_t id)
{
    uint64_t *word;

    if (id < ids->settled)
        return true;
    if (id >= ids->next)
        return false;
    uint64_t bit = ids_bit(ids, id, &word);
    return (*word & bit) != 0;
}

bool blob_store_is_settled(struct blob_store *store, uint64_t blob)
{
    struct blob_ids *ids = &store->ids;

    pthread_mutex_lock(&ids->lock);
    bool settled = ids->is_shared ? blob_shared_is_settled(ids, blob) : blob_ids_is_settled(ids, blob);
    pthread_mutex_unlock(&ids->lock);
    return settled;
}

bool blob_store_awaits_recovery(struct blob_store *store, uint64_t blob)
{
    struct blob_ids *ids = &store->ids;

    pthread_mutex_lock(&ids->lock);
    bool awaits = !ids->recovered && blob >= ids->disk.settled && blob < ids->recover_end;
    pthread_mutex_unlock(&ids->lock);
    return awaits;
}

static void ids_keeper_stop(struct blob_ids *ids)
{
    pthread_mutex_lock(&ids->lock);
    ids->keeper_stop = true;
    pthread_cond_signal(&ids->wake);
    pthread_mutex_unlock(&ids->lock);
    if (ids->keeper_running)
        thread_join(ids->keeper);
    ids->keeper_running = false;
}

int blob_store_log_ends(struct blob_store *store)
{
    struct blob_ids *ids = &store->ids;

    ids_keeper_stop(ids);
    pthread_mutex_lock(&ids->lock);
    ids->has_log = false;
    assert(ids->disk.promised >= ids->next || !ids->recovered);
    struct blob_sequence record = ids_next_record(ids, ids->disk.promised);
    bool is_said = ids->disk.has_log;
    pthread_mutex_unlock(&ids->lock);
    return is_said ? ids_write(store, record) : 0;
}

void blob_ids_close(struct blob_store *store)
{
    struct blob_ids *ids = &store->ids;
    int err;

    ids_keeper_stop(ids);
    if (ids->is_shared)
        blob_shared_end(store);
    /* A store that was refused stays as it is. */
    if (store->options.read_only || ids->fd < 0 || !ids->recovered)
        return;
    pthread_mutex_lock(&ids->lock);
    struct blob_sequence record = ids_next_record(ids, ids->next);
    pthread_mutex_unlock(&ids->lock);
    if ((err = ids_write(store, record)) != 0)
        blob_store_log(store, LOG_LEVEL_WARNING, "cannot write blobs/SEQUENCE at close: %s", strerror(-err));
}

void blob_ids_free(struct blob_ids *ids)
{
    assert(!ids->keeper_running && queue_is_empty(&ids->waiters));
    if (ids->fd >= 0)
        close(ids->fd);
    free(ids->bits);
    pthread_cond_destroy(&ids->promised);
    pthread_cond_destroy(&ids->wake);
    pthread_mutex_destroy(&ids->lock);
}
