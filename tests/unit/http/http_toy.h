/* SPDX-License-Identifier: MIT
 *
 * The toy handler of the HTTP tests: what it does is said by the request's path.
 *
 * The first path segment says what the toy does, a number after it how much:
 *   /echo /splice     the body back, received by write or by splice; x-result tells how it ended
 *   /busy             as /echo, but the sink takes one byte, then says -EBUSY until the next turn
 *   /coded            as /splice with a coding inside: "<digit><that many bytes>", ended by "0"
 *   /fail             the sink fails with -ENOSPC
 *   /collect/N        collects up to N bytes
 *   /refuse           403 at once, the body unread
 *   /refuse-gated     403 after toy_release
 *   /early            403 from inside the sink's first write
 *   /gated            waits for toy_release, then as /echo
 *   /answer-gated     receives first and answers after toy_release
 *   /memory/N         N bytes from memory
 *   /source/N         N bytes from a source
 *   /source-busy/N    ... that says -EBUSY between
 *   /source-fail/N    ... that fails half way
 *   /source-x/N       N times "x" from a source
 *   /source-endless/N N bytes from one that is busy between, and tells nobody how many
 *   /head/N /none/N   http_send_head with a length; with a status
 *   /close            closes after the answer
 *   /host /x-field    that field's value as seen
 *   /inject/N         a field value with a line end in it, behind N other characters
 *   anything else     the path and authority as seen */
#ifndef TESTS_UNIT_HTTP_TOY_H
#define TESTS_UNIT_HTTP_TOY_H

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/http/http.h"
#include "api/http/limits.h"

/* ---- The toy: work that is done later on the worker ---- */

struct toy_worker {
    int event_fd;
    bool hears_edges;    /* of it, so that it is not read */
    struct toy *waiting; /* until the next turn, or gated */
};

struct toy {
    struct http_sink sink; /* first: the ops cast */
    struct http_source source;
    bool is_x;       /* its bytes are not the pattern */
    bool is_endless; /* its length is not told */
    struct framing coding;
    struct toy_worker *worker;
    struct toy *next;
    struct http_request *req;
    void (*later)(struct toy *toy);
    bool is_gated;

    char *bytes; /* of the body; malloc'ed, freed with the request */
    size_t length, capacity;
    int pipe[2];
    bool busy;
    unsigned coding_run;
    bool coding_done;

    int file;
    off_t offset;
    size_t fail_at;
    int socket; /* that its source was last sent to; 0: none yet */
};

static struct toy_worker *toy_workers[HTTP_WORKERS_MAX];
static _Atomic int toy_gate_is_open;
static _Atomic size_t toy_turn; /* the most that a source was asked to send at once, since it was set to 0 */
static _Atomic unsigned toy_corked; /* pieces that a source sent to a socket with TCP_CORK */
static _Atomic unsigned toy_held;   /* sources that waited or ended while their socket held back something */
static _Atomic unsigned toy_ends, toy_gated; /* sinks and sources ended; requests that wait at the gate */

static void toy_poke(struct toy_worker *worker)
{
    uint64_t one = 1;

    assert(write(worker->event_fd, &one, sizeof(one)) == sizeof(one));
}

static void toy_later(struct toy *toy, bool is_gated, void (*later)(struct toy *toy))
{
    toy->later = later;
    toy->is_gated = is_gated;
    toy->next = toy->worker->waiting;
    toy->worker->waiting = toy;
    if (is_gated)
        atomic_fetch_add(&toy_gated, 1);
    toy_poke(toy->worker);
}

static void toy_on_event(void *ctx)
{
    struct toy_worker *worker = ctx;
    struct toy *list = worker->waiting, *toy;
    uint64_t count;

    if (!worker->hears_edges)
        assert(read(worker->event_fd, &count, sizeof(count)) == sizeof(count));
    worker->waiting = NULL;
    while ((toy = list) != NULL) {
        list = toy->next;
        if (toy->is_gated && !atomic_load(&toy_gate_is_open)) {
            toy->next = worker->waiting;
            worker->waiting = toy;
        } else {
            if (toy->is_gated)
                atomic_fetch_sub(&toy_gated, 1);
            toy->later(toy);
        }
    }
}

static inline void toy_release(void)
{
    atomic_store(&toy_gate_is_open, 1);
    for (unsigned i = 0; i < HTTP_WORKERS_MAX && toy_workers[i] != NULL; i++)
        toy_poke(toy_workers[i]);
}

static inline void toy_wait_for(_Atomic unsigned *counter, unsigned value)
{
    while (atomic_load(counter) != value)
        usleep(1000);
}

/* ---- The toy: bodies ---- */

static void toy_add(struct toy *toy, const void *data, size_t length)
{
    if (toy->length + length > toy->capacity) {
        toy->capacity = (toy->length + length) * 2;
        toy->bytes = realloc(toy->bytes, toy->capacity);
        assert(toy->bytes != NULL);
    }
    if (length > 0)
        memcpy(toy->bytes + toy->length, data, length);
    toy->length += length;
}

static void toy_answer(struct toy *toy, int result)
{
    char text[16];

    snprintf(text, sizeof(text), "%d", result);
    toy->req->answer.status = result == 0 ? 200 : 400;
    http_headers_add(&toy->req->arena, &toy->req->answer.headers, SLICE("x-result"),
                     arena_dup_text(&toy->req->arena, text));
    http_send_memory(toy->req, toy->bytes, toy->length);
}

static ssize_t toy_write(struct http_sink *sink, const void *data, size_t length)
{
    toy_add((struct toy *)sink, data, length);
    return (ssize_t)length;
}

static ssize_t toy_splice(struct http_sink *sink, int socket_fd, size_t max)
{
    struct toy *toy = (struct toy *)sink;
    ssize_t count = splice(socket_fd, NULL, toy->pipe[1], NULL, max, SPLICE_F_NONBLOCK);
    char buffer[65536];

    if (count < 0)
        return -errno;
    for (ssize_t left = count; left > 0;) {
        ssize_t got = read(toy->pipe[0], buffer, sizeof(buffer));

        assert(got > 0);
        toy_add(toy, buffer, (size_t)got);
        left -= got;
    }
    return count;
}

static void toy_end(struct http_sink *sink, int result)
{
    struct toy *toy = (struct toy *)sink;

    atomic_fetch_add(&toy_ends, 1);
    toy_answer(toy, result);
}

static void toy_receive(struct toy *toy, bool by_splice)
{
    toy->sink = (struct http_sink){by_splice ? toy_splice : NULL, toy_write, toy_end};
    if (by_splice)
        assert(pipe2(toy->pipe, O_CLOEXEC | O_NONBLOCK) == 0);
    http_body_receive(toy->req, toy->coding.ops != NULL ? &toy->coding : NULL, &toy->sink);
}

static void toy_receive_later(struct toy *toy)
{
    toy_receive(toy, false);
}

static void toy_resume_body(struct toy *toy)
{
    http_body_resume(toy->req);
}

static ssize_t toy_busy_write(struct http_sink *sink, const void *data, size_t length)
{
    struct toy *toy = (struct toy *)sink;

    (void)length;
    toy->busy = !toy->busy;
    if (!toy->busy) {
        toy_later(toy, false, toy_resume_body);
        return -EBUSY;
    }
    toy_add(toy, data, 1);
    return 1;
}

static ssize_t toy_fail_write(struct http_sink *sink, const void *data, size_t length)
{
    (void)sink, (void)data, (void)length;
    return -ENOSPC;
}

static ssize_t toy_early_write(struct http_sink *sink, const void *data, size_t length)
{
    struct toy *toy = (struct toy *)sink;

    (void)data;
    toy->req->answer.status = 403;
    http_send_memory(toy->req, "early", 5);
    return (ssize_t)length;
}

static void toy_refuse(struct toy *toy)
{
    toy->req->answer.status = 403;
    http_send_memory(toy->req, "refused", 7);
}

static void toy_answer_now(struct toy *toy)
{
    toy_answer(toy, 0);
}

static void toy_gated_end(struct http_sink *sink, int result)
{
    (void)result;
    atomic_fetch_add(&toy_ends, 1);
    toy_later((struct toy *)sink, true, toy_answer_now);
}

static void toy_collected(void *ctx, int result, struct slice body)
{
    struct toy *toy = ctx;

    toy_add(toy, body.base != NULL ? body.base : "", body.len);
    toy_answer(toy, result);
}

/* The coding: a digit says how many payload bytes follow; 0 ends. */
static struct toy *toy_of_coding(const struct framing *framing)
{
    return (struct toy *)((char *)framing - offsetof(struct toy, coding));
}
static size_t toy_coding_hint(const struct framing *framing)
{
    (void)framing;
    return 1;
}
static ssize_t toy_coding_feed(struct framing *framing, const char *data, size_t length)
{
    struct toy *toy = toy_of_coding(framing);

    (void)length;
    if (toy->coding_done)
        return 0;
    if (data[0] < '0' || data[0] > '9')
        return -EBADMSG;
    toy->coding_run = (unsigned)(data[0] - '0');
    toy->coding_done = toy->coding_run == 0;
    return 1;
}
static uint64_t toy_coding_run(const struct framing *framing)
{
    return toy_of_coding(framing)->coding_run;
}
static int toy_coding_take(struct framing *framing, uint64_t count)
{
    toy_of_coding(framing)->coding_run -= (unsigned)count;
    return 0;
}
static bool toy_coding_done(const struct framing *framing)
{
    return toy_of_coding(framing)->coding_done;
}
static const struct framing_ops toy_coding_ops = {toy_coding_hint, toy_coding_feed, toy_coding_run,
                                                  toy_coding_take, toy_coding_done};

/* ---- The toy: answers ---- */

static char toy_byte(size_t at)
{
    return (char)('a' + at % 23);
}

/* In blocks: the worker does nothing else meanwhile, and its clock stands still. */
static void toy_make_file(struct toy *toy, size_t length)
{
    char block[23 * 1024]; /* toy_byte begins anew with each */

    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = toy->is_x ? 'x' : toy_byte(i);
    toy->file = memfd_create("toy", MFD_CLOEXEC);
    assert(toy->file >= 0);
    for (size_t at = 0; at < length; at += sizeof(block)) {
        size_t count = length - at < sizeof(block) ? length - at : sizeof(block);

        assert(write(toy->file, block, count) == (ssize_t)count);
    }
}

static bool toy_is_corked(struct toy *toy)
{
    int value = 0;
    socklen_t length = sizeof(value);

    if (toy->socket == 0)
        return false;
    assert(getsockopt(toy->socket, IPPROTO_TCP, TCP_CORK, &value, &length) == 0);
    return value != 0;
}

static void toy_resume_source(struct toy *toy)
{
    atomic_fetch_add(&toy_held, toy_is_corked(toy));
    http_source_resume(toy->req);
}

static int toy_source_check(struct toy *toy)
{
    if (toy->fail_at != 0 && (size_t)toy->offset >= toy->fail_at)
        return -EIO;
    toy->busy = !toy->busy;
    if (toy->is_gated || !toy->busy)
        return 0;
    toy_later(toy, false, toy_resume_source);
    return -EBUSY;
}

static ssize_t toy_source_send(struct http_source *source, int socket_fd, size_t max)
{
    struct toy *toy = (struct toy *)((char *)source - offsetof(struct toy, source));
    ssize_t count = toy_source_check(toy);
    size_t most = atomic_load(&toy_turn);

    while (max > most && !atomic_compare_exchange_weak(&toy_turn, &most, max))
        ;
    toy->socket = socket_fd;
    if (count != 0)
        return count;
    atomic_fetch_add(&toy_corked, toy_is_corked(toy));
    if (toy->fail_at != 0 && max > toy->fail_at - (size_t)toy->offset)
        max = toy->fail_at - (size_t)toy->offset;
    count = sendfile(socket_fd, toy->file, &toy->offset, max);
    return count >= 0 ? count : -errno;
}

/* What a source that is busy between gives at once. */
#define TOY_BUSY_READ_BYTES 7000u

static ssize_t toy_source_read(struct http_source *source, void *buffer, size_t length)
{
    struct toy *toy = (struct toy *)((char *)source - offsetof(struct toy, source));
    ssize_t count = toy_source_check(toy);

    if (count != 0)
        return count;
    if (toy->fail_at != 0 && length > toy->fail_at - (size_t)toy->offset)
        length = toy->fail_at - (size_t)toy->offset;
    if (!toy->is_gated && length > TOY_BUSY_READ_BYTES)
        length = TOY_BUSY_READ_BYTES;
    count = pread(toy->file, buffer, length, toy->offset);
    toy->offset += count;
    return count;
}

static void toy_source_end(struct http_source *source, int result)
{
    struct toy *toy = (struct toy *)((char *)source - offsetof(struct toy, source));

    if (result == 0)
        atomic_fetch_add(&toy_held, toy_is_corked(toy));
    atomic_fetch_add(&toy_ends, 1);
}

static void toy_send_source(struct toy *toy, size_t length, bool is_busy, size_t fail_at)
{
    toy->source = (struct http_source){toy_source_send, toy_source_read, toy_source_end, false};
    toy->is_gated = !is_busy; /* no turns between */
    toy->fail_at = fail_at;
    toy_make_file(toy, length);
    toy->req->answer.status = 200;
    if (toy->is_endless)
        http_send_endless(toy->req, &toy->source);
    else
        http_send_source(toy->req, &toy->source, length);
}

/* ---- The toy: its handler ---- */

static void toy_dispose(void *memory)
{
    struct toy *toy = memory;

    free(toy->bytes);
    for (unsigned i = 0; i < 2; i++)
        if (toy->pipe[i] > 0)
            close(toy->pipe[i]);
    if (toy->file > 0)
        close(toy->file);
}

static bool toy_path_is(struct http_request *req, const char *path, size_t *number)
{
    size_t length = strlen(path);

    if (req->path.len < length || memcmp(req->path.base, path, length) != 0)
        return false;
    if (req->path.len > length && req->path.base[length] != '/' && req->path.base[length] != '?')
        return false;
    *number = 0;
    for (size_t i = length + 1; i < req->path.len && req->path.base[i] >= '0' && req->path.base[i] <= '9';
         i++)
        *number = *number * 10 + (size_t)(req->path.base[i] - '0');
    return true;
}

static void toy_on_answer_request(struct toy *toy)
{
    struct http_request *req = toy->req;
    size_t number;

    req->answer.status = 200;
    if (toy_path_is(req, "/memory", &number)) {
        for (size_t i = 0; i < number; i++)
            toy_add(toy, &(char){toy_byte(i)}, 1);
        http_send_memory(req, toy->bytes, number);
    } else if (toy_path_is(req, "/source", &number)) {
        toy_send_source(toy, number, false, 0);
    } else if (toy_path_is(req, "/source-busy", &number)) {
        toy_send_source(toy, number, true, 0);
    } else if (toy_path_is(req, "/source-fail", &number)) {
        toy_send_source(toy, number, false, number / 2);
    } else if (toy_path_is(req, "/source-x", &number)) {
        toy->is_x = true;
        toy_send_source(toy, number, false, 0);
    } else if (toy_path_is(req, "/source-endless", &number)) {
        toy->is_endless = true;
        toy_send_source(toy, number, true, 0);
    } else if (toy_path_is(req, "/head", &number)) {
        http_send_head(req, number);
    } else if (toy_path_is(req, "/none", &number)) {
        req->answer.status = (int)number;
        http_send_head(req, UINT64_MAX);
    } else if (toy_path_is(req, "/close", &number)) {
        http_request_close_after(req);
        http_send_memory(req, "bye", 3);
    } else if (toy_path_is(req, "/host", &number) || toy_path_is(req, "/x-field", &number)) {
        struct slice value = http_headers_find(&req->headers, req->path.base[1] == 'h' ? "host" : "x-field");

        toy_add(toy, value.base != NULL ? value.base : "none", value.base != NULL ? value.len : 4);
        http_send_memory(req, toy->bytes, toy->length);
    } else if (toy_path_is(req, "/inject", &number)) {
        char *value = arena_alloc(&req->arena, number + 32);

        memset(value, 'a', number);
        strcpy(value + number, "\r\nevil: b, \xc3\xa9 \t and more");
        http_headers_add(&req->arena, &req->answer.headers, SLICE("x-meta"), slice_text(value));
        http_send_memory(req, "", 0);
    } else {
        if (toy_path_is(req, "/named", &number)) {
            req->name = "Named";
            req->user = "somebody";
        }
        toy_add(toy, req->path.base, req->path.len);
        toy_add(toy, "|", 1);
        toy_add(toy, req->authority.base, req->authority.len);
        http_send_memory(req, toy->bytes, toy->length);
    }
}

static void toy_on_request(void *ctx, struct http_worker *worker, struct http_request *req)
{
    struct toy *toy = arena_alloc_hooked(&req->arena, sizeof(*toy), toy_dispose);
    size_t number;

    (void)ctx;
    memset(toy, 0, sizeof(*toy));
    toy->worker = http_worker_context(worker);
    toy->req = req;
    assert(http_request_worker(req) == worker);
    if (toy_path_is(req, "/echo", &number)) {
        toy_receive(toy, false);
    } else if (toy_path_is(req, "/splice", &number)) {
        toy_receive(toy, true);
    } else if (toy_path_is(req, "/coded", &number)) {
        toy->coding.ops = &toy_coding_ops;
        toy_receive(toy, true);
    } else if (toy_path_is(req, "/busy", &number)) {
        toy->sink = (struct http_sink){NULL, toy_busy_write, toy_end};
        http_body_receive(req, NULL, &toy->sink);
    } else if (toy_path_is(req, "/fail", &number)) {
        toy->sink = (struct http_sink){NULL, toy_fail_write, toy_end};
        http_body_receive(req, NULL, &toy->sink);
    } else if (toy_path_is(req, "/early", &number)) {
        toy->sink = (struct http_sink){NULL, toy_early_write, toy_end};
        http_body_receive(req, NULL, &toy->sink);
    } else if (toy_path_is(req, "/collect", &number)) {
        http_body_collect(req, NULL, number, toy_collected, toy);
    } else if (toy_path_is(req, "/refuse", &number)) {
        toy_refuse(toy);
    } else if (toy_path_is(req, "/refuse-gated", &number)) {
        toy_later(toy, true, toy_refuse);
    } else if (toy_path_is(req, "/gated", &number)) {
        toy_later(toy, true, toy_receive_later);
    } else if (toy_path_is(req, "/answer-gated", &number)) {
        toy->sink = (struct http_sink){NULL, toy_write, toy_gated_end};
        http_body_receive(req, NULL, &toy->sink);
    } else {
        toy_on_answer_request(toy);
    }
}

static void toy_on_edges(void *ctx)
{
    ((struct toy_worker *)ctx)->hears_edges = true;
}

static int toy_on_worker_start(void *ctx, struct http_worker *worker, unsigned index,
                               struct http_worker_events *events, void **worker_ctx)
{
    struct toy_worker *toy = calloc(1, sizeof(*toy));

    (void)worker;
    if (ctx != NULL && index == *(unsigned *)ctx) { /* this one is told to fail */
        free(toy);
        return -ENODEV;
    }
    toy->event_fd = eventfd(0, EFD_CLOEXEC);
    *events = (struct http_worker_events){.fd = toy->event_fd, .on_readable = toy_on_event, .ctx = toy};
    if (index % 2 == 0) /* the others read theirs */
        events->on_edges = toy_on_edges;
    *worker_ctx = toy;
    toy_workers[index] = toy;
    return 0;
}

static void toy_on_worker_stop(void *ctx, void *worker_ctx)
{
    struct toy_worker *toy = worker_ctx;

    (void)ctx;
    assert(toy->waiting == NULL); /* every request was answered */
}

/* Not with the worker: toy_release may come when the first worker has ended and the second still waits. */
static inline void toy_free_workers(void)
{
    for (unsigned i = 0; i < HTTP_WORKERS_MAX; i++) {
        if (toy_workers[i] != NULL) {
            close(toy_workers[i]->event_fd);
            free(toy_workers[i]);
        }
        toy_workers[i] = NULL;
    }
}

#endif
