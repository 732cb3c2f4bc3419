/* SPDX-License-Identifier: MIT
 *
 * Answers: S3's error document, empty answers, XML. An answer may be given before the body was received; the HTTP front then drains the rest or closes.
 *
 * On the worker's thread. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/s3/operations.h"
#include "api/s3/s3_door.h"
#include "api/s3/error/s3_error_known.h"
#include "api/s3/service/s3_service.h"
#include "api/s3/text/s3_xml.h"
#include "api/s3/web_auth/s3_verify_web.h"
#include "storage/base/slice.h"

/* ---- Status and headers ---- */

/* Clients that do not know a bucket's region, or have it wrong, learn it from here: a HEAD has nothing else to tell it. */
static void tell_region(struct s3_request *request)
{
    const struct s3_operation *operation = request->operation;
    const char *region = s3_service_region(request->service);

    if (!request->is_misdirected) {
        if (operation == NULL || (operation->flags & S3_OPERATION_TELLS_REGION) == 0)
            return;
        if (request->bucket.region[0] != '\0')
            region = request->bucket.region;
    }
    s3_answer_header(request, "x-amz-bucket-region", region, strlen(region));
}

void s3_answer_through_door(struct s3_request *request)
{
    if (request->door != NULL && request->door->on_answer != NULL)
        request->door->on_answer(request);
}

static void set_status(struct s3_request *request, int status)
{
    tell_region(request);
    request->http->answer.status = status;
    request->http->answer.reason = NULL; /* the HTTP front has the text */
    s3_answer_through_door(request);
}

/* Fields that most answers have: room for them at once. */
#define HEADERS_USUAL 16

/* What S3 writes with capitals: all else, x-amz-* above all, is in lower case. To HTTP a name has no case, but clients written in C search
 * the head for exactly `ETag: `, and lose their uploads when it is not there. The most frequent come first. */
static struct slice spelling_of(const char *name, size_t length)
{
    static const struct {
        struct slice name, spelling;
    } capitals[] = {
        {{LITERAL("etag")}, {LITERAL("ETag")}},
        {{LITERAL("last-modified")}, {LITERAL("Last-Modified")}},
        {{LITERAL("accept-ranges")}, {LITERAL("Accept-Ranges")}},
        {{LITERAL("content-type")}, {LITERAL("Content-Type")}},
        {{LITERAL("content-range")}, {LITERAL("Content-Range")}},
        {{LITERAL("cache-control")}, {LITERAL("Cache-Control")}},
        {{LITERAL("content-disposition")}, {LITERAL("Content-Disposition")}},
        {{LITERAL("content-encoding")}, {LITERAL("Content-Encoding")}},
        {{LITERAL("content-language")}, {LITERAL("Content-Language")}},
        {{LITERAL("expires")}, {LITERAL("Expires")}},
        {{LITERAL("location")}, {LITERAL("Location")}},
        {{LITERAL("allow")}, {LITERAL("Allow")}},
        {{LITERAL("vary")}, {LITERAL("Vary")}},
        {{LITERAL("retry-after")}, {LITERAL("Retry-After")}},
        {{LITERAL("www-authenticate")}, {LITERAL("WWW-Authenticate")}},
        {{LITERAL("access-control-allow-origin")}, {LITERAL("Access-Control-Allow-Origin")}},
        {{LITERAL("access-control-allow-credentials")}, {LITERAL("Access-Control-Allow-Credentials")}},
        {{LITERAL("access-control-allow-methods")}, {LITERAL("Access-Control-Allow-Methods")}},
        {{LITERAL("access-control-allow-headers")}, {LITERAL("Access-Control-Allow-Headers")}},
        {{LITERAL("access-control-expose-headers")}, {LITERAL("Access-Control-Expose-Headers")}},
        {{LITERAL("access-control-max-age")}, {LITERAL("Access-Control-Max-Age")}},
    };

    for (size_t i = 0; name[0] != 'x' && i < sizeof(capitals) / sizeof(capitals[0]); i++)
        if (capitals[i].name.len == length && memcmp(capitals[i].name.base, name, length) == 0)
            return capitals[i].spelling;
    return slice_of(NULL, 0);
}

void s3_answer_header(struct s3_request *request, const char *name, const char *value, size_t length)
{
    struct arena *arena = &request->http->arena;
    struct http_headers *headers = &request->http->answer.headers;
    size_t name_length = strlen(name);
    struct slice spelling = spelling_of(name, name_length);
    size_t copied = spelling.base == NULL ? name_length : 0;
    char *text = arena_alloc(arena, copied + length + 1); /* the name, if it is copied, then the value */

    for (size_t i = 0; i < copied; i++)
        text[i] = slice_lower(name[i]);
    if (length != 0)
        memcpy(text + copied, value, length);
    http_headers_reserve(arena, headers, HEADERS_USUAL);
    http_headers_add(arena, headers, copied != 0 ? slice_of(text, copied) : spelling,
                     slice_of(text + copied, length));
}

/* ---- Without a document ---- */

void s3_answer_empty(struct s3_request *request, int status)
{
    set_status(request, status);
    status = request->http->answer.status; /* a door may have another word for it */
    if (request->method == S3_HEAD || status == 204 || status == 304)
        http_send_head(request->http, UINT64_MAX);
    else
        http_send_memory(request->http, "", 0);
}

void s3_answer_xml(struct s3_request *request, int status, struct s3_xml *xml)
{
    set_status(request, status);
    if (request->http->answer.status == 204) { /* a door's word for it */
        http_send_head(request->http, UINT64_MAX);
        return;
    }
    s3_answer_header(request, "content-type", LITERAL("application/xml"));
    http_send_memory(request->http, xml->data, xml->length);
}

/* ---- Errors ---- */

/* Those of the error's row, and no others. */
static void write_elements(struct s3_request *request, struct s3_xml *xml, enum s3_error error)
{
    for (const struct s3_element_use *use = s3_error_elements(error); use->element != S3_ELEMENT_NONE;
         use++) {
        enum s3_element element = use->element;
        struct slice value = slice_of(NULL, 0);

        if (request->elements != NULL)
            value = request->elements[element];
        if (value.base == NULL)
            value = s3_error_known(request, error, element);
        if (value.base != NULL)
            s3_xml_text(xml, s3_element_name(element), value.base, value.len);
        else if (!use->may_miss)
            s3_service_report(request->service, "an answer of %s lacks its %s (request %s)",
                              s3_error_code(error), s3_element_name(element), request->request_id);
    }
}

/* botocore that gets a final answer where it waited for 100 Continue reads the answers to later uploads on that connection
 * wrongly, and hangs (seen in 1.29 to 1.43: AWSConnection keeps the replaced response class). It opens a new connection when
 * told to; everybody else keeps the one there is. */
static bool is_confused_by_refusal(struct s3_request *request)
{
    return http_body_is_expected(request->http) && s3_request_is_from(request, "otocore/");
}

void s3_answer_error_message(struct s3_request *request, enum s3_error error, const char *message)
{
    enum s3_error told;
    struct s3_xml xml;
    int status;

    if (s3_error_status(error) == 503)
        s3_answer_header(request, "retry-after", LITERAL("1"));
    if (request->door != NULL && request->door->on_error(request, error, message))
        return;
    told = s3_verify_web_challenge(request, error);
    if (told != error && strcmp(message, s3_error_message(error)) == 0)
        message = s3_error_message(told);
    error = told;
    status = s3_error_status(error);
    if (is_confused_by_refusal(request))
        http_request_close_after(request->http);
    if (request->method == S3_HEAD || status == 304) {
        s3_answer_empty(request, status);
        return;
    }
    s3_xml_init(&xml, &request->http->arena);
    s3_xml_open(&xml, "Error");
    s3_xml_string(&xml, "Code", s3_error_code(error));
    s3_xml_string(&xml, "Message", message);
    write_elements(request, &xml, error);
    s3_xml_string(&xml, "RequestId", request->request_id);
    s3_xml_string(&xml, "HostId", s3_service_host_id(request->service));
    s3_xml_close(&xml, "Error");
    s3_answer_xml(request, status, &xml);
}

void s3_answer_error(struct s3_request *request, enum s3_error error)
{
    bool is_explained = request->explanation != NULL && request->explained == error;

    s3_answer_error_message(request, error, is_explained ? request->explanation : s3_error_message(error));
}

void s3_answer_result(struct s3_request *request, int result)
{
    enum s3_error error = s3_error_of_result(result);

    if (error == S3_ERROR_INTERNAL_ERROR) {
        struct slice trace = http_request_trace(request->http);

        s3_service_report(request->service, "request %s (%s) failed: %s (%d)%s%.*s", request->request_id,
                          request->operation != NULL ? request->operation->name : "no operation",
                          meta_strerror(result), result, trace.len > 0 ? ", traceparent " : "",
                          (int)trace.len, trace.len > 0 ? trace.base : "");
    }
    s3_answer_error(request, error);
}
