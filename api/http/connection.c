/* SPDX-License-Identifier: MIT
 *
 * One HTTP/1.1 connection as its states use it: its socket and input, its timeout, the ways to close it. How the states follow each
 * other is connection_run.c's. */
#include "api/http/connection.h"
#include "api/http/proxy/proxies.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

struct connection *connection_of(struct http_request *req)
{
    struct connection *conn = H2O_STRUCT_FROM_MEMBER(struct connection, req, req);

    assert(conn->magic == CONNECTION_MAGIC);
    assert(conn->has_request);
    return conn;
}

struct http_worker *http_request_worker(struct http_request *req)
{
    return connection_of(req)->worker;
}

socklen_t http_request_peer(struct http_request *req, struct sockaddr_storage *address)
{
    return h2o_socket_getpeername(connection_of(req)->socket, (struct sockaddr *)address);
}

socklen_t http_request_client(struct http_request *req, struct sockaddr_storage *address)
{
    return proxies_client(http_request_worker(req)->settings->proxies, &req->headers, address,
                          http_request_peer(req, address));
}

bool http_request_is_https(struct http_request *req)
{
    const struct proxies *proxies = http_request_worker(req)->settings->proxies;
    struct sockaddr_storage peer;

    return req->is_tls ||
           (http_request_peer(req, &peer) != 0 && proxies_say_https(proxies, &req->headers, &peer));
}

bool http_request_is_private(struct http_request *req)
{
    struct sockaddr_storage peer, client;

    return http_request_is_https(req) ||
           (http_request_peer(req, &peer) != 0 && proxies_is_local(&peer) &&
            http_request_client(req, &client) != 0 && proxies_is_local(&client));
}

size_t http_request_certificate_names(struct http_request *req, struct slice *names, size_t max)
{
    const struct tls_stream *tls = connection_of(req)->tls;

    return tls != NULL ? tls_stream_names(tls, &req->arena, names, max) : 0;
}

void connection_wake(struct connection *conn)
{
    if (!conn->is_running && !h2o_timeout_is_linked(&conn->wakeup))
        h2o_timeout_link(conn->worker->loop, &conn->worker->at_once, &conn->wakeup);
}

bool connection_turn_is_over(struct connection *conn)
{
    uint64_t sent = atomic_load_explicit(&conn->worker->counters.bytes_sent, memory_order_relaxed);

    if (conn->turn.requests >= HTTP_TURN_REQUESTS_MAX ||
        sent - conn->turn.sent_before >= HTTP_SEND_TURN_BYTES_MAX)
        conn->turn.is_over = true;
    return conn->turn.is_over;
}

/* ---- Timeout ---- */

void connection_arm(struct connection *conn, h2o_timeout_t *timeout)
{
    h2o_timeout_unlink(&conn->timeout);
    h2o_timeout_link(conn->worker->loop, timeout, &conn->timeout);
}

void connection_disarm(struct connection *conn)
{
    h2o_timeout_unlink(&conn->timeout);
}

/* ---- Closing ---- */

void connection_reset(struct connection *conn)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    /* Both fail only on a socket that is disconnected already. */
    (void)setsockopt(connection_fd(conn), SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    (void)shutdown(connection_fd(conn), SHUT_RDWR);
}

void connection_close(struct connection *conn, bool linger)
{
    conn->owes_close = linger && conn->tls != NULL && tls_stream_close(conn->tls) == -EAGAIN;
    if (!linger || (!conn->owes_close && shutdown(connection_fd(conn), SHUT_WR) != 0)) {
        conn->state = CONNECTION_CLOSED;
        return;
    }
    connection_consume(conn, connection_input(conn)->size);
    conn->discarded = 0;
    conn->is_readable = true;
    conn->state = CONNECTION_LINGER;
    connection_arm(conn, &conn->worker->linger_timeout);
}

void http_request_close_after(struct http_request *req)
{
    connection_of(req)->closes_after = true;
}

/* ---- Input ---- */

int connection_fd(struct connection *conn)
{
    return h2o_socket_get_fd(conn->socket);
}

h2o_buffer_t *connection_input(struct connection *conn)
{
    return conn->socket->input;
}

void connection_consume(struct connection *conn, size_t count)
{
    h2o_buffer_consume(&conn->socket->input, count);
}

static ssize_t connection_received(struct connection *conn, ssize_t count)
{
    if (count > 0) {
        counter_add(&conn->worker->counters.bytes_received, (uint64_t)count);
        conn->pace.bytes += (uint64_t)count;
        return count;
    }
    if (count == 0)
        return 0;
    if (errno == EAGAIN) {
        conn->is_readable = false;
        return -EAGAIN;
    }
    return -errno;
}

static ssize_t connection_read_tls(struct connection *conn, void *buffer, size_t length)
{
    ssize_t count = tls_stream_receive(conn->tls, buffer, length);

    if (count > 0)
        counter_add(&conn->worker->counters.tls_bytes_received, (uint64_t)count);
    if (count >= 0)
        return connection_received(conn, count);
    if (count == -EAGAIN)
        conn->is_readable = false;
    return count;
}

ssize_t connection_read(struct connection *conn, void *buffer, size_t length)
{
    ssize_t count;

    if (conn->tls != NULL)
        return connection_read_tls(conn, buffer, length);
    do {
        count = recv(connection_fd(conn), buffer, length, MSG_DONTWAIT);
    } while (count == -1 && errno == EINTR);
    return connection_received(conn, count);
}

ssize_t connection_receive(struct connection *conn, size_t max)
{
    h2o_iovec_t room = h2o_buffer_reserve(&conn->socket->input, max);
    ssize_t count;

    if (room.base == NULL)
        return -ENOMEM;
    count = connection_read(conn, room.base, max);
    if (count > 0)
        conn->socket->input->size += (size_t)count;
    return count;
}

ssize_t connection_discard(struct connection *conn, size_t max)
{
    char *buffer = worker_copy_buffer(conn->worker);
    ssize_t count;

    if (buffer == NULL)
        return -ENOMEM;
    if (conn->tls != NULL && conn->state != CONNECTION_LINGER)
        return connection_read(conn, buffer, max < HTTP_COPY_BUFFER_BYTES ? max : HTTP_COPY_BUFFER_BYTES);
    do { /* TCP drops the bytes without copying them: the buffer is a formality */
        count = recv(connection_fd(conn), buffer, max < HTTP_COPY_BUFFER_BYTES ? max : HTTP_COPY_BUFFER_BYTES,
                     MSG_DONTWAIT | MSG_TRUNC);
    } while (count == -1 && errno == EINTR);
    return connection_received(conn, count);
}
