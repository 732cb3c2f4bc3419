/* SPDX-License-Identifier: MIT
 *
 * What the fuzz target of whole connections is made of: a client that plays a script to one connection of a real worker
 * (fuzz_connection.c), and the service that answers there (connection_service.c). One player is one thread. */
#ifndef TESTS_FUZZ_CONNECTION_PLAYER_H
#define TESTS_FUZZ_CONNECTION_PLAYER_H

#include "api/http/connection.h"
#include "framing_model.h"

struct call;

/* A request that the service was handed. */
struct handed {
    bool is_answered;
    bool is_taken;   /* its body was received to the end, or it has none */
    bool is_refused; /* answered without a look at its body */
    bool must_close; /* the client waited for 100 Continue, was refused, and had sent nothing */
    bool asks_close; /* by the service */
};

struct player {
    struct http_worker *worker;
    struct connection *conn; /* while it lives */
    int server_fd, client_fd;
    const uint8_t *stream; /* all that the client sends */
    size_t length, sent;
    size_t lead; /* bytes of a PROXY header that come before the stream: sent counts them, too */
    struct model model;
    uint8_t *payload;

    struct handed handed[MODEL_REQUESTS_MAX];
    size_t handed_count;
    struct call *later_call; /* what the service has put off */
    void (*later)(struct call *call);
    bool may_die; /* the script did something after which the connection may end at any time */

    char *output; /* what the client has received */
    size_t output_length;
    bool is_reading, is_ended;
};

/* Bytes of the stream that the server has taken as heads or bodies. */
size_t player_consumed(struct player *player);
void player_require(bool condition, const char *what);

/* connection_judge.c. Any time: the answers are in order, as far as they have come. When all was sent, nothing is put off, and nobody broke
 * off: as many requests were handed over as the model counts. */
void judge_replies(const struct player *player);
void judge_count(const struct player *player);

/* connection_service.c: the service's side of a worker. */
void service_on_request(void *ctx, struct http_worker *worker, struct http_request *req);
/* What was put off happens. False: nothing was. */
bool service_go_on(struct player *player);

#endif
