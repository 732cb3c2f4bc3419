/* SPDX-License-Identifier: MIT
 *
 * The beginning of an upload: a file without a name (or, where the file system has no O_TMPFILE, with one
 * below staging/), and its space, of which blob_reserve.c says how much.
 *
 * On the thread of the writer's ring. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "storage/ingress/blob_writer_parts.h"

/* What the first moments can tell: nothing to open for a body known to be empty, no room for one that cannot
 * fit. */
void writer_create_check(struct blob_writer *writer)
{
    if (!blob_store_takes(writer->store, writer->length))
        writer_fail(writer, -ENOSPC);
    else if (writer->length == 0)
        writer->file = FILE_READY;
    writer_reserve_choose(writer);
}

static void writer_open_start(struct blob_writer *writer)
{
    struct blob_store *store = writer->store;

    if (!atomic_load(&store->no_tmpfile)) {
        ring_openat(writer->ring, writer_step_begin(writer, STEP_OPEN), store->blobs_fd, ".",
                    O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        return;
    }
    snprintf(writer->staging_name, sizeof(writer->staging_name), "%016" PRIxFAST64,
             atomic_fetch_add(&store->staging_next, 1));
    ring_openat(writer->ring, writer_step_begin(writer, STEP_OPEN_STAGING), store->staging_fd,
                writer->staging_name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

void writer_opened(struct blob_writer *writer, int fd)
{
    assert(writer->file == FILE_NONE && writer->fd < 0);
    writer->fd = fd;
    writer->file = FILE_OPEN;
}

void writer_open_done(struct blob_writer *writer, int32_t result)
{
    /* EISDIR and ENOENT: kernels and network file systems that read O_TMPFILE as "open this folder". */
    if (result == -EOPNOTSUPP || result == -EISDIR || result == -ENOENT) {
        blob_store_log_once(writer->store, &writer->store->no_tmpfile,
                            "no O_TMPFILE on this file system; uploads go through staging/");
        return;
    }
    if (result < 0)
        writer_fail_disk(writer, result);
    else
        writer_opened(writer, result);
}

void writer_open_staging_done(struct blob_writer *writer, int32_t result)
{
    if (result < 0) {
        writer_fail_disk(writer, result);
        return;
    }
    writer_opened(writer, result);
    writer->staged = true;
}

bool writer_reserve_start(struct blob_writer *writer)
{
    uint64_t from;
    int64_t bytes = writer_reserve_next(writer, &from);

    if (bytes < 0)
        writer_fail(writer, (int)bytes);
    if (bytes <= 0)
        return false;
    /* KEEP_SIZE: the digest threads and a fallen-short body must see the true length. */
    ring_fallocate(writer->ring, writer_step_begin(writer, STEP_RESERVE), writer->fd, FALLOC_FL_KEEP_SIZE,
                   from, (uint64_t)bytes);
    return true;
}

void writer_reserve_done(struct blob_writer *writer, int32_t result)
{
    bool is_refused = result == -EOPNOTSUPP || result == -ENOSYS;

    if (is_refused)
        blob_store_log_once(
            writer->store, &writer->store->no_reserve,
            "this file system cannot reserve space; a full disk shows only while uploads arrive");
    else if (result < 0)
        writer_fail_disk(writer, result);
    if (result < 0)
        writer_reserve_refused(writer);
    if (writer->file == FILE_OPEN && writer->error == 0)
        writer->file = FILE_READY;
}

void writer_create_start(struct blob_writer *writer)
{
    if (writer->file == FILE_NONE)
        writer_open_start(writer);
    else if (!writer_reserve_start(writer) && writer->error == 0)
        writer->file = FILE_READY;
}
