/* SPDX-License-Identifier: MIT
 *
 * The end of an upload: an id promised, a record of it written after the last byte, a name given, file and folder synced. And the
 * way back: whatever of these steps was done is undone when the writer is freed before the last of them.
 *
 *   ID -> RECORD -> LINK -> SYNC of file and folder -> FILE_DURABLE
 *   ID -> RECORD --(it is to be published)--> LINK -> FILE_DURABLE                 in a relaxed store
 *
 * In a durable store all of it begins as soon as the last byte is in the file, and runs beside the digests. The name comes before the
 * syncs, so that both run at the same time: one after the other, with the name between them, they took two waits for the disk. A name
 * shows nobody the bytes: a row does, and that comes when both are over. A crash before that leaves a file without a row, which the
 * next start finds by its id and removes, whatever is in it. An upload that comes to nothing then costs a name for a moment, and an
 * id, of which there are plenty.
 *
 * No failed sync is ever tried again: after one the kernel may have dropped the pages and call the next one a
 * success.
 *
 * On the thread of the writer's ring. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "storage/ingress/blob_writer_parts.h"

static void publish_record(struct blob_writer *writer)
{
    assert(writer->blob != 0 && writer->fd >= 0 && writer->written == writer->taken);
    if (writer->record_length == 0)
        writer->record_length =
            blob_record_make(writer->store, writer->blob, writer->written, writer->record);
    ring_write(writer->ring, writer_step_begin(writer, STEP_RECORD), writer->fd,
               writer->record + writer->record_written,
               (uint32_t)(writer->record_length - writer->record_written),
               writer->written + writer->record_written);
}

static void publish_sync(struct blob_writer *writer)
{
    assert(writer->file == FILE_NAMED && !writer->syncs_folder);
    writer->syncs_file = writer->syncs_folder = true;
    ring_fdatasync(writer->ring, writer_step_begin(writer, STEP_SYNC), writer->fd);
    blob_folder_sync(writer->store, blob_folder_of(writer->blob), writer->folder_failures, &writer->waiter);
}

static void publish_link(struct blob_writer *writer)
{
    struct ring_op *op = writer_step_begin(writer, STEP_LINK);

    assert(writer->blob != 0);
    blob_path_format(writer->path, writer->blob);
    writer->folder_failures = blob_folder_failures(writer->store, blob_folder_of(writer->blob));
    if (writer->staged)
        ring_renameat(writer->ring, op, writer->store->staging_fd, writer->staging_name,
                      writer->store->blobs_fd, writer->path);
    else
        ring_link_fd(writer->ring, op, writer->fd, writer->store->blobs_fd, writer->path);
}

static void publish_id(struct blob_writer *writer)
{
    int err = blob_ids_take(writer->store, &writer->blob, &writer->waiter);

    if (err == -EINPROGRESS)
        writer->step = STEP_ID;
    else if (err != 0)
        writer_fail(writer, err);
    else
        publish_record(writer);
}

void writer_publish_start(struct blob_writer *writer)
{
    bool is_durable = writer->store->options.durable, wants_name = writer->owner == OWNER_PUBLISHES;

    assert(writer->step == STEP_NONE && writer->bytes == BYTES_IN_FILE);
    if (writer->taken == 0) { /* an empty blob needs no file */
        if (wants_name)
            writer->file = FILE_DURABLE;
        return;
    }
    if (writer->file == FILE_READY && writer->blob == 0)
        publish_id(writer);
    else if (writer->file == FILE_READY)
        publish_record(writer);
    else if (writer->file == FILE_RECORDED && (is_durable || wants_name))
        publish_link(writer);
    else if (writer->file == FILE_NAMED)
        publish_sync(writer);
}

bool writer_sync_file_done(struct blob_writer *writer, int32_t result)
{
    assert(writer->syncs_file);
    writer->syncs_file = false;
    if (result < 0 && !writer->detached)
        writer_fail_disk(writer, result);
    return !writer->syncs_folder;
}

bool writer_sync_folder_done(struct blob_writer *writer, int32_t result)
{
    assert(writer->syncs_folder);
    writer->syncs_folder = false;
    if (result < 0 && !writer->detached)
        writer_fail(writer, result);
    return !writer->syncs_file;
}

void writer_sync_done(struct blob_writer *writer, int32_t result)
{
    assert(!writer->syncs_file && !writer->syncs_folder);
    if (writer->error == 0)
        writer->file = FILE_DURABLE;
}

void writer_record_done(struct blob_writer *writer, int32_t result)
{
    if (result <= 0) {
        writer_fail_disk(writer, result == 0 ? -EIO : result);
        return;
    }
    writer->record_written += (size_t)result;
    assert(writer->record_written <= writer->record_length);
    if (writer->record_written == writer->record_length)
        writer->file = FILE_RECORDED;
}

/* There is an id to be had now, or there will be none. */
void writer_id_done(struct blob_writer *writer, int32_t result)
{
    if (result < 0)
        writer_fail(writer, result);
}

void writer_named(struct blob_writer *writer)
{
    writer->file = FILE_NAMED;
    writer->staged = false;
}

void writer_link_done(struct blob_writer *writer, int32_t result)
{
    if (result == -EEXIST) {
        /* A file that this store did not put there. It stays; the next id will do, with a record of its own. */
        blob_store_log(writer->store, LOG_LEVEL_WARNING, "blobs/%s is there already; left alone",
                       writer->path);
        blob_ids_settle(&writer->store->ids, writer->blob);
        writer->blob = 0;
        writer->record_length = writer->record_written = 0;
        writer->file = FILE_READY;
        return;
    }
    if (result < 0) {
        writer_fail_disk(writer, result);
        return;
    }
    writer_named(writer);
    if (!writer->store->options.durable)
        writer->file = FILE_DURABLE;
}

bool writer_waiter_forget(struct blob_writer *writer)
{
    if (writer->step == STEP_ID)
        return blob_ids_forget(writer->store, &writer->waiter);
    if (writer->step == STEP_SYNC && writer->syncs_folder &&
        blob_folder_forget(writer->store, blob_folder_of(writer->blob), &writer->waiter))
        return writer_sync_folder_done(writer, 0);
    return false;
}

/* ---- The way back ---- */

bool writer_undo_start(struct blob_writer *writer)
{
    assert(writer->detached && writer->stream == NULL && writer->mailbox == NULL);
    if (writer->blob != 0) {
        if (writer->file >= FILE_NAMED) {
            ring_unlinkat(writer->ring, writer_step_begin(writer, STEP_UNLINK), writer->store->blobs_fd,
                          writer->path);
            return true;
        }
        blob_ids_settle(&writer->store->ids, writer->blob);
        writer->blob = 0;
        writer->file = FILE_OPEN;
    }
    if (writer->staged) {
        ring_unlinkat(writer->ring, writer_step_begin(writer, STEP_UNLINK_STAGING), writer->store->staging_fd,
                      writer->staging_name);
        return true;
    }
    if (writer->fd >= 0) { /* in the ring: the last close of an abandoned file frees all its blocks */
        ring_close(writer->ring, writer_step_begin(writer, STEP_CLOSE), writer->fd);
        return true;
    }
    return false;
}

void writer_undo_done(struct blob_writer *writer, int32_t result)
{
    switch (writer->step) {
    case STEP_UNLINK:
        if (result == 0 || result == -ENOENT)
            blob_ids_settle(&writer->store->ids, writer->blob);
        else /* unsettled on purpose: the next start probes this id and removes the file */
            blob_store_log(writer->store, LOG_LEVEL_ERROR, "cannot remove the unpublished blobs/%s: %s",
                           writer->path, strerror(-result));
        writer->blob = 0;
        writer->file = FILE_OPEN;
        break;
    case STEP_UNLINK_STAGING: /* harmless if it fails: staging/ is emptied at each start */
        writer->staged = false;
        break;
    case STEP_CLOSE: /* harmless if it fails: what matters was synced, or is unwanted */
        writer->fd = -1;
        writer->file = FILE_NONE;
        break;
    default:
        assert(!"not a step of undoing");
    }
}
