/* SPDX-License-Identifier: MIT
 *
 * Answers: from memory, from a source; HEAD; slow readers; sources that wait or fail. */
#include "http_support.h"

static void expect_pattern(const struct reply *reply, size_t length)
{
    assert_int_equal(reply->length, length);
    for (size_t i = 0; i < length; i++)
        if (reply->body[i] != toy_byte(i))
            fail_msg("wrong byte at %zu", i);
}

static void request(int fd, const char *method, const char *path, size_t number)
{
    char text[160];

    snprintf(text, sizeof(text), "%s %s/%zu HTTP/1.1\r\nHost: h\r\n\r\n", method, path, number);
    client_send(fd, text);
}

static void sends_every_size_from_everywhere(void **state)
{
    static const char *const paths[] = {"/memory", "/source", "/source-busy"};
    static const size_t sizes[] = {0, 1, 4096, 16384, 16385, 1000000, 9000000};
    struct reply reply = {.status = 0};
    unsigned sources = 0;
    int fd = client_connect();

    (void)state;
    for (size_t path = 0; path < 3; path++)
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            request(fd, "GET", paths[path], sizes[i]);
            expect_reply(fd, &reply, 200);
            expect_pattern(&reply, sizes[i]);
            sources += path > 0;
            /* HEAD tells the length and calls no source */
            request(fd, "HEAD", paths[path], sizes[i]);
            assert_true(client_read(fd, &reply, false));
            assert_int_equal(reply.status, 200);
            assert_int_equal(strtoul(reply_field(&reply, "Content-Length"), NULL, 10), sizes[i]);
            sources += path > 0;
        }
    toy_wait_for(&toy_ends, sources); /* each was ended, once */
    expect_usable(fd, &reply);
    client_close(fd, &reply);
}

static void sends_in_copy_mode(void **state)
{
    struct http_server_options options = toy_options();

    options.copy_mode = true;
    toy_start(&options);
    sends_every_size_from_everywhere(state);
}

static void sends_to_a_slow_reader(void **state)
{
    static const char *const paths[] = {"/memory", "/source", "/source-busy"};
    struct reply reply = {.status = 0};

    (void)state;
    for (size_t path = 0; path < 3; path++) {
        int fd = client_connect_with(4096);
        size_t length = 2000000, at = 0;
        char piece[1500], *end = NULL, *whole = malloc(length + 4096);

        request(fd, "GET", paths[path], length);
        while (end == NULL || at < (size_t)(end + 4 - whole) + length) {
            ssize_t count = recv(fd, piece, sizeof(piece), 0);

            assert_true(count > 0);
            memcpy(whole + at, piece, (size_t)count);
            at += (size_t)count;
            if (end == NULL)
                end = memmem(whole, at, "\r\n\r\n", 4);
            if (at % 7 == 0)
                usleep(100);
        }
        for (size_t i = 0; i < length; i++)
            assert_int_equal(end[4 + i], toy_byte(i));
        expect_usable(fd, &reply);
        free(whole);
        client_close(fd, &reply);
    }
}

static void cuts_the_answer_of_a_failing_source(void **state)
{
    struct reply reply = {.status = 0};
    int fd = client_connect();

    (void)state;
    request(fd, "GET", "/source-fail", 1000000);
    assert_true(client_read(fd, &reply, true));
    assert_true(reply.length < 1000000);
    toy_wait_for(&toy_ends, 1);
    client_close(fd, &reply);

    fd = client_connect();
    request(fd, "GET", "/source-fail", 1000); /* its head waited for it, so nothing comes at all */
    assert_int_not_equal(recv(fd, (char[1]){0}, 1, 0), 1);
    toy_wait_for(&toy_ends, 2);
    close(fd);
}

/* Head and `length` bytes of a body, as they come; where length is SIZE_MAX, up to the end of the connection. The bytes of the body. */
static size_t read_raw(int fd, char *head, size_t head_size, size_t length)
{
    size_t got = 0, body = 0;
    ssize_t count;
    char piece[65536];

    while (memmem(head, got, "\r\n\r\n", 4) == NULL) {
        assert_true(got + 1 < head_size);
        assert_int_equal(recv(fd, head + got, 1, 0), 1);
        got++;
    }
    head[got] = '\0';
    while (body < length) {
        size_t wanted = length - body < sizeof(piece) ? length - body : sizeof(piece);

        count = recv(fd, piece, wanted, 0);
        assert_true(count >= 0);
        for (ssize_t i = 0; i < count; i++)
            if (piece[i] != toy_byte(body + (size_t)i))
                fail_msg("wrong byte at %zu", body + (size_t)i);
        if (count == 0)
            break;
        body += (size_t)count;
    }
    return body;
}

/* The source has the chunks ready, and its end is the answer's: the connection goes on. */
static void sends_what_has_no_length(void **state)
{
    static const size_t sizes[] = {0, 1, 16384, 9000000};
    struct reply reply = {.status = 0};
    int fd = client_connect();
    char head[2048];

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        request(fd, "GET", "/source-endless", sizes[i]);
        assert_int_equal(read_raw(fd, head, sizeof(head), sizes[i]), sizes[i]);
        assert_non_null(strstr(head, "Transfer-Encoding: chunked\r\n"));
        assert_null(strstr(head, "Content-Length"));
        assert_null(strstr(head, "Connection: close"));
        toy_wait_for(&toy_ends, (unsigned)i + 1);
        expect_usable(fd, &reply);
    }
    client_close(fd, &reply);
}

static void closes_behind_what_has_no_length_for_old_clients(void **state)
{
    int fd = client_connect();
    char head[2048];

    (void)state;
    client_send(fd, "GET /source-endless/1000000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_int_equal(read_raw(fd, head, sizeof(head), SIZE_MAX), 1000000);
    assert_null(strstr(head, "Transfer-Encoding"));
    assert_null(strstr(head, "Content-Length"));
    close(fd);
}

static void sends_what_has_no_length_in_copy_mode(void **state)
{
    struct http_server_options options = toy_options();

    options.copy_mode = true;
    toy_start(&options);
    sends_what_has_no_length(state);
}

/* Small bodies leave with their heads. What the socket does not take has to be kept, whether the source had all of it
 * at once or not. */
static void sends_small_bodies_to_a_full_socket(void **state)
{
    static const char *const paths[] = {"/source", "/source-busy"};
    enum { ANSWERS = 400, LENGTH = 16384 };
    struct reply reply = {.status = 0};

    (void)state;
    for (size_t path = 0; path < 2; path++) {
        int fd = client_connect_with(4096);

        for (unsigned i = 0; i < ANSWERS; i++)
            request(fd, "GET", paths[path], LENGTH - i);
        usleep(50000);                      /* the socket fills up */
        for (unsigned i = 0; i < 16; i++) { /* on each worker others use the buffer that the rest was in */
            int other = client_connect();

            request(other, "GET", "/source-x", LENGTH);
            expect_reply(other, &reply, 200);
            assert_int_equal(reply.length, LENGTH);
            client_close(other, &reply);
        }
        for (unsigned i = 0; i < ANSWERS; i++) {
            expect_reply(fd, &reply, 200);
            expect_pattern(&reply, LENGTH - i);
        }
        expect_usable(fd, &reply);
        client_close(fd, &reply);
    }
    toy_wait_for(&toy_ends, 2 * (ANSWERS + 16));
}

static size_t turn_of_a_large_answer(void)
{
    struct reply reply = {.status = 0};
    int fd = client_connect();

    atomic_store(&toy_turn, 0);
    request(fd, "GET", "/source", 3 * HTTP_SEND_TURN_BYTES_ALONE);
    expect_reply(fd, &reply, 200);
    expect_pattern(&reply, 3 * HTTP_SEND_TURN_BYTES_ALONE);
    client_close(fd, &reply);
    return atomic_load(&toy_turn);
}

/* Longer turns are for one that is alone on its worker. */
static void shortens_turns_in_company(void **state)
{
    enum { STALLED = 8 };
    int stalled[STALLED];

    (void)state;
    assert_int_equal(turn_of_a_large_answer(), HTTP_SEND_TURN_BYTES_ALONE);
    for (unsigned i = 0; i < STALLED; i++) { /* some on each worker */
        stalled[i] = client_connect();
        request(stalled[i], "GET", "/source", 50000000);
        assert_int_equal(recv(stalled[i], (char[1]){0}, 1, 0), 1);
    }
    assert_int_equal(turn_of_a_large_answer(), HTTP_SEND_TURN_BYTES_MAX);
    for (unsigned i = 0; i < STALLED; i++)
        close(stalled[i]);
    toy_wait_for(&toy_ends, 2 + STALLED);
    assert_int_equal(turn_of_a_large_answer(), HTTP_SEND_TURN_BYTES_ALONE);
}

/* Large bodies are corked, and nothing of them is held back once they are over, or while their source has to be waited for. */
static void corks_large_bodies_until_their_end(void **state)
{
    static const char *const paths[] = {"/source", "/source-busy"};
    static const struct {
        size_t length;
        bool is_corked;
    } bodies[] = {{HTTP_SMALL_BODY_BYTES + 1, false}, {HTTP_CORK_BODY_BYTES, false}, {3000000, true}};
    struct reply reply = {.status = 0};
    int fd = client_connect();

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        size_t length = bodies[i % 3].length;

        atomic_store(&toy_corked, 0);
        atomic_store(&toy_held, 0);
        request(fd, "GET", paths[i / 3], length);
        expect_reply(fd, &reply, 200);
        expect_pattern(&reply, length);
        toy_wait_for(&toy_ends, (unsigned)i + 1);
        assert_int_equal(atomic_load(&toy_corked) > 0, bodies[i % 3].is_corked);
        assert_int_equal(atomic_load(&toy_held), 0);
    }
    client_close(fd, &reply);
}

static void sends_heads_alone(void **state)
{
    struct reply reply = {.status = 0};
    int fd = client_connect();

    (void)state;
    request(fd, "HEAD", "/head", 12345);
    assert_true(client_read(fd, &reply, false));
    assert_string_equal(reply_field(&reply, "Content-Length"), "12345");
    request(fd, "HEAD", "/none", 200);
    assert_true(client_read(fd, &reply, false));
    assert_null(reply_field(&reply, "Content-Length"));
    request(fd, "DELETE", "/none", 204);
    expect_reply(fd, &reply, 204);
    assert_null(reply_field(&reply, "Content-Length"));
    assert_memory_equal(reply.head, "HTTP/1.1 204 No Content\r\n", 25);
    request(fd, "GET", "/none", 304);
    expect_reply(fd, &reply, 304);
    /* anything else must not leave the client guessing */
    request(fd, "PUT", "/head", 77);
    expect_reply(fd, &reply, 200);
    assert_string_equal(reply_field(&reply, "Content-Length"), "0");
    expect_usable(fd, &reply);
    client_close(fd, &reply);
}

static void keeps_line_ends_out_of_fields(void **state)
{
    struct reply reply = {.status = 0};
    int fd = client_connect();

    (void)state;
    for (size_t before = 1; before < 40; before++) {
        char expected[96];

        request(fd, "GET", "/inject", before);
        expect_reply(fd, &reply, 200);
        assert_null(reply_field(&reply, "evil"));
        memset(expected, 'a', before);
        strcpy(expected + before, "  evil: b, \xc3\xa9 \t and more");
        assert_string_equal(reply_field(&reply, "x-meta"), expected);
    }
    client_close(fd, &reply);
}

static void closes_after_when_told(void **state)
{
    struct reply reply = {.status = 0};
    int fd = client_connect();

    (void)state;
    client_send(fd, "GET /close HTTP/1.1\r\nHost: h\r\n\r\nGET /path HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_reply(fd, &reply, 200);
    expect_body(&reply, "bye");
    assert_string_equal(reply_field(&reply, "Connection"), "close");
    expect_close(fd, &reply);
    client_close(fd, &reply);
}

static void answers_behind_a_half_close(void **state)
{
    static const char *const requests[] = {
        "GET /memory/5 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /source-busy/5 HTTP/1.1\r\nHost: h\r\n\r\n",
        "PUT /splice HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde",
        "PUT /answer-gated HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde",
    };
    struct reply reply = {.status = 0};

    (void)state;
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        int fd = client_connect();

        client_send(fd, requests[i]);
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        if (i == 3) {
            toy_wait_for(&toy_gated, 1);
            toy_release();
        }
        expect_reply(fd, &reply, 200);
        expect_body(&reply, "abcde");
        expect_close(fd, &reply);
        client_close(fd, &reply);
    }
}

static void cuts_a_reader_that_stalls(void **state)
{
    struct http_server_options options = toy_options();
    struct http_statistics statistics;
    int fd;

    (void)state;
    options.send_timeout_ms = 200;
    toy_start(&options);
    fd = client_connect_with(4096);
    request(fd, "GET", "/source", 50000000);
    toy_wait_for(&toy_ends, 1); /* the source was told */
    do {
        http_server_statistics(server, &statistics);
    } while (statistics.connections_open != 0);
    close(fd);
}

#define READER_BYTES         16384
#define READER_SEGMENT_BYTES 1000

/* A client in small segments: its kernel opens the window again by at least one, and those of loopback are 64 KiB, which a slow reader
 * takes seconds for. Without progress meanwhile that is a stall. */
static int slow_reader_connect(void)
{
    return client_connect_as(READER_BYTES, READER_SEGMENT_BYTES);
}

static bool read_some(int fd, size_t length)
{
    char buffer[4096];

    usleep(20000);
    return recv(fd, buffer, length, 0) > 0;
}

static void cuts_a_reader_that_is_too_slow(void **state)
{
    struct http_server_options options = toy_options();
    struct http_statistics statistics;
    int fd;

    (void)state;
    options.send_timeout_ms = 60000; /* or it stalls, where the machine holds it up */
    options.body_rate_min = 50000000;
    options.body_rate_span_ms = 500;
    toy_start(&options);
    fd = slow_reader_connect();
    request(fd, "GET", "/source", 50000000);
    while (atomic_load(&toy_ends) == 0)
        (void)read_some(fd, 2000);
    http_server_statistics(server, &statistics);
    assert_int_equal(statistics.refusals[HTTP_REFUSED_SLOW_READER], 1);
    assert_int_equal(statistics.refusals[HTTP_REFUSED_SLOW_BODY], 0);
    close(fd);
}

/* Whether it got so far: for longer than what counts as a stall. */
static bool is_read_slowly(void)
{
    unsigned ends = atomic_load(&toy_ends), reads = 0;
    int fd = slow_reader_connect();

    request(fd, "GET", "/source", 50000000);
    while (reads < 200 && read_some(fd, 2000))
        reads++;
    reads += atomic_load(&toy_ends) == ends;
    close(fd);
    toy_wait_for(&toy_ends, ends + 1);
    return reads == 201;
}

/* The kernel holds so much that for long no more is sent. A reader that the machine holds up is cut, and tries again. */
static void lets_a_slow_reader_read(void **state)
{
    struct http_server_options options = toy_options();

    (void)state;
    options.send_timeout_ms = 1000;
    options.body_rate_min = -1;
    toy_start(&options);
    for (unsigned i = 1; !is_read_slowly(); i++)
        assert_true(i < 10);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup_server, teardown_server)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(sends_every_size_from_everywhere),
        cmocka_unit_test_teardown(sends_in_copy_mode, teardown_server),
        cmocka_unit_test_teardown(sends_what_has_no_length_in_copy_mode, teardown_server),
        WITH_SERVER(sends_to_a_slow_reader),
        WITH_SERVER(corks_large_bodies_until_their_end),
        WITH_SERVER(cuts_the_answer_of_a_failing_source),
        WITH_SERVER(sends_what_has_no_length),
        WITH_SERVER(closes_behind_what_has_no_length_for_old_clients),
        WITH_SERVER(shortens_turns_in_company),
        WITH_SERVER(sends_small_bodies_to_a_full_socket),
        WITH_SERVER(sends_heads_alone),
        WITH_SERVER(keeps_line_ends_out_of_fields),
        WITH_SERVER(closes_after_when_told),
        WITH_SERVER(answers_behind_a_half_close),
        cmocka_unit_test_teardown(cuts_a_reader_that_stalls, teardown_server),
        cmocka_unit_test_teardown(cuts_a_reader_that_is_too_slow, teardown_server),
        cmocka_unit_test_teardown(lets_a_slow_reader_read, teardown_server),
    };

    return cmocka_run_group_tests_name("http answers", tests, NULL, NULL);
}
