/* SPDX-License-Identifier: MIT
 *
 * The one writer of HTML. What a page says itself is a literal, and goes through PAGE; everything else (keys, names of buckets, what was typed
 * in, messages) goes through a call that escapes it, for the place where it stands: text and attributes, or paths of URLs. There is no third
 * way, so no key can become markup. Attributes are always quoted. A writer's memory is an arena's; worker's thread. */
#ifndef API_PAGES_PAGE_HTML_H
#define API_PAGES_PAGE_HTML_H

#include <stdint.h>

#include "storage/base/arena.h"
#include "storage/base/slice.h"

struct page_html {
    struct arena *arena;
    char *data;
    size_t length, capacity;
};

/* Text that is part of the program. */
#define PAGE(html, literal) page_html_raw(html, "" literal, sizeof(literal) - 1)
void page_html_raw(struct page_html *html, const char *text, size_t length);

/* As text, or in a quoted attribute. Control characters but for tab and line feed become U+FFFD, and so do those that turn the direction of
 * writing, by which a name could show another. */
void page_html_text(struct page_html *html, struct slice text);
void page_html_string(struct page_html *html, const char *text);
void page_html_number(struct page_html *html, uint64_t number);
/* "1.4 MiB"; "17 B". */
void page_html_size(struct page_html *html, uint64_t bytes);
/* <time> with both the machine's form and "2026-01-31 12:34". */
void page_html_time(struct page_html *html, int64_t unix_ms);
/* The same as plain text. */
#define PAGE_SIZE_TEXT_BYTES 24u
void page_size_format(uint64_t bytes, char text[PAGE_SIZE_TEXT_BYTES]);

/* The path of something in a bucket, as it stands in a quoted attribute: "/-/ui/KIND/BUCKET/KEY", or with "?at=KEY" where a browser would make
 * another of it, as of "a/../b". key: may be empty. Ends in a query or not, which is returned: what follows begins with "&amp;" or "?". */
bool page_html_link(struct page_html *html, const char *kind, struct slice bucket, struct slice key);
/* "?NAME=VALUE" or "&amp;NAME=VALUE", the value encoded. */
void page_html_parameter(struct page_html *html, bool *has_query, const char *name, struct slice value);
/* Whether a browser leaves the path as it is: no part is "." or "..". */
bool page_path_is_kept(struct slice key);

#endif
