/* SPDX-License-Identifier: MIT
 *
 * S3's calls about a bucket. Results as of client_session_call. */
#ifndef API_CLIENT_BUCKETS_H
#define API_CLIENT_BUCKETS_H

#include "api/client/session.h"

/* has_lock: objects may be locked in it. */
int client_bucket_make(struct client_session *session, const char *bucket, bool has_lock);
int client_bucket_drop(struct client_session *session, const char *bucket);

/* A document of the bucket: "policy", "cors" ... *document is the session's, as it came; -ENOENT: the bucket has none. */
int client_bucket_setting_get(struct client_session *session, const char *bucket, const char *name,
                              struct slice *document);
int client_bucket_setting_put(struct client_session *session, const char *bucket, const char *name,
                              struct slice document);
enum client_versioning { CLIENT_VERSIONING_NEVER, CLIENT_VERSIONING_ENABLED, CLIENT_VERSIONING_SUSPENDED };
int client_bucket_versioning_get(struct client_session *session, const char *bucket,
                                 enum client_versioning *versioning);
int client_bucket_versioning_set(struct client_session *session, const char *bucket, bool is_enabled);

#endif
