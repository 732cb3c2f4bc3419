/* SPDX-License-Identifier: MIT
 *
 * libzstd, which is opened at its first use: few clients send anything in its coding. The self-contained program has it in itself. */
#ifndef API_DOORS_ZSTD_LIBRARY_H
#define API_DOORS_ZSTD_LIBRARY_H

#include <zstd.h>
#include <zstd_errors.h>

#define ZSTD_LIBRARY_NAME "libzstd.so.1"

/* What is used of it, with the types of its header. */
struct zstd_library {
    __typeof__(&ZSTD_createDCtx) create;
    __typeof__(&ZSTD_freeDCtx) destroy;
    __typeof__(&ZSTD_DCtx_setParameter) set;
    __typeof__(&ZSTD_decompressStream) decompress;
    __typeof__(&ZSTD_isError) is_error;
    __typeof__(&ZSTD_getErrorCode) error_code;
    __typeof__(&ZSTD_sizeof_DCtx) bytes_of;
};

/* NULL: it is not here. Any thread; never closed. */
const struct zstd_library *zstd_library_open(void);

#endif
