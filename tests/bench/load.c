/* SPDX-License-Identifier: MIT
 *
 * A cheap HTTP client for measuring servers: one thread, many keep-alive connections, bodies sent by sendfile from memory and
 * received with MSG_TRUNC, so that the client's own cost stays small and is the same for every server.
 *
 *     load [OPTION VALUE]... get|head|put|delete|mix HOST PORT PATH SIZE CONNECTIONS SECONDS|COUNTx
 *
 *     --keys N       a %d in PATH becomes a number that counts up and begins again after N (gets: 1000, puts, deletes: never)
 *     --first N      where those numbers begin (0)
 *     --paths FILE   one path (with its query) a line instead of PATH, in turn: for signed requests. After a tab each, fields of
 *                    the head; before the path, a method and a space when it is for requests of that method only
 *     --host NAME    what the Host field says ("localhost")
 *     --source PATH  puts copy that object (x-amz-copy-source)
 *     --range BYTES  gets ask for that many bytes somewhere in the SIZE that the object has
 *     --cpu N        run on that core only
 *     --spin 1       never sleep: a client that sleeps makes the server pay for waking it; for a core of its own
 *     --blocking 1   as ordinary clients do: it sleeps until there is anything to read, and copies bodies in and out by 64 KiB
 *     --tls 1        by TLS, whatever the certificate says; bodies are then copied, encrypted and decrypted
 *     --hold 1       at the end keep the connections open until standard input is closed
 *     --warm N       first as many requests that are not counted; then says "warm" and waits for a line of standard input
 *
 * mix: 45 % GET, 30 % HEAD, 15 % PUT, 10 % DELETE, see load_requests.c; its report has the percentiles of each.
 *
 * All connections are made before the clock starts. SIGTERM ends the run early: what is under way is finished and reported.
 * SIZE is the body of a put; a get takes what Content-Length says. Prints one JSON object: ops, errors, seconds, bytes, and
 * latency percentiles in microseconds. It does not check what it receives, beyond the status: tests do. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load_requests.h"

/* LOW_WATER: a client that sleeps is woken once for that much of a large answer. */
enum { HEAD_MAX = 8192, LOW_WATER = 256 << 10, BODY_MAX = 64 << 20, TLS_RECORD = 16 << 10, PIECE = 64 << 10 };

struct connection {
    int fd;
    SSL *ssl; /* NULL: plain */
    bool want_write;
    int low_water;
    struct request request;
    size_t out_sent, out_length; /* request head */
    uint64_t body_sent, body_bytes;
    size_t head_length; /* of the answer, while it is being read */
    bool in_body;
    bool chunked; /* the body ends where a recv ends with the last chunk */
    uint64_t body_left;
    long long answers; /* on this socket */
    double began;
    char out[REQUEST_MAX];
    char head[HEAD_MAX + 1];
};

static bool spin, hold, blocking;
static SSL_CTX *ssl_ctx; /* with --tls */
static int busy_count;   /* connections with a request in flight */
static int body_fd = -1;
static const char *body_in_memory; /* the same in memory */
static struct sockaddr_in address;
static double stop_at;
static volatile sig_atomic_t stop_asked;
static long long ops, ops_max, warm_ops, started, errors;
static uint64_t bytes;
static struct latencies {
    float *us;
    size_t count, capacity;
} latencies[REQUEST_KINDS];
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

static void stop_ask(int signal)
{
    stop_asked = 1;
}

/* Wakes for the rest of the answer, or for a good piece of it: waking the client for each segment is work of the server's. */
static void low_water_set(struct connection *connection, uint64_t left)
{
    int bytes = spin || blocking || left < 2 * LOW_WATER ? 1 : LOW_WATER;
    if (connection->low_water == bytes)
        return;
    connection->low_water = bytes;
    if (setsockopt(connection->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes)) != 0)
        die("SO_RCVLOWAT");
}

/* Both as send and recv, with -1 and EAGAIN where the socket has to be waited for. */
static ssize_t tls_result(struct connection *connection, int result)
{
    int error = result > 0 ? SSL_ERROR_NONE : SSL_get_error(connection->ssl, result);
    if (result > 0)
        return result;
    if (error == SSL_ERROR_ZERO_RETURN)
        return 0;
    errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
    return -1;
}

static ssize_t net_send(struct connection *connection, const void *data, size_t length, int more)
{
    if (connection->ssl == NULL)
        return send(connection->fd, data, length, MSG_NOSIGNAL | more);
    return tls_result(connection, SSL_write(connection->ssl, data, (int)length));
}

static ssize_t net_receive(struct connection *connection, void *data, size_t length)
{
    if (connection->ssl == NULL)
        return recv(connection->fd, data, length, 0);
    return tls_result(connection, SSL_read(connection->ssl, data, (int)length));
}

/* While the socket still blocks. */
static void tls_open(struct connection *connection)
{
    connection->ssl = SSL_new(ssl_ctx);
    if (connection->ssl == NULL || SSL_set_fd(connection->ssl, connection->fd) != 1 ||
        SSL_connect(connection->ssl) != 1) {
        fprintf(stderr, "the server does not agree on TLS\n");
        exit(1);
    }
}

static void tls_start(void)
{
    ssl_ctx = SSL_CTX_new(TLS_client_method());
    if (ssl_ctx == NULL)
        die("TLS");
    SSL_CTX_set_ciphersuites(ssl_ctx, "TLS_AES_128_GCM_SHA256"); /* the same for every server */
    SSL_CTX_set_mode(ssl_ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static void connection_open(struct connection *connection)
{
    int one = 1;
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 || connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        die("connect");
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (ssl_ctx != NULL)
        tls_open(connection);
    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    connection->want_write = false;
    connection->low_water = 1;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, connection->fd, &event) != 0)
        die("epoll_ctl");
}

static void request_begin(struct connection *connection)
{
    connection->out_length = 0;
    if (stop_asked || started >= ops_max || now_seconds() >= stop_at)
        return;
    started++;
    busy_count++;
    connection->out_length = request_make(connection->out, &connection->request);
    connection->out_sent = 0;
    connection->body_bytes = request_body_bytes(connection->request.kind);
    connection->body_sent = 0;
    connection->head_length = 0;
    connection->in_body = false;
    connection->chunked = false;
    connection->began = now_seconds();
}

/* Returns false when the socket is full. */
static bool request_send(struct connection *connection)
{
    while (connection->out_sent < connection->out_length) {
        int more = connection->body_sent < connection->body_bytes ? MSG_MORE : 0;
        ssize_t count = net_send(connection, connection->out + connection->out_sent,
                                 connection->out_length - connection->out_sent, more);
        if (count < 0 && errno == EAGAIN)
            return false;
        if (count < 0)
            die("send");
        connection->out_sent += (size_t)count;
    }
    while (connection->body_sent < connection->body_bytes) {
        off_t offset = (off_t)(connection->body_sent % BODY_MAX);
        uint64_t left = connection->body_bytes - connection->body_sent;
        uint64_t run = connection->ssl != NULL ? TLS_RECORD : blocking ? PIECE : BODY_MAX;
        run = run < BODY_MAX - (uint64_t)offset ? run : BODY_MAX - (uint64_t)offset;
        ssize_t count = connection->ssl != NULL || blocking
                            ? net_send(connection, body_in_memory + offset, left < run ? left : run, 0)
                            : sendfile(connection->fd, body_fd, &offset, left < run ? left : run);
        if (count < 0 && errno == EAGAIN)
            return false;
        if (count <= 0)
            die("sendfile");
        connection->body_sent += (uint64_t)count;
    }
    return true;
}

static void latency_add(struct latencies *of, double seconds)
{
    if (of->count == of->capacity) {
        of->capacity = of->capacity ? of->capacity * 2 : 65536;
        of->us = realloc(of->us, of->capacity * sizeof(*of->us));
        if (of->us == NULL)
            die("realloc");
    }
    of->us[of->count++] = (float)(seconds * 1e6);
}

static void answer_done(struct connection *connection)
{
    latency_add(&latencies[connection->request.kind], now_seconds() - connection->began);
    ops++;
    connection->answers++;
    bytes += connection->body_bytes;
    busy_count--;
    request_answered(&connection->request);
    request_begin(connection);
}

/* Whether a chunked body ends here: no request is sent before its end, so nothing can follow. */
static bool ends_body(const char *data, size_t length)
{
    return length >= 5 && memcmp(data + length - 5, "0\r\n\r\n", 5) == 0;
}

/* A server may close a connection between two requests (after so many of them, for instance): the second goes to a new one. */
static void connection_again(struct connection *connection)
{
    SSL_free(connection->ssl);
    connection->ssl = NULL;
    close(connection->fd);
    connection->answers = 0;
    connection_open(connection);
    connection->out_sent = 0;
    connection->body_sent = 0;
    if (!request_send(connection))
        poll_for(connection, true);
}

/* Reads one answer's head into the buffer. Returns false when there is nothing to read yet. */
static bool answer_head(struct connection *connection)
{
    ssize_t count = net_receive(connection, connection->head + connection->head_length,
                                HEAD_MAX - connection->head_length);
    if (count < 0 && errno == EAGAIN)
        return false;
    if (count <= 0 && connection->head_length == 0 && connection->answers > 0) {
        connection_again(connection);
        return false;
    }
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
    bool bodyless = connection->request.kind == REQUEST_HEAD;
    uint64_t body = length != NULL && !bodyless ? strtoull(length + 17, NULL, 10) : 0;
    uint64_t here = (uint64_t)(connection->head + connection->head_length - end - 4);
    bytes += connection->request.kind == REQUEST_PUT ? 0 : body;
    connection->in_body = true;
    connection->body_left = body > here ? body - here : 0;
    connection->chunked = !bodyless &&
                          strcasestr(connection->head, "\r\ntransfer-encoding: chunked") != NULL &&
                          !ends_body(end + 4, (size_t)here);
    return true;
}

/* Reads and drops body bytes without copying them. Returns false when there is nothing to read yet. */
static bool answer_body(struct connection *connection)
{
    static char chunks[256 << 10];
    while (connection->chunked) {
        ssize_t count = net_receive(connection, chunks, sizeof(chunks));
        if (count < 0 && errno == EAGAIN)
            return false;
        if (count <= 0)
            die("recv");
        bytes += (uint64_t)count;
        connection->chunked = !ends_body(chunks, (size_t)count);
    }
    while (connection->body_left > 0) {
        low_water_set(connection, connection->body_left);
        size_t want = connection->body_left < (4u << 20) ? connection->body_left : (4u << 20);
        size_t copied = want < PIECE ? want : PIECE;
        ssize_t count = connection->ssl != NULL || blocking ? net_receive(connection, chunks, copied)
                                                            : recv(connection->fd, NULL, want, MSG_TRUNC);
        if (count < 0 && errno == EAGAIN)
            return false;
        if (count <= 0)
            die("recv");
        connection->body_left -= (uint64_t)count;
    }
    low_water_set(connection, 0);
    return true;
}

/* Goes on with the connection until it would block. The answer to a request that was just sent is never there yet. */
static void connection_run(struct connection *connection)
{
    while (connection->out_length > 0) {
        if (connection->out_sent < connection->out_length || connection->body_sent < connection->body_bytes) {
            bool sent = request_send(connection);
            poll_for(connection, !sent);
            return;
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

static double percentile(const struct latencies *of, double share)
{
    return of->count == 0 ? 0 : of->us[(size_t)((double)(of->count - 1) * share)];
}

static void body_make(uint64_t body_bytes)
{
    static char block[1 << 20];
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = (char)(i * 2654435761u >> 13);
    body_fd = memfd_create("body", MFD_CLOEXEC);
    uint64_t size = body_bytes < BODY_MAX ? body_bytes : BODY_MAX;
    for (uint64_t written = 0; written < size; written += sizeof(block))
        if (write(body_fd, block, sizeof(block)) != (ssize_t)sizeof(block))
            die("write");
    body_in_memory = mmap(NULL, BODY_MAX, PROT_READ, MAP_SHARED, body_fd, 0);
    if (body_in_memory == MAP_FAILED)
        die("mmap");
}

static void cpu_pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0)
        die("sched_setaffinity");
}

static void descriptors_allow(int connections)
{
    struct rlimit files;
    rlim_t wanted = (rlim_t)connections + 64;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        die("getrlimit");
    if (files.rlim_cur >= wanted)
        return;
    files.rlim_cur = wanted;
    files.rlim_max = files.rlim_max < wanted ? wanted : files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0) {
        fprintf(stderr, "%d connections need more open files than are allowed (ulimit -Hn)\n", connections);
        exit(1);
    }
}

static bool option_take(const char *name, const char *value)
{
    if (requests_option(name, value))
        return true;
    if (strcmp(name, "--cpu") == 0)
        cpu_pin(atoi(value));
    else if (strcmp(name, "--spin") == 0)
        spin = atoi(value) != 0;
    else if (strcmp(name, "--tls") == 0 && atoi(value) != 0)
        tls_start();
    else if (strcmp(name, "--hold") == 0)
        hold = atoi(value) != 0;
    else if (strcmp(name, "--blocking") == 0)
        blocking = atoi(value) != 0;
    else if (strcmp(name, "--warm") == 0)
        warm_ops = atoll(value);
    else
        return false;
    return true;
}

/* Lets every connection work until the last answer has come. Between two first requests answers are taken, so that the last
 * connection's beginning does not count for the first's. */
static void work(struct connection *connections, int count)
{
    struct epoll_event events[256];

    for (int i = 0; i < count; i++) {
        request_begin(&connections[i]);
        connection_run(&connections[i]);
        int ready = i % 16 == 15 ? epoll_wait(poll_fd, events, 256, 0) : 0;
        for (int j = 0; j < ready; j++)
            connection_run(events[j].data.ptr);
    }
    while (busy_count > 0) {
        int ready = epoll_wait(poll_fd, events, 256, spin ? 0 : 1000);
        for (int i = 0; i < ready; i++)
            connection_run(events[i].data.ptr);
    }
}

/* The requests that are not counted. Whoever counts lets it go on when the server has come to rest. */
static void warm_up(struct connection *connections, int count, long long ops_wanted)
{
    ops_max = warm_ops;
    stop_at = 1e300;
    work(connections, count);
    ops_max = ops_wanted;
    started = ops = 0;
    bytes = 0;
    for (int kind = 0; kind < REQUEST_KINDS; kind++)
        latencies[kind].count = 0;
    printf("warm\n");
    fflush(stdout);
    (void)getchar();
}

static void report_percentiles(struct latencies *of, const char *name)
{
    qsort(of->us, of->count, sizeof(*of->us), float_compare);
    printf(", \"%sp50_us\": %.1f, \"%sp99_us\": %.1f, \"%sp999_us\": %.1f, \"%smax_us\": %.1f", name,
           percentile(of, 0.5), name, percentile(of, 0.99), name, percentile(of, 0.999), name,
           percentile(of, 1));
}

static void report(double seconds)
{
    struct latencies all = {0};

    printf("{\"ops\": %lld, \"errors\": %lld, \"seconds\": %.6f, \"bytes\": %llu", ops, errors, seconds,
           (unsigned long long)bytes);
    for (int kind = 0; kind < REQUEST_KINDS; kind++)
        for (size_t i = 0; i < latencies[kind].count; i++)
            latency_add(&all, latencies[kind].us[i] / 1e6);
    report_percentiles(&all, "");
    for (int kind = 0; kind < REQUEST_KINDS; kind++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "%s_", request_names[kind]);
        if (latencies[kind].count > 0 && latencies[kind].count < all.count)
            report_percentiles(&latencies[kind], name);
    }
    printf("}\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    int at = 1;
    while (at + 1 < argc && option_take(argv[at], argv[at + 1]))
        at += 2;
    if (argc - at != 7) {
        fprintf(stderr,
                "usage: load [OPTION VALUE]... get|head|put|delete|mix HOST PORT PATH SIZE CONNECTIONS "
                "SECONDS|COUNTx\n");
        return 2;
    }
    argv += at;
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)atoi(argv[2]));
    if (inet_pton(AF_INET, argv[1], &address.sin_addr) != 1)
        return 2;
    if (!requests_start(argv[0], argv[3], strtoull(argv[4], NULL, 10)))
        return 2;
    int count = atoi(argv[5]);
    bool by_count = strchr(argv[6], 'x') != NULL;
    ops_max = by_count ? atoll(argv[6]) : INT64_MAX;
    if (request_body_bytes(REQUEST_PUT) > 0)
        body_make(request_body_bytes(REQUEST_PUT));

    descriptors_allow(count);
    (void)signal(SIGTERM, stop_ask);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct connection *connections = calloc((size_t)count, sizeof(*connections));
    if (poll_fd < 0 || connections == NULL)
        die("set-up");
    for (int i = 0; i < count; i++)
        connection_open(&connections[i]);
    if (warm_ops > 0)
        warm_up(connections, count, ops_max);
    double began = now_seconds();
    stop_at = by_count ? 1e300 : began + atof(argv[6]);
    work(connections, count);
    report(now_seconds() - began);
    if (hold)
        (void)getchar();
    return errors == 0 ? 0 : 1;
}
