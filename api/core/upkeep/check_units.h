/* SPDX-License-Identifier: MIT
 *
 * The units a check has met: each one is read once, however many objects share it. One thread. */
#ifndef API_CORE_UPKEEP_CHECK_UNITS_H
#define API_CORE_UPKEEP_CHECK_UNITS_H

#include "metadata/meta.h"
#include "storage/blob/blob_store.h"

enum check_verdict {
    CHECK_SOUND,
    CHECK_MISSING,    /* there is no such file */
    CHECK_FOREIGN,    /* the file says that it is another blob's, or does not say whose it is */
    CHECK_SHORT,      /* the file ends before the unit does */
    CHECK_CHANGED,    /* the bytes are not those that were stored */
    CHECK_UNREADABLE, /* the disk or the system refuses them */
    CHECK_DISAGREES,  /* rows that share the unit differ about it */
    CHECK_VERDICT_COUNT
};

struct check_units;

struct check_units *check_units_create(struct blob_store *blobs, bool verify_bytes);
void check_units_free(struct check_units *units);

/* Looks at the unit of an extent. Returns an enum check_verdict, or -ENOMEM. */
int check_units_look(struct check_units *units, const struct meta_extent *extent);
/* Anew, whatever was found before, but that other rows disagree. */
int check_units_look_again(struct check_units *units, const struct meta_extent *extent);
/* Bytes of all different units that are there. */
uint64_t check_units_bytes(const struct check_units *units);

const char *check_verdict_text(enum check_verdict verdict);

#endif
