/* SPDX-License-Identifier: MIT
 *
 * An http_source that inflates. What belongs to it lies in memory of its own, since a client may leave while a thread is at work: then the
 * rest is let go when the thread has done its step. */
#include "api/s3/archive/s3_inflate.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "api/archive/archive_shelf.h"
#include "api/archive/member_inflate.h"
#include "api/s3/archive/s3_archive.h"
#include "api/s3/archive/s3_member.h"
#include "api/s3/body/s3_send.h"
#include "api/s3/service/s3_service.h"
#include "storage/base/owner.h"

struct inflating {
    struct http_source source;
    struct s3_inflate_options options; /* the get is NULL once it has ended */
    struct archive_shelf *shelf;
    struct archive_budget *budget;
    struct archive_work work;
    struct core_turn turn;
    bool is_running;   /* a thread of the shelf has it */
    bool is_sending;   /* the source has the answer */
    bool is_abandoned; /* nobody waits any more */
    uint64_t left;     /* stored bytes that were not read yet */
    int step;          /* the last one's result: an enum inflate_step or an error */
    struct member_inflate inflate;
};

static void destroy(struct inflating *inflating)
{
    struct archive_budget *budget = inflating->budget;

    assert(!inflating->is_running && inflating->options.get == NULL);
    member_inflate_end(&inflating->inflate);
    free(inflating);
    archive_budget_give(budget, MEMBER_INFLATE_BYTES);
}

/* ---- Steps ---- */

static void run(struct archive_work *work)
{
    struct inflating *inflating = OWNER_OF(work, struct inflating, work);
    unsigned steps = 0;

    do { /* what is skipped is not worth a message each */
        inflating->step = member_inflate_step(&inflating->inflate);
    } while (inflating->step == INFLATE_AGAIN && ++steps < S3_INFLATE_SKIPS_PER_STEP);
    core_turn_end(&inflating->turn);
}

static int start_step(struct inflating *inflating)
{
    int err;

    assert(!inflating->is_running);
    core_turn_begin(inflating->options.request->worker, &inflating->turn);
    inflating->is_running = true;
    if ((err = archive_shelf_work(inflating->shelf, &inflating->work)) == 0)
        return -EBUSY;
    inflating->is_running = false;
    core_turn_cancel(&inflating->turn);
    return err;
}

static int read_stored(struct inflating *inflating)
{
    struct member_inflate *inflate = &inflating->inflate;
    size_t most = inflating->left < sizeof(inflate->in) ? (size_t)inflating->left : sizeof(inflate->in);
    ssize_t got;

    if (inflating->left == 0)
        return -EBADMSG; /* the stream goes on beyond the member */
    got = core_get_read(inflating->options.get, inflate->in, most);
    if (got <= 0)
        return got < 0 ? (int)got : -EIO;
    inflating->left -= (uint64_t)got;
    inflate->in_length = (size_t)got;
    return 0;
}

/* Goes on until there is something to send: 1; 0: all is over; -EBUSY: a thread or the disk is awaited; or a failure. */
static int advance(struct inflating *inflating)
{
    int err;

    if (inflating->is_running)
        return -EBUSY;
    switch (inflating->step) {
    case INFLATE_GIVES:
        if (inflating->inflate.out_begin < inflating->inflate.out_end)
            return 1;
        return start_step(inflating);
    case INFLATE_WANTS:
        if ((err = read_stored(inflating)) != 0)
            return err;
        return start_step(inflating);
    case INFLATE_AGAIN:
        return start_step(inflating);
    case INFLATE_OVER:
        return 0;
    default:
        return inflating->step;
    }
}

/* ---- As a source ---- */

static ssize_t source_send(struct http_source *source, int socket_fd, size_t max)
{
    struct inflating *inflating = OWNER_OF(source, struct inflating, source);
    struct member_inflate *inflate = &inflating->inflate;
    int ready = advance(inflating);
    ssize_t sent;
    size_t count;

    if (ready <= 0)
        return ready < 0 ? ready : -EIO;
    count = inflate->out_end - inflate->out_begin;
    sent = send(socket_fd, inflate->out + inflate->out_begin, count < max ? count : max, MSG_NOSIGNAL);
    if (sent < 0)
        return -errno;
    inflate->out_begin += (size_t)sent;
    return sent;
}

static ssize_t source_read(struct http_source *source, void *buffer, size_t length)
{
    struct inflating *inflating = OWNER_OF(source, struct inflating, source);
    struct member_inflate *inflate = &inflating->inflate;
    int ready = advance(inflating);
    size_t count;

    if (ready <= 0)
        return ready < 0 ? ready : -EIO;
    count = inflate->out_end - inflate->out_begin;
    count = count < length ? count : length;
    memcpy(buffer, inflate->out + inflate->out_begin, count);
    inflate->out_begin += count;
    return (ssize_t)count;
}

static void source_end(struct http_source *source, int result)
{
    struct inflating *inflating = OWNER_OF(source, struct inflating, source);

    core_get_end(inflating->options.get);
    inflating->options.get = NULL;
    inflating->is_abandoned = true;
    if (!inflating->is_running)
        destroy(inflating);
}

/* ---- The first bytes ---- */

static void fail(struct inflating *inflating, int err)
{
    struct s3_send send = {.request = inflating->options.request, .get = inflating->options.get};

    inflating->options.get = NULL;
    destroy(inflating);
    if (err == -EBADMSG)
        s3_send_fail(&send, S3_ERROR_INVALID_REQUEST, S3_MEMBER_DAMAGED_MESSAGE);
    else
        s3_send_fail(&send, s3_error_of_result(err), NULL);
}

/* All of it is there: what was compared with the directory leaves whole. */
static void send_whole(struct inflating *inflating)
{
    const struct s3_inflate_options options = inflating->options;

    options.head(options.ctx);
    http_send_memory(options.request->http, inflating->inflate.out + inflating->inflate.out_begin,
                     (size_t)options.length);
    core_get_end(options.get);
    inflating->options.get = NULL;
    destroy(inflating);
}

/* Up to the first bytes nothing has been said yet, and an error can be. */
static void go_on(struct inflating *inflating)
{
    int ready = advance(inflating);

    if (ready == -EBUSY)
        return;
    if (ready <= 0) {
        fail(inflating, ready < 0 ? ready : -EIO);
        return;
    }
    if (inflating->inflate.out_end - inflating->inflate.out_begin == inflating->options.length) {
        send_whole(inflating);
        return;
    }
    inflating->is_sending = true;
    inflating->options.head(inflating->options.ctx);
    http_send_source(inflating->options.request->http, &inflating->source, inflating->options.length);
}

static void on_turn(struct core_turn *turn)
{
    struct inflating *inflating = OWNER_OF(turn, struct inflating, turn);

    inflating->is_running = false;
    if (inflating->is_abandoned)
        destroy(inflating);
    else if (inflating->is_sending)
        http_source_resume(inflating->options.request->http);
    else
        go_on(inflating);
}

static void on_ready(void *ctx)
{
    struct inflating *inflating = ctx;
    int status = core_get_status(inflating->options.get);

    if (inflating->is_sending)
        http_source_resume(inflating->options.request->http);
    else if (status != 0)
        fail(inflating, status);
    else
        go_on(inflating);
}

void s3_inflate_start(const struct s3_inflate_options *options)
{
    struct archive_budget *budget = s3_archive_budget(options->request);
    struct s3_send send = {.request = options->request, .get = options->get};
    struct inflating *inflating;
    int err = archive_budget_take(budget, MEMBER_INFLATE_BYTES);

    assert(options->length > 0);
    if (err != 0) {
        s3_send_fail(&send, s3_error_of_result(err), NULL);
        return;
    }
    if ((inflating = malloc(sizeof(*inflating))) == NULL) {
        archive_budget_give(budget, MEMBER_INFLATE_BYTES);
        s3_send_fail(&send, S3_ERROR_INTERNAL_ERROR, NULL);
        return;
    }
    inflating->source = (struct http_source){source_send, source_read, source_end, false};
    inflating->options = *options;
    inflating->shelf = s3_service_shelf(options->request->service);
    inflating->budget = budget;
    inflating->work = (struct archive_work){.run = run};
    inflating->turn = (struct core_turn){.next = on_turn};
    inflating->is_running = inflating->is_sending = inflating->is_abandoned = false;
    inflating->left = options->member->stored;
    inflating->step = INFLATE_WANTS;
    member_inflate_begin(&inflating->inflate, options->member, options->first, options->length);
    err = inflating->left > 0
              ? core_get_open(options->get, options->offset, inflating->left, on_ready, inflating)
              : -EBADMSG;
    if (err == 0)
        go_on(inflating);
    else if (err != -EBUSY)
        fail(inflating, err);
}
