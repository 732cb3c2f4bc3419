/* SPDX-License-Identifier: MIT
 *
 * Text as a terminal would show it, as HTML: colours and weights of ECMA-48's SGR (also of 256 and of all colours, as the nearest of sixteen) become
 * classes; all other control sequences are left out. Pure but for the writer; any thread. */
#ifndef API_PAGES_PAGE_ANSI_H
#define API_PAGES_PAGE_ANSI_H

#include "api/pages/page_html.h"

/* Spans that it opens are closed at the end. */
void page_ansi_write(struct page_html *html, struct slice text);

#endif
