/* SPDX-License-Identifier: MIT
 *
 * S3's calls of multipart uploads. Results as of client_session_call. */
#ifndef API_CLIENT_UPLOADS_H
#define API_CLIENT_UPLOADS_H

#include "api/client/objects.h"

struct client_part {
    char etag[80]; /* without quotes; "": it is not there yet */
    uint64_t crc;  /* CRC-64/NVME of its bytes, where has_crc */
    bool has_crc;
    bool is_resumed; /* of a download: an earlier run has left it */
};

/* id: receives a text that free(3) takes. */
int client_upload_begin(struct client_session *session, const char *bucket, const char *key,
                        enum client_checksum checksum, const struct client_attribute *attributes,
                        size_t attribute_count, char **id);
/* part: filled in when it has succeeded. */
int client_upload_part(struct client_session *session, const char *bucket, const char *key, const char *id,
                       unsigned number, const struct client_bytes *bytes, enum client_checksum checksum,
                       struct client_part *part);
/* A range of an object of the same server. */
int client_upload_part_copy(struct client_session *session, const struct client_copy *copy, const char *id,
                            unsigned number, uint64_t offset, uint64_t length, struct client_part *part);
/* crc64nvme: of all the bytes, which the server compares; NULL: not said. */
int client_upload_complete(struct client_session *session, const char *bucket, const char *key,
                           const char *id, const struct client_part *parts, unsigned count,
                           const uint64_t *crc64nvme);
int client_upload_abort(struct client_session *session, const char *bucket, const char *key, const char *id);

/* The numbers of a CRC-64/NVME and its base64, 12 digits and a NUL. */
#define CLIENT_CRC_TEXT_BYTES 13u
void client_crc_format(uint64_t crc, char text[CLIENT_CRC_TEXT_BYTES]);
bool client_crc_parse(const char *text, uint64_t *crc); /* text may be NULL */
/* Of A and then B, from theirs and B's length. */
uint64_t client_crc_combine(uint64_t a, uint64_t b, uint64_t b_bytes);

/* Sums up what passes. Zeroed means nothing has. */
struct client_sum {
    uint64_t crc;
};
void client_sum_add(struct client_sum *sum, const void *data, size_t length);
/* Whether it is what the server says, in base64; true where it says nothing (NULL). */
bool client_sum_is(const struct client_sum *sum, const char *crc64nvme);

#endif
