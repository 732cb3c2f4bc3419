/* SPDX-License-Identifier: MIT
 *
 * Loading and storing rows of `object`, and the checks that every change of one goes through: keys, extents,
 * conditions. Committer's thread. */
#include "metadata/write/writer.h"

#include <errno.h>
#include <string.h>

/* Columns of META_SQL_OBJECT_COLUMNS. */
enum object_column {
    COLUMN_SIZE,
    COLUMN_MODIFIED,
    COLUMN_ETAG,
    COLUMN_CHECKSUM,
    COLUMN_OWNER,
    COLUMN_EXTENTS,
    COLUMN_ATTRIBUTES,
    COLUMN_UPLOAD_ID,
    COLUMN_PARTS,
    COLUMN_VERSION, /* behind them, in SQL_OBJECT_GET */
};

int object_row_read(struct meta_writer *writer, sqlite3_stmt *statement, struct object_row *row)
{
    int err;

    row->size = (uint64_t)sqlite3_column_int64(statement, COLUMN_SIZE);
    row->modified_ms = sqlite3_column_int64(statement, COLUMN_MODIFIED);
    row->owner = meta_sql_column(statement, COLUMN_OWNER);
    row->extents = meta_sql_column(statement, COLUMN_EXTENTS);
    row->attributes = meta_sql_column(statement, COLUMN_ATTRIBUTES);
    row->upload_id = meta_sql_column(statement, COLUMN_UPLOAD_ID);
    row->parts = meta_sql_column(statement, COLUMN_PARTS);
    if ((err = arena_copy(&writer->arena, &row->owner)) != 0 ||
        (err = arena_copy(&writer->arena, &row->extents)) != 0 ||
        (err = arena_copy(&writer->arena, &row->attributes)) != 0 ||
        (err = arena_copy(&writer->arena, &row->upload_id)) != 0 ||
        (err = arena_copy(&writer->arena, &row->parts)) != 0)
        return err;
    /* A damaged ETag matches nothing and a damaged checksum is none; the object can still be replaced and
     * deleted. */
    if (codec_etag_decode(meta_sql_column(statement, COLUMN_ETAG), row->etag) != 0)
        row->etag[0] = '\0';
    if (codec_checksum_decode(meta_sql_column(statement, COLUMN_CHECKSUM), &row->checksum) != 0)
        memset(&row->checksum, 0, sizeof(row->checksum));
    return 0;
}

int object_row_load(struct meta_writer *writer, int64_t bucket, struct meta_bytes key, struct object_row *row)
{
    sqlite3_stmt *statement = writer->sql.list[SQL_OBJECT_GET];

    meta_sql_int(statement, 1, bucket);
    meta_sql_blob(statement, 2, key);
    int found = meta_sql_row(statement);
    if (found <= 0)
        return found == 0 ? META_E_NO_KEY : found;
    int err = object_row_read(writer, statement, row);
    struct meta_bytes version = meta_sql_column(statement, COLUMN_VERSION);
    memset(&row->version, 0, sizeof(row->version));
    if (version.length == sizeof(row->version))
        memcpy(&row->version, version.data, version.length);
    meta_sql_reset(statement);
    return err;
}

static bool etag_equals(const char *wanted, const char *etag)
{
    return etag[0] != '\0' && strcmp(wanted, etag) == 0;
}

int owner_check(const struct meta_bytes *owner, const struct object_row *current)
{
    if (owner == NULL || current == NULL)
        return 0;
    return owner->length > 0 && owner->length == current->owner.length &&
                   memcmp(owner->data, current->owner.data, owner->length) == 0
               ? 0
               : META_E_NOT_OWNER;
}

int condition_check(const struct meta_condition *condition, const struct object_row *current)
{
    int err;

    if (current == NULL)
        return condition->if_match_any || condition->if_match != NULL ? META_E_NO_KEY : 0;
    if ((err = owner_check(condition->owner, current)) != 0)
        return err;
    if (condition->if_match != NULL && !etag_equals(condition->if_match, current->etag))
        return META_E_PRECONDITION;
    if (condition->if_none_match_any)
        return META_E_PRECONDITION;
    if (condition->if_none_match != NULL && etag_equals(condition->if_none_match, current->etag))
        return META_E_PRECONDITION;
    return 0;
}

int object_row_write(struct meta_writer *writer, enum meta_sql_id id, int64_t bucket, struct meta_bytes key,
                     const struct object_row *row)
{
    bool is_null = meta_version_is_null(&row->version);
    sqlite3_stmt *statement = writer->sql.list[id];
    unsigned char etag[CODEC_ETAG_BYTES_MAX], checksum[CODEC_CHECKSUM_BYTES_MAX];

    meta_sql_int(statement, 1, bucket);
    meta_sql_blob(statement, 2, key);
    meta_sql_int(statement, 3, (int64_t)row->size);
    meta_sql_int(statement, 4, row->modified_ms);
    meta_sql_blob(statement, 5, (struct meta_bytes){etag, codec_etag_encode(etag, row->etag)});
    meta_sql_blob_or_null(statement, 6,
                          (struct meta_bytes){checksum, codec_checksum_encode(checksum, &row->checksum)});
    meta_sql_blob_or_null(statement, 7, row->owner);
    meta_sql_blob_or_null(statement, 8, row->extents);
    meta_sql_blob_or_null(statement, 9, row->attributes);
    meta_sql_blob_or_null(statement, 10, row->upload_id);
    meta_sql_blob_or_null(statement, 11, row->parts);
    meta_sql_blob_or_null(statement, 12,
                          (struct meta_bytes){row->version.bytes, is_null ? 0 : META_VERSION_ID_BYTES});
    int err = meta_sql_run(statement);
    return err != 0 ? err : sqlite3_changes(writer->db) > 0;
}

int references_take(struct meta_writer *writer, struct meta_bytes extents, enum references_source source)
{
    switch (source) {
    case REFERENCES_NEW:
        return references_add(writer, extents);
    case REFERENCES_SHARED:
        return references_raise(writer, extents);
    case REFERENCES_MOVED:
        break;
    }
    return 0;
}

/* A bucket with versioning keeps what is replaced. */
static int object_row_store_version(struct meta_writer *writer, int64_t bucket, struct meta_bytes key,
                                    struct object_row *row, const struct meta_condition *condition,
                                    enum references_source source)
{
    struct object_row current;
    int err = object_row_load(writer, bucket, key, &current);
    const struct object_row *there = err == 0 ? &current : NULL;

    if (err != 0 && err != META_E_NO_KEY)
        return err;
    if ((err = condition_check(condition, there)) != 0)
        return err;
    return version_store(writer, bucket, key, row, there, source);
}

int object_row_store(struct meta_writer *writer, int64_t bucket, struct meta_bytes key,
                     struct object_row *row, const struct meta_condition *condition,
                     enum references_source source)
{
    struct object_row current;
    int err;

    if (writer_bucket_versioning(writer, bucket) != META_VERSIONING_NEVER)
        return object_row_store_version(writer, bucket, key, row, condition, source);
    memset(&row->version, 0, sizeof(row->version));
    /* Most keys are new: insert first, and look only when the key is taken. A condition that wants an object
     * there must look first. */
    if (!condition->if_match_any && condition->if_match == NULL) {
        int inserted = object_row_write(writer, SQL_OBJECT_INSERT, bucket, key, row);
        if (inserted != 0)
            return inserted > 0 ? references_take(writer, row->extents, source) : inserted;
    }
    if ((err = object_row_load(writer, bucket, key, &current)) != 0)
        return err;
    if ((err = condition_check(condition, &current)) != 0)
        return err;
    int kept = replaced_keep(writer, bucket, key);
    if (kept < 0)
        return kept;
    int updated = object_row_write(writer, SQL_OBJECT_UPDATE, bucket, key, row);
    if (updated <= 0)
        return updated == 0 ? META_E_CORRUPT : updated;
    if ((err = references_take(writer, row->extents, source)) != 0)
        return err;
    return kept ? 0 : references_drop(writer, current.extents);
}

int key_check(struct meta_bytes key)
{
    return key.length > 0 && key.length <= META_KEY_BYTES_MAX ? 0 : -EINVAL;
}

/* Written so that nothing overflows. */
static bool extent_is_valid(const struct meta_extent *extent)
{
    if (extent->length == 0 || extent->unit_length > INT64_MAX ||
        extent->unit_offset > (uint64_t)INT64_MAX - extent->unit_length ||
        extent->offset < extent->unit_offset)
        return false;
    uint64_t in_unit = extent->offset - extent->unit_offset;
    return in_unit <= extent->unit_length && extent->length <= extent->unit_length - in_unit;
}

int extents_pack(struct meta_writer *writer, const struct meta_extents *extents, uint64_t size,
                 struct meta_bytes *bytes)
{
    uint64_t left = size;

    if (extents->count > META_EXTENTS_MAX)
        return META_E_EXTENTS;
    if (size > INT64_MAX)
        return -EINVAL;
    for (uint32_t i = 0; i < extents->count; i++) {
        if (!extent_is_valid(&extents->list[i]) || extents->list[i].length > left)
            return -EINVAL;
        left -= extents->list[i].length;
    }
    if (left != 0)
        return -EINVAL;
    unsigned char *out = arena_alloc(&writer->arena, codec_extents_bound(extents->count));
    if (out == NULL)
        return -ENOMEM;
    *bytes = (struct meta_bytes){out, codec_extents_encode(out, extents->list, extents->count)};
    return 0;
}

int attributes_pack(struct meta_writer *writer, const struct meta_attributes *attributes,
                    struct meta_bytes *bytes)
{
    unsigned char *out = arena_alloc(&writer->arena, codec_attributes_bound(attributes));

    if (out == NULL)
        return -ENOMEM;
    *bytes = (struct meta_bytes){out, codec_attributes_encode(out, attributes)};
    return bytes->length <= META_ATTRIBUTES_BYTES_MAX + META_ANNOTATIONS_BYTES_MAX ? 0 : -E2BIG;
}

/* HTTP dates have whole seconds, so a time with milliseconds must not look newer than itself. */
static int64_t whole_seconds(int64_t ms)
{
    return ms / 1000 - (ms % 1000 < 0);
}

int copy_source_check(const struct meta_copy_source *source, const struct object_row *row)
{
    int64_t modified = whole_seconds(row->modified_ms);

    /* A true If-Match makes a false If-Unmodified-Since not matter, a false If-None-Match makes a true
     * If-Modified-Since not matter: the date counts only where no ETag was given. */
    if (source->if_match != NULL) {
        if (strcmp(source->if_match, "*") != 0 && !etag_equals(source->if_match, row->etag))
            return META_E_PRECONDITION;
    } else if (source->if_unmodified_since_ms != INT64_MIN &&
               modified > whole_seconds(source->if_unmodified_since_ms)) {
        return META_E_PRECONDITION;
    }
    if (source->if_none_match != NULL) {
        if (strcmp(source->if_none_match, "*") == 0 || etag_equals(source->if_none_match, row->etag))
            return META_E_PRECONDITION;
    } else if (source->if_modified_since_ms != INT64_MIN &&
               modified <= whole_seconds(source->if_modified_since_ms)) {
        return META_E_PRECONDITION;
    }
    return 0;
}

int copy_source_load(struct meta_writer *writer, const struct meta_copy_source *source,
                     struct object_row *row)
{
    int err;

    if (!writer_has_bucket(writer, source->bucket))
        return META_E_NO_BUCKET;
    err = source->version != NULL ? version_load(writer, source->bucket, source->key, source->version, row)
                                  : object_row_load(writer, source->bucket, source->key, row);
    return err != 0 ? err : copy_source_check(source, row);
}
