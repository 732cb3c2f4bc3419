/* SPDX-License-Identifier: MIT
 *
 * Comparing and cutting slices, where it takes a loop. No allocation, no state; any thread. */
#include "storage/base/slice.h"

bool slice_equals_nocase(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (slice_lower(a.base[i]) != slice_lower(b.base[i]))
            return false;
    }
    return true;
}

struct slice slice_trim_any(struct slice slice, const char *characters)
{
    size_t count = strlen(characters);

    while (slice.len > 0 && memchr(characters, slice.base[0], count) != NULL)
        slice = slice_from(slice, 1);
    while (slice.len > 0 && memchr(characters, slice.base[slice.len - 1], count) != NULL)
        slice.len--;
    return slice;
}

struct slice slice_trim(struct slice slice)
{
    while (slice.len > 0 && slice_is_blank(slice.base[0]))
        slice = slice_from(slice, 1);
    while (slice.len > 0 && slice_is_blank(slice.base[slice.len - 1]))
        slice.len--;
    return slice;
}

bool slice_next_part(struct slice *list, char separator, struct slice *part)
{
    const char *end = list->len > 0 ? memchr(list->base, separator, list->len) : NULL;

    if (list->len == 0)
        return false;
    *part = slice_of(list->base, end != NULL ? (size_t)(end - list->base) : list->len);
    *list = slice_from(*list, part->len + (end != NULL));
    return true;
}

bool slice_next_item(struct slice *list, struct slice *item)
{
    while (slice_next_part(list, ',', item)) {
        *item = slice_trim(*item);
        if (item->len > 0)
            return true;
    }
    return false;
}

struct slice slice_cut_last(struct slice *text, char separator)
{
    const char *at = text->len > 0 ? memrchr(text->base, separator, text->len) : NULL;
    struct slice part;

    if (at == NULL)
        return (struct slice){NULL, 0};
    part = slice_from(*text, (size_t)(at - text->base) + 1);
    text->len = (size_t)(at - text->base);
    return part;
}
