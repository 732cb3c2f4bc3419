/* SPDX-License-Identifier: MIT
 *
 * Names of members. An archive may call them anything; what would lead whoever unpacks it out of his folder is refused. Pure functions; any
 * thread. */
#ifndef API_ARCHIVE_MEMBER_NAME_H
#define API_ARCHIVE_MEMBER_NAME_H

#include "storage/base/text/names.h"
#include "storage/base/slice.h"

/* CP437 has 256 characters, each of at most three bytes of UTF-8. */
#define MEMBER_NAME_CP437_GROWTH 3u

/* Without "./" at its beginning. 0; -EINVAL for what can be no name: empty, longer than a key, with NUL, not UTF-8; -EPERM for one that leads
 * elsewhere: it is absolute, or has ".." between separators, be these slashes or backslashes. *clean lies in raw. */
int member_name_clean(struct slice raw, struct slice *clean);

/* Names in ZIP that do not say that they are UTF-8, as the format has it: in CP437. text: MEMBER_NAME_CP437_GROWTH bytes for each of raw.
 * Its length. */
size_t member_name_of_cp437(struct slice raw, char *text);

#endif
