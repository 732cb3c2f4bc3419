/* SPDX-License-Identifier: MIT
 *
 * MinIO's data folder: what format.json says of it, its buckets, and the keys of a bucket. Symbolic links are never followed. One thread. */
#ifndef API_IMPORT_FOLDER_H
#define API_IMPORT_FOLDER_H

#include "api/import/limits.h"
#include "storage/base/slice.h"

#define FOLDER_SYSTEM ".minio.sys"

/* Opens it, and sees that it is that of a single drive: the descriptor; or -ENOTSUP, -ENOENT, -EBADMSG ... and why[] says what it is. */
int folder_open(const char *path, char why[IMPORT_WHY_BYTES]);

/* Reads a file below `folder` as a whole into *bytes, which is the caller's to free. 0; -EFBIG; -ENOENT; -EINVAL: it is no regular file; an errno. */
int folder_read(int folder, const char *name, size_t bytes_max, struct slice *bytes);

/* Visits names of folders in `folder`; anything but 0 ends it and is returned. */
int folder_list(int folder, int (*visit)(void *ctx, const char *name), void *ctx);

/* A key: a folder with xl.meta in it. path: from the bucket on; key: as clients see it. Anything but 0 ends it. */
struct folder_visitor {
    int (*key)(void *ctx, const char *path, const char *key);
    /* What stands there and can be none: too deep, too long, a link, a form that is not read. */
    int (*stray)(void *ctx, const char *path, const char *why);
    void *ctx;
};
/* bucket: open. */
int folder_walk(int bucket, const struct folder_visitor *visitor);

#endif
