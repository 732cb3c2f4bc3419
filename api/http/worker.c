/* SPDX-License-Identifier: MIT
 *
 * A worker: one thread, one loop, and the turn it takes again and again:
 *
 *      events.before_sleep    the handler's ring submits what it gathered
 *      flush the access log
 *      h2o_evloop_run         waits, then runs what is ready: listener, connections, events, timeouts
 *
 * All workers poll the same listening socket, each through its own duplicate; whoever is idle accepts.
 *
 * Stopping: the listener goes, idle connections are closed, the others finish. After the grace period they
 * are cut; a connection whose handler still owes an answer lives on, without a socket, until it has come. */
#include "api/http/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "api/http/connection.h"
#include "storage/base/clock.h"
#include "storage/base/thread.h"

#define WORKER_WAIT_MS 60000 /* at most; every reason to wake up is an event or a timeout */

/* ---- What the loop reports ---- */

static void worker_on_wake(h2o_socket_t *socket, const char *err)
{
    uint64_t count;

    (void)err;
    /* Only empties the eventfd; the phase is looked at in each turn. EAGAIN is as good. */
    while (read(h2o_socket_get_fd(socket), &count, sizeof(count)) == -1 && errno == EINTR)
        ;
}

static void worker_on_events(h2o_socket_t *socket, const char *err)
{
    struct http_worker *worker = socket->data;

    (void)err;
    worker->events.on_readable(worker->events.ctx);
}

/* It comes again with each pause for as long as whatever is missing is missing. */
static void worker_say_refused(struct http_worker *worker, int error)
{
    unsigned left_out;

    if (!log_limit_admit(&worker->refused, 1, HTTP_ACCEPT_FAILURES_LOGGED_MS, &left_out))
        return;
    if (left_out > 0)
        server_log(worker->server, LOG_LEVEL_WARNING,
                   "connections could not be accepted %u more times before", left_out);
    server_log(worker->server, LOG_LEVEL_WARNING, "cannot accept a connection: %s", strerror(error));
}

/* The connection stays in the queue and the listener readable: waiting beats spinning. */
static void worker_pause_accepting(struct http_worker *worker, h2o_socket_t *listener)
{
    h2o_socket_read_stop(listener);
    if (!h2o_timeout_is_linked(&worker->accept_pause))
        h2o_timeout_link(worker->loop, &worker->accept_timeout, &worker->accept_pause);
}

/* Asks at once, and libh2o remembers it: the kernel forgets the address of a client that resets its connection, and logs and policies
 * need it later. Who has gone already is not heard: what he sent would be judged without an address. */
static bool worker_knows(h2o_socket_t *socket)
{
    struct sockaddr_storage name;

    return h2o_socket_getpeername(socket, (struct sockaddr *)&name) != 0;
}

static void worker_take(struct http_worker *worker, h2o_socket_t *socket, const struct listener *listener)
{
    struct peer *peer = NULL;

    listener_accepted(listener, h2o_socket_get_fd(socket));
    if (!worker_knows(socket) ||
        (listener->is_announced ? !proxy_may_announce(worker, socket)
                                : peer_take(worker, socket, &peer) != 0) ||
        connection_accept(worker, socket, peer, listener) != 0) {
        peer_give_back(worker->server, peer);
        room_give_back(worker->server);
        h2o_socket_close(socket);
        return;
    }
    room_settle(worker);
}

static void worker_on_accept(h2o_socket_t *listener, const char *err)
{
    const struct worker_listener *at = listener->data;
    struct http_worker *worker = at->worker;
    h2o_socket_t *socket;

    (void)err;
    for (unsigned i = 0; i < HTTP_ACCEPTS_PER_TURN; i++) {
        if (!room_take(worker)) {
            worker_pause_accepting(worker, listener);
            return;
        }
        if ((socket = h2o_evloop_socket_accept(listener)) == NULL) {
            int error = errno;

            room_give_back(worker->server);
            errno = error;
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                worker_say_refused(worker, errno);
                worker_pause_accepting(worker, listener);
            }
            return;
        }
        worker_take(worker, socket, at->listener);
    }
}

static void worker_on_accept_pause(h2o_timeout_entry_t *entry)
{
    struct http_worker *worker = H2O_STRUCT_FROM_MEMBER(struct http_worker, accept_pause, entry);

    for (unsigned i = 0; i < worker->server->listener_count; i++)
        if (worker->listeners[i].socket != NULL)
            h2o_socket_read_start(worker->listeners[i].socket, worker_on_accept);
}

/* ---- Opening and closing ---- */

static void worker_init_timeout(struct http_worker *worker, h2o_timeout_t *timeout, uint32_t chosen_ms,
                                uint32_t default_ms)
{
    h2o_timeout_init(worker->loop, timeout, chosen_ms != 0 ? chosen_ms : default_ms);
}

static void worker_init_timeouts(struct http_worker *worker)
{
    const struct http_server_options *options = &worker->server->options;

    worker_init_timeout(worker, &worker->handshake_timeout, options->handshake_timeout_ms,
                        HTTP_HANDSHAKE_TIMEOUT_MS);
    worker_init_timeout(worker, &worker->head_timeout, options->head_timeout_ms, HTTP_HEAD_TIMEOUT_MS);
    worker_init_timeout(worker, &worker->idle_timeout, options->idle_timeout_ms, HTTP_IDLE_TIMEOUT_MS);
    worker_init_timeout(worker, &worker->body_timeout, options->body_timeout_ms, HTTP_BODY_TIMEOUT_MS);
    worker_init_timeout(worker, &worker->collect_timeout, options->collect_timeout_ms,
                        HTTP_COLLECT_TIMEOUT_MS);
    worker_init_timeout(worker, &worker->send_timeout, options->send_timeout_ms, HTTP_SEND_TIMEOUT_MS);
    worker_init_timeout(worker, &worker->linger_timeout, 0, HTTP_LINGER_TIMEOUT_MS);
    h2o_timeout_init(worker->loop, &worker->accept_timeout, HTTP_ACCEPT_PAUSE_MS);
    h2o_timeout_init(worker->loop, &worker->at_once, 0);
    worker->accept_pause.cb = worker_on_accept_pause;
}

/* Polls fd through a duplicate, which the socket owns. NULL with errno. */
static h2o_socket_t *worker_poll(struct http_worker *worker, int fd, h2o_socket_cb on_readable)
{
    int duplicate = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    h2o_socket_t *socket;

    if (duplicate == -1)
        return NULL;
    socket = h2o_evloop_socket_create(worker->loop, duplicate, H2O_SOCKET_FLAG_DONT_READ);
    socket->data = worker;
    h2o_socket_read_start(socket, on_readable);
    return socket;
}

static void worker_close_socket(h2o_socket_t **socket)
{
    if (*socket != NULL)
        h2o_socket_close(*socket);
    *socket = NULL;
}

static void worker_close_listeners(struct http_worker *worker)
{
    for (unsigned i = 0; i < worker->server->listener_count; i++)
        worker_close_socket(&worker->listeners[i].socket);
}

/* The loop begins to poll what it was given when it runs. */
static void worker_watch_edges(struct http_worker *worker)
{
    int fd, poller;

    if (worker->events.on_edges == NULL || h2o_evloop_run(worker->loop, 0) != 0)
        return;
    fd = h2o_socket_get_fd(worker->events_socket);
    if ((poller = loop_poller(worker->loop, fd)) != -1 && loop_watch_edges(poller, fd))
        worker->events.on_edges(worker->events.ctx);
}

static int worker_open_sockets(struct http_worker *worker)
{
    if ((worker->wake = worker_poll(worker, worker->wake_fd, worker_on_wake)) == NULL)
        return -errno;
    if (worker->events.fd != -1 &&
        (worker->events_socket = worker_poll(worker, worker->events.fd, worker_on_events)) == NULL)
        return -errno;
    if (worker->events_socket != NULL)
        worker_watch_edges(worker);
    for (unsigned i = 0; i < worker->server->listener_count; i++) {
        const struct listener *listener = &worker->server->listeners[i];
        struct worker_listener *at = &worker->listeners[i];

        *at = (struct worker_listener){worker, listener, worker_poll(worker, listener->fd, worker_on_accept)};
        if (at->socket == NULL)
            return -errno;
        at->socket->data = at;
    }
    return 0;
}

int worker_open(struct http_worker *worker)
{
    const struct http_handler *handler = &worker->server->options.handler;
    int err;

    if ((err = loop_create(&worker->loop)) != 0)
        return err;
    worker_init_timeouts(worker);
    if (handler->on_worker_start != NULL)
        err =
            handler->on_worker_start(handler->ctx, worker, worker->index, &worker->events, &worker->context);
    if (err != 0) {
        worker->events = (struct http_worker_events){.fd = -1};
        return err;
    }
    if ((err = worker_open_sockets(worker)) != 0 && handler->on_worker_stop != NULL)
        handler->on_worker_stop(handler->ctx, worker->context);
    return err;
}

static void worker_close(struct http_worker *worker)
{
    int poller = -1;

    if (worker->loop == NULL)
        return;
    worker_close_listeners(worker);
    worker_close_socket(&worker->events_socket);
    h2o_timeout_unlink(&worker->accept_pause);
    if (worker->wake != NULL && h2o_evloop_run(worker->loop, 0) == 0)
        poller = loop_poller(worker->loop, h2o_socket_get_fd(worker->wake));
    worker_close_socket(&worker->wake);
    h2o_timeout_dispose(worker->loop, &worker->handshake_timeout);
    h2o_timeout_dispose(worker->loop, &worker->head_timeout);
    h2o_timeout_dispose(worker->loop, &worker->idle_timeout);
    h2o_timeout_dispose(worker->loop, &worker->body_timeout);
    h2o_timeout_dispose(worker->loop, &worker->collect_timeout);
    h2o_timeout_dispose(worker->loop, &worker->send_timeout);
    h2o_timeout_dispose(worker->loop, &worker->linger_timeout);
    h2o_timeout_dispose(worker->loop, &worker->accept_timeout);
    h2o_timeout_dispose(worker->loop, &worker->at_once);
    loop_destroy(worker->loop, poller);
    loop_thread_release();
}

/* ---- The thread ---- */

static void worker_begin_stop(struct http_worker *worker)
{
    h2o_linklist_t *node = worker->connections.next;

    worker->is_stopping = true;
    worker->cut_at_ms = clock_monotonic_ms() + worker->server->grace_ms;
    worker_close_listeners(worker);
    while (node != &worker->connections) {
        struct connection *conn = H2O_STRUCT_FROM_MEMBER(struct connection, link, node);

        node = node->next;
        if (conn->state == CONNECTION_IDLE || conn->state == CONNECTION_HANDSHAKE ||
            conn->state == CONNECTION_PROXY)
            connection_abort(conn, -ECANCELED);
    }
}

static void worker_cut(struct http_worker *worker)
{
    h2o_linklist_t *node = worker->connections.next;

    worker->is_cut = true;
    while (node != &worker->connections) {
        struct connection *conn = H2O_STRUCT_FROM_MEMBER(struct connection, link, node);

        node = node->next;
        connection_abort(conn, -ECANCELED);
    }
}

/* How long the loop may sleep; advances the stop. */
static int32_t worker_supervise(struct http_worker *worker)
{
    uint64_t now;

    if (worker->settings != atomic_load(&worker->server->settings))
        settings_take(worker);
    if (!worker->is_stopping && atomic_load(&worker->server->phase) == SERVER_STOPPING)
        worker_begin_stop(worker);
    if (!worker->is_stopping || worker->is_cut)
        return WORKER_WAIT_MS;
    now = clock_monotonic_ms();
    if (now < worker->cut_at_ms)
        return worker->cut_at_ms - now < WORKER_WAIT_MS ? (int32_t)(worker->cut_at_ms - now) : WORKER_WAIT_MS;
    worker_cut(worker);
    return WORKER_WAIT_MS;
}

void worker_flush_log(struct http_worker *worker)
{
    int err;

    if (worker->settings->audit != NULL && worker->audit_buffer.length > 0 &&
        (err = access_log_flush(worker->settings->audit, &worker->audit_buffer)) != 0)
        server_log(worker->server, LOG_LEVEL_ERROR, "audit log: lines were lost: %s", strerror(-err));
    if (worker->settings->log != NULL && worker->log_buffer.length > 0 &&
        (err = access_log_flush(worker->settings->log, &worker->log_buffer)) != 0)
        server_log(worker->server, LOG_LEVEL_WARNING, "access log: lines were lost: %s", strerror(-err));
}

bool worker_turn(struct http_worker *worker, int32_t wait_ms)
{
    int32_t most_ms = worker_supervise(worker);

    if (worker->is_stopping && worker->connection_count == 0)
        return false;
    if (worker->events.before_sleep != NULL)
        worker->events.before_sleep(worker->events.ctx);
    worker_flush_log(worker);
    if (turn_is_due(worker))
        wait_ms = 0;
    if (h2o_evloop_run(worker->loop, wait_ms < most_ms ? wait_ms : most_ms) != 0 && errno != EINTR)
        server_log(worker->server, LOG_LEVEL_ERROR, "event loop: %s", strerror(errno));
    turn_run(worker);
    return true;
}

static void worker_loop(struct http_worker *worker)
{
    while (worker_turn(worker, WORKER_WAIT_MS))
        ;
    worker_flush_log(worker);
}

/* Then waits for the others, so that a request meets either all workers or none. Returns the outcome of the
 * whole start. */
static int worker_report(struct http_worker *worker, int err)
{
    struct http_server *server = worker->server;

    pthread_mutex_lock(&server->start_mutex);
    server->started++;
    if (server->start_error == 0)
        server->start_error = err;
    pthread_cond_broadcast(&server->start_changed);
    while (!server->is_start_over)
        pthread_cond_wait(&server->start_changed, &server->start_mutex);
    err = server->start_error;
    pthread_mutex_unlock(&server->start_mutex);
    return err;
}

static void *worker_main(void *arg)
{
    struct http_worker *worker = arg;
    const struct http_handler *handler = &worker->server->options.handler;
    int err = worker_open(worker);

    if (worker_report(worker, err) == 0)
        worker_loop(worker);
    if (err == 0) {
        worker_close_socket(&worker->events_socket);
        if (handler->on_worker_stop != NULL)
            handler->on_worker_stop(handler->ctx, worker->context);
    }
    worker_close(worker);
    return NULL;
}

int worker_create(struct http_worker **worker_out, struct http_server *server, unsigned index)
{
    struct http_worker *worker = calloc(1, sizeof(*worker));
    int err;

    if (worker == NULL)
        return -ENOMEM;
    worker->server = server;
    worker->settings = atomic_load(&server->settings);
    worker->index = index;
    worker->events.fd = -1;
    h2o_linklist_init_anchor(&worker->connections);
    turn_init(worker);
    if ((worker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) == -1) {
        err = -errno;
        free(worker);
        return err;
    }
    *worker_out = worker;
    return 0;
}

static void worker_free(struct http_worker *worker)
{
    close(worker->wake_fd);
    free(worker->log_buffer.bytes);
    free(worker->audit_buffer.bytes);
    free(worker->copy_buffer);
    arena_stock_free(&worker->arenas);
    free(worker);
}

int worker_start(struct http_worker **worker_out, struct http_server *server, unsigned index)
{
    char name[THREAD_NAME_BYTES_MAX];
    struct http_worker *worker = NULL;
    int err = worker_create(&worker, server, index);

    if (err != 0)
        return err;
    snprintf(name, sizeof(name), "sluice-http-%u", index % 1000);
    if ((err = thread_start(&worker->thread, name, worker_main, worker)) != 0) {
        worker_free(worker);
        return err;
    }
    *worker_out = worker;
    return 0;
}

void worker_wake(struct http_worker *worker)
{
    uint64_t one = 1;

    while (write(worker->wake_fd, &one, sizeof(one)) == -1 && errno == EINTR)
        ;
}

void worker_join(struct http_worker *worker)
{
    thread_join(worker->thread);
    worker_free(worker);
}

struct http_server *http_worker_server(struct http_worker *worker)
{
    return worker->server;
}

unsigned http_worker_index(const struct http_worker *worker)
{
    return worker->index;
}

void *http_worker_context(struct http_worker *worker)
{
    return worker->context;
}
