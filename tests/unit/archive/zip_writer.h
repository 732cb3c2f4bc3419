/* SPDX-License-Identifier: MIT
 *
 * ZIP archives written field by field, so that each field can be wrong, and what is found in them. After cmocka's header. */
#ifndef TESTS_UNIT_ARCHIVE_ZIP_WRITER_H
#define TESTS_UNIT_ARCHIVE_ZIP_WRITER_H

#include <zlib.h>

#include "api/archive/zip_directory.h"
#include "api/archive/zip_end.h"

struct bytes {
    unsigned char at[8192];
    size_t length;
};

static struct archive_budget budget = {.most = 1u << 20};

static inline void put(struct bytes *bytes, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++)
        bytes->at[bytes->length++] = (unsigned char)(value >> 8 * i);
}

static inline void put_text(struct bytes *bytes, struct slice text)
{
    if (text.len > 0)
        memcpy(bytes->at + bytes->length, text.base, text.len);
    bytes->length += text.len;
}

/* One member. Fields of 0 follow from the others; where a header says something else than the directory has fields of its own. */
struct entry {
    struct slice name, data, extra, comment, local_name;
    unsigned flags, method, local_method, local_flags, version, disk;
    uint64_t size, stored, offset;
    uint32_t crc;
    bool is_elsewhere; /* its offset is given */
    size_t begin;      /* of its data */
};

static inline uint32_t crc_of(const struct entry *entry)
{
    return entry->crc != 0
               ? entry->crc
               : (uint32_t)crc32(0, (const unsigned char *)entry->data.base, (uInt)entry->data.len);
}

static inline uint64_t stored_of(const struct entry *entry)
{
    return entry->stored != 0 ? entry->stored : entry->data.len;
}

static inline uint64_t size_of(const struct entry *entry)
{
    return entry->size != 0 ? entry->size : entry->data.len;
}

static inline void put_local(struct bytes *bytes, struct entry *entry)
{
    struct slice name = entry->local_name.base != NULL ? entry->local_name : entry->name;

    if (!entry->is_elsewhere)
        entry->offset = bytes->length;
    put(bytes, 0x04034b50, 4);
    put(bytes, 20, 2);
    put(bytes, entry->flags ^ entry->local_flags, 2);
    put(bytes, entry->method ^ entry->local_method, 2);
    put(bytes, 0, 4);
    put(bytes, crc_of(entry), 4);
    put(bytes, stored_of(entry), 4);
    put(bytes, size_of(entry), 4);
    put(bytes, name.len, 2);
    put(bytes, 7, 2);
    put_text(bytes, name);
    put_text(bytes, SLICE("\xfe\xca\x03\0abc"));
    entry->begin = bytes->length;
    put_text(bytes, entry->data);
}

static inline void put_entry(struct bytes *bytes, const struct entry *entry)
{
    put(bytes, 0x02014b50, 4);
    put(bytes, 20, 2);
    put(bytes, 20, 2);
    put(bytes, entry->flags, 2);
    put(bytes, entry->method, 2);
    put(bytes, 0, 4);
    put(bytes, crc_of(entry), 4);
    put(bytes, stored_of(entry), 4);
    put(bytes, size_of(entry), 4);
    put(bytes, entry->name.len, 2);
    put(bytes, entry->extra.len, 2);
    put(bytes, entry->comment.len, 2);
    put(bytes, entry->disk, 2);
    put(bytes, 0, 6);
    put(bytes, entry->offset, 4);
    put_text(bytes, entry->name);
    put_text(bytes, entry->extra);
    put_text(bytes, entry->comment);
}

static inline void put_end(struct bytes *bytes, uint64_t offset, uint64_t length, unsigned count,
                           struct slice comment)
{
    put(bytes, 0x06054b50, 4);
    put(bytes, 0, 4);
    put(bytes, count, 2);
    put(bytes, count, 2);
    put(bytes, length, 4);
    put(bytes, offset, 4);
    put(bytes, comment.len, 2);
    put_text(bytes, comment);
}

/* bytes may hold what precedes the archive. */
static inline void put_archive(struct bytes *bytes, struct entry *entries, unsigned count, size_t shift)
{
    size_t directory;

    for (unsigned i = 0; i < count; i++) {
        put_local(bytes, &entries[i]);
        entries[i].offset -= entries[i].is_elsewhere ? 0 : shift;
    }
    directory = bytes->length;
    for (unsigned i = 0; i < count; i++)
        put_entry(bytes, &entries[i]);
    put_end(bytes, directory - shift, bytes->length - directory, count, SLICE(""));
}

static inline int read_directory(const struct bytes *bytes, struct member_index **index)
{
    struct zip_end end;
    int err = zip_end_find(bytes->at, bytes->length, bytes->length, &end);

    *index = NULL;
    if (err != 0)
        return err;
    assert_true(end.offset <= bytes->length && end.length <= bytes->length - end.offset);
    assert_int_equal(member_index_create(index, ARCHIVE_ZIP, &budget), 0);
    return zip_directory_read(bytes->at + end.offset, &end, *index);
}

static inline void drop(struct member_index *index)
{
    member_index_unref(index);
    assert_int_equal(atomic_load(&budget.used), 0);
}

/* Where the member's bytes are, or an error of its header. */
static inline int64_t locate(const struct bytes *bytes, const struct member_index *index, const char *name)
{
    const struct member *member = member_index_find(index, slice_text(name));
    uint64_t offset;
    int err;

    assert_non_null(member);
    err = zip_local_check(bytes->at + member->offset, member, &offset);
    return err != 0 ? err : (int64_t)offset;
}

static inline int refusal(const struct member_index *index, const char *name)
{
    const struct member *member = member_index_find(index, slice_text(name));

    return member != NULL ? member->refusal : -1;
}

#endif
