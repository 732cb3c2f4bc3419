/* SPDX-License-Identifier: MIT
 *
 * What an object becomes by an append. The change insists on the object that was looked at, so nothing here needs to be done
 * again in the transaction. Worker's thread. */
#include "api/s3/object/s3_append.h"

#include <stdio.h>
#include <string.h>

#include "api/s3/encryption/s3_encryption.h"
#include "api/s3/s3_operation.h"
#include "api/s3/object/s3_range.h"

#define OPAQUE_HEX_DIGITS 32

/* ---- The object as it is ---- */

/* An object of one piece is its own first part; an empty one has none. */
static void take_parts(struct s3_request *request, struct s3_append *append, const struct meta_object *object)
{
    bool is_plain = object->part_count == 0;

    append->part_count = !is_plain ? object->part_count : object->size > 0 ? 1 : 0;
    append->parts = s3_request_alloc(request, (append->part_count + 1) * sizeof(*append->parts));
    if (is_plain)
        append->parts[0] = (struct meta_part_size){1, object->size};
    else
        memcpy(append->parts, object->parts, object->part_count * sizeof(*append->parts));
}

/* The checksums of the parts, where all of them are there: then the body is to get one of that kind, too. */
static void take_values(struct s3_request *request, struct s3_append *append,
                        const struct meta_object *object)
{
    uint8_t algorithm = object->checksum.algorithm;
    size_t bytes;

    if (algorithm == S3_CHECKSUM_NONE || algorithm >= S3_CHECKSUM_COUNT)
        return;
    if (object->part_count > 0 && object->part_checksums.algorithm != algorithm)
        return;
    bytes = s3_checksum_bytes((enum s3_checksum_algorithm)algorithm);
    append->algorithm = (enum s3_checksum_algorithm)algorithm;
    append->values = s3_request_alloc(request, (append->part_count + 1) * bytes);
    if (object->part_count > 0)
        memcpy(append->values, object->part_checksums.values, object->part_count * bytes);
    else if (append->part_count > 0)
        memcpy(append->values, object->checksum.value, bytes);
}

static enum s3_error take_object(struct s3_request *request, struct s3_append *append,
                                 const struct meta_object *object)
{
    uint32_t last = object->part_count > 0 ? object->parts[object->part_count - 1].number : 0;

    if (object->size != append->change.offset)
        return S3_ERROR_INVALID_WRITE_OFFSET;
    if (s3_encryption_of(&object->attributes).base != NULL) {
        s3_request_explain(request, S3_ERROR_NOT_IMPLEMENTED, "Nothing is appended to encrypted objects.");
        return S3_ERROR_NOT_IMPLEMENTED;
    }
    if (last >= META_PART_NUMBER_MAX)
        return S3_ERROR_TOO_MANY_PARTS;
    append->size = object->size;
    append->checksum = object->checksum;
    memcpy(append->etag, object->etag, sizeof(append->etag));
    append->change.etag = append->etag;
    take_parts(request, append, object);
    take_values(request, append, object);
    return S3_ERROR_NONE;
}

/* An object keeps what it has: a request that says otherwise, perhaps because a policy demands it, would not get it. */
static bool says_what_is_kept(struct s3_request *request)
{
    static const enum s3_effective_name kept[] = {
        S3_EFFECTIVE_ACL,         S3_EFFECTIVE_GRANT_FULL_CONTROL, S3_EFFECTIVE_GRANT_READ,
        S3_EFFECTIVE_GRANT_WRITE, S3_EFFECTIVE_GRANT_READ_ACP,     S3_EFFECTIVE_GRANT_WRITE_ACP,
        S3_EFFECTIVE_TAGGING,     S3_EFFECTIVE_STORAGE_CLASS,      S3_EFFECTIVE_WEBSITE_REDIRECT,
    };

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        if (s3_request_effective(request, kept[i]).base == NULL)
            continue;
        s3_request_explain(
            request, S3_ERROR_INVALID_REQUEST,
            "An append cannot change the ACL, tags, storage class or redirection of the object.");
        return true;
    }
    return false;
}

enum s3_error s3_append_read(struct s3_request *request, struct s3_append *append)
{
    struct slice offset = s3_request_header(request, "x-amz-write-offset-bytes");
    struct s3_pinned there = s3_pinned_named(&request->bucket, request->key, NULL);
    enum s3_error error;
    int result;

    *append = (struct s3_append){.is_given = offset.base != NULL};
    if (!append->is_given)
        return S3_ERROR_NONE;
    if (s3_number_parse(offset.base, offset.len, S3_OBJECT_BYTES_MAX, &append->change.offset) != 0)
        return s3_request_argument(request, SLICE("x-amz-write-offset-bytes"), offset, NULL);
    result = s3_pinned_look(request, &there);
    if (s3_pinned_is_absence(result))
        return append->change.offset == 0 ? S3_ERROR_NONE : S3_ERROR_INVALID_WRITE_OFFSET;
    if (result != 0)
        return s3_error_of_result(result);
    error =
        says_what_is_kept(request) ? S3_ERROR_INVALID_REQUEST : take_object(request, append, there.object);
    s3_pinned_end(&there);
    return error;
}

/* ---- The object as it will be ---- */

static enum s3_error join_checksum(struct s3_append *append, const struct meta_checksum *body,
                                   uint64_t body_size, struct meta_object *object)
{
    struct digest_values values;
    size_t bytes;

    object->checksum = (struct meta_checksum){0};
    if (append->values == NULL || body->algorithm != (uint8_t)append->algorithm)
        return S3_ERROR_NONE;
    bytes = s3_checksum_bytes(append->algorithm);
    memcpy(append->values + (append->part_count - 1) * bytes, body->value, bytes);
    object->part_checksums =
        (struct meta_part_checksums){(uint8_t)append->algorithm, (uint8_t)bytes, append->values};
    if (append->checksum.type == S3_CHECKSUM_FULL_OBJECT && s3_checksum_is_crc(append->algorithm)) {
        object->checksum = append->checksum;
        digest_crc_combine(s3_checksum_digest(append->algorithm), object->checksum.value, body->value,
                           body_size);
        return S3_ERROR_NONE;
    }
    if (digest_buffer(DIGEST_BIT(s3_checksum_digest(append->algorithm)), append->values,
                      append->part_count * bytes, &values) != 0)
        return S3_ERROR_INTERNAL_ERROR;
    s3_checksum_from_digests(&object->checksum, append->algorithm, &values);
    object->checksum.type = S3_CHECKSUM_COMPOSITE;
    return S3_ERROR_NONE;
}

enum s3_error s3_append_join(struct s3_append *append, const struct meta_checksum *body, uint64_t body_size,
                             struct meta_object *object)
{
    static const struct digest_values none;
    uint32_t last = append->part_count > 0 ? append->parts[append->part_count - 1].number : 0;

    if (body_size > S3_OBJECT_BYTES_MAX - append->size)
        return S3_ERROR_ENTITY_TOO_LARGE;
    append->parts[append->part_count++] = (struct meta_part_size){last + 1, body_size};
    append->size += body_size;
    object->parts = append->parts;
    object->part_count = append->part_count;
    core_etag_make(&none, object->etag);
    snprintf(object->etag + OPAQUE_HEX_DIGITS, sizeof(object->etag) - OPAQUE_HEX_DIGITS, "-%u",
             append->part_count);
    return join_checksum(append, body, body_size, object);
}
