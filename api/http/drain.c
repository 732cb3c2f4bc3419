/* SPDX-License-Identifier: MIT
 *
 * Bytes that nobody wants: the states DRAIN and LINGER. On the connection's worker.
 *
 * DRAIN: a request was answered before its body was read. The body's small rest is read by its framing and
 * dropped; the next request follows it.
 *
 * LINGER: the last answer is out and our side shut. Closing a socket with unread bytes would send a reset,
 * which may destroy the answer on its way; so what comes is dropped until the client closes, or for a bounded
 * time and amount.
 *
 * Payload is dropped inside the kernel (MSG_TRUNC), without a copy. */
#include "api/http/connection.h"

#include <errno.h>

bool drain_is_cheap(const struct connection *conn)
{
    const struct body *body = &conn->body;

    /* The rest of a chunked body is anybody's guess. */
    return body->announced != UINT64_MAX && body->storage.length.remaining <= HTTP_DRAIN_BYTES_MAX;
}

int drain_input(struct connection *conn)
{
    struct framing *transfer = conn->body.transfer;
    h2o_buffer_t *input;

    while (!transfer->ops->done(transfer) && (input = connection_input(conn))->size > 0) {
        uint64_t run = transfer->ops->run(transfer);

        if (run > 0) {
            size_t count = input->size < run ? input->size : (size_t)run;
            int err = transfer->ops->take(transfer, count);

            if (err != 0)
                return err;
            connection_consume(conn, count);
        } else {
            ssize_t count = transfer->ops->feed(transfer, input->bytes, input->size);

            if (count <= 0)
                return -EBADMSG;
            connection_consume(conn, (size_t)count);
        }
    }
    if (transfer->ops->done(transfer))
        conn->body.state = BODY_NONE;
    return 0;
}

/* > 0, 0 at the end of the stream, or a negative errno. */
static ssize_t drain_some(struct connection *conn)
{
    struct framing *transfer = conn->body.transfer;
    uint64_t run = transfer->ops->run(transfer);
    ssize_t count;
    int err;

    if (run == 0)
        return connection_receive(conn, transfer->ops->hint(transfer));
    count = connection_discard(conn, run < HTTP_DRAIN_BYTES_MAX ? (size_t)run : HTTP_DRAIN_BYTES_MAX);
    if (count > 0 && (err = transfer->ops->take(transfer, (uint64_t)count)) != 0)
        return err;
    return count;
}

enum connection_step drain_step(struct connection *conn)
{
    ssize_t count;

    if (drain_input(conn) != 0) {
        connection_close(conn, true);
        return STEP_AGAIN;
    }
    if (conn->body.state == BODY_NONE) {
        head_begin(conn);
        return STEP_AGAIN;
    }
    count = drain_some(conn);
    if (count == -EAGAIN) {
        conn->want_read = true;
        return STEP_WAIT;
    }
    if (count <= 0)
        conn->state = CONNECTION_CLOSED;
    else if ((conn->discarded += (uint64_t)count) > HTTP_DRAIN_BYTES_MAX)
        connection_close(conn, true);
    return STEP_AGAIN;
}

enum connection_step linger_step(struct connection *conn)
{
    size_t budget = HTTP_TURN_BYTES_MAX;

    if (conn->owes_close) { /* what is said to the client first, the socket had no room for */
        conn->owes_close = tls_stream_close(conn->tls) == -EAGAIN;
        conn->want_write = conn->owes_close;
        if (!conn->owes_close && shutdown(connection_fd(conn), SHUT_WR) != 0) {
            conn->state = CONNECTION_CLOSED;
            return STEP_WAIT;
        }
    }
    while (conn->is_readable && budget > 0) {
        ssize_t count = connection_discard(conn, budget);

        if (count == -EAGAIN)
            break;
        if (count <= 0 || (conn->discarded += (uint64_t)count) > HTTP_LINGER_BYTES_MAX) {
            conn->state = CONNECTION_CLOSED;
            return STEP_WAIT;
        }
        budget -= (size_t)count;
    }
    conn->want_read = true;
    return STEP_WAIT;
}
