/* SPDX-License-Identifier: MIT
 *
 * The access log: one line per request, in Apache's combined form or JSON. Not for other folders.
 *
 * One log per server, one buffer per worker. Lines are formatted into the buffer and written at the end of the worker's turn.
 * Opening anew gives the descriptor another file (dup3), so that workers need no lock. */
#ifndef API_HTTP_ACCESS_LOG_H
#define API_HTTP_ACCESS_LOG_H

#include <h2o.h>

#include "api/http/http.h"

struct access_log;

/* A request that is over. */
struct access_log_entry {
    h2o_conn_t *conn;             /* by which libh2o asks for the peer and for what TLS agreed on */
    struct http_request *request; /* copies without secrets go into its arena */
    bool is_http_1_0;
    uint64_t body_sent; /* bytes */
    struct timeval began_at, ended_at;
    struct slice version; /* audit log: of the object; base NULL: none */
};

struct access_log_buffer {
    char *bytes; /* HTTP_LOG_BUFFER_BYTES, allocated when first needed */
    size_t length;
};

/* path: a file, or "-" for standard output. 0 or a negative errno. */
int access_log_open(struct access_log **log, const char *path, enum http_log_form form);
int access_log_reopen(struct access_log *log);
void access_log_close(struct access_log *log); /* NULL allowed */

/* On the worker's thread. Both return 0 or the negative errno by which lines were lost. */
int access_log_add(struct access_log *log, struct access_log_buffer *buffer,
                   const struct access_log_entry *entry);
int access_log_flush(struct access_log *log, struct access_log_buffer *buffer);

/* Takes secrets (signatures, credentials, tokens) out of a URL's query. The text itself when there are none, else a copy in
 * the arena. */
struct slice access_log_redact(struct arena *arena, struct slice url);

#endif
