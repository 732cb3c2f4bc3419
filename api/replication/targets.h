/* SPDX-License-Identifier: MIT
 *
 * The operator's file of targets: S3 servers that objects may be copied to, from which buckets, and who may say so. Documents of buckets name
 * targets and never give URLs.
 *
 *      [copy]                      the name: letters, digits, '-', '_', '.'
 *      endpoint = https://s3.example.org:9000
 *      region = us-east-1          of the signature; us-east-1 if nothing is said
 *      access-key = ID
 *      secret-key = TEXT           or secret-key-file = PATH
 *      ca = PATH                   authorities to be trusted; the system's if nothing is said
 *      addressing = path           or virtual: the bucket in the host's name, as AWS wants it
 *      buckets = artifacts, ci-*   of this server; '*' at the end stands for any rest
 *      users = alice               names of users, or access keys
 *      connections = 4             objects that are copied at a time
 *      replica = yes               no: the other side is not told that these are copies (it knows no x-amz-replication-status)
 *      locks = no                  yes: retention and legal hold are copied, too: the bucket there has object lock
 *
 * A set is read as a whole and shared by reference; any thread may look at it. */
#ifndef API_REPLICATION_TARGETS_H
#define API_REPLICATION_TARGETS_H

#include "api/client/request.h"
#include "api/events/target_set.h"
#include "api/replication/limits.h"

struct replication_target {
    char name[EVENTS_NAME_BYTES_MAX + 1];
    struct client_target client;
    struct events_patterns buckets, users;
    unsigned connections;
    bool is_silent; /* replica = no */
    bool copies_locks;
    unsigned line; /* where its section begins */
};

struct replication_targets {
    struct target_set set;
    struct replication_target *list;
    unsigned count;
};

/* As target_set_read. */
int replication_targets_read(struct replication_targets **targets, const struct target_source *source);
struct replication_targets *replication_targets_ref(struct replication_targets *targets);
/* NULL allowed; wipes the secrets with the last one. */
void replication_targets_unref(struct replication_targets *targets);

/* NULL: there is none of that name. */
const struct replication_target *replication_targets_find(const struct replication_targets *targets,
                                                          struct slice name);

#endif
