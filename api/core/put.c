/* SPDX-License-Identifier: MIT
 *
 * A PUT: bytes into a file nobody sees, then the file gets its name, then a row refers to it. A small body of
 * known length has no file of its own: it is gathered in memory (put_small.c), and the committer's batch writes
 * and syncs it with others in a segment, just before it commits the row (pack.c). In a cluster it becomes a row that is
 * committed with the other, and a crash leaves nothing of it.
 *
 *   OPENING -> FILLING -> SEALING -> SEALED -> PUBLISHING -> COMMITTING -> COMMITTED
 *                                                                 ^ |
 *                                                                 | v
 *                                                               OVERTAKEN
 *
 * Any step may lead to FAILED instead, from where only core_put_end goes on. The order is what makes a crash
 * harmless: the row comes last, and until it is there the blob store knows the blob as one to be probed. A
 * unit whose row was refused goes to the reclaimer, which gives it back; on_committed does not wait
 * for that. Where the commit met an I/O error, it is left to the next start. A row that is refused because the
 * object is not as it was judged any more may be tried again: the bytes stay until then.
 *
 * On the worker's thread, but for put_on_meta_done. */
#include "api/core/core_internal.h"
#include "api/core/import.h"
#include "api/core/put_file.h"
#include "api/core/put_tail.h"
#include "api/core/many/put_objects.h"
#include "api/core/put_small.h"
#include "api/core/sealed/sealed_put.h"
#include "api/core/many/unpack.h"
#include "storage/base/clock.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

enum put_state {
    PUT_OPENING,    /* the file is being made; on_ready follows */
    PUT_FILLING,    /* takes bytes */
    PUT_SEALING,    /* all bytes are in; on_sealed follows */
    PUT_SEALED,     /* digests are known; waits for a commit or the end */
    PUT_PUBLISHING, /* sync and name in progress */
    PUT_COMMITTING, /* the row is at the committer */
    PUT_OVERTAKEN,  /* META_E_JUDGED; waits for another commit or the end */
    PUT_COMMITTED,  /* visible */
    PUT_FAILED,
    PUT_STATE_COUNT
};

struct core_put {
    struct core_worker *worker;
    struct blob_writer *writer; /* NULL: a small body */
    struct put_small *small;    /* NULL: a blob of its own */
    struct sealed_put *sealed;  /* before the writer, where the bytes are to be sealed; else NULL */
    bool is_sealed;
    struct seal_key key; /* of a small body */
    uint32_t seal_part;
    uint64_t stored_crc; /* of what is stored, from SEALED on */
    const struct core_put_events *events;
    void *ctx;
    enum put_state state;
    const struct digest_values *values; /* from SEALED on */
    struct meta_extent extent;          /* the whole unit */
    struct meta_extents content;        /* that, of a copy */
    uint64_t blob;                      /* published, of its own; 0: none was needed */
    uint32_t small_mask;                /* digests of a small body */
    struct digest_values small_values;
    struct pack_unit packed;         /* a small body's place in a segment */
    struct meta_body body;           /* in a cluster: the same becomes a row */
    struct reclaim_discard *discard; /* kept ready for a refused row, so that undoing needs no memory */
    struct meta_op *op;              /* from commit on */
    bool names_nothing;              /* the rows: none of them has any bytes */
    bool is_named;                   /* by rows that were given up: the garbage list has its bytes, or will */
    struct ring_op posted;
};

/* ---- Events of the writer ---- */

static void put_on_ready(void *ctx, int result)
{
    struct core_put *put = ctx;

    assert(put->state == PUT_OPENING);
    put->state = result == 0 ? PUT_FILLING : PUT_FAILED;
    put->events->on_ready(put->ctx, result);
}

static void put_on_room(void *ctx)
{
    struct core_put *put = ctx;

    if (put->sealed != NULL)
        sealed_put_resume(put->sealed);
    else
        put->events->on_room(put->ctx);
}

static void put_on_sealed(void *ctx, int result, const struct digest_values *values)
{
    struct core_put *put = ctx;

    assert(put->state == PUT_SEALING);
    if (result == 0 && put->small == NULL)
        put->stored_crc = digest_crc_value(values, DIGEST_OF_CONTENT);
    if (put->sealed != NULL)
        values = &put->small_values;
    put->state = result == 0 ? PUT_SEALED : PUT_FAILED;
    put->values = result == 0 ? values : NULL;
    put->events->on_sealed(put->ctx, result, put->values);
}

static void put_on_small_sealed(void *ctx, int result)
{
    struct core_put *put = ctx;

    assert(put->small != NULL);
    if (result == 0 && put->is_sealed)
        result = put_small_close(put->small, &put->key, put->seal_part, &put->stored_crc);
    else if (result == 0)
        put->stored_crc = digest_crc_value(&put->small_values, DIGEST_OF_CONTENT);
    put_on_sealed(put, result, &put->small_values);
}

/* ---- Events of what seals a large body ---- */

static void put_on_sealed_room(void *ctx)
{
    struct core_put *put = ctx;

    put->events->on_room(put->ctx);
}

static void put_on_records(void *ctx, int result, const struct digest_values *values)
{
    struct core_put *put = ctx;

    assert(put->state == PUT_SEALING);
    put->small_values = *values;
    if (result == 0)
        blob_writer_seal(put->writer);
    else
        put_on_sealed(put, result, NULL);
}

static const struct sealed_put_events put_sealed_events = {put_on_sealed_room, put_on_records};

/* ---- The row ---- */

static void put_finish(struct core_put *put, int result)
{
    assert(put->state == PUT_COMMITTING || put->state == PUT_PUBLISHING);
    put->state = result == 0 ? PUT_COMMITTED : result == META_E_JUDGED ? PUT_OVERTAKEN : PUT_FAILED;
    put->events->on_committed(put->ctx, result); /* may end the put */
}

/* The unit was written and no row will ever name it. */
static void put_discard(struct core_put *put)
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

/* After an I/O error nobody knows whether a power failure would bring the row back, nor after a connection that was lost in a commit. Such a blob
 * keeps its file and stays unsettled: the next start, which can see, decides. Not so after META_E_UNSYNCED: the reclaimer does
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

static void put_on_published(void *ctx, int result, uint64_t blob)
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

struct core_worker *core_put_worker(const struct core_put *put)
{
    return put->worker;
}

int core_put_reader(const struct core_put *put)
{
    assert(put->state == PUT_SEALED && put->small == NULL);
    return blob_writer_reader(put->writer);
}

int core_put_follow(const struct core_put *put)
{
    return put->small != NULL || put->sealed != NULL ? -EOPNOTSUPP : blob_writer_follow(put->writer);
}

uint64_t core_put_written(const struct core_put *put)
{
    assert(put->writer != NULL);
    return blob_writer_written(put->writer);
}

/* ---- Begin, bytes, end ---- */

static const struct blob_writer_events put_writer_events = {
    .on_ready = put_on_ready,
    .on_room = put_on_room,
    .on_sealed = put_on_sealed,
    .on_published = put_on_published,
};

/* The writer gets what is stored: its digests are of that alone, and its chunks are none. */
static int put_begin_sealed(struct core_put *put, const struct core_put_options *options,
                            struct blob_writer_options *writer_options)
{
    int err;

    assert(!options->has_own_file);
    if (options->length != UINT64_MAX)
        writer_options->length = sealed_size(options->length);
    writer_options->pumps = NULL;
    writer_options->digest_mask = writer_options->digest_mask_small = 0;
    writer_options->chunks = NULL;
    if ((err = blob_writer_begin(&put->writer, writer_options)) != 0)
        return err;
    err = sealed_put_create(&put->sealed, put->worker, put->writer, options, &put_sealed_events, put);
    if (err != 0)
        blob_writer_free(put->writer);
    return err;
}

/* How many bytes may be gathered in memory, as they are stored; in a cluster they become a row. */
static uint64_t put_small_max(const struct core *core)
{
    return core->pack != NULL ? SEGMENT_UNIT_BYTES_MAX : core->cluster != NULL ? META_BODY_BYTES_MAX : 0;
}

static bool put_is_small(const struct core *core, const struct core_put_options *options)
{
    uint64_t max = put_small_max(core);

    return max > 0 && !options->has_own_file && options->length <= max &&
           (options->seal == NULL || sealed_size(options->length) <= max);
}

static int put_begin_file(struct core_put *put, const struct core_put_options *options)
{
    struct core_worker *worker = put->worker;
    struct blob_writer_options writer_options = {
        .store = worker->core->blobs,
        .ring = worker->ring,
        .pipes = worker->pipes,
        .digests = worker->core->digests,
        .pumps = options->is_one_run ? worker->core->pumps : NULL,
        .length = options->length,
        .is_read = options->has_own_file,
        .digest_mask = options->digest_mask,
        .digest_mask_small = options->digest_mask_small,
        .digest_small_bytes_max = CORE_ETAG_MD5_BYTES_MAX,
        .chunks = options->chunks,
        .events = &put_writer_events,
        .ctx = put,
    };

    put->state = PUT_OPENING;
    if (put->is_sealed)
        return put_begin_sealed(put, options, &writer_options);
    assert(options->has_own_file || !put_is_small(worker->core, options));
    return blob_writer_begin(&put->writer, &writer_options);
}

static int put_begin_small(struct core_put *put, const struct core_put_options *options)
{
    assert(put_small_fits(options->length));
    if (put->is_sealed)
        put->key = *options->seal;
    if (!blob_store_takes(put->worker->core->blobs, options->length))
        return -ENOSPC;
    put->state = PUT_FILLING;
    put->small_mask = options->digest_mask | options->digest_mask_small | DIGEST_BIT(DIGEST_OF_CONTENT);
    if (put->worker->core->pack != NULL)
        pack_expect(put->worker->core->pack);
    return put_small_create(&put->small, (uint32_t)options->length, put->is_sealed, options->chunks);
}

static void put_free(struct core_put *put)
{
    seal_key_wipe(&put->key);
    free(put);
}

int core_put_begin(struct core_worker *worker, const struct core_put_options *options, struct core_put **out)
{
    struct core_put *put = calloc(1, sizeof(*put));
    bool is_small = put_is_small(worker->core, options);
    int err;

    assert(options->events != NULL);
    if (put == NULL)
        return -ENOMEM;
    if (core_is_read_only(worker->core) || meta_is_stalled(worker->core->meta) ||
        (!is_small && ring_is_stalled(worker->ring))) {
        free(put);
        return core_is_read_only(worker->core) ? -EROFS : META_E_STALLED;
    }
    put->worker = worker;
    put->events = options->events;
    put->ctx = options->ctx;
    put->is_sealed = options->seal != NULL;
    put->seal_part = options->seal_part;
    put->discard = malloc(sizeof(*put->discard));
    if (put->discard == NULL)
        err = -ENOMEM;
    else
        err = is_small ? put_begin_small(put, options) : put_begin_file(put, options);
    if (err != 0) {
        free(put->discard);
        put_free(put);
        return err;
    }
    worker->puts++;
    *out = put;
    return is_small ? CORE_PUT_IS_READY : 0;
}

ssize_t core_put_splice(struct core_put *put, int socket_fd, size_t max)
{
    assert((put->small != NULL) != (put->writer != NULL));
    assert(put->state == PUT_FILLING || put->state == PUT_FAILED);
    if (put->sealed != NULL)
        return -EOPNOTSUPP;
    return put->small != NULL ? put_small_receive(put->small, socket_fd, max)
                              : blob_writer_splice(put->writer, socket_fd, max);
}

ssize_t core_put_write(struct core_put *put, const void *data, size_t length)
{
    assert(data != NULL || length == 0);
    if (put->sealed != NULL)
        return sealed_put_write(put->sealed, data, length);
    return put->small != NULL ? put_small_write(put->small, data, length)
                              : blob_writer_write(put->writer, data, length);
}

bool core_put_is_small(const struct core_put *put)
{
    return put->small != NULL;
}

bool core_put_splices_aside(const struct core_put *put)
{
    return put->small == NULL && put->sealed == NULL && blob_writer_splices_aside(put->writer);
}

uint64_t core_put_taken(const struct core_put *put)
{
    assert((put->small != NULL) != (put->writer != NULL));
    if (put->sealed != NULL)
        return sealed_put_taken(put->sealed);
    return put->small != NULL ? put_small_taken(put->small) : blob_writer_taken(put->writer);
}

int core_put_chunk_end(struct core_put *put, const struct digest_chunk *chunk)
{
    assert(chunk != NULL);
    if (put->sealed != NULL)
        return sealed_put_chunk_end(put->sealed, chunk);
    return put->small != NULL ? put_small_chunk_end(put->small, chunk)
                              : blob_writer_chunk_end(put->writer, chunk);
}

void core_put_seal(struct core_put *put)
{
    int err;

    assert(put->state == PUT_FILLING);
    put->state = PUT_SEALING;
    if (put->sealed != NULL) {
        sealed_put_finish(put->sealed);
        return;
    }
    if (put->small == NULL) {
        blob_writer_seal(put->writer);
        return;
    }
    err = put_small_seal(put->small, &put->worker->sealing, put->small_mask, &put->small_values,
                         put_on_small_sealed, put);
    if (err != 0)
        put_on_sealed(put, err, NULL);
}

void core_put_end(struct core_put *put)
{
    if (put == NULL)
        return;
    assert(put->state != PUT_PUBLISHING && put->state != PUT_COMMITTING);
    if (put->state == PUT_OVERTAKEN && put->small == NULL)
        put_discard(put);
    sealed_put_free(put->sealed);
    if (put->writer != NULL)
        blob_writer_free(put->writer);
    put_small_free(put->small);
    assert(put->worker->puts > 0);
    put->worker->puts--;
    free(put->discard);
    put_free(put);
}
