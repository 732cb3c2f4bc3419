/* SPDX-License-Identifier: MIT
 *
 * A server with a toy handler (http_toy.h) inside the test process, and a client that scripts conversations
 * byte by byte. */
#ifndef TESTS_UNIT_HTTP_SUPPORT_H
#define TESTS_UNIT_HTTP_SUPPORT_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "http_toy.h"

/* ---- The server ---- */

static struct http_server *server;

static inline struct http_server_options toy_options(void)
{
    return (struct http_server_options){
        .listen = "127.0.0.1:0",
        .workers = 2,
        .handler = {toy_on_worker_start, toy_on_worker_stop, toy_on_request, NULL},
    };
}

static inline void toy_start(const struct http_server_options *options)
{
    toy_free_workers();
    atomic_store(&toy_gate_is_open, 0);
    atomic_store(&toy_ends, 0);
    atomic_store(&toy_gated, 0);
    assert_int_equal(http_server_start(&server, options), 0);
}

static inline void toy_stop(void)
{
    http_server_stop(server, 10000);
    server = NULL;
    toy_free_workers();
}

static inline int setup_server(void **state)
{
    struct http_server_options options = toy_options();

    (void)state;
    toy_start(&options);
    return 0;
}

static inline int teardown_server(void **state)
{
    (void)state;
    toy_stop();
    return 0;
}

/* ---- The client ---- */

struct reply {
    int status;
    char head[4096];
    char *body; /* malloc'ed */
    size_t length;
    char rest[65536]; /* received beyond this reply */
    size_t rest_length;
};

/* 0: as the kernel likes. */
static inline int client_connect_as(int receive_bytes, int segment_bytes)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http_server_port(server))};
    struct timeval patience = {.tv_sec = 120};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    if (receive_bytes > 0)
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes)), 0);
    if (segment_bytes > 0)
        assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment_bytes, sizeof(segment_bytes)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
    return fd;
}

static inline int client_connect_with(int receive_bytes)
{
    return client_connect_as(receive_bytes, 0);
}

static inline int client_connect(void)
{
    return client_connect_with(0);
}

static inline void client_send_bytes(int fd, const void *data, size_t length)
{
    const char *at = data;

    while (length > 0) {
        ssize_t count = send(fd, at, length, MSG_NOSIGNAL);

        assert_true(count > 0);
        at += count;
        length -= (size_t)count;
    }
}

static inline void client_send(int fd, const char *text)
{
    client_send_bytes(fd, text, strlen(text));
}

/* One byte more into the head; false at the end of the stream. */
static inline bool client_next(int fd, struct reply *reply, char *byte)
{
    ssize_t count;

    if (reply->rest_length == 0) {
        count = recv(fd, reply->rest, sizeof(reply->rest), 0);
        if (count <= 0)
            return false;
        reply->rest_length = (size_t)count;
    }
    *byte = reply->rest[0];
    memmove(reply->rest, reply->rest + 1, --reply->rest_length);
    return true;
}

static inline const char *reply_field(const struct reply *reply, const char *name)
{
    static __thread char value[1024];
    const char *at = strcasestr(reply->head, name);

    if (at == NULL || at[-1] != '\n' || at[strlen(name)] != ':')
        return NULL;
    assert_int_equal(sscanf(at + strlen(name) + 1, " %1023[^\r]", value), 1);
    return value;
}

/* Reads one reply; keeps what follows it in reply->rest for the next. False when the connection closed before
 * a head. */
static inline bool client_read(int fd, struct reply *reply, bool has_body)
{
    size_t length = 0, used = 0;
    const char *field;
    char byte;

    free(reply->body);
    reply->body = NULL;
    reply->length = 0;
    do {
        if (!client_next(fd, reply, &byte))
            return false;
        assert_true(used < sizeof(reply->head) - 1);
        reply->head[used++] = byte;
        reply->head[used] = '\0';
    } while (used < 4 || memcmp(reply->head + used - 4, "\r\n\r\n", 4) != 0);
    assert_int_equal(sscanf(reply->head, "HTTP/1.1 %d ", &reply->status), 1);
    if (!has_body || reply->status == 100 || reply->status == 204 || reply->status == 304)
        return true;
    field = reply_field(reply, "Content-Length");
    length = field != NULL ? strtoul(field, NULL, 10) : SIZE_MAX;
    for (size_t capacity = 0; reply->length < length;) {
        if (reply->rest_length == 0) {
            ssize_t count = recv(fd, reply->rest, sizeof(reply->rest), 0);

            if (count <= 0)
                break;
            reply->rest_length = (size_t)count;
        }
        size_t part =
            reply->rest_length < length - reply->length ? reply->rest_length : length - reply->length;

        if (reply->length + part > capacity) {
            capacity = (reply->length + part) * 2;
            reply->body = realloc(reply->body, capacity);
            assert_non_null(reply->body);
        }
        memcpy(reply->body + reply->length, reply->rest, part);
        reply->length += part;
        reply->rest_length -= part;
        memmove(reply->rest, reply->rest + part, reply->rest_length);
    }
    return true;
}

static inline void expect_reply(int fd, struct reply *reply, int status)
{
    if (!client_read(fd, reply, true))
        fail_msg("connection closed, expected %d", status);
    if (reply->status != status)
        fail_msg("expected %d, got:\n%s%.*s", status, reply->head, (int)reply->length, reply->body);
}

static inline void expect_body(const struct reply *reply, const char *text)
{
    assert_int_equal(reply->length, strlen(text));
    if (reply->length > 0)
        assert_memory_equal(reply->body, text, reply->length);
}

/* The server closes in good order: no reset. */
static inline void expect_close(int fd, struct reply *reply)
{
    char byte;

    assert_int_equal(reply->rest_length, 0);
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

/* The connection still serves. */
static inline void expect_usable(int fd, struct reply *reply)
{
    client_send(fd, "GET /path/again HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_reply(fd, reply, 200);
    expect_body(reply, "/path/again|h");
}

static inline void client_close(int fd, struct reply *reply)
{
    free(reply->body);
    reply->body = NULL;
    reply->rest_length = 0;
    close(fd);
}

#endif
