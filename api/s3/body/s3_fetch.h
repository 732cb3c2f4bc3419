/* SPDX-License-Identifier: MIT
 *
 * Reads of buckets that stand in front of another server (s3_fetcher.h): a GET of what is not here waits until it is, and is judged and served as any
 * other then; a HEAD is answered by what is there. Worker's thread. */
#ifndef API_S3_BODY_S3_FETCH_H
#define API_S3_BODY_S3_FETCH_H

#include "api/s3/s3_request.h"

/* Whether the object of this request may be elsewhere if it is not here: that it is not is no answer yet, nor a secret. */
bool s3_fetch_may(const struct s3_request *request);
/* GetObject or HeadObject, whose requester may read the key: where the object is not here and may be elsewhere, true, and `again` is called when that
 * is known, with request->was_fetched, and request->elsewhere of a HEAD; or the request is answered. Else false. */
bool s3_fetch_start(struct s3_request *request, void (*again)(struct s3_request *request));

#endif
