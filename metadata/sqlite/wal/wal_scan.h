/* SPDX-License-Identifier: MIT
 *
 * Looking at the database's log before it is used. SQLite reads it up to the first page that is not whole, and takes what lies after that
 * for what a crash left. That may be so: pages that no sync covered reach the disk in any order. But it may be damage to commits that
 * were durable, and those that came after them would be gone without a word. Private to metadata/.
 *
 * What can be told apart. The checksum of each page in the log goes on from the one that is stored with the page before, so two
 * neighbours that fit were written in one run. A commit that is synced is on the disk, with all before it, before the next page is
 * written: so where such a commit, whole, is followed by a page that fits, everything up to it was durable, and a gap before it is
 * damage.
 * Commits whose batch is in the journal (meta_journal.h) are not synced, and are known by the page of table `journal` among theirs. */
#ifndef METADATA_SQLITE_WAL_SCAN_H
#define METADATA_SQLITE_WAL_SCAN_H

#include "metadata/meta.h"

struct wal_scan {
    enum meta_tail tail;
    /* the first page that is not whole, from 1 on; 0: the head of the log; without a gap it means nothing */
    uint64_t gap;
    uint64_t pages; /* that have room in the file */
};

/* journal_page: where table `journal` lies, 0 if there is none. is_synced: commits without it were synced; else no gap is called damage.
 * A log that is not there is whole. Reads only. 0 or a negative errno. Blocks. */
int wal_scan(const char *log_path, uint32_t journal_page, bool is_synced, struct wal_scan *scan);

#endif
