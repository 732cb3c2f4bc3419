/* SPDX-License-Identifier: MIT
 *
 * Fetches a small document by HTTPS, as the keys of an issuer. By libcurl, which is loaded at the first fetch: with its thirty libraries it
 * would double the time that a server takes to start, and most servers never need it. */
#ifndef API_IDENTITY_FETCH_H
#define API_IDENTITY_FETCH_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/base/slice.h"

#define FETCH_REASON_BYTES 256u

struct fetch_result {
    char *body; /* the caller's to free; NULL after a failure */
    size_t length;
    char reason[FETCH_REASON_BYTES]; /* after a failure */
};

/* Whether it may be fetched from there: https://, or http:// of this machine, for tests and for sidecars. Pure. */
bool fetch_url_is_allowed(struct slice url);

/* GET, without following redirects, in at most FETCH_SECONDS_MAX. 0; -EINVAL: not such a URL; -ENOSYS: there is no libcurl here; -E2BIG: more than
 * `bytes_max`; -EIO: any other failure, an answer other than 200 among them. Blocks; one thread at a time. */
int fetch_document(const char *url, size_t bytes_max, struct fetch_result *result);

#endif
