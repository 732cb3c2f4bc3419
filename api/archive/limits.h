/* SPDX-License-Identifier: MIT
 *
 * Every bound of reading archives, with its unit in the name and its reason beside it. */
#ifndef API_ARCHIVE_LIMITS_H
#define API_ARCHIVE_LIMITS_H

/* Of one extended header or long name: a path of 1,024 bytes and attributes of some 10 KiB take less. It is held in memory. */
#define TAR_EXTENSION_BYTES_MAX (64u << 10)
/* Headers before one member that are about it (a path, a link's target, records). */
#define TAR_EXTENSIONS_MAX 8u

#endif
