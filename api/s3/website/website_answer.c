/* SPDX-License-Identifier: MIT
 *
 * Answers of the endpoint of websites that are no objects: redirects, and errors as pages for people. Nothing in a page is a client's word as it came:
 * texts are escaped, and no script could run in it. Worker's thread. */
#include "api/s3/website/website.h"

#include <stdio.h>
#include <string.h>

#include "api/s3/error/s3_error_known.h"
#include "api/s3/s3_operation.h"
#include "api/s3/service/s3_service.h"
#include "storage/base/slice.h"

void website_forget_headers(struct website *website)
{
    website->request->http->answer.headers.size = website->headers;
}

static void send_page(struct s3_request *request, unsigned status, struct s3_xml *page)
{
    request->http->answer.status = (int)status;
    request->http->answer.reason = NULL;
    s3_answer_header_string(request, "content-type", "text/html; charset=utf-8");
    if (request->method == S3_HEAD)
        http_send_head(request->http, page->length);
    else
        http_send_memory(request->http, page->data, page->length);
}

static void open_page(struct s3_xml *page, struct s3_request *request, unsigned status)
{
    char title[80];

    (void)snprintf(title, sizeof(title), "%u %s", status, http_status_reason((int)status));
    s3_xml_init_rest(page, &request->http->arena);
    s3_xml_plain(page, LITERAL("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\">"));
    s3_xml_string(page, "title", title);
    s3_xml_plain(page, LITERAL("</head>\n<body>\n"));
    s3_xml_string(page, "h1", title);
}

static void close_page(struct s3_xml *page)
{
    s3_xml_plain(page, LITERAL("\n</body></html>\n"));
}

/* ---- Redirects ---- */

void website_redirect(struct website *website, unsigned status, struct slice location)
{
    struct s3_request *request = website->request;
    struct s3_xml page;

    website_forget_headers(website);
    if (location.base == NULL) {
        website_answer_page(website, S3_ERROR_INTERNAL_ERROR, s3_error_message(S3_ERROR_INTERNAL_ERROR));
        return;
    }
    s3_answer_header(request, "location", location.base, location.len);
    open_page(&page, request, status);
    s3_xml_plain(&page, LITERAL("<p><a href=\""));
    s3_xml_characters(&page, location.base, location.len);
    s3_xml_plain(&page, LITERAL("\">"));
    s3_xml_characters(&page, location.base, location.len);
    s3_xml_plain(&page, LITERAL("</a></p>"));
    close_page(&page);
    send_page(request, status, &page);
}

/* ---- Errors ---- */

static void add_item(struct s3_xml *page, const char *name, struct slice value)
{
    s3_xml_plain(page, LITERAL("<li>"));
    s3_xml_characters(page, name, strlen(name));
    s3_xml_plain(page, LITERAL(": "));
    s3_xml_characters(page, value.base, value.len);
    s3_xml_plain(page, LITERAL("</li>\n"));
}

/* What S3 tells of the error in a document. */
static void add_elements(struct s3_xml *page, struct s3_request *request, enum s3_error error)
{
    for (const struct s3_element_use *use = s3_error_elements(error); use->element != S3_ELEMENT_NONE;
         use++) {
        struct slice value = request->elements != NULL ? request->elements[use->element] : slice_of(NULL, 0);

        if (value.base == NULL)
            value = s3_error_known(request, error, use->element);
        if (value.base != NULL)
            add_item(page, s3_element_name(use->element), value);
    }
}

/* The error that there is no error document for, S3 tells below the first. */
static void add_failed_document(struct s3_xml *page, enum s3_error error, const char *message,
                                struct slice key)
{
    s3_xml_plain(
        page,
        LITERAL("<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n<ul>\n"));
    add_item(page, "Code", slice_text(s3_error_code(error)));
    add_item(page, "Message", slice_text(message));
    add_item(page, "Key", key);
    s3_xml_plain(page, LITERAL("</ul>"));
}

void website_answer_page(struct website *website, enum s3_error error, const char *message)
{
    struct s3_request *request = website->request;
    enum s3_error first = website->is_error_document ? website->error : error;
    const char *first_message = website->is_error_document ? website->message : message;
    struct slice key = request->key;
    struct s3_xml page;

    website_forget_headers(website);
    s3_answer_header_string(request, "x-amz-error-code", s3_error_code(first));
    s3_answer_header_string(request, "x-amz-error-message", first_message);
    s3_answer_header_string(request, "x-content-type-options", "nosniff");
    open_page(&page, request, (unsigned)s3_error_status(first));
    s3_xml_plain(&page, LITERAL("\n<ul>\n"));
    add_item(&page, "Code", slice_text(s3_error_code(first)));
    add_item(&page, "Message", slice_text(first_message));
    if (website->is_error_document)
        request->key = website->asked;
    add_elements(&page, request, first);
    add_item(&page, "RequestId", slice_text(request->request_id));
    add_item(&page, "HostId", slice_text(s3_service_host_id(request->service)));
    s3_xml_plain(&page, LITERAL("</ul>"));
    if (website->is_error_document)
        add_failed_document(&page, error, message, key);
    close_page(&page);
    send_page(request, (unsigned)s3_error_status(first), &page);
}
