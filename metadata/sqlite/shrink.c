/* SPDX-License-Identifier: MIT
 *
 * Pages of the database that are free go back to the file system. SQLite keeps them in the file for later use, so a store from which a million
 * objects were deleted would keep the size that it had with them.
 *
 * A database that was made with auto_vacuum = INCREMENTAL knows who points at each page, and can move the last pages of the file into free
 * ones: row_store_shrink does a few at a time, as a change of its own. The databases of earlier releases do not; compact_run writes them
 * anew, as a whole, with nobody beside it.
 *
 * What is free is kept as long as it is little: it will be used. */
#include <assert.h>

#include "metadata/limits.h"
#include "metadata/sqlite/row_sql.h"

#define AUTO_VACUUM_INCREMENTAL 2

/* Pages that may go; 0: they are few, or this database cannot shrink. Once it has begun it goes on until few are left. */
static int shrink_pages(sqlite3 *db, bool has_begun, int64_t *pages)
{
    int64_t mode, count, unused, kept;
    int err;

    *pages = 0;
    if ((err = db_query_int(db, "PRAGMA auto_vacuum", &mode)) != 0 || mode != AUTO_VACUUM_INCREMENTAL)
        return err;
    if ((err = db_query_int(db, "PRAGMA freelist_count", &unused)) != 0 ||
        (err = db_query_int(db, "PRAGMA page_count", &count)) != 0)
        return err;
    kept = count / META_SHRINK_SHARE > META_SHRINK_KEPT ? count / META_SHRINK_SHARE : META_SHRINK_KEPT;
    if (unused > (has_begun ? kept : 2 * kept))
        *pages = unused - kept;
    return 0;
}

int sqlite_store_shrink(struct row_store *store, uint32_t pages_max, bool *more)
{
    char text[64];
    int64_t pages;
    int err = shrink_pages(store->db, store->is_shrinking, &pages);

    assert(store->is_in_batch && pages_max > 0);
    *more = store->is_shrinking = pages > pages_max;
    if (err != 0 || pages == 0)
        return err;
    (void)sqlite3_snprintf(sizeof(text), text, "PRAGMA incremental_vacuum(%lld)",
                           (long long)(*more ? pages_max : pages));
    if ((err = db_exec(store->db, text)) == 0 && !*more)
        checkpoint_hurry(store->checkpoint); /* only then the file becomes shorter */
    return err;
}

int compact_run(const struct meta *meta, sqlite3 *db)
{
    int err;

    assert(!meta->options.read_only);
    /* In a file, not in memory: it is as large as the database. */
    if ((err = db_exec(db, "PRAGMA temp_store = FILE; PRAGMA auto_vacuum = INCREMENTAL; VACUUM")) != 0) {
        meta_log(meta, LOG_LEVEL_ERROR, "%s cannot be written anew: %s (%s)", meta->path, meta_strerror(err),
                 sqlite3_errmsg(db));
        return err;
    }
    return meta_sql_error(sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
}
