/* SPDX-License-Identifier: MIT
 *
 * Several servers over one database (postgres/README.md): who they are, which ids of blobs each was given, which of them does what one does for
 * all. Each server that opens the database for writing gets a number that nobody had before, and an epoch; what it commits carries both.
 * Whoever finds it silent raises its epoch: then nothing of it gets in any more, and what it left can be cleared away.
 *
 * A struct meta_cluster has a connection of its own, which is made anew where it was lost, and may be used from any threads: one call at a time is
 * run, and each may block, for PG_ANSWER_MS_MAX at most. Errors: 0, META_E_FENCED, -EIO (the database does not answer, or refuses), -ENOMEM.
 *
 * Only where the program has that engine: meta_open fails otherwise, and nothing of this is to be called. */
#ifndef METADATA_META_CLUSTER_H
#define METADATA_META_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "metadata/meta_journal.h"
#include "metadata/meta_types.h"

struct meta;
struct meta_cluster;

#define META_CLUSTER_CALL __attribute__((weak))

/* Whether a database's name is an address of servers, and not a file's. */
bool meta_is_address(const char *path);

/* Of a database that is open for writing, or to be read from; it may be closed before. Blocks. */
int meta_cluster_open(struct meta_cluster **cluster, struct meta *meta) META_CLUSTER_CALL;
/* NULL allowed. */
void meta_cluster_close(struct meta_cluster *cluster) META_CLUSTER_CALL;
/* This server's; 0: it was opened to be read from. */
int64_t meta_cluster_server(const struct meta_cluster *cluster) META_CLUSTER_CALL;

/* Says that this server is alive. META_E_FENCED: another has taken it for dead, and it has to end. */
int meta_cluster_beat(struct meta_cluster *cluster) META_CLUSTER_CALL;
/* Whether this server is the one that does what one does for all, until meta_cluster_close or the connection is lost; *leads is false also where
 * nobody can tell. Another may believe the same for a moment, so what it does must do no harm when it is done twice. */
int meta_cluster_lead(struct meta_cluster *cluster, bool *leads) META_CLUSTER_CALL;

/* `ids` ids that nobody was given before, from *first on, which is a multiple of it, plus one. META_E_FENCED. */
int meta_cluster_block_take(struct meta_cluster *cluster, uint32_t ids, uint64_t *first) META_CLUSTER_CALL;
/* Each of its ids has its row, or no file. */
int meta_cluster_block_settle(struct meta_cluster *cluster, uint64_t first) META_CLUSTER_CALL;

/* Whether the block of `ids` ids that this one is of is not settled: 1, 0 or an error. */
int meta_cluster_block_is_open(struct meta_cluster *cluster, uint32_t ids, uint64_t id) META_CLUSTER_CALL;

/* Takes servers that have said nothing for so long for dead: raises their epochs, and ends the sessions that they lead by. *count: how many that were. */
int meta_cluster_bury(struct meta_cluster *cluster, uint32_t silent_s, uint32_t *count) META_CLUSTER_CALL;
/* A block of a server that is dead, or has ended, and is not settled, and whose it was: 1; 0: there is none; or an error. */
int meta_cluster_block_left(struct meta_cluster *cluster, uint64_t *first,
                            uint64_t *server) META_CLUSTER_CALL;
/* A server that is dead and has no block any more: 1. To be forgotten when its folder was cleared. */
int meta_cluster_server_left(struct meta_cluster *cluster, uint64_t *server) META_CLUSTER_CALL;
int meta_cluster_server_forget(struct meta_cluster *cluster, uint64_t server) META_CLUSTER_CALL;

/* As meta_garbage_take, but only what has been garbage for so long. */
int meta_cluster_garbage(struct meta_cluster *cluster, uint32_t delay_s, int64_t after,
                         struct meta_garbage *entries, uint32_t limit) META_CLUSTER_CALL;

/* How many servers there are that are not taken for dead; for figures. */
int meta_cluster_count(struct meta_cluster *cluster, uint32_t *servers) META_CLUSTER_CALL;

/* Of this server, since it was opened. */
struct meta_cluster_figures {
    int64_t server, epoch;
    uint64_t batches;       /* that were begun */
    uint64_t doubts;        /* commits during which the connection was lost */
    uint64_t write_rounds;  /* round trips of the side that writes */
    uint64_t read_rounds;   /* and of all readers */
    uint64_t last_batch_ms; /* when the last batch was committed, by clock_monotonic_ms; 0: none was */
};
/* Any thread; cheap. */
void meta_cluster_figures(const struct meta *meta, struct meta_cluster_figures *figures) META_CLUSTER_CALL;

#endif
