/* SPDX-License-Identifier: MIT
 *
 * What ties a request to others' logs: the field traceparent (https://www.w3.org/TR/trace-context/), and the line about a request that took
 * long. On the worker. */
#include "api/http/connection.h"

#include <string.h>

#define TRACE_BYTES 55u /* VERSION-TRACE-PARENT-FLAGS: 2, 32, 16 and 2 digits */

/* So many lower-case hex digits; *is_zero: all of them are 0. */
static bool are_digits(const char *text, size_t count, bool *is_zero)
{
    *is_zero = true;
    for (size_t i = 0; i < count; i++) {
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
            return false;
        *is_zero = *is_zero && text[i] == '0';
    }
    return true;
}

struct slice http_request_trace(const struct http_request *req)
{
    struct slice field = http_headers_find(&req->headers, "traceparent");
    const char *text = field.base;
    bool is_zero, trace_is_zero, parent_is_zero;

    if (text == NULL || field.len < TRACE_BYTES || text[2] != '-' || text[35] != '-' || text[52] != '-' ||
        !are_digits(text, 2, &is_zero) || !are_digits(text + 3, 32, &trace_is_zero) ||
        !are_digits(text + 36, 16, &parent_is_zero) || !are_digits(text + 53, 2, &is_zero))
        return slice_of(NULL, 0);
    if (trace_is_zero || parent_is_zero || memcmp(text, "ff", 2) == 0)
        return slice_of(NULL, 0);
    /* Later versions may go on. */
    if (field.len > TRACE_BYTES && (memcmp(text, "00", 2) == 0 || text[TRACE_BYTES] != '-'))
        return slice_of(NULL, 0);
    return slice_of(text, TRACE_BYTES);
}

void slow_note(struct connection *conn, uint64_t us)
{
    struct http_request *req = &conn->req;
    struct slice path = access_log_redact(&req->arena, req->path), trace = http_request_trace(req);
    unsigned left_out;

    if (!log_limit_admit(&conn->worker->slow, HTTP_SLOW_LINES_MAX, HTTP_SLOW_LINES_MS, &left_out))
        return;
    if (left_out > 0)
        server_log(conn->worker->server, LOG_LEVEL_WARNING, "%u more slow requests were not logged",
                   left_out);
    server_log(conn->worker->server, LOG_LEVEL_WARNING,
               "slow request %s: %llu ms, status %d, %llu bytes sent: %.*s %.*s%s%.*s",
               req->id != NULL ? req->id : "-", (unsigned long long)(us / 1000), req->answer.status,
               (unsigned long long)conn->answer.body_sent, (int)req->method.len, req->method.base,
               (int)(path.len < HTTP_SLOW_PATH_BYTES ? path.len : HTTP_SLOW_PATH_BYTES), path.base,
               trace.len > 0 ? " traceparent " : "", (int)trace.len, trace.len > 0 ? trace.base : "");
}
