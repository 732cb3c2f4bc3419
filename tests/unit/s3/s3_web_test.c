/* SPDX-License-Identifier: MIT
 *
 * Who shows a secret: how Authorization is read, whom it lets in and where, who is invited to do so, and how often one may be
 * wrong. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "api/s3/access/s3_browser.h"
#include "api/s3/web_auth/s3_attempts.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/auth/s3_sigv4.h"
#include "storage/base/text/base64.h"
#include "tests/unit/s3/s3_fixture.h"

#define KEY    "AKIAEXAMPLE"
#define SECRET "s3cr3t:/+key"

static const struct s3_service_options closed = {.access_key = KEY, .secret_key = SECRET};

/* ---- Reading ---- */

static bool reads(const char *authorization, const char *name, const char *secret)
{
    struct s3_web_claim claim;
    unsigned char digest[32];

    if (!s3_web_read(slice_text(authorization), &claim))
        return false;
    s3_sha256(secret, strlen(secret), digest);
    assert_memory_equal(claim.digest, digest, 32);
    assert_int_equal(claim.name_length, strlen(name));
    assert_memory_equal(claim.name, name, claim.name_length);
    assert_int_equal(claim.scheme, *name != '\0' ? S3_WEB_BASIC : S3_WEB_BEARER);
    assert_int_equal(s3_web_scheme_of(slice_text(authorization)), claim.scheme);
    return true;
}

/* Some clients want a JSON Web Token to look into. Nothing that it claims means anything. */
static void test_wrapped(void **state)
{
    assert_true(reads("Bearer e30.eyJzY3AiOiJ4In0.secret", "", "secret"));
    assert_true(reads("Bearer  e30..secret", "", "secret"));
    assert_true(reads("Bearer e30.a.b.secret", "", "secret"));
    assert_true(reads("Bearer e30.secret", "", "e30.secret"));
    assert_true(reads("Bearer e31.a.secret", "", "e31.a.secret"));
    assert_true(reads("Bearer xe30.a.secret", "", "xe30.a.secret"));
    assert_true(s3_web_is_wrapped(slice_text("Bearer e30.a.b")));
    assert_false(s3_web_is_wrapped(slice_text("Bearer e30.b")));
    assert_false(s3_web_is_wrapped(slice_text("Bearer eyJhbGciOiJSUzI1NiJ9.a.b")));
    assert_false(s3_web_is_wrapped(slice_text("Basic e30.a.b")));
    assert_false(reads("Bearer e30.a.", "", ""));
    assert_false(reads("Bearer e30.a b.secret", "", "secret"));
}

static void test_read(void **state)
{
    static const char *const bad[] = {
        "",
        "Basic",
        "Basic ",
        "Basic dTpw=",
        "Basic dTp",
        "Basic dTp!",
        "Basic dQ==",
        "Basic dTo=",
        "Basic OnA=",
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "Bearer a\tb",
        "Bearer a\x01",
        "Bear a",
        "Basic dTpw dTpw",
        "BasicdTpw",
        "Basic\tdTpw",
        "Digest x",
        "AWS4-HMAC-SHA256",
    };

    assert_true(reads("Basic dTpw", "u", "p"));
    assert_true(reads("bAsIc  dTpw ", "u", "p"));
    assert_true(reads("Basic dTpwOnA=", "u", "p:p"));
    assert_true(reads("Bearer a.b-c_d~e+f/g==", "", "a.b-c_d~e+f/g=="));
    assert_true(reads("BEARER \xc3\xa4", "", "\xc3\xa4"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(reads(bad[i], "", ""));
}

static const char *basic(const char *name, const char *secret)
{
    static char text[1024];
    char pair[512];
    int length = snprintf(pair, sizeof(pair), "%s:%s", name, secret);

    strcpy(text, "Basic ");
    base64_encode(pair, (size_t)length, text + strlen(text));
    return text;
}

/* As long as they can be, and no longer. */
static void test_read_long(void **state)
{
    char name[131], secret[131], bearer[160];

    for (int more = 0; more < 2; more++) {
        snprintf(name, sizeof(name), "%0*d", 128 + more, 1);
        snprintf(secret, sizeof(secret), "%0*d", 128 + more, 2);
        snprintf(bearer, sizeof(bearer), "Bearer %s", secret);
        assert_int_equal(reads(bearer, "", secret), more == 0);
        assert_int_equal(reads(basic(name, "p"), name, "p"), more == 0);
        assert_int_equal(reads(basic("u", secret), "u", secret), more == 0);
    }
    snprintf(name, sizeof(name), "%0128d", 1);
    snprintf(secret, sizeof(secret), "%0128d", 2);
    assert_true(reads(basic(name, secret), name, secret));
}

/* ---- Who is let in ---- */

static void request(const char *authorization)
{
    fixture_request("GET", "/bucket/key");
    if (authorization != NULL)
        fixture_header("authorization", authorization);
}

static void check_let_in(enum s3_web_scheme scheme)
{
    fixture_serve();
    assert_non_null(fixture.dispatched);
    assert_non_null(fixture.dispatched->identity);
    assert_int_equal(strlen(fixture.dispatched->owner_id), 64);
    assert_int_equal(fixture.dispatched->web, scheme);
    assert_false(fixture.dispatched->is_signed);
    assert_false(fixture.dispatched->is_presigned);
}

static void check_invited(const char *what)
{
    assert_string_equal(fixture_answer_header("WWW-Authenticate"),
                        "Basic realm=\"sluice\", charset=\"UTF-8\"");
    assert_non_null(strstr(fixture.body, what));
    assert_null(strstr(fixture.body, "s3cr3t"));
    assert_null(strstr(fixture.body, "czNjcjN0")); /* that in base64 */
}

static void test_basic(void **state)
{
    fixture_begin(&closed);
    request(basic(KEY, SECRET));
    check_let_in(S3_WEB_BASIC);
    request(basic(KEY, "s3cr3t:/+kez"));
    fixture_check_error(401, "AccessDenied");
    check_invited("nobody's credentials");
    request(basic("AKIAEXAMPLf", SECRET));
    fixture_check_error(401, "AccessDenied");
    request("Basic czNjcjN0!");
    fixture_check_error(401, "AccessDenied");
    check_invited("nobody's credentials");
    request("Bearer " SECRET); /* of a key, which takes its name */
    fixture_check_error(401, "AccessDenied");
    fixture_end();
}

/* Two ways at once say different things. */
static void test_beside_others(void **state)
{
    fixture_begin(&closed);
    fixture_request("GET", "/bucket/key?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00");
    fixture_header("authorization", basic(KEY, SECRET));
    fixture_check_error(400, "InvalidArgument");
    assert_null(strstr(fixture.body, "Basic"));
    request(basic(KEY, SECRET));
    fixture_header("x-amz-security-token", "t");
    fixture_check_error(400, "InvalidToken");
    fixture_end();
}

static void test_switched_off(void **state)
{
    struct s3_service_options options = closed;

    options.refuses_web = true;
    fixture_begin(&options);
    request(basic(KEY, SECRET));
    fixture_check_error(400, "InvalidArgument");
    assert_null(strstr(fixture.body, "Basic"));
    request(NULL);
    fixture_serve();
    s3_answer_error(fixture.dispatched, S3_ERROR_ACCESS_DENIED);
    assert_int_equal(fixture.status, 403);
    assert_null(fixture_answer_header("WWW-Authenticate"));
    fixture_end();
}

/* A secret that others can read is not looked at, and nobody is invited to send one. */
static void test_readable_way(void **state)
{
    struct s3_service_options options = closed;

    for (unsigned allowed = 0; allowed < 2; allowed++) {
        options.web_plain_http = allowed;
        fixture_begin(&options);
        fixture.is_readable = true;
        request(basic(KEY, SECRET));
        if (allowed)
            check_let_in(S3_WEB_BASIC);
        else
            fixture_check_error(400, "InvalidRequest");
        fixture_request("GET", "/bucket/key");
        fixture.is_readable = true;
        fixture_serve();
        s3_answer_error(fixture.dispatched, S3_ERROR_ACCESS_DENIED);
        assert_int_equal(fixture.status, allowed ? 401 : 403);
        fixture_end();
    }
}

/* Without keys nobody's credentials are looked at, and who shows some is no client that compares ETags. */
static void test_open_server(void **state)
{
    fixture_begin(NULL);
    request(basic("any", "thing"));
    fixture_serve();
    assert_non_null(fixture.dispatched);
    assert_null(fixture.dispatched->identity);
    assert_false(fixture.dispatched->is_signed);
    s3_answer_error(fixture.dispatched, S3_ERROR_ACCESS_DENIED);
    assert_int_equal(fixture.status, 403);
    fixture_end();
}

/* ---- Who is invited ---- */

static void check_denied(const char *header, const char *value, int status)
{
    request(NULL);
    if (header != NULL)
        fixture_header(header, value);
    fixture_serve();
    assert_non_null(fixture.dispatched);
    s3_answer_error(fixture.dispatched, S3_ERROR_ACCESS_DENIED);
    assert_int_equal(fixture.status, status);
    if (status == 401)
        check_invited("This takes credentials");
    else
        assert_null(fixture_answer_header("WWW-Authenticate"));
}

static void test_invited(void **state)
{
    fixture_begin(&closed);
    check_denied(NULL, NULL, 401);
    check_denied("accept", "text/html", 401);
    check_denied("x-amz-content-sha256", "UNSIGNED-PAYLOAD", 403);
    check_denied("amz-sdk-request", "attempt=1", 403);
    check_denied("x-amz", "1", 401);
    check_denied("authorization", "", 401); /* claims nothing */
    request(basic(KEY, SECRET));            /* known, but not allowed: that is no matter of credentials */
    fixture_serve();
    s3_answer_error(fixture.dispatched, S3_ERROR_ACCESS_DENIED);
    assert_int_equal(fixture.status, 403);
    assert_null(fixture_answer_header("WWW-Authenticate"));
    fixture_request("GET", "/bucket/key");
    fixture_sign(KEY, SECRET, "us-east-1", "UNSIGNED-PAYLOAD", 0);
    fixture_serve();
    s3_answer_error(fixture.dispatched, S3_ERROR_ACCESS_DENIED);
    assert_int_equal(fixture.status, 403);
    request(NULL); /* what is wrong otherwise is told as it is */
    fixture_serve();
    s3_answer_error(fixture.dispatched, S3_ERROR_NO_SUCH_KEY);
    assert_int_equal(fixture.status, 404);
    request(NULL);
    fixture_serve();
    s3_answer_error(fixture.dispatched, S3_ERROR_READ_ONLY);
    assert_int_equal(fixture.status, 403);
    request(NULL); /* its message stays where it says more */
    fixture_serve();
    s3_request_explain(fixture.dispatched, S3_ERROR_ACCESS_DENIED, "because");
    s3_answer_error(fixture.dispatched, S3_ERROR_ACCESS_DENIED);
    assert_int_equal(fixture.status, 401);
    assert_non_null(strstr(fixture.body, "<Message>because</Message>"));
    request(NULL); /* a form has its own way to say who asks */
    fixture_serve();
    fixture.dispatched->is_form = true;
    s3_answer_error(fixture.dispatched, S3_ERROR_ACCESS_DENIED);
    assert_int_equal(fixture.status, 403);
    fixture_end();
}

/* ---- Browsers ---- */

struct page {
    const char *method, *headers[4];
    bool is_let_in;
};

static void check_page(const struct page *page)
{
    fixture_request(page->method, "/bucket/key");
    fixture_header("authorization", basic(KEY, SECRET));
    for (size_t i = 0; i < 4 && page->headers[i] != NULL; i += 2)
        fixture_header(page->headers[i], page->headers[i + 1]);
    if (!page->is_let_in) {
        fixture_check_error(403, "AccessDenied");
        return;
    }
    fixture_serve();
    assert_non_null(fixture.dispatched);
    assert_string_equal(fixture_answer_header("content-security-policy"), "sandbox");
    assert_string_equal(fixture_answer_header("x-content-type-options"), "nosniff");
}

/* A browser lends what was typed into it to every page, also to one that is stored here. It may open what there is to be seen, and no page
 * sees into that. */
static void test_pages(void **state)
{
    static const struct page pages[] = {
        {"PUT", {NULL}, true}, /* no browser's */
        {"GET", {"sec-fetch-site", "none", "sec-fetch-mode", "navigate"}, true},
        {"GET", {"sec-fetch-site", "same-origin", "sec-fetch-mode", "navigate"}, true},
        {"GET", {"origin", "http://localhost:9000"}, true},
        {"GET", {"sec-fetch-site", "cross-site", "sec-fetch-mode", "navigate"}, false},
        {"GET", {"origin", "https://evil.example"}, false},
        {"GET", {"origin", "null"}, false},
        {"GET", {"sec-fetch-site", "same-origin", "sec-fetch-mode", "cors"}, false},
        {"GET", {"sec-fetch-site", "same-origin", "sec-fetch-mode", "no-cors"}, false},
        {"POST", {"origin", "http://localhost:9000", "sec-fetch-mode", "navigate"}, false},
        {"POST", {"sec-fetch-site", "same-origin", "sec-fetch-mode", "navigate"}, false},
        {"DELETE", {"origin", "http://localhost:9000"}, false},
        {"PUT", {"origin", "https://evil.example"}, false},
    };

    fixture_begin(&closed);
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
        check_page(&pages[i]);
    fixture_request("GET", "/bucket/key");
    fixture_header("host", "rebound.example"); /* a browser has no credentials for that name */
    fixture_header("authorization", basic(KEY, SECRET));
    check_let_in(S3_WEB_BASIC);
    fixture_request("GET", "/bucket/key");
    fixture_sign(KEY, SECRET, "us-east-1", "UNSIGNED-PAYLOAD", 0);
    fixture_header("origin", "https://page.example"); /* which signs, and is what CORS rules are for */
    fixture_serve();
    assert_non_null(fixture.dispatched);
    assert_null(fixture_answer_header("content-security-policy"));
    fixture_end();
}

/* ---- How often ---- */

static struct sockaddr_storage address_of(const char *text)
{
    struct sockaddr_storage address = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;

    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
        address.ss_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
        address.ss_family = AF_INET6;
    else
        fail();
    return address;
}

static uint64_t now_ms = 1000000;

/* Shows them at the address, right or wrong; how long it has to wait instead. name NULL: by Bearer. */
static unsigned show(struct s3_attempts *attempts, const char *address, const char *name, const char *secret,
                     bool is_right)
{
    struct sockaddr_storage from = address_of(address);
    struct s3_attempt attempt;
    struct s3_web_claim claim;
    char bearer[160];
    unsigned wait_s;

    snprintf(bearer, sizeof(bearer), "Bearer %s", secret);
    assert_true(s3_web_read(slice_text(name != NULL ? basic(name, secret) : bearer), &claim));
    wait_s = s3_attempts_begin(attempts, &from, &claim, now_ms, &attempt);
    if (wait_s == 0 && is_right)
        s3_attempts_right(attempts, &attempt);
    else if (wait_s == 0)
        s3_attempts_wrong(attempts, &attempt, now_ms);
    return wait_s;
}

/* Guesses until it has to wait; how often that was. */
static unsigned guess(struct s3_attempts *attempts, const char *address, const char *name)
{
    static unsigned number;
    unsigned guesses = 0;
    char secret[32];

    do
        snprintf(secret, sizeof(secret), "guess %u", number++);
    while (show(attempts, address, name, secret + (name == NULL ? 6 : 0), false) == 0 && ++guesses < 1000);
    return guesses;
}

static void test_guesses(void **state)
{
    struct s3_attempts *attempts = s3_attempts_create();

    assert_non_null(attempts);
    assert_int_equal(guess(attempts, "192.0.2.1", "alice"), S3_ATTEMPTS_MAX);
    assert_int_equal(show(attempts, "192.0.2.1", "alice", "right", true), S3_ATTEMPT_MS / 1000);
    assert_int_equal(show(attempts, "192.0.2.1", "bob", "right", true), S3_ATTEMPT_MS / 1000);
    assert_int_equal(show(attempts, "192.0.2.1", NULL, "token", true), S3_ATTEMPT_MS / 1000);
    /* Others are not concerned, but those of its network. */
    assert_int_equal(show(attempts, "192.0.2.2", "alice", "right", true), 0);
    assert_int_not_equal(show(attempts, "::ffff:192.0.2.1", "alice", "right", true), 0);
    assert_int_equal(guess(attempts, "2001:db8:1:2::1", NULL), S3_ATTEMPTS_MAX);
    assert_int_equal(guess(attempts, "2001:db8:1:2:ffff::9", NULL), 0);
    assert_int_equal(guess(attempts, "2001:db8:1:3::1", NULL), S3_ATTEMPTS_MAX);
    /* It comes back one by one. */
    now_ms += S3_ATTEMPT_MS;
    assert_int_equal(guess(attempts, "192.0.2.1", "alice"), 1);
    now_ms += 1000;
    assert_int_equal(show(attempts, "192.0.2.1", "alice", "right", true), 2);
    now_ms += (uint64_t)S3_ATTEMPTS_MAX * S3_ATTEMPT_MS;
    assert_int_equal(guess(attempts, "192.0.2.1", "alice"), S3_ATTEMPTS_MAX);
    s3_attempts_destroy(attempts);
}

/* Who was right at an address before is not locked out by others there, but by himself. */
static void test_known(void **state)
{
    struct s3_attempts *attempts = s3_attempts_create();

    assert_int_equal(show(attempts, "192.0.2.1", "alice", "right", true), 0);
    assert_int_equal(show(attempts, "192.0.2.1", NULL, "alices-token", true) != 0, false);
    assert_int_equal(guess(attempts, "192.0.2.1", "bob"), S3_ATTEMPTS_MAX);
    assert_int_equal(guess(attempts, "192.0.2.1", NULL), 0);
    assert_int_equal(show(attempts, "192.0.2.1", "alice", "right", true), 0);
    assert_int_equal(show(attempts, "192.0.2.1", NULL, "alices-token", true), 0);
    assert_int_equal(guess(attempts, "192.0.2.1", "alice"), S3_ATTEMPTS_MAX);
    assert_int_not_equal(show(attempts, "192.0.2.1", "alice", "right", true), 0);
    assert_int_equal(show(attempts, "192.0.2.1", NULL, "alices-token", true), 0);
    s3_attempts_destroy(attempts);
}

/* A client that has the wrong ones set repeats them for hours. */
static void test_repeated(void **state)
{
    struct s3_attempts *attempts = s3_attempts_create();

    for (int i = 0; i < 1000; i++) {
        assert_int_equal(show(attempts, "192.0.2.1", "ci", "old", false), 0);
        assert_int_equal(show(attempts, "192.0.2.1", NULL, "older", false), 0);
    }
    assert_int_equal(guess(attempts, "192.0.2.1", "ci"), S3_ATTEMPTS_MAX - 2);
    s3_attempts_destroy(attempts);
}

/* More addresses than there is room for: who comes last gets its attempts, and no more. */
static void test_many_addresses(void **state)
{
    struct s3_attempts *attempts = s3_attempts_create();
    char address[32];

    for (unsigned i = 0; i < 3 * S3_ATTEMPT_ACCOUNTS_MAX; i++) {
        snprintf(address, sizeof(address), "10.%u.%u.1", i >> 8, i & 255);
        assert_int_equal(show(attempts, address, "a", "b", false), 0);
    }
    assert_int_equal(guess(attempts, "192.0.2.1", "alice"), S3_ATTEMPTS_MAX);
    assert_int_not_equal(show(attempts, "192.0.2.1", "bob", "right", true), 0);
    s3_attempts_destroy(attempts);
}

/* By requests, and with what they are told. */
static void test_too_many(void **state)
{
    char secret[32];

    fixture_begin(&closed);
    for (unsigned i = 0; i < S3_ATTEMPTS_MAX; i++) {
        snprintf(secret, sizeof(secret), "wrong %u", i);
        request(basic("someone", secret));
        fixture_check_error(401, "AccessDenied");
    }
    request(basic(KEY, SECRET));
    fixture_check_error(429, "TooManyRequests");
    assert_non_null(fixture_answer_header("Retry-After"));
    assert_null(fixture_answer_header("WWW-Authenticate"));
    fixture_request("GET", "/bucket/key"); /* who signs shows no secret to guess */
    fixture_sign(KEY, SECRET, "us-east-1", "UNSIGNED-PAYLOAD", 0);
    fixture_serve();
    assert_non_null(fixture.dispatched);
    fixture_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrapped),       cmocka_unit_test(test_read),
        cmocka_unit_test(test_read_long),     cmocka_unit_test(test_basic),
        cmocka_unit_test(test_beside_others), cmocka_unit_test(test_switched_off),
        cmocka_unit_test(test_readable_way),  cmocka_unit_test(test_open_server),
        cmocka_unit_test(test_invited),       cmocka_unit_test(test_pages),
        cmocka_unit_test(test_guesses),       cmocka_unit_test(test_known),
        cmocka_unit_test(test_repeated),      cmocka_unit_test(test_many_addresses),
        cmocka_unit_test(test_too_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
