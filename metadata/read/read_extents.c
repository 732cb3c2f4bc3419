/* SPDX-License-Identifier: MIT
 *
 * All extents of all rows, for `sluice check`, which looks at their bytes; what is wrong with the rows is check.c's to find. The
 * reader's thread. */
#include <assert.h>
#include <errno.h>

#include "metadata/rows/codec.h"
#include "metadata/read/reader.h"

struct extent_walk {
    int (*visit)(void *ctx, char kind, const char *bucket, struct meta_bytes key,
                 const struct meta_extent *extent);
    void *ctx;
};

/* kind, bucket's name, key, extents. LEFT: a row of a bucket that is gone is walked too. Parts of uploads that are no more are not:
 * their bytes are verified as the object's, or going, or gone. */
static const char walk_text[] =
    "SELECT 'o', b.name, o.key, o.extents FROM object AS o LEFT JOIN bucket AS b ON b.id = o.bucket "
    "UNION ALL SELECT 'v', b.name, v.key, v.extents FROM version AS v LEFT JOIN bucket AS b"
    "  ON b.id = v.bucket "
    "UNION ALL SELECT 'p', b.name, u.key, p.extents FROM part AS p LEFT JOIN upload AS u ON u.id = "
    "p.upload_id"
    "  LEFT JOIN bucket AS b ON b.id = u.bucket WHERE p.upload_id NOT IN (SELECT upload_id FROM finished)";

static int walk_row(const struct extent_walk *walk, sqlite3_stmt *row)
{
    const char *kind = (const char *)sqlite3_column_text(row, 0);
    const char *bucket = (const char *)sqlite3_column_text(row, 1);
    struct codec_list list;
    struct meta_extent extent;
    int more = codec_extents_begin(&list, meta_sql_column(row, 3));

    if (kind == NULL)
        return -ENOMEM;
    while (more >= 0 && (more = codec_extents_next(&list, &extent)) > 0) {
        assert(extent.length > 0);
        int stop =
            walk->visit(walk->ctx, kind[0], bucket != NULL ? bucket : "", meta_sql_column(row, 2), &extent);
        if (stop != 0)
            return stop;
    }
    return 0; /* a list that does not decode is meta_check's finding */
}

int meta_extent_walk(struct meta_reader *reader,
                     int (*visit)(void *ctx, char kind, const char *bucket, struct meta_bytes key,
                                  const struct meta_extent *extent),
                     void *ctx)
{
    const struct extent_walk walk = {visit, ctx};
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(reader->db, walk_text, -1, &statement, NULL);
    int row, stop = 0;

    if (code != SQLITE_OK)
        return meta_sql_error(code);
    while (stop == 0 && (row = meta_sql_row(statement)) != 0)
        stop = row < 0 ? row : walk_row(&walk, statement);
    (void)sqlite3_finalize(statement); /* repeats the error of the step */
    return stop;
}
