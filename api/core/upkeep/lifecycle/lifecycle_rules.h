/* SPDX-License-Identifier: MIT
 *
 * Lifecycle rules of a bucket: as the store keeps them, and what they say about an object. Pure functions, any thread. How a
 * rule looks in XML is api/s3's business (s3_lifecycle.h); the sweep that carries them out is lifecycle.c. */
#ifndef API_CORE_UPKEEP_LIFECYCLE_RULES_H
#define API_CORE_UPKEEP_LIFECYCLE_RULES_H

#include "metadata/meta.h"

#define CORE_LIFECYCLE_RULES_MAX    1000u /* S3's limit */
#define CORE_LIFECYCLE_ID_BYTES_MAX 255u
#define CORE_LIFECYCLE_DAY_SECONDS  86400u
#define CORE_LIFECYCLE_NEWER_MAX    100u

/* How the filter was written: the rule is told back in the same form. */
enum core_lifecycle_form {
    CORE_LIFECYCLE_PREFIX, /* <Prefix> of the rule itself, the old way */
    CORE_LIFECYCLE_FILTER, /* <Filter> with one condition or none */
    CORE_LIFECYCLE_AND,    /* <Filter><And> */
};

struct core_lifecycle_rule {
    struct slice id;
    bool enabled;
    enum core_lifecycle_form form;

    /* Which objects. */
    bool has_prefix;
    struct slice prefix; /* of the key; empty: all */
    /* stored form of tags (META_ATTRIBUTE_TAGS); all of them must be there; empty: any */
    struct slice tags;
    bool has_size_greater, has_size_less;
    uint64_t size_greater, size_less; /* strictly */

    /* What becomes of them. */
    int64_t
        modified_until_ms; /* objects that are newer stay; 0: whatever their age. Not part of the stored form */
    bool by_attribute;     /* those alone whose own time is over, core/expires.h; not stored either */
    uint32_t expire_days; /* 0: not by age */
    bool has_expire_date;
    int64_t expire_date_ms;
    bool expire_marker; /* delete markers that hide nothing; false may also have been said */
    bool has_expire_marker;
    uint32_t noncurrent_days;  /* 0: never */
    uint32_t noncurrent_newer; /* that many noncurrent versions stay whatever their age */
    uint32_t abort_days;       /* 0: never */
};

struct core_lifecycle {
    struct core_lifecycle_rule *rules;
    uint32_t count;
    bool varies_by_storage_class; /* x-amz-transition-default-minimum-object-size, told back */
};

/* The stored form, for free(). NULL without memory. */
char *core_lifecycle_encode(const struct core_lifecycle *lifecycle, size_t *length);
/* From the stored form; one allocation, for free(). META_E_CORRUPT, -ENOMEM. Texts are copied. */
int core_lifecycle_decode(struct slice stored, struct core_lifecycle **lifecycle);

/* Whether the rule's filter takes the object. tags: its stored tags. */
bool core_lifecycle_matches(const struct core_lifecycle_rule *rule, struct slice key, uint64_t size,
                            struct slice tags);
/* Whether all of `wanted` are among `tags`; both in the stored form. */
bool core_lifecycle_tags_match(struct slice wanted, struct slice tags);

/* When something that began at start_ms has lasted `days`: the midnight (UTC) after it. day_s: the seconds of a day, or fewer
 * in tests; midnights are its multiples. */
int64_t core_lifecycle_due(int64_t start_ms, uint32_t days, uint32_t day_s);
/* When the rule's Expiration takes a current object of that age; INT64_MAX: never. */
int64_t core_lifecycle_expiry(const struct core_lifecycle_rule *rule, int64_t modified_ms, uint32_t day_s);
/* The enabled rule that expires the object first, and when; NULL: none does. */
const struct core_lifecycle_rule *core_lifecycle_first(const struct core_lifecycle *lifecycle,
                                                       struct slice key, uint64_t size, struct slice tags,
                                                       int64_t modified_ms, uint32_t day_s,
                                                       int64_t *expiry_ms);

#endif
