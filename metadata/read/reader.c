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

void meta_reader_interrupt(struct meta_reader *reader)
{
    reader->calls->interrupt(reader);
}

uint64_t meta_reader_steps(struct meta_reader *reader)
{
    return reader->calls->steps(reader);
}
