/* SPDX-License-Identifier: MIT
 *
 * A page of extents. Names lie in one buffer; extents of the same row share theirs. */
#include "api/core/upkeep/check_page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct page_name {
    struct meta_extent_row row; /* its texts lie in the buffer, at */
    size_t bucket_at, key_at;
};

struct page_extent {
    size_t name;
    struct meta_extent extent;
};

struct check_page {
    struct page_extent *extents;
    struct page_name *names;
    char *buffer;
    size_t extent_count, extent_capacity, name_count, name_capacity, used, buffer_capacity;
    uint32_t rows_max;
    uint64_t bytes, bytes_max;
};

struct check_page *check_page_create(uint32_t rows_max, uint64_t bytes_max)
{
    struct check_page *page = calloc(1, sizeof(*page));

    if (page == NULL)
        return NULL;
    page->rows_max = rows_max;
    page->bytes_max = bytes_max;
    return page;
}

void check_page_free(struct check_page *page)
{
    if (page == NULL)
        return;
    free(page->extents);
    free(page->names);
    free(page->buffer);
    free(page);
}

/* Room for `more` elements of `size` bytes behind `count`. */
static int make_room(void **array, size_t *capacity, size_t count, size_t more, size_t size)
{
    size_t grown_capacity = *capacity == 0 ? 256 : *capacity;
    void *grown;

    if (*capacity - count >= more)
        return 0;
    while (grown_capacity - count < more)
        grown_capacity *= 2;
    grown = realloc(*array, grown_capacity * size);
    if (grown == NULL)
        return -ENOMEM;
    *array = grown;
    *capacity = grown_capacity;
    return 0;
}

static size_t buffer_add(struct check_page *page, const void *bytes, size_t length)
{
    size_t at = page->used;

    if (length > 0)
        memcpy(page->buffer + at, bytes, length);
    page->used += length;
    return at;
}

/* Whether the last name is this one. */
static bool name_is_last(const struct check_page *page, const struct meta_extent_row *row)
{
    const struct page_name *last = page->name_count > 0 ? &page->names[page->name_count - 1] : NULL;

    return last != NULL && last->row.kind == row->kind && last->row.number == row->number &&
           memcmp(&last->row.version, &row->version, sizeof(row->version)) == 0 &&
           strcmp(page->buffer + last->bucket_at, row->bucket) == 0 && last->row.key.len == row->key.len &&
           (row->key.len == 0 || memcmp(page->buffer + last->key_at, row->key.base, row->key.len) == 0);
}

static int name_add(struct check_page *page, const struct meta_extent_row *row)
{
    size_t bucket_bytes = strlen(row->bucket) + 1;
    int err =
        make_room((void **)&page->names, &page->name_capacity, page->name_count, 1, sizeof(*page->names));

    if (err == 0)
        err = make_room((void **)&page->buffer, &page->buffer_capacity, page->used,
                        bucket_bytes + row->key.len, 1);
    if (err != 0)
        return err;
    struct page_name *name = &page->names[page->name_count++];
    name->row = *row;
    name->bucket_at = buffer_add(page, row->bucket, bucket_bytes);
    name->key_at = buffer_add(page, row->key.base, row->key.len);
    return 0;
}

static int take_extent(void *ctx, const struct meta_extent_row *row, const struct meta_extent *extent)
{
    struct check_page *page = ctx;
    int err = name_is_last(page, row) ? 0 : name_add(page, row);

    if (err == 0)
        err = make_room((void **)&page->extents, &page->extent_capacity, page->extent_count, 1,
                        sizeof(*page->extents));
    if (err != 0)
        return err;
    page->extents[page->extent_count++] = (struct page_extent){page->name_count - 1, *extent};
    page->bytes += extent->length;
    return page->extent_count >= 4 * (size_t)page->rows_max || page->bytes >= page->bytes_max;
}

int check_page_read(struct check_page *page, struct meta_reader *reader, struct meta_extent_cursor *cursor,
                    bool *more)
{
    page->extent_count = page->name_count = page->used = 0;
    page->bytes = 0;
    return meta_extent_page(reader, cursor, page->rows_max, take_extent, page, more);
}

int check_page_walk(const struct check_page *page, int (*visit)(void *ctx, const struct check_extent *extent),
                    void *ctx)
{
    int result = 0;

    for (size_t i = 0; i < page->extent_count && result == 0; i++) {
        const struct page_extent *at = &page->extents[i];
        const struct page_name *name = &page->names[at->name];

        struct check_extent shown = {name->row, at->extent};

        shown.row.bucket = page->buffer + name->bucket_at;
        shown.row.key.base = page->buffer + name->key_at;
        result = visit(ctx, &shown);
    }
    return result;
}
