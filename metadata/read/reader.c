/* SPDX-License-Identifier: MIT
 *
 * Opening and closing readers. */
#include "metadata/read/reader.h"

#include <assert.h>
#include <stdlib.h>

#include "metadata/rows/row_calls.h"

int meta_reader_open(struct meta *meta, struct meta_reader **reader_out)
{
    struct meta_reader *reader = calloc(1, sizeof(*reader));
    int err;

    assert(meta->engine != NULL && reader_out != NULL);
    if (reader == NULL)
        return -ENOMEM;
    reader->meta = meta;
    reader->calls = meta->calls->readers;
    if ((err = reader->calls->open(reader)) == 0) {
        *reader_out = reader;
        return 0;
    }
    meta_reader_close(reader);
    return err;
}

void meta_reader_close(struct meta_reader *reader)
{
    if (reader == NULL)
        return;
    row_cache_free(&reader->rows);
    reader->calls->close(reader);
    free(reader);
}

int reader_snapshot_begin(struct meta_reader *reader)
{
    if (reader->has_snapshot)
        (void)query_run(reader_query(reader, READ_SNAPSHOT_END)); /* if it fails, so does what follows */
    int err = query_run(reader_query(reader, READ_SNAPSHOT_BEGIN));
    reader->has_snapshot = err == 0;
    return err;
}

int reader_snapshot_end(struct meta_reader *reader)
{
    int err = query_run(reader_query(reader, READ_SNAPSHOT_END));

    assert(reader->has_snapshot);
    if (err != 0) /* an interruption is over by now; nothing is lost with what a read has not written */
        err = query_run(reader_query(reader, READ_SNAPSHOT_END));
    reader->has_snapshot = err != 0;
    return err;
}

void meta_reader_interrupt(struct meta_reader *reader)
{
    reader->calls->interrupt(reader);
}

uint64_t meta_reader_steps(struct meta_reader *reader)
{
    return reader->calls->steps(reader);
}
