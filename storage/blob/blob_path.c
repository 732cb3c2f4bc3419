/* SPDX-License-Identifier: MIT
 *
 * Names of blobs' files: 3f/0000000000003f2a. Pure functions; any thread. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "storage/base/text/hex.h"
#include "storage/blob/blob_internal.h"

#define BLOB_NAME_DIGITS 16u

_Static_assert(BLOB_FOLDER_COUNT == 256, "folder names are two hexadecimal digits");

unsigned blob_folder_of(uint64_t blob)
{
    return (unsigned)(blob / BLOB_FOLDER_RUN % BLOB_FOLDER_COUNT);
}

void blob_path_format(char path[BLOB_PATH_BYTES], uint64_t blob)
{
    assert(blob != 0);
    snprintf(path, BLOB_PATH_BYTES, "%02x/%016" PRIx64, blob_folder_of(blob), blob);
}

uint64_t blob_name_parse(const char *name)
{
    uint64_t blob = 0;

    for (unsigned i = 0; i < BLOB_NAME_DIGITS; ++i) {
        int digit = hex_value_lower(name[i]);

        if (digit < 0)
            return 0;
        blob = blob << 4 | (unsigned)digit;
    }
    return name[BLOB_NAME_DIGITS] == '\0' ? blob : 0;
}
