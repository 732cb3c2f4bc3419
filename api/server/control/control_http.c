/* SPDX-License-Identifier: MIT
 *
 * A job is one request. Its worker begins it and gives it to a thread; that thread makes the answer, and sends the job home as a turn of
 * the worker, which answers and frees it. Whoever asked may have gone meanwhile: the call goes to its end all the same. */
#include "api/server/control/control_http.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/core/core.h"
#include "api/library/limits.h"
#include "api/s3/body/s3_document.h"
#include "api/s3/s3_request.h"
#include "api/s3/service/s3_service.h"
#include "storage/base/thread.h"

#define INTERRUPT_PAUSE_MS 20

struct place {
    pthread_t thread;
    bool is_taken;       /* there is a thread to join */
    atomic_bool is_over; /* it will end at once */
};

struct control_http {
    struct control_subject subject;
    pthread_mutex_t lock; /* of the places' is_taken; any worker takes one */
    atomic_bool is_stopping;
    struct place places[CONTROL_HTTP_CALLS_MAX];
};

struct job {
    struct control_http *control;
    struct place *place;
    struct control_subject subject;
    struct s3_request *request;
    json_t *call, *items;
    uint64_t left_out;
    char *text; /* the answer; NULL: no memory */
    int status;
    struct core_turn turn;
};

/* ---- On the job's thread ---- */

static int on_item(void *ctx, json_t *item)
{
    struct job *job = ctx;

    if (json_array_size(job->items) >= CONTROL_HTTP_ITEMS_MAX) {
        job->left_out++;
        json_decref(item);
        return 0;
    }
    return json_array_append_new(job->items, item) == 0 ? 0 : -ENOMEM;
}

static bool is_gone(void *ctx)
{
    const struct job *job = ctx;

    return atomic_load(&job->control->is_stopping);
}

static int status_of(const json_t *answer)
{
    if (json_is_true(json_object_get(answer, "ok")))
        return 200;
    switch (json_integer_value(json_object_get(answer, "code"))) {
    case -EINVAL:
    case -EBADMSG:
    case -ENOSYS:
    case -EOPNOTSUPP:
        return 400;
    case -ENOENT:
        return 404;
    case -EEXIST:
    case -EALREADY:
        return 409;
    case -ECANCELED:
        return 503;
    default:
        return 500;
    }
}

static int add_items(const struct job *job, json_t *answer)
{
    if (json_array_size(job->items) > 0 && json_object_set(answer, "items", job->items) != 0)
        return -ENOMEM;
    if (job->left_out > 0 &&
        json_object_set_new(answer, "items_left_out", json_integer((json_int_t)job->left_out)) != 0)
        return -ENOMEM;
    return 0;
}

static void *run(void *ctx)
{
    struct job *job = ctx;
    struct place *place = job->place;
    const struct control_asker asker = {.item = on_item, .is_gone = is_gone, .ctx = job, .name = "by HTTP"};
    json_t *answer = control_call(&job->subject, job->call, &asker);

    if (answer != NULL && add_items(job, answer) == 0) {
        job->status = status_of(answer);
        job->text = json_dumps(answer, JSON_COMPACT);
    }
    json_decref(answer);
    core_turn_end(&job->turn); /* the job is the worker's now */
    atomic_store(&place->is_over, true);
    return NULL;
}

/* ---- On the worker's thread ---- */

static void job_free(struct job *job)
{
    json_decref(job->call);
    json_decref(job->items);
    if (job->text != NULL)
        explicit_bzero(job->text, strlen(job->text)); /* it may hold a new secret */
    free(job->text);
    free(job);
}

static void answer(struct core_turn *turn)
{
    struct job *job = (struct job *)((char *)turn - offsetof(struct job, turn));
    struct s3_request *request = job->request;

    if (job->text == NULL) {
        s3_answer_error(request, S3_ERROR_INTERNAL_ERROR);
    } else {
        request->http->answer.status = job->status;
        s3_answer_header(request, "content-type", LITERAL("application/json"));
        s3_answer_header(request, "cache-control", LITERAL("no-store"));
        http_send_memory(request->http, job->text, strlen(job->text));
    }
    job_free(job);
}

/* With the lock. NULL: all are taken, or it is too late. */
static struct place *find_place(struct control_http *control)
{
    struct place *found = NULL;

    for (unsigned i = 0; i < CONTROL_HTTP_CALLS_MAX; i++) {
        struct place *place = &control->places[i];

        if (place->is_taken && atomic_load(&place->is_over)) {
            pthread_join(place->thread, NULL); /* it has nothing left to do */
            place->is_taken = false;
        }
        if (!place->is_taken)
            found = place;
    }
    return atomic_load(&control->is_stopping) ? NULL : found;
}

/* 0: the job is on its way. */
static int job_start(struct job *job)
{
    struct control_http *control = job->control;
    int err = -EAGAIN;

    pthread_mutex_lock(&control->lock);
    job->place = find_place(control);
    if (job->place != NULL) {
        core_turn_begin(job->request->worker, &job->turn);
        atomic_store(&job->place->is_over, false);
        err = thread_start(&job->place->thread, "sluice-call", run, job);
        job->place->is_taken = err == 0;
        if (err != 0)
            core_turn_cancel(&job->turn);
    }
    pthread_mutex_unlock(&control->lock);
    return err;
}

static void on_document(struct s3_request *request, struct slice body, void *ctx)
{
    struct control_http *control = ctx;
    json_t *call = json_loadb(body.base, body.len, JSON_REJECT_DUPLICATES, NULL);
    struct job *job = json_is_object(call) ? calloc(1, sizeof(*job)) : NULL;
    bool is_call = json_is_object(call);

    if (job == NULL) {
        json_decref(call);
        s3_answer_error_message(request, is_call ? S3_ERROR_INTERNAL_ERROR : S3_ERROR_INVALID_REQUEST,
                                is_call ? "There is no memory for it." : "The body must be one JSON object.");
        return;
    }
    *job = (struct job){.control = control,
                        .request = request,
                        .call = call,
                        .items = json_array(),
                        .subject = control->subject};
    job->subject.service = request->service;
    job->subject.http = http_worker_server(http_request_worker(request->http));
    job->turn.next = answer;
    if (job_start(job) == 0)
        return;
    job_free(job);
    s3_answer_error(request, S3_ERROR_SLOW_DOWN);
}

void control_http_handle(void *ctx, struct s3_request *request)
{
    if (request->method != S3_POST)
        s3_answer_error(request, S3_ERROR_METHOD_NOT_ALLOWED);
    else
        s3_document_collect(request, CONTROL_LINE_BYTES_MAX, on_document, ctx);
}

/* ---- Creation, end ---- */

int control_http_create(struct control_http **out, const struct control_subject *subject)
{
    struct control_http *control = calloc(1, sizeof(*control));

    if (control == NULL)
        return -ENOMEM;
    control->subject = *subject;
    pthread_mutex_init(&control->lock, NULL);
    *out = control;
    return 0;
}

void control_http_stop(struct control_http *control)
{
    const struct timespec pause = {.tv_nsec = INTERRUPT_PAUSE_MS * 1000000L};

    if (control == NULL)
        return;
    pthread_mutex_lock(&control->lock); /* who has a place now is seen below; nobody gets one after */
    atomic_store(&control->is_stopping, true);
    pthread_mutex_unlock(&control->lock);
    for (unsigned i = 0; i < CONTROL_HTTP_CALLS_MAX; i++) {
        struct place *place = &control->places[i];

        if (!place->is_taken)
            continue;
        while (!atomic_load(&place->is_over)) {
            core_check_interrupt(control->subject.core);
            (void)nanosleep(&pause, NULL);
        }
        pthread_join(place->thread, NULL);
        place->is_taken = false;
    }
}

void control_http_destroy(struct control_http *control)
{
    if (control == NULL)
        return;
    pthread_mutex_destroy(&control->lock);
    free(control);
}
