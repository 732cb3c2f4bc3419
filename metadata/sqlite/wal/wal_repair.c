/* SPDX-License-Identifier: MIT
 *
 * Making good what a failed sync may have lost, of the log or of the database; wal.h says when, wal_file.h why by writing it again.
 *
 *   the log      every committed frame is written again, and synced
 *   the database every page that a checkpoint has moved there from this log is written again, and synced
 *
 * In this order: pages must not reach the database before the frames that they come from are safe, for after a power failure
 * the log would end before a hole, and the database be newer than that in some of its pages. For the same reason nothing is moved
 * into the database between the failure and the repair. The log is not emptied to get rid of the hole: it would need all readers to let
 * go of it, and would have such a moment between the sync of the database and its own end.
 *
 * Pages of earlier logs are safe: a log begins anew only after all of it was moved and the database synced. A checkpoint that is cut
 * short by a newer commit or an older reader does not sync, and never writes those pages again: so they are written here.
 *
 * Linux tells each descriptor of a file about an error once. What the others have to say about this one is asked for before anything is
 * written again, lest the next sync fail for it.
 *
 * On the committer's thread, while no checkpoint runs. */
#include "metadata/sqlite/wal/wal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "metadata/sqlite/meta_sql.h"
#include "metadata/sqlite/wal/wal_file.h"
#include "metadata/sqlite/wal/wal_index.h"

/* ---- What the descriptors have to say ---- */

static void file_hear(sqlite3_file *file)
{
    if (file != NULL)
        (void)file->pMethods->xSync(file,
                                    SQLITE_SYNC_NORMAL); /* whatever it is, it is made good after this */
}

static void connection_hear(sqlite3 *db)
{
    file_hear(wal_index_log_file(db));
    file_hear(wal_index_database_file(db));
}

/* ---- The database ---- */

struct moved_page {
    uint32_t page, frame;
};

struct moved {
    struct moved_page *list;
    uint32_t count, pages;
};

static int moved_on_frame(void *ctx, uint32_t frame, uint32_t page)
{
    struct moved *moved = ctx;

    if (page <= moved->pages)
        moved->list[moved->count++] = (struct moved_page){page, frame};
    return 0;
}

/* By page, and then the newest first. */
static int moved_compare(const void *a, const void *b)
{
    const struct moved_page *first = a, *second = b;

    if (first->page != second->page)
        return first->page < second->page ? -1 : 1;
    return first->frame > second->frame ? -1 : first->frame < second->frame;
}

/* What is written is what is there, as readers see it, if the page is still in memory. */
static int moved_write(const struct moved *moved, int log_fd, sqlite3_file *file)
{
    unsigned char data[WAL_FILE_PAGE_BYTES];
    int err = 0;

    assert(moved->count == 0 || moved->list != NULL);
    for (uint32_t i = 0; i < moved->count && err == 0; i++) {
        uint32_t page = moved->list[i].page;

        if (i > 0 && page == moved->list[i - 1].page)
            continue;
        err = wal_file_read_page(log_fd, moved->list[i].frame, data);
        if (err == 0)
            err = meta_sql_error(file->pMethods->xWrite(file, data, sizeof(data),
                                                        (sqlite3_int64)(page - 1) * WAL_FILE_PAGE_BYTES));
    }
    return err;
}

static int database_renew(const struct wal_index *index, int log_fd, sqlite3_file *file)
{
    struct moved moved = {.pages = index->pages};
    int err;

    if (index->copied == 0)
        return 0;
    if ((moved.list = malloc(index->copied * sizeof(*moved.list))) == NULL)
        return -ENOMEM;
    err = wal_file_pages(log_fd, index->copied, moved_on_frame, &moved);
    if (err == 0) {
        qsort(moved.list, moved.count, sizeof(*moved.list), moved_compare);
        err = moved_write(&moved, log_fd, file);
    }
    free(moved.list);
    return err != 0 ? err : meta_sql_error(file->pMethods->xSync(file, SQLITE_SYNC_NORMAL));
}

/* ---- All of it ---- */

int wal_repair(struct wal *wal, sqlite3 *writer, sqlite3 *checkpointer)
{
    sqlite3_file *file = wal_index_database_file(writer);
    struct wal_index index;
    int err;

    assert(writer != NULL && checkpointer != NULL);
    if (wal_is_lost(wal))
        return -EBADMSG;
    connection_hear(writer);
    connection_hear(checkpointer);
    (void)fdatasync(wal->fd); /* the same */
    if (file == NULL)
        return -EIO;
    if ((err = wal_index_read(writer, &index)) != 0)
        return err;
    if ((err = wal_file_renew(wal->fd, &index.extent)) == -EBADMSG)
        atomic_store(&wal->is_lost, true);
    if (err != 0 || (err = database_renew(&index, wal->fd, file)) != 0)
        return err;
    wal_made_good(wal);
    return 0;
}
