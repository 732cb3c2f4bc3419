/* SPDX-License-Identifier: MIT
 *
 * A batch over PostgreSQL: how it begins and how it ends.
 *
 *     one round trip    BEGIN; the fence; the lock that all share; the locks of the keys, in order; the rows of these keys, and the units
 *                       that come with them
 *     the changes       in memory (pg_set.h)
 *     one round trip    what has changed; what was counted; COMMIT
 *
 * When the connection is lost during the second, it is not known whether the commit was. The number of the batch in `server` says so, as
 * soon as there is a connection again: nobody is told anything before, so that no bytes are thrown away that a row may name. */
#include "metadata/postgres/postgres.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "metadata/postgres/pg_array.h"
#include "metadata/rows/codec.h"

/* Of what is replaced; what lies in more pieces than that is loaded as it is dropped. */
#define FORESEEN_UNITS_MAX 4096u

#define FENCE                                                                                                \
    "UPDATE server SET batch = $1 WHERE id = $2 AND epoch = $3 RETURNING (SELECT sets FROM generation)"
/* Who changes what all keep in memory, buckets above all, excludes the others. */
#define LOCK_ALL   "SELECT pg_advisory_xact_lock(1399616873, 1)"
#define LOCK_OURS  "SELECT pg_advisory_xact_lock_shared(1399616873, 1)"
#define LOCK_KEYS  "SELECT count(pg_advisory_xact_lock(h)) FROM unnest($1::int8[]) AS u(h)"
#define SETS_RAISE "UPDATE generation SET sets = sets + 1 RETURNING sets"

/* What a batch is known to touch. */
struct foreseen {
    struct row_store *store;
    int64_t *locks;
    size_t lock_count, lock_capacity;
    struct pg_array buckets, keys, files, offsets, tallies;
    int64_t last_bucket;
    bool has_any;
    int err;
};

/* ---- What is touched ---- */

static void lock_add(struct foreseen *foreseen, int64_t lock)
{
    if (foreseen->lock_count == foreseen->lock_capacity) {
        size_t capacity = foreseen->lock_capacity == 0 ? 64 : 2 * foreseen->lock_capacity;
        int64_t *grown = realloc(foreseen->locks, capacity * sizeof(*grown));
        if (grown == NULL) {
            foreseen->err = -ENOMEM;
            return;
        }
        foreseen->locks = grown;
        foreseen->lock_capacity = capacity;
    }
    foreseen->locks[foreseen->lock_count++] = lock;
}

static void on_touch(void *ctx, const struct row_touch *touch)
{
    struct foreseen *foreseen = ctx;

    if (touch->kind == ROW_TOUCH_ANY) {
        foreseen->has_any = true;
    } else if (touch->kind == ROW_TOUCH_KEY) {
        lock_add(foreseen, (int64_t)row_hash(touch->bucket, touch->key));
        pg_array_add_int(&foreseen->buckets, touch->bucket);
        if (foreseen->tallies.count == 0 || foreseen->last_bucket != touch->bucket)
            pg_array_add_int(&foreseen->tallies, touch->bucket);
        foreseen->last_bucket = touch->bucket;
        pg_array_add_bytes(&foreseen->keys, touch->key);
    } else {
        lock_add(foreseen, (int64_t)row_hash(0, touch->key));
    }
}

static void on_unit(void *ctx, const struct meta_extent *extent)
{
    struct foreseen *foreseen = ctx;

    pg_array_add_int(&foreseen->files, (int64_t)extent->file);
    pg_array_add_int(&foreseen->offsets, (int64_t)extent->unit_offset);
}

static int lock_compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return left < right ? -1 : left > right;
}

static void foresee(struct foreseen *foreseen, struct row_store *store, const struct row_touches *touches)
{
    struct arena *arena = &store->set.arena;

    *foreseen = (struct foreseen){.store = store};
    pg_array_begin(&foreseen->buckets, arena, PG_INT8);
    pg_array_begin(&foreseen->keys, arena, PG_BYTEA);
    pg_array_begin(&foreseen->files, arena, PG_INT8);
    pg_array_begin(&foreseen->offsets, arena, PG_INT8);
    pg_array_begin(&foreseen->tallies, arena, PG_INT8);
    touches->walk(touches->batch, on_touch, foreseen);
    touches->walk_units(touches->batch, on_unit, foreseen);
    if (foreseen->lock_count > 0)
        qsort(foreseen->locks, foreseen->lock_count, sizeof(*foreseen->locks), lock_compare);
}

/* ---- The first round trip ---- */

enum begin_call {
    CALL_BEGIN,
    CALL_FENCE,
    CALL_LOCK,
    CALL_LOCK_KEYS,
    CALL_OBJECTS,
    CALL_UNITS,
    CALL_TALLIES,
    CALL_COUNT
};

static int add_two(struct pg_call *call, struct pg_array *numbers, struct pg_array *others, uint32_t of)
{
    struct slice first, second;
    int err = pg_array_end(numbers, &first);

    if (err != 0 || (err = pg_array_end(others, &second)) != 0)
        return err;
    pg_add_array(call, PG_INT8_ARRAY, first);
    pg_add_array(call, of, second);
    return call->text != NULL ? 0 : -ENOMEM;
}

static int locks_add(struct foreseen *foreseen, struct pg_call *call)
{
    struct pg_array array;
    struct slice parameter;
    int err;

    pg_array_begin(&array, &foreseen->store->set.arena, PG_INT8);
    for (size_t i = 0; i < foreseen->lock_count; i++)
        if (i == 0 || foreseen->locks[i] != foreseen->locks[i - 1])
            pg_array_add_int(&array, foreseen->locks[i]);
    if ((err = pg_array_end(&array, &parameter)) == 0)
        pg_add_array(call, PG_INT8_ARRAY, parameter);
    return err;
}

static int begin_make(struct foreseen *foreseen, struct pg_call *calls)
{
    struct row_store *store = foreseen->store;
    struct slice tallies;
    int err;

    memset(calls, 0, CALL_COUNT * sizeof(*calls));
    calls[CALL_BEGIN].text = "BEGIN";
    calls[CALL_FENCE].text = FENCE;
    pg_add_int(&calls[CALL_FENCE], store->batch);
    pg_add_int(&calls[CALL_FENCE], store->server);
    pg_add_int(&calls[CALL_FENCE], store->epoch);
    calls[CALL_LOCK].text = foreseen->has_any ? LOCK_ALL : LOCK_OURS;
    calls[CALL_LOCK_KEYS].text = LOCK_KEYS;
    calls[CALL_OBJECTS].text = pg_text_of(store, PG_OBJECT, PG_TEXT_LOAD);
    calls[CALL_UNITS].text = pg_text_of(store, PG_UNIT, PG_TEXT_LOAD);
    if (foreseen->err != 0 || (err = locks_add(foreseen, &calls[CALL_LOCK_KEYS])) != 0)
        return foreseen->err != 0 ? foreseen->err : err;
    err = add_two(&calls[CALL_OBJECTS], &foreseen->buckets, &foreseen->keys, PG_BYTEA_ARRAY);
    if (err != 0 ||
        (err = add_two(&calls[CALL_UNITS], &foreseen->files, &foreseen->offsets, PG_INT8_ARRAY)) != 0 ||
        (err = pg_array_end(&foreseen->tallies, &tallies)) != 0)
        return err;
    calls[CALL_TALLIES].text = pg_text_of(store, PG_TALLY, PG_TEXT_LOAD);
    pg_add_array(&calls[CALL_TALLIES], PG_INT8_ARRAY, tallies);
    return calls[CALL_TALLIES].text != NULL ? 0 : -ENOMEM;
}

static void on_touch_note(void *ctx, const struct row_touch *touch)
{
    struct foreseen *foreseen = ctx;
    const struct pg_value key[] = {pg_int(touch->bucket), pg_bytes(touch->key)};

    if (touch->kind != ROW_TOUCH_KEY || foreseen->err != 0)
        return;
    foreseen->err = pg_rows_note(foreseen->store, PG_OBJECT, key);
    if (foreseen->err == 0)
        foreseen->err = pg_rows_note(foreseen->store, PG_TALLY, key);
}

static void on_unit_note(void *ctx, const struct meta_extent *extent)
{
    struct foreseen *foreseen = ctx;
    const struct pg_value key[] = {pg_int((int64_t)extent->file), pg_int((int64_t)extent->unit_offset)};

    if (foreseen->err == 0)
        foreseen->err = pg_rows_note(foreseen->store, PG_UNIT, key);
}

/* The units of the objects that are there, which may be replaced or deleted: one round trip for all, and none for new keys. */
static int replaced_units_load(struct row_store *store)
{
    struct foreseen units = {.store = store};
    struct pg_call call = {.text = pg_text_of(store, PG_UNIT, PG_TEXT_LOAD)};
    struct codec_list list;
    struct meta_extent extent;
    int err;

    pg_array_begin(&units.files, &store->set.arena, PG_INT8);
    pg_array_begin(&units.offsets, &store->set.arena, PG_INT8);
    for (struct pg_row *row = pg_set_at(&store->set, PG_OBJECT, slice_of("", 0), false); row != NULL;
         row = pg_set_at(&store->set, PG_OBJECT, row->place, true)) {
        if (!row->exists || codec_extents_begin(&list, row->values[OBJECT_HELD + HELD_EXTENTS].bytes) != 0)
            continue;
        while (units.files.count < FORESEEN_UNITS_MAX && codec_extents_next(&list, &extent) > 0)
            on_unit(&units, &extent);
    }
    if (units.files.count == 0)
        return 0;
    if ((err = add_two(&call, &units.files, &units.offsets, PG_INT8_ARRAY)) == 0 &&
        (err = pg_batch_round(store, &call, 1)) == 0)
        err = pg_rows_take(store, PG_UNIT, call.result);
    pg_calls_clear(&call, 1);
    return err;
}

/* 1: what is kept in memory of buckets and settings is to be read anew. */
static int begin_take(struct foreseen *foreseen, const struct row_touches *touches, struct pg_call *calls)
{
    struct row_store *store = foreseen->store;
    int err;

    if (PQntuples(calls[CALL_FENCE].result) != 1) {
        meta_log(store->meta, LOG_LEVEL_ERROR,
                 "another server has taken this one for dead: nothing of it is "
                 "written any more");
        return META_E_CLOSING;
    }
    if ((err = pg_rows_take(store, PG_OBJECT, calls[CALL_OBJECTS].result)) != 0 ||
        (err = pg_rows_take(store, PG_UNIT, calls[CALL_UNITS].result)) != 0 ||
        (err = pg_rows_take(store, PG_TALLY, calls[CALL_TALLIES].result)) != 0)
        return err;
    touches->walk(touches->batch, on_touch_note, foreseen);
    touches->walk_units(touches->batch, on_unit_note, foreseen);
    if (foreseen->err != 0 || (err = replaced_units_load(store)) != 0)
        return foreseen->err != 0 ? foreseen->err : err;
    int64_t sets = pg_column_int(calls[CALL_FENCE].result, 0, 0);
    bool is_moved = sets != store->sets;
    store->sets = sets;
    return is_moved;
}

int pg_batch_begin(struct row_store *store, const struct row_touches *touches, bool is_synced)
{
    struct pg_call calls[CALL_COUNT];
    struct foreseen foreseen;
    int err;

    assert(!store->is_in_batch && touches->walk_units != NULL);
    store->is_in_batch = true;
    store->is_broken = false;
    store->depth = 0;
    pg_set_reset(&store->set);
    if (pg_connection_is_lost(&store->connection) && (err = pg_connection_reset(&store->connection)) != 0) {
        store->is_broken = true;
        return -EIO;
    }
    store->batch++;
    foresee(&foreseen, store, touches);
    if ((err = begin_make(&foreseen, calls)) == 0) {
        err = pg_batch_round(store, calls, CALL_COUNT);
        if (err == 0 && (err = begin_take(&foreseen, touches, calls)) < 0)
            store->is_broken = true;
        pg_calls_clear(calls, CALL_COUNT);
    } else {
        store->is_broken = true;
    }
    free(foreseen.locks);
    return err == -ENOTCONN || err == -EAGAIN ? -EIO : err;
}

/* ---- The second one ---- */

static bool sets_are_changed(const struct row_store *store)
{
    return store->set.changed[PG_BUCKET] != NULL || store->set.changed[PG_SETTING] != NULL ||
           store->set.changed[PG_PUBLICATION] != NULL || store->set.changed[PG_QUOTA] != NULL ||
           store->set.changed[PG_TALLY] != NULL;
}

/* Whether the transaction was, of which nothing was heard. Waits until the server knows: the transaction may be under way still. */
static int doubt_settle(struct row_store *store)
{
    static const struct timespec pause = {.tv_nsec = 100000000};
    struct pg_call call = {.text = "SELECT batch FROM server WHERE id = $1 FOR UPDATE"};
    bool is_told = false;
    int err;

    pg_add_int(&call, store->server);
    for (;;) {
        if ((err = pg_connection_reset(&store->connection)) == 0 &&
            (err = pg_round(&store->connection, &call, 1)) == 0)
            break;
        pg_calls_clear(&call, 1);
        if (!is_told)
            meta_log(
                store->meta, LOG_LEVEL_ERROR,
                "the connection was lost while a transaction was committed (%s): waiting to learn whether "
                "it was",
                store->connection.message);
        is_told = true;
        (void)nanosleep(&pause, NULL);
    }
    bool was = PQntuples(call.result) == 1 && pg_column_int(call.result, 0, 0) == store->batch;
    pg_calls_clear(&call, 1);
    meta_log(store->meta, LOG_LEVEL_WARNING, "the transaction in doubt was %s",
             was ? "committed" : "not committed");
    return was ? 0 : -EIO;
}

int pg_batch_commit(struct row_store *store)
{
    struct pg_call calls[PG_FLUSH_CALLS_MAX + PG_USAGE_CALLS_MAX + 2];
    uint32_t written, count;
    int err, counted = 0, sets_at = -1;

    assert(store->is_in_batch && store->depth == 0);
    if (store->is_broken)
        return -EIO;
    if ((err = pg_flush_make(store, calls, &written)) != 0)
        return err;
    count = written;
    if ((counted = pg_usage_make(store, &calls[count])) < 0)
        return counted;
    count += (uint32_t)counted;
    if (sets_are_changed(store)) {
        calls[sets_at = (int)count++] = (struct pg_call){.text = SETS_RAISE};
    }
    calls[count++] = (struct pg_call){.text = "COMMIT"};
    err = pg_round(&store->connection, calls, count);
    if (err == -ENOTCONN)
        err = doubt_settle(store);
    else if (err == 0 && sets_at >= 0 && pg_column_int(calls[sets_at].result, 0, 0) == store->sets + 1)
        store->sets++; /* else others have changed something, too */
    pg_calls_clear(calls, count);
    if (err != 0) {
        store->is_broken = true;
        return err == -EAGAIN ? -EIO : err;
    }
    store->is_in_batch = false;
    pg_set_settle(&store->set);
    usage_batch_tell(&store->meta->usage);
    return 0;
}

void pg_batch_abandon(struct row_store *store)
{
    assert(store->is_in_batch);
    if (!pg_connection_is_lost(&store->connection) &&
        PQpipelineStatus(store->connection.conn) == PQ_PIPELINE_OFF &&
        PQtransactionStatus(store->connection.conn) != PQTRANS_IDLE &&
        pg_exec(&store->connection, "ROLLBACK") != 0)
        meta_log(store->meta, LOG_LEVEL_ERROR, "rollback failed: %s", store->connection.message);
    if (PQpipelineStatus(store->connection.conn) != PQ_PIPELINE_OFF ||
        PQtransactionStatus(store->connection.conn) != PQTRANS_IDLE)
        (void)pg_connection_reset(&store->connection); /* the next batch tries again */
    usage_batch_undo(&store->meta->usage);
    store->is_in_batch = false;
    pg_set_reset(&store->set);
}

bool pg_batch_is_open(const struct row_store *store)
{
    return store->is_in_batch && !store->is_broken;
}

int pg_change_begin(struct row_store *store)
{
    assert(store->is_in_batch && store->depth < USAGE_DEPTH_MAX);
    store->marks[store->depth++] = pg_set_mark(&store->set);
    usage_change_begin(&store->meta->usage);
    return 0;
}

int pg_change_end(struct row_store *store, bool keeps)
{
    assert(store->depth > 0);
    store->depth--;
    usage_change_end(&store->meta->usage, keeps);
    if (!keeps)
        pg_set_undo(&store->set, store->marks[store->depth]);
    return 0;
}
