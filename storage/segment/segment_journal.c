/* SPDX-License-Identifier: MIT
 *
 * The journal of a segment: entries of its owner, at the end of the file, the first one last. Their format, writing one, and
 * reading them back after a crash. What is in them only the owner knows; syncing and sealing are segment_writer.c's.
 *
 *   ... entry 2 | entry 1 |   (end of file)        one entry: | data | zeros | trailer |
 *
 * An entry takes whole blocks of SEGMENT_ALIGN_BYTES. Its trailer lies in the last bytes of the last one, since reading begins at
 * the end: 8 bytes each, little-endian, magic, sequence, length of the data, and the CRC-64/NVME over token, sequence, length, data.
 *
 * The blocks held zeros before (segment_maker.c), so a torn entry fails its CRC. What else may lie at the end of a file is a
 * client's bytes, once the file was cut after its last unit: they cannot have the right CRC, for the token is not in the file.
 * It is a CRC all the same, no signature: whoever can write to the data folder can do harm.
 *
 * Threads: a writer's part as the writer; reading blocks, and is for any thread. */
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/disk_error.h"
#include "storage/base/io.h"
#include "storage/digest/digest.h"
#include "storage/segment/segment_internal.h"
#include "storage/base/sys.h"

#define JOURNAL_MAGIC UINT64_C(0x316c6e72756f4a53) /* "SJournl1" */

/* As it lies in the file. */
struct trailer {
    uint64_t magic, sequence, length, crc;
};

_Static_assert(sizeof(struct trailer) == 32, "no gaps: it is written as it is");
_Static_assert(SEGMENT_BYTES_MIN >= SEGMENT_ALIGN_BYTES + SEGMENT_UNIT_BYTES_MAX + SEGMENT_ENTRY_BYTES_MAX +
                                        SEGMENT_ALIGN_BYTES,
               "the largest entry fits into any segment beside the largest unit");

/* Of an entry with that much data: whole blocks. */
static uint64_t entry_room(uint64_t length)
{
    return (length + sizeof(struct trailer) + SEGMENT_ALIGN_BYTES - 1) / SEGMENT_ALIGN_BYTES *
           SEGMENT_ALIGN_BYTES;
}

static void trailer_make(const struct segment_entry *entry, struct trailer *trailer)
{
    uint64_t crc;

    trailer->magic = htole64(JOURNAL_MAGIC);
    trailer->sequence = htole64(entry->sequence);
    trailer->length = htole64(entry->length);
    crc = crc64nvme_update(0, entry->token, sizeof(entry->token));
    crc = crc64nvme_update(crc, &trailer->sequence, sizeof(trailer->sequence));
    crc = crc64nvme_update(crc, &trailer->length, sizeof(trailer->length));
    trailer->crc = htole64(crc64nvme_update(crc, entry->data, entry->length));
}

/* ---- Writing ---- */

static int entry_write_at(int fd, const struct segment_entry *entry, uint64_t offset)
{
    static const unsigned char zeros[SEGMENT_ALIGN_BYTES];
    struct trailer trailer;
    struct iovec list[] = {
        {(void *)(uintptr_t)entry->data, entry->length},
        {(void *)(uintptr_t)zeros, entry_room(entry->length) - entry->length - sizeof(trailer)},
        {&trailer, sizeof(trailer)},
    };

    trailer_make(entry, &trailer);
    return segment_write_list(fd, list, 3, offset);
}

int segment_entry_write(struct segment_writer *writer, const struct segment_entry *entry)
{
    struct segment *segment = writer->open;
    uint64_t room = entry_room(entry->length);
    int err;

    assert(entry->data != NULL && entry->length > 0);
    assert(entry->length <= SEGMENT_ENTRY_BYTES_MAX);
    if (!writer->store->options.durable)
        return -EOPNOTSUPP;
    if (segment == NULL || segment->journal - segment->used < room)
        return -ENOSPC;
    assert(entry->sequence == segment->entries + 1);
    err = entry_write_at(segment->fd, entry, segment->journal - room);
    if (err != 0) {
        segment_write_failed(writer, err);
        /* The disk may be full; the segment was not, which is what it would say. */
        return err == -ENOSPC ? -EIO : disk_error(err);
    }
    segment->journal -= room;
    ++segment->entries;
    segment_check(segment);
    segment_prepare_next(writer);
    return 0;
}

/* ---- Reading: a file that has become shorter meanwhile is an error, an entry that was there must not be overlooked ---- */

static bool is_zero(const unsigned char *bytes, size_t length)
{
    for (size_t i = 0; i < length; ++i)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* The entry that ends at `end`. entry: token and sequence are given. bytes: room for the largest one, which the data is read into.
 * 1, 0 (there is none that is valid) or a negative errno. */
static int entry_read(int fd, uint64_t end, struct segment_entry *entry, unsigned char *bytes)
{
    struct trailer found, expected;
    uint64_t length, room;
    int err;

    if (end < 2 * SEGMENT_ALIGN_BYTES) /* only the head is left */
        return 0;
    if ((err = read_whole(fd, &found, sizeof(found), end - sizeof(found))) != 0)
        return err;
    length = le64toh(found.length);
    if (le64toh(found.magic) != JOURNAL_MAGIC || length == 0 || length > SEGMENT_ENTRY_BYTES_MAX)
        return 0;
    room = entry_room(length);
    if (room > end - SEGMENT_ALIGN_BYTES)
        return 0;
    if ((err = read_whole(fd, bytes, room - sizeof(found), end - room)) != 0)
        return err;
    entry->data = bytes;
    entry->length = (uint32_t)length;
    trailer_make(entry, &expected);
    return memcmp(&found, &expected, sizeof(found)) == 0 &&
           is_zero(bytes + length, room - sizeof(found) - length);
}

/* After one that is not valid: the next entry of a higher sequence, which may end at any block. As entry_read, and *end is its own. */
static int entry_find(int fd, uint64_t *end, struct segment_entry *entry, unsigned char *bytes)
{
    uint64_t room = *end < SEGMENT_ENTRIES_GAP_BYTES ? *end : SEGMENT_ENTRIES_GAP_BYTES, begin = *end - room;
    uint64_t missing = entry->sequence;
    unsigned char *blocks;
    int result;

    if (room < 2 * SEGMENT_ALIGN_BYTES) /* only the head is left */
        return 0;
    blocks = malloc(room);
    result = blocks == NULL ? -ENOMEM : read_whole(fd, blocks, room, begin);

    for (uint64_t at = room; result == 0 && at > SEGMENT_ALIGN_BYTES;) {
        struct trailer trailer;

        at -= SEGMENT_ALIGN_BYTES;
        memcpy(&trailer, blocks + at - sizeof(trailer), sizeof(trailer));
        if (le64toh(trailer.magic) != JOURNAL_MAGIC || le64toh(trailer.sequence) <= missing)
            continue;
        entry->sequence = le64toh(trailer.sequence);
        if ((result = entry_read(fd, begin + at, entry, bytes)) == 1)
            *end = begin + at;
    }
    free(blocks);
    return result;
}

static int read_entries(int fd, uint64_t end, bool goes_on, struct segment_entry *entry,
                        int (*visit)(void *ctx, const struct segment_entry *entry), void *ctx)
{
    unsigned char *bytes = malloc(entry_room(SEGMENT_ENTRY_BYTES_MAX));
    int result;

    if (bytes == NULL)
        return -ENOMEM;
    while ((result = entry_read(fd, end, entry, bytes)) == 1 ||
           (result == 0 && goes_on && (result = entry_find(fd, &end, entry, bytes)) == 1)) {
        entry->place.length = entry_room(entry->length);
        entry->place.offset = end -= entry->place.length;
        if ((result = visit(ctx, entry)) != 0)
            break;
        ++entry->sequence;
    }
    free(bytes);
    return result;
}

/* After kill -9 the page cache shows entries that never reached the disk. Whoever commits their rows, and gives back what those replace,
 * must not lose them to a power failure afterwards. A store that is only looked at believes what there is to see. */
static int settle_entries(struct blob_store *store, uint64_t blob, int fd)
{
    if (store->options.read_only || sys.fdatasync(fd) == 0)
        return 0;
    int err = -errno;
    blob_store_log(
        store, LOG_LEVEL_ERROR,
        "the journal in segment %016llx cannot be synced: %s; what it shows may not be on the disk",
        (unsigned long long)blob, strerror(-err));
    return err;
}

int segment_entries_read(struct blob_store *store, uint64_t blob,
                         const unsigned char token[SEGMENT_TOKEN_BYTES],
                         int (*visit)(void *ctx, const struct segment_entry *entry), void *ctx)
{
    struct segment_entry entry = {.sequence = 1};
    struct stat st;
    int result;
    int fd = blob_store_open_fd(store, blob);

    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    memcpy(entry.token, token, SEGMENT_TOKEN_BYTES);
    if ((result = settle_entries(store, blob, fd)) == 0 && fstat(fd, &st) != 0)
        result = -errno;
    if (result == 0 && st.st_size % SEGMENT_ALIGN_BYTES == 0)
        result = read_entries(fd, (uint64_t)st.st_size, store->ids.past.is_unclean, &entry, visit, ctx);
    close(fd); /* synced already */
    return result;
}

/* ---- Writing again ---- */

#define RENEW_BYTES (64u << 10)

static int renew_run(int fd, const struct blob_run *run, unsigned char *bytes)
{
    int err = 0;

    for (uint64_t done = 0; done < run->length && err == 0; done += RENEW_BYTES) {
        size_t length = run->length - done < RENEW_BYTES ? (size_t)(run->length - done) : RENEW_BYTES;
        struct iovec list = {bytes, length};

        err = read_whole(fd, bytes, length, run->offset + done);
        if (err == 0)
            err = segment_write_list(fd, &list, 1, run->offset + done);
    }
    return err;
}

int segment_renew(struct blob_store *store, uint64_t blob, const struct blob_run *runs, uint32_t count)
{
    unsigned char *bytes = malloc(RENEW_BYTES);
    char path[BLOB_PATH_BYTES];
    int err = 0, fd;

    if (bytes == NULL)
        return -ENOMEM;
    blob_path_format(path, blob);
    fd = io_open(store->blobs_fd, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        err = -errno;
    for (uint32_t i = 0; i < count && err == 0; ++i)
        err = renew_run(fd, &runs[i], bytes);
    if (err == 0 && sys.fdatasync(fd) != 0)
        err = -errno;
    if (fd >= 0)
        close(fd); /* synced */
    free(bytes);
    return err;
}
