/* SPDX-License-Identifier: MIT
 *
 * Trust scopes: where in a cache an identity writes, and where it reads. An entry is stored below the scope of who stored it, so what a pull
 * request stores is found by those alone who read its scope. The doors of build caches apply them (api/doors); to S3 itself a scope is
 * nothing but a beginning of keys.
 *
 * Pure functions; any thread. */
#ifndef API_S3_ACCESS_S3_SCOPES_H
#define API_S3_ACCESS_S3_SCOPES_H

#include <stdbool.h>
#include <stddef.h>

#include "api/s3/limits.h"
#include "storage/base/slice.h"

struct s3_scopes {
    unsigned count; /* 0: none; entries are not told apart */
    bool writes;    /* into the first */
    /* The first is the identity's own; all are read, in this order. */
    char names[S3_SCOPES_MAX][S3_SCOPE_BYTES_MAX + 1];
};

/* Between a scope and a name in a key. No scope has it in itself, so where a key's scope ends can be told: what the scope "pr" stores is never one
 * of "pr/17", whatever names it gives. */
#define S3_SCOPE_END "/-/"

/* "main", "pr/17": names of letters, digits, '.', '_', '~', '-' and percent-escapes between slashes; none is empty, ".", ".." or "-". */
bool s3_scope_is_valid(struct slice scope);
/* One more to read; and the own one, which goes before all others. False: it is not valid, is there already, or there are too many. */
bool s3_scopes_add_read(struct s3_scopes *scopes, struct slice scope);
bool s3_scopes_set_own(struct s3_scopes *scopes, struct slice scope);

/* Whether a key, without what comes before the scope, lies in the scope of that number: it begins with it and S3_SCOPE_END. */
bool s3_scope_has(const struct s3_scopes *scopes, unsigned i, struct slice key);

#endif
