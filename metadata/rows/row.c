/* SPDX-License-Identifier: MIT
 *
 * Loading and storing rows of `object`, and the checks that every change of one goes through: keys, extents,
 * conditions. Committer's thread. */
#include "metadata/write/writer.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

int object_row_load(struct meta_writer *writer, int64_t bucket, struct slice key, struct object_row *row)
{
    int found = row_object_get(writer->store, &writer->arena, bucket, key, row);

    assert(row != NULL);
    return found > 0 ? 0 : found == 0 ? META_E_NO_KEY : found;
}

static bool etag_equals(const char *wanted, const char *etag)
{
    assert(wanted != NULL);
    return etag[0] != '\0' && strcmp(wanted, etag) == 0;
}

int owner_check(const struct slice *owner, const struct object_row *current)
{
    if (owner == NULL || current == NULL)
        return 0;
    return owner->len > 0 && slice_equals(*owner, current->owner) ? 0 : META_E_NOT_OWNER;
}

int judged_check(const struct meta_judged *judged, const struct object_row *row)
{
    if (judged == NULL)
        return 0;
    if (judged->absent || row == NULL)
        return judged->absent && row == NULL ? 0 : META_E_JUDGED;
    if ((judged->parts & META_JUDGED_OWNER) != 0 && !slice_equals(judged->owner, row->owner))
        return META_E_JUDGED;
    if ((judged->parts & META_JUDGED_ACL) != 0 &&
        !slice_equals(judged->acl, codec_attributes_find(row->attributes, META_ATTRIBUTE_ACL)))
        return META_E_JUDGED;
    if ((judged->parts & META_JUDGED_TAGS) != 0 &&
        !slice_equals(judged->tags, codec_attributes_find(row->attributes, META_ATTRIBUTE_TAGS)))
        return META_E_JUDGED;
    return 0;
}

int judged_row_load(struct meta_writer *writer, int64_t bucket, struct slice key,
                    const struct meta_version_id *version, const struct meta_judged *judged,
                    struct object_row *row)
{
    int err = version != NULL ? version_load(writer, bucket, key, version, row)
                              : object_row_load(writer, bucket, key, row);

    if (err != 0 && err != META_E_NO_KEY && err != META_E_NO_VERSION && err != META_E_DELETE_MARKER)
        return err;
    return judged_check(judged, err == 0 ? row : NULL) != 0 ? META_E_JUDGED : err;
}

int condition_check(const struct meta_condition *condition, const struct object_row *current)
{
    int err;

    if (judged_check(condition->judged, current) != 0)
        return META_E_JUDGED;
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

int references_take(struct meta_writer *writer, const struct object_row *row, enum references_source source)
{
    int err = 0;

    assert(source <= REFERENCES_MOVED);
    switch (source) {
    case REFERENCES_NEW:
        assert(row->annotations == 0);
        return references_add(writer, row->extents);
    case REFERENCES_SHARED:
        err = references_raise(writer, row->extents);
        return err != 0 ? err : annotations_raise(writer, row->annotations);
    case REFERENCES_MOVED:
        break;
    }
    return err;
}

int references_give_up(struct meta_writer *writer, const struct object_row *row)
{
    int err = references_drop(writer, row->extents);

    return err != 0 ? err : annotations_drop(writer, row->annotations);
}

/* A bucket with versioning keeps what is replaced. */
static int object_row_store_version(struct meta_writer *writer, int64_t bucket, struct slice key,
                                    struct object_row *row, const struct meta_condition *condition,
                                    enum references_source source)
{
    struct object_row current;
    int err = object_row_load(writer, bucket, key, &current);
    const struct object_row *there = err == 0 ? &current : NULL;

    assert(writer_bucket_versioning(writer, bucket) != META_VERSIONING_NEVER);
    if (err != 0 && err != META_E_NO_KEY)
        return err;
    if ((err = condition_check(condition, there)) != 0 ||
        (err = bounds_check(writer, bucket, row, there)) != 0)
        return err;
    return version_store(writer, bucket, key, row, there, source);
}

int object_row_store(struct meta_writer *writer, int64_t bucket, struct slice key, struct object_row *row,
                     const struct meta_condition *condition, enum references_source source)
{
    struct object_row current;
    int err;

    assert(writer_has_bucket(writer, bucket) && condition != NULL);
    if (writer_bucket_versioning(writer, bucket) != META_VERSIONING_NEVER)
        return object_row_store_version(writer, bucket, key, row, condition, source);
    memset(&row->version, 0, sizeof(row->version));
    if ((err = bounds_check(writer, bucket, row, NULL)) != 0)
        return err;
    /* Most keys are new: insert first, and look only when the key is taken. A condition that wants an object
     * there must look first. */
    if (!condition->if_match_any && condition->if_match == NULL &&
        (condition->judged == NULL || condition->judged->absent)) {
        int inserted = row_object_put(writer->store, NULL, bucket, key, row);
        if (inserted != 0)
            return inserted > 0 ? references_take(writer, row, source) : inserted;
    }
    if ((err = judged_row_load(writer, bucket, key, NULL, condition->judged, &current)) != 0)
        return err;
    if ((err = condition_check(condition, &current)) != 0 ||
        (err = bounds_check(writer, bucket, row, &current)) != 0)
        return err;
    int kept = replaced_keep(writer, bucket, key);
    if (kept < 0)
        return kept;
    int updated = row_object_put(writer->store, &current, bucket, key, row);
    if (updated <= 0)
        return updated == 0 ? META_E_CORRUPT : updated;
    if ((err = references_take(writer, row, source)) != 0)
        return err;
    return kept ? 0 : references_give_up(writer, &current);
}

int key_check(struct slice key)
{
    return key.len > 0 && key.len <= META_KEY_BYTES_MAX ? 0 : -EINVAL;
}

/* Written so that nothing overflows. */
static bool extent_is_valid(const struct meta_extent *extent)
{
    if (extent->length == 0 || extent->unit_length > INT64_MAX ||
        extent->unit_offset > (uint64_t)INT64_MAX - extent->unit_length ||
        extent->offset < extent->unit_offset || meta_extent_size(extent) == 0 ||
        (extent->is_sealed && extent->length != extent->unit_length))
        return false;
    uint64_t in_unit = extent->offset - extent->unit_offset;
    return in_unit <= extent->unit_length && extent->length <= extent->unit_length - in_unit;
}

int extents_pack(struct meta_writer *writer, const struct meta_extents *extents, uint64_t size,
                 struct slice *bytes)
{
    uint64_t left = size;

    assert(extents->list != NULL || extents->count == 0);
    if (extents->count > META_EXTENTS_MAX)
        return META_E_EXTENTS;
    if (size > INT64_MAX)
        return -EINVAL;
    for (uint32_t i = 0; i < extents->count; i++) {
        if (!extent_is_valid(&extents->list[i]) || meta_extent_size(&extents->list[i]) > left)
            return -EINVAL;
        left -= meta_extent_size(&extents->list[i]);
    }
    if (left != 0)
        return -EINVAL;
    unsigned char *out = arena_alloc(&writer->arena, codec_extents_bound(extents->count));
    if (out == NULL)
        return -ENOMEM;
    *bytes = slice_of(out, codec_extents_encode(out, extents->list, extents->count));
    return 0;
}

int attributes_pack(struct meta_writer *writer, const struct meta_attributes *attributes, struct slice *bytes)
{
    unsigned char *out = arena_alloc(&writer->arena, codec_attributes_bound(attributes));

    assert(attributes->list != NULL || attributes->count == 0);
    if (out == NULL)
        return -ENOMEM;
    *bytes = slice_of(out, codec_attributes_encode(out, attributes));
    return bytes->len <= META_ATTRIBUTES_BYTES_MAX + META_LABELS_BYTES_MAX ? 0 : -E2BIG;
}

/* HTTP dates have whole seconds, so a time with milliseconds must not look newer than itself. */
static int64_t whole_seconds(int64_t ms)
{
    return ms / 1000 - (ms % 1000 < 0);
}

int copy_source_check(const struct meta_copy_source *source, const struct object_row *row)
{
    int64_t modified = whole_seconds(row->modified_ms);

    assert(source != NULL && row != NULL);
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
    return source->seen_etag == NULL || etag_equals(source->seen_etag, row->etag) ? 0 : META_E_CHANGED;
}

int copy_source_load(struct meta_writer *writer, const struct meta_copy_source *source,
                     struct object_row *row)
{
    int err;

    assert(row != NULL);
    if (!writer_has_bucket(writer, source->bucket))
        return META_E_NO_BUCKET;
    err = judged_row_load(writer, source->bucket, source->key, source->version, source->judged, row);
    return err != 0 ? err : copy_source_check(source, row);
}
