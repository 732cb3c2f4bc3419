/* SPDX-License-Identifier: MIT
 *
 * A request to S3 while it is being put together, and its signature. All memory is the arena's.
 *
 *      struct client_request request;
 *      client_request_begin(&request, &arena, "PUT", bucket, key);
 *      client_request_query(&request, "uploadId", id);
 *      client_request_header(&request, "content-type", type);
 *      client_request_body(&request, data, length)  or  client_request_file(&request, fd, offset, bytes);
 *      client_request_sign(&request, target, unix_seconds);
 *
 * Signing again replaces the signature: a request may be sent more than once. The arena is one that never fails (arena_init). */
#ifndef API_CLIENT_REQUEST_H
#define API_CLIENT_REQUEST_H

#include <stdint.h>
#include <sys/types.h>

#include "api/client/access/identity.h"
#include "api/client/limits.h"
#include "api/s3/auth/s3_sigv4.h"

/* Where requests go, and who sends them. */
/* How a bucket is addressed: as the first folder of the path, or as the first label of the host's name. */
enum client_addressing {
    CLIENT_ADDRESS_PATH,
    CLIENT_ADDRESS_VIRTUAL,
    /* where its name is one label: the certificate of *.HOST is not for more */
    CLIENT_ADDRESS_VIRTUAL_LABEL
};

/* How long a server is waited for. Zeroed: as CLIENT_... in limits.h has it. */
struct client_patience {
    unsigned connect_s;
    unsigned silence_s;  /* in which fewer than slow_bytes a second come */
    unsigned slow_bytes; /* 0: one */
    unsigned attempts;
};

struct client_target {
    struct client_patience patience;
    char *origin;    /* "https://host:9000" */
    char *unix_path; /* a socket that leads there; NULL: the network does */
    enum client_addressing addressing;
    struct client_identity identity;
};

/* Bytes of a body from their owner: up to `length` of them from `offset` on. How many (> 0), or a negative errno. */
typedef ssize_t (*client_source_fn)(void *ctx, void *buffer, size_t length, uint64_t offset);

struct client_request {
    struct arena *arena;
    const char *method;
    const char *bucket; /* or NULL */
    bool is_virtual;    /* the bucket is in the host's name, and not in the path */
    struct slice path;  /* percent-encoded, with the slash before it */
    struct slice query; /* percent-encoded, without the question mark */
    struct s3_sigv4_header headers[CLIENT_HEADERS_MAX]; /* names in lower case; values end in NUL */
    size_t header_count, unsigned_count;                /* the latter: before the signature's own */
    const char *payload_hash;                           /* what the signature says of the body */
    const void *body;                                   /* in memory; NULL: of a file, or none */
    int body_fd;
    client_source_fn source; /* instead of the descriptor; NULL: none */
    void *source_ctx;
    uint64_t body_offset, body_bytes;
    bool is_too_large; /* it has more headers than can be */
};

/* bucket, key: NULL where there is none. */
void client_request_begin(struct client_request *request, struct arena *arena, const char *method,
                          const char *bucket, const char *key);
/* How the target wants its buckets addressed: before the request is signed or sent. */
void client_request_address(struct client_request *request, const struct client_target *target);
/* "https://host:9000", with the bucket where that is in the host's name. */
struct slice client_request_origin(const struct client_request *request, const struct client_target *target);
/* value NULL: the name alone. */
void client_request_query(struct client_request *request, const char *name, const char *value);
void client_request_query_number(struct client_request *request, const char *name, uint64_t value);
/* name in lower case. value NULL: nothing is added. */
void client_request_header(struct client_request *request, const char *name, const char *value);
void client_request_body(struct client_request *request, const void *data, size_t length);
/* The descriptor stays the caller's, and open while the request is being sent. */
void client_request_file(struct client_request *request, int fd, uint64_t offset, uint64_t bytes);

/* The bytes are asked for while the request is being sent, from the beginning again where it is sent again. */
void client_request_source(struct client_request *request, client_source_fn source, void *ctx,
                           uint64_t bytes);

void client_request_sign(struct client_request *request, const struct client_target *target, int64_t unix_s);
/* The same in the query: a URL that whoever has it may use for so long. */
struct slice client_request_presign(struct client_request *request, const struct client_target *target,
                                    int64_t unix_s, unsigned seconds);

#endif
