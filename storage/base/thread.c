/* SPDX-License-Identifier: MIT
 *
 * Starting and joining threads, and their conditions. */
#include "storage/base/thread.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* From the thread that starts another to that one, which frees it. */
struct thread_beginning {
    void *(*run)(void *arg);
    void *arg;
    char name[THREAD_NAME_BYTES_MAX];
};

static void *thread_main(void *arg)
{
    struct thread_beginning beginning = *(struct thread_beginning *)arg;

    free(arg);
    (void)pthread_setname_np(pthread_self(), beginning.name); /* without it, it works as well */
    return beginning.run(beginning.arg);
}

int thread_start(pthread_t *thread, const char *name, void *(*run)(void *arg), void *arg)
{
    struct thread_beginning *beginning = malloc(sizeof(*beginning));
    sigset_t all, before;
    int err;

    assert(strlen(name) < THREAD_NAME_BYTES_MAX);
    if (beginning == NULL)
        return -ENOMEM;
    *beginning = (struct thread_beginning){.run = run, .arg = arg};
    strcpy(beginning->name, name);
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* fails for a bad first argument only */
    err = pthread_create(thread, NULL, thread_main, beginning);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err == 0)
        return 0;
    assert(err == EAGAIN || err == ENOMEM); /* the limit on threads, or on memory */
    free(beginning);
    return -ENOMEM;
}

void thread_join(pthread_t thread)
{
    int err = pthread_join(thread, NULL);

    assert(err == 0); /* else it is not a thread, was joined before, or is this one */
    (void)err;
}

/* None of these fails here: Linux has the clock, and a condition takes no memory beside its own. */
void thread_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    int err = pthread_condattr_init(&attributes);

    if (err == 0)
        err = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (err == 0)
        err = pthread_cond_init(condition, &attributes);
    assert(err == 0);
    (void)pthread_condattr_destroy(&attributes);
}
