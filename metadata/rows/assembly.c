/* SPDX-License-Identifier: MIT
 *
 * An object made of parts: their lists of extents joined, their sizes and checksums packed. Reads and writes no row. */
#include "metadata/rows/assembly.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "metadata/rows/codec.h"

static int wanted_check(const struct meta_complete_part *wanted, uint32_t count)
{
    uint32_t last = 0;

    if (count == 0 || count > META_PART_NUMBER_MAX)
        return META_E_INVALID_PART;
    for (uint32_t i = 0; i < count; i++) {
        if (wanted[i].number <= last || wanted[i].number > META_PART_NUMBER_MAX)
            return META_E_INVALID_PART;
        last = wanted[i].number;
    }
    return 0;
}

int part_row_decode(const struct part_row *row, struct meta_part *part)
{
    int err;

    memset(part, 0, sizeof(*part));
    if (row->number < 1 || row->number > META_PART_NUMBER_MAX || row->size < 0)
        return META_E_CORRUPT;
    part->number = (uint32_t)row->number;
    part->size = (uint64_t)row->size;
    part->modified_ms = row->modified_ms;
    if ((err = codec_etag_decode(row->etag, part->etag)) != 0)
        return err;
    return codec_checksum_decode(row->checksum, &part->checksum);
}

int assembly_begin(struct assembly *assembly, struct arena *arena, const struct meta_complete_part *wanted,
                   uint32_t wanted_count)
{
    int err = wanted_check(wanted, wanted_count);

    assert(arena != NULL && (wanted != NULL || wanted_count == 0));
    if (err != 0)
        return err;
    *assembly = (struct assembly){.arena = arena, .wanted = wanted, .wanted_count = wanted_count};
    assembly->pieces = arena_alloc(arena, wanted_count * sizeof(*assembly->pieces));
    assembly->sizes = arena_alloc(arena, wanted_count * sizeof(*assembly->sizes));
    return assembly->pieces == NULL || assembly->sizes == NULL ? -ENOMEM : 0;
}

/* What is about to become an object is looked at once more: 0 or META_E_CORRUPT. */
static int piece_check(struct codec_list list, uint64_t size)
{
    struct meta_extent extent;
    uint64_t sum = 0;
    int more;

    while ((more = codec_extents_next(&list, &extent)) > 0)
        sum += meta_extent_size(&extent);
    return more != 0 ? more : sum == size ? 0 : META_E_CORRUPT;
}

/* Keeps the part's checksum beside those before it, as long as all are of one kind. */
static int assembly_add_checksum(struct assembly *assembly, const struct meta_checksum *checksum)
{
    struct meta_part_checksums *all = &assembly->checksums;

    assert(assembly->count < assembly->wanted_count);
    assert(checksum->length <= META_CHECKSUM_BYTES_MAX);
    if (assembly->count == 0 && checksum->algorithm != 0 && checksum->length != 0) {
        assembly->values = arena_alloc(assembly->arena, (size_t)assembly->wanted_count * checksum->length);
        if (assembly->values == NULL)
            return -ENOMEM;
        *all = (struct meta_part_checksums){checksum->algorithm, checksum->length, assembly->values};
    }
    if (all->algorithm == 0 || checksum->algorithm != all->algorithm || checksum->length != all->length) {
        *all = (struct meta_part_checksums){0};
        return 0;
    }
    memcpy(assembly->values + (size_t)assembly->count * all->length, checksum->value, all->length);
    return 0;
}

static int assembly_take(struct assembly *assembly, const struct meta_part *part, struct slice extents)
{
    struct codec_list list;
    int err;

    assert(assembly->count < assembly->wanted_count);
    assert(part->number == assembly->wanted[assembly->count].number);
    if ((err = codec_extents_begin(&list, extents)) != 0 || (err = piece_check(list, part->size)) != 0)
        return err;
    if (strcmp(part->etag, assembly->wanted[assembly->count].etag) != 0)
        return META_E_INVALID_PART;
    struct slice *piece = &assembly->pieces[assembly->count];
    *piece = slice_of(list.at, (size_t)(list.end - list.at));
    if ((err = arena_copy(assembly->arena, piece)) != 0 ||
        (err = assembly_add_checksum(assembly, &part->checksum)) != 0)
        return err;
    assert(assembly->count == 0 || assembly->sizes[assembly->count - 1].number < part->number);
    assembly->sizes[assembly->count++] = (struct meta_part_size){part->number, part->size};
    assembly->pieces_bytes += piece->len;
    assembly->extent_count += list.count;
    assembly->size += part->size;
    if (assembly->extent_count > META_EXTENTS_MAX)
        return META_E_EXTENTS;
    return assembly->size <= INT64_MAX ? 0 : -E2BIG;
}

int assembly_add(struct assembly *assembly, const struct meta_part *part, struct slice extents)
{
    assert(assembly->count <= assembly->wanted_count);
    if (assembly->count == assembly->wanted_count || part->number < assembly->wanted[assembly->count].number)
        return 0; /* nobody wants it */
    if (part->number > assembly->wanted[assembly->count].number)
        return META_E_INVALID_PART; /* the wanted one is not there */
    return assembly_take(assembly, part, extents);
}

/* Sizes and checksums of the parts in the order in which the object has them, from 1 on. The extents follow it by assembly_piece. */
static int assembly_renumber(struct assembly *assembly)
{
    struct meta_part_checksums *all = &assembly->checksums;
    struct meta_part_size *sizes = arena_alloc(assembly->arena, assembly->count * sizeof(*sizes));
    unsigned char *values = arena_alloc(assembly->arena, (size_t)assembly->count * all->length);

    if (sizes == NULL || values == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < assembly->count; i++) {
        uint32_t from = assembly->order[i];

        assert(from < assembly->count);
        sizes[i] = (struct meta_part_size){i + 1, assembly->sizes[from].size};
        if (all->algorithm != 0)
            memcpy(values + (size_t)i * all->length, assembly->values + (size_t)from * all->length,
                   all->length);
    }
    assembly->sizes = sizes;
    if (all->algorithm != 0)
        *all = (struct meta_part_checksums){all->algorithm, all->length, values};
    return 0;
}

/* The i-th of the object. */
static struct slice assembly_piece(const struct assembly *assembly, uint32_t i)
{
    return assembly->pieces[assembly->order != NULL ? assembly->order[i] : i];
}

int assembly_finish(struct assembly *assembly, struct assembled *whole)
{
    int err;

    if (assembly->count < assembly->wanted_count)
        return META_E_INVALID_PART;
    assert(assembly->count == assembly->wanted_count);
    if (assembly->order != NULL && (err = assembly_renumber(assembly)) != 0)
        return err;
    unsigned char *parts =
        arena_alloc(assembly->arena, codec_parts_bound(assembly->count, &assembly->checksums));
    unsigned char *extents = arena_alloc(assembly->arena, CODEC_LIST_HEAD_BYTES_MAX + assembly->pieces_bytes);
    if (parts == NULL || extents == NULL)
        return -ENOMEM;
    whole->size = assembly->size;
    whole->parts =
        slice_of(parts, codec_parts_encode(parts, assembly->sizes, assembly->count, &assembly->checksums));
    whole->extents = (struct slice){0};
    if (assembly->extent_count == 0)
        return 0;
    size_t length = codec_list_head(extents, (uint32_t)assembly->extent_count);
    for (uint32_t i = 0; i < assembly->count; i++) {
        struct slice piece = assembly_piece(assembly, i);

        if (piece.len == 0)
            continue; /* an empty part */
        (void)slice_copy(extents + length, piece);
        length += piece.len;
    }
    assert(length <= CODEC_LIST_HEAD_BYTES_MAX + assembly->pieces_bytes);
    whole->extents = slice_of(extents, length);
    return 0;
}
