/* SPDX-License-Identifier: MIT
 *
 * Sets of annotations. Annotations are named bytes beside an object. A row of `object`, `version` or `replaced` names its set, and each set
 * counts the rows that name it:
 *
 *   first annotation    a new set, refs 1
 *   copy, or a longer version of the object   refs + 1: both have the same set, and no annotation is touched
 *   annotation put or deleted where refs > 1  the object gets a set of its own first, with the same annotations and references to their units
 *   overwrite, delete   refs - 1; at 0 the annotations are cleared away, as many as the transaction has room for, the rest by the sweep
 *
 * Rows that move between tables, and renames, take their set along without any of that. Committer's thread. */
#include "metadata/write/writer.h"

#include <assert.h>

/* ---- Counting ---- */

/* The set that a row names; one that is not there is damage. */
static int set_load(struct meta_writer *writer, int64_t id, struct annotation_set *set)
{
    int found = row_annotation_set_get(writer->store, id, set);

    assert(id != 0);
    return found > 0 ? 0 : found == 0 ? META_E_CORRUPT : found;
}

int annotations_raise(struct meta_writer *writer, int64_t id)
{
    struct annotation_set set;
    int err;

    if (id == 0)
        return 0;
    if ((err = set_load(writer, id, &set)) != 0)
        return err;
    set.refs++;
    return row_annotation_set_put(writer->store, &set);
}

struct clearing {
    struct meta_writer *writer;
    bool any;
    struct slice last; /* the name that was cleared last, in the arena, for a damaged one may be long */
};

/* Stops where the transaction has no more room. */
static int on_cleared(void *ctx, struct slice name, struct slice extents)
{
    struct clearing *clearing = ctx;
    struct meta_writer *writer = clearing->writer;

    if (writer->clear_left == 0)
        return 1;
    writer->clear_left--;
    clearing->any = true;
    clearing->last = name;
    int err = arena_copy(&writer->arena, &clearing->last);
    return err != 0 ? err : references_drop(writer, extents);
}

/* Clears away annotations of a set that nobody has, and at last the set: 1 when some are left, 0, or an error. */
static int set_clear(struct meta_writer *writer, int64_t id)
{
    struct clearing clearing = {.writer = writer};
    int err = 0, more = row_annotation_walk(writer->store, id, on_cleared, &clearing);

    if (more < 0)
        return more;
    if (clearing.any)
        err = row_annotations_delete(writer->store, id, clearing.last);
    if (err == 0 && more == 0)
        err = row_annotation_set_delete(writer->store, id);
    return err != 0 ? err : more;
}

int annotations_drop(struct meta_writer *writer, int64_t id)
{
    struct annotation_set set;
    int err, found;

    if (id == 0)
        return 0;
    if ((found = row_annotation_set_get(writer->store, id, &set)) < 0)
        return found;
    if (found == 0 || set.refs <= 0) { /* an object that is damaged can be deleted, too */
        meta_log(writer->meta, LOG_LEVEL_ERROR, "a set of annotations was named but not counted");
        return 0;
    }
    set.refs--;
    if ((err = row_annotation_set_put(writer->store, &set)) != 0 || set.refs > 0)
        return err;
    int more = set_clear(writer, id);
    return more < 0 ? more : 0;
}

int annotations_sweep(struct meta_writer *writer)
{
    struct annotation_set set;
    int found = row_annotation_set_get(writer->store, 0, &set);

    if (found <= 0)
        return found;
    found = set_clear(writer, set.id);
    writer->clear_left -= writer->clear_left > 0; /* a set may be empty */
    return found < 0 ? found : 1;
}

/* ---- A set of one's own ---- */

static int on_shared(void *ctx, struct slice name, struct slice extents)
{
    return references_raise(ctx, extents);
}

static int set_make(struct meta_writer *writer, struct annotation_set *set)
{
    if (writer->annotation_set == INT64_MAX)
        return META_E_CORRUPT; /* nobody has counted so far */
    *set = (struct annotation_set){.id = ++writer->annotation_set, .refs = 1};
    return row_annotation_set_put(writer->store, set);
}

/* Another set with the same annotations, in the place of one that others have, too. */
static int set_part(struct meta_writer *writer, struct annotation_set *set)
{
    struct annotation_set shared = *set;
    int err;

    assert(shared.refs > 1);
    shared.refs--;
    if ((err = row_annotation_set_put(writer->store, &shared)) != 0 || (err = set_make(writer, set)) != 0 ||
        (err = row_annotations_copy(writer->store, shared.id, set->id)) != 0)
        return err;
    set->count = shared.count;
    set->bytes = shared.bytes;
    return row_annotation_walk(writer->store, set->id, on_shared, writer);
}

int annotations_own(struct meta_writer *writer, int64_t id, struct annotation_set *set)
{
    int err = id != 0 ? set_load(writer, id, set) : set_make(writer, set);

    return err == 0 && set->refs > 1 ? set_part(writer, set) : err;
}

/* ---- One of a set ---- */

bool annotation_name_is_valid(struct slice name)
{
    return name.len > 0 && name.len <= META_ANNOTATION_NAME_BYTES_MAX;
}

int annotation_find(struct meta_writer *writer, int64_t set, struct slice name, struct slice *extents,
                    int64_t *bytes)
{
    *extents = (struct slice){NULL, 0};
    *bytes = 0;
    return set != 0 ? row_annotation_get(writer->store, &writer->arena, set, name, extents, bytes) : 0;
}

void annotation_set_shrink(struct annotation_set *set, int64_t bytes)
{
    set->count -= set->count > 0;
    set->bytes -= bytes < set->bytes ? bytes : set->bytes;
}

int annotation_lose(struct meta_writer *writer, int64_t id, struct slice name)
{
    struct annotation_set set;
    struct slice extents;
    int64_t bytes;
    int err, found;

    if ((found = annotation_find(writer, id, name, &extents, &bytes)) <= 0)
        return found;
    if ((err = row_annotation_delete(writer->store, id, name)) != 0)
        return err;
    if ((found = row_annotation_set_get(writer->store, id, &set)) > 0) {
        annotation_set_shrink(&set, bytes);
        found = row_annotation_set_put(writer->store, &set);
    }
    return found < 0 ? found : references_drop(writer, extents);
}
