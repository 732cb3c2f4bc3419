/* SPDX-License-Identifier: MIT
 *
 * Reading request heads: the states IDLE and HEAD. On the connection's worker.
 *
 * Bytes are received into the connection's input and scanned line by line as they come, so that a head in
 * one-byte pieces costs no more than one in a piece, a bad request line is refused before the rest has
 * arrived, and bounds hold at once. libh2o's parser takes bare LF for a line end; two parsers may then see
 * two different heads, so the scan refuses it. */
#include "api/http/connection.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum head_result {
    HEAD_PARTIAL = 0,
    HEAD_COMPLETE = 1,
    /* or an HTTP status that refuses it */
};

void head_begin(struct connection *conn)
{
    assert(body_is_over(conn));
    memset(&conn->head, 0, sizeof(conn->head));
    conn->state = CONNECTION_IDLE;
    connection_arm(conn, &conn->worker->idle_timeout);
}

/* ---- Scanning ---- */

/* Drops the empty lines that may precede a request line. HEAD_COMPLETE when its first byte is here. */
static int head_skip_blank_lines(struct connection *conn, const char **message)
{
    for (;;) {
        h2o_buffer_t *input = connection_input(conn);

        if (input->size == 0)
            return HEAD_PARTIAL;
        if (input->bytes[0] != '\r')
            return HEAD_COMPLETE;
        if (input->size < 2)
            return HEAD_PARTIAL;
        if (input->bytes[1] != '\n' || conn->head.blank_lines++ >= HTTP_BLANK_LINES_MAX) {
            *message = "The request does not begin with a request line.";
            return 400;
        }
        connection_consume(conn, 2);
    }
}

/* One line [line_start, line_end) without its CRLF. HEAD_COMPLETE at the empty one. */
static int head_scan_line(struct connection *conn, size_t line_end, const char **message)
{
    const char *line = connection_input(conn)->bytes + conn->head.line_start;
    size_t length = line_end - conn->head.line_start;
    int status;

    if (conn->head.lines == 0) {
        if ((status = head_check_request_line(line, length, message)) != 0)
            return status;
    } else if (length == 0) {
        return HEAD_COMPLETE;
    } else if (conn->head.lines > HTTP_HEADERS_MAX) {
        *message = "The request has too many header fields.";
        return 431;
    }
    conn->head.lines++;
    return HEAD_PARTIAL;
}

static int head_scan_lines(struct connection *conn, const char **message)
{
    h2o_buffer_t *input = connection_input(conn);
    const char *line_feed;
    int result;

    while (conn->head.scanned < input->size &&
           (line_feed = memchr(input->bytes + conn->head.scanned, '\n', input->size - conn->head.scanned)) !=
               NULL) {
        size_t at = (size_t)(line_feed - input->bytes);

        if (at >= HTTP_HEAD_BYTES_MAX)
            break;
        if (at == conn->head.line_start || line_feed[-1] != '\r') {
            *message = "A line of the request head does not end in CRLF.";
            return 400;
        }
        result = head_scan_line(conn, at - 1, message);
        conn->head.scanned = conn->head.line_start = at + 1;
        if (result != HEAD_PARTIAL)
            return result;
    }
    conn->head.scanned = input->size;
    if (input->size < HTTP_HEAD_BYTES_MAX)
        return HEAD_PARTIAL;
    *message = conn->head.lines == 0 ? "The request line is too long." : "The request head is too large.";
    return conn->head.lines == 0 ? 414 : 431;
}

static int head_scan(struct connection *conn, const char **message)
{
    int result;

    if (conn->head.lines == 0 && conn->head.scanned == 0 &&
        (result = head_skip_blank_lines(conn, message)) != HEAD_COMPLETE)
        return result;
    return head_scan_lines(conn, message);
}

/* ---- From head to request ---- */

static void head_init_request(struct connection *conn)
{
    assert(!conn->has_request);
    conn->req = (struct http_request){.query_at = SIZE_MAX, .is_tls = conn->is_tls, .mark = conn->mark};
    arena_init(&conn->req.arena, &conn->worker->arenas);
    conn->has_request = true;
    conn->closes_after = conn->client_closes = false;
    conn->is_vouched_for = false;
    conn->principal = slice_of(NULL, 0);
    conn->is_http_1_0 = false; /* until the request line says otherwise: what a refusal is sent in */
    conn->began_at = *worker_now(conn->worker);
    body_begin(conn);
    answer_begin(conn);
    connection_disarm(conn);
    conn->turn.requests++;
    counter_add(&conn->worker->counters.requests, 1);
}

static enum connection_step head_refuse(struct connection *conn, int status, const char *message)
{
    if (!conn->has_request)
        head_init_request(conn);
    conn->body.state = BODY_FAILED; /* where it ends is unknown */
    answer_refuse(conn, status, message);
    return STEP_AGAIN;
}

static enum connection_step head_accept(struct connection *conn)
{
    const struct http_handler *handler = &conn->worker->server->options.handler;
    size_t length = conn->head.scanned;
    const char *message = "";
    char *copy;
    int status;

    assert(body_is_over(conn)); /* or these bytes are a body, whatever they look like */
    assert(conn->answer.keeps_alive);
    head_init_request(conn);
    /* The input moves on to the body; what the request points to lives with the request. */
    copy = memcpy(arena_alloc(&conn->req.arena, length), connection_input(conn)->bytes, length);
    connection_consume(conn, length);
    if ((status = head_parse(conn, copy, length, &message)) != 0)
        return head_refuse(conn, status, message);
    conn->state = CONNECTION_REQUEST;
    handler->on_request(handler->ctx, conn->worker, &conn->req);
    return STEP_AGAIN;
}

void head_on_timeout(struct connection *conn)
{
    (void)head_refuse(conn, 408, "The request head did not arrive in time.");
}

/* ---- The step ---- */

static enum connection_step head_receive(struct connection *conn)
{
    ssize_t count;

    if (!conn->is_readable) {
        conn->want_read = true;
        return STEP_WAIT;
    }
    count = connection_receive(conn, HTTP_INPUT_BYTES_INITIAL);
    if (count == -EAGAIN) {
        conn->want_read = true;
        return STEP_WAIT;
    }
    if (count <= 0) {
        conn->state = CONNECTION_CLOSED;
        return STEP_WAIT;
    }
    if (count < (ssize_t)HTTP_INPUT_BYTES_INITIAL)
        conn->is_readable = false; /* very likely: the poll tells, should there be more */
    return STEP_AGAIN;
}

enum connection_step head_step(struct connection *conn)
{
    const char *message = "";
    int result;

    if (connection_turn_is_over(conn))
        return STEP_WAIT;
    result = head_scan(conn, &message);
    if (result == HEAD_COMPLETE)
        return head_accept(conn);
    if (result != HEAD_PARTIAL)
        return head_refuse(conn, result, message);
    if (conn->state == CONNECTION_HEAD && connection_input(conn)->size == 0) {
        conn->state = CONNECTION_IDLE; /* it was but an empty line */
        connection_arm(conn, &conn->worker->idle_timeout);
    } else if (conn->state == CONNECTION_IDLE && connection_input(conn)->size > 0) {
        conn->state = CONNECTION_HEAD;
        connection_arm(conn, &conn->worker->head_timeout); /* once: a head does not get longer by dripping */
    }
    if (conn->state == CONNECTION_IDLE && conn->worker->is_stopping) {
        conn->state = CONNECTION_CLOSED;
        return STEP_WAIT;
    }
    return head_receive(conn);
}
