/* SPDX-License-Identifier: MIT
 *
 * Threads of this program. Signals belong to the threads of whoever embeds it: none of ours takes any, and so a SIGPIPE of
 * sendfile or splice kills nobody. And the conditions they wait for with a limit. Any thread may call all of these. */
#ifndef STORAGE_BASE_THREAD_H
#define STORAGE_BASE_THREAD_H

#include <pthread.h>

/* What the kernel keeps of a name, the NUL counted. */
#define THREAD_NAME_BYTES_MAX 16u

/* Runs run(arg) on a new thread, which bears the name from its first moment on: for people who look. name: copied, less than
 * THREAD_NAME_BYTES_MAX long. arg stays the caller's. Returns 0, or -ENOMEM when there is no memory or no room for a thread: never
 * -EAGAIN, which elsewhere here means "not now". 0: the caller owes one thread_join. */
int thread_start(pthread_t *thread, const char *name, void *(*run)(void *arg), void *arg);

/* Waits until the thread is over. Not on that thread itself. */
void thread_join(pthread_t thread);

/* A condition whose pthread_cond_timedwait goes by the monotonic clock (clock_monotonic_in), so that nobody waits longer, or not at all,
 * because somebody sets the time. The caller owes pthread_cond_destroy. */
void thread_condition_init(pthread_cond_t *condition);

#endif
