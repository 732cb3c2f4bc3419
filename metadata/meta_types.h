/* SPDX-License-Identifier: MIT
 *
 * What rows are made of, as reads give them and changes take them: errors, bytes, extents, attributes, objects, buckets. Part of
 * meta.h, which is what others include. */
#ifndef METADATA_META_TYPES_H
#define METADATA_META_TYPES_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "metadata/limits.h"
#include "metadata/meta_version.h"
#include "storage/base/sealed_size.h"
#include "storage/base/slice.h"

/* Outside the range of errno values. */
#define META_ERROR_MAP(X)                                                                                    \
    X(META_E_NO_BUCKET, -5001, "no such bucket")                                                             \
    X(META_E_BUCKET_EXISTS, -5002, "the bucket exists")                                                      \
    X(META_E_BUCKET_NOT_EMPTY, -5003, "the bucket is not empty")                                             \
    X(META_E_NO_KEY, -5004, "no such key")                                                                   \
    X(META_E_PRECONDITION, -5005, "a precondition failed")                                                   \
    X(META_E_NO_UPLOAD, -5006, "no such upload")                                                             \
    X(META_E_INVALID_PART, -5007, "a part is missing or its ETag differs")                                   \
    X(META_E_CHANGED, -5008, "what the change was based on has changed meanwhile")                           \
    X(META_E_NEWER_SCHEMA, -5009, "the database was written by a newer version")                             \
    X(META_E_NOT_OURS, -5010, "the file is a database of another application")                               \
    X(META_E_CORRUPT, -5011, "the database is damaged")                                                      \
    X(META_E_CLOSING, -5012, "the store is closing")                                                         \
    X(META_E_NO_SETTING, -5013, "the bucket has no such setting")                                            \
    X(META_E_NO_VERSION, -5014, "no such version")                                                           \
    X(META_E_DELETE_MARKER, -5015, "the version is a delete marker")                                         \
    X(META_E_OFFSET, -5016, "the object does not end where the append begins")                               \
    X(META_E_LOCKED, -5017, "the version is locked")                                                         \
    X(META_E_BUCKET_STATE, -5018, "versioning and object lock of the bucket do not allow it")                \
    X(META_E_TOKEN, -5019, "the token was used for another change")                                          \
    X(META_E_STALLED, -5040, "changes have waited too long for the disk")                                    \
    X(META_E_UNREACHABLE, -5041, "the database cannot be reached")                                           \
    X(META_E_DOUBT, -5045, "the database was lost during a commit: nobody knows whether it was made")        \
    X(META_E_FENCED, -5044, "other servers have taken this one for dead")                                    \
    X(META_E_UNSYNCED, -5020, "a sync of the database failed and is not made good yet")                      \
    X(META_E_DAMAGED_LOG, -5022, "the log of the latest changes is damaged before its end")                  \
    X(META_E_OLDER, -5023, "the database is missing, older than the files beside it, or not theirs")         \
    X(META_E_EXTENTS, -5024, "the object would lie in too many pieces")                                      \
    X(META_E_NOT_OWNER, -5025, "the object is another's")                                                    \
    X(META_E_JUDGED, -5026, "the object is not as it was judged any more")                                   \
    X(META_E_NO_ANNOTATION, -5027, "no such annotation")                                                     \
    X(META_E_ANNOTATIONS, -5028, "the object has as many annotations as it may have")                        \
    X(META_E_OLDER_SCHEMA, -5029, "an earlier release wrote the database; a start brings it up to date")     \
    X(META_E_WRITE_ONCE, -5030, "the key is taken, and the bucket takes each but once")                      \
    X(META_E_OBJECT_SIZE, -5031, "the object is larger than the bucket takes")                               \
    X(META_E_BUSY, -5032, "a publication is not carried out yet")                                            \
    X(META_E_QUOTA, -5034, "the quota of the bucket, its owner or the store has no room for it")

enum meta_error {
#define META_ERROR_ENUM(name, value, text) name = value,
    META_ERROR_MAP(META_ERROR_ENUM)
#undef META_ERROR_ENUM
};

/* A text for a result of this module, errno values included; static storage. */
const char *meta_strerror(int result);

/* Whether a change that ended so may have been made, or may come back after a power failure: the bytes that it names must stay. */
static inline bool meta_is_in_doubt(int result)
{
    return result == META_E_DOUBT || result == -EIO;
}

struct meta;
struct meta_reader;

/* Files of this number and more are none: the unit is a row beside its count (meta_body), and begins at 0. */
#define META_BODY_FIRST ((UINT64_C(1) << 62) + 1)

static inline bool meta_file_is_body(uint64_t file)
{
    return file >= META_BODY_FIRST;
}

/* By which checksum a unit is verified; the module stores it and computes none. */
enum meta_unit_crc {
    META_UNIT_CRC32C,    /* the low 32 bits of unit_crc: what stores of earlier versions hold */
    META_UNIT_CRC64NVME, /* what is written now */
};

struct meta_extent {
    uint64_t file;        /* blob id */
    uint64_t offset;      /* in the file */
    uint64_t length;      /* > 0 */
    uint64_t unit_offset; /* where the unit begins; unit_offset <= offset */
    uint64_t unit_length; /* offset + length <= unit_offset + unit_length */
    uint64_t unit_crc;    /* of the whole unit, of that kind */
    enum meta_unit_crc unit_crc_kind;
    /* All of the unit is one sealed body (storage/base/sealed_size.h): fewer bytes of the object than it is long. Whoever reads bytes
     * out of files asks for it first. */
    bool is_sealed;
};

/* How many bytes of the object the extent stands for; 0: of a sealed one that has no possible length. */
static inline uint64_t meta_extent_size(const struct meta_extent *extent)
{
    return extent->is_sealed ? sealed_plain_size(extent->length) : extent->length;
}

struct meta_extents {
    struct meta_extent *list;
    uint32_t count; /* 0 for an empty object */
};

/* A stored header: lower-case name as S3 sends it ("content-type", "x-amz-meta-colour"), value as received. */
struct meta_attribute {
    struct slice name, value;
};

struct meta_attributes {
    struct meta_attribute *list;
    uint32_t count;
};

/* Labels: attributes that are no headers and may change while content, ETag and time stay (META_OP_OBJECT_LABEL). They
 * come and go with the other attributes; the module does not interpret their values, but for those that have changes of
 * their own. */
#define META_ATTRIBUTE_TAGS "x-amz-tagging"
#define META_ATTRIBUTE_ACL  "x-amz-acl"
#define META_ATTRIBUTE_LOCK "x-amz-object-lock" /* meta_lock.h, META_OP_OBJECT_LOCK */
#define META_ATTRIBUTE_SEAL "x-amz-sealed" /* of whose extents are sealed: what opens them (api/encryption) */
#define META_ATTRIBUTE_RENAME                                                                                \
    "x-amz-rename-source" /* the token by which it was renamed, META_OP_OBJECT_RENAME */
/* What became of it at the servers that copies go to; or that it is such a copy (api/s3/replication). It goes where the object is changed. */
#define META_ATTRIBUTE_REPLICATION "x-amz-replication-status"
/* The one attribute that listings tell. */
#define META_ATTRIBUTE_STORAGE_CLASS "x-amz-storage-class"
bool meta_attribute_is_label(struct slice name);

/* The S3 checksum of an object or part. algorithm 0 means none. The module does not interpret the numbers. */
struct meta_checksum {
    uint8_t algorithm; /* api's enum */
    uint8_t type;      /* 0 full object, 1 composite */
    uint8_t length;
    unsigned char value[META_CHECKSUM_BYTES_MAX];
};

struct meta_part_size {
    uint32_t number;
    uint64_t size;
};

/* The checksums that an object's parts had, one value after the other. They are all of one algorithm, or not kept. */
struct meta_part_checksums {
    uint8_t algorithm;           /* as in meta_checksum; 0: none are kept */
    uint8_t length;              /* of each value, at most META_CHECKSUM_BYTES_MAX */
    const unsigned char *values; /* part_count of them */
};

/* An object as stored. Pointers are borrowed: see who fills it. */
struct meta_object {
    uint64_t size;
    int64_t modified_ms;                /* Unix time */
    char etag[META_ETAG_BYTES_MAX + 1]; /* without quotes */
    struct meta_checksum checksum;
    struct meta_attributes attributes;
    struct meta_extents extents;
    struct slice owner;                 /* owner id, may be empty */
    uint32_t part_count;                /* 0 unless the object was made by a multipart upload */
    const struct meta_part_size *parts; /* part_count entries */
    struct meta_part_checksums part_checksums;
    /* zero unless multipart: makes CompleteMultipartUpload repeatable */
    unsigned char upload_id[META_UPLOAD_ID_BYTES];
    struct meta_version_id version; /* given by the store */
    int64_t annotations;            /* its set of them, for meta_annotation_get; 0: it never had any */
    /* Of meta_object_get_whole: the only unit, all of it, as it is stored and not verified; or base NULL. */
    struct slice body;
};

static inline bool meta_object_has_upload(const struct meta_object *object)
{
    static const unsigned char none[META_UPLOAD_ID_BYTES];

    return memcmp(object->upload_id, none, sizeof(none)) != 0;
}

enum meta_versioning {
    /* every object is the null version, and replacing or deleting it is the end of it */
    META_VERSIONING_NEVER,
    META_VERSIONING_ENABLED,   /* every put makes a version; deleting a key adds a delete marker */
    META_VERSIONING_SUSPENDED, /* puts and deletes replace the null version; other versions stay */
};

struct meta_bucket {
    int64_t id; /* never used twice */
    int64_t created_ms;
    char name[META_BUCKET_NAME_BYTES_MAX + 1];
    char region[64];
    char owner[65];
    enum meta_versioning versioning; /* changed by META_OP_BUCKET_VERSIONING */
};

struct meta_upload {
    /* begins with the time in ms, big-endian: ids sort by initiation */
    unsigned char id[META_UPLOAD_ID_BYTES];
    struct slice key;
    int64_t initiated_ms;
    struct meta_attributes attributes;
    struct slice owner;
    struct slice storage_class; /* of meta_upload_list only; base NULL: it has none */
    uint8_t checksum_algorithm, checksum_type;
};

struct meta_part {
    uint32_t number; /* 1 .. META_PART_NUMBER_MAX */
    uint64_t size;
    int64_t modified_ms;
    char etag[META_ETAG_BYTES_MAX + 1];
    struct meta_checksum checksum;
    struct meta_extents extents; /* NULL in listings */
};

/* Bytes beside an object, by a name of their own. */
struct meta_annotation {
    struct slice name; /* 1 .. META_ANNOTATION_NAME_BYTES_MAX bytes */
    uint64_t size;
    int64_t modified_ms;
    char etag[META_ETAG_BYTES_MAX + 1];
    struct meta_checksum checksum;
    struct meta_extents extents; /* NULL in listings */
};

struct meta_complete_part {
    uint32_t number;
    char etag[META_ETAG_BYTES_MAX + 1];
};

#endif
