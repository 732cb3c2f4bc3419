/* SPDX-License-Identifier: MIT
 *
 * Threads of this program. Signals belong to the threads of whoever embeds it: none of ours takes any, and so a SIGPIPE of
 * sendfile or splice kills nobody. Any thread may call both. */
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

#endif
