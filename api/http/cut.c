/* SPDX-License-Identifier: MIT
 *
 * Bodies that end before their end, for tests of clients: struct http_request's cut_after. A source or a sink stands before the
 * handler's own, lets so many bytes pass, and then has the connection cut. On the connection's worker. */
#include "api/http/connection.h"

#include <errno.h>
#include <sys/socket.h>

struct cut_source {
    struct http_source source;
    struct http_source *inner;
    uint64_t left;
};

struct cut_sink {
    struct http_sink sink;
    struct http_sink *inner;
    struct connection *conn;
    uint64_t left;
};

static struct cut_source *source_of(struct http_source *source)
{
    return H2O_STRUCT_FROM_MEMBER(struct cut_source, source, source);
}

static size_t bounded(uint64_t left, size_t max)
{
    return left < max ? (size_t)left : max;
}

static ssize_t source_passed(struct cut_source *cut, ssize_t count)
{
    if (count > 0)
        cut->left -= (uint64_t)count;
    return count;
}

static ssize_t cut_send(struct http_source *source, int socket_fd, size_t max)
{
    struct cut_source *cut = source_of(source);

    if (cut->left == 0)
        return -ECANCELED;
    return source_passed(cut, cut->inner->send(cut->inner, socket_fd, bounded(cut->left, max)));
}

static ssize_t cut_read(struct http_source *source, void *buffer, size_t length)
{
    struct cut_source *cut = source_of(source);

    if (cut->left == 0)
        return -ECANCELED;
    return source_passed(cut, cut->inner->read(cut->inner, buffer, bounded(cut->left, length)));
}

static void cut_source_end(struct http_source *source, int result)
{
    struct http_source *inner = source_of(source)->inner;

    inner->end(inner, result);
}

struct http_source *cut_source_create(struct connection *conn, struct http_source *inner)
{
    struct cut_source *cut = arena_alloc(&conn->req.arena, sizeof(*cut));

    *cut = (struct cut_source){
        .source = {inner->send != NULL ? cut_send : NULL, inner->read != NULL ? cut_read : NULL,
                   cut_source_end},
        .inner = inner,
        .left = conn->req.cut_after,
    };
    return &cut->source;
}

/* ---- Sinks ---- */

static struct cut_sink *sink_of(struct http_sink *sink)
{
    return H2O_STRUCT_FROM_MEMBER(struct cut_sink, sink, sink);
}

/* Whatever is answered now goes nowhere. */
static ssize_t sink_cut(struct cut_sink *cut)
{
    (void)shutdown(connection_fd(cut->conn), SHUT_RDWR); /* fails where it is cut already */
    return -ECONNRESET;
}

static ssize_t sink_passed(struct cut_sink *cut, ssize_t count)
{
    if (count > 0)
        cut->left -= (uint64_t)count;
    return count;
}

static ssize_t cut_splice(struct http_sink *sink, int socket_fd, size_t max)
{
    struct cut_sink *cut = sink_of(sink);

    if (cut->left == 0)
        return sink_cut(cut);
    return sink_passed(cut, cut->inner->splice(cut->inner, socket_fd, bounded(cut->left, max)));
}

static ssize_t cut_write(struct http_sink *sink, const void *data, size_t length)
{
    struct cut_sink *cut = sink_of(sink);

    if (cut->left == 0)
        return sink_cut(cut);
    return sink_passed(cut, cut->inner->write(cut->inner, data, bounded(cut->left, length)));
}

static void cut_sink_end(struct http_sink *sink, int result)
{
    struct http_sink *inner = sink_of(sink)->inner;

    inner->end(inner, result);
}

struct http_sink *cut_sink_create(struct connection *conn, struct http_sink *inner)
{
    struct cut_sink *cut = arena_alloc(&conn->req.arena, sizeof(*cut));

    *cut = (struct cut_sink){
        .sink = {inner->splice != NULL ? cut_splice : NULL, cut_write, cut_sink_end},
        .inner = inner,
        .conn = conn,
        .left = conn->req.cut_after,
    };
    return &cut->sink;
}
