/* SPDX-License-Identifier: MIT
 *
 * See wal_index.h. */
#include "metadata/sqlite/wal/wal_index.h"

#include <errno.h>
#include <string.h>

#define INDEX_REGION_BYTES 32768
#define INDEX_VERSION      3007000u

/* The head of the index, which is there twice, and what follows it. Of the machine's own byte order, but for the salts. */
struct index_head {
    uint32_t version, unused, change;
    uint8_t is_init, big_words;
    uint16_t page_bytes;
    uint32_t frames, pages, checksum[2];
    unsigned char salt[8];
    uint32_t head_checksum[2];
};

struct index_region {
    struct index_head head[2];
    uint32_t copied;
};

_Static_assert(sizeof(struct index_head) == 48, "as it lies in memory");

static sqlite3_file *file_of(sqlite3 *db, int control)
{
    sqlite3_file *file = NULL;

    if (sqlite3_file_control(db, "main", control, &file) != SQLITE_OK || file == NULL ||
        file->pMethods == NULL)
        return NULL;
    return file;
}

sqlite3_file *wal_index_database_file(sqlite3 *db)
{
    return file_of(db, SQLITE_FCNTL_FILE_POINTER);
}

sqlite3_file *wal_index_log_file(sqlite3 *db)
{
    return file_of(db, SQLITE_FCNTL_JOURNAL_POINTER);
}

int wal_index_read(sqlite3 *db, struct wal_index *index)
{
    sqlite3_file *file = wal_index_database_file(db);
    void volatile *region = NULL;
    struct index_region found;

    if (file == NULL || file->pMethods->iVersion < 2 ||
        file->pMethods->xShmMap(file, 0, INDEX_REGION_BYTES, 0, &region) != SQLITE_OK || region == NULL)
        return -EIO;
    memcpy(&found, (const void *)region, sizeof(found));
    const struct index_head *head = &found.head[0];
    if (memcmp(head, &found.head[1], sizeof(*head)) != 0 || head->version != INDEX_VERSION || !head->is_init)
        return -EIO;
    *index = (struct wal_index){
        .extent = {.frames = head->frames, .checksum = {head->checksum[0], head->checksum[1]}},
        .pages = head->pages,
        .copied = found.copied,
    };
    memcpy(index->extent.salt, head->salt, sizeof(head->salt));
    return 0;
}
