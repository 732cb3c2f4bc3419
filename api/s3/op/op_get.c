/* SPDX-License-Identifier: MIT
 *
 * GetObject and HeadObject. Worker's thread.
 *
 * Both follow one path up to the head of the answer; then HEAD is done and GET opens the bytes and becomes an
 * http_source, unless they are at hand in memory: those of small objects, which were verified there. The object is the one that was
 * judged, and stays pinned to the last byte: an overwrite or delete meanwhile changes nothing here. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "api/core/cache/cache.h"
#include "api/s3/encryption/s3_encryption.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/access/s3_browser.h"
#include "api/s3/body/s3_checksum.h"
#include "api/s3/body/s3_fetch.h"
#include "api/s3/body/s3_send.h"
#include "api/s3/object/s3_conditions.h"
#include "api/s3/object/s3_expiration.h"
#include "api/s3/object/s3_lock.h"
#include "api/s3/replication/s3_replica.h"
#include "api/s3/s3_door.h"
#include "api/s3/s3_operation.h"
#include "api/s3/object/s3_overrides.h"
#include "api/s3/object/s3_range.h"
#include "api/s3/service/s3_service.h"
#include "api/s3/object/s3_tags.h"
#include "api/s3/text/s3_encoded_word.h"
#include "api/s3/text/s3_time.h"
#include "api/s3/object/s3_version.h"
#include "api/s3/website/s3_content_types.h"
#include "storage/base/slice.h"

struct fetch {
    struct s3_send send;
    struct s3_request *request;
    const struct meta_object *object; /* the send's get's */
    struct s3_range range;
    bool is_partial, is_part; /* 206; partNumber was given */
    uint32_t part;            /* which of the object's parts, from 0 */
};

/* ---- The head of the answer ---- */

/* What its user said of the object, as far as a header can say it: of the rest, how much there is. */
static void add_user_attribute(struct s3_request *request, const char *name, struct slice value,
                               unsigned *missing)
{
    if (value.len != 0)
        value = s3_encoded_words_write(&request->http->arena, value);
    else
        value = SLICE("");
    if (value.base != NULL && name[strlen(S3_USER_METADATA_PREFIX)] != '\0')
        s3_answer_header(request, name, value.base, value.len);
    else
        (*missing)++;
}

static void add_attributes(struct fetch *fetch)
{
    struct s3_request *request = fetch->request;
    const struct meta_attributes *attributes = &fetch->object->attributes;
    struct slice type = s3_attribute_get(attributes, "content-type");
    const char *named_type = s3_content_type_by_name(request, type);
    unsigned missing = 0;
    char text[16];

    for (uint32_t i = 0; i < attributes->count; i++) {
        const struct meta_attribute *attribute = &attributes->list[i];
        struct slice value = attribute->value;

        if (meta_attribute_is_label(attribute->name))
            continue; /* not a header */
        /* A copy: the object may be gone when the head is written out or logged. */
        const char *name = s3_request_string(request, attribute->name);

        if (strncmp(name, S3_USER_METADATA_PREFIX, strlen(S3_USER_METADATA_PREFIX)) == 0)
            add_user_attribute(request, name, value, &missing);
        else if (!s3_overrides_have(request, name) &&
                 (named_type == NULL || strcmp(name, "content-type") != 0))
            s3_answer_header(request, name, value.base, value.len);
    }
    if (missing > 0)
        s3_answer_header(request, "x-amz-missing-meta", text,
                         (size_t)snprintf(text, sizeof(text), "%u", missing));
    s3_overrides_answer(request);
    if ((type.base == NULL || named_type != NULL) && !s3_overrides_have(request, "content-type"))
        s3_answer_header_string(request, "content-type",
                                named_type != NULL ? named_type : S3_CONTENT_TYPE_DEFAULT);
}

static void add_tag_count(struct fetch *fetch)
{
    uint32_t count = s3_tags_count(s3_attribute_get(&fetch->object->attributes, META_ATTRIBUTE_TAGS));
    enum s3_action action = s3_request_has(fetch->request, "versionId") ? S3_ACTION_GET_OBJECT_VERSION_TAGGING
                                                                        : S3_ACTION_GET_OBJECT_TAGGING;
    char text[16];

    if (count > 0 && s3_authorize_also(fetch->request, action))
        s3_answer_header(fetch->request, "x-amz-tagging-count", text,
                         (size_t)snprintf(text, sizeof(text), "%u", count));
}

static void add_validators(struct fetch *fetch)
{
    char date[S3_TIME_HTTP_BYTES + 1];

    s3_answer_etag(fetch->request, fetch->object->etag);
    s3_time_http_format(fetch->object->modified_ms, date);
    s3_answer_header(fetch->request, "last-modified", date, S3_TIME_HTTP_BYTES);
}

/* The checksum of exactly the bytes that are sent, for a client will compare them: of the part, or of the whole. */
static void add_checksum(struct fetch *fetch)
{
    struct s3_request *request = fetch->request;
    const struct meta_object *object = fetch->object;
    struct meta_checksum checksum = object->checksum;

    if (!slice_is_nocase(s3_request_header(request, "x-amz-checksum-mode"), "ENABLED"))
        return;
    if (fetch->is_part && object->part_count > 0) {
        /* As S3: parts of an upload that asked for no checksum have none, and this is what such an upload becomes. */
        if (checksum.algorithm == S3_CHECKSUM_CRC64NVME)
            return;
        if (!s3_part_checksum(object, fetch->part, &checksum))
            return;
        s3_answer_checksum_value(request, &checksum, 0);
        s3_answer_header_string(request, "x-amz-checksum-type", s3_checksum_type_name(object->checksum.type));
    } else if (fetch->range.length == object->size) {
        s3_answer_checksum(request, &checksum, object->part_count);
    }
}

static void add_head(struct fetch *fetch)
{
    struct s3_request *request = fetch->request;
    const struct meta_object *object = fetch->object;
    char text[64];

    add_attributes(fetch);
    add_validators(fetch);
    s3_encryption_answer(request, s3_encryption_of(&object->attributes));
    s3_version_answer(request, &request->bucket, "x-amz-version-id", &object->version);
    s3_lock_answer(request, &object->attributes);
    s3_answer_header_string(request, "accept-ranges", "bytes");
    if (fetch->is_partial)
        s3_answer_header(request, "content-range", text, s3_range_format(&fetch->range, object->size, text));
    if (fetch->is_part && object->part_count > 0)
        s3_answer_header(request, "x-amz-mp-parts-count", text,
                         (size_t)snprintf(text, sizeof(text), "%u", object->part_count));
    add_tag_count(fetch);
    s3_replica_answer(request, object);
    if (s3_request_parameter(request, "versionId") == NULL) /* only the current version expires so */
        s3_expiration_answer(request, object->size, object->modified_ms, &object->attributes);
    add_checksum(fetch);
    s3_browser_answer(request);
    request->http->answer.status = fetch->is_partial ? 206 : 200;
    s3_answer_through_door(request);
}

static void add_head_of(struct s3_send *send)
{
    add_head((struct fetch *)((char *)send - offsetof(struct fetch, send)));
}

static void answer_not_modified(struct fetch *fetch)
{
    static const char *const kept[] = {"cache-control", "expires"}; /* RFC 9110 15.4.5 */
    struct s3_request *request = fetch->request;

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        struct slice value = s3_attribute_get(&fetch->object->attributes, kept[i]);

        if (value.base != NULL)
            s3_answer_header(request, kept[i], value.base, value.len);
    }
    add_validators(fetch);
    request->http->answer.status = 304;
    core_get_end(fetch->send.get);
    http_send_head(request->http, UINT64_MAX);
}

/* ---- Which bytes ---- */

static enum s3_error choose_part(struct fetch *fetch, struct slice number_text)
{
    const struct meta_object *object = fetch->object;
    uint64_t number, first = 0;

    if (s3_number_parse(number_text.base, number_text.len, META_PART_NUMBER_MAX, &number) != 0 || number == 0)
        return s3_request_argument(fetch->request, SLICE("partNumber"), number_text,
                                   "Part number must be an integer between 1 and 10000, inclusive");
    fetch->is_part = true;
    fetch->range = (struct s3_range){0, object->size};
    fetch->is_partial = object->size > 0; /* no range says that nothing is sent */
    if (object->part_count == 0)
        return number == 1 ? S3_ERROR_NONE : S3_ERROR_INVALID_PART_NUMBER;
    for (uint32_t i = 0; i < object->part_count; i++) {
        fetch->range = (struct s3_range){first, object->parts[i].size};
        fetch->is_partial = fetch->range.length > 0;
        fetch->part = i;
        if (object->parts[i].number == number)
            return S3_ERROR_NONE;
        first += object->parts[i].size;
    }
    return S3_ERROR_INVALID_PART_NUMBER;
}

static enum s3_error choose_range(struct fetch *fetch, const char **message)
{
    struct s3_request *request = fetch->request;
    const struct meta_object *object = fetch->object;
    struct slice range = s3_request_header(request, "range"),
                 if_range = s3_request_header(request, "if-range");
    struct slice part = s3_parameter_value(request, "partNumber");

    if (part.base != NULL) {
        if (range.base != NULL) {
            *message = "Cannot specify both Range header and partNumber query parameter";
            return S3_ERROR_INVALID_REQUEST;
        }
        return choose_part(fetch, part);
    }
    if (if_range.base != NULL && !s3_if_range_holds(if_range, object->etag, object->modified_ms))
        range.base = NULL;
    switch (s3_range_parse(range.base, range.len, object->size, &fetch->range)) {
    case S3_RANGE_UNSATISFIABLE:
        return S3_ERROR_INVALID_RANGE;
    case S3_RANGE_PARTIAL:
        fetch->is_partial = true;
        break;
    case S3_RANGE_WHOLE:
        break;
    }
    return S3_ERROR_NONE;
}

/* ---- The answer ---- */

/* What there is instead of the range or the part that was asked for. */
static void explain_range(struct fetch *fetch, enum s3_error error)
{
    struct s3_request *request = fetch->request;
    const struct meta_object *object = fetch->object;
    char text[64];

    if (error == S3_ERROR_INVALID_RANGE) {
        s3_answer_header(
            request, "content-range", text,
            (size_t)snprintf(text, sizeof(text), "bytes */%llu", (unsigned long long)object->size));
        s3_request_element_number(request, S3_ELEMENT_ACTUAL_OBJECT_SIZE, object->size);
    } else if (error == S3_ERROR_INVALID_PART_NUMBER) {
        s3_request_element(request, S3_ELEMENT_PART_NUMBER_REQUESTED,
                           s3_parameter_value(request, "partNumber"));
        s3_request_element_number(request, S3_ELEMENT_ACTUAL_PART_COUNT,
                                  object->part_count > 0 ? object->part_count : 1);
    }
}

static void answer_object(struct fetch *fetch)
{
    struct s3_request *request = fetch->request;
    const struct s3_conditions conditions = {
        .if_match = s3_request_effective(request, S3_EFFECTIVE_IF_MATCH),
        .if_none_match = s3_request_effective(request, S3_EFFECTIVE_IF_NONE_MATCH),
        .if_modified_since = s3_request_header(request, "if-modified-since"),
        .if_unmodified_since = s3_request_header(request, "if-unmodified-since"),
    };
    const char *message = NULL;
    enum s3_error error = S3_ERROR_NONE;

    switch (s3_conditions_check(&conditions, fetch->object->etag, fetch->object->modified_ms)) {
    case S3_VERDICT_NOT_MODIFIED:
        answer_not_modified(fetch);
        return;
    case S3_VERDICT_FAILED:
        s3_request_element(request, S3_ELEMENT_CONDITION,
                           conditions.if_match.base != NULL ? SLICE("If-Match")
                                                            : SLICE("If-Unmodified-Since"));
        error = S3_ERROR_PRECONDITION_FAILED;
        break;
    case S3_VERDICT_GO:
        error = choose_range(fetch, &message);
        break;
    }
    if (error != S3_ERROR_NONE) {
        explain_range(fetch, error);
        s3_send_fail(&fetch->send, error, message);
    } else if (request->method == S3_HEAD) {
        add_head(fetch);
        core_get_end(fetch->send.get);
        http_send_head(request->http, fetch->range.length);
    } else if (request->coming != NULL) {
        int err = s3_fetch_open(request);

        if (err != 0) {
            s3_answer_result(request, err);
            return;
        }
        add_head(fetch);
        s3_fetch_send(request, fetch->range.first, fetch->range.length);
    } else {
        fetch->send.first = fetch->range.first;
        fetch->send.length = fetch->range.length;
        s3_send_start(&fetch->send);
    }
}

void s3_op_get_object(struct s3_request *request)
{
    struct fetch *fetch = s3_request_alloc(request, sizeof(*fetch));
    struct s3_version version;
    enum s3_error error = s3_version_read(request, &version);
    const char *message = NULL;

    fetch->request = request;
    fetch->send = (struct s3_send){.request = request, .head = add_head_of, .again = s3_op_get_object};
    if (error == S3_ERROR_NONE)
        error = s3_overrides_check(request, &message);
    if (error != S3_ERROR_NONE) {
        s3_send_fail(&fetch->send, error, message); /* with no get yet, which core_get_end allows */
        return;
    }
    if (s3_fetch_start(request, s3_op_get_object))
        return;
    if (request->elsewhere != NULL) {
        fetch->object = request->elsewhere;
        answer_object(fetch);
        return;
    }
    if (request->door != NULL && request->door->on_get != NULL && request->door->on_get(request))
        return;
    if (s3_pinned_take(request, &request->pinned, &fetch->send.get, &fetch->object) != 0) {
        if (!request->was_fetched) /* else it was counted */
            core_cache_miss(request->worker, request->bucket.id);
        s3_version_answer_failure(request, &request->pinned);
    } else {
        if (!request->was_fetched)
            core_cache_hit(request->worker, request->bucket.id, request->key, fetch->object);
        error = s3_encryption_open(request, S3_ENCRYPTION_OBJECT, fetch->send.get, fetch->object, &message);
        if (error == S3_ERROR_NONE)
            answer_object(fetch);
        else
            s3_send_fail(&fetch->send, error, message);
    }
}
