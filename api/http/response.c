/* SPDX-License-Identifier: MIT
 *
 * Answers: the state ANSWER, from the handler's call to the end of the request. On the connection's worker.
 *
 * Memory answers are written at once, from the caller's memory, and only what the socket does not take is
 * copied. Sources are sent by source.c. What handlers of libh2o send (h2o_send*) comes through the final
 * ostream here and goes the same way.
 *
 * What becomes of the connection is decided with the head, for the head announces it. A body that was not
 * read is drained if little of it is left, else the connection closes. So it does where the client announced the body
 * with Expect: 100-continue, was refused, and has sent none of it: it may send it all the same, or go on with
 * its next request, and nothing in the bytes tells which. To a front end between us and the client they are
 * the body that its framing says they are (RFC 9112 6.3), so they must never be executed as a request. */
#include "api/http/connection.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

static void final_send(h2o_ostream_t *ostream, h2o_req_t *req, h2o_iovec_t *bufs, size_t bufcnt,
                       h2o_send_state_t state);

void answer_begin(struct connection *conn)
{
    assert(conn->answer.copy_buffer == NULL);
    memset(&conn->answer, 0, sizeof(conn->answer));
    conn->final = (h2o_ostream_t){.do_send = final_send};
    conn->req._ostr_top = &conn->final;
}

/* ---- Keep or close ---- */

/* Bytes after the head of a request with a body, here or still in the kernel. When in doubt, yes. */
static bool answer_has_body_begun(struct connection *conn)
{
    int available = 0;

    return connection_input(conn)->size > 0 || (conn->tls != NULL && tls_stream_has_pending(conn->tls)) ||
           ioctl(connection_fd(conn), FIONREAD, &available) != 0 || available > 0;
}

static bool answer_body_allows_reuse(struct connection *conn)
{
    if (conn->body.state == BODY_NONE)
        return true;
    if (conn->body.state == BODY_FAILED || conn->body.is_in_sink)
        return false;
    assert(conn->body.state == BODY_UNREAD);
    if (conn->body.is_expected && !answer_has_body_begun(conn))
        return false;
    if (drain_input(conn) != 0) {
        conn->body.state = BODY_FAILED;
        return false;
    }
    return conn->body.state == BODY_NONE || drain_is_cheap(conn);
}

/* The head is about to be written: everything that it depends on is settled here. */
static void answer_decide(struct connection *conn)
{
    body_detach(conn);
    conn->answer.keeps_alive = conn->req.http1_is_persistent && !conn->closes_after &&
                               !conn->worker->is_stopping && !conn->is_dead && answer_body_allows_reuse(conn);
    conn->req.timestamps.response_start_at = *h2o_get_timestamp(&conn->worker->h2o, NULL, NULL);
}

/* ---- The end of a request ---- */

static void answer_account(struct connection *conn)
{
    struct http_worker *worker = conn->worker;
    unsigned class = (unsigned)conn->req.res.status / 100;
    int err;

    counter_add(&worker->counters.responses_by_class[class < 6 ? class : 0], 1);
    conn->req.timestamps.response_end_at = *h2o_get_timestamp(&worker->h2o, NULL, NULL);
    if (worker->server->log != NULL &&
        (err = access_log_add(worker->server->log, &worker->log_buffer, &conn->req)) != 0)
        server_log(worker->server, 1, "access log: lines were lost: %s", strerror(-err));
}

static void answer_release(struct connection *conn)
{
    answer_account(conn);
    connection_disarm(conn);
    output_clear(conn);
    free(conn->answer.copy_buffer);
    conn->answer.copy_buffer = NULL;
    conn->has_request = false;
    h2o_dispose_request(&conn->req);
}

/* The whole answer is with the kernel. */
static void answer_finish(struct connection *conn)
{
    bool keeps_alive = conn->answer.keeps_alive;

    answer_release(conn);
    if (!keeps_alive) {
        /* A client that asked for the close sends no more, unless it has not yet sent its body. */
        bool client_is_done =
            conn->client_closes && conn->body.state == BODY_NONE && connection_input(conn)->size == 0;

        connection_close(conn, !client_is_done);
    } else if (conn->body.state == BODY_UNREAD) {
        conn->discarded = 0;
        conn->is_readable = true;
        conn->state = CONNECTION_DRAIN;
        connection_arm(conn, &conn->worker->linger_timeout);
    } else {
        head_begin(conn);
    }
}

void answer_abort(struct connection *conn, int reason)
{
    assert(conn->state == CONNECTION_ANSWER);
    connection_reset(conn);
    if (conn->answer.source != NULL)
        source_end(conn, reason);
    answer_release(conn);
    conn->state = CONNECTION_CLOSED;
}

/* ---- The step ---- */

enum connection_step answer_step(struct connection *conn)
{
    int err;

    if (conn->is_dead) {
        answer_abort(conn, -ECONNRESET);
        return STEP_AGAIN;
    }
    if (conn->answer.is_small)
        return source_small_step(conn);
    err = source_takes_head(conn) ? 0 : output_flush(conn, conn->answer.source_remaining > 0);
    if (err == -EAGAIN) {
        conn->want_write = true;
        connection_arm(conn, &conn->worker->send_timeout);
        return STEP_WAIT;
    }
    if (err != 0 || conn->answer.is_broken) {
        answer_abort(conn, err != 0 ? err : -EIO);
        return STEP_AGAIN;
    }
    if (conn->answer.source != NULL)
        return source_step(conn);
    if (conn->answer.is_whole) {
        answer_finish(conn);
        return STEP_AGAIN;
    }
    if (!conn->answer.awaits_generator) {
        conn->answer.awaits_generator = true;
        connection_disarm(conn);
        h2o_proceed_response(&conn->req);
        return STEP_AGAIN;
    }
    return STEP_WAIT;
}

/* ---- The handler's side ---- */

static void answer_enter(struct connection *conn)
{
    conn->state = CONNECTION_ANSWER;
    connection_wake(conn);
}

static void answer_push_head(struct connection *conn, uint64_t content_length)
{
    h2o_iovec_t head;

    assert(!conn->answer.head_is_written);
    answer_decide(conn);
    head = response_head(conn, content_length);
    output_push(conn, head.base, head.len);
    conn->answer.head_is_written = true;
}

static void answer_send_memory(struct connection *conn, const void *body, size_t length)
{
    int err;

    if (length > 0 && conn->req.res.status == 204)
        length = 0;
    answer_push_head(conn, conn->req.res.status == 304 ? UINT64_MAX : length);
    if (!response_has_no_body(conn)) {
        output_push(conn, body, length);
        conn->req.bytes_sent = length;
    }
    conn->answer.is_whole = true;
    if (!conn->is_dead && (err = output_flush(conn, false)) != 0) {
        if (err == -EAGAIN)
            output_copy_rest(conn);
        else
            conn->is_dead = true; /* the step ends it; nothing is done to the caller here */
    }
    if (conn->is_dead)
        output_clear(conn); /* the body is the caller's and gone when we return */
    answer_enter(conn);
}

void http_send_memory(h2o_req_t *req, const void *body, size_t length)
{
    struct connection *conn = connection_of(req);

    assert(conn->state == CONNECTION_REQUEST);
    answer_send_memory(conn, body, length);
}

void http_send_head(h2o_req_t *req, uint64_t content_length)
{
    struct connection *conn = connection_of(req);

    assert(conn->state == CONNECTION_REQUEST);
    answer_push_head(conn, response_has_no_body(conn) ? content_length : 0);
    conn->answer.is_whole = true;
    answer_enter(conn);
}

void http_send_source(h2o_req_t *req, struct http_source *source, uint64_t length)
{
    struct connection *conn = connection_of(req);

    assert(conn->state == CONNECTION_REQUEST);
    answer_push_head(conn, length);
    conn->answer.source = source;
    conn->worker->source_count++;
    conn->answer.source_remaining = response_has_no_body(conn) ? 0 : length;
    conn->answer.is_small = conn->answer.source_remaining > 0 && length <= HTTP_SMALL_BODY_BYTES;
    conn->answer.is_whole = true;
    answer_enter(conn);
}

/* S3 clients read errors as XML; the code is derived from the status for the few that arise here. */
static const char *refusal_code(int status)
{
    switch (status) {
    case 408:
        return "RequestTimeout";
    case 414:
        return "RequestURITooLong";
    case 417:
        return "ExpectationFailed";
    case 431:
        return "RequestHeaderSectionTooLarge";
    case 505:
        return "HTTPVersionNotSupported";
    default:
        return "BadRequest";
    }
}

void answer_refuse(struct connection *conn, int status, const char *message)
{
    char body[512];
    int length = snprintf(body, sizeof(body),
                          "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                          "<Error><Code>%s</Code><Message>%s</Message></Error>",
                          refusal_code(status), message);

    assert(length > 0 && (size_t)length < sizeof(body));
    conn->state = CONNECTION_REQUEST;
    conn->closes_after = true;
    conn->req.res.status = status;
    if (conn->req.processed_at.str == NULL)
        h2o_get_timestamp(&conn->worker->h2o, &conn->req.pool, &conn->req.processed_at);
    h2o_add_header(&conn->req.pool, &conn->req.res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
                   H2O_STRLIT("application/xml"));
    answer_send_memory(conn, body, (size_t)length);
}

/* ---- Handlers of libh2o ---- */

static void final_push_head(struct connection *conn, size_t length, h2o_send_state_t state)
{
    h2o_res_t *res = &conn->req.res;
    uint64_t content_length = res->content_length != SIZE_MAX ? res->content_length : UINT64_MAX;

    if (content_length == UINT64_MAX && !response_has_no_body(conn) &&
        h2o_find_header(&res->headers, H2O_TOKEN_TRANSFER_ENCODING, -1) == -1) {
        if (state == H2O_SEND_STATE_FINAL)
            content_length = length; /* this is all there is */
        else
            conn->closes_after = true; /* the close marks the end */
    }
    answer_push_head(conn, content_length);
}

static void final_send(h2o_ostream_t *ostream, h2o_req_t *req, h2o_iovec_t *bufs, size_t bufcnt,
                       h2o_send_state_t state)
{
    struct connection *conn = connection_of(req);
    size_t length = 0;

    (void)ostream;
    assert(conn->state == CONNECTION_REQUEST || conn->state == CONNECTION_ANSWER);
    for (size_t i = 0; i < bufcnt; i++)
        length += bufs[i].len;
    if (!conn->answer.head_is_written)
        final_push_head(conn, length, state);
    if (!response_has_no_body(conn)) {
        for (size_t i = 0; i < bufcnt; i++)
            output_push(conn, bufs[i].base, bufs[i].len);
        if (!req->bytes_counted_by_ostream)
            req->bytes_sent += length;
    }
    conn->answer.is_whole = state != H2O_SEND_STATE_IN_PROGRESS;
    conn->answer.is_broken = state == H2O_SEND_STATE_ERROR;
    conn->answer.awaits_generator = false;
    answer_enter(conn);
}
