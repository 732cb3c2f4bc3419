/* SPDX-License-Identifier: MIT
 *
 * Calls of S3 on one connection: each is put together, signed, sent, and tried again where that may help (the connection broke, the server is busy),
 * CLIENT_ATTEMPTS_MAX times at most, each after a longer wait than the one before.
 *
 *      struct client_session *session;
 *      client_session_open(&session, &target, NULL, NULL);
 *      struct client_request *request = client_session_begin(session, "GET", "bucket", "key");
 *      client_request_header(request, "range", "bytes=0-99");
 *      err = client_session_call(session, sink, ctx);
 *
 * What a call answered is the session's until the next begins. One thread at a time. */
#ifndef API_CLIENT_SESSION_H
#define API_CLIENT_SESSION_H

#include "api/client/connection.h"

struct client_session {
    const struct client_target *target;
    struct client_connection *connection;
    struct arena_stock stock;
    struct arena arena; /* of the call */
    struct client_request request;
    struct client_answer answer;
    const atomic_bool *cancelled;
    /* Forgets what a sink has been given, because the body comes again from its beginning. NULL: it cannot, and what broke in a body is not tried
     * again. client_session_begin clears it. */
    void (*restart)(void *ctx);

    /* After a failure. */
    char code[64];              /* S3's own: "NoSuchKey"; empty: none came */
    char why[CLIENT_WHY_BYTES]; /* a sentence */
};

/* As client_connection_open. */
int client_session_open(struct client_session **session, const struct client_target *target,
                        atomic_ullong *moved, const atomic_bool *cancelled);
void client_session_close(struct client_session *session); /* NULL allowed */

/* Forgets the call before, and begins one. */
struct client_request *client_session_begin(struct client_session *session, const char *method,
                                            const char *bucket, const char *key);
/* 0: the answer has a status of 2xx. Else what client_connection_perform says, or by the answer's error: -ENOENT: no such bucket, key, version or
 * upload; -EACCES; -EEXIST: the bucket is there; -ENOTEMPTY; -ESTALE: a condition does not hold (412, and 304); -ERANGE; -EOPNOTSUPP; -EINVAL; -ENOSPC; -EIO: the rest. */
int client_session_call(struct client_session *session, client_sink_fn sink, void *ctx);
/* The same for what may answer 200 before it is done, and say in the body how that ended: CopyObject, CompleteMultipartUpload. */
int client_session_call_late(struct client_session *session);
/* Fills why and returns err. */
int client_session_fail(struct client_session *session, int err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What such an error means to somebody who waits for an exit status. */
bool client_error_is_unreachable(int err);

#endif
