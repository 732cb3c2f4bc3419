/* SPDX-License-Identifier: MIT
 *
 * A proxy between a store and its PostgreSQL, on socket files: it may keep everything for some time, as a network does, and lose what a
 * test wants to be lost. It knows the protocol's messages (a letter, four bytes of length) as far as it takes to see a COMMIT go by.
 *
 * One thread listens, and one serves each connection; both go with proxy_stop. */
#ifndef META_POSTGRES_PROXY_H
#define META_POSTGRES_PROXY_H

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PROXY_CONNECTIONS_MAX 64
#define PROXY_READ_BYTES      65536u
#define PROXY_CHUNKS_MAX      1024u

enum proxy_mode {
    PROXY_PASSES,
    PROXY_LOSES_ANSWERS, /* of the next COMMIT, which is done; then the connection ends, and it passes again */
    PROXY_DIES_WITH_IT,  /* the same, and then it is down */
    PROXY_LOSES_COMMITS, /* the next COMMIT gets nowhere, and so on */
    PROXY_IS_DOWN,       /* connections end as soon as they are made, and those that there are */
    PROXY_IS_SILENT,     /* nothing gets through */
};

struct proxy_chunk {
    uint64_t due_ns;
    size_t length;
    unsigned char *bytes;
};

/* One direction of a connection. */
struct proxy_flow {
    int from, to;
    unsigned char *held; /* the beginning of a message */
    size_t length, capacity;
    struct proxy_chunk chunks[PROXY_CHUNKS_MAX]; /* a ring */
    unsigned first, count;
    bool is_begun; /* the startup message, which has no letter, has gone */
};

struct proxy {
    char dir[64], to[108];
    int listener;
    atomic_uint delay_us; /* of each direction */
    atomic_int mode;
    atomic_uint lost; /* what was to be lost and was */
    atomic_bool stops;
    pthread_t thread;
    pthread_t threads[PROXY_CONNECTIONS_MAX];
    unsigned thread_count;
};

struct proxy_link {
    struct proxy *proxy;
    int client, server;
    struct proxy_flow up, down;
    char commit[16]; /* the name under which that is prepared */
    bool waits_for_answer;
    bool ends;
};

static uint64_t proxy_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static size_t proxy_message_length(const struct proxy_flow *flow)
{
    size_t head = flow->is_begun ? 1 : 0;
    uint32_t length;

    if (flow->length < head + sizeof(length))
        return 0;
    memcpy(&length, flow->held + head, sizeof(length));
    return head + be32toh(length) <= flow->length ? head + be32toh(length) : 0;
}

/* A message of the client. False: it goes no further, and the connection ends. */
static bool proxy_up_passes(struct proxy_link *link, const unsigned char *message)
{
    int mode = atomic_load(&link->proxy->mode);

    if (!link->up.is_begun || (message[0] != 'P' && message[0] != 'B'))
        return true;
    const char *first = (const char *)message + 5, *second = first + strlen(first) + 1;
    if (message[0] == 'P' && strcmp(second, "COMMIT") == 0)
        (void)snprintf(link->commit, sizeof(link->commit), "%s", first);
    if (message[0] != 'B' || link->commit[0] == '\0' || strcmp(second, link->commit) != 0)
        return true;
    if (mode == PROXY_LOSES_COMMITS)
        return false;
    link->waits_for_answer = mode == PROXY_LOSES_ANSWERS || mode == PROXY_DIES_WITH_IT;
    return true;
}

static bool proxy_down_passes(struct proxy_link *link, const unsigned char *message)
{
    return !link->waits_for_answer || message[0] != 'C' || strcmp((const char *)message + 5, "COMMIT") != 0;
}

static void proxy_chunk_add(struct proxy *proxy, struct proxy_flow *flow, size_t length)
{
    struct proxy_chunk *chunk = &flow->chunks[(flow->first + flow->count++) % PROXY_CHUNKS_MAX];

    assert(flow->count <= PROXY_CHUNKS_MAX);
    chunk->due_ns = proxy_now_ns() + atomic_load(&proxy->delay_us) * (uint64_t)1000;
    chunk->length = length;
    chunk->bytes = malloc(length);
    assert(chunk->bytes != NULL);
    memcpy(chunk->bytes, flow->held, length);
    memmove(flow->held, flow->held + length, flow->length -= length);
}

/* Whole messages go on. */
static void proxy_read(struct proxy_link *link, struct proxy_flow *flow)
{
    if (flow->capacity < flow->length + PROXY_READ_BYTES)
        flow->held = realloc(flow->held, flow->capacity = 2 * flow->length + PROXY_READ_BYTES);
    assert(flow->held != NULL);
    ssize_t got = recv(flow->from, flow->held + flow->length, PROXY_READ_BYTES, 0);
    if (got <= 0) {
        link->ends = true;
        return;
    }
    flow->length += (size_t)got;
    size_t all = 0, next, length = flow->length;
    unsigned char *held = flow->held;
    while (!link->ends && (next = proxy_message_length(flow)) != 0) {
        link->ends =
            flow == &link->up ? !proxy_up_passes(link, flow->held) : !proxy_down_passes(link, flow->held);
        if (link->ends)
            break;
        flow->is_begun = true;
        flow->held += next;
        flow->length -= next;
        all += next;
    }
    flow->held = held;
    flow->length = length;
    if (link->ends) {
        atomic_fetch_add(&link->proxy->lost, 1);
        atomic_store(&link->proxy->mode,
                     atomic_load(&link->proxy->mode) == PROXY_DIES_WITH_IT ? PROXY_IS_DOWN : PROXY_PASSES);
    }
    if (all > 0)
        proxy_chunk_add(link->proxy, flow, all);
}

/* What is due; when the next one is. */
static uint64_t proxy_write(struct proxy_link *link, struct proxy_flow *flow)
{
    while (flow->count > 0) {
        struct proxy_chunk *chunk = &flow->chunks[flow->first];
        if (chunk->due_ns > proxy_now_ns())
            return chunk->due_ns;
        for (size_t done = 0; done < chunk->length && !link->ends;) {
            ssize_t sent = send(flow->to, chunk->bytes + done, chunk->length - done, MSG_NOSIGNAL);
            link->ends = sent <= 0;
            done += sent > 0 ? (size_t)sent : 0;
        }
        free(chunk->bytes);
        flow->first = (flow->first + 1) % PROXY_CHUNKS_MAX;
        flow->count--;
    }
    return UINT64_MAX;
}

static void proxy_serve(struct proxy_link *link)
{
    struct proxy *proxy = link->proxy;

    while (!link->ends && !atomic_load(&proxy->stops) && atomic_load(&proxy->mode) != PROXY_IS_DOWN) {
        uint64_t up = proxy_write(link, &link->up), down = proxy_write(link, &link->down),
                 now = proxy_now_ns();
        uint64_t due = up < down ? up : down, wait = due > now ? due - now : 0;
        if (wait > 20000000u)
            wait = 20000000u;
        const struct timespec timeout = {.tv_nsec = (long)wait};
        bool is_silent = atomic_load(&proxy->mode) == PROXY_IS_SILENT;
        struct pollfd ready[] = {
            {.fd = is_silent || link->up.count == PROXY_CHUNKS_MAX ? -1 : link->client, .events = POLLIN},
            {.fd = is_silent || link->down.count == PROXY_CHUNKS_MAX ? -1 : link->server, .events = POLLIN}};
        if (ppoll(ready, 2, &timeout, NULL) <= 0)
            continue;
        if (ready[0].revents != 0)
            proxy_read(link, &link->up);
        if (ready[1].revents != 0 && !link->ends)
            proxy_read(link, &link->down);
    }
}

static void *proxy_link_main(void *argument)
{
    struct proxy_link *link = argument;
    struct proxy_flow *flows[] = {&link->up, &link->down};

    (void)prctl(PR_SET_TIMERSLACK, 1000);
    proxy_serve(link);
    for (int i = 0; i < 2; i++) {
        for (; flows[i]->count > 0;
             flows[i]->count--, flows[i]->first = (flows[i]->first + 1) % PROXY_CHUNKS_MAX)
            free(flows[i]->chunks[flows[i]->first].bytes);
        free(flows[i]->held);
    }
    (void)close(link->client);
    (void)close(link->server);
    free(link);
    return NULL;
}

static int proxy_socket(const char *dir, bool listens)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/.s.PGSQL.5432", dir);
    assert(fd >= 0);
    if (listens ? bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 64) == 0
                : connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static void *proxy_main(void *argument)
{
    struct proxy *proxy = argument;

    while (!atomic_load(&proxy->stops)) {
        struct pollfd ready = {.fd = proxy->listener, .events = POLLIN};
        int client = poll(&ready, 1, 20) > 0 ? accept(proxy->listener, NULL, NULL) : -1, server;
        if (client < 0)
            continue;
        if (atomic_load(&proxy->mode) == PROXY_IS_DOWN || proxy->thread_count == PROXY_CONNECTIONS_MAX ||
            (server = proxy_socket(proxy->to, false)) < 0) {
            (void)close(client);
            continue;
        }
        struct proxy_link *link = calloc(1, sizeof(*link));
        assert(link != NULL);
        link->proxy = proxy;
        link->up.from = link->down.to = link->client = client;
        link->down.from = link->up.to = link->server = server;
        link->down.is_begun = true;
        int err = pthread_create(&proxy->threads[proxy->thread_count++], NULL, proxy_link_main, link);
        assert(err == 0);
    }
    return NULL;
}

/* address: what SLUICE_TEST_POSTGRES says, which ends with the folder of the server's socket; out: the same by way of the proxy. */
static void proxy_start(struct proxy *proxy, const char *address, char *out, size_t size)
{
    const char *host = strstr(address, "&host=");
    int err;

    assert(host != NULL);
    memset(proxy, 0, sizeof(*proxy));
    (void)snprintf(proxy->to, sizeof(proxy->to), "%s", host + strlen("&host="));
    (void)snprintf(proxy->dir, sizeof(proxy->dir), "/tmp/sluice-proxy-XXXXXX");
    if (mkdtemp(proxy->dir) == NULL || (proxy->listener = proxy_socket(proxy->dir, true)) < 0)
        abort();
    (void)snprintf(out, size, "%.*s&host=%s", (int)(host - address), address, proxy->dir);
    err = pthread_create(&proxy->thread, NULL, proxy_main, proxy);
    assert(err == 0);
}

static void proxy_stop(struct proxy *proxy)
{
    char path[128];

    atomic_store(&proxy->stops, true);
    (void)pthread_join(proxy->thread, NULL);
    for (unsigned i = 0; i < proxy->thread_count; i++)
        (void)pthread_join(proxy->threads[i], NULL);
    (void)close(proxy->listener);
    (void)snprintf(path, sizeof(path), "%s/.s.PGSQL.5432", proxy->dir);
    (void)unlink(path);
    (void)rmdir(proxy->dir);
}

#endif
