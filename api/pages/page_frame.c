/* SPDX-License-Identifier: MIT
 *
 * What all pages have around them: head, way to here, foot, and the headers that keep them apart from everything that is stored. */
#include <stdio.h>
#include <string.h>

#include "api/pages/page.h"
#include "api/s3/auth/s3_credentials.h"

/* Nothing is loaded from elsewhere, no script stands in a page, and no page of anybody else's has one of these in a frame. The referrer stays here: a key
 * is in the path. Reports stand in frames, without an origin. */
#define POLICY                                                                                               \
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; media-src 'self'; "      \
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

static void add_headers(struct s3_request *request)
{
    page_header(request, "content-type", "text/html; charset=utf-8");
    page_header(request, "cache-control", "no-store");
    page_header(request, "content-security-policy", POLICY);
    page_header(request, "x-content-type-options", "nosniff");
    page_header(request, "referrer-policy", "same-origin");
    page_header(request, "cross-origin-opener-policy", "same-origin");
    page_header(request, "cross-origin-resource-policy", "same-origin");
}

/* ---- The head ---- */

/* Each folder on the way, as a link to it; the last is where one is. */
static void write_way(struct page_call *call, struct page_html *html, const char *title)
{
    struct slice key = call->key;
    size_t from = 0;

    PAGE(html, "<nav aria-label=\"Breadcrumb\"><ol class=way><li><a href=\"/-/ui/\">Buckets</a>");
    if (call->bucket.len == 0 && title != NULL && strcmp(title, "Buckets") != 0) {
        PAGE(html, "<li><span aria-current=page>");
        page_html_string(html, title);
        PAGE(html, "</span>");
    }
    if (call->bucket.len > 0) {
        PAGE(html, "<li><a href=\"");
        page_html_link(html, "b", call->bucket, SLICE(""));
        PAGE(html, "\">");
        page_html_text(html, call->bucket);
        PAGE(html, "</a>");
    }
    for (size_t i = 0; call->bucket.len > 0 && i < key.len; i++) {
        if (key.base[i] != '/' && i + 1 < key.len)
            continue;
        PAGE(html, "<li>");
        if (key.base[i] == '/') {
            PAGE(html, "<a href=\"");
            page_html_link(html, "b", call->bucket, slice_of(key.base, i + 1));
            PAGE(html, "\">");
            page_html_text(html, i > from ? slice_of(key.base + from, i - from) : SLICE("/"));
            PAGE(html, "</a>");
        } else {
            PAGE(html, "<span aria-current=page>");
            page_html_text(html, slice_of(key.base + from, i + 1 - from));
            PAGE(html, "</span>");
        }
        from = i + 1;
    }
    PAGE(html, "</ol></nav>");
}

static void write_who(struct page_call *call, struct page_html *html)
{
    struct s3_request *request = call->request;

    PAGE(html, "<div class=who>");
    if (call->has_session) {
        PAGE(html, "<form method=post action=\"/-/ui/sign-out\"><input type=hidden name=csrf value=\"");
        page_html_string(html, call->csrf);
        PAGE(html, "\"><span class=key title=\"Signed in with this key\">");
        page_html_text(html, slice_of(call->session.claim.name, call->session.claim.name_length));
        PAGE(html, "</span> <button>Sign out</button></form>");
    } else if (!s3_credentials_is_open(request->credentials)) {
        PAGE(html, "<a class=button href=\"/-/ui/sign-in");
        if (call->bucket.len > 0) {
            struct page_html next = {.arena = html->arena};
            bool has_query = false;

            page_html_link(&next, "b", call->bucket, SLICE(""));
            page_html_parameter(html, &has_query, "next", slice_of(next.data, next.length));
        }
        PAGE(html, "\">Sign in</a>");
    } else
        PAGE(html, "<span class=key title=\"Whoever reaches this server may do everything\">No keys</span>");
    PAGE(html, "</div>");
}

static void write_title(struct page_call *call, struct page_html *html, const char *title)
{
    PAGE(html, "<title>");
    if (title != NULL)
        page_html_string(html, title);
    else {
        page_html_text(html, call->bucket);
        PAGE(html, "/");
        page_html_text(html, call->key);
    }
    PAGE(html, " \xc2\xb7 Sluice</title>");
}

void page_begin(struct page_call *call, struct page_html *html, const char *title)
{
    *html = (struct page_html){.arena = &call->request->http->arena};
    PAGE(html, "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>"
               "<meta name=viewport content=\"width=device-width,initial-scale=1\">"
               "<meta name=color-scheme content=\"light dark\">");
    write_title(call, html, title);
    PAGE(html, "<link rel=icon href=\"");
    page_html_string(html, page_file_path("icon.svg"));
    PAGE(html, "\"><link rel=stylesheet href=\"");
    page_html_string(html, page_file_path("pages.css"));
    PAGE(html, "\"><script defer src=\"");
    page_html_string(html, page_file_path("pages.js"));
    PAGE(html, "\"></script></head><body");
    if (call->csrf != NULL) {
        PAGE(html, " data-csrf=\"");
        page_html_string(html, call->csrf);
        PAGE(html, "\"");
    }
    PAGE(html,
         "><a class=skip href=\"#main\">Skip to content</a><header class=top><a class=logo href=\"/-/ui/\">"
         "<img src=\"");
    page_html_string(html, page_file_path("icon.svg"));
    PAGE(html, "\" alt=\"\" width=24 height=24>Sluice</a>");
    write_who(call, html);
    PAGE(html, "</header>");
    write_way(call, html, title);
    PAGE(html, "<main id=main tabindex=-1>");
}

void page_end(struct page_call *call, struct page_html *html, int status)
{
    struct s3_request *request = call->request;

    PAGE(html, "</main></body></html>\n");
    request->http->answer.status = status;
    request->http->answer.reason = NULL;
    add_headers(request);
    http_send_memory(request->http, html->data, html->length);
}

/* ---- What goes wrong ---- */

static bool helps_to_sign_in(const struct page_call *call, int status)
{
    return (status == 403 || status == 401) && !call->has_session &&
           !s3_credentials_is_open(call->request->credentials);
}

static void answer_problem(struct page_call *call, int status, const char *message)
{
    struct page_html html;
    bool helps = helps_to_sign_in(call, status);

    page_begin(call, &html, helps ? "Sign in" : "Not shown");
    if (helps)
        page_sign_in_form(call, &html, call->request->http->path, NULL);
    else {
        PAGE(&html, "<section class=empty><h1>");
        page_html_string(&html, status == 404   ? "Nothing is here"
                                : status == 403 ? "This key may not see this"
                                                : "That did not work");
        PAGE(&html, "</h1><p>");
        page_html_string(&html, message);
        PAGE(&html, "</p><p><a class=button href=\"/-/ui/\">All buckets</a></p></section>");
    }
    page_end(call, &html, status);
}

bool page_error(struct s3_request *request, enum s3_error error, const char *message)
{
    answer_problem(page_call_of(request), s3_error_status(error), message);
    return true;
}

enum s3_door_way page_refuse(struct page_call *call, int status, const char *message)
{
    answer_problem(call, status, message);
    return S3_DOOR_ANSWERED;
}

enum s3_door_way page_redirect(struct page_call *call, int status, struct slice path)
{
    struct s3_request *request = call->request;

    s3_answer_header(request, "location", path.base, path.len);
    page_header(request, "cache-control", "no-store");
    page_header(request, "referrer-policy", "same-origin");
    request->http->answer.status = status;
    http_send_memory(request->http, "", 0);
    return S3_DOOR_ANSWERED;
}

static bool header_is(const struct s3_request *request, const char *name, const char *value)
{
    return slice_is_nocase(s3_request_header(request, name), value);
}

bool page_ask_again(struct page_call *call)
{
    struct s3_request *request = call->request;
    struct page_html html = {.arena = &request->http->arena};

    if (call->has_session || request->method != S3_GET || s3_credentials_is_open(request->credentials) ||
        !header_is(request, "sec-fetch-site", "cross-site") ||
        !header_is(request, "sec-fetch-mode", "navigate") ||
        !header_is(request, "sec-fetch-dest", "document"))
        return false;
    PAGE(&html,
         "<!DOCTYPE html>\n<html lang=en><meta charset=utf-8><title>Sluice</title><meta http-equiv=refresh "
         "content=\"0; url=");
    page_html_text(&html, request->http->path);
    PAGE(&html, "\">\n");
    request->http->answer.status = 200;
    add_headers(request);
    http_send_memory(request->http, html.data, html.length);
    return true;
}
