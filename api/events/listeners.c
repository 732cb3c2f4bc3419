/* SPDX-License-Identifier: MIT
 *
 * See listeners.h. The committer's thread makes the text once for all who hear of an event; one thread of their own sees to pings, while
 * there are listeners. */
#include "api/events/listeners.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/events/event_json.h"
#include "storage/base/clock.h"
#include "storage/base/thread.h"

#define TICK_MS 500u

/* What has happened, shared by all that have not taken it yet. */
struct text {
    unsigned references; /* under the lock */
    size_t length;
    char bytes[];
};

struct entry {
    struct entry *next;
    struct text *text;
};

struct listener {
    struct listeners *owner;
    struct listener *next;
    struct listener_options options; /* prefix and suffix lie behind the struct */
    struct core_turn turn;
    /* Under the lock. */
    struct entry *first, **end;
    size_t bytes;
    uint64_t ping_ms; /* when one is due */
    bool is_waiting;  /* the turn has begun, and is to be ended */
    bool is_posted;   /* the turn was ended, and has not come */
    bool is_cut_off, is_finished;
};

struct listeners {
    struct core *core;
    const char *region, *host_id;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* of CLOCK_MONOTONIC */
    struct listener *list;
    unsigned count;
    uint64_t cut_off;
    bool is_ending, is_ticking, is_stopping;
    pthread_t ticker;
};

/* ---- Texts ---- */

static void text_unref(struct text *text)
{
    if (--text->references == 0)
        free(text);
}

/* {"Records":[...]}, as MinIO sends it. */
static struct text *text_make(const struct listeners *listeners, const struct meta_event *event)
{
    static const char head[] = "{\"Records\":[", tail[] = "]}\n";
    char *json = events_json(event, listeners->region, listeners->host_id, EVENTS_FORM_MINIO);
    size_t length = json != NULL ? strlen(json) : 0;
    struct text *text = json != NULL ? malloc(sizeof(*text) + sizeof(head) + length + sizeof(tail)) : NULL;

    if (text != NULL) {
        text->references = 1; /* the caller's */
        char *at = mempcpy(text->bytes, head, sizeof(head) - 1);
        at = mempcpy(at, json, length);
        at = mempcpy(at, tail, sizeof(tail) - 1);
        text->length = (size_t)(at - text->bytes);
    }
    free(json);
    return text;
}

/* ---- Waking: with the lock ---- */

static void wake(struct listener *listener)
{
    if (!listener->is_waiting)
        return;
    listener->is_waiting = false;
    listener->is_posted = true;
    core_turn_end(&listener->turn);
}

static bool has_something(const struct listener *listener)
{
    return listener->first != NULL || listener->is_cut_off || listener->owner->is_ending ||
           listener->ping_ms <= clock_monotonic_ms();
}

static void queue_drop(struct listener *listener)
{
    for (struct entry *entry = listener->first, *next; entry != NULL; entry = next) {
        next = entry->next;
        text_unref(entry->text);
        free(entry);
    }
    listener->first = NULL;
    listener->end = &listener->first;
    listener->bytes = 0;
}

static void cut_off(struct listener *listener)
{
    queue_drop(listener);
    if (!listener->is_cut_off)
        listener->owner->cut_off++;
    listener->is_cut_off = true;
    wake(listener);
}

static void queue_add(struct listener *listener, struct text *text)
{
    struct entry *entry = NULL;

    if (listener->bytes + text->length > EVENTS_LISTENER_BYTES_MAX ||
        (entry = malloc(sizeof(*entry))) == NULL) {
        cut_off(listener);
        return;
    }
    *entry = (struct entry){.text = text};
    text->references++;
    *listener->end = entry;
    listener->end = &entry->next;
    listener->bytes += text->length;
    wake(listener);
}

/* ---- What happens ---- */

static bool is_for(const struct listener *listener, const struct meta_event *event)
{
    const struct listener_options *options = &listener->options;

    return !listener->is_cut_off && (options->bucket == 0 || options->bucket == event->bucket) &&
           meta_outbox_matches(options->events, options->prefix, options->suffix, event->kind, event->key);
}

void listeners_hear(void *ctx, const struct meta_news *news)
{
    struct listeners *listeners = ctx;

    pthread_mutex_lock(&listeners->lock);
    for (const struct meta_news_event *at = news->events; at != NULL; at = at->next) {
        struct text *text = NULL;
        for (struct listener *listener = listeners->list; listener != NULL; listener = listener->next) {
            if (!is_for(listener, &at->event))
                continue;
            if (text == NULL && (text = text_make(listeners, &at->event)) == NULL)
                cut_off(listener); /* rather than leave something out */
            else
                queue_add(listener, text);
        }
        if (text != NULL)
            text_unref(text);
    }
    pthread_mutex_unlock(&listeners->lock);
}

/* ---- The thread of pings ---- */

static void *tick(void *arg)
{
    struct listeners *listeners = arg;

    pthread_mutex_lock(&listeners->lock);
    while (!listeners->is_stopping) {
        const struct timespec until = clock_monotonic_in(TICK_MS);
        for (struct listener *listener = listeners->list; listener != NULL; listener = listener->next)
            if (has_something(listener))
                wake(listener);
        if (listeners->list == NULL)
            pthread_cond_wait(&listeners->changed, &listeners->lock);
        else
            (void)pthread_cond_timedwait(&listeners->changed, &listeners->lock, &until);
    }
    pthread_mutex_unlock(&listeners->lock);
    return NULL;
}

/* ---- A listener ---- */

static struct listener *listener_make(struct listeners *listeners, const struct listener_options *options)
{
    struct listener *listener = malloc(sizeof(*listener) + options->prefix.len + options->suffix.len);
    char *texts = (char *)(listener + 1);

    if (listener == NULL)
        return NULL;
    *listener = (struct listener){.owner = listeners, .options = *options};
    (void)slice_copy(slice_copy(texts, options->prefix), options->suffix);
    listener->options.prefix.base = texts;
    listener->options.suffix.base = texts + options->prefix.len;
    listener->end = &listener->first;
    listener->ping_ms = clock_monotonic_ms() + 1000ull * options->ping_s;
    return listener;
}

static int admit(struct listeners *listeners)
{
    int err = 0;

    if (listeners->is_ending)
        return -ESHUTDOWN;
    if (listeners->count >= EVENTS_LISTENERS_MAX)
        return -EBUSY;
    if (!listeners->is_ticking && (err = thread_start(&listeners->ticker, "listen", tick, listeners)) == 0)
        listeners->is_ticking = true;
    return err;
}

int listener_begin(struct listener **out, struct listeners *listeners, const struct listener_options *options)
{
    struct listener *listener = listener_make(listeners, options);
    int err;

    if (listener == NULL)
        return -ENOMEM;
    pthread_mutex_lock(&listeners->lock);
    if ((err = admit(listeners)) == 0) {
        listener->next = listeners->list;
        listeners->list = listener;
        if (listeners->count++ == 0)
            core_listen(listeners->core, true);
        pthread_cond_signal(&listeners->changed);
    }
    pthread_mutex_unlock(&listeners->lock);
    if (err != 0) {
        free(listener);
        return err;
    }
    *out = listener;
    return 0;
}

static void listener_free(struct listener *listener)
{
    queue_drop(listener);
    free(listener);
}

static void on_turn(struct core_turn *turn)
{
    struct listener *listener = (struct listener *)((char *)turn - offsetof(struct listener, turn));
    struct listeners *listeners = listener->owner;

    pthread_mutex_lock(&listeners->lock);
    listener->is_posted = false;
    bool is_finished = listener->is_finished;
    if (is_finished)
        listener_free(listener);
    pthread_mutex_unlock(&listeners->lock);
    if (!is_finished)
        listener->options.on_ready(listener->options.ctx);
}

void listener_wait(struct listener *listener)
{
    struct listeners *listeners = listener->owner;

    pthread_mutex_lock(&listeners->lock);
    assert(!listener->is_waiting && !listener->is_posted);
    listener->turn.next = on_turn;
    core_turn_begin(listener->options.worker, &listener->turn);
    listener->is_waiting = true;
    if (has_something(listener))
        wake(listener);
    pthread_mutex_unlock(&listeners->lock);
}

char *listener_take(struct listener *listener, size_t *length, int *result)
{
    struct listeners *listeners = listener->owner;
    uint64_t now_ms = clock_monotonic_ms();
    struct entry *entry;
    char *line = NULL;

    *result = -EAGAIN;
    *length = 0;
    pthread_mutex_lock(&listeners->lock);
    if ((entry = listener->first) != NULL) {
        if ((line = malloc(entry->text->length)) == NULL) {
            *result = -ENOMEM;
        } else {
            memcpy(line, entry->text->bytes, entry->text->length);
            *length = entry->text->length;
            listener->bytes -= entry->text->length;
            if ((listener->first = entry->next) == NULL)
                listener->end = &listener->first;
            text_unref(entry->text);
            free(entry);
        }
    } else if (listener->is_cut_off) {
        *result = -EOVERFLOW;
    } else if (listeners->is_ending) {
        *result = -ESHUTDOWN;
    } else if (listener->ping_ms <= now_ms && (line = strdup("")) == NULL) {
        *result = -ENOMEM;
    }
    if (line != NULL)
        listener->ping_ms = now_ms + 1000ull * listener->options.ping_s;
    pthread_mutex_unlock(&listeners->lock);
    return line;
}

void listener_finish(struct listener *listener)
{
    struct listeners *listeners = listener->owner;
    struct listener **link = &listeners->list;

    pthread_mutex_lock(&listeners->lock);
    while (*link != listener)
        link = &(*link)->next;
    *link = listener->next;
    if (--listeners->count == 0)
        core_listen(listeners->core, false);
    if (listener->is_waiting)
        core_turn_cancel(&listener->turn);
    listener->is_waiting = false;
    listener->is_finished = true;
    if (!listener->is_posted) /* else its turn comes still */
        listener_free(listener);
    pthread_mutex_unlock(&listeners->lock);
}

/* ---- All of them ---- */

int listeners_create(struct listeners **out, struct core *core, const char *region, const char *host_id)
{
    struct listeners *listeners = calloc(1, sizeof(*listeners));

    if (listeners == NULL)
        return -ENOMEM;
    listeners->core = core;
    listeners->region = region;
    listeners->host_id = host_id;
    pthread_mutex_init(&listeners->lock, NULL);
    thread_condition_init(&listeners->changed);
    *out = listeners;
    return 0;
}

void listeners_end(struct listeners *listeners)
{
    pthread_mutex_lock(&listeners->lock);
    listeners->is_ending = true;
    for (struct listener *listener = listeners->list; listener != NULL; listener = listener->next)
        wake(listener);
    pthread_mutex_unlock(&listeners->lock);
}

void listeners_destroy(struct listeners *listeners)
{
    if (listeners == NULL)
        return;
    pthread_mutex_lock(&listeners->lock);
    assert(listeners->list == NULL);
    listeners->is_stopping = true;
    bool is_ticking = listeners->is_ticking;
    pthread_cond_signal(&listeners->changed);
    pthread_mutex_unlock(&listeners->lock);
    if (is_ticking)
        thread_join(listeners->ticker);
    pthread_cond_destroy(&listeners->changed);
    pthread_mutex_destroy(&listeners->lock);
    free(listeners);
}

void listeners_count(struct listeners *listeners, unsigned *count, uint64_t *cut_off_count)
{
    pthread_mutex_lock(&listeners->lock);
    *count = listeners->count;
    *cut_off_count = listeners->cut_off;
    pthread_mutex_unlock(&listeners->lock);
}
