/* SPDX-License-Identifier: MIT
 *
 * Bytes of a get become an answer. Worker's thread. */
#include "api/s3/body/s3_send.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "api/s3/access/s3_authorize.h"
#include "api/s3/s3_operation.h"
#include "api/s3/service/s3_service.h"

#define DAMAGE_PATH_BYTES 300u /* of a request's path that a line of the log takes */

static struct s3_send *send_of(struct http_source *source)
{
    return (struct s3_send *)((char *)source - offsetof(struct s3_send, source));
}

static ssize_t slice_send(struct slice *bytes, int socket_fd, size_t max)
{
    size_t wanted = bytes->len < max ? bytes->len : max;
    ssize_t sent = send(socket_fd, bytes->base, wanted, MSG_NOSIGNAL | MSG_MORE);

    if (sent < 0)
        return -errno;
    *bytes = slice_from(*bytes, (size_t)sent);
    return sent;
}

static ssize_t slice_read(struct slice *bytes, void *buffer, size_t length)
{
    size_t count = bytes->len < length ? bytes->len : length;

    memcpy(buffer, bytes->base, count);
    *bytes = slice_from(*bytes, count);
    return (ssize_t)count;
}

/* The length was announced from the row: bytes that end early are a damaged object, and the connection must
 * break. */
static ssize_t source_send(struct http_source *source, int socket_fd, size_t max)
{
    struct s3_send *send = send_of(source);
    ssize_t sent;

    if (send->before.len > 0)
        return slice_send(&send->before, socket_fd, max);
    sent = core_get_send(send->get, socket_fd, max);
    if (sent == 0 && send->after.len > 0)
        return slice_send(&send->after, socket_fd, max);
    return sent == 0 ? -EIO : sent;
}

static ssize_t source_read(struct http_source *source, void *buffer, size_t length)
{
    struct s3_send *send = send_of(source);
    ssize_t got;

    if (send->before.len > 0)
        return slice_read(&send->before, buffer, length);
    got = core_get_read(send->get, buffer, length);
    if (got == 0 && send->after.len > 0)
        return slice_read(&send->after, buffer, length);
    return got == 0 ? -EIO : got;
}

/* The log has heard which blob is damaged; here it hears whose that is. The path is as the client wrote it, printable. */
static void report_damage(struct s3_send *send)
{
    const struct http_request *http = send->request->http;
    size_t length = http->query_at != SIZE_MAX ? http->query_at : http->path.len;

    if (send->get != NULL && !core_get_is_outdated(send->get) && core_get_told_damage(send->get))
        s3_service_report(send->request->service, "request %s met it: GET %.*s", send->request->request_id,
                          (int)(length < DAMAGE_PATH_BYTES ? length : DAMAGE_PATH_BYTES), http->path.base);
}

static void source_end(struct http_source *source, int result)
{
    if (result != 0)
        report_damage(send_of(source));
    core_get_end(send_of(source)->get);
}

void s3_send_fail(struct s3_send *send, enum s3_error error, const char *message)
{
    report_damage(send);
    core_get_end(send->get);
    s3_answer_failure(send->request, error, message);
}

/* The bytes cannot be opened. In a cluster they may have been removed since the look-up: then there is something else now, or nothing. */
static void open_failed(struct s3_send *send, int result)
{
    struct s3_request *request = send->request;
    enum s3_error error;

    if (send->again == NULL || request->was_looked_up_again || !core_get_is_outdated(send->get)) {
        s3_send_fail(send, s3_error_of_result(result), NULL);
        return;
    }
    request->was_looked_up_again = true;
    core_get_end(send->get);
    if ((error = s3_authorize_again(request)) == S3_ERROR_NONE)
        send->again(request);
    else
        s3_answer_failure(request, error, NULL);
}

/* The send is gone with the answer. */
static void send_memory(struct s3_send *send, const void *bytes)
{
    struct core_get *get = send->get;
    struct slice body = slice_of(bytes, (size_t)send->length);

    if (send->before.len > 0 || send->after.len > 0)
        body = arena_concat(&send->request->http->arena, send->before, body, send->after);
    send->head(send);
    http_send_memory(send->request->http, body.base, body.len);
    core_get_end(get);
}

static void send_body(struct s3_send *send)
{
    const void *bytes = core_get_opened(send->get);

    if (bytes != NULL) {
        send_memory(send, bytes);
        return;
    }
    send->head(send);
    send->is_sending = true;
    http_send_source(send->request->http, &send->source, send->before.len + send->length + send->after.len);
}

/* Follows each -EBUSY: of opening, before the head is sent, or of sending. */
static void on_ready(void *ctx)
{
    struct s3_send *send = ctx;
    int status;

    if (send->is_sending) {
        http_source_resume(send->request->http);
        return;
    }
    if ((status = core_get_status(send->get)) != 0)
        open_failed(send, status);
    else
        send_body(send);
}

void s3_send_start(struct s3_send *send)
{
    const char *body = core_get_at_hand(send->get);
    int result;

    send->source =
        (struct http_source){source_send, source_read, source_end, .copies = core_get_is_sealed(send->get)};
    if (body != NULL || send->length == 0) {
        send_memory(send, body != NULL ? body + send->first : "");
        return;
    }
    result = core_get_open(send->get, send->first, send->length, on_ready, send);
    if (result == 0)
        send_body(send);
    else if (result != -EBUSY)
        open_failed(send, result);
}
