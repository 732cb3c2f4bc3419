/* SPDX-License-Identifier: MIT
 *
 * What waits for a target of events. The reader's thread. */
#include "metadata/read/reader.h"

#include <assert.h>

#include "metadata/rows/outbox/outbox_form.h"

int meta_outbox_list(struct meta_reader *reader, struct slice target, uint64_t after, uint32_t limit,
                     int (*visit)(void *ctx, const struct meta_event *event), void *ctx)
{
    struct query *statement = reader_query(reader, READ_OUTBOX_LIST);
    int row = 0, stop = 0, err = reader_begin(reader);

    assert(visit != NULL);
    if (err != 0)
        return err;
    query_bind(statement, 1, target);
    query_bind_int(statement, 2, (int64_t)after);
    query_bind_int(statement, 3, limit);
    while (stop == 0 && (row = query_row(statement)) > 0) {
        struct meta_event event = {
            .bucket = query_int(statement, 1),
            .key = query_bytes(statement, 2),
        };
        if (outbox_event_decode(query_bytes(statement, 3), &event) != 0)
            event = (struct meta_event){0};
        event.seq = (uint64_t)query_int(statement, 0);
        stop = visit(ctx, &event);
    }
    if (stop != 0)
        query_reset(statement);
    return stop != 0 ? stop : row;
}

int meta_outbox_count(struct meta_reader *reader, struct slice target, uint64_t *count)
{
    struct query *statement = reader_query(reader, READ_OUTBOX_COUNT);
    int err = reader_begin(reader), row;

    if (err != 0)
        return err;
    query_bind(statement, 1, target);
    if ((row = query_row(statement)) <= 0)
        return row == 0 ? META_E_CORRUPT : row;
    *count = (uint64_t)query_int(statement, 0);
    query_reset(statement);
    return 0;
}
