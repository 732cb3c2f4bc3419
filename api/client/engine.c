/* SPDX-License-Identifier: MIT
 *
 * See transfer.h. In order: one thread; the engine. */
#include "api/client/engine.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "api/identity/curl_library.h"
#include "storage/base/thread.h"

struct client_engine {
    struct client_engine_options options;
    pthread_mutex_t lock;
    pthread_cond_t has_work, has_room;
    struct client_transfer *waiting, **waiting_end; /* not begun */
    struct client_transfer *spread;                 /* with pieces */
    unsigned waiting_count, active;                 /* the latter: begun and not done */
    bool is_closing;
    pthread_mutex_t report_lock;
    struct client_worker *workers;
    pthread_t *threads;
    unsigned thread_count;
};

/* ---- One thread ---- */

static const struct client_transfer_steps *steps_of(const struct client_transfer *transfer)
{
    static const struct client_transfer_steps *const steps[CLIENT_TRANSFER_KINDS] = {
        [CLIENT_UPLOAD] = &client_upload_steps, [CLIENT_DOWNLOAD] = &client_download_steps,
        [CLIENT_COPY] = &client_copy_steps,     [CLIENT_RELAY] = &client_relay_steps,
        [CLIENT_DELETE] = &client_delete_steps, [CLIENT_CHAIN] = &client_chain_steps,
    };

    return steps[transfer->kind];
}

static bool is_cancelled(const struct client_engine *engine)
{
    return engine->options.cancelled != NULL && atomic_load(engine->options.cancelled);
}

static void end_transfer(struct client_worker *worker, struct client_transfer *transfer, int err)
{
    struct client_engine *engine = worker->engine;
    struct client_progress *progress = engine->options.progress;

    transfer->err = err;
    if (err != 0 && transfer->why[0] == '\0')
        (void)client_transfer_fail(transfer, err, NULL);
    atomic_fetch_add(err == 0 ? &progress->items_done : &progress->items_failed, 1);
    pthread_mutex_lock(&engine->report_lock);
    engine->options.done(engine->options.ctx, transfer);
    pthread_mutex_unlock(&engine->report_lock);
    client_transfer_free(transfer);
    pthread_mutex_lock(&engine->lock);
    engine->active--;
    if (engine->is_closing && engine->active == 0)
        pthread_cond_broadcast(&engine->has_work);
}

/* Each is called with the lock held, and lets go of it meanwhile. */
static void run_piece(struct client_worker *worker, struct client_transfer *transfer)
{
    struct client_engine *engine = worker->engine;
    unsigned index = transfer->piece_next++;
    struct client_transfer **link;
    int err;

    transfer->piece_running++;
    pthread_mutex_unlock(&engine->lock);
    err = is_cancelled(engine) ? client_transfer_fail(transfer, -ECANCELED, "interrupted")
                               : steps_of(transfer)->piece(worker, transfer, index);
    pthread_mutex_lock(&engine->lock);
    transfer->piece_running--;
    if (err != 0 && transfer->err == 0)
        transfer->err = err;
    if (transfer->piece_running > 0 || (transfer->err == 0 && transfer->piece_next < transfer->piece_count))
        return;
    for (link = &engine->spread; *link != transfer; link = &(*link)->next)
        ;
    *link = transfer->next;
    pthread_mutex_unlock(&engine->lock);
    err = steps_of(transfer)->finish != NULL ? steps_of(transfer)->finish(worker, transfer) : transfer->err;
    end_transfer(worker, transfer, err);
}

static void run_begin(struct client_worker *worker, struct client_transfer *transfer)
{
    struct client_engine *engine = worker->engine;
    struct client_transfer **link;
    int result;

    engine->active++;
    pthread_mutex_unlock(&engine->lock);
    result = is_cancelled(engine) ? client_transfer_fail(transfer, -ECANCELED, "interrupted")
                                  : steps_of(transfer)->begin(worker, transfer);
    if (result <= 0) {
        end_transfer(worker, transfer, result);
        return;
    }
    pthread_mutex_lock(&engine->lock);
    for (link = &engine->spread; *link != NULL; link = &(*link)->next)
        ;
    transfer->next = NULL;
    *link = transfer;
    pthread_cond_broadcast(&engine->has_work);
}

/* One with a piece that nobody does. */
static struct client_transfer *find_spread(const struct client_engine *engine)
{
    for (struct client_transfer *at = engine->spread; at != NULL; at = at->next)
        if (at->err == 0 && at->piece_next < at->piece_count)
            return at;
    return NULL;
}

static struct client_transfer *take_waiting(struct client_engine *engine)
{
    struct client_transfer *transfer = engine->waiting;

    if (transfer == NULL)
        return NULL;
    engine->waiting = transfer->next;
    if (engine->waiting == NULL)
        engine->waiting_end = &engine->waiting;
    engine->waiting_count--;
    pthread_cond_signal(&engine->has_room);
    return transfer;
}

static void *worker_main(void *arg)
{
    struct client_worker *worker = arg;
    struct client_engine *engine = worker->engine;
    struct client_transfer *transfer;

    pthread_mutex_lock(&engine->lock);
    for (;;) {
        if ((transfer = find_spread(engine)) != NULL)
            run_piece(worker, transfer);
        else if ((transfer = take_waiting(engine)) != NULL)
            run_begin(worker, transfer);
        else if (engine->is_closing && engine->active == 0)
            break;
        else
            pthread_cond_wait(&engine->has_work, &engine->lock);
    }
    pthread_mutex_unlock(&engine->lock);
    return NULL;
}

/* ---- The engine ---- */

static int open_sessions(struct client_worker *worker, const struct client_engine_options *options)
{
    int err = 0;

    if (options->from != NULL)
        err = client_session_open(&worker->from, options->from, &options->progress->bytes_done,
                                  options->cancelled);
    if (err == 0 && options->to != NULL && options->to == options->from)
        worker->to = worker->from;
    else if (err == 0 && options->to != NULL)
        /* bytes that pass through are counted once */
        err = client_session_open(&worker->to, options->to,
                                  options->from != NULL ? NULL : &options->progress->bytes_done,
                                  options->cancelled);
    return err;
}

static void engine_free(struct client_engine *engine)
{
    for (unsigned i = 0; engine->workers != NULL && i < engine->options.connections; i++) {
        if (engine->workers[i].to != engine->workers[i].from)
            client_session_close(engine->workers[i].to);
        client_session_close(engine->workers[i].from);
    }
    free(engine->workers);
    free(engine->threads);
    pthread_mutex_destroy(&engine->lock);
    pthread_mutex_destroy(&engine->report_lock);
    pthread_cond_destroy(&engine->has_work);
    pthread_cond_destroy(&engine->has_room);
    free(engine);
}

static int start_threads(struct client_engine *engine)
{
    int err = 0;

    for (; err == 0 && engine->thread_count < engine->options.connections;) {
        struct client_worker *worker = &engine->workers[engine->thread_count];

        *worker = (struct client_worker){
            .engine = engine, .options = &engine->options, .report_lock = &engine->report_lock};
        if ((err = open_sessions(worker, &engine->options)) == 0 &&
            (err = thread_start(&engine->threads[engine->thread_count], "transfer", worker_main, worker)) ==
                0)
            engine->thread_count++;
    }
    return engine->thread_count > 0 ? 0 : err; /* fewer do it, too */
}

int client_engine_start(struct client_engine **engine, const struct client_engine_options *options)
{
    struct client_engine *made;
    int err;

    *engine = NULL;
    if (curl_library_open() == NULL)
        return -ENOSYS;
    if ((made = calloc(1, sizeof(*made))) == NULL)
        return -ENOMEM;
    made->options = *options;
    made->waiting_end = &made->waiting;
    pthread_mutex_init(&made->lock, NULL);
    pthread_mutex_init(&made->report_lock, NULL);
    pthread_cond_init(&made->has_work, NULL);
    pthread_cond_init(&made->has_room, NULL);
    made->workers = calloc(options->connections, sizeof(made->workers[0]));
    made->threads = calloc(options->connections, sizeof(made->threads[0]));
    err = made->workers != NULL && made->threads != NULL ? start_threads(made) : -ENOMEM;
    if (err != 0) {
        engine_free(made);
        return err;
    }
    *engine = made;
    return 0;
}

void client_engine_add(struct client_engine *engine, struct client_transfer *transfer)
{
    atomic_fetch_add(&engine->options.progress->items_all, 1);
    pthread_mutex_lock(&engine->lock);
    while (engine->waiting_count >= CLIENT_QUEUE_MAX)
        pthread_cond_wait(&engine->has_room, &engine->lock);
    transfer->next = NULL;
    *engine->waiting_end = transfer;
    engine->waiting_end = &transfer->next;
    engine->waiting_count++;
    pthread_cond_signal(&engine->has_work);
    pthread_mutex_unlock(&engine->lock);
}

void client_engine_finish(struct client_engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    engine->is_closing = true;
    pthread_cond_broadcast(&engine->has_work);
    pthread_mutex_unlock(&engine->lock);
    for (unsigned i = 0; i < engine->thread_count; i++)
        thread_join(engine->threads[i]);
    engine_free(engine);
}
