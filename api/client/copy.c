/* SPDX-License-Identifier: MIT
 *
 * Objects that become others of the same server, which moves the bytes itself; and those that cease to be. */
#include "api/client/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/digest/digest.h"

#define COPY_BYTES_MAX (5ull << 30) /* S3's, of one CopyObject */

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
    int err = client_source_look(worker, transfer);

    if (err != 0)
        return err;
    if (transfer->size > COPY_BYTES_MAX) {
        transfer->part_bytes = 1u << 30;
        return client_parts_begin(worker, transfer, false);
    }
    if ((err = client_object_copy(worker->to, &copy)) != 0)
        return client_transfer_blame(transfer, worker->to, err);
    atomic_fetch_add(&worker->options->progress->bytes_done, transfer->size);
    return client_source_remove(worker, transfer, 0);
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
    return client_source_remove(worker, transfer, client_parts_complete(worker, transfer));
}

const struct client_transfer_steps client_copy_steps = {copy_begin, copy_piece, finish};

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
