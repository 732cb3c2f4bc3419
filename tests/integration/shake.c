/* SPDX-License-Identifier: MIT
 *
 * A preloaded library that shakes the order in which threads get on: before and after each lock, unlock, signal, post and submission to the
 * kernel's ring it now and then gives the CPU away, or sleeps for a fraction of a millisecond. What is chosen depends on SHAKE_SEED, and on
 * the thread's number; which order that leads to is still the machine's business. The file SHAKE_CONTROL, mapped, counts in 64 bits how
 * often it did so. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { CHANCES = 4096, YIELDS = 96, SLEEPS = 2, SLEEP_NS_MAX = 200000 };

struct io_uring;

static atomic_ullong *shaken;
static atomic_ullong threads;
static uint64_t seed;

__attribute__((constructor)) static void control_map(void)
{
    const char *path = getenv("SHAKE_CONTROL"), *text = getenv("SHAKE_SEED");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);

    seed = text == NULL ? 1 : strtoull(text, NULL, 10);
    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof(*shaken), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    shaken = map == MAP_FAILED ? NULL : map;
    close(fd);
}

static void shake(void)
{
    static _Thread_local uint64_t state;

    if (state == 0)
        state = (seed + atomic_fetch_add(&threads, 1) * UINT64_C(0x9e3779b97f4a7c15)) | 1;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    unsigned chance = state >> 32 & (CHANCES - 1);
    if (chance >= YIELDS + SLEEPS)
        return;
    if (shaken != NULL)
        atomic_fetch_add(shaken, 1);
    if (chance < YIELDS)
        (void)sched_yield();
    else
        (void)nanosleep(&(struct timespec){.tv_nsec = (long)(state >> 40) % SLEEP_NS_MAX}, NULL);
}

/* The function that is called if this library is not there. */
static void *next(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (found == NULL)
        abort();
    return found;
}

#define SHAKEN(result, name, parameters, arguments)                                                          \
    __attribute__((visibility("default"))) result name parameters;                                           \
    result name parameters                                                                                   \
    {                                                                                                        \
        static result(*_Atomic real) parameters;                                                             \
        result(*call) parameters = real;                                                                     \
                                                                                                             \
        if (call == NULL)                                                                                    \
            real = call = (result(*) parameters)next(#name);                                                 \
        shake();                                                                                             \
        result answer = call arguments;                                                                      \
        shake();                                                                                             \
        return answer;                                                                                       \
    }

SHAKEN(int, pthread_mutex_lock, (pthread_mutex_t * mutex), (mutex))
SHAKEN(int, pthread_mutex_unlock, (pthread_mutex_t * mutex), (mutex))
SHAKEN(int, sem_post, (sem_t * semaphore), (semaphore))
SHAKEN(int, sem_wait, (sem_t * semaphore), (semaphore))
SHAKEN(int, io_uring_submit, (struct io_uring * ring), (ring))
SHAKEN(int, io_uring_submit_and_wait, (struct io_uring * ring, unsigned wait), (ring, wait))
