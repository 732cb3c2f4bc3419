/* SPDX-License-Identifier: MIT
 *
 * Settings of buckets: one document of each kind per bucket, opaque to this module (whoever owns a kind owns its form). A
 * setting dies with its bucket.
 *
 * Reads come from a reader as all others do; changes are a meta_op. meta_settings_generation lets callers keep what they
 * read (or made of it) exactly as long as it is true. */
#ifndef METADATA_META_SETTINGS_H
#define METADATA_META_SETTINGS_H

#include "metadata/meta.h"

/* Stored: numbers are never used anew. */
enum meta_setting_kind {
    META_SETTING_TAGGING = 1,
    META_SETTING_CORS = 2,
    META_SETTING_LIFECYCLE = 3,
    META_SETTING_OWNERSHIP = 4,
    META_SETTING_PUBLIC_ACCESS_BLOCK = 5,
    META_SETTING_ACL = 6,
    META_SETTING_POLICY = 7,
    META_SETTING_OBJECT_LOCK = 8,
    META_SETTING_CACHE = 9,   /* set and removed by META_OP_CACHE_SET alone, meta_cache.h */
    META_SETTING_EXPIRY = 10, /* what is to go once: written by the lifecycle thread alone */
    META_SETTING_WEBSITE = 11,
    META_SETTING_CONTENT_TYPES = 12, /* that GETs name by the ending of the key */
    META_SETTING_NOTIFICATION = 13,  /* set by META_OP_OUTBOX_SET alone, with the next; meta_outbox.h */
    META_SETTING_NOTIFICATION_RULES = 14,
    META_SETTING_ENCRYPTION = 15,  /* of objects of which nobody says anything */
    META_SETTING_REPLICATION = 16, /* as META_SETTING_NOTIFICATION, with the next */
    META_SETTING_REPLICATION_RULES = 17,
    META_SETTING_KIND_END
};

/* The bucket's document, in memory of its own that the caller frees (free(document->data)). META_E_NO_SETTING where there is
 * none; the bucket itself is not checked. Reader's thread. */
int meta_setting_get(struct meta_reader *reader, int64_t bucket, enum meta_setting_kind kind,
                     struct slice *document);

/* Every bucket that has a setting of the kind, with bucket > after, ascending; up to limit. Returns the count or negative.
 * Reader's thread. */
int meta_setting_buckets(struct meta_reader *reader, enum meta_setting_kind kind, int64_t after,
                         int64_t *buckets, int limit);

/* Goes up, before `done` is called, with each batch that changed any setting or deleted a bucket. Whoever asks first and
 * reads then holds something that is true as long as the number stays. Any thread; an atomic load. */
uint64_t meta_settings_generation(const struct meta *meta);

/* Sets (document.base not NULL; up to META_SETTING_BYTES_MAX, else -E2BIG) or removes (NULL; also where there is none).
 * META_E_NO_BUCKET. */
struct meta_setting_put {
    struct meta_op op; /* META_OP_SETTING_PUT */
    int64_t bucket;
    enum meta_setting_kind kind;
    struct slice document;
};

#endif
