/* SPDX-License-Identifier: MIT
 *
 * Versions of objects. `object` holds a key's current object, `version` all older ones, newest first,
 * and delete markers. A key whose newest version is a delete marker has no row in `object`.
 *
 *   put     the current row moves to `version`, the new one takes its place
 *   delete  the current row moves to `version`, a delete marker is put before it
 *   delete by version  the row goes; if it was the newest, the next one moves to `object` or is a marker again
 *
 * Rows move between the tables as they are, and their references with them. While versioning is suspended, puts
 * and deletes make the null version, and the null version there was is given up.
 *
 * Committer's thread. Reading is done in read_versions.c. */
#include "metadata/write/writer.h"

#include <assert.h>
#include <string.h>

/* Bits below the milliseconds: versions that one millisecond has room for before ids run ahead of the clock. */
#define SEQUENCE_COUNT_BITS 16

/* ---- Ids ---- */

/* An id is a sequence number, inverted so that newer ones sort first, and random bytes, so that ids of
 * different keys and stores do not look alike. */
uint64_t version_sequence(const struct meta_version_id *id)
{
    uint64_t inverted = 0;

    for (int i = 0; i < 8; i++)
        inverted = inverted << 8 | id->bytes[i];
    return ~inverted;
}

uint64_t version_sequence_at(int64_t ms)
{
    assert(ms >= 0);
    return (uint64_t)ms << SEQUENCE_COUNT_BITS;
}

bool version_sequence_is_last(uint64_t sequence)
{
    return sequence >= UINT64_MAX - UINT16_MAX;
}

void version_place(struct meta_version_id *id, uint64_t sequence)
{
    for (int i = 0; i < (int)META_VERSION_PLACE_BYTES; i++)
        id->bytes[i] = (unsigned char)(~sequence >> (56 - 8 * i));
}

/* The same each time the same batch is run (the journal relies on it), and another for each id. */
static uint64_t id_random(struct meta_writer *writer)
{
    uint64_t mixed = writer->version_seed += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

/* newest: of the key, which the new one must sort before whatever the clock says; NULL: there is none. */
static void id_make(struct meta_writer *writer, const struct meta_version_id *newest,
                    struct meta_version_id *id)
{
    uint64_t sequence = (uint64_t)writer->now_ms << SEQUENCE_COUNT_BITS;

    if (sequence <= writer->version_sequence)
        sequence = writer->version_sequence + 1;
    writer->version_sequence = sequence;
    if (newest != NULL && sequence <= version_sequence(newest))
        sequence = version_sequence(newest) + 1;
    memset(id, 0, sizeof(*id));
    version_place(id, sequence);
    uint64_t random = id_random(writer);
    _Static_assert(META_VERSION_ID_BYTES == 8 + sizeof(random), "an id is a sequence and a random number");
    memcpy(id->bytes + 8, &random, sizeof(random));
    /* Newer ones sort before older ones; a damaged one may have no room before it. */
    assert(newest == NULL || version_sequence(newest) == UINT64_MAX || memcmp(id, newest, sizeof(*id)) < 0);
}

/* ---- Any version ---- */

int version_load(struct meta_writer *writer, int64_t bucket, struct slice key,
                 const struct meta_version_id *version, struct object_row *row)
{
    struct version_row found;
    int err = object_row_load(writer, bucket, key, row);

    assert(version != NULL);
    if (err != META_E_NO_KEY && (err != 0 || meta_version_matches(&row->version, version)))
        return err;
    int there = row_version_get(writer->store, &writer->arena, bucket, key, version, &found);
    if (there <= 0)
        return there == 0 ? META_E_NO_VERSION : there;
    *row = found.object;
    return found.is_marker ? META_E_DELETE_MARKER : 0;
}

int version_find(struct meta_writer *writer, int64_t bucket, struct slice key,
                 const struct meta_version_id *version, struct meta_version_id *id,
                 const struct meta_version_id **place)
{
    struct object_row current;
    struct version_row row;
    int err = object_row_load(writer, bucket, key, &current);

    assert(version != NULL);
    *place = NULL;
    if (err == 0 && meta_version_matches(&current.version, version))
        return 0;
    if (err != 0 && err != META_E_NO_KEY)
        return err;
    int found = row_version_get(writer->store, &writer->arena, bucket, key, version, &row);
    if (found <= 0)
        return found == 0 ? META_E_NO_VERSION : found;
    *id = row.id;
    *place = id;
    return 0;
}

int version_set_attributes(struct meta_writer *writer, int64_t bucket, struct slice key,
                           const struct meta_version_id *version, struct slice attributes)
{
    const struct meta_version_id *place;
    struct meta_version_id id;
    int err = version_find(writer, bucket, key, version, &id, &place);

    return err != 0 ? err : row_attributes_put(writer->store, bucket, key, place, attributes);
}

int version_name_annotations(struct meta_writer *writer, int64_t bucket, struct slice key,
                             const struct meta_version_id *version, int64_t set)
{
    const struct meta_version_id *place = NULL;
    struct meta_version_id id;
    int err = version != NULL ? version_find(writer, bucket, key, version, &id, &place) : 0;

    return err != 0 ? err : row_annotations_name(writer->store, bucket, key, place, set);
}

/* ---- What was current becomes noncurrent ---- */

/* Copies the current object's row to `version`; the row itself is the caller's to replace or delete. *newest
 * gets its place. given: where a null version goes; NULL: a new place. */
static int object_archive(struct meta_writer *writer, int64_t bucket, struct slice key,
                          const struct object_row *current, const struct version_given *given,
                          struct meta_version_id *newest)
{
    assert(current != NULL);
    if (meta_version_is_null(&current->version) && given != NULL) {
        *newest = given->place;
    } else if (meta_version_is_null(&current->version)) {
        struct version_row last; /* the null version has no place of its own as long as it is current */
        int found = row_version_get(writer->store, &writer->arena, bucket, key, NULL, &last);
        if (found < 0)
            return found;
        id_make(writer, found > 0 ? &last.id : NULL, newest);
    } else {
        *newest = current->version;
    }
    return row_version_archive(writer->store, bucket, key, newest, current, writer->now_ms);
}

/* Makes what is current noncurrent, be it an object or a delete marker. *newest gets the place of the newest
 * row in `version`; false in *any: there is none. */
static int current_retire(struct meta_writer *writer, int64_t bucket, struct slice key,
                          const struct object_row *current, const struct version_given *given,
                          struct meta_version_id *newest, bool *any)
{
    struct version_row last;

    *any = true;
    if (current != NULL)
        return object_archive(writer, bucket, key, current, given, newest);
    int found = row_version_get(writer->store, &writer->arena, bucket, key, NULL, &last);
    *any = found > 0;
    if (found <= 0)
        return found;
    *newest = last.id;
    if (!last.is_current)
        return 0;
    return row_version_set_noncurrent(writer->store, bucket, key, &last.id, &writer->now_ms);
}

/* Removes the null version where it is not the current object; *freed holds the references it held. */
static int null_remove(struct meta_writer *writer, int64_t bucket, struct slice key, struct object_row *freed)
{
    static const struct meta_version_id null_id;
    struct version_row row;
    int found = row_version_get(writer->store, &writer->arena, bucket, key, &null_id, &row);

    *freed = (struct object_row){0};
    if (found <= 0)
        return found;
    *freed = row.object;
    return row_version_delete(writer->store, bucket, key, &row);
}

/* ---- Put ---- */

static int row_replace(struct meta_writer *writer, int64_t bucket, struct slice key,
                       const struct object_row *row, const struct object_row *current)
{
    int written = row_object_put(writer->store, current, bucket, key, row);

    return written == 0 ? META_E_CORRUPT : written < 0 ? written : 0;
}

static int store_enabled(struct meta_writer *writer, int64_t bucket, struct slice key, struct object_row *row,
                         const struct object_row *current, enum references_source source,
                         const struct version_given *given)
{
    struct meta_version_id newest;
    bool any;
    int err;

    assert(writer_bucket_versioning(writer, bucket) == META_VERSIONING_ENABLED);
    if ((err = current_retire(writer, bucket, key, current, given, &newest, &any)) != 0)
        return err;
    if (given != NULL)
        row->version = given->id;
    else
        id_make(writer, any ? &newest : NULL, &row->version);
    if ((err = row_replace(writer, bucket, key, row, current)) != 0)
        return err;
    return references_take(writer, row, source);
}

static int store_suspended(struct meta_writer *writer, int64_t bucket, struct slice key,
                           struct object_row *row, const struct object_row *current,
                           enum references_source source)
{
    bool replaces = current != NULL && meta_version_is_null(&current->version);
    struct object_row freed = {0};
    struct meta_version_id newest;
    bool any;
    int err = 0, kept = 0;

    assert(writer_bucket_versioning(writer, bucket) != META_VERSIONING_ENABLED);
    memset(&row->version, 0, sizeof(row->version));
    if (replaces && (kept = replaced_keep(writer, bucket, key)) < 0)
        return kept;
    if (replaces && kept == 0)
        freed = *current;
    if (!replaces && (err = null_remove(writer, bucket, key, &freed)) == 0)
        err = current_retire(writer, bucket, key, current, NULL, &newest, &any);
    if (err != 0 || (err = row_replace(writer, bucket, key, row, current)) != 0 ||
        (err = references_take(writer, row, source)) != 0)
        return err;
    assert(meta_version_is_null(&row->version));
    return references_give_up(writer, &freed); /* last: both may name the same units */
}

int version_store_given(struct meta_writer *writer, int64_t bucket, struct slice key, struct object_row *row,
                        const struct object_row *current, enum references_source source,
                        const struct version_given *given)
{
    return writer_bucket_versioning(writer, bucket) == META_VERSIONING_ENABLED
               ? store_enabled(writer, bucket, key, row, current, source, given)
               : store_suspended(writer, bucket, key, row, current, source);
}

int version_store(struct meta_writer *writer, int64_t bucket, struct slice key, struct object_row *row,
                  const struct object_row *current, enum references_source source)
{
    return version_store_given(writer, bucket, key, row, current, source, NULL);
}

int version_give(struct meta_writer *writer, int64_t bucket, struct slice key,
                 const struct object_row *current, struct version_given *given)
{
    struct version_row last;
    int found = row_version_get(writer->store, &writer->arena, bucket, key, NULL, &last);

    if (found < 0)
        return found;
    if (current != NULL && !meta_version_is_null(&current->version))
        id_make(writer, &current->version, &given->place);
    else
        id_make(writer, found > 0 ? &last.id : NULL, &given->place);
    id_make(writer, &given->place, &given->id);
    return 0;
}

/* ---- Delete ---- */

int version_delete_current(struct meta_writer *writer, int64_t bucket, struct meta_delete_entry *entry,
                           const struct object_row *current, struct slice owner,
                           const struct version_given *given)
{
    bool suspended = writer_bucket_versioning(writer, bucket) == META_VERSIONING_SUSPENDED;
    bool replaces = suspended && current != NULL && meta_version_is_null(&current->version);
    struct meta_version_id newest, id;
    struct object_row freed = {0};
    bool any;
    int err;

    assert(entry->version == NULL);
    assert(writer_bucket_versioning(writer, bucket) != META_VERSIONING_NEVER);
    if ((err = key_check(entry->key)) != 0)
        return err;
    entry->existed = current != NULL;
    if (replaces)
        freed = *current;
    else if (suspended)
        err = null_remove(writer, bucket, entry->key, &freed);
    if (err != 0)
        return err;
    if ((err = current_retire(writer, bucket, entry->key, replaces ? NULL : current, given, &newest, &any)) !=
            0 ||
        (current != NULL && (err = row_object_delete(writer->store, bucket, entry->key, current)) != 0) ||
        (err = references_give_up(writer, &freed)) != 0)
        return err;
    if (given != NULL)
        id = given->id;
    else
        id_make(writer, any ? &newest : NULL, &id);
    if ((err = row_marker_put(writer->store, bucket, entry->key, &id, suspended, writer->now_ms, owner)) != 0)
        return err;
    entry->marker_added = true;
    memset(&entry->marker, 0, sizeof(entry->marker));
    if (!suspended)
        entry->marker = id;
    return 0;
}

/* The newest row of `version` becomes current: the key has no row in `object`. */
static int newest_promote(struct meta_writer *writer, int64_t bucket, struct slice key)
{
    struct version_row newest;
    int found = row_version_get(writer->store, &writer->arena, bucket, key, NULL, &newest);

    if (found <= 0)
        return found;
    return newest.is_marker ? row_version_set_noncurrent(writer->store, bucket, key, &newest.id, NULL)
                            : row_version_restore(writer->store, bucket, key, &newest.id);
}

int version_promote(struct meta_writer *writer, int64_t bucket, struct slice key)
{
    struct version_row newest;
    int found = row_version_get(writer->store, &writer->arena, bucket, key, NULL, &newest);

    if (found <= 0)
        return found;
    int err = newest_promote(writer, bucket, key);
    return err != 0 ? err : !newest.is_marker;
}

int version_delete(struct meta_writer *writer, int64_t bucket, struct meta_delete_entry *entry,
                   const struct object_row *current)
{
    struct version_row row;
    int err;

    assert(entry->version != NULL);
    if (current != NULL && meta_version_matches(&current->version, entry->version)) {
        if (row_is_locked(writer, current, entry->bypass_governance)) {
            entry->result = META_E_LOCKED;
            return 0;
        }
        entry->existed = true;
        if ((err = row_object_delete(writer->store, bucket, entry->key, current)) != 0 ||
            (err = newest_promote(writer, bucket, entry->key)) != 0)
            return err;
        return references_give_up(writer, current);
    }
    int found = row_version_get(writer->store, &writer->arena, bucket, entry->key, entry->version, &row);
    if (found <= 0)
        return found;
    if (row_is_locked(writer, &row.object, entry->bypass_governance)) {
        entry->result = META_E_LOCKED;
        return 0;
    }
    entry->existed = true;
    entry->marker_removed = row.is_marker;
    if ((err = row_version_delete(writer->store, bucket, entry->key, &row)) != 0 ||
        (row.is_current && (err = newest_promote(writer, bucket, entry->key)) != 0))
        return err;
    return references_give_up(writer, &row.object);
}

/* ---- Guards ---- */

static bool tags_are(const struct object_row *row, const struct slice *tags)
{
    return slice_equals(codec_attributes_find(row->attributes, META_ATTRIBUTE_TAGS), *tags);
}

int guard_check(struct meta_writer *writer, int64_t bucket, const struct meta_delete_entry *entry,
                const struct object_row *current, int *result)
{
    const struct meta_delete_guard *guard = entry->guard;
    struct version_row row;

    assert(guard != NULL && ((!guard->noncurrent && !guard->alone) || entry->version != NULL));
    *result = META_E_PRECONDITION;
    if (guard->used_ms != 0) {
        int64_t used_ms;
        int used = row_use_get(writer->store, bucket, entry->key, &used_ms);
        if (used <= 0 || used_ms != guard->used_ms)
            return used < 0 ? used : 0;
    }
    if (guard->modified_ms != 0 && (current == NULL || current->modified_ms != guard->modified_ms))
        return 0;
    if (!guard->noncurrent && !guard->alone) {
        if (guard->tags == NULL || (current != NULL && tags_are(current, guard->tags)))
            *result = 0;
        return 0;
    }
    int found = row_version_get(writer->store, &writer->arena, bucket, entry->key, entry->version, &row);
    if (found <= 0)
        return found;
    if ((guard->noncurrent && row.is_current) || (guard->tags != NULL && !tags_are(&row.object, guard->tags)))
        return 0;
    if (guard->alone) {
        int alone = row_version_is_alone(writer->store, bucket, entry->key);
        if (alone <= 0)
            return alone;
        if (!row.is_marker || current != NULL)
            return 0;
    }
    *result = 0;
    return 0;
}
