/* SPDX-License-Identifier: MIT
 *
 * `sluice compact`: a store that nobody has open is opened, as after a crash if there was one; the reclaimer works off the garbage; the store is
 * closed, and opened once more, its database written anew on the way. A crash at any point leaves a store as after any crash.
 *
 * Blocks. */
#include "api/core/core_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "api/core/upkeep/reclaim_await.h"

/* The reclaimer is given up on when so long nothing has become less: something is held, or the disk is in trouble, as the log says. */
#define COMPACT_PATIENCE_MS 5000u

struct usage {
    int folder_fd;
    uint64_t bytes;
};

static uint64_t file_bytes(const char *data_dir, const char *name)
{
    struct stat st;
    char *path;
    uint64_t bytes;

    if (asprintf(&path, "%s/%s", data_dir, name) < 0)
        return 0;
    bytes = stat(path, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
    free(path);
    return bytes;
}

static int usage_add(void *ctx, uint64_t blob, uint64_t size_bytes)
{
    struct usage *usage = ctx;
    char name[64];
    struct stat st;

    (void)snprintf(name, sizeof(name), "blobs/%02x/%016llx",
                   (unsigned)(blob / BLOB_FOLDER_RUN % BLOB_FOLDER_COUNT), (unsigned long long)blob);
    usage->bytes += fstatat(usage->folder_fd, name, &st, 0) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
    return 0;
}

/* What blobs/ takes. */
static int blobs_bytes(struct core *core, uint64_t *bytes)
{
    struct usage usage = {.folder_fd = blob_store_folder_fd(core->blobs)};
    int err = blob_store_walk(core->blobs, usage_add, &usage);

    *bytes = usage.bytes;
    return err;
}

static uint64_t database_bytes(const char *data_dir)
{
    return file_bytes(data_dir, "sluice.db") + file_bytes(data_dir, "sluice.db-wal");
}

/* Opens the store, gives back what is garbage, and closes it. bytes: what blobs/ took before and takes then. */
static int compact_once(const struct core_options *options, bool vacuums, uint64_t bytes[2])
{
    const struct core_options writing = {
        .data_dir = options->data_dir,
        .shared_fs = options->shared_fs,
        .log = options->log,
        .log_ctx = options->log_ctx,
        .compacts = true,
        .vacuums = vacuums,
    };
    struct core *core;
    int err = core_open(&core, &writing);

    if (err != 0)
        return err;
    if ((err = blobs_bytes(core, &bytes[0])) == 0 &&
        (err = reclaim_await(core, false, COMPACT_PATIENCE_MS)) >= 0)
        err = blobs_bytes(core, &bytes[1]);
    core_close(core);
    return err;
}

int core_compact(const struct core_options *options, struct core_compacted *compacted)
{
    uint64_t first[2] = {0}, second[2] = {0};
    int err;

    *compacted = (struct core_compacted){.database_before = database_bytes(options->data_dir)};
    /* One that is not there would be made. */
    if (compacted->database_before == 0)
        return -ENOENT;
    /* What the reclaimer strikes off its list leaves free pages. */
    if ((err = compact_once(options, false, first)) == 0)
        err = compact_once(options, true, second);
    compacted->blobs_before = first[0];
    compacted->blobs_after = err == 0 ? second[1] : first[1];
    compacted->database_after = database_bytes(options->data_dir);
    return err;
}
