/* SPDX-License-Identifier: MIT
 *
 * The end of a ZIP archive, which says where its directory is:
 *
 *     | anything | local header, bytes | ... | directory | zip64 record | its locator | end record, comment |
 *
 * What precedes the first member (a program that unpacks itself) moves all offsets, which were written without it. Pure functions; any
 * thread. */
#ifndef API_ARCHIVE_ZIP_END_H
#define API_ARCHIVE_ZIP_END_H

#include <stddef.h>
#include <stdint.h>

/* The last bytes of an archive that are looked at: the three records and the longest comment. */
#define ZIP_TAIL_BYTES (56u + 20u + 22u + 65535u)

struct zip_end {
    uint64_t offset, length; /* of the directory, in the archive */
    uint64_t count;          /* of its entries */
    uint64_t shift;          /* to be added to the offsets in it */
};

/* tail: the archive's last bytes, ZIP_TAIL_BYTES or all of it. 0; -ENOENT: it is no ZIP; -ENOTSUP: it lies on several disks; -EBADMSG: it
 * contradicts itself. What 0 tells lies within the archive. */
int zip_end_find(const unsigned char *tail, size_t tail_length, uint64_t archive_length, struct zip_end *end);

#endif
