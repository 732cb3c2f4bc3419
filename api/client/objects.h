/* SPDX-License-Identifier: MIT
 *
 * S3's calls about one object, or about a thousand to be deleted. Results as of client_session_call; texts are the session's until its next call.
 *
 * version: of which version; NULL: the current one. */
#ifndef API_CLIENT_OBJECTS_H
#define API_CLIENT_OBJECTS_H

#include "api/client/session.h"

struct client_object {
    uint64_t size;
    int64_t modified_ms;
    const char *etag;      /* without quotes; "" if there is none */
    const char *version;   /* NULL: the bucket has no versions */
    const char *type;      /* its content-type; NULL */
    const char *crc64nvme; /* base64, of the whole object; NULL: the server does not say */
    uint64_t parts;        /* of which it was made; 0: not said */
    uint64_t all_bytes;    /* of an answer to a range: of the whole object */
};

int client_object_head(struct client_session *session, const char *bucket, const char *key,
                       const char *version, struct client_object *object);

/* Of how many parts it was made, and how large the first one is; 0 where the server does not say. */
int client_object_first_part(struct client_session *session, const char *bucket, const char *key,
                             const char *version, uint64_t *count, uint64_t *bytes);

struct client_get {
    const char *bucket, *key, *version;
    uint64_t offset, length;    /* length UINT64_MAX: all of it, and no range is asked for */
    const char *if_match;       /* only what has this ETag; NULL */
    void (*restart)(void *ctx); /* see client_session; with ctx */
};
/* object: filled in when it has succeeded. */
int client_object_get(struct client_session *session, const struct client_get *get, client_sink_fn sink,
                      void *ctx, struct client_object *object);

/* How what is sent is told, so that the server finds what changed on the way. */
enum client_checksum { CLIENT_CHECKSUM_CRC64NVME, CLIENT_CHECKSUM_SHA256, CLIENT_CHECKSUM_MD5 };

/* The bytes of a request: in memory, or a range of a file. */
struct client_bytes {
    const void *data; /* NULL: of the file */
    int fd;
    uint64_t offset, length;
};

struct digest_values;
/* mask: of storage/digest/digest.h. 0, -ENODATA where the file is shorter, -EIO. */
int client_bytes_digest(const struct client_bytes *bytes, uint32_t mask, struct digest_values *values);
/* Adds the body and its checksum. 0, or -EIO and the like where the file cannot be read, with why. */
int client_request_bytes(struct client_session *session, const struct client_bytes *bytes,
                         enum client_checksum checksum);

struct client_attribute {
    const char *name, *value; /* "content-type", "x-amz-meta-colour" */
};

struct client_put {
    const char *bucket, *key;
    struct client_bytes bytes;
    enum client_checksum checksum;
    const struct client_attribute *attributes;
    size_t attribute_count;
};
int client_object_put(struct client_session *session, const struct client_put *put,
                      struct client_object *object);

/* Within the server. attributes NULL: those of the source. */
struct client_copy {
    const char *from_bucket, *from_key, *from_version, *if_match;
    const char *bucket, *key;
    const struct client_attribute *attributes;
    size_t attribute_count;
};
int client_object_copy(struct client_session *session, const struct client_copy *copy);
/* "/BUCKET/KEY?versionId=V", as a header has it; of the session's call. */
const char *client_copy_source(struct client_session *session, const char *bucket, const char *key,
                               const char *version);

int client_object_delete(struct client_session *session, const char *bucket, const char *key,
                         const char *version);

struct client_doomed {
    const char *key, *version; /* version NULL: the current one */
};
/* Up to CLIENT_DELETE_KEYS_MAX. failed is told of each that stays, and why; the result is then still 0. */
int client_objects_delete(struct client_session *session, const char *bucket,
                          const struct client_doomed *doomed, size_t count,
                          void (*failed)(void *ctx, const char *key, const char *version, const char *why),
                          void *ctx);

#endif
