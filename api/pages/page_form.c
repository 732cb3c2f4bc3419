/* SPDX-License-Identifier: MIT
 *
 * See page_form.h. */
#include "api/pages/page_form.h"

#include <string.h>

#include "storage/base/text/percent.h"

struct slice page_cookie_find(struct slice field, const char *name)
{
    struct slice found = slice_of(NULL, 0), pair;

    while (field.base != NULL && slice_next_part(&field, ';', &pair)) {
        const char *equals = memchr(pair.base, '=', pair.len);
        size_t length = equals != NULL ? (size_t)(equals - pair.base) : pair.len;

        if (equals == NULL || !slice_is(slice_trim(slice_of(pair.base, length)), name))
            continue;
        if (found.base != NULL)
            return slice_of(NULL, 0);
        found = slice_trim(slice_from(pair, length + 1));
    }
    return found;
}

bool page_form_read(struct page_form *form, struct arena *arena, struct slice body)
{
    struct slice pair;

    form->count = 0;
    while (slice_next_part(&body, '&', &pair)) {
        const char *equals = memchr(pair.base, '=', pair.len);
        size_t length = equals != NULL ? (size_t)(equals - pair.base) : pair.len;
        struct slice value = equals != NULL ? slice_from(pair, length + 1) : slice_of("", 0);

        if (pair.len == 0)
            continue;
        if (form->count == PAGES_FORM_FIELDS_MAX)
            return false;
        form->names[form->count] = percent_decode_in(arena, slice_of(pair.base, length), true);
        form->values[form->count] = percent_decode_in(arena, value, true);
        if (form->names[form->count].base == NULL || form->values[form->count].base == NULL)
            return false;
        form->count++;
    }
    return true;
}

struct slice page_form_value(const struct page_form *form, const char *name)
{
    for (unsigned i = 0; i < form->count; i++)
        if (slice_is(form->names[i], name))
            return form->values[i];
    return slice_of(NULL, 0);
}

bool page_next_is_own(struct slice path)
{
    if (!slice_has_prefix(path, "/-/ui/") || path.len > PAGES_NEXT_BYTES_MAX)
        return false;
    for (size_t i = 0; i < path.len; i++)
        if (path.base[i] <= 0x20 || path.base[i] >= 0x7f || path.base[i] == '\\')
            return false;
    return true;
}
