/* SPDX-License-Identifier: MIT
 *
 * The compact forms in which lists lie in a row: extents, attributes, part sizes; and ETags and checksums.
 *
 *   list      version byte, count, then the items; an empty list is stored as NULL (length 0)
 *   number    LEB128: seven bits a byte, low bits first, the top bit says that more follow
 *   extent    flags, file, length, checksum of the unit (4 or 8 bytes, little-endian; a flag tells), then what the other
 *             flags announce
 *   attribute name length, name, value length, value
 *   part      number, size; a list of the second version has algorithm and length of the parts' checksums (one byte
 *             each) before its items and their values after them
 *   ETag      form byte; 32 hex digits are packed into 16 bytes, followed by the number that stands after "-"
 *   checksum  algorithm, type, value
 *
 * Items stand on their own, so that lists are joined by copying their bytes. Decoders trust nothing: whatever
 * does not fit gives META_E_CORRUPT. Encoders write into memory of at least *_bound bytes and return what
 * they used. Pure functions; any thread. */
#ifndef METADATA_ROWS_CODEC_H
#define METADATA_ROWS_CODEC_H

#include "metadata/meta.h"

#define CODEC_ETAG_BYTES_MAX     (META_ETAG_BYTES_MAX + 1u)
#define CODEC_CHECKSUM_BYTES_MAX (META_CHECKSUM_BYTES_MAX + 2u)

/* A list being read. `at` .. `end` are the items not read yet. */
struct codec_list {
    const unsigned char *at, *end;
    uint32_t count; /* of the whole list; never more than the bytes could hold */
    uint32_t left;
};

size_t codec_list_head(unsigned char *out, uint32_t count);
#define CODEC_LIST_HEAD_BYTES_MAX 6u

/* What all forms are made of: numbers, and bytes with their length before them. The first two return where they ended; the other two
 * false for what does not fit. */
#define CODEC_NUMBER_BYTES_MAX 10u
unsigned char *codec_number_put(unsigned char *out, uint64_t value);
unsigned char *codec_bytes_put(unsigned char *out, struct slice bytes);
bool codec_number_get(struct codec_list *list, uint64_t *value);
/* They point into the list's bytes. */
bool codec_bytes_get(struct codec_list *list, struct slice *bytes);

size_t codec_extents_bound(uint32_t count);
size_t codec_extents_encode(unsigned char *out, const struct meta_extent *list, uint32_t count);
int codec_extents_begin(struct codec_list *list, struct slice bytes);
/* These three return 1 with an item, 0 at the end, or META_E_CORRUPT. */
int codec_extents_next(struct codec_list *list, struct meta_extent *extent);

size_t codec_attributes_bound(const struct meta_attributes *attributes);
size_t codec_attributes_encode(unsigned char *out, const struct meta_attributes *attributes);
int codec_attributes_begin(struct codec_list *list, struct slice bytes);
/* The attribute points into the list's bytes. */
int codec_attributes_next(struct codec_list *list, struct meta_attribute *attribute);
/* The value of one attribute, pointing into the bytes; base NULL when it is absent or the list is damaged. */
struct slice codec_attributes_find(struct slice bytes, const char *name);

/* checksums: as in struct meta_object. */
size_t codec_parts_bound(uint32_t count, const struct meta_part_checksums *checksums);
size_t codec_parts_encode(unsigned char *out, const struct meta_part_size *parts, uint32_t count,
                          const struct meta_part_checksums *checksums);
/* checksums: its values point into the bytes; may be NULL. */
int codec_parts_begin(struct codec_list *list, struct slice bytes, struct meta_part_checksums *checksums);
int codec_parts_next(struct codec_list *list, struct meta_part_size *part);

/* out: CODEC_ETAG_BYTES_MAX bytes. etag: at most META_ETAG_BYTES_MAX characters. */
size_t codec_etag_encode(unsigned char *out, const char *etag);
int codec_etag_decode(struct slice bytes, char etag[META_ETAG_BYTES_MAX + 1]);

/* out: CODEC_CHECKSUM_BYTES_MAX bytes. Returns 0 for "none". */
size_t codec_checksum_encode(unsigned char *out, const struct meta_checksum *checksum);
int codec_checksum_decode(struct slice bytes, struct meta_checksum *checksum);

#endif
