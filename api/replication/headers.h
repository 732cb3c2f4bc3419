/* SPDX-License-Identifier: MIT
 *
 * What a copy says of its object: the headers that it was stored with, tags, lock, storage class; and whether what is at the target says the
 * same. Any thread. */
#ifndef API_REPLICATION_HEADERS_H
#define API_REPLICATION_HEADERS_H

#include "api/client/session.h"
#include "api/core/core.h"
#include "api/replication/targets.h"
#include "api/s3/replication/s3_replication.h"

struct replication_headers {
    struct {
        const char *name, *value;
    } list[REPLICATION_HEADERS_MAX];
    unsigned count;
    unsigned user_count; /* x-amz-meta-... among them */
    struct slice tags;   /* in stored form; empty: none */
    bool is_sealed;      /* encrypted under a key of this server */
};

/* In the arena. 0; -E2BIG: more than a request can have; -EOPNOTSUPP: encrypted under a customer's key, which nobody has here; META_E_CORRUPT. */
int replication_headers_collect(struct arena *arena, const struct replication_target *target,
                                const struct s3_replication_rule *rule, const struct meta_object *object,
                                struct replication_headers *headers);
void replication_headers_add(const struct replication_headers *headers, struct client_request *request);
/* Whether the answer to a HEAD says the same, but for the values of tags. */
bool replication_headers_are_in(const struct replication_headers *headers,
                                const struct client_answer *answer);

#endif
