/* SPDX-License-Identifier: MIT
 *
 * The folders of the store: making them at open, finding every blob in them, and making durable what
 * was done in them.
 *
 * Everything here blocks and belongs to start-up, to `sluice check` and to background threads. */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/blob/blob_internal.h"
#include "storage/base/io.h"
#include "storage/base/sys.h"

/* ---- Making ---- */

static int dir_sync(struct blob_store *store, int fd)
{
    if (store->options.durable && sys.fsync(fd) != 0)
        return -errno;
    return 0;
}

int blob_layout_folder(struct blob_store *store, int at, const char *name, int *fd)
{
    if (!store->options.read_only && mkdirat(at, name, 0700) != 0 && errno != EEXIST)
        return -errno;
    *fd = io_open(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd < 0 ? -errno : 0;
}

/* The folder's descriptor, made first where that is allowed; locked. */
static int dir_open(struct blob_store *store, int at, const char *name, int *fd)
{
    int err = blob_layout_folder(store, at, name, fd);

    if (err != 0)
        return err;
    /* blob_store_check_place has looked already; this tells a mount that came since. */
    err = store->options.shared_fs ? 0 : blob_place_check(&store->options, *fd, name);
    return err == 0 ? blob_lock_folder(store, *fd, name) : err;
}

/* Visits the names in a folder other than "." and "..". */
static int dir_each(int at, const char *name, int (*each)(void *ctx, int fd, const char *name), void *ctx)
{
    int err = 0, fd = io_open(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (dir == NULL) {
        err = -errno;
        if (fd >= 0)
            close(fd);
        return err;
    }
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            err = -errno;
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if ((err = each(ctx, dirfd(dir), entry->d_name)) != 0)
            break;
    }
    closedir(dir);
    return err;
}

static int staging_remove(void *ctx, int fd, const char *name)
{
    return unlinkat(fd, name, 0) == 0 || errno == ENOENT ? 0 : -errno;
}

int blob_layout_empty(int staging_fd, const char *name)
{
    int err = dir_each(staging_fd, name, staging_remove, NULL);

    return err == -ENOENT ? 0 : err;
}

/* Every file in it is the owner's alone; but those of earlier releases may not be, and whoever may write to the folder can put others in
 * their place. */
static void data_warn_if_open(struct blob_store *store, const char *data_dir)
{
    struct stat st;

    if (fstat(store->dir_fd, &st) == 0 && (st.st_mode & S_IXOTH) != 0)
        blob_store_log(
            store, LOG_LEVEL_WARNING,
            "every user of this machine may enter %s (mode %04o): `chmod 700` keeps the others out", data_dir,
            (unsigned)st.st_mode & 07777);
}

int blob_layout_open_data(struct blob_store *store, const char *data_dir)
{
    int err = blob_store_check_place(data_dir, &store->options); /* before anything is made */

    if (err == 0)
        err = dir_open(store, AT_FDCWD, data_dir, &store->dir_fd);
    if (err == 0 && !store->options.read_only)
        data_warn_if_open(store, data_dir);
    return err;
}

int blob_layout_open(struct blob_store *store)
{
    int err;

    assert(store->dir_fd >= 0 && store->blobs_fd < 0);
    if ((err = dir_open(store, store->dir_fd, "blobs", &store->blobs_fd)) != 0)
        return err;
    if ((err = blob_shared_look(store)) != 0 || store->options.read_only)
        return err;
    if ((err = dir_open(store, store->dir_fd, "staging", &store->staging_fd)) != 0)
        return err;
    if (store->options.shared != NULL) /* each of those that share it has its own */
        return blob_shared_staging(store);
    return blob_layout_empty(store->dir_fd, "staging");
}

/* After a sync that failed, the next one may have nothing to do although the names are not on the disk. So those that were made are taken
 * back, and made again at the next try. One that was there already may be a dead process's, and is synced along. */
int blob_layout_make_folders(struct blob_store *store, uint64_t first, uint64_t end)
{
    bool named[BLOB_FOLDER_COUNT] = {false}, made[BLOB_FOLDER_COUNT] = {false};
    bool any = false;
    int err = 0;

    assert(first >= BLOB_ID_FIRST && first < end && end <= BLOB_ID_MAX);
    for (uint64_t run = first / BLOB_FOLDER_RUN; run <= (end - 1) / BLOB_FOLDER_RUN && err == 0; ++run) {
        unsigned index = run % BLOB_FOLDER_COUNT;

        if (store->folders[index].exists || named[index])
            continue;
        made[index] = mkdirat(store->blobs_fd, store->folders[index].path, 0700) == 0;
        if (!made[index] && errno != EEXIST)
            err = -errno;
        else
            any = named[index] = true;
    }
    if (any && err == 0)
        err = dir_sync(store, store->blobs_fd);
    for (unsigned i = 0; i < BLOB_FOLDER_COUNT; ++i) {
        if (err == 0 && named[i])
            store->folders[i].exists = true;
        if (err != 0 && made[i])
            (void)unlinkat(store->blobs_fd, store->folders[i].path,
                           AT_REMOVEDIR); /* it is synced at the next try */
    }
    return err;
}

/* A folder without its name on disk would take its blobs with it, so the parents are synced at each open:
 * nearly free when there is nothing to write. */
int blob_layout_sync(struct blob_store *store)
{
    int err = 0;
    assert(store->dir_fd >= 0 && store->blobs_fd >= 0 && !store->options.read_only);
    int parent = io_open(store->dir_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0 && errno != EACCES)
        return -errno;
    /* A parent that may not be read was not ours to make: the data folder was there before. */
    if (parent >= 0) {
        err = dir_sync(store, parent);
        close(parent);
    }
    if (err == 0)
        err = dir_sync(store, store->dir_fd);
    return err == 0 ? dir_sync(store, store->blobs_fd) : err;
}

/* ---- Walking ---- */

struct walk {
    struct blob_store *store;
    unsigned folder;
    uint64_t first, end; /* of ids */
    int (*visit)(void *ctx, uint64_t blob, uint64_t size_bytes);
    void *ctx;
};

static int walk_name(void *ctx, int fd, const char *name)
{
    struct walk *walk = ctx;
    uint64_t blob = blob_name_parse(name);
    struct stat st;

    if (blob == 0 || blob_folder_of(blob) != walk->folder) {
        blob_store_log(walk->store, LOG_LEVEL_WARNING, "blobs/%02x/%.64s is not a blob; left alone",
                       walk->folder, name);
        return 0;
    }
    if (blob < walk->first || blob >= walk->end)
        return 0;
    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : -errno; /* removed meanwhile */
    return walk->visit(walk->ctx, blob, (uint64_t)st.st_size);
}

static int walk_folder(struct walk *walk, unsigned folder)
{
    walk->folder = folder;
    int err = dir_each(walk->store->blobs_fd, walk->store->folders[folder].path, walk_name, walk);
    return err == -ENOENT ? 0 : err; /* no id of this folder was promised so far */
}

int blob_store_walk(struct blob_store *store, int (*visit)(void *ctx, uint64_t blob, uint64_t size_bytes),
                    void *ctx)
{
    return blob_layout_walk(store, 0, UINT64_MAX, visit, ctx);
}

int blob_layout_walk(struct blob_store *store, uint64_t first, uint64_t end,
                     int (*visit)(void *ctx, uint64_t blob, uint64_t size_bytes), void *ctx)
{
    struct walk walk = {.store = store, .first = first, .end = end, .visit = visit, .ctx = ctx};
    uint64_t run = first / BLOB_FOLDER_RUN;
    int err = 0;

    assert(visit != NULL);
    for (unsigned i = 0; i < BLOB_FOLDER_COUNT && run * BLOB_FOLDER_RUN < end && err == 0; ++i, ++run)
        err = walk_folder(&walk, run % BLOB_FOLDER_COUNT);
    return err;
}

bool blob_layout_is_short(struct blob_store *store, uint64_t first, uint64_t end)
{
    uint64_t run = first / BLOB_FOLDER_RUN, bytes = 0;
    struct stat status;

    if (end - first > (uint64_t)BLOB_FOLDER_RUN * BLOB_FOLDER_COUNT)
        return false;
    for (; run * BLOB_FOLDER_RUN < end && bytes <= BLOB_FOLDERS_SHORT_BYTES; ++run)
        if (fstatat(store->blobs_fd, store->folders[run % BLOB_FOLDER_COUNT].path, &status,
                    AT_SYMLINK_NOFOLLOW) == 0)
            bytes += (uint64_t)status.st_size;
    return bytes <= BLOB_FOLDERS_SHORT_BYTES;
}

/* ---- Syncing folders ---- */

/* In every store. */
static int folder_sync(struct blob_store *store, unsigned index)
{
    assert(index < BLOB_FOLDER_COUNT);
    int fd = io_open(store->blobs_fd, store->folders[index].path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno; /* lost with all that was in it */
    int err = sys.fsync(fd) == 0 ? 0 : -errno;
    close(fd);
    if (err != 0)
        blob_folder_doubt(store, index);
    return err;
}

/* Only the folders that are marked. */
int blob_layout_sync_folders(struct blob_store *store, const bool marked[BLOB_FOLDER_COUNT])
{
    int err = 0;

    for (unsigned i = 0; i < BLOB_FOLDER_COUNT && err == 0; ++i)
        if (marked[i])
            err = folder_sync(store, i);
    return err;
}

int blob_layout_sync_name(struct blob_store *store, uint64_t blob)
{
    return store->options.durable ? folder_sync(store, blob_folder_of(blob)) : 0;
}

/* A failed sync of its folder may have lost the removal, and the next one would have nothing to do. So it is made once more: the name
 * goes into the folder, and out of it. */
static int remove_again(struct blob_store *store, uint64_t blob)
{
    char path[BLOB_PATH_BYTES];
    int fd;

    blob_path_format(path, blob);
    fd = io_open(store->blobs_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno; /* the folder is lost with all that was in it */
    close(fd);                               /* nothing was written */
    return unlinkat(store->blobs_fd, path, 0) == 0 || errno == ENOENT ? 0 : -errno;
}

int blob_store_sync_garbage(struct blob_store *store, const uint64_t *blobs, uint32_t count)
{
    bool marked[BLOB_FOLDER_COUNT] = {false};
    int err = 0;

    assert(blobs != NULL || count == 0);
    for (uint32_t i = 0; i < count && err == 0; ++i) {
        unsigned index = blob_folder_of(blobs[i]);

        marked[index] = true;
        if (blob_folder_failures(store, index) > 0)
            err = remove_again(store, blobs[i]);
    }
    return err != 0 ? err : blob_layout_sync_folders(store, marked);
}

int blob_store_sync_removed(struct blob_store *store, const uint64_t *blobs, uint32_t count)
{
    return store->options.durable ? blob_store_sync_garbage(store, blobs, count) : 0;
}
