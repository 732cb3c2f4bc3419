/* SPDX-License-Identifier: MIT
 *
 * The file of the database's log, past the database's library: reading it as a chain of frames, and writing what it holds once more.
 *
 * A sync that fails loses pages without a trace: the kernel calls them clean, shows them as long as they are in memory, and the next sync
 * has nothing to do. What is in such a file can be made durable only by writing it again. The log can: each frame has a checksum that runs on from
 * the frame before, so what is read back is known to be what was written. Same bytes in the same place disturb no reader, and no
 * power failure meets a log that is worse than it was. Private to metadata/. */
#ifndef METADATA_SQLITE_WAL_FILE_H
#define METADATA_SQLITE_WAL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WAL_FILE_PAGE_BYTES 4096u

/* Before the database is opened for writing: makes durable what the log shows. After kill -9 the page cache shows commits that never
 * reached the disk; acted on or answered, they would be gone after a power failure, and what was done because of them would not. No log
 * is no error. 0 or a negative errno: then the database must not be opened. Blocks. */
int wal_file_settle(const char *log_path);

/* What the database's library has in the log. */
struct wal_extent {
    uint32_t frames;       /* committed ones, from the first on */
    unsigned char salt[8]; /* as they are in the file's head */
    uint32_t checksum[2];  /* at the end of those frames */
};

/* Writes those frames again, unmakes what a failed commit may have left after them, and syncs. No transaction may be under way.
 * 0; -EBADMSG: they are not there any more, what can be read is not what was written; or a negative errno, and it may be tried
 * again. Blocks. */
int wal_file_renew(int fd, const struct wal_extent *extent);

/* Calls visit for each of the first `frames` frames, in their order, with the page that it holds; its data is not read or checked.
 * 0, what visit returned, which stops when it is not 0, or a negative errno. */
int wal_file_pages(int fd, uint32_t frames, int (*visit)(void *ctx, uint32_t frame, uint32_t page),
                   void *ctx);
/* Reads the data of one frame, the first is 1: WAL_FILE_PAGE_BYTES. 0 or a negative errno. */
int wal_file_read_page(int fd, uint32_t frame, void *data);

#endif
