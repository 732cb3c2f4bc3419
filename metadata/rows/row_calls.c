/* SPDX-License-Identifier: MIT
 *
 * Each call of rows/row_store.h and rows/row_engine.h, handed on to the engine of its store. A look-up and a jump: of the 42,000 instructions
 * of a durable put these are some two hundred. */
#include "metadata/rows/row_calls.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "metadata/db.h"
#include "metadata/meta_cluster.h"

bool meta_is_address(const char *path)
{
    return strncmp(path, "postgresql://", 13) == 0 || strncmp(path, "postgres://", 11) == 0;
}

const struct row_calls *row_calls_of(const char *path)
{
    if (!meta_is_address(path))
        return &sqlite_calls;
    return &postgres_calls; /* weak: it may be NULL */
}

static const struct row_calls *calls_of(const struct row_store *store)
{
    return ((const struct row_base *)store)->calls;
}

#define ENGINE_CALL(result, name, parameters, arguments)                                                     \
    result row_##name parameters                                                                             \
    {                                                                                                        \
        return meta->calls->name arguments;                                                                  \
    }
ROW_ENGINE_CALLS(ENGINE_CALL)

#define STORE_CALL(result, name, parameters, arguments)                                                      \
    result row_##name parameters                                                                             \
    {                                                                                                        \
        return calls_of(store)->name arguments;                                                              \
    }
ROW_STORE_CALLS(STORE_CALL)
