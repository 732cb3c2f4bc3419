/* SPDX-License-Identifier: MIT
 *
 * Libraries that are opened at their first use, for few need them. Any thread, one at a time for a table. Not in the self-contained
 * program, which has them in itself. */
#ifndef STORAGE_BASE_LOADED_LIBRARY_H
#define STORAGE_BASE_LOADED_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

struct loaded_name {
    size_t offset; /* in the table, of a pointer to a function */
    const char *name;
};

/* Opens the library ("libcurl.so.4") and fills the table with what has these names there. False: it is not here, or lacks one. It is never closed. */
bool loaded_library_fill(void *table, const char *file, const struct loaded_name *names, size_t count);

#endif
