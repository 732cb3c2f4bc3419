/* SPDX-License-Identifier: MIT
 *
 * What readers ask, in PostgreSQL's words: the queries of read/query.h. Private to metadata/postgres/. */
#ifndef METADATA_POSTGRES_PG_READS_H
#define METADATA_POSTGRES_PG_READS_H

#include "metadata/read/query.h"

/* NULL: this engine has no such thing. */
const char *pg_read_text(enum read_id id);
const char *pg_walk_text(enum read_walk walk);
/* Of a query whose reader stops when it has enough, rows come some at a time: how many parameters are its own, behind which two say how many,
 * and after how many. 0: its rows come at once. */
int pg_read_pieces(enum read_id id);

/* ---- Listings with a delimiter (pg_rolled.c) ---- */

/* The same query, of whose rows only the first of each common prefix comes; NULL: there is none such. */
const char *pg_rolled_text(enum read_id id);
/* The delimiter's last parameter: its length, or 0: there is none, for it is too long, or nothing but ff. */
size_t pg_rolled_past(struct slice delimiter, unsigned char *past, size_t size);

#endif
