/* SPDX-License-Identifier: MIT
 *
 * Making one key of a target equal to what it has here now: its object with the same headers, tags and parts, so that it has the same ETag; or
 * nothing. Whatever was there before and however often it is done. One thread, which may be held up by disk and network. */
#ifndef API_REPLICATION_COPIER_H
#define API_REPLICATION_COPIER_H

#include <stdatomic.h>

#include "api/client/session.h"
#include "api/core/core.h"
#include "api/replication/targets.h"
#include "api/s3/replication/s3_replication.h"

struct replication_copier {
    struct core_worker *worker;
    const struct replication_target *target;
    struct client_session *session;
    struct arena arena;   /* of the copy under way */
    atomic_ullong *bytes; /* of bodies that were sent */
    const atomic_bool *cancelled;
};

/* 0, -ENOSYS: there is no libcurl; or an error. */
int replication_copier_open(struct replication_copier *copier, struct core_worker *worker,
                            const struct replication_target *target, atomic_ullong *bytes,
                            const atomic_bool *cancelled);
void replication_copier_close(struct replication_copier *copier);

#define REPLICATION_IS_EQUAL 1

struct replication_task {
    struct slice key;                       /* with a NUL behind it */
    const struct s3_replication_rule *rule; /* where to */
    bool compares;                          /* it may be there: that is looked at before it is sent */
};

/* get: of the object, not yet opened. 0: it was sent; REPLICATION_IS_EQUAL: it was there; or a negative errno, and `why` has a sentence: what
 * client_session_call gives; -ENOKEY: it is encrypted under a key that is not at hand; -EIO: it cannot be read here. */
int replication_copy(struct replication_copier *copier, const struct replication_task *task,
                     struct core_get *get, const struct meta_object *object, char why[REPLICATION_WHY_BYTES]);
/* 0, also where there was nothing; or as replication_copy. */
int replication_remove(struct replication_copier *copier, const struct replication_task *task,
                       char why[REPLICATION_WHY_BYTES]);

#endif
