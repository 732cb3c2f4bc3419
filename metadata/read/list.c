/* SPDX-License-Identifier: MIT
 *
 * Listings of objects and uploads: a walk along the primary key, from a start to the end of the prefix, that
 * *seeks* past each common prefix, so that the cost follows what is returned. Of the attributes the storage class is told;
 * they lie after the extents: on the row's own page, but for objects of dozens of parts.
 *
 * All of a listing happens in one snapshot. The reader's thread. */
#include "metadata/read/reader.h"

#include <assert.h>
#include <string.h>

#include "metadata/rows/codec.h"
#include "metadata/read/overlay.h"
#include "metadata/read/walk.h"

/* A walk in progress, of either kind of listing. */
struct walk {
    struct query *statement; /* its rows begin with the key */
    int64_t bucket;
    struct slice prefix, delimiter;
    struct position start, end;
    bool is_rolled;        /* the statement itself leaves out what is behind the first of a common prefix */
    bool is_overlaid;      /* something may lie over its rows */
    int64_t overlay;       /* the bucket whose rows lie over its own (overlay.h); 0: none */
    uint32_t expected;     /* rows, until it seeks */
    struct slice start_id; /* uploads: the id from which on, at the start key; a NULL pointer for objects */
};

/* Binds the walk from its start on. */
static void walk_seek(const struct walk *walk)
{
    struct query *statement = walk->statement;
    int parameter = 1;

    assert(walk->statement != NULL);
    query_reset(statement);
    query_expect(statement, walk->expected);
    query_bind_int(statement, parameter++, walk->bucket);
    query_bind(statement, parameter++, position_bytes(&walk->start));
    if (walk->start_id.base != NULL)
        query_bind(statement, parameter++, walk->start_id);
    query_bind(statement, parameter++, position_bytes(&walk->end));
    if (walk->overlay != 0)
        query_bind_int(statement, parameter, walk->overlay);
}

static void walk_skip_prefix(struct walk *walk, struct slice common_prefix)
{
    assert(common_prefix.len > 0);
    if (walk->is_rolled)
        return;
    position_past_prefix(&walk->start, common_prefix);
    walk->start_id.len = 0;
    walk_seek(walk);
}

/* Sets start and end from prefix and marker. id_from: where to go on among the uploads of the marker's key,
 * or NULL. */
static void walk_begin(struct walk *walk, struct slice after, const struct slice *id_from)
{
    struct slice common_prefix = common_prefix_of(after, walk->prefix, walk->delimiter);

    position_past_prefix(&walk->end, walk->prefix);
    if (slice_compare(after, walk->prefix) < 0)
        position_at(&walk->start, walk->prefix);
    else if (after.len == 0)
        position_at(&walk->start, after);
    else if (common_prefix.len > 0 && common_prefix.len == after.len)
        position_past_prefix(&walk->start, common_prefix); /* the marker is an entry that was returned */
    else if (id_from != NULL)
        position_at(&walk->start, after);
    else
        position_after(&walk->start, after);
    if (id_from != NULL && slice_compare(position_bytes(&walk->start), after) == 0)
        walk->start_id = *id_from;
}

static bool walk_is_empty(const struct walk *walk)
{
    return slice_compare(position_bytes(&walk->start), position_bytes(&walk->end)) >= 0;
}

/* Runs `emit` for each entry until `limit`. emit gets the common prefix, or an empty one with the row
 * current. */
static int walk_run(struct walk *walk, uint32_t limit,
                    int (*emit)(void *ctx, struct query *statement, struct slice common_prefix), void *ctx,
                    bool *truncated)
{
    uint32_t entries = 0;
    int row, stop = 0;

    assert(limit > 0 && limit <= META_LIST_ENTRIES_MAX);
    while ((row = query_row(walk->statement)) > 0) {
        if (entries++ == limit) {
            *truncated = true;
            break;
        }
        struct slice key = query_bytes(walk->statement, 0);
        struct slice common_prefix = common_prefix_of(key, walk->prefix, walk->delimiter);
        if (!key_is_possible(key)) {
            stop = META_E_CORRUPT;
            break;
        }
        if ((stop = emit(ctx, walk->statement, common_prefix)) != 0)
            break;
        if (common_prefix.len > 0)
            walk_skip_prefix(walk, common_prefix);
    }
    query_reset(walk->statement);
    return row < 0 ? row : stop;
}

/* Chooses the statement by what the snapshot has. */
static int walk_overlay(struct meta_reader *reader, struct walk *walk)
{
    struct overlay overlay;
    int err = overlay_get(reader, walk->bucket, &overlay);

    walk->overlay = overlay.bucket;
    if (err == 0 && overlay.bucket != 0)
        walk->statement = reader_query(reader, READ_OVERLAY_OBJECTS);
    return err;
}

/* The same in a snapshot of its own: a listing seeks many times and must see one state. */
static int walk_run_snapshot(struct meta_reader *reader, struct walk *walk, uint32_t limit,
                             int (*emit)(void *ctx, struct query *statement, struct slice common_prefix),
                             void *ctx, bool *truncated)
{
    int err = reader_begin(reader);

    assert(!walk_is_empty(walk));
    if (err != 0 || (err = reader_snapshot_begin(reader)) != 0)
        return err;
    int result = walk->is_overlaid ? walk_overlay(reader, walk) : 0;
    if (result == 0) {
        walk->is_rolled = query_roll(walk->statement, walk->prefix, walk->delimiter);
        walk->expected = walk->delimiter.len > 0 && !walk->is_rolled ? META_SEEK_ROWS : limit + 1;
        walk_seek(walk);
        result = walk_run(walk, limit, emit, ctx, truncated);
    }
    err = reader_snapshot_end(reader);
    return result != 0 ? result : err;
}

/* ---- Objects ---- */

struct object_listing {
    int (*visit)(void *ctx, const struct meta_list_entry *entry);
    void *ctx;
};

static int object_emit(void *ctx, struct query *statement, struct slice common_prefix)
{
    const struct object_listing *listing = ctx;
    struct meta_list_entry entry;
    char etag[META_ETAG_BYTES_MAX + 1];
    int err;

    assert(common_prefix.len == 0 || common_prefix.base != NULL);
    memset(&entry, 0, sizeof(entry));
    if (common_prefix.len > 0) {
        entry.is_prefix = true;
        entry.key = common_prefix;
        return listing->visit(listing->ctx, &entry);
    }
    entry.key = query_bytes(statement, 0);
    entry.size = (uint64_t)query_int(statement, 1);
    entry.modified_ms = query_int(statement, 2);
    if ((err = codec_etag_decode(query_bytes(statement, 3), etag)) != 0 ||
        (err = codec_checksum_decode(query_bytes(statement, 4), &entry.checksum)) != 0)
        return err;
    entry.etag = etag;
    entry.owner = query_bytes(statement, 5);
    entry.storage_class = codec_attributes_find(query_bytes(statement, 6), META_ATTRIBUTE_STORAGE_CLASS);
    return listing->visit(listing->ctx, &entry);
}

int meta_object_list(struct meta_reader *reader, const struct meta_list_query *query,
                     int (*visit)(void *ctx, const struct meta_list_entry *entry), void *ctx, bool *truncated)
{
    struct object_listing listing = {visit, ctx};
    struct walk walk = {.statement = reader_query(reader, READ_OBJECT_LIST),
                        .is_overlaid = true,
                        .bucket = query->bucket,
                        .prefix = query->prefix,
                        .delimiter = query->delimiter};

    assert(visit != NULL);
    assert(query->limit <= META_LIST_ENTRIES_MAX);
    *truncated = false;
    if (query->limit == 0 || query->prefix.len > META_KEY_BYTES_MAX)
        return 0;
    walk_begin(&walk, query->after, NULL);
    return walk_is_empty(&walk)
               ? 0
               : walk_run_snapshot(reader, &walk, query->limit, object_emit, &listing, truncated);
}

/* ---- Uploads ---- */

struct upload_listing {
    int (*visit)(void *ctx, const struct meta_upload *upload, struct slice common_prefix);
    void *ctx;
};

static int upload_emit(void *ctx, struct query *statement, struct slice common_prefix)
{
    const struct upload_listing *listing = ctx;
    struct meta_upload upload;

    if (common_prefix.len > 0)
        return listing->visit(listing->ctx, NULL, common_prefix);
    memset(&upload, 0, sizeof(upload));
    upload.key = query_bytes(statement, 0);
    struct slice id = query_bytes(statement, 1);
    if (id.len != sizeof(upload.id))
        return META_E_CORRUPT;
    memcpy(upload.id, id.base, sizeof(upload.id));
    upload.initiated_ms = query_int(statement, 2);
    upload.checksum_algorithm = (uint8_t)query_int(statement, 3);
    upload.checksum_type = (uint8_t)query_int(statement, 4);
    upload.owner = query_bytes(statement, 5);
    upload.storage_class = codec_attributes_find(query_bytes(statement, 6), META_ATTRIBUTE_STORAGE_CLASS);
    return listing->visit(listing->ctx, &upload, common_prefix);
}

int meta_upload_list(struct meta_reader *reader, const struct meta_upload_query *query,
                     int (*visit)(void *ctx, const struct meta_upload *upload, struct slice common_prefix),
                     void *ctx, bool *truncated)
{
    struct upload_listing listing = {visit, ctx};
    struct walk walk = {.statement = reader_query(reader, READ_UPLOAD_LIST),
                        .bucket = query->bucket,
                        .prefix = query->prefix,
                        .delimiter = query->delimiter,
                        .start_id = {"", 0}};
    unsigned char id_after[META_UPLOAD_ID_BYTES + 1] = {0};
    struct slice id_from = slice_of(id_after, sizeof(id_after));

    assert(visit != NULL);
    assert(query->limit <= META_LIST_ENTRIES_MAX);
    *truncated = false;
    if (query->limit == 0 || query->prefix.len > META_KEY_BYTES_MAX)
        return 0;
    if (query->id_marker != NULL)
        memcpy(id_after, query->id_marker, META_UPLOAD_ID_BYTES);
    walk_begin(&walk, query->key_marker, query->id_marker != NULL ? &id_from : NULL);
    return walk_is_empty(&walk)
               ? 0
               : walk_run_snapshot(reader, &walk, query->limit, upload_emit, &listing, truncated);
}
