/* SPDX-License-Identifier: MIT
 *
 * The tables, as numbered migrations: `sluice_schema` holds the number of the last one that ran, and each runs in a transaction with that
 * number, under an advisory lock, for servers that start at once would otherwise both begin. A migration that was released is never edited.
 *
 * What is only SQLite's is not here: the journal (small bodies are to be rows), what relaxed stores keep, numbers that are late. Keys, names
 * and owners are bytea, which compares as bytes whatever the database's collation is. */
#include "metadata/postgres/postgres.h"

#include <assert.h>
#include <stdio.h>

#define HELD                                                                                                 \
    "size int8 NOT NULL, modified_ms int8 NOT NULL, etag bytea NOT NULL, checksum bytea, owner bytea,"       \
    " extents bytea, attributes bytea, upload_id bytea, parts bytea, annotations int8,"

static const char *const migrations[] = {
    "CREATE TABLE store(id bytea NOT NULL, epoch int8 NOT NULL);"
    "INSERT INTO store SELECT decode(replace(gen_random_uuid()::text, '-', ''), 'hex'), 0;"
    /* Who writes. `batch` is moved by each transaction of that server, whose epoch must be the one that it began with: where it has been
     * raised, the server was given up, and nothing of it gets in any more. `sets` goes up with each change of what servers keep in memory. */
    "CREATE TABLE server(id int8 PRIMARY KEY, epoch int8 NOT NULL, batch int8 NOT NULL, since timestamptz"
    "  NOT NULL DEFAULT now());"
    "CREATE SEQUENCE server_id;"
    "CREATE TABLE generation(sets int8 NOT NULL);"
    "INSERT INTO generation VALUES(0);"
    "CREATE TABLE bucket(id int8 PRIMARY KEY, name bytea NOT NULL UNIQUE, created_ms int8 NOT NULL,"
    "  region bytea NOT NULL, owner bytea NOT NULL, versioning int8 NOT NULL);"
    "CREATE SEQUENCE bucket_id;"
    "CREATE TABLE setting(kind int8 NOT NULL, bucket int8 NOT NULL, document bytea NOT NULL,"
    "  PRIMARY KEY(kind, bucket));"
    "CREATE TABLE publication(id int8 PRIMARY KEY, bucket int8 NOT NULL, state int8 NOT NULL,"
    "  at_ms int8 NOT NULL, has_versions int8 NOT NULL);"
    "CREATE INDEX publication_visible ON publication(bucket) WHERE state = 2;"
    "CREATE SEQUENCE publication_id;"
    "CREATE TABLE object(bucket int8 NOT NULL, key bytea NOT NULL, " HELD
    "  version bytea, PRIMARY KEY(bucket, key));"
    "CREATE TABLE version(bucket int8 NOT NULL, key bytea NOT NULL, id bytea NOT NULL, " HELD
    "  is_null int8 NOT NULL, is_marker int8 NOT NULL, noncurrent_ms int8, PRIMARY KEY(bucket, key, id));"
    "CREATE UNIQUE INDEX version_null ON version(bucket, key) WHERE is_null = 1;"
    "CREATE INDEX version_named ON version(bucket, key, substring(id FROM 9)) WHERE length(id) = 24;"
    "CREATE TABLE upload(bucket int8 NOT NULL, key bytea NOT NULL, id bytea NOT NULL,"
    "  initiated_ms int8 NOT NULL, checksum_algorithm int8 NOT NULL, checksum_type int8 NOT NULL,"
    "  owner bytea, attributes bytea, parts int8 NOT NULL, bytes int8 NOT NULL,"
    "  PRIMARY KEY(bucket, key, id));"
    "CREATE INDEX upload_id ON upload(id);"
    "CREATE TABLE part(upload_id bytea NOT NULL, number int8 NOT NULL, size int8 NOT NULL,"
    "  modified_ms int8 NOT NULL, etag bytea NOT NULL, checksum bytea, extents bytea,"
    "  PRIMARY KEY(upload_id, number));"
    "CREATE TABLE finished(upload_id bytea PRIMARY KEY, kept bytea);"
    "CREATE TABLE annotation_set(id int8 PRIMARY KEY, refs int8 NOT NULL, count int8 NOT NULL,"
    "  bytes int8 NOT NULL);"
    "CREATE INDEX annotation_set_free ON annotation_set(id) WHERE refs = 0;"
    "CREATE TABLE annotation(set_id int8 NOT NULL, name bytea NOT NULL, size int8 NOT NULL,"
    "  modified_ms int8 NOT NULL, etag bytea NOT NULL, checksum bytea, extents bytea,"
    "  PRIMARY KEY(set_id, name));"
    "CREATE TABLE tally(bucket int8 PRIMARY KEY, state int8 NOT NULL, cursor bytea NOT NULL,"
    "  entries int8 NOT NULL, bytes int8 NOT NULL, write_once int8 NOT NULL, object_bytes_max int8 NOT NULL);"
    "CREATE TABLE used(bucket int8 NOT NULL, key bytea NOT NULL, used_ms int8 NOT NULL, bytes int8 NOT NULL,"
    "  PRIMARY KEY(bucket, key));"
    "CREATE INDEX used_order ON used(bucket, used_ms, key);"
    "CREATE TABLE unit(file int8 NOT NULL, unit_offset int8 NOT NULL, refs int8 NOT NULL,"
    "  length int8 NOT NULL, PRIMARY KEY(file, unit_offset));"
    "CREATE TABLE garbage(row int8 PRIMARY KEY, file int8 NOT NULL, unit_offset int8 NOT NULL,"
    "  unit_length int8 NOT NULL);"
    "CREATE TABLE dropped(row int8 PRIMARY KEY, extents bytea NOT NULL);"
    "CREATE SEQUENCE dropped_row;"
    "CREATE TABLE outbox(target bytea NOT NULL, seq int8 NOT NULL, bucket int8 NOT NULL, key bytea NOT NULL,"
    "  detail bytea NOT NULL, PRIMARY KEY(target, seq));"
    "CREATE TABLE outbox_given(seq int8 NOT NULL);"
    "INSERT INTO outbox_given VALUES(0);"
    "CREATE TABLE quota(bucket int8 PRIMARY KEY, bytes_max int8 NOT NULL, objects_max int8 NOT NULL);"
    /* By server, so that two of them never wait for each other to count. */
    "CREATE TABLE usage(bucket int8 NOT NULL, kind int8 NOT NULL, server int8 NOT NULL, count int8 NOT NULL,"
    "  bytes int8 NOT NULL, PRIMARY KEY(bucket, kind, server));",
    /* What a cluster is of. A server that is dead (1; 2: and what it left is cleared away) keeps its row, for it may come back and ask what its
     * last batch came to. A block of ids is here as long as files of it may have no row. */
    "ALTER TABLE server ADD COLUMN seen timestamptz NOT NULL DEFAULT clock_timestamp(),"
    "  ADD COLUMN dead int8 NOT NULL DEFAULT 0;"
    "CREATE TABLE block(first int8 PRIMARY KEY, server int8 NOT NULL);"
    "CREATE SEQUENCE block_number;"
    "ALTER TABLE garbage ADD COLUMN at timestamptz NOT NULL DEFAULT clock_timestamp();",
    /* Small bodies: a row each, and a unit, which counts who names it. They are read as they are and whole, and mostly cannot be made shorter. An
     * object that is one such body says so in a column, for whoever looks it up gets both at once. */
    "CREATE TABLE body(file int8 PRIMARY KEY, bytes bytea NOT NULL);"
    "ALTER TABLE body ALTER COLUMN bytes SET STORAGE EXTERNAL;"
    "ALTER TABLE object ADD COLUMN body int8;"
    /* Whoever prepares it; as long as that one lives, it is no left-over. */
    "ALTER TABLE publication ADD COLUMN server int8 NOT NULL DEFAULT 0;",
};

#define SCHEMA_VERSION ((int64_t)(sizeof(migrations) / sizeof(migrations[0])))

/* "Slui": whose lock it is. */
#define MIGRATION_LOCK "SELECT pg_advisory_xact_lock(1399616873)"

/* The version that the database has; 0 where nothing of ours is there. */
static int version_find(struct pg_connection *connection, int64_t *version)
{
    int64_t tables = 0;
    int err = pg_query_int(connection,
                           "SELECT count(*) FROM pg_class WHERE relnamespace ="
                           " (SELECT oid FROM pg_namespace WHERE nspname = current_schema())"
                           " AND relname = 'sluice_schema'",
                           &tables);

    *version = 0;
    if (err != 0 || tables == 0)
        return err;
    return pg_query_int(connection, "SELECT version FROM sluice_schema", version);
}

/* In the transaction of the lock. A schema that others have tables in is not ours to fill. */
static int schema_begin(struct pg_connection *connection)
{
    int64_t others = 0;
    int err = pg_query_int(connection,
                           "SELECT count(*) FROM pg_class WHERE relnamespace ="
                           " (SELECT oid FROM pg_namespace WHERE nspname = current_schema())"
                           " AND relkind IN ('r', 'v', 'S')",
                           &others);

    if (err != 0)
        return err;
    if (others != 0)
        return META_E_NOT_OURS;
    return pg_exec(connection, "CREATE TABLE sluice_schema(version int8 NOT NULL);"
                               "INSERT INTO sluice_schema VALUES(0)");
}

static int schema_migrate(struct pg_connection *connection, int64_t version)
{
    char text[64];
    int err;

    assert(version >= 0 && version < SCHEMA_VERSION);
    for (; version < SCHEMA_VERSION; version++) {
        (void)snprintf(text, sizeof(text), "UPDATE sluice_schema SET version = %lld", (long long)version + 1);
        if ((err = pg_exec(connection, migrations[version])) != 0 || (err = pg_exec(connection, text)) != 0)
            return err;
    }
    return 0;
}

static int schema_settle(struct pg_connection *connection, bool read_only)
{
    int64_t version;
    int err = version_find(connection, &version);

    if (err != 0)
        return err;
    if (version > SCHEMA_VERSION)
        return META_E_NEWER_SCHEMA;
    if (version == SCHEMA_VERSION)
        return 0;
    if (read_only)
        return META_E_OLDER_SCHEMA;
    if (version == 0 && (err = schema_begin(connection)) != 0)
        return err;
    return schema_migrate(connection, version);
}

int pg_schema_open(struct pg_connection *connection, bool read_only)
{
    int err = pg_exec(connection, "BEGIN");

    if (err != 0)
        return err;
    if ((err = pg_exec(connection, MIGRATION_LOCK)) == 0)
        err = schema_settle(connection, read_only);
    int end = pg_exec(connection, err == 0 ? "COMMIT" : "ROLLBACK");
    return err != 0 ? err : end;
}
