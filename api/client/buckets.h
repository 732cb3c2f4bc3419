/* SPDX-License-Identifier: MIT
 *
 * S3's calls about a bucket. Results as of client_session_call. */
#ifndef API_CLIENT_BUCKETS_H
#define API_CLIENT_BUCKETS_H

#include "api/client/session.h"

int client_bucket_make(struct client_session *session, const char *bucket);
int client_bucket_drop(struct client_session *session, const char *bucket);

#endif
