/* SPDX-License-Identifier: MIT
 *
 * What an origin says of an object in the head of its answer, judged: none of it is trusted. Pure functions, any thread. */
#ifndef API_ORIGIN_ANSWER_H
#define API_ORIGIN_ANSWER_H

#include "api/client/connection.h"
#include "api/core/core.h"
#include "api/origin/limits.h"

struct origin_answer {
    /* size, time, ETag, checksum and attributes, in the arena; without extents, owner and version. The ETag is the origin's; empty: it has none that can
     * be kept. There is room for one attribute more. */
    struct meta_object object;
    uint32_t digest_mask; /* what the bytes are to be compared by */
    bool has_md5;
    unsigned char md5[16]; /* that the ETag is */
};

/* 0, or -EPROTO and `why` has a sentence. */
int origin_answer_read(struct arena *arena, const struct client_answer *head, bool etags_are_opaque,
                       struct origin_answer *answer, char why[ORIGIN_WHY_BYTES]);
/* Whether the digests are those that the answer has: 0, or -EBADMSG and `why`. */
int origin_answer_compare(const struct origin_answer *answer, const struct digest_values *values,
                          char why[ORIGIN_WHY_BYTES]);

#endif
