/* SPDX-License-Identifier: MIT
 *
 * Signature Version 4: the canonical request and the string to sign. Pure: memory comes from the caller's
 * arena, nothing is kept; one thread per arena.
 *
 *      METHOD \n URI \n QUERY \n name:value\n ... \n SIGNED-HEADERS \n PAYLOAD-HASH */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/limits.h"
#include "api/s3/auth/s3_sigv4.h"
#include "storage/base/text/hex.h"
#include "storage/base/text/percent.h"

/* One name and value of the query in the form to be signed. */
struct pair {
    struct slice name, value;
};

struct text {
    char *base;
    size_t length, capacity;
};

static void put(struct text *text, const char *bytes, size_t length)
{
    assert(length <= text->capacity - text->length);
    if (length != 0)
        memcpy(text->base + text->length, bytes, length);
    text->length += length;
}

static void put_vec(struct text *text, struct slice vec)
{
    put(text, vec.base, vec.len);
}

/* Decodes and encodes again; what most clients send is in that form. base NULL where the escape is bad. */
static struct slice reencode(struct arena *arena, struct slice raw, bool is_path)
{
    struct slice decoded;

    if (percent_is_encoded(raw, is_path))
        return raw;
    decoded = percent_decode_in(arena, raw, !is_path);
    return decoded.base != NULL ? percent_encode_in(arena, decoded, is_path) : decoded;
}

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *left = a, *right = b;
    int order = slice_compare(left->name, right->name);

    return order != 0 ? order : slice_compare(left->value, right->value);
}

static bool make_pair(struct arena *arena, struct slice part, bool is_raw, struct pair *pair)
{
    const char *equals = memchr(part.base, '=', part.len);
    size_t name_length = equals != NULL ? (size_t)(equals - part.base) : part.len;

    pair->name = slice_of(part.base, name_length);
    pair->value = equals != NULL ? slice_of(equals + 1, part.len - name_length - 1) : SLICE("");
    if (is_raw)
        return true;
    pair->name = reencode(arena, pair->name, false);
    pair->value = reencode(arena, pair->value, false);
    return pair->name.base != NULL && pair->value.base != NULL;
}

/* Whether the pair is `part` of the query, byte by byte. */
static bool stands_as_sent(const struct pair *pair, struct slice part)
{
    return pair->name.base == part.base && pair->value.base == part.base + pair->name.len + 1 &&
           pair->name.len + 1 + pair->value.len == part.len;
}

/* The sorted query without the signature itself. base NULL where an escape is bad. Most clients send it so, with the signature at the end:
 * then it is a piece of what they sent. */
static struct slice canonical_query(struct arena *arena, struct slice query, bool is_raw)
{
    const char *sent = query.base;
    size_t count = 0, parts = 1, sent_length = 0; /* of what was taken as it was sent */
    struct pair *pairs;
    struct text out = {NULL, 0, 0};
    bool is_sorted = true, is_as_sent = true;

    for (size_t i = 0; i < query.len; i++)
        parts += query.base[i] == '&';
    pairs = arena_alloc(arena, parts * sizeof(*pairs));
    while (query.len != 0) {
        const char *ampersand = memchr(query.base, '&', query.len);
        size_t length = ampersand != NULL ? (size_t)(ampersand - query.base) : query.len;

        if (length != 0) {
            struct pair *pair = &pairs[count];

            if (!make_pair(arena, slice_of(query.base, length), is_raw, pair))
                return slice_of(NULL, 0);
            if (!slice_is(pair->name, "X-Amz-Signature")) {
                is_sorted = is_sorted && (count == 0 || compare_pairs(pair - 1, pair) <= 0);
                is_as_sent = is_as_sent && stands_as_sent(pair, slice_of(query.base, length)) &&
                             query.base == sent + sent_length + (count != 0);
                sent_length = (size_t)(query.base - sent) + length;
                out.capacity += pair->name.len + pair->value.len + 2;
                count++;
            }
        }
        length += ampersand != NULL;
        query = slice_of(query.base + length, query.len - length);
    }
    if (count != 0 && is_sorted && is_as_sent)
        return slice_of(sent, sent_length);
    if (!is_sorted)
        qsort(pairs, count, sizeof(*pairs), compare_pairs);
    out.base = arena_alloc(arena, out.capacity + 1);
    for (size_t i = 0; i < count; i++) {
        put(&out, "&", i != 0);
        put_vec(&out, pairs[i].name);
        put(&out, "=", 1);
        put_vec(&out, pairs[i].value);
    }
    return slice_of(out.base, out.length);
}

/* A header's value without blanks around it and with runs of blanks inside made one, as the SDKs sign it. */
static void put_value(struct text *out, struct slice value)
{
    size_t start = out->length;

    if (value.len == 0 ||
        (memchr(value.base, ' ', value.len) == NULL && memchr(value.base, '\t', value.len) == NULL)) {
        put_vec(out, value);
        return;
    }
    for (size_t i = 0; i < value.len; i++) {
        bool is_blank = value.base[i] == ' ' || value.base[i] == '\t';

        if (!is_blank)
            put(out, value.base + i, 1);
        else if (out->length != start && out->base[out->length - 1] != ' ')
            put(out, " ", 1);
    }
    if (out->length != start && out->base[out->length - 1] == ' ')
        out->length--;
}

/* "name:value,value\n" of one signed header; an absent one is signed as empty. */
static void put_header(struct text *out, const struct s3_sigv4_input *input, struct slice name)
{
    bool is_first = true;

    put_vec(out, name);
    put(out, ":", 1);
    for (size_t i = 0; i < input->header_count; i++) {
        const struct s3_sigv4_header *header = &input->headers[i];

        if (name.len != header->name.len || !slice_equals_nocase(name, header->name))
            continue;
        put(out, ",", !is_first);
        put_value(out, header->value);
        is_first = false;
    }
    put(out, "\n", 1);
}

/* Every signed name is looked for among all headers: without a bound, a head full of ';' would cost seconds. */
static bool is_too_many(struct slice signed_headers)
{
    size_t names = 1;

    for (size_t i = 0; i < signed_headers.len; i++)
        names += signed_headers.base[i] == ';';
    return names > S3_SIGNED_HEADERS_MAX;
}

/* A name may be listed twice by a hostile client, and each listing copies its values: only the first one
 * does. */
static bool is_repeated(struct slice signed_headers, const char *name, size_t length)
{
    struct slice before = {signed_headers.base, (size_t)(name - signed_headers.base)};

    return s3_sigv4_is_signed(before, slice_of(name, length));
}

static void put_headers(struct text *out, const struct s3_sigv4_input *input, struct slice signed_headers)
{
    const char *at = signed_headers.base, *end = at + signed_headers.len;

    while (at < end) {
        const char *semicolon = memchr(at, ';', (size_t)(end - at));
        size_t length = (size_t)((semicolon != NULL ? semicolon : end) - at);

        if (!is_repeated(signed_headers, at, length))
            put_header(out, input, slice_of(at, length));
        at += length + 1;
    }
}

static size_t headers_bound(const struct s3_sigv4_input *input, struct slice signed_headers)
{
    size_t bytes = 3 * signed_headers.len + 16; /* names, ':' and line ends */

    for (size_t i = 0; i < input->header_count; i++)
        bytes += input->headers[i].value.len + 1;
    return bytes;
}

bool s3_sigv4_canonical_request(struct arena *arena, const struct s3_sigv4_input *input,
                                struct slice signed_headers, unsigned forms, struct slice *canonical)
{
    struct slice path = forms & S3_SIGV4_RAW_PATH ? input->path : reencode(arena, input->path, true);
    struct slice query = canonical_query(arena, input->query, (forms & S3_SIGV4_RAW_QUERY) != 0);
    struct text out = {NULL, 0, 0};

    if (path.base == NULL || query.base == NULL || is_too_many(signed_headers))
        return false;
    out.capacity = input->method.len + path.len + query.len + headers_bound(input, signed_headers) +
                   signed_headers.len + input->payload_hash.len + 8;
    out.base = arena_alloc(arena, out.capacity);
    put_vec(&out, input->method);
    put(&out, "\n", 1);
    put_vec(&out, path);
    put(&out, "\n", 1);
    put_vec(&out, query);
    put(&out, "\n", 1);
    put_headers(&out, input, signed_headers);
    put(&out, "\n", 1);
    put_vec(&out, signed_headers);
    put(&out, "\n", 1);
    put_vec(&out, input->payload_hash);
    *canonical = slice_of(out.base, out.length);
    return true;
}

struct slice s3_sigv4_string_to_sign(struct arena *arena, struct s3_hash *hash, const char *timestamp,
                                     const char *scope, struct slice canonical)
{
    size_t timestamp_length = strlen(timestamp), scope_length = strlen(scope);
    struct text out = {NULL, 0, sizeof(S3_SIGV4_ALGORITHM) + timestamp_length + scope_length + 64 + 3};
    unsigned char digest[32];

    out.base = arena_alloc(arena, out.capacity);
    put(&out, LITERAL(S3_SIGV4_ALGORITHM "\n"));
    put(&out, timestamp, timestamp_length);
    put(&out, "\n", 1);
    put(&out, scope, scope_length);
    put(&out, "\n", 1);
    if (hash != NULL)
        s3_hash_sha256(hash, canonical.base, canonical.len, digest);
    else
        s3_sha256(canonical.base, canonical.len, digest);
    hex_encode(digest, 32, out.base + out.length);
    out.length += 64;
    assert(out.length <= out.capacity);
    return slice_of(out.base, out.length);
}
