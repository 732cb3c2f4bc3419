/* SPDX-License-Identifier: MIT
 *
 * META_OP_OBJECT_IMPORT: a version of another store is put before those that the key has. Its place is that of its own time, or just before
 * the one that was the newest. Committer's thread. */
#include "metadata/meta_import.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "metadata/write/writer.h"

/* What the key has that is newest. */
struct import_before {
    struct object_row current;
    struct version_row last; /* the newest row of `version` */
    bool has_current, has_last;
};

static int before_load(struct meta_writer *writer, const struct meta_object_put *put,
                       struct import_before *before)
{
    int err = object_row_load(writer, put->bucket, put->key, &before->current);

    if (err != 0 && err != META_E_NO_KEY)
        return err;
    before->has_current = err == 0;
    int found = row_version_get(writer->store, &writer->arena, put->bucket, put->key, NULL, &before->last);
    before->has_last = found > 0;
    return found < 0 ? found : 0;
}

/* Whether it is there already: -EEXIST, or META_E_CHANGED where another null version is. */
static int check_absent(struct meta_writer *writer, const struct meta_object_import *op)
{
    const struct meta_object *object = &op->put.object;
    struct meta_version_id wanted = {0};
    struct object_row row;

    if (!op->is_null)
        wanted = op->has_id ? op->id : meta_version_named(op->name);
    int err = version_load(writer, op->put.bucket, op->put.key, &wanted, &row);
    if (err == META_E_NO_VERSION)
        return 0;
    if (err != 0 && err != META_E_DELETE_MARKER)
        return err;
    if (op->is_null &&
        ((err == META_E_DELETE_MARKER) != op->is_marker || row.modified_ms != object->modified_ms ||
         (!op->is_marker && strcmp(row.etag, object->etag) != 0)))
        return META_E_CHANGED;
    return -EEXIST;
}

static int check_bucket(struct meta_writer *writer, const struct meta_object_import *op)
{
    int is_cache;

    if (!writer_has_bucket(writer, op->put.bucket))
        return META_E_NO_BUCKET;
    if ((is_cache = row_tally_get(writer->store, op->put.bucket, NULL)) != 0)
        return is_cache < 0 ? is_cache : META_E_BUCKET_STATE;
    bool never = writer_bucket_versioning(writer, op->put.bucket) == META_VERSIONING_NEVER;
    return never && (op->is_marker || !op->is_null) ? META_E_BUCKET_STATE : 0;
}

/* What comes before all that is there is above it. */
static uint64_t newest_of(const struct import_before *before)
{
    uint64_t newest = before->has_last ? version_sequence(&before->last.id) : 0;

    if (before->has_current && !meta_version_is_null(&before->current.version))
        return version_sequence(&before->current.version);
    return before->has_current ? newest + 1
                               : newest; /* a null version needs a place of its own before ours */
}

/* 0; META_E_CHANGED: the key has something newer. */
static int place_choose(const struct meta_object_import *op, const struct import_before *before,
                        uint64_t *sequence)
{
    int64_t modified_ms = op->put.object.modified_ms;
    uint64_t newest = newest_of(before);

    if (op->has_id && !op->is_null) {
        *sequence = version_sequence(&op->id);
        return *sequence > newest ? 0 : META_E_CHANGED;
    }
    if (!op->has_id && ((before->has_current && before->current.modified_ms > modified_ms) ||
                        (before->has_last && before->last.object.modified_ms > modified_ms)))
        return META_E_CHANGED;
    *sequence = version_sequence_at(modified_ms);
    /* Its place elsewhere may have been lower than its time says, and those of later versions are kept: so the lowest will do. */
    if (op->has_id || *sequence <= newest)
        *sequence = newest + 1;
    return 0;
}

static struct meta_version_id place_at(uint64_t sequence)
{
    struct meta_version_id place = {0};

    version_place(&place, sequence);
    return place;
}

/* What was newest is so no longer. */
static int before_retire(struct meta_writer *writer, const struct meta_object_put *put,
                         const struct import_before *before, uint64_t sequence)
{
    const int64_t *noncurrent_ms = &put->object.modified_ms;

    if (before->has_current) {
        struct meta_version_id place =
            meta_version_is_null(&before->current.version) ? place_at(sequence - 1) : before->current.version;
        return row_version_archive(writer->store, put->bucket, put->key, &place, &before->current,
                                   *noncurrent_ms);
    }
    if (before->has_last && before->last.is_current)
        return row_version_set_noncurrent(writer->store, put->bucket, put->key, &before->last.id,
                                          noncurrent_ms);
    return 0;
}

static int marker_store(struct meta_writer *writer, const struct meta_object_import *op,
                        const struct import_before *before, const struct meta_version_id *id)
{
    const struct meta_object_put *put = &op->put;
    int err =
        before->has_current ? row_object_delete(writer->store, put->bucket, put->key, &before->current) : 0;

    return err != 0 ? err
                    : row_marker_put(writer->store, put->bucket, put->key, id, op->is_null,
                                     put->object.modified_ms, put->object.owner);
}

static int object_store(struct meta_writer *writer, struct meta_object_import *op,
                        const struct import_before *before, const struct meta_version_id *id)
{
    struct object_row row;
    int err = put_row_make(writer, &op->put, &row);

    if (err != 0)
        return err;
    if (!op->is_null)
        row.version = *id;
    err = row_object_put(writer->store, before->has_current ? &before->current : NULL, op->put.bucket,
                         op->put.key, &row);
    if (err <= 0)
        return err == 0 ? META_E_CORRUPT : err;
    op->put.object.version = row.version;
    return references_take(writer, &row, REFERENCES_NEW);
}

int op_object_import(struct meta_writer *writer, struct meta_object_import *op)
{
    struct meta_object *object = &op->put.object;
    struct import_before before;
    int err;

    assert(op->put.append == NULL);
    if (object->modified_ms <= 0 || object->modified_ms > META_IMPORT_MS_MAX)
        return -EINVAL;
    if ((err = key_check(op->put.key)) != 0 || (err = check_bucket(writer, op)) != 0 ||
        (err = check_absent(writer, op)) != 0 || (err = before_load(writer, &op->put, &before)) != 0)
        return err;
    uint64_t sequence;
    if ((err = place_choose(op, &before, &sequence)) != 0)
        return err;
    if (version_sequence_is_last(sequence))
        return -EINVAL;
    struct meta_version_id id = op->is_null  ? place_at(sequence)
                                : op->has_id ? op->id
                                             : meta_version_named(op->name);
    version_place(&id, sequence);
    if ((before.has_current || before.has_last) &&
        (err = before_retire(writer, &op->put, &before, sequence)) != 0)
        return err;
    return op->is_marker ? marker_store(writer, op, &before, &id) : object_store(writer, op, &before, &id);
}
