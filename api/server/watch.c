/* SPDX-License-Identifier: MIT
 *
 * The folder is watched, not the file: an editor, `sluice user` and a Kubernetes secret all put a new file (or
 * a new link) in the old one's place. Whether an event in the folder concerns the file, its status tells. */
#include "api/server/watch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETTLE_MS 300

struct file_watch {
    char *path;
    void (*changed)(void *ctx);
    void *ctx;
    int events, stop; /* an inotify and an event descriptor */
    struct stat seen;
    pthread_t thread;
    bool is_running;
};

static bool is_changed(struct file_watch *watch)
{
    struct stat now = {0};
    bool is_same;

    if (stat(watch->path, &now) != 0)
        return false; /* gone: whoever replaces it is still at it */
    is_same = now.st_dev == watch->seen.st_dev && now.st_ino == watch->seen.st_ino &&
              now.st_size == watch->seen.st_size && now.st_ctim.tv_sec == watch->seen.st_ctim.tv_sec &&
              now.st_ctim.tv_nsec == watch->seen.st_ctim.tv_nsec;
    watch->seen = now;
    return !is_same;
}

/* An empty file is most often one that is being written in place: false if something more happens soon. */
static bool is_settled(struct file_watch *watch)
{
    struct pollfd events = {.fd = watch->events, .events = POLLIN};

    if (watch->seen.st_size != 0 || poll(&events, 1, SETTLE_MS) <= 0)
        return true;
    watch->seen = (struct stat){0}; /* to be looked at anew */
    return false;
}

static void *run(void *ctx)
{
    struct file_watch *watch = ctx;
    struct pollfd fds[2] = {{.fd = watch->events, .events = POLLIN}, {.fd = watch->stop, .events = POLLIN}};
    char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return NULL; /* out of memory: the file is read on SIGHUP still */
        if (fds[1].revents != 0)
            return NULL;
        if (fds[0].revents == 0)
            continue;
        while (read(watch->events, buffer, sizeof(buffer)) > 0)
            ; /* that something happened is enough */
        if (is_changed(watch) && is_settled(watch))
            watch->changed(watch->ctx);
    }
}

static int watch_folder(struct file_watch *watch)
{
    char *folder = strdup(watch->path), *slash;
    int result = 0;

    if (folder == NULL)
        return -ENOMEM;
    slash = strrchr(folder, '/');
    if (slash != NULL)
        slash[slash == folder] = '\0';
    if (inotify_add_watch(watch->events, slash != NULL ? folder : ".", IN_CLOSE_WRITE | IN_MOVED_TO) < 0)
        result = -errno;
    free(folder);
    return result;
}

/* Signals are for the host's own threads. */
static int start_thread(struct file_watch *watch)
{
    sigset_t all, before;
    int result;

    sigfillset(&all);
    result = -pthread_sigmask(SIG_BLOCK, &all, &before);
    if (result != 0)
        return result;
    result = -pthread_create(&watch->thread, NULL, run, watch);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* fails for a bad first argument only */
    return result;
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
        result = watch_folder(watch);
    if (result != 0) {
        watch_free(watch);
        return result;
    }
    (void)is_changed(watch); /* remembers what is there */
    *out = watch;
    return 0;
}

int file_watch_start(struct file_watch *watch)
{
    int result = start_thread(watch);

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
        pthread_join(watch->thread, NULL);
    }
    watch_free(watch);
}
