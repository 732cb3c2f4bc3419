/* SPDX-License-Identifier: MIT
 *
 * Lines in, objects out. A line has a bound of bytes and of time, so has the pause between two, and an answer that nobody takes; whatever
 * is exceeded ends the connection. What is no JSON is answered and the next line is taken. */
#include "api/server/control/control_connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/library/limits.h"
#include "storage/base/clock.h"

#define GONE_LOOK_MS 100u /* between two looks whether the other end is there */

struct connection {
    int fd, stop_fd;
    const struct control_subject *subject;
    char name[32]; /* of who asks */
    size_t length; /* of what was read and not answered */
    uint64_t looked_ms;
    bool is_gone;
    char line[CONTROL_LINE_BYTES_MAX + 1]; /* and its end */
};

/* ---- Waiting ---- */

/* 0: the descriptor is ready. -ETIMEDOUT; -ECANCELED: the server stops. */
static int await(const struct connection *connection, short events, uint64_t until_ms)
{
    struct pollfd fds[2] = {{.fd = connection->fd, .events = events},
                            {.fd = connection->stop_fd, .events = POLLIN}};

    for (;;) {
        uint64_t now = clock_monotonic_ms();
        int count = now < until_ms ? poll(fds, 2, (int)(until_ms - now)) : 0;

        if (count == 0)
            return -ETIMEDOUT;
        if (count < 0 && errno != EINTR)
            return -errno;
        if (count > 0 && fds[1].revents != 0)
            return -ECANCELED;
        if (count > 0)
            return 0;
    }
}

/* The stop is looked at each time; the other end now and then, for that takes a call. Who only says that nothing more will come is there. */
static bool is_gone(void *ctx)
{
    struct connection *connection = ctx;
    struct pollfd fds[2] = {{.fd = connection->fd}, {.fd = connection->stop_fd, .events = POLLIN}};
    uint64_t now = clock_monotonic_ms();

    if (connection->is_gone || now - connection->looked_ms < GONE_LOOK_MS)
        return connection->is_gone;
    connection->looked_ms = now;
    connection->is_gone = poll(fds, 2, 0) > 0 && (fds[0].revents != 0 || fds[1].revents != 0);
    return connection->is_gone;
}

/* ---- Out ---- */

static int send_bytes(struct connection *connection, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(connection->fd, text, length, MSG_NOSIGNAL);
        int err;

        if (sent > 0) {
            text += sent;
            length -= (size_t)sent;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return -errno;
        if ((err = await(connection, POLLOUT, clock_monotonic_ms() + CONTROL_SEND_TIMEOUT_MS)) != 0)
            return err;
    }
    return 0;
}

/* Takes the reference over. The line may hold a new secret. */
static int send_object(struct connection *connection, json_t *object)
{
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    size_t length = text != NULL ? strlen(text) : 0;
    int err;

    json_decref(object);
    if (text == NULL)
        return -ENOMEM;
    text[length] = '\n'; /* in the place of the end */
    err = send_bytes(connection, text, length + 1);
    explicit_bzero(text, length);
    free(text);
    return err;
}

static int send_item(void *ctx, json_t *item)
{
    struct connection *connection = ctx;
    int err = send_object(connection, item);

    connection->is_gone |= err != 0;
    return err;
}

/* ---- In ---- */

/* The length of the next line, without its end; or why there is none. */
static ssize_t read_line(struct connection *connection)
{
    uint64_t began = clock_monotonic_ms();

    for (size_t looked = 0;;) {
        char *newline = memchr(connection->line + looked, '\n', connection->length - looked);
        ssize_t count;
        int err;

        if (newline != NULL)
            return newline - connection->line;
        if (connection->length == sizeof(connection->line))
            return -EMSGSIZE;
        looked = connection->length;
        count = recv(connection->fd, connection->line + looked, sizeof(connection->line) - looked, 0);
        if (count == 0)
            return -ENODATA;
        if (count < 0 && errno != EAGAIN && errno != EINTR)
            return -errno;
        if (count > 0) {
            if (looked == 0)
                began = clock_monotonic_ms();
            connection->length += (size_t)count;
            continue;
        }
        if ((err = await(connection, POLLIN,
                         began + (looked == 0 ? CONTROL_IDLE_TIMEOUT_MS : CONTROL_LINE_TIMEOUT_MS))) != 0)
            return err;
    }
}

static json_t *answer_line(struct connection *connection, size_t length)
{
    const struct control_asker asker = {
        .item = send_item, .is_gone = is_gone, .ctx = connection, .name = connection->name, .streams = true};
    json_t *request = json_loadb(connection->line, length, JSON_REJECT_DUPLICATES, NULL), *answer;

    if (!json_is_object(request)) {
        json_decref(request);
        return control_refusal(-EBADMSG, "a request is a line with one JSON object");
    }
    answer = control_call(connection->subject, request, &asker);
    json_decref(request);
    return answer;
}

static void serve(struct connection *connection)
{
    ssize_t length;
    int err = 0;

    while (err == 0 && (length = read_line(connection)) >= 0) {
        err = send_object(connection, answer_line(connection, (size_t)length));
        if (err == -ENOMEM)
            err = send_object(connection, control_refusal(-ENOMEM, NULL));
        connection->length -= (size_t)length + 1;
        memmove(connection->line, connection->line + length + 1, connection->length);
    }
    if (err == 0 && length == -EMSGSIZE)
        (void)send_object(connection, control_refusal(-EMSGSIZE, "a request may have 16384 bytes"));
}

_Static_assert(CONTROL_LINE_BYTES_MAX == 16384, "the message says so");

static uid_t asker_of(int fd)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t length = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 ? peer.uid : (uid_t)-1;
}

void control_connection_run(int fd, int stop_fd, const struct control_subject *subject)
{
    struct connection *connection = malloc(sizeof(*connection));

    if (connection != NULL) {
        connection->fd = fd;
        connection->stop_fd = stop_fd;
        connection->subject = subject;
        connection->length = 0;
        connection->looked_ms = 0;
        connection->is_gone = false;
        snprintf(connection->name, sizeof(connection->name), "uid %ld", (long)asker_of(fd));
        serve(connection);
        free(connection);
    }
    close(fd);
}

bool control_connection_admit(int fd, int code, const char *why)
{
    uid_t asker = asker_of(fd);
    json_t *refusal;
    char *text;

    if (asker != geteuid() && asker != 0) {
        code = -EACCES;
        why = "this socket is for the server's own user and for root";
    }
    if (code == 0)
        return true;
    refusal = control_refusal(code, why);
    text = refusal != NULL ? json_dumps(refusal, JSON_COMPACT) : NULL;
    if (text != NULL) {
        text[strlen(text)] = '\n';
        (void)send(fd, text, strcspn(text, "\n") + 1, MSG_NOSIGNAL); /* a new connection has room for it */
    }
    free(text);
    json_decref(refusal);
    close(fd);
    return false;
}
