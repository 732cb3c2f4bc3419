/* SPDX-License-Identifier: MIT
 *
 * S3's listings, page by page: buckets, objects, versions, uploads and their parts. Each visitor is called between the requests, in the order of the listing;
 * it may use another session, and not this one. Anything but 0 ends the listing and is its result; else results as of client_session_call. Texts are
 * valid during the visit. */
#ifndef API_CLIENT_LISTS_H
#define API_CLIENT_LISTS_H

#include "api/client/session.h"

struct client_entry {
    const char *key; /* decoded; of a bucket, its name */
    bool is_prefix;  /* a common prefix, which ends with a slash; the rest is zero */
    bool is_marker;  /* a delete marker */
    bool is_latest;  /* of versions */
    uint64_t size;
    int64_t modified_ms;   /* of a bucket: when it was made; of an upload: when it was begun */
    const char *etag;      /* without quotes */
    const char *version;   /* of a version, its id; of an upload, too */
    unsigned number;       /* of a part */
    const char *crc64nvme; /* of a part; NULL: not said */
};
typedef int (*client_visit_fn)(void *ctx, const struct client_entry *entry);

int client_list_buckets(struct client_session *session, client_visit_fn visit, void *ctx);

struct client_listing {
    const char *bucket;
    const char *prefix;      /* "": everything */
    bool is_folder;          /* what lies below the next slash is one entry, a common prefix */
    const char *start_after; /* NULL: from the first */
    uint64_t limit;          /* entries; 0: all */
};
int client_list_objects(struct client_session *session, const struct client_listing *listing,
                        client_visit_fn visit, void *ctx);
/* All versions and delete markers, by key, the newest first. start_after is not used. */
int client_list_versions(struct client_session *session, const struct client_listing *listing,
                         client_visit_fn visit, void *ctx);
int client_list_uploads(struct client_session *session, const struct client_listing *listing,
                        client_visit_fn visit, void *ctx);
int client_list_parts(struct client_session *session, const char *bucket, const char *key, const char *upload,
                      client_visit_fn visit, void *ctx);

#endif
