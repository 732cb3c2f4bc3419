/* SPDX-License-Identifier: MIT
 *
 * The table of S3's checksums as data, base64, and the reading of what a request claims. Pure functions, any
 * thread. */
#include "api/s3/body/s3_checksum.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "storage/base/text/base64.h"
#include "storage/base/slice.h"

static const struct {
    const char *name, *header, *element;
    enum digest_kind digest;
} rows[S3_CHECKSUM_COUNT] = {
#define S3_CHECKSUM_ROW(name, number, wire, header, element, digest)                                         \
    [S3_CHECKSUM_##name] = {wire, header, element, digest},
    S3_CHECKSUM_MAP(S3_CHECKSUM_ROW)
#undef S3_CHECKSUM_ROW
};

static void assert_known(enum s3_checksum_algorithm algorithm)
{
    assert(algorithm > S3_CHECKSUM_NONE);
    assert(algorithm < S3_CHECKSUM_COUNT);
}

const char *s3_checksum_name(enum s3_checksum_algorithm algorithm)
{
    assert_known(algorithm);
    return rows[algorithm].name;
}

const char *s3_checksum_header(enum s3_checksum_algorithm algorithm)
{
    assert_known(algorithm);
    return rows[algorithm].header;
}

const char *s3_checksum_element(enum s3_checksum_algorithm algorithm)
{
    assert_known(algorithm);
    return rows[algorithm].element;
}

enum digest_kind s3_checksum_digest(enum s3_checksum_algorithm algorithm)
{
    assert_known(algorithm);
    return rows[algorithm].digest;
}

size_t s3_checksum_bytes(enum s3_checksum_algorithm algorithm)
{
    return digest_kind_bytes(s3_checksum_digest(algorithm));
}

bool s3_checksum_is_crc(enum s3_checksum_algorithm algorithm)
{
    return algorithm == S3_CHECKSUM_CRC32 || algorithm == S3_CHECKSUM_CRC32C ||
           algorithm == S3_CHECKSUM_CRC64NVME;
}

const char *s3_checksum_type_name(uint8_t type)
{
    return type == S3_CHECKSUM_COMPOSITE ? "COMPOSITE" : "FULL_OBJECT";
}

enum s3_checksum_algorithm s3_checksum_of_name(struct slice name)
{
    for (int i = 1; i < S3_CHECKSUM_COUNT; i++) {
        if (slice_is_nocase(name, rows[i].name))
            return (enum s3_checksum_algorithm)i;
    }
    return S3_CHECKSUM_NONE;
}

enum s3_checksum_algorithm s3_checksum_of_header(struct slice name)
{
    for (int i = 1; i < S3_CHECKSUM_COUNT; i++) {
        if (slice_is_nocase(name, rows[i].header))
            return (enum s3_checksum_algorithm)i;
    }
    return S3_CHECKSUM_NONE;
}

enum s3_checksum_algorithm s3_checksum_of_element(struct slice name)
{
    for (int i = 1; i < S3_CHECKSUM_COUNT; i++) {
        if (slice_is_nocase(name, rows[i].element))
            return (enum s3_checksum_algorithm)i;
    }
    return S3_CHECKSUM_NONE;
}

/* ---- Texts ---- */

size_t s3_checksum_format(const struct meta_checksum *checksum, uint32_t parts,
                          char text[S3_CHECKSUM_TEXT_BYTES_MAX + 1])
{
    size_t length;

    assert(checksum->length <= META_CHECKSUM_BYTES_MAX);
    length = base64_encode(checksum->value, checksum->length, text);
    if (checksum->type == S3_CHECKSUM_COMPOSITE)
        length += (size_t)snprintf(text + length, S3_CHECKSUM_TEXT_BYTES_MAX + 1 - length, "-%u", parts);
    return length;
}

void s3_checksum_from_digests(struct meta_checksum *checksum, enum s3_checksum_algorithm algorithm,
                              const struct digest_values *values)
{
    enum digest_kind kind = s3_checksum_digest(algorithm);

    assert(values->mask & DIGEST_BIT(kind));
    *checksum = (struct meta_checksum){
        .algorithm = (uint8_t)algorithm,
        .type = S3_CHECKSUM_FULL_OBJECT,
        .length = (uint8_t)s3_checksum_bytes(algorithm),
    };
    memcpy(checksum->value, values->value[kind], checksum->length);
}

/* ---- What a request says ---- */

#define CHECKSUM_PREFIX "x-amz-checksum-"

/* x-amz-checksum-algorithm, -mode and -type are no checksums. */
static bool is_checksum_value(struct slice name)
{
    return slice_has_prefix_nocase(name, CHECKSUM_PREFIX) &&
           !slice_is_nocase(name, CHECKSUM_PREFIX "algorithm") &&
           !slice_is_nocase(name, CHECKSUM_PREFIX "mode") && !slice_is_nocase(name, CHECKSUM_PREFIX "type");
}

static enum s3_error claim_add(struct s3_checksum_claim *claim, struct slice name, const char **message)
{
    enum s3_checksum_algorithm algorithm = s3_checksum_of_header(name);

    if (algorithm == S3_CHECKSUM_NONE) {
        *message = "The algorithm type you specified in x-amz-checksum- header is invalid.";
        return S3_ERROR_INVALID_REQUEST;
    }
    if (claim->algorithm != S3_CHECKSUM_NONE) {
        *message = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
        return S3_ERROR_INVALID_REQUEST;
    }
    claim->algorithm = algorithm;
    return S3_ERROR_NONE;
}

#define UNSUPPORTED                                                                                          \
    "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, "     \
    "CRC32C, "                                                                                               \
    "CRC64NVME, MD5, SHA1, SHA256, SHA512, XXHASH128, XXHASH3, XXHASH64]"

static const char *const invalid_values[] = {
#define INVALID_VALUE(name, number, wire, header, element, digest)                                           \
    [S3_CHECKSUM_##name] = "Value for " header " header is invalid.",
    S3_CHECKSUM_MAP(INVALID_VALUE)
#undef INVALID_VALUE
};

const char *s3_checksum_invalid_trailer(enum s3_checksum_algorithm algorithm)
{
    static const char *const invalid_trailers[] = {
#define INVALID_TRAILER(name, number, wire, header, element, digest)                                         \
    [S3_CHECKSUM_##name] = "Value for " header " trailing header is invalid.",
        S3_CHECKSUM_MAP(INVALID_TRAILER)
#undef INVALID_TRAILER
    };

    assert_known(algorithm);
    return invalid_trailers[algorithm];
}

static enum s3_error claim_header(struct s3_checksum_claim *claim, const struct http_header *header,
                                  bool parts_allowed, const char **message)
{
    enum s3_error error = claim_add(claim, header->name, message);

    if (error != S3_ERROR_NONE)
        return error;
    claim->text = header->value;
    if (parts_allowed && memchr(header->value.base, '-', header->value.len) != NULL)
        return S3_ERROR_NONE;
    if (base64_decode(header->value, claim->value, s3_checksum_bytes(claim->algorithm)) != 0) {
        *message = invalid_values[claim->algorithm];
        return S3_ERROR_INVALID_REQUEST;
    }
    return S3_ERROR_NONE;
}

static enum s3_error claim_trailers(struct s3_checksum_claim *claim, struct slice names, const char **message)
{
    struct slice name;
    enum s3_error error;

    while (slice_next_item(&names, &name)) {
        if (!is_checksum_value(name))
            continue;
        if ((error = claim_add(claim, name, message)) != S3_ERROR_NONE)
            return error;
        claim->in_trailer = true;
    }
    return S3_ERROR_NONE;
}

enum s3_error s3_checksum_claim_read(const struct http_headers *headers, bool parts_allowed,
                                     struct s3_checksum_claim *claim, const char **message)
{
    struct slice announced = {0};
    enum s3_error error = S3_ERROR_NONE;

    *claim = (struct s3_checksum_claim){0};
    for (size_t i = 0; i < headers->size && error == S3_ERROR_NONE; i++) {
        const struct http_header *header = &headers->entries[i];

        if (is_checksum_value(header->name))
            error = claim_header(claim, header, parts_allowed, message);
        else if (slice_is_nocase(header->name, "x-amz-trailer"))
            error = claim_trailers(claim, header->value, message);
        else if (slice_is_nocase(header->name, "x-amz-sdk-checksum-algorithm"))
            announced = header->value;
    }
    if (error != S3_ERROR_NONE || announced.base == NULL)
        return error;
    if (s3_checksum_of_name(announced) == S3_CHECKSUM_NONE) {
        *message = UNSUPPORTED;
        return S3_ERROR_INVALID_REQUEST;
    }
    if (claim->algorithm == S3_CHECKSUM_NONE) {
        *message = "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or "
                   "x-amz-trailer headers "
                   "were found.";
        return S3_ERROR_INVALID_REQUEST;
    }
    if (claim->algorithm != s3_checksum_of_name(announced)) {
        *message = "Value for x-amz-sdk-checksum-algorithm header is invalid.";
        return S3_ERROR_INVALID_REQUEST;
    }
    return S3_ERROR_NONE;
}

#define CANNOT(type, name) "The " type " checksum type cannot be used with the " name " checksum algorithm."

/* Each algorithm lacks one type at most. */
static const char *wrong_type(enum s3_checksum_algorithm algorithm)
{
    switch (algorithm) {
    case S3_CHECKSUM_CRC64NVME:
        return CANNOT("COMPOSITE", "crc64nvme");
    case S3_CHECKSUM_SHA1:
        return CANNOT("FULL_OBJECT", "sha1");
    case S3_CHECKSUM_SHA256:
        return CANNOT("FULL_OBJECT", "sha256");
    case S3_CHECKSUM_MD5:
        return CANNOT("FULL_OBJECT", "md5");
    case S3_CHECKSUM_SHA512:
        return CANNOT("FULL_OBJECT", "sha512");
    case S3_CHECKSUM_XXHASH64:
        return CANNOT("FULL_OBJECT", "xxhash64");
    case S3_CHECKSUM_XXHASH3:
        return CANNOT("FULL_OBJECT", "xxhash3");
    default:
        return CANNOT("FULL_OBJECT", "xxhash128");
    }
}

enum s3_error s3_checksum_upload_choose(struct slice algorithm_name, struct slice type_name,
                                        enum s3_checksum_algorithm *algorithm, enum s3_checksum_type *type,
                                        const char **message)
{
    bool full, composite;

    *algorithm = S3_CHECKSUM_NONE;
    *type = S3_CHECKSUM_FULL_OBJECT;
    if (algorithm_name.base == NULL) {
        if (type_name.base == NULL)
            return S3_ERROR_NONE;
        *message =
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.";
        return S3_ERROR_INVALID_REQUEST;
    }
    if ((*algorithm = s3_checksum_of_name(algorithm_name)) == S3_CHECKSUM_NONE) {
        *message = UNSUPPORTED;
        return S3_ERROR_INVALID_REQUEST;
    }
    full = type_name.base == NULL ? *algorithm == S3_CHECKSUM_CRC64NVME
                                  : slice_is_nocase(type_name, "FULL_OBJECT");
    composite = type_name.base == NULL ? !full : slice_is_nocase(type_name, "COMPOSITE");
    if (!full && !composite) {
        *message = "Value for x-amz-checksum-type header is invalid.";
        return S3_ERROR_INVALID_REQUEST;
    }
    /* Only a CRC of the whole follows from those of the parts, and S3 knows no composite CRC64NVME. */
    if ((full && !s3_checksum_is_crc(*algorithm)) || (composite && *algorithm == S3_CHECKSUM_CRC64NVME)) {
        *message = wrong_type(*algorithm);
        return S3_ERROR_INVALID_REQUEST;
    }
    *type = composite ? S3_CHECKSUM_COMPOSITE : S3_CHECKSUM_FULL_OBJECT;
    return S3_ERROR_NONE;
}
