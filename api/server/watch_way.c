/* SPDX-License-Identifier: MIT
 *
 * Follows a path part by part, as the kernel does, for the kernel does not tell which folders it came through. Any thread; keeps
 * nothing. A folder is visited before what is in it is looked at: who begins to watch there misses no change. */
#include "api/server/watch_way.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct way {
    char done[PATH_MAX]; /* without links; "": the working directory */
    char left[PATH_MAX];
    unsigned links;
};

static const char *way_folder(const struct way *way)
{
    return way->done[0] != '\0' ? way->done : ".";
}

/* Moves the first part of what is left to the end of what is done. 1; 0: nothing is left; -ENAMETOOLONG. */
static int way_advance(struct way *way)
{
    const char *part = way->left + strspn(way->left, "/");
    size_t length = strcspn(part, "/"), done = strlen(way->done);
    bool needs_slash = done > 0 && way->done[done - 1] != '/';

    if (length == 0)
        return 0;
    if (done + needs_slash + length >= sizeof(way->done))
        return -ENAMETOOLONG;
    if (needs_slash)
        way->done[done++] = '/';
    memcpy(way->done + done, part, length);
    way->done[done + length] = '\0';
    memmove(way->left, part + length, strlen(part + length) + 1);
    return 1;
}

/* The link at the end of what is done leads to target: that is left now, before the rest. */
static int way_turn(struct way *way, size_t folder_length, const char *target)
{
    char left[PATH_MAX];

    if (++way->links > WATCH_WAY_LINKS_MAX)
        return -ELOOP;
    if (snprintf(left, sizeof(left), "%s%s", target, way->left) >= (int)sizeof(left))
        return -ENAMETOOLONG;
    memcpy(way->left, left, sizeof(left));
    way->done[folder_length] = '\0';
    if (target[0] == '/')
        memcpy(way->done, "/", 2);
    return 0;
}

/* The target of the link by that name; 0: it is none. */
static size_t read_link(const char *name, char target[PATH_MAX])
{
    ssize_t length = readlink(name, target, PATH_MAX - 1);

    target[length > 0 ? length : 0] = '\0';
    return length > 0 ? (size_t)length : 0;
}

static bool is_folder(const char *name)
{
    struct stat status;

    return lstat(name, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Whether the end of what is done is a plain folder and more follows: then the folder is visited. It is looked at again after the
 * visit, for a link may have taken its place. */
static bool way_passes(const struct way *way, void (*visit)(void *ctx, const char *folder, bool decides),
                       void *ctx)
{
    if (way->left[strspn(way->left, "/")] == '\0' || !is_folder(way->done))
        return false;
    visit(ctx, way->done, false);
    return is_folder(way->done);
}

int watch_way_walk(const char *path, void (*visit)(void *ctx, const char *folder, bool decides), void *ctx,
                   char *end)
{
    struct way way = {.links = 0};
    int result;

    if (strlen(path) >= sizeof(way.left))
        return -ENAMETOOLONG;
    strcpy(way.left, path);
    strcpy(way.done, path[0] == '/' ? "/" : "");
    for (;;) {
        char target[PATH_MAX], folder[PATH_MAX];
        size_t folder_length = strlen(way.done);

        strcpy(folder, way_folder(&way));
        if ((result = way_advance(&way)) <= 0)
            break;
        if (way_passes(&way, visit, ctx))
            continue;
        visit(ctx, folder, true);
        if (read_link(way.done, target) != 0) {
            if ((result = way_turn(&way, folder_length, target)) != 0)
                break;
        } else if (!way_passes(&way, visit, ctx)) {
            break; /* the file, or nothing yet */
        }
    }
    strcpy(end, way.done);
    return result > 0 ? 0 : result;
}
