/* SPDX-License-Identifier: MIT
 *
 * What waits for a target of events. The reader's thread. */
#include "metadata/read/reader.h"

#include <assert.h>

#include "metadata/rows/outbox/outbox_form.h"

int meta_outbox_list(struct meta_reader *reader, struct slice target, uint64_t after, uint32_t limit,
                     int (*visit)(void *ctx, const struct meta_event *event), void *ctx)
{
    sqlite3_stmt *statement = reader->sql.list[SQL_OUTBOX_LIST];
    int row = 0, stop = 0, err = db_read_begin(reader);

    assert(visit != NULL);
    if (err != 0)
        return err;
    meta_sql_blob(statement, 1, target);
    meta_sql_int(statement, 2, (int64_t)after);
    meta_sql_int(statement, 3, limit);
    while (stop == 0 && (row = meta_sql_row(statement)) > 0) {
        struct meta_event event = {
            .bucket = sqlite3_column_int64(statement, 1),
            .key = meta_sql_column(statement, 2),
        };
        if (outbox_event_decode(meta_sql_column(statement, 3), &event) != 0)
            event = (struct meta_event){0};
        event.seq = (uint64_t)sqlite3_column_int64(statement, 0);
        stop = visit(ctx, &event);
    }
    if (stop != 0)
        meta_sql_reset(statement);
    return stop != 0 ? stop : row;
}

int meta_outbox_count(struct meta_reader *reader, struct slice target, uint64_t *count)
{
    sqlite3_stmt *statement = reader->sql.list[SQL_OUTBOX_COUNT];
    int err = db_read_begin(reader), row;

    if (err != 0)
        return err;
    meta_sql_blob(statement, 1, target);
    if ((row = meta_sql_row(statement)) <= 0)
        return row == 0 ? META_E_CORRUPT : row;
    *count = (uint64_t)sqlite3_column_int64(statement, 0);
    meta_sql_reset(statement);
    return 0;
}
