/* SPDX-License-Identifier: MIT
 *
 * Giving back what lies in a segment: holes where units were, the tail after the last one, and after a crash whatever no row
 * names. Punching a hole and cutting a tail are repeatable, and never touch a unit that is left.
 *
 * Everything here blocks and belongs to start-up and to background threads. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/disk_error.h"
#include "storage/base/io.h"
#include "storage/segment/segment_internal.h"
#include "storage/base/sys.h"

/* Runs that recovery gathers before it punches them. */
#define GAPS_MAX 256u

int segment_space_open(struct blob_store *store, uint64_t blob)
{
    char path[BLOB_PATH_BYTES];
    int fd;

    blob_path_format(path, blob);
    do
        fd = io_open(store->blobs_fd, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    while (fd < 0 && errno == EMFILE && blob_cache_shed(&store->cache) > 0);
    return fd < 0 ? disk_error(-errno) : fd;
}

/* After a failure all of it is done again, not only the sync, which would find nothing left to do: holes are punched and tails cut anew. The
 * units in the file have nothing to fear: whoever waits for theirs has a descriptor of its own, and Linux tells each one. */
int segment_space_sync(struct blob_store *store, int fd)
{
    return store->options.durable && sys.fdatasync(fd) != 0 ? disk_error(-errno) : 0;
}

int segment_space_punch(struct blob_store *store, int fd, uint64_t offset, uint64_t length)
{
    assert(offset > 0 && length > 0 && (offset | length) % SEGMENT_ALIGN_BYTES == 0);

    ssize_t result =
        IO_RETRY(sys.fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)length));
    int err = result == 0 ? 0 : -errno;

    if (err == -EOPNOTSUPP || err == -ENOSYS) {
        blob_store_log_once(store, &store->no_punch,
                            "this file system punches no holes; segments of small objects are written anew "
                            "when half of one is free");
        return 0;
    }
    return err == 0 ? 0 : disk_error(err);
}

static int run_compare(const void *a, const void *b)
{
    const struct blob_run *first = a, *second = b;

    return first->offset < second->offset ? -1 : first->offset > second->offset;
}

/* Runs come from rows, which may be damaged: a unit's place, and no more bytes than one has. */
static bool run_makes_sense(const struct blob_run *run)
{
    return run->offset > 0 && run->offset % SEGMENT_ALIGN_BYTES == 0 &&
           run->length <= SEGMENT_UNIT_BYTES_MAX &&
           run->offset <= (uint64_t)INT64_MAX - SEGMENT_UNIT_BYTES_MAX;
}

static bool runs_make_sense(struct blob_store *store, uint64_t blob, const struct blob_run *runs,
                            uint32_t count)
{
    for (uint32_t i = 0; i < count; ++i) {
        if (run_makes_sense(&runs[i]))
            continue;
        blob_store_log(store, LOG_LEVEL_ERROR,
                       "no unit of segment %016llx can be %llu bytes at %llu; nothing is punched",
                       (unsigned long long)blob, (unsigned long long)runs[i].length,
                       (unsigned long long)runs[i].offset);
        return false;
    }
    return true;
}

/* Neighbours make one hole. */
static int punch_runs(struct blob_store *store, int fd, struct blob_run *runs, uint32_t count)
{
    uint32_t i = 0;
    int err = 0;

    qsort(runs, count, sizeof(*runs), run_compare);
    while (i < count && err == 0) {
        uint64_t begin = runs[i].offset, end = begin;

        while (i < count && runs[i].offset <= end) {
            uint64_t run_end = runs[i].offset + (runs[i].length + SEGMENT_ALIGN_BYTES - 1) /
                                                    SEGMENT_ALIGN_BYTES * SEGMENT_ALIGN_BYTES;

            end = run_end > end ? run_end : end;
            ++i;
        }
        if (end > begin)
            err = segment_space_punch(store, fd, begin, end - begin);
    }
    return err;
}

int segment_space_punch_runs(struct blob_store *store, uint64_t blob, int fd, struct blob_run *runs,
                             uint32_t count)
{
    return runs_make_sense(store, blob, runs, count) ? punch_runs(store, fd, runs, count) : -EIO;
}

int blob_store_punch(struct blob_store *store, uint64_t blob, struct blob_run *runs, uint32_t count)
{
    int err, fd;

    if (store->options.read_only)
        return -EROFS;
    fd = segment_space_open(store, blob);
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    err = segment_space_punch_runs(store, blob, fd, runs, count);
    if (err == 0)
        err = segment_space_sync(store, fd);
    close(fd); /* synced already */
    return err;
}

static int cut(struct blob_store *store, int fd, uint64_t bytes)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return disk_error(-errno);
    if ((uint64_t)st.st_size < bytes)
        return 0;
    return ftruncate(fd, (off_t)bytes) == 0 ? segment_space_sync(store, fd) : disk_error(-errno);
}

int blob_store_cut(struct blob_store *store, uint64_t blob, uint64_t bytes)
{
    int err, fd;

    if (store->options.read_only)
        return -EROFS;
    fd = segment_space_open(store, blob);
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    err = cut(store, fd, bytes);
    close(fd); /* synced already */
    return err;
}

/* ---- Recovery ---- */

struct gaps {
    struct blob_store *store;
    uint64_t blob;
    int fd;
    uint64_t end;  /* of the unit before */
    uint64_t data; /* what lies between there and here is a hole already */
    bool is_blob;  /* some row calls it a blob of its own */
    bool is_segment;
    /* Whether the file says that units share it (or cannot be read): then it has no space that was never anybody's. */
    bool is_asked, is_shared;
    uint32_t count;
    struct blob_run list[GAPS_MAX];
};

static int gaps_punch(struct gaps *gaps)
{
    int err = punch_runs(gaps->store, gaps->fd, gaps->list, gaps->count);

    assert(gaps->count <= GAPS_MAX);
    gaps->count = 0;
    return err;
}

/* Whether a gap is a hole already, as the reclaimer left it: most are, and to punch them all again would make a start take the longer the
 * more was deleted. That the hole is on the disk the sync of the file sees to. Where nobody can tell, the file is data. */
static bool gap_is_hole(struct gaps *gaps, uint64_t end)
{
    if (gaps->data < end) {
        off_t data = lseek(gaps->fd, (off_t)gaps->end, SEEK_DATA);

        gaps->data = data >= 0 ? (uint64_t)data : errno == ENXIO ? INT64_MAX : gaps->end;
    }
    return gaps->data >= end;
}

static int gaps_on_unit(void *ctx, uint64_t offset, uint64_t length)
{
    struct gaps *gaps = ctx;
    int err = 0;

    if (offset == 0) {
        gaps->is_blob = true;
        return 0;
    }
    if (!gaps->is_asked) {
        gaps->is_asked = true;
        gaps->is_shared = blob_store_is_shared(gaps->store, gaps->blob) != 0;
    }
    if (gaps->is_shared)
        return 0;
    if (gaps->is_blob || offset % SEGMENT_ALIGN_BYTES != 0 || offset < gaps->end || length == 0 ||
        length > SEGMENT_UNIT_BYTES_MAX || offset > (uint64_t)INT64_MAX - SEGMENT_UNIT_BYTES_MAX)
        return -EBADMSG;
    if (offset > gaps->end && !gap_is_hole(gaps, offset)) {
        assert(gaps->count < GAPS_MAX);
        gaps->list[gaps->count++] = (struct blob_run){gaps->end, offset - gaps->end};
        if (gaps->count == GAPS_MAX)
            err = gaps_punch(gaps);
    }
    gaps->is_segment = true;
    gaps->end = offset + segment_unit_room((uint32_t)length);
    return err;
}

int segment_recover(struct blob_store *store, uint64_t blob, blob_units_fn units, void *ctx)
{
    struct gaps *gaps = calloc(1, sizeof(*gaps));
    int err;

    if (gaps == NULL)
        return -ENOMEM;
    gaps->store = store;
    gaps->blob = blob;
    gaps->end = SEGMENT_ALIGN_BYTES;
    gaps->fd = segment_space_open(store, blob);
    if (gaps->fd < 0) {
        err = gaps->fd == -ENOENT ? 0 : gaps->fd;
        free(gaps);
        return err;
    }
    err = units(ctx, blob, gaps_on_unit, gaps);
    if (err == 0)
        err = gaps_punch(gaps);
    if (err == 0 && gaps->is_segment && (err = cut(store, gaps->fd, gaps->end)) == 0)
        err = segment_space_sync(store, gaps->fd); /* the holes, where nothing was cut */
    if (err == -EBADMSG) {
        blob_store_log(store, LOG_LEVEL_WARNING,
                       "the rows about segment %016llx make no sense; its space is left alone",
                       (unsigned long long)blob);
        err = 0;
    }
    close(gaps->fd); /* synced already */
    free(gaps);
    return err;
}
