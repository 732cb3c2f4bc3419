/* SPDX-License-Identifier: MIT
 *
 * One request after the other to a server, by libcurl, on a connection that stays open in between. One thread at a time; each thread of a
 * transfer has its own.
 *
 * What is sent comes from memory or from a file; what comes back goes into memory, or piece by piece to a sink. Nothing is tried twice here
 * (session.h does), but for a connection that the server has closed meanwhile, which libcurl makes anew. */
#ifndef API_CLIENT_CONNECTION_H
#define API_CLIENT_CONNECTION_H

#include <stdatomic.h>

#include "api/client/request.h"

struct client_connection;

/* Where the body of an answer with a status of 2xx goes. 0, or a negative errno, which ends the request and becomes its result. */
typedef int (*client_sink_fn)(void *ctx, const void *data, size_t length);

struct client_answer {
    struct arena *arena;
    int status;                      /* 0: none came */
    struct s3_sigv4_header *headers; /* names in lower case, values end in NUL */
    size_t header_count, header_room, header_bytes;
    char *body; /* what did not go to a sink, with a NUL after it; NULL: nothing */
    size_t body_length, body_room;
    uint64_t sunk; /* bytes that a sink was given */
};

/* target: outlives the connection. moved (NULL allowed) is added to as bytes of bodies pass; cancelled (NULL allowed): true ends what is under
 * way with -ECANCELED. -ENOSYS: there is no libcurl here; -ENOMEM. */
int client_connection_open(struct client_connection **connection, const struct client_target *target,
                           atomic_ullong *moved, const atomic_bool *cancelled);
void client_connection_close(struct client_connection *connection); /* NULL allowed */

/* Sends a request that is signed, and waits for the whole answer. sink NULL: the body goes to memory, of CLIENT_ANSWER_BYTES_MAX at most, as those
 * of errors always do. 0: an answer came, whatever its status. Else a negative errno, and `why` has a sentence: -ECONNREFUSED: the server cannot be
 * reached; -ECONNRESET: the connection ended in between; -EPROTO: TLS, or what came is no HTTP; -EMSGSIZE: more than is held; -ECANCELED; -EIO:
 * what was to be sent cannot be read; and what the sink returned. */
int client_connection_perform(struct client_connection *connection, const struct client_request *request,
                              client_sink_fn sink, void *ctx, struct client_answer *answer,
                              char why[CLIENT_WHY_BYTES]);

/* The value of a header; NULL: it is not there. name in lower case. */
const char *client_answer_header(const struct client_answer *answer, const char *name);

#endif
