/* SPDX-License-Identifier: MIT
 *
 * What must be true of a blob writer between two events: each side alone, the sides together, and each step in its place. A failure of
 * a disk or a client never shows here, only a mistake in the files around this one. A writer that has failed or was freed stands still
 * wherever it was: of it less is asked.
 *
 * On the thread of the writer's ring. */
#include <assert.h>

#include "storage/ingress/blob_writer_parts.h"

static void check_file(const struct blob_writer *writer)
{
    bool has_file = writer->file != FILE_NONE && writer->length != 0;

    assert((writer->fd >= 0) == has_file);
    assert(!writer->staged || (has_file && writer->file < FILE_NAMED));
    assert(writer->blob == 0 || writer->bytes == BYTES_IN_FILE);
    assert(writer->record_written <= writer->record_length);
    if (writer->file < FILE_RECORDED || writer->taken == 0)
        return;
    assert(writer->record_length > 0 && writer->record_written == writer->record_length);
    assert(writer->blob != 0 || writer->owner == OWNER_HAS_BLOB);
}

static void check_bytes(const struct blob_writer *writer)
{
    /* A pump has more in the file than the owner knows of yet. */
    uint64_t untold = writer->pump_result > 0 ? (uint64_t)writer->pump_result : 0;

    assert(writer->written <= writer->taken + untold);
    assert(writer->taken <= writer->length);
    assert(writer->written == 0 || writer->file >= FILE_READY || writer->detached);
    assert(writer->filling == NULL || writer->filling->state == HOP_FILLING);
    if (writer->bytes == BYTES_IN_FILE)
        assert(writer->written == writer->taken && queue_is_empty(&writer->queued) &&
               writer->filling == NULL);
}

static void check_sums(const struct blob_writer *writer)
{
    assert((writer->stream != NULL) == (writer->sums == SUMS_FOLLOW || writer->sums == SUMS_IN_FILE));
    assert((writer->mailbox != NULL) == (writer->sums == SUMS_FINISHED));
    assert(writer->sums != SUMS_FINISHED || writer->bytes == BYTES_IN_FILE);
    assert(writer->pump_set == NULL || writer->sums == SUMS_NONE || writer->sums == SUMS_KNOWN);
}

/* Of one that has neither failed nor been freed. */
static void check_owner(const struct blob_writer *writer)
{
    assert(writer->owner < OWNER_FEEDS || writer->file >= FILE_READY);
    assert(writer->owner < OWNER_HAS_SUMS || (writer->bytes != BYTES_COMING && writer->sums == SUMS_KNOWN));
    assert(writer->owner < OWNER_HAS_BLOB || (writer->file == FILE_DURABLE && writer->blob == 0));
    assert(writer->file < FILE_NAMED || writer->owner >= OWNER_PUBLISHES || writer->store->options.durable);
}

/* Where the operation in flight belongs. */
static void check_step(const struct blob_writer *writer)
{
    bool is_durable = writer->store->options.durable;

    switch (writer->step) {
    case STEP_NONE:
        break;
    case STEP_OPEN:
    case STEP_OPEN_STAGING:
        assert(writer->file == FILE_NONE);
        break;
    case STEP_RESERVE:
        assert(writer->file == FILE_OPEN || writer->file == FILE_READY);
        assert(writer->reserved > writer->written && writer->ahead > 0);
        break;
    case STEP_DRAIN:
        assert(writer->file == FILE_READY && !queue_is_empty(&writer->queued));
        break;
    case STEP_PUMP:
        assert(writer->file == FILE_READY && writer->pump_set != NULL && writer->pump_result == PUMP_TOLD);
        break;
    case STEP_ID:
        assert(writer->file == FILE_READY && writer->blob == 0);
        break;
    case STEP_RECORD:
        assert(writer->file == FILE_READY && writer->blob != 0);
        break;
    case STEP_SYNC:
        assert(writer->file == FILE_NAMED && is_durable && (writer->syncs_file || writer->syncs_folder));
        break;
    case STEP_LINK:
        assert(writer->file == FILE_RECORDED && (is_durable || writer->owner == OWNER_PUBLISHES));
        break;
    case STEP_UNLINK:
    case STEP_UNLINK_STAGING:
    case STEP_CLOSE:
        assert(writer->detached && writer->fd >= 0);
        break;
    case STEP_COUNT:
        assert(!"not a step");
    }
}

void writer_state_check(const struct blob_writer *writer)
{
    assert(writer->magic == BLOB_WRITER_MAGIC);
    check_file(writer);
    check_bytes(writer);
    check_sums(writer);
    check_step(writer);
    if (writer->error == 0 && !writer->detached)
        check_owner(writer);
}
