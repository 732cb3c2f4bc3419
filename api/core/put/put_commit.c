/* SPDX-License-Identifier: MIT
 *
 * The end of a PUT: the file gets its name, and the row that refers to it goes to the committer. What comes of that is told on the worker's thread,
 * where all of this runs but put_on_meta_done. In order: what came of it; what the row says of the bytes; the ways to the committer, one for each kind
 * of row. */
#include "api/core/import.h"
#include "api/core/many/put_objects.h"
#include "api/core/many/unpack.h"
#include "api/core/put/put_internal.h"
#include "storage/base/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static void put_finish(struct core_put *put, int result)
{
    assert(put->state == PUT_COMMITTING || put->state == PUT_PUBLISHING);
    put->state = result == 0 ? PUT_COMMITTED : result == META_E_JUDGED ? PUT_OVERTAKEN : PUT_FAILED;
    put->events->on_committed(put->ctx, result); /* may end the put */
}

void put_discard(struct core_put *put)
{
    struct blob_unit unit = put->small != NULL ? put->packed.unit.at : (struct blob_unit){put->blob, 0};

    if (unit.blob == 0)
        return;
    assert(put->discard != NULL);
    put->discard->unit = unit;
    put->discard->length = put->extent.length;
    reclaim_add_discard(put->worker->core->reclaim, put->discard);
    put->discard = NULL;
}

/* After an I/O error nobody knows whether a power failure would bring the row back, nor after a connection that was lost in a commit. Such
 * a blob keeps its file and stays unsettled: the next start, which can see, decides. Not so after META_E_UNSYNCED: the reclaimer does
 * nothing before the log was made good, and then the row is not in it. */
static void put_on_posted(struct ring_op *posted, int32_t unused)
{
    struct core_put *put = OWNER_OF(posted, struct core_put, posted);
    struct core *core = put->worker->core;
    int result = put->op->result;

    assert(put->state == PUT_COMMITTING);
    put->op = NULL;
    if (result == 0 && put->names_nothing) {
        put_discard(put);
    } else if (result == 0 || put->is_named) {
        if (put->blob != 0)
            blob_store_settle(core->blobs, put->blob);
        reclaim_wake(core->reclaim); /* the row may have replaced another */
    } else if (!meta_is_in_doubt(result) && (result != META_E_JUDGED || put->small != NULL)) {
        put_discard(put); /* another commit of a small body has another place in a segment */
    }
    put_finish(put, result);
}

/* On the committer thread. */
static void put_on_meta_done(struct meta_op *op)
{
    struct core_put *put = op->ctx;

    assert(put->op == op && put->state == PUT_COMMITTING);
    ring_post(put->worker->ring, &put->posted, 0);
}

/* What comes to the committer with the row, besides it. */
static void put_fill_small(struct core_put *put)
{
    if (put->worker->core->pack == NULL) {
        put->body =
            (struct meta_body){slice_of(put->packed.unit.data, put->packed.unit.length), &put->extent};
        put->op->body = &put->body;
        return;
    }
    put->packed.extent = &put->extent;
    put->op->rests_on = &put->packed;
}

/* The one extent of a simple body: a unit that is all of it. Where a small one lies is filled in by the batch that
 * writes it. */
static void put_fill_extents(struct core_put *put, struct meta_extents *extents, uint64_t *size)
{
    uint64_t length = put->is_sealed ? sealed_size(core_put_taken(put)) : core_put_taken(put);

    assert(put->values != NULL);
    *size = core_put_taken(put);
    *extents = (struct meta_extents){0};
    assert(put->small != NULL || (put->blob == 0) == (length == 0));
    if (length == 0)
        return;
    if (put->small != NULL) {
        put_small_unit(put->small, &put->packed.unit);
        put_fill_small(put);
    }
    put->extent = (struct meta_extent){
        .file = put->blob,
        .length = length,
        .unit_length = length,
        .unit_crc = put->stored_crc,
        .unit_crc_kind = META_UNIT_CRC64NVME,
        .is_sealed = put->is_sealed,
    };
    *extents = (struct meta_extents){.list = &put->extent, .count = 1};
}

/* Each lies somewhere in the body. */
static void put_fill_objects(struct core_put *put, struct meta_objects_put *op)
{
    assert(put->small == NULL && put->blob != 0);
    put->names_nothing = true;
    for (uint32_t i = 0; i < op->count; i++) {
        struct meta_extents *extents = &op->puts[i].object.extents;

        for (uint32_t n = 0; n < extents->count; n++) {
            assert(extents->list[n].offset + extents->list[n].length <= core_put_taken(put));
            extents->list[n].file = put->blob;
            put->names_nothing = false;
        }
    }
}

static void put_on_objects(void *ctx, bool is_named)
{
    struct core_put *put = ctx;

    put->is_named = is_named;
    put_on_posted(&put->posted, 0);
}

static void put_submit_objects(struct core_put *put)
{
    struct meta_objects_put *op = (struct meta_objects_put *)put->op;

    put_fill_objects(put, op);
    put->state = PUT_COMMITTING;
    put->posted.done = put_on_posted;
    if (put_objects_submit(put->worker, op, put_on_objects, put) == 0)
        return;
    op->op.result = -ENOMEM;
    ring_post(put->worker->ring, &put->posted, 0);
}

/* A copy's own content; its size is the source's, whose ETag the change insists on. */
static void put_fill_content(struct core_put *put, const struct meta_extents **content)
{
    uint64_t size;

    put_fill_extents(put, &put->content, &size);
    *content = &put->content;
}

static void put_submit(struct core_put *put)
{
    assert(put->state == PUT_SEALED || put->state == PUT_PUBLISHING || put->state == PUT_OVERTAKEN);
    put->op->rests_on = NULL;
    put->op->body = NULL;
    if (put->op->kind == META_OP_OBJECT_PUT || put->op->kind == META_OP_OBJECT_IMPORT) {
        struct meta_object_put *op = (struct meta_object_put *)put->op;

        put_fill_extents(put, &op->object.extents, &op->object.size);
    } else if (put->op->kind == META_OP_OBJECTS_PUT) {
        put_submit_objects(put);
        return;
    } else if (put->op->kind == META_OP_ANNOTATION_PUT) {
        struct meta_annotation_put *op = (struct meta_annotation_put *)put->op;

        put_fill_extents(put, &op->annotation.extents, &op->annotation.size);
    } else if (put->op->kind == META_OP_OBJECT_COPY) {
        put_fill_content(put, &((struct meta_object_copy *)put->op)->content);
    } else if (put->op->kind == META_OP_PART_COPY) {
        put_fill_content(put, &((struct meta_part_copy *)put->op)->content);
    } else {
        struct meta_part_put *op = (struct meta_part_put *)put->op;

        put_fill_extents(put, &op->part.extents, &op->part.size);
        op->part.modified_ms = clock_real_ms();
    }
    put->state = PUT_COMMITTING;
    put->op->result = 0;
    put->posted.done = put_on_posted;
    put->op->done = put_on_meta_done;
    put->op->ctx = put;
    meta_submit(put->worker->core->meta, put->op);
}

void put_on_published(void *ctx, int result, uint64_t blob)
{
    struct core_put *put = ctx;

    assert(result != 0 || (put->op != NULL && put->small == NULL));
    assert(put->state == PUT_PUBLISHING);
    if (result != 0) {
        put->op = NULL;
        put_finish(put, result);
        return;
    }
    put->blob = blob;
    put_submit(put);
}

static void put_commit(struct core_put *put, struct meta_op *op)
{
    assert(op != NULL && put->op == NULL);
    assert(put->state == PUT_SEALED || put->state == PUT_OVERTAKEN);
    assert(put->discard != NULL);
    put->op = op;
    if (put->small != NULL || put->state == PUT_OVERTAKEN) {
        put_submit(put);
        return;
    }
    put->state = PUT_PUBLISHING;
    blob_writer_publish(put->writer);
}

int core_put_retry(struct core_put *put)
{
    assert(put->state == PUT_OVERTAKEN);
    if (put->discard == NULL)
        put->discard = malloc(sizeof(*put->discard));
    return put->discard != NULL ? 0 : -ENOMEM;
}

void core_put_commit_object(struct core_put *put, struct meta_object_put *op)
{
    _Static_assert(offsetof(struct meta_object_put, op) == 0, "a change begins with its op");
    op->op.kind = META_OP_OBJECT_PUT;
    put_commit(put, &op->op);
}

void core_put_commit_import(struct core_put *put, struct meta_object_import *op)
{
    _Static_assert(offsetof(struct meta_object_import, put.op) == 0, "a change begins with its op");
    op->put.op.kind = META_OP_OBJECT_IMPORT;
    put_commit(put, &op->put.op);
}

void core_put_commit_part(struct core_put *put, struct meta_part_put *op)
{
    _Static_assert(offsetof(struct meta_part_put, op) == 0, "a change begins with its op");
    op->op.kind = META_OP_PART_PUT;
    put_commit(put, &op->op);
}

void core_put_commit_annotation(struct core_put *put, struct meta_annotation_put *op)
{
    _Static_assert(offsetof(struct meta_annotation_put, op) == 0, "a change begins with its op");
    op->op.kind = META_OP_ANNOTATION_PUT;
    put_commit(put, &op->op);
}

void core_put_commit_copy(struct core_put *put, struct meta_object_copy *op)
{
    _Static_assert(offsetof(struct meta_object_copy, op) == 0, "a change begins with its op");
    op->op.kind = META_OP_OBJECT_COPY;
    put_commit(put, &op->op);
}

void core_put_commit_part_copy(struct core_put *put, struct meta_part_copy *op)
{
    _Static_assert(offsetof(struct meta_part_copy, op) == 0, "a change begins with its op");
    op->op.kind = META_OP_PART_COPY;
    put_commit(put, &op->op);
}

void core_put_commit_objects(struct core_put *put, struct meta_objects_put *op)
{
    _Static_assert(offsetof(struct meta_objects_put, op) == 0, "a change begins with its op");
    op->op.kind = META_OP_OBJECTS_PUT;
    put_commit(put, &op->op);
}
