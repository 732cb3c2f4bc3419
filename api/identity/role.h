/* SPDX-License-Identifier: MIT
 *
 * Roles: who gets one is decided by patterns over the claims of a verified token, and the scope that comes with it may have pieces of the
 * claims in it. Pure functions; any thread. */
#ifndef API_IDENTITY_ROLE_H
#define API_IDENTITY_ROLE_H

#include <stdbool.h>
#include <stddef.h>

#include "api/identity/jwt.h"
#include "storage/base/slice.h"

/* A claim that has to be there, and what it has to look like: '*' stands for any run of characters, an empty one too. */
struct role_claim {
    const char *name, *pattern;
};

bool role_pattern_matches(struct slice pattern, struct slice text);
/* Whether the token has all of them. */
bool role_fits(const struct role_claim *claims, size_t count, const struct jwt_claims *token);

/* Some issuers give tokens to everybody: at GitHub any repository gets ones with the ref refs/heads/main. Whether the claims say whose token
 * it has to be: for such an issuer one that names a repository, a project or the like, whose pattern fixes at least the owner; of others
 * nothing is known, and any claim will do. *wanted: after false, what would do. */
bool role_names_its_tenant(struct slice issuer, const struct role_claim *claims, size_t count,
                           const char **wanted);

/* "pr/{ref}": whether braces are closed and hold the name of a claim. */
bool role_template_is_valid(struct slice text);
bool role_template_has_claims(struct slice text);
/* The text with each {claim} as one segment of a path: all but letters, digits, '-', '_', '.' and '~' percent-encoded, and what would be "." or ".." wholly.
 * The length, without the NUL that is written, too; -ENOENT: the token lacks a claim, or it is empty; -E2BIG: `room` bytes do not hold it. */
ptrdiff_t role_template_fill(struct slice text, const struct jwt_claims *token, char *out, size_t room);

#endif
