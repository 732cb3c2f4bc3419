/* SPDX-License-Identifier: MIT
 *
 * The bytes of an object as the body of a request: read where they lie, opened where they are encrypted, verified as every read is. Of
 * memory there is libcurl's buffer alone. */
#ifndef API_REPLICATION_BODY_H
#define API_REPLICATION_BODY_H

#include "api/core/core.h"

struct replication_body {
    struct core_worker *worker;
    struct core_get *get;
    uint64_t first, length; /* of the object, what the body is */
    uint64_t at;            /* in the body; UINT64_MAX: nothing is open */
    bool is_ready;
};

/* What the store can open without a customer's key; 0 also where nothing is sealed. -ENOKEY, -EACCES, -EIO. */
int replication_body_unseal(struct core_worker *worker, struct core_get *get,
                            const struct meta_object *object);
void replication_body_begin(struct replication_body *body, struct core_worker *worker, struct core_get *get,
                            uint64_t first, uint64_t length);
/* A client_source_fn. */
ssize_t replication_body_read(void *ctx, void *buffer, size_t length, uint64_t offset);

#endif
