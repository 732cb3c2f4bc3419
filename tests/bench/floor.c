/* SPDX-License-Identifier: MIT
 *
 * The floor: HTTP servers that do only the kernel calls a store cannot avoid, to tell what a path costs beyond them. They know
 * one file and no names, check nothing, and are no example for anything else.
 *
 *     floor get FILE PORT           one thread: read the request head, send a head with MSG_MORE, sendfile the file (or its Range)
 *     floor put DIR PORT [sync]     a thread a connection: splice socket -> 1 MiB pipe -> file, [fdatasync], rename, answer
 *     floor append FILE PORT        one thread: append the bodies of all connections that are ready, one fdatasync, answer all
 *
 * PORT 0 picks a free one. Prints the port, and serves until it is killed. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    HEAD_MAX = 4096,
    PIPE_BYTES = 1 << 20,
    LOW_WATER = 256 << 10,
    BATCH_MAX = 512,
    BODY_MAX = (1 << 20) + HEAD_MAX
};

struct client {
    int fd;
    size_t head_length;
    char head[HEAD_MAX + 1];
    /* get */
    bool want_write;
    char out[256];
    size_t out_sent, out_length;
    off_t offset;
    uint64_t left;
    /* append */
    char *body;
    uint64_t body_length, body_got;
};

static const char answer_ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
static const char *target;
static int poll_fd, listen_fd, file_fd = -1;
static uint64_t file_bytes;
static bool sync_files;
static atomic_uint put_count;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t length = sizeof(address);
    int one = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listen_fd < 0 || setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(listen_fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(listen_fd, 4096) != 0 ||
        getsockname(listen_fd, (struct sockaddr *)&address, &length) != 0)
        die("listen");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
}

static int client_accept(int flags)
{
    int one = 1, fd = accept4(listen_fd, NULL, NULL, flags | SOCK_CLOEXEC);
    if (fd < 0)
        die("accept4");
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0)
        die("TCP_NODELAY");
    return fd;
}

static void poll_add(int fd, void *client)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll_ctl");
}

/* Reads what there is of the head. Returns the bytes after its end, -1 while it has none, -2 when the peer has gone. */
static ssize_t head_read(struct client *client, char **behind)
{
    ssize_t count = recv(client->fd, client->head + client->head_length, HEAD_MAX - client->head_length, 0);
    if (count < 0 && errno == EAGAIN)
        return -1;
    if (count <= 0)
        return -2;
    client->head_length += (size_t)count;
    client->head[client->head_length] = '\0';
    char *end = memmem(client->head, client->head_length, "\r\n\r\n", 4);
    if (end == NULL)
        return -1;
    *behind = end + 4;
    return client->head + client->head_length - *behind;
}

static uint64_t head_content_length(const struct client *client)
{
    const char *field = strstr(client->head, "\r\nContent-Length:");
    return field == NULL ? 0 : strtoull(field + 17, NULL, 10);
}

static void client_free(struct client *client)
{
    close(client->fd);
    free(client->body);
    free(client);
}

/* ---- get ---- */

static void get_begin(struct client *client)
{
    unsigned long long first, last;
    const char *range = strstr(client->head, "\r\nRange: bytes=");

    client->offset = 0;
    client->left = file_bytes;
    if (range != NULL && sscanf(range + 15, "%llu-%llu", &first, &last) == 2) {
        client->offset = (off_t)first;
        client->left = last - first + 1;
    }
    client->out_length =
        (size_t)snprintf(client->out, sizeof(client->out), "HTTP/1.1 %s\r\nContent-Length: %llu\r\n\r\n",
                         range == NULL ? "200 OK" : "206 Partial Content", (unsigned long long)client->left);
    client->out_sent = 0;
    client->head_length = 0;
}

/* Returns 1 when all is sent, 0 when the socket is full, -1 when the peer has gone. */
static int get_send(struct client *client)
{
    while (client->out_sent < client->out_length) {
        ssize_t count =
            send(client->fd, client->out + client->out_sent, client->out_length - client->out_sent,
                 MSG_NOSIGNAL | (client->left > 0 ? MSG_MORE : 0));
        if (count < 0)
            return errno == EAGAIN ? 0 : -1;
        client->out_sent += (size_t)count;
    }
    while (client->left > 0) {
        ssize_t count = sendfile(client->fd, file_fd, &client->offset,
                                 client->left < PIPE_BYTES ? client->left : PIPE_BYTES);
        if (count <= 0)
            return count < 0 && errno == EAGAIN ? 0 : -1;
        client->left -= (uint64_t)count;
    }
    return 1;
}

static void get_run(struct client *client)
{
    char *behind;
    int sent;

    if (client->out_length == 0) {
        ssize_t here = head_read(client, &behind);
        if (here == -2) {
            client_free(client);
            return;
        }
        if (here == -1)
            return;
        get_begin(client);
    }
    if ((sent = get_send(client)) < 0) {
        client_free(client);
        return;
    }
    if (sent == 1)
        client->out_length = 0;
    if (client->want_write == (sent == 0))
        return;
    client->want_write = sent == 0;
    struct epoll_event event = {.events = sent == 0 ? EPOLLOUT : EPOLLIN, .data.ptr = client};
    if (epoll_ctl(poll_fd, EPOLL_CTL_MOD, client->fd, &event) != 0)
        die("epoll_ctl");
}

/* ---- put ---- */

static void low_water_set(int fd, int bytes)
{
    if (setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes)) != 0)
        die("SO_RCVLOWAT");
}

static bool put_body(int from, int pipe_fds[2], int to, uint64_t left)
{
    bool low_water = left > 2 * LOW_WATER;

    if (low_water)
        low_water_set(from, LOW_WATER);
    while (left > 0) {
        struct pollfd ready = {.fd = from, .events = POLLIN};
        if (low_water && left <= 2 * LOW_WATER) {
            low_water_set(from, 1);
            low_water = false;
        }
        if (poll(&ready, 1, -1) < 0)
            return false;
        ssize_t in =
            splice(from, NULL, pipe_fds[1], NULL, left < PIPE_BYTES ? left : PIPE_BYTES, SPLICE_F_NONBLOCK);
        if (in < 0 && errno == EAGAIN)
            continue;
        if (in <= 0)
            return false;
        left -= (uint64_t)in;
        while (in > 0) {
            ssize_t out = splice(pipe_fds[0], NULL, to, NULL, (size_t)in, SPLICE_F_MOVE);
            if (out <= 0)
                die("splice to the file");
            in -= out;
        }
    }
    return true;
}

static bool put_one(struct client *client, int pipe_fds[2], const char *behind, size_t here)
{
    char name[512], name_new[512];
    uint64_t length = head_content_length(client);

    /* New names for small bodies, as the clients of the others use; a few for large ones, so that the disk does not fill. */
    unsigned number = length <= 64 << 10 ? atomic_fetch_add(&put_count, 1) : (unsigned)client->fd;
    (void)snprintf(name, sizeof(name), "%s/put-%u", target, number);
    (void)snprintf(name_new, sizeof(name_new), "%s/put-%d.new", target, client->fd);
    int file = open(name_new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || write(file, behind, here) != (ssize_t)here)
        die(name_new);
    bool whole = put_body(client->fd, pipe_fds, file, length - here);
    if (whole && sync_files && fdatasync(file) != 0)
        die("fdatasync");
    close(file);
    /* Not a rename over the old file: ext4 would write the new one's bytes out first (auto_da_alloc). */
    if ((unlink(name) != 0 && errno != ENOENT) || rename(name_new, name) != 0)
        die("rename");
    client->head_length = 0;
    return whole && send(client->fd, answer_ok, sizeof(answer_ok) - 1, MSG_NOSIGNAL) > 0;
}

static void *put_thread(void *argument)
{
    struct client *client = argument;
    int pipe_fds[2];
    char *behind = NULL;

    if (pipe2(pipe_fds, O_CLOEXEC) != 0 || fcntl(pipe_fds[1], F_SETPIPE_SZ, PIPE_BYTES) < 0)
        die("pipe");
    for (;;) {
        ssize_t here = head_read(client, &behind);
        if (here == -2 || (here >= 0 && !put_one(client, pipe_fds, behind, (size_t)here)))
            break;
    }
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    client_free(client);
    return NULL;
}

static void put_serve(void)
{
    for (;;) {
        pthread_t thread;
        struct client *client = calloc(1, sizeof(*client));
        if (client == NULL)
            die("calloc");
        client->fd = client_accept(0);
        if (pthread_create(&thread, NULL, put_thread, client) != 0 || pthread_detach(thread) != 0)
            die("pthread_create");
    }
}

/* ---- append ---- */

/* Reads what has come of a request. Returns 1 when its body is whole, 0 when not, -1 when the peer has gone. */
static int append_read(struct client *client)
{
    if (client->body_length == 0 && client->body_got == 0) {
        char *behind;
        ssize_t here = head_read(client, &behind);
        if (here < 0)
            return here == -1 ? 0 : -1;
        client->body_length = head_content_length(client);
        if (client->body_length > BODY_MAX ||
            (client->body == NULL && (client->body = malloc(BODY_MAX)) == NULL))
            die("a body");
        memcpy(client->body, behind, (size_t)here);
        client->body_got = (uint64_t)here;
    }
    while (client->body_got < client->body_length) {
        ssize_t count =
            recv(client->fd, client->body + client->body_got, client->body_length - client->body_got, 0);
        if (count <= 0)
            return count < 0 && errno == EAGAIN ? 0 : -1;
        client->body_got += (uint64_t)count;
    }
    return 1;
}

static void append_batch(struct client **batch, int count)
{
    struct iovec pieces[BATCH_MAX];
    ssize_t total = 0;

    for (int i = 0; i < count; i++) {
        pieces[i] = (struct iovec){batch[i]->body, batch[i]->body_length};
        total += (ssize_t)batch[i]->body_length;
    }
    if (writev(file_fd, pieces, count) != total || fdatasync(file_fd) != 0)
        die("append");
    for (int i = 0; i < count; i++) {
        batch[i]->body_length = batch[i]->body_got = batch[i]->head_length = 0;
        (void)send(batch[i]->fd, answer_ok, sizeof(answer_ok) - 1,
                   MSG_NOSIGNAL); /* a peer that has gone is seen by recv */
    }
}

/* ---- The loop of get and append ---- */

static void serve(bool append)
{
    struct epoll_event events[BATCH_MAX];
    struct client *batch[BATCH_MAX];

    poll_add(listen_fd, NULL);
    for (;;) {
        int batched = 0, ready = epoll_wait(poll_fd, events, BATCH_MAX, -1);
        for (int i = 0; i < ready; i++) {
            struct client *client = events[i].data.ptr;
            if (client == NULL) {
                if ((client = calloc(1, sizeof(*client))) == NULL)
                    die("calloc");
                client->fd = client_accept(SOCK_NONBLOCK);
                poll_add(client->fd, client);
            } else if (!append) {
                get_run(client);
            } else {
                int state = append_read(client);
                if (state == 1)
                    batch[batched++] = client;
                else if (state < 0)
                    client_free(client);
            }
        }
        if (batched > 0)
            append_batch(batch, batched);
    }
}

int main(int argc, char **argv)
{
    bool get = argc >= 2 && strcmp(argv[1], "get") == 0, append = argc >= 2 && strcmp(argv[1], "append") == 0;
    struct rlimit files = {20000, 20000};
    struct stat status;

    if (argc < 4 || (!get && !append && strcmp(argv[1], "put") != 0)) {
        fprintf(stderr, "usage: floor get FILE PORT | put DIR PORT [sync] | append FILE PORT\n");
        return 2;
    }
    target = argv[2];
    sync_files = argc == 5 && strcmp(argv[4], "sync") == 0;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        perror("setrlimit"); /* fewer connections will do for most paths */
    if (get || append) {
        file_fd = get ? open(target, O_RDONLY | O_CLOEXEC)
                      : open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (file_fd < 0 || fstat(file_fd, &status) != 0)
            die(target);
        file_bytes = (uint64_t)status.st_size;
    }
    listen_on(atoi(argv[3]));
    if ((poll_fd = epoll_create1(EPOLL_CLOEXEC)) < 0)
        die("epoll_create1");
    if (get || append)
        serve(append);
    else
        put_serve();
    return 0;
}
