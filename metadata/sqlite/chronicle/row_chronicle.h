/* SPDX-License-Identifier: MIT
 *
 * What the changes of a batch come to, for the chronicle (chronicle/chronicle.h): the files that store and remove rows say so, each after
 * its statement. A row whose columns are at hand is told as it is; of others the key is noted, and the row is read when the batch is about to
 * be committed. Nothing here fails a change: what cannot be told makes the chronicle incomplete.
 *
 * The committer's thread. In a store without a chronicle all of it is one look at a pointer. Private to metadata/sqlite/. */
#ifndef METADATA_SQLITE_CHRONICLE_ROW_CHRONICLE_H
#define METADATA_SQLITE_CHRONICLE_ROW_CHRONICLE_H

#include "metadata/chronicle/chronicle.h"
#include "metadata/sqlite/database.h"

/* Never used anew for something else: the files name them. */
enum chronicle_table {
    CHRONICLE_BUCKET = 1,
    CHRONICLE_OBJECT = 2,
    CHRONICLE_VERSION = 3,
    CHRONICLE_UPLOAD = 4,
    CHRONICLE_PART = 5,
    CHRONICLE_SETTING = 6,
    CHRONICLE_ANNOTATION = 7,
    CHRONICLE_PUBLICATION = 8,
    CHRONICLE_TALLY = 9,
    CHRONICLE_QUOTA = 10,
    CHRONICLE_TABLES_END = 11,
};

/* Other tables are counts of these, or of no use to who begins anew. */
struct chronicle_table_form {
    const char *name; /* NULL: there is none of that number */
    const char *
        columns; /* in the order of an entry's values; those of the key first. Later ones may be added at the end */
    unsigned key, count; /* how many are the key's, and all */
    int modified;        /* the place of the column with the time of the last change; -1: there is none */
};

extern const struct chronicle_table_form chronicle_tables[CHRONICLE_TABLES_END];
/* How much of `columns` the key is. */
int chronicle_key_length(const struct chronicle_table_form *form);

/* 13 columns of `object`, in the order of its form. */
struct chronicle_object {
    struct slice key, etag, checksum, owner, extents, attributes, upload_id, parts, version;
    int64_t bucket, size, modified_ms, annotations;
};

struct row_chronicle;

/* With the writer's side of a store, where meta_options.chronicle names a folder: 0 or an error. It is closed before the connection. */
int row_chronicle_open(struct row_store *store);
void row_chronicle_close(struct row_chronicle *chronicle);

/* ---- Said in a batch ---- */

void row_told_object(struct row_store *store, const struct chronicle_object *row);
/* The row of that key is gone, or is as it is: to be looked at. id: of `version` and `upload`, empty otherwise. */
void row_gone(struct row_store *store, enum chronicle_table table, int64_t bucket, struct slice key,
              struct slice id);
void row_noted(struct row_store *store, enum chronicle_table table, int64_t bucket, struct slice key,
               struct slice id);
/* Tables whose key is a number, or two: `second` -1: it has one. */
void row_noted_number(struct row_store *store, enum chronicle_table table, int64_t number, int64_t second);
/* A key of bytes, and of a number. */
void row_noted_part(struct row_store *store, struct slice upload_id, int64_t number);
/* All annotations of a set. */
void row_noted_set(struct row_store *store, int64_t set);

/* ---- Around changes and batches ---- */

void row_chronicle_change_begin(struct row_store *store);
void row_chronicle_change_end(struct row_store *store, bool keeps);
/* Before the commit, and when it has ended. */
void row_chronicle_gather(struct row_store *store);
void row_chronicle_batch_end(struct row_store *store, bool is_committed);

/* ---- For chronicle_fill.c, and whoever makes rows of entries ---- */

/* The row that a statement stands on, as an entry's values. They point into the row. */
void chronicle_values_read(sqlite3_stmt *statement, unsigned count, struct chronicle_value *values);
/* Binds them as the parameters from `first` on. */
void chronicle_values_bind(sqlite3_stmt *statement, int first, const struct chronicle_value *values,
                           unsigned count);
/* Tells all rows: chronicle_options.fill; ctx: the row_store */
int chronicle_fill(void *ctx, struct chronicle_base *base);

#endif
