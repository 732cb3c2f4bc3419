/* SPDX-License-Identifier: MIT
 *
 * What time it is, as one number. Any thread. */
#ifndef STORAGE_BASE_CLOCK_H
#define STORAGE_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds since 1970, which may jump: for what is stored and shown. */
int64_t clock_real_ms(void);

/* Since some moment before the process began; never goes back: for timeouts and durations. */
uint64_t clock_monotonic_ms(void);
uint64_t clock_monotonic_ns(void);

/* The moment so much later, on that clock: for conditions that wait by CLOCK_MONOTONIC. */
struct timespec clock_monotonic_in(uint64_t milliseconds);

#endif
