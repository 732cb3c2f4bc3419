/* SPDX-License-Identifier: MIT
 *
 * The form of a record: see record.h. First the writer, then the reader, which trusts no length before the checksum was right. */
#include "storage/blob/record.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "storage/digest/digest.h"

#define RECORD_MAGIC        UINT64_C(0x3164726365526c53) /* "SlRecrd1" */
#define RECORD_VERSION      1u
#define RECORD_NUMBER_BYTES 8u

/* As they lie in the file. */
struct item_head {
    uint16_t type, flags;
    uint32_t length;
};

struct foot {
    uint32_t version, bytes;
    uint64_t crc, magic;
};

_Static_assert(sizeof(struct item_head) == RECORD_ITEM_BYTES, "no gaps: it is written as it is");
_Static_assert(sizeof(struct foot) == RECORD_FOOT_BYTES, "no gaps: it is written as it is");

/* ---- Writing ---- */

void record_begin(struct record_writer *writer, void *bytes, size_t capacity)
{
    assert(capacity >= RECORD_FOOT_BYTES);
    *writer = (struct record_writer){.bytes = bytes, .capacity = capacity};
}

void record_put(struct record_writer *writer, enum record_type type, unsigned flags, const void *value,
                size_t length)
{
    struct item_head head = {htole16((uint16_t)type), htole16((uint16_t)flags), htole32((uint32_t)length)};
    size_t room = writer->capacity - RECORD_FOOT_BYTES - writer->length;

    assert(writer->length <= writer->capacity - RECORD_FOOT_BYTES && length <= UINT32_MAX);
    if (writer->is_full || room < sizeof(head) || room - sizeof(head) < length) {
        writer->is_full = true;
        return;
    }
    memcpy(writer->bytes + writer->length, &head, sizeof(head));
    memcpy(writer->bytes + writer->length + sizeof(head), value, length);
    writer->length += sizeof(head) + length;
}

void record_put_number(struct record_writer *writer, enum record_type type, unsigned flags, uint64_t value)
{
    value = htole64(value);
    record_put(writer, type, flags, &value, RECORD_NUMBER_BYTES);
}

static uint64_t record_crc(const unsigned char *items, size_t length, const struct foot *foot)
{
    uint64_t crc = crc64nvme_update(0, items, length);

    return crc64nvme_update(crc, foot, offsetof(struct foot, crc));
}

size_t record_end(struct record_writer *writer)
{
    struct foot foot = {
        .version = htole32(RECORD_VERSION),
        .bytes = htole32((uint32_t)(writer->length + sizeof(foot))),
        .magic = htole64(RECORD_MAGIC),
    };

    if (writer->is_full)
        return 0;
    foot.crc = htole64(record_crc(writer->bytes, writer->length, &foot));
    memcpy(writer->bytes + writer->length, &foot, sizeof(foot));
    writer->length += sizeof(foot);
    assert(writer->length <= writer->capacity);
    return writer->length;
}

/* ---- Reading ---- */

/* The item at the front of `left` bytes: its head, or false when it does not fit. */
static bool item_read(const unsigned char *at, size_t left, struct item_head *head)
{
    if (left < sizeof(*head))
        return false;
    memcpy(head, at, sizeof(*head));
    head->type = le16toh(head->type);
    head->flags = le16toh(head->flags);
    head->length = le32toh(head->length);
    return head->length <= left - sizeof(*head);
}

static bool type_is_known(unsigned type)
{
    return type >= RECORD_STORE && type <= RECORD_PAYLOAD;
}

/* Whether all items are whole and those that must be known are. 0, -EBADMSG or -ENOTSUP. */
static int items_check(const struct record *record)
{
    struct item_head head;

    for (size_t at = 0; at < record->length; at += sizeof(head) + head.length) {
        if (!item_read(record->items + at, record->length - at, &head))
            return -EBADMSG;
        if ((head.flags & RECORD_FLAG_NEEDED) != 0 && !type_is_known(head.type))
            return -ENOTSUP;
    }
    return 0;
}

int record_read(const void *bytes, size_t length, struct record *record, size_t *needed)
{
    const unsigned char *end = (const unsigned char *)bytes + length;
    struct foot foot;

    if (length < sizeof(foot))
        return -ENODATA;
    memcpy(&foot, end - sizeof(foot), sizeof(foot));
    if (le64toh(foot.magic) != RECORD_MAGIC)
        return -ENODATA;
    *needed = le32toh(foot.bytes);
    if (*needed < sizeof(foot) || *needed > RECORD_BYTES_MAX)
        return -EBADMSG;
    if (*needed > length)
        return -ENOBUFS;
    record->items = end - *needed;
    record->length = *needed - sizeof(foot);
    if (le64toh(foot.crc) != record_crc(record->items, record->length, &foot))
        return -EBADMSG;
    if (le32toh(foot.version) != RECORD_VERSION)
        return -ENOTSUP;
    return items_check(record);
}

bool record_get(const struct record *record, enum record_type type, const void **value, size_t *length)
{
    struct item_head head;

    for (size_t at = 0; at < record->length; at += sizeof(head) + head.length) {
        bool is_whole = item_read(record->items + at, record->length - at, &head);

        assert(is_whole); /* record_read has looked */
        if (head.type == (unsigned)type) {
            *value = record->items + at + sizeof(head);
            *length = head.length;
            return true;
        }
    }
    return false;
}

bool record_get_number(const struct record *record, enum record_type type, uint64_t *value)
{
    const void *bytes;
    size_t length;

    if (!record_get(record, type, &bytes, &length) || length != RECORD_NUMBER_BYTES)
        return false;
    memcpy(value, bytes, RECORD_NUMBER_BYTES);
    *value = le64toh(*value);
    return true;
}
