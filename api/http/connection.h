/* SPDX-License-Identifier: MIT
 *
 * Inside of the HTTP front: one connection and the calls by which the files of this folder share it. Not for other folders.
 *
 * All on the connection's worker. A connection is a table of states (connection_run.c), each with one step function that moves
 * on until it waits. Nothing but connection_run calls a step, and it never nests: whatever happens outside of it (a handler
 * answers, a sink or source resumes) leaves a note in the connection and calls connection_wake. */
#ifndef API_HTTP_CONNECTION_H
#define API_HTTP_CONNECTION_H

#include "api/http/http.h"
#include "api/http/limits.h"
#include "api/http/tls/tls.h"
#include "api/http/worker.h"

enum connection_state {
    CONNECTION_PROXY,     /* the header of the PROXY protocol is awaited, where the listener expects one */
    CONNECTION_HANDSHAKE, /* TLS only: not yet open */
    CONNECTION_IDLE,      /* between requests: no byte of a head is here */
    CONNECTION_HEAD,      /* part of a head is here */
    CONNECTION_REQUEST,   /* the handler has the request and owes an answer; its body may be coming in */
    CONNECTION_ANSWER,    /* the answer is going out */
    CONNECTION_DRAIN,     /* answered; the rest of the body is read and dropped */
    CONNECTION_LINGER,    /* shut down for sending; what the client still sends is dropped until it closes */
    CONNECTION_CLOSED,    /* to be freed as soon as connection_run returns */
    CONNECTION_STATE_COUNT,
};

enum connection_step {
    STEP_AGAIN, /* the state may have changed: call the step of the present one */
    STEP_WAIT,  /* for the socket (want_read, want_write), the handler, a sink, a source or a timeout */
};

enum body_state {
    BODY_NONE,      /* the request has no body, or all of it was received */
    BODY_UNREAD,    /* nobody reads it (any more): what is left of it is dropped */
    BODY_RECEIVING, /* being moved to the sink */
    BODY_BLOCKED,   /* the sink has no room until http_body_resume */
    BODY_FAILED,    /* framing, coding, sink or peer failed: the connection must close */
};

struct body {
    enum body_state state;
    union {
        struct framing_length length;
        struct framing_chunked chunked;
    } storage;
    struct framing *transfer; /* into storage; NULL without a body */
    struct framing *coding;   /* the sink's owner's, may be NULL */
    struct http_sink *sink;   /* while RECEIVING or BLOCKED */
    uint64_t announced;       /* http_body_length */
    int refuse_with;          /* end with this errno before reading anything; 0: no */
    size_t moved_since_ready; /* payload bytes, for the pace of SO_RCVLOWAT */
    int lowat_bytes;          /* SO_RCVLOWAT in force; 0: the kernel's default of 1 */
    bool lowat_is_useful;     /* until a slow client shows otherwise */
    bool is_expected;         /* the client waits for 100 Continue */
    bool splices_aside;       /* the sink's splice works on other threads */
    bool splice_copies;       /* the sink's splice moves bytes through memory */
    bool splice_refused;      /* the sink said -EOPNOTSUPP */
    bool is_resumed;          /* http_body_resume came before -EBUSY was seen */
    bool is_in_sink;          /* a sink op is being called */
    bool is_hurried;          /* http_body_hurry */
};

struct output {
    struct iovec *vectors; /* vectors[first .. count) are still to be sent */
    size_t first, count, capacity;
};

struct answer {
    struct http_source *source; /* may be NULL */
    uint64_t source_remaining;
    char *copy_buffer;    /* HTTP_COPY_BUFFER_BYTES for a source in copy mode, else NULL */
    uint64_t body_sent;   /* bytes of the body, for the log */
    bool head_is_written; /* into the output */
    bool keeps_alive;     /* decided with the head */
    bool is_resumed;      /* http_source_resume came before -EBUSY was seen */
    bool is_blocked;      /* the source said -EBUSY */
    bool is_corked;       /* the socket sends full segments only */
    bool is_endless;      /* the source says when it is over: source_remaining is as good as infinite */
    bool is_small;        /* the head waits for the source's body, to be sent with it */
    bool is_cut;          /* what is in the output is not all, and nothing follows */
};

struct pace {
    uint64_t bytes; /* of the body or the answer that went through the socket */
    /* of them, those that had reached the other end by the beginning of this span */
    uint64_t passed_before;
    uint64_t waited_ms; /* for the client, in this span */
    uint64_t waits_since_ms;
    uint64_t queued; /* of an answer: what the client had not acknowledged when it began to wait */
    bool is_waiting;
};

struct connection {
    h2o_conn_t super; /* first: libh2o casts. What its log asks of a connection */
    unsigned magic;
    struct http_worker *worker;
    h2o_socket_t *socket;
    struct peer *peer;        /* whose share of connections it has; may be NULL */
    h2o_linklist_t link;      /* in worker->connections */
    h2o_linklist_t turn_link; /* in a queue of worker->turn */
    enum connection_state state;
    struct tls_stream *tls; /* NULL: plain, or TLS of which no byte has come yet */

    h2o_timeout_entry_t timeout;
    h2o_timeout_entry_t wakeup; /* of connection_wake, in worker->at_once */

    bool is_running;  /* inside connection_run */
    bool is_readable; /* as far as we know: an attempt to read is worth its system call */
    bool want_read;   /* what the last step waits for */
    bool want_write;
    bool want_no_read;  /* take the socket out of the poll at once, for data will come */
    bool has_request;   /* req is initialised */
    bool is_dead;       /* the socket is of no use; the handler's answer is awaited and dropped */
    bool closes_after;  /* http_request_close_after */
    bool client_closes; /* the client asked for the close, so it will not send more */
    bool is_tls;        /* came in by the TLS listener */
    const void *mark;   /* of its listener */
    bool is_turn;       /* of the handshake: see turn.c */
    bool has_no_cork;   /* of the socket */
    bool owes_close;    /* TLS: the last word did not fit into the socket */

    struct {
        unsigned requests;    /* begun since connection_run was called */
        uint64_t sent_before; /* what the worker had sent by then */
        bool is_over;         /* the rest is for the next turn of the loop */
    } turn;
    struct {
        size_t scanned;    /* bytes of input known to hold no further line end */
        size_t line_start; /* of the line being scanned */
        unsigned lines;    /* complete ones, request line included */
        unsigned blank_lines;
    } head;
    struct body body;
    struct output output;
    struct answer answer;
    struct pace pace;
    uint64_t discarded;         /* in DRAIN or LINGER */
    uint64_t charged;           /* http_body_charge */
    struct body_holder *holder; /* who is charged; NULL: nothing is */
    bool is_vouched_for;
    struct slice principal; /* of http_request_vouch */

    struct http_request req;
    bool is_http_1_0;
    struct timeval began_at; /* for the log */
};

#define CONNECTION_MAGIC 0x48545450u

/* connection_run.c */
/* Takes the socket, the peer (NULL: where a PROXY header will tell it) and what room_take took. -ENOMEM: it took nothing. */
int connection_accept(struct http_worker *worker, h2o_socket_t *socket, struct peer *peer,
                      const struct listener *listener);
void connection_run(struct connection *conn);
/* The one way to cut a connection, in any state: ends what is under way with reason, a negative errno. */
void connection_abort(struct connection *conn, int reason);

/* cut.c: what stands before the handler's own, in the request's arena */
struct http_source *cut_source_create(struct connection *conn, struct http_source *inner);
struct http_sink *cut_sink_create(struct connection *conn, struct http_sink *inner);

/* connection.c */
struct connection *connection_of(struct http_request *req);
/* Makes connection_run happen in this turn of the loop, but not from inside the caller. */
void connection_wake(struct connection *conn);
/* From the step that would begin with one more request: whether the others of the worker have their turn first. Then
 * connection_run comes back in the next turn of the loop. */
bool connection_turn_is_over(struct connection *conn);
/* From a step: nothing is owed to anybody; linger first so that the client reads the last answer. */
void connection_close(struct connection *conn, bool linger);
/* Disconnects at once. The client sees a reset: it must not take a part of an answer for the whole. */
void connection_reset(struct connection *conn);
void connection_arm(struct connection *conn, h2o_timeout_t *timeout);
void connection_disarm(struct connection *conn);
/* Appends up to max bytes to the input. > 0; 0 at the end of the stream; -EAGAIN; other negative errno. */
ssize_t connection_receive(struct connection *conn, size_t max);
/* Throws away up to max bytes in the kernel. The same results. */
ssize_t connection_discard(struct connection *conn, size_t max);
h2o_buffer_t *connection_input(struct connection *conn);
void connection_consume(struct connection *conn, size_t count);
int connection_fd(struct connection *conn);
/* Receives into a buffer: plain or decrypted. The results of connection_receive. */
ssize_t connection_read(struct connection *conn, void *buffer, size_t length);

/* The handshake of TLS, or the first head. */
void connection_open(struct connection *conn);

/* proxy_step.c */
void proxy_begin(struct connection *conn);
enum connection_step proxy_step(struct connection *conn);
/* Whether who has just connected may send a header; if not, that is counted and logged. */
bool proxy_may_announce(struct http_worker *worker, h2o_socket_t *socket);

/* handshake.c */
void handshake_begin(struct connection *conn);
enum connection_step handshake_step(struct connection *conn);
void handshake_on_timeout(struct connection *conn);

/* handshake_failure.c: counts it, and logs it with what is said of it unless there were many */
void handshake_failure_note(struct connection *conn, enum http_handshake_failure failure, const char *says);

/* turn.c: what connections get in the next turn of the loop */
void turn_await_handshake(struct connection *conn);
void turn_await(struct connection *conn);

/* head.c */
enum connection_step head_step(struct connection *conn);
void head_begin(struct connection *conn); /* the next request's */
void head_on_timeout(struct connection *conn);

/* head_parse.c: fills conn->req and conn->body from a complete head. 0, or the HTTP status that refuses it; then *message
 * says why. */
int head_parse(struct connection *conn, const char *head, size_t length, const char **message);
/* Checks a request line as soon as it is here. The same result. */
int head_check_request_line(const char *line, size_t length, const char **message);

/* body.c */
enum connection_step body_step(struct connection *conn);
void body_begin(struct connection *conn); /* no body, until head_parse finds one */
/* Whether the request's framing has ended, so that a head may follow. */
bool body_is_over(const struct connection *conn);
void body_end(struct connection *conn, int result);
void body_detach(struct connection *conn); /* the handler answers before the end */
void body_on_timeout(struct connection *conn);

/* body_budget.c */
void body_charge_end(struct connection *conn); /* the request ends: gives back what it was charged */

/* pace.c: how fast the client gives and takes */
void pace_begin(struct connection *conn); /* of a body, or of an answer */
void pace_wait(struct connection *conn);  /* for the client, until pace_go_on */
void pace_go_on(struct connection *conn);
void pace_wait_for_reader(struct connection *conn);
/* To be asked before it waits: whether the client is slower than it may be. */
bool pace_of_body_is_slow(struct connection *conn);
bool pace_of_answer_is_slow(struct connection *conn);
/* Whether the client has acknowledged something since pace_wait_for_reader. */
bool pace_reader_goes_on(struct connection *conn);

/* drain.c */
enum connection_step drain_step(struct connection *conn);
enum connection_step linger_step(struct connection *conn);
/* Drops what is in the input and belongs to the body. 0 or -EBADMSG. */
int drain_input(struct connection *conn);
bool drain_is_cheap(const struct connection *conn); /* the rest is known and small */

/* response.c */
enum connection_step answer_step(struct connection *conn);
void answer_begin(struct connection *conn); /* with each request */
/* Waits for room in the socket, or gives up a client that is too slow. */
enum connection_step answer_wait(struct connection *conn);
void answer_on_timeout(struct connection *conn);
void answer_abort(struct connection *conn, int reason);
/* An answer of this layer's own, after which the connection closes. */
void answer_refuse(struct connection *conn, int status, const char *message);
/* response_head.c; UINT64_MAX: none */
struct slice response_head(struct connection *conn, uint64_t content_length);
bool response_has_no_body(const struct connection *conn); /* HEAD, 204, 304 */

/* trace.c: the line of a request that took so long */
void slow_note(struct connection *conn, uint64_t us);

/* source.c */
enum connection_step source_step(struct connection *conn);
enum connection_step source_small_step(struct connection *conn);
void source_end(struct connection *conn, int result);
/* Only source_step sends what is in the output, together with the first bytes of the body. */
bool source_takes_head(const struct connection *conn);

/* output.c */
void output_push(struct connection *conn, const void *data, size_t length);
/* 0: all is sent. -EAGAIN: the socket is full. Other negative errno: the connection is gone. */
int output_flush(struct connection *conn, bool more_follows);
void output_cork(struct connection *conn, bool is_corked);
void output_copy_rest(struct connection *conn); /* what is left moves into the request's arena */
bool output_is_empty(const struct connection *conn);
void output_clear(struct connection *conn);
void output_free(struct connection *conn);

#endif
