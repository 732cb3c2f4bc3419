/* SPDX-License-Identifier: MIT
 *
 * A cheap HTTP client for measuring servers: one thread, many keep-alive connections, bodies sent by sendfile from memory and
 * received with MSG_TRUNC, so that the client's own cost stays small and is the same for every server.
 *
 *     load get|put HOST PORT PATH SIZE CONNECTIONS SECONDS|COUNTx
 *
 * PATH may hold one %d, replaced by a number that counts up (put) or cycles through 0..999 (get). SIZE is the body of a put; a get
 * takes what Content-Length says. Prints one JSON object: ops, errors, seconds, bytes, and latency percentiles in microseconds. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_MAX = 8192, GET_KEYS = 1000 };

struct connection {
    int fd;
    bool want_write;
    size_t out_sent, out_length; /* request head */
    uint64_t body_sent;
    size_t head_length; /* of the answer, while it is being read */
    bool in_body;
    uint64_t body_left;
    double began;
    char out[1024];
    char head[HEAD_MAX + 1];
};

static bool is_put;
static const char *path_format;
static uint64_t body_bytes;
static int body_fd = -1;
static long long next_number;
static struct sockaddr_in address;
static double stop_at;
static long long ops, ops_max, started, errors;
static uint64_t bytes;
static float *latencies_us;
static size_t latency_count, latency_capacity;
static int poll_fd;

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void poll_for(struct connection *connection, bool write)
{
    struct epoll_event event = {.events = write ? EPOLLOUT : EPOLLIN, .data.ptr = connection};
    if (connection->want_write == write)
        return;
    connection->want_write = write;
    if (epoll_ctl(poll_fd, EPOLL_CTL_MOD, connection->fd, &event) != 0)
        die("epoll_ctl");
}

static void connection_open(struct connection *connection)
{
    int one = 1;
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 || connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        die("connect");
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    connection->want_write = false;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, connection->fd, &event) != 0)
        die("epoll_ctl");
}

static void request_begin(struct connection *connection)
{
    char path[512];
    long long number = next_number++;
    if (started++ >= ops_max || now_seconds() >= stop_at)
        return;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(path, sizeof(path), path_format, (int)(is_put ? number : number % GET_KEYS));
#pragma GCC diagnostic pop
    if (is_put)
        connection->out_length = (size_t)snprintf(connection->out, sizeof(connection->out),
                                                  "PUT %s HTTP/1.1\r\nHost: bench\r\nContent-Length: %llu\r\n\r\n", path,
                                                  (unsigned long long)body_bytes);
    else
        connection->out_length =
            (size_t)snprintf(connection->out, sizeof(connection->out), "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", path);
    connection->out_sent = 0;
    connection->body_sent = is_put ? 0 : body_bytes;
    connection->head_length = 0;
    connection->in_body = false;
    connection->began = now_seconds();
}

/* Returns false when the socket is full. */
static bool request_send(struct connection *connection)
{
    while (connection->out_sent < connection->out_length) {
        int more = connection->body_sent < body_bytes ? MSG_MORE : 0;
        ssize_t count = send(connection->fd, connection->out + connection->out_sent, connection->out_length - connection->out_sent,
                             MSG_NOSIGNAL | more);
        if (count < 0 && errno == EAGAIN)
            return false;
        if (count < 0)
            die("send");
        connection->out_sent += (size_t)count;
    }
    while (is_put && connection->body_sent < body_bytes) {
        off_t offset = (off_t)(connection->body_sent % (64 << 20));
        uint64_t left = body_bytes - connection->body_sent;
        uint64_t run = (64u << 20) - (uint64_t)offset;
        ssize_t count = sendfile(connection->fd, body_fd, &offset, left < run ? left : run);
        if (count < 0 && errno == EAGAIN)
            return false;
        if (count <= 0)
            die("sendfile");
        connection->body_sent += (uint64_t)count;
    }
    return true;
}

static void answer_done(struct connection *connection)
{
    double took = now_seconds() - connection->began;
    ops++;
    bytes += is_put ? body_bytes : 0;
    if (latency_count == latency_capacity) {
        latency_capacity = latency_capacity ? latency_capacity * 2 : 65536;
        latencies_us = realloc(latencies_us, latency_capacity * sizeof(*latencies_us));
        if (latencies_us == NULL)
            die("realloc");
    }
    latencies_us[latency_count++] = (float)(took * 1e6);
    connection->out_length = 0;
    request_begin(connection);
}

/* Reads one answer's head into the buffer. Returns false when there is nothing to read yet. */
static bool answer_head(struct connection *connection)
{
    ssize_t count = recv(connection->fd, connection->head + connection->head_length, HEAD_MAX - connection->head_length, 0);
    if (count < 0 && errno == EAGAIN)
        return false;
    if (count <= 0) {
        fprintf(stderr, "the server closed a connection\n");
        exit(1);
    }
    connection->head_length += (size_t)count;
    connection->head[connection->head_length] = '\0';
    char *end = strstr(connection->head, "\r\n\r\n");
    if (end == NULL)
        return true;
    if (strncmp(connection->head, "HTTP/1.1 20", 11) != 0 && errors++ == 0)
        fprintf(stderr, "%.*s\n", (int)(strchr(connection->head, '\r') - connection->head), connection->head);
    char *length = strcasestr(connection->head, "\r\ncontent-length:");
    uint64_t body = length != NULL ? strtoull(length + 17, NULL, 10) : 0;
    uint64_t here = (uint64_t)(connection->head + connection->head_length - end - 4);
    bytes += is_put ? 0 : body;
    connection->in_body = true;
    connection->body_left = body > here ? body - here : 0;
    return true;
}

/* Reads and drops body bytes without copying them. Returns false when there is nothing to read yet. */
static bool answer_body(struct connection *connection)
{
    while (connection->body_left > 0) {
        size_t want = connection->body_left < (4u << 20) ? connection->body_left : (4u << 20);
        ssize_t count = recv(connection->fd, NULL, want, MSG_TRUNC);
        if (count < 0 && errno == EAGAIN)
            return false;
        if (count <= 0)
            die("recv");
        connection->body_left -= (uint64_t)count;
    }
    return true;
}

static void connection_run(struct connection *connection)
{
    for (;;) {
        if (connection->out_length == 0)
            return;
        if (connection->out_sent < connection->out_length || connection->body_sent < body_bytes) {
            if (!request_send(connection)) {
                poll_for(connection, true);
                return;
            }
            poll_for(connection, false);
        }
        if (!connection->in_body) {
            if (!answer_head(connection))
                return;
            continue;
        }
        if (!answer_body(connection))
            return;
        answer_done(connection);
    }
}

static int float_compare(const void *left, const void *right)
{
    float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

static double percentile(double share)
{
    return latency_count == 0 ? 0 : latencies_us[(size_t)((double)(latency_count - 1) * share)];
}

int main(int argc, char **argv)
{
    if (argc != 8) {
        fprintf(stderr, "usage: load get|put HOST PORT PATH SIZE CONNECTIONS SECONDS|COUNTx\n");
        return 2;
    }
    is_put = strcmp(argv[1], "put") == 0;
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)atoi(argv[3]));
    if (inet_pton(AF_INET, argv[2], &address.sin_addr) != 1)
        return 2;
    path_format = argv[4];
    body_bytes = is_put ? strtoull(argv[5], NULL, 10) : 0;
    int count = atoi(argv[6]);
    bool by_count = strchr(argv[7], 'x') != NULL;
    ops_max = by_count ? atoll(argv[7]) : INT64_MAX;
    double began = now_seconds();
    stop_at = by_count ? 1e300 : began + atof(argv[7]);

    if (is_put) {
        static char block[1 << 20];
        for (size_t i = 0; i < sizeof(block); i++)
            block[i] = (char)(i * 2654435761u >> 13);
        body_fd = memfd_create("body", MFD_CLOEXEC);
        uint64_t size = body_bytes < (64u << 20) ? body_bytes : (64u << 20);
        for (uint64_t written = 0; written < size; written += sizeof(block))
            if (write(body_fd, block, sizeof(block)) != (ssize_t)sizeof(block))
                die("write");
    }
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct connection *connections = calloc((size_t)count, sizeof(*connections));
    if (poll_fd < 0 || connections == NULL)
        die("set-up");
    for (int i = 0; i < count; i++) {
        connection_open(&connections[i]);
        request_begin(&connections[i]);
        connection_run(&connections[i]);
    }
    for (;;) {
        struct epoll_event events[256];
        bool busy = false;
        for (int i = 0; i < count && !busy; i++)
            busy = connections[i].out_length > 0;
        if (!busy)
            break;
        int ready = epoll_wait(poll_fd, events, 256, 1000);
        for (int i = 0; i < ready; i++)
            connection_run(events[i].data.ptr);
    }
    double seconds = now_seconds() - began;
    qsort(latencies_us, latency_count, sizeof(*latencies_us), float_compare);
    printf("{\"ops\": %lld, \"errors\": %lld, \"seconds\": %.6f, \"bytes\": %llu, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f}\n",
           ops, errors, seconds, (unsigned long long)bytes, percentile(0.5), percentile(0.99), percentile(0.999));
    return errors == 0 ? 0 : 1;
}
