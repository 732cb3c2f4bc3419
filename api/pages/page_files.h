/* SPDX-License-Identifier: MIT
 *
 * The files of static/, as static.cmake writes them into the program. */
#ifndef API_PAGES_PAGE_FILES_H
#define API_PAGES_PAGE_FILES_H

#include <stddef.h>

struct page_file {
    const char *path; /* "/-/ui/file/DIGEST/NAME"; NULL: the end */
    const char *type;
    const unsigned char *bytes;
    size_t length;
};

extern const struct page_file page_files[];

#endif
