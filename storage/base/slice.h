/* SPDX-License-Identifier: MIT
 *
 * A piece of text or bytes in somebody else's memory: where it begins and how long it is. No NUL at its end is promised.
 *
 * base NULL, with len 0, means "there is none" where a text may be absent: it is no text and has no prefix, not even the empty
 * one. What is said of case and blanks is about ASCII, without a locale. Pure functions; any thread. */
#ifndef STORAGE_BASE_SLICE_H
#define STORAGE_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *base;
    size_t len;
};

/* Of a string literal. */
#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})

/* Where a literal begins and how long it is, for calls that take the two apart. */
#define LITERAL(literal) "" literal, sizeof(literal) - 1

static inline struct slice slice_of(const void *base, size_t length)
{
    return (struct slice){base, length};
}

/* Of a text that ends in NUL; NULL gives an absent one. */
static inline struct slice slice_text(const char *text)
{
    return (struct slice){text, text != NULL ? strlen(text) : 0};
}

/* What is left without the first `count` bytes, count <= len. */
static inline struct slice slice_from(struct slice slice, size_t count)
{
    return (struct slice){slice.base + count, slice.len - count};
}

/* Writes the bytes to `to`, which has room for them, and returns what is behind them. An empty slice may lie nowhere, which memcpy must
 * not be given. */
static inline char *slice_copy(void *to, struct slice from)
{
    return from.len == 0 ? to : (char *)memcpy(to, from.base, from.len) + from.len;
}

static inline bool slice_is_empty(struct slice slice)
{
    return slice.len == 0;
}

static inline char slice_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline bool slice_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* ---- Comparing: text and prefix end in NUL ---- */

static inline bool slice_equals(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.base, b.base, a.len) == 0);
}

static inline bool slice_is(struct slice slice, const char *text)
{
    size_t length = strlen(text);

    return slice.base != NULL && slice.len == length && memcmp(slice.base, text, length) == 0;
}

static inline bool slice_has_prefix(struct slice slice, const char *prefix)
{
    size_t length = strlen(prefix);

    return slice.base != NULL && slice.len >= length && memcmp(slice.base, prefix, length) == 0;
}

/* The same for a prefix that is a slice; an empty one begins everything. */
static inline bool slice_begins(struct slice slice, struct slice prefix)
{
    return slice.len >= prefix.len && (prefix.len == 0 || memcmp(slice.base, prefix.base, prefix.len) == 0);
}

/* As memcmp; where one begins the other, the shorter one is less. */
static inline int slice_compare(struct slice a, struct slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.base, b.base, common);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Without regard to case. */
static inline bool slice_has_prefix_nocase(struct slice slice, const char *prefix)
{
    size_t length = strlen(prefix);

    if (slice.base == NULL || slice.len < length)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (slice_lower(slice.base[i]) != slice_lower(prefix[i]))
            return false;
    }
    return true;
}

static inline bool slice_is_nocase(struct slice slice, const char *text)
{
    return slice.len == strlen(text) && slice_has_prefix_nocase(slice, text);
}

bool slice_equals_nocase(struct slice a, struct slice b);

/* ---- Cutting ---- */

/* Without the blanks at both ends. */
struct slice slice_trim(struct slice slice);
/* The same for any of these characters. */
struct slice slice_trim_any(struct slice slice, const char *characters);
/* Cuts what precedes the separator off the list, or all of it where there is none; it may be empty. False when the list is. */
bool slice_next_part(struct slice *list, char separator, struct slice *part);
/* Cuts the next item off a comma-separated list and trims its blanks; empty items are skipped. False at the end. */
bool slice_next_item(struct slice *list, struct slice *item);
/* Cuts what follows the last separator off *text and returns it; absent, and *text untouched, when there is no separator. */
struct slice slice_cut_last(struct slice *text, char separator);

#endif
