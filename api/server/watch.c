/* SPDX-License-Identifier: MIT
 *
 * The folder is watched, not the file: an editor, `sluice user` and a Kubernetes secret all put a new file (or
 * a new link) in the old one's place. Where a symbolic link is on the way, its folder is watched as well, and so is the
 * one it leads to: certbot's links are replaced, what an administrator links to is renamed over. Whether an event concerns
 * the file, its status tells.
 *
 * Each plain folder on the way is watched for itself alone, that is for being moved or deleted, and not for its entries, for there
 * may be thousands a second of no concern. When it is gone, the folder it was in is watched for another to take its place.
 *
 * A file that was just made is looked at when it is closed, not before; but a link is whole as soon as it is there. The kernel
 * tells of both in the same way, so what tells them apart is that the path leads elsewhere now.
 *
 * Mode and owner count, too: a file that others may read is refused, and `cp` gives a file its mode when it is whole. */
#include "api/server/watch.h"
#include "api/server/watch_way.h"
#include "storage/base/thread.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETTLE_MS 300

/* A way with more links on it is none: the kernel follows no more either. */
#define DECIDING_MAX (WATCH_WAY_LINKS_MAX + 1)
/* Deeper ones are not watched for being moved or deleted. */
#define PASSED_MAX  64u
#define FOLDERS_MAX (DECIDING_MAX + PASSED_MAX)

#define EVENTS_ENTRIES (IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ATTRIB)
#define EVENTS_ITSELF  (IN_MOVE_SELF | IN_DELETE_SELF)
/* What was written is closed, or has its name by a rename; or events were lost, and anything may have happened. */
#define EVENTS_WHOLE (IN_CLOSE_WRITE | IN_MOVED_TO | IN_Q_OVERFLOW)

struct folders {
    int watches[FOLDERS_MAX];
    unsigned count;
};

struct file_watch {
    char *path;
    void (*changed)(void *ctx);
    void *ctx;
    int events, stop; /* an inotify and an event descriptor */
    struct folders folders;
    char end[PATH_MAX]; /* where path led to when there was a file */
    struct stat seen;
    pthread_t thread;
    bool is_running;
};

/* ---- The way ---- */

static bool folders_have(const struct folders *folders, int watch)
{
    for (unsigned i = 0; i < folders->count; i++)
        if (folders->watches[i] == watch)
            return true;
    return false;
}

struct survey {
    struct file_watch *watch;
    struct folders folders;
    unsigned passed, deciding; /* visits so far, of folders that are watched */
    int result;                /* of the last deciding folder that cannot be watched */
};

static void watch_folder(void *ctx, const char *folder, bool decides)
{
    struct survey *survey = ctx;
    unsigned *visits = decides ? &survey->deciding : &survey->passed;

    if (*visits == (decides ? DECIDING_MAX : PASSED_MAX))
        return;
    /* Adds, for the way may come through a folder twice. One that decided once goes on telling of its entries
     * for as long as it is on the way. */
    int watch = inotify_add_watch(survey->watch->events, folder,
                                  (decides ? EVENTS_ENTRIES : EVENTS_ITSELF) | IN_MASK_ADD);
    if (watch < 0) {
        if (decides)
            survey->result = -errno;
        return; /* one that may be passed but not read is not watched */
    }
    ++*visits;
    if (!folders_have(&survey->folders, watch))
        survey->folders.watches[survey->folders.count++] = watch;
}

/* Watches the folders on the way, and those alone. end: where it leads to. is_new: whether one was not watched
 * before. 0 or an errno. */
static int survey_way(struct file_watch *watch, char *end, bool *is_new)
{
    struct survey survey = {.watch = watch};
    int result = watch_way_walk(watch->path, watch_folder, &survey, end);

    *is_new = false;
    if (survey.deciding == 0)
        return result != 0 ? result : survey.result;
    for (unsigned i = 0; i < watch->folders.count; i++)
        if (!folders_have(&survey.folders, watch->folders.watches[i]))
            (void)inotify_rm_watch(watch->events,
                                   watch->folders.watches[i]); /* fails if the folder is gone */
    for (unsigned i = 0; i < survey.folders.count; i++)
        *is_new |= !folders_have(&watch->folders, survey.folders.watches[i]);
    watch->folders = survey.folders;
    return result;
}

static bool is_same_content(const struct stat *now, const struct stat *seen)
{
    return now->st_dev == seen->st_dev && now->st_ino == seen->st_ino && now->st_size == seen->st_size &&
           now->st_mtim.tv_sec == seen->st_mtim.tv_sec && now->st_mtim.tv_nsec == seen->st_mtim.tv_nsec;
}

/* events: what happened since the last look. */
static bool is_changed(struct file_watch *watch, uint32_t events)
{
    struct stat now = {0};
    char end[PATH_MAX];
    bool is_whole, is_same, is_elsewhere, is_new;

    if (survey_way(watch, end, &is_new) != 0 || stat(watch->path, &now) != 0)
        return false; /* gone: whoever replaces it is still at it */
    is_elsewhere = strcmp(end, watch->end) != 0;
    is_whole =
        (events & EVENTS_WHOLE) != 0 ||
        ((events & IN_ATTRIB) != 0 && is_same_content(&now, &watch->seen)); /* it was when it was looked at */
    if (!is_whole && !is_elsewhere && !is_new) /* what a new folder brings along is told by no event */
        return false;
    is_same = !is_elsewhere && is_same_content(&now, &watch->seen) &&
              now.st_ctim.tv_sec == watch->seen.st_ctim.tv_sec &&
              now.st_ctim.tv_nsec == watch->seen.st_ctim.tv_nsec;
    watch->seen = now;
    strcpy(watch->end, end);
    return !is_same;
}

/* ---- Events ---- */

/* An empty file is most often one that is being written in place: false if something more happens soon. */
static bool is_settled(struct file_watch *watch)
{
    struct pollfd events = {.fd = watch->events, .events = POLLIN};

    if (watch->seen.st_size != 0 || poll(&events, 1, SETTLE_MS) <= 0)
        return true;
    watch->seen = (struct stat){0}; /* to be looked at anew */
    return false;
}

/* What happened since the last call: the masks of all events. */
static uint32_t take_events(struct file_watch *watch)
{
    char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    uint32_t happened = 0;
    ssize_t count;

    while ((count = read(watch->events, buffer, sizeof(buffer))) > 0)
        for (const char *at = buffer; at < buffer + count;) {
            const struct inotify_event *event = (const struct inotify_event *)at;

            happened |= event->mask;
            at += sizeof(*event) + event->len;
        }
    return happened;
}

static void *run(void *ctx)
{
    struct file_watch *watch = ctx;
    struct pollfd fds[2] = {{.fd = watch->events, .events = POLLIN}, {.fd = watch->stop, .events = POLLIN}};

    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return NULL; /* out of memory: the file is read on SIGHUP still */
        if (fds[1].revents != 0)
            return NULL;
        if (fds[0].revents == 0)
            continue;
        if (is_changed(watch, take_events(watch)) && is_settled(watch))
            watch->changed(watch->ctx);
    }
}

static void watch_free(struct file_watch *watch)
{
    if (watch->events >= 0)
        (void)close(watch->events);
    if (watch->stop >= 0)
        (void)close(watch->stop);
    free(watch->path);
    free(watch);
}

/* Remembers what is there. */
static int watch_begin(struct file_watch *watch)
{
    bool is_new;
    int result = survey_way(watch, watch->end, &is_new);

    if (result == 0)
        (void)stat(watch->path, &watch->seen); /* without a file, the first one is a change */
    return result;
}

int file_watch_create(struct file_watch **out, const char *path, void (*changed)(void *ctx), void *ctx)
{
    struct file_watch *watch = calloc(1, sizeof(*watch));
    int result = 0;

    if (watch == NULL)
        return -ENOMEM;
    *watch = (struct file_watch){.path = strdup(path), .changed = changed, .ctx = ctx};
    watch->events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    watch->stop = eventfd(0, EFD_CLOEXEC);
    if (watch->path == NULL)
        result = -ENOMEM;
    else if (watch->events < 0 || watch->stop < 0)
        result = -errno;
    if (result == 0)
        result = watch_begin(watch);
    if (result != 0) {
        watch_free(watch);
        return result;
    }
    *out = watch;
    return 0;
}

int file_watch_start(struct file_watch *watch)
{
    int result = thread_start(&watch->thread, "sluice-watch", run, watch);

    watch->is_running = result == 0;
    return result;
}

void file_watch_destroy(struct file_watch *watch)
{
    uint64_t one = 1;

    if (watch == NULL)
        return;
    if (watch->is_running) {
        (void)!write(watch->stop, &one, sizeof(one)); /* an event descriptor takes it always */
        thread_join(watch->thread);
    }
    watch_free(watch);
}
