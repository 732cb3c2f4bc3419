/* SPDX-License-Identifier: MIT
 *
 * Any bytes, as a tar archive. The walk ends, asks for nothing outside the archive, always goes forwards, and tells members that lie in it
 * and do not overlap. */
#include <stdlib.h>

#include "api/archive/tar_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static void member_judge(const struct tar_member *member, uint64_t *end, size_t size)
{
    struct slice records = member->records, key, value;

    require(member->kind <= TAR_OTHER);
    require(member->offset >= *end + TAR_BLOCK_BYTES && member->offset <= size &&
            member->size <= size - member->offset);
    require(member->offset % TAR_BLOCK_BYTES == 0);
    *end = member->offset + member->size;
    while (tar_record_next(&records, &key, &value) > 0)
        require(key.len > 0 && value.base + value.len < member->records.base + member->records.len);
    require(records.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tar_walk walk;
    struct tar_member member;
    uint64_t end = 0, wanted = 0;
    const void *bytes = NULL;
    int step;

    tar_walk_begin(&walk, size);
    while ((step = tar_walk_step(&walk, bytes, &member)) >= 0 && step != TAR_WALK_END) {
        bytes = NULL;
        if (step == TAR_WALK_MEMBER) {
            member_judge(&member, &end, size);
            continue;
        }
        require(walk.want_offset >= wanted && walk.want_offset <= size && walk.want_length > 0 &&
                walk.want_length <= size - walk.want_offset && walk.want_length <= TAR_EXTENSION_BYTES_MAX);
        wanted = walk.want_offset + walk.want_length;
        bytes = data + walk.want_offset;
    }
    tar_walk_free(&walk);
    return 0;
}
