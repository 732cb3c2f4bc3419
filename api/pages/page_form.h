/* SPDX-License-Identifier: MIT
 *
 * What browsers send beside paths: cookies (RFC 6265 5.4) and forms (application/x-www-form-urlencoded). Pure; any thread. */
#ifndef API_PAGES_PAGE_FORM_H
#define API_PAGES_PAGE_FORM_H

#include "api/pages/limits.h"
#include "storage/base/arena.h"
#include "storage/base/slice.h"

/* The value of the cookie of that name in a Cookie field; base NULL: there is none, or there are two, of which one may be somebody else's. */
struct slice page_cookie_find(struct slice field, const char *name);

struct page_form {
    struct slice names[PAGES_FORM_FIELDS_MAX], values[PAGES_FORM_FIELDS_MAX]; /* decoded, in the arena */
    unsigned count;
};

/* False: it cannot be decoded, or has too many fields. */
bool page_form_read(struct page_form *form, struct arena *arena, struct slice body);
/* base NULL: there is none of that name. */
struct slice page_form_value(const struct page_form *form, const char *name);

/* Whether the text is a path among the pages, to which somebody may be sent back: "/-/ui/...", of printable ASCII. */
bool page_next_is_own(struct slice path);

#endif
