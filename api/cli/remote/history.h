/* SPDX-License-Identifier: MIT
 *
 * The versions of a bucket's keys, as a listing has them, and what of a source's the target lacks. */
#ifndef API_CLI_REMOTE_HISTORY_H
#define API_CLI_REMOTE_HISTORY_H

#include "api/client/lists.h"
#include "api/client/transfer.h"

struct history_version {
    char *id;
    uint64_t size;
    int64_t modified_ms;
    char etag[80];
    bool is_marker;
};

struct history {
    char *key;
    struct history_version *versions; /* the newest first */
    size_t count;
};

/* All keys of a bucket, sorted. Zeroed means empty. */
struct histories {
    struct history *list;
    size_t count, room;
};

/* As client_list_versions tells them, one after the other. 0 or -ENOMEM. */
int histories_add(struct histories *histories, const struct client_entry *entry);
/* To be called when all are there; listings have an order, but not every server the same. */
void histories_sort(struct histories *histories);
const struct history *histories_find(const struct histories *histories,
                                     const char *key); /* NULL: there is none */
void histories_free(struct histories *histories);
void history_clear(struct history *history); /* what it holds, not the struct */

/* How many of the source's versions, counted from the newest, are missing at the target, which has its older ones, in order; target NULL: all. -1: the target has
 * others, and so cannot become like it. has_versions: false: the one version of a key takes another's place. */
ssize_t history_missing(const struct history *source, const struct history *target, bool has_versions);

#endif
