/* SPDX-License-Identifier: MIT
 *
 * A listening socket: "ADDR:PORT", "[IPv6]:PORT", "unix:PATH" or what somebody else has opened to a bound, listening, non-blocking descriptor. Any
 * thread, at start. */
#include "api/http/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/http/limits.h"
#include "api/http/proxy/proxies.h"

/* Splits at the last colon; brackets around an IPv6 address are taken off. 0 or -EINVAL. */
static int listener_split(const char *listen_on, char *host, size_t host_bytes, const char **service)
{
    const char *colon = strrchr(listen_on, ':');
    size_t length;

    if (colon == NULL || colon == listen_on || colon[1] == '\0' || strlen(colon + 1) > 5 ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1) || strtoul(colon + 1, NULL, 10) > 65535)
        return -EINVAL;
    length = (size_t)(colon - listen_on);
    if (listen_on[0] == '[') {
        if (length < 3 || colon[-1] != ']')
            return -EINVAL;
        listen_on++;
        length -= 2;
    } else if (memchr(listen_on, ':', length) != NULL) {
        return -EINVAL; /* an IPv6 address without brackets */
    }
    if (length >= host_bytes)
        return -EINVAL;
    memcpy(host, listen_on, length);
    host[length] = '\0';
    *service = colon + 1;
    return 0;
}

static int listener_resolve(const char *host, const char *service, struct addrinfo **list)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};

    switch (getaddrinfo(host, service, &hints, list)) {
    case 0:
        return 0;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_SYSTEM:
        return -errno;
    default:
        return -EINVAL;
    }
}

static int listener_bind(const struct addrinfo *info)
{
    int on = 1, err;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd == -1)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
        bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, HTTP_LISTEN_BACKLOG) == 0)
        return fd;
    err = -errno;
    close(fd);
    return err;
}

/* ---- What it is called ---- */

static int listener_name_inet(const struct sockaddr_storage *name, char *address, size_t address_bytes,
                              unsigned *port)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)name;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)name;
    bool is_v6 = name->ss_family == AF_INET6;
    const void *host_bytes = is_v6 ? (const void *)&v6->sin6_addr : (const void *)&v4->sin_addr;
    char host[INET6_ADDRSTRLEN];

    *port = ntohs(is_v6 ? v6->sin6_port : v4->sin_port);
    if (inet_ntop(name->ss_family, host_bytes, host, sizeof(host)) == NULL)
        return -errno;
    snprintf(address, address_bytes, is_v6 ? "[%s]:%u" : "%s:%u", host, *port);
    return 0;
}

static int listener_name(int fd, char *address, size_t address_bytes, unsigned *port)
{
    struct sockaddr_storage name = {0};
    const struct sockaddr_un *file = (const struct sockaddr_un *)&name;
    socklen_t length = sizeof(name);

    if (getsockname(fd, (struct sockaddr *)&name, &length) != 0)
        return -errno;
    if (name.ss_family == AF_INET || name.ss_family == AF_INET6)
        return listener_name_inet(&name, address, address_bytes, port);
    if (name.ss_family != AF_UNIX)
        return -EINVAL;
    *port = 0;
    /* An abstract one has no file, and its name begins with a NUL. */
    snprintf(address, address_bytes, "%s%.*s", HTTP_UNIX_PREFIX, (int)sizeof(file->sun_path),
             file->sun_path[0] != '\0' ? file->sun_path : "@");
    return 0;
}

static int listener_option(int fd, int option)
{
    socklen_t length = sizeof(int);
    int value;

    return getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

int http_listen_describe(int fd, char *address, size_t address_bytes)
{
    unsigned port;

    if (listener_option(fd, SO_TYPE) != SOCK_STREAM || listener_option(fd, SO_ACCEPTCONN) != 1)
        return -EINVAL;
    return listener_name(fd, address, address_bytes, &port);
}

/* ---- Opening ---- */

static int listener_open_inet(struct listener *listener, const char *listen_on)
{
    char host[256];
    const char *service;
    struct addrinfo *list;
    int err;

    if ((err = listener_split(listen_on, host, sizeof(host), &service)) != 0)
        return err;
    if ((err = listener_resolve(host, service, &list)) != 0)
        return err;
    listener->fd = listener_bind(list);
    freeaddrinfo(list);
    return listener->fd < 0 ? listener->fd : 0;
}

/* Through a duplicate, and with what a socket of ours would have. */
static int listener_take(struct listener *listener, int fd)
{
    char address[HTTP_ADDRESS_BYTES];
    int on = 1, flags, err = http_listen_describe(fd, address, sizeof(address));

    if (err != 0)
        return err;
    if ((flags = fcntl(fd, F_GETFL)) == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        (listener->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3)) == -1)
        return -errno;
    (void)setsockopt(listener->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* a Unix socket has none */
    return 0;
}

/* ---- Congestion control ----
 *
 * BBR sends each packet when a timer says so, as suits a network. Between two programs of one machine there is none, and it costs the server
 * three times the CPU, and the client two thirds of the speed. Whoever comes from a loopback address gets Reno, which every kernel has
 * and allows to all: from the listener, where nobody else can come, else for himself. Failing costs efficiency only. */

static bool socket_is_paced(int fd)
{
    char name[32] = "";
    socklen_t length = sizeof(name) - 1;

    return getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &length) == 0 && strncmp(name, "bbr", 3) == 0;
}

static void socket_unpace(int fd)
{
    static const char other[] = "reno";

    (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, other, sizeof(other) - 1);
}

static void listener_choose_congestion(struct listener *listener)
{
    struct sockaddr_storage name;
    socklen_t length = sizeof(name);

    listener->is_paced = listener->port != 0 && socket_is_paced(listener->fd);
    if (listener->is_paced && getsockname(listener->fd, (struct sockaddr *)&name, &length) == 0 &&
        proxies_is_local(&name)) {
        socket_unpace(listener->fd);
        listener->is_paced = false;
    }
}

void listener_accepted(const struct listener *listener, int fd)
{
    struct sockaddr_storage name;
    socklen_t length = sizeof(name);

    if (listener->is_paced && getpeername(fd, (struct sockaddr *)&name, &length) == 0 &&
        proxies_is_local(&name))
        socket_unpace(fd);
}

int listener_open(struct listener *listener, const struct http_listen *at, unsigned socket_mode)
{
    const size_t prefix = strlen(HTTP_UNIX_PREFIX);
    int err;

    *listener = (struct listener){.fd = -1, .is_tls = at->is_tls, .mark = at->mark};
    if (at->address == NULL)
        err = listener_take(listener, at->fd);
    else if (strncmp(at->address, HTTP_UNIX_PREFIX, prefix) == 0)
        err = listener_unix_open(listener, at->address + prefix, socket_mode);
    else
        err = listener_open_inet(listener, at->address);
    if (err == 0 && (err = listener_name(listener->fd, listener->address, sizeof(listener->address),
                                         &listener->port)) != 0)
        listener_close(listener);
    if (err == 0)
        listener_choose_congestion(listener);
    return err;
}

void listener_close(struct listener *listener)
{
    if (listener->file.is_made)
        listener_unix_remove(listener, listener->address + strlen(HTTP_UNIX_PREFIX));
    listener->file.is_made = false;
    if (listener->fd != -1)
        close(listener->fd);
    listener->fd = -1;
}
