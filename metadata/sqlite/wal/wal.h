/* SPDX-License-Identifier: MIT
 *
 * Whether the database's log (its write-ahead log) is on the disk. Commits whose batch is in the journal are not synced. This file knows
 * whether there are any, syncs them for those who must wait for that, and puts things right after a sync that failed.
 *
 * After a failed sync the kernel calls pages clean that never reached the disk, and the next sync succeeds without writing them. So what was
 * committed before may be lost, although later commits say that they are durable; and a page of the database may be lost, although the
 * log that it came from is gone. From then on both files are *suspect*, whoever met the failure: a commit, the checkpoint thread, or
 * meta_make_durable. Until wal_repair has written everything again, nothing is committed, nothing is moved into the database, and nobody
 * may act outside the database on what the rows say. Readers go on. Private to metadata/. */
#ifndef METADATA_SQLITE_WAL_H
#define METADATA_SQLITE_WAL_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>

struct wal {
    int fd;                       /* of the log; -1: not open */
    bool leaves_syncs;            /* commits may be left unsynced: there is a journal */
    bool is_synced;               /* the committer's: how the next commit ends */
    int frames_started;           /* the committer's: whose way to the disk has begun */
    atomic_uint_fast64_t commits; /* unsynced ones, twice; odd while one is under way */
    atomic_uint_fast64_t durable; /* `commits` as of the last sync */
    atomic_bool is_suspect;       /* a sync failed */
    /* and what it lost is not in memory any more: what the log shows is not what was committed */
    atomic_bool is_lost;
};

/* Reserves room on the disk for the log; its size and content stay as they are. A deletion, too, needs a few pages in the log, also when the
 * disk is full. Where no room can be reserved (a full disk, a file system that cannot do it), the log takes what there is when it needs it. */
void wal_reserve(const char *log_path);

/* Before any thread but the committer's may use it. log_path: the file of the log, which must be there. 0 or a negative errno. */
void wal_init(struct wal *wal);
int wal_open(struct wal *wal, const char *log_path, bool leaves_syncs);
void wal_close(struct wal *wal);

/* How the commits of the connection end from now on. Outside a transaction. 0 or an error. Committer's thread, as the next four. */
int wal_set_synced(struct wal *wal, sqlite3 *db, bool is_synced);
/* Around the COMMIT. result: its own. */
void wal_commit_begin(struct wal *wal);
void wal_commit_end(struct wal *wal, int result);
/* The log has so many frames. Those that no commit syncs are written to the disk before there are too many: to sync a whole log at once
 * would hold up everybody for some milliseconds. */
void wal_grown(struct wal *wal, int frames);
/* Makes it good, see wal_repair.c. checkpointer: the checkpoint thread's connection, while that thread rests. 0, and nothing is
 * suspect any more; -EBADMSG: it is lost, readers must not go on, and only a new process can read what is on the disk; or another
 * error, and it may be tried again. Not in a transaction. */
int wal_repair(struct wal *wal, sqlite3 *writer, sqlite3 *checkpointer);
void wal_made_good(struct wal *wal); /* wal_repair's own */

/* Any thread. */
void wal_suspect(struct wal *wal);
bool wal_is_suspect(const struct wal *wal);
bool wal_is_lost(const struct wal *wal);
/* See meta_make_durable. Any thread. */
int wal_make_durable(struct wal *wal);

#endif
