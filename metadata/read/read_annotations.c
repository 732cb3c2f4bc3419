/* SPDX-License-Identifier: MIT
 *
 * Annotations of a set: one of them, in the form of an object, so that its bytes are read as an object's are; and their list. The
 * reader's thread. */
#include "metadata/read/read.h"

#include <assert.h>
#include <string.h>

int meta_annotation_get(struct meta_reader *reader, int64_t set, struct slice name,
                        struct meta_object *annotation)
{
    struct query *statement = reader_query(reader, READ_ANNOTATION_GET);
    int err = reader_begin(reader);

    assert(annotation != NULL);
    memset(annotation, 0, sizeof(*annotation));
    if (err != 0)
        return err;
    query_bind_int(statement, 1, set);
    query_bind(statement, 2, name);
    int found = query_row(statement);
    if (found <= 0)
        return found == 0 ? META_E_NO_ANNOTATION : found;
    err = read_object(statement, annotation);
    query_reset(statement);
    return err;
}

static int annotation_read(struct query *statement, struct meta_annotation *annotation)
{
    int err;

    annotation->name = query_bytes(statement, 0);
    annotation->size = (uint64_t)query_int(statement, 1);
    if (annotation->size > INT64_MAX)
        return META_E_CORRUPT;
    annotation->modified_ms = query_int(statement, 2);
    annotation->extents = (struct meta_extents){0};
    if ((err = codec_etag_decode(query_bytes(statement, 3), annotation->etag)) != 0)
        return err;
    return codec_checksum_decode(query_bytes(statement, 4), &annotation->checksum);
}

/* What is before the first entry: the larger of the two begins the list. */
static struct slice list_start(struct slice prefix, struct slice after)
{
    return slice_compare(prefix, after) > 0 ? prefix : after;
}

int meta_annotation_list(struct meta_reader *reader, int64_t set, struct slice prefix, struct slice after,
                         uint32_t limit, int (*visit)(void *ctx, const struct meta_annotation *annotation),
                         void *ctx, bool *truncated)
{
    struct query *statement = reader_query(reader, READ_ANNOTATION_LIST);
    struct meta_annotation annotation;
    int row, result = reader_begin(reader);

    assert(visit != NULL && truncated != NULL);
    *truncated = false;
    if (result != 0 || limit == 0)
        return result;
    query_bind_int(statement, 1, set);
    query_bind(statement, 2, list_start(prefix, after));
    while (result == 0 && !*truncated && (row = query_row(statement)) != 0) {
        if (row < 0)
            return row;
        struct slice name = query_bytes(statement, 0);
        if (!slice_begins(name, prefix))
            break;
        if (after.len > 0 && slice_equals(name, after))
            continue;
        if (limit-- == 0)
            *truncated = true;
        else if ((result = annotation_read(statement, &annotation)) == 0)
            result = visit(ctx, &annotation);
    }
    query_reset(statement);
    return result;
}
