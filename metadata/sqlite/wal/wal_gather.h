/* SPDX-License-Identifier: MIT
 *
 * The frames of a commit reach the log's file with one call. The database's library writes each with two, its head and its page: the
 * calls cost more than the bytes.
 *
 * Where the library hands a frame over, it is held in memory, with those that come right after it. They go to the file, in their order, as
 * one write
 *
 *   - with the page of the frame that ends a commit, before that call returns: so a disk that fails is met where the library looks for it,
 *     and the commit fails as with any failed write. Only after it does the library tell others of the commit, through the index of the log
 *   - before the same connection reads them, or syncs, cuts, measures or closes the log, or writes to another place of it
 *   - when there is no more room
 *   - at the latest before the index shows a commit, whatever the library has written until then
 *
 * What a transaction that was undone has left is dropped. So others never miss a byte, and what a failed write leaves behind is what
 * the library's own would: some of the frames, and no commit among them that anybody was told of.
 *
 * It takes the place of some methods of two files of one connection, which alone pays for it. That connection's thread. Private to
 * metadata/. */
#ifndef METADATA_SQLITE_WAL_GATHER_H
#define METADATA_SQLITE_WAL_GATHER_H

#include <sqlite3.h>

struct wal;
struct wal_gather;

/* From now on, of the connection that writes, which has its log open, outside of a transaction. 0, -ENOMEM, or -EIO: it is not open. */
int wal_gather_start(struct wal_gather **gather, struct wal *wal, sqlite3 *db);
/* After the connection was closed. NULL allowed. */
void wal_gather_free(struct wal_gather *gather);

#endif
