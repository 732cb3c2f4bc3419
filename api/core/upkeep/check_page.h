/* SPDX-License-Identifier: MIT
 *
 * A page of extents, copied out of the rows: their bytes are read when the snapshot of the rows is over. One thread. */
#ifndef API_CORE_UPKEEP_CHECK_PAGE_H
#define API_CORE_UPKEEP_CHECK_PAGE_H

#include "metadata/meta.h"

/* One extent, and whose it is. */
struct check_extent {
    struct meta_extent_row row;
    struct meta_extent extent;
};

struct check_page;

/* rows_max: of a page, and about how many bytes of units; a row is not divided, so there may be more than four times as many extents by as many as one has. NULL: no memory. */
struct check_page *check_page_create(uint32_t rows_max, uint64_t bytes_max);
void check_page_free(struct check_page *page); /* NULL allowed */

/* Takes the next extents, instead of those it had. 0 or an error. */
int check_page_read(struct check_page *page, struct meta_reader *reader, struct meta_extent_cursor *cursor,
                    bool *more);
/* What is shown is valid during the call. visit non-zero stops and is returned. */
int check_page_walk(const struct check_page *page, int (*visit)(void *ctx, const struct check_extent *extent),
                    void *ctx);

#endif
