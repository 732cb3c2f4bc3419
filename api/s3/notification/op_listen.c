/* SPDX-License-Identifier: MIT
 *
 * MinIO's listening: GET with ?events, on a bucket or on the service. The answer has no end but that of the connection: a line of JSON for
 * each event, and a blank, or an empty list of records, whenever nothing has happened for a while. Worker's thread. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "api/events/event_names.h"
#include "api/events/events.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/s3_operation.h"
#include "api/s3/service/s3_service.h"

#define PING_LINE "{\"Records\":[]}\n"

struct listening {
    struct http_source source;
    struct s3_request *request;
    struct listener *listener;
    const char *ping; /* what is sent when nothing has happened */
    char *line;       /* the listener's, that is being sent; NULL: none */
    struct slice rest;
};

static struct listening *listening_of(struct http_source *source)
{
    return (struct listening *)((char *)source - offsetof(struct listening, source));
}

static void on_ready(void *ctx)
{
    struct listening *listening = ctx;

    http_source_resume(listening->request->http);
}

/* Bytes to send are at hand: 1; -EBUSY: on_ready follows; or why it is over. */
static ssize_t fill(struct listening *listening)
{
    size_t length;
    int result;

    if (listening->rest.len > 0)
        return 1;
    free(listening->line);
    listening->line = listener_take(listening->listener, &length, &result);
    if (listening->line != NULL) {
        listening->rest = length > 0 ? slice_of(listening->line, length) : slice_text(listening->ping);
        return 1;
    }
    if (result != -EAGAIN)
        return result;
    listener_wait(listening->listener);
    return -EBUSY;
}

static ssize_t source_send(struct http_source *source, int socket_fd, size_t max)
{
    struct listening *listening = listening_of(source);
    ssize_t filled = fill(listening), sent;

    if (filled < 0)
        return filled;
    sent = send(socket_fd, listening->rest.base, listening->rest.len < max ? listening->rest.len : max,
                MSG_NOSIGNAL);
    if (sent < 0)
        return -errno;
    listening->rest = slice_from(listening->rest, (size_t)sent);
    return sent;
}

static ssize_t source_read(struct http_source *source, void *buffer, size_t length)
{
    struct listening *listening = listening_of(source);
    ssize_t filled = fill(listening);
    size_t count;

    if (filled < 0)
        return filled;
    count = listening->rest.len < length ? listening->rest.len : length;
    memcpy(buffer, listening->rest.base, count);
    listening->rest = slice_from(listening->rest, count);
    return (ssize_t)count;
}

static void source_end(struct http_source *source, int result)
{
    struct listening *listening = listening_of(source);

    if (result == -EOVERFLOW)
        s3_service_report(listening->request->service,
                          "request %s listened to events too slowly, and was cut off",
                          listening->request->request_id);
    free(listening->line);
    listener_finish(listening->listener);
}

/* ---- What is asked for ---- */

/* Of each parameter `events`, one name, or some with commas between. */
static enum s3_error events_read(struct s3_request *request, uint64_t *events)
{
    *events = 0;
    for (size_t i = 0; i < request->parameter_count; i++) {
        struct slice list = request->parameters[i].value, name;

        if (!slice_is(request->parameters[i].name, "events"))
            continue;
        while (slice_next_item(&list, &name)) {
            uint64_t bits = 0;
            if (!events_parse(name, &bits) && !events_is_read(name))
                return s3_request_argument(request, SLICE("events"), name,
                                           "A specified event is not supported for notifications");
            *events |= bits;
        }
    }
    return S3_ERROR_NONE;
}

static int ping_read(struct s3_request *request, uint32_t *seconds)
{
    int err = s3_parameter_count(request, "ping", EVENTS_PING_S_DEFAULT, EVENTS_PING_S_MAX, seconds);

    if (err == 0 && *seconds == 0)
        *seconds = 1;
    return err;
}

static void answer_refusal(struct s3_request *request, int result)
{
    if (result == -EBUSY || result == -ESHUTDOWN)
        s3_answer_error_message(request, S3_ERROR_SLOW_DOWN, "As many listen to events as may at a time.");
    else
        s3_answer_result(request, result);
}

static void listen_to(struct s3_request *request, int64_t bucket)
{
    struct listening *listening = s3_request_alloc(request, sizeof(*listening));
    struct events *events = s3_service_events(request->service);
    struct listener_options options = {
        .worker = request->worker,
        .bucket = bucket,
        .prefix = s3_parameter_value(request, "prefix"),
        .suffix = s3_parameter_value(request, "suffix"),
        .on_ready = on_ready,
        .ctx = listening,
    };
    enum s3_error error = events_read(request, &options.events);
    int result;

    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    if (ping_read(request, &options.ping_s) != 0)
        return; /* answered */
    result = events != NULL ? listener_begin(&listening->listener, events_listeners(events), &options)
                            : -ESHUTDOWN;
    if (result != 0) {
        answer_refusal(request, result);
        return;
    }
    listening->request = request;
    listening->ping = s3_request_has(request, "ping") ? PING_LINE : " ";
    listening->rest = slice_text(listening->ping); /* so that the head goes out, too */
    listening->source = (struct http_source){.send = source_send, .read = source_read, .end = source_end};
    request->http->answer.status = 200;
    s3_answer_header_string(request, "content-type", "text/event-stream");
    s3_answer_header_string(request, "cache-control", "no-cache");
    http_request_close_after(request->http);
    s3_answer_through_door(request);
    http_send_source(request->http, &listening->source, UINT64_MAX);
}

void s3_op_listen_bucket_notification(struct s3_request *request)
{
    listen_to(request, request->bucket.id);
}

/* All buckets: for who may do everything in all of them. */
void s3_op_listen_notification(struct s3_request *request)
{
    if (s3_service_is_open(request->service) ||
        (request->identity != NULL && s3_identity_may_everywhere(request->identity, S3_RIGHT_ADMIN)))
        listen_to(request, 0);
    else
        s3_answer_error(request, S3_ERROR_ACCESS_DENIED);
}
