/* SPDX-License-Identifier: MIT
 *
 * What others do to the keys of a publication between the moment when each was prepared and the one when all become visible. Private to
 * metadata/; committer's thread. */
#ifndef METADATA_ROWS_PUBLICATION_WATCH_H
#define METADATA_ROWS_PUBLICATION_WATCH_H

#include "metadata/meta_types.h"

struct publication_watch;

/* prefix: copied; base NULL: none. NULL: no memory. */
struct publication_watch *publication_watch_create(struct slice prefix);
void publication_watch_free(struct publication_watch *watch); /* NULL allowed */
/* One more key to watch. 0 or -ENOMEM. */
int publication_watch_add(struct publication_watch *watch, int64_t bucket, struct slice key);
/* A change is about the key, which may be watched. */
void publication_watch_note(struct publication_watch *watch, int64_t bucket, struct slice key);
/* Another publication of the same bucket is about all its keys at once. */
void publication_watch_cross(struct publication_watch *watch, const struct publication_watch *other);
/* From here on nothing is known. */
void publication_watch_spoil(struct publication_watch *watch);
/* Whether more was done than is told key by key. */
bool publication_watch_is_stale(const struct publication_watch *watch);
/* What was done since, each key once or, where two look alike, one that is not watched. */
uint32_t publication_watch_touched(const struct publication_watch *watch);
struct slice publication_watch_key(const struct publication_watch *watch, uint32_t i);
/* Whether the key begins with the prefix, where there is one. */
bool publication_watch_covers(const struct publication_watch *watch, struct slice key);

#endif
