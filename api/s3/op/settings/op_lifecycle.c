/* SPDX-License-Identifier: MIT
 *
 * Get, Put and Delete of the BucketLifecycleConfiguration, and the x-amz-expiration header. The rules are
 * carried out by core's sweep, not here. Worker's thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/object/s3_attributes.h"
#include "api/s3/body/s3_document.h"
#include "api/s3/object/s3_expiration.h"
#include "api/s3/object/s3_lifecycle.h"
#include "api/s3/s3_operation.h"
#include "api/s3/text/s3_time.h"
#include "storage/base/text/percent.h"
#include "storage/base/slice.h"

/* Says nothing where there are no transitions, but Terraform waits for it. */
#define MINIMUM_SIZE_HEADER "x-amz-transition-default-minimum-object-size"
#define MINIMUM_SIZE_VARIES "varies_by_storage_class"
#define MINIMUM_SIZE_ALL    "all_storage_classes_128K"

/* ---- The rules in use ---- */

static int parse_stored(struct slice document, void **parsed)
{
    struct core_lifecycle *lifecycle;
    int err = core_lifecycle_decode(document, &lifecycle);

    if (err == 0)
        *parsed = lifecycle;
    return err;
}

static int lifecycle_of_bucket(struct s3_request *request, const struct core_lifecycle **lifecycle)
{
    static const struct core_setting_form form = {META_SETTING_LIFECYCLE, parse_stored, free};
    const void *parsed;
    int result = core_setting_get(request->worker, request->bucket.id, &form, &parsed);

    *lifecycle = result == 0 ? parsed : NULL;
    return result;
}

void s3_expiration_answer(struct s3_request *request, uint64_t size, int64_t modified_ms,
                          const struct meta_attributes *attributes)
{
    const struct core_lifecycle *lifecycle;
    const struct core_lifecycle_rule *rule;
    char date[S3_TIME_HTTP_BYTES + 1];
    char id[PERCENT_ENCODED_BYTES(CORE_LIFECYCLE_ID_BYTES_MAX) + 1];
    char text[sizeof(date) + sizeof(id) + 32];
    int64_t expiry_ms;
    size_t length;

    if (lifecycle_of_bucket(request, &lifecycle) != 0 || lifecycle == NULL)
        return;
    rule =
        core_lifecycle_first(lifecycle, request->key, size, s3_attribute_get(attributes, META_ATTRIBUTE_TAGS),
                             modified_ms, core_lifecycle_day(core_worker_core(request->worker)), &expiry_ms);
    if (rule == NULL || rule->id.len > CORE_LIFECYCLE_ID_BYTES_MAX)
        return;
    s3_time_http_format(expiry_ms, date);
    id[percent_encode(rule->id.base, rule->id.len, false, id)] = '\0';
    length = (size_t)snprintf(text, sizeof(text), "expiry-date=\"%s\", rule-id=\"%s\"", date, id);
    s3_answer_header(request, "x-amz-expiration", text, length);
}

void s3_expiration_answer_current(struct s3_request *request)
{
    const struct core_lifecycle *lifecycle;
    struct s3_pinned there = s3_pinned_named(&request->bucket, request->key, NULL);

    if (lifecycle_of_bucket(request, &lifecycle) != 0 || lifecycle == NULL ||
        s3_pinned_look(request, &there) != 0)
        return;
    s3_expiration_answer(request, there.object->size, there.object->modified_ms, &there.object->attributes);
    s3_pinned_end(&there);
}

/* ---- The setting ---- */

static void answer_minimum_size(struct s3_request *request, bool varies)
{
    s3_answer_header_string(request, MINIMUM_SIZE_HEADER, varies ? MINIMUM_SIZE_VARIES : MINIMUM_SIZE_ALL);
}

void s3_op_get_bucket_lifecycle(struct s3_request *request)
{
    const struct core_lifecycle *lifecycle;
    struct s3_xml xml;
    int result = lifecycle_of_bucket(request, &lifecycle);

    if (result != 0) {
        s3_answer_result(request, result);
        return;
    }
    if (lifecycle == NULL) {
        s3_answer_error(request, S3_ERROR_NO_SUCH_LIFECYCLE_CONFIGURATION);
        return;
    }
    s3_xml_init(&xml, &request->http->arena);
    s3_lifecycle_write(&xml, lifecycle);
    answer_minimum_size(request, lifecycle->varies_by_storage_class);
    s3_answer_xml(request, 200, &xml);
}

static void refuse_minimum_size(struct s3_request *request, struct slice value)
{
    struct slice message = arena_concat(&request->http->arena,
                                        SLICE("Invalid TransitionDefaultMinimumObjectSize found: "), value);

    s3_answer_error_message(request, S3_ERROR_INVALID_REQUEST, message.base);
}

static void on_document(struct s3_request *request, struct slice body, void *ctx)
{
    struct core_lifecycle lifecycle = {0};
    struct s3_refusal refusal = {0};
    enum s3_error error = s3_lifecycle_read(&request->http->arena, body, &lifecycle, &refusal);
    struct slice stored, minimum = s3_request_header(request, MINIMUM_SIZE_HEADER);
    char *encoded;
    size_t length;

    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, s3_request_refused(request, error, &refusal));
        return;
    }
    lifecycle.varies_by_storage_class = slice_is_nocase(minimum, MINIMUM_SIZE_VARIES);
    if (minimum.base != NULL && !lifecycle.varies_by_storage_class &&
        !slice_is_nocase(minimum, MINIMUM_SIZE_ALL)) {
        refuse_minimum_size(request, minimum);
        return;
    }
    if ((encoded = core_lifecycle_encode(&lifecycle, &length)) == NULL) {
        s3_answer_error(request, S3_ERROR_INTERNAL_ERROR);
        return;
    }
    if (length > META_SETTING_BYTES_MAX) {
        free(encoded);
        s3_request_element_number(request, S3_ELEMENT_MAX_MESSAGE_BYTES, META_SETTING_BYTES_MAX);
        s3_answer_error(request, S3_ERROR_MESSAGE_TOO_LONG);
        return;
    }
    stored = arena_dup(&request->http->arena, encoded, length);
    free(encoded);
    answer_minimum_size(request, lifecycle.varies_by_storage_class);
    s3_setting_put(request, META_SETTING_LIFECYCLE, stored, 200);
}

void s3_op_put_bucket_lifecycle(struct s3_request *request)
{
    s3_document_collect(request, S3_XML_BYTES_MAX, on_document, NULL);
}

void s3_op_delete_bucket_lifecycle(struct s3_request *request)
{
    s3_setting_put(request, META_SETTING_LIFECYCLE, (struct slice){NULL, 0}, 204);
}
