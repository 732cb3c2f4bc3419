/* SPDX-License-Identifier: MIT
 *
 * Transfer-Encoding: chunked. The first byte chooses how the input is cut into pieces; however it is cut, payload and verdict are the
 * same as in one piece. */
#include <stdint.h>
#include <stdlib.h>

#include "api/http/body/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    uint64_t payload, sum;
    long result; /* 0 more, 1 done, negative refused */
    size_t consumed;
};

static struct outcome decode(const char *data, size_t size, size_t piece)
{
    struct framing_chunked chunked;
    struct framing *framing = &chunked.base;
    struct outcome outcome = {0};
    framing_chunked_init(&chunked);
    while (!framing->ops->done(framing) && outcome.consumed < size) {
        size_t left = size - outcome.consumed;
        size_t length = left < piece ? left : piece;
        uint64_t run = framing->ops->run(framing);
        if (run > 0) {
            length = length < run ? length : (size_t)run;
            for (size_t i = 0; i < length; i++)
                outcome.sum = outcome.sum * 31 + (uint8_t)data[outcome.consumed + i];
            outcome.payload += length;
            outcome.consumed += length;
            if ((outcome.result = framing->ops->take(framing, length)) != 0)
                return outcome;
            continue;
        }
        if (framing->ops->hint(framing) == 0)
            abort();
        ssize_t count = framing->ops->feed(framing, data + outcome.consumed, length);
        if (count < 0) {
            outcome.result = count;
            return outcome;
        }
        if ((size_t)count > length ||
            (count == 0 && framing->ops->run(framing) == 0 && !framing->ops->done(framing)))
            abort(); /* no progress */
        outcome.consumed += (size_t)count;
    }
    outcome.result = framing->ops->done(framing);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct outcome whole = decode((const char *)data + 1, size - 1, SIZE_MAX);
    struct outcome pieces = decode((const char *)data + 1, size - 1, 1u + data[0] % 7);
    if (whole.result != pieces.result || whole.sum != pieces.sum || whole.payload != pieces.payload)
        abort();
    return 0;
}
