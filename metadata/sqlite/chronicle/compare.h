/* SPDX-License-Identifier: MIT
 *
 * What compare.c, compare_told.c and compare_say.c share. Private to metadata/sqlite/chronicle/. */
#ifndef METADATA_SQLITE_CHRONICLE_COMPARE_H
#define METADATA_SQLITE_CHRONICLE_COMPARE_H

#include "metadata/meta_compare.h"
#include "metadata/sqlite/chronicle/row_chronicle.h"

/* ---- What the logs told (compare_told.c): in a database of its own, which is a temporary file ---- */

struct compare_told {
    sqlite3 *db;
    sqlite3_stmt *put, *has, *find;
    struct chronicle_buffer key, row;
};

int compare_told_open(struct compare_told *told);
void compare_told_close(struct compare_told *told);
/* Takes an entry of a table. 0 or an error. */
int compare_told_add(struct compare_told *told, const struct chronicle_entry *entry);
/* Whether exactly that row was told; is_gone: that it is gone, of which the key is looked at alone. 1, 0 or an error. */
int compare_told_has(struct compare_told *told, unsigned table, const struct chronicle_value *values,
                     bool is_gone);

/* A row of that key that was told, if there is one: 1, with its values, which point into `told` until the next call; 0 or an error. */
int compare_told_find(struct compare_told *told, unsigned table, const struct chronicle_value *key,
                      struct chronicle_value values[CHRONICLE_VALUES_MAX]);

/* ---- Values ---- */

/* As a row has them: what is missing at the end is NULL, and nothing and no bytes are one. */
void compare_values_take(unsigned table, const struct chronicle_entry *entry,
                         struct chronicle_value values[CHRONICLE_VALUES_MAX]);
/* By the columns of the key: < 0, 0, > 0. */
int compare_keys(unsigned table, const struct chronicle_value *left, const struct chronicle_value *right);
bool compare_values_are_same(const struct chronicle_value *left, const struct chronicle_value *right);

/* ---- What is said (compare_say.c) ---- */

#define COMPARE_TEXT_BYTES 1024u

/* "object (bucket 1, key a/b): size, etag are ...". told NULL: the chronicle has no such row; row NULL: the database. */
void compare_text(char text[COMPARE_TEXT_BYTES], unsigned table, const struct chronicle_value *row,
                  const struct chronicle_value *told);

#endif
