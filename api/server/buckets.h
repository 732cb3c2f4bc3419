/* SPDX-License-Identifier: MIT
 *
 * The buckets that a server makes at its start: sluice_server_options.buckets, and those of its caches. */
#ifndef API_SERVER_BUCKETS_H
#define API_SERVER_BUCKETS_H

#include "api/doors/doors.h"
#include "api/sluice.h"

/* Could they be made in a store? 0 or SLUICE_E_BUCKET_NAME. */
int server_buckets_check(const struct sluice_server_options *options);
/* Makes those that are missing, in that region, and the public ones public; the store's log says what it did, and what not. Blocks. 0; -EROFS, or why one
 * could not be made. */
int server_buckets_make(struct sluice_store *store, const struct sluice_server_options *options,
                        const struct doors *doors, const char *region);

#endif
