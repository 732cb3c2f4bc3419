/* SPDX-License-Identifier: MIT
 *
 * Content-Length framing (RFC 9112 6.2): one run of payload and no framing bytes at all. Any thread; no I/O. */
#include "api/http/body/framing.h"

#include <assert.h>
#include <errno.h>

static struct framing_length *length_of(const struct framing *framing)
{
    return (struct framing_length *)framing;
}

static size_t length_hint(const struct framing *framing)
{
    (void)framing;
    return 1;
}

static ssize_t length_feed(struct framing *framing, const char *data, size_t length)
{
    (void)framing, (void)data, (void)length;
    return -EBADMSG; /* there are no framing bytes */
}

static uint64_t length_run(const struct framing *framing)
{
    return length_of(framing)->remaining;
}

static int length_take(struct framing *framing, uint64_t count)
{
    assert(count <= length_of(framing)->remaining);
    length_of(framing)->remaining -= count;
    return 0;
}

static bool length_done(const struct framing *framing)
{
    return length_of(framing)->remaining == 0;
}

void framing_length_init(struct framing_length *framing, uint64_t length)
{
    static const struct framing_ops ops = {length_hint, length_feed, length_run, length_take, length_done};

    *framing = (struct framing_length){.base = {&ops}, .remaining = length};
}
