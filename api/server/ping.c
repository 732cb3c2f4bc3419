/* SPDX-License-Identifier: MIT
 *
 * sluice_ping of sluice.h: one GET of /-/healthy on a connection of its own. Any thread; blocks.
 *
 * By HTTPS the certificate is not verified: it is made out to a name, an address is asked, and nothing that is said is secret
 * or believed further than "healthy". */
#include "api/http/http.h"
#include "api/sluice.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define PING_TIMEOUT_S    5
#define PING_ANSWER_BYTES 512
#define PING_STATUS_BYTES (sizeof("HTTP/1.1 200") - 1)

struct ping {
    int fd;
    SSL_CTX *ssl_ctx; /* NULL: plain */
    SSL *ssl;
};

/* Splits "[::1]:9000". An address that stands for all (0.0.0.0, [::]) is asked on its loopback. False: it cannot be. */
static bool split_address(const char *address, char *host, size_t host_size, char *port, size_t port_size)
{
    const char *colon = strrchr(address, ':'), *first = address;
    size_t length;

    if (colon == NULL || colon == address || strlen(colon + 1) >= port_size)
        return false;
    length = (size_t)(colon - address);
    if (address[0] == '[') {
        if (length < 3)
            return false;
        first++;
        length -= 2;
    }
    if (length >= host_size)
        return false;
    (void)snprintf(host, host_size, "%.*s", (int)length, first);
    (void)snprintf(port, port_size, "%s", colon + 1);
    if (strcmp(host, "0.0.0.0") == 0)
        (void)snprintf(host, host_size, "127.0.0.1");
    else if (strcmp(host, "::") == 0)
        (void)snprintf(host, host_size, "::1");
    return true;
}

/* OpenSSL writes without MSG_NOSIGNAL, and what that raises is nothing to the host's program. */
static void sigpipe_block(sigset_t *before)
{
    sigset_t pipe;

    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe, before); /* fails for a bad first argument only */
}

static void sigpipe_restore(const sigset_t *before)
{
    const struct timespec now = {0};
    sigset_t pipe;

    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    if (!sigismember(before, SIGPIPE))
        (void)sigtimedwait(&pipe, NULL, &now); /* EAGAIN: none was raised */
    (void)pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* A connected socket with timeouts, or a negative errno. */
static int connect_to(const struct sockaddr *address, socklen_t length)
{
    struct timeval timeout = {.tv_sec = PING_TIMEOUT_S};
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) == 0 &&
        connect(fd, address, length) == 0)
        return fd;
    err = errno;
    (void)close(fd);
    return -err;
}

static int connect_to_file(const char *path)
{
    struct sockaddr_un file = {.sun_family = AF_UNIX};

    if (path[0] == '\0' || strlen(path) >= sizeof(file.sun_path))
        return -EINVAL;
    strcpy(file.sun_path, path);
    return connect_to((const struct sockaddr *)&file, sizeof(file));
}

static int connect_to_address(const char *address, char *host, size_t host_size)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *info;
    char port[8];
    int fd;

    if (!split_address(address, host, host_size, port, sizeof(port)) ||
        getaddrinfo(host, port, &hints, &info) != 0)
        return -EINVAL;
    fd = connect_to(info->ai_addr, info->ai_addrlen);
    freeaddrinfo(info);
    return fd;
}

/* EAGAIN is what an exceeded SO_RCVTIMEO says. */
static int ping_errno(void)
{
    return errno == EAGAIN ? -ETIMEDOUT : errno != 0 ? -errno : -EPROTO;
}

static int ping_encrypt(struct ping *ping)
{
    ping->ssl_ctx = SSL_CTX_new(TLS_client_method());
    ping->ssl = ping->ssl_ctx != NULL ? SSL_new(ping->ssl_ctx) : NULL;
    if (ping->ssl == NULL || SSL_set_fd(ping->ssl, ping->fd) != 1)
        return -ENOMEM;
    errno = 0;
    return SSL_connect(ping->ssl) == 1 ? 0 : ping_errno();
}

static int ping_send(struct ping *ping, const char *text, size_t length)
{
    ssize_t sent;

    errno = 0;
    if (ping->ssl != NULL)
        return SSL_write(ping->ssl, text, (int)length) == (int)length ? 0 : ping_errno();
    sent = send(ping->fd, text, length, MSG_NOSIGNAL);
    return sent == (ssize_t)length ? 0 : ping_errno();
}

static ssize_t ping_receive(struct ping *ping, char *text, size_t length)
{
    ssize_t count;

    errno = 0;
    count = ping->ssl != NULL ? SSL_read(ping->ssl, text, (int)length) : recv(ping->fd, text, length, 0);
    if (count > 0)
        return count;
    return count == 0 ? -ECONNRESET : ping_errno();
}

/* The status of the answer (200), or a negative errno. */
static int ping_ask(struct ping *ping, const char *host)
{
    char text[PING_ANSWER_BYTES];
    size_t length = (size_t)snprintf(
        text, sizeof(text), "GET /-/healthy HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host);
    int status, err;

    if (length >= sizeof(text))
        return -ENAMETOOLONG;
    if ((err = ping_send(ping, text, length)) != 0)
        return err;
    length = 0;
    while (length < PING_STATUS_BYTES) {
        ssize_t count = ping_receive(ping, text + length, sizeof(text) - 1 - length);

        if (count < 0)
            return (int)count;
        length += (size_t)count;
    }
    text[length] = '\0';
    return sscanf(text, "HTTP/1.1 %3d", &status) == 1 ? status : -EBADMSG;
}

int sluice_ping(const char *address, bool tls)
{
    const size_t prefix = strlen(HTTP_UNIX_PREFIX);
    struct ping ping = {.fd = -1};
    char host[256] = "localhost";
    sigset_t before;
    int status;

    ping.fd = strncmp(address, HTTP_UNIX_PREFIX, prefix) == 0
                  ? connect_to_file(address + prefix)
                  : connect_to_address(address, host, sizeof(host));
    if (ping.fd < 0)
        return ping.fd;
    sigpipe_block(&before);
    status = tls ? ping_encrypt(&ping) : 0;
    if (status == 0)
        status = ping_ask(&ping, host);
    SSL_free(ping.ssl);
    SSL_CTX_free(ping.ssl_ctx);
    ERR_clear_error();
    (void)close(ping.fd);
    sigpipe_restore(&before);
    return status;
}
