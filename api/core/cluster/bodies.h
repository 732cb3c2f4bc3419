/* SPDX-License-Identifier: MIT
 *
 * Small bodies of a cluster, which are rows of its database. A GET of one mostly has it with its look-up (core_get_begin_whole); whoever comes
 * later, or from storage/, asks here: by one of a few connections of its own, for those of workers may be in the middle of something. */
#ifndef API_CORE_CLUSTER_BODIES_H
#define API_CORE_CLUSTER_BODIES_H

#include <stdint.h>

#include "metadata/meta.h"

struct bodies;

/* The database stays the caller's, and is closed after bodies_free. Makes no connection yet. 0 or -ENOMEM. */
int bodies_create(struct bodies **bodies, struct meta *meta);
/* Nobody reads any more. NULL allowed. */
void bodies_free(struct bodies *bodies);

/* As blob_shared.read_row: into META_BODY_BYTES_MAX bytes of room. How many, -ENOENT, -EIO, -ENOMEM, or -EHOSTDOWN where the
 * database does not answer. Any thread; blocks, also for others that read. */
int bodies_read(struct bodies *bodies, uint64_t file, void *bytes);

#endif
