/* SPDX-License-Identifier: MIT
 *
 * Body framing: which bytes of a stream are framing (read and parsed) and which are payload (spliced, never looked at).
 *
 * A framing is a small resumable parser that does no I/O and allocates nothing: it says how many payload bytes come next
 * (`run`), or takes framing bytes (`feed`) until it knows. Framings stack: HTTP's own (length or chunked) outside, a
 * content coding such as aws-chunked inside.
 *
 *      while (!done)   run() > 0 ?  move up to run() payload bytes, then take(n)
 *                                :  feed(bytes)       (hint() tells how many bytes are worth reading) */
#ifndef API_HTTP_FRAMING_H
#define API_HTTP_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct framing;

struct framing_ops {
    /* How many bytes of framing to read next: at least 1 while run() is 0 and done() is false. It may be a guess. If it is too
     * large, the surplus is payload, which then goes through memory: so it should be exact. */
    size_t (*hint)(const struct framing *framing);
    /* Consumes framing bytes; stops where payload begins or the body ends. Returns the number consumed (which may be less than
     * length), or -EBADMSG on a violation, -EMSGSIZE when a bound is exceeded (both sticky). A coding gets the bytes that follow
     * even when it is done, because its last bytes may be optional. It returns 0 for bytes that do not belong to it. */
    ssize_t (*feed)(struct framing *framing, const char *data, size_t length);
    /* Payload bytes that follow next; 0 inside framing and at the end. */
    uint64_t (*run)(const struct framing *framing);
    /* count <= run() payload bytes have been moved. Returns 0, or a negative errno to fail the body. */
    int (*take)(struct framing *framing, uint64_t count);
    bool (*done)(const struct framing *framing);
};

struct framing {
    const struct framing_ops *ops;
};

/* Content-Length (RFC 9112 6.2). done at once for length 0. */
struct framing_length {
    struct framing base;
    uint64_t remaining;
};
void framing_length_init(struct framing_length *framing, uint64_t length);

/* Transfer-Encoding: chunked (RFC 9112 7.1): strict CRLF, hexadecimal size without sign or leading blanks, chunk extensions
 * skipped and trailers dropped, both bounded. */
struct framing_chunked {
    struct framing base;
    uint64_t remaining;  /* of the current chunk */
    uint32_t line_bytes; /* of the current size line or of all trailers */
    uint32_t last_line;  /* length of the previous size line: the next one is probably as long */
    uint8_t state;
    uint8_t digits;
};
void framing_chunked_init(struct framing_chunked *framing);

#endif
