/* SPDX-License-Identifier: MIT
 *
 * The table of S3's checksums as data, base64, and the reading of what a request claims. Pure functions, any
 * thread. */
#include "api/s3/body/s3_checksum.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/s3/text/s3_text.h"

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

enum s3_checksum_algorithm s3_checksum_of_name(h2o_iovec_t name)
{
    for (int i = 1; i < S3_CHECKSUM_COUNT; i++) {
        if (s3_text_is(name, rows[i].name))
            return (enum s3_checksum_algorithm)i;
    }
    return S3_CHECKSUM_NONE;
}

enum s3_checksum_algorithm s3_checksum_of_header(h2o_iovec_t name)
{
    for (int i = 1; i < S3_CHECKSUM_COUNT; i++) {
        if (s3_text_is(name, rows[i].header))
            return (enum s3_checksum_algorithm)i;
    }
    return S3_CHECKSUM_NONE;
}

enum s3_checksum_algorithm s3_checksum_of_element(h2o_iovec_t name)
{
    for (int i = 1; i < S3_CHECKSUM_COUNT; i++) {
        if (s3_text_is(name, rows[i].element))
            return (enum s3_checksum_algorithm)i;
    }
    return S3_CHECKSUM_NONE;
}

/* ---- Texts ---- */

static const char base64_digits[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int base64_value(char c)
{
    const char *at = c == '\0' ? NULL : strchr(base64_digits, c);

    return at == NULL ? -1 : (int)(at - base64_digits);
}

int s3_base64_decode(h2o_iovec_t text, void *data, size_t length)
{
    unsigned char *out = data;
    size_t digits = (length * 8 + 5) / 6, got = 0;
    uint32_t bits = 0;
    unsigned bit_count = 0;

    if (text.len != (length + 2) / 3 * 4)
        return -EINVAL;
    for (size_t i = 0; i < text.len; i++) {
        int value;

        if (i >= digits) {
            if (text.base[i] != '=')
                return -EINVAL;
            continue;
        }
        if ((value = base64_value(text.base[i])) < 0)
            return -EINVAL;
        bits = bits << 6 | (uint32_t)value;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            if (got < length)
                out[got++] = (unsigned char)(bits >> bit_count);
            bits &= (1u << bit_count) - 1;
        }
    }
    assert(got == length);
    return bits == 0 ? 0 : -EINVAL; /* left-over bits would make two texts of one value */
}

size_t s3_base64_encode(const void *data, size_t length, char *text)
{
    const unsigned char *in = data;
    char *at = text;

    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        uint32_t bits =
            (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) | (left > 2 ? in[i + 2] : 0);

        *at++ = base64_digits[bits >> 18];
        *at++ = base64_digits[bits >> 12 & 63];
        *at++ = left > 1 ? base64_digits[bits >> 6 & 63] : '=';
        *at++ = left > 2 ? base64_digits[bits & 63] : '=';
    }
    *at = '\0';
    return (size_t)(at - text);
}

size_t s3_checksum_format(const struct meta_checksum *checksum, uint32_t parts,
                          char text[S3_CHECKSUM_TEXT_BYTES_MAX + 1])
{
    size_t length;

    assert(checksum->length <= META_CHECKSUM_BYTES_MAX);
    length = s3_base64_encode(checksum->value, checksum->length, text);
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
static bool is_checksum_value(h2o_iovec_t name)
{
    return s3_text_has_prefix(name, CHECKSUM_PREFIX) && !s3_text_is(name, CHECKSUM_PREFIX "algorithm") &&
           !s3_text_is(name, CHECKSUM_PREFIX "mode") && !s3_text_is(name, CHECKSUM_PREFIX "type");
}

static enum s3_error claim_add(struct s3_checksum_claim *claim, h2o_iovec_t name, const char **message)
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

static enum s3_error claim_header(struct s3_checksum_claim *claim, const h2o_header_t *header,
                                  bool parts_allowed, const char **message)
{
    enum s3_error error = claim_add(claim, *header->name, message);

    if (error != S3_ERROR_NONE)
        return error;
    claim->text = header->value;
    if (parts_allowed && memchr(header->value.base, '-', header->value.len) != NULL)
        return S3_ERROR_NONE;
    if (s3_base64_decode(header->value, claim->value, s3_checksum_bytes(claim->algorithm)) != 0) {
        *message = "Value for x-amz-checksum- header is invalid.";
        return S3_ERROR_INVALID_REQUEST;
    }
    return S3_ERROR_NONE;
}

static enum s3_error claim_trailers(struct s3_checksum_claim *claim, h2o_iovec_t names, const char **message)
{
    h2o_iovec_t name;
    enum s3_error error;

    while (s3_text_next_item(&names, &name)) {
        if (!is_checksum_value(name))
            continue;
        if ((error = claim_add(claim, name, message)) != S3_ERROR_NONE)
            return error;
        claim->in_trailer = true;
    }
    return S3_ERROR_NONE;
}

enum s3_error s3_checksum_claim_read(const h2o_headers_t *headers, bool parts_allowed,
                                     struct s3_checksum_claim *claim, const char **message)
{
    h2o_iovec_t announced = {0};
    enum s3_error error = S3_ERROR_NONE;

    *claim = (struct s3_checksum_claim){0};
    for (size_t i = 0; i < headers->size && error == S3_ERROR_NONE; i++) {
        const h2o_header_t *header = &headers->entries[i];

        if (is_checksum_value(*header->name))
            error = claim_header(claim, header, parts_allowed, message);
        else if (s3_text_is(*header->name, "x-amz-trailer"))
            error = claim_trailers(claim, header->value, message);
        else if (s3_text_is(*header->name, "x-amz-sdk-checksum-algorithm"))
            announced = header->value;
    }
    if (error != S3_ERROR_NONE || announced.base == NULL)
        return error;
    if (s3_checksum_of_name(announced) == S3_CHECKSUM_NONE) {
        *message = "Checksum algorithm provided is unsupported.";
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

enum s3_error s3_checksum_upload_choose(h2o_iovec_t algorithm_name, h2o_iovec_t type_name,
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
        *message = "Checksum algorithm provided is unsupported.";
        return S3_ERROR_INVALID_REQUEST;
    }
    full =
        type_name.base == NULL ? *algorithm == S3_CHECKSUM_CRC64NVME : s3_text_is(type_name, "FULL_OBJECT");
    composite = type_name.base == NULL ? !full : s3_text_is(type_name, "COMPOSITE");
    if (!full && !composite) {
        *message = "Value for x-amz-checksum-type header is invalid.";
        return S3_ERROR_INVALID_REQUEST;
    }
    /* Only a CRC of the whole follows from those of the parts, and S3 knows no composite CRC64NVME. */
    if ((full && !s3_checksum_is_crc(*algorithm)) || (composite && *algorithm == S3_CHECKSUM_CRC64NVME)) {
        *message = "The checksum type cannot be used with the specified checksum algorithm.";
        return S3_ERROR_INVALID_REQUEST;
    }
    *type = composite ? S3_CHECKSUM_COMPOSITE : S3_CHECKSUM_FULL_OBJECT;
    return S3_ERROR_NONE;
}
