/* SPDX-License-Identifier: MIT
 *
 * Where the keys of issuers come from: a file, or a URL, read at once and then again and again by one thread, which no request waits for.
 * What was read last stays in use while the source cannot be read. */
#ifndef API_IDENTITY_KEY_SOURCE_H
#define API_IDENTITY_KEY_SOURCE_H

#include <stdbool.h>

#include "api/identity/jwk.h"
#include "storage/base/log.h"

struct key_sources;
struct key_source;

/* The thread starts with the first source. 0, -ENOMEM. */
int key_sources_create(struct key_sources **sources, log_fn log, void *log_ctx);
/* Nobody uses a source of them any more. NULL allowed. Blocks until a fetch that goes on has ended. */
void key_sources_destroy(struct key_sources *sources);

/* location: a path, or a URL that fetch_url_is_allowed. The same one for the same location; each with a reference, which is the caller's. NULL without
 * memory, or when the thread cannot be started. A file is read before this returns, a URL after it. Any thread. */
struct key_source *key_source_use(struct key_sources *sources, const char *location);
void key_source_release(struct key_source *source); /* NULL allowed */

/* The keys that were read last, with a reference for the caller; NULL: none yet. Any thread, without waiting. */
struct jwk_set *key_source_keys(struct key_source *source);
/* They lack a key that somebody was signed with: reads again, once in KEY_SOURCE_ASKED_SECONDS at most. Whether that is under way, so
 * that it may be there in a moment. Any thread, without waiting. */
bool key_source_want_newer(struct key_source *source);

#endif
