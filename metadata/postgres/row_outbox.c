/* SPDX-License-Identifier: MIT
 *
 * Rows of `outbox` and `outbox_given`. Behind rows/row_store.h. */
#include "metadata/postgres/postgres.h"

#include <assert.h>

int pg_outbox_targets(struct row_store *store, uint64_t *given,
                      int (*visit)(void *ctx, struct slice target, uint64_t waiting, uint64_t last),
                      void *ctx)
{
    struct pg_call calls[] = {{.text = "SELECT seq FROM outbox_given"},
                              {.text = "SELECT target, count(*), max(seq) FROM outbox GROUP BY target"}};
    int stop = 0, err = store->is_in_batch ? pg_flush(store) : 0;

    if (err != 0)
        return err;
    err = store->is_in_batch ? pg_batch_round(store, calls, 2) : pg_round(&store->connection, calls, 2);
    if (err == 0 && PQntuples(calls[0].result) != 1)
        err = META_E_CORRUPT;
    if (err == 0)
        *given = (uint64_t)pg_column_int(calls[0].result, 0, 0);
    for (int i = 0; err == 0 && stop == 0 && i < PQntuples(calls[1].result); i++)
        stop =
            visit(ctx, pg_column_bytes(calls[1].result, i, 0), (uint64_t)pg_column_int(calls[1].result, i, 1),
                  (uint64_t)pg_column_int(calls[1].result, i, 2));
    pg_calls_clear(calls, 2);
    return err != 0 ? err : stop;
}

int pg_outbox_put(struct row_store *store, struct slice target, uint64_t seq, int64_t bucket,
                  struct slice key, struct slice detail)
{
    const struct pg_value values[] = {pg_bytes(target), pg_int((int64_t)seq), pg_int(bucket), pg_bytes(key),
                                      pg_bytes(detail)};
    int err;

    assert(target.len > 0 && target.len <= META_OUTBOX_TARGET_BYTES_MAX && seq <= INT64_MAX &&
           detail.len > 0);
    /* The number is new: nobody need ask. */
    return (err = pg_rows_note(store, PG_OUTBOX, values)) != 0 ? err : pg_row_put(store, PG_OUTBOX, values);
}

int pg_outbox_delete(struct row_store *store, struct slice target, uint64_t seq)
{
    const struct pg_value key[] = {pg_bytes(target), pg_int((int64_t)seq)};
    struct pg_row *row;
    int err, there = pg_row_get(store, PG_OUTBOX, key, &row);

    if (there <= 0)
        return there;
    return (err = pg_row_delete(store, row)) != 0 ? err : 1;
}

int pg_outbox_drop(struct row_store *store, struct slice target)
{
    const struct pg_value first[] = {pg_bytes(target)};
    struct pg_row *row;
    int err, there = pg_row_next(store, PG_OUTBOX, first, 1, false, 1, 16, &row);

    if (there <= 0)
        return there;
    return (err = pg_row_delete(store, row)) != 0 ? err : 1;
}

int pg_outbox_give(struct row_store *store, uint64_t seq)
{
    struct pg_call call = {.text = "UPDATE outbox_given SET seq = $1 WHERE seq < $1"};

    assert(seq <= INT64_MAX);
    pg_add_int(&call, (int64_t)seq);
    store->loads++;
    int err = pg_batch_round(store, &call, 1);
    pg_calls_clear(&call, 1);
    return err;
}
