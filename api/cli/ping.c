/* SPDX-License-Identifier: MIT
 *
 * `sluice ping`: asks /-/healthy of a running server, for health checks of containers that hold no curl. */
#include "api/cli/cli.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PING_TIMEOUT_S 5

/* Splits "[::1]:9000". An address that stands for all (0.0.0.0, [::]) is asked on its loopback. */
static void split_address(const char *listen, char *host, size_t host_size, char *port, size_t port_size)
{
    const char *colon = strrchr(listen, ':');
    const char *first = listen;
    size_t length = (size_t)(colon - listen);

    if (listen[0] == '[') {
        first++;
        length -= 2;
    }
    (void)snprintf(host, host_size, "%.*s", (int)length, first);
    (void)snprintf(port, port_size, "%s", colon + 1);
    if (strcmp(host, "0.0.0.0") == 0)
        (void)snprintf(host, host_size, "127.0.0.1");
    else if (strcmp(host, "::") == 0)
        (void)snprintf(host, host_size, "::1");
}

/* A connected socket with timeouts, or a negative errno. */
static int connect_to(const struct addrinfo *address)
{
    struct timeval timeout = {.tv_sec = PING_TIMEOUT_S};
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) == 0 &&
        connect(fd, address->ai_addr, address->ai_addrlen) == 0)
        return fd;
    err = errno;
    (void)close(fd);
    return -err;
}

/* The status of the answer (200), or a negative errno. */
static int ask(int fd, const char *host)
{
    char text[512];
    size_t length;
    ssize_t count;
    int status;

    length = (size_t)snprintf(text, sizeof(text),
                              "GET /-/healthy HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host);
    if (length >= sizeof(text))
        return -ENAMETOOLONG;
    if (send(fd, text, length, MSG_NOSIGNAL) != (ssize_t)length)
        return errno != 0 ? -errno : -EIO;
    length = 0;
    while (length < sizeof("HTTP/1.1 200")) {
        count = recv(fd, text + length, sizeof(text) - 1 - length, 0);
        if (count < 0)
            return -errno;
        if (count == 0)
            return -ECONNRESET;
        length += (size_t)count;
    }
    text[length] = '\0';
    return sscanf(text, "HTTP/1.1 %3d", &status) == 1 ? status : -EBADMSG;
}

int cli_ping(const struct options *options)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *address;
    char host[256], port[8];
    int err, fd, status;

    split_address(options->listen, host, sizeof(host), port, sizeof(port));
    err = getaddrinfo(host, port, &hints, &address);
    if (err != 0) {
        cli_say(SLUICE_LOG_ERROR, "%s: %s", options->listen, gai_strerror(err));
        return CLI_FAILED;
    }
    fd = connect_to(address);
    freeaddrinfo(address);
    status = fd < 0 ? fd : ask(fd, host);
    if (fd >= 0)
        (void)close(fd);
    if (status == 200) {
        printf("healthy\n");
        return CLI_OK;
    }
    if (status < 0)
        cli_say(SLUICE_LOG_ERROR, "%s does not answer: %s", options->listen, strerror(-status));
    else
        cli_say(SLUICE_LOG_ERROR, "%s is not healthy: it answered %d", options->listen, status);
    return CLI_FAILED;
}
