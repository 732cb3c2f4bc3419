/* SPDX-License-Identifier: MIT
 *
 * Request heads: what the strict reader accepts has one meaning only. head.c has checked the line ends before; so it is done
 * here. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/http/connection.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

/* The length of the head, or 0 where head.c would have refused or waited. */
static size_t head_length(const char *text, size_t size)
{
    const char *message;
    size_t start = 0;

    for (size_t lines = 0; start < size; lines++) {
        const char *end = memchr(text + start, '\n', size - start);
        size_t length = end != NULL ? (size_t)(end - text) - start : 0;

        if (length == 0 || end[-1] != '\r' || lines > HTTP_HEADERS_MAX + 1)
            return 0;
        if (lines == 0 && head_check_request_line(text, length - 1, &message) != 0)
            return 0;
        start += length + 1;
        if (lines > 0 && length == 1)
            return start;
    }
    return 0;
}

static void check_accepted(const struct connection *conn)
{
    const struct http_request *req = &conn->req;
    size_t lengths = 0, codings = 0, hosts = 0;

    require(req->method.len > 0 && req->path.len > 0 && req->authority.base != NULL);
    require(req->path.base[0] == '/' || req->path.len == 1);
    for (size_t i = 0; i < req->path.len; i++)
        require((unsigned char)req->path.base[i] > ' ' && req->path.base[i] != 0x7f);
    for (size_t i = 0; i < req->headers.size; i++) {
        const struct http_header *header = &req->headers.entries[i];
        lengths += slice_is(header->name, "content-length");
        codings += slice_is(header->name, "transfer-encoding");
        hosts += slice_is(header->name, "host");
        for (size_t at = 0; at < header->name.len; at++)
            require(header->name.base[at] > ' ' && header->name.base[at] != ':' &&
                    !(header->name.base[at] >= 'A' && header->name.base[at] <= 'Z'));
        for (size_t at = 0; at < header->value.len; at++)
            require(strchr("\r\n", header->value.base[at]) == NULL);
    }
    require(lengths + codings <= 1 && hosts <= 1);
    require((conn->body.announced == UINT64_MAX) == (codings == 1));
    require((conn->body.transfer != NULL) == (conn->body.announced != 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t length = head_length((const char *)data, size);
    struct connection *conn;
    const char *message = NULL;
    char *head;
    int status;

    if (length == 0)
        return 0;
    if ((conn = calloc(1, sizeof(*conn))) == NULL)
        abort();
    arena_init(&conn->req.arena, NULL);
    body_begin(conn);
    head = memcpy(arena_alloc(&conn->req.arena, length), data, length);
    status = head_parse(conn, head, length, &message);
    require(status == 0 || (status >= 400 && status <= 505 && message != NULL));
    if (status == 0)
        check_accepted(conn);
    arena_free(&conn->req.arena);
    free(conn);
    return 0;
}
