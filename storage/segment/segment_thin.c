/* SPDX-License-Identifier: MIT
 *
 * Where no holes can be punched (NFS before 4.2, ext3, some FUSE): a segment in which little is left is written anew, without what is given
 * back, every unit at the offset that it has. What is not written takes no space in the new file, so nothing that names a unit changes:
 *
 *     | head | unit | gone | gone | unit | gone | ...        before
 *     | head | unit |             | unit |                   after, under the same name
 *
 * The new file is complete and synced before it gets the name, and a segment that is settled is never written to again: a crash leaves one
 * or the other, and all that rows name is in both. Who has the old one open reads on there. It pays when half of the file is free:
 * then no byte is copied for which another does not come back.
 *
 * Blocks; background threads. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/disk_error.h"
#include "storage/base/io.h"
#include "storage/base/sys.h"
#include "storage/segment/segment_internal.h"

struct thin {
    const struct blob_giving *giving;
    uint32_t at; /* of its runs, ascending */
    struct blob_run *kept;
    uint32_t count, capacity;
    uint64_t bytes; /* of these */
};

static int thin_on_unit(void *ctx, uint64_t offset, uint64_t length)
{
    struct thin *thin = ctx;

    if (offset == 0 || offset % SEGMENT_ALIGN_BYTES != 0 || length == 0 || length > SEGMENT_UNIT_BYTES_MAX ||
        offset > SEGMENT_BYTES_MAX - SEGMENT_ALIGN_BYTES)
        return -EBADMSG; /* no segment, or damaged rows: the file stays as it is */
    while (thin->at < thin->giving->count && thin->giving->runs[thin->at].offset < offset)
        thin->at++;
    if (thin->at < thin->giving->count && thin->giving->runs[thin->at].offset == offset)
        return 0;
    if (thin->count == thin->capacity) {
        uint32_t capacity = thin->capacity == 0 ? 64 : 2 * thin->capacity;
        struct blob_run *grown = realloc(thin->kept, capacity * sizeof(*grown));

        if (grown == NULL)
            return -ENOMEM;
        thin->kept = grown;
        thin->capacity = capacity;
    }
    thin->kept[thin->count++] = (struct blob_run){offset, segment_unit_room((uint32_t)length)};
    thin->bytes += thin->kept[thin->count - 1].length;
    return 0;
}

static int copy_run(int from, int to, const struct blob_run *run, uint64_t size, void *bytes)
{
    uint64_t length = run->length;
    int err;

    if (run->offset >= size)
        return -EBADMSG;
    if (length > size - run->offset)
        length = size - run->offset; /* the last unit's room may be cut */
    err = read_whole(from, bytes, (size_t)length, run->offset);
    return err != 0 ? err : write_whole(to, bytes, (size_t)length, run->offset);
}

static int copy_kept(const struct thin *thin, int from, int to, uint64_t size)
{
    const struct blob_run head = {0, SEGMENT_ALIGN_BYTES};
    void *bytes = malloc(SEGMENT_UNIT_BYTES_MAX);
    int err = bytes == NULL ? -ENOMEM : copy_run(from, to, &head, size, bytes);

    for (uint32_t i = 0; i < thin->count && err == 0; ++i)
        err = copy_run(from, to, &thin->kept[i], size, bytes);
    free(bytes);
    if (err == 0 && ftruncate(to, (off_t)size) != 0)
        err = -errno;
    if (err == 0 && sys.fdatasync(to) != 0) /* also in a store that syncs nothing: these bytes are old */
        err = -errno;
    return err;
}

/* The new file under its own name in staging/; 1: it has become smaller. */
static int thin_write(struct blob_store *store, const struct thin *thin, const struct stat *old,
                      const char *name)
{
    int fd = io_open(store->staging_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat new;
    int err;

    if (fd < 0)
        return -errno;
    err = copy_kept(thin, thin->giving->fd, fd, (uint64_t)old->st_size);
    if (err == 0 && fstat(fd, &new) != 0)
        err = -errno;
    close(fd); /* synced, or of no use */
    if (err == 0 && new.st_blocks >= old->st_blocks) {
        blob_store_log_once(
            store, &store->no_sparse,
            "nor does it leave out what is not written: segments keep their space until all of "
            "them is free");
        return 0;
    }
    return err == 0 ? 1 : err;
}

static int thin_replace(struct blob_store *store, uint64_t blob, const char *name)
{
    char path[BLOB_PATH_BYTES];
    int cached;

    blob_path_format(path, blob);
    if (renameat(store->staging_fd, name, store->blobs_fd, path) != 0)
        return -errno;
    cached = blob_cache_drop(&store->cache, blob);
    if (cached >= 0)
        close(cached); /* was only read from */
    return blob_layout_sync_name(store, blob);
}

int segment_thin(struct blob_store *store, const struct blob_giving *giving, blob_units_fn units, void *ctx)
{
    struct thin thin = {.giving = giving};
    struct stat old;
    char name[32];
    int err;

    if (atomic_load(&store->no_sparse) || !blob_store_is_settled(store, giving->blob))
        return 0;
    if (fstat(giving->fd, &old) != 0)
        return disk_error(-errno);
    err = units(ctx, giving->blob, thin_on_unit, &thin);
    if (err == 0 && (uint64_t)old.st_blocks * 512 >= 2 * (thin.bytes + SEGMENT_ALIGN_BYTES)) {
        (void)snprintf(name, sizeof(name), "thin-%016llx", (unsigned long long)giving->blob);
        if ((err = thin_write(store, &thin, &old, name)) == 1)
            err = thin_replace(store, giving->blob, name);
        if (unlinkat(store->staging_fd, name, 0) != 0 && errno != ENOENT && err == 0)
            err = -errno;
    }
    free(thin.kept);
    return err == -EBADMSG ? 0 : err == 0 ? 0 : disk_error(err);
}
