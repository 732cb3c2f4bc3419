/* SPDX-License-Identifier: MIT
 *
 * Readers over PostgreSQL: a connection each. A query is one round trip, when its first row is asked for; its rows stay in memory until it is
 * reset. A snapshot is a transaction that begins with its first query. A lost connection is made anew by the next query outside a
 * snapshot, and not more often than once a second: meanwhile every read fails at once. Other servers write, too, so no row is kept. */
#include "metadata/read/reader.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/postgres/pg_reads.h"
#include "metadata/postgres/postgres.h"
#include "storage/base/clock.h"

#define PARAMETERS_MAX 10
#define PIECE_ROWS     1024u
#define RECONNECT_MS   1000u
/* Of a longer one the listing seeks. */
#define DELIMITER_BYTES_MAX 64u

struct pg_query {
    struct pg_reader *reader;
    enum read_id id;
    const char *text;
    bool is_number[PARAMETERS_MAX];
    int64_t numbers[PARAMETERS_MAX];
    struct slice bytes[PARAMETERS_MAX];
    int count; /* of parameters that were ever bound */
    PGresult *result;
    bool is_rolled; /* see query_roll */
    int64_t prefix_length;
    size_t delimiter_length, past_length;
    unsigned char delimiter[DELIMITER_BYTES_MAX], past[DELIMITER_BYTES_MAX];
    int row;                /* of the result */
    uint32_t before, piece; /* rows of earlier pieces; how many this one may have */
};

struct pg_reader {
    struct meta *meta;
    struct pg_connection connection;
    bool is_inside, is_begun; /* a snapshot is wanted, and there is one */
    uint64_t lost_ms;
    struct pg_query queries[READ_COUNT];
};

static const struct query_calls query_calls;

static struct pg_query *own(const struct query *query)
{
    return query->own;
}

/* ---- Binding ---- */

static void query_bind_number(struct query *query, int parameter, int64_t value)
{
    struct pg_query *pg = own(query);

    assert(parameter >= 1 && parameter <= PARAMETERS_MAX);
    pg->is_number[parameter - 1] = true;
    pg->numbers[parameter - 1] = value;
    pg->count = parameter > pg->count ? parameter : pg->count;
}

static void query_bind_slice(struct query *query, int parameter, struct slice bytes)
{
    struct pg_query *pg = own(query);

    assert(parameter >= 1 && parameter <= PARAMETERS_MAX);
    pg->is_number[parameter - 1] = false;
    pg->bytes[parameter - 1] = bytes.base != NULL ? bytes : slice_of("", 0);
    pg->count = parameter > pg->count ? parameter : pg->count;
}

static bool query_rolls(struct query *query, struct slice prefix, struct slice delimiter)
{
    struct pg_query *pg = own(query);

    pg->is_rolled = false;
    if (delimiter.len == 0 || pg->id == READ_COUNT || pg_rolled_text(pg->id) == NULL ||
        (pg->past_length = pg_rolled_past(delimiter, pg->past, sizeof(pg->past))) == 0)
        return false;
    pg->is_rolled = true;
    pg->prefix_length = (int64_t)prefix.len;
    pg->delimiter_length = delimiter.len;
    (void)slice_copy(pg->delimiter, delimiter);
    return true;
}

/* ---- Running ---- */

static int connection_settle(struct pg_reader *reader)
{
    if (!pg_connection_is_lost(&reader->connection))
        return 0;
    if (reader->is_begun || (reader->lost_ms != 0 && clock_monotonic_ms() - reader->lost_ms < RECONNECT_MS))
        return META_E_UNREACHABLE;
    reader->lost_ms = clock_monotonic_ms();
    return pg_connection_reset(&reader->connection) == 0 ? 0 : META_E_UNREACHABLE;
}

static void call_fill(struct pg_query *pg, struct pg_call *call, const struct query *query)
{
    int pieces = pg->id < READ_COUNT ? pg_read_pieces(pg->id) : 0;

    *call = (struct pg_call){.text = pg->is_rolled ? pg_rolled_text(pg->id) : pg->text};
    for (int i = 0; i < pg->count; i++) {
        if (pg->is_number[i])
            pg_add_int(call, pg->numbers[i]);
        else
            pg_add_bytes(call, pg->bytes[i]);
    }
    if (pieces == 0)
        return;
    assert(pieces == pg->count);
    pg->piece = query->expected != 0 ? query->expected : PIECE_ROWS;
    pg_add_int(call, pg->piece);
    pg_add_int(call, pg->before);
    if (!pg->is_rolled)
        return;
    pg_add_int(call, pg->prefix_length);
    pg_add_bytes(call, slice_of(pg->delimiter, pg->delimiter_length));
    pg_add_bytes(call, slice_of(pg->past, pg->past_length));
}

/* Every request asks for its bucket first: there it learns whether another server has changed what this one keeps of settings. */
static void sets_note(const struct pg_query *pg)
{
    struct meta *meta = pg->reader->meta;
    long long sets;

    if (pg->id != READ_BUCKET_GET || PQntuples(pg->result) != 1)
        return;
    sets = pg_column_int(pg->result, 0, 6);
    if (atomic_exchange(&meta->engine->sets, sets) != sets)
        (void)atomic_fetch_add(&meta->settings_generation, 1);
}

/* One round trip, with the beginning of the snapshot where it is the first. */
static int query_send(struct pg_query *pg, const struct query *query)
{
    struct pg_reader *reader = pg->reader;
    struct pg_call calls[2];
    uint32_t count = 0;
    int err = connection_settle(reader);

    if (err != 0)
        return err;
    if (reader->is_inside && !reader->is_begun)
        calls[count++] = (struct pg_call){.text = pg_read_text(READ_SNAPSHOT_BEGIN)};
    call_fill(pg, &calls[count++], query);
    err = pg_round(&reader->connection, calls, count);
    (void)atomic_fetch_add_explicit(&pg->reader->meta->engine->read_rounds, 1, memory_order_relaxed);
    if (reader->is_inside)
        reader->is_begun = true;
    if (err == 0) {
        pg->result = calls[count - 1].result;
        calls[count - 1].result = NULL;
        sets_note(pg);
    }
    pg_calls_clear(calls, count);
    return pg_result(err);
}

/* The two that are no queries. */
static int snapshot_begin(struct pg_reader *reader)
{
    assert(!reader->is_inside);
    reader->is_inside = true;
    reader->is_begun = false;
    return 0;
}

static int snapshot_end(struct pg_reader *reader)
{
    struct pg_call call = {.text = pg_read_text(READ_SNAPSHOT_END)};
    int err = 0;

    if (reader->is_begun)
        err = pg_round(&reader->connection, &call, 1);
    pg_calls_clear(&call, 1);
    reader->is_inside = reader->is_begun = false;
    return pg_result(err);
}

static void query_end(struct query *query)
{
    struct pg_query *pg = own(query);

    PQclear(pg->result);
    pg->result = NULL;
    pg->before = 0;
}

static int query_next(struct query *query)
{
    struct pg_query *pg = own(query);
    int err;

    if (pg->id == READ_SNAPSHOT_BEGIN || pg->id == READ_SNAPSHOT_END)
        return pg->id == READ_SNAPSHOT_BEGIN ? snapshot_begin(pg->reader) : snapshot_end(pg->reader);
    if (pg->result != NULL && ++pg->row == PQntuples(pg->result) && pg->piece != 0 &&
        pg->row == (int)pg->piece) {
        pg->before += pg->piece;
        PQclear(pg->result);
        pg->result = NULL;
    }
    if (pg->result == NULL) {
        if ((err = query_send(pg, query)) != 0) {
            query_end(query);
            return err;
        }
        pg->row = 0;
    }
    if (pg->row < PQntuples(pg->result))
        return 1;
    query_end(query);
    return 0;
}

/* ---- Columns ---- */

static int64_t query_column_int(const struct query *query, int column)
{
    return pg_column_int(own(query)->result, own(query)->row, column);
}

static struct slice query_column(const struct query *query, int column)
{
    const struct pg_query *pg = own(query);

    return pg_column_is_null(pg->result, pg->row, column) ? (struct slice){NULL, 0}
                                                          : pg_column_bytes(pg->result, pg->row, column);
}

/* libpq ends each value with a NUL. */
static const char *query_column_text(const struct query *query, int column)
{
    const struct pg_query *pg = own(query);

    return pg_column_is_null(pg->result, pg->row, column) ? NULL : PQgetvalue(pg->result, pg->row, column);
}

static bool query_column_is_null(const struct query *query, int column)
{
    return pg_column_is_null(own(query)->result, own(query)->row, column);
}

static const struct query_calls query_calls = {
    .bind_int = query_bind_number,
    .bind = query_bind_slice,
    .roll = query_rolls,
    .row = query_next,
    .reset = query_end,
    .column_int = query_column_int,
    .column = query_column,
    .column_text = query_column_text,
    .is_null = query_column_is_null,
};

/* ---- Readers ---- */

static int pg_reader_open(struct meta_reader *reader)
{
    struct pg_reader *pg = calloc(1, sizeof(*pg));
    int err;

    if (pg == NULL)
        return -ENOMEM;
    reader->connection = pg;
    pg->meta = reader->meta;
    for (int id = 0; id < READ_COUNT; id++) {
        pg->queries[id] =
            (struct pg_query){.reader = pg, .id = (enum read_id)id, .text = pg_read_text((enum read_id)id)};
        reader->queries[id] = (struct query){.calls = &query_calls, .own = &pg->queries[id]};
    }
    err = pg_connection_open(&pg->connection, reader->meta->path);
    return err;
}

static void pg_reader_close(struct meta_reader *reader)
{
    struct pg_reader *pg = reader->connection;

    if (pg == NULL)
        return;
    for (int id = 0; id < READ_COUNT; id++)
        PQclear(pg->queries[id].result);
    pg_connection_close(&pg->connection);
    free(pg);
}

static void pg_reader_interrupt(struct meta_reader *reader)
{
    /* Each query ends by itself within PG_STATEMENT_MS_MAX. */
}

static uint64_t pg_reader_steps(struct meta_reader *reader)
{
    return ((struct pg_reader *)reader->connection)->connection.rounds;
}

/* Others write: nothing that was read is known to be true still. */
static bool pg_reader_is_inside(const struct meta_reader *reader)
{
    return true;
}

static const char *pg_reader_message(const struct meta_reader *reader)
{
    return ((struct pg_reader *)reader->connection)->connection.message;
}

static int pg_walk_begin(struct meta_reader *reader, enum read_walk walk, struct query *query)
{
    struct pg_query *pg;

    if (pg_walk_text(walk) == NULL)
        return -ENOTSUP;
    if ((pg = calloc(1, sizeof(*pg))) == NULL)
        return -ENOMEM;
    *pg = (struct pg_query){.reader = reader->connection, .id = READ_COUNT, .text = pg_walk_text(walk)};
    *query = (struct query){.calls = &query_calls, .own = pg};
    return 0;
}

static void pg_walk_end(struct query *query)
{
    query_end(query);
    free(query->own);
}

const struct reader_calls pg_readers = {
    .open = pg_reader_open,
    .close = pg_reader_close,
    .interrupt = pg_reader_interrupt,
    .steps = pg_reader_steps,
    .is_inside = pg_reader_is_inside,
    .message = pg_reader_message,
    .walk_begin = pg_walk_begin,
    .walk_end = pg_walk_end,
    .is_shared = true,
};
