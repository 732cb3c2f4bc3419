/* SPDX-License-Identifier: MIT
 *
 * A connection to PostgreSQL, and its round trips: several statements are sent together and answered together (libpq's pipeline mode), so that
 * what a batch costs does not grow with the distance. One thread at a time. Private to metadata/postgres/.
 *
 * Everything goes as binary: int8, bytea, and arrays of these. Texts are prepared when they are first sent; they are told apart by their
 * address, so they must stay where they are. A failed connection stays failed until pg_connection_reset. */
#ifndef METADATA_POSTGRES_PG_CONNECTION_H
#define METADATA_POSTGRES_PG_CONNECTION_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "metadata/meta_types.h"
#include "storage/base/slice.h"

#define PG_PARAMETERS_MAX 16
#define PG_PREPARED_MAX   192
#define PG_MESSAGE_MAX    256

/* What a server that does not answer may cost: a statement and, with that, each wait for a lock; what is sent and not acknowledged; and the
 * answer of a whole round trip. */
#define PG_STATEMENT_MS_MAX 2000
#define PG_ANSWER_MS_MAX    2500
/* How long a batch waits to learn whether it was committed, before it fails; later ones ask on. */
#define PG_DOUBT_MS_MAX 2000
/* A batch whose connection is found to have ended so soon is begun again on a new one. */
#define PG_AGAIN_MS_MAX 500

struct pg_connection {
    PGconn *conn;
    const char *prepared[PG_PREPARED_MAX]; /* texts; the place is the name */
    uint32_t prepared_count;
    bool is_lost;    /* until pg_connection_reset */
    uint64_t rounds; /* round trips */
    char message[PG_MESSAGE_MAX];
};

/* One statement of a round trip. */
struct pg_call {
    const char *text;
    int count; /* of parameters */
    Oid types[PG_PARAMETERS_MAX];
    const char *values[PG_PARAMETERS_MAX]; /* NULL: null; borrowed */
    int lengths[PG_PARAMETERS_MAX];
    uint64_t numbers[PG_PARAMETERS_MAX]; /* int8, as they are sent */
    PGresult *result;                    /* to be cleared by pg_calls_clear */
};

enum { PG_INT8 = 20, PG_BYTEA = 17, PG_INT8_ARRAY = 1016, PG_BYTEA_ARRAY = 1001 };

/* conninfo: as libpq takes it; several hosts allowed. 0, -ENOMEM, or -ECONNREFUSED with a message. Blocks. */
int pg_connection_open(struct pg_connection *connection, const char *conninfo);
/* The same again, after it failed. */
int pg_connection_reset(struct pg_connection *connection);
void pg_connection_close(struct pg_connection *connection);
bool pg_connection_is_lost(const struct pg_connection *connection);

/* Outside a round trip: statements without parameters and rows; a query for a number. 0 or an error. */
int pg_exec(struct pg_connection *connection, const char *text);
int pg_query_int(struct pg_connection *connection, const char *text, int64_t *value);

/* Appends a parameter. Bytes are borrowed until the round trip is over; base NULL: null. */
void pg_add_int(struct pg_call *call, int64_t value);
void pg_add_bytes(struct pg_call *call, struct slice bytes);
void pg_add_null(struct pg_call *call, Oid type);
void pg_add_array(struct pg_call *call, Oid type, struct slice array); /* pg_array.h */

/* Sends all and waits for all answers. After the first that fails the others are not run. 0, or that one's error: -ENOSPC, -ENOMEM,
 * META_E_CORRUPT, -EAGAIN (others were in the way: again), -ENOTCONN (it is not known what happened), -EIO. */
int pg_round(struct pg_connection *connection, struct pg_call *calls, uint32_t count);
void pg_calls_clear(struct pg_call *calls, uint32_t count);
/* What whoever asked is told of it, where a transaction cannot have been committed by what failed. */
static inline int pg_result(int err)
{
    if (err == -ENOTCONN || err == -ECONNREFUSED)
        return META_E_UNREACHABLE;
    return err == -EAGAIN ? META_E_STALLED : err; /* a lock, or a statement, took too long */
}

/* Columns of a result. NULL is 0, or empty. */
static inline bool pg_column_is_null(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) != 0;
}
int64_t pg_column_int(const PGresult *result, int row, int column);
struct slice pg_column_bytes(const PGresult *result, int row, int column);

#endif
