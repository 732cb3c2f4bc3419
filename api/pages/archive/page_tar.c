/* SPDX-License-Identifier: MIT
 *
 * See page_tar.h. The forms are those of POSIX: ustar, and pax where a name is longer than 100 bytes or not ASCII, or a size has more than 8 GiB. */
#include "api/pages/archive/page_tar.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define BLOCK        512u
#define SIZE_USTAR   (8ull << 30)
#define NAME_USTAR   100u
#define RECORDS_NAME "././@PaxHeader"

/* ---- Names ---- */

static size_t encode(char *at, unsigned char c)
{
    static const char digits[] = "0123456789ABCDEF";

    at[0] = '%';
    at[1] = digits[c >> 4];
    at[2] = digits[c & 15];
    return 3;
}

static size_t put_part(char *at, struct slice part)
{
    bool is_dots = slice_is(part, ".") || slice_is(part, "..");
    size_t length = 0;

    if (part.len == 0)
        return encode(at, '/');
    for (size_t i = 0; i < part.len; i++) {
        unsigned char c = (unsigned char)part.base[i];

        if (is_dots || c < 0x20 || c == 0x7f || c == '\\' || c == ':')
            length += encode(at + length, c);
        else
            at[length++] = (char)c;
    }
    return length;
}

size_t page_member_name(struct slice root, struct slice key, char name[PAGE_MEMBER_BYTES_MAX])
{
    size_t length = put_part(name, root);
    struct slice part;

    assert(key.len <= 1024 && root.len <= 1024);
    while (slice_next_part(&key, '/', &part)) {
        name[length++] = '/';
        length += put_part(name + length, part);
    }
    return length;
}

/* ---- Headers ---- */

static void put_octal(unsigned char *at, size_t digits, uint64_t value)
{
    for (size_t i = digits; i > 0; i--) {
        at[i - 1] = (unsigned char)('0' + (value & 7));
        value >>= 3;
    }
}

static void put_header(unsigned char *at, struct slice name, uint64_t size, int64_t modified_ms, char kind)
{
    unsigned sum = 0;

    memset(at, 0, BLOCK);
    memcpy(at, name.base, name.len < NAME_USTAR ? name.len : NAME_USTAR);
    put_octal(at + 100, 7, 0644);
    put_octal(at + 108, 7, 0);
    put_octal(at + 116, 7, 0);
    put_octal(at + 124, 11, size < SIZE_USTAR ? size : 0);
    put_octal(at + 136, 11, modified_ms > 0 ? (uint64_t)modified_ms / 1000 : 0);
    memset(at + 148, ' ', 8);
    at[156] = (unsigned char)kind;
    memcpy(at + 257,
           "ustar\0"
           "00",
           8);
    for (size_t i = 0; i < BLOCK; i++)
        sum += at[i];
    put_octal(at + 148, 6, sum);
    at[154] = '\0';
}

/* "LENGTH NAME=VALUE\n", where the length counts its own digits. */
static size_t put_record(char *at, const char *name, struct slice value)
{
    size_t rest = strlen(name) + value.len + 3, length = rest + 1;
    char number[24];
    int digits;

    while ((digits = snprintf(number, sizeof(number), "%zu", length)), rest + (size_t)digits != length)
        length = rest + (size_t)digits;
    memcpy(at, number, (size_t)digits);
    at += digits;
    *at++ = ' ';
    at = stpcpy(at, name);
    *at++ = '=';
    (void)slice_copy(at, value);
    at[value.len] = '\n';
    return length;
}

static bool is_plain(struct slice name)
{
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.base[i] >= 0x80)
            return false;
    return name.len <= NAME_USTAR;
}

size_t page_tar_head(struct slice name, uint64_t size, int64_t modified_ms,
                     unsigned char head[PAGE_TAR_HEAD_BYTES_MAX])
{
    char *records = (char *)head + BLOCK, number[24];
    size_t length = 0, begin = 0;

    if (!is_plain(name))
        length += put_record(records, "path", name);
    if (size >= SIZE_USTAR) {
        int digits = snprintf(number, sizeof(number), "%llu", (unsigned long long)size);

        length += put_record(records + length, "size", slice_of(number, (size_t)digits));
    }
    if (length > 0) {
        size_t padding = page_tar_padding(length);

        assert(length + padding <= PAGE_TAR_HEAD_BYTES_MAX - 2 * BLOCK);
        put_header(head, SLICE(RECORDS_NAME), length, modified_ms, 'x');
        memset(records + length, 0, padding);
        begin = BLOCK + length + padding;
    }
    put_header(head + begin, name, size, modified_ms, '0');
    return begin + BLOCK;
}
