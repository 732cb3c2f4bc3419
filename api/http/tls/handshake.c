/* SPDX-License-Identifier: MIT
 *
 * The state HANDSHAKE of a connection that came in by the TLS listener. On the connection's worker.
 *
 * A connection costs no memory of OpenSSL's before its first byte is here. That byte says what the client speaks: one that
 * begins with a letter speaks HTTP to the wrong port, and is told so in its own language. */
#include "api/http/connection.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#define TLS_RECORD_IS_HANDSHAKE 0x16 /* RFC 8446 5.1: what a client's first record is */

void handshake_begin(struct connection *conn)
{
    conn->state = CONNECTION_HANDSHAKE;
    connection_arm(conn, &conn->worker->handshake_timeout);
}

static void handshake_refuse_plain(struct connection *conn)
{
    static const char body[] =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<Error><Code>BadRequest</Code><Message>This port speaks HTTPS, not plain HTTP.</Message></Error>";
    char answer[512];
    int length = snprintf(answer, sizeof(answer),
                          "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
                          "Content-Type: application/xml\r\nContent-Length: %zu\r\n\r\n%s",
                          sizeof(body) - 1, body);
    ssize_t sent = send(connection_fd(conn), answer, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL);

    connection_close(conn, sent == length); /* into an empty queue it fits whole */
}

/* The first byte is here, or the end. */
static int handshake_open(struct connection *conn)
{
    unsigned char first;
    ssize_t count;

    do {
        count = recv(connection_fd(conn), &first, 1, MSG_PEEK | MSG_DONTWAIT);
    } while (count == -1 && errno == EINTR);
    if (count == -1)
        return -errno;
    if (count == 0)
        return -ECONNRESET;
    if (first == TLS_RECORD_IS_HANDSHAKE)
        return tls_stream_create(&conn->tls, conn->worker->server->tls, connection_fd(conn));
    return first >= 'A' && first <= 'Z' ? -EPROTOTYPE : -EBADMSG;
}

static void handshake_note_failure(struct connection *conn, int err)
{
    if (err == -EPROTOTYPE)
        handshake_failure_note(conn, HTTP_HANDSHAKE_PLAIN_HTTP, "the client speaks HTTP without TLS");
    else if (err == -EBADMSG)
        handshake_failure_note(conn, HTTP_HANDSHAKE_REFUSED, "the client does not speak TLS");
    else if (err == -EPROTO)
        handshake_failure_note(conn, HTTP_HANDSHAKE_REFUSED, tls_stream_failure(conn->tls));
    else if (conn->tls != NULL)
        handshake_failure_note(conn, HTTP_HANDSHAKE_CLOSED, "the client went away");
}

void handshake_on_timeout(struct connection *conn)
{
    handshake_failure_note(conn, HTTP_HANDSHAKE_TIMED_OUT, "it took too long");
    conn->state = CONNECTION_CLOSED;
}

static enum connection_step handshake_end(struct connection *conn, int err)
{
    if (err != 0)
        handshake_note_failure(conn, err);
    switch (err) {
    case 0:
        conn->is_readable = true; /* the request may have come along */
        head_begin(conn);
        break;
    case -EPROTOTYPE:
        handshake_refuse_plain(conn);
        break;
    case -EPROTO:
        connection_close(conn, true); /* the alert says why, if it is not destroyed by a reset */
        break;
    default:
        conn->state = CONNECTION_CLOSED;
        break;
    }
    return STEP_AGAIN;
}

static enum connection_step handshake_wait(struct connection *conn)
{
    conn->is_readable = false;
    conn->want_write = conn->tls != NULL && tls_stream_wants_write(conn->tls);
    conn->want_read = !conn->want_write;
    return STEP_WAIT;
}

enum connection_step handshake_step(struct connection *conn)
{
    int err = 0;

    if (!conn->is_readable) /* also set when there is room to write again */
        return handshake_wait(conn);
    if (!conn->is_turn) {
        turn_await_handshake(conn);
        conn->want_no_read = true;
        return STEP_WAIT;
    }
    conn->is_turn = false;
    if (conn->tls == NULL)
        err = handshake_open(conn);
    if (err == 0)
        err = tls_stream_handshake(conn->tls);
    return err == -EAGAIN ? handshake_wait(conn) : handshake_end(conn, err);
}
