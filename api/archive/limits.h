/* SPDX-License-Identifier: MIT
 *
 * Every bound of reading archives, with its unit in the name and its reason beside it. */
#ifndef API_ARCHIVE_LIMITS_H
#define API_ARCHIVE_LIMITS_H

/* Of one extended header or long name: a path of 1,024 bytes and attributes of some 10 KiB take less. It is held in memory. */
#define TAR_EXTENSION_BYTES_MAX (64u << 10)
/* Headers before one member that are about it (a path, a link's target, records). */
#define TAR_EXTENSIONS_MAX 8u

/* Members that are looked at: more than the 65,535 of a plain ZIP. And the directory that tells of them, which is held in memory while it is read. */
#define ARCHIVE_MEMBERS_MAX         100000u
#define ARCHIVE_DIRECTORY_BYTES_MAX (16u << 20)

/* What all requests of a server may hold of indexes, directories and bytes on their way through zlib: a dozen of the largest at a time. */
#define ARCHIVE_MEMORY_BYTES_MAX (128u << 20)
/* Of these, indexes that are kept for the next request about the same archive: any one fits. */
#define ARCHIVE_KEPT_BYTES_MAX (16u << 20)
#define ARCHIVE_KEPT_MAX       64u /* looked through one by one */

/* Threads that read large directories and inflate members. Each takes as much as it can get, so that there are few. */
#define ARCHIVE_THREADS_MAX 4u

/* Of a member that is inflated: what one step makes, before others have their turn. */
#define ARCHIVE_STEP_BYTES (64u << 10)
/* The largest member that is inflated here: some ten seconds of a thread. Whoever takes gzip gets larger ones too, as they are stored. */
#define ARCHIVE_INFLATED_BYTES_MAX (4ull << 30)
/* What deflate can make of one byte. A directory that says more of a member is wrong. */
#define ARCHIVE_RATIO_MAX 1032u

#endif
