/* SPDX-License-Identifier: MIT
 *
 * Putting the keys of objects into envelopes of another master key: rows change, bytes do not. */
#ifndef API_CORE_KEYS_REKEY_H
#define API_CORE_KEYS_REKEY_H

#include "api/core/core.h"

struct core_rekey_report {
    uint64_t
        sealed; /* versions of objects that are encrypted under keys of the ring; those under customers' keys are not counted */
    uint64_t rekeyed;   /* of them, that have the first key now */
    uint64_t other;     /* SSE-KMS: whose key was chosen, and is still another than the first */
    uint64_t missing;   /* whose key is not in the ring */
    uint64_t uploads;   /* unfinished uploads under another key than the first: they end as they began */
    uint64_t overtaken; /* changed meanwhile: to be looked at once more */
};

/* All that is under SSE-S3 gets the first key of the ring; what is under SSE-KMS keeps its own, but for the keys of the names in `from` (NULL: none). line
 * hears which keys are missing. is_over is asked often (NULL: never): true ends it with -ECANCELED. The store may be served meanwhile. 0; -ENOKEY: it
 * has no keys; -EROFS; or an error. Blocks: not for workers. */
int core_rekey(struct core *core, const char *const *from, size_t from_count,
               void (*line)(void *ctx, const char *text), bool (*is_over)(void *ctx), void *ctx,
               struct core_rekey_report *report);

#endif
