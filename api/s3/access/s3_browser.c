/* SPDX-License-Identifier: MIT
 *
 * See s3_browser.h. A request without these headers is no browser's: programs on this machine may do everything here. */
#include "api/s3/access/s3_browser.h"

#include <netinet/in.h>
#include <string.h>

#include "api/s3/auth/s3_credentials.h"
#include "api/s3/web_auth/s3_verify_certificate.h"
#include "api/s3/web_auth/s3_verify_web.h"
#include "api/s3/access/s3_person.h"
#include "api/s3/service/s3_service.h"
#include "storage/base/loopback.h"
#include "storage/base/slice.h"

static bool is_open(const struct s3_request *request)
{
    return s3_credentials_is_open(request->credentials);
}

/* ---- Under which name ---- */

static bool is_loopback_literal(struct slice host)
{
    char text[INET6_ADDRSTRLEN];
    bool is_v6 = host.len >= 2 && host.base[0] == '[' && host.base[host.len - 1] == ']';

    if (slice_equals(host, SLICE("127.0.0.1")))
        return true; /* what nearly all say who come here at all: each request is judged */
    if (is_v6)
        host = slice_of(host.base + 1, host.len - 2);
    if (host.len >= sizeof(text))
        return false;
    (void)slice_copy(text, host);
    text[host.len] = '\0';
    return is_v6 == (strchr(text, ':') != NULL) && loopback_is_address(text);
}

/* RFC 6761 6.3: "localhost" and all below it are this machine, whatever a name server says; browsers look no further. */
static bool is_localhost(struct slice host)
{
    static const char name[] = "localhost";
    const size_t length = sizeof(name) - 1;

    if (host.len > 0 && host.base[host.len - 1] == '.')
        host.len--;
    if (host.len < length || !slice_is_nocase(slice_of(host.base + host.len - length, length), name))
        return false;
    return host.len == length || host.base[host.len - length - 1] == '.';
}

bool s3_browser_has_own_name(struct s3_request *request)
{
    struct slice host = s3_request_host(request);

    return host.len == 0 || is_loopback_literal(host) || is_localhost(host) ||
           s3_request_host_is_configured(request);
}

/* ---- From which page ---- */

/* Whether the page came from this server: the same name and port. Not the same scheme: a front end may have taken the TLS off, and
 * one port speaks one of the two. Browsers write both in lower case. */
static bool is_own_origin(const struct s3_request *request, struct slice origin)
{
    static const char *const schemes[] = {"http://", "https://"};
    struct slice host = s3_request_header(request, "host");

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t length = strlen(schemes[i]);

        if (host.len > 0 && origin.len == length + host.len && slice_has_prefix_nocase(origin, schemes[i]) &&
            slice_equals(slice_of(origin.base + length, host.len), host))
            return true;
    }
    return false;
}

/* A browser sends what somebody once typed into its dialogue with all that it sends here, whichever page has it do so; and its certificate goes
 * with the connection. */
static bool is_lent(const struct s3_request *request)
{
    return !is_open(request) && !s3_person_is_at_page(request) && /* where neither counts */
           (s3_verify_web_scheme(request) == S3_WEB_BASIC || s3_verify_certificate_has(request));
}

/* A page that anybody could store here has this server's own origin: neither may its scripts and forms ask in the name of who looks at it. What
 * they open in a window or a frame is none of theirs, as all answers to such requests are sandboxed (s3_verify_web.c). */
static bool is_by_page(const struct s3_request *request)
{
    struct slice mode = s3_request_header(request, "sec-fetch-mode");
    bool is_browsers = mode.base != NULL || s3_request_header(request, "origin").base != NULL;
    bool reads = request->method == S3_GET || request->method == S3_HEAD;

    return (is_browsers && !reads) || (mode.base != NULL && !slice_is_nocase(mode, "navigate"));
}

bool s3_browser_is_from_elsewhere(const struct s3_request *request)
{
    struct slice origin = s3_request_header(request, "origin");

    if (origin.base != NULL)
        return !is_own_origin(request, origin);
    return slice_is_nocase(s3_request_header(request, "sec-fetch-site"), "cross-site");
}

enum s3_error s3_browser_judge(struct s3_request *request, bool allowed)
{
    const char *message = NULL;

    if (is_lent(request)) {
        if (request->method != S3_OPTIONS && !allowed &&
            (s3_browser_is_from_elsewhere(request) || is_by_page(request)))
            message = "Pages need a CORS rule of the bucket to ask with the Basic credentials or the "
                      "certificate of a browser.";
    } else if (!is_open(request))
        return S3_ERROR_NONE;
    else if (!s3_service_takes_any_host(request->service) && !s3_browser_has_own_name(request))
        message =
            "This server has no keys, so it answers to the names of this machine and to its domains only.";
    else if (request->method != S3_OPTIONS && !allowed && s3_browser_is_from_elsewhere(request))
        message = "This server has no keys, so pages of other origins need a CORS rule of the bucket.";
    if (message == NULL)
        return S3_ERROR_NONE;
    s3_request_explain(request, S3_ERROR_ACCESS_DENIED, message);
    return S3_ERROR_ACCESS_DENIED;
}

/* ---- What it gets ---- */

void s3_browser_answer(struct s3_request *request)
{
    if (request->door != NULL && request->door->is_website)
        return; /* at a host of its own */
    if (is_open(request))
        s3_browser_confine(request);
    else if (s3_person_may_see(request)) {
        s3_answer_header(request, "x-content-type-options", "nosniff", 7);
        s3_answer_header(request, "content-security-policy", LITERAL("sandbox allow-scripts"));
    }
}

void s3_browser_confine(struct s3_request *request)
{
    s3_answer_header(request, "x-content-type-options", "nosniff", 7);
    s3_answer_header(request, "content-security-policy", "sandbox", 7);
}
