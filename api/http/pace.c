/* SPDX-License-Identifier: MIT
 *
 * How fast a client takes or gives: a body that trickles in, and an answer that is hardly read, are not held for ever. On the
 * connection's worker.
 *
 * Time counts only while the connection waits for the client, never while a handler, a disk or other connections let it wait. When it
 * has waited for one span (a minute) altogether, as many bytes as the least rate has in that time must have passed, and the next span
 * begins. It is looked at when the connection begins to wait, so it costs no timer: the timeouts without progress are shorter. */
#include "api/http/connection.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

void pace_begin(struct connection *conn)
{
    conn->pace = (struct pace){0};
}

void pace_wait(struct connection *conn)
{
    if (!conn->pace.is_waiting)
        conn->pace.waits_since_ms = h2o_now(conn->worker->loop);
    conn->pace.is_waiting = true;
}

void pace_go_on(struct connection *conn)
{
    if (conn->pace.is_waiting)
        conn->pace.waited_ms += h2o_now(conn->worker->loop) - conn->pace.waits_since_ms;
    conn->pace.is_waiting = false;
}

static bool pace_span_is_over(const struct connection *conn)
{
    return conn->worker->settings->body_rate_min != 0 &&
           conn->pace.waited_ms >= conn->worker->server->body_rate_span_ms;
}

static bool pace_span_was_slow(struct connection *conn, uint64_t passed)
{
    const struct http_server *server = conn->worker->server;
    uint64_t least = (uint64_t)conn->worker->settings->body_rate_min * server->body_rate_span_ms / 1000;
    uint64_t in_span = passed > conn->pace.passed_before ? passed - conn->pace.passed_before : 0;

    conn->pace.passed_before = passed;
    conn->pace.waited_ms = 0;
    return in_span < least;
}

bool pace_of_body_is_slow(struct connection *conn)
{
    if (!pace_span_is_over(conn) || !pace_span_was_slow(conn, conn->pace.bytes))
        return false;
    counter_add(&conn->worker->counters.refusals[HTTP_REFUSED_SLOW_BODY], 1);
    return true;
}

/* What the client has not acknowledged; 0 where that cannot be told. */
static uint64_t pace_queued(struct connection *conn)
{
    int queued = 0;

    return ioctl(connection_fd(conn), SIOCOUTQ, &queued) == 0 && queued > 0 ? (uint64_t)queued : 0;
}

bool pace_of_answer_is_slow(struct connection *conn)
{
    uint64_t queued;

    if (!pace_span_is_over(conn))
        return false;
    queued = pace_queued(conn);
    if (!pace_span_was_slow(conn, conn->pace.bytes > queued ? conn->pace.bytes - queued : 0))
        return false;
    counter_add(&conn->worker->counters.refusals[HTTP_REFUSED_SLOW_READER], 1);
    return true;
}

void pace_wait_for_reader(struct connection *conn)
{
    conn->pace.queued = pace_queued(conn);
    pace_wait(conn);
}

bool pace_reader_goes_on(struct connection *conn)
{
    return pace_queued(conn) < conn->pace.queued;
}
