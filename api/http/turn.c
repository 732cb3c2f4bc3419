/* SPDX-License-Identifier: MIT
 *
 * What connections get once in each turn of a worker's loop, after everything that the poll reported. On the worker.
 *
 * Handshakes: signing takes as long as a hundred small requests. So a handshake that could go on waits in a queue, and only
 * a few go on in each turn: a flood of them delays other handshakes, but hardly those who have a connection already.
 *
 * Waiting: a connection that could go on at once, but would keep the worker to itself: one that pipelines requests faster
 * than they are answered, and one whose TLS stream has read ahead, so that its input makes no descriptor readable. It goes on
 * in the next turn. (libh2o's zero timeout would not do: it runs until nobody asks for it any more.) */
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

void turn_init(struct http_worker *worker)
{
    h2o_linklist_init_anchor(&worker->turn.handshakes);
    h2o_linklist_init_anchor(&worker->turn.waiting);
}

void turn_await_handshake(struct connection *conn)
{
    turn_link(conn, &conn->worker->turn.handshakes);
}

void turn_await(struct connection *conn)
{
    turn_link(conn, &conn->worker->turn.waiting);
}

bool turn_is_due(const struct http_worker *worker)
{
    return worker->turn.handshakes.next != &worker->turn.handshakes ||
           worker->turn.waiting.next != &worker->turn.waiting;
}

void turn_run(struct http_worker *worker)
{
    h2o_linklist_t now;

    for (unsigned i = 0; i < HTTP_HANDSHAKES_PER_TURN && !h2o_linklist_is_empty(&worker->turn.handshakes);
         i++) {
        struct connection *conn = turn_take(&worker->turn.handshakes);

        conn->is_turn = true;
        connection_run(conn);
    }
    h2o_linklist_init_anchor(&now); /* those that come back are for the next turn */
    h2o_linklist_insert_list(&now, &worker->turn.waiting);
    while (!h2o_linklist_is_empty(&now)) {
        struct connection *conn = turn_take(&now);

        conn->is_readable |= conn->tls != NULL;
        connection_run(conn);
    }
}
