/* SPDX-License-Identifier: MIT
 *
 * Answers: the state ANSWER, from the handler's call to the end of the request. On the connection's worker.
 *
 * Memory answers are written at once, from the caller's memory, and only what the socket does not take is
 * copied. Sources are sent by source.c.
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

void answer_begin(struct connection *conn)
{
    assert(conn->answer.copy_buffer == NULL);
    memset(&conn->answer, 0, sizeof(conn->answer));
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
    conn->answer.keeps_alive = !conn->client_closes && !conn->closes_after && !conn->worker->is_stopping &&
                               !conn->is_dead && answer_body_allows_reuse(conn);
}

/* ---- The end of a request ---- */

static struct access_log_entry answer_entry(struct connection *conn)
{
    return (struct access_log_entry){
        .conn = &conn->super,
        .request = &conn->req,
        .is_http_1_0 = conn->is_http_1_0,
        .body_sent = conn->answer.body_sent,
        .began_at = conn->began_at,
        .ended_at = *worker_now(conn->worker),
    };
}

static int answer_log(struct connection *conn)
{
    const struct access_log_entry entry = answer_entry(conn);

    return access_log_add(conn->worker->settings->log, &conn->worker->log_buffer, &entry);
}

static void answer_audit(struct connection *conn, struct slice version)
{
    struct http_worker *worker = conn->worker;
    struct access_log_entry entry = answer_entry(conn);
    int err;

    entry.version = version;
    if ((err = access_log_add(worker->settings->audit, &worker->audit_buffer, &entry)) != 0)
        server_log(worker->server, LOG_LEVEL_ERROR, "audit log: lines were lost: %s", strerror(-err));
}

bool http_request_is_audited(struct http_request *req)
{
    return req->audit.is_change && connection_of(req)->worker->settings->audit != NULL;
}

void http_request_audit(struct http_request *req, struct slice key, struct slice version, int status)
{
    struct slice own_key = req->audit.key;
    int own_status = req->answer.status;

    if (!http_request_is_audited(req))
        return;
    req->audit.key = key;
    req->answer.status = status;
    answer_audit(connection_of(req), version);
    req->audit.key = own_key;
    req->answer.status = own_status;
}

static void answer_account(struct connection *conn)
{
    struct http_worker *worker = conn->worker;
    unsigned class = (unsigned)conn->req.answer.status / 100;
    uint64_t us;
    int err;

    class = class < HTTP_CLASSES ? class : 0;
    counter_add(&worker->counters.responses_by_class[class], 1);
    us = latency_note(worker, conn->req.group, class, &conn->began_at);
    if (worker->settings->slow_request_ms != 0 && us / 1000 >= worker->settings->slow_request_ms)
        slow_note(conn, us);
    if (worker->settings->audit != NULL && conn->req.audit.is_change)
        answer_audit(conn, http_headers_find(&conn->req.answer.headers, "x-amz-version-id"));
    if (worker->settings->log != NULL && (err = answer_log(conn)) != 0)
        server_log(worker->server, LOG_LEVEL_WARNING, "access log: lines were lost: %s", strerror(-err));
}

static void answer_release(struct connection *conn)
{
    answer_account(conn);
    connection_disarm(conn);
    output_clear(conn);
    free(conn->answer.copy_buffer);
    conn->answer.copy_buffer = NULL;
    conn->has_request = false;
    body_charge_end(conn);
    arena_free(&conn->req.arena);
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

enum connection_step answer_wait(struct connection *conn)
{
    if (pace_of_answer_is_slow(conn)) {
        answer_abort(conn, -ETIMEDOUT);
        return STEP_AGAIN;
    }
    pace_wait_for_reader(conn);
    conn->want_write = true;
    connection_arm(conn, &conn->worker->send_timeout);
    return STEP_WAIT;
}

/* A slow client may take what the kernel holds, though not yet so much that there is room for more: then the step waits again. */
void answer_on_timeout(struct connection *conn)
{
    if (!pace_reader_goes_on(conn))
        answer_abort(conn, -ETIMEDOUT);
}

enum connection_step answer_step(struct connection *conn)
{
    int err;

    pace_go_on(conn);
    if (conn->is_dead) {
        answer_abort(conn, -ECONNRESET);
        return STEP_AGAIN;
    }
    if (conn->answer.is_small)
        return source_small_step(conn);
    err = source_takes_head(conn) ? 0 : output_flush(conn, conn->answer.source_remaining > 0);
    if (err == -EAGAIN)
        return answer_wait(conn);
    if (err != 0) {
        answer_abort(conn, err);
        return STEP_AGAIN;
    }
    if (conn->answer.source != NULL)
        return source_step(conn);
    if (conn->answer.is_cut) {
        answer_abort(conn, -ECANCELED);
        return STEP_AGAIN;
    }
    answer_finish(conn);
    return STEP_AGAIN;
}

/* ---- The handler's side ---- */

static void answer_enter(struct connection *conn)
{
    conn->state = CONNECTION_ANSWER;
    connection_wake(conn);
}

static void answer_push_head(struct connection *conn, uint64_t content_length)
{
    struct slice head;

    assert(!conn->answer.head_is_written);
    answer_decide(conn);
    pace_begin(conn);
    head = response_head(conn, content_length);
    output_push(conn, head.base, head.len);
    conn->answer.head_is_written = true;
}

/* What is sent of it; the step then ends it without a word. */
static size_t answer_cut(struct connection *conn)
{
    conn->answer.is_cut = true;
    return (size_t)conn->req.cut_after;
}

static void answer_send_memory(struct connection *conn, const void *body, size_t length)
{
    int err;

    if (length > 0 && conn->req.answer.status == 204)
        length = 0;
    answer_push_head(conn, conn->req.answer.status == 304 ? UINT64_MAX : length);
    if (!response_has_no_body(conn)) {
        if (conn->req.cut_after != 0 && conn->req.cut_after < length)
            length = answer_cut(conn);
        output_push(conn, body, length);
        conn->answer.body_sent = length;
    }
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

void http_send_memory(struct http_request *req, const void *body, size_t length)
{
    struct connection *conn = connection_of(req);

    assert(conn->state == CONNECTION_REQUEST);
    answer_send_memory(conn, body, length);
}

void http_send_head(struct http_request *req, uint64_t content_length)
{
    struct connection *conn = connection_of(req);

    assert(conn->state == CONNECTION_REQUEST);
    answer_push_head(conn, response_has_no_body(conn) ? content_length : 0);
    answer_enter(conn);
}

void http_send_source(struct http_request *req, struct http_source *source, uint64_t length)
{
    struct connection *conn = connection_of(req);

    assert(conn->state == CONNECTION_REQUEST);
    answer_push_head(conn, length);
    conn->answer.source = req->cut_after == 0 ? source : cut_source_create(conn, source);
    conn->worker->source_count++;
    conn->answer.source_remaining = response_has_no_body(conn) ? 0 : length;
    conn->answer.is_small = conn->answer.source_remaining > 0 && length <= HTTP_SMALL_BODY_BYTES;
    answer_enter(conn);
}

bool http_takes_chunks(struct http_request *req)
{
    return !connection_of(req)->is_http_1_0;
}

void http_send_endless(struct http_request *req, struct http_source *source)
{
    struct connection *conn = connection_of(req);

    assert(conn->state == CONNECTION_REQUEST);
    if (conn->is_http_1_0)
        conn->closes_after = true;
    else
        http_headers_add(&req->arena, &req->answer.headers, SLICE("Transfer-Encoding"), SLICE("chunked"));
    answer_push_head(conn, UINT64_MAX);
    conn->answer.source = source;
    conn->worker->source_count++;
    conn->answer.is_endless = true;
    conn->answer.source_remaining = response_has_no_body(conn) ? 0 : UINT64_MAX;
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
    conn->req.answer.status = status;
    http_headers_add(&conn->req.arena, &conn->req.answer.headers, SLICE("Content-Type"),
                     SLICE("application/xml"));
    answer_send_memory(conn, body, (size_t)length);
}
