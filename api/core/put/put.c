/* SPDX-License-Identifier: MIT
 *
 * A PUT: bytes into a file nobody sees, then the file gets its name, then a row refers to it (put_commit.c). A small body of
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
 * On the worker's thread. */
#include "api/core/put/put_file.h"
#include "api/core/put/put_internal.h"
#include "api/core/put/put_tail.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

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

/* ---- What is there so far ---- */

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
