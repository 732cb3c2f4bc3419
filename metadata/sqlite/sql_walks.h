/* SPDX-License-Identifier: MIT
 *
 * The texts of the queries that walk over whole tables. Private to metadata/sqlite/. */
#ifndef METADATA_SQLITE_SQL_WALKS_H
#define METADATA_SQLITE_SQL_WALKS_H

#include "metadata/read/query.h"

const char *sql_walk_text(enum read_walk walk);

#endif
