/* SPDX-License-Identifier: MIT
 *
 * What TLS connections get once in each turn of a worker's loop, behind everything that the poll reported. On the worker.
 *
 * Handshakes: signing takes as long as a hundred small requests. So a handshake that could go on waits in a queue, and only
 * a few go on in each turn: a flood of them delays other handshakes, but hardly those who have a connection already.
 *
 * Pending input: a stream reads ahead, and what waits inside it makes no descriptor readable. A connection that waits for
 * input while its stream still has some is run once more in the next turn; not at once, for that would be a way for it to
 * keep the worker to itself. */
#include "api/http/connection.h"

static void turn_link(struct connection *conn, h2o_linklist_t *queue)
{
    if (!h2o_linklist_is_linked(&conn->turn_link))
        h2o_linklist_insert(queue, &conn->turn_link);
}

static struct connection *turn_take(h2o_linklist_t *queue)
{
    struct connection *conn = H2O_STRUCT_FROM_MEMBER(struct connection, turn_link, queue->next);

    h2o_linklist_unlink(&conn->turn_link);
    return conn;
}

void tls_turn_init(struct http_worker *worker)
{
    h2o_linklist_init_anchor(&worker->tls.handshakes);
    h2o_linklist_init_anchor(&worker->tls.pending);
}

void tls_turn_await_handshake(struct connection *conn)
{
    turn_link(conn, &conn->worker->tls.handshakes);
}

void tls_turn_await_pending(struct connection *conn)
{
    turn_link(conn, &conn->worker->tls.pending);
}

bool tls_turn_is_due(const struct http_worker *worker)
{
    return worker->tls.handshakes.next != &worker->tls.handshakes ||
           worker->tls.pending.next != &worker->tls.pending;
}

void tls_turn(struct http_worker *worker)
{
    h2o_linklist_t now;

    for (unsigned i = 0; i < HTTP_HANDSHAKES_PER_TURN && !h2o_linklist_is_empty(&worker->tls.handshakes);
         i++) {
        struct connection *conn = turn_take(&worker->tls.handshakes);

        conn->is_turn = true;
        connection_run(conn);
    }
    h2o_linklist_init_anchor(&now); /* those that come back are for the next turn */
    h2o_linklist_insert_list(&now, &worker->tls.pending);
    while (!h2o_linklist_is_empty(&now)) {
        struct connection *conn = turn_take(&now);

        conn->is_readable = true;
        connection_run(conn);
    }
}
