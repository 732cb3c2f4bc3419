/* SPDX-License-Identifier: MIT
 *
 * http_body_collect: a sink that gathers a small body in the request's arena. On the connection's worker. */
#include "api/http/connection.h"

#include <errno.h>
#include <string.h>

#define COLLECT_BYTES_INITIAL 1024u /* doubled up to max_bytes when the length is not known */

struct collector {
    struct http_sink sink; /* first */
    struct http_request *req;
    char *bytes;
    size_t length, capacity, max_bytes;
    void (*done)(void *ctx, int result, struct slice body);
    void *ctx;
};

void http_body_hurry(struct http_request *req, bool is_hurried)
{
    struct connection *conn = connection_of(req);

    if (conn->body.is_hurried != is_hurried)
        connection_disarm(conn); /* it was the other timeout */
    conn->body.is_hurried = is_hurried;
}

/* ---- The sink ---- */

/* The arena frees nothing before the request ends, but doubling wastes less than is kept. 0 or -ENOBUFS. */
static int collect_grow(struct collector *collector, size_t needed)
{
    size_t capacity = collector->capacity != 0 ? collector->capacity : COLLECT_BYTES_INITIAL;
    char *bytes;
    int err;

    while (capacity < needed)
        capacity *= 2;
    if (capacity > collector->max_bytes)
        capacity = collector->max_bytes;
    if ((err = http_body_charge(collector->req, capacity)) != 0)
        return err;
    bytes = arena_alloc(&collector->req->arena, capacity);
    if (collector->length != 0)
        memcpy(bytes, collector->bytes, collector->length);
    collector->bytes = bytes;
    collector->capacity = capacity;
    return 0;
}

static ssize_t collect_write(struct http_sink *sink, const void *data, size_t length)
{
    struct collector *collector = (struct collector *)sink;
    int err;

    if (length > collector->max_bytes - collector->length)
        return -EMSGSIZE;
    if (collector->length + length > collector->capacity &&
        (err = collect_grow(collector, collector->length + length)) != 0)
        return err;
    memcpy(collector->bytes + collector->length, data, length);
    collector->length += length;
    return (ssize_t)length;
}

static void collect_end(struct http_sink *sink, int result)
{
    struct collector *collector = (struct collector *)sink;

    collector->done(collector->ctx, result, slice_of(collector->bytes, result == 0 ? collector->length : 0));
}

void http_body_collect(struct http_request *req, struct framing *coding, size_t max_bytes,
                       void (*done)(void *ctx, int result, struct slice body), void *ctx)
{
    struct connection *conn = connection_of(req);
    struct collector *collector = arena_alloc(&req->arena, sizeof(*collector));
    uint64_t announced = conn->body.announced;

    *collector = (struct collector){
        .sink = {.write = collect_write, .end = collect_end},
        .req = req,
        .max_bytes = max_bytes,
        .done = done,
        .ctx = ctx,
    };
    if (coding == NULL && announced != UINT64_MAX) {
        if (announced > max_bytes)
            conn->body.refuse_with = -EMSGSIZE; /* known before the client was told to go on */
        else if (announced > 0)
            conn->body.refuse_with = collect_grow(collector, (size_t)announced);
    }
    http_body_hurry(req, true);
    http_body_receive(req, coding, &collector->sink);
}
