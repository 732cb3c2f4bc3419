/* SPDX-License-Identifier: MIT
 *
 * See wal_gather.h. A file of the database's library begins with a pointer to its methods. That pointer is made to show a copy of them with
 * a few replaced, which call the ones before; the file stays what it is, so all that the library knows of it still holds. */
#include "metadata/sqlite/wal/wal_gather.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/limits.h"
#include "metadata/sqlite/wal/wal.h"
#include "metadata/sqlite/wal/wal_file.h"
#include "metadata/sqlite/wal/wal_index.h"
#include "storage/base/owner.h"

#define PAGE_BYTES      ((int)WAL_FILE_PAGE_BYTES)
#define HEAD_BYTES      24 /* of a frame; its page follows */
#define FRAME_BYTES     (HEAD_BYTES + PAGE_BYTES)
#define HEAD_COMMIT_AT  4 /* four bytes; not 0: the frame ends a commit */
#define HELD_BYTES_MAX  (META_WAL_GATHER_FRAMES * FRAME_BYTES)
#define METHODS_VERSION 3 /* with xFetch and xUnfetch at the end */
#define LOCK_OF_WRITERS 0 /* https://www.sqlite.org/walformat.html#wal_locks */

_Static_assert(HELD_BYTES_MAX < 128 << 10, "the library hands no more to one call");

struct wal_gather {
    struct sqlite3_io_methods log_methods, database_methods;
    const struct sqlite3_io_methods *log_before, *database_before;
    sqlite3_file *log, *database;
    struct wal *wal;
    sqlite3_int64 read_at; /* where the last call has read, when it was a read; else -1 */
    sqlite3_int64 begin;   /* of what is held */
    int length;            /* of it: whole frames, and perhaps the head of one more */
    int lost_code;         /* the error that frames of this transaction were lost with */
    unsigned char held[HELD_BYTES_MAX];
};

static struct wal_gather *gather_of_log(sqlite3_file *file)
{
    const struct sqlite3_io_methods *methods = file->pMethods;

    return OWNER_OF((struct sqlite3_io_methods *)(uintptr_t)methods, struct wal_gather, log_methods);
}

static struct wal_gather *gather_of_database(sqlite3_file *file)
{
    const struct sqlite3_io_methods *methods = file->pMethods;

    return OWNER_OF((struct sqlite3_io_methods *)(uintptr_t)methods, struct wal_gather, database_methods);
}

/* ---- What is held ---- */

/* The library believes frames to be in the log that it handed over before, and an error that it is told of when it reads may undo one
 * statement only. So what is lost here fails every write until the transaction is over, that of its commit, too. */
static int held_write(struct wal_gather *gather)
{
    assert(gather->length >= 0 && gather->length <= HELD_BYTES_MAX);
    gather->read_at = -1;
    if (gather->length == 0 || gather->lost_code != SQLITE_OK)
        return gather->lost_code;
    gather->lost_code = gather->log_before->xWrite(gather->log, gather->held, gather->length, gather->begin);
    if (gather->lost_code == SQLITE_OK)
        gather->length = 0;
    return gather->lost_code;
}

static void held_forget(struct wal_gather *gather)
{
    gather->begin = 0;
    gather->length = 0;
    gather->lost_code = SQLITE_OK;
}

static bool held_ends_with_head(const struct wal_gather *gather)
{
    return gather->length % FRAME_BYTES != 0;
}

/* Whether the write goes on where what is held ends, and there is room for it. */
static bool held_goes_on(const struct wal_gather *gather, int amount, sqlite3_int64 offset)
{
    if (gather->length == 0 || offset != gather->begin + gather->length)
        return false;
    if (held_ends_with_head(gather))
        return amount == PAGE_BYTES;
    return amount == HEAD_BYTES && gather->length + FRAME_BYTES <= HELD_BYTES_MAX;
}

static bool held_ends_commit(const struct wal_gather *gather)
{
    static const unsigned char none[4];
    const unsigned char *head = gather->held + gather->length - FRAME_BYTES;

    return gather->length > 0 && !held_ends_with_head(gather) &&
           memcmp(head + HEAD_COMMIT_AT, none, sizeof(none)) != 0;
}

/* ---- The log ---- */

/* A head that is written where a frame was just read has its checksum made anew, and no page follows. */
static int log_write(sqlite3_file *file, const void *data, int amount, sqlite3_int64 offset)
{
    struct wal_gather *gather = gather_of_log(file);
    bool begins = amount == HEAD_BYTES && offset != gather->read_at;
    int code;

    gather->read_at = -1;
    if (gather->lost_code != SQLITE_OK)
        return gather->lost_code;
    if (!held_goes_on(gather, amount, offset)) {
        if ((code = held_write(gather)) != SQLITE_OK)
            return code;
        if (!begins)
            return gather->log_before->xWrite(file, data, amount, offset);
        gather->begin = offset;
    }
    memcpy(gather->held + gather->length, data, (size_t)amount);
    gather->length += amount;
    return held_ends_commit(gather) ? held_write(gather) : SQLITE_OK;
}

static int log_read(sqlite3_file *file, void *data, int amount, sqlite3_int64 offset)
{
    struct wal_gather *gather = gather_of_log(file);
    bool is_held = offset < gather->begin + gather->length && offset + amount > gather->begin;
    int code = is_held ? held_write(gather) : SQLITE_OK;

    gather->read_at = offset;
    return code != SQLITE_OK ? code : gather->log_before->xRead(file, data, amount, offset);
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct wal_gather *gather = gather_of_log(file);
    int code = held_write(gather);

    return code != SQLITE_OK ? code : gather->log_before->xTruncate(file, size);
}

static int log_sync(sqlite3_file *file, int flags)
{
    struct wal_gather *gather = gather_of_log(file);
    int code = held_write(gather);

    return code != SQLITE_OK ? code : gather->log_before->xSync(file, flags);
}

static int log_size(sqlite3_file *file, sqlite3_int64 *size)
{
    struct wal_gather *gather = gather_of_log(file);
    int code = held_write(gather);

    return code != SQLITE_OK ? code : gather->log_before->xFileSize(file, size);
}

static int log_close(sqlite3_file *file)
{
    struct wal_gather *gather = gather_of_log(file);
    int held = held_write(gather);

    file->pMethods = gather->log_before;
    int code = file->pMethods->xClose(file);
    return held != SQLITE_OK ? held : code;
}

/* ---- The index of the log, whose methods are the database's ---- */

/* The library calls it between the two copies of the index's head, which count when they are equal. Nothing is held here, unless it
 * should write its log in another order some day. An error cannot be returned: others will see a commit that the log has not got. */
static void index_barrier(sqlite3_file *file)
{
    struct wal_gather *gather = gather_of_database(file);

    if (gather->lost_code == SQLITE_OK && held_write(gather) != SQLITE_OK)
        wal_suspect(gather->wal);
    gather->database_before->xShmBarrier(file);
}

/* With this lock given back the transaction is over: what is still held was undone. */
static int index_lock(sqlite3_file *file, int first, int count, int flags)
{
    struct wal_gather *gather = gather_of_database(file);

    if (first == LOCK_OF_WRITERS && flags == (SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE))
        held_forget(gather);
    return gather->database_before->xShmLock(file, first, count, flags);
}

static int database_close(sqlite3_file *file)
{
    struct wal_gather *gather = gather_of_database(file);

    file->pMethods = gather->database_before;
    return file->pMethods->xClose(file);
}

/* ---- Beginning and end ---- */

/* A library of a later version may have methods that this one does not know: it is told that they are not there. */
static void methods_copy(struct sqlite3_io_methods *copy, const struct sqlite3_io_methods *methods)
{
    *copy = *methods;
    if (copy->iVersion > METHODS_VERSION)
        copy->iVersion = METHODS_VERSION;
}

int wal_gather_start(struct wal_gather **out, struct wal *wal, sqlite3 *db)
{
    sqlite3_file *log = wal_index_log_file(db), *database = wal_index_database_file(db);
    struct wal_gather *gather;

    assert(wal != NULL);
    if (log == NULL || database == NULL || log == database || database->pMethods->iVersion < 2)
        return -EIO;
    if ((gather = malloc(sizeof(*gather))) == NULL)
        return -ENOMEM;
    gather->log = log;
    gather->wal = wal;
    gather->read_at = -1;
    held_forget(gather);
    gather->log_before = log->pMethods;
    methods_copy(&gather->log_methods, log->pMethods);
    gather->log_methods.xWrite = log_write;
    gather->log_methods.xRead = log_read;
    gather->log_methods.xTruncate = log_truncate;
    gather->log_methods.xSync = log_sync;
    gather->log_methods.xFileSize = log_size;
    gather->log_methods.xClose = log_close;
    gather->database_before = database->pMethods;
    methods_copy(&gather->database_methods, database->pMethods);
    gather->database_methods.xShmBarrier = index_barrier;
    gather->database_methods.xShmLock = index_lock;
    gather->database_methods.xClose = database_close;
    log->pMethods = &gather->log_methods;
    database->pMethods = &gather->database_methods;
    *out = gather;
    return 0;
}

void wal_gather_free(struct wal_gather *gather)
{
    free(gather);
}
