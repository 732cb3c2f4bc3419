/* SPDX-License-Identifier: MIT
 *
 * What several operations share: reading parameters, and the pieces that their answers are made of. Worker's
 * thread. */
#include "api/s3/s3_operation.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "api/s3/body/s3_checksum.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/object/s3_conditions.h"
#include "api/s3/object/s3_range.h"
#include "storage/base/text/base64.h"
#include "storage/base/text/hex.h"
#include "storage/base/slice.h"

/* ---- Parameters ---- */

struct slice s3_parameter_value(const struct s3_request *request, const char *name)
{
    const struct s3_parameter *parameter = s3_request_parameter(request, name);

    return parameter != NULL ? parameter->value : (struct slice){NULL, 0};
}

/* S3 tells what is no number apart from what is below zero, and has names of its own for the latter. */
static enum s3_error refuse_count(struct s3_request *request, const char *name, struct slice text)
{
    uint64_t value;

    if (text.base[0] != '-' ||
        s3_number_parse(text.base + 1, text.len - 1, (uint64_t)INT32_MAX + 1, &value) != 0) {
        struct slice parts[] = {SLICE("Provided "), slice_text(name),
                                SLICE(" not an integer or within integer range")};

        return s3_request_argument(request, slice_text(name), text,
                                   arena_join(&request->http->arena, parts, 3).base);
    }
    if (strcmp(name, "max-keys") == 0 && s3_request_has(request, "versions"))
        return s3_request_argument(request, SLICE("max-keys"), slice_of(NULL, 0),
                                   "max-keys cannot be negative");
    name = strcmp(name, "max-keys") == 0 ? "maxKeys" : name;

    struct slice parts[] = {SLICE("Argument "), slice_text(name),
                            SLICE(" must be an integer between 0 and 2147483647")};

    return s3_request_argument(request, slice_text(name), text,
                               arena_join(&request->http->arena, parts, 3).base);
}

int s3_parameter_count(struct s3_request *request, const char *name, uint32_t otherwise, uint32_t max,
                       uint32_t *count)
{
    struct slice text = s3_parameter_value(request, name);
    uint64_t value;

    *count = otherwise;
    if (text.base == NULL || text.len == 0)
        return 0;
    if (s3_number_parse(text.base, text.len, INT32_MAX, &value) != 0) {
        s3_answer_error(request, refuse_count(request, name, text));
        return -EINVAL;
    }
    *count = value < max ? (uint32_t)value : max;
    return 0;
}

/* ---- Tokens: like any input they are checked when they come back ---- */

#define TOKEN_MARK '1' /* the form of the token; other forms may come */

struct slice s3_token_make(struct s3_request *request, struct slice last)
{
    char *token = s3_request_alloc(request, 2 + BASE64_ENCODED_BYTES(last.len));

    token[0] = TOKEN_MARK;
    return slice_of(token, 1 + base64url_encode(last.base, last.len, token + 1));
}

int s3_token_read(struct s3_request *request, struct slice token, size_t bytes_max, struct slice *last)
{
    ssize_t length;
    char *text;

    if (token.len < 2 || token.base[0] != TOKEN_MARK || token.len - 1 > (bytes_max * 4 + 2) / 3)
        return -EINVAL;
    text = s3_request_alloc(request, BASE64URL_DECODED_BYTES(token.len - 1));
    length = base64url_decode(slice_from(token, 1), text);
    if (length <= 0 || (size_t)length > bytes_max)
        return -EINVAL;
    *last = slice_of(text, (size_t)length);
    return 0;
}

struct slice s3_marker_resume(struct slice marker, struct slice prefix, struct slice delimiter)
{
    const char *at;

    if (delimiter.len == 0 || marker.len <= prefix.len || !slice_begins(marker, prefix))
        return marker;
    at = memmem(marker.base + prefix.len, marker.len - prefix.len, delimiter.base, delimiter.len);
    return at == NULL ? marker : slice_of(marker.base, (size_t)(at - marker.base) + delimiter.len);
}

int s3_parameter_encoding(struct s3_request *request, bool *url)
{
    struct slice text = s3_parameter_value(request, "encoding-type");

    *url = slice_is_nocase(text, "url");
    if (text.base == NULL || *url)
        return 0;
    s3_answer_error(request, s3_request_argument(request, SLICE("encoding-type"), text,
                                                 "Invalid Encoding Method specified in Request"));
    return -EINVAL;
}

enum s3_error s3_refuse_condition(struct s3_request *request)
{
    struct slice if_match = s3_request_effective(request, S3_EFFECTIVE_IF_MATCH);
    char etag[META_ETAG_BYTES_MAX + 1];

    if (if_match.base != NULL && s3_etag_parse(if_match, etag) != 0)
        return s3_request_argument(request, SLICE("If-Match"), if_match, NULL);
    return s3_request_argument(request, SLICE("If-None-Match"),
                               s3_request_effective(request, S3_EFFECTIVE_IF_NONE_MATCH), NULL);
}

enum s3_error s3_upload_id_parse(struct slice text, unsigned char id[META_UPLOAD_ID_BYTES])
{
    return hex_decode(text.base, text.len, id, META_UPLOAD_ID_BYTES) ? S3_ERROR_NONE
                                                                     : S3_ERROR_NO_SUCH_UPLOAD;
}

enum s3_error s3_parameter_upload_id(const struct s3_request *request, unsigned char id[META_UPLOAD_ID_BYTES])
{
    return s3_upload_id_parse(s3_parameter_value(request, "uploadId"), id);
}

void s3_upload_id_format(const unsigned char id[META_UPLOAD_ID_BYTES], char text[S3_UPLOAD_ID_TEXT_BYTES + 1])
{
    hex_encode(id, META_UPLOAD_ID_BYTES, text);
    text[S3_UPLOAD_ID_TEXT_BYTES] = '\0';
}

/* ---- Conditions ---- */

static enum s3_error refuse_condition(struct s3_request *request, const char *header, const char *message)
{
    s3_request_element(request, S3_ELEMENT_HEADER, slice_text(header));
    s3_request_element(request, S3_ELEMENT_ADDITIONAL_MESSAGE, slice_text(message));
    return S3_ERROR_NOT_IMPLEMENTED;
}

enum s3_error s3_write_condition_read(struct s3_request *request, struct s3_write_condition *write)
{
    struct slice match = s3_request_effective(request, S3_EFFECTIVE_IF_MATCH);
    struct slice none_match = s3_request_effective(request, S3_EFFECTIVE_IF_NONE_MATCH);

    if (match.base != NULL && none_match.base != NULL)
        return refuse_condition(request, "If-Match,If-None-Match",
                                "Multiple conditional request headers present in the request");
    if (none_match.base != NULL && !slice_is(slice_trim(none_match), "*"))
        return refuse_condition(request, "If-None-Match",
                                "We don't accept the provided value of If-None-Match header for this API");
    if (s3_write_condition_parse(write, match, none_match) != 0)
        return s3_refuse_condition(request);
    if (write->condition.if_match_any)
        return refuse_condition(request, "If-Match",
                                "We don't accept the provided value of If-Match header for this API");
    return S3_ERROR_NONE;
}

/* ---- Pieces of answers ---- */

void s3_answer_failure(struct s3_request *request, enum s3_error error, const char *message)
{
    if (message != NULL)
        s3_answer_error_message(request, error, message);
    else
        s3_answer_error(request, error);
}

void s3_answer_header_string(struct s3_request *request, const char *name, const char *value)
{
    s3_answer_header(request, name, value, strlen(value));
}

static size_t quote_etag(const char *etag, char text[META_ETAG_BYTES_MAX + 3])
{
    size_t length = strlen(etag);

    assert(length <= META_ETAG_BYTES_MAX);
    text[0] = text[length + 1] = '"';
    memcpy(text + 1, etag, length);
    text[length + 2] = '\0';
    return length + 2;
}

void s3_answer_etag(struct s3_request *request, const char *etag)
{
    char text[META_ETAG_BYTES_MAX + 3];
    size_t length = quote_etag(etag, text);

    s3_answer_header(request, "etag", text, length);
}

/* A number from a newer version of this program has no name here. */
static bool checksum_has_name(const struct meta_checksum *checksum)
{
    return checksum->algorithm != S3_CHECKSUM_NONE && checksum->algorithm < S3_CHECKSUM_COUNT;
}

void s3_answer_checksum_value(struct s3_request *request, const struct meta_checksum *checksum,
                              uint32_t parts)
{
    char text[S3_CHECKSUM_TEXT_BYTES_MAX + 1];

    if (checksum_has_name(checksum))
        s3_answer_header(request, s3_checksum_header(checksum->algorithm), text,
                         s3_checksum_format(checksum, parts, text));
}

void s3_answer_checksum(struct s3_request *request, const struct meta_checksum *checksum, uint32_t parts)
{
    s3_answer_checksum_value(request, checksum, parts);
    if (checksum_has_name(checksum))
        s3_answer_header_string(request, "x-amz-checksum-type", s3_checksum_type_name(checksum->type));
}

bool s3_part_checksum(const struct meta_object *object, uint32_t part, struct meta_checksum *checksum)
{
    const struct meta_part_checksums *kept = &object->part_checksums;

    assert(part < object->part_count);
    if (kept->algorithm == S3_CHECKSUM_NONE)
        return false;
    *checksum = (struct meta_checksum){
        .algorithm = kept->algorithm, .type = S3_CHECKSUM_FULL_OBJECT, .length = kept->length};
    memcpy(checksum->value, kept->values + (size_t)part * kept->length, kept->length);
    return true;
}

void s3_xml_etag(struct s3_xml *xml, const char *etag)
{
    s3_xml_open(xml, "ETag");
    s3_xml_plain(xml, LITERAL("&quot;"));
    s3_xml_characters(xml, etag, strlen(etag));
    s3_xml_plain(xml, LITERAL("&quot;"));
    s3_xml_close(xml, "ETag");
}

void s3_xml_storage_class(struct s3_xml *xml, struct slice name)
{
    if (name.base != NULL)
        s3_xml_text(xml, "StorageClass", name.base, name.len);
    else
        s3_xml_string(xml, "StorageClass", "STANDARD");
}

void s3_xml_checksum_value(struct s3_xml *xml, const struct meta_checksum *checksum, uint32_t parts)
{
    char text[S3_CHECKSUM_TEXT_BYTES_MAX + 1];

    if (checksum_has_name(checksum))
        s3_xml_text(xml, s3_checksum_element(checksum->algorithm), text,
                    s3_checksum_format(checksum, parts, text));
}

void s3_xml_checksum_type(struct s3_xml *xml, const struct meta_checksum *checksum)
{
    if (checksum_has_name(checksum))
        s3_xml_string(xml, "ChecksumType", s3_checksum_type_name(checksum->type));
}

void s3_xml_checksum(struct s3_xml *xml, const struct meta_checksum *checksum, uint32_t parts)
{
    s3_xml_checksum_value(xml, checksum, parts);
    s3_xml_checksum_type(xml, checksum);
}

void s3_xml_owner(const struct s3_request *request, struct s3_xml *xml, const char *name, struct slice owner)
{
    const char *shown;
    size_t length;

    if (owner.len == 0)
        owner = SLICE("anonymous");
    shown = s3_credentials_user_name(request->credentials, owner.base, owner.len, &length);
    s3_xml_open(xml, name);
    s3_xml_text(xml, "ID", owner.base, owner.len);
    s3_xml_text(xml, "DisplayName", shown, length);
    s3_xml_close(xml, name);
}

void s3_xml_parameter(struct s3_xml *xml, const char *name, struct slice value, bool url)
{
    s3_xml_key(xml, name, value.base != NULL ? value.base : "", value.len, url);
}
