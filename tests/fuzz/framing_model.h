/* SPDX-License-Identifier: MIT
 *
 * Which requests a stream of bytes holds, by RFC 9112's framing alone: a second reading, which shares no code with api/http. The fuzz
 * target of whole connections holds the server against it. */
#ifndef TESTS_FUZZ_FRAMING_MODEL_H
#define TESTS_FUZZ_FRAMING_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODEL_REQUESTS_MAX = 512 };

enum model_head {
    MODEL_PLAIN, /* so ordinary that a server has no reason to refuse it */
    MODEL_CLEAR, /* its end and that of its body are beyond doubt; what else is in it, a server may dislike */
    MODEL_AMBIGUOUS, /* two readers may see two things: nobody may act on it, nor on what follows */
};

enum model_body {
    MODEL_WHOLE,     /* or there is none */
    MODEL_PARTIAL,   /* the stream ends before it does */
    MODEL_MALFORMED, /* where it ends cannot be known */
};

struct model_request {
    enum model_head head;
    size_t head_begin; /* offsets in the stream; after empty lines */
    size_t method_begin, method_end;
    size_t target_begin, target_end;
    size_t head_end; /* where its body begins */
    enum model_body body;
    size_t body_end; /* of a whole one */
    bool has_length, is_chunked;
    uint64_t length; /* as announced, if it is */
    bool is_1_0, expects_continue, client_closes;
    size_t payload_begin, payload_end; /* in model.payload, as far as it is there */
};

struct model {
    struct model_request
        requests[MODEL_REQUESTS_MAX]; /* those whose heads are complete; after an ambiguous one, none */
    size_t count;
    uint8_t *payload; /* of all bodies; the caller's, as large as the stream */
    size_t payload_length;
};

/* payload: `length` bytes of room. */
void model_read(struct model *model, const uint8_t *stream, size_t length, uint8_t *payload);

#endif
