/* SPDX-License-Identifier: MIT
 *
 * Any bytes, as a ZIP archive. Whatever they say: what is told of them lies within them, no two members that are given out share a byte (each ends before the next begins), and
 * no member becomes more than it was said to be. */
#include <stdlib.h>

#include "api/archive/member_inflate.h"
#include "api/archive/zip_directory.h"
#include "api/archive/zip_end.h"

#define MADE_BYTES_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static void unpack(const struct member *member, const uint8_t *stored)
{
    static struct member_inflate work;
    uint64_t fed = 0, made = 0, first = member->crc % (member->size + 1);
    int step = INFLATE_AGAIN;

    if (member->size > MADE_BYTES_MAX)
        return;
    member_inflate_begin(&work, member, first, member->size - first);
    while (step >= 0 && step != INFLATE_OVER) {
        step = member_inflate_step(&work);
        if (step == INFLATE_GIVES)
            made += work.out_end - work.out_begin;
        if (step != INFLATE_WANTS)
            continue;
        work.in_length = member->stored - fed < 100 ? (size_t)(member->stored - fed) : 100;
        if (work.in_length == 0)
            break;
        memcpy(work.in, stored + fed, work.in_length);
        fed += work.in_length;
    }
    require(step != INFLATE_OVER || made == member->size - first);
    member_inflate_end(&work);
}

static void look(const struct member *member, const uint8_t *data, size_t size)
{
    uint64_t offset;

    require(member->offset <= size && member->head <= size - member->offset);
    if (zip_local_check(data + member->offset, member, &offset) != 0)
        return;
    require(offset <= size && member->stored <= size - offset && offset + member->stored <= member->limit);
    if (member->method == MEMBER_DEFLATED)
        unpack(member, data + offset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t tail = size < ZIP_TAIL_BYTES ? size : ZIP_TAIL_BYTES;
    struct archive_budget budget = {.most = SIZE_MAX};
    struct member_index *index;
    struct zip_end end;

    if (zip_end_find(data + size - tail, tail, size, &end) != 0)
        return 0;
    require(end.offset <= size && end.length <= size - end.offset && end.shift <= end.offset);
    if (member_index_create(&index, ARCHIVE_ZIP, &budget) != 0)
        return 0;
    if (zip_directory_read(data + end.offset, &end, index) == 0) {
        for (uint32_t i = 0; i < member_index_count(index); i++) {
            const struct member *member = member_index_at(index, i);

            if (member->refusal != MEMBER_FINE)
                continue;
            require(member->limit <= end.offset);
            look(member, data, size);
        }
    }
    member_index_unref(index);
    return 0;
}
