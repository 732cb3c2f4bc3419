/* SPDX-License-Identifier: MIT
 *
 * One key at a time: what it has now, which rule counts, the copy, and the change that strikes its rows off and keeps with the object what
 * became of it. A walk through a bucket is a row, too: each of its steps notes the next keys as rows of their own. A lane's thread. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/replication/sender_internal.h"
#include "api/s3/object/s3_attributes.h"

/* The outcome of a change that is waited for here. */
static void on_done(struct core_change *change)
{
    struct replication_lane *lane = change->ctx;

    lane->is_done = true;
}

static int change_wait(struct replication_lane *lane, struct meta_op *op)
{
    lane->is_done = false;
    lane->change = (struct core_change){.op = op, .done = on_done, .ctx = lane};
    core_change_submit(lane->worker, &lane->change);
    core_worker_flush(lane->worker);
    while (!lane->is_done)
        core_worker_wait(lane->worker);
    return op->result;
}

/* ---- Rows that are over ---- */

static enum replication_outcome strike(struct replication_lane *lane, struct replication_entry *entry)
{
    struct meta_outbox_done op = {.op.kind = META_OP_OUTBOX_DONE,
                                  .target = replication_row_name(lane->sender),
                                  .seqs = entry->seqs,
                                  .count = entry->seq_count};

    /* A full disk, say: it is copied once more, which changes nothing. */
    return change_wait(lane, &op.op) == 0 ? REPLICATION_DONE : REPLICATION_LATER;
}

/* Keeps what became of the object with it, and strikes the rows off where that is the end of them. */
static int keep_state(struct replication_lane *lane, const struct replication_entry *entry,
                      const struct meta_object *object, enum s3_replica_state state, bool is_over)
{
    struct replication_sender *sender = lane->sender;
    struct slice target = slice_text(sender->options.target->name);
    struct meta_replicated op = {
        .op.kind = META_OP_REPLICATED,
        .bucket = entry->bucket,
        .key = replication_entry_key(entry),
        .target = replication_row_name(sender),
        .seqs = entry->seqs,
        .count = is_over ? entry->seq_count : 0,
        .etag = object->etag,
        .modified_ms = object->modified_ms,
        .was = s3_attribute_get(&object->attributes, META_ATTRIBUTE_REPLICATION),
    };

    if (s3_replica_state_of(op.was, target) == state)
        op.etag = NULL;
    else
        op.status = s3_replica_state_set(&lane->copier.arena, op.was, target, state);
    return op.etag != NULL || op.count > 0 ? change_wait(lane, &op.op) : 0;
}

/* ---- Failures ---- */

/* It is the target, or its keys, and not this object. */
static bool is_away(int err)
{
    switch (err) {
    case -ECONNREFUSED:
    case -ECONNRESET:
    case -EPROTO:
    case -EACCES:
    case -ENOENT: /* the bucket */
    case -ENOSPC:
    case -EIO:
    case -EMSGSIZE:
        return true;
    default:
        return false;
    }
}

/* Nobody answered, or only that he cannot now: the object has not failed, it waits. */
static bool is_passing(const struct replication_lane *lane, int err)
{
    return err == -ECONNREFUSED || err == -ECONNRESET || err == -ENOMEM || err == -ECANCELED ||
           (err == -EIO && lane->copier.session->answer.status >= 500);
}

static void tell_failure(struct replication_lane *lane, struct replication_entry *entry, int err,
                         const char *why)
{
    struct replication_sender *sender = lane->sender;
    bool is_known;

    (void)atomic_fetch_add(&sender->options.figures->failed, 1);
    pthread_mutex_lock(&sender->lock);
    is_known = sender->failures > 0;
    pthread_mutex_unlock(&sender->lock);
    if (entry->is_told || (is_away(err) && is_known))
        return;
    entry->is_told = true;
    replication_say(sender, LOG_LEVEL_WARNING, "replication: %s/%.*s is not copied to target %s yet: %s",
                    entry->bucket_name, (int)entry->key_length, entry->key, sender->options.target->name,
                    why);
}

/* ---- One object ---- */

static enum replication_outcome copy(struct replication_lane *lane, struct replication_entry *entry,
                                     const struct replication_task *task, struct core_get *get,
                                     const struct meta_object *object)
{
    struct replication_figures *figures = lane->sender->options.figures;
    char why[REPLICATION_WHY_BYTES] = "";
    int err = replication_copy(&lane->copier, task, get, object, why);

    if (err == 0 || err == REPLICATION_IS_EQUAL) {
        (void)atomic_fetch_add(err == 0 ? &figures->copied : &figures->equal, 1);
        return keep_state(lane, entry, object, S3_REPLICA_COMPLETED, true) == 0 ? REPLICATION_DONE
                                                                                : REPLICATION_LATER;
    }
    if (err == -ECANCELED)
        return REPLICATION_PAUSED;
    tell_failure(lane, entry, err, why);
    if (err == -EOPNOTSUPP && lane->copier.session->answer.status != 501) { /* never */
        (void)atomic_fetch_add(&figures->refused, 1);
        return keep_state(lane, entry, object, S3_REPLICA_FAILED, true) == 0 ? REPLICATION_DONE
                                                                             : REPLICATION_LATER;
    }
    if (!is_passing(lane, err))
        (void)keep_state(lane, entry, object, S3_REPLICA_FAILED, false); /* it is tried again in any case */
    return is_away(err) ? REPLICATION_AWAY : REPLICATION_LATER;
}

static enum replication_outcome remove_key(struct replication_lane *lane, struct replication_entry *entry,
                                           const struct replication_task *task)
{
    char why[REPLICATION_WHY_BYTES] = "";
    int err = replication_remove(&lane->copier, task, why);

    if (err == 0) {
        (void)atomic_fetch_add(&lane->sender->options.figures->deleted, 1);
        return strike(lane, entry);
    }
    if (err == -ECANCELED)
        return REPLICATION_PAUSED;
    tell_failure(lane, entry, err, why);
    return is_away(err) ? REPLICATION_AWAY : REPLICATION_LATER;
}

/* In a cluster another server may have come to lead meanwhile, and have copied what the key has by now before this one's last bytes were there:
 * where the key is not as it was when it was looked at (was NULL: absent), whoever leads is told to compare it once more. */
static void look_again(struct replication_lane *lane, const struct replication_entry *entry,
                       const struct meta_object *was)
{
    struct core *core = lane->sender->options.core;
    struct slice key = replication_entry_key(entry);
    struct meta_object now;

    if (core_get_options(core)->cluster == NULL)
        return;
    int err = meta_object_get(core_worker_reader(lane->worker), entry->bucket, key, &now);
    bool is_same =
        err == 0 ? was != NULL && now.modified_ms == was->modified_ms && strcmp(now.etag, was->etag) == 0
                 : err == META_E_NO_KEY && was == NULL;
    if (err == 0)
        meta_object_release(&now);
    if (is_same)
        return;
    struct meta_outbox_note op = {.op.kind = META_OP_OUTBOX_NOTE,
                                  .bucket = entry->bucket,
                                  .target = replication_row_name(lane->sender),
                                  .keys = &key,
                                  .count = 1,
                                  /* a mere comparison deletes nothing */
                                  .kind = err == META_E_NO_KEY ? META_EVENT_DELETE : META_EVENT_NONE};
    (void)change_wait(lane, &op.op); /* where the database is away the rows are there still */
}

static enum replication_outcome work_key(struct replication_lane *lane, struct replication_entry *entry,
                                         const struct s3_replication *replication)
{
    struct slice target = slice_text(lane->sender->options.target->name), key = replication_entry_key(entry);
    struct replication_task task = {.key = key, .compares = !entry->has_changed || entry->failures > 0};
    enum replication_outcome outcome;
    const struct meta_object *object;
    struct core_get *get;
    int err = core_get_begin(lane->worker, entry->bucket, key, &get, &object);

    if (err == META_E_NO_KEY) {
        task.rule = s3_replication_choose_deleted(replication, target, key);
        if (task.rule == NULL || !task.rule->deletes || !entry->has_changed)
            return strike(lane, entry);
        outcome = remove_key(lane, entry, &task);
        look_again(lane, entry, NULL);
        return outcome;
    }
    if (err != 0) { /* damage, or no memory: the log has it */
        (void)atomic_fetch_add(&lane->sender->options.figures->failed, 1);
        return REPLICATION_LATER;
    }
    task.rule = s3_replication_choose(replication, target, key,
                                      s3_attribute_get(&object->attributes, META_ATTRIBUTE_TAGS));
    if (task.rule == NULL ||
        s3_replica_is_copy(s3_attribute_get(&object->attributes, META_ATTRIBUTE_REPLICATION)))
        outcome = strike(lane, entry);
    else {
        outcome = copy(lane, entry, &task, get, object);
        look_again(lane, entry, object);
    }
    core_get_end(get);
    return outcome;
}

/* ---- A walk through a bucket ---- */

struct page {
    struct arena *arena;
    struct slice keys[REPLICATION_WALK_KEYS];
    uint32_t count;
};

static int on_entry(void *ctx, const struct meta_list_entry *entry)
{
    struct page *page = ctx;

    page->keys[page->count++] = arena_dup(page->arena, entry->key.base, entry->key.len);
    return 0;
}

static bool is_busy(struct replication_sender *sender)
{
    bool is_busy;

    pthread_mutex_lock(&sender->lock);
    is_busy = sender->queue.count > REPLICATION_WALK_WAITING;
    pthread_mutex_unlock(&sender->lock);
    return is_busy;
}

static enum replication_outcome work_walk(struct replication_lane *lane, struct replication_entry *entry)
{
    const struct meta_list_query query = {
        .bucket = entry->bucket, .after = replication_entry_key(entry), .limit = REPLICATION_WALK_KEYS};
    struct page *page;
    bool is_truncated = false;
    int err;

    if (is_busy(lane->sender))
        return REPLICATION_PAUSED;
    arena_reset(&lane->copier.arena);
    page = arena_alloc(&lane->copier.arena, sizeof(*page));
    page->arena = &lane->copier.arena;
    page->count = 0;
    err = meta_object_list(core_worker_reader(lane->worker), &query, on_entry, page, &is_truncated);
    if (err != 0)
        return REPLICATION_LATER;
    struct meta_outbox_note op = {.op.kind = META_OP_OUTBOX_NOTE,
                                  .bucket = entry->bucket,
                                  .target = replication_row_name(lane->sender),
                                  .keys = page->keys,
                                  .count = page->count,
                                  .from = is_truncated ? page->keys[page->count - 1] : (struct slice){0},
                                  .strike_seq = entry->seqs[0]};
    if (change_wait(lane, &op.op) != 0)
        return REPLICATION_LATER;
    entry->seqs[0] = entry->seqs[entry->seq_count - 1]; /* the same walk was asked for more than once */
    return entry->seq_count > 1 ? strike(lane, entry) : REPLICATION_DONE;
}

/* ---- An entry ---- */

/* The bucket may be gone, and another may have its name by now. 1: it is there, and may go to the target; 0; or an error. */
static int is_wanted(struct replication_lane *lane, const struct replication_entry *entry)
{
    struct slice name = slice_text(entry->bucket_name);
    struct meta_bucket bucket;
    int err = meta_bucket_get(core_worker_reader(lane->worker), name, &bucket);

    if (err != 0)
        return err == META_E_NO_BUCKET ? 0 : err;
    return bucket.id == entry->bucket && events_patterns_match(&lane->sender->options.target->buckets, name);
}

enum replication_outcome replication_lane_work(struct replication_lane *lane, struct replication_entry *entry)
{
    const struct s3_replication *replication;

    assert(entry->is_taken && entry->seq_count > 0);
    core_worker_run(lane->worker);
    int err = is_wanted(lane, entry);
    if (err <= 0)
        return err == 0 ? strike(lane, entry) : REPLICATION_LATER;
    err = s3_replication_of(lane->worker, entry->bucket, &replication);
    if (err != 0 && err != META_E_CORRUPT)
        return REPLICATION_LATER;
    if (replication == NULL)
        return strike(lane, entry);
    return entry->is_walk ? work_walk(lane, entry) : work_key(lane, entry, replication);
}
