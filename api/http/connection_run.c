/* SPDX-License-Identifier: MIT
 *
 * One HTTP/1.1 connection: its birth, the run through its states, and the one place where it is cut or freed.
 *
 *      (PROXY ->) (HANDSHAKE ->) IDLE -> HEAD -> REQUEST -> ANSWER -> IDLE                 keep-alive
 *                                        -> DRAIN -> IDLE        a refused body's small rest is dropped
 *                                        -> LINGER -> CLOSED     the client is given time to read the answer
 *                                        -> CLOSED
 *
 * libh2o's loop only reports readiness (H2O_SOCKET_FLAG_DONT_READ); all reading and writing is done here and
 * in the files of the states. Polling is lazy: a socket that is polled for reading stays so while a handler
 * works, which for a client that does not pipeline saves two system calls a request; if something comes then,
 * it is taken out. */
#include "api/http/connection.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static void connection_on_readable(h2o_socket_t *socket, const char *err);
static void connection_on_writable(h2o_socket_t *socket, const char *err);
static void connection_on_timeout(h2o_timeout_entry_t *entry);
static void connection_on_wakeup(h2o_timeout_entry_t *entry);

/* ---- What libh2o's log asks of a connection ---- */

static socklen_t connection_get_peername(h2o_conn_t *super, struct sockaddr *address)
{
    struct connection *conn = (struct connection *)super;
    struct sockaddr_storage client;
    socklen_t length = http_request_client(&conn->req, &client);

    memcpy(address, &client, length); /* libh2o has room for any */
    return length;
}

static h2o_iovec_t connection_get_tls_version(h2o_req_t *req)
{
    const struct tls_stream *tls = ((struct connection *)req->conn)->tls;
    const char *text = tls != NULL ? tls_stream_version(tls) : NULL;

    return h2o_iovec_init(text, text != NULL ? strlen(text) : 0);
}

static h2o_iovec_t connection_get_tls_cipher(h2o_req_t *req)
{
    const struct tls_stream *tls = ((struct connection *)req->conn)->tls;
    const char *text = tls != NULL ? tls_stream_cipher(tls) : NULL;

    return h2o_iovec_init(text, text != NULL ? strlen(text) : 0);
}

static const h2o_conn_callbacks_t connection_callbacks = {
    .get_peername = connection_get_peername,
    .log_ = {.ssl = {.protocol_version = connection_get_tls_version, .cipher = connection_get_tls_cipher}},
};

/* ---- Birth and death ---- */

int connection_accept(struct http_worker *worker, h2o_socket_t *socket, struct peer *peer,
                      const struct listener *listener)
{
    struct connection *conn = calloc(1, sizeof(*conn));

    if (conn == NULL)
        return -ENOMEM;
    conn->super.callbacks = &connection_callbacks;
    conn->magic = CONNECTION_MAGIC;
    conn->worker = worker;
    conn->socket = socket;
    conn->peer = peer;
    socket->data = conn;
    h2o_socket_dont_read(socket, 1);
    conn->timeout.cb = connection_on_timeout;
    conn->wakeup.cb = connection_on_wakeup;
    h2o_linklist_insert(&worker->connections, &conn->link);
    worker->connection_count++;
    counter_add(&worker->counters.accepted, 1);
    counter_add(&worker->counters.open, 1);
    conn->is_tls = listener->is_tls;
    conn->mark = listener->mark;
    conn->answer.keeps_alive = true; /* none has announced the end yet */
    if (listener->is_announced)
        proxy_begin(conn);
    else
        connection_open(conn);
    connection_run(conn);
    return 0;
}

void connection_open(struct connection *conn)
{
    /* A client usually sends at once; but turns of handshakes are for those that did. */
    conn->is_readable = !conn->is_tls;
    if (conn->is_tls)
        handshake_begin(conn);
    else
        head_begin(conn);
}

static void connection_free(struct connection *conn)
{
    assert(conn->state == CONNECTION_CLOSED);
    assert(!conn->has_request);
    assert(!conn->is_running);
    h2o_timeout_unlink(&conn->timeout);
    h2o_timeout_unlink(&conn->wakeup);
    h2o_linklist_unlink(&conn->link);
    if (h2o_linklist_is_linked(&conn->turn_link))
        h2o_linklist_unlink(&conn->turn_link);
    if (conn->tls != NULL)
        (void)tls_stream_close(conn->tls); /* where it was reset, nothing leaves any more */
    tls_stream_destroy(conn->tls);
    conn->worker->connection_count--;
    peer_give_back(conn->worker->server, conn->peer);
    room_give_back(conn->worker->server);
    counter_add(&conn->worker->counters.open, (uint64_t)-1);
    output_free(conn);
    h2o_socket_close(conn->socket);
    conn->magic = 0;
    free(conn);
}

/* ---- The table of states ---- */

static enum connection_step request_step(struct connection *conn)
{
    if (!output_is_empty(conn) && !conn->is_dead) { /* what is left of 100 Continue */
        int err = output_flush(conn, false);

        if (err == -EAGAIN)
            conn->want_write = true;
        else if (err != 0)
            connection_abort(conn, err);
    }
    return body_step(conn);
}

static enum connection_step closed_step(struct connection *conn)
{
    (void)conn;
    return STEP_WAIT;
}

static enum connection_step (*const connection_steps[CONNECTION_STATE_COUNT])(struct connection *) = {
    [CONNECTION_PROXY] = proxy_step,     [CONNECTION_HANDSHAKE] = handshake_step,
    [CONNECTION_IDLE] = head_step,       [CONNECTION_HEAD] = head_step,
    [CONNECTION_REQUEST] = request_step, [CONNECTION_ANSWER] = answer_step,
    [CONNECTION_DRAIN] = drain_step,     [CONNECTION_LINGER] = linger_step,
    [CONNECTION_CLOSED] = closed_step,
};

static void connection_update_polling(struct connection *conn)
{
    if (conn->want_read) {
        if (!h2o_socket_is_reading(conn->socket))
            h2o_socket_read_start(conn->socket, connection_on_readable);
    } else if (conn->want_no_read && h2o_socket_is_reading(conn->socket)) {
        h2o_socket_read_stop(conn->socket);
    }
    if (conn->tls != NULL && conn->want_read && conn->state != CONNECTION_LINGER) {
        if (tls_stream_has_pending(conn->tls))
            turn_await(conn);
        else if (tls_stream_wants_write(conn->tls))
            conn->want_write = true;
    }
    if (conn->want_write && !h2o_socket_is_writing(conn->socket))
        h2o_socket_notify_write(conn->socket, connection_on_writable);
}

void connection_run(struct connection *conn)
{
    assert(conn->magic == CONNECTION_MAGIC);
    if (conn->is_running)
        return; /* the step that led here looks again */
    conn->is_running = true;
    conn->turn.requests = 0;
    conn->turn.sent_before = atomic_load_explicit(&conn->worker->counters.bytes_sent, memory_order_relaxed);
    conn->turn.is_over = false;
    do {
        conn->want_read = conn->want_write = conn->want_no_read = false;
    } while (connection_steps[conn->state](conn) == STEP_AGAIN);
    conn->is_running = false;
    if (conn->state == CONNECTION_CLOSED)
        connection_free(conn);
    else if (conn->turn.is_over)
        turn_await(conn);
    else
        connection_update_polling(conn);
}

static void connection_on_wakeup(h2o_timeout_entry_t *entry)
{
    connection_run(H2O_STRUCT_FROM_MEMBER(struct connection, wakeup, entry));
}

static void connection_on_readable(h2o_socket_t *socket, const char *err)
{
    struct connection *conn = socket->data;

    (void)err; /* the next recv tells */
    conn->is_readable = true;
    if (conn->tls != NULL)
        tls_stream_on_readable(conn->tls);
    if (conn->want_read)
        connection_run(conn);
    else
        h2o_socket_read_stop(socket);
}

static void connection_on_writable(h2o_socket_t *socket, const char *err)
{
    struct connection *conn = socket->data;

    (void)err;
    if (conn->tls != NULL && tls_stream_wants_write(conn->tls))
        conn->is_readable = true; /* what waited for room was a receive */
    connection_run(conn);
}

static void connection_on_timeout(h2o_timeout_entry_t *entry)
{
    struct connection *conn = H2O_STRUCT_FROM_MEMBER(struct connection, timeout, entry);

    switch (conn->state) {
    case CONNECTION_HANDSHAKE:
        handshake_on_timeout(conn);
        break;
    case CONNECTION_HEAD:
        head_on_timeout(conn);
        break;
    case CONNECTION_REQUEST:
        body_on_timeout(conn);
        break;
    case CONNECTION_ANSWER:
        answer_on_timeout(conn);
        break;
    default:
        conn->state = CONNECTION_CLOSED;
        break;
    }
    connection_run(conn);
}

void connection_abort(struct connection *conn, int reason)
{
    assert(reason < 0);
    switch (conn->state) {
    case CONNECTION_REQUEST:
        if (conn->is_dead)
            return;
        conn->is_dead = true;
        output_clear(conn);
        connection_reset(conn);
        if (conn->body.state == BODY_RECEIVING || conn->body.state == BODY_BLOCKED)
            body_end(conn, reason == -ECANCELED ? -ECONNRESET : reason);
        break;
    case CONNECTION_ANSWER:
        answer_abort(conn, reason);
        break;
    default:
        conn->state = CONNECTION_CLOSED;
        break;
    }
    connection_run(conn);
}
