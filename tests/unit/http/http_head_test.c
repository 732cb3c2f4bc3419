/* SPDX-License-Identifier: MIT
 *
 * Request heads: what is refused (the smuggling table), what is accepted, in any pieces, alone and pipelined. */
#include "http_support.h"

static void refuses_ambiguity(void **state)
{
    static const struct {
        int status;
        const char *request;
    } cases[] = {
        /* lengths */
        {400, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"},
        {400, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"},
        {400, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5, 5\r\n\r\nhello"},
        {400, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\nhello"},
        {400, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\nhello"},
        {400, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 0x5\r\n\r\nhello"},
        {400, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5 5\r\n\r\nhello"},
        {400, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\nhello"},
        {400, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n"},
        {400, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: "
              "chunked\r\n\r\n0\r\n\r\n"},
        {400, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: "
              "5\r\n\r\n0\r\n\r\n"},
        {400, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: "
              "0\r\n\r\n0\r\n\r\n"},
        {400, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
        {400, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"},
        {400, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n"},
        {400, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
        {400, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
              "chunked\r\n\r\n"},
        {400, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \x0b"
              "chunked\r\n\r\n"},
        {400, "POST /echo HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        /* lines */
        {400, "GET /path HTTP/1.1\nHost: h\n\n"},
        {400, "GET /path HTTP/1.1\r\nHost: h\n\r\n"},
        {400, "GET /path HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n"},
        {400, "GET /path HTTP/1.1\r\nHost: h\r\n\n"},
        {400, "GET /path HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n"},
        {400, "GET /path HTTP/1.1\r\n Host: h\r\n\r\n"},
        {400, "GET /path HTTP/1.1\r\nHost : h\r\n\r\n"},
        {400, "GET /path HTTP/1.1\r\nHost: h\r\nContent-Length : 5\r\n\r\nhello"},
        {400, "GET /path HTTP/1.1\r\nHost: h\r\n: empty\r\n\r\n"},
        {400, "GET /path HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n"},
        {400, "GET /path HTTP/1.1\r\nHost: h\r\nA: b\x01\r\n\r\n"},
        {400, "GET /path HTTP/1.1\r\nHost: h\r\nA: b\x7f\r\n\r\n"},
        {400, "GET /path HTTP/1.1\r\nHost: h\r\nB\xe4: b\r\n\r\n"},
        {400, "\nGET /path HTTP/1.1\r\nHost: h\r\n\r\n"},
        {400, "\r\n\r\n\r\nGET /path HTTP/1.1\r\nHost: h\r\n\r\n"},
        {400, "\rGET /path HTTP/1.1\r\nHost: h\r\n\r\n"},
        /* hosts */
        {400, "GET /path HTTP/1.1\r\n\r\n"},
        {400, "GET /path HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
        {400, "GET /path HTTP/1.1\r\nHost: a b\r\n\r\n"},
        {400, "GET /path HTTP/1.1\r\nHost: a/b\r\n\r\n"},
        {400, "GET /path HTTP/1.1\r\nHost: user@a\r\n\r\n"},
        {400, "GET /path HTTP/1.1\r\nHost: a:b\r\n\r\n"},
        {400, "GET /path HTTP/1.1\r\nHost: a:1:2\r\n\r\n"},
        {400, "GET /path HTTP/1.1\r\nHost: [::1\r\n\r\n"},
        {400, "GET /path HTTP/1.1\r\nHost: [::1]x\r\n\r\n"},
        /* request lines */
        {400, "GET  /path HTTP/1.1\r\nHost: h\r\n\r\n"},
        {400, "GET /path  HTTP/1.1\r\nHost: h\r\n\r\n"},
        {400, "GET /path HTTP/1.1 \r\nHost: h\r\n\r\n"},
        {400, "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"},
        {400, "GET\t/path HTTP/1.1\r\nHost: h\r\n\r\n"},
        {400, "G(T /path HTTP/1.1\r\nHost: h\r\n\r\n"},
        {400, "GET /path HTTP/1.10\r\nHost: h\r\n\r\n"},
        {400, "GET /path http/1.1\r\nHost: h\r\n\r\n"},
        {400, "GET /path\r\n"},
        {400, "GET /path\r\n\r\n"},
        {400, "GET path HTTP/1.1\r\nHost: h\r\n\r\n"},
        {400, "GET * HTTP/1.1\r\nHost: h\r\n\r\n"},
        {400, "GET /path#fragment HTTP/1.1\r\nHost: h\r\n\r\n"},
        {400, "GET ftp://h/path HTTP/1.1\r\nHost: h\r\n\r\n"},
        {400, "GET http:///path HTTP/1.1\r\nHost: h\r\n\r\n"},
        {400, "GET http://u@h/path HTTP/1.1\r\nHost: h\r\n\r\n"},
        {400, "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n"},
        {505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
        {505, "GET /path HTTP/3.0\r\nHost: h\r\n\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reply reply = {.status = 0};
        int fd = client_connect();

        client_send(fd, cases[i].request);
        if (!client_read(fd, &reply, true))
            fail_msg("no answer to: %s", cases[i].request);
        if (reply.status != cases[i].status)
            fail_msg("%d instead of %d for: %s", reply.status, cases[i].status, cases[i].request);
        assert_string_equal(reply_field(&reply, "Connection"), "close");
        assert_string_equal(reply_field(&reply, "Content-Type"), "application/xml");
        assert_memory_equal(reply.body, "<?xml ", 6);
        expect_close(fd, &reply);
        client_close(fd, &reply);
    }
}

static void refuses_nul_in_a_head(void **state)
{
    static const char value[] = "GET /path HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n";
    static const char path[] = "GET /pa\0th HTTP/1.1\r\nHost: h\r\n\r\n";
    struct reply reply = {.status = 0};
    int fd = client_connect();

    (void)state;
    client_send_bytes(fd, value, sizeof(value) - 1);
    expect_reply(fd, &reply, 400);
    client_close(fd, &reply);
    fd = client_connect();
    client_send_bytes(fd, path, sizeof(path) - 1);
    expect_reply(fd, &reply, 400);
    client_close(fd, &reply);
}

static void accepts_what_is_legal(void **state)
{
    static const struct {
        const char *request, *body;
    } cases[] = {
        {"GET /path/a//b/../c?x=%20&y HTTP/1.1\r\nHost: h:9000\r\n\r\n", "/path/a//b/../c?x=%20&y|h:9000"},
        {"GET /path HTTP/1.1\r\nhOSt:\t h \t\r\n\r\n", "/path|h"},
        {"GET /path HTTP/1.1\r\nHost:\r\n\r\n", "/path|"},
        {"GET /path HTTP/1.1\r\nHost: [::1]:9000\r\n\r\n", "/path|[::1]:9000"},
        {"GET http://other:80/path?q HTTP/1.1\r\nHost: h\r\n\r\n", "/path?q|other:80"},
        {"GET HTTPS://other HTTP/1.1\r\nHost: h\r\n\r\n", "/|other"},
        {"GET http://other?q HTTP/1.1\r\nHost: h\r\n\r\n", "/?q|other"},
        {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "*|h"},
        {"\r\n\r\nGET /path HTTP/1.1\r\nHost: h\r\n\r\n", "/path|h"},
        {"GET /path/\xc3\xa4 HTTP/1.1\r\nHost: h\r\nA: \xc3\xa4\r\n\r\n", "/path/\xc3\xa4|h"},
        {"GET /path HTTP/1.7\r\nHost: h\r\n\r\n", "/path|h"},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 00005\r\n\r\nhello", "hello"},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: CHUNKED \r\n\r\n5\r\nhello\r\n0\r\n\r\n",
         "hello"},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", ""},
    };
    struct reply reply = {.status = 0};
    int fd = client_connect();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        client_send(fd, cases[i].request);
        expect_reply(fd, &reply, 200);
        expect_body(&reply, cases[i].body);
        assert_string_equal(reply_field(&reply, "Server"), "Sluice");
        assert_non_null(reply_field(&reply, "Date"));
        assert_null(reply_field(&reply, "Connection"));
    }
    client_close(fd, &reply);
}

static void accepts_any_pieces(void **state)
{
    static const char request[] = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nT: v\r\n\r\n";
    struct reply reply = {.status = 0};
    int fd = client_connect();

    (void)state;
    for (size_t i = 0; i < sizeof(request) - 1; i++)
        client_send_bytes(fd, request + i, 1);
    expect_reply(fd, &reply, 200);
    expect_body(&reply, "hello!");
    for (size_t split = 1; split < sizeof(request) - 1; split++) {
        client_send_bytes(fd, request, split);
        sched_yield();
        client_send_bytes(fd, request + split, sizeof(request) - 1 - split);
        expect_reply(fd, &reply, 200);
        expect_body(&reply, "hello!");
    }
    client_close(fd, &reply);
}

static void serves_pipelined_requests_in_order(void **state)
{
    struct reply reply = {.status = 0};
    int fd = client_connect();

    (void)state;
    client_send(
        fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\none"
            "POST /splice HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n\r\n"
            "GET /path/three HTTP/1.1\r\nHost: h\r\n\r\n"
            "POST /gated HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nfour"
            "GET /path/five HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
            "GET /path/never HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_reply(fd, &reply, 200);
    expect_body(&reply, "one");
    expect_reply(fd, &reply, 200);
    expect_body(&reply, "two");
    expect_reply(fd, &reply, 200);
    expect_body(&reply, "/path/three|h");
    toy_wait_for(&toy_gated, 1);
    toy_release();
    expect_reply(fd, &reply, 200);
    expect_body(&reply, "four");
    expect_reply(fd, &reply, 200);
    expect_body(&reply, "/path/five|h");
    assert_string_equal(reply_field(&reply, "Connection"), "close");
    expect_close(fd, &reply);
    client_close(fd, &reply);
}

/* More than one turn's worth, in one write. */
static void serves_many_pipelined_requests(void **state)
{
    enum { REQUESTS = 5 * HTTP_TURN_REQUESTS_MAX };
    static const char request[] = "GET /path/one HTTP/1.1\r\nHost: h\r\n\r\n";
    struct reply reply = {.status = 0};
    char *many = malloc(REQUESTS * (sizeof(request) - 1) + 1);
    int fd = client_connect();

    (void)state;
    assert_non_null(many);
    for (unsigned i = 0; i < REQUESTS; i++)
        strcpy(many + i * (sizeof(request) - 1), request);
    client_send(fd, many);
    for (unsigned i = 0; i < REQUESTS; i++) {
        expect_reply(fd, &reply, 200);
        expect_body(&reply, "/path/one|h");
    }
    client_close(fd, &reply);
    free(many);
}

static void passes_other_expectations_over(void **state)
{
    static const char *const others[] = {"", "200", "a-miracle", "100-continued", "100 continue", ","};
    struct reply reply = {.status = 0};
    int fd = client_connect();

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        char request[128];

        snprintf(request, sizeof(request),
                 "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: %s\r\nContent-Length: 2\r\n\r\nhi", others[i]);
        client_send(fd, request);
        expect_reply(fd, &reply, 200);
        expect_body(&reply, "hi");
    }
    /* Beside another, the one that is known holds. */
    client_send(
        fd, "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: a-miracle, 100-continue\r\nContent-Length: 5\r\n\r\n");
    expect_reply(fd, &reply, 100);
    client_send(fd, "hello");
    expect_reply(fd, &reply, 200);
    expect_body(&reply, "hello");
    client_close(fd, &reply);
}

static void bounds_heads(void **state)
{
    struct reply reply = {.status = 0};
    char *big = malloc(2 * HTTP_HEAD_BYTES_MAX);
    size_t used;
    int fd;

    (void)state;
    /* A request line without end. */
    memset(big, 'a', 2 * HTTP_HEAD_BYTES_MAX);
    memcpy(big, "GET /", 5);
    fd = client_connect();
    client_send_bytes(fd, big, HTTP_HEAD_BYTES_MAX + 100);
    expect_reply(fd, &reply, 414);
    expect_close(fd, &reply);
    client_close(fd, &reply);

    /* A field without end. */
    used = (size_t)sprintf(big, "GET /path HTTP/1.1\r\nHost: h\r\nA: ");
    big[used] = 'a';
    fd = client_connect();
    client_send_bytes(fd, big, HTTP_HEAD_BYTES_MAX + 100);
    expect_reply(fd, &reply, 431);
    expect_close(fd, &reply);
    client_close(fd, &reply);

    /* As large as allowed. */
    memset(big + used, 'a', HTTP_HEAD_BYTES_MAX - used);
    memcpy(big + HTTP_HEAD_BYTES_MAX - 4, "\r\n\r\n", 4);
    fd = client_connect();
    client_send_bytes(fd, big, HTTP_HEAD_BYTES_MAX);
    expect_reply(fd, &reply, 200);
    client_close(fd, &reply);

    /* As many fields as allowed, and one more. */
    for (unsigned more = 0; more <= 1; more++) {
        used = (size_t)sprintf(big, "GET /path HTTP/1.1\r\nHost: h\r\n");
        for (unsigned i = 1; i < HTTP_HEADERS_MAX + more; i++)
            used += (size_t)sprintf(big + used, "A%u: b\r\n", i);
        sprintf(big + used, "\r\n");
        fd = client_connect();
        client_send(fd, big);
        expect_reply(fd, &reply, more != 0 ? 431 : 200);
        client_close(fd, &reply);
    }
    free(big);
}

static void speaks_http_1_0(void **state)
{
    struct reply reply = {.status = 0};
    int fd = client_connect();

    (void)state;
    client_send(fd, "GET /path HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    expect_reply(fd, &reply, 200);
    expect_body(&reply, "/path|");
    assert_string_equal(reply_field(&reply, "Connection"), "keep-alive");
    /* no 100 Continue */
    client_send(
        fd,
        "POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    client_send(fd, "hi");
    expect_reply(fd, &reply, 200);
    expect_body(&reply, "hi");
    expect_usable(fd, &reply);
    client_close(fd, &reply);

    fd = client_connect();
    client_send(fd, "GET /path HTTP/1.0\r\n\r\n");
    expect_reply(fd, &reply, 200);
    assert_string_equal(reply_field(&reply, "Connection"), "close");
    expect_close(fd, &reply);
    client_close(fd, &reply);
}

/* Names in lower case, values without the blanks around them, the first of several; the target's host is the Host. */
static void shows_fields(void **state)
{
    static const struct {
        const char *request, *body;
    } cases[] = {
        {"GET /x-field HTTP/1.1\r\nHost: h\r\nX-FIELD: \t a b \t\r\nx-field: c\r\n\r\n", "a b"},
        {"GET /x-field HTTP/1.1\r\nHost: h\r\nX-Field:\r\n\r\n", ""},
        {"GET /x-field HTTP/1.1\r\nHost: h\r\nX-Fields: a\r\n\r\n", "none"},
        {"GET /host HTTP/1.1\r\nHost: h:1\r\n\r\n", "h:1"},
        {"GET http://target/host HTTP/1.1\r\nHost: h\r\n\r\n", "target"},
        {"GET http://target/host HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "target"},
        {"GET /host HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "none"},
    };
    struct reply reply = {.status = 0};
    int fd = client_connect();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        client_send(fd, cases[i].request);
        expect_reply(fd, &reply, 200);
        expect_body(&reply, cases[i].body);
    }
    client_close(fd, &reply);
}

static void closes_when_asked(void **state)
{
    static const char *const options[] = {"close", "CLOSE", "foo, close", "keep-alive,close"};
    struct reply reply = {.status = 0};

    (void)state;
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        char request[128];
        int fd = client_connect();

        snprintf(request, sizeof(request), "GET /path HTTP/1.1\r\nHost: h\r\nConnection: %s\r\n\r\n",
                 options[i]);
        client_send(fd, request);
        expect_reply(fd, &reply, 200);
        assert_string_equal(reply_field(&reply, "Connection"), "close");
        expect_close(fd, &reply);
        client_close(fd, &reply);
    }
}

static void serves_a_thousand_requests_on_one_connection(void **state)
{
    struct reply reply = {.status = 0};
    struct http_statistics statistics;
    int fd = client_connect();

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        char request[128], body[64];

        snprintf(request, sizeof(request), "GET /path/%u HTTP/1.1\r\nHost: h\r\n\r\n", i);
        snprintf(body, sizeof(body), "/path/%u|h", i);
        client_send(fd, request);
        expect_reply(fd, &reply, 200);
        expect_body(&reply, body);
    }
    do { /* an answer is counted when it is sent, perhaps after the client has read it */
        http_server_statistics(server, &statistics);
    } while (statistics.responses_by_class[2] < 1000);
    assert_int_equal(statistics.connections_accepted, 1);
    assert_int_equal(statistics.requests, 1000);
    assert_int_equal(statistics.responses_by_class[2], 1000);
    client_close(fd, &reply);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup_server, teardown_server)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(refuses_ambiguity),
        WITH_SERVER(refuses_nul_in_a_head),
        WITH_SERVER(accepts_what_is_legal),
        WITH_SERVER(accepts_any_pieces),
        WITH_SERVER(serves_pipelined_requests_in_order),
        WITH_SERVER(serves_many_pipelined_requests),
        WITH_SERVER(passes_other_expectations_over),
        WITH_SERVER(bounds_heads),
        WITH_SERVER(speaks_http_1_0),
        WITH_SERVER(shows_fields),
        WITH_SERVER(closes_when_asked),
        WITH_SERVER(serves_a_thousand_requests_on_one_connection),
    };

    return cmocka_run_group_tests_name("http heads", tests, NULL, NULL);
}
