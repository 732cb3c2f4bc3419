/* SPDX-License-Identifier: MIT
 *
 * Small questions about header and parameter texts. ASCII only, no locale. Pure functions, any thread. */
#ifndef API_S3_TEXT_S3_TEXT_H
#define API_S3_TEXT_S3_TEXT_H

#include <stdbool.h>
#include <string.h>

#include <h2o.h>

static inline char s3_text_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Without regard to case. An absent text (base NULL) has no prefix and equals nothing. */
static inline bool s3_text_has_prefix(h2o_iovec_t text, const char *prefix)
{
    size_t length = strlen(prefix);

    if (text.base == NULL || text.len < length)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (s3_text_lower(text.base[i]) != s3_text_lower(prefix[i]))
            return false;
    }
    return true;
}

static inline bool s3_text_is(h2o_iovec_t text, const char *string)
{
    return text.len == strlen(string) && s3_text_has_prefix(text, string);
}

/* With regard to case. */
static inline bool s3_text_equals(h2o_iovec_t a, h2o_iovec_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.base, b.base, a.len) == 0);
}

/* Cuts the next item off a comma-separated list and trims blanks; empty items are skipped. False at the end. */
static inline bool s3_text_next_item(h2o_iovec_t *list, h2o_iovec_t *item)
{
    while (list->len > 0) {
        const char *comma = memchr(list->base, ',', list->len);
        size_t length = comma != NULL ? (size_t)(comma - list->base) : list->len;

        *item = h2o_iovec_init(list->base, length);
        if (comma != NULL)
            length++;
        *list = h2o_iovec_init(list->base + length, list->len - length);
        while (item->len > 0 && (item->base[0] == ' ' || item->base[0] == '\t')) {
            item->base++;
            item->len--;
        }
        while (item->len > 0 && (item->base[item->len - 1] == ' ' || item->base[item->len - 1] == '\t'))
            item->len--;
        if (item->len > 0)
            return true;
    }
    return false;
}

/* Whether a value may stand in a header line: no control characters but the tab. */
static inline bool s3_text_is_header_safe(h2o_iovec_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.base[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

#endif
