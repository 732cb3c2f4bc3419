/* SPDX-License-Identifier: MIT
 *
 * What cache buckets hold, and which of their objects were used least recently. The reader's thread. */
#include "metadata/read/reader.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/meta_cache.h"
#include "metadata/rows/codec.h"

int meta_cache_list(struct meta_reader *reader, int64_t after, struct meta_cache *caches, int limit)
{
    struct query *statement = reader_query(reader, READ_TALLY_LIST);
    int count = 0, row;

    assert(caches != NULL && limit >= 0);
    query_bind_int(statement, 1, after);
    query_bind_int(statement, 2, limit);
    while ((row = query_row(statement)) > 0) {
        assert(count < limit);
        struct slice name = query_bytes(statement, 4);
        struct meta_cache *cache = &caches[count++];
        *cache = (struct meta_cache){
            .bucket = query_int(statement, 0),
            .state = (enum meta_cache_state)query_int(statement, 1),
            .entries = (uint64_t)query_int(statement, 2),
            .bytes = (uint64_t)query_int(statement, 3),
        };
        if (name.len < sizeof(cache->name)) /* else it is damaged, and called nothing */
            (void)slice_copy(cache->name, name);
    }
    return row < 0 ? row : count;
}

int meta_cache_get(struct meta_reader *reader, int64_t bucket, struct meta_cache *cache)
{
    int found = meta_cache_list(reader, bucket - 1, cache, 1);

    return found > 0 ? cache->bucket == bucket : found;
}

/* Damaged rows go as others do: their bytes then stay, and the check finds them. */
static int extents_decode(struct slice bytes, struct meta_extent **list, uint32_t *count)
{
    struct codec_list at;
    struct meta_extent extent;
    uint32_t capacity = 0;
    int more = codec_extents_begin(&at, bytes);

    *count = 0;
    while (more >= 0 && (more = codec_extents_next(&at, &extent)) > 0) {
        if (*count == capacity) {
            capacity = capacity == 0 ? 4 : 2 * capacity;
            struct meta_extent *grown = realloc(*list, capacity * sizeof(*grown));
            if (grown == NULL)
                return -ENOMEM;
            *list = grown;
        }
        (*list)[(*count)++] = extent;
    }
    if (more < 0)
        *count = 0;
    return 0;
}

int meta_cache_oldest(struct meta_reader *reader, int64_t bucket, int64_t before_ms, uint32_t limit,
                      int (*visit)(void *ctx, const struct meta_cache_victim *victim), void *ctx)
{
    struct query *statement = reader_query(reader, READ_USED_OLDEST);
    int row, err = reader_begin(reader);

    assert(visit != NULL);
    if (err != 0)
        return err;
    query_bind_int(statement, 1, bucket);
    query_bind_int(statement, 2, before_ms);
    query_bind_int(statement, 3, limit);
    while (err == 0 && (row = query_row(statement)) != 0) {
        struct meta_extent *list = NULL;
        struct meta_cache_victim victim = {.key =
                                               row > 0 ? query_bytes(statement, 0) : (struct slice){NULL, 0}};
        if (row < 0)
            return row;
        if (victim.key.len == 0 || victim.key.len > META_KEY_BYTES_MAX)
            continue; /* damage, which the check finds */
        victim.used_ms = query_int(statement, 1);
        victim.bytes = (uint64_t)query_int(statement, 2);
        err = extents_decode(query_bytes(statement, 3), &list, &victim.extents.count);
        victim.extents.list = list;
        if (err == 0)
            err = visit(ctx, &victim);
        free(list);
    }
    query_reset(statement);
    return err;
}
