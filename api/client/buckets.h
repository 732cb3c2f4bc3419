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
/* A website with that index document and error document (NULL: none); instead of what the bucket was told before. */
int client_bucket_website_set(struct client_session *session, const char *bucket, const char *index,
                              const char *error);
/* Whether objects without a type are told by their names; a setting of Sluice's. */
int client_bucket_types_get(struct client_session *session, const char *bucket, bool *are_by_name);
int client_bucket_types_set(struct client_session *session, const char *bucket, bool are_by_name);

#endif
