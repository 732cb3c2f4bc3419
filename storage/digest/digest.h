/* SPDX-License-Identifier: MIT
 *
 * Digests and checksums of object bytes: a set of algorithms fed together, so that each byte is touched once.
 * SHA comes from OpenSSL, MD5 is in md5.c, CRC32 and CRC32C from ISA-L, the XXH family from xxHash; CRC64NVME is in crc64nvme.c.
 *
 * Values are byte strings in network order, as S3 prints them in base64 (a CRC32 is 4 bytes, big-endian; an XXH is in its
 * canonical, big-endian form, with seed 0).
 * A digest_set belongs to one thread at a time. */
#ifndef STORAGE_DIGEST_DIGEST_H
#define STORAGE_DIGEST_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum digest_kind {
    DIGEST_MD5,
    DIGEST_SHA1,
    DIGEST_SHA256,
    DIGEST_SHA512,
    DIGEST_CRC32,  /* ISO-HDLC, as in zip */
    DIGEST_CRC32C, /* Castagnoli */
    /* CRC-64/NVME (Rocksoft): poly 0xad93d23594c93659, reflected, init and xorout all ones */
    DIGEST_CRC64NVME,
    DIGEST_XXH64,
    DIGEST_XXH3_64,
    DIGEST_XXH3_128,
    DIGEST_KIND_COUNT,
};

#define DIGEST_BIT(kind) (1u << (kind))
#define DIGEST_BYTES_MAX 64u

struct digest_values {
    uint32_t mask; /* DIGEST_BIT of each value present */
    unsigned char value[DIGEST_KIND_COUNT][DIGEST_BYTES_MAX];
};

/* Length in bytes of a kind's value, up to DIGEST_BYTES_MAX. */
size_t digest_kind_bytes(enum digest_kind kind);

struct digest_set;

/* mask: the kinds to compute; may be 0. Returns 0, -ENOMEM, or -EIO if the digest library refuses a kind. */
int digest_set_create(struct digest_set **set, uint32_t mask);
/* Returns 0, or -EIO if the digest library failed (sticky: final reports it too). */
int digest_set_update(struct digest_set *set, const void *data, size_t length);

/* So many sets are fed side by side at once. */
#define DIGEST_TOGETHER_MAX 3u

struct digest_piece {
    struct digest_set *set;
    const void *data;
    size_t length;
    int result; /* out, as of digest_set_update */
};

/* The next bytes of several sets, one piece for each; the MD5s among them take hardly longer than one. The list is used up. */
void digest_pieces_update(struct digest_piece *list, unsigned count);

bool digest_set_has(const struct digest_set *set, enum digest_kind kind); /* and computes it still */
/* Stops computing the kinds in mask, and leaves them out of the values. */
void digest_set_drop(struct digest_set *set, uint32_t mask);
/* Writes the values; the set can then only be freed. Returns 0 or -EIO, when values->mask is 0. */
int digest_set_final(struct digest_set *set, struct digest_values *values);
void digest_set_free(struct digest_set *set);

/* One call for bytes in memory. */
int digest_buffer(uint32_t mask, const void *data, size_t length, struct digest_values *values);

struct digest_message {
    uint32_t mask;
    const void *data;
    size_t length;
    struct digest_values *values; /* out */
    int result;                   /* out, as of digest_buffer */
};

/* The same for several messages, side by side where that is faster. */
void digest_messages(struct digest_message *list, size_t count);

/* Whether digest_set_create would compute the kind: a library may refuse MD5. */
bool digest_kind_is_allowed(enum digest_kind kind);

/* Digest of [offset, offset + length) of a file, through mmap, in windows. -EIO where a page cannot be read (never a
 * SIGBUS), -ENODATA where the file is shorter. */
int digest_set_update_file(struct digest_set *set, int fd, uint64_t offset, uint64_t length);
/* The same for several sets over the same bytes, mapped once. */
int digest_sets_update_file(struct digest_set *const *sets, unsigned count, int fd, uint64_t offset,
                            uint64_t length);

/* The next bytes of a set, in a file: at most DIGEST_WINDOW_BYTES, in one window. */
struct digest_file_piece {
    struct digest_set *set;
    int fd;
    uint64_t offset;
    size_t length;
    int result; /* out, as of digest_set_update_file */
};

/* Of up to DIGEST_TOGETHER_MAX sets, as digest_pieces_update. */
void digest_file_pieces_update(struct digest_file_piece *list, unsigned count);

/* A range of a file that is still being written, mapped once and digested piece by piece after the writes: cheaper than a
 * mapping for each piece. */
struct digest_map {
    int fd;
    uint64_t start;
    size_t length;
    unsigned char *bytes; /* NULL: it cannot be mapped, and is read through a buffer */
};

/* fd must stay open until the close. The range may reach beyond the end of the file. */
void digest_map_open(struct digest_map *map, int fd, uint64_t offset, size_t length);
/* [offset, offset + length) inside the range, and inside the file. Results as of digest_set_update_file. */
int digest_map_update(const struct digest_map *map, struct digest_set *set, uint64_t offset, size_t length);
void digest_map_close(struct digest_map *map);

/* What every content is verified by for as long as it is stored. Of the checksums of S3 it is the cheapest beside the move of
 * the bytes, and the one that S3 gives to bodies that come with none: so one pass serves both. */
#define DIGEST_OF_CONTENT DIGEST_CRC64NVME
/* The value of a CRC, which must be among the values, as a number. */
uint64_t digest_crc_value(const struct digest_values *values, enum digest_kind kind);

/* CRC of A followed by B, from their CRCs and B's length. kind must be one of the three CRCs. */
void digest_crc_combine(enum digest_kind kind, unsigned char *a, const unsigned char *b, uint64_t length_b);

/* crc64nvme.c: state in, state out, both as the plain (already inverted) CRC value; start with 0. */
uint64_t crc64nvme_update(uint64_t crc, const void *data, size_t length);
/* The same without carry-less multiplication: for CPUs that lack it, and for tests to compare with. */
uint64_t crc64nvme_update_by_table(uint64_t crc, const void *data, size_t length);
/* CRC32C, started with 0 and continued with what it returned. */
uint32_t digest_crc32c(uint32_t crc, const void *data, size_t length);
/* The same for either kind by which contents are verified: DIGEST_CRC64NVME, or DIGEST_CRC32C as earlier versions did. */
uint64_t digest_crc_update(enum digest_kind kind, uint64_t crc, const void *data, size_t length);

#endif
