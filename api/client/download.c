/* SPDX-License-Identifier: MIT
 *
 * An object becomes a file: under a name of its own until it is whole and its checksum is right, then under the one that is wanted. A large one comes in
 * ranges, on several connections; that each is of the same object, its ETag says. What was cut off goes on with the pieces that are there (part_file.h).
 *
 * In order: the file; its bytes and what they sum up to; the steps. */
#include "api/client/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/client/part_file.h"
#include "storage/base/io.h"
#include "storage/digest/digest.h"

#define TEMPORARY ".sluice.XXXXXX"

/* ---- The file ---- */

/* The folders that its name needs. */
static int make_folders(const char *path)
{
    char *copy = strdup(path), *at;
    int err = 0;

    if (copy == NULL)
        return -ENOMEM;
    for (at = strchr(copy + 1, '/'); err == 0 && at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST)
            err = -errno;
        *at = '/';
    }
    free(copy);
    return err;
}

static int open_temporary(struct client_transfer *transfer)
{
    const char *slash = strrchr(transfer->to, '/');
    size_t folder = slash != NULL ? (size_t)(slash - transfer->to) + 1 : 0,
           bytes = folder + sizeof(TEMPORARY);

    if ((transfer->temporary = malloc(bytes)) == NULL)
        return -ENOMEM;
    (void)snprintf(transfer->temporary, bytes, "%.*s" TEMPORARY, (int)folder, transfer->to);
    transfer->fd = mkostemp(transfer->temporary, O_CLOEXEC);
    return transfer->fd >= 0 ? 0 : -errno;
}

/* A new name would take the place of what is there: of a device for good, and of a link instead of what it leads to. */
static int check_target(struct client_transfer *transfer)
{
    struct stat status;
    char *real = NULL;

    if (lstat(transfer->to, &status) != 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : client_transfer_fail(transfer, -errno, NULL);
    if (S_ISREG(status.st_mode))
        return 0;
    if (S_ISLNK(status.st_mode) && (real = realpath(transfer->to, NULL)) != NULL &&
        stat(real, &status) == 0 && S_ISREG(status.st_mode)) {
        free(transfer->to);
        transfer->to = real;
        return 0;
    }
    free(real);
    return client_transfer_fail(transfer, -EEXIST,
                                "%s is there, and is no regular file: - is standard output", transfer->to);
}

/* A large one goes on where an earlier run was cut off. */
static int open_file(struct client_worker *worker, struct client_transfer *transfer)
{
    if (transfer->piece_count > 0 && !worker->options->never_resumes &&
        (transfer->is_part_file = client_part_file_open(transfer)))
        return 0;
    return open_temporary(transfer);
}

static int create(struct client_worker *worker, struct client_transfer *transfer)
{
    int err = check_target(transfer);

    if (err != 0)
        return err;
    err = open_file(worker, transfer);
    if (err == -ENOENT) {
        free(transfer->temporary);
        transfer->temporary = NULL;
        if ((err = make_folders(transfer->to)) == 0)
            err = open_file(worker, transfer);
    }
    if (err != 0) {
        free(transfer->temporary);
        transfer->temporary = NULL;
        return client_transfer_fail(transfer, err, "%s: %s", transfer->to, strerror(-err));
    }
    /* a disk that has no room says so before the bytes come; a file system that cannot reserve does without */
    if (transfer->size > 0 && fallocate(transfer->fd, 0, 0, (off_t)transfer->size) != 0 && errno == ENOSPC)
        return client_transfer_fail(transfer, -ENOSPC, NULL);
    return 0;
}

/* What was found to be wrong, or of another object, is of no use to a later run; nor is a file without a piece. */
static bool is_of_use(const struct client_transfer *transfer, int err)
{
    bool has_piece = false;

    for (unsigned i = 0; transfer->parts != NULL && i < transfer->piece_count; i++)
        has_piece = has_piece || transfer->parts[i].has_crc;
    return transfer->is_part_file && has_piece && err != -EBADMSG && err != -ESTALE;
}

static void discard(struct client_transfer *transfer, int err)
{
    if (transfer->temporary != NULL && !is_of_use(transfer, err))
        (void)unlink(transfer->temporary); /* nobody knows of it */
    free(transfer->temporary);
    transfer->temporary = NULL;
}

/* With the time of the object, so that a comparison by time holds. */
static int publish(struct client_worker *worker, struct client_transfer *transfer)
{
    const struct timespec times[2] = {{0, UTIME_OMIT},
                                      {transfer->modified_ms / 1000, transfer->modified_ms % 1000 * 1000000}};
    int fd = transfer->fd, err;

    if (transfer->is_part_file && (err = client_part_file_end(transfer)) != 0)
        return client_transfer_fail(transfer, err, NULL);
    transfer->fd = -1;
    if (fchmod(fd, worker->options->file_mode) != 0 ||
        (transfer->modified_ms > 0 && futimens(fd, times) != 0)) {
        err = -errno;
        (void)close(fd);
        return client_transfer_fail(transfer, err, NULL);
    }
    if (close(fd) != 0 || rename(transfer->temporary, transfer->to) != 0)
        return client_transfer_fail(transfer, -errno, NULL);
    free(transfer->temporary);
    transfer->temporary = NULL;
    return 0;
}

/* ---- Its bytes ---- */

/* libcurl gives up to 16 KiB at a time, which begin anywhere in a page: they are collected, so that the file gets whole pages. */
struct receiving {
    struct client_transfer *transfer;
    uint64_t offset, length, length_max, crc;
    char *buffer; /* CLIENT_WRITE_BYTES; NULL: of little there is nothing to collect */
    size_t held;  /* in it: the last of `length` */
    struct client_progress *progress;
};

static int write_out(struct receiving *receiving, const void *data, size_t length, uint64_t offset)
{
    struct client_transfer *transfer = receiving->transfer;
    int err;

    pthread_mutex_lock(&transfer->writing);
    err = write_whole(transfer->fd, data, length, offset);
    pthread_mutex_unlock(&transfer->writing);
    return err;
}

static int write_held(struct receiving *receiving)
{
    size_t held = receiving->held;

    receiving->held = 0;
    return held == 0
               ? 0
               : write_out(receiving, receiving->buffer, held, receiving->offset + receiving->length - held);
}

static int collect(struct receiving *receiving, const char *data, size_t length)
{
    while (length > 0) {
        size_t room = CLIENT_WRITE_BYTES - receiving->held, count = length < room ? length : room;
        int err;

        memcpy(receiving->buffer + receiving->held, data, count);
        receiving->held += count;
        receiving->length += count;
        data += count;
        length -= count;
        if (receiving->held == CLIENT_WRITE_BYTES && (err = write_held(receiving)) != 0)
            return err;
    }
    return 0;
}

static int receive(void *ctx, const void *data, size_t length)
{
    struct receiving *receiving = ctx;
    int err;

    if (length > receiving->length_max - receiving->length)
        return -EPROTO; /* more than was asked for */
    receiving->crc = crc64nvme_update(receiving->crc, data, length);
    if (receiving->buffer != NULL)
        return collect(receiving, data, length);
    err = write_out(receiving, data, length, receiving->offset + receiving->length);
    receiving->length += length;
    return err;
}

static void restart(void *ctx)
{
    struct receiving *receiving = ctx;

    atomic_fetch_sub(&receiving->progress->bytes_done, receiving->length);
    receiving->length = receiving->crc = receiving->held = 0;
}

static int compare(struct client_transfer *transfer, const struct client_object *object, uint64_t crc)
{
    const struct client_bytes bytes = {.fd = transfer->fd, .length = transfer->size};

    return client_transfer_compare(transfer, &bytes, object, crc);
}

static int get(struct client_worker *worker, struct client_transfer *transfer, uint64_t offset,
               uint64_t length, struct receiving *receiving, struct client_object *object)
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
    int err;

    *receiving = (struct receiving){
        .transfer = transfer,
        .offset = offset,
        .length_max = length,
        .buffer = length > CLIENT_SIGNED_BODY_BYTES_MAX ? malloc(CLIENT_WRITE_BYTES) : NULL,
        .progress = worker->options->progress,
    };
    err = client_object_get(worker->from, &get, receive, receiving, object);
    if (err == 0 && (err = write_held(receiving)) != 0)
        err = client_transfer_fail(transfer, err, NULL);
    free(receiving->buffer);
    receiving->buffer = NULL;
    if (err == -ESTALE)
        return client_transfer_fail(transfer, err, "it changed while it was being fetched");
    if (err != 0)
        return client_transfer_blame(transfer, worker->from, err);
    return receiving->length == length
               ? 0
               : client_transfer_fail(transfer, -EPROTO, "the server sent less than it has");
}

/* ---- The steps ---- */

/* What a listing has not said, or, of a large one, what it does not say: a checksum of the whole. */
static int look(struct client_worker *worker, struct client_transfer *transfer)
{
    struct client_object object;
    int err = client_object_head(worker->from, transfer->from_bucket, transfer->from, transfer->from_version,
                                 &object);

    if (err != 0)
        return client_transfer_blame(transfer, worker->from, err);
    transfer->size = object.size;
    transfer->modified_ms = object.modified_ms;
    (void)snprintf(transfer->etag, sizeof(transfer->etag), "%s", object.etag);
    atomic_fetch_add(&worker->options->progress->bytes_all, object.size);
    return 0;
}

static int end(struct client_worker *worker, struct client_transfer *transfer, int err)
{
    if (err == 0)
        err = publish(worker, transfer);
    if (err == 0 && transfer->removes_source &&
        (err = client_object_delete(worker->from, transfer->from_bucket, transfer->from,
                                    transfer->from_version)) != 0)
        err = client_transfer_blame(transfer, worker->from, err);
    discard(transfer, err);
    return err;
}

static int begin(struct client_worker *worker, struct client_transfer *transfer)
{
    struct client_object object;
    struct receiving receiving;
    int err = transfer->has_size ? 0 : look(worker, transfer);

    if (err == 0 && transfer->size > worker->options->part_bytes) {
        transfer->piece_bytes = client_part_bytes(transfer->size, worker->options->part_bytes);
        transfer->piece_count =
            (unsigned)((transfer->size + transfer->piece_bytes - 1) / transfer->piece_bytes);
    }
    if (err != 0 || (err = create(worker, transfer)) != 0) {
        transfer->piece_count = 0;
        discard(transfer, err);
        return err;
    }
    if (transfer->piece_count > 0) {
        if ((transfer->parts = calloc(transfer->piece_count, sizeof(transfer->parts[0]))) != NULL)
            return 1;
        return end(worker, transfer, -ENOMEM);
    }
    if ((err = get(worker, transfer, 0, transfer->size, &receiving, &object)) == 0)
        err = compare(transfer, &object, receiving.crc);
    return end(worker, transfer, err);
}

static int piece(struct client_worker *worker, struct client_transfer *transfer, unsigned index)
{
    struct client_bytes bytes = client_piece_of(transfer, index);
    struct client_object object;
    struct client_part *part = &transfer->parts[index];
    struct receiving receiving;
    int err;

    if (transfer->is_part_file && client_part_file_has(transfer, index)) {
        atomic_fetch_add(&worker->options->progress->bytes_done, bytes.length);
        part->has_crc = part->is_resumed = true;
        return 0;
    }
    if ((err = get(worker, transfer, bytes.offset, bytes.length, &receiving, &object)) != 0)
        return err;
    part->crc = receiving.crc;
    part->has_crc = true;
    if (transfer->is_part_file)
        client_part_file_note(transfer, index);
    return 0;
}

static int finish(struct client_worker *worker, struct client_transfer *transfer)
{
    struct client_object object = {.etag = ""};
    uint64_t crc = 0;
    int err = transfer->err;

    for (unsigned i = 0; i < transfer->piece_count; i++)
        transfer->resumed_bytes += transfer->parts[i].is_resumed ? client_piece_of(transfer, i).length : 0;
    for (unsigned i = 0; err == 0 && i < transfer->piece_count; i++)
        crc = client_crc_combine(crc, transfer->parts[i].crc, client_piece_of(transfer, i).length);
    if (err == 0 && (err = client_object_head(worker->from, transfer->from_bucket, transfer->from,
                                              transfer->from_version, &object)) != 0)
        err = client_transfer_blame(transfer, worker->from, err);
    if (err == 0 && strcmp(object.etag, transfer->etag) != 0)
        err = client_transfer_fail(transfer, -ESTALE, "it changed while it was being fetched");
    return end(worker, transfer, err == 0 ? compare(transfer, &object, crc) : err);
}

const struct client_transfer_steps client_download_steps = {begin, piece, finish};
