/* SPDX-License-Identifier: MIT
 *
 * A version of MinIO's as a row of ours: its headers, tags, lock, ETag and checksum, and why one cannot be taken. Pure; any thread. */
#ifndef API_IMPORT_XL_OBJECT_H
#define API_IMPORT_XL_OBJECT_H

#include "api/core/import.h"
#include "api/import/xl_meta.h"

/* NULL: the bytes and what is said of them can be read as they lie; else why not: encrypted, compressed, on another drive or in another place, of a
 * form that is not known. Of a delete marker: of MinIO's own business. */
const char *xl_object_refusal(const struct xl_version *version);
/* What MinIO keeps beside the versions of a key, for itself: clients never see it. */
bool xl_version_is_hidden(const struct xl_version *version);

/* Fills the object: all but its size and extents. What it points to is in the arena or in the file. note: called with each header that is there and not
 * kept. 0; -EBADMSG, and *why: something of it is not as it may be; -E2BIG; -ENOMEM. */
int xl_object_fill(struct arena *arena, const struct xl_version *version, struct meta_object *object,
                   void (*note)(void *ctx, struct slice header), void *ctx, const char **why);

/* xl_checksum.c: the first checksum in x-minio-internal-crc, with those of the parts where they are kept. False: damaged. */
bool xl_checksum_read(struct slice packed, struct meta_object *object);

#endif
