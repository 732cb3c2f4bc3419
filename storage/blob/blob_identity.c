/* SPDX-License-Identifier: MIT
 *
 * What the files of a store say of themselves: whose they are and of which time. The identity in memory, which SEQUENCE and new
 * segments take over, and the heads of segments:
 *
 *   0 "Sluice segment 1"              ...zeros...              record | 4096
 *
 * Heads of earlier versions have no record; they are as valid as they were.
 *
 * Any thread. */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "storage/base/io.h"
#include "storage/blob/blob_internal.h"
#include "storage/base/sys.h"

static const char head_line[] = "Sluice segment 1\n";

/* Room for what this version puts into a head. */
#define HEAD_RECORD_BYTES_MAX 256u

bool blob_identity_is_known(const struct blob_identity *identity)
{
    static const unsigned char none[RECORD_STORE_ID_BYTES];

    return memcmp(identity->store, none, sizeof(none)) != 0;
}

void blob_store_identify(struct blob_store *store, const struct blob_identity *identity)
{
    struct blob_ids *ids = &store->ids;

    pthread_mutex_lock(&ids->lock);
    uint64_t epoch = ids->identity.epoch;
    ids->identity = *identity;
    if (epoch > identity->epoch)
        ids->identity.epoch = epoch;
    pthread_mutex_unlock(&ids->lock);
}

void blob_store_identity(struct blob_store *store, struct blob_identity *identity)
{
    pthread_mutex_lock(&store->ids.lock);
    *identity = store->ids.identity;
    pthread_mutex_unlock(&store->ids.lock);
}

bool blob_store_identity_found(struct blob_store *store, struct blob_identity *identity)
{
    *identity = store->ids.found; /* never changes after open */
    return blob_identity_is_known(identity);
}

/* ---- Heads of segments ---- */

/* Epochs grow with ids: a few of the newest files tell the highest. */
#define EPOCH_FILES_MAX  16u
#define EPOCH_PROBES_MAX (2u * BLOB_ID_BLOCK)

static int epoch_look(struct blob_store *store, uint64_t blob, const unsigned char id[RECORD_STORE_ID_BYTES],
                      uint64_t *epoch)
{
    struct segment_head head;
    int fd = blob_store_open_fd(store, blob);
    int found;

    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    found = segment_head_read(fd, &head);
    close(fd); /* was only read from */
    if (found < 0 && found != -EBADMSG)
        return found;
    if (found == 1 && memcmp(head.identity.store, id, RECORD_STORE_ID_BYTES) == 0 &&
        head.identity.epoch > *epoch)
        *epoch = head.identity.epoch;
    return 1;
}

/* The newest files there are. */
struct newest {
    uint64_t blobs[EPOCH_FILES_MAX]; /* descending */
    unsigned count;
};

static int newest_take(void *ctx, uint64_t blob, uint64_t size_bytes)
{
    struct newest *newest = ctx;
    unsigned at = newest->count < EPOCH_FILES_MAX ? newest->count++ : EPOCH_FILES_MAX - 1;

    (void)size_bytes;
    if (newest->count == EPOCH_FILES_MAX && newest->blobs[at] >= blob)
        return 0; /* a new place has 0 */
    for (; at > 0 && newest->blobs[at - 1] < blob; --at)
        newest->blobs[at] = newest->blobs[at - 1];
    newest->blobs[at] = blob;
    return 0;
}

/* Reads the folders: where each name is asked for over a network, thousands of them take seconds. */
static int epoch_walk(struct blob_store *store, uint64_t first, uint64_t end,
                      const unsigned char id[RECORD_STORE_ID_BYTES], uint64_t *epoch)
{
    struct newest newest = {.count = 0};
    int err = blob_layout_walk(store, first, end, newest_take, &newest);

    for (unsigned i = 0; i < newest.count && err >= 0; ++i)
        err = epoch_look(store, newest.blobs[i], id, epoch);
    return err < 0 ? err : 0;
}

int blob_store_epoch_found(struct blob_store *store, const unsigned char id[RECORD_STORE_ID_BYTES],
                           uint64_t *epoch)
{
    const struct blob_ids *ids = &store->ids;
    uint64_t end = ids->recover_end, first = ids->disk.settled;
    unsigned files = 0;

    assert(!ids->recovered && first <= end);
    *epoch = 0;
    if ((ids->past.was_durable || !ids->past.is_unclean) &&
        memcmp(ids->found.store, id, RECORD_STORE_ID_BYTES) == 0)
        *epoch = ids->found.epoch;
    if (!ids->past.is_unclean)
        return 0;
    if (end - first > EPOCH_PROBES_MAX)
        first = end - EPOCH_PROBES_MAX;
    if (store->options.shared_fs || blob_layout_is_short(store, first, end))
        return epoch_walk(store, first, end, id, epoch);
    while (end > first && files < EPOCH_FILES_MAX) {
        int found = epoch_look(store, --end, id, epoch);

        if (found < 0)
            return found;
        files += (unsigned)found;
    }
    return 0;
}

/* ---- Their form ---- */

void segment_head_make(const struct segment_head *head, void *block)
{
    unsigned char bytes[HEAD_RECORD_BYTES_MAX];
    struct record_writer writer;

    memcpy(block, head_line, sizeof(head_line));
    record_begin(&writer, bytes, sizeof(bytes));
    if (blob_identity_is_known(&head->identity)) {
        record_put(&writer, RECORD_STORE, 0, head->identity.store, RECORD_STORE_ID_BYTES);
        if (head->identity.epoch != 0)
            record_put_number(&writer, RECORD_EPOCH, 0, head->identity.epoch);
    }
    record_put_number(&writer, RECORD_KIND, 0, RECORD_KIND_SEGMENT);
    record_put_number(&writer, RECORD_BLOB, 0, head->blob);
    size_t length = record_end(&writer);
    assert(length > 0); /* all that is put into it has its room */
    memcpy((char *)block + SEGMENT_ALIGN_BYTES - length, bytes, length);
}

static void head_take(const struct record *record, struct segment_head *head)
{
    const void *store;
    size_t length;

    if (!record_get_number(record, RECORD_BLOB, &head->blob))
        head->blob = 0;
    if (!record_get_number(record, RECORD_EPOCH, &head->identity.epoch))
        head->identity.epoch = 0;
    if (record_get(record, RECORD_STORE, &store, &length) && length == RECORD_STORE_ID_BYTES)
        memcpy(head->identity.store, store, RECORD_STORE_ID_BYTES);
}

int segment_head_parse(const void *block, size_t length, struct segment_head *head)
{
    struct record record;
    uint64_t kind;
    size_t needed;

    *head = (struct segment_head){0};
    if (length < SEGMENT_ALIGN_BYTES)
        return 0;
    bool has_line = memcmp(block, head_line, sizeof(head_line)) == 0;
    int err = record_read(block, SEGMENT_ALIGN_BYTES, &record, &needed);
    if (err != 0) /* without its line it may be anything, as a client's bytes */
        return !has_line ? 0 : err == -ENODATA ? 1 : -EBADMSG;
    if (!record_get_number(&record, RECORD_KIND, &kind) || kind != RECORD_KIND_SEGMENT)
        return 0;
    head_take(&record, head);
    return 1;
}

int segment_head_read(int fd, struct segment_head *head)
{
    unsigned char block[SEGMENT_ALIGN_BYTES];
    ssize_t n = read_up_to(fd, block, sizeof(block), 0);

    return n < 0 ? (int)n : segment_head_parse(block, (size_t)n, head);
}
