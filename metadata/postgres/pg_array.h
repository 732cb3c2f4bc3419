/* SPDX-License-Identifier: MIT
 *
 * Arrays as PostgreSQL takes them in binary: a column of many rows is one parameter. Private to metadata/postgres/. */
#ifndef METADATA_POSTGRES_PG_ARRAY_H
#define METADATA_POSTGRES_PG_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/arena.h"

struct pg_array {
    struct arena *arena;
    unsigned char *bytes; /* NULL: nothing begun, or no memory */
    size_t length, capacity;
    uint32_t count;
    bool is_out_of_memory;
};

/* of: PG_INT8 or PG_BYTEA. */
void pg_array_begin(struct pg_array *array, struct arena *arena, uint32_t of);
void pg_array_add_int(struct pg_array *array, int64_t value);
void pg_array_add_bytes(struct pg_array *array, struct slice bytes);
void pg_array_add_null(struct pg_array *array);
/* 0 with the parameter, or -ENOMEM. */
int pg_array_end(struct pg_array *array, struct slice *parameter);

#endif
