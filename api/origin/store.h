/* SPDX-License-Identifier: MIT
 *
 * One object on its way from an origin into a bucket, by the core's PUT: nobody sees it before its row is committed, and that is done only
 * when all of its bytes have come and are those that the origin said. A thread that may be held up, with a worker of the core. */
#ifndef API_ORIGIN_STORE_H
#define API_ORIGIN_STORE_H

#include "api/core/keys/bucket_seal.h"
#include "api/origin/answer.h"

struct origin_store {
    struct core_worker *worker;
    struct core_put *put; /* NULL: it has not begun */
    struct meta_object_put op;
    struct origin_answer *answer;
    /* Told, on this thread, how much is in the file, where there is one (origin_store_follow). May be NULL. */
    void (*grew)(void *ctx, uint64_t written);
    void *ctx;
    bool has_file;
    unsigned char seal[ENVELOPE_BYTES_MAX];
    /* Of the event that is waited for. */
    bool is_ready, has_room, is_sealed, is_committed;
    int result;
    const struct digest_values *values;
};

/* Zeroed, then this. Texts and answer stay. bucket_owner: whose the object becomes. 0, -ENOSPC, or another error; then only end. */
int origin_store_begin(struct origin_store *store, struct core_worker *worker, int64_t bucket,
                       struct slice key, const char *bucket_owner, struct origin_answer *answer);
/* After begin: as core_put_follow. From then on `grew` is told. */
int origin_store_follow(struct origin_store *store);
/* All of it, in order. Blocks while there is no room. 0, -EMSGSIZE: more than was announced, or another error. */
int origin_store_write(struct origin_store *store, const void *data, size_t length);
/* Judges and commits. 0: it is stored, or something else was meanwhile, which stays; -EBADMSG: fewer bytes than announced, or others, and `why`; or an
 * error. */
int origin_store_commit(struct origin_store *store, char why[ORIGIN_WHY_BYTES]);
/* Gives up what was not committed. */
void origin_store_end(struct origin_store *store);

#endif
