/* SPDX-License-Identifier: MIT
 *
 * A publication that is visible and whose rows are not where objects lie yet (rows/publications.h): what it has prepared for a key lies over
 * the current object of that key. Who reads current objects or versions asks for the bucket's overlay in the same snapshot, and looks at
 * both places. Hardly ever there is one; then nothing is asked, for a point read. Private to metadata/read/; the reader's thread. */
#ifndef METADATA_READ_OVERLAY_H
#define METADATA_READ_OVERLAY_H

#include "metadata/read/reader.h"

struct overlay {
    int64_t bucket; /* where the rows lie over those of its bucket; 0: there is none */
    int64_t at_ms;  /* when what they lie over became noncurrent */
    bool has_versions;
};

/* Of the reader's snapshot, which is open: 0 or an error. */
int overlay_get(struct meta_reader *reader, int64_t bucket, struct overlay *overlay);

/* Whether a snapshot has no overlay, by the number that was taken before it and the one that is taken within it. */
static inline uint_fast64_t overlay_number(const struct meta_reader *reader)
{
    return atomic_load(&reader->meta->overlays);
}
static inline bool overlay_is_none(uint_fast64_t before, uint_fast64_t within)
{
    return before == within && (before & 1) == 0;
}

/* What lies over a key. */
enum overlay_kind {
    OVERLAY_NONE,
    OVERLAY_OBJECT,
    OVERLAY_REMOVAL,
};
/* object: filled for OVERLAY_OBJECT, to be released. A kind, or an error. */
int overlay_object(struct meta_reader *reader, const struct overlay *overlay, struct slice key,
                   struct meta_object *object);
/* The current object, as both places have it: 0, META_E_NO_KEY, or an error. */
int overlay_current(struct meta_reader *reader, const struct overlay *overlay, int64_t bucket,
                    struct slice key, struct meta_object *object);

/* A version that is not where it is going to lie: the object that is overlaid, or the delete marker that is to come. version NULL: the
 * delete marker. The statement stands on it, to be reset, with the columns READ_VERSION: 1; 0: there is none; or an error. */
int overlay_version(struct meta_reader *reader, const struct overlay *overlay, int64_t bucket,
                    struct slice key, const struct meta_version_id *version, struct query **statement);

#endif
