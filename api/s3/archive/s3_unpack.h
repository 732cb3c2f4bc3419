/* SPDX-License-Identifier: MIT
 *
 * What an upload says about being unpacked, in MinIO's words, and what of a tar becomes objects: keys, stored headers, refusals. Pure
 * functions; any thread, but one at a time for one struct s3_unpack. */
#ifndef API_S3_ARCHIVE_S3_UNPACK_H
#define API_S3_ARCHIVE_S3_UNPACK_H

#include "api/archive/tar_walk.h"
#include "api/core/many/unpack.h"
#include "api/http/http.h"
#include "api/s3/error/s3_error.h"
#include "storage/base/arena.h"

/* The headers. They are no metadata of the objects. */
#define S3_UNPACK_HEADER        "x-amz-meta-snowball-auto-extract"
#define S3_UNPACK_PREFIX        "x-amz-meta-minio-snowball-prefix"
#define S3_UNPACK_IGNORE_DIRS   "x-amz-meta-minio-snowball-ignore-dirs"
#define S3_UNPACK_IGNORE_ERRORS "x-amz-meta-minio-snowball-ignore-errors"

struct s3_unpack {
    struct slice prefix; /* of all keys, with a slash at its end; or empty */
    bool ignores_folders;
    bool ignores_errors; /* members that cannot be objects are passed over */

    /* What the first member that was refused is about: an error, why, and the name, as far as it can be told. */
    enum s3_error error;
    const char *why;
    char name[256]; /* with a NUL at its end */
};

static inline bool s3_unpack_is_asked(struct slice header)
{
    return slice_is_nocase(header, "true");
}

/* From the request's headers. InvalidArgument: a prefix that cannot be one; *message is set then. */
enum s3_error s3_unpack_read(struct arena *arena, const struct http_headers *headers,
                             struct s3_unpack *unpack, const char **message);
/* For core_unpack_options.take. -ECANCELED: refused, as its error says. */
int s3_unpack_take(struct s3_unpack *unpack, const struct tar_member *member, struct arena *arena,
                   struct slice *key);

/* Of what s3_attributes_collect made of the request, what holds for each object: all but what is about the archive. In the same list. */
void s3_unpack_attributes_common(struct meta_attributes *attributes);
/* The headers that are stored with a member: its own (records "minio.metadata.NAME"), its time, its type by its name, and those that all
 * have. From the arena, with room for two labels. MetadataTooLarge. */
enum s3_error s3_unpack_attributes(struct arena *arena, const struct core_member *member,
                                   const struct meta_attributes *common, struct meta_attributes *attributes);

/* How the body is compressed, by its first bytes; NULL: not in a way that is known. */
const char *s3_unpack_compression(const unsigned char *bytes, size_t length);

#endif
