/* SPDX-License-Identifier: MIT
 *
 * Parts of multipart uploads, as readers see them: lists of them, and all of them put together beforehand for the change that
 * makes an object of them. The reader's thread. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/rows/assembly.h"
#include "metadata/rows/codec.h"
#include "metadata/read/read.h"

/* What is done with each part of a walk. visit: as in meta_part_list. */
struct part_walk {
    int (*visit)(void *ctx, const struct meta_part *part);
    void *ctx;
    struct assembly *assembly; /* takes the part in after the visit; or NULL */
};

static int part_walk_row(const struct part_walk *walk, struct query *row, uint32_t *number)
{
    struct part_row stored;
    struct meta_part part;
    int err;

    assert(walk->assembly == NULL || walk->assembly->wanted != NULL);
    query_part(row, &stored);
    if ((err = part_row_decode(&stored, &part)) != 0 || (err = walk->visit(walk->ctx, &part)) != 0)
        return err;
    *number = part.number;
    return walk->assembly == NULL ? 0
                                  : assembly_add(walk->assembly, &part, query_bytes(row, READ_PART_COLUMNS));
}

/* after: moves on with the parts that were seen. */
static int parts_walk(struct meta_reader *reader, enum read_id id, const unsigned char *upload_id,
                      uint32_t *after, uint32_t limit, const struct part_walk *walk, bool *truncated)
{
    struct query *statement = reader_query(reader, id);
    uint32_t visited = 0;
    int row = reader_begin(reader);

    assert(upload_id != NULL && walk->visit != NULL);
    *truncated = false;
    if (limit == 0 || row != 0)
        return row;
    query_bind(statement, 1, slice_of(upload_id, META_UPLOAD_ID_BYTES));
    query_bind_int(statement, 2, *after);
    query_bind_int(statement, 3, (int64_t)limit + 1);
    while ((row = query_row(statement)) > 0) {
        int stop = 0;
        if (visited++ == limit)
            *truncated = true;
        else
            stop = part_walk_row(walk, statement, after);
        if (stop != 0 || *truncated) {
            query_reset(statement);
            return stop;
        }
    }
    return row;
}

int meta_part_list(struct meta_reader *reader, const unsigned char upload_id[META_UPLOAD_ID_BYTES],
                   uint32_t after, uint32_t limit, int (*visit)(void *ctx, const struct meta_part *part),
                   void *ctx, bool *truncated)
{
    return parts_walk(reader, READ_PART_LIST, upload_id, &after, limit, &(struct part_walk){visit, ctx, NULL},
                      truncated);
}

/* ---- Put together ---- */

struct meta_assembly {
    struct meta_reader *reader;
    unsigned char upload_id[META_UPLOAD_ID_BYTES];
    uint64_t stamp; /* of the upload, from before its first part was read */
    bool is_stamped;
    uint32_t last; /* part that was read */
    struct arena arena;
    struct assembly assembly;
    struct assembled whole; /* once it is complete */
    bool is_complete;
};

int meta_assembly_create(struct meta_reader *reader, const unsigned char upload_id[META_UPLOAD_ID_BYTES],
                         const struct meta_complete_part *parts, uint32_t part_count,
                         struct meta_assembly **out)
{
    struct meta_assembly *assembly = calloc(1, sizeof(*assembly));
    int err;

    assert(upload_id != NULL && (parts != NULL || part_count == 0));
    if (assembly == NULL)
        return -ENOMEM;
    assembly->reader = reader;
    memcpy(assembly->upload_id, upload_id, sizeof(assembly->upload_id));
    assembly->is_stamped = upload_stamp_take(&reader->meta->row_changes, upload_id, &assembly->stamp);
    if ((err = assembly_begin(&assembly->assembly, &assembly->arena, parts, part_count)) != 0) {
        meta_assembly_free(assembly);
        return err;
    }
    *out = assembly;
    return 0;
}

int meta_assembly_step(struct meta_assembly *assembly, uint32_t limit,
                       int (*visit)(void *ctx, const struct meta_part *part), void *ctx, bool *more)
{
    const struct part_walk walk = {visit, ctx, &assembly->assembly};
    int err;

    assert(!assembly->is_complete);
    err = parts_walk(assembly->reader, READ_PART_READ, assembly->upload_id, &assembly->last, limit, &walk,
                     more);
    if (err != 0 || *more)
        return err;
    if ((err = assembly_finish(&assembly->assembly, &assembly->whole)) == 0)
        assembly->is_complete = true;
    assert(err != 0 || assembly->whole.size == assembly->assembly.size);
    return err;
}

void meta_assembly_set_order(struct meta_assembly *assembly, const uint32_t *order)
{
    assert(assembly->last == 0 && !assembly->is_complete);
    assembly->assembly.order = order;
}

int meta_assembly_extents(const struct meta_assembly *assembly, struct meta_extents *extents)
{
    struct codec_list list;
    int err;

    assert(assembly->is_complete);
    *extents = (struct meta_extents){0};
    if (assembly->whole.extents.len == 0)
        return 0;
    if ((err = codec_extents_begin(&list, assembly->whole.extents)) != 0)
        return err;
    if ((extents->list = malloc(list.count * sizeof(*extents->list))) == NULL)
        return -ENOMEM;
    while ((err = codec_extents_next(&list, &extents->list[extents->count])) > 0)
        if (++extents->count == list.count)
            return 0;
    free(extents->list);
    *extents = (struct meta_extents){0};
    return META_E_CORRUPT;
}

bool meta_assembly_holds(const struct meta_assembly *assembly)
{
    return assembly->is_stamped &&
           upload_stamp_holds(&assembly->reader->meta->row_changes, assembly->upload_id, assembly->stamp);
}

void meta_assembly_free(struct meta_assembly *assembly)
{
    if (assembly == NULL)
        return;
    arena_free(&assembly->arena);
    free(assembly);
}

const struct assembled *assembly_made_before(const struct meta_upload_complete *op,
                                             const struct row_changes *changes)
{
    const struct meta_assembly *made = op->assembly;

    if (made == NULL || !made->is_complete || !made->is_stamped)
        return NULL;
    if (made->reader->calls->is_shared) /* the stamp knows nothing of other servers' parts */
        return NULL;
    assert(made->assembly.order == NULL);
    assert(memcmp(made->upload_id, op->upload_id, sizeof(made->upload_id)) == 0 &&
           made->assembly.wanted == op->parts && made->assembly.wanted_count == op->part_count);
    return upload_stamp_holds(changes, made->upload_id, made->stamp) ? &made->whole : NULL;
}
