/* SPDX-License-Identifier: MIT
 *
 * Get, Put and Delete of BucketCors; preflights; and the headers that answers to requests of other origins
 * get. A browser sends preflights without credentials, and with the query of the request that is to follow: a
 * presigned signature there is for another method, so nobody looks at it. Worker's thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/object/s3_cors.h"
#include "api/s3/body/s3_document.h"
#include "api/s3/s3_operation.h"
#include "storage/base/slice.h"

#define NOT_ALLOWED_MESSAGE                                                                                  \
    "CORSResponse: This CORS request is not allowed. This is usually because the evaluation of Origin, "     \
    "request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted "  \
    "by the resource's CORS spec."

/* ---- The configuration in use ---- */

static int parse_stored(struct slice document, void **parsed)
{
    struct arena arena;
    const char *message;
    struct s3_cors *cors;
    enum s3_error error;

    arena_init(&arena, NULL);
    error = s3_cors_read(&arena, document, &cors, &message);
    arena_free(&arena);
    if (error != S3_ERROR_NONE)
        return META_E_CORRUPT; /* only what was understood is stored */
    *parsed = cors;
    return 0;
}

static void release_parsed(void *parsed)
{
    s3_cors_free(parsed);
}

int s3_cors_of_bucket(struct s3_request *request, const struct s3_cors **cors)
{
    static const struct core_setting_form form = {META_SETTING_CORS, parse_stored, release_parsed};
    const void *parsed;
    int result = core_setting_get(request->worker, request->bucket.id, &form, &parsed);

    *cors = result == 0 ? parsed : NULL;
    return result;
}

/* ---- Headers of answers ---- */

static void answer_list(struct s3_request *request, const char *name, const struct s3_cors_texts *texts)
{
    size_t length = 0;
    char *text;

    if (texts->count == 0)
        return;
    for (uint32_t i = 0; i < texts->count; i++)
        length += texts->list[i].len + 2;
    text = arena_alloc(&request->http->arena, length);
    length = 0;
    for (uint32_t i = 0; i < texts->count; i++) {
        if (i > 0) {
            memcpy(text + length, ", ", 2);
            length += 2;
        }
        (void)slice_copy(text + length, texts->list[i]);
        length += texts->list[i].len;
    }
    s3_answer_header(request, name, text, length);
}

static void answer_methods(struct s3_request *request, const struct s3_cors_rule *rule)
{
    char text[64] = "";

    for (uint32_t m = 0; m < rule->listed_count; m++) {
        if (m > 0)
            strcat(text, ", ");
        strcat(text, s3_cors_methods[rule->listed[m]]);
    }
    s3_answer_header_string(request, "access-control-allow-methods", text);
}

/* What was asked for and is allowed, in the form S3 gives it: lower case, one blank behind commas. */
static void answer_requested(struct s3_request *request, struct slice requested)
{
    char *text = arena_alloc(&request->http->arena, 2 * requested.len + 1);
    struct slice item;
    size_t length = 0;

    while (slice_next_item(&requested, &item)) {
        if (length > 0) {
            text[length++] = ',';
            text[length++] = ' ';
        }
        for (size_t i = 0; i < item.len; i++)
            text[length++] = slice_lower(item.base[i]);
    }
    if (length > 0)
        s3_answer_header(request, "access-control-allow-headers", text, length);
}

void s3_cors_answer(struct s3_request *request, const struct s3_cors_rule *rule, struct slice origin,
                    struct slice requested)
{
    char text[S3_CORS_AGE_BYTES];

    if (s3_cors_rule_is_public(rule, origin)) {
        s3_answer_header_string(request, "access-control-allow-origin", "*");
    } else {
        s3_answer_header(request, "access-control-allow-origin", origin.base, origin.len);
        s3_answer_header_string(request, "access-control-allow-credentials", "true");
    }
    answer_methods(request, rule);
    answer_requested(request, requested);
    answer_list(request, "access-control-expose-headers", &rule->exposed);
    if (rule->max_age_seconds != S3_CORS_NO_AGE)
        s3_answer_header(request, "access-control-max-age", text, s3_cors_age_format(rule, text));
    s3_answer_header_string(request, "vary",
                            "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
}

/* The bucket's configuration, before anything is known about the caller. NULL: there is none. */
static const struct s3_cors *find_configuration(struct s3_request *request)
{
    const struct s3_cors *cors;

    if (request->bucket_name.len == 0 || s3_request_open_bucket(request) != S3_ERROR_NONE ||
        s3_cors_of_bucket(request, &cors) != 0)
        return NULL;
    return cors;
}

bool s3_cors_apply(struct s3_request *request)
{
    struct slice origin = s3_request_header(request, "origin"), method = request->http->method;
    struct slice asked = s3_request_header(request, "access-control-request-method");
    const struct slice no_headers = {NULL, 0};
    const struct s3_cors_rule *rule;
    const struct s3_cors *cors;

    if (origin.len == 0 || request->method == S3_OPTIONS || (cors = find_configuration(request)) == NULL)
        return false;
    /* As S3: who names a method beside his own is told of that one. */
    rule = s3_cors_match(cors, origin, asked.base != NULL ? asked : method, no_headers);
    if (rule != NULL)
        s3_cors_answer(request, rule, origin, no_headers);
    return s3_cors_match(cors, origin, method, no_headers) != NULL;
}

/* ---- Preflights ---- */

static bool is_cors_method(struct slice method)
{
    for (unsigned i = 0; s3_cors_methods[i] != NULL; i++) {
        if (slice_equals(method, slice_of(s3_cors_methods[i], strlen(s3_cors_methods[i]))))
            return true;
    }
    return false;
}

static void refuse_method(struct s3_request *request, struct slice method)
{
    static const char format[] = "Invalid Access-Control-Request-Method: %.*s";
    size_t size = sizeof(format) + method.len + 4;
    char *message = arena_alloc(&request->http->arena, size);

    if (method.base == NULL)
        method = slice_of("null", 4);
    (void)snprintf(message, size, format, (int)method.len, method.base);
    s3_answer_error_message(request, S3_ERROR_BAD_REQUEST, message);
}

void s3_op_preflight(struct s3_request *request)
{
    struct slice origin = s3_request_header(request, "origin");
    struct slice method = s3_request_header(request, "access-control-request-method");
    struct slice headers = s3_request_header(request, "access-control-request-headers");
    const struct s3_cors_rule *rule;
    const struct s3_cors *cors;

    if (origin.len == 0) {
        s3_answer_error_message(request, S3_ERROR_BAD_REQUEST,
                                "Insufficient information. Origin request header needed.");
        return;
    }
    cors = find_configuration(request);
    if (method.base != NULL ? !is_cors_method(method) : cors != NULL) {
        refuse_method(request, method);
        return;
    }
    s3_request_element(request, S3_ELEMENT_METHOD, method.base != NULL ? method : request->http->method);
    s3_request_element(request, S3_ELEMENT_RESOURCE_TYPE, SLICE("BUCKET"));
    if (cors == NULL) {
        if (request->bucket.id == 0) /* none was opened */
            s3_request_explain(request, S3_ERROR_ACCESS_FORBIDDEN, "CORSResponse: Bucket not found");
        s3_answer_error(request, S3_ERROR_ACCESS_FORBIDDEN);
        return;
    }
    if ((rule = s3_cors_match(cors, origin, method, headers)) == NULL) {
        if (request->key.len > 0)
            s3_request_element(request, S3_ELEMENT_RESOURCE_TYPE, SLICE("OBJECT"));
        s3_answer_error_message(request, S3_ERROR_ACCESS_FORBIDDEN, NOT_ALLOWED_MESSAGE);
        return;
    }
    s3_cors_answer(request, rule, origin, headers);
    s3_answer_empty(request, 200);
}

/* ---- The setting ---- */

void s3_op_get_bucket_cors(struct s3_request *request)
{
    const struct s3_cors *cors;
    struct s3_xml xml;
    int result = s3_cors_of_bucket(request, &cors);

    if (result != 0) {
        s3_answer_result(request, result);
        return;
    }
    if (cors == NULL) {
        s3_answer_error(request, S3_ERROR_NO_SUCH_CORS_CONFIGURATION);
        return;
    }
    s3_xml_init(&xml, &request->http->arena);
    s3_cors_write(&xml, cors);
    s3_answer_xml(request, 200, &xml);
}

static void on_document(struct s3_request *request, struct slice body, void *ctx)
{
    const char *message = NULL;
    struct s3_cors *cors;
    struct s3_xml xml;
    enum s3_error error = s3_cors_read(&request->http->arena, body, &cors, &message);

    if (error == S3_ERROR_INVALID_ARGUMENT) /* of all that a rule has */
        error = s3_request_argument(request, SLICE("ID"), slice_of(NULL, 0), message);
    if (error != S3_ERROR_NONE) {
        s3_answer_failure(request, error, message);
        return;
    }
    s3_xml_init(&xml, &request->http->arena);
    s3_cors_write(&xml, cors);
    s3_cors_free(cors);
    s3_setting_put(request, META_SETTING_CORS, slice_of(xml.data, xml.length), 200);
}

void s3_op_put_bucket_cors(struct s3_request *request)
{
    s3_document_collect(request, S3_CORS_BYTES_MAX, on_document, NULL);
}

void s3_op_delete_bucket_cors(struct s3_request *request)
{
    s3_setting_put(request, META_SETTING_CORS, (struct slice){NULL, 0}, 204);
}
