/* SPDX-License-Identifier: MIT
 *
 * See answer.h. In order: the length; the ETag; the checksum; what is kept with the object. */
#include "api/origin/answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/s3/body/s3_checksum.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/object/s3_range.h"
#include "api/s3/text/s3_time.h"
#include "storage/base/text/base64.h"
#include "storage/base/text/hex.h"

static int fail(char why[ORIGIN_WHY_BYTES], int err, const char *text)
{
    (void)snprintf(why, ORIGIN_WHY_BYTES, "%s", text);
    return err;
}

/* Base NULL: it is not there. */
static struct slice header_of(const struct client_answer *head, const char *name)
{
    const char *value = client_answer_header(head, name);

    return value != NULL ? slice_text(value) : (struct slice){NULL, 0};
}

/* ---- The length ---- */

/* Without one nobody could tell an object from the beginning of one. */
static int read_length(const struct client_answer *head, struct meta_object *object,
                       char why[ORIGIN_WHY_BYTES])
{
    struct slice length = header_of(head, "content-length");

    if (length.base == NULL ||
        s3_number_parse(length.base, length.len, ORIGIN_OBJECT_BYTES_MAX, &object->size) != 0)
        return fail(why, -EPROTO, "it does not say how long the object is, or says more than can be");
    return 0;
}

/* ---- The ETag ---- */

static bool is_etag_text(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.base[i] <= ' ' || (unsigned char)text.base[i] >= 0x7f || text.base[i] == '"')
            return false;
    return text.len > 0 && text.len <= META_ETAG_BYTES_MAX;
}

/* Encrypted under other keys than the origin's own, an object has an ETag that only looks like a digest. */
static bool hides_md5(const struct client_answer *head)
{
    struct slice how = header_of(head, "x-amz-server-side-encryption");

    return slice_has_prefix(how, "aws:kms") ||
           header_of(head, "x-amz-server-side-encryption-customer-algorithm").base != NULL;
}

static void read_etag(const struct client_answer *head, bool etags_are_opaque, struct origin_answer *answer)
{
    struct slice text = header_of(head, "etag");

    if (text.len >= 2 && text.base[0] == '"' && text.base[text.len - 1] == '"')
        text = slice_of(text.base + 1, text.len - 2);
    if (!is_etag_text(text))
        return;
    (void)slice_copy(answer->object.etag, text);
    answer->has_md5 = !etags_are_opaque && text.len == 2 * sizeof(answer->md5) && !hides_md5(head) &&
                      hex_decode(text.base, text.len, answer->md5, sizeof(answer->md5)) &&
                      digest_kind_is_allowed(DIGEST_MD5);
    if (answer->has_md5)
        answer->digest_mask |= DIGEST_BIT(DIGEST_MD5);
}

/* ---- The checksum ---- */

/* One of all bytes; of several the first is as good as another. That of parts cannot be compared without them, and is not kept. */
static int read_checksum(const struct client_answer *head, struct origin_answer *answer,
                         char why[ORIGIN_WHY_BYTES])
{
    struct slice type = header_of(head, "x-amz-checksum-type");
    struct meta_checksum *checksum = &answer->object.checksum;

    if (type.base != NULL && !slice_is(type, "FULL_OBJECT"))
        return 0;
    for (unsigned i = S3_CHECKSUM_NONE + 1; i < S3_CHECKSUM_COUNT; i++) {
        enum s3_checksum_algorithm algorithm = (enum s3_checksum_algorithm)i;
        struct slice text = header_of(head, s3_checksum_header(algorithm));

        if (text.base == NULL || memchr(text.base, '-', text.len) != NULL ||
            !digest_kind_is_allowed(s3_checksum_digest(algorithm)))
            continue;
        checksum->length = (uint8_t)s3_checksum_bytes(algorithm);
        if (base64_decode(text, checksum->value, checksum->length) != 0)
            return fail(why, -EPROTO, "its checksum is none");
        checksum->algorithm = (uint8_t)algorithm;
        checksum->type = S3_CHECKSUM_FULL_OBJECT;
        answer->digest_mask |= DIGEST_BIT(s3_checksum_digest(algorithm));
        return 0;
    }
    return 0;
}

int origin_answer_compare(const struct origin_answer *answer, const struct digest_values *values,
                          char why[ORIGIN_WHY_BYTES])
{
    const struct meta_checksum *checksum = &answer->object.checksum;
    struct meta_checksum came;

    if (answer->has_md5 && memcmp(values->value[DIGEST_MD5], answer->md5, sizeof(answer->md5)) != 0)
        return fail(why, -EBADMSG, "the bytes that came do not have the MD5 that its ETag is");
    if (checksum->algorithm == S3_CHECKSUM_NONE)
        return 0;
    s3_checksum_from_digests(&came, (enum s3_checksum_algorithm)checksum->algorithm, values);
    return came.length == checksum->length && memcmp(came.value, checksum->value, came.length) == 0
               ? 0
               : fail(why, -EBADMSG, "the bytes that came do not have the checksum that it gives");
}

/* ---- What is kept with the object ---- */

static bool is_token(struct slice name)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < name.len; i++) {
        char c = name.base[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c != '\0' && strchr(others, c) != NULL)))
            return false;
    }
    return name.len > 0;
}

/* They become headers of our answers: what could break one is left out. */
static int read_attributes(struct arena *arena, const struct client_answer *head, struct meta_object *object,
                           char why[ORIGIN_WHY_BYTES])
{
    struct s3_effective effective = {0};
    struct http_headers headers = {0};

    http_headers_reserve(arena, &headers, head->header_count + 1);
    for (size_t i = 0; i < head->header_count; i++) {
        const struct s3_sigv4_header *header = &head->headers[i];

        if (is_token(header->name) && http_value_is_safe(header->value))
            http_headers_add(arena, &headers, header->name, header->value);
    }
    if (s3_attributes_collect(arena, &headers, &effective, &object->attributes) != S3_ERROR_NONE)
        return fail(why, -EPROTO, "its metadata is larger than S3's may be");
    return 0;
}

int origin_answer_read(struct arena *arena, const struct client_answer *head, bool etags_are_opaque,
                       struct origin_answer *answer, char why[ORIGIN_WHY_BYTES])
{
    struct slice modified = header_of(head, "last-modified");
    int err;

    *answer = (struct origin_answer){0};
    if (head->status != 200)
        return fail(why, -EPROTO, "it answered with something else than the object");
    if ((err = read_length(head, &answer->object, why)) != 0)
        return err;
    if (modified.base == NULL ||
        s3_time_parse(modified.base, modified.len, &answer->object.modified_ms) != 0 ||
        answer->object.modified_ms <= 0)
        answer->object.modified_ms = 0; /* the time at which it comes */
    read_etag(head, etags_are_opaque, answer);
    if ((err = read_checksum(head, answer, why)) != 0)
        return err;
    return read_attributes(arena, head, &answer->object, why);
}
