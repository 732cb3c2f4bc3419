/* SPDX-License-Identifier: MIT
 *
 * The tables, as numbered migrations. PRAGMA user_version holds the number of the last migration that ran;
 * each one runs in a transaction with the update of that number, so a crash leaves the old schema or the new
 * one; and before the first of them a copy of the database is kept (schema_copy.c). A migration that was released is never edited: changes are new entries at the end.
 *
 * Runs once, on the thread that opens the database. */
#include "metadata/sqlite/database.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define STRINGIFY_INNER(x) #x
#define STRINGIFY(x)       STRINGIFY_INNER(x)

/* "Slui", so that file(1) and a careful reader know whose database it is. */
#define APPLICATION_ID 0x536c7569

static const char *const migrations[] = {
    /* 1: the first schema.
     *
     * `object` holds current objects only: noncurrent versions get a table of their own, so that listings
     * never step over them, and the version id of a current object a column added then (added columns cost
     * nothing in old rows). Columns that listings read come first, so that long rows need not be read whole.
     *
     * `unit` has a row for every unit that is named or waits for its removal (refs = 0). The row of a new
     * unit goes to the right edge of the tree, for blob ids grow: it costs a PUT far less than an index on
     * `object` would, and it answers at once whether a file is in use.
     *
     * `garbage` is the queue of units with refs = 0. */
    "PRAGMA application_id = " STRINGIFY(APPLICATION_ID) ";"
                                                         "CREATE TABLE bucket("
                                                         "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
                                                         "  name TEXT NOT NULL UNIQUE,"
                                                         "  created_ms INTEGER NOT NULL,"
                                                         "  region TEXT NOT NULL,"
                                                         "  owner TEXT NOT NULL"
                                                         ") STRICT;"
                                                         "CREATE TABLE object("
                                                         "  bucket INTEGER NOT NULL,"
                                                         "  key BLOB NOT NULL,"
                                                         "  size INTEGER NOT NULL,"
                                                         "  modified_ms INTEGER NOT NULL,"
                                                         "  etag BLOB NOT NULL,"
                                                         "  checksum BLOB,"
                                                         "  owner BLOB,"
                                                         "  extents BLOB,"
                                                         "  attributes BLOB,"
                                                         "  upload_id BLOB,"
                                                         "  parts BLOB,"
                                                         "  PRIMARY KEY(bucket, key)"
                                                         ") WITHOUT ROWID, STRICT;"
                                                         "CREATE TABLE upload("
                                                         "  bucket INTEGER NOT NULL,"
                                                         "  key BLOB NOT NULL,"
                                                         "  id BLOB NOT NULL,"
                                                         "  initiated_ms INTEGER NOT NULL,"
                                                         "  checksum_algorithm INTEGER NOT NULL,"
                                                         "  checksum_type INTEGER NOT NULL,"
                                                         "  owner BLOB,"
                                                         "  attributes BLOB,"
                                                         "  PRIMARY KEY(bucket, key, id)"
                                                         ") WITHOUT ROWID, STRICT;"
                                                         "CREATE TABLE part("
                                                         "  upload_id BLOB NOT NULL,"
                                                         "  number INTEGER NOT NULL,"
                                                         "  size INTEGER NOT NULL,"
                                                         "  modified_ms INTEGER NOT NULL,"
                                                         "  etag BLOB NOT NULL,"
                                                         "  checksum BLOB,"
                                                         "  extents BLOB,"
                                                         "  PRIMARY KEY(upload_id, number)"
                                                         ") WITHOUT ROWID, STRICT;"
                                                         "CREATE TABLE unit("
                                                         "  file INTEGER NOT NULL,"
                                                         "  unit_offset INTEGER NOT NULL,"
                                                         "  refs INTEGER NOT NULL,"
                                                         "  PRIMARY KEY(file, unit_offset)"
                                                         ") WITHOUT ROWID, STRICT;"
                                                         "CREATE TABLE garbage("
                                                         "  row INTEGER PRIMARY KEY,"
                                                         "  file INTEGER NOT NULL,"
                                                         "  unit_offset INTEGER NOT NULL,"
                                                         "  unit_length INTEGER NOT NULL"
                                                         ") STRICT;",

    /* Settings of buckets, a document of each kind. */
    "CREATE TABLE setting("
    "  bucket INTEGER NOT NULL,"
    "  kind INTEGER NOT NULL,"
    "  document BLOB NOT NULL,"
    "  PRIMARY KEY(bucket, kind)"
    ") WITHOUT ROWID, STRICT;",

    /* Versions.
     *
     * `version` holds what is not a current object: noncurrent versions, and delete markers, also current
     * ones. Its ids sort newest first. is_null tells S3's "null" version, whose id is only its place in the
     * order; a current object with version NULL is the null version. noncurrent_ms is NULL in current delete
     * markers. A column that `object` gets, `version` must get too: rows move between the two. */
    "ALTER TABLE bucket ADD COLUMN versioning INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE object ADD COLUMN version BLOB;"
    "CREATE TABLE version("
    "  bucket INTEGER NOT NULL,"
    "  key BLOB NOT NULL,"
    "  id BLOB NOT NULL,"
    "  is_null INTEGER NOT NULL,"
    "  is_marker INTEGER NOT NULL,"
    "  noncurrent_ms INTEGER,"
    "  size INTEGER NOT NULL,"
    "  modified_ms INTEGER NOT NULL,"
    "  etag BLOB NOT NULL,"
    "  checksum BLOB,"
    "  owner BLOB,"
    "  extents BLOB,"
    "  attributes BLOB,"
    "  upload_id BLOB,"
    "  parts BLOB,"
    "  PRIMARY KEY(bucket, key, id)"
    ") WITHOUT ROWID, STRICT;"
    "CREATE UNIQUE INDEX version_null ON version(bucket, key) WHERE is_null = 1;",
    /* How long a unit is: what lies between the units of a segment can be given back after a crash. 0 in rows
     * from before, which are of files with one unit. */
    "ALTER TABLE unit ADD COLUMN length INTEGER NOT NULL DEFAULT 0;",
    /* No table changes: from here on lists of extents may hold units verified by CRC64NVME (codec.h), which earlier
     * versions would take for damage. */
    "",
    /* What large changes leave behind, until it is cleared away in slices; change_sweep.c. */
    "CREATE TABLE finished("
    "  upload_id BLOB NOT NULL,"
    "  kept BLOB,"
    "  PRIMARY KEY(upload_id)"
    ") WITHOUT ROWID, STRICT;"
    "CREATE TABLE dropped("
    "  row INTEGER PRIMARY KEY,"
    "  extents BLOB NOT NULL"
    ") STRICT;",
    /* Nor here: locks may tell a legal hold that was lifted from one that never was (meta_lock.h), which earlier
     * versions would take for damage, too, and renames may leave a token, which they would take for a header. */
    "",
    /* Where the changes are that the log may have lost; one row, see meta_journal.h. */
    "CREATE TABLE journal("
    "  file INTEGER NOT NULL,"
    "  token BLOB NOT NULL,"
    "  applied INTEGER NOT NULL"
    ") STRICT;"
    "INSERT INTO journal VALUES(0, x'', 0);",
    /* What a relaxed store needs to lose the latest seconds and nothing else; meta_relaxed.h.
     *
     * `mark` has one row: units of which blobs are on the disk for sure, and up to which row `replaced` is given
     * up. That holds objects which were replaced by others whose bytes may not be there yet; it has all columns of
     * `object`. A relaxed store notes the checksums of units with their counts, too, so that the latest ones can be
     * verified without a walk over all rows that may name them; NULL in other stores. */
    "CREATE TABLE mark("
    "  file INTEGER NOT NULL,"
    "  open BLOB NOT NULL,"
    "  replaced INTEGER NOT NULL"
    ") STRICT;"
    "INSERT INTO mark VALUES(0, x'', 0);"
    "CREATE TABLE replaced("
    "  row INTEGER PRIMARY KEY,"
    "  bucket INTEGER NOT NULL,"
    "  key BLOB NOT NULL,"
    "  version BLOB,"
    "  size INTEGER NOT NULL,"
    "  modified_ms INTEGER NOT NULL,"
    "  etag BLOB NOT NULL,"
    "  checksum BLOB,"
    "  owner BLOB,"
    "  extents BLOB,"
    "  attributes BLOB,"
    "  upload_id BLOB,"
    "  parts BLOB"
    ") STRICT;"
    "CREATE INDEX replaced_key ON replaced(bucket, key);"
    "ALTER TABLE unit ADD COLUMN crc INTEGER;"
    "ALTER TABLE unit ADD COLUMN crc_kind INTEGER;",
    /* Which store this is the database of, and of which time; one row, see struct meta_identity. */
    "CREATE TABLE store("
    "  id BLOB NOT NULL,"
    "  epoch INTEGER NOT NULL"
    ") STRICT;"
    "INSERT INTO store VALUES(randomblob(16), 0);",
    /* Cache buckets; meta_cache.h.
     *
     * `used` is when an object of a cache bucket was used last, and how large it is. An object is counted in its bucket's row of `tally`
     * exactly where it has a row here. A table of its own, so that rows of `object` cost all other buckets no more than before, and a use
     * writes a short row. */
    "CREATE TABLE used("
    "  bucket INTEGER NOT NULL,"
    "  key BLOB NOT NULL,"
    "  used_ms INTEGER NOT NULL,"
    "  bytes INTEGER NOT NULL,"
    "  PRIMARY KEY(bucket, key)"
    ") WITHOUT ROWID, STRICT;"
    "CREATE INDEX used_order ON used(bucket, used_ms);"
    "CREATE TABLE tally("
    "  bucket INTEGER PRIMARY KEY,"
    "  state INTEGER NOT NULL,"
    "  cursor BLOB NOT NULL,"
    "  entries INTEGER NOT NULL,"
    "  bytes INTEGER NOT NULL,"
    "  write_once INTEGER NOT NULL,"
    "  object_bytes_max INTEGER NOT NULL"
    ") STRICT;",
    /* Annotations.
     *
     * They come in sets. A row of `object`, `version` or `replaced` names its set, or none (NULL, which is what rows from before say), so
     * that a set moves with the row, and a copy shares it. `annotation_set` counts those rows, and the annotations; refs = 0: nobody has the
     * set any more, and it is to be cleared away (annotation_sets.c). The index holds only those. */
    "ALTER TABLE object ADD COLUMN annotations INTEGER;"
    "ALTER TABLE version ADD COLUMN annotations INTEGER;"
    "ALTER TABLE replaced ADD COLUMN annotations INTEGER;"
    "CREATE TABLE annotation_set("
    "  id INTEGER PRIMARY KEY,"
    "  refs INTEGER NOT NULL,"
    "  count INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX annotation_set_free ON annotation_set(id) WHERE refs = 0;"
    "CREATE TABLE annotation("
    "  set_id INTEGER NOT NULL,"
    "  name BLOB NOT NULL,"
    "  size INTEGER NOT NULL,"
    "  modified_ms INTEGER NOT NULL,"
    "  etag BLOB NOT NULL,"
    "  checksum BLOB,"
    "  extents BLOB,"
    "  PRIMARY KEY(set_id, name)"
    ") WITHOUT ROWID, STRICT;",
    /* Publications; meta_publish.h.
     *
     * What one prepares are rows of `object`, too, in the bucket -id, which is nobody's: so they are counted, copied, lost and checked as all
     * rows are. A removal has the size -1. upload_id there is a place among the key's versions (rows/publications.h). */
    "CREATE TABLE publication("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  bucket INTEGER NOT NULL,"
    "  state INTEGER NOT NULL,"
    "  at_ms INTEGER NOT NULL,"
    "  has_versions INTEGER NOT NULL"
    ") STRICT;",
    /* Versions that were given a name elsewhere (meta_version.h): the ids of those rows are longer, and are found by the name. Rows of our
     * own are not in the index. */
    "CREATE INDEX version_named ON version(bucket, key, substr(id, 9)) WHERE length(id) = 24;",
    /* What targets are to be told; meta_outbox.h. `outbox_given` is the highest seq that was struck off, so that none is used twice. */
    "CREATE TABLE outbox("
    "  target BLOB NOT NULL,"
    "  seq INTEGER NOT NULL,"
    "  bucket INTEGER NOT NULL,"
    "  key BLOB NOT NULL,"
    "  detail BLOB NOT NULL,"
    "  PRIMARY KEY(target, seq)"
    ") WITHOUT ROWID, STRICT;"
    "CREATE TABLE outbox_given(seq INTEGER NOT NULL) STRICT;"
    "INSERT INTO outbox_given VALUES(0);",
    /* Extents of sealed bodies (a flag of theirs, rows/codec.c). No table changes; but releases that do not know the flag must not serve a
     * store that may hold some. */
    "SELECT 1;",
    /* What buckets hold; meta_usage.h.
     *
     * `usage` has a row for each bucket and kind of thing that it ever held. Numbers that were changed lately are not there, but, a few at a
     * time, in a row whose page the batch writes anyway: that of `journal`, or, where the batch has no entry there, the last one of
     * `garbage`, which is no garbage. The one with the higher usage_turn is true, and overrules `usage` (META_SQL_USAGE).
     * `quota` has a row for each bucket that is bounded. How much an
     * upload and a set of annotations hold stands in their own rows, so that neither need be walked when it goes. `usage_walk` has one row:
     * up to where the store's rows are counted, stop 0: all are. A store that has rows is counted in slices by whoever has it open, for that
     * is a walk over all of them; only the annotations, of which no release has had many, are added up here. */
    "CREATE TABLE usage("
    "  bucket INTEGER NOT NULL,"
    "  kind INTEGER NOT NULL,"
    "  count INTEGER NOT NULL,"
    "  bytes INTEGER NOT NULL,"
    "  PRIMARY KEY(bucket, kind)"
    ") WITHOUT ROWID, STRICT;"
    "ALTER TABLE journal ADD COLUMN usage_turn INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE journal ADD COLUMN usage TEXT NOT NULL DEFAULT '[]';"
    "ALTER TABLE garbage ADD COLUMN usage TEXT;"
    "INSERT INTO garbage VALUES(9223372036854775807, 0, 0, 0, '[]');"
    "CREATE TABLE quota("
    "  bucket INTEGER PRIMARY KEY,"
    "  bytes_max INTEGER NOT NULL,"
    "  objects_max INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE usage_walk("
    "  stop INTEGER NOT NULL,"
    "  bucket INTEGER NOT NULL,"
    "  key BLOB NOT NULL,"
    "  id BLOB NOT NULL"
    ") STRICT;"
    "INSERT INTO usage_walk SELECT EXISTS(SELECT 1 FROM object) OR EXISTS(SELECT 1 FROM version)"
    "  OR EXISTS(SELECT 1 FROM upload), -9223372036854775808, x'', x'';"
    "ALTER TABLE upload ADD COLUMN parts INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE upload ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE annotation_set ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;"
    "UPDATE annotation_set SET bytes ="
    "  (SELECT ifnull(sum(max(size, 0)), 0) FROM annotation WHERE set_id = annotation_set.id);",
};

#define SCHEMA_VERSION ((int64_t)(sizeof(migrations) / sizeof(migrations[0])))

int64_t schema_newest(void)
{
    return SCHEMA_VERSION;
}

int64_t schema_application(void)
{
    return APPLICATION_ID;
}

/* The version of our database, 0 for an empty one. */
int schema_identify(sqlite3 *db, int64_t *version)
{
    int64_t application, objects;
    int err;

    assert(version != NULL);
    if ((err = db_query_int(db, "PRAGMA application_id", &application)) != 0 ||
        (err = db_query_int(db, "PRAGMA user_version", version)) != 0 ||
        (err = db_query_int(db, "SELECT count(*) FROM sqlite_schema", &objects)) != 0)
        return err;
    if (application == 0 && *version == 0 && objects == 0)
        return 0;
    if (application != APPLICATION_ID)
        return META_E_NOT_OURS;
    if (*version > SCHEMA_VERSION)
        return META_E_NEWER_SCHEMA;
    return *version >= 1 ? 0 : META_E_CORRUPT;
}

static int schema_migrate(sqlite3 *db, int64_t version)
{
    char set_version[64];
    int err;

    assert(version >= 1 && version <= SCHEMA_VERSION);
    (void)snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %lld", (long long)version);
    if ((err = db_exec(db, "BEGIN IMMEDIATE")) != 0)
        return err;
    if ((err = db_exec(db, migrations[version - 1])) == 0 && (err = db_exec(db, set_version)) == 0)
        err = db_exec(db, "COMMIT");
    if (err != 0 && !sqlite3_get_autocommit(db))
        (void)db_exec(db, "ROLLBACK"); /* the first error counts; closing the connection undoes it too */
    return err;
}

/* A lasting property of the file. Where the file system cannot do it the old mode stays, in which readers and the writer wait for each
 * other: that is an error here. The mode is told before it is committed, so the statement's end has a word in it. A file that has just got
 * it, such as a copy by VACUUM INTO, has no log yet: who reads makes one. */
static int schema_set_wal(sqlite3 *db)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &statement, NULL);

    if (code != SQLITE_OK)
        return meta_sql_error(code);
    int err = meta_sql_row(statement);
    if (err > 0) {
        struct slice mode = meta_sql_column(statement, 0);
        err = mode.len == 3 && memcmp(mode.base, "wal", 3) == 0 ? 0 : -EOPNOTSUPP;
    }
    code = sqlite3_finalize(statement);
    if (err == 0 && code != SQLITE_OK)
        err = meta_sql_error(code);
    return err != 0 ? err : db_exec(db, "SELECT 1 FROM sqlite_schema LIMIT 1");
}

int schema_open(const struct meta *meta, sqlite3 *db, int64_t version)
{
    int err;

    assert(version >= 0 && version <= SCHEMA_VERSION);
    if (meta->options.read_only)
        return version == SCHEMA_VERSION ? 0 : META_E_OLDER_SCHEMA;
    /* Before the file's first page is written; that of an older store it would change only with a VACUUM (shrink.c). */
    if (version == 0 && (err = db_exec(db, "PRAGMA auto_vacuum = INCREMENTAL")) != 0)
        return err;
    if ((err = schema_set_wal(db)) != 0)
        return err;
    if (version > 0 && version < SCHEMA_VERSION && (err = schema_keep_copy(meta, db, version)) != 0)
        return err;
    while (version < SCHEMA_VERSION)
        if ((err = schema_migrate(db, ++version)) != 0)
            return err;
    return 0;
}
