/* SPDX-License-Identifier: MIT
 *
 * What the files of a recovery share: the new database, and what is put into it. One thread. Private to metadata/sqlite/recover/. */
#ifndef METADATA_SQLITE_RECOVER_RECOVER_H
#define METADATA_SQLITE_RECOVER_RECOVER_H

#include "metadata/meta_recover.h"
#include "metadata/sqlite/chronicle/row_chronicle.h"

struct recovery {
    const struct meta_recover_options *options;
    struct meta_recover_report *report;
    struct meta meta; /* of the new database: what opening it needs */
    sqlite3 *db;
    sqlite3_stmt *puts[CHRONICLE_TABLES_END], *deletes[CHRONICLE_TABLES_END], *finds[CHRONICLE_TABLES_END];
    sqlite3_stmt *gone_put, *gone_get; /* what the chronicle says was deleted, and when */
    struct chronicle_buffer key;       /* of a row, as those two have it */
    uint64_t changes;                  /* in the transaction */
};

/* The statements of all tables; the temporary table. 0 or an error. */
int recover_prepare(struct recovery *recovery);
void recover_finalize(struct recovery *recovery);
/* Stores a row, in the place of one with its key. 0, also where it cannot be one, for it was damaged; or an error. */
int recover_put(struct recovery *recovery, unsigned table, const struct chronicle_value *values,
                unsigned count);
int recover_delete(struct recovery *recovery, unsigned table, const struct chronicle_value *key,
                   int64_t time_ms);
/* A row of the old database: stored if what is there is older, and it was not deleted later. */
int recover_merge(struct recovery *recovery, unsigned table, const struct chronicle_value *values);

/* recover_chronicle.c: all that the chronicle tells. */
int recover_chronicle(struct recovery *recovery);
/* recover_salvage.c: all that can be read of the old database. */
int recover_salvage(struct recovery *recovery);
/* recover_settle.c: what goes with nothing is removed, what has no bytes, too; references and counts are made. */
int recover_settle(struct recovery *recovery);

#endif
