/* SPDX-License-Identifier: MIT
 *
 * What is set lies under a lock, which each request of such a server takes: it is for tests. Requests that begin late are in a list, from which a thread hands each
 * back to its worker when its time has come. */
#include "api/server/faults.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "api/core/core.h"
#include "api/library/limits.h"
#include "storage/base/clock.h"
#include "storage/base/thread.h"

/* One that begins late, in its request's arena. */
struct delayed {
    struct delayed *next;
    struct core_turn turn;
    struct faults *faults;
    struct core_worker *worker;
    struct http_request *req;
    uint64_t due_ms; /* on the monotonic clock */
};

struct faults {
    void (*go_on)(void *ctx, struct core_worker *worker, struct http_request *req);
    void *ctx;
    pthread_t thread;
    pthread_mutex_t lock; /* of the rest */
    pthread_cond_t changed;
    struct sluice_server_fault set;
    struct delayed *waiting;
    unsigned waiting_count;
    bool is_over;
};

/* ---- Requests that begin late ---- */

static void begin(struct core_turn *turn)
{
    struct delayed *delayed = (struct delayed *)((char *)turn - offsetof(struct delayed, turn));

    delayed->faults->go_on(delayed->faults->ctx, delayed->worker, delayed->req);
}

/* Hands back those whose time has come. When the next one's will, or UINT64_MAX. With the lock. */
static uint64_t hand_back(struct faults *faults)
{
    uint64_t now = clock_monotonic_ms(), next_ms = UINT64_MAX;
    struct delayed **at = &faults->waiting;

    while (*at != NULL) {
        struct delayed *delayed = *at;

        if (!faults->is_over && delayed->due_ms > now) {
            next_ms = delayed->due_ms < next_ms ? delayed->due_ms : next_ms;
            at = &delayed->next;
            continue;
        }
        *at = delayed->next;
        faults->waiting_count--;
        core_turn_end(&delayed->turn); /* it is its worker's from here on */
    }
    return next_ms;
}

static void *faults_main(void *arg)
{
    struct faults *faults = arg;

    pthread_mutex_lock(&faults->lock);
    for (;;) {
        uint64_t next_ms = hand_back(faults);

        if (faults->is_over)
            break;
        if (next_ms == UINT64_MAX) {
            pthread_cond_wait(&faults->changed, &faults->lock);
        } else {
            const struct timespec until = {.tv_sec = (time_t)(next_ms / 1000),
                                           .tv_nsec = (long)(next_ms % 1000) * 1000000};

            (void)pthread_cond_timedwait(&faults->changed, &faults->lock,
                                         &until); /* either way it is looked at */
        }
    }
    pthread_mutex_unlock(&faults->lock);
    return NULL;
}

/* With the lock. False: so many wait already that this one does not. */
static bool delay(struct faults *faults, struct core_worker *worker, struct http_request *req)
{
    struct delayed *delayed;

    if (faults->is_over || faults->waiting_count >= LIBRARY_FAULTS_WAITING_MAX)
        return false;
    delayed = arena_alloc(&req->arena, sizeof(*delayed));
    *delayed = (struct delayed){
        .next = faults->waiting,
        .turn = {.next = begin},
        .faults = faults,
        .worker = worker,
        .req = req,
        .due_ms = clock_monotonic_ms() + faults->set.slow_ms,
    };
    core_turn_begin(worker, &delayed->turn);
    faults->waiting = delayed;
    faults->waiting_count++;
    pthread_cond_signal(&faults->changed);
    return true;
}

/* ---- Life ---- */

int faults_create(struct faults **out,
                  void (*go_on)(void *ctx, struct core_worker *worker, struct http_request *req), void *ctx)
{
    struct faults *faults = calloc(1, sizeof(*faults));
    int err;

    if (faults == NULL)
        return -ENOMEM;
    faults->go_on = go_on;
    faults->ctx = ctx;
    pthread_mutex_init(&faults->lock, NULL);
    thread_condition_init(&faults->changed);
    if ((err = thread_start(&faults->thread, "faults", faults_main, faults)) != 0) {
        faults->is_over = true; /* there is no thread */
        faults_destroy(faults);
        return err;
    }
    *out = faults;
    return 0;
}

void faults_release(struct faults *faults)
{
    bool was_over;

    if (faults == NULL)
        return;
    pthread_mutex_lock(&faults->lock);
    was_over = faults->is_over;
    faults->is_over = true;
    pthread_cond_signal(&faults->changed);
    pthread_mutex_unlock(&faults->lock);
    if (!was_over)
        pthread_join(faults->thread, NULL);
}

void faults_destroy(struct faults *faults)
{
    if (faults == NULL)
        return;
    faults_release(faults);
    assert(faults->waiting == NULL);
    pthread_cond_destroy(&faults->changed);
    pthread_mutex_destroy(&faults->lock);
    free(faults);
}

/* ---- What is set ---- */

int faults_set(struct faults *faults, const struct sluice_server_fault *fault)
{
    static const struct sluice_server_fault none;

    fault = fault != NULL ? fault : &none;
    if ((fault->fail_status != 0 && (fault->fail_status < 500 || fault->fail_status > 599)) ||
        fault->slow_ms > LIBRARY_FAULTS_SLOW_MS_MAX || (fault->slow != 0 && fault->slow_ms == 0) ||
        (fault->cut != 0 && fault->cut_after == 0))
        return -EINVAL;
    pthread_mutex_lock(&faults->lock);
    faults->set = *fault;
    pthread_mutex_unlock(&faults->lock);
    return 0;
}

void faults_get(struct faults *faults, struct sluice_server_fault *fault)
{
    pthread_mutex_lock(&faults->lock);
    *fault = faults->set;
    pthread_mutex_unlock(&faults->lock);
}

/* What belongs to the server is not what a client is tested with: /-/healthy, /-/metrics, /-/admin/. */
static bool is_own(struct slice path)
{
    return slice_has_prefix(path, "/-/") && !slice_has_prefix(path, "/-/cache/");
}

static bool has_body(struct http_request *req)
{
    return http_body_length(req) > 0 || slice_is(req->method, "GET");
}

static void refuse(struct http_request *req, unsigned status)
{
    static const char body[] =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>SlowDown</Code><Message>A fault that a "
        "test asked "
        "for.</Message></Error>";
    static const char internal[] =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InternalError</Code><Message>A fault that "
        "a test "
        "asked for.</Message></Error>";
    bool is_busy = status == 0 || status == 503;

    req->answer.status = status != 0 ? (int)status : 503;
    http_headers_add(&req->arena, &req->answer.headers, SLICE("content-type"), SLICE("application/xml"));
    if (is_busy)
        http_send_memory(req, body, sizeof(body) - 1);
    else
        http_send_memory(req, internal, sizeof(internal) - 1);
}

bool faults_take(struct faults *faults, struct core_worker *worker, struct http_request *req)
{
    struct sluice_server_fault *set = &faults->set;
    bool fails, is_late = false;
    unsigned status;

    if (is_own(req->path))
        return false;
    pthread_mutex_lock(&faults->lock);
    fails = set->fail > 0;
    status = set->fail_status;
    set->fail -= fails;
    if (!fails && set->cut > 0 && has_body(req)) {
        set->cut--;
        req->cut_after = set->cut_after;
    }
    if (!fails && set->slow > 0) {
        set->slow--;
        is_late = delay(faults, worker, req);
    }
    pthread_mutex_unlock(&faults->lock);
    if (fails)
        refuse(req, status);
    return fails || is_late;
}
