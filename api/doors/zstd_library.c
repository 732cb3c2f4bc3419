/* SPDX-License-Identifier: MIT
 *
 * See zstd_library.h. */
#include "api/doors/zstd_library.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "storage/base/loaded_library.h"

#ifdef SLUICE_STATIC

static bool load(struct zstd_library *library)
{
    *library = (struct zstd_library){
        .create = ZSTD_createDCtx,
        .destroy = ZSTD_freeDCtx,
        .set = ZSTD_DCtx_setParameter,
        .decompress = ZSTD_decompressStream,
        .is_error = ZSTD_isError,
        .error_code = ZSTD_getErrorCode,
        .bytes_of = ZSTD_sizeof_DCtx,
    };
    return true;
}

#else

static const struct loaded_name names[] = {
    {offsetof(struct zstd_library, create), "ZSTD_createDCtx"},
    {offsetof(struct zstd_library, destroy), "ZSTD_freeDCtx"},
    {offsetof(struct zstd_library, set), "ZSTD_DCtx_setParameter"},
    {offsetof(struct zstd_library, decompress), "ZSTD_decompressStream"},
    {offsetof(struct zstd_library, is_error), "ZSTD_isError"},
    {offsetof(struct zstd_library, error_code), "ZSTD_getErrorCode"},
    {offsetof(struct zstd_library, bytes_of), "ZSTD_sizeof_DCtx"},
};

static bool load(struct zstd_library *library)
{
    return loaded_library_fill(library, ZSTD_LIBRARY_NAME, names, sizeof(names) / sizeof(names[0]));
}

#endif

const struct zstd_library *zstd_library_open(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct zstd_library library;
    static bool is_open;
    bool is_here;

    pthread_mutex_lock(&lock);
    if (!is_open)
        is_open = load(&library);
    is_here = is_open;
    pthread_mutex_unlock(&lock);
    return is_here ? &library : NULL;
}
