/* SPDX-License-Identifier: MIT
 *
 * Who asks, and signing in and out. A key is shown here as by Basic, and judged as there: over HTTPS or on this machine (web_auth/s3_verify_web.h), and so
 * many wrong ones of an address. */
#include <stdio.h>
#include <string.h>

#include "api/pages/page.h"
#include "api/pages/page_form.h"
#include "api/s3/access/s3_browser.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/auth/s3_hash.h"
#include "api/s3/auth/s3_sigv4.h"
#include "api/s3/service/s3_service.h"
#include "api/s3/web_auth/s3_verify_web.h"
#include "storage/base/text/base64.h"
#include "storage/base/clock.h"
#include "storage/base/text/hex.h"

static uint64_t now_s(void)
{
    return clock_monotonic_ms() / 1000;
}

/* ---- Knowing ---- */

/* Where there are no keys nobody signs in, and yet the calls of these pages are to be told from those of others: by a text that only they are given. */
static const char *open_csrf(struct page_call *call)
{
    static const char label[] = "pages of a server without keys";
    unsigned char mac[32];
    char *text = s3_request_alloc(call->request, PAGE_CSRF_TEXT_BYTES + 1);

    s3_hmac_sha256(call->pages->secret, sizeof(call->pages->secret), label, sizeof(label), mac);
    hex_encode(mac, PAGE_CSRF_TEXT_BYTES / 2, text);
    return text;
}

static void take_session(struct page_call *call)
{
    const struct s3_web_claim *claim = &call->session.claim;

    call->identity = s3_credentials_find_shown(call->request->credentials,
                                               slice_of(claim->name, claim->name_length), claim->digest);
    if (call->identity == NULL) { /* its key is gone, or has another secret */
        page_session_end(call->pages->sessions, &call->session);
        return;
    }
    call->has_session = true;
    call->csrf = call->session.csrf;
}

void page_know(struct page_call *call)
{
    struct s3_request *request = call->request;
    struct slice cookie = page_cookie_find(s3_request_header(request, "cookie"), PAGE_SESSION_COOKIE);

    if (s3_credentials_is_open(request->credentials))
        call->csrf = open_csrf(call);
    else if (cookie.base != NULL && s3_verify_web_may_show(request) &&
             page_session_find(call->pages->sessions, cookie, now_s(), &call->session))
        take_session(call);
    if (call->identity != NULL)
        s3_request_identify(request, call->identity);
}

bool page_csrf_is_shown(const struct page_call *call, struct slice token)
{
    unsigned char shown[32], wanted[32];

    if (call->csrf == NULL || token.len != PAGE_CSRF_TEXT_BYTES ||
        s3_browser_is_from_elsewhere(call->request))
        return false;
    s3_sha256(token.base, token.len, shown); /* so that a comparison takes the same time */
    s3_sha256(call->csrf, PAGE_CSRF_TEXT_BYTES, wanted);
    return s3_sigv4_is_equal(shown, wanted);
}

/* ---- Cookies ---- */

/* Whether the browser's own connection is secure, be it to a proxy that says nothing: its own word in Origin, that a page cannot set. */
static bool is_secure(const struct s3_request *request)
{
    return http_request_is_https(request->http) ||
           slice_has_prefix(s3_request_header(request, "origin"), "https://");
}

static void set_cookie(struct s3_request *request, const char *value, unsigned max_age_s)
{
    char text[192];
    int length = snprintf(text, sizeof(text),
                          PAGE_SESSION_COOKIE "=%s; Path=/-/ui/; Max-Age=%u; HttpOnly; SameSite=Strict%s",
                          value, max_age_s, is_secure(request) ? "; Secure" : "");

    s3_answer_header(request, "set-cookie", text, (size_t)length);
}

/* ---- Signing in ---- */

static enum s3_door_way answer_form(struct page_call *call, int status, struct slice next,
                                    const char *problem)
{
    struct page_html html;

    page_begin(call, &html, "Sign in");
    page_sign_in_form(call, &html, next, problem);
    page_end(call, &html, status);
    return S3_DOOR_ANSWERED;
}

/* As if it came in Authorization, so that it has the same bounds. */
static bool read_claim(struct page_call *call, const struct page_form *form, struct s3_web_claim *claim)
{
    struct arena *arena = &call->request->http->arena;
    struct slice pair =
        arena_concat(arena, page_form_value(form, "key"), SLICE(":"), page_form_value(form, "secret"));
    char *text = arena_alloc(arena, BASE64_ENCODED_BYTES(pair.len) + 1);
    size_t length = base64_encode(pair.base, pair.len, text);

    return s3_web_read(arena_concat(arena, SLICE("Basic "), slice_of(text, length)), claim);
}

static void begin_session(struct page_call *call, const struct s3_web_claim *claim, struct slice next)
{
    char text[PAGE_SESSION_TEXT_BYTES + 1];

    if (!page_session_begin(call->pages->sessions, claim, now_s(), text)) {
        page_refuse(call, 500, "The server has no random numbers to make a session of.");
        return;
    }
    set_cookie(call->request, text, PAGES_SESSION_S);
    explicit_bzero(text, sizeof(text));
    page_redirect(call, 303, page_next_is_own(next) ? next : SLICE("/-/ui/"));
}

static void on_form(void *ctx, int result, struct slice body)
{
    struct page_call *call = ctx;
    struct s3_request *request = call->request;
    struct page_form form;
    struct s3_web_claim claim;
    struct slice next;
    enum s3_error error;

    if (result != 0 || !page_form_read(&form, &request->http->arena, body)) {
        page_refuse(call, 400, "The form could not be read.");
        return;
    }
    next = page_form_value(&form, "next");
    error =
        read_claim(call, &form, &claim) ? s3_verify_web_claim(request, &claim) : S3_ERROR_WRONG_CREDENTIALS;
    if (error == S3_ERROR_NONE)
        begin_session(call, &claim, next);
    else
        (void)answer_form(call, s3_error_status(error) == 401 ? 403 : s3_error_status(error), next,
                          error == S3_ERROR_WRONG_CREDENTIALS ? "That key and secret do not go together."
                                                              : s3_error_message(error));
}

static enum s3_door_way collect(struct page_call *call, void (*done)(void *, int, struct slice))
{
    if (s3_browser_is_from_elsewhere(call->request))
        return page_refuse(call, 403, "The form is of another site's page.");
    http_body_collect(call->request->http, NULL, PAGES_FORM_BYTES_MAX, done, call);
    return S3_DOOR_ANSWERED;
}

enum s3_door_way page_sign_in(struct page_call *call)
{
    struct s3_request *request = call->request;

    if (s3_credentials_is_open(request->credentials) || call->has_session)
        return page_redirect(call, 303, SLICE("/-/ui/"));
    if (request->method != S3_POST)
        return answer_form(call, 200, page_parameter(call, "next"), NULL);
    if (!s3_verify_web_may_show(request))
        return answer_form(call, 403, slice_of(NULL, 0), NULL);
    return collect(call, on_form);
}

/* ---- Signing out ---- */

static void on_leave(void *ctx, int result, struct slice body)
{
    struct page_call *call = ctx;
    struct page_form form;

    if (result != 0 || !page_form_read(&form, &call->request->http->arena, body) ||
        !page_csrf_is_shown(call, page_form_value(&form, "csrf"))) {
        page_refuse(call, 403, "The form is not of this session's page.");
        return;
    }
    page_session_end(call->pages->sessions, &call->session);
    set_cookie(call->request, "", 0);
    page_redirect(call, 303, SLICE("/-/ui/"));
}

enum s3_door_way page_sign_out(struct page_call *call)
{
    if (!call->has_session || call->request->method != S3_POST)
        return page_redirect(call, 303, SLICE("/-/ui/"));
    return collect(call, on_leave);
}
