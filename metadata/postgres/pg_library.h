/* SPDX-License-Identifier: MIT
 *
 * Whether libpq is here, in programs that open it when they need it (library/pq_library.c). */
#ifndef METADATA_POSTGRES_PG_LIBRARY_H
#define METADATA_POSTGRES_PG_LIBRARY_H

#include <stdbool.h>

/* To be asked before the first connection; NULL in programs that link it. Any thread. */
bool pg_library_load(void) __attribute__((weak));

#endif
