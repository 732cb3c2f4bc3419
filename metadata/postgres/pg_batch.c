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
 * soon as there is a connection again. Who waits is told that, or, when it takes too long, META_E_DOUBT: nobody knows, and the bytes stay. */
#include "metadata/postgres/postgres.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/meta_usage.h"
#include "metadata/rows/codec.h"
#include "storage/base/clock.h"

/* Of what is replaced; what lies in more pieces than that is loaded as it is dropped. */
#define FORESEEN_UNITS_MAX 4096u

/* Who changes what all keep in memory, buckets above all, excludes the others. Then the keys, in their order. */
#define LOCK_ALL    "SELECT pg_advisory_xact_lock(1399616873, 1)"
#define LOCK_SHARED "SELECT pg_advisory_xact_lock_shared(1399616873, 1)"
#define LOCK_KEY    ", pg_advisory_xact_lock($1)"
#define LOCK_KEYS   ", (SELECT count(pg_advisory_xact_lock(h)) FROM unnest($1) AS u(h))"
/* One batch at a time where there are quotas: so none is passed, however many servers there are. */
#define LOCK_OF_QUOTAS INT64_MIN
/* After the locks, so that what is read is what the others left. */
#define FENCE                                                                                                \
    "UPDATE server SET batch = $1 WHERE id = $2 AND epoch = $3"                                              \
    " RETURNING (SELECT sets FROM generation), (extract(epoch FROM clock_timestamp()) * 1000)::int8"
#define SETS_RAISE "UPDATE generation SET sets = sets + 1 RETURNING sets"

/* A column of what is to be loaded. */
struct column {
    struct pg_value *values;
    uint32_t count, capacity;
};

/* What a batch is known to touch. */
struct foreseen {
    struct row_store *store;
    int64_t *locks;
    size_t lock_count, lock_capacity;
    struct column buckets, keys, files, offsets, tallies;
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

static void value_add(struct foreseen *foreseen, struct column *column, struct pg_value value)
{
    if (column->count == column->capacity) {
        uint32_t capacity = column->capacity == 0 ? 16 : 2 * column->capacity;
        struct pg_value *grown = arena_grow(&foreseen->store->set.arena, column->values,
                                            column->count * sizeof(*grown), capacity * sizeof(*grown));
        if (grown == NULL) {
            foreseen->err = -ENOMEM;
            return;
        }
        column->values = grown;
        column->capacity = capacity;
    }
    column->values[column->count++] = value;
}

static void on_touch(void *ctx, const struct row_touch *touch)
{
    struct foreseen *foreseen = ctx;
    struct column *tallies = &foreseen->tallies;

    if (touch->kind == ROW_TOUCH_ANY) {
        foreseen->has_any = true;
    } else if (touch->kind == ROW_TOUCH_KEY) {
        lock_add(foreseen, (int64_t)row_hash(touch->bucket, touch->key));
        value_add(foreseen, &foreseen->buckets, pg_int(touch->bucket));
        value_add(foreseen, &foreseen->keys, pg_bytes(touch->key));
        if (foreseen->store->has_tallies &&
            (tallies->count == 0 || tallies->values[tallies->count - 1].number != touch->bucket))
            value_add(foreseen, tallies, pg_int(touch->bucket));
    } else {
        lock_add(foreseen, (int64_t)row_hash(0, touch->key));
    }
}

static void on_unit(void *ctx, const struct meta_extent *extent)
{
    struct foreseen *foreseen = ctx;

    if (extent->file == 0) /* a body that has no number yet */
        return;
    value_add(foreseen, &foreseen->files, pg_int((int64_t)extent->file));
    value_add(foreseen, &foreseen->offsets, pg_int((int64_t)extent->unit_offset));
}

static int lock_compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return left < right ? -1 : left > right;
}

/* Each lock once, in the order that all servers keep. */
static void locks_settle(struct foreseen *foreseen)
{
    size_t count = 0;

    if (foreseen->lock_count > 0)
        qsort(foreseen->locks, foreseen->lock_count, sizeof(*foreseen->locks), lock_compare);
    for (size_t i = 0; i < foreseen->lock_count; i++)
        if (count == 0 || foreseen->locks[i] != foreseen->locks[count - 1])
            foreseen->locks[count++] = foreseen->locks[i];
    foreseen->lock_count = count;
}

static void foresee(struct foreseen *foreseen, struct row_store *store, const struct row_touches *touches)
{
    *foreseen = (struct foreseen){.store = store, .has_any = touches->moves_sets(touches->batch)};
    touches->walk(touches->batch, on_touch, foreseen);
    touches->walk_sources(touches->batch, on_touch, foreseen);
    touches->walk_units(touches->batch, on_unit, foreseen);
    if (meta_quotas_any(store->meta))
        lock_add(foreseen, LOCK_OF_QUOTAS);
    locks_settle(foreseen);
}

/* ---- The first round trip ---- */

/* In this order; those of which there is nothing to be asked are left out. */
enum begin_call { CALL_BEGIN, CALL_LOCK, CALL_FENCE, CALL_OBJECTS, CALL_UNITS, CALL_TALLIES, CALL_COUNT };

struct begin {
    struct pg_call calls[CALL_COUNT];
    struct pg_call *places[CALL_COUNT]; /* NULL: left out */
    uint32_t count;
};

static struct pg_call *begin_add(struct begin *begin, enum begin_call which, const char *text)
{
    struct pg_call *call = begin->places[which] = &begin->calls[begin->count++];

    *call = (struct pg_call){.text = text};
    return call;
}

static int locks_make(struct foreseen *foreseen, struct begin *begin)
{
    static const char *const texts[2][3] = {{LOCK_SHARED, LOCK_SHARED LOCK_KEY, LOCK_SHARED LOCK_KEYS},
                                            {LOCK_ALL, LOCK_ALL LOCK_KEY, LOCK_ALL LOCK_KEYS}};
    size_t count = foreseen->lock_count;
    struct pg_call *call = begin_add(begin, CALL_LOCK, texts[foreseen->has_any][count > 1 ? 2 : count]);
    struct column numbers = {0};

    for (size_t i = 0; i < count; i++)
        value_add(foreseen, &numbers, pg_int(foreseen->locks[i]));
    if (foreseen->err != 0 || count == 0)
        return foreseen->err;
    return pg_column_add(foreseen->store, call, true, numbers.values, numbers.count);
}

/* Rows by columns of their keys; the second one is NULL where the key has but one. */
static int load_make(struct row_store *store, struct pg_call *call, enum pg_table_id table,
                     const struct column *first, const struct column *second)
{
    const char *kinds = pg_tables[table].kinds;
    int err;

    call->text = pg_text_of(store, table, first->count == 1 ? PG_TEXT_ONE + PG_TEXT_LOAD : PG_TEXT_LOAD);
    if (call->text == NULL)
        return -ENOMEM;
    err = pg_column_add(store, call, kinds[0] == 'i', first->values, first->count);
    if (err == 0 && second != NULL)
        err = pg_column_add(store, call, kinds[1] == 'i', second->values, second->count);
    return err;
}

static int begin_make(struct foreseen *foreseen, struct begin *begin)
{
    struct row_store *store = foreseen->store;
    int err = foreseen->err;

    *begin = (struct begin){.count = 0};
    (void)begin_add(begin, CALL_BEGIN, "BEGIN");
    if (err != 0 || (err = locks_make(foreseen, begin)) != 0)
        return err;
    struct pg_call *fence = begin_add(begin, CALL_FENCE, FENCE);
    pg_add_int(fence, store->batch);
    pg_add_int(fence, store->server);
    pg_add_int(fence, store->epoch);
    if (foreseen->keys.count > 0)
        err = load_make(store, begin_add(begin, CALL_OBJECTS, NULL), PG_OBJECT, &foreseen->buckets,
                        &foreseen->keys);
    if (err == 0 && foreseen->files.count > 0)
        err = load_make(store, begin_add(begin, CALL_UNITS, NULL), PG_UNIT, &foreseen->files,
                        &foreseen->offsets);
    if (err == 0 && foreseen->tallies.count > 0)
        err = load_make(store, begin_add(begin, CALL_TALLIES, NULL), PG_TALLY, &foreseen->tallies, NULL);
    return err;
}

static void on_touch_note(void *ctx, const struct row_touch *touch)
{
    struct foreseen *foreseen = ctx;
    const struct pg_value key[] = {pg_int(touch->bucket), pg_bytes(touch->key)};

    if (touch->kind != ROW_TOUCH_KEY || foreseen->err != 0)
        return;
    foreseen->err = pg_rows_note(foreseen->store, PG_OBJECT, key);
    /* Which are loaded, or there are none at all. */
    if (foreseen->err == 0 && (foreseen->tallies.count > 0 || !foreseen->store->has_tallies))
        foreseen->err = pg_rows_note(foreseen->store, PG_TALLY, key);
}

static void on_unit_note(void *ctx, const struct meta_extent *extent)
{
    struct foreseen *foreseen = ctx;
    const struct pg_value key[] = {pg_int((int64_t)extent->file), pg_int((int64_t)extent->unit_offset)};

    if (foreseen->err == 0 && extent->file != 0)
        foreseen->err = pg_rows_note(foreseen->store, PG_UNIT, key);
}

/* The units of the objects that are there, which may be replaced or deleted: one round trip for all, and none for new keys. */
static int replaced_units_load(struct row_store *store)
{
    struct foreseen units = {.store = store};
    struct pg_call call = {0};
    struct codec_list list;
    struct meta_extent extent;
    int err;

    for (struct pg_row *row = pg_set_at(&store->set, PG_OBJECT, slice_of("", 0), false); row != NULL;
         row = pg_set_at(&store->set, PG_OBJECT, row->place, true)) {
        if (!row->exists || codec_extents_begin(&list, row->values[OBJECT_HELD + HELD_EXTENTS].bytes) != 0)
            continue;
        while (units.files.count < FORESEEN_UNITS_MAX && codec_extents_next(&list, &extent) > 0)
            on_unit(&units, &extent);
    }
    if (units.err != 0 || units.files.count == 0)
        return units.err;
    if ((err = load_make(store, &call, PG_UNIT, &units.files, &units.offsets)) == 0 &&
        (err = pg_batch_round(store, &call, 1)) == 0)
        err = pg_rows_take(store, PG_UNIT, call.result);
    pg_calls_clear(&call, 1);
    return err;
}

static int loads_take(struct row_store *store, const struct begin *begin)
{
    static const enum pg_table_id tables[CALL_COUNT] = {
        [CALL_OBJECTS] = PG_OBJECT, [CALL_UNITS] = PG_UNIT, [CALL_TALLIES] = PG_TALLY};
    int err = 0;

    for (int which = CALL_OBJECTS; which < CALL_COUNT && err == 0; which++)
        if (begin->places[which] != NULL)
            err = pg_rows_take(store, tables[which], begin->places[which]->result);
    return err;
}

/* 1: what is kept in memory of buckets and settings is to be read anew. */
static int begin_take(struct foreseen *foreseen, const struct row_touches *touches, const struct begin *begin)
{
    struct row_store *store = foreseen->store;
    const PGresult *fence = begin->places[CALL_FENCE]->result;
    int err;

    if (PQntuples(fence) != 1) {
        meta_log(store->meta, LOG_LEVEL_ERROR,
                 "another server has taken this one for dead: nothing of it is "
                 "written any more");
        return META_E_CLOSING;
    }
    int64_t sets = pg_column_int(fence, 0, 0);
    bool is_moved = sets != store->sets;
    store->sets = sets;
    store->now_ms = pg_column_int(fence, 0, 1);
    if (is_moved && (err = pg_tallies_find(store)) != 0)
        return err;
    if ((is_moved || meta_quotas_any(store->meta)) && (err = pg_usage_load(store)) != 0)
        return err;
    if ((err = loads_take(store, begin)) != 0)
        return err;
    touches->walk(touches->batch, on_touch_note, foreseen);
    touches->walk_sources(touches->batch, on_touch_note, foreseen);
    touches->walk_units(touches->batch, on_unit_note, foreseen);
    if (foreseen->err != 0 || (err = replaced_units_load(store)) != 0)
        return foreseen->err != 0 ? foreseen->err : err;
    return is_moved;
}

/* A connection that ended while nobody used it costs another one: nothing was begun. One that does not answer has taken its time already. */
static int begin_round(struct row_store *store, struct begin *begin)
{
    uint64_t began = clock_monotonic_ms();
    int err = pg_batch_round(store, begin->calls, begin->count);

    if (err != META_E_UNREACHABLE || clock_monotonic_ms() - began > PG_AGAIN_MS_MAX ||
        pg_connection_reset(&store->connection) != 0)
        return err;
    pg_calls_clear(begin->calls, begin->count);
    store->is_broken = false;
    return pg_batch_round(store, begin->calls, begin->count);
}

int pg_batch_begin(struct row_store *store, const struct row_touches *touches, bool is_synced)
{
    struct foreseen foreseen;
    struct begin begin;
    int err;

    assert(!store->is_in_batch && touches->walk_units != NULL);
    store->is_in_batch = true;
    store->is_broken = store->moves_sets = false;
    store->depth = 0;
    pg_set_reset(&store->set);
    if (pg_doubt_end(store) != 0) { /* nothing was begun */
        store->is_broken = true;
        return META_E_UNREACHABLE;
    }
    store->batch++;
    (void)atomic_fetch_add(&store->meta->engine->batches, 1);
    foresee(&foreseen, store, touches);
    if ((err = begin_make(&foreseen, &begin)) == 0) {
        err = begin_round(store, &begin);
        if (err == 0 && (err = begin_take(&foreseen, touches, &begin)) < 0)
            store->is_broken = true;
        pg_calls_clear(begin.calls, begin.count);
    } else {
        store->is_broken = true;
    }
    free(foreseen.locks);
    return err;
}

/* ---- The second one ---- */

int pg_batch_commit(struct row_store *store)
{
    struct pg_call calls[PG_FLUSH_CALLS_MAX + PG_USAGE_CALLS_MAX + 2];
    uint32_t written, count;
    int err, counted = 0, sets_at = -1;

    assert(store->is_in_batch && store->depth == 0);
    if (store->is_broken)
        return META_E_UNREACHABLE;
    if ((err = pg_flush_make(store, calls, &written)) != 0)
        return err;
    count = written;
    if ((counted = pg_usage_make(store, &calls[count])) < 0)
        return counted;
    count += (uint32_t)counted;
    if (store->moves_sets)
        calls[sets_at = (int)count++] = (struct pg_call){.text = SETS_RAISE};
    calls[count++] = (struct pg_call){.text = "COMMIT"};
    err = pg_round(&store->connection, calls, count);
    if (err == -ENOTCONN)
        err = pg_doubt_begin(store);
    else if (err == 0 && sets_at >= 0 && pg_column_int(calls[sets_at].result, 0, 0) == store->sets + 1)
        store->sets++; /* else others have changed something, too */
    pg_calls_clear(calls, count);
    if (err != 0) {
        store->is_broken = true;
        return pg_result(err);
    }
    store->is_in_batch = false;
    pg_set_settle(&store->set);
    usage_batch_tell(&store->meta->usage);
    atomic_store(&store->meta->engine->last_batch_ms, clock_monotonic_ms());
    atomic_store(&store->meta->engine->write_rounds, store->connection.rounds);
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

void pg_batch_time(const struct row_store *store, int64_t *now_ms)
{
    assert(store->is_in_batch);
    *now_ms = store->now_ms;
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
