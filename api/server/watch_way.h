/* SPDX-License-Identifier: MIT
 *
 * The way that a path takes through symbolic links. Any thread; keeps nothing. */
#ifndef API_SERVER_WATCH_WAY_H
#define API_SERVER_WATCH_WAY_H

#include <stdbool.h>

#define WATCH_WAY_LINKS_MAX 40u /* as many as the kernel follows */

/* Tells visit, in the order of the way, each folder that path leads through (decides: false), and each whose entries decide where
 * it leads to (decides: true): that of each link, before the link is read, and that of the file at its end. Where a folder on the
 * way is missing, the one that it would be in decides, and is the last. One folder may be told of more than once, by other names.
 * end: PATH_MAX bytes, gets the path without links, as far as there is a way. Whether there is a file at the end does not matter.
 * 0, -ELOOP, -ENAMETOOLONG. */
int watch_way_walk(const char *path, void (*visit)(void *ctx, const char *folder, bool decides), void *ctx,
                   char *end);

#endif
