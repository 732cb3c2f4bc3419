/* SPDX-License-Identifier: MIT
 *
 * Files of earlier versions get what they lack: a record behind a payload, or in the head of a segment. Payload and units are not touched, and
 * what a crash leaves of a record is written over at the next try: until SEQUENCE says otherwise, nothing is expected of these files.
 *
 * Blocks. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/disk_error.h"
#include "storage/base/io.h"
#include "storage/base/sys.h"
#include "storage/blob/blob_internal.h"

/* A head's record lies in the last of these, which disks write whole or not at all. */
#define SECTOR_BYTES 512u

static int segment_add(struct blob_store *store, uint64_t blob, int fd)
{
    unsigned char block[SEGMENT_ALIGN_BYTES] = {0};
    struct segment_head head;
    int found = segment_head_read(fd, &head);

    if (found != 1)
        return found < 0 ? found : -EBADMSG;
    if (head.blob != 0)
        return 0;
    head = (struct segment_head){.blob = blob};
    blob_store_identity(store, &head.identity);
    segment_head_make(&head, block);
    found = write_whole(fd, block + sizeof(block) - SECTOR_BYTES, SECTOR_BYTES, sizeof(block) - SECTOR_BYTES);
    return found != 0 ? found : 1;
}

/* What is behind the payload may be what a crash has left of a record, and nothing longer. */
static int blob_add(struct blob_store *store, uint64_t blob, uint64_t payload, int fd)
{
    unsigned char record[BLOB_RECORD_BYTES_MAX];
    size_t length = blob_record_make(store, blob, payload, record);
    struct stat status;
    int err;

    if (fstat(fd, &status) != 0)
        return disk_error(-errno);
    if ((uint64_t)status.st_size < payload || (uint64_t)status.st_size - payload > BLOB_RECORD_BYTES_MAX)
        return -EBADMSG;
    if ((err = write_whole(fd, record, length, payload)) != 0)
        return err;
    return ftruncate(fd, (off_t)(payload + length)) == 0 ? 1 : disk_error(-errno);
}

int blob_store_record_add(struct blob_store *store, struct blob_unit unit, uint64_t length)
{
    struct blob_claim claim = blob_claim_of(unit.blob, unit.offset);
    struct blob_contents contents;
    char path[BLOB_PATH_BYTES];
    int fd, result;

    assert(!store->options.read_only);
    blob_path_format(path, unit.blob);
    if ((fd = io_open(store->blobs_fd, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)) < 0)
        return disk_error(-errno);
    result = blob_contents_read(store, &claim, fd, &contents);
    if (result == 0 && contents.kind == BLOB_FILE_SEGMENT)
        result = segment_add(store, unit.blob, fd);
    else if (result == 0 && contents.kind == BLOB_FILE_OLD)
        result = blob_add(store, unit.blob, length, fd);
    if (close(fd) != 0 && result >= 0)
        result = disk_error(-errno);
    return result;
}

uint64_t blob_store_records_from(struct blob_store *store)
{
    pthread_mutex_lock(&store->ids.lock);
    uint64_t from = store->ids.records_from;
    pthread_mutex_unlock(&store->ids.lock);
    return from != 0 ? from : BLOB_ID_MAX; /* SEQUENCE says nothing of it */
}

int blob_store_records_are_there(struct blob_store *store)
{
    int err;

    if (sys.syncfs(store->blobs_fd) != 0)
        return disk_error(-errno);
    pthread_mutex_lock(&store->ids.lock);
    uint64_t before = store->ids.records_from;
    store->ids.records_from = BLOB_ID_FIRST;
    pthread_mutex_unlock(&store->ids.lock);
    if ((err = blob_ids_write_wait(store)) == 0)
        return 0;
    pthread_mutex_lock(&store->ids.lock);
    store->ids.records_from = before;
    pthread_mutex_unlock(&store->ids.lock);
    return err;
}
