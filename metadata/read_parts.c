/* SPDX-License-Identifier: MIT
 *
 * Parts of multipart uploads, as readers see them. The reader's thread. */
#include <string.h>

#include "metadata/codec.h"
#include "metadata/db.h"

static int part_read(sqlite3_stmt *statement, struct meta_part *part)
{
    int err;

    memset(part, 0, sizeof(*part));
    part->number = (uint32_t)sqlite3_column_int64(statement, 0);
    part->size = (uint64_t)sqlite3_column_int64(statement, 1);
    part->modified_ms = sqlite3_column_int64(statement, 2);
    if ((err = codec_etag_decode(meta_sql_column(statement, 3), part->etag)) != 0)
        return err;
    return codec_checksum_decode(meta_sql_column(statement, 4), &part->checksum);
}

int meta_part_list(struct meta_reader *reader, const unsigned char upload_id[META_UPLOAD_ID_BYTES],
                   uint32_t after, uint32_t limit, int (*visit)(void *ctx, const struct meta_part *part),
                   void *ctx, bool *truncated)
{
    sqlite3_stmt *statement = reader->sql.list[SQL_PART_LIST];
    struct meta_part part;
    uint32_t visited = 0;
    int row;

    *truncated = false;
    if (limit == 0)
        return 0;
    meta_sql_blob(statement, 1, (struct meta_bytes){upload_id, META_UPLOAD_ID_BYTES});
    meta_sql_int(statement, 2, after);
    meta_sql_int(statement, 3, (int64_t)limit + 1);
    while ((row = meta_sql_row(statement)) > 0) {
        int stop = 0;
        if (visited++ == limit)
            *truncated = true;
        else if ((stop = part_read(statement, &part)) == 0)
            stop = visit(ctx, &part);
        if (stop != 0 || *truncated) {
            meta_sql_reset(statement);
            return stop;
        }
    }
    return row;
}
