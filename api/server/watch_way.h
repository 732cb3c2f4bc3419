/* SPDX-License-Identifier: MIT
 *
 * The way that a path takes through symbolic links. Any thread; keeps nothing. */
#ifndef API_SERVER_WATCH_WAY_H
#define API_SERVER_WATCH_WAY_H

#define WATCH_WAY_LINKS_MAX 40u /* as many as the kernel follows */

/* Tells visit, in the order of the way, each folder whose entries decide where path leads to: that of each link, before the link is
 * read, and that of the file at its end. end: PATH_MAX bytes, gets the path without links. Whether there is a file at the end
 * does not matter. 0, -ELOOP, -ENAMETOOLONG. */
int watch_way_walk(const char *path, void (*visit)(void *ctx, const char *folder), void *ctx, char *end);

#endif
