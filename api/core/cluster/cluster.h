/* SPDX-License-Identifier: MIT
 *
 * A core that is one server of several over one database and one folder (core_options.cluster). What is otherwise than in a store of its own:
 *
 *   opening     the database first, which gives the server its number; then the folder, shared. There is no journal, no replay and no recovery:
 *               whoever leads clears what servers that are gone have left
 *   bodies      no segments: up to META_BODY_BYTES_MAX a body is a row, which is committed with its object's, a larger one a file of its own
 *   garbage     is given back by whoever leads, and only a while after it became that: readers on other servers hold no pins here
 *   one for all lifecycle, eviction, sweep, replication and the like are done by whoever leads: core_leads
 *   the fence   a server that others have taken for dead tells its owner, who has to end it
 *
 * One thread, "cluster": says that this server is alive, tries to lead, and clears. The rest of the core asks core_leads and cluster_garbage. */
#ifndef API_CORE_CLUSTER_CLUSTER_H
#define API_CORE_CLUSTER_CLUSTER_H

#include "api/core/core_internal.h"
#include "metadata/meta_journal.h"

/* Opens database and folder. 0, or why not, which is told. Blocks; what it has opened is the core's to close. */
int cluster_open(struct core *core);
/* When the core is open: the thread. 0 or an error. */
int cluster_start(struct core *core);
/* Before anything of the core ends; cluster_end_reads when nobody reads bodies any more, before the database is closed; cluster_free after the
 * folder was closed. All do nothing in a store of its own. */
void cluster_stop(struct core *core);
void cluster_end_reads(struct core *core);
void cluster_free(struct core *core);

/* As meta_garbage_take: what may be given back now. */
int cluster_garbage(struct core *core, int64_t after, struct meta_garbage *entries, uint32_t limit);
/* Whether the blob's file may be without a row, for its upload is on the way, or what it left is not cleared yet. True also where nobody can tell. Blocks. */
bool cluster_may_lack_row(struct core *core, uint64_t blob);
/* Whether the database does not answer just now. Any thread; cheap. */
bool cluster_is_cut_off(const struct core *core);

#endif
