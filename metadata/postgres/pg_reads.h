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

#endif
