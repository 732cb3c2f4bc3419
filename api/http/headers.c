/* SPDX-License-Identifier: MIT
 *
 * Lists of header fields. They lie in an arena; one thread, no I/O. */
#include "api/http/http.h"

#define HEADERS_FIRST 8u /* room for what is added one by one to an empty list; then it doubles */

struct slice http_headers_find(const struct http_headers *headers, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < headers->size; i++) {
        const struct http_header *header = &headers->entries[i];

        if (header->name.len == length && memcmp(header->name.base, name, length) == 0)
            return header->value.base != NULL ? header->value : SLICE("");
    }
    return slice_of(NULL, 0);
}

void http_headers_reserve(struct arena *arena, struct http_headers *headers, size_t count)
{
    struct http_header *entries;

    if (count <= headers->capacity)
        return;
    entries = arena_alloc(arena, count * sizeof(*entries));
    if (headers->size != 0)
        memcpy(entries, headers->entries, headers->size * sizeof(*entries));
    headers->entries = entries;
    headers->capacity = count;
}

void http_headers_add(struct arena *arena, struct http_headers *headers, struct slice name,
                      struct slice value)
{
    if (headers->size == headers->capacity)
        http_headers_reserve(arena, headers, headers->capacity != 0 ? headers->capacity * 2 : HEADERS_FIRST);
    headers->entries[headers->size++] = (struct http_header){name, value};
}
