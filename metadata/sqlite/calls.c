/* SPDX-License-Identifier: MIT
 *
 * SQLite's table of calls. */
#include "metadata/sqlite/calls.h"

const struct row_calls sqlite_calls = {
#define SQLITE_ENTRY(result, name, parameters, arguments) .name = sqlite_##name,
    ROW_CALLS(SQLITE_ENTRY)
#undef SQLITE_ENTRY
        .readers = &sqlite_readers,
};
