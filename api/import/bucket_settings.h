/* SPDX-License-Identifier: MIT
 *
 * What MinIO knows of a bucket: .minio.sys/buckets/BUCKET/.metadata.bin, which is stored as an object is, and holds two little-endian numbers of
 * 16 bits (form and version, both 1) and a map. Pure; any thread. */
#ifndef API_IMPORT_BUCKET_SETTINGS_H
#define API_IMPORT_BUCKET_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/arena.h"
#include "storage/base/slice.h"

/* In the order in which they are to be set: name in S3's query, MinIO's field. Those without a name have no counterpart here. */
#define BUCKET_SETTING_MAP(X)                                                                                \
    X(TAGGING, "tagging", "TaggingConfigXML", "tags")                                                        \
    X(OBJECT_LOCK, "object-lock", "ObjectLockConfigXML", "object lock")                                      \
    X(ENCRYPTION, "encryption", "EncryptionConfigXML", "default encryption")                                 \
    X(POLICY, "policy", "PolicyConfigJSON", "policy")                                                        \
    X(LIFECYCLE, "lifecycle", "LifecycleConfigXML", "lifecycle rules")                                       \
    X(NOTIFICATION, NULL, "NotificationConfigXML", "notifications")                                          \
    X(QUOTA, NULL, "QuotaConfigJSON", "quota")                                                               \
    X(REPLICATION, NULL, "ReplicationConfigXML", "replication")                                              \
    X(TARGETS, NULL, "BucketTargetsConfigJSON", "targets of replication")

enum bucket_setting {
#define BUCKET_SETTING_ENUM(name, query, field, words) BUCKET_SETTING_##name,
    BUCKET_SETTING_MAP(BUCKET_SETTING_ENUM)
#undef BUCKET_SETTING_ENUM
        BUCKET_SETTING_COUNT,
};

struct bucket_settings {
    int64_t created_ms; /* 0: it does not say */
    bool is_versioned, is_suspended;
    bool has_exclusions;                          /* prefixes without versions, which is MinIO's own */
    struct slice documents[BUCKET_SETTING_COUNT]; /* empty: it has none. Borrowed */
};

/* False: damaged, or of a form that is not known. */
bool bucket_settings_read(struct slice bytes, struct bucket_settings *settings);
const char *bucket_setting_query(enum bucket_setting setting); /* NULL: there is no counterpart */
const char *bucket_setting_words(enum bucket_setting setting);
/* Without what MinIO adds for itself; in the arena, or as it is. */
struct slice bucket_setting_plain(struct arena *arena, enum bucket_setting setting, struct slice document);
/* Whether a document sets anything: MinIO writes some that do not. */
bool bucket_setting_says_something(enum bucket_setting setting, struct slice document);

#endif
