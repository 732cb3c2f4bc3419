/* SPDX-License-Identifier: MIT
 *
 * See pg_connection.h. The socket is not blocking: a server that has much to answer stops reading when nobody takes its answers, so what is
 * sent and what comes are looked after at the same time. */
#include "metadata/postgres/pg_connection.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/meta_types.h"
#include "storage/base/clock.h"

/* ---- Errors ---- */

static void message_take(struct pg_connection *connection, const char *text)
{
    (void)snprintf(connection->message, sizeof(connection->message), "%s", text);
    connection->message[strcspn(connection->message, "\n")] = '\0';
}

/* By SQLSTATE; NULL: libpq's own word, and not the server's. */
static int state_error(const char *state)
{
    static const struct {
        const char *state; /* or what it begins with */
        int err;
    } rows
        [] =
            {
                {"53100", -ENOSPC},        {"53200", -ENOMEM},
                {"XX001", META_E_CORRUPT}, {"XX002", META_E_CORRUPT},
                {"40", -EAGAIN},                               /* deadlocks, and what must be tried again */
                {"23505", -EAGAIN},                            /* another server has put that row */
                {"55P03", -EAGAIN},        {"57014", -EAGAIN}, /* a lock, or a statement, took too long */
                {"57P", -ENOTCONN},        {"08", -ENOTCONN},
                {"25006", -ENOTCONN}, /* it is no primary any more, or not yet */
                {"25P03", -ENOTCONN}, /* it has ended a transaction that was idle for too long */
            };

    if (state == NULL)
        return -ENOTCONN;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strncmp(state, rows[i].state, strlen(rows[i].state)) == 0)
            return rows[i].err;
    return -EIO;
}

static int result_error(struct pg_connection *connection, const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return 0;
    message_take(connection, PQresultErrorMessage(result));
    return PQstatus(connection->conn) != CONNECTION_OK
               ? -ENOTCONN
               : state_error(PQresultErrorField(result, PG_DIAG_SQLSTATE));
}

static int lost(struct pg_connection *connection)
{
    message_take(connection, PQerrorMessage(connection->conn));
    return -ENOTCONN;
}

bool pg_connection_is_lost(const struct pg_connection *connection)
{
    return connection->is_lost || PQstatus(connection->conn) != CONNECTION_OK;
}

/* ---- Opening ---- */

/* What the conninfo says itself comes after these, and counts. */
static PGconn *connect_with(const char *conninfo)
{
    static const char *const keywords[] = {"connect_timeout",  "tcp_user_timeout", "client_encoding",
                                           "application_name", "dbname",           NULL};
    const char *values[] = {"2", "2000", "SQL_ASCII", "sluice", conninfo, NULL};

    return PQconnectdbParams(keywords, values, 1);
}

/* As each session is to be. Every statement goes by an index, whatever the tables' statistics say, for they may be of a time when the
 * tables were empty; so one plan is as good for all parameters, and none is made twice. */
static int session_begin(struct pg_connection *connection)
{
    char text[320];

    (void)snprintf(text, sizeof(text),
                   "SET statement_timeout = %d; SET client_min_messages = error; SET jit = off;"
                   " SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off;"
                   " SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_bitmapscan = off",
                   PG_STATEMENT_MS_MAX);
    connection->prepared_count = 0;
    connection->is_lost = false;
    if (PQstatus(connection->conn) != CONNECTION_OK) {
        message_take(connection, PQerrorMessage(connection->conn));
        return -ECONNREFUSED;
    }
    int err = pg_exec(connection, text);
    if (err == 0 && PQsetnonblocking(connection->conn, 1) != 0)
        err = lost(connection);
    return err;
}

int pg_connection_open(struct pg_connection *connection, const char *conninfo)
{
    *connection = (struct pg_connection){.conn = connect_with(conninfo)};
    if (connection->conn == NULL)
        return -ENOMEM;
    return session_begin(connection);
}

int pg_connection_reset(struct pg_connection *connection)
{
    PQreset(connection->conn);
    return session_begin(connection);
}

void pg_connection_close(struct pg_connection *connection)
{
    PQfinish(connection->conn);
    connection->conn = NULL;
}

/* ---- Without parameters ---- */

int pg_exec(struct pg_connection *connection, const char *text)
{
    PGresult *result = PQexec(connection->conn, text);
    int err = result == NULL ? lost(connection) : result_error(connection, result);

    connection->rounds++;
    PQclear(result);
    return err;
}

int pg_query_int(struct pg_connection *connection, const char *text, int64_t *value)
{
    PGresult *result = PQexec(connection->conn, text);
    int err = result == NULL ? lost(connection) : result_error(connection, result);

    connection->rounds++;
    if (err == 0 && (PQntuples(result) != 1 || PQnfields(result) != 1))
        err = META_E_CORRUPT;
    if (err == 0)
        *value = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return err;
}

/* ---- Parameters ---- */

static int add(struct pg_call *call, Oid type, const void *value, size_t length)
{
    int place = call->count++;

    assert(place < PG_PARAMETERS_MAX && length <= INT32_MAX);
    call->types[place] = type;
    call->values[place] = value;
    call->lengths[place] = (int)length;
    return place;
}

/* The call moves with what it is part of, so the address of the number is taken when it is sent. */
void pg_add_int(struct pg_call *call, int64_t value)
{
    int place = add(call, PG_INT8, "", sizeof(uint64_t));

    call->numbers[place] = htobe64((uint64_t)value);
}

void pg_add_bytes(struct pg_call *call, struct slice bytes)
{
    (void)add(call, PG_BYTEA, bytes.base, bytes.len);
}

void pg_add_null(struct pg_call *call, Oid type)
{
    (void)add(call, type, NULL, 0);
}

void pg_add_array(struct pg_call *call, Oid type, struct slice array)
{
    assert(array.base != NULL);
    (void)add(call, type, array.base, array.len);
}

/* ---- A round trip ---- */

/* Waits until all is sent, or, with is_answer, until a result is there. */
static int settle(struct pg_connection *connection, bool is_answer)
{
    int64_t until = (int64_t)clock_monotonic_ms() + PG_ANSWER_MS_MAX;

    for (;;) {
        int left = PQflush(connection->conn);
        if (left < 0)
            return lost(connection);
        if (is_answer ? !PQisBusy(connection->conn) : left == 0)
            return 0;
        struct pollfd ready = {.fd = PQsocket(connection->conn),
                               .events = (short)(POLLIN | (left > 0 ? POLLOUT : 0))};
        int64_t wait = until - (int64_t)clock_monotonic_ms();
        int count = wait > 0 ? poll(&ready, 1, (int)wait) : 0;
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            message_take(connection, "the server does not answer");
            return -ENOTCONN;
        }
        if ((ready.revents & ~POLLOUT) != 0 && PQconsumeInput(connection->conn) == 0)
            return lost(connection);
    }
}

/* The place of the text among those that are prepared; *is_new: it is to be prepared now. */
static uint32_t prepared_place(struct pg_connection *connection, const char *text, bool *is_new)
{
    uint32_t place = 0;

    while (place < connection->prepared_count && connection->prepared[place] != text)
        place++;
    *is_new = place == connection->prepared_count;
    assert(place < PG_PREPARED_MAX);
    if (*is_new)
        connection->prepared[connection->prepared_count++] = text;
    return place;
}

static int call_send(struct pg_connection *connection, struct pg_call *call, bool *is_new)
{
    static const int binary[PG_PARAMETERS_MAX] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    char name[16];

    (void)snprintf(name, sizeof(name), "s%u", prepared_place(connection, call->text, is_new));
    for (int i = 0; i < call->count; i++)
        if (call->types[i] == PG_INT8 && call->values[i] != NULL)
            call->values[i] = (const char *)&call->numbers[i];
    if (*is_new && !PQsendPrepare(connection->conn, name, call->text, call->count, call->types))
        return lost(connection);
    if (!PQsendQueryPrepared(connection->conn, name, call->count, call->values, call->lengths, binary, 1))
        return lost(connection);
    return 0;
}

/* The result of one statement, and the NULL behind it. */
static int result_take(struct pg_connection *connection, PGresult **result)
{
    int err = settle(connection, true);

    if (err != 0)
        return err;
    if ((*result = PQgetResult(connection->conn)) == NULL)
        return lost(connection);
    if (PQresultStatus(*result) == PGRES_PIPELINE_SYNC)
        return 0;
    if ((err = settle(connection, true)) != 0)
        return err;
    PGresult *end = PQgetResult(connection->conn);
    assert(end == NULL);
    return 0;
}

static int call_answer(struct pg_connection *connection, struct pg_call *call, bool was_new)
{
    PGresult *prepared = NULL;
    int err = 0;

    if (was_new) {
        /* Aborted: an earlier one failed, and says so. */
        if ((err = result_take(connection, &prepared)) == 0 &&
            PQresultStatus(prepared) != PGRES_PIPELINE_ABORTED)
            err = result_error(connection, prepared);
        PQclear(prepared);
        if (err == -ENOTCONN)
            return err;
    }
    int answer = result_take(connection, &call->result);
    if (answer == 0 && PQresultStatus(call->result) != PGRES_PIPELINE_ABORTED)
        answer = result_error(connection, call->result);
    return err != 0 ? err : answer;
}

/* Texts whose preparation may have failed are prepared anew under new names. */
static void prepared_forget(struct pg_connection *connection, const struct pg_call *call)
{
    for (uint32_t i = 0; i < connection->prepared_count; i++)
        if (connection->prepared[i] == call->text)
            connection->prepared[i] = NULL;
}

static int round_run(struct pg_connection *connection, struct pg_call *calls, uint32_t count)
{
    bool is_new[PG_PREPARED_MAX];
    PGresult *sync = NULL;
    int err = 0, answer;

    assert(count > 0 && count <= PG_PREPARED_MAX);
    connection->rounds++;
    if (connection->prepared_count + count > PG_PREPARED_MAX) { /* after many failures */
        if ((err = pg_exec(connection, "DEALLOCATE ALL")) != 0)
            return err;
        connection->prepared_count = 0;
    }
    if (!PQenterPipelineMode(connection->conn))
        return lost(connection);
    for (uint32_t i = 0; i < count && err == 0; i++)
        err = call_send(connection, &calls[i], &is_new[i]);
    if (err != 0 || !PQpipelineSync(connection->conn))
        return err != 0 ? err : lost(connection);
    for (uint32_t i = 0; i < count; i++) {
        if ((answer = call_answer(connection, &calls[i], is_new[i])) == -ENOTCONN)
            return answer;
        if (err == 0)
            err = answer;
    }
    for (uint32_t i = 0; i < count && err != 0; i++)
        if (is_new[i])
            prepared_forget(connection, &calls[i]);
    if ((answer = result_take(connection, &sync)) != 0)
        return answer;
    assert(PQresultStatus(sync) == PGRES_PIPELINE_SYNC);
    PQclear(sync);
    if (!PQexitPipelineMode(connection->conn))
        return lost(connection);
    return err;
}

int pg_round(struct pg_connection *connection, struct pg_call *calls, uint32_t count)
{
    /* Answers of an earlier round trip may be on their way still. */
    int err = connection->is_lost ? -ENOTCONN : round_run(connection, calls, count);

    if (err == -ENOTCONN) /* libpq may learn it later: where the server said so, or did not answer */
        connection->is_lost = true;
    return err;
}

void pg_calls_clear(struct pg_call *calls, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        PQclear(calls[i].result);
        calls[i].result = NULL;
    }
}

/* ---- Columns ---- */

/* A number that a text gives as a literal is an int4. */
int64_t pg_column_int(const PGresult *result, int row, int column)
{
    const char *value = PQgetvalue(result, row, column);
    uint64_t number = 0;
    uint32_t small;

    switch (PQgetlength(result, row, column)) {
    case sizeof(number):
        memcpy(&number, value, sizeof(number));
        return (int64_t)be64toh(number);
    case sizeof(small):
        memcpy(&small, value, sizeof(small));
        return (int32_t)be32toh(small);
    case 1: /* a boolean */
        return *value != 0;
    default: /* NULL */
        return 0;
    }
}

struct slice pg_column_bytes(const PGresult *result, int row, int column)
{
    return slice_of(PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column));
}
