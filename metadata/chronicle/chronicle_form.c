/* SPDX-License-Identifier: MIT
 *
 * Writing and reading the chronicle's entries and frames; chronicle_form.h draws them. The reader trusts no length before it has looked
 * whether so many bytes are there. */
#include "metadata/chronicle/chronicle_form.h"

#include <assert.h>
#include <endian.h>
#include <isa-l/crc64.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/rows/codec.h"

#define FRAME_MAGIC        0x46726843u /* "ChrF" */
#define BUFFER_BYTES_FIRST 4096u

/* As it lies in the file. */
struct frame_head {
    uint32_t magic, length;
    uint64_t time_ms, crc;
};

_Static_assert(sizeof(struct frame_head) == CHRONICLE_FRAME_HEAD_BYTES, "no gaps: it is written as it is");

/* ---- Writing ---- */

bool chronicle_buffer_reserve(struct chronicle_buffer *buffer, size_t more)
{
    size_t capacity = buffer->capacity == 0 ? BUFFER_BYTES_FIRST : buffer->capacity;

    if (more <= buffer->capacity - buffer->length)
        return true;
    while (capacity - buffer->length < more)
        capacity *= 2;
    unsigned char *grown = realloc(buffer->bytes, capacity);
    if (grown == NULL)
        return false;
    buffer->bytes = grown;
    buffer->capacity = capacity;
    return true;
}

void chronicle_buffer_free(struct chronicle_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct chronicle_buffer){NULL, 0, 0};
}

static unsigned char *value_put(unsigned char *out, const struct chronicle_value *value)
{
    *out++ = (unsigned char)value->type;
    if (value->type == CHRONICLE_NUMBER)
        return codec_number_put(out, (uint64_t)value->number);
    return value->type == CHRONICLE_NULL ? out : codec_bytes_put(out, value->bytes);
}

bool chronicle_entry_put(struct chronicle_buffer *buffer, enum chronicle_kind kind, unsigned table,
                         const struct chronicle_value *values, unsigned count)
{
    size_t bound = 2 + CODEC_NUMBER_BYTES_MAX;

    assert(count <= CHRONICLE_VALUES_MAX && table <= UINT8_MAX);
    for (unsigned i = 0; i < count; i++)
        bound += 1 + CODEC_NUMBER_BYTES_MAX + values[i].bytes.len;
    if (!chronicle_buffer_reserve(buffer, bound))
        return false;
    unsigned char *out = buffer->bytes + buffer->length;
    *out++ = (unsigned char)kind;
    *out++ = (unsigned char)table;
    out = codec_number_put(out, count);
    for (unsigned i = 0; i < count; i++)
        out = value_put(out, &values[i]);
    buffer->length = (size_t)(out - buffer->bytes);
    assert(buffer->length <= buffer->capacity);
    return true;
}

static uint64_t frame_crc(const unsigned char *frame, size_t length, const struct chronicle_place *place)
{
    uint64_t numbers[2] = {htole64(place->number), htole64(place->offset)};
    uint64_t crc = crc64_ecma_refl(0, place->salt, sizeof(place->salt));

    crc = crc64_ecma_refl(crc, (const unsigned char *)numbers, sizeof(numbers));
    crc = crc64_ecma_refl(crc, frame, offsetof(struct frame_head, crc));
    return crc64_ecma_refl(crc, frame + sizeof(struct frame_head), length);
}

void chronicle_frame_seal(unsigned char *frame, size_t length, int64_t time_ms,
                          const struct chronicle_place *place)
{
    struct frame_head head = {
        .magic = htole32(FRAME_MAGIC),
        .length = htole32((uint32_t)length),
        .time_ms = htole64((uint64_t)time_ms),
    };

    assert(length > 0 && length <= UINT32_MAX);
    memcpy(frame, &head, sizeof(head));
    head.crc = htole64(frame_crc(frame, length, place));
    memcpy(frame, &head, sizeof(head));
}

/* ---- Reading ---- */

bool chronicle_frame_look(const unsigned char bytes[CHRONICLE_FRAME_HEAD_BYTES], size_t *length,
                          int64_t *time_ms)
{
    struct frame_head head;

    memcpy(&head, bytes, sizeof(head));
    *length = le32toh(head.length);
    *time_ms = (int64_t)le64toh(head.time_ms);
    return le32toh(head.magic) == FRAME_MAGIC && *length > 0;
}

bool chronicle_frame_is_whole(const unsigned char *frame, size_t length, const struct chronicle_place *place)
{
    struct frame_head head;

    memcpy(&head, frame, sizeof(head));
    return le64toh(head.crc) == frame_crc(frame, length, place);
}

static bool value_get(struct codec_list *list, struct chronicle_value *value)
{
    uint64_t number = 0;

    if (list->at == list->end || *list->at > CHRONICLE_TEXT)
        return false;
    *value = (struct chronicle_value){.type = (enum chronicle_type) * list->at++};
    if (value->type == CHRONICLE_NULL)
        return true;
    if (value->type != CHRONICLE_NUMBER)
        return codec_bytes_get(list, &value->bytes);
    if (!codec_number_get(list, &number))
        return false;
    value->number = (int64_t)number;
    return true;
}

int chronicle_entry_get(struct slice *entries, struct chronicle_entry *entry)
{
    struct codec_list list = {.at = (const unsigned char *)entries->base};
    uint64_t count;

    if (entries->len == 0)
        return 0;
    list.end = list.at + entries->len;
    if (entries->len < 3)
        return META_E_CORRUPT;
    entry->kind = *list.at++;
    entry->table = *list.at++;
    if (!codec_number_get(&list, &count) || count > CHRONICLE_VALUES_MAX)
        return META_E_CORRUPT;
    entry->count = (unsigned)count;
    for (unsigned i = 0; i < entry->count; i++)
        if (!value_get(&list, &entry->values[i]))
            return META_E_CORRUPT;
    *entries = slice_of(list.at, (size_t)(list.end - list.at));
    return 1;
}
