/* SPDX-License-Identifier: MIT
 *
 * Three texts with a NUL between them. */
#include "api/events/origin.h"

struct slice events_origin_pack(struct arena *arena, const struct events_origin *origin)
{
    const struct slice nul = {"", 1};

    return arena_concat(arena, origin->user, nul, origin->address, nul, origin->request);
}

struct events_origin events_origin_unpack(struct slice bytes)
{
    struct events_origin origin = {0};
    struct slice rest = bytes;

    if (bytes.len == 0)
        return origin;
    (void)(slice_next_part(&rest, '\0', &origin.user) && slice_next_part(&rest, '\0', &origin.address) &&
           slice_next_part(&rest, '\0', &origin.request));
    return origin;
}
