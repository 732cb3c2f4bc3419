/* SPDX-License-Identifier: MIT
 *
 * The engine's life: connecting, the schema, a row of `server` for who writes, and what rows/row_engine.h asks besides. There is no log of
 * ours and no checkpoint: what the database says is durable is. */
#include "metadata/postgres/pg_library.h"
#include "metadata/postgres/postgres.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void texts_free(struct row_store *store)
{
    for (int table = 0; table < PG_TABLE_COUNT; table++)
        for (int text = 0; text < PG_TEXT_COUNT; text++)
            free(store->texts[table][text]);
}

static int server_begin(struct row_store *store)
{
    struct pg_call call = {.text = "INSERT INTO server(id, epoch, batch) VALUES(nextval('server_id'), 1, 0)"
                                   " RETURNING id, epoch, (SELECT sets FROM generation)"};
    int err = pg_round(&store->connection, &call, 1);

    if (err == 0 && PQntuples(call.result) != 1)
        err = META_E_CORRUPT;
    if (err == 0) {
        store->server = pg_column_int(call.result, 0, 0);
        store->epoch = pg_column_int(call.result, 0, 1);
        store->sets = pg_column_int(call.result, 0, 2);
        store->meta->engine->server = store->server;
        store->meta->engine->epoch = store->epoch;
    }
    pg_calls_clear(&call, 1);
    return err;
}

static int store_begin(struct row_store *store)
{
    struct meta *meta = store->meta;
    int err = pg_connection_open(&store->connection, meta->path);

    if (err != 0 || (err = pg_schema_open(&store->connection, meta->options.read_only)) != 0)
        return err;
    if (!meta->options.durable && (err = pg_exec(&store->connection, "SET synchronous_commit = off")) != 0)
        return err;
    if ((err = pg_usage_load(store)) != 0 || meta->options.read_only)
        return err;
    return (err = server_begin(store)) != 0 ? err : pg_tallies_find(store);
}

int pg_engine_open(struct meta *meta, struct row_store **out)
{
    struct row_store *store = calloc(1, sizeof(*store));
    int err = -ENOMEM;

    *out = NULL;
    assert(meta->engine == NULL);
    if (pg_library_load != NULL && !pg_library_load()) {
        meta_log(meta, LOG_LEVEL_ERROR, "libpq.so.5 is not installed, which a cluster's servers need");
        err = -ELIBACC;
    }
    if (err == -ELIBACC || store == NULL || (meta->engine = calloc(1, sizeof(*meta->engine))) == NULL) {
        free(store);
        return err;
    }
    store->base.calls = meta->calls;
    store->meta = meta;
    meta->engine->is_read_only = meta->options.read_only;
    if ((err = store_begin(store)) != 0)
        meta_log(meta, LOG_LEVEL_ERROR, "the database: %s (%s)", meta_strerror(err),
                 store->connection.message);
    if (err != 0 || meta->options.read_only)
        pg_store_close(store);
    else
        *out = store;
    return err;
}

void pg_engine_close(struct meta *meta)
{
    free(meta->engine);
    meta->engine = NULL;
}

void pg_engine_keep_log(struct meta *meta)
{
}

uint64_t pg_engine_log_bytes(const struct meta *meta)
{
    return 0;
}

bool pg_engine_is_suspect(const struct meta *meta)
{
    return false;
}

/* A commit that is durable, and with it all that was visible before; also on a standby. */
int pg_engine_make_durable(struct meta *meta)
{
    struct pg_connection connection;
    int err = pg_connection_open(&connection, meta->path);

    if (err == 0)
        err = pg_exec(&connection, "SET synchronous_commit = on; UPDATE generation SET sets = sets");
    pg_connection_close(&connection);
    return err != 0 ? -EIO : 0;
}

/* ---- The side that writes ---- */

int pg_store_start(struct row_store *store, void (*nudge)(void *ctx), void *ctx)
{
    return 0;
}

void pg_store_close(struct row_store *store)
{
    struct pg_call call = {.text = "DELETE FROM server WHERE id = $1 AND epoch = $2"};

    assert(!store->is_in_batch);
    pg_add_int(&call, store->server);
    pg_add_int(&call, store->epoch);
    if (store->server != 0 && !pg_connection_is_lost(&store->connection))
        (void)pg_round(&store->connection, &call, 1); /* else it stays, as that of a dead server */
    pg_calls_clear(&call, 1);
    pg_connection_close(&store->connection);
    pg_set_free(&store->set);
    texts_free(store);
    free(store);
}

int pg_store_repair(struct row_store *store)
{
    return 0;
}

void pg_store_rest(struct row_store *store)
{
}

void pg_store_hurry(struct row_store *store)
{
}

const char *pg_store_message(const struct row_store *store)
{
    return store->connection.message;
}

void pg_store_suspect(struct row_store *store)
{
    assert(store->is_in_batch);
}

bool pg_store_was_synced(const struct row_store *store)
{
    return store->meta->options.durable;
}

uint64_t pg_store_random(struct row_store *store)
{
    uint64_t random = 0;

    while (getrandom(&random, sizeof(random), 0) != sizeof(random))
        ;
    return random;
}

int pg_store_shrink(struct row_store *store, uint32_t pages_max, bool *more)
{
    *more = false; /* autovacuum's business */
    return 0;
}

/* ---- What there is one of ---- */

int pg_counters_get(struct row_store *store, struct row_counters *counters)
{
    *counters = (struct row_counters){.garbage = store->server << SERVER_ROWS_BITS,
                                      .annotation_set = store->server << SERVER_ROWS_BITS,
                                      .server = store->server};
    return 0;
}

/* There is no journal: whoever opens the store writes none. */
int pg_journal_put(struct row_store *store, const struct meta_journal *journal)
{
    return -ENOTSUP;
}

int pg_epoch_raise(struct row_store *store, uint64_t epoch)
{
    struct pg_call call = {.text = "UPDATE store SET epoch = $1 WHERE epoch < $1"};

    pg_add_int(&call, (int64_t)epoch);
    int err = pg_batch_round(store, &call, 1);
    pg_calls_clear(&call, 1);
    return err;
}

/* Nor are there relaxed stores. */
int pg_mark_put(struct row_store *store, uint64_t file, struct slice open, int64_t given_up)
{
    return -ENOTSUP;
}

int pg_replaced_keep(struct row_store *store, int64_t bucket, struct slice key, int64_t row)
{
    return -ENOTSUP;
}

int pg_replaced_newest(struct row_store *store, int64_t bucket, struct slice key, int64_t *row, bool *is_null)
{
    return 0;
}

int pg_replaced_take(struct row_store *store, struct arena *arena, int64_t *row, int64_t last,
                     struct slice *extents, int64_t *annotations)
{
    return 0;
}

int pg_replaced_restore(struct row_store *store, int64_t bucket, struct slice key, int64_t row)
{
    return -ENOTSUP;
}

const struct row_calls postgres_calls = {
#define PG_ENTRY(result, name, parameters, arguments) .name = pg_##name,
    ROW_CALLS(PG_ENTRY)
#undef PG_ENTRY
        .readers = &pg_readers,
};
