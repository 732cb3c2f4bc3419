/* SPDX-License-Identifier: MIT
 *
 * libpq as the product has it: opened when the first database is, for few servers are part of a cluster, and the others need not have it. Each function
 * that this module calls is one here that hands the call on. The tests of metadata/postgres/ link the library itself. */
#include <libpq-fe.h>
#include <pthread.h>

#include "metadata/postgres/pg_library.h"
#include "storage/base/loaded_library.h"

#define LIBRARY_NAME "libpq.so.5"

#define FUNCTIONS(X)                                                                                         \
    X(void, PQclear, (PGresult * result), (result))                                                          \
    X(int, PQconsumeInput, (PGconn * conn), (conn))                                                          \
    X(int, PQenterPipelineMode, (PGconn * conn), (conn))                                                     \
    X(char *, PQerrorMessage, (const PGconn *conn), (conn))                                                  \
    X(PGresult *, PQexec, (PGconn * conn, const char *query), (conn, query))                                 \
    X(int, PQexitPipelineMode, (PGconn * conn), (conn))                                                      \
    X(void, PQfinish, (PGconn * conn), (conn))                                                               \
    X(int, PQflush, (PGconn * conn), (conn))                                                                 \
    X(PGresult *, PQgetResult, (PGconn * conn), (conn))                                                      \
    X(int, PQgetisnull, (const PGresult *result, int row, int column), (result, row, column))                \
    X(int, PQgetlength, (const PGresult *result, int row, int column), (result, row, column))                \
    X(char *, PQgetvalue, (const PGresult *result, int row, int column), (result, row, column))              \
    X(int, PQisBusy, (PGconn * conn), (conn))                                                                \
    X(int, PQnfields, (const PGresult *result), (result))                                                    \
    X(int, PQntuples, (const PGresult *result), (result))                                                    \
    X(char *, PQcmdTuples, (PGresult * result), (result))                                                    \
    X(PGpipelineStatus, PQpipelineStatus, (const PGconn *conn), (conn))                                      \
    X(int, PQpipelineSync, (PGconn * conn), (conn))                                                          \
    X(void, PQreset, (PGconn * conn), (conn))                                                                \
    X(char *, PQresultErrorField, (const PGresult *result, int field), (result, field))                      \
    X(char *, PQresultErrorMessage, (const PGresult *result), (result))                                      \
    X(ExecStatusType, PQresultStatus, (const PGresult *result), (result))                                    \
    X(int, PQsendPrepare, (PGconn * conn, const char *name, const char *query, int count, const Oid *types), \
      (conn, name, query, count, types))                                                                     \
    X(int, PQsendQueryPrepared,                                                                              \
      (PGconn * conn, const char *name, int count, const char *const *values, const int *lengths,            \
       const int *formats, int format),                                                                      \
      (conn, name, count, values, lengths, formats, format))                                                 \
    X(int, PQsetnonblocking, (PGconn * conn, int arg), (conn, arg))                                          \
    X(int, PQsocket, (const PGconn *conn), (conn))                                                           \
    X(ConnStatusType, PQstatus, (const PGconn *conn), (conn))                                                \
    X(PGTransactionStatusType, PQtransactionStatus, (const PGconn *conn), (conn))                            \
    X(PGconn *, PQconnectdbParams,                                                                           \
      (const char *const *keywords, const char *const *values, int expand_dbname),                           \
      (keywords, values, expand_dbname))

struct pq_library {
#define POINTER(result, name, parameters, arguments) result(*name) parameters;
    FUNCTIONS(POINTER)
#undef POINTER
};

static struct pq_library library;
static bool is_loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
    static const struct loaded_name names[] = {
#define NAME(result, name, parameters, arguments) {offsetof(struct pq_library, name), #name},
        FUNCTIONS(NAME)
#undef NAME
    };

    is_loaded = loaded_library_fill(&library, LIBRARY_NAME, names, sizeof(names) / sizeof(names[0]));
}

bool pg_library_load(void)
{
    return pthread_once(&once, load) == 0 && is_loaded;
}

#define CALL(result, name, parameters, arguments)                                                            \
    result name parameters                                                                                   \
    {                                                                                                        \
        return library.name arguments;                                                                       \
    }
FUNCTIONS(CALL)
