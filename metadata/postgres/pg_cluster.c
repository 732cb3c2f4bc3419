/* SPDX-License-Identifier: MIT
 *
 * See meta_cluster.h. A connection beside those of the committer and the readers: the lock of who leads is the session's, and ends with it. */
#include "metadata/meta_cluster.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/postgres/postgres.h"

/* How the database calls the session of who leads, or would: whoever takes its server for dead ends it, for a process that is stopped keeps its
 * connection, and the lock with it. */
#define SESSION "'sluice server ' || id"

/* "Slui", and which of its locks: 1 is the batches'. The name comes first. */
#define LEAD                                                                                                 \
    "SELECT CASE WHEN set_config('application_name', " SESSION ", false) IS NOT NULL"                        \
    " THEN pg_try_advisory_lock(1399616873, 2) END FROM server WHERE id = $1 AND epoch = $2"

struct meta_cluster {
    pthread_mutex_t lock;
    struct pg_connection connection;
    char *conninfo;
    int64_t server, epoch;
    bool leads; /* as long as the connection is not lost */
};

/* ---- One call at a time ---- */

static int result_of(int err)
{
    return err == -ENOTCONN || err == -EAGAIN || err == -ECONNREFUSED ? -EIO : err;
}

/* Under the lock. */
static int run(struct meta_cluster *cluster, struct pg_call *call)
{
    int err = 0;

    if (pg_connection_is_lost(&cluster->connection)) {
        cluster->leads = false;
        err = pg_connection_reset(&cluster->connection);
    }
    if (err == 0)
        err = pg_round(&cluster->connection, call, 1);
    return result_of(err);
}

/* One number of its first row, if there is one: 1, 0 or an error. */
static int ask(struct meta_cluster *cluster, struct pg_call *call, int64_t *number)
{
    int64_t ignored;

    pthread_mutex_lock(&cluster->lock);
    int err = run(cluster, call);
    if (err == 0 && PQntuples(call->result) > 0) {
        *(number != NULL ? number : &ignored) = pg_column_int(call->result, 0, 0);
        err = 1;
    }
    pg_calls_clear(call, 1);
    pthread_mutex_unlock(&cluster->lock);
    return err;
}

/* Of a statement about this server's row, which finds none where its epoch was raised. */
static int ask_as_server(struct meta_cluster *cluster, struct pg_call *call, int64_t *number)
{
    pg_add_int(call, cluster->server);
    pg_add_int(call, cluster->epoch);
    int found = ask(cluster, call, number);

    return found > 0 ? 0 : found == 0 ? META_E_FENCED : found;
}

/* ---- Opening ---- */

int meta_cluster_open(struct meta_cluster **out, struct meta *meta)
{
    struct meta_cluster *cluster = calloc(1, sizeof(*cluster));
    int err;

    if (cluster == NULL)
        return -ENOMEM;
    pthread_mutex_init(&cluster->lock, NULL);
    cluster->server = meta->engine->server;
    cluster->epoch = meta->engine->epoch;
    if ((cluster->conninfo = strdup(meta->path)) == NULL)
        err = -ENOMEM;
    else
        err = result_of(pg_connection_open(&cluster->connection, cluster->conninfo));
    if (err != 0) {
        meta_cluster_close(cluster);
        return err;
    }
    *out = cluster;
    return 0;
}

void meta_cluster_close(struct meta_cluster *cluster)
{
    if (cluster == NULL)
        return;
    if (cluster->connection.conn != NULL)
        pg_connection_close(&cluster->connection);
    pthread_mutex_destroy(&cluster->lock);
    free(cluster->conninfo);
    free(cluster);
}

int64_t meta_cluster_server(const struct meta_cluster *cluster)
{
    return cluster->server;
}

/* ---- Alive, and leading ---- */

int meta_cluster_beat(struct meta_cluster *cluster)
{
    struct pg_call call = {
        .text = "UPDATE server SET seen = clock_timestamp() WHERE id = $1 AND epoch = $2 RETURNING 1"};

    return ask_as_server(cluster, &call, NULL);
}

int meta_cluster_lead(struct meta_cluster *cluster, bool *leads)
{
    struct pg_call call = {.text = LEAD}, still = {.text = "SELECT 1"};

    *leads = false;
    pg_add_int(&call, cluster->server);
    pg_add_int(&call, cluster->epoch);
    pthread_mutex_lock(&cluster->lock);
    int err = run(cluster, cluster->leads ? &still : &call);
    if (err == 0 && !cluster->leads)
        cluster->leads = PQntuples(call.result) == 1 && pg_column_int(call.result, 0, 0) != 0;
    *leads = err == 0 && cluster->leads;
    pg_calls_clear(&call, 1);
    pg_calls_clear(&still, 1);
    pthread_mutex_unlock(&cluster->lock);
    return err;
}

/* ---- Blocks of ids ---- */

int meta_cluster_block_take(struct meta_cluster *cluster, uint32_t ids, uint64_t *first)
{
    struct pg_call call = {
        .text = "INSERT INTO block(first, server) SELECT (nextval('block_number') - 1) * $1 + 1, id"
                " FROM server WHERE id = $2 AND epoch = $3 RETURNING first"};
    int64_t number = 0;

    assert(ids > 0);
    pg_add_int(&call, ids);
    int err = ask_as_server(cluster, &call, &number);
    *first = (uint64_t)number;
    return err;
}

int meta_cluster_block_settle(struct meta_cluster *cluster, uint64_t first)
{
    struct pg_call call = {.text = "DELETE FROM block WHERE first = $1"};

    pg_add_int(&call, (int64_t)first);
    int err = ask(cluster, &call, NULL);
    return err < 0 ? err : 0;
}

int meta_cluster_block_is_open(struct meta_cluster *cluster, uint32_t ids, uint64_t id)
{
    struct pg_call call = {.text = "SELECT 1 FROM block WHERE first = $1"};

    assert(ids > 0 && id > 0);
    pg_add_int(&call, (int64_t)((id - 1) / ids * ids + 1));
    return ask(cluster, &call, NULL);
}

/* ---- Who is gone ---- */

/* Of those that were taken for dead before, too, for one may have begun to lead just then. */
static int end_sessions(struct meta_cluster *cluster)
{
    struct pg_call call = {.text =
                               "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                               " WHERE datname = current_database() AND application_name IN (SELECT " SESSION
                               " FROM server WHERE dead > 0)"};
    int found = ask(cluster, &call, NULL);

    return found < 0 ? found : 0;
}

/* The row stays, with the number of its last batch, for one that comes back asks whether that was committed. */
int meta_cluster_bury(struct meta_cluster *cluster, uint32_t silent_s, uint32_t *count)
{
    struct pg_call call = {
        .text = "WITH gone AS (UPDATE server SET epoch = epoch + 1, dead = 1 WHERE dead = 0 AND id != $1"
                " AND seen < clock_timestamp() - $2 * interval '1 second' RETURNING 1)"
                " SELECT count(*) FROM gone"};
    int64_t number = 0;

    pg_add_int(&call, cluster->server);
    pg_add_int(&call, silent_s);
    int found = ask(cluster, &call, &number);
    *count = (uint32_t)number;
    return found < 0 ? found : end_sessions(cluster);
}

int meta_cluster_block_left(struct meta_cluster *cluster, uint64_t *first, uint64_t *server)
{
    struct pg_call call = {
        .text = "SELECT first, server FROM block AS b WHERE NOT EXISTS(SELECT 1 FROM server AS s"
                " WHERE s.id = b.server AND s.dead = 0) ORDER BY first LIMIT 1"};

    pthread_mutex_lock(&cluster->lock);
    int found = run(cluster, &call);
    if (found == 0 && PQntuples(call.result) > 0) {
        *first = (uint64_t)pg_column_int(call.result, 0, 0);
        *server = (uint64_t)pg_column_int(call.result, 0, 1);
        found = 1;
    }
    pg_calls_clear(&call, 1);
    pthread_mutex_unlock(&cluster->lock);
    return found;
}

int meta_cluster_server_left(struct meta_cluster *cluster, uint64_t *server)
{
    struct pg_call call = {
        .text = "SELECT id FROM server AS s WHERE dead = 1 AND NOT EXISTS(SELECT 1 FROM block AS b"
                " WHERE b.server = s.id) ORDER BY id LIMIT 1"};
    int64_t number = 0;
    int found = ask(cluster, &call, &number);

    *server = (uint64_t)number;
    return found;
}

/* It is not taken out of the table: one that comes back after days finds what its last batch came to. */
int meta_cluster_server_forget(struct meta_cluster *cluster, uint64_t server)
{
    struct pg_call call = {.text = "UPDATE server SET dead = 2 WHERE id = $1 AND dead = 1"};

    pg_add_int(&call, (int64_t)server);
    int err = ask(cluster, &call, NULL);
    return err < 0 ? err : 0;
}

int meta_cluster_count(struct meta_cluster *cluster, uint32_t *servers)
{
    struct pg_call call = {.text = "SELECT count(*) FROM server WHERE dead = 0"};
    int64_t number = 0;
    int found = ask(cluster, &call, &number);

    *servers = (uint32_t)number;
    return found < 0 ? found : 0;
}

void meta_cluster_figures(const struct meta *meta, struct meta_cluster_figures *figures)
{
    const struct row_engine *engine = meta->engine;

    *figures = (struct meta_cluster_figures){
        .server = engine->server,
        .epoch = engine->epoch,
        .batches = atomic_load(&engine->batches),
        .doubts = atomic_load(&engine->doubts),
        .write_rounds = atomic_load(&engine->write_rounds),
        .read_rounds = atomic_load(&engine->read_rounds),
        .last_batch_ms = atomic_load(&engine->last_batch_ms),
    };
}

/* ---- Garbage ---- */

int meta_cluster_garbage(struct meta_cluster *cluster, uint32_t delay_s, int64_t after,
                         struct meta_garbage *entries, uint32_t limit)
{
    struct pg_call call = {
        .text = "SELECT row, file, unit_offset, unit_length FROM garbage WHERE row > $1"
                " AND at <= clock_timestamp() - $2 * interval '1 second' ORDER BY row LIMIT $3"};
    int count = 0;

    assert(limit > 0 && limit <= INT32_MAX);
    pg_add_int(&call, after);
    pg_add_int(&call, delay_s);
    pg_add_int(&call, limit);
    pthread_mutex_lock(&cluster->lock);
    int err = run(cluster, &call);
    for (; err == 0 && count < PQntuples(call.result); count++)
        entries[count] = (struct meta_garbage){
            .row = pg_column_int(call.result, count, 0),
            .file = (uint64_t)pg_column_int(call.result, count, 1),
            .unit_offset = (uint64_t)pg_column_int(call.result, count, 2),
            .unit_length = (uint64_t)pg_column_int(call.result, count, 3),
        };
    pg_calls_clear(&call, 1);
    pthread_mutex_unlock(&cluster->lock);
    return err != 0 ? err : count;
}
