/* SPDX-License-Identifier: MIT
 *
 * Expiry by order: all objects of a bucket that begin with a prefix and have some tags go, as everything that one run of a build has
 * stored. The order is stored with the bucket and carried out in the background, as a lifecycle rule would be; it survives a restart.
 * Objects that come after the order stay. */
#ifndef API_CORE_EXPIRY_H
#define API_CORE_EXPIRY_H

#include "api/core/core.h"

#define CORE_EXPIRY_ORDERS_MAX 64u /* of a bucket, stored and not carried out */

/* An order on its way to be stored. Caller-owned, with its texts, until done. */
struct core_expiry {
    int64_t bucket;
    struct slice prefix; /* of keys; empty: all */
    struct slice tags; /* in their stored form, all of which an object has to have; empty: whatever it has */
    int64_t until_ms;  /* objects that were modified later stay */
    void (*done)(
        struct core_expiry *expiry); /* on the worker's thread: it is stored, or `result` says why not */
    void *ctx;
    int result; /* 0; -EAGAIN: the bucket has too many; META_E_NO_BUCKET, or an error */
    /* private */
    struct core_expiry *next;
    struct core_turn turn;
};

void core_expiry_order(struct core_worker *worker, struct core_expiry *expiry);

/* How many there are. 0 or an error. Worker's thread. */
int core_expiry_count(struct core_worker *worker, int64_t bucket, uint32_t *count);

#endif
