/* SPDX-License-Identifier: MIT
 *
 * Reads of buckets that stand in front of another server (s3_fetcher.h): a GET of what is not here waits until it is, and is judged and served as any
 * other then, or served while it comes, where it is large; a HEAD is answered by what is there. Worker's thread. */
#ifndef API_S3_BODY_S3_FETCH_H
#define API_S3_BODY_S3_FETCH_H

#include "api/s3/s3_request.h"

/* Whether the object of this request may be elsewhere if it is not here: that it is not is no answer yet, nor a secret. */
bool s3_fetch_may(const struct s3_request *request);
/* GetObject or HeadObject, whose requester may read the key: where the object is not here and may be elsewhere, true, and `again` is called when that
 * is known, with request->was_fetched, and request->elsewhere of a HEAD; or the request is answered. Else false. */
bool s3_fetch_start(struct s3_request *request, void (*again)(struct s3_request *request));

/* Where request->coming is set: the bytes of request->elsewhere, as they come. 0, or an error, and then the request is still to be answered. */
int s3_fetch_open(struct s3_request *request);
/* After that: [first, first + length), which is not empty, is the answer's body; its head has been written. */
void s3_fetch_send(struct s3_request *request, uint64_t first, uint64_t length);

#endif
