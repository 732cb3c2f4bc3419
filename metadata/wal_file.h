/* SPDX-License-Identifier: MIT
 *
 * The file of the database's log, past the database's library. Private to metadata/. */
#ifndef METADATA_WAL_FILE_H
#define METADATA_WAL_FILE_H

/* Before the database is opened for writing: makes durable what the log shows. After kill -9 the page cache shows commits that never
 * reached the disk; acted on or answered, they would be gone after a power failure, and what was done because of them would not. No log
 * is no error. 0 or a negative errno: then the database must not be opened. Blocks. */
int wal_file_settle(const char *log_path);

#endif
