/* SPDX-License-Identifier: MIT
 *
 * Whole connections: heads, bodies, Expect, pipelining, drains, refusals, played to a real worker's connection over a socket pair, in the
 * thread of the target. What the service was handed, and what the client received, is held against a model that counts requests
 * by RFC 9112's framing alone (framing_model.h).
 *
 * An input is what the client sends; a byte 0xff and the one after it are no part of that, but say what happens there:
 *
 *      |  what was said so far is sent, and the server runs until it waits   n  the client stops reading, y goes on
 *      .  the same, for one turn of its loop                                 G  what the service has put off happens
 *      T  the connection's timeout is over                                   k  the server's socket takes little at a time
 *      E  the client sends no more                                           S  the server begins to stop
 *      R  the client closes                                                  X  the connection is cut
 *      c  (first of all) bodies are copied, not spliced                      0xff  the byte 0xff
 *      p  (first of all) a header of the PROXY protocol comes before it, Q one of version 2
 *
 * Under the thread sanitizer two threads play the same input to two workers of one server. */
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connection_player.h"

#if defined(__SANITIZE_THREAD__)
#define PLAYERS 2u
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PLAYERS 2u
#endif
#endif
#ifndef PLAYERS
#define PLAYERS 1u
#endif

enum { INPUT_BYTES_MAX = 64 << 10, OUTPUT_BYTES_MAX = 8 << 20, TURNS_MAX = 20000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void player_require(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "violated: %s\n", what);
    abort();
}

/* ---- The script ---- */

struct event {
    size_t at; /* so much of the stream comes before it */
    uint8_t kind;
};

struct script {
    uint8_t stream[INPUT_BYTES_MAX + 64]; /* the lead, and then the stream */
    size_t length;
    struct event events[INPUT_BYTES_MAX / 2];
    size_t event_count;
    size_t lead;
    bool copies;
};

static const char lead_line[] = "PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n";
static const char lead_binary[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\1\x0a\0\0\1\x12\x34\0\x50";

static void script_read_lead(struct script *script, uint8_t kind)
{
    const char *lead = kind == 'p' ? lead_line : lead_binary;

    script->lead = kind == 'p' ? sizeof(lead_line) - 1 : kind == 'Q' ? sizeof(lead_binary) - 1 : 0;
    memcpy(script->stream, lead, script->lead);
    script->length = script->lead;
}

/* What comes after the client has closed is never sent. */
static void script_read(struct script *script, const uint8_t *data, size_t size)
{
    uint8_t first = size >= 2 && data[0] == 0xff ? data[1] : 0;

    script->event_count = 0;
    script->copies = first == 'c';
    script_read_lead(script, first);
    /* What is said first of all happens before anything is sent. */
    for (size_t i = script->copies || script->lead > 0 ? 2 : 0; i < size; i++) {
        if (data[i] != 0xff) {
            script->stream[script->length++] = data[i];
            continue;
        }
        if (++i == size)
            break;
        if (data[i] == 0xff)
            script->stream[script->length++] = 0xff;
        else
            script->events[script->event_count++] = (struct event){script->length, data[i]};
        if (data[i] == 'E' || data[i] == 'R')
            break;
    }
}

/* ---- The server ---- */

static struct listener listener = {.fd = -1, .port = 1};

static struct http_server *server_create(void)
{
    const struct http_server_options options = {.connections_max = 16};
    struct http_server *server = calloc(1, sizeof(*server));
    struct server_settings *settings;

    player_require(server != NULL && settings_create(&settings, server, &options) == 0, "memory");
    atomic_store(&server->settings, settings);
    server->options.handler.on_request = service_on_request;
    player_require(body_budget_create(&server->body_budget) == 0, "memory");
    server->body_rate_span_ms = HTTP_BODY_RATE_SPAN_MS;
    server->grace_ms = 3600000;
    return server;
}

static void player_init(struct player *player, struct http_server *server, unsigned index)
{
    player_require(worker_create(&player->worker, server, index) == 0 && worker_open(player->worker) == 0,
                   "a worker");
    player->worker->context = player;
    player->output = malloc(OUTPUT_BYTES_MAX);
    player->payload = malloc(INPUT_BYTES_MAX);
    player_require(player->output != NULL && player->payload != NULL, "memory");
}

static bool is_alive(const struct player *player)
{
    return player->worker->connection_count > 0;
}

size_t player_consumed(struct player *player)
{
    int queued = 0;

    player_require(ioctl(player->server_fd, FIONREAD, &queued) == 0, "what the socket holds");
    return player->sent - (size_t)queued - connection_input(player->conn)->size - player->lead;
}

/* ---- The client ---- */

static void client_begin(struct player *player)
{
    h2o_socket_t *socket;
    int fds[2];

    player_require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0,
                   "a pair of sockets");
    player->server_fd = fds[0];
    player->client_fd = fds[1];
    player->sent = player->handed_count = player->output_length = 0;
    player->later_call = NULL;
    player->may_die = player->is_ended = false;
    player->is_reading = true;
    player_require(room_take(player->worker), "room");
    socket = h2o_evloop_socket_create(player->worker->loop, fds[0], H2O_SOCKET_FLAG_DONT_READ);
    player->conn = NULL;
    player_require(connection_accept(player->worker, socket, NULL, &listener) == 0, "a connection");
    player->conn = H2O_STRUCT_FROM_MEMBER(struct connection, link, player->worker->connections.next);
}

static bool client_send(struct player *player, size_t until)
{
    ssize_t count;

    if (player->client_fd == -1 || player->sent >= until)
        return false;
    count = send(player->client_fd, player->stream - player->lead + player->sent, until - player->sent,
                 MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count > 0)
        player->sent += (size_t)count;
    return count > 0;
}

static bool client_receive(struct player *player)
{
    ssize_t count;

    if (player->client_fd == -1 || !player->is_reading || player->is_ended)
        return false;
    player_require(player->output_length < OUTPUT_BYTES_MAX, "answers of bounded size");
    count = recv(player->client_fd, player->output + player->output_length,
                 OUTPUT_BYTES_MAX - player->output_length, MSG_DONTWAIT);
    player->is_ended = count == 0 || (count < 0 && errno != EAGAIN);
    if (count > 0)
        player->output_length += (size_t)count;
    return count > 0;
}

/* Whatever changes when the server does something. */
static uint64_t progress_of(const struct player *player)
{
    const struct worker_counters *counters = &player->worker->counters;

    return counters->bytes_received + counters->bytes_sent + counters->requests +
           (is_alive(player) ? (uint64_t)player->conn->state + 1 : 0);
}

/* Until everybody waits for somebody else. The second quiet turn sees what the first one began to poll. */
static void settle(struct player *player, size_t until)
{
    unsigned quiet = 0, turns = 0;

    while (quiet < 2) {
        uint64_t before = progress_of(player);
        bool moves = client_send(player, until);

        (void)worker_turn(player->worker, 0);
        moves |= client_receive(player);
        quiet = moves || progress_of(player) != before || turn_is_due(player->worker) ? 0 : quiet + 1;
        player_require(++turns < TURNS_MAX, "the server comes to rest");
    }
}

static void fire_timeout(struct player *player)
{
    struct connection *conn = player->conn;

    if (!is_alive(player) || !h2o_timeout_is_linked(&conn->timeout))
        return;
    h2o_timeout_unlink(&conn->timeout);
    conn->timeout.cb(&conn->timeout);
}

static void client_close(struct player *player)
{
    if (player->client_fd != -1)
        close(player->client_fd);
    player->client_fd = -1;
}

static void happen(struct player *player, const struct event *event)
{
    int least = 1;

    switch (event->kind) {
    case '.':
        (void)client_send(player, event->at);
        (void)worker_turn(player->worker, 0);
        (void)client_receive(player);
        return;
    case 'n':
    case 'y':
        player->is_reading = event->kind == 'y';
        break;
    case 'k':
        if (is_alive(player)) /* the kernel makes more of it */
            (void)setsockopt(player->server_fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof(least));
        break;
    default:
        settle(player, event->at);
        break;
    }
    switch (event->kind) {
    case 'G':
        (void)service_go_on(player);
        break;
    case 'T':
        player->may_die = true;
        fire_timeout(player);
        break;
    case 'X':
        player->may_die = true;
        if (is_alive(player))
            connection_abort(player->conn, -ECANCELED);
        break;
    case 'S':
        player->may_die = true;
        if (PLAYERS == 1)
            atomic_store(&player->worker->server->phase, SERVER_STOPPING);
        break;
    case 'E':
        player->may_die = true;
        (void)shutdown(player->client_fd, SHUT_WR);
        break;
    case 'R':
        player->may_die = true;
        client_close(player);
        break;
    default:
        break;
    }
}

/* ---- A whole connection ---- */

static void finish(struct player *player)
{
    player->is_reading = true;
    do
        settle(player, player->lead + player->length);
    while (service_go_on(player));
    if (!player->may_die && player->sent == player->lead + player->length)
        judge_count(player);
    player->may_die = true;
    if (player->client_fd != -1)
        (void)shutdown(player->client_fd, SHUT_WR);
    do
        settle(player, player->sent);
    while (service_go_on(player));
    judge_replies(player);
    client_close(player);
    do
        settle(player, player->sent);
    while (service_go_on(player));
    player_require(!is_alive(player), "the connection ends");
    player_require(body_budget_held(player->worker->server->body_budget) == 0 || PLAYERS > 1,
                   "no budget is lost");
    player_require(player->worker->source_count == 0, "no source is lost");
}

static void play(struct player *player, const struct script *script)
{
    player->lead = script->lead;
    player->stream = script->stream + script->lead;
    player->length = script->length - script->lead;
    model_read(&player->model, player->stream, player->length, player->payload);
    client_begin(player);
    for (size_t i = 0; i < script->event_count; i++)
        happen(player, &script->events[i]);
    finish(player);
    atomic_store(&player->worker->server->phase, SERVER_SERVING);
    player->worker->is_stopping = player->worker->is_cut = false;
}

/* ---- The second player ---- */

static struct player players[PLAYERS];
static struct script script;
static sem_t second_begins, second_is_done;

static void *second_main(void *arg)
{
    for (;;) {
        while (sem_wait(&second_begins) != 0)
            ;
        play(arg, &script);
        sem_post(&second_is_done);
    }
    return NULL;
}

static void begin_all(void)
{
    struct http_server *server = server_create();
    pthread_t thread;

    for (unsigned i = 0; i < PLAYERS; i++)
        player_init(&players[i], server, i);
    if (PLAYERS > 1) {
        sem_init(&second_begins, 0, 0);
        sem_init(&second_is_done, 0, 0);
        player_require(pthread_create(&thread, NULL, second_main, &players[PLAYERS - 1]) == 0, "a thread");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_BYTES_MAX)
        return 0;
    if (players[0].worker == NULL)
        begin_all();
    script_read(&script, data, size);
    players[0].worker->server->options.copy_mode = script.copies;
    listener.is_announced = script.lead > 0;
    if (PLAYERS > 1)
        sem_post(&second_begins);
    play(&players[0], &script);
    while (PLAYERS > 1 && sem_wait(&second_is_done) != 0)
        ;
    return 0;
}
