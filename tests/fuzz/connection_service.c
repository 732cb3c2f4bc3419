/* SPDX-License-Identifier: MIT
 *
 * The service of the connection fuzz target. It answers without storage, in each of the ways that a handler may; which, the second
 * character of the path says:
 *
 *   e (and others)  receives by write        r  refuses at once, the body unread     m  answers from memory at once
 *   s  receives by splice                    R  refuses later                        x  the same, and asks for the close
 *   p  by splice, which it then gives up     l  receives later                       h  204
 *   b  takes a byte at a time, with pauses   a  receives, answers later              o  a small source
 *   w  a splice that works aside             f  fails in the middle of the body      O  a large one
 *   c  collects                              y  answers from inside the sink         B  one that is busy at first
 *   d  receives through a coding             z  has no room, and answers then        F  one that fails half way */
#include "connection_player.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { SMALL_BYTES = 3000, LARGE_BYTES = 20000, COLLECT_BYTES_MAX = 4096, LARGE_ANSWERS_MAX = 6 };

struct call {
    struct http_sink sink; /* first */
    struct http_source source;
    struct framing coding;
    struct player *player;
    struct http_request *req;
    size_t index;
    char kind;
    size_t taken; /* payload bytes */
    bool is_busy;
    unsigned coding_run;
    bool coding_done;
    size_t source_length, source_at;
};

static struct handed *record_of(struct call *call)
{
    return &call->player->handed[call->index];
}

static const struct model_request *model_of(struct call *call)
{
    return &call->player->model.requests[call->index];
}

static void put_off(struct call *call, void (*later)(struct call *call))
{
    call->player->later_call = call;
    call->player->later = later;
}

bool service_go_on(struct player *player)
{
    struct call *call = player->later_call;

    if (call == NULL)
        return false;
    player->later_call = NULL;
    player->later(call);
    return true;
}

/* ---- Answers ---- */

static void prepare(struct call *call, int status)
{
    char text[16];

    player_require(!record_of(call)->is_answered, "a request is answered once");
    record_of(call)->is_answered = true;
    call->player->later_call = NULL;
    snprintf(text, sizeof(text), "%zu", call->index);
    call->req->answer.status = status;
    http_headers_add(&call->req->arena, &call->req->answer.headers, SLICE("x-i"),
                     arena_dup_text(&call->req->arena, text));
}

static void answer(struct call *call, int status)
{
    static const char body[SMALL_BYTES];

    prepare(call, status);
    http_send_memory(call->req, body, call->kind == 'm' ? sizeof(body) : 5);
}

static void answer_well(struct call *call)
{
    answer(call, 200);
}

static void refuse(struct call *call)
{
    struct player *player = call->player;

    record_of(call)->is_refused = true;
    record_of(call)->must_close = http_body_is_expected(call->req) && http_body_length(call->req) > 0 &&
                                  player_consumed(player) + player->lead == player->sent;
    answer(call, 403);
}

static int source_check(struct call *call)
{
    if (call->kind == 'F' && call->source_at >= call->source_length / 2)
        return -EIO;
    if (call->kind == 'B' && !call->is_busy)
        return -EBUSY;
    return 0;
}

static void source_resume(struct call *call)
{
    call->is_busy = true;
    http_source_resume(call->req);
}

static size_t source_room(const struct call *call, size_t max)
{
    size_t left = call->source_length - call->source_at;

    return max < left ? max : left;
}

static struct call *call_of_source(struct http_source *source)
{
    return (struct call *)((char *)source - offsetof(struct call, source));
}

static ssize_t source_send(struct http_source *source, int socket_fd, size_t max)
{
    static const char bytes[LARGE_BYTES];
    struct call *call = call_of_source(source);
    ssize_t count = source_check(call);

    if (count == -EBUSY)
        put_off(call, source_resume);
    if (count != 0)
        return count;
    count = send(socket_fd, bytes, source_room(call, max), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0)
        return -errno;
    call->source_at += (size_t)count;
    return count;
}

static ssize_t source_read(struct http_source *source, void *buffer, size_t length)
{
    struct call *call = call_of_source(source);
    int err = source_check(call);

    if (err == -EBUSY)
        put_off(call, source_resume);
    if (err != 0)
        return err;
    length = source_room(call, length);
    memset(buffer, 0, length);
    call->source_at += length;
    return (ssize_t)length;
}

static void source_over(struct http_source *source, int result)
{
    (void)result;
    call_of_source(source)->player->later_call = NULL; /* the call is gone */
}

static void answer_source(struct call *call)
{
    bool is_small = call->kind == 'o' || call->index >= LARGE_ANSWERS_MAX;

    prepare(call, 200);
    call->source = (struct http_source){source_send, source_read, source_over, false};
    call->source_length = is_small ? SMALL_BYTES : LARGE_BYTES;
    call->player->may_die |= call->kind == 'F';
    http_send_source(call->req, &call->source, call->source_length);
}

/* ---- Bodies ---- */

static void resume_body(struct call *call)
{
    call->is_busy = true;
    http_body_resume(call->req);
}

static void give_up(struct call *call)
{
    answer(call, 403);
}

/* Payload is what the model says that it is, in its order. */
static void take(struct call *call, const void *data, size_t length)
{
    const struct model_request *model = model_of(call);
    const struct player *player = call->player;

    if (call->kind != 'd') {
        player_require(length <= model->payload_end - model->payload_begin - call->taken,
                       "no more payload than there is");
        player_require(memcmp(player->model.payload + model->payload_begin + call->taken, data, length) == 0,
                       "payload is what the framing says");
    }
    call->taken += length;
}

static ssize_t sink_write(struct http_sink *sink, const void *data, size_t length)
{
    struct call *call = (struct call *)sink;

    if (call->kind == 'f' && call->taken > 2)
        return -ENOSPC;
    if (call->kind == 'y') {
        record_of(call)->is_taken = false;
        answer(call, 403);
        return (ssize_t)length;
    }
    if (call->kind == 'z' || (call->kind == 'b' && !call->is_busy)) {
        put_off(call, call->kind == 'z' ? give_up : resume_body);
        return -EBUSY;
    }
    if (call->kind == 'b')
        length = 1;
    call->is_busy = false;
    take(call, data, length);
    return (ssize_t)length;
}

static ssize_t sink_splice(struct http_sink *sink, int socket_fd, size_t max)
{
    struct call *call = (struct call *)sink;
    char buffer[512];
    ssize_t count;

    if (call->kind == 'p' && call->taken > 3)
        return -EOPNOTSUPP;
    if (call->kind == 'w' && !call->is_busy) {
        put_off(call, resume_body);
        return -EBUSY;
    }
    call->is_busy = false;
    count = recv(socket_fd, buffer, max < sizeof(buffer) ? max : sizeof(buffer), MSG_DONTWAIT);
    if (count < 0)
        return -errno;
    take(call, buffer, (size_t)count);
    return count;
}

static void sink_end(struct http_sink *sink, int result)
{
    struct call *call = (struct call *)sink;
    const struct model_request *model = model_of(call);

    if (result == 0) {
        player_require(model->body == MODEL_WHOLE, "only a whole body is told to be whole");
        player_require(call->kind == 'd' || call->taken == model->payload_end - model->payload_begin,
                       "all payload of a body was delivered");
    } else if (result == -EBADMSG && call->kind != 'd') {
        player_require(model->body != MODEL_WHOLE, "a body in order is not refused");
    }
    record_of(call)->is_taken = result == 0;
    if (call->kind == 'a')
        put_off(call, answer_well);
    else
        answer(call, result == 0 ? 200 : 400);
}

static void collected(void *ctx, int result, struct slice body)
{
    struct call *call = ctx;

    if (result == 0)
        take(call, body.len > 0 ? body.base : "", body.len);
    sink_end(&call->sink, result);
}

static void receive(struct call *call)
{
    bool splices = call->kind == 's' || call->kind == 'p' || call->kind == 'w';

    call->sink = (struct http_sink){splices ? sink_splice : NULL, sink_write, sink_end};
    http_body_receive(call->req, call->kind == 'd' ? &call->coding : NULL, &call->sink);
    if (call->kind == 'w')
        http_body_splices_aside(call->req);
}

/* ---- The coding: a digit says how many bytes of payload follow; 0 ends it ---- */

static struct call *call_of_coding(const struct framing *framing)
{
    return (struct call *)((char *)framing - offsetof(struct call, coding));
}

static size_t coding_hint(const struct framing *framing)
{
    (void)framing;
    return 1;
}

static ssize_t coding_feed(struct framing *framing, const char *data, size_t length)
{
    struct call *call = call_of_coding(framing);

    (void)length;
    if (call->coding_done)
        return 0;
    if (data[0] < '0' || data[0] > '9')
        return -EBADMSG;
    call->coding_run = (unsigned)(data[0] - '0');
    call->coding_done = call->coding_run == 0;
    return 1;
}

static uint64_t coding_run(const struct framing *framing)
{
    return call_of_coding(framing)->coding_run;
}

static int coding_take(struct framing *framing, uint64_t count)
{
    call_of_coding(framing)->coding_run -= (unsigned)count;
    return 0;
}

static bool coding_done(const struct framing *framing)
{
    return call_of_coding(framing)->coding_done;
}

/* ---- The entry ---- */

/* A head begins where the request before has ended, and nowhere else; and it is the one that the model sees there. */
static void check_place(struct call *call)
{
    struct player *player = call->player;
    const struct model_request *model = model_of(call);
    struct http_request *req = call->req;
    size_t target_length = model->target_end - model->target_begin;

    player_require(call->index < player->model.count, "no more requests than there are");
    player_require(model->head != MODEL_AMBIGUOUS, "an ambiguous head is not acted on");
    player_require(player_consumed(player) == model->head_end,
                   "a head is parsed where the request before has ended");
    player_require(slice_equals(req->method, slice_of((const char *)player->stream + model->method_begin,
                                                      model->method_end - model->method_begin)),
                   "the method is the one of the head");
    player_require(req->path.len <= target_length + 1, "the target is the one of the head");
    player_require(http_body_length(req) == (model->is_chunked   ? UINT64_MAX
                                             : model->has_length ? model->length
                                                                 : 0),
                   "the body is announced as in the head");
    player_require(http_body_is_expected(req) == model->expects_continue,
                   "100 Continue is expected as in the head");
    if (call->index > 0)
        player_require(player->handed[call->index - 1].is_answered, "one request after the other");
}

void service_on_request(void *ctx, struct http_worker *worker, struct http_request *req)
{
    static const struct framing_ops coding_ops = {coding_hint, coding_feed, coding_run, coding_take,
                                                  coding_done};
    struct call *call = arena_alloc(&req->arena, sizeof(*call));
    struct player *player = http_worker_context(worker);

    (void)ctx;
    player_require(player->handed_count < MODEL_REQUESTS_MAX, "a bounded number of requests");
    *call =
        (struct call){.player = player, .req = req, .index = player->handed_count++, .coding = {&coding_ops}};
    call->kind = req->path.len > 1 ? req->path.base[1] : 'e';
    check_place(call);
    *record_of(call) = (struct handed){.is_taken = http_body_length(req) == 0};
    switch (call->kind) {
    case 'r':
        refuse(call);
        break;
    case 'R':
        put_off(call, refuse);
        break;
    case 'm':
        record_of(call)->is_refused = true;
        answer(call, 200);
        break;
    case 'x':
        record_of(call)->asks_close = true;
        http_request_close_after(req);
        answer(call, 200);
        break;
    case 'h':
        prepare(call, 204);
        http_send_head(req, UINT64_MAX);
        break;
    case 'o':
    case 'O':
    case 'B':
    case 'F':
        answer_source(call);
        break;
    case 'l':
        put_off(call, receive);
        break;
    case 'c':
        http_body_collect(req, NULL, COLLECT_BYTES_MAX, collected, call);
        break;
    default:
        receive(call);
        break;
    }
}
