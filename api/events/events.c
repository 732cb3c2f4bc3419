/* SPDX-License-Identifier: MIT
 *
 * See events.h. */
#include "api/events/events.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/events/delivery.h"

struct events {
    struct events_options options;
    char *region, *host_id, *targets_path;
    struct listeners *listeners;
    pthread_mutex_t lock;           /* for all below; the committer takes it, too, and only for a moment */
    struct events_targets *targets; /* NULL: there are none */
    struct events_figures *figures; /* one for each */
    struct delivery *delivery;      /* NULL: there is nothing to deliver to */
};

static void say(const struct events *events, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void say(const struct events *events, enum log_level level, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_say(events->options.log, events->options.log_ctx, level, format, arguments);
    va_end(arguments);
}

/* ---- What was committed ---- */

/* NULL: it is no target of the file. With the lock. */
static struct events_figures *figures_find(const struct events *events, struct slice name)
{
    for (unsigned i = 0; events->targets != NULL && i < events->targets->count; i++)
        if (name.len > 0 && slice_is(slice_from(name, 1), events->figures[i].name))
            return &events->figures[i];
    return NULL;
}

static void drops_note(struct events *events, const struct meta_news_drop *drop)
{
    struct events_figures *figures = figures_find(events, drop->target);
    uint64_t before = figures != NULL ? atomic_fetch_add(&figures->dropped, drop->count) : 1;

    if (before == 0)
        say(events, LOG_LEVEL_ERROR,
            "events: more than %u wait for target %s: the oldest give way; sluice_events_dropped_total "
            "counts "
            "them",
            META_OUTBOX_ROWS_MAX, figures->name);
}

static void hear(void *ctx, const struct meta_news *news)
{
    struct events *events = ctx;

    if (news->events != NULL)
        listeners_hear(events->listeners, news);
    if (!news->has_rows && news->drops == NULL)
        return;
    pthread_mutex_lock(&events->lock);
    for (const struct meta_news_drop *drop = news->drops; drop != NULL; drop = drop->next)
        drops_note(events, drop);
    if (events->delivery != NULL)
        delivery_wake(events->delivery);
    pthread_mutex_unlock(&events->lock);
}

/* ---- Targets ---- */

static int figures_make(struct events_figures **out, const struct events_targets *targets)
{
    struct events_figures *figures = calloc(targets->count + 1, sizeof(*figures));

    if (figures == NULL)
        return -ENOMEM;
    for (unsigned i = 0; i < targets->count; i++)
        memcpy(figures[i].name, targets->list[i].name, sizeof(figures[i].name));
    *out = figures;
    return 0;
}

static int begin(struct events *events, struct delivery **delivery, struct events_targets *targets,
                 struct events_figures *figures)
{
    const struct delivery_options options = {
        .core = events->options.core,
        .targets = targets,
        .figures = figures,
        .region = events->region,
        .host_id = events->host_id,
        .log = events->options.log,
        .log_ctx = events->options.log_ctx,
    };
    int err = targets->count > 0 && !core_is_read_only(events->options.core)
                  ? delivery_start(delivery, &options)
                  : 0;

    if (err == -ENOSYS)
        say(events, LOG_LEVEL_ERROR, "events cannot be delivered: libcurl is not installed");
    else if (err != 0)
        say(events, LOG_LEVEL_ERROR, "events cannot be delivered: %s", strerror(-err));
    return err;
}

int events_prepare(const struct events *events, struct events_targets **targets)
{
    const struct target_source source = {
        .path = events->targets_path, .log = events->options.log, .log_ctx = events->options.log_ctx};

    *targets = NULL;
    return source.path != NULL ? events_targets_read(targets, &source) : 0;
}

int events_apply(struct events *events, struct events_targets *targets)
{
    struct events_figures *figures = NULL;
    struct delivery *delivery;
    int err;

    if (targets == NULL)
        return 0;
    if ((err = figures_make(&figures, targets)) != 0) {
        events_targets_unref(targets);
        return err;
    }
    pthread_mutex_lock(&events->lock);
    delivery = events->delivery;
    events->delivery = NULL;
    pthread_mutex_unlock(&events->lock);
    delivery_stop(delivery); /* two at a time would deliver everything twice */
    delivery = NULL;
    err = begin(events, &delivery, targets, figures);
    pthread_mutex_lock(&events->lock);
    struct events_targets *old_targets = events->targets;
    struct events_figures *old_figures = events->figures;
    events->targets = targets;
    events->figures = figures;
    events->delivery = delivery;
    pthread_mutex_unlock(&events->lock);
    events_targets_unref(old_targets);
    free(old_figures);
    return err;
}

bool events_may_use(struct events *events, struct slice target, struct slice bucket, struct slice user)
{
    bool may = false;

    pthread_mutex_lock(&events->lock);
    if (events->targets != NULL) {
        const struct events_target *found = events_targets_find(events->targets, target);
        may = found != NULL && events_patterns_match(&found->buckets, bucket) &&
              events_patterns_match(&found->users, user);
    }
    pthread_mutex_unlock(&events->lock);
    return may;
}

void events_visit(struct events *events, void (*visit)(void *ctx, const struct events_figures *figures),
                  void *ctx)
{
    pthread_mutex_lock(&events->lock);
    for (unsigned i = 0; events->targets != NULL && i < events->targets->count; i++)
        visit(ctx, &events->figures[i]);
    pthread_mutex_unlock(&events->lock);
}

struct listeners *events_listeners(struct events *events)
{
    return events->listeners;
}

/* ---- Life ---- */

static void events_free(struct events *events)
{
    events_targets_unref(events->targets);
    free(events->figures);
    listeners_destroy(events->listeners);
    pthread_mutex_destroy(&events->lock);
    free(events->targets_path);
    free(events->region);
    free(events->host_id);
    free(events);
}

int events_create(struct events **out, const struct events_options *options)
{
    struct events *events = calloc(1, sizeof(*events));
    int err = 0;

    if (events == NULL)
        return -ENOMEM;
    events->options = *options;
    pthread_mutex_init(&events->lock, NULL);
    if (options->targets_path != NULL && (events->targets_path = strdup(options->targets_path)) == NULL)
        err = -ENOMEM;
    if (err == 0)
        err = events_prepare(events, &events->targets);
    if (err == 0 && events->targets != NULL)
        err = figures_make(&events->figures, events->targets);
    if (err != 0) {
        events_free(events);
        return err;
    }
    *out = events;
    return 0;
}

int events_start(struct events *events, const char *region, const char *host_id)
{
    int err;

    if ((events->region = strdup(region)) == NULL || (events->host_id = strdup(host_id)) == NULL)
        return -ENOMEM;
    if ((err = listeners_create(&events->listeners, events->options.core, events->region, events->host_id)) !=
            0 ||
        (events->targets != NULL &&
         (err = begin(events, &events->delivery, events->targets, events->figures)) != 0))
        return err;
    if ((err = core_news_follow(events->options.core, hear, events)) != 0)
        return err;
    if (events->delivery != NULL)
        delivery_wake(events->delivery); /* what was committed in between */
    return 0;
}

void events_end_listening(struct events *events)
{
    if (events != NULL && events->listeners != NULL)
        listeners_end(events->listeners);
}

void events_destroy(struct events *events)
{
    if (events == NULL)
        return;
    if (events->listeners != NULL)
        (void)core_news_follow(events->options.core, NULL, events);
    delivery_stop(events->delivery);
    events_free(events);
}
