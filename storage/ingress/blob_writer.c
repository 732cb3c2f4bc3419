/* SPDX-License-Identifier: MIT
 *
 * The blob writer: its calls, the order of its steps, and its events.
 *
 * One operation is in flight at a time (`step`), but for the two syncs at the end. When it ends, writer_on_op takes the result, writer_start
 * begins whatever comes next, and writer_deliver tells the owner what it waits to hear. A call that makes an
 * event due without any operation in flight posts a `kick`, because events never come from inside a call.
 *
 * Beside the steps a digest stream follows the file; its result arrives through a mailbox that outlives the
 * writer.
 *
 * blob_writer_free only detaches: what is in flight finishes, undoes (blob_publish.c), and frees last.
 *
 * On the thread of the writer's ring. */
#include "storage/ingress/blob_writer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/disk_error.h"
#include "storage/ingress/blob_writer_parts.h"

static void writer_check(const struct blob_writer *writer)
{
    assert(writer != NULL);
    assert(writer->magic == BLOB_WRITER_MAGIC);
}

void writer_fail(struct blob_writer *writer, int error)
{
    assert(error < 0);
    if (error == -EAGAIN ||
        error == -EBUSY) /* whoever asks for room would take them for "wait", and wait for ever */
        error = -EIO;
    if (writer->error == 0)
        writer->error = error;
}

void writer_fail_disk(struct blob_writer *writer, int error)
{
    int told = disk_error(error);

    if (told == -EIO && writer->error == 0)
        blob_store_log(writer->store, LOG_LEVEL_ERROR, "the file of an upload: %s", strerror(-error));
    writer_fail(writer, told);
}

/* ---- Events ---- */

enum writer_event { EVENT_NONE, EVENT_READY, EVENT_ROOM, EVENT_SEALED, EVENT_PUBLISHED };

static bool writer_has_room(const struct blob_writer *writer)
{
    if (writer->pump_set != NULL && writer->want == HOP_PIPE)
        return writer_pump_is_free(writer);
    return writer_hop_available(writer, writer->want);
}

static enum writer_event writer_event_due(const struct blob_writer *writer)
{
    bool failed = writer->error != 0;

    if (writer->detached)
        return EVENT_NONE;
    if (writer->owner == OWNER_WAITS)
        return failed || writer->file >= FILE_READY ? EVENT_READY : EVENT_NONE;
    if (writer->want != HOP_NONE && (failed || writer_has_room(writer)))
        return EVENT_ROOM;
    if (writer->owner == OWNER_FEEDS && writer->bytes != BYTES_COMING &&
        (failed || writer->sums == SUMS_KNOWN))
        return EVENT_SEALED;
    if (writer->owner == OWNER_PUBLISHES && (failed || writer->file == FILE_DURABLE))
        return EVENT_PUBLISHED;
    return EVENT_NONE;
}

static void writer_deliver_one(struct blob_writer *writer, enum writer_event event)
{
    const struct blob_writer_events *events = writer->events;
    uint64_t blob;

    switch (event) {
    case EVENT_READY:
        writer->owner = OWNER_FEEDS;
        events->on_ready(writer->ctx, writer->error);
        break;
    case EVENT_ROOM:
        writer->want = HOP_NONE;
        events->on_room(writer->ctx);
        break;
    case EVENT_SEALED:
        writer->owner = OWNER_HAS_SUMS;
        events->on_sealed(writer->ctx, writer->error, writer->error != 0 ? NULL : &writer->values);
        break;
    case EVENT_PUBLISHED:
        writer->owner = OWNER_HAS_BLOB;
        blob = writer->error != 0 ? 0 : writer->blob;
        if (writer->error == 0)
            writer->blob = 0; /* name and id are the receiver's from here on */
        events->on_published(writer->ctx, writer->error, blob);
        break;
    case EVENT_NONE:
        break;
    }
}

/* In ring_reap only. The owner may call anything from an event, blob_writer_free included; the writer is then
 * freed by the writer_start at the end. */
void writer_deliver(struct blob_writer *writer)
{
    enum writer_event event;

    assert(!writer->delivering);
    writer->delivering = true;
    while ((event = writer_event_due(writer)) != EVENT_NONE)
        writer_deliver_one(writer, event);
    writer->delivering = false;
    writer_start(writer);
}

static void writer_on_kick(struct ring_op *op, int32_t result)
{
    struct blob_writer *writer = OWNER_OF(op, struct blob_writer, kick);

    writer->kicked = false;
    writer_deliver(writer);
}

/* At the end of every call: an event that became due is delivered from the next ring_reap. */
static void writer_kick(struct blob_writer *writer)
{
    if (writer->kicked || writer->delivering || writer_event_due(writer) == EVENT_NONE)
        return;
    writer->kicked = true;
    ring_post(writer->ring, &writer->kick, 0);
}

/* ---- Steps ---- */

static void writer_on_op(struct ring_op *op, int32_t result);

struct ring_op *writer_step_begin(struct blob_writer *writer, enum writer_step step)
{
    assert(writer->step == STEP_NONE);
    writer->step = step;
    writer->op.done = writer_on_op;
    return &writer->op;
}

static void writer_on_pump(struct ring_op *op, int32_t result);

void writer_step_begin_on(struct blob_writer *writer, enum writer_step step, struct ring_op *op)
{
    assert(writer->step == STEP_NONE);
    assert(op == &writer->pump.op);
    writer->step = step;
    op->done = writer_on_pump;
}

static void (*const step_done[STEP_COUNT])(struct blob_writer *writer, int32_t result) = {
    [STEP_OPEN] = writer_open_done,       [STEP_OPEN_STAGING] = writer_open_staging_done,
    [STEP_RESERVE] = writer_reserve_done, [STEP_DRAIN] = writer_drain_done,
    [STEP_SYNC] = writer_sync_done,       [STEP_ID] = writer_id_done,
    [STEP_LINK] = writer_link_done,       [STEP_RECORD] = writer_record_done,
    [STEP_UNLINK] = writer_undo_done,     [STEP_UNLINK_STAGING] = writer_undo_done,
    [STEP_CLOSE] = writer_undo_done,      [STEP_PUMP] = writer_pump_done,
};

/* The same steps for a writer that was freed meanwhile: only what there is to undo counts. */
static void step_done_detached(struct blob_writer *writer, enum writer_step step, int32_t result)
{
    if ((step == STEP_OPEN || step == STEP_OPEN_STAGING) && result >= 0) {
        writer_opened(writer, result);
        writer->staged = step == STEP_OPEN_STAGING;
    } else if (step == STEP_LINK && result == 0) {
        writer_named(writer);
    } else if (step == STEP_UNLINK || step == STEP_UNLINK_STAGING || step == STEP_CLOSE) {
        writer_undo_done(writer, result);
    }
}

static void writer_step_end(struct blob_writer *writer, int32_t result)
{
    enum writer_step step = writer->step;

    assert(step != STEP_NONE);
    if (writer->detached) {
        step_done_detached(writer, step, result);
        writer->step = STEP_NONE;
    } else {
        writer->step = STEP_NONE;
        step_done[step](writer, result);
        if (step == STEP_DRAIN && writer->error == 0)
            writer_digest_advance(writer);
        if (writer->ahead != 0)
            writer_reserve_settle(writer);
    }
    if (writer->detached) {
        writer_start(writer);
        return;
    }
    writer_start(writer);
    writer_deliver(writer);
}

static void writer_on_op(struct ring_op *op, int32_t result)
{
    struct blob_writer *writer = OWNER_OF(op, struct blob_writer, op);

    if (writer->step != STEP_SYNC || writer_sync_file_done(writer, result))
        writer_step_end(writer, result);
}

static void writer_on_pump(struct ring_op *op, int32_t result)
{
    writer_step_end(OWNER_OF(op, struct blob_writer, pump.op), result);
}

static void writer_on_waiter(struct ring_op *op, int32_t result)
{
    struct blob_writer *writer = OWNER_OF(op, struct blob_writer, waiter.op);

    if (writer->step != STEP_SYNC || writer_sync_folder_done(writer, result))
        writer_step_end(writer, result);
}

/* Everything undone and nothing in flight: the end of a detached writer. */
static void writer_destroy(struct blob_writer *writer)
{
    struct blob_store *store = writer->store;

    writer_hops_free(writer);
    writer_reserve_leave(writer);
    digest_set_free(writer->pump_set);
    writer->magic = 0;
    free(writer);
    blob_store_release(store);
}

void writer_start(struct blob_writer *writer)
{
    writer_state_check(writer);
    if (writer->step != STEP_NONE)
        return;
    if (writer->detached) {
        if (!writer->delivering && !writer_undo_start(writer) && !writer->kicked)
            writer_destroy(writer);
        return;
    }
    if (writer->error != 0)
        return;
    if (writer->file < FILE_READY) {
        writer_create_start(writer);
        if (writer->file < FILE_READY)
            return;
    }
    if (writer->file == FILE_READY && writer->bytes != BYTES_IN_FILE &&
        (writer_reserve_start(writer) || writer->error != 0))
        return;
    if (writer_drain_start(writer) || writer->error != 0 || writer->bytes == BYTES_COMING)
        return;
    assert(writer->written == writer->taken);
    writer->bytes = BYTES_IN_FILE;
    if (writer->sums < SUMS_FINISHED) {
        if (writer->pump_set != NULL)
            writer_pump_finish(writer);
        else
            writer_digest_finish(writer);
        if (writer->error != 0)
            return;
    }
    writer_publish_start(writer);
}

/* ---- Calls ---- */

int blob_writer_begin(struct blob_writer **out, const struct blob_writer_options *options)
{
    struct blob_writer *writer = calloc(1, sizeof(*writer));
    int err;

    assert(!options->store->options.read_only);
    if (writer == NULL)
        return -ENOMEM;
    writer->magic = BLOB_WRITER_MAGIC;
    writer->store = options->store;
    writer->ring = writer->waiter.ring = options->ring;
    writer->pipes = options->pipes;
    writer->pumps = options->pumps;
    writer->digests = options->digests;
    writer->events = options->events;
    writer->ctx = options->ctx;
    writer->length = options->length;
    writer->is_read = options->is_read;
    writer->digest_mask = options->digest_mask | DIGEST_BIT(DIGEST_OF_CONTENT);
    writer->digest_small_bytes_max = options->digest_small_bytes_max;
    if (options->length == UINT64_MAX || options->length <= options->digest_small_bytes_max)
        writer->digest_mask_small = options->digest_mask_small & ~writer->digest_mask;
    if (options->chunks != NULL)
        writer->chunks = *options->chunks;
    writer->fd = -1;
    writer->pump_result = PUMP_TOLD;
    if (options->store->options.copy_mode || atomic_load(&options->store->no_splice_in) ||
        atomic_load(&options->store->no_splice_out))
        writer->way = WAY_COPY_IN;
    writer->waiter.op.done = writer_on_waiter;
    writer->kick.done = writer_on_kick;
    writer_hops_init(writer);
    if ((options->chunks != NULL && (err = writer_digest_open(writer)) != 0) ||
        (err = writer_pump_choose(writer)) != 0) {
        free(writer);
        return err;
    }
    blob_store_hold(writer->store);

    writer_create_check(writer);
    writer_start(writer);
    writer_kick(writer);
    *out = writer;
    return 0;
}

ssize_t blob_writer_splice(struct blob_writer *writer, int socket_fd, size_t max)
{
    writer_check(writer);
    assert(writer->bytes == BYTES_COMING);
    assert(max > 0);
    if (writer->error != 0)
        return writer->error;
    if (!blob_writer_can_splice(writer))
        return -EOPNOTSUPP;
    if (writer->length != UINT64_MAX) {
        assert(writer->taken <
               writer->length); /* whoever asks for more than was announced reads the next request */
        if (max > writer->length - writer->taken)
            max = (size_t)(writer->length - writer->taken);
    }

    ssize_t n = writer->pump_set != NULL ? writer_pump(writer, socket_fd, max)
                                         : writer_hop_splice(writer, socket_fd, max);
    if (n > 0)
        writer->taken += (uint64_t)n;
    if (n == -EBUSY) {
        writer->want = HOP_PIPE;
    } else if (n < 0 && n != -EAGAIN && n != -EOPNOTSUPP) {
        writer_fail(writer, (int)n);
    }
    writer_start(writer);
    writer_kick(writer);
    return n;
}

ssize_t blob_writer_write(struct blob_writer *writer, const void *data, size_t length)
{
    writer_check(writer);
    assert(writer->bytes == BYTES_COMING);
    assert(length > 0);
    assert(writer->step != STEP_PUMP &&
           writer->pump_result == PUMP_TOLD); /* bytes keep the order of the calls */
    if (writer->error != 0)
        return writer->error;
    assert(writer->length == UINT64_MAX || length <= writer->length - writer->taken);

    writer_digest_inline(writer, data, length);
    ssize_t n = writer_hop_copy(writer, data, length);
    if (n > 0) {
        writer->taken += (uint64_t)n;
        writer_pump_digest(writer, data, (size_t)n);
    }
    if (n == -EBUSY)
        writer->want = HOP_BUFFER;
    else if (n < 0)
        writer_fail(writer, (int)n);
    writer_start(writer);
    writer_kick(writer);
    return n;
}

bool blob_writer_can_splice(const struct blob_writer *writer)
{
    writer_check(writer);
    return writer->way == WAY_SPLICE ||
           writer->pump_result != PUMP_TOLD; /* what was moved before the refusal is still to be told */
}

bool blob_writer_splices_aside(const struct blob_writer *writer)
{
    writer_check(writer);
    return writer->pump_set != NULL;
}

uint64_t blob_writer_taken(const struct blob_writer *writer)
{
    writer_check(writer);
    return writer->taken;
}

int blob_writer_chunk_end(struct blob_writer *writer, const struct digest_chunk *chunk)
{
    writer_check(writer);
    assert(writer->chunks.verify != NULL);
    assert(writer->bytes == BYTES_COMING);
    return digest_stream_chunk_end(writer->stream, chunk);
}

void blob_writer_seal(struct blob_writer *writer)
{
    writer_check(writer);
    assert(writer->bytes == BYTES_COMING);
    writer->bytes = BYTES_SEALED;
    if (writer->length != UINT64_MAX && writer->taken != writer->length)
        writer_fail(writer, -EINVAL); /* fewer bytes than announced */
    if (writer->taken == 0 && writer->error == 0)
        writer_digest_inline(writer, "", 0);
    writer_start(writer);
    writer_kick(writer);
}

int blob_writer_reader(const struct blob_writer *writer)
{
    writer_check(writer);
    assert(writer->owner == OWNER_HAS_SUMS && writer->fd >= 0);
    assert(writer->is_read && writer->bytes == BYTES_IN_FILE);
    int fd = fcntl(writer->fd, F_DUPFD_CLOEXEC, 0);
    return fd < 0 ? -EMFILE : fd; /* the one reason that there is */
}

int blob_writer_follow(const struct blob_writer *writer)
{
    int fd;

    writer_check(writer);
    if (writer->fd < 0)
        return -EOPNOTSUPP;
    fd = fcntl(writer->fd, F_DUPFD_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

uint64_t blob_writer_written(const struct blob_writer *writer)
{
    writer_check(writer);
    return writer->written;
}

void blob_writer_publish(struct blob_writer *writer)
{
    writer_check(writer);
    assert(writer->owner == OWNER_HAS_SUMS);
    writer->owner = OWNER_PUBLISHES;
    writer_start(writer);
    writer_kick(writer);
}

void blob_writer_free(struct blob_writer *writer)
{
    if (writer == NULL)
        return;
    writer_check(writer);
    assert(!writer->detached);
    writer->detached = true;
    writer_digest_leave(writer);
    if (writer_waiter_forget(writer))
        writer->step = STEP_NONE;
    writer_start(writer);
}
