/* SPDX-License-Identifier: MIT
 *
 * The operator's file of origins: S3 servers that buckets stand in front of. A bucket is named here alone, so that no client ever has the server
 * speak to a place of his choice.
 *
 *      [artifacts]                 the name: letters, digits, '-', '_', '.'
 *      endpoint = https://s3.example.org:9000
 *      region, access-key, secret-key, secret-key-file, ca, addressing: api/client/access/target_settings.h
 *      buckets = artifacts, ci-*   of this server; '*' at the end stands for any rest. Of two sections the first counts
 *      bucket = artifacts          there; the same name as here if nothing is said
 *      prefix = mirror/            before each key there; none if nothing is said
 *      connections = 8             objects that are fetched at a time
 *      timeout = 30                seconds in which (nearly) nothing may come
 *      etag = md5                  or opaque: ETags of 32 hex digits are no digests there
 *
 * A set is read as a whole and shared by reference; any thread may look at it. */
#ifndef API_ORIGIN_ORIGINS_H
#define API_ORIGIN_ORIGINS_H

#include "api/client/request.h"
#include "api/events/target_set.h"
#include "api/origin/limits.h"

struct origin_target {
    char name[EVENTS_NAME_BYTES_MAX + 1];
    struct client_target client;
    struct events_patterns buckets;
    char *bucket, *prefix; /* or NULL */
    unsigned connections, timeout_s;
    bool etags_are_opaque;
    unsigned line; /* where its section begins */
};

struct origins {
    struct target_set set;
    struct origin_target *list;
    unsigned count;
};

/* As target_set_read. */
int origins_read(struct origins **origins, const struct target_source *source);
void origins_unref(struct origins *origins); /* NULL allowed */
/* The origin of a bucket of this server; NULL: it has none. */
struct origin_target *origins_find(const struct origins *origins, struct slice bucket);

#endif
