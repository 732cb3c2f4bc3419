/* SPDX-License-Identifier: MIT
 *
 * What the database's library knows of its log, and its files as it has them open. Asked for by its public ways: file controls,
 * and the index of the log, whose form is fixed, since processes of different versions share it:
 * https://www.sqlite.org/walformat.html#walidxfmt. Private to metadata/. */
#ifndef METADATA_SQLITE_WAL_INDEX_H
#define METADATA_SQLITE_WAL_INDEX_H

#include <sqlite3.h>

#include "metadata/sqlite/wal/wal_file.h"

struct wal_index {
    struct wal_extent extent;
    uint32_t pages;  /* of the database after the last commit */
    uint32_t copied; /* the frames up to this one have been written into the database, if not synced */
};

/* The connection's thread, outside of a transaction, while nobody writes or moves the log. 0 or -EIO. */
int wal_index_read(sqlite3 *db, struct wal_index *index);

/* The database and its log, as the connection has them open; NULL: not yet. */
sqlite3_file *wal_index_database_file(sqlite3 *db);
sqlite3_file *wal_index_log_file(sqlite3 *db);

#endif
