/* SPDX-License-Identifier: MIT
 *
 * Listings of objects and uploads: a walk along the primary key, from a start to the end of the prefix, that
 * *seeks* past each common prefix, so that the cost follows what is returned.
 *
 * Starts are inclusive. "After key k" is the start k + 0x00, the next string of bytes there is; "after all
 * that begins with p" is p with its last byte below 0xff raised by one and the rest cut off. Both fit into a
 * key's length plus one. All of a listing happens in one snapshot. The reader's thread. */
#include "metadata/db.h"

#include <assert.h>
#include <string.h>

#include "metadata/codec.h"

/* A place between keys. */
struct position {
    unsigned char bytes[META_KEY_BYTES_MAX + 1];
    size_t length;
};

static struct meta_bytes position_bytes(const struct position *position)
{
    return (struct meta_bytes){position->bytes, position->length};
}

/* At the key itself. A longer string is cut, which no key lies behind that would not lie behind the whole. */
static void position_at(struct position *position, struct meta_bytes key)
{
    position->length = key.length < sizeof(position->bytes) ? key.length : sizeof(position->bytes);
    if (position->length > 0)
        memcpy(position->bytes, key.data, position->length);
}

static void position_after(struct position *position, struct meta_bytes key)
{
    position_at(position, key);
    if (position->length < sizeof(position->bytes))
        position->bytes[position->length++] = 0;
}

/* Past everything: longer than any key, and nothing but 0xff. */
static void position_end(struct position *position)
{
    memset(position->bytes, 0xff, sizeof(position->bytes));
    position->length = sizeof(position->bytes);
}

static void position_past_prefix(struct position *position, struct meta_bytes prefix)
{
    position_at(position, prefix);
    while (position->length > 0 && position->bytes[position->length - 1] == 0xff)
        position->length--;
    if (position->length == 0)
        position_end(position);
    else
        position->bytes[position->length - 1]++;
}

static int bytes_compare(struct meta_bytes a, struct meta_bytes b)
{
    size_t common = a.length < b.length ? a.length : b.length;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static bool has_prefix(struct meta_bytes bytes, struct meta_bytes prefix)
{
    return bytes.length >= prefix.length &&
           (prefix.length == 0 || memcmp(bytes.data, prefix.data, prefix.length) == 0);
}

/* A walk in progress, of either kind of listing. */
struct walk {
    sqlite3_stmt *statement; /* its rows begin with the key */
    int64_t bucket;
    struct meta_bytes prefix, delimiter;
    struct position start, end;
    struct meta_bytes
        start_id; /* uploads: the id from which on, at the start key; a NULL pointer for objects */
};

/* The common prefix that the key rolls up into; empty when it stands for itself. */
static struct meta_bytes walk_common_prefix(const struct walk *walk, struct meta_bytes key)
{
    if (walk->delimiter.length == 0 || key.length == 0 || !has_prefix(key, walk->prefix))
        return (struct meta_bytes){0};
    const unsigned char *rest = (const unsigned char *)key.data + walk->prefix.length;
    const unsigned char *found =
        memmem(rest, key.length - walk->prefix.length, walk->delimiter.data, walk->delimiter.length);
    if (found == NULL)
        return (struct meta_bytes){0};
    size_t length = (size_t)(found - (const unsigned char *)key.data) + walk->delimiter.length;
    return (struct meta_bytes){key.data, length};
}

/* Binds the walk from its start on. */
static void walk_seek(const struct walk *walk)
{
    sqlite3_stmt *statement = walk->statement;
    int parameter = 1;

    meta_sql_reset(statement);
    meta_sql_int(statement, parameter++, walk->bucket);
    meta_sql_blob(statement, parameter++, position_bytes(&walk->start));
    if (walk->start_id.data != NULL)
        meta_sql_blob(statement, parameter++, walk->start_id);
    meta_sql_blob(statement, parameter++, position_bytes(&walk->end));
}

static void walk_skip_prefix(struct walk *walk, struct meta_bytes common_prefix)
{
    position_past_prefix(&walk->start, common_prefix);
    walk->start_id.length = 0;
    walk_seek(walk);
}

/* Sets start and end from prefix and marker. id_from: where to go on among the uploads of the marker's key,
 * or NULL. */
static void walk_begin(struct walk *walk, struct meta_bytes after, const struct meta_bytes *id_from)
{
    struct meta_bytes common_prefix = walk_common_prefix(walk, after);

    position_past_prefix(&walk->end, walk->prefix);
    if (bytes_compare(after, walk->prefix) < 0)
        position_at(&walk->start, walk->prefix);
    else if (after.length == 0)
        position_at(&walk->start, after);
    else if (common_prefix.length > 0 && common_prefix.length == after.length)
        position_past_prefix(&walk->start, common_prefix); /* the marker is an entry that was returned */
    else if (id_from != NULL)
        position_at(&walk->start, after);
    else
        position_after(&walk->start, after);
    if (id_from != NULL && bytes_compare(position_bytes(&walk->start), after) == 0)
        walk->start_id = *id_from;
    walk_seek(walk);
}

static bool walk_is_empty(const struct walk *walk)
{
    return bytes_compare(position_bytes(&walk->start), position_bytes(&walk->end)) >= 0;
}

/* Runs `emit` for each entry until `limit`. emit gets the common prefix, or an empty one with the row
 * current. */
static int walk_run(struct walk *walk, uint32_t limit,
                    int (*emit)(void *ctx, sqlite3_stmt *statement, struct meta_bytes common_prefix),
                    void *ctx, bool *truncated)
{
    uint32_t entries = 0;
    int row, stop = 0;

    while ((row = meta_sql_row(walk->statement)) > 0) {
        if (entries++ == limit) {
            *truncated = true;
            break;
        }
        struct meta_bytes common_prefix = walk_common_prefix(walk, meta_sql_column(walk->statement, 0));
        if ((stop = emit(ctx, walk->statement, common_prefix)) != 0)
            break;
        if (common_prefix.length > 0)
            walk_skip_prefix(walk, common_prefix);
    }
    meta_sql_reset(walk->statement);
    return row < 0 ? row : stop;
}

/* The same in a snapshot of its own: a listing seeks many times and must see one state. */
static int walk_run_snapshot(struct meta_reader *reader, struct walk *walk, uint32_t limit,
                             int (*emit)(void *ctx, sqlite3_stmt *statement, struct meta_bytes common_prefix),
                             void *ctx, bool *truncated)
{
    int err = meta_sql_run(reader->sql.list[SQL_SNAPSHOT_BEGIN]);

    if (err != 0)
        return err;
    int result = walk_run(walk, limit, emit, ctx, truncated);
    err = meta_sql_run(reader->sql.list[SQL_SNAPSHOT_END]);
    return result != 0 ? result : err;
}

/* ---- Objects ---- */

struct object_listing {
    int (*visit)(void *ctx, const struct meta_list_entry *entry);
    void *ctx;
};

static int object_emit(void *ctx, sqlite3_stmt *statement, struct meta_bytes common_prefix)
{
    const struct object_listing *listing = ctx;
    struct meta_list_entry entry;
    char etag[META_ETAG_BYTES_MAX + 1];
    int err;

    memset(&entry, 0, sizeof(entry));
    if (common_prefix.length > 0) {
        entry.is_prefix = true;
        entry.key = common_prefix;
        return listing->visit(listing->ctx, &entry);
    }
    entry.key = meta_sql_column(statement, 0);
    entry.size = (uint64_t)sqlite3_column_int64(statement, 1);
    entry.modified_ms = sqlite3_column_int64(statement, 2);
    if ((err = codec_etag_decode(meta_sql_column(statement, 3), etag)) != 0 ||
        (err = codec_checksum_decode(meta_sql_column(statement, 4), &entry.checksum)) != 0)
        return err;
    entry.etag = etag;
    entry.owner = meta_sql_column(statement, 5);
    return listing->visit(listing->ctx, &entry);
}

int meta_object_list(struct meta_reader *reader, const struct meta_list_query *query,
                     int (*visit)(void *ctx, const struct meta_list_entry *entry), void *ctx, bool *truncated)
{
    struct object_listing listing = {visit, ctx};
    struct walk walk = {.statement = reader->sql.list[SQL_OBJECT_LIST],
                        .bucket = query->bucket,
                        .prefix = query->prefix,
                        .delimiter = query->delimiter};

    assert(query->limit <= META_LIST_ENTRIES_MAX);
    *truncated = false;
    if (query->limit == 0 || query->prefix.length > META_KEY_BYTES_MAX)
        return 0;
    walk_begin(&walk, query->after, NULL);
    return walk_is_empty(&walk)
               ? 0
               : walk_run_snapshot(reader, &walk, query->limit, object_emit, &listing, truncated);
}

/* ---- Uploads ---- */

struct upload_listing {
    int (*visit)(void *ctx, const struct meta_upload *upload, struct meta_bytes common_prefix);
    void *ctx;
};

static int upload_emit(void *ctx, sqlite3_stmt *statement, struct meta_bytes common_prefix)
{
    const struct upload_listing *listing = ctx;
    struct meta_upload upload;

    if (common_prefix.length > 0)
        return listing->visit(listing->ctx, NULL, common_prefix);
    memset(&upload, 0, sizeof(upload));
    upload.key = meta_sql_column(statement, 0);
    struct meta_bytes id = meta_sql_column(statement, 1);
    if (id.length != sizeof(upload.id))
        return META_E_CORRUPT;
    memcpy(upload.id, id.data, sizeof(upload.id));
    upload.initiated_ms = sqlite3_column_int64(statement, 2);
    upload.checksum_algorithm = (uint8_t)sqlite3_column_int64(statement, 3);
    upload.checksum_type = (uint8_t)sqlite3_column_int64(statement, 4);
    upload.owner = meta_sql_column(statement, 5);
    return listing->visit(listing->ctx, &upload, common_prefix);
}

int meta_upload_list(struct meta_reader *reader, const struct meta_upload_query *query,
                     int (*visit)(void *ctx, const struct meta_upload *upload,
                                  struct meta_bytes common_prefix),
                     void *ctx, bool *truncated)
{
    struct upload_listing listing = {visit, ctx};
    struct walk walk = {.statement = reader->sql.list[SQL_UPLOAD_LIST],
                        .bucket = query->bucket,
                        .prefix = query->prefix,
                        .delimiter = query->delimiter,
                        .start_id = {"", 0}};
    unsigned char id_after[META_UPLOAD_ID_BYTES + 1] = {0};
    struct meta_bytes id_from = {id_after, sizeof(id_after)};

    assert(query->limit <= META_LIST_ENTRIES_MAX);
    *truncated = false;
    if (query->limit == 0 || query->prefix.length > META_KEY_BYTES_MAX)
        return 0;
    if (query->id_marker != NULL)
        memcpy(id_after, query->id_marker, META_UPLOAD_ID_BYTES);
    walk_begin(&walk, query->key_marker, query->id_marker != NULL ? &id_from : NULL);
    return walk_is_empty(&walk)
               ? 0
               : walk_run_snapshot(reader, &walk, query->limit, upload_emit, &listing, truncated);
}
