/* SPDX-License-Identifier: MIT
 *
 * xl.meta: what MinIO knows of a key, all of its versions with their metadata, and the bytes of small ones. "XL2 " and two little-endian numbers of
 * 16 bits, the version of the form; then MessagePack. Read are the forms 1.0 to 1.3; single drives have written 1.3 ever since there are any:
 *
 *   1.3        a bin with [header version, meta version, count] and for each version a header and a body; a checksum of it; inline data
 *   1.1, 1.2   a bin with {"Versions": [bodies]}; in 1.2 a checksum of it; inline data
 *   1.0        {"Versions": [bodies]}
 *
 * Headers repeat what bodies say. Inline data is a byte of version and a map from a version's id to its bytes. Nothing of it is trusted, and what is
 * taken of it are slices of the file, which must stay. Pure; any thread. */
#ifndef API_IMPORT_XL_META_H
#define API_IMPORT_XL_META_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/arena.h"
#include "storage/base/slice.h"

#define XL_ID_BYTES   16u
#define XL_UUID_BYTES 36u

enum xl_type { XL_OBJECT = 1, XL_MARKER = 2, XL_LEGACY = 3 };

struct xl_part {
    uint32_t number;
    uint64_t size;
};

struct xl_pair {
    struct slice name, value;
};

struct xl_pairs {
    struct xl_pair *list;
    uint32_t count;
};

struct xl_version {
    enum xl_type type;
    unsigned char id[XL_ID_BYTES]; /* all zero: the null version */
    int64_t modified_ns;
    struct xl_pairs system; /* of MinIO's own */
    /* of an object */
    unsigned char folder[XL_ID_BYTES]; /* in which its parts lie */
    int64_t coding, checksum;          /* numbers of algorithms */
    int64_t data_drives, parity_drives;
    uint64_t size, frame_bytes;
    struct xl_part *parts;
    uint32_t part_count;
    struct xl_pairs user;
    bool is_inline;
    struct slice inline_data;
};

struct xl_meta {
    struct xl_version *versions; /* newest first */
    uint32_t count;
};

/* 0; -EBADMSG: it is none, or damaged; -ENOTSUP: of a form that is not read; -ENOMEM. *why says what it is. What is made lies in the arena. */
int xl_meta_read(struct arena *arena, struct slice file, struct xl_meta *meta, const char **why);

/* base NULL: there is none. Names compare without regard to case. */
struct slice xl_pairs_find(const struct xl_pairs *pairs, const char *name);
static inline bool xl_id_is_null(const unsigned char id[XL_ID_BYTES])
{
    static const unsigned char none[XL_ID_BYTES];

    return memcmp(id, none, sizeof(none)) == 0;
}
/* As MinIO writes it: in lower case, with hyphens; NUL-terminated. */
void xl_id_format(const unsigned char id[XL_ID_BYTES], char text[XL_UUID_BYTES + 1]);

/* xl_version.c: one version's body. The rest of the version stays as it is. 0, -EBADMSG, -ENOTSUP, -ENOMEM. */
struct msgpack;
int xl_version_read(struct arena *arena, struct msgpack *cursor, struct xl_version *version,
                    const char **why);

#endif
