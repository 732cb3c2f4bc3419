/* SPDX-License-Identifier: MIT
 *
 * The bytes of a response head: status line, our own fields, the handler's. On the connection's worker; no
 * I/O. */
#include "api/http/connection.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Status line and our own fields: each of bounded length. */
#define RESPONSE_OWN_BYTES        512u
#define RESPONSE_REASON_BYTES_MAX 64u

static const char *reason_of_status(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}

/* libh2o presets the reason to "OK", whatever the status. */
static const char *response_reason(const h2o_req_t *req)
{
    if (req->res.reason == NULL || (req->res.status != 200 && strcmp(req->res.reason, "OK") == 0) ||
        strlen(req->res.reason) > RESPONSE_REASON_BYTES_MAX)
        return reason_of_status(req->res.status);
    return req->res.reason;
}

static const char *response_connection(const struct connection *conn)
{
    if (!conn->answer.keeps_alive)
        return "Connection: close\r\n";
    return conn->req.version < 0x101 ? "Connection: keep-alive\r\n" : "";
}

/* A value may come from stored metadata: a line end in it would forge the lines after it. */
static char *append_text(char *at, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        *at++ = text[i] == '\r' || text[i] == '\n' || text[i] == '\0' ? ' ' : text[i];
    return at;
}

static char *append_field(char *at, const h2o_header_t *header)
{
    at = append_text(at, header->orig_name != NULL ? header->orig_name : header->name->base,
                     header->name->len);
    *at++ = ':';
    *at++ = ' ';
    at = append_text(at, header->value.base, header->value.len);
    *at++ = '\r';
    *at++ = '\n';
    return at;
}

static size_t response_bytes_max(const h2o_req_t *req)
{
    size_t bytes = RESPONSE_OWN_BYTES;

    for (size_t i = 0; i < req->res.headers.size; i++)
        bytes += req->res.headers.entries[i].name->len + req->res.headers.entries[i].value.len + 4;
    return bytes;
}

bool response_has_no_body(const struct connection *conn)
{
    const h2o_req_t *req = &conn->req;

    return req->res.status == 204 || req->res.status == 304 ||
           h2o_memis(req->input.method.base, req->input.method.len, H2O_STRLIT("HEAD"));
}

h2o_iovec_t response_head(struct connection *conn, uint64_t content_length)
{
    h2o_req_t *req = &conn->req;
    size_t bytes_max = response_bytes_max(req);
    char *head = h2o_mem_alloc_pool(&req->pool, bytes_max);
    char *at = head;
    h2o_timestamp_t now;

    assert(req->res.status >= 200 && req->res.status <= 999);
    h2o_get_timestamp(&conn->worker->h2o, &req->pool, &now);
    at +=
        snprintf(at, RESPONSE_OWN_BYTES, "HTTP/1.1 %d %s\r\nDate: %s\r\nServer: %.*s\r\n%s", req->res.status,
                 response_reason(req), now.str->rfc1123, (int)conn->worker->server->config.server_name.len,
                 conn->worker->server->config.server_name.base, response_connection(conn));
    if (content_length != UINT64_MAX && req->res.status != 204)
        at += sprintf(at, "Content-Length: %" PRIu64 "\r\n", content_length);
    for (size_t i = 0; i < req->res.headers.size; i++)
        at = append_field(at, &req->res.headers.entries[i]);
    *at++ = '\r';
    *at++ = '\n';
    assert((size_t)(at - head) <= bytes_max);
    return h2o_iovec_init(head, (size_t)(at - head));
}
