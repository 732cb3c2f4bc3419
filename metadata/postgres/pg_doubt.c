/* SPDX-License-Identifier: MIT
 *
 * A commit in doubt: the connection was lost while it was under way, and nobody knows whether it was. The number of the last batch in this
 * server's row of `server` says so, which is moved by every transaction of it and by nothing else. */
#include "metadata/postgres/postgres.h"

#include <errno.h>
#include <time.h>

#include "storage/base/clock.h"

/* Whether the transaction was, of which nothing was heard: 1 or 0; or an error: nobody can tell yet. It waits for the transaction's end, which
 * may be under way still. */
static int doubt_ask(struct row_store *store)
{
    struct pg_call call = {.text = "SELECT batch FROM server WHERE id = $1 FOR UPDATE"};
    int err = pg_connection_reset(&store->connection);

    pg_add_int(&call, store->server);
    if (err == 0)
        err = pg_round(&store->connection, &call, 1);
    bool was = err == 0 && PQntuples(call.result) == 1 && pg_column_int(call.result, 0, 0) == store->doubt;
    pg_calls_clear(&call, 1);
    if (err != 0)
        return err;
    meta_log(store->meta, LOG_LEVEL_WARNING, "the transaction in doubt was %s",
             was ? "committed" : "not committed");
    store->doubt = 0;
    return was;
}

/* Right after the connection was lost. Who waits is told within the bound: META_E_DOUBT says that nobody knows, so that the bytes
 * stay. */
int pg_doubt_begin(struct row_store *store)
{
    static const struct timespec pause = {.tv_nsec = 100000000};
    uint64_t until = clock_monotonic_ms() + PG_DOUBT_MS_MAX;
    int was;

    meta_log(store->meta, LOG_LEVEL_ERROR,
             "the connection was lost while a transaction was committed (%s): asking whether it was",
             store->connection.message);
    store->doubt = store->batch;
    (void)atomic_fetch_add(&store->meta->engine->doubts, 1);
    while ((was = doubt_ask(store)) < 0 && clock_monotonic_ms() < until)
        (void)nanosleep(&pause, NULL);
    return was > 0 ? 0 : was == 0 ? META_E_UNREACHABLE : META_E_DOUBT;
}

/* What an earlier batch left, and a connection. A batch that was committed after all has counted what this process does not know. */
int pg_doubt_end(struct row_store *store)
{
    int was;

    if (store->doubt == 0)
        return pg_connection_is_lost(&store->connection) ? pg_connection_reset(&store->connection) : 0;
    if ((was = doubt_ask(store)) <= 0)
        return was;
    store->sets = -1; /* all is read anew */
    return 0;
}
