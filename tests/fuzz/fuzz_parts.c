/* SPDX-License-Identifier: MIT
 *
 * The list of CompleteMultipartUpload: what is accepted is ascending, bounded, and has an ETag for every part. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/object/s3_complete.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct s3_part_list list;
    struct arena arena;

    arena_init(&arena, NULL);
    if (s3_part_list_parse(&list, &arena, slice_of((char *)data, size)) == S3_ERROR_NONE) {
        if (list.count == 0 || list.count > META_PART_NUMBER_MAX)
            abort();
        for (uint32_t i = 0; i < list.count; i++)
            if (list.parts[i].number == 0 || list.parts[i].number > META_PART_NUMBER_MAX ||
                (i > 0 && list.parts[i].number <= list.parts[i - 1].number) ||
                memchr(list.parts[i].etag, '\0', META_ETAG_BYTES_MAX + 1) == NULL ||
                list.listed[i].algorithm >= S3_CHECKSUM_COUNT)
                abort();
    }
    arena_free(&arena);
    return 0;
}
