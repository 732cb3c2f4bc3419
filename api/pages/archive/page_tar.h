/* SPDX-License-Identifier: MIT
 *
 * Archives, written: the names of members, and tar. A member's head comes from memory, its bytes from wherever they are. Pure; any thread. */
#ifndef API_PAGES_ARCHIVE_PAGE_TAR_H
#define API_PAGES_ARCHIVE_PAGE_TAR_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/slice.h"

/* Whoever unpacks an archive trusts its names: what would lead out of a folder, be taken for something by another system, or be no name at all is
 * percent-encoded in them. "a/../b" is "a/%2E%2E/b", "/x" is "%2F/x" and "a\b" is "a%5Cb". */
#define PAGE_MEMBER_BYTES_MAX (3u * 1024u + 64u + 16u) /* of a key, behind the name of a folder or a bucket */
/* The member of that key below a folder of the archive; root: its name, without a '/'. name: not NUL-terminated. The length. */
size_t page_member_name(struct slice root, struct slice key, char name[PAGE_MEMBER_BYTES_MAX]);

/* A pax header, where name or size need one, and a header of ustar. */
#define PAGE_TAR_HEAD_BYTES_MAX (512u + 4096u + 512u)
#define PAGE_TAR_END_BYTES      1024u /* of zeros */
size_t page_tar_head(struct slice name, uint64_t size, int64_t modified_ms,
                     unsigned char head[PAGE_TAR_HEAD_BYTES_MAX]);
/* Zeros behind so many bytes. */
static inline size_t page_tar_padding(uint64_t size)
{
    return (size_t)((512 - size % 512) % 512);
}

#endif
