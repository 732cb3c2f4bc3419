/* SPDX-License-Identifier: MIT
 *
 * Reading the directory. Where the format leaves two ways to say something, both are read: sizes and offsets of 32 bits or in the zip64
 * field, names in UTF-8, in CP437, or in a field of their own. */
#include "api/archive/zip_directory.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <zlib.h>

#include "api/archive/member_name.h"
#include "api/archive/zip_bytes.h"
#include "storage/base/text/utf8.h"

enum {
    ENTRY_BYTES = 46,
    ENTRY_FLAGS_AT = 8,
    ENTRY_METHOD_AT = 10,
    ENTRY_CRC_AT = 16,
    ENTRY_STORED_AT = 20,
    ENTRY_SIZE_AT = 24,
    ENTRY_NAME_AT = 28,
    ENTRY_EXTRA_AT = 30,
    ENTRY_COMMENT_AT = 32,
    ENTRY_DISK_AT = 34,
    ENTRY_OFFSET_AT = 42,
    LOCAL_FLAGS_AT = 6,
    LOCAL_METHOD_AT = 8,
    LOCAL_CRC_AT = 14,
    LOCAL_STORED_AT = 18,
    LOCAL_SIZE_AT = 22,
    LOCAL_NAME_AT = 26,
    LOCAL_EXTRA_AT = 28
};

#define ENTRY_MAGIC     0x02014b50u
#define LOCAL_MAGIC     0x04034b50u
#define SIGNATURE_MAGIC 0x05054b50u /* may follow the last entry */

#define FLAG_ENCRYPTED  0x0001u
#define FLAG_LATER      0x0008u /* sizes and CRC follow the bytes, and stand in the directory */
#define FLAG_PATCHED    0x0020u
#define FLAG_STRONG     0x0040u
#define FLAG_UTF8       0x0800u
#define FLAG_MASKED     0x2000u
#define FIELD_ZIP64     0x0001u
#define FIELD_UTF8_NAME 0x7075u
#define NAME_CRC_BYTES  5u /* of FIELD_UTF8_NAME, before the name: a version, and the CRC of the other name */

struct entry {
    const unsigned char *at;
    struct slice name, extra;
    uint16_t flags;
    struct member member;
};

/* ---- Extra fields ---- */

/* base NULL where there is none. Fields that are cut off end the search: nothing of them counts. */
static struct slice field_find(struct slice extra, uint16_t id)
{
    while (extra.len >= 4) {
        const unsigned char *at = (const unsigned char *)extra.base;
        size_t length = zip_u16(at + 2);

        extra = slice_from(extra, 4);
        if (length > extra.len)
            break;
        if (zip_u16(at) == id)
            return slice_of(extra.base, length);
        extra = slice_from(extra, length);
    }
    return slice_of(NULL, 0);
}

/* The next number of a zip64 field, where the entry has but ones in its place. */
static int wide_take(struct slice *field, uint32_t narrow, uint64_t *value)
{
    *value = narrow;
    if (narrow != UINT32_MAX || field->base == NULL)
        return 0; /* without the field it is a number like any other */
    if (field->len < 8)
        return -EBADMSG;
    *value = zip_u64((const unsigned char *)field->base);
    *field = slice_from(*field, 8);
    return 0;
}

static int entry_numbers(struct entry *entry)
{
    struct slice wide = field_find(entry->extra, FIELD_ZIP64);
    struct member *member = &entry->member;
    uint16_t disk = zip_u16(entry->at + ENTRY_DISK_AT);

    if (wide_take(&wide, zip_u32(entry->at + ENTRY_SIZE_AT), &member->size) != 0 ||
        wide_take(&wide, zip_u32(entry->at + ENTRY_STORED_AT), &member->stored) != 0 ||
        wide_take(&wide, zip_u32(entry->at + ENTRY_OFFSET_AT), &member->offset) != 0)
        return -EBADMSG;
    return disk == 0 || (disk == UINT16_MAX && wide.len >= 4) ? 0 : -EBADMSG;
}

/* ---- Names ---- */

/* Its CRC says which name it stands for: a tool that renames members may not know of it. */
static struct slice name_of_field(const struct entry *entry)
{
    struct slice field = field_find(entry->extra, FIELD_UTF8_NAME);
    struct slice none = slice_of(NULL, 0);

    if (field.len <= NAME_CRC_BYTES || field.base[0] != 1 ||
        zip_u32((const unsigned char *)field.base + 1) != entry->member.name_crc)
        return none;
    field = slice_from(field, NAME_CRC_BYTES);
    return utf8_is_valid(field.base, field.len) ? field : none;
}

/* text: room for a name that has to be written anew. Many that do not say so are UTF-8: those of Info-ZIP. */
static struct slice entry_name(const struct entry *entry, char *text)
{
    struct slice name = name_of_field(entry);

    if (name.base != NULL)
        return name;
    if ((entry->flags & FLAG_UTF8) != 0 || utf8_is_valid(entry->name.base, entry->name.len) ||
        entry->name.len > KEY_BYTES_MAX)
        return entry->name;
    return slice_of(text, member_name_of_cp437(entry->name, text));
}

/* ---- Entries ---- */

static enum member_refusal judge(const struct entry *entry)
{
    const struct member *member = &entry->member;

    if ((entry->flags & (FLAG_ENCRYPTED | FLAG_STRONG | FLAG_MASKED)) != 0)
        return MEMBER_ENCRYPTED;
    if ((entry->flags & FLAG_PATCHED) != 0 ||
        (member->method != MEMBER_STORED && member->method != MEMBER_DEFLATED))
        return MEMBER_METHOD;
    if (member->method == MEMBER_STORED)
        return member->size == member->stored ? MEMBER_FINE : MEMBER_DAMAGED;
    return member->size / ARCHIVE_RATIO_MAX > member->stored ? MEMBER_DAMAGED : MEMBER_FINE;
}

/* Cuts the next entry off what is left. */
static int entry_read(struct slice *rest, const struct zip_end *end, struct entry *entry)
{
    const unsigned char *at = (const unsigned char *)rest->base;
    size_t name, extra, comment;
    struct member *member = &entry->member;

    if (rest->len < ENTRY_BYTES || zip_u32(at) != ENTRY_MAGIC)
        return -EBADMSG;
    name = zip_u16(at + ENTRY_NAME_AT);
    extra = zip_u16(at + ENTRY_EXTRA_AT);
    comment = zip_u16(at + ENTRY_COMMENT_AT);
    if (rest->len - ENTRY_BYTES < name + extra + comment)
        return -EBADMSG;
    *entry = (struct entry){
        .at = at,
        .name = slice_of(at + ENTRY_BYTES, name),
        .extra = slice_of(at + ENTRY_BYTES + name, extra),
        .flags = zip_u16(at + ENTRY_FLAGS_AT),
        .member =
            {
                .crc = zip_u32(at + ENTRY_CRC_AT),
                .head = (uint32_t)(ZIP_LOCAL_BYTES + name),
                .name_crc = (uint32_t)crc32(0, at + ENTRY_BYTES, (uInt)name),
                .method = zip_u16(at + ENTRY_METHOD_AT),
            },
    };
    *rest = slice_from(*rest, ENTRY_BYTES + name + extra + comment);
    if (entry_numbers(entry) != 0 || member->offset > end->offset - end->shift)
        return -EBADMSG;
    member->offset += end->shift;
    if (member->stored == 0 && member->size == 0 && member->method == MEMBER_DEFLATED)
        member->method = MEMBER_STORED; /* folders of some writers */
    member->refusal = (uint8_t)judge(entry);
    return 0;
}

static int entry_add(const struct entry *entry, struct member_index *index)
{
    char text[MEMBER_NAME_CP437_GROWTH * KEY_BYTES_MAX];
    struct member member = entry->member;
    int err = member_name_clean(entry_name(entry, text), &member.name);

    if (err == -EINVAL)
        return 0; /* nobody can ask for it */
    if (err == -EPERM)
        member.refusal = MEMBER_UNSAFE;
    return member_index_add(index, &member);
}

int zip_directory_read(const unsigned char *bytes, const struct zip_end *end, struct member_index *index)
{
    struct slice rest = slice_of(bytes, end->length);
    struct entry entry;
    uint64_t count = 0;
    int err;

    assert(end->shift <= end->offset);
    while (rest.len > 0 && count < end->count) {
        if ((err = entry_read(&rest, end, &entry)) != 0 || (err = entry_add(&entry, index)) != 0)
            return err;
        count++;
    }
    if (count != end->count)
        return -EBADMSG;
    if (rest.len > 0 && (rest.len < 4 || zip_u32((const unsigned char *)rest.base) != SIGNATURE_MAGIC))
        return -EBADMSG;
    member_index_finish(index, end->offset);
    return 0;
}

/* ---- Local headers ---- */

/* What stands there unless it follows the bytes, or is in a zip64 field. */
static bool agrees(uint32_t said, uint64_t known)
{
    return said == UINT32_MAX || said == known;
}

int zip_local_check(const unsigned char *header, const struct member *member, uint64_t *offset)
{
    uint32_t name = member->head - ZIP_LOCAL_BYTES;
    uint16_t flags = zip_u16(header + LOCAL_FLAGS_AT);
    uint64_t begin = member->offset + member->head + zip_u16(header + LOCAL_EXTRA_AT);

    assert(member->head >= ZIP_LOCAL_BYTES && member->offset <= member->limit);
    if (zip_u32(header) != LOCAL_MAGIC || zip_u16(header + LOCAL_NAME_AT) != name ||
        crc32(0, header + ZIP_LOCAL_BYTES, name) != member->name_crc)
        return -EBADMSG;
    if ((flags & (FLAG_ENCRYPTED | FLAG_STRONG | FLAG_MASKED | FLAG_PATCHED)) != 0)
        return -EBADMSG;
    if (member->stored > 0 && zip_u16(header + LOCAL_METHOD_AT) != member->method)
        return -EBADMSG;
    if ((flags & FLAG_LATER) == 0 && (zip_u32(header + LOCAL_CRC_AT) != member->crc ||
                                      !agrees(zip_u32(header + LOCAL_STORED_AT), member->stored) ||
                                      !agrees(zip_u32(header + LOCAL_SIZE_AT), member->size)))
        return -EBADMSG;
    if (begin > member->limit || member->stored > member->limit - begin)
        return -EBADMSG;
    *offset = begin;
    return 0;
}
