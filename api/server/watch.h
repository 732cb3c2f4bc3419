/* SPDX-License-Identifier: MIT
 *
 * Tells when a file was changed or replaced, by a thread that sleeps until the kernel says so (inotify). */
#ifndef API_SERVER_WATCH_H
#define API_SERVER_WATCH_H

struct file_watch;

/* changed will be called on the watch's own thread: after the file was written and closed, or another took its name, or a folder
 * or a symbolic link on the way to it was replaced. What came with a folder may not be whole yet: changed is called again when it
 * is. Not seen: a folder that may be passed but not read, that is mounted over, or that is one of more than 64; and that one was
 * deleted, as long as somebody has it open. 0 or an errno: no folder whose entries decide where the way leads can be watched. */
int file_watch_create(struct file_watch **watch, const char *path, void (*changed)(void *ctx), void *ctx);
/* From now on changed is called: also for what happened since the creation. 0 or an errno. */
int file_watch_start(struct file_watch *watch);
/* When it returns, changed is not called any more. NULL allowed. */
void file_watch_destroy(struct file_watch *watch);

#endif
