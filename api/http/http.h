/* SPDX-License-Identifier: MIT
 *
 * The HTTP/1.1 front: workers, listeners, connections. It knows nothing of S3 or of storage: requests go to one handler, bodies
 * go to a sink, large answers come from a source. Who includes this learns nothing of the library that it stands on.
 *
 * Threads: a server runs N workers, each one thread with its own loop. A request lives and dies on its worker; every call
 * that takes a struct http_request is made there.
 *
 * The life of a request, seen by the handler:
 *   on_request(req)         after the head, before any byte of the body
 *   http_body_receive       optional, once: asks for the body. Sends 100 Continue if the client waits for it.
 *     sink ops ...          until `end`
 *   one http_send_*         exactly once, now or later. Until then the request, its arena and the connection stay valid even
 *                           if the client has gone (the answer is then dropped): a handler never has to be cancelled.
 * After http_send_memory / http_send_head the request must not be touched any more; after http_send_source only by the source.
 *
 * Answering before the body was received is allowed: the connection drains a small rest, or closes. */
#ifndef API_HTTP_HTTP_H
#define API_HTTP_HTTP_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "api/http/body/framing.h"
#include "storage/base/arena.h"
#include "storage/base/log.h"
#include "storage/base/slice.h"

struct http_server;
struct http_worker;

/* ---- A request and its answer ---- */

struct http_header {
    struct slice name, value; /* of a request: a name in lower case; of an answer: as it is sent */
};

struct http_headers {
    struct http_header *entries;
    size_t size, capacity;
};

/* The first of that name, which is given in lower case; base NULL when there is none, never for an empty value. */
struct slice http_headers_find(const struct http_headers *headers, const char *name);
/* Room for `count` entries altogether, from the arena. */
void http_headers_reserve(struct arena *arena, struct http_headers *headers, size_t count);
/* Neither text is copied. */
void http_headers_add(struct arena *arena, struct http_headers *headers, struct slice name,
                      struct slice value);

/* Whether a value may stand in a header line: no control characters but the tab. */
static inline bool http_value_is_safe(struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.base[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* What the client sent, in the arena, and the answer to it. Members without a word are the handler's to read. */
struct http_request {
    struct slice method; /* 1 to HTTP_METHOD_BYTES_MAX characters of a token, in the client's case */
    /* The target as it came, with the query: it begins with '/', but for the "*" of OPTIONS. Of an absolute one, what follows
     * the authority. */
    struct slice path;
    size_t query_at;        /* of '?' in path; SIZE_MAX: there is none */
    struct slice authority; /* of the target, else of Host; empty where HTTP/1.0 named none */
    bool is_tls;
    const void *mark;            /* of the place that it came in by, see http_listen */
    struct http_headers headers; /* in their order, without blanks around the values */
    /* Dies with the request, after the answer. What is allocated from it is never NULL: see arena.h. */
    struct arena arena;
    /* What the access log's JSON calls it, as "operation"; NULL: null. The handler's, valid until the request is over. */
    const char *name;
    /* Whose it is, as the access log tells; NULL: nobody's that is known. The same. */
    const char *user;
    /* The number that logs and answer have in common; NULL: none. The same. */
    const char *id;
    /* What it was to change, for the audit log; is_change false: nothing. Valid until the request is over. The same. */
    struct {
        bool is_change;
        struct slice bucket, key; /* base NULL: none */
    } audit;
    /* For tests of clients: the connection is cut when so many bytes of its body, or else of its answer's, have passed; 0: it is not. The handler's,
     * before it asks for the body or answers. */
    uint64_t cut_after;
    /* As what it is counted in http_server_latencies, below HTTP_GROUPS; 0 unless the handler says more. The handler's, the same. */
    unsigned group;
    /* The handler's, until it calls http_send_*. */
    struct {
        int status;                  /* 200 .. 999 */
        const char *reason;          /* NULL: the usual one for the status */
        struct http_headers headers; /* names in lower case; no Content-Length, Connection or Date */
    } answer;
};

/* A line in the audit log for one of many things that a request changes, beside the line of the request. version: base NULL: none. */
void http_request_audit(struct http_request *req, struct slice key, struct slice version, int status);
bool http_request_is_audited(struct http_request *req);
/* Its field traceparent, where that is one: what those who watch several servers know it by. Empty: there is none. */
struct slice http_request_trace(const struct http_request *req);
/* The other end of the connection, or the one that a PROXY header names in its place. The length of the address, or 0 where it cannot be told any more. */
socklen_t http_request_peer(struct http_request *req, struct sockaddr_storage *address);
/* The same, but where that is a trusted proxy, whom it says that it forwards the request for: the address to judge a client by. */
socklen_t http_request_client(struct http_request *req, struct sockaddr_storage *address);
/* Whether a secret in the request could be read by nobody on its way: it came by TLS, from a trusted proxy whose last X-Forwarded-Proto says
 * https, or without leaving this machine. What is between a proxy and this server is the operator's own. */
bool http_request_is_private(struct http_request *req);
/* Whether it is a request by https to its client: it came by TLS, or from a trusted proxy that says so. */
bool http_request_is_https(struct http_request *req);
/* The usual words for a status: "Not Found". */
const char *http_status_reason(int status);

/* What the certificate says, of whoever has shown a good one, that the client is called: "dns:HOST" in lower case, "email:ADDRESS", "uri:URI" of its
 * subjectAltName, then "cn:NAME" of its subject; in the request's arena. The first `max`; 0: it has shown none. */
size_t http_request_certificate_names(struct http_request *req, struct slice *names, size_t max);

/* ---- Server ---- */

/* What a worker runs beside HTTP: an event source polled by the worker's loop, such as a ring. */
struct http_worker_events {
    /* polled for reading, level-triggered but for on_edges; becomes non-blocking; stays yours; -1 for none */
    int fd;
    void (*on_readable)(void *ctx);
    /* NULL, or fd is an eventfd: called once, as the worker starts, if from now on on_readable follows each write to it, read or not */
    void (*on_edges)(void *ctx);
    void (*before_sleep)(void *ctx); /* once per turn of the loop, before it waits */
    void *ctx;
};

struct http_handler {
    /* On the worker's thread as it starts (all signals are blocked there). Fills events; *worker_ctx is what http_worker_context returns. Returns 0 or a
     * negative errno, which makes http_server_start fail with it. */
    int (*on_worker_start)(void *ctx, struct http_worker *worker, unsigned index,
                           struct http_worker_events *events, void **worker_ctx);
    /* On the worker's thread, after its last request. */
    void (*on_worker_stop)(void *ctx, void *worker_ctx);
    void (*on_request)(void *ctx, struct http_worker *worker, struct http_request *req);
    void *ctx;
};

enum http_log_form { HTTP_LOG_APACHE, HTTP_LOG_JSON, HTTP_LOG_AUDIT };

#define HTTP_UNIX_PREFIX   "unix:" /* of an address that is a socket file's path */
#define HTTP_PROXY_UNIX    "unix"  /* of trusted_proxies: whoever connects to one */
#define HTTP_ADDRESS_BYTES 128     /* of any address as text */

/* A place to serve at. */
struct http_listen {
    /* as `listen` below; NULL: fd, a stream socket that listens. It is the caller's, is duplicated, and becomes non-blocking */
    const char *address;
    int fd;
    bool is_tls;
    bool proxy_protocol; /* as below */
    const void *mark;    /* what http_request.mark is of requests that come in here; NULL: nothing */
};

struct http_tls_pair {
    /* PEM files: the certificate, then those that lead from it to a root; and its private key, without a passphrase, which may be the same file */
    const char *certificate, *key;
};

struct http_tls_options {
    /* A client gets the first that is for the name it asks for (SNI), else the first. At most HTTP_TLS_PAIRS_MAX */
    const struct http_tls_pair *pairs;
    unsigned pair_count; /* 0: no TLS */
    /* PEM: authorities whose certificates clients may show; NULL: clients are not asked for any. One that leads to none of them, or is not good now, ends
     * the handshake */
    const char *client_authority;
    bool client_required; /* a client without one is refused; else it is nobody that is known */
};

struct http_server_options {
    /* "ADDR:PORT", "[::1]:9000", port 0: any free one; "unix:PATH", a socket file, which replaces one that nobody serves at any more, and is removed at the
     * end. For plain HTTP, and for TLS. Either may be NULL, both where there are more. */
    const char *listen, *tls_listen;
    const struct http_listen *more;
    unsigned more_count;  /* at most HTTP_LISTENERS_MAX with the two */
    unsigned socket_mode; /* of socket files; 0: 0600 */
    struct http_tls_options tls;
    unsigned workers; /* 1 .. HTTP_WORKERS_MAX */
    /* ADDR, ADDR/BITS or "unix", who connects to a socket file; NULL-terminated: whose X-Forwarded-For is believed; NULL: nobody's */
    const char *const *trusted_proxies;
    /* On listen, and on tls_listen: trusted proxies alone may connect, and each connection begins with a header of the PROXY protocol (version 1
     * or 2) that says for whom. -EINVAL without trusted_proxies. On a Unix socket it counts where "unix" is one of them. */
    bool proxy_protocol, tls_proxy_protocol;
    bool copy_mode;         /* bodies by recv and send even over plain HTTP */
    const char *access_log; /* file path, "-" for standard output, NULL for none */
    enum http_log_form access_log_form;
    const char *audit_log;    /* the same, for requests that are to change something */
    uint32_t slow_request_ms; /* what takes as long has a line in the log; 0: nothing has */
    /* Milliseconds; 0 takes the default of limits.h. */
    uint32_t handshake_timeout_ms, head_timeout_ms, idle_timeout_ms, body_timeout_ms, collect_timeout_ms,
        send_timeout_ms;
    /* Connections open at a time; 0: half of the process's descriptors. And those of one address (IPv6: of the first 64 bits); 0: no
     * bound. */
    unsigned connections_max, connections_per_address_max;
    /* Bytes a second that a client must send of a body, and take of an answer, on average over each span in which it was waited for;
     * 0: the default; below 0: as few as it likes. And that span; 0: the default. */
    int32_t body_rate_min;
    uint32_t body_rate_span_ms;
    uint32_t failures_logged_ms; /* the time for which the log's bound of failed handshakes counts */
    struct http_handler handler;
    log_fn log; /* may be NULL */
    void *log_ctx;
};

/* Starts the workers; serves when this returns 0. -EADDRINUSE, -EACCES, -EINVAL (bad address), where the log says of which; -EBADMSG (certificate or
 * key cannot be used; the log has said why) ... */
int http_server_start(struct http_server **server, const struct http_server_options *options);
/* "127.0.0.1:9000": the address in use: of plain HTTP, or where there is none, of TLS. Valid as long as the server. */
const char *http_server_address(const struct http_server *server);
unsigned http_server_port(const struct http_server *server);
const char *http_server_tls_address(const struct http_server *server); /* the first; NULL without TLS */
/* All of them, in their order; "unix:PATH" for a socket file. NULL: there are no more. */
const char *http_server_listener(const struct http_server *server, unsigned index, bool *is_tls);
/* What such a socket of the caller's is called there. 0, or a negative errno: -EINVAL for one that is no listening stream socket. */
int http_listen_describe(int fd, char *address, size_t address_bytes);
/* Any thread. Reads certificates and keys again, for connections to come. 0 (also without TLS); -EBADMSG, -ENOMEM: the old ones
 * stay in use, and the log says why. */
int http_server_reload_tls(struct http_server *server);
/* Would a server take these pairs? log is not NULL. The same results. */
int http_tls_check(const struct http_tls_options *tls, log_fn log, void *log_ctx);
/* Any thread. Opens the access log anew (after rotation). 0 or a negative errno (the old one stays in use). */
int http_server_reopen_log(struct http_server *server);
/* Any thread but a worker's. Other settings for a server that runs: prepare opens and reads what the options name, which may fail as http_server_start, and
 * changes nothing; commit puts it in force, and returns when no worker uses what was in force before. One of commit and discard is due. What counts of
 * the options: trusted_proxies, access_log, access_log_form, audit_log (which are opened anew), slow_request_ms, connections_max,
 * connections_per_address_max, body_rate_min, and tls. -EOPNOTSUPP: there is TLS in one of the two, and not in the other. */
struct http_server_change;
int http_server_prepare(struct http_server_change **change, struct http_server *server,
                        const struct http_server_options *options);
void http_server_commit(struct http_server *server, struct http_server_change *change);
void http_server_discard(struct http_server_change *change);
/* Stops accepting, closes idle connections, lets requests in flight finish for up to grace_ms, then cuts them. Blocks; not on
 * a worker's thread. Frees the server. NULL allowed. */
void http_server_stop(struct http_server *server, uint32_t grace_ms);

/* Why a connection on the TLS port came to nothing. One that closed before its first byte, as probes do, is no failure. */
enum http_handshake_failure {
    /* by either side: no version or cipher in common, a certificate the client does not trust, garbage */
    HTTP_HANDSHAKE_REFUSED,
    HTTP_HANDSHAKE_PLAIN_HTTP, /* the client spoke HTTP without TLS */
    HTTP_HANDSHAKE_CLOSED,     /* the client went away in the middle of it */
    HTTP_HANDSHAKE_TIMED_OUT,  /* also without a single byte */
    HTTP_HANDSHAKE_FAILURES,
};

/* Whom a bound turned away. */
enum http_refusal {
    HTTP_REFUSED_ADDRESS,     /* a connection of an address that has as many as it may */
    HTTP_REFUSED_BODY_BUDGET, /* a body for which there is no room in memory */
    HTTP_REFUSED_SLOW_BODY,   /* one that comes in more slowly than body_rate_min */
    HTTP_REFUSED_SLOW_READER, /* an answer that is taken more slowly */
    HTTP_REFUSED_PROXY, /* a connection without a PROXY header where one is expected, or not by a trusted proxy */
    HTTP_REFUSALS,
};

struct http_statistics {
    uint64_t connections_accepted, connections_open, requests, bytes_received, bytes_sent;
    uint64_t bytes_spliced;  /* of those received: bodies that went to their files without a copy */
    uint64_t bytes_sendfile; /* of those sent: bodies, by a source's own way to the socket */
    uint64_t tls_bytes_received,
        tls_bytes_sent;             /* of each: through memory, where they were decrypted and encrypted */
    uint64_t responses_by_class[6]; /* [2] counts 2xx ... */
    uint64_t handshake_failures[HTTP_HANDSHAKE_FAILURES];
    uint64_t connections_evicted; /* closed to make room for others */
    uint64_t body_bytes_held;     /* in memory, now */
    uint64_t refusals[HTTP_REFUSALS];
};
/* Any thread; sums over the workers, each value exact at some moment. */
void http_server_statistics(struct http_server *server, struct http_statistics *statistics);

/* How long requests took, from the turn of the loop that their head came in to the last byte of the answer. */
#define HTTP_GROUPS          8u
#define HTTP_CLASSES         6u /* of status: [2] is 2xx ...; [0] what has none */
#define HTTP_LATENCY_BUCKETS 9u
struct http_latency {
    uint64_t requests
        [HTTP_LATENCY_BUCKETS]; /* that took at most http_latency_bounds_us[i], and longer than the one before */
    uint64_t sum_us;
};
extern const uint64_t http_latency_bounds_us[HTTP_LATENCY_BUCKETS]; /* ascending; the last is UINT64_MAX */
/* Any thread; sums over the workers. */
void http_server_latencies(struct http_server *server,
                           struct http_latency latencies[HTTP_GROUPS][HTTP_CLASSES]);
struct http_server *http_worker_server(struct http_worker *worker);
void *http_worker_context(struct http_worker *worker);
unsigned http_worker_index(const struct http_worker *worker); /* as on_worker_start got it */
struct http_worker *http_request_worker(struct http_request *req);

/* ---- Requests ---- */

/* Announced length of the body on the wire: 0 when there is none, UINT64_MAX when chunked. */
uint64_t http_body_length(struct http_request *req);
/* Whether the client sent Expect: 100-continue and waits. */
bool http_body_is_expected(struct http_request *req);

/* Where payload goes. All calls on the worker's thread, none from inside http_body_receive or http_body_resume. */
struct http_sink {
    /* Moves up to max payload bytes from the non-blocking socket. > 0 bytes moved; 0 the peer closed; -EAGAIN the socket is
     * empty; -EBUSY no room now (the sink's owner calls http_body_resume later); -EOPNOTSUPP: deliver by write from now on; any
     * other negative errno ends the body with it. NULL: never splice. */
    ssize_t (*splice)(struct http_sink *sink, int socket_fd, size_t max);
    /* Payload bytes in memory. Returns bytes taken (> 0), -EBUSY, or a negative errno that ends the body. */
    ssize_t (*write)(struct http_sink *sink, const void *data, size_t length);
    /* Once. 0: the body is complete and all of it was taken. -EBADMSG / -EMSGSIZE: the framing was violated. -ECONNRESET: the
     * peer closed before the end. -ETIMEDOUT: it stalled. -ENODATA: the body ended inside the coding; -EBADMSG also: it went on
     * after the coding's end. Others: what the sink or the coding returned. The handler still owes an answer; after an error
     * the connection closes once that is sent. May come while the sink is -EBUSY.
     * Not called when the handler answers before the end: from then on no op is. From inside an op that is allowed too, but
     * closes the connection; returning an error and answering in `end` is the better way. */
    void (*end)(struct http_sink *sink, int result);
};

/* coding: a framing inside the transfer framing (aws-chunked), or NULL. Both must stay valid until `end`. */
void http_body_receive(struct http_request *req, struct framing *coding, struct http_sink *sink);
void http_body_resume(struct http_request *req);
/* After http_body_receive: the sink's splice moves nothing on the worker's thread (it says -EBUSY, and what was moved when it is
 * called again), so max may be up to HTTP_ASIDE_BYTES_MAX instead of one turn of the worker's. */
void http_body_splices_aside(struct http_request *req);
/* After http_body_receive: what the sink's splice moves passes through memory. For the figures. */
void http_body_splice_copies(struct http_request *req);

/* A body that is held in memory costs the server's budget. Until the request ends, however it does, bytes more are its own: 0, or
 * -ENOBUFS when there is no room for them. And while hurried, all of what is awaited of the body must be here in 30 seconds. */
int http_body_charge(struct http_request *req, size_t bytes);
/* Gives some of it back before the request ends. */
void http_body_discharge(struct http_request *req, size_t bytes);
void http_body_hurry(struct http_request *req, bool is_hurried);
/* The client has shown who it is, and its bodies may come from all of the budget, not half. It has a share of that by this name, which stays
 * valid until the request ends, or by its address, where the name is empty. */
void http_request_vouch(struct http_request *req, struct slice principal);

/* Collects a small body in the request's arena, charged and hurried. done gets it, or a negative errno: -EMSGSIZE over max_bytes,
 * -ENOBUFS, else as `end`. */
void http_body_collect(struct http_request *req, struct framing *coding, size_t max_bytes,
                       void (*done)(void *ctx, int result, struct slice body), void *ctx);

/* Before one of these the handler sets req->answer. */

/* A body in memory, copied. For HEAD only its length is told. */
void http_send_memory(struct http_request *req, const void *body, size_t length);
/* No body: 204, 304, or the answer to HEAD with the length a GET would have had (UINT64_MAX: send no Content-Length). */
void http_send_head(struct http_request *req, uint64_t content_length);

/* A large body: file to socket. No op is called from inside http_send_source or http_source_resume. */
struct http_source {
    /* Up to max bytes straight to the non-blocking socket: > 0 sent (less than max: not called again before others had their turn);
     * -EAGAIN socket full; -EBUSY not ready (owner calls
     * http_source_resume); other negative: the answer is cut off and the connection closed. */
    ssize_t (*send)(struct http_source *source, int socket_fd, size_t max);
    /* The same into memory: for TLS, in copy mode, and for bodies so small that one call sends them with the head. Also after
     * or before calls of `send`. */
    ssize_t (*read)(struct http_source *source, void *buffer, size_t length);
    /* Once, when the answer is sent or given up (then perhaps while the source is -EBUSY). The request and its arena are gone
     * when it returns: what must outlive it, such as work still in a ring, lies elsewhere. */
    void (*end)(struct http_source *source, int result);
    bool copies; /* `send` is never called: the bytes pass through memory in any case */
};
/* length: bytes that source will give; becomes Content-Length. */
void http_send_source(struct http_request *req, struct http_source *source, uint64_t length);
/* The same for a body whose length nobody knows beforehand, which the source ends by giving 0. Where the client takes chunks, what it gives are chunks as
 * they are on the wire, the last one and its empty line too (RFC 9112 7.1): only the source knows how long its pieces are, and has them leave without a copy.
 * Else it gives the plain body, and the connection closes behind it. */
bool http_takes_chunks(struct http_request *req);
void http_send_endless(struct http_request *req, struct http_source *source);
void http_source_resume(struct http_request *req);

/* The connection closes after this answer. */
void http_request_close_after(struct http_request *req);

#endif
