/* SPDX-License-Identifier: MIT
 *
 * A reader: a connection of its own, and the rows that it keeps. Private to metadata/read/. */
#ifndef METADATA_READ_READER_H
#define METADATA_READ_READER_H

#include "metadata/read/row_cache.h"
#include "metadata/sqlite/database.h"

struct meta_reader {
    struct meta *meta;
    sqlite3 *db;
    struct meta_sql sql;
    struct row_cache rows;
};

/* Before something is read: 0, or -EIO when the log in memory is not what was committed (wal.h). */
static inline int db_read_begin(const struct meta_reader *reader)
{
    return wal_is_lost(&reader->meta->engine->wal) ? -EIO : 0;
}

#endif
