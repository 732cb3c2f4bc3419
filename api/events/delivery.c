/* SPDX-License-Identifier: MIT
 *
 * See delivery.h. */
#include "api/events/delivery.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "storage/base/clock.h"
#include "storage/base/io.h"
#include "storage/base/thread.h"

struct delivery {
    struct delivery_options options;
    struct core_worker *worker;
    struct webhooks *webhooks;
    struct courier *couriers[EVENTS_TARGETS_MAX];
    unsigned courier_count;
    int wake_fd;
    atomic_bool is_woken; /* since the thread looked last */
    atomic_bool is_stopping;
    pthread_t thread;
    bool is_running;
};

void delivery_wake(struct delivery *delivery)
{
    static const uint64_t one = 1;

    if (!atomic_exchange(&delivery->is_woken, true))
        (void)!IO_RETRY(write(delivery->wake_fd, &one, sizeof(one))); /* full: it is awake anyway */
}

static void wakes_take(struct delivery *delivery)
{
    uint64_t count;

    (void)!IO_RETRY(read(delivery->wake_fd, &count, sizeof(count)));
    if (!atomic_exchange(&delivery->is_woken, false))
        return;
    for (unsigned i = 0; i < delivery->courier_count; i++)
        courier_wake(delivery->couriers[i]);
}

static void wait(struct delivery *delivery, unsigned milliseconds)
{
    const int fds[] = {core_worker_event_fd(delivery->worker), delivery->wake_fd};

    core_worker_flush(delivery->worker);
    webhooks_wait(delivery->webhooks, fds, 2, milliseconds);
    core_worker_run(delivery->worker);
}

/* What was delivered last is struck off: the committer answers all it is given. */
static void end(struct delivery *delivery)
{
    bool is_over = false;

    for (unsigned i = 0; i < delivery->courier_count; i++)
        courier_stop(delivery->couriers[i]);
    while (!is_over) {
        is_over = true;
        for (unsigned i = 0; i < delivery->courier_count; i++)
            is_over = courier_finish(delivery->couriers[i]) && is_over;
        if (!is_over)
            wait(delivery, EVENTS_STOP_LOOK_MS);
    }
}

static void *run(void *arg)
{
    struct delivery *delivery = arg;

    while (!atomic_load(&delivery->is_stopping)) {
        unsigned pause_ms = EVENTS_RETRY_MS_MAX;

        wakes_take(delivery);
        for (unsigned i = 0; i < delivery->courier_count; i++) {
            unsigned courier_ms = courier_run(delivery->couriers[i]);
            if (courier_ms < pause_ms)
                pause_ms = courier_ms;
        }
        webhooks_run(delivery->webhooks);
        wait(delivery, pause_ms);
    }
    end(delivery);
    return NULL;
}

static void delivery_free(struct delivery *delivery)
{
    for (unsigned i = 0; i < delivery->courier_count; i++)
        courier_close(delivery->couriers[i]);
    webhooks_destroy(delivery->webhooks);
    core_worker_destroy(delivery->worker);
    if (delivery->wake_fd >= 0)
        close(delivery->wake_fd);
    free(delivery);
}

static int open_couriers(struct delivery *delivery)
{
    const struct delivery_options *options = &delivery->options;
    int err = 0;

    for (unsigned i = 0; i < options->targets->count && err == 0; i++) {
        const struct courier_options courier = {
            .worker = delivery->worker,
            .webhooks = delivery->webhooks,
            .targets = options->targets,
            .target = &options->targets->list[i],
            .figures = &options->figures[i],
            .region = options->region,
            .host_id = options->host_id,
            .log = options->log,
            .log_ctx = options->log_ctx,
        };
        if ((err = courier_open(&delivery->couriers[i], &courier)) == 0)
            delivery->courier_count++;
    }
    return err;
}

int delivery_start(struct delivery **out, const struct delivery_options *options)
{
    struct delivery *delivery = calloc(1, sizeof(*delivery));
    int err;

    if (delivery == NULL)
        return -ENOMEM;
    delivery->options = *options;
    if ((delivery->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
        err = -errno;
    else if ((err = webhooks_create(&delivery->webhooks)) == 0 &&
             (err = core_worker_create(options->core, &delivery->worker)) == 0 &&
             (err = open_couriers(delivery)) == 0)
        err = thread_start(&delivery->thread, "events", run, delivery);
    if (err != 0) {
        delivery_free(delivery);
        return err;
    }
    delivery->is_running = true;
    *out = delivery;
    return 0;
}

void delivery_stop(struct delivery *delivery)
{
    if (delivery == NULL)
        return;
    assert(delivery->is_running);
    atomic_store(&delivery->is_stopping, true);
    atomic_store(&delivery->is_woken, false);
    delivery_wake(delivery);
    thread_join(delivery->thread);
    delivery_free(delivery);
}
