/* SPDX-License-Identifier: MIT
 *
 * The operator's file of targets: where events may go, from which buckets, and who may say so. Documents of buckets name targets and never
 * give URLs.
 *
 *      # a comment
 *      [ci]                        the name: letters, digits, '-', '_', '.'
 *      url = https://ci.example.org/hooks/sluice
 *      buckets = ci-*, artifacts   names; '*' at the end stands for any rest
 *      users = alice, deploy-*     the same, of keys in the credentials file; "*": anybody who may configure the bucket
 *      secret = TEXT               16 characters or more, for the signature; or secret-file = PATH; or neither: nothing is signed
 *      timeout = 10                seconds that a delivery may take
 *      connections = 4             deliveries at a time
 *      batch = 1                   events of one delivery, at most
 *      keep = 24                   hours that an event is tried; then it is given up
 *
 * A set is read as a whole and shared by reference; any thread may look at it. */
#ifndef API_EVENTS_TARGETS_H
#define API_EVENTS_TARGETS_H

#include <stdbool.h>
#include <stdint.h>

#include "api/events/target_set.h"

struct events_target {
    char name[EVENTS_NAME_BYTES_MAX + 1];
    char *url;
    char *secret; /* NULL: nothing is signed */
    struct events_patterns buckets, users;
    unsigned timeout_s, connections, batch, keep_hours;
    unsigned line; /* where its section begins */
};

struct events_targets {
    struct target_set set;
    struct events_target *list;
    unsigned count;
};

/* As target_set_read. */
int events_targets_read(struct events_targets **targets, const struct target_source *source);
struct events_targets *events_targets_ref(struct events_targets *targets);
void events_targets_unref(
    struct events_targets *targets); /* NULL allowed; wipes the secrets with the last one */

/* NULL: there is none of that name. */
const struct events_target *events_targets_find(const struct events_targets *targets, struct slice name);

#endif
