/* SPDX-License-Identifier: MIT
 *
 * Entries of the journal as they are read back after a crash. Whatever is accepted has sane values, and a put that could have been
 * written there is written to the same bytes again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/write/journal_entry.h"
#include "metadata/meta_journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ATTRIBUTES_MAX = 64 };

static void require(int condition)
{
    if (!condition)
        abort();
}

static int on_extent(void *ctx, const struct meta_extent *extent)
{
    require(extent->length > 0 && extent->offset >= extent->unit_offset);
    ++*(long *)ctx;
    return 0;
}

/* False: a list that no put of this version has. */
static bool lists_decode(const struct journal_put *put, struct meta_extent *extent,
                         struct meta_attribute *attributes, uint32_t *count)
{
    struct codec_list list;
    int more;

    if (codec_extents_begin(&list, put->extents) != 0 || list.count != 1 ||
        codec_extents_next(&list, extent) != 1 || codec_attributes_begin(&list, put->attributes) != 0 ||
        list.count > ATTRIBUTES_MAX)
        return false;
    for (*count = 0; (more = codec_attributes_next(&list, &attributes[*count])) == 1;)
        ++*count;
    return more == 0;
}

static void check_put(const struct journal_put *put)
{
    struct meta_attribute attributes[ATTRIBUTES_MAX + 1];
    struct meta_extent extent;
    uint32_t count;

    require(put->key.len > 0 && put->key.len <= META_KEY_BYTES_MAX);
    require(strlen(put->etag) <= META_ETAG_BYTES_MAX);
    if (!lists_decode(put, &extent, attributes, &count))
        return;
    struct meta_object_put again = {
        .bucket = put->bucket,
        .key = put->key,
        .condition = put->condition,
        .object = {.size = put->size,
                   .modified_ms = put->modified_ms,
                   .checksum = put->checksum,
                   .owner = put->owner,
                   .extents = {&extent, 1},
                   .attributes = {attributes, count}},
    };
    memcpy(again.object.etag, put->etag, sizeof(put->etag));
    size_t bound = journal_put_bound(&again, extent.file);
    if (bound == 0)
        return;
    unsigned char *encoded = malloc(JOURNAL_HEAD_BYTES_MAX + bound);
    require(encoded != NULL);
    unsigned char *at = journal_head_encode(encoded, &(struct journal_batch){0}, 1);
    unsigned char *end = journal_put_encode(at, &again);
    require((size_t)(end - at) <= bound);
    struct journal_batch batch;
    struct journal_put copy;
    struct codec_list list;
    require(journal_head_decode(&list, slice_of(encoded, (size_t)(end - encoded)), &batch) == 0);
    require(journal_put_decode(&list, &copy) == 1 && journal_put_decode(&list, &copy) == 0);
    require(copy.bucket == put->bucket && copy.size == put->size && copy.modified_ms == put->modified_ms);
    require(strcmp(copy.etag, put->etag) == 0 &&
            strcmp(copy.if_match, put->condition.if_match != NULL ? put->if_match : copy.if_match) == 0);
    require(copy.key.len == put->key.len && memcmp(copy.key.base, put->key.base, copy.key.len) == 0);
    free(encoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice entry = slice_of(data, size);
    struct journal_batch batch;
    struct journal_put put;
    struct codec_list list;
    long extents = 0;

    memset(&put, 0, sizeof(put));
    if (journal_head_decode(&list, entry, &batch) == 0)
        while (journal_put_decode(&list, &put) == 1)
            check_put(&put);
    (void)meta_journal_extents(entry, on_extent, &extents); /* whatever it says: it must not go astray */
    return 0;
}
