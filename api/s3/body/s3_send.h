/* SPDX-License-Identifier: MIT
 *
 * The way of stored bytes to the client, shared by GetObject and GetObjectAnnotation: bytes that are at hand in memory, else an
 * http_source over the core's get. The head of the answer is asked for when it is certain that the bytes can be opened. Worker's thread. */
#ifndef API_S3_BODY_S3_SEND_H
#define API_S3_BODY_S3_SEND_H

#include "api/s3/s3_request.h"
#include "api/http/http.h"

struct s3_send {
    /* Filled by the owner, in whose struct, in the request's arena, it lies. */
    struct s3_request *request;
    struct core_get *get;       /* ended by whatever ends the send; NULL allowed to s3_send_fail */
    uint64_t first, length;     /* which bytes */
    struct slice before, after; /* bytes in memory around them, as long as the request; may be empty */
    void (*head)(struct s3_send *send); /* status and headers of the answer */
    /* Looks the object up once more, and answers; the get is ended. NULL: it is not looked up again. */
    void (*again)(struct s3_request *request);

    /* Private. */
    struct http_source source;
    bool is_sending; /* the source has the answer */
};

/* Answers: with the bytes, or with what keeps them. */
void s3_send_start(struct s3_send *send);
/* Answers with the error instead, before s3_send_start or instead of it. message: NULL for the error's own. */
void s3_send_fail(struct s3_send *send, enum s3_error error, const char *message);

#endif
