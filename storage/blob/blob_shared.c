/* SPDX-License-Identifier: MIT
 *
 * A folder that several processes have open at once, each with a number of its own (struct blob_shared).
 *
 *   DATA/CLUSTER            one line: whose folder it is. A process that would have the folder alone refuses it, as does one of another cluster
 *   DATA/staging/NUMBER/    uploads in flight of that process
 *
 * Ids come in blocks from who brings the processes together. A block is kept until each of its ids is settled; what a process that died has
 * left lies in blocks that are not, and is probed by whoever is told to (blob_store_clear).
 *
 * The ids under the lock of blob_ids; the rest blocks: on the keeper's thread, at the start, and on background threads. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "storage/base/io.h"
#include "storage/base/sys.h"
#include "storage/blob/blob_internal.h"

#define CLUSTER_NAME       "CLUSTER"
#define CLUSTER_LINE       "sluice cluster "
#define CLUSTER_LINE_BYTES (sizeof(CLUSTER_LINE) + 2 * RECORD_STORE_ID_BYTES)
#define STAGING_NAME_BYTES 17u

_Static_assert(BLOB_ID_BLOCK % 64 == 0, "a block has whole words of bits");

/* ---- Whose folder it is ---- */

static void cluster_line_make(char line[CLUSTER_LINE_BYTES + 1], const struct blob_shared *shared)
{
    size_t at = sizeof(CLUSTER_LINE) - 1;

    memcpy(line, CLUSTER_LINE, at);
    for (unsigned i = 0; i < RECORD_STORE_ID_BYTES; i++)
        at += (size_t)snprintf(line + at, 3, "%02x", shared->store[i]);
    memcpy(line + at, "\n", 2);
    assert(at + 1 == CLUSTER_LINE_BYTES);
}

/* 1: it says the line; 0: something else; or a negative errno, -ENOENT among them. */
static int cluster_read(struct blob_store *store, const char *line)
{
    char found[CLUSTER_LINE_BYTES];
    int fd = io_open(store->dir_fd, CLUSTER_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return -errno;
    int err = read_whole(fd, found, sizeof(found), 0);
    close(fd); /* was only read from */
    if (err != 0 && err != -ENODATA)
        return err;
    return err == 0 && memcmp(found, line, sizeof(found)) == 0;
}

/* Under a name of this process alone, and then under that of all: two that begin at once make one of it. */
static int cluster_make(struct blob_store *store, const char *line)
{
    int fd = io_open(store->staging_fd, CLUSTER_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600),
        err = 0;

    if (fd < 0)
        return -errno;
    if (sys.pwrite(fd, line, CLUSTER_LINE_BYTES, 0) != (ssize_t)CLUSTER_LINE_BYTES)
        err = -EIO;
    if (err == 0 && sys.fsync(fd) != 0)
        err = -errno;
    if (close(fd) != 0 && err == 0)
        err = -errno;
    if (err == 0 && linkat(store->staging_fd, CLUSTER_NAME, store->dir_fd, CLUSTER_NAME, 0) != 0 &&
        errno != EEXIST)
        err = -errno;
    (void)unlinkat(store->staging_fd, CLUSTER_NAME, 0);
    return err == 0 && sys.fsync(store->dir_fd) != 0 ? -errno : err;
}

static int refuse(struct blob_store *store, const char *why)
{
    blob_store_log(store, LOG_LEVEL_ERROR, "%s", why);
    return -EMEDIUMTYPE;
}

static int refuse_stranger(struct blob_store *store)
{
    return refuse(store, "the folder belongs to another cluster than the database, as its file CLUSTER says");
}

int blob_shared_look(struct blob_store *store)
{
    const struct blob_shared *shared = store->options.shared;
    char line[CLUSTER_LINE_BYTES + 1];
    int found;

    if (shared == NULL) /* this process alone */
        return faccessat(store->dir_fd, CLUSTER_NAME, F_OK, 0) != 0
                   ? 0
                   : refuse(store,
                            "the folder belongs to a cluster, as its file CLUSTER says: it can be served "
                            "with --cluster alone");
    if (faccessat(store->blobs_fd, "SEQUENCE", F_OK, 0) == 0)
        return refuse(store, "the folder is the store of a single server, as blobs/SEQUENCE says: a cluster "
                             "needs a folder of its own");
    cluster_line_make(line, shared);
    found = cluster_read(store, line);
    return found == 0 ? refuse_stranger(store) : found < 0 && found != -ENOENT ? found : 0;
}

int blob_shared_admit(struct blob_store *store)
{
    char line[CLUSTER_LINE_BYTES + 1];
    int found;

    if (store->options.shared == NULL)
        return 0;
    cluster_line_make(line, store->options.shared);
    if ((found = cluster_read(store, line)) == -ENOENT && !store->options.read_only &&
        (found = cluster_make(store, line)) == 0)
        found = cluster_read(store, line);
    return found == 0 ? refuse_stranger(store) : found < 0 ? found : 0;
}

/* ---- staging/ ---- */

static void staging_name_make(char name[STAGING_NAME_BYTES], uint64_t server)
{
    snprintf(name, STAGING_NAME_BYTES, "%016" PRIx64, server);
}

/* Uploads are in this folder until they get their names, also where files need none: who clears up after a process that is silent takes the folder
 * away first, and then nothing of that process gets a name any more, whenever it wakes up. */
int blob_shared_staging(struct blob_store *store)
{
    char name[STAGING_NAME_BYTES];

    atomic_store(&store->no_tmpfile, true);
    store->staging_all_fd = store->staging_fd;
    store->staging_fd = -1;
    staging_name_make(name, store->options.shared->server);
    int err = blob_layout_folder(store, store->staging_all_fd, name, &store->staging_fd);
    /* So that a command that is given this folder asks the server there, and does not take it for an empty store. No harm where the file system
     * has no locks: nothing else goes by it. */
    if (err == 0 && !store->options.read_only)
        (void)sys.flock(store->staging_fd, LOCK_EX | LOCK_NB);
    return err;
}

int blob_store_own_folder_fd(const struct blob_store *store)
{
    assert(store->options.shared != NULL);
    return store->staging_fd;
}

int blob_store_clear_staging(struct blob_store *store, uint64_t server)
{
    char name[STAGING_NAME_BYTES];
    int err;

    assert(store->options.shared != NULL);
    staging_name_make(name, server);
    if ((err = blob_layout_empty(store->staging_all_fd, name)) != 0)
        return err;
    return unlinkat(store->staging_all_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -errno;
}

/* ---- Ids, under the lock ---- */

static struct blob_block *block_of(const struct blob_ids *ids, uint64_t id)
{
    struct blob_block *block = ids->blocks;

    while (block != NULL && (id < block->first || id - block->first >= BLOB_ID_BLOCK))
        block = block->next;
    return block;
}

static bool block_is_over(const struct blob_block *block)
{
    return block->taken == BLOB_ID_BLOCK && block->settled == BLOB_ID_BLOCK;
}

int blob_shared_take(struct blob_ids *ids, uint64_t *id, bool *wants)
{
    struct blob_block *newest = ids->blocks, *block = newest;

    /* At most two have ids left: the newest is taken while the one before has half of its own. */
    if (newest != NULL && newest->next != NULL && newest->next->taken < BLOB_ID_BLOCK)
        block = newest->next;
    *wants = newest == NULL || (block == newest && newest->taken >= BLOB_ID_BLOCK / 2);
    if (block == NULL || block->taken == BLOB_ID_BLOCK)
        return -EAGAIN;
    *id = block->first + block->taken++;
    return 0;
}

bool blob_shared_settle(struct blob_ids *ids, uint64_t id)
{
    struct blob_block *block = block_of(ids, id);

    assert(block != NULL && id - block->first < block->taken);
    uint64_t *word = &block->bits[(id - block->first) / 64], bit = UINT64_C(1) << (id % 64);
    assert((*word & bit) == 0); /* settled twice */
    *word |= bit;
    ++ids->settles;
    ++block->settled;
    return block_is_over(block);
}

bool blob_shared_is_settled(const struct blob_ids *ids, uint64_t id)
{
    const struct blob_block *block = block_of(ids, id);

    return block == NULL || (block->bits[(id - block->first) / 64] >> (id % 64) & 1) != 0;
}

/* ---- The keeper ---- */

/* Takes a block that is over out of the list; NULL: there is none. `all`: also one that has ids left, when none is handed out any more. */
static struct blob_block *block_take_over(struct blob_ids *ids, bool all)
{
    struct blob_block **at, *block;

    pthread_mutex_lock(&ids->lock);
    for (at = &ids->blocks; (block = *at) != NULL; at = &block->next)
        if (all ? block->settled == block->taken : block_is_over(block))
            break;
    if (block != NULL)
        *at = block->next;
    pthread_mutex_unlock(&ids->lock);
    return block;
}

static int blocks_tell(struct blob_store *store, bool all)
{
    const struct blob_shared *shared = store->options.shared;
    struct blob_ids *ids = &store->ids;
    struct blob_block *block;

    while ((block = block_take_over(ids, all)) != NULL) {
        int err = shared->settle_block(shared->ctx, block->first);

        if (err != 0) { /* at the end of the list, where nobody takes ids */
            struct blob_block **at = &ids->blocks;

            pthread_mutex_lock(&ids->lock);
            while (*at != NULL)
                at = &(*at)->next;
            block->next = NULL;
            *at = block;
            pthread_mutex_unlock(&ids->lock);
            return err;
        }
        free(block);
    }
    return 0;
}

int blob_shared_keep(struct blob_store *store)
{
    const struct blob_shared *shared = store->options.shared;
    struct blob_ids *ids = &store->ids;
    struct blob_block *block;
    int err;

    (void)blocks_tell(store, false); /* with the next block, if not now */
    pthread_mutex_lock(&ids->lock);
    bool is_due = ids->blocks == NULL || ids->blocks->taken >= BLOB_ID_BLOCK / 2;
    pthread_mutex_unlock(&ids->lock);
    if (!is_due)
        return 0;
    if ((block = calloc(1, sizeof(*block))) == NULL)
        return -ENOMEM;
    if ((err = shared->take_block(shared->ctx, &block->first)) == 0 &&
        (block->first < BLOB_ID_FIRST || block->first > BLOB_ID_MAX - BLOB_ID_BLOCK))
        err = -EBADMSG;
    if (err == 0)
        err = blob_layout_make_folders(store, block->first, block->first + BLOB_ID_BLOCK);
    if (err != 0) {
        free(block); /* one that was taken stays unused, and is probed for nothing one day */
        return err;
    }
    pthread_mutex_lock(&ids->lock);
    block->next = ids->blocks;
    ids->blocks = block;
    pthread_mutex_unlock(&ids->lock);
    return 0;
}

uint64_t blob_store_ids_left(struct blob_store *store)
{
    struct blob_ids *ids = &store->ids;
    uint64_t left = 0;

    assert(store->options.shared != NULL);
    pthread_mutex_lock(&ids->lock);
    for (const struct blob_block *block = ids->blocks; block != NULL; block = block->next)
        left += BLOB_ID_BLOCK - block->taken;
    pthread_mutex_unlock(&ids->lock);
    return left;
}

void blob_shared_end(struct blob_store *store)
{
    struct blob_block *block;

    if (blocks_tell(store, true) != 0)
        blob_store_log(store, LOG_LEVEL_WARNING,
                       "cannot say at close which files have their rows: they are looked at later");
    while ((block = store->ids.blocks) != NULL) {
        store->ids.blocks = block->next;
        free(block);
    }
    (void)blob_store_clear_staging(store, store->options.shared->server); /* else whoever clears up does it */
}

/* ---- What a process that is gone has left ---- */

struct clearing {
    struct blob_store *store;
    int (*is_live)(void *ctx, uint64_t blob);
    void *ctx;
    uint64_t removed;
};

static int clear_one(void *ctx, uint64_t blob, uint64_t size_bytes)
{
    struct clearing *clearing = ctx;
    int live = clearing->is_live(clearing->ctx, blob), err;

    if (live != 0)
        return live < 0 ? live : 0;
    if ((err = blob_store_remove(clearing->store, blob)) != 0)
        return err;
    ++clearing->removed;
    return 0;
}

int blob_store_clear(struct blob_store *store, uint64_t first, int (*is_live)(void *ctx, uint64_t blob),
                     void *ctx, uint64_t *removed)
{
    struct clearing clearing = {.store = store, .is_live = is_live, .ctx = ctx};
    bool marked[BLOB_FOLDER_COUNT] = {false};
    int err;

    assert(store->options.shared != NULL && first >= BLOB_ID_FIRST && first <= BLOB_ID_MAX - BLOB_ID_BLOCK);
    err = blob_layout_walk(store, first, first + BLOB_ID_BLOCK, clear_one, &clearing);
    *removed = clearing.removed;
    /* Also where nothing is found: who tried before may have removed it, which need not be on the disk. */
    for (uint64_t id = first; id < first + BLOB_ID_BLOCK; id++)
        marked[blob_folder_of(id)] = true;
    return err != 0 ? err : blob_layout_sync_folders(store, marked);
}
