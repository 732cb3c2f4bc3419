/* SPDX-License-Identifier: MIT
 *
 * See pg_array.h. Dimensions, whether there are nulls, the type of the elements; then length and lower bound of the one dimension; then each
 * element with its length before it, -1 for null. All numbers are big endian. */
#include "metadata/postgres/pg_array.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#define HEAD_BYTES     20u
#define HAS_NULLS_AT   4u
#define COUNT_AT       12u
#define CAPACITY_FIRST 256u

static void put32(unsigned char *out, uint32_t value)
{
    value = htobe32(value);
    memcpy(out, &value, sizeof(value));
}

/* Room for so many bytes more, or NULL. */
static unsigned char *room(struct pg_array *array, size_t bytes)
{
    if (array->length + bytes > array->capacity) {
        size_t capacity =
            2 * array->capacity > array->length + bytes ? 2 * array->capacity : array->length + bytes;
        array->bytes = arena_grow(array->arena, array->bytes, array->length, capacity);
        array->capacity = array->bytes != NULL ? capacity : 0;
    }
    if (array->bytes == NULL) {
        array->is_out_of_memory = true;
        return NULL;
    }
    array->length += bytes;
    return array->bytes + array->length - bytes;
}

void pg_array_begin(struct pg_array *array, struct arena *arena, uint32_t of)
{
    *array = (struct pg_array){.arena = arena, .bytes = arena_alloc(arena, CAPACITY_FIRST)};
    array->capacity = array->bytes != NULL ? CAPACITY_FIRST : 0;
    unsigned char *head = room(array, HEAD_BYTES);
    if (head == NULL)
        return;
    put32(head, 1);
    put32(head + HAS_NULLS_AT, 0);
    put32(head + 8, of);
    put32(head + COUNT_AT, 0);
    put32(head + 16, 1);
}

static unsigned char *element(struct pg_array *array, uint32_t length, size_t bytes)
{
    unsigned char *out = array->is_out_of_memory ? NULL : room(array, sizeof(length) + bytes);

    if (out == NULL)
        return NULL;
    array->count++;
    put32(out, length);
    return out + sizeof(length);
}

void pg_array_add_int(struct pg_array *array, int64_t value)
{
    uint64_t number = htobe64((uint64_t)value);
    unsigned char *out = element(array, sizeof(number), sizeof(number));

    if (out != NULL)
        memcpy(out, &number, sizeof(number));
}

void pg_array_add_bytes(struct pg_array *array, struct slice bytes)
{
    unsigned char *out = element(array, (uint32_t)bytes.len, bytes.len);

    assert(bytes.len <= INT32_MAX);
    if (out != NULL && bytes.len > 0)
        (void)slice_copy(out, bytes);
}

void pg_array_add_null(struct pg_array *array)
{
    if (element(array, UINT32_MAX, 0) != NULL)
        put32(array->bytes + HAS_NULLS_AT, 1);
}

int pg_array_end(struct pg_array *array, struct slice *parameter)
{
    if (array->is_out_of_memory || array->bytes == NULL)
        return -ENOMEM;
    put32(array->bytes + COUNT_AT, array->count);
    *parameter = slice_of(array->bytes, array->length);
    return 0;
}
