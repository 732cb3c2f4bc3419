/* SPDX-License-Identifier: MIT
 *
 * The listening socket: "ADDR:PORT" or "[IPv6]:PORT" to a bound, listening, non-blocking descriptor. Any
 * thread, at start. */
#include "api/http/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/http/limits.h"

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

static int listener_name(int fd, char *address, size_t address_bytes, unsigned *port)
{
    struct sockaddr_storage name;
    socklen_t length = sizeof(name);
    char host[INET6_ADDRSTRLEN];
    const void *host_bytes;

    if (getsockname(fd, (struct sockaddr *)&name, &length) != 0)
        return -errno;
    if (name.ss_family == AF_INET6) {
        host_bytes = &((struct sockaddr_in6 *)&name)->sin6_addr;
        *port = ntohs(((struct sockaddr_in6 *)&name)->sin6_port);
    } else {
        host_bytes = &((struct sockaddr_in *)&name)->sin_addr;
        *port = ntohs(((struct sockaddr_in *)&name)->sin_port);
    }
    if (inet_ntop(name.ss_family, host_bytes, host, sizeof(host)) == NULL)
        return -errno;
    snprintf(address, address_bytes, name.ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host, *port);
    return 0;
}

int listener_open(const char *listen_on, char *address, size_t address_bytes, unsigned *port)
{
    char host[256];
    const char *service;
    struct addrinfo *list;
    int fd, err;

    if ((err = listener_split(listen_on, host, sizeof(host), &service)) != 0)
        return err;
    if ((err = listener_resolve(host, service, &list)) != 0)
        return err;
    fd = listener_bind(list);
    freeaddrinfo(list);
    if (fd < 0)
        return fd;
    if ((err = listener_name(fd, address, address_bytes, port)) != 0) {
        close(fd);
        return err;
    }
    return fd;
}
