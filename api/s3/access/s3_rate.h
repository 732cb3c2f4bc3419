/* SPDX-License-Identifier: MIT
 *
 * How many requests a second somebody may make: as many at once as in a second, and then one each time that the next is due (the generic cell rate
 * algorithm). One number for all workers, without a lock. Any thread. */
#ifndef API_S3_ACCESS_S3_RATE_H
#define API_S3_ACCESS_S3_RATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct s3_rate {
    uint64_t step_ns;             /* between two requests; 0: no bound */
    atomic_uint_least64_t due_ns; /* when all that were let in would have come, had they come evenly */
};

/* a_second: 1 .. S3_RATE_MAX */
void s3_rate_set(struct s3_rate *rate, unsigned a_second);
/* Whether one more may come now, which is counted then. now_ns: of a clock that does not jump. */
bool s3_rate_admit(struct s3_rate *rate, uint64_t now_ns);

#endif
