/* SPDX-License-Identifier: MIT
 *
 * Rows of queries that several readers decode. The reader's thread. */
#include "metadata/read/query.h"

#include <assert.h>
#include <errno.h>

int query_run(struct query *query)
{
    int row = query_row(query);

    if (row > 0) {
        assert(!"a query that was to yield no row yielded one");
        query_reset(query);
        return -EIO;
    }
    return row;
}

const char *query_text(const struct query *query, int column)
{
    return query->sqlite != NULL ? (const char *)sqlite3_column_text(query->sqlite, column)
                                 : query->calls->column_text(query, column);
}

enum meta_versioning query_versioning(const struct query *query, int column)
{
    int64_t value = query_int(query, column);

    return value == META_VERSIONING_NEVER || value == META_VERSIONING_ENABLED ? (enum meta_versioning)value
                                                                              : META_VERSIONING_SUSPENDED;
}

void query_part(const struct query *query, struct part_row *part)
{
    part->number = query_int(query, 0);
    part->size = query_int(query, 1);
    part->modified_ms = query_int(query, 2);
    part->etag = query_bytes(query, 3);
    part->checksum = query_bytes(query, 4);
    part->extents = (struct slice){NULL, 0};
}
