/* SPDX-License-Identifier: MIT
 *
 * Listing versions: two walks side by side, along the current objects and along the table of versions, merged
 * by key. At equal keys the current object comes first, for it is the newest; then the versions follow in
 * the order of their ids. Both walks seek past each common prefix, so that the cost follows what is returned.
 * All of a listing happens in one snapshot. The reader's thread. */
#include "metadata/read/read.h"

#include <assert.h>
#include <string.h>

#include "metadata/rows/codec.h"
#include "metadata/read/overlay.h"
#include "metadata/read/walk.h"

/* What both statements begin with. */
enum list_column {
    COLUMN_KEY,
    COLUMN_SIZE,
    COLUMN_MODIFIED,
    COLUMN_ETAG,
    COLUMN_CHECKSUM,
    COLUMN_OWNER,
    COLUMN_ATTRIBUTES,
    COLUMN_VERSION, /* the id */
    COLUMN_IS_NULL, /* these in `version` only */
    COLUMN_IS_MARKER,
    COLUMN_NONCURRENT,
};

struct cursor {
    struct query *statement;
    bool has_ids; /* its rows are sorted by key and id */
    bool is_overlaid;
    bool is_rolled; /* see query_roll */
    struct position start;
    unsigned char id_start[META_VERSION_GIVEN_BYTES + 1]; /* at the start key */
    size_t id_start_length;
    int row; /* 1: stands on a row; 0: at the end */
};

struct version_walk {
    struct meta_reader *reader;
    const struct meta_version_query *query;
    struct cursor current, older;
    struct position end;
    struct overlay overlay;
};

/* ---- Cursors ---- */

static struct slice cursor_key(const struct cursor *cursor)
{
    assert(cursor->row > 0);
    return query_bytes(cursor->statement, COLUMN_KEY);
}

static int cursor_step(struct cursor *cursor)
{
    cursor->row = query_row(cursor->statement);
    return cursor->row < 0 ? cursor->row : 0;
}

/* Goes to the first row at or after its start. */
static int cursor_seek(const struct version_walk *walk, struct cursor *cursor)
{
    int parameter = 1;

    assert(cursor->id_start_length <= sizeof(cursor->id_start));
    query_reset(cursor->statement);
    query_expect(cursor->statement, walk->query->delimiter.len > 0 && !cursor->is_rolled
                                        ? META_SEEK_ROWS
                                        : walk->query->limit + 1);
    query_bind_int(cursor->statement, parameter++, walk->query->bucket);
    query_bind(cursor->statement, parameter++, position_bytes(&cursor->start));
    if (cursor->has_ids)
        query_bind(cursor->statement, parameter++, slice_of(cursor->id_start, cursor->id_start_length));
    query_bind(cursor->statement, parameter++, position_bytes(&walk->end));
    if (cursor->is_overlaid)
        query_bind_int(cursor->statement, parameter++, walk->overlay.bucket);
    if (cursor->is_overlaid && cursor->has_ids) /* noncurrent from then on */
        query_bind_int(cursor->statement, parameter, walk->overlay.at_ms);
    return cursor_step(cursor);
}

static int cursor_seek_to(const struct version_walk *walk, struct cursor *cursor,
                          const struct position *start)
{
    cursor->start = *start;
    cursor->id_start_length = 0;
    return cursor_seek(walk, cursor);
}

/* ---- Going on from a version ---- */

/* Of the row that the statement stands on, which is reset: 1 or an error. */
static int place_take(struct query *statement, struct meta_version_id *place)
{
    int err = read_version_id(query_bytes(statement, READ_OBJECT_COLUMNS), place);

    query_reset(statement);
    return err != 0 ? err : 1;
}

/* The place of the marker among the rows of `version`: 1, 0 when it is not there, or an error. */
static int marker_find(const struct version_walk *walk, struct meta_version_id *place)
{
    const struct meta_version_id *marker = walk->query->version_marker;
    bool is_null = meta_version_is_null(marker);
    struct query *statement;
    int found = overlay_version(walk->reader, &walk->overlay, walk->query->bucket, walk->query->key_marker,
                                marker, &statement);

    if (found != 0)
        return found < 0 ? found : place_take(statement, place);
    statement = reader_query(walk->reader, is_null ? READ_VERSION_GET_NULL : version_statement(marker));
    query_bind_int(statement, 1, walk->query->bucket);
    query_bind(statement, 2, walk->query->key_marker);
    if (!is_null)
        query_bind(statement, 3, version_parameter(marker));
    found = query_row(statement);
    return found <= 0 ? found : place_take(statement, place);
}

/* To the first row after `place`, in the rows of the marker's key. */
static int older_seek_behind(struct version_walk *walk, const struct meta_version_id *place)
{
    struct cursor *older = &walk->older;

    assert(walk->query->key_marker.len <= META_KEY_BYTES_MAX);
    position_at(&older->start, walk->query->key_marker);
    struct slice bytes = meta_version_bytes(place);

    (void)slice_copy(older->id_start, bytes);
    older->id_start[bytes.len] = 0; /* the next string of bytes there is */
    older->id_start_length = bytes.len + 1;
    return cursor_seek(walk, older);
}

/* Starts after the version that the marker names. A version that is gone (who lists may be deleting what was
 * listed) leaves its place; the null version leaves none, nor does one that was named without it, and then nothing of the key is passed
 * over. Both cursors stand at the key's start. */
static int walk_pass_marker(struct version_walk *walk)
{
    const struct meta_version_id *marker = walk->query->version_marker;
    struct meta_version_id version, place;
    bool has_current =
        walk->current.row > 0 && slice_compare(cursor_key(&walk->current), walk->query->key_marker) == 0;
    int err;

    assert(marker != NULL);
    if (has_current) {
        err = read_version_id(query_bytes(walk->current.statement, COLUMN_VERSION), &version);
        if (err != 0)
            return err;
        if (meta_version_matches(&version, marker))
            return cursor_step(&walk->current);
    }
    int found = marker_find(walk, &place);
    if (found < 0)
        return found;
    if (found == 0 && (meta_version_is_null(marker) || meta_version_is_placeless(marker)))
        return 0;
    if (found == 0)
        place = *marker;
    /* A current object that is older than the marker was made current by deleting the newer ones. */
    bool passes =
        has_current &&
        (found > 0 || (!meta_version_is_null(&version) && memcmp(&version, marker, sizeof(version)) < 0));
    if (passes && (err = cursor_step(&walk->current)) != 0)
        return err;
    return older_seek_behind(walk, &place);
}

/* Chooses the statements by what the snapshot has. */
static int walk_overlay(struct version_walk *walk)
{
    int err = overlay_get(walk->reader, walk->query->bucket, &walk->overlay);

    if (err != 0 || walk->overlay.bucket == 0)
        return err;
    walk->current.statement = reader_query(walk->reader, READ_OVERLAY_CURRENT);
    walk->current.is_overlaid = true;
    if (walk->overlay.has_versions)
        walk->older.statement = reader_query(walk->reader, READ_OVERLAY_OLDER);
    walk->older.is_overlaid = walk->overlay.has_versions;
    return 0;
}

static int walk_begin(struct version_walk *walk)
{
    const struct meta_version_query *query = walk->query;
    struct slice marker = query->key_marker;
    struct slice common = common_prefix_of(marker, query->prefix, query->delimiter);
    bool from_version = false;
    struct position start;
    int err;

    position_past_prefix(&walk->end, query->prefix);
    if (slice_compare(marker, query->prefix) < 0) {
        position_at(&start, query->prefix);
    } else if (marker.len == 0) {
        position_at(&start, marker);
    } else if (common.len > 0 && common.len == marker.len) {
        position_past_prefix(&start, common); /* the marker is an entry that was returned */
    } else if (query->version_marker != NULL && marker.len <= META_KEY_BYTES_MAX) {
        position_at(&start, marker);
        from_version = true;
    } else {
        position_after(&start, marker);
    }
    if (slice_compare(position_bytes(&start), position_bytes(&walk->end)) >= 0)
        return 0;
    if ((err = cursor_seek_to(walk, &walk->current, &start)) != 0 ||
        (err = cursor_seek_to(walk, &walk->older, &start)) != 0)
        return err;
    return from_version ? walk_pass_marker(walk) : 0;
}

/* ---- Entries ---- */

/* The cursor whose row comes next; NULL at the end. */
static struct cursor *walk_next(struct version_walk *walk)
{
    assert(walk->current.row >= 0 && walk->older.row >= 0);
    if (walk->current.row == 0)
        return walk->older.row != 0 ? &walk->older : NULL;
    if (walk->older.row == 0)
        return &walk->current;
    return slice_compare(cursor_key(&walk->current), cursor_key(&walk->older)) <= 0 ? &walk->current
                                                                                    : &walk->older;
}

static int entry_read(const struct cursor *cursor, struct meta_version_entry *entry,
                      char etag[META_ETAG_BYTES_MAX + 1])
{
    struct query *row = cursor->statement;
    int err = 0;

    assert(cursor->row > 0);
    memset(entry, 0, sizeof(*entry));
    entry->key = cursor_key(cursor);
    entry->size = (uint64_t)query_int(row, COLUMN_SIZE);
    entry->modified_ms = query_int(row, COLUMN_MODIFIED);
    entry->owner = query_bytes(row, COLUMN_OWNER);
    entry->is_current = true;
    if (cursor->has_ids) {
        entry->is_marker = query_int(row, COLUMN_IS_MARKER) != 0;
        entry->is_current = query_is_null(row, COLUMN_NONCURRENT);
        entry->noncurrent_ms = query_int(row, COLUMN_NONCURRENT);
    }
    if (!cursor->has_ids || query_int(row, COLUMN_IS_NULL) == 0)
        err = read_version_id(query_bytes(row, COLUMN_VERSION), &entry->version);
    etag[0] = '\0';
    entry->etag = etag;
    if (err != 0 || entry->is_marker)
        return err;
    if ((err = codec_etag_decode(query_bytes(row, COLUMN_ETAG), etag)) != 0)
        return err;
    entry->storage_class =
        codec_attributes_find(query_bytes(row, COLUMN_ATTRIBUTES), META_ATTRIBUTE_STORAGE_CLASS);
    return codec_checksum_decode(query_bytes(row, COLUMN_CHECKSUM), &entry->checksum);
}

/* Both cursors leave the prefix behind; the prefix lies in a row. */
static int walk_skip_prefix(struct version_walk *walk, struct slice prefix)
{
    struct cursor *cursors[] = {&walk->current, &walk->older};
    struct position past;
    int err;

    assert(prefix.len > 0);
    position_past_prefix(&past, prefix);
    for (size_t i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
        if (cursors[i]->row == 0 || slice_compare(cursor_key(cursors[i]), position_bytes(&past)) >= 0)
            continue;
        err = cursors[i]->is_rolled ? cursor_step(cursors[i]) : cursor_seek_to(walk, cursors[i], &past);
        if (err != 0)
            return err;
    }
    return 0;
}

static int walk_run(struct version_walk *walk,
                    int (*visit)(void *ctx, const struct meta_version_entry *entry), void *ctx,
                    bool *truncated)
{
    char etag[META_ETAG_BYTES_MAX + 1];
    struct meta_version_entry entry;
    struct cursor *next;
    uint32_t entries = 0;
    int err;

    walk->current.is_rolled =
        query_roll(walk->current.statement, walk->query->prefix, walk->query->delimiter);
    walk->older.is_rolled = query_roll(walk->older.statement, walk->query->prefix, walk->query->delimiter);
    err = walk_begin(walk);

    while (err == 0 && (next = walk_next(walk)) != NULL) {
        assert(entries <= walk->query->limit);
        struct slice common = common_prefix_of(cursor_key(next), walk->query->prefix, walk->query->delimiter);
        if (!key_is_possible(cursor_key(next))) {
            err = META_E_CORRUPT;
            break;
        }
        if (entries++ == walk->query->limit) {
            *truncated = true;
            break;
        }
        if (common.len > 0) {
            entry = (struct meta_version_entry){.is_prefix = true, .key = common};
            if ((err = visit(ctx, &entry)) == 0)
                err = walk_skip_prefix(walk, common);
        } else if ((err = entry_read(next, &entry, etag)) == 0 && (err = visit(ctx, &entry)) == 0) {
            err = cursor_step(next);
        }
    }
    query_reset(walk->current.statement);
    query_reset(walk->older.statement);
    return err;
}

int meta_version_list(struct meta_reader *reader, const struct meta_version_query *query,
                      int (*visit)(void *ctx, const struct meta_version_entry *entry), void *ctx,
                      bool *truncated)
{
    struct version_walk walk = {
        .reader = reader,
        .query = query,
        .current = {.statement = reader_query(reader, READ_VERSION_LIST_CURRENT)},
        .older = {.statement = reader_query(reader, READ_VERSION_LIST), .has_ids = true},
    };

    assert(visit != NULL);
    assert(query->limit <= META_LIST_ENTRIES_MAX);
    *truncated = false;
    if (query->limit == 0 || query->prefix.len > META_KEY_BYTES_MAX)
        return 0;
    int err = reader_begin(reader);
    if (err != 0 || (err = reader_snapshot_begin(reader)) != 0)
        return err;
    int result = walk_overlay(&walk);
    if (result == 0)
        result = walk_run(&walk, visit, ctx, truncated);
    err = reader_snapshot_end(reader);
    return result != 0 ? result : err;
}
