/* SPDX-License-Identifier: MIT
 *
 * Signature Version 2: the string to sign. Pure: memory comes from the caller's arena, nothing is kept; one thread per arena. */
#include "api/s3/auth/s3_sigv2.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "storage/base/text/base64.h"
#include "storage/base/text/percent.h"

#define PREFIX "x-amz-"

/* ---- Names ---- */

/* What AWS's page "Signing and authenticating REST requests" lists, and what SDKs sign of later sub-resources. */
static const char *const signed_parameters[] = {
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "defaultObjectAcl",
    "delete",
    "encryption",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "partNumber",
    "policy",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "retention",
    "select",
    "select-type",
    "storageClass",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
};

bool s3_sigv2_signs_parameter(struct slice name)
{
    for (size_t i = 0; i < sizeof(signed_parameters) / sizeof(signed_parameters[0]); i++)
        if (slice_is(name, signed_parameters[i]))
            return true;
    return false;
}

/* "name" of "name=value" */
static struct slice name_of(struct slice part)
{
    const char *equals = part.len != 0 ? memchr(part.base, '=', part.len) : NULL;

    return equals != NULL ? slice_of(part.base, (size_t)(equals - part.base)) : part;
}

bool s3_sigv2_is_ambiguous(struct slice value)
{
    struct slice part;

    if (!slice_next_part(&value, '&', &part))
        return false;
    while (slice_next_part(&value, '&', &part))
        if (s3_sigv2_signs_parameter(name_of(part)))
            return true;
    return false;
}

/* ---- Claims ---- */

bool s3_sigv2_parse_signature(struct slice text, unsigned char signature[S3_SIGV2_BYTES])
{
    return text.len != 0 && base64_decode(text, signature, S3_SIGV2_BYTES) == 0;
}

bool s3_sigv2_parse_authorization(struct slice value, struct slice *access_key,
                                  unsigned char signature[S3_SIGV2_BYTES])
{
    struct slice text = slice_cut_last(&value, ':');

    *access_key = slice_trim(value);
    return text.base != NULL && access_key->len != 0 && s3_sigv2_parse_signature(slice_trim(text), signature);
}

bool s3_sigv2_is_equal(const unsigned char a[S3_SIGV2_BYTES], const unsigned char b[S3_SIGV2_BYTES])
{
    return CRYPTO_memcmp(a, b, S3_SIGV2_BYTES) == 0;
}

/* ---- Pairs: headers and parameters ---- */

struct pair {
    struct slice name, value;
    bool has_value;
    size_t place; /* where it stood: those of one name keep their order */
};

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *left = a, *right = b;
    size_t shorter = left->name.len < right->name.len ? left->name.len : right->name.len;
    int order = shorter != 0 ? memcmp(left->name.base, right->name.base, shorter) : 0;

    if (order == 0)
        order = (left->name.len > right->name.len) - (left->name.len < right->name.len);
    return order != 0 ? order : (left->place > right->place) - (left->place < right->place);
}

static void sort_pairs(struct pair *pairs, size_t count)
{
    if (count != 0)
        qsort(pairs, count, sizeof(*pairs), compare_pairs);
}

static struct slice find_header(const struct s3_sigv2_input *input, const char *name)
{
    for (size_t i = 0; i < input->header_count; i++)
        if (slice_is(input->headers[i].name, name))
            return slice_trim(input->headers[i].value);
    return SLICE("");
}

static struct pair *amz_headers(struct arena *arena, const struct s3_sigv2_input *input, size_t *count)
{
    struct pair *pairs = arena_alloc(arena, (input->header_count + 1) * sizeof(*pairs));

    *count = 0;
    for (size_t i = 0; i < input->header_count; i++) {
        const struct s3_sigv4_header *header = &input->headers[i];

        if (slice_has_prefix(header->name, PREFIX))
            pairs[(*count)++] = (struct pair){header->name, slice_trim(header->value), true, i};
    }
    sort_pairs(pairs, *count);
    return pairs;
}

/* The signed ones. NULL: the query cannot be decoded. */
static struct pair *sub_resources(struct arena *arena, struct slice query, unsigned forms, size_t *count)
{
    struct slice part, rest = query;
    size_t parts = 1;
    struct pair *pairs;

    for (size_t i = 0; i < query.len; i++)
        parts += query.base[i] == '&';
    pairs = arena_alloc(arena, parts * sizeof(*pairs));
    *count = 0;
    while (slice_next_part(&rest, '&', &part)) {
        struct pair *pair = &pairs[*count];
        struct slice name = name_of(part);

        *pair = (struct pair){.has_value = name.len != part.len, .place = *count};
        pair->name = percent_decode_in(arena, name, true);
        if (pair->name.base == NULL)
            return NULL;
        if (!s3_sigv2_signs_parameter(pair->name))
            continue;
        if (pair->has_value) {
            pair->value = percent_decode_in(arena, slice_from(part, name.len + 1),
                                            (forms & S3_SIGV2_PLUS_IS_SPACE) != 0);
            if (pair->value.base == NULL)
                return NULL;
        }
        if (pair->value.len == 0 && (forms & S3_SIGV2_NO_EMPTY_VALUES) != 0)
            pair->has_value = false;
        (*count)++;
    }
    sort_pairs(pairs, *count);
    return pairs;
}

/* ---- The string ---- */

struct text {
    char *base;
    size_t length, capacity;
};

static void put(struct text *text, struct slice bytes)
{
    assert(bytes.len <= text->capacity - text->length);
    if (bytes.len != 0)
        (void)slice_copy(text->base + text->length, bytes);
    text->length += bytes.len;
}

static void put_line(struct text *text, struct slice bytes)
{
    put(text, bytes);
    put(text, SLICE("\n"));
}

static bool is_same_name(const struct pair *pairs, size_t i)
{
    return i > 0 && slice_equals(pairs[i].name, pairs[i - 1].name);
}

/* "name:value,value\n" */
static void put_headers(struct text *text, const struct pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_same_name(pairs, i)) {
            put(text, SLICE(","));
        } else {
            put(text, pairs[i].name);
            put(text, SLICE(":"));
        }
        put(text, pairs[i].value);
        if (i + 1 == count || !is_same_name(pairs, i + 1))
            put(text, SLICE("\n"));
    }
}

static void put_sub_resources(struct text *text, const struct pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put(text, i == 0 ? SLICE("?") : SLICE("&"));
        put(text, pairs[i].name);
        if (!pairs[i].has_value)
            continue;
        put(text, SLICE("="));
        put(text, pairs[i].value);
    }
}

static size_t bound(const struct pair *pairs, size_t count)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++)
        bytes += pairs[i].name.len + pairs[i].value.len + 3;
    return bytes;
}

static struct slice path_of(struct arena *arena, const struct s3_sigv2_input *input, unsigned forms)
{
    struct slice path = input->path;

    if ((forms & S3_SIGV2_ENCODED_PATH) != 0) {
        path = percent_decode_in(arena, path, false);
        if (path.base != NULL)
            path = percent_encode_in(arena, path, true);
    }
    if ((forms & S3_SIGV2_BUCKET_SLASH) != 0 && path.base != NULL && input->bucket.len == 0 && path.len > 1 &&
        memchr(path.base + 1, '/', path.len - 1) == NULL)
        path = arena_concat(arena, path, SLICE("/"));
    return path;
}

bool s3_sigv2_string_to_sign(struct arena *arena, const struct s3_sigv2_input *input, unsigned forms,
                             struct slice *string)
{
    struct slice content_md5 = find_header(input, "content-md5");
    struct slice content_type = find_header(input, "content-type");
    struct slice path = path_of(arena, input, forms);
    size_t header_count, sub_count;
    struct pair *headers = amz_headers(arena, input, &header_count);
    struct pair *subs = sub_resources(arena, input->query, forms, &sub_count);
    struct text out = {NULL, 0, 0};

    if (path.base == NULL || subs == NULL)
        return false;
    out.capacity = input->method.len + content_md5.len + content_type.len + input->date.len +
                   input->bucket.len + path.len + bound(headers, header_count) + bound(subs, sub_count) + 8;
    out.base = arena_alloc(arena, out.capacity);
    put_line(&out, input->method);
    put_line(&out, content_md5);
    put_line(&out, content_type);
    put_line(&out, input->date);
    put_headers(&out, headers, header_count);
    if (input->bucket.len != 0) {
        put(&out, SLICE("/"));
        put(&out, input->bucket);
    }
    put(&out, path);
    put_sub_resources(&out, subs, sub_count);
    *string = slice_of(out.base, out.length);
    return true;
}
