/* SPDX-License-Identifier: MIT
 *
 * A file becomes an object: in one request, or part by part. */
#include "api/client/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file that changes meanwhile would become an object that never was a file. */
static int check_unchanged(struct client_transfer *transfer)
{
    struct stat status;

    if (fstat(transfer->fd, &status) != 0)
        return client_transfer_fail(transfer, -errno, NULL);
    if ((uint64_t)status.st_size == transfer->size &&
        status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1000000 == transfer->modified_ms)
        return 0;
    return client_transfer_fail(transfer, -ESTALE, "it changed while it was being read");
}

static int open_source(struct client_transfer *transfer)
{
    struct stat status;

    /* without O_NONBLOCK, a named pipe would hold a connection until somebody writes */
    transfer->fd = open(transfer->from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (transfer->fd < 0 || fstat(transfer->fd, &status) != 0)
        return client_transfer_fail(transfer, -errno, NULL);
    if (!S_ISREG(status.st_mode))
        return client_transfer_fail(transfer, -EINVAL, "it is not a regular file");
    transfer->size = (uint64_t)status.st_size;
    transfer->modified_ms = status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1000000;
    return 0;
}

static int put(struct client_worker *worker, struct client_transfer *transfer)
{
    const struct client_put put = {
        .bucket = transfer->to_bucket,
        .key = transfer->to,
        .bytes = {.fd = transfer->fd, .length = transfer->size},
        .checksum = worker->options->checksum,
        .attributes = transfer->attributes,
        .attribute_count = transfer->attribute_count,
    };
    struct client_object object;
    int err = client_object_put(worker->to, &put, &object);

    return err == 0 ? check_unchanged(transfer) : client_transfer_blame(transfer, worker->to, err);
}

static int remove_source(struct client_transfer *transfer, int err)
{
    if (err == 0 && transfer->removes_source && unlink(transfer->from) != 0)
        return client_transfer_fail(transfer, -errno, NULL);
    return err;
}

static int begin(struct client_worker *worker, struct client_transfer *transfer)
{
    uint64_t part_bytes = transfer->part_bytes != 0 ? transfer->part_bytes : worker->options->part_bytes;
    int err = open_source(transfer);

    if (err != 0)
        return err;
    if (transfer->size > part_bytes)
        return client_parts_begin(worker, transfer, true);
    return remove_source(transfer, put(worker, transfer));
}

static int piece(struct client_worker *worker, struct client_transfer *transfer, unsigned index)
{
    struct client_bytes bytes = client_piece_of(transfer, index);
    int err;

    if (transfer->parts[index].etag[0] != '\0') {
        atomic_fetch_add(&worker->options->progress->bytes_done,
                         bytes.length); /* an earlier run has sent it */
        return 0;
    }
    err = client_upload_part(worker->to, transfer->to_bucket, transfer->to, transfer->upload, index + 1,
                             &bytes, worker->options->checksum, &transfer->parts[index]);
    return err == 0 ? 0 : client_transfer_blame(transfer, worker->to, err);
}

static int finish(struct client_worker *worker, struct client_transfer *transfer)
{
    int err = transfer->err == 0 ? check_unchanged(transfer) : transfer->err;

    transfer->err = err;
    return remove_source(transfer, client_parts_complete(worker, transfer));
}

const struct client_transfer_steps client_upload_steps = {begin, piece, finish};
