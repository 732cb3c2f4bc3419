/* SPDX-License-Identifier: MIT
 *
 * Inside of the HTTP front: the server and its workers. Not for other folders.
 *
 * The server's fields are written before the workers serve and read-only afterwards, but for phase, settings, connections and failures. A worker's fields belong
 * to its thread, but for the counters, which it writes and anybody reads. */
#ifndef API_HTTP_WORKER_H
#define API_HTTP_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include <h2o.h>

#include "api/http/log/access_log.h"
#include "storage/base/log.h"
#include "api/http/http.h"
#include "api/http/limits.h"

enum server_phase {
    SERVER_SERVING,
    SERVER_STOPPING, /* no new connections; those at work finish within grace_ms and are then cut */
};

struct listener {
    int fd;
    char address[HTTP_ADDRESS_BYTES];
    unsigned port; /* 0: of a Unix socket */
    bool is_tls, is_announced;
    const void *mark; /* http_listen has it */
    bool
        is_paced; /* the machine's congestion control sends by a timer, and clients of this machine must be spared it */
    struct { /* the socket file, where it was made here */
        bool is_made;
        dev_t device;
        ino_t inode;
    } file;
};

/* One of them, as a worker polls it. */
struct worker_listener {
    struct http_worker *worker;
    const struct listener *listener;
    h2o_socket_t *socket; /* NULL: closed */
};

struct body_budget;
struct peer;
struct peers;
struct proxies;

/* What may change while a server runs. One does not change: another takes its place, and it goes when no worker holds it. */
struct server_settings {
    struct access_log *log, *audit;                        /* may be NULL */
    struct proxies *proxies;                               /* NULL: none is trusted */
    uint32_t body_rate_min;                                /* pace.c; 0: none */
    uint32_t slow_request_ms;                              /* 0: nothing is slow */
    unsigned connections_max, connections_per_address_max; /* room.c; of an address: 0: no bound */
};

struct http_server {
    struct http_server_options options; /* its strings are valid during http_server_start only */
    struct listener listeners[HTTP_LISTENERS_MAX];
    unsigned listener_count;
    struct tls_context *tls; /* NULL: none of the listeners is for TLS */
    struct http_worker **workers;
    unsigned worker_count; /* threads that exist */
    _Atomic int phase;
    uint32_t grace_ms; /* written before phase */

    pthread_mutex_t start_mutex; /* of the rest */
    pthread_cond_t start_changed;
    unsigned started;
    int start_error;    /* the first worker's that failed; then the outcome of the start */
    bool is_start_over; /* until then no worker serves */

    _Atomic(struct server_settings *) settings; /* settings.c */
    pthread_mutex_t settings_mutex;             /* one change at a time */
    pthread_cond_t settings_taken;              /* with start_mutex: a worker holds other settings now */

    uint32_t body_rate_span_ms; /* pace.c */
    struct body_budget *body_budget;
    /* room.c */
    _Atomic unsigned connections; /* open, and those that are being accepted */
    _Atomic uint64_t room_told_ms;
    struct peers *peers; /* what each address has */

    pthread_mutex_t failures_mutex; /* of the rest: handshake_failure.c */
    uint32_t failures_logged_ms;
    struct log_limit failures; /* handshakes that failed */
};

struct worker_counters {
    _Atomic uint64_t accepted, open, requests, bytes_received, bytes_sent, responses_by_class[6];
    _Atomic uint64_t handshake_failures[HTTP_HANDSHAKE_FAILURES];
    _Atomic uint64_t evicted, refusals[HTTP_REFUSALS];
    _Atomic uint64_t bytes_spliced, bytes_sendfile, tls_bytes_received, tls_bytes_sent;
    struct worker_latency {
        _Atomic uint64_t requests[HTTP_LATENCY_BUCKETS], sum_us;
    } latencies[HTTP_GROUPS][HTTP_CLASSES];
};

struct http_worker {
    struct http_server *server;
    const struct server_settings *settings; /* in force for it; others are taken between two turns only */
    unsigned index;
    pthread_t thread;
    void *context; /* the handler's */
    struct http_worker_events events;

    h2o_loop_t *loop;
    struct worker_listener listeners[HTTP_LISTENERS_MAX];
    h2o_socket_t *wake, *events_socket; /* may be NULL */
    int wake_fd;                        /* eventfd; `wake` polls a duplicate */
    h2o_timeout_t handshake_timeout, head_timeout, idle_timeout, body_timeout, collect_timeout, send_timeout,
        linger_timeout;
    h2o_timeout_t accept_timeout;
    h2o_timeout_t at_once; /* what is linked here runs before the loop sleeps */
    h2o_timeout_entry_t accept_pause;
    struct log_limit refused;     /* connections that could not be accepted */
    struct log_limit slow;        /* requests */
    struct log_limit unannounced; /* those that were refused for their PROXY header */
    bool is_stopping, is_cut;
    uint64_t cut_at_ms; /* on the monotonic clock */

    h2o_linklist_t connections;
    size_t connection_count;
    unsigned source_count; /* answers that come from a source: is one alone? */
    struct {
        h2o_linklist_t handshakes; /* connections that wait for their turn, first come first served */
        h2o_linklist_t waiting;    /* connections that go on in the next turn of the loop */
    } turn;
    struct access_log_buffer log_buffer, audit_buffer;
    char *copy_buffer;         /* HTTP_COPY_BUFFER_BYTES, allocated when first needed */
    struct arena_stock arenas; /* of the requests */
    struct {
        uint64_t loop_ms;  /* the turn of the loop that it was asked in */
        struct timeval at; /* of that turn */
        time_t date_second;
        char date[H2O_TIMESTR_RFC1123_LEN + 1];
    } now;
    struct worker_counters counters;
};

/* Creates the worker and its thread. The thread reports to server->started, and serves once the start is over. 0 or a negative
 * errno. */
int worker_start(struct http_worker **worker, struct http_server *server, unsigned index);
void worker_wake(struct http_worker *worker); /* any thread: look at server->phase */
void worker_join(struct http_worker *worker); /* waits for the end of the thread and frees the worker */
/* What such a thread does; the fuzz target of whole connections does it in its own. 0 or a negative errno. */
int worker_create(struct http_worker **worker, struct http_server *server, unsigned index);
int worker_open(struct http_worker *worker);
/* One turn, asleep for so long at most. False: it has stopped. */
bool worker_turn(struct http_worker *worker, int32_t wait_ms);
/* worker_copy.c: HTTP_COPY_BUFFER_BYTES, or NULL when memory is short. */
char *worker_copy_buffer(struct http_worker *worker);

/* Writes what its logs have collected. */
void worker_flush_log(struct http_worker *worker);

/* turn.c */
void turn_init(struct http_worker *worker);
bool turn_is_due(const struct http_worker *worker); /* then the loop must not sleep */
void turn_run(struct http_worker *worker);          /* once after each turn of the loop */

/* room.c: how many connections may be open. 0 or -ENOMEM. */
int room_init(struct http_server *server);
void room_free(struct http_server *server);
unsigned room_default(uint64_t descriptors); /* where no option says */
/* What the option, 0 where it is not set, comes to; the log says where it cannot be. */
unsigned room_bound(const struct http_server *server, unsigned connections_max);
/* Before a connection is accepted: false where there is no room for one and none of this worker's can make some. */
bool room_take(struct http_worker *worker);
void room_give_back(struct http_server *server); /* it came to nothing, or is closed */
void room_settle(struct http_worker *worker);    /* after it was accepted: closes the one that makes room */
/* 0; -EUSERS: that address has as many as it may have; -ENOMEM. *peer is for peer_give_back, NULL where there is no bound. */
int peer_take(struct http_worker *worker, h2o_socket_t *socket, struct peer **peer);
void peer_give_back(struct http_server *server, struct peer *peer); /* NULL allowed */
/* peer_address.c: what one client has for itself of an address: IPv4 mapped into IPv6, of IPv6 the first 64 bits. False: it is of no kind that has that. */
bool peer_address(const struct sockaddr_storage *name, unsigned char address[16]);

/* body_budget.c: memory for bodies. 0 or -ENOMEM. */
int body_budget_create(struct body_budget **budget);
void body_budget_destroy(struct body_budget *budget);  /* NULL allowed */
uint64_t body_budget_held(struct body_budget *budget); /* bytes, now; any thread */

/* listener.c: binds and listens, or takes what listens already; fills all but is_announced. 0 or a negative errno. */
int listener_open(struct listener *listener, const struct http_listen *at, unsigned socket_mode);
/* A connection came in by it. Any thread. */
void listener_accepted(const struct listener *listener, int fd);
void listener_close(struct listener *listener); /* removes its socket file */
/* listener_unix.c: binds and listens on a socket file; fills fd and file. 0 or a negative errno. */
int listener_unix_open(struct listener *listener, const char *path, unsigned mode);
void listener_unix_remove(struct listener *listener, const char *path);
/* settings.c: what the options say of it. 0 or a negative errno; access_log_open's and proxies_create's. */
int settings_create(struct server_settings **settings, const struct http_server *server,
                    const struct http_server_options *options);
void settings_destroy(struct server_settings *settings); /* NULL allowed */
/* Between two turns of the worker: takes those that are in force for the server now. */
void settings_take(struct http_worker *worker);
/* server_listeners.c: all that the options name. On failure some may be open. */
int server_open_listeners(struct http_server *server);
void server_close_listeners(struct http_server *server);

/* loop.c: libh2o's loop, and what it and its thread leave behind. loop_create may fail with a negative errno. */
int loop_create(h2o_loop_t **loop);
int loop_poller(h2o_loop_t *loop, int registered_fd);
bool loop_watch_edges(int poller_fd, int event_fd);
void loop_destroy(h2o_loop_t *loop, int poller_fd);
void loop_thread_release(void);

/* worker_time.c: the time of day as this turn of the loop sees it; and as the field Date has it. */
const struct timeval *worker_now(struct http_worker *worker);
const char *worker_date(struct http_worker *worker);

/* latency.c: a request that began then is over. How long it took, in microseconds. */
uint64_t latency_note(struct http_worker *worker, unsigned group, unsigned class,
                      const struct timeval *began_at);

/* server_log.c; the second for what takes a log_fn: ctx is the server */
void server_log(const struct http_server *server, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void server_log_line(void *ctx, enum log_level level, const char *message);

/* Written by one thread, read by any: no read-modify-write instruction is needed. */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t count)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + count,
                          memory_order_relaxed);
}

#endif
