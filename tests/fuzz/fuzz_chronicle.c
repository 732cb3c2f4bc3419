/* SPDX-License-Identifier: MIT
 *
 * Frames and entries of the chronicle, as a recovery reads them. The first bytes say where the frame is said to lie; what is accepted lies in
 * the input, and is written to an entry that reads the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "metadata/chronicle/chronicle_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static void same(const struct chronicle_value *a, const struct chronicle_value *b)
{
    require(a->type == b->type);
    if (a->type == CHRONICLE_NUMBER)
        require(a->number == b->number);
    if (a->type == CHRONICLE_BYTES || a->type == CHRONICLE_TEXT)
        require(slice_equals(a->bytes, b->bytes));
}

static void write_again(const struct chronicle_entry *entry)
{
    struct chronicle_buffer buffer = {NULL, 0, 0};
    struct chronicle_entry again;

    require(chronicle_entry_put(&buffer, (enum chronicle_kind)entry->kind, entry->table, entry->values,
                                entry->count));
    struct slice bytes = slice_of(buffer.bytes, buffer.length);
    require(chronicle_entry_get(&bytes, &again) == 1 && bytes.len == 0);
    require(again.kind == entry->kind && again.table == entry->table && again.count == entry->count);
    for (unsigned i = 0; i < entry->count; i++)
        same(&entry->values[i], &again.values[i]);
    chronicle_buffer_free(&buffer);
}

static void entries_read(struct slice entries)
{
    const char *end = entries.base + entries.len;
    struct chronicle_entry entry;
    int found;

    while ((found = chronicle_entry_get(&entries, &entry)) > 0) {
        require(entry.count <= CHRONICLE_VALUES_MAX && entries.base + entries.len == end);
        write_again(&entry);
    }
    require(found <= 0);
}

/* A frame of these entries is whole where it was sealed, and nowhere else. */
static void frame_seal(const uint8_t *data, size_t size, const struct chronicle_place *place)
{
    unsigned char *frame = malloc(CHRONICLE_FRAME_HEAD_BYTES + size);
    struct chronicle_place other = *place;
    size_t length;
    int64_t time_ms;

    require(frame != NULL);
    memcpy(frame + CHRONICLE_FRAME_HEAD_BYTES, data, size);
    chronicle_frame_seal(frame, size, 7, place);
    require(chronicle_frame_look(frame, &length, &time_ms) && length == size && time_ms == 7);
    require(chronicle_frame_is_whole(frame, size, place));
    other.offset++;
    require(!chronicle_frame_is_whole(frame, size, &other));
    free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct chronicle_place place = {.number = 3};
    size_t length;
    int64_t time_ms;

    if (size < sizeof(place.salt) + 1)
        return 0;
    memcpy(place.salt, data, sizeof(place.salt));
    data += sizeof(place.salt);
    size -= sizeof(place.salt);
    entries_read(slice_of(data, size));
    frame_seal(data, size, &place);
    if (size > CHRONICLE_FRAME_HEAD_BYTES && chronicle_frame_look(data, &length, &time_ms) &&
        length <= size - CHRONICLE_FRAME_HEAD_BYTES && chronicle_frame_is_whole(data, length, &place))
        entries_read(slice_of(data + CHRONICLE_FRAME_HEAD_BYTES, length));
    return 0;
}
