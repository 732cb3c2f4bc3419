/* SPDX-License-Identifier: MIT
 *
 * Sending a large answer from a source: file to socket by the source's own sendfile, or through a buffer in
 * copy mode. On the connection's worker, inside the state ANSWER.
 *
 * The head went out just before with MSG_MORE, so that it shares the first segment with the body; but a small body
 * is read into the buffer of its head, and one call sends both. No op of a source is called from inside http_send_source or
 * http_source_resume.
 *
 * A large body is sent under TCP_CORK. MSG_MORE, which sendfile sets inside, is no equal of it: with TCP_NODELAY each acknowledgement
 * that comes in between has the kernel send what is left of a segment, so two packets of five are small. The cork comes off at the end of
 * the body, and while the source is waited for, so nothing is held back but what a full queue follows. */
#include "api/http/connection.h"

#include <assert.h>
#include <errno.h>

void source_end(struct connection *conn, int result)
{
    struct http_source *source = conn->answer.source;

    assert(conn->worker->source_count > 0);
    conn->worker->source_count--;
    conn->answer.source = NULL;
    conn->answer.source_remaining = 0;
    source->end(source, result);
}

static bool source_copies(const struct connection *conn)
{
    return conn->worker->server->options.copy_mode ||
           (conn->answer.source != NULL && conn->answer.source->copies) ||
           (conn->tls != NULL && !tls_stream_kernel_sends(conn->tls));
}

/* There is no MSG_MORE for records: the head waits, until body follows it in the queue. */
bool source_takes_head(const struct connection *conn)
{
    return conn->tls != NULL && conn->answer.source_remaining > 0 && conn->answer.copy_buffer == NULL &&
           source_copies(conn);
}

/* > 0: bytes sent, or with the copy buffer in the output. */
static ssize_t source_send(struct connection *conn, size_t max)
{
    struct http_source *source = conn->answer.source;
    size_t room = conn->tls != NULL ? HTTP_TLS_SEND_BUFFER_BYTES : HTTP_COPY_BUFFER_BYTES;
    ssize_t count;

    if (!source_copies(conn)) {
        count = source->send(source, connection_fd(conn), max);
        if (count > 0) {
            counter_add(&conn->worker->counters.bytes_sent, (uint64_t)count);
            counter_add(&conn->worker->counters.bytes_sendfile, (uint64_t)count);
            conn->pace.bytes += (uint64_t)count;
        }
        return count;
    }
    if (conn->answer.copy_buffer == NULL && (conn->answer.copy_buffer = malloc(room)) == NULL)
        return -ENOMEM;
    count = source->read(source, conn->answer.copy_buffer, max < room ? max : room);
    if (count > 0)
        output_push(conn, conn->answer.copy_buffer, (size_t)count);
    return count;
}

static enum connection_step source_wait(struct connection *conn, ssize_t reason)
{
    if (reason == -EBUSY) {
        if (conn->answer.is_resumed)
            return STEP_AGAIN;
        output_cork(conn, false);
        conn->answer.is_blocked = true;
        connection_disarm(conn); /* the client is not to blame */
        return STEP_WAIT;
    }
    assert(reason == -EAGAIN);
    return answer_wait(conn);
}

static size_t source_turn(const struct connection *conn, bool copies)
{
    if (copies)
        return HTTP_TURN_BYTES_MAX;
    return conn->worker->source_count == 1 ? HTTP_SEND_TURN_BYTES_ALONE : HTTP_SEND_TURN_BYTES_MAX;
}

enum connection_step source_step(struct connection *conn)
{
    bool copies = source_copies(conn);
    size_t budget = source_turn(conn, copies);

    assert(output_is_empty(conn) || source_takes_head(conn));
    if (conn->answer.is_blocked)
        return STEP_WAIT;
    if (conn->tls == NULL && conn->answer.source_remaining > HTTP_CORK_BODY_BYTES)
        output_cork(conn, true);
    while (conn->answer.source_remaining > 0) {
        uint64_t remaining = conn->answer.source_remaining;
        size_t wanted = remaining < budget ? (size_t)remaining : budget;
        ssize_t count;
        int err;

        conn->answer.is_resumed = false;
        count = source_send(conn, wanted);
        if (count == -EINTR)
            continue;
        if (count == -EAGAIN || count == -EBUSY)
            return source_wait(conn, count);
        if (count == 0 && conn->answer.is_endless) {
            conn->answer.source_remaining = 0;
            break;
        }
        if (count <= 0) { /* 0: the source ran dry before its time */
            answer_abort(conn, count != 0 ? (int)count : -EIO);
            return STEP_AGAIN;
        }
        assert((size_t)count <= wanted);
        budget -= (size_t)count;
        conn->answer.source_remaining -= (uint64_t)count;
        conn->answer.body_sent += (size_t)count;
        connection_disarm(conn);
        if ((err = output_flush(conn, conn->answer.source_remaining > 0)) == -EAGAIN)
            return source_wait(conn, -EAGAIN);
        if (err != 0) {
            answer_abort(conn, err);
            return STEP_AGAIN;
        }
        /* The others' turn. Less than was wanted: the socket is full, or the source wants a shorter turn. */
        if (conn->answer.source_remaining > 0 && (budget == 0 || ((size_t)count < wanted && !copies)))
            return source_wait(conn, -EAGAIN);
    }
    output_cork(conn, false);
    source_end(conn, 0);
    return STEP_AGAIN;
}

/* The head is still in the output. What the socket does not take moves to the request's arena, so the source can end
 * here, whatever the client does. */
enum connection_step source_small_step(struct connection *conn)
{
    struct answer *answer = &conn->answer;
    char *buffer = worker_copy_buffer(conn->worker);
    size_t length = 0;
    ssize_t count = buffer != NULL ? 1 : -ENOMEM;
    int err;

    if (answer->is_blocked)
        return STEP_WAIT;
    answer->is_resumed = false;
    while (answer->source_remaining > 0 && count > 0) {
        count = answer->source->read(answer->source, buffer + length, (size_t)answer->source_remaining);
        if (count > 0) {
            length += (size_t)count;
            answer->source_remaining -= (uint64_t)count;
        }
    }
    if (count == -EBUSY && length == 0)
        return source_wait(conn, -EBUSY); /* the head waits with it */
    if (count <= 0 && count != -EBUSY) {
        answer_abort(conn, count != 0 ? (int)count : -EIO);
        return STEP_AGAIN;
    }
    answer->is_small = false; /* a rest that has to be waited for goes the ordinary way */
    output_push(conn, buffer, length);
    conn->answer.body_sent += length;
    if ((err = output_flush(conn, answer->source_remaining > 0)) == -EAGAIN) {
        output_copy_rest(conn);
    } else if (err != 0) {
        answer_abort(conn, err);
        return STEP_AGAIN;
    }
    if (answer->source_remaining > 0)
        return source_wait(conn, -EBUSY);
    source_end(conn, 0);
    return STEP_AGAIN;
}

void http_source_resume(struct http_request *req)
{
    struct connection *conn = connection_of(req);

    conn->answer.is_resumed = true;
    if (conn->answer.is_blocked) {
        conn->answer.is_blocked = false;
        connection_wake(conn);
    }
}
