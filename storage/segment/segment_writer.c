/* SPDX-License-Identifier: MIT
 *
 * Writing units into the open segment, one write for all that fit, and syncing it once for all of them.
 *
 *   segment_write (-> segment_entry_write) -> segment_sync_begin -> (the caller's rows)
 *     -> segment_sync_end -> (commit) -> segment_batch_end
 *
 * segment_sync_begin only starts the write to the disk, which then works while the caller makes its rows; segment_sync_end
 * waits for the rest. A whole sync on another thread took longer on few cores, for that thread has to get the CPU twice.
 *
 * A segment is sealed when it is full, after an error, and when ids have run far ahead of it, since recovery has to look at
 * every id above the oldest that is not settled. What was sealed is told at the end of the batch, when no change that rests
 * on it is under way.
 *
 * The journal at the other end of the segment is written by segment_journal.c; here it is room that units have not got, and bytes
 * that a sync covers. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "storage/base/disk_error.h"
#include "storage/base/io.h"
#include "storage/segment/segment_internal.h"
#include "storage/base/sys.h"

/* The next segment is made when so much of the present one is used. */
#define PREPARE_AT(capacity) ((capacity) / 2)

#define GROWTH 4u

/* Units written by one call. */
#define GROUP_UNITS_MAX 128u

_Static_assert(GROUP_UNITS_MAX <= IOV_MAX, "a group is one pwritev");
_Static_assert(SEGMENT_BYTES_MIN >= SEGMENT_ALIGN_BYTES + SEGMENT_UNIT_BYTES_MAX,
               "a unit fits into any segment");
_Static_assert(SEGMENT_BYTES_MIN % SEGMENT_ALIGN_BYTES == 0 && SEGMENT_BYTES_MAX % SEGMENT_ALIGN_BYTES == 0,
               "a journal takes whole blocks");
_Static_assert(SEGMENT_UNIT_BYTES_MAX % SEGMENT_ALIGN_BYTES == 0, "units take whole blocks");

uint32_t segment_unit_room(uint32_t length)
{
    return (length + SEGMENT_ALIGN_BYTES - 1) / SEGMENT_ALIGN_BYTES * SEGMENT_ALIGN_BYTES;
}

/* ---- Opening and sealing ---- */

static void note_sync_result(struct segment_writer *writer, int result)
{
    if (result >= 0)
        return;
    blob_store_log(writer->store, LOG_LEVEL_ERROR, "cannot sync a segment: %s", strerror(-result));
    if (writer->sync_result == 0)
        writer->sync_result = disk_error(result);
}

static bool is_dirty(const struct segment_writer *writer)
{
    return writer->store->options.durable && writer->open != NULL &&
           (writer->units_synced < writer->open->used || writer->open->journal < writer->journal_synced);
}

static void note_synced(struct segment_writer *writer)
{
    segment_check(writer->open);
    writer->units_synced = writer->open->used;
    writer->journal_synced = writer->open->journal;
}

/* Syncs what the open segment has. */
static int sync_open(struct segment_writer *writer)
{
    int err = is_dirty(writer) && sys.fdatasync(writer->open->fd) != 0 ? -errno : 0;

    if (writer->open != NULL)
        note_synced(writer);
    note_sync_result(writer, err);
    return err;
}

/* Bytes of this batch that lie in it are synced now. */
void segment_writer_seal(struct segment_writer *writer)
{
    struct segment *segment = writer->open;

    if (segment == NULL)
        return;
    if (sync_open(writer) != 0)
        segment->is_doubtful = true;
    writer->open = NULL;
    close(segment->fd); /* synced, or not to be trusted anyway */
    segment->fd = -1;
    segment->next = writer->sealed;
    writer->sealed = segment;
}

static void grow_next(struct segment_writer *writer)
{
    writer->next_bytes =
        writer->next_bytes >= SEGMENT_BYTES_MAX / GROWTH ? SEGMENT_BYTES_MAX : writer->next_bytes * GROWTH;
}

/* Where there is no room for a large one, a smaller one may fit: small bodies are taken until the disk is really full. */
static int take_next(struct segment_writer *writer, struct segment **segment)
{
    int err;

    while ((err = segment_maker_take(writer->maker, writer->next_bytes, segment)) == -ENOSPC ||
           err == -EDQUOT) {
        if (writer->next_bytes == SEGMENT_BYTES_MIN)
            break;
        writer->next_bytes = SEGMENT_BYTES_MIN;
    }
    return err;
}

/* Makes sure that a segment is open that has room for `bytes`. */
static int open_for(struct segment_writer *writer, uint32_t bytes)
{
    struct segment *segment;
    int err;

    if (writer->open != NULL && writer->open->journal - writer->open->used >= bytes)
        return 0;
    segment_writer_seal(writer);
    for (;;) {
        if ((err = take_next(writer, &segment)) != 0)
            return err;
        if (segment_age(writer->store, segment) <= BLOB_ID_BLOCK)
            break;
        segment_discard(writer->store, segment); /* made long ago */
    }
    assert(segment->journal - segment->used >= bytes); /* any unit fits into any new segment */
    writer->open = segment;
    note_synced(writer);
    grow_next(writer);
    return 0;
}

/* ---- Writing ---- */

struct group {
    struct iovec list[GROUP_UNITS_MAX];
    struct segment_unit *units[GROUP_UNITS_MAX];
    int count;
    uint64_t bytes;
};

int segment_write_list(int fd, struct iovec *list, int count, uint64_t offset)
{
    assert(fd >= 0 && count > 0);
    while (count > 0) {
        ssize_t n = IO_RETRY(sys.pwritev(fd, list, count, (off_t)offset));

        if (n <= 0)
            return n == 0 ? -EIO : -errno;
        offset += (uint64_t)n;
        while (count > 0 && (size_t)n >= list->iov_len) {
            n -= (ssize_t)list->iov_len;
            ++list;
            --count;
        }
        if (count > 0) {
            list->iov_base = (char *)list->iov_base + n;
            list->iov_len -= (size_t)n;
        }
    }
    return 0;
}

void segment_write_failed(struct segment_writer *writer, int err)
{
    assert(writer->open != NULL && err < 0);
    blob_store_log(writer->store, LOG_LEVEL_ERROR, "cannot write to segment %016llx: %s",
                   (unsigned long long)writer->open->blob, strerror(-err));
    segment_writer_seal(writer); /* what comes after `used` is cut off with it */
}

/* As many units of the list as fit. */
static struct segment_unit *gather(const struct segment *segment, struct segment_unit *first,
                                   struct group *group)
{
    struct segment_unit *unit = first;

    group->count = 0;
    group->bytes = 0;
    for (; unit != NULL && group->count < (int)GROUP_UNITS_MAX; unit = unit->next) {
        uint32_t room = segment_unit_room(unit->length);

        if (segment->journal - segment->used - group->bytes < room)
            break;
        group->units[group->count] = unit;
        group->list[group->count++] = (struct iovec){(void *)(uintptr_t)unit->data, room};
        group->bytes += room;
    }
    return unit;
}

static void group_end(struct segment_writer *writer, const struct group *group, int result)
{
    struct segment *segment = writer->open;
    uint64_t offset = segment->used;

    for (int i = 0; i < group->count; ++i) {
        struct segment_unit *unit = group->units[i];

        unit->result = result == 0 ? 0 : disk_error(result);
        unit->at = result == 0 ? (struct blob_unit){segment->blob, offset} : (struct blob_unit){0, 0};
        offset += segment_unit_room(unit->length);
    }
    if (result == 0) {
        segment->used = offset;
        segment_check(segment);
        return;
    }
    segment_write_failed(writer, result);
}

static void fail_all(struct segment_unit *unit, int err)
{
    for (; unit != NULL; unit = unit->next) {
        unit->result = err;
        unit->at = (struct blob_unit){0, 0};
    }
}

void segment_prepare_next(struct segment_writer *writer)
{
    const struct segment *segment = writer->open;

    if (segment != NULL &&
        segment->used + (segment->capacity - segment->journal) >= PREPARE_AT(segment->capacity))
        segment_maker_want(writer->maker, writer->next_bytes);
}

void segment_write(struct segment_writer *writer, struct segment_unit *first)
{
    struct group group;
    int err;

    if (writer->open != NULL && segment_age(writer->store, writer->open) > BLOB_ID_BLOCK)
        segment_writer_seal(writer);
    while (first != NULL) {
        struct segment_unit *unit = first;

        assert(first->data != NULL && first->length > 0);
        assert(first->length <= SEGMENT_UNIT_BYTES_MAX);
        if ((err = open_for(writer, segment_unit_room(first->length))) != 0) {
            fail_all(first, disk_error(err));
            return;
        }
        first = gather(writer->open, unit, &group);
        assert(group.count > 0 && first != unit); /* there was room for one at least */
        group_end(writer, &group,
                  segment_write_list(writer->open->fd, group.list, group.count, writer->open->used));
    }
    segment_prepare_next(writer);
}

uint64_t segment_writer_blob(const struct segment_writer *writer)
{
    return writer->open != NULL ? writer->open->blob : 0;
}

/* ---- Syncing ---- */

/* Only a beginning: the sync meets and reports whatever is wrong. One call from the first new unit to the end of the newest entry: what
 * lies between was never written since the segment was made, or is on the disk, and is not written again. */
void segment_sync_begin(struct segment_writer *writer)
{
    uint64_t begin, end;

    if (!is_dirty(writer))
        return;
    begin = writer->units_synced < writer->open->used ? writer->units_synced : writer->open->journal;
    end = writer->open->journal < writer->journal_synced ? writer->journal_synced : writer->open->used;
    assert(begin < end); /* a length of 0 would mean all of the file */
    (void)sync_file_range(writer->open->fd, (off_t)begin, (off_t)(end - begin), SYNC_FILE_RANGE_WRITE);
}

int segment_sync_end(struct segment_writer *writer)
{
    int result;

    (void)sync_open(writer); /* noted */
    result = writer->sync_result;
    assert(result <= 0 && !is_dirty(writer));
    writer->sync_result = 0;
    if (result != 0 && writer->open != NULL) {
        /* After a failed sync the next one may call lost pages a success: nothing is written here any more. */
        writer->open->is_doubtful = true;
        segment_writer_seal(writer);
    }
    return result;
}

void segment_batch_end(struct segment_writer *writer, bool is_certain)
{
    if (!is_certain) {
        if (writer->open != NULL)
            writer->open->is_doubtful = true;
        segment_writer_seal(writer);
        for (struct segment *segment = writer->sealed; segment != NULL; segment = segment->next)
            segment->is_doubtful = true;
    }
    while (writer->sealed != NULL) {
        struct segment *segment = writer->sealed;

        writer->sealed = segment->next;
        assert(segment->fd < 0 && segment->blob != 0 && segment->used >= SEGMENT_ALIGN_BYTES);
        writer->on_sealed(writer->ctx, segment->blob, segment->used, !segment->is_doubtful);
        free(segment);
    }
}

/* ---- Beginning and end ---- */

void segment_writer_idle(struct segment_writer *writer)
{
    if (writer->open != NULL && segment_age(writer->store, writer->open) > BLOB_ID_BLOCK)
        segment_writer_seal(writer);
    segment_maker_expire(writer->maker);
    segment_batch_end(writer, true);
}

void segment_writer_expect(struct segment_writer *writer)
{
    segment_maker_want(writer->maker, SEGMENT_BYTES_MIN);
}

int segment_writer_create(struct segment_writer **out, struct blob_store *store, segment_sealed_fn on_sealed,
                          void *ctx)
{
    struct segment_writer *writer = calloc(1, sizeof(*writer));
    int err = writer == NULL ? -ENOMEM : 0;

    assert(on_sealed != NULL && !store->options.read_only);
    if (err == 0 && (writer->maker = segment_maker_create(store)) == NULL)
        err = -ENOMEM;
    if (err != 0) {
        free(writer);
        return err;
    }
    writer->store = store;
    writer->on_sealed = on_sealed;
    writer->ctx = ctx;
    writer->next_bytes = SEGMENT_BYTES_MIN;
    blob_store_hold(store);
    *out = writer;
    return 0;
}

void segment_writer_destroy(struct segment_writer *writer)
{
    struct blob_store *store;

    if (writer == NULL)
        return;
    store = writer->store;
    (void)segment_sync_end(writer); /* of a batch nobody waits for */
    segment_writer_seal(writer);
    segment_batch_end(writer, true);
    assert(writer->open == NULL && writer->sealed == NULL);
    segment_maker_destroy(writer->maker);
    free(writer);
    blob_store_release(store);
}
