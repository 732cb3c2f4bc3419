/* SPDX-License-Identifier: MIT
 *
 * The files below a folder of this machine, in order of their names. Links are followed, as tools for S3 do; a link to a folder above ends there. */
#include "api/cli/remote/remote.h"

#include "api/client/part_file.h"

#include <errno.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>

static int compare(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* What a download that was killed has left: nobody's file. */
static bool is_left_over(const char *name)
{
    if (strncmp(name, CLIENT_PART_FILE, strlen(CLIENT_PART_FILE)) == 0)
        return true;
    return strncmp(name, REMOTE_TEMPORARY, strlen(REMOTE_TEMPORARY)) == 0 &&
           strlen(name) == strlen(REMOTE_TEMPORARY) + 6;
}

static int visit(struct remote *remote, const FTSENT *entry, size_t root_length, remote_file_fn found,
                 void *ctx)
{
    const char *name = entry->fts_path + root_length;

    name += strspn(name, "/");
    switch (entry->fts_info) {
    case FTS_F:
        return is_left_over(entry->fts_name) || !remote_is_wanted(remote, name)
                   ? 0
                   : found(ctx, entry->fts_path, name, entry->fts_statp);
    case FTS_D:
    case FTS_DP:
        return 0;
    case FTS_DC:
        (void)remote_fail(remote, -ELOOP, entry->fts_path, "a link leads back to a folder above");
        return 0;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        (void)remote_fail(remote, -entry->fts_errno, entry->fts_path, strerror(entry->fts_errno));
        return 0;
    case FTS_SLNONE:
        (void)remote_fail(remote, -EIO, entry->fts_path, "a link leads nowhere");
        return 0;
    default:
        if (remote_is_wanted(remote, name))
            (void)remote_fail(remote, -EIO, entry->fts_path, "it is not a regular file");
        return 0;
    }
}

int remote_walk_files(struct remote *remote, const char *root, remote_file_fn found, void *ctx)
{
    char *const roots[] = {(char *)root, NULL};
    FTS *tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, compare);
    FTSENT *entry;
    int err = 0;

    if (tree == NULL)
        return remote_fail(remote, -errno, root, strerror(errno));
    while (err == 0 && (errno = 0, entry = fts_read(tree)) != NULL)
        err = atomic_load(&remote_cancelled) ? -ECANCELED : visit(remote, entry, strlen(root), found, ctx);
    if (err == 0 && errno != 0)
        err = remote_fail(remote, -errno, root, strerror(errno));
    (void)fts_close(tree);
    return err;
}
