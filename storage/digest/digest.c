/* SPDX-License-Identifier: MIT
 *
 * Sets of digests over bytes in memory, and the arithmetic of joining CRCs. Reading files is in
 * digest_file.c, the 64-bit CRC in crc64nvme.c. One thread at a time per set; no blocking. */
#include "storage/digest/digest.h"

#include <assert.h>
#include <errno.h>
#include <isa-l/crc.h>
#include <limits.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* The functions become part of this file: nothing more to link with, and the compiler sees the short inputs. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "storage/digest/md5.h"

/* Bytes that every algorithm of a set sees before the next ones: they stay in the CPU's nearest cache
 * meanwhile. */
#define DIGEST_BLOCK_BYTES (16u << 10)

/* MD5, SHA1, SHA256, SHA512: the kinds that OpenSSL knows. It computes all but MD5, and says whether that is allowed. */
#define DIGEST_MESSAGE_KIND_COUNT 4
_Static_assert(DIGEST_SHA512 == DIGEST_MESSAGE_KIND_COUNT - 1,
               "message digests come first in enum digest_kind");

struct digest_set {
    uint32_t mask;
    bool failed;
    struct md5 md5;
    EVP_MD_CTX *context[DIGEST_MESSAGE_KIND_COUNT]; /* NULL where the mask lacks the kind */
    uint32_t crc32, crc32c;
    uint64_t crc64nvme;
    XXH64_state_t xxh64;
    XXH3_state_t *xxh3_64,
        *xxh3_128; /* NULL where the mask lacks the kind; large, and aligned by their maker */
};

/* Looked up once per process: fetching by name takes locks and costs more than hashing a small object. */
static EVP_MD *methods[DIGEST_MESSAGE_KIND_COUNT];
static pthread_once_t methods_once = PTHREAD_ONCE_INIT;

static void methods_fetch(void)
{
    static const char *const names[DIGEST_MESSAGE_KIND_COUNT] = {"MD5", "SHA1", "SHA256", "SHA512"};

    for (int kind = 0; kind < DIGEST_MESSAGE_KIND_COUNT; kind++)
        methods[kind] = EVP_MD_fetch(NULL, names[kind], NULL); /* NULL if this build forbids it */
}

bool digest_kind_is_allowed(enum digest_kind kind)
{
    pthread_once(&methods_once, methods_fetch);
    return kind >= DIGEST_MESSAGE_KIND_COUNT || methods[kind] != NULL;
}

size_t digest_kind_bytes(enum digest_kind kind)
{
    static const unsigned char bytes[DIGEST_KIND_COUNT] = {
        [DIGEST_MD5] = 16,    [DIGEST_SHA1] = 20,     [DIGEST_SHA256] = 32,   [DIGEST_SHA512] = 64,
        [DIGEST_CRC32] = 4,   [DIGEST_CRC32C] = 4,    [DIGEST_CRC64NVME] = 8, [DIGEST_XXH64] = 8,
        [DIGEST_XXH3_64] = 8, [DIGEST_XXH3_128] = 16,
    };

    assert((unsigned)kind < DIGEST_KIND_COUNT);
    return bytes[kind];
}

/* 0 or -ENOMEM. Resetting fails for no state that was made here. */
static int xxh_begin(struct digest_set *set)
{
    (void)XXH64_reset(&set->xxh64, 0);
    if ((set->mask & DIGEST_BIT(DIGEST_XXH3_64)) && (set->xxh3_64 = XXH3_createState()) == NULL)
        return -ENOMEM;
    if ((set->mask & DIGEST_BIT(DIGEST_XXH3_128)) && (set->xxh3_128 = XXH3_createState()) == NULL)
        return -ENOMEM;
    if (set->xxh3_64 != NULL)
        (void)XXH3_64bits_reset(set->xxh3_64);
    if (set->xxh3_128 != NULL)
        (void)XXH3_128bits_reset(set->xxh3_128);
    return 0;
}

int digest_set_create(struct digest_set **out, uint32_t mask)
{
    struct digest_set *set;
    int err = 0;

    assert(mask < DIGEST_BIT(DIGEST_KIND_COUNT));
    pthread_once(&methods_once, methods_fetch);
    set = calloc(1, sizeof(*set));
    if (set == NULL)
        return -ENOMEM;
    set->mask = mask;
    md5_begin(&set->md5);
    if ((mask & DIGEST_BIT(DIGEST_MD5)) && methods[DIGEST_MD5] == NULL)
        err = -EIO;
    for (int kind = DIGEST_SHA1; kind < DIGEST_MESSAGE_KIND_COUNT && err == 0; kind++) {
        if (!(mask & DIGEST_BIT(kind)))
            continue;
        set->context[kind] = EVP_MD_CTX_new();
        if (set->context[kind] == NULL)
            err = -ENOMEM;
        else if (methods[kind] == NULL || !EVP_DigestInit_ex2(set->context[kind], methods[kind], NULL))
            err = -EIO;
    }
    if (err == 0)
        err = xxh_begin(set);
    if (err != 0) {
        digest_set_free(set);
        return err;
    }
    *out = set;
    return 0;
}

void digest_set_free(struct digest_set *set)
{
    if (set == NULL)
        return;
    for (int kind = 0; kind < DIGEST_MESSAGE_KIND_COUNT; kind++)
        EVP_MD_CTX_free(set->context[kind]);
    (void)XXH3_freeState(set->xxh3_64); /* NULL allowed; cannot fail */
    (void)XXH3_freeState(set->xxh3_128);
    free(set);
}

uint32_t digest_crc32c(uint32_t crc, const void *data, size_t length)
{
    /* The library takes pointers without const, lengths as int, and leaves both inversions to its caller. */
    unsigned char *bytes = (unsigned char *)data;
    uint32_t state = ~crc;
    int part;

    while (length > 0) {
        part = length > INT_MAX ? INT_MAX : (int)length;
        state = crc32_iscsi(bytes, part, state);
        bytes += part;
        length -= (size_t)part;
    }
    return ~state;
}

uint64_t digest_crc_update(enum digest_kind kind, uint64_t crc, const void *data, size_t length)
{
    assert(kind == DIGEST_CRC64NVME || kind == DIGEST_CRC32C);
    return kind == DIGEST_CRC64NVME ? crc64nvme_update(crc, data, length)
                                    : digest_crc32c((uint32_t)crc, data, length);
}

/* All kinds but MD5. */
static void digest_set_update_block(struct digest_set *set, const unsigned char *data, size_t length)
{
    for (int kind = 0; kind < DIGEST_MESSAGE_KIND_COUNT; kind++)
        if (set->context[kind] != NULL && !EVP_DigestUpdate(set->context[kind], data, length))
            set->failed = true;
    if (set->mask & DIGEST_BIT(DIGEST_CRC32))
        set->crc32 = crc32_gzip_refl(set->crc32, data, length); /* inverts on its own */
    if (set->mask & DIGEST_BIT(DIGEST_CRC32C))
        set->crc32c = digest_crc32c(set->crc32c, data, length);
    if (set->mask & DIGEST_BIT(DIGEST_CRC64NVME))
        set->crc64nvme = crc64nvme_update(set->crc64nvme, data, length);
    /* These fail for a NULL pointer only. */
    if (set->mask & DIGEST_BIT(DIGEST_XXH64))
        (void)XXH64_update(&set->xxh64, data, length);
    if (set->mask & DIGEST_BIT(DIGEST_XXH3_64))
        (void)XXH3_64bits_update(set->xxh3_64, data, length);
    if (set->mask & DIGEST_BIT(DIGEST_XXH3_128))
        (void)XXH3_128bits_update(set->xxh3_128, data, length);
}

static size_t digest_piece_block(const struct digest_piece *piece)
{
    return piece->length < DIGEST_BLOCK_BYTES ? piece->length : DIGEST_BLOCK_BYTES;
}

/* A block of each; the MD5s side by side. Returns how many pieces have a byte left. */
static unsigned digest_pieces_update_blocks(struct digest_piece *list, unsigned count)
{
    struct md5_piece md5[DIGEST_TOGETHER_MAX];
    unsigned md5_count = 0, left = 0;

    for (unsigned i = 0; i < count; i++) {
        struct digest_set *set = list[i].set;
        size_t length = digest_piece_block(&list[i]);

        if (length == 0)
            continue;
        digest_set_update_block(set, list[i].data, length);
        if (set->mask & DIGEST_BIT(DIGEST_MD5))
            md5[md5_count++] = (struct md5_piece){&set->md5, list[i].data, length};
        list[i].data = (const unsigned char *)list[i].data + length;
        list[i].length = set->failed ? 0 : list[i].length - length;
        left += list[i].length > 0;
    }
    md5_update(md5, md5_count);
    return left;
}

void digest_pieces_update(struct digest_piece *list, unsigned count)
{
    assert(count <= DIGEST_TOGETHER_MAX);
    while (digest_pieces_update_blocks(list, count) > 0)
        ;
    for (unsigned i = 0; i < count; i++)
        list[i].result = list[i].set->failed ? -EIO : 0;
}

int digest_set_update(struct digest_set *set, const void *data, size_t length)
{
    struct digest_piece piece = {.set = set, .data = data, .length = length};

    assert(data != NULL || length == 0);
    if (!set->failed)
        digest_pieces_update(&piece, 1);
    return set->failed ? -EIO : 0;
}

bool digest_set_has(const struct digest_set *set, enum digest_kind kind)
{
    return (set->mask & DIGEST_BIT(kind)) != 0;
}

void digest_set_drop(struct digest_set *set, uint32_t mask)
{
    assert(mask < DIGEST_BIT(DIGEST_KIND_COUNT));
    for (int kind = 0; kind < DIGEST_MESSAGE_KIND_COUNT; kind++) {
        if (!(mask & DIGEST_BIT(kind)))
            continue;
        EVP_MD_CTX_free(set->context[kind]);
        set->context[kind] = NULL;
    }
    set->mask &= ~mask;
}

static void store_big_endian(unsigned char *bytes, uint64_t value, size_t length)
{
    while (length-- > 0) {
        bytes[length] = (unsigned char)value;
        value >>= 8;
    }
}

static uint64_t load_big_endian(const unsigned char *bytes, size_t length)
{
    uint64_t value = 0;

    for (size_t i = 0; i < length; i++)
        value = value << 8 | bytes[i];
    return value;
}

static void xxh_final(const struct digest_set *set, struct digest_values *values)
{
    if (set->mask & DIGEST_BIT(DIGEST_XXH64))
        store_big_endian(values->value[DIGEST_XXH64], XXH64_digest(&set->xxh64), 8);
    if (set->mask & DIGEST_BIT(DIGEST_XXH3_64))
        store_big_endian(values->value[DIGEST_XXH3_64], XXH3_64bits_digest(set->xxh3_64), 8);
    if (set->mask & DIGEST_BIT(DIGEST_XXH3_128)) {
        XXH128_hash_t hash = XXH3_128bits_digest(set->xxh3_128);

        store_big_endian(values->value[DIGEST_XXH3_128], hash.high64, 8);
        store_big_endian(values->value[DIGEST_XXH3_128] + 8, hash.low64, 8);
    }
}

int digest_set_final(struct digest_set *set, struct digest_values *values)
{
    assert(set->mask < DIGEST_BIT(DIGEST_KIND_COUNT));
    memset(values, 0, sizeof(*values));
    if (set->mask & DIGEST_BIT(DIGEST_MD5))
        md5_end(&set->md5, values->value[DIGEST_MD5]);
    for (int kind = 0; kind < DIGEST_MESSAGE_KIND_COUNT; kind++)
        if (set->context[kind] != NULL && !EVP_DigestFinal_ex(set->context[kind], values->value[kind], NULL))
            set->failed = true;
    if (set->failed)
        return -EIO;
    if (set->mask & DIGEST_BIT(DIGEST_CRC32))
        store_big_endian(values->value[DIGEST_CRC32], set->crc32, 4);
    if (set->mask & DIGEST_BIT(DIGEST_CRC32C))
        store_big_endian(values->value[DIGEST_CRC32C], set->crc32c, 4);
    if (set->mask & DIGEST_BIT(DIGEST_CRC64NVME))
        store_big_endian(values->value[DIGEST_CRC64NVME], set->crc64nvme, 8);
    xxh_final(set, values);
    values->mask = set->mask;
    return 0;
}

int digest_buffer(uint32_t mask, const void *data, size_t length, struct digest_values *values)
{
    struct digest_set *set;
    int err = digest_set_create(&set, mask);

    if (err != 0)
        return err;
    (void)digest_set_update(set, data, length); /* a failure sticks, and final reports it */
    err = digest_set_final(set, values);
    digest_set_free(set);
    return err;
}

uint64_t digest_crc_value(const struct digest_values *values, enum digest_kind kind)
{
    assert((values->mask & DIGEST_BIT(kind)) != 0);
    return load_big_endian(values->value[kind], digest_kind_bytes(kind));
}

/* ---- Joining CRCs -------------------------------------------------------------------------------
 *
 * Appending n bytes to a message multiplies its CRC by x^(8n) modulo the generator; the CRC of the appended
 * bytes is then added. The initial and final inversions of these three CRCs cancel out in that. Polynomials
 * are reflected, x^0 in the highest of `bits` bits. */

struct crc_field {
    unsigned bits;
    uint64_t polynomial; /* reflected */
};

static uint64_t crc_field_multiply(const struct crc_field *field, uint64_t a, uint64_t b)
{
    uint64_t product = 0;

    for (uint64_t power = 1ull << (field->bits - 1); power != 0; power >>= 1) {
        if (a & power)
            product ^= b;
        b = b & 1 ? (b >> 1) ^ field->polynomial : b >> 1; /* times x */
    }
    return product;
}

/* x^(8 * bytes) */
static uint64_t crc_field_power(const struct crc_field *field, uint64_t bytes)
{
    uint64_t result = 1ull << (field->bits - 1);     /* 1 */
    uint64_t square = 1ull << (field->bits - 1 - 8); /* x^8 */

    for (; bytes > 0; bytes >>= 1) {
        if (bytes & 1)
            result = crc_field_multiply(field, result, square);
        square = crc_field_multiply(field, square, square);
    }
    return result;
}

void digest_crc_combine(enum digest_kind kind, unsigned char *a, const unsigned char *b, uint64_t length_b)
{
    static const struct crc_field fields[DIGEST_KIND_COUNT] = {
        [DIGEST_CRC32] = {32, 0xedb88320},
        [DIGEST_CRC32C] = {32, 0x82f63b78},
        [DIGEST_CRC64NVME] = {64, 0x9a6c9329ac4bc9b5},
    };
    /* Parts are usually of one length, and the power costs fifty times as much as its use. */
    static _Thread_local struct {
        enum digest_kind kind;
        uint64_t bytes, power;
    } last = {.kind = DIGEST_KIND_COUNT};
    const struct crc_field *field = &fields[kind];
    size_t length = digest_kind_bytes(kind);
    uint64_t crc;

    assert(field->bits != 0);
    if (last.kind != kind || last.bytes != length_b) {
        last.power = crc_field_power(field, length_b);
        last.kind = kind;
        last.bytes = length_b;
    }
    crc = crc_field_multiply(field, last.power, load_big_endian(a, length));
    store_big_endian(a, crc ^ load_big_endian(b, length), length);
}
