/* SPDX-License-Identifier: MIT
 *
 * How fast a scrub goes: so many bytes a second that a round takes the days that it may take, and not while others wait for the disk. No
 * clock of its own and no state beside it, so that tests can be their own time. One thread. */
#ifndef API_CORE_SCRUB_PACE_H
#define API_CORE_SCRUB_PACE_H

#include <stdint.h>

struct scrub_pace {
    uint64_t rate;   /* bytes a second; 0: as fast as it can */
    uint64_t due_ms; /* when the next read may begin, on the clock of its caller */
    uint64_t cold;   /* reads of others that had to wait for the disk, when it was looked at last */
    unsigned yields; /* in a row */
};

/* The rate by which `bytes` take about four fifths of `seconds`: what comes meanwhile is read, too. */
uint64_t scrub_rate(uint64_t bytes, uint64_t seconds);

/* Before a read of `bytes`: how many milliseconds to wait before it. Then it is asked no more for this read. */
uint64_t scrub_pace_wait(struct scrub_pace *pace, uint64_t now_ms, uint64_t bytes);

/* The same for others' sake, until it says 0; cold: how many of their reads had to wait for the disk so far. However busy the disk is, it
 * says 0 after a while: a store that is always busy is to be read, too. */
uint64_t scrub_pace_yield(struct scrub_pace *pace, uint64_t cold);

#endif
