/* SPDX-License-Identifier: MIT
 *
 * Where a change comes from, as meta_origin.who has it: whose request it was, from which address, and its number. Pure functions. */
#ifndef API_EVENTS_ORIGIN_H
#define API_EVENTS_ORIGIN_H

#include "storage/base/arena.h"

struct events_origin {
    struct slice user, address, request; /* empty: nobody knows */
};

struct slice events_origin_pack(struct arena *arena, const struct events_origin *origin);
/* The texts point into the bytes. What cannot be read is empty. */
struct events_origin events_origin_unpack(struct slice bytes);

#endif
