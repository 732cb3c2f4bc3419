/* SPDX-License-Identifier: MIT
 *
 * The directory of a ZIP archive, and the header that each member has beside it. All of what they say is checked against each other as far
 * as it goes without reading the members. Pure functions; any thread. */
#ifndef API_ARCHIVE_ZIP_DIRECTORY_H
#define API_ARCHIVE_ZIP_DIRECTORY_H

#include "api/archive/member_index.h"
#include "api/archive/zip_end.h"

#define ZIP_LOCAL_BYTES 30u /* of a local header, without its name */

/* bytes: all of the directory. Adds its members to the index and finishes it. 0; -EBADMSG: it is none, or contradicts itself; else as
 * member_index_add. Takes some time where there are many. */
int zip_directory_read(const unsigned char *bytes, const struct zip_end *end, struct member_index *index);

/* header: the member->head bytes from member->offset on. *offset: where the member's bytes begin. 0, or -EBADMSG: it is none, is another
 * one's, or leaves no room for these bytes. */
int zip_local_check(const unsigned char *header, const struct member *member, uint64_t *offset);

#endif
