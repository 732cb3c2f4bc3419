/* SPDX-License-Identifier: MIT
 *
 * The same tests over PostgreSQL: a store is a schema of its own in the database that the run has started (postgres_server). Only where
 * SLUICE_TEST_WITH_POSTGRES is defined, in the programs whose names end with _pg. */
#ifndef META_POSTGRES_SUPPORT_H
#define META_POSTGRES_SUPPORT_H

#include <libpq-fe.h>

/* Runs a text with the name of a schema in it. */
static void postgres_run(const char *format, const char *schema)
{
    PGconn *conn = PQconnectdb(getenv("SLUICE_TEST_POSTGRES"));
    char text[1024];

    if (PQstatus(conn) != CONNECTION_OK)
        fail_msg("no database: %s", PQerrorMessage(conn));
    snprintf(text, sizeof(text), format, schema);
    PGresult *result = PQexec(conn, text);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", text, PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
}

/* address: of the database, or of what stands before it. */
static void postgres_path(const char *address, const char *schema, char *path, size_t size)
{
    snprintf(path, size, "%.200s&application_name=%.60s&options=-csearch_path%%3D%%22%.60s%%22", address,
             schema, schema);
}

static void postgres_make(const char *schema, char *path, size_t size)
{
    postgres_run("SET client_min_messages = error; CREATE SCHEMA \"%s\"", schema);
    postgres_path(getenv("SLUICE_TEST_POSTGRES"), schema, path, size);
}

static void postgres_remove(const char *schema)
{
    postgres_run("SET client_min_messages = error; DROP SCHEMA \"%s\" CASCADE", schema);
}

#endif
