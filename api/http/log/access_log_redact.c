/* SPDX-License-Identifier: MIT
 *
 * Taking secrets out of URLs before they are logged; which those are, storage/base/text/redact.h says. Any thread; no I/O. */
#include "api/http/log/access_log.h"

#include "storage/base/text/redact.h"

struct slice access_log_redact(struct arena *arena, struct slice url)
{
    size_t room = redact_room(url.base, url.len);
    char *copy;

    if (room == 0)
        return url;
    copy = arena_alloc(arena, room);
    return slice_of(copy, redact_text(url.base, url.len, copy));
}
