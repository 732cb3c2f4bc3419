/* SPDX-License-Identifier: MIT
 *
 * One header of a tar archive: a block of 512 bytes that says what follows it. The forms of ustar, pax, GNU and V7.
 *
 *     | header | bytes of the member, padded to blocks | header | ... | zeros | zeros |
 *
 * Pure functions; any thread. */
#ifndef API_ARCHIVE_TAR_HEADER_H
#define API_ARCHIVE_TAR_HEADER_H

#include <stdint.h>

#include "storage/base/slice.h"

#define TAR_BLOCK_BYTES       512u
#define TAR_HEADER_NAME_BYTES 256u /* prefix of 155, a slash, name of 100 */

enum tar_kind {
    TAR_FILE,
    TAR_FOLDER,
    TAR_HARD_LINK,
    TAR_SYMBOLIC_LINK,
    TAR_DEVICE, /* of characters, of blocks, or a FIFO */
    TAR_SPARSE, /* a file with holes that the archive leaves out */
    TAR_OTHER,  /* of a type that is not known here; as many bytes follow as it says */
    /* What is about the next member, or about all that follow. */
    TAR_RECORDS,     /* pax records of the next member */
    TAR_ALL_RECORDS, /* pax records of all that follow */
    TAR_LONG_NAME,   /* GNU: the name of the next member */
    TAR_LONG_LINK,   /* GNU: what the next member links to */
    TAR_ZEROS,       /* no header: the archive ends */
};

struct tar_header {
    enum tar_kind kind;
    bool has_map;        /* of TAR_SPARSE: blocks with more of its map come before its bytes */
    uint64_t size;       /* bytes that follow, without the padding; 0 of folders, links and devices */
    int64_t modified_ms; /* Unix time */
    size_t name_length;
    char name[TAR_HEADER_NAME_BYTES]; /* as it stands there; no NUL at its end */
};

/* 0, or -EBADMSG: it is no header (the sum is wrong, a number is none), or readers would differ about what follows. */
int tar_header_parse(const unsigned char block[TAR_BLOCK_BYTES], struct tar_header *header);

/* Whether one more block of a sparse file's map follows this one. */
bool tar_map_goes_on(const unsigned char block[TAR_BLOCK_BYTES]);

/* With the padding to whole blocks. size <= INT64_MAX. */
static inline uint64_t tar_padded(uint64_t size)
{
    return (size + TAR_BLOCK_BYTES - 1) / TAR_BLOCK_BYTES * TAR_BLOCK_BYTES;
}

#endif
