/* SPDX-License-Identifier: MIT
 *
 * The units a check has met: each one is read once, however many objects share it. One thread. */
#ifndef API_CORE_UPKEEP_CHECK_UNITS_H
#define API_CORE_UPKEEP_CHECK_UNITS_H

#include "api/core/upkeep/check_reader.h"

struct check_units;

/* NULL: no memory. */
struct check_units *check_units_create(struct blob_store *blobs, bool verify_bytes);
void check_units_free(struct check_units *units); /* NULL allowed */

/* Looks at the unit of an extent, if nobody has yet. Returns an enum check_verdict, or -ENOMEM. */
int check_units_look(struct check_units *units, const struct meta_extent *extent);
/* Anew, whatever was found before, but that other rows disagree. */
int check_units_look_again(struct check_units *units, const struct meta_extent *extent);
/* Bytes of all different units that are there. */
uint64_t check_units_bytes(const struct check_units *units);

/* Many at once: notes those that are to be looked at, then looks at them in the order in which they lie on the disk, on so many threads,
 * the caller's among them. is_over: asked often on the caller's thread, with the bytes that were read so far; true ends it with -ECANCELED. NULL:
 * nobody is. 0, -ENOMEM or -ECANCELED: then some are as if they had not been noted. */
int check_units_note(struct check_units *units, const struct meta_extent *extent);
int check_units_run(struct check_units *units, unsigned threads, bool (*is_over)(void *ctx, uint64_t bytes),
                    void *ctx);

#endif
