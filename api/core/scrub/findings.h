/* SPDX-License-Identifier: MIT
 *
 * What scrubs found, kept in a file of bounded length: DATA/findings, a line each, replaced as a whole. Nothing rests on it: a line that does
 * not read is passed over, a file that is missing is an empty one. */
#ifndef API_CORE_SCRUB_FINDINGS_H
#define API_CORE_SCRUB_FINDINGS_H

#include "api/core/core_scrub.h"

#define FINDINGS_NAME "findings"

struct findings;

/* With those of the file. NULL: no memory. Any thread may call what follows. */
struct findings *findings_open(int folder_fd);
void findings_close(struct findings *findings); /* NULL allowed */
/* One more, copied; the same one from before gives way to it, and so does the oldest where there are too many. False: there was no memory. */
bool findings_add(struct findings *findings, const struct core_finding *finding);
/* Those from before that moment are no more: a whole round has not met them again. */
void findings_drop_before(struct findings *findings, int64_t at_ms);
size_t findings_count(struct findings *findings); /* that are not mended */
/* Oldest first; visit non-zero stops and is returned. With the lock held: visit must not call these. */
int findings_each(struct findings *findings, int (*visit)(void *ctx, const struct core_finding *finding),
                  void *ctx);
/* Writes the file, if something has changed. 0 or a negative errno. Blocks. */
int findings_save(struct findings *findings, int folder_fd);

#endif
