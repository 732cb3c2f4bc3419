/* SPDX-License-Identifier: MIT
 *
 * The calls of rows/row_calls.h as SQLite has them. Private to metadata/sqlite/. */
#ifndef METADATA_SQLITE_CALLS_H
#define METADATA_SQLITE_CALLS_H

#include "metadata/rows/row_calls.h"

#define SQLITE_CALL(result, name, parameters, arguments) result sqlite_##name parameters;
ROW_CALLS(SQLITE_CALL)
#undef SQLITE_CALL

extern const struct reader_calls sqlite_readers; /* read_sql.c */

#endif
