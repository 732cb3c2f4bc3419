/* SPDX-License-Identifier: MIT
 *
 * A reader: a connection of its own to the engine, the queries that it has ready, and the rows that it keeps. Private to metadata/. */
#ifndef METADATA_READ_READER_H
#define METADATA_READ_READER_H

#include <errno.h>

#include "metadata/db.h"
#include "metadata/read/query.h"
#include "metadata/read/row_cache.h"

/* What an engine does for readers. */
struct reader_calls {
    /* Connects, and fills reader->connection and reader->queries. On failure, close is called. */
    int (*open)(struct meta_reader *reader);
    void (*close)(struct meta_reader *reader);
    /* See meta_reader_interrupt and meta_reader_steps. */
    void (*interrupt)(struct meta_reader *reader);
    uint64_t (*steps)(struct meta_reader *reader);
    /* Inside a snapshot or a visit, whose rows may be older than what is committed now. */
    bool (*is_inside)(const struct meta_reader *reader);
    /* The engine's own words for the last failure; valid until its next call. */
    const char *(*message)(const struct meta_reader *reader);
    /* 0 with a query to bind and step, or an error; walk_end also where it was not stepped to its end. */
    int (*walk_begin)(struct meta_reader *reader, enum read_walk walk, struct query *query);
    void (*walk_end)(struct query *query);
    bool is_shared; /* others write, too: nothing that was read can be kept */
};

struct meta_reader {
    struct meta *meta;
    const struct reader_calls *calls;
    void *connection; /* the engine's */
    const atomic_bool
        *lost; /* set: the log in memory is not what was committed (wal.h); NULL: there is no such log */
    struct query queries[READ_COUNT];
    struct row_cache rows;
    bool has_snapshot; /* between the two calls below; or the second of them failed */
};

static inline struct query *reader_query(struct meta_reader *reader, enum read_id id)
{
    return &reader->queries[id];
}

/* Before something is read: 0, or -EIO when what is read is not what was committed. */
static inline int reader_begin(const struct meta_reader *reader)
{
    return reader->lost != NULL && atomic_load(reader->lost) ? -EIO : 0;
}

/* Around reads that are to see one moment. 0 or an error. A snapshot that could not be ended, for it was interrupted or memory was at an
 * end, is ended before the next one begins: else none could begin any more, and the log could not begin anew. */
int reader_snapshot_begin(struct meta_reader *reader);
int reader_snapshot_end(struct meta_reader *reader);

#endif
