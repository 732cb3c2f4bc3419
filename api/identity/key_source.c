/* SPDX-License-Identifier: MIT
 *
 * See key_source.h. One thread reads one source after the other, when its time has come; under the lock stands only what it found. */
#include "api/identity/key_source.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/identity/fetch.h"
#include "storage/base/clock.h"
#include "storage/base/io.h"
#include "storage/base/thread.h"

#define SECOND_MS    1000ull
#define PAUSE_MS_MAX (3600 * SECOND_MS) /* it looks again then */
#define NEVER        UINT64_MAX

struct key_source {
    struct key_sources *owner;
    struct key_source *next;
    char *location;
    bool is_url;

    /* Under the owner's lock. */
    unsigned references;
    struct jwk_set *keys; /* NULL: none yet */
    uint64_t due_ms;      /* when it is read next */
    uint64_t asked_ms;    /* when somebody last made it read; 0: never */
    bool is_awaited;      /* what was asked for has not been read yet */
    bool is_failing;      /* and the log knows */

    /* The thread's. */
    struct stat seen; /* of a file, when it was read */
};

struct key_sources {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool is_running, is_stopping;
    struct key_source *list;
    unsigned count;
    log_fn log;
    void *log_ctx;
};

static void say(const struct key_sources *sources, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void say(const struct key_sources *sources, enum log_level level, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_say(sources->log, sources->log_ctx, level, format, arguments);
    va_end(arguments);
}

/* ---- Reading ---- */

static int parse(const char *text, size_t length, struct jwk_set **keys, char reason[FETCH_REASON_BYTES])
{
    int err = jwk_set_parse(slice_of(text, length), keys);

    if (err == -EBADMSG)
        (void)snprintf(reason, FETCH_REASON_BYTES, "it is no JWK set with keys for signatures");
    else if (err != 0)
        (void)snprintf(reason, FETCH_REASON_BYTES, "%s",
                       err == -E2BIG ? "it has too many keys" : strerror(-err));
    return err;
}

static int read_url(const struct key_source *source, struct jwk_set **keys, char reason[FETCH_REASON_BYTES])
{
    struct fetch_result result;
    int err = fetch_document(source->location, JWK_SET_BYTES_MAX, &result);

    if (err == 0)
        err = parse(result.body, result.length, keys, reason);
    else
        memcpy(reason, result.reason, FETCH_REASON_BYTES);
    free(result.body);
    return err;
}

static int read_descriptor(int fd, struct jwk_set **keys, char reason[FETCH_REASON_BYTES])
{
    char *text = malloc(JWK_SET_BYTES_MAX + 1); /* one more than there may be */
    ssize_t length;
    int err;

    if (text == NULL)
        return -ENOMEM;
    length = read_up_to(fd, text, JWK_SET_BYTES_MAX + 1, 0);
    err = length < 0 ? (int)length : parse(text, (size_t)length, keys, reason);
    free(text);
    return err;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* *keys NULL after 0: it has not changed. */
static int read_file(struct key_source *source, struct jwk_set **keys, char reason[FETCH_REASON_BYTES])
{
    struct stat now;
    int fd = io_open(AT_FDCWD, source->location, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err = 0;

    if (fd < 0 || fstat(fd, &now) != 0)
        err = -errno;
    else if (!is_same_file(&now, &source->seen) && (err = read_descriptor(fd, keys, reason)) == 0)
        source->seen = now;
    if (fd >= 0)
        close(fd);
    if (err != 0 && reason[0] == '\0')
        (void)snprintf(reason, FETCH_REASON_BYTES, "%s", strerror(-err));
    return err;
}

static uint64_t pause_after(const struct key_source *source, int err)
{
    if (!source->is_url)
        return KEY_SOURCE_LOOK_SECONDS * SECOND_MS;
    return (err == 0 ? KEY_SOURCE_READ_SECONDS : KEY_SOURCE_RETRY_SECONDS) * SECOND_MS;
}

/* With the lock, which is not held while it reads. The caller has a reference. */
static void read_source(struct key_source *source)
{
    struct key_sources *owner = source->owner;
    struct jwk_set *keys = NULL, *old = NULL;
    char reason[FETCH_REASON_BYTES] = "";
    bool was_failing = source->is_failing;
    int err;

    pthread_mutex_unlock(&owner->lock);
    err = source->is_url ? read_url(source, &keys, reason) : read_file(source, &keys, reason);
    pthread_mutex_lock(&owner->lock);
    if (keys != NULL) {
        old = source->keys;
        source->keys = keys;
    }
    source->due_ms = clock_monotonic_ms() + pause_after(source, err);
    source->is_awaited = false;
    source->is_failing = err != 0;
    pthread_mutex_unlock(&owner->lock);
    if (err != 0 && !was_failing)
        say(owner, LOG_LEVEL_WARNING, "the keys of %s cannot be read: %s", source->location, reason);
    else if (keys != NULL)
        say(owner, LOG_LEVEL_INFO, "%u keys of %s were read", keys->count, source->location);
    jwk_set_unref(old);
    pthread_mutex_lock(&owner->lock);
}

/* ---- The thread ---- */

static struct key_source *earliest(const struct key_sources *sources)
{
    struct key_source *first = sources->list;

    for (struct key_source *source = first; source != NULL; source = source->next) {
        if (source->due_ms < first->due_ms)
            first = source;
    }
    return first;
}

static void drop(struct key_source *source)
{
    struct key_sources *owner = source->owner;
    struct key_source **link = &owner->list;

    assert(source->references > 0);
    if (--source->references > 0)
        return;
    while (*link != source)
        link = &(*link)->next;
    *link = source->next;
    owner->count--;
    jwk_set_unref(source->keys);
    free(source->location);
    free(source);
}

static void *run(void *arg)
{
    struct key_sources *sources = arg;

    pthread_mutex_lock(&sources->lock);
    while (!sources->is_stopping) {
        struct key_source *source = earliest(sources);
        uint64_t now_ms = clock_monotonic_ms();

        if (source == NULL) {
            pthread_cond_wait(&sources->changed, &sources->lock);
        } else if (source->due_ms > now_ms) {
            uint64_t pause_ms = source->due_ms - now_ms;
            struct timespec until = clock_monotonic_in(pause_ms < PAUSE_MS_MAX ? pause_ms : PAUSE_MS_MAX);

            pthread_cond_timedwait(&sources->changed, &sources->lock, &until);
        } else {
            source->references++;
            read_source(source);
            drop(source);
        }
    }
    pthread_mutex_unlock(&sources->lock);
    return NULL;
}

int key_sources_create(struct key_sources **sources, log_fn log, void *log_ctx)
{
    struct key_sources *made = calloc(1, sizeof(*made));

    if ((*sources = made) == NULL)
        return -ENOMEM;
    pthread_mutex_init(&made->lock, NULL);
    thread_condition_init(&made->changed);
    made->log = log;
    made->log_ctx = log_ctx;
    return 0;
}

void key_sources_destroy(struct key_sources *sources)
{
    if (sources == NULL)
        return;
    pthread_mutex_lock(&sources->lock);
    sources->is_stopping = true;
    pthread_cond_signal(&sources->changed);
    pthread_mutex_unlock(&sources->lock);
    if (sources->is_running)
        thread_join(sources->thread);
    assert(sources->list == NULL);
    pthread_cond_destroy(&sources->changed);
    pthread_mutex_destroy(&sources->lock);
    free(sources);
}

/* ---- Sources ---- */

static struct key_source *find(const struct key_sources *sources, const char *location)
{
    for (struct key_source *source = sources->list; source != NULL; source = source->next) {
        if (strcmp(source->location, location) == 0)
            return source;
    }
    return NULL;
}

static struct key_source *make(struct key_sources *sources, const char *location)
{
    struct key_source *source = calloc(1, sizeof(*source));

    if (source == NULL || (source->location = strdup(location)) == NULL) {
        free(source);
        return NULL;
    }
    source->owner = sources;
    source->is_url = fetch_url_is_allowed(slice_text(location));
    source->due_ms =
        source->is_url ? 0 : NEVER; /* a file is read at once, before anybody else sees the source */
    source->is_awaited = true;
    source->references = 1;
    source->next = sources->list;
    sources->list = source;
    sources->count++;
    return source;
}

static bool start_thread(struct key_sources *sources)
{
    if (!sources->is_running)
        sources->is_running = thread_start(&sources->thread, "keys", run, sources) == 0;
    return sources->is_running;
}

struct key_source *key_source_use(struct key_sources *sources, const char *location)
{
    struct key_source *source;

    pthread_mutex_lock(&sources->lock);
    if ((source = find(sources, location)) != NULL) {
        source->references++;
    } else if (start_thread(sources) && sources->count < KEY_SOURCES_MAX) {
        if ((source = make(sources, location)) != NULL && !source->is_url)
            read_source(source);
        pthread_cond_signal(&sources->changed);
    }
    pthread_mutex_unlock(&sources->lock);
    return source;
}

void key_source_release(struct key_source *source)
{
    struct key_sources *owner;

    if (source == NULL)
        return;
    owner = source->owner;
    pthread_mutex_lock(&owner->lock);
    drop(source);
    pthread_mutex_unlock(&owner->lock);
}

struct jwk_set *key_source_keys(struct key_source *source)
{
    struct jwk_set *keys;

    pthread_mutex_lock(&source->owner->lock);
    keys = source->keys != NULL ? jwk_set_ref(source->keys) : NULL;
    pthread_mutex_unlock(&source->owner->lock);
    return keys;
}

bool key_source_want_newer(struct key_source *source)
{
    uint64_t now_ms = clock_monotonic_ms();
    bool is_awaited;

    pthread_mutex_lock(&source->owner->lock);
    if (!source->is_awaited &&
        (source->asked_ms == 0 || now_ms - source->asked_ms >= KEY_SOURCE_ASKED_SECONDS * SECOND_MS)) {
        source->asked_ms = now_ms;
        source->is_awaited = true;
        source->due_ms = now_ms;
        pthread_cond_signal(&source->owner->changed);
    }
    is_awaited = source->is_awaited;
    pthread_mutex_unlock(&source->owner->lock);
    return is_awaited;
}
