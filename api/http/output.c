/* SPDX-License-Identifier: MIT
 *
 * What waits to be sent on a connection: a queue of memory pieces, written by sendmsg, or record by record
 * by TLS. On the connection's worker.
 *
 * The queue does not own the pieces: they lie in the request's arena, in static memory, or with a source that
 * keeps them until the queue is empty. */
#include "api/http/connection.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

void output_push(struct connection *conn, const void *data, size_t length)
{
    struct output *output = &conn->output;

    if (length == 0)
        return;
    if (output->first == output->count)
        output->first = output->count = 0;
    if (output->count == output->capacity) {
        output->capacity = output->capacity != 0 ? output->capacity * 2 : 4;
        output->vectors = h2o_mem_realloc(output->vectors, output->capacity * sizeof(output->vectors[0]));
    }
    output->vectors[output->count++] = (struct iovec){(void *)data, length};
}

bool output_is_empty(const struct connection *conn)
{
    return conn->output.first == conn->output.count;
}

void output_clear(struct connection *conn)
{
    conn->output.first = conn->output.count = 0;
}

void output_free(struct connection *conn)
{
    free(conn->output.vectors);
    conn->output = (struct output){0};
}

static void output_advance(struct output *output, size_t sent)
{
    while (sent > 0) {
        struct iovec *vector = &output->vectors[output->first];
        size_t part = sent < vector->iov_len ? sent : vector->iov_len;

        vector->iov_base = (char *)vector->iov_base + part;
        vector->iov_len -= part;
        sent -= part;
        if (vector->iov_len == 0)
            output->first++;
    }
}

static ssize_t output_send(struct connection *conn, struct iovec *vectors, size_t count, bool more_follows)
{
    struct msghdr message = {.msg_iov = vectors, .msg_iovlen = count < IOV_MAX ? count : IOV_MAX};
    ssize_t sent;

    if (conn->tls != NULL)
        return tls_stream_send(conn->tls, vectors, count);
    do {
        sent = sendmsg(connection_fd(conn), &message,
                       MSG_DONTWAIT | MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0));
    } while (sent == -1 && errno == EINTR);
    return sent != -1 ? sent : -errno;
}

int output_flush(struct connection *conn, bool more_follows)
{
    struct output *output = &conn->output;

    while (!output_is_empty(conn)) {
        size_t count = output->count - output->first;
        ssize_t sent = output_send(conn, &output->vectors[output->first], count, more_follows);

        if (sent < 0)
            return (int)sent;
        counter_add(&conn->worker->counters.bytes_sent, (uint64_t)sent);
        if (conn->tls != NULL)
            counter_add(&conn->worker->counters.tls_bytes_sent, (uint64_t)sent);
        conn->pace.bytes += (uint64_t)sent;
        output_advance(output, (size_t)sent);
    }
    return 0;
}

/* Taken off, it lets go of what it held back at once, for sockets here have TCP_NODELAY. Failing to set it costs efficiency only. */
void output_cork(struct connection *conn, bool is_corked)
{
    int value = is_corked;

    if (conn->answer.is_corked == is_corked || conn->has_no_cork)
        return;
    if (setsockopt(connection_fd(conn), IPPROTO_TCP, TCP_CORK, &value, sizeof(value)) == 0)
        conn->answer.is_corked = is_corked;
    else
        conn->has_no_cork = true; /* a Unix socket */
}

void output_copy_rest(struct connection *conn)
{
    struct output *output = &conn->output;

    for (size_t i = output->first; i < output->count; i++) {
        struct iovec *vector = &output->vectors[i];

        vector->iov_base =
            memcpy(arena_alloc(&conn->req.arena, vector->iov_len), vector->iov_base, vector->iov_len);
    }
}
