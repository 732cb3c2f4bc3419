/* SPDX-License-Identifier: MIT
 *
 * GetObjectAttributes: what is known of an object without its bytes, as far as the client asks for it. Worker's thread. */
#include <string.h>

#include "api/s3/encryption/s3_encryption.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/body/s3_checksum.h"
#include "api/s3/s3_operation.h"
#include "api/s3/object/s3_range.h"
#include "api/s3/text/s3_time.h"
#include "api/s3/object/s3_version.h"
#include "storage/base/slice.h"

/* In the order of the answer. */
static const char *const attribute_names[] = {"ETag", "Checksum", "ObjectParts", "StorageClass",
                                              "ObjectSize"};

enum { ETAG, CHECKSUM, OBJECT_PARTS, STORAGE_CLASS, OBJECT_SIZE, ATTRIBUTE_COUNT };

struct question {
    unsigned wanted; /* a bit of each attribute */
    uint32_t parts_max, part_marker;
};

/* ---- What is asked ---- */

static bool wanted_add(struct question *question, struct slice name)
{
    for (unsigned i = 0; i < ATTRIBUTE_COUNT; i++) {
        if (!slice_is_nocase(name, attribute_names[i]))
            continue;
        question->wanted |= 1u << i;
        return true;
    }
    return false;
}

/* SDKs send the list as one header or as several of the same name. */
static enum s3_error read_wanted(struct s3_request *request, struct question *question, const char **message)
{
    const struct http_headers *headers = &request->http->headers;

    for (size_t i = 0; i < headers->size; i++) {
        struct slice list = headers->entries[i].value, name;

        if (!slice_is_nocase(headers->entries[i].name, "x-amz-object-attributes"))
            continue;
        while (slice_next_item(&list, &name)) {
            if (!wanted_add(question, name))
                return s3_request_argument(request, SLICE("x-amz-object-attributes"), name,
                                           "Invalid attribute name specified.");
        }
    }
    if (question->wanted != 0)
        return S3_ERROR_NONE;
    *message = "The x-amz-object-attributes header specifying the attributes to be retrieved is either "
               "missing or empty";
    return S3_ERROR_INVALID_REQUEST;
}

static enum s3_error read_count(struct s3_request *request, const char *header, uint32_t max, uint32_t *count)
{
    struct slice text = s3_request_header(request, header);
    uint64_t value;

    if (text.base == NULL)
        return S3_ERROR_NONE;
    if (s3_number_parse(text.base, text.len, INT32_MAX, &value) != 0)
        return s3_request_argument_header(
            request, header,
            "x-amz-max-parts and x-amz-part-number-marker must be integers between 0 and 2147483647");
    *count = value < max ? (uint32_t)value : max;
    return S3_ERROR_NONE;
}

static enum s3_error read_question(struct s3_request *request, struct question *question,
                                   const char **message)
{
    enum s3_error error;

    *question = (struct question){.parts_max = META_LIST_ENTRIES_MAX};
    if ((error = read_count(request, "x-amz-max-parts", META_LIST_ENTRIES_MAX, &question->parts_max)) !=
            S3_ERROR_NONE ||
        (error = read_count(request, "x-amz-part-number-marker", META_PART_NUMBER_MAX,
                            &question->part_marker)) != S3_ERROR_NONE)
        return error;
    return read_wanted(request, question, message);
}

/* ---- What is answered ---- */

static void write_part(struct s3_xml *xml, const struct meta_object *object, uint32_t index)
{
    struct meta_checksum checksum;

    s3_xml_open(xml, "Part");
    s3_xml_unsigned(xml, "PartNumber", object->parts[index].number);
    s3_xml_unsigned(xml, "Size", object->parts[index].size);
    if (s3_part_checksum(object, index, &checksum))
        s3_xml_checksum_value(xml, &checksum, 0);
    s3_xml_close(xml, "Part");
}

/* All that S3 tells of parts whose checksums are not those of the object. */
static void write_part_count(struct s3_xml *xml, const struct meta_object *object)
{
    s3_xml_open(xml, "ObjectParts");
    s3_xml_unsigned(xml, "PartsCount", object->part_count);
    s3_xml_close(xml, "ObjectParts");
}

static void write_parts(struct s3_xml *xml, const struct meta_object *object, const struct question *question)
{
    uint32_t first = 0, count, last = 0;
    bool is_truncated;

    if (object->part_count == 0)
        return;
    if (object->checksum.algorithm == S3_CHECKSUM_NONE || object->checksum.type == S3_CHECKSUM_FULL_OBJECT) {
        write_part_count(xml, object);
        return;
    }
    while (first < object->part_count && object->parts[first].number <= question->part_marker)
        first++;
    count = object->part_count - first;
    if (count > question->parts_max)
        count = question->parts_max;
    if (count > 0)
        last = object->parts[first + count - 1].number;
    is_truncated = first + count < object->part_count;
    s3_xml_open(xml, "ObjectParts");
    s3_xml_unsigned(xml, "PartsCount", object->part_count);
    s3_xml_unsigned(xml, "PartNumberMarker", question->part_marker);
    s3_xml_unsigned(xml, "NextPartNumberMarker", last);
    s3_xml_unsigned(xml, "MaxParts", question->parts_max);
    s3_xml_bool(xml, "IsTruncated", is_truncated);
    for (uint32_t i = first; i < first + count; i++)
        write_part(xml, object, i);
    s3_xml_close(xml, "ObjectParts");
}

/* Other than everywhere else, a composite one comes without the number of parts. */
static void write_checksum(struct s3_xml *xml, const struct meta_checksum *checksum)
{
    struct meta_checksum bare = *checksum;

    bare.type = S3_CHECKSUM_FULL_OBJECT;
    s3_xml_checksum_value(xml, &bare, 0);
    s3_xml_checksum_type(xml, checksum);
}

static void answer_attributes(struct s3_request *request, const struct meta_object *object,
                              const struct question *question)
{
    char date[S3_TIME_HTTP_BYTES + 1];
    struct s3_xml xml;

    s3_xml_init(&xml, &request->http->arena);
    s3_xml_open(&xml, "GetObjectAttributesResponse" S3_XMLNS);
    if (question->wanted & 1u << ETAG)
        s3_xml_string(&xml, "ETag", object->etag); /* here, and only here, S3 leaves the quotes out */
    if ((question->wanted & 1u << CHECKSUM) && object->checksum.algorithm != S3_CHECKSUM_NONE) {
        s3_xml_open(&xml, "Checksum");
        write_checksum(&xml, &object->checksum);
        s3_xml_close(&xml, "Checksum");
    }
    if (question->wanted & 1u << OBJECT_PARTS)
        write_parts(&xml, object, question);
    if (question->wanted & 1u << STORAGE_CLASS)
        s3_xml_storage_class(&xml, s3_attribute_get(&object->attributes, META_ATTRIBUTE_STORAGE_CLASS));
    if (question->wanted & 1u << OBJECT_SIZE)
        s3_xml_unsigned(&xml, "ObjectSize", object->size);
    s3_xml_close(&xml, "GetObjectAttributesResponse");
    s3_time_http_format(object->modified_ms, date);
    s3_answer_header(request, "last-modified", date, S3_TIME_HTTP_BYTES);
    s3_answer_xml(request, 200, &xml);
}

void s3_op_get_object_attributes(struct s3_request *request)
{
    const struct meta_object *object;
    struct core_get *get;
    struct question question;
    const char *message = NULL;
    enum s3_error error = read_question(request, &question, &message);

    if (error != S3_ERROR_NONE) {
        s3_answer_failure(request, error, message);
        return;
    }
    if (s3_version_head(request, &get, &object) != 0)
        return;
    error = s3_encryption_open(request, S3_ENCRYPTION_OBJECT, get, object, &message);
    if (error != S3_ERROR_NONE) {
        core_get_end(get);
        s3_answer_failure(request, error, message);
        return;
    }
    s3_version_answer(request, &request->bucket, "x-amz-version-id", &object->version);
    answer_attributes(request, object, &question);
    core_get_end(get);
}
