/* SPDX-License-Identifier: MIT
 *
 * ZIP, written (APPNOTE 6.3): members that are stored as they are, with their CRC in front, and the directory at the end, which is kept in memory until
 * then. Sizes and places of 4 GiB and more, and more than 65,535 members, are told as ZIP64 does. Names are UTF-8. One thread at a time. */
#ifndef API_PAGES_ARCHIVE_PAGE_ZIP_H
#define API_PAGES_ARCHIVE_PAGE_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/slice.h"

struct page_zip {
    unsigned char *directory; /* malloc'ed: entries as they are written at the end */
    size_t length, capacity;
    size_t written; /* of the directory, at the end */
    uint64_t count, at;
};

struct page_zip_member {
    struct slice name; /* of PAGE_MEMBER_BYTES_MAX at most */
    uint64_t size;
    uint32_t crc;
    int64_t modified_ms;
};

#define PAGE_ZIP_HEAD_BYTES_MAX (30u + 4096u + 64u)
#define PAGE_ZIP_END_BYTES_MAX  (56u + 20u + 22u)

/* Notes a member, whose bytes follow its head. The length of that; 0: no memory for the directory. */
size_t page_zip_head(struct page_zip *zip, const struct page_zip_member *member,
                     unsigned char head[PAGE_ZIP_HEAD_BYTES_MAX]);
/* After the last member and its bytes: the directory, zip->length bytes of zip->directory, and then this. */
size_t page_zip_end(const struct page_zip *zip, unsigned char end[PAGE_ZIP_END_BYTES_MAX]);
void page_zip_free(struct page_zip *zip);

#endif
