/* SPDX-License-Identifier: MIT
 *
 * Sending ranges of blobs. Per range: its descriptor from the cache or an open in the ring; then window after
 * window: is it in memory? then sendfile it, else let the ring bring it in first. Once one window of a range
 * was cold, the next is brought in while the present one is being sent.
 *
 *   |.... sent ....|.... may be sent ....|.... being warmed ....|........|
 *                  offset                ready_end              warm_end  end of the range
 *
 * Ranges of packed units and of small ones, which are verified first, go the buffered way, as all do for TLS and in
 * standard copy mode: blob_egress_copy.c. What is asked for often of them comes out of memory: blob_egress_hot.c.
 *
 * On the thread of its ring. Knows nothing of heads, of TLS, or of what a blob means. */
#include "storage/base/io.h"
#include "storage/egress/blob_egress.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "storage/egress/blob_egress_parts.h"
#include "storage/base/sys.h"

static void egress_check(const struct blob_egress *egress)
{
    assert(egress != NULL);
    assert(egress->magic == EGRESS_MAGIC);
}

void egress_close_file(struct blob_egress *egress)
{
    if (egress->file != NULL)
        blob_close_later(egress->store, egress->ring,
                         blob_cache_release(&egress->store->cache, egress->file));
    egress->file = NULL;
}

static void egress_destroy(struct blob_egress *egress)
{
    struct blob_store *store = egress->store;

    egress_close_file(egress);
    hot_units_release(store->hot, &egress->lease);
    egress->magic = 0;
    free(egress->buffer);
    free(egress);
    blob_store_release(store);
}

int egress_fail(struct blob_egress *egress, int error, const char *what)
{
    char text[96];

    assert(error < 0);
    if (egress->error != 0)
        return egress->error;
    if (error == -EHOSTDOWN) /* who keeps the body as a row does not answer, and has said so */
        return egress->error = error;
    if (error != -EMFILE && error != -ENFILE && error != -ENOMEM) {
        snprintf(text, sizeof(text), "%s: %s", what, strerror(-error));
        return egress_fail_damaged(egress, BLOB_DAMAGE_UNREADABLE, text);
    }
    blob_store_log(egress->store, LOG_LEVEL_ERROR, "blob %016llx %s: %s",
                   (unsigned long long)egress_range(egress)->blob, what, strerror(-error));
    egress->error = error == -ENOMEM ? -ENOMEM : -EMFILE;
    return egress->error;
}

int egress_fail_damaged(struct blob_egress *egress, enum blob_damage damage, const char *what)
{
    const struct blob_range *range = egress_range(egress);

    if (egress->error == 0) {
        egress->told_damage =
            blob_damage_note(egress->store, (struct blob_unit){range->blob, range->sum.offset}, damage, what);
        egress->error = -EIO;
    }
    return egress->error;
}

int egress_fail_missing(struct blob_egress *egress, int error)
{
    assert(error == -ENOENT);
    if (egress->store->options.shared == NULL)
        return egress_fail(egress, error, "cannot be opened");
    if (egress->error == 0)
        egress->error = -ESTALE;
    return egress->error;
}

ssize_t egress_busy(struct blob_egress *egress)
{
    egress->want_ready = true;
    return -EBUSY;
}

/* ---- Steps in the ring ---- */

static void egress_on_op(struct ring_op *op, int32_t result);

struct ring_op *egress_step_begin(struct blob_egress *egress, enum egress_step step)
{
    assert(egress->step == EGRESS_NONE);
    egress->step = step;
    egress->op.done = egress_on_op;
    return &egress->op;
}

static void egress_file_is(struct blob_egress *egress, struct blob_file *file)
{
    egress->file = file;
    egress->is_judged = false;
    egress->claim = blob_claim_of(egress_range(egress)->blob, egress_range(egress)->sum.offset);
    egress->record_wanted = 0;
    egress->ready_end = egress->warm_end = egress_range(egress)->offset;
    egress->cold = false;
}

static void egress_open_start(struct blob_egress *egress)
{
    blob_path_format(egress->path, egress_range(egress)->blob);
    ring_openat(egress->ring, egress_step_begin(egress, EGRESS_OPEN), egress->store->blobs_fd, egress->path,
                O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
}

static void egress_open_done(struct blob_egress *egress, int32_t result)
{
    struct blob_file *file;

    if (result == -EMFILE && blob_cache_shed(&egress->store->cache) > 0) {
        egress_open_start(egress); /* there is room now */
        return;
    }
    if (result < 0) {
        (void)(result == -ENOENT ? egress_fail_missing(egress, result)
                                 : egress_fail(egress, result, "cannot be opened"));
        return;
    }
    int err = blob_cache_add(&egress->store->cache, egress_range(egress)->blob, result, &file);
    if (err != 0)
        egress_fail(egress, err, "cannot be opened");
    else
        egress_file_is(egress, file);
}

/* The end of the window that a position is in. Windows are aligned, so that readers share what is warmed. */
static uint64_t egress_window_end(struct blob_egress *egress, uint64_t from)
{
    const struct blob_range *range = egress_range(egress);
    uint64_t end = range->offset + range->length;
    uint64_t bytes = egress->cold ? EGRESS_WINDOW_BYTES : EGRESS_HOT_WINDOW_BYTES;
    uint64_t window = from - from % bytes + bytes;

    return window < end ? window : end;
}

static void egress_warm_start(struct blob_egress *egress)
{
    uint64_t from = egress->ready_end;

    atomic_fetch_add_explicit(&egress->store->cold_reads, 1, memory_order_relaxed);
    egress->cold = true;
    egress->hot_windows = 0;
    egress->warm_end = egress_window_end(egress, from);
    ring_warm(egress->ring, egress_step_begin(egress, EGRESS_WARM), egress->file->fd, from,
              (uint32_t)(egress->warm_end - from));
}

static void egress_on_op(struct ring_op *op, int32_t result)
{
    struct blob_egress *egress = OWNER_OF(op, struct blob_egress, op);
    enum egress_step step = egress->step;

    egress->step = EGRESS_NONE;
    if (egress->detached) {
        if (step == EGRESS_OPEN)
            blob_close_later(egress->store, egress->ring, result);
        egress_destroy(egress);
        return;
    }
    if (step == EGRESS_OPEN)
        egress_open_done(egress, result);
    else if (step == EGRESS_READ || step == EGRESS_RECORD)
        egress_read_done(egress, step, result);
    else if (result < 0)
        egress_fail(egress, result, "cannot be read");
    else
        egress->ready_end =
            egress->warm_end; /* even if memory is so short that it is gone again: no endless loop */

    if (egress->is_beginning && egress->error == 0 && egress_look(egress) == -EBUSY)
        return;
    if (egress->step == EGRESS_NONE && egress->want_ready) {
        egress->want_ready = false;
        egress->on_ready(egress->ctx); /* may end the egress */
    }
}

/* ---- Where the next byte is ---- */

ssize_t egress_file(struct blob_egress *egress)
{
    if (egress->error != 0)
        return egress->error;
    if (egress->remaining == 0)
        return 0;
    if (blob_is_row(egress_range(egress)->blob)) /* there is none: egress_fill_unit asks for its bytes */
        return blob_sum_is_small(&egress_range(egress)->sum)
                   ? 1
                   : egress_fail_damaged(egress, BLOB_DAMAGE_IDENTITY, "is longer than a row can be");
    if (egress->file == NULL && egress->step == EGRESS_NONE) {
        struct blob_file *file = blob_cache_get(&egress->store->cache, egress_range(egress)->blob);
        if (file != NULL)
            egress_file_is(egress, file);
        else
            egress_open_start(egress);
    }
    if (egress->file == NULL || egress->step == EGRESS_RECORD)
        return egress_busy(egress);
    return egress->is_judged ? 1 : egress_judge(egress);
}

void egress_forward(struct blob_egress *egress, uint64_t count)
{
    struct blob_range *range = egress_range(egress);

    assert(count <= range->length);
    range->offset += count;
    range->length -= count;
    egress->remaining -= count;
    if (range->length > 0)
        return;
    /* Warming never goes past its range, so nothing in flight can refer to the file any more. */
    assert(egress->step == EGRESS_NONE);
    egress_close_file(egress);
    egress->sum_end = UINT64_MAX; /* of another file */
    ++egress->range;
}

/* A cold range is probably cold to its end: the window after what may be sent is brought in meanwhile. Where it is in memory already, it
 * may be sent, too, and is not asked for again; after some of these in a row the range is not cold any more. */
static void egress_look_ahead(struct blob_egress *egress)
{
    const struct blob_range *range = egress_range(egress);
    uint64_t from = egress->ready_end, end;

    if (!egress->cold || egress->step != EGRESS_NONE || from >= range->offset + range->length ||
        from - range->offset > EGRESS_WINDOW_BYTES)
        return;
    end = egress_window_end(egress, from);
    if (!blob_residency_check(egress->store->residency, egress->file->fd, from, end - from)) {
        egress_warm_start(egress);
        return;
    }
    egress->ready_end = end;
    egress->cold = ++egress->hot_windows < EGRESS_HOT_WINDOWS;
}

/* Makes sure that the next bytes are in memory. 1, -EBUSY or a failure. */
static ssize_t egress_ready(struct blob_egress *egress)
{
    uint64_t at = egress_range(egress)->offset;

    if (at >= egress->ready_end) {
        if (egress->step != EGRESS_NONE)
            return egress_busy(egress);
        egress->ready_end = at; /* it was less only where bytes went the buffered way */
        uint64_t end = egress_window_end(egress, at);
        if (!blob_residency_check(egress->store->residency, egress->file->fd, at, end - at)) {
            egress_warm_start(egress);
            return egress_busy(egress);
        }
        egress->ready_end = end;
    }
    egress_look_ahead(egress);
    return 1;
}

/* ---- The zero-copy way ---- */

ssize_t egress_send_failed(struct blob_egress *egress)
{
    switch (errno) {
    case EAGAIN:
    case EPIPE:
    case ECONNRESET:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENOTCONN:
        return -errno;
    default:
        return egress_fail(egress, -errno, "cannot be sent");
    }
}

static ssize_t egress_sendfile(struct blob_egress *egress, int socket_fd, size_t max)
{
    struct blob_range *range = egress_range(egress);
    uint64_t left = egress->ready_end - range->offset;
    off_t offset = (off_t)range->offset;
    ssize_t n;

    assert(left > 0);
    n = IO_RETRY(sys.sendfile(socket_fd, egress->file->fd, &offset, max < left ? max : (size_t)left));
    if (n == 0)
        return egress_fail(egress, -ENODATA, "is too short");
    if (n < 0)
        return egress_send_failed(egress);
    egress_forward(egress, (uint64_t)n);
    return n;
}

/* Bytes that are already in the buffer come first, also for a caller that mixes the two ways. */
static bool egress_copies(struct blob_egress *egress)
{
    const struct blob_range *range = egress_range(egress);

    return egress->store->options.copy_mode || range->packed || blob_sum_is_small(&range->sum) ||
           egress->buffer_start < egress->buffer_end || egress->step == EGRESS_READ;
}

static ssize_t egress_send_some(struct blob_egress *egress, int socket_fd, size_t max)
{
    ssize_t n = egress->lease.chunk != NULL ? egress_hot_send(egress, socket_fd, max) : egress_file(egress);

    if (n != 1 || egress->lease.chunk != NULL)
        return n;
    if (egress_copies(egress))
        return egress_send_buffer(egress, socket_fd, max);
    n = egress_ready(egress);
    return n == 1 ? egress_sendfile(egress, socket_fd, max) : n;
}

/* ---- Calls ---- */

int blob_egress_begin(struct blob_egress **out, struct blob_store *store, struct ring *ring,
                      const struct blob_range *ranges, uint32_t range_count, void (*on_ready)(void *ctx),
                      void *ctx)
{
    struct blob_egress *egress = calloc(1, sizeof(*egress) + range_count * sizeof(*ranges));

    if (egress == NULL)
        return -ENOMEM;
    egress->magic = EGRESS_MAGIC;
    egress->store = store;
    egress->ring = ring;
    egress->on_ready = on_ready;
    egress->ctx = ctx;
    for (uint32_t i = 0; i < range_count; ++i) {
        if (ranges[i].length == 0)
            continue;
        assert(ranges[i].blob != 0);
        assert(ranges[i].length <= INT64_MAX - ranges[i].offset);
        egress->ranges[egress->range_count++] = ranges[i];
        egress->remaining += ranges[i].length;
    }
    blob_store_hold(store);
    egress->sum_end = UINT64_MAX;
    *out = egress;
    if (egress_hot_get(egress))
        return 0;
    egress->is_beginning = true;
    egress->look = egress_look_count(egress);
    return (int)egress_look(egress);
}

int blob_egress_status(const struct blob_egress *egress)
{
    egress_check(egress);
    return egress->error;
}

uint64_t blob_egress_remaining(const struct blob_egress *egress)
{
    egress_check(egress);
    return egress->remaining;
}

const void *blob_egress_at_hand(const struct blob_egress *egress)
{
    egress_check(egress);
    if (egress->error != 0 || egress->is_beginning || egress->remaining == 0 ||
        egress->buffer_end - egress->buffer_start != egress->remaining)
        return NULL;
    return egress->buffer + egress->buffer_start;
}

void blob_egress_tell_missing(struct blob_egress *egress)
{
    egress_check(egress);
    assert(egress->error == -ESTALE);
    egress->error = 0;
    (void)egress_fail(egress, -ENOENT, "cannot be opened");
}

bool blob_egress_told_damage(const struct blob_egress *egress)
{
    egress_check(egress);
    return egress->told_damage;
}

ssize_t blob_egress_send(struct blob_egress *egress, int socket_fd, size_t max)
{
    size_t sent = 0;

    egress_check(egress);
    assert(max > 0);
    /* Small requests beside it wait longer for a cold body than for a hot one: it gets shorter turns. */
    if (egress->cold && max > EGRESS_WINDOW_BYTES)
        max = EGRESS_WINDOW_BYTES;
    while (sent < max) {
        ssize_t n = egress_send_some(egress, socket_fd, max - sent);
        if (n <= 0) {
            if (sent > 0)
                egress->want_ready =
                    false; /* this call does not say -EBUSY; the next one will, if it still is */
            return sent > 0 ? (ssize_t)sent : n;
        }
        sent += (size_t)n;
    }
    return (ssize_t)sent;
}

void blob_egress_end(struct blob_egress *egress)
{
    if (egress == NULL)
        return;
    egress_check(egress);
    assert(!egress->detached);
    egress->detached = true;
    if (egress->step == EGRESS_NONE)
        egress_destroy(egress);
}
