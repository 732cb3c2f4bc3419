/* SPDX-License-Identifier: MIT
 *
 * Space ahead of the bytes of an upload, where its length is known. Only the next step is reserved, shortly before its bytes come, and of
 * all uploads together no more than a share of what is free: what a client announces and never sends must not fill the disk. What cannot
 * be reserved is written without.
 *
 *   |... written ...|... reserved, and to be filled ...|... the rest, as long as it may be ...
 *                          ^ reserve_due: the next look at the disk
 *
 * Each look also sees to it that what is to stay free does, for uploads of unknown length, too. Small uploads are looked at once, when they
 * begin (blob_store_takes).
 *
 * On the thread of the writer's ring. */
#include <assert.h>
#include <errno.h>

#include "storage/ingress/blob_writer_parts.h"

void writer_reserve_choose(struct blob_writer *writer)
{
    struct blob_store *store = writer->store;
    bool keeps_free = atomic_load(&store->min_free_bytes) != 0 || atomic_load(&store->min_free_share) != 0;

    writer->reserve_due = UINT64_MAX;
    if (writer->length == UINT64_MAX)
        writer->reserve_due = keeps_free ? WRITER_RESERVE_EARLY_BYTES : UINT64_MAX;
    else if (writer->length >= WRITER_RESERVE_BYTES_MIN)
        writer->reserve_due = 0;
}

/* Up to the end there is room for the record, which would else be the one thing that a full disk refuses. */
static uint64_t reserve_end(const struct blob_writer *writer)
{
    return writer->length == UINT64_MAX ? UINT64_MAX : writer->length + BLOB_RECORD_BYTES_MAX;
}

/* How much of `wanted` bytes may be taken from the disk ahead of time, which has so much room; it is accounted for. What others have reserved
 * is missing in the room already, or is about to. */
static uint64_t reserve_take(struct blob_writer *writer, uint64_t wanted, uint64_t room)
{
    atomic_uint_fast64_t *ahead = &writer->store->reserved_ahead;
    uint64_t others = atomic_fetch_add(ahead, wanted), granted = wanted;
    uint64_t most = room / WRITER_RESERVE_SHARE;

    if (others > most || wanted > most - others) {
        granted = others < most ? most - others : 0;
        if (granted < WRITER_RESERVE_BYTES_MIN)
            granted = 0;
        atomic_fetch_sub(ahead, wanted - granted);
    }
    writer->ahead += granted;
    return granted;
}

static void reserve_give_back(struct blob_writer *writer, uint64_t bytes)
{
    assert(bytes <= writer->ahead);
    atomic_fetch_sub(&writer->store->reserved_ahead, bytes);
    writer->ahead -= bytes;
}

int64_t writer_reserve_next(struct blob_writer *writer, uint64_t *from)
{
    uint64_t end = reserve_end(writer), room, rest, granted = 0, next;

    if (writer->written < writer->reserve_due || writer->written == writer->length)
        return 0;
    room = blob_store_room_now(writer->store);
    *from = writer->reserved > writer->written ? writer->reserved : writer->written;
    rest = end - *from;
    if (writer->length != UINT64_MAX && !atomic_load(&writer->store->no_reserve))
        granted =
            reserve_take(writer, rest < WRITER_RESERVE_STEP_BYTES ? rest : WRITER_RESERVE_STEP_BYTES, room);
    next = granted > 0 ? granted : WRITER_RESERVE_EARLY_BYTES;
    if (room < (rest < next ? rest : next)) {
        reserve_give_back(writer, granted);
        return -ENOSPC;
    }
    if (granted == 0) {
        writer->reserve_due = writer->written + WRITER_RESERVE_EARLY_BYTES;
        return 0;
    }
    writer->reserved = *from + granted;
    next = granted / 2 < WRITER_RESERVE_EARLY_BYTES ? granted / 2 : WRITER_RESERVE_EARLY_BYTES;
    writer->reserve_due = writer->reserved < end ? writer->reserved - next : UINT64_MAX;
    return (int64_t)granted;
}

void writer_reserve_refused(struct blob_writer *writer)
{
    writer->reserved = writer->written;
    writer->reserve_due = writer->written + WRITER_RESERVE_EARLY_BYTES;
}

void writer_reserve_settle(struct blob_writer *writer)
{
    bool is_filled = writer->file >= FILE_RECORDED || writer->written >= writer->reserved;
    uint64_t ahead = is_filled ? 0 : writer->reserved - writer->written;

    if (ahead < writer->ahead)
        reserve_give_back(writer, writer->ahead - ahead);
}

void writer_reserve_leave(struct blob_writer *writer)
{
    reserve_give_back(writer, writer->ahead);
}
