/* SPDX-License-Identifier: MIT
 *
 *      socket -> sink_write: in -> a thread of the pool: zstd -> out -> s3_put_feed
 *
 * One step at a time: while a thread has it, or the put has no room, the sink takes nothing. A small body may stand for very much; a step makes
 * at most DOOR_DECODE_OUT_BYTES of it, and the worker has others between two of them. See door_decode.h. */
#include "api/doors/door_decode.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "api/doors/zstd_library.h"
#include "api/s3/body/s3_put.h"
#include "storage/base/owner.h"
#include "storage/base/work_pool.h"

struct door_decoders {
    struct work_pool *pool;
    _Atomic size_t used; /* memory */
};

struct decoding {
    struct door_decoders *decoders;
    const struct zstd_library *zstd;
    struct s3_put *put;
    struct http_sink sink;
    struct queue_link link; /* of the pool */
    struct core_turn turn;
    ZSTD_DCtx *stream;
    uint64_t size, made; /* what is to come out, or UINT64_MAX; what has */
    size_t charged;
    bool is_running; /* a thread has it */
    bool is_over;    /* a frame has ended, and nothing of another has come */
    bool has_ended;  /* the body has, with: */
    int end_result;
    enum s3_error error; /* why no more of it is taken */
    const char *message;
    int step; /* the last one's: 0 or a negative errno */
    size_t in_at, in_length, out_at, out_length;
    unsigned char in[DOOR_DECODE_IN_BYTES], out[DOOR_DECODE_OUT_BYTES];
};

/* ---- Steps: a thread of the pool ---- */

static int error_of(const struct zstd_library *zstd, size_t result)
{
    switch (zstd->error_code(result)) {
    case ZSTD_error_memory_allocation:
        return -ENOMEM;
    case ZSTD_error_frameParameter_windowTooLarge:
        return -E2BIG;
    default:
        return -EBADMSG;
    }
}

static bool run(void *ctx, struct queue_link *link, void *own)
{
    struct decoding *decoding = OWNER_OF(link, struct decoding, link);
    ZSTD_inBuffer in = {decoding->in, decoding->in_length, decoding->in_at};
    ZSTD_outBuffer out = {decoding->out, sizeof(decoding->out), 0};
    size_t result = decoding->zstd->decompress(decoding->stream, &out, &in);

    (void)ctx;
    (void)own;
    decoding->step = decoding->zstd->is_error(result) ? error_of(decoding->zstd, result) : 0;
    if (decoding->step == 0 && out.pos == 0 && in.pos == decoding->in_at && in.pos < in.size)
        decoding->step = -EBADMSG; /* it does not go on */
    decoding->is_over = result == 0;
    decoding->in_at = in.pos;
    decoding->out_at = 0;
    decoding->out_length = out.pos;
    core_turn_end(&decoding->turn);
    return false;
}

int door_decoders_create(struct door_decoders **out)
{
    struct door_decoders *decoders = calloc(1, sizeof(*decoders));
    const struct work_pool_options options = {
        .name = "decode", .thread_max = DOOR_DECODE_THREADS_MAX, .run = run};

    if (decoders == NULL || work_pool_create(&decoders->pool, &options) != 0) {
        free(decoders);
        return -ENOMEM;
    }
    *out = decoders;
    return 0;
}

void door_decoders_destroy(struct door_decoders *decoders)
{
    if (decoders == NULL)
        return;
    work_pool_destroy(decoders->pool);
    free(decoders);
}

/* ---- The end: the worker's thread, from here on ---- */

static void fail(struct decoding *decoding, enum s3_error error, const char *message)
{
    if (decoding->error != S3_ERROR_NONE)
        return;
    decoding->error = error;
    decoding->message = message;
}

static void release(struct decoding *decoding)
{
    assert(!decoding->is_running);
    atomic_fetch_sub(&decoding->decoders->used, decoding->charged);
    decoding->zstd->destroy(decoding->stream);
    free(decoding);
}

/* The body has ended, and all that came of it is handed over. */
static void finish(struct decoding *decoding)
{
    struct s3_put *put = decoding->put;
    enum s3_error error;

    if (decoding->error == S3_ERROR_NONE && decoding->end_result != 0)
        fail(decoding, s3_error_of_body(decoding->end_result), NULL);
    if (!decoding->is_over)
        fail(decoding, S3_ERROR_INVALID_REQUEST, "The body ends within its coding.");
    if (decoding->size != UINT64_MAX && decoding->made != decoding->size)
        fail(decoding, S3_ERROR_INVALID_REQUEST,
             "The body stands for fewer bytes than X-Digest-SizeBytes says.");
    error = decoding->error;
    if (error != S3_ERROR_NONE && decoding->message != NULL)
        s3_request_explain(put->request, error, decoding->message);
    release(decoding);
    if (error != S3_ERROR_NONE)
        s3_put_fail(put, error);
    else
        s3_put_feed_end(put);
}

/* ---- Going on ---- */

static void go_on(struct decoding *decoding);

/* What zstd takes beside it is known once it has seen a frame's head. */
static void charge(struct decoding *decoding)
{
    _Atomic size_t *used = &decoding->decoders->used;
    size_t bytes = sizeof(*decoding) + decoding->zstd->bytes_of(decoding->stream);
    size_t more = bytes > decoding->charged ? bytes - decoding->charged : 0;

    if (atomic_fetch_add(used, more) + more <= DOOR_DECODE_MEMORY_BYTES_MAX) {
        decoding->charged += more;
        return;
    }
    atomic_fetch_sub(used, more);
    fail(decoding, S3_ERROR_SLOW_DOWN, NULL);
}

static void on_turn(struct core_turn *turn)
{
    struct decoding *decoding = OWNER_OF(turn, struct decoding, turn);

    decoding->is_running = false;
    decoding->made += decoding->out_length;
    charge(decoding);
    if (decoding->step == -ENOMEM)
        fail(decoding, S3_ERROR_SLOW_DOWN, NULL);
    else if (decoding->step == -E2BIG)
        fail(decoding, S3_ERROR_INVALID_REQUEST, "The coding's window is larger than 8 MiB.");
    else if (decoding->step != 0)
        fail(decoding, S3_ERROR_INVALID_REQUEST, "The body is not in zstd's coding.");
    else if (decoding->made > decoding->size)
        fail(decoding, S3_ERROR_INVALID_REQUEST,
             "The body stands for more bytes than X-Digest-SizeBytes says.");
    go_on(decoding);
}

static void start_step(struct decoding *decoding)
{
    assert(!decoding->is_running && decoding->out_at == decoding->out_length);
    if (work_pool_begin(decoding->decoders->pool) != 0) {
        fail(decoding, S3_ERROR_SLOW_DOWN, NULL);
        return;
    }
    decoding->turn.next = on_turn;
    core_turn_begin(decoding->put->request->worker, &decoding->turn);
    decoding->is_running = true;
    work_pool_add(decoding->decoders->pool, &decoding->link);
}

/* More may come out of what is in already. */
static bool has_more(const struct decoding *decoding)
{
    return decoding->in_at < decoding->in_length || decoding->out_length == sizeof(decoding->out);
}

/* What is out goes into the put. False: it has no room, and calls on_feed when it has. */
static bool hand_over(struct decoding *decoding)
{
    while (decoding->error == S3_ERROR_NONE && decoding->out_at < decoding->out_length) {
        ssize_t taken = s3_put_feed(decoding->put, decoding->out + decoding->out_at,
                                    decoding->out_length - decoding->out_at);

        if (taken == -EBUSY)
            return false;
        if (taken > 0)
            decoding->out_at += (size_t)taken;
        else if (taken == -EMSGSIZE)
            fail(decoding,
                 decoding->put->bound_error != S3_ERROR_NONE ? decoding->put->bound_error
                                                             : S3_ERROR_ENTITY_TOO_LARGE,
                 NULL);
        else
            fail(decoding, s3_error_of_result((int)taken), NULL);
    }
    return true;
}

/* Not from inside the sink. */
static void go_on(struct decoding *decoding)
{
    if (decoding->is_running || !hand_over(decoding))
        return;
    if (decoding->error == S3_ERROR_NONE && has_more(decoding)) {
        start_step(decoding);
        if (decoding->is_running)
            return;
    }
    if (decoding->has_ended)
        finish(decoding);
    else
        http_body_resume(decoding->put->request->http);
}

static ssize_t sink_write(struct http_sink *sink, const void *data, size_t length)
{
    struct decoding *decoding = OWNER_OF(sink, struct decoding, sink);

    if (decoding->error != S3_ERROR_NONE)
        return -ECANCELED;
    if (decoding->is_running || decoding->out_at < decoding->out_length || has_more(decoding))
        return -EBUSY;
    decoding->in_at = 0;
    decoding->in_length = length < sizeof(decoding->in) ? length : sizeof(decoding->in);
    memcpy(decoding->in, data, decoding->in_length);
    start_step(decoding);
    return decoding->error == S3_ERROR_NONE ? (ssize_t)decoding->in_length : -ECANCELED;
}

static void sink_end(struct http_sink *sink, int result)
{
    struct decoding *decoding = OWNER_OF(sink, struct decoding, sink);

    decoding->has_ended = true;
    decoding->end_result = result;
    if (result != 0)
        fail(decoding, s3_error_of_body(result), NULL);
    if (decoding->is_running)
        return;
    if (decoding->error != S3_ERROR_NONE || (decoding->out_at == decoding->out_length && !has_more(decoding)))
        finish(decoding);
}

/* A signature would be of the bytes that came, which nothing holds against it. */
static bool is_signed_body(const struct s3_request *request)
{
    return request->is_signed && request->payload != S3_PAYLOAD_UNSIGNED;
}

/* ---- The beginning ---- */

/* In the request's arena, before it is known whether there will be a put. */
struct plan {
    struct door_decoders *decoders;
    const struct zstd_library *zstd;
    uint64_t size;
    struct decoding *decoding; /* NULL: the body was not asked for yet */
};

/* NULL: no memory. */
static struct decoding *begin(const struct plan *plan, struct s3_put *put)
{
    struct decoding *decoding = malloc(sizeof(*decoding));

    if (decoding == NULL)
        return NULL;
    *decoding = (struct decoding){.decoders = plan->decoders,
                                  .zstd = plan->zstd,
                                  .put = put,
                                  .sink = {NULL, sink_write, sink_end},
                                  .stream = plan->zstd->create(),
                                  .size = plan->size};
    if (decoding->stream != NULL && !plan->zstd->is_error(plan->zstd->set(
                                        decoding->stream, ZSTD_d_windowLogMax, DOOR_DECODE_WINDOW_LOG_MAX)))
        return decoding;
    plan->zstd->destroy(decoding->stream); /* NULL allowed */
    free(decoding);
    return NULL;
}

/* The put takes bytes, for the first time or again. */
static void on_feed(struct s3_put *put)
{
    struct plan *plan = door_call_of(put->request)->own;

    if (plan->decoding != NULL) {
        go_on(plan->decoding);
        return;
    }
    if (is_signed_body(put->request)) {
        s3_request_explain(put->request, S3_ERROR_INVALID_REQUEST, "A body in a coding is not signed.");
        s3_put_fail(put, S3_ERROR_INVALID_REQUEST);
        return;
    }
    if ((plan->decoding = begin(plan, put)) == NULL) {
        s3_put_fail(put, S3_ERROR_SLOW_DOWN);
        return;
    }
    charge(plan->decoding);
    if (plan->decoding->error == S3_ERROR_NONE) {
        http_body_receive(put->request->http, NULL, &plan->decoding->sink);
        return;
    }
    release(plan->decoding);
    s3_put_fail(put, S3_ERROR_SLOW_DOWN);
}

bool door_decode_begin_put(struct door_call *call, struct door_decoders *decoders, uint64_t size)
{
    struct plan *plan = s3_request_alloc(call->request, sizeof(*plan));

    plan->decoders = decoders;
    plan->zstd = zstd_library_open();
    plan->size = size;
    if (plan->zstd == NULL)
        return false;
    call->own = plan;
    call->front.feed = on_feed;
    return true;
}
