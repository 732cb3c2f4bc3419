/* SPDX-License-Identifier: MIT
 *
 * The bytes of a response head: status line, our own fields, the handler's. On the connection's worker; no
 * I/O. */
#include "api/http/connection.h"

#include <assert.h>
#include <string.h>

/* Status line and our own fields: each of bounded length. */
#define RESPONSE_OWN_BYTES        512u
#define RESPONSE_REASON_BYTES_MAX 64u

const char *http_status_reason(int status)
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

static const char *response_reason(const struct http_request *req)
{
    if (req->answer.reason == NULL || strlen(req->answer.reason) > RESPONSE_REASON_BYTES_MAX)
        return http_status_reason(req->answer.status);
    return req->answer.reason;
}

static const char *response_connection(const struct connection *conn)
{
    if (!conn->answer.keeps_alive)
        return "Connection: close\r\n";
    return conn->is_http_1_0 ? "Connection: keep-alive\r\n" : "";
}

static char *put(char *at, const void *bytes, size_t length)
{
    return (char *)memcpy(at, bytes, length) + length;
}

static char *put_string(char *at, const char *string)
{
    return put(at, string, strlen(string));
}

static char *put_number(char *at, uint64_t number)
{
    char digits[20];
    size_t first = sizeof(digits);

    do
        digits[--first] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    return put(at, digits + first, sizeof(digits) - first);
}

/* Whether one of eight bytes may be less than 0x0e: line ends and NUL are. */
static bool may_hold_line_end(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);

    return ((word - ones * 0x0e) & ~word & (ones << 7)) != 0;
}

/* A value may come from stored metadata: a line end in it would forge the lines after it. */
static char *put_text(char *at, const char *text, size_t length)
{
    size_t i = 0;
    uint64_t word;

    while (i + sizeof(word) <= length) {
        memcpy(&word, text + i, sizeof(word));
        if (may_hold_line_end(word))
            break;
        memcpy(at + i, &word, sizeof(word));
        i += sizeof(word);
        if (i < length && length - i < sizeof(word))
            i = length - sizeof(word); /* the last word overlaps the one before */
    }
    for (; i < length; i++)
        at[i] = text[i] == '\r' || text[i] == '\n' || text[i] == '\0' ? ' ' : text[i];
    return at + length;
}

static char *put_field(char *at, const struct http_header *header)
{
    at = put_text(at, header->name.base, header->name.len);
    at = put(at, ": ", 2);
    at = put_text(at, header->value.base, header->value.len);
    return put(at, "\r\n", 2);
}

static size_t response_bytes_max(const struct http_request *req)
{
    size_t bytes = RESPONSE_OWN_BYTES;

    for (size_t i = 0; i < req->answer.headers.size; i++)
        bytes += req->answer.headers.entries[i].name.len + req->answer.headers.entries[i].value.len + 4;
    return bytes;
}

bool response_has_no_body(const struct connection *conn)
{
    const struct http_request *req = &conn->req;

    return req->answer.status == 204 || req->answer.status == 304 || slice_is(req->method, "HEAD");
}

struct slice response_head(struct connection *conn, uint64_t content_length)
{
    struct http_request *req = &conn->req;
    size_t bytes_max = response_bytes_max(req);
    char *head = arena_alloc(&req->arena, bytes_max);
    char *at = head;

    assert(req->answer.status >= 200 && req->answer.status <= 999);
    at = put_string(at, "HTTP/1.1 ");
    at = put_number(at, (uint64_t)req->answer.status);
    at = put_string(at, " ");
    at = put_string(at, response_reason(req));
    at = put_string(at, "\r\nDate: ");
    at = put_string(at, worker_date(conn->worker));
    at = put_string(at, "\r\nServer: Sluice\r\n");
    at = put_string(at, response_connection(conn));
    if (content_length != UINT64_MAX && req->answer.status != 204) {
        at = put_string(at, "Content-Length: ");
        at = put_number(at, content_length);
        at = put_string(at, "\r\n");
    }
    for (size_t i = 0; i < req->answer.headers.size; i++)
        at = put_field(at, &req->answer.headers.entries[i]);
    at = put_string(at, "\r\n");
    assert((size_t)(at - head) <= bytes_max);
    return slice_of(head, (size_t)(at - head));
}
