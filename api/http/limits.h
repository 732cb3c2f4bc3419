/* SPDX-License-Identifier: MIT
 *
 * Every bound of the HTTP front, with its unit in the name and its reason beside it. */
#ifndef API_HTTP_LIMITS_H
#define API_HTTP_LIMITS_H

#define HTTP_WORKERS_MAX 256u

/* S3 allows 8 KiB of headers; keys of 1,024 bytes triple when percent-encoded, presigned queries add about 1.5 KiB. */
#define HTTP_HEAD_BYTES_MAX (32u << 10)
/* Hops of X-Forwarded-For that are followed back through trusted proxies: more than any way has. */
#define HTTP_FORWARDED_HOPS_MAX 32u

/* A header of the PROXY protocol: addresses, and what a proxy adds, such as the names in a client's certificate. The protocol has them fit into
 * 536 bytes, and its form allows 64 KiB. */
#define HTTP_PROXY_HEADER_BYTES_MAX 4096u

#define HTTP_HEADERS_MAX       100u  /* fields in one head; phr_parse_request needs a bound */
#define HTTP_CHUNK_LINE_MAX    4096u /* chunk-size line with extensions */
#define HTTP_TRAILER_BYTES_MAX (16u << 10)

/* Empty lines skipped before a request line: some clients end a body with one (RFC 9112 2.2). */
#define HTTP_BLANK_LINES_MAX  2u
#define HTTP_METHOD_BYTES_MAX 32u

/* A refused request's body up to this size is read and dropped, so that the connection can be used again. */
#define HTTP_DRAIN_BYTES_MAX (256u << 10)

/* After the last answer the rest of what the client sends is thrown away, for this long and this much, so that the client
 * reads the answer and not a reset. Also bounds a drain. */
#define HTTP_LINGER_TIMEOUT_MS 5000u
#define HTTP_LINGER_BYTES_MAX  (64u << 20)

/* What one connection may move before the others of its worker have their turn: with several that take as much, this is what a
 * small request waits for. A larger turn makes large bodies no faster. */
#define HTTP_TURN_BYTES_MAX (1u << 20)

/* Pipelined requests that one connection may have served before the others have their turn. */
#define HTTP_TURN_REQUESTS_MAX 16u

/* The same for what is sent out of the page cache. At half of it sendfile in turns cost 5 % more than nginx's or a loop of sendfile does,
 * with this one percent or nothing; with twice as much small requests wait twice as long beside four large answers (p50 2.4 ms, not 1.2), so
 * only one that is alone may take it. A source whose bytes come from the disk takes shorter turns by itself. */
#define HTTP_SEND_TURN_BYTES_MAX   (2u << 20)
#define HTTP_SEND_TURN_BYTES_ALONE (4u << 20)

/* The same where others than the worker move it: few interruptions of a large body. */
#define HTTP_ASIDE_BYTES_MAX (16u << 20)

/* Connections accepted at one readiness: few, so that workers that share the listener share the load. */
#define HTTP_ACCEPTS_PER_TURN 4u
#define HTTP_ACCEPT_PAUSE_MS  100u /* while there are no descriptors to be had */
#define HTTP_LISTENERS_MAX    32u  /* places to serve at: each costs every worker a descriptor */
#define HTTP_LISTEN_BACKLOG   4096 /* the kernel clips it to somaxconn */

/* Connections that may be open unless an option says otherwise: half of the descriptors that this process may have, so that each can
 * open an object, without those that are in use anyway. At most so many, for each costs some memory. */
#define HTTP_DESCRIPTORS_RESERVED    64u
#define HTTP_CONNECTIONS_MIN         16u /* where there are hardly any descriptors */
#define HTTP_CONNECTIONS_DEFAULT_MAX 32768u
#define HTTP_CONNECTIONS_MAX         1000000u

/* Where no more may be, one makes room that has had no request for so long at least: who has just connected gets his chance. */
#define HTTP_ROOM_AGE_MS_MIN 1000u
#define HTTP_ROOM_LOOKS_MAX  32u    /* at connections that turn out to have something to read */
#define HTTP_ROOM_TOLD_MS    60000u /* the log is told that there is no room once in this time */

/* Access log lines wait in this buffer until the end of the worker's turn. */
#define HTTP_LOG_BUFFER_BYTES (64u << 10)

#define HTTP_HEAD_TIMEOUT_MS 20000u /* first byte of a head to its last */
#define HTTP_IDLE_TIMEOUT_MS 60000u /* between requests; S3 SDKs keep connections for tens of seconds */
#define HTTP_BODY_TIMEOUT_MS 60000u /* without progress of a body */
#define HTTP_SEND_TIMEOUT_MS 60000u /* without progress of an answer */

/* From the first byte of a body that is collected in memory to its last. */
#define HTTP_COLLECT_TIMEOUT_MS 30000u

/* What all requests of a server may hold in memory of bodies that are collected, forms' fields included: sixteen of the largest, hundreds of
 * usual ones. Clients of whom nothing is known have half of it among them, so that they cannot take it from the others. */
#define HTTP_COLLECTED_BYTES_MAX          (32u << 20)
#define HTTP_COLLECTED_BYTES_STRANGER_MAX (HTTP_COLLECTED_BYTES_MAX / 2)
/* One client has a part of what those of its kind have: one in so many. So it takes at least two to put others off, and one that signs still
 * has eight of the largest documents at a time. */
#define HTTP_COLLECTED_SHARE 2u

/* Bodies and answers that come to less in a span of waiting for the client are given up: 60 KiB in a minute. No modem is so slow. */
#define HTTP_BODY_RATE_MIN     1024u /* bytes a second */
#define HTTP_BODY_RATE_SPAN_MS 60000u

/* Received at once of what begins with a head; pipelined requests and over-read framing wait in it. So much that a body of 4 KiB
 * comes with its head, which saves a call, and the one that finds nothing behind a full buffer. libh2o's buffers hold it. */
#define HTTP_INPUT_BYTES_INITIAL 8192u

/* A body of a source up to this size is read into the buffer of the head, and one call sends both: below it, the copy costs less than
 * a second call and sendfile's page references. */
#define HTTP_SMALL_BODY_BYTES (16u << 10)

/* Above it a body of a source is sent under TCP_CORK: full segments only, until its end. Below it there are few, and the two calls cost what
 * they save. */
#define HTTP_CORK_BODY_BYTES (256u << 10)

/* Standard copy mode moves bodies through a buffer of this size, and so does TLS on the way in. */
#define HTTP_COPY_BUFFER_BYTES (256u << 10)

/* A worker that cannot accept says so once in this time: it tries again ten times a second. */
#define HTTP_ACCEPT_FAILURES_LOGGED_MS 60000u

/* ---- TLS ---- */

/* Certificates, each with its key: a handshake compares the name asked for with each. */
#define HTTP_TLS_PAIRS_MAX 64u

/* Certificates between a client's and its authority's; and a name in it that is looked at. */
#define HTTP_TLS_CLIENT_DEPTH_MAX      8
#define HTTP_TLS_CLIENT_NAME_BYTES_MAX 256u

/* Accept to the end of the handshake; it does not get longer by dripping. */
#define HTTP_HANDSHAKE_TIMEOUT_MS 10000u

/* Steps of handshakes between two looks at everybody else: each may sign, which costs up to a millisecond or two. */
#define HTTP_HANDSHAKES_PER_TURN 2u

/* Failed handshakes that the log tells of, of all workers together: anybody can make as many as he likes. */
#define HTTP_HANDSHAKE_FAILURES_LOGGED    10u
#define HTTP_HANDSHAKE_FAILURES_LOGGED_MS 60000u /* in this time */

/* The largest record there is (RFC 8446 5.1). */
#define HTTP_TLS_RECORD_BYTES_MAX (16u << 10)

/* What one read of the socket may fetch: several records. Held only while some of it waits. */
#define HTTP_TLS_READ_AHEAD_BYTES (64u << 10)

/* Between file and records on the way out: a multiple of a record, small enough to stay in a core's own cache and for
 * thousands of slow clients to have one each. */
#define HTTP_TLS_SEND_BUFFER_BYTES (64u << 10)

/* Changes of keys that one connection may ask for. They are due after some 400 GB, so this is hundreds of terabytes. */
#define HTTP_TLS_HANDSHAKE_RECORDS_MAX 1000u

/* SO_RCVLOWAT while a large body comes in: fewer wake-ups, larger splices. Back to 1 near its end. */
#define HTTP_BODY_LOWAT_BYTES (512u << 10)

/* Lines about slow requests, of one worker, in so many milliseconds: a disk that stands still makes all requests slow. And bytes of the path in one. */
#define HTTP_SLOW_LINES_MAX  20u
#define HTTP_SLOW_LINES_MS   1000u
#define HTTP_SLOW_PATH_BYTES 512u

#endif
