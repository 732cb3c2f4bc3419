/* SPDX-License-Identifier: MIT
 *
 * Objects that become others without a file in between: within a server, which moves the bytes itself; from one server to another, through memory; and
 * those that cease to be. */
#include "api/client/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/digest/digest.h"

#define COPY_BYTES_MAX (5ull << 30) /* S3's, of one CopyObject */

static int remove_source(struct client_worker *worker, struct client_transfer *transfer, int err)
{
    if (err != 0 || !transfer->removes_source)
        return err;
    err = client_object_delete(worker->from, transfer->from_bucket, transfer->from, transfer->from_version);
    return err == 0 ? 0 : client_transfer_blame(transfer, worker->from, err);
}

static int look(struct client_worker *worker, struct client_transfer *transfer)
{
    struct client_object object;
    int err = transfer->has_size ? 0
                                 : client_object_head(worker->from, transfer->from_bucket, transfer->from,
                                                      transfer->from_version, &object);

    if (err != 0)
        return client_transfer_blame(transfer, worker->from, err);
    if (transfer->has_size)
        return 0;
    transfer->size = object.size;
    strncpy(transfer->etag, object.etag, sizeof(transfer->etag) - 1);
    atomic_fetch_add(&worker->options->progress->bytes_all, object.size);
    return 0;
}

/* ---- Within a server ---- */

static struct client_copy copy_of(const struct client_transfer *transfer)
{
    return (struct client_copy){
        .from_bucket = transfer->from_bucket,
        .from_key = transfer->from,
        .from_version = transfer->from_version,
        .if_match = transfer->etag,
        .bucket = transfer->to_bucket,
        .key = transfer->to,
        .attributes = transfer->attributes,
        .attribute_count = transfer->attribute_count,
    };
}

static int copy_begin(struct client_worker *worker, struct client_transfer *transfer)
{
    const struct client_copy copy = copy_of(transfer);
    int err = look(worker, transfer);

    if (err != 0)
        return err;
    if (transfer->size > COPY_BYTES_MAX) {
        transfer->part_bytes = 1u << 30;
        return client_parts_begin(worker, transfer, false);
    }
    if ((err = client_object_copy(worker->to, &copy)) != 0)
        return client_transfer_blame(transfer, worker->to, err);
    atomic_fetch_add(&worker->options->progress->bytes_done, transfer->size);
    return remove_source(worker, transfer, 0);
}

static int copy_piece(struct client_worker *worker, struct client_transfer *transfer, unsigned index)
{
    const struct client_copy copy = copy_of(transfer);
    struct client_bytes bytes = client_piece_of(transfer, index);
    int err = client_upload_part_copy(worker->to, &copy, transfer->upload, index + 1, bytes.offset,
                                      bytes.length, &transfer->parts[index]);

    if (err != 0)
        return client_transfer_blame(transfer, worker->to, err);
    atomic_fetch_add(&worker->options->progress->bytes_done, bytes.length);
    return 0;
}

static int finish(struct client_worker *worker, struct client_transfer *transfer)
{
    return remove_source(worker, transfer, client_parts_complete(worker, transfer));
}

const struct client_transfer_steps client_copy_steps = {copy_begin, copy_piece, finish};

/* ---- From one server to another ---- */

struct memory {
    char *data;
    size_t length, room;
    struct client_progress *progress;
};

static int receive(void *ctx, const void *data, size_t length)
{
    struct memory *memory = ctx;

    if (length > memory->room - memory->length)
        return -EPROTO;
    memcpy(memory->data + memory->length, data, length);
    memory->length += length;
    return 0;
}

static void restart(void *ctx)
{
    struct memory *memory = ctx;

    atomic_fetch_sub(&memory->progress->bytes_done, memory->length);
    memory->length = 0;
}

/* A range into memory; `length` is what the object has where all of it is wanted, too. */
static int fetch(struct client_worker *worker, struct client_transfer *transfer, uint64_t offset,
                 uint64_t length, struct memory *memory)
{
    const struct client_get get = {
        .bucket = transfer->from_bucket,
        .key = transfer->from,
        .version = transfer->from_version,
        .offset = offset,
        .length = length == transfer->size ? UINT64_MAX : length,
        .if_match = transfer->etag,
        .restart = restart,
    };
    struct client_object object;
    uint64_t want;
    int err;

    *memory =
        (struct memory){.data = malloc(length + 1), .room = length, .progress = worker->options->progress};
    if (memory->data == NULL)
        return client_transfer_fail(transfer, -ENOMEM, NULL);
    if ((err = client_object_get(worker->from, &get, receive, memory, &object)) != 0)
        return client_transfer_blame(transfer, worker->from, err);
    if (memory->length != length)
        return client_transfer_fail(transfer, -EPROTO, "the server sent less than it has");
    if (length == transfer->size && client_crc_parse(object.crc64nvme, &want) &&
        want != crc64nvme_update(0, memory->data, length))
        return client_transfer_fail(transfer, -EBADMSG,
                                    "what came has another checksum than the server has: it is damaged");
    return 0;
}

static int relay_whole(struct client_worker *worker, struct client_transfer *transfer)
{
    struct memory memory;
    struct client_object object;
    int err = fetch(worker, transfer, 0, transfer->size, &memory);

    if (err == 0) {
        const struct client_put put = {
            .bucket = transfer->to_bucket,
            .key = transfer->to,
            .bytes = {.data = memory.data, .fd = -1, .length = memory.length},
            .checksum = worker->options->checksum,
            .attributes = transfer->attributes,
            .attribute_count = transfer->attribute_count,
        };

        if ((err = client_object_put(worker->to, &put, &object)) != 0)
            err = client_transfer_blame(transfer, worker->to, err);
    }
    free(memory.data);
    return err;
}

static int relay_begin(struct client_worker *worker, struct client_transfer *transfer)
{
    uint64_t part_bytes = transfer->part_bytes != 0 ? transfer->part_bytes : worker->options->part_bytes;
    int err = look(worker, transfer);

    if (err != 0)
        return err;
    if (transfer->size > part_bytes)
        return client_parts_begin(worker, transfer, false);
    return remove_source(worker, transfer, relay_whole(worker, transfer));
}

static int relay_piece(struct client_worker *worker, struct client_transfer *transfer, unsigned index)
{
    struct client_bytes piece = client_piece_of(transfer, index);
    struct memory memory;
    int err = fetch(worker, transfer, piece.offset, piece.length, &memory);

    if (err == 0) {
        const struct client_bytes bytes = {.data = memory.data, .fd = -1, .length = memory.length};

        err = client_upload_part(worker->to, transfer->to_bucket, transfer->to, transfer->upload, index + 1,
                                 &bytes, worker->options->checksum, &transfer->parts[index]);
        if (err != 0)
            err = client_transfer_blame(transfer, worker->to, err);
    }
    free(memory.data);
    return err;
}

const struct client_transfer_steps client_relay_steps = {relay_begin, relay_piece, finish};

/* ---- Those that cease to be ---- */

struct deletion {
    struct client_worker *worker;
    struct client_transfer *transfer;
};

static void refuse(void *ctx, const char *key, const char *version, const char *why)
{
    struct deletion *deletion = ctx;

    deletion->transfer->failed_count++;
    client_engine_refuse(deletion->worker, key, version, why);
}

static int delete_begin(struct client_worker *worker, struct client_transfer *transfer)
{
    struct deletion deletion = {worker, transfer};
    /* one by its own call, whose status says more */
    int err = transfer->doomed_count == 1
                  ? client_object_delete(worker->from, transfer->from_bucket, transfer->doomed[0].key,
                                         transfer->doomed[0].version)
                  : client_objects_delete(worker->from, transfer->from_bucket, transfer->doomed,
                                          transfer->doomed_count, refuse, &deletion);

    if (err != 0)
        return client_transfer_blame(transfer, worker->from, err);
    return transfer->failed_count == 0 ? 0
                                       : client_transfer_fail(transfer, -EIO, "%u of %zu stay",
                                                              transfer->failed_count, transfer->doomed_count);
}

const struct client_transfer_steps client_delete_steps = {delete_begin, NULL, NULL};
