/* SPDX-License-Identifier: MIT
 *
 * Reading a header of tar. What two readers might take for different things is refused: nobody shall see other members in an archive
 * than the one who checked it. */
#include "api/archive/tar_header.h"

#include <errno.h>

/* Where the fields are; all forms agree on these. */
enum {
    NAME_AT = 0,
    NAME_BYTES = 100,
    SIZE_AT = 124,
    MODIFIED_AT = 136,
    NUMBER_BYTES = 12,
    SUM_AT = 148,
    SUM_BYTES = 8,
    TYPE_AT = 156,
    MAGIC_AT = 257,
    PREFIX_AT = 345,
    PREFIX_BYTES = 155,
    GNU_MAP_GOES_ON_AT = 482, /* in the header of a sparse file */
    GNU_MORE_GOES_ON_AT = 504 /* in a block of its map */
};

#define SECONDS_MAX (INT64_MAX / 1000)

static bool is_zeros(const unsigned char *block)
{
    for (size_t i = 0; i < TAR_BLOCK_BYTES; i++) {
        if (block[i] != 0)
            return false;
    }
    return true;
}

/* Octal digits, with blanks before them and blanks or NULs after them; nothing at all is 0. */
static int octal_read(const unsigned char *field, size_t length, uint64_t *value)
{
    size_t at = 0;

    *value = 0;
    while (at < length && field[at] == ' ')
        at++;
    for (; at < length && field[at] >= '0' && field[at] <= '7'; at++)
        *value = *value * 8 + (field[at] - '0');
    for (; at < length; at++) {
        if (field[at] != ' ' && field[at] != '\0')
            return -EBADMSG;
    }
    return 0;
}

/* A number in octal, or, as GNU writes large and negative ones, in binary with the first bit set. */
static int number_read(const unsigned char *field, int64_t *value)
{
    uint64_t number = 0;
    bool is_negative = (field[0] & 0x40) != 0;
    unsigned char filler = is_negative ? 0xff : 0;

    if ((field[0] & 0x80) == 0) {
        int err = octal_read(field, NUMBER_BYTES, &number);
        *value = (int64_t)number; /* twelve digits: 36 bits */
        return err;
    }
    if (field[0] != (is_negative ? 0xff : 0x80))
        return -EBADMSG;
    for (size_t i = 1; i < NUMBER_BYTES - sizeof(number); i++) {
        if (field[i] != filler)
            return -EBADMSG;
    }
    for (size_t i = NUMBER_BYTES - sizeof(number); i < NUMBER_BYTES; i++)
        number = number << 8 | field[i];
    *value = (int64_t)number;
    return (*value < 0) == is_negative ? 0 : -EBADMSG;
}

/* Bytes count as unsigned, or, in old archives, as signed. */
static int sum_check(const unsigned char *block)
{
    uint64_t wanted;
    uint32_t plain = 0;
    int32_t with_sign = 0;

    if (octal_read(block + SUM_AT, SUM_BYTES, &wanted) != 0)
        return -EBADMSG;
    for (size_t i = 0; i < TAR_BLOCK_BYTES; i++) {
        unsigned char byte = i >= SUM_AT && i < SUM_AT + SUM_BYTES ? ' ' : block[i];
        plain += byte;
        with_sign += (signed char)byte;
    }
    return wanted == plain || (with_sign >= 0 && wanted == (uint64_t)with_sign) ? 0 : -EBADMSG;
}

static enum tar_kind kind_of(unsigned char type)
{
    switch (type) {
    case '\0':
    case '0':
    case '7': /* contiguous on its disk, a file here */
        return TAR_FILE;
    case '1':
        return TAR_HARD_LINK;
    case '2':
        return TAR_SYMBOLIC_LINK;
    case '3':
    case '4':
    case '6':
        return TAR_DEVICE;
    case '5':
        return TAR_FOLDER;
    case 'x':
        return TAR_RECORDS;
    case 'g':
        return TAR_ALL_RECORDS;
    case 'L':
        return TAR_LONG_NAME;
    case 'K':
        return TAR_LONG_LINK;
    case 'S':
        return TAR_SPARSE;
    default:
        return TAR_OTHER;
    }
}

static size_t text_length(const unsigned char *field, size_t bytes)
{
    return strnlen((const char *)field, bytes);
}

/* GNU's headers have other things where ustar has the prefix. */
static void name_read(const unsigned char *block, struct tar_header *header)
{
    bool is_ustar = memcmp(block + MAGIC_AT, "ustar\0", 6) == 0;
    size_t prefix = is_ustar ? text_length(block + PREFIX_AT, PREFIX_BYTES) : 0;
    size_t name = text_length(block + NAME_AT, NAME_BYTES);

    if (prefix > 0) {
        memcpy(header->name, block + PREFIX_AT, prefix);
        header->name[prefix++] = '/';
    }
    memcpy(header->name + prefix, block + NAME_AT, name);
    header->name_length = prefix + name;
}

int tar_header_parse(const unsigned char block[TAR_BLOCK_BYTES], struct tar_header *header)
{
    int64_t size, modified_s;

    header->kind = TAR_ZEROS;
    if (block[0] == 0 && is_zeros(block))
        return 0;
    if (sum_check(block) != 0 || number_read(block + SIZE_AT, &size) != 0 || size < 0 ||
        number_read(block + MODIFIED_AT, &modified_s) != 0)
        return -EBADMSG;
    if (modified_s > SECONDS_MAX || modified_s < -SECONDS_MAX)
        return -EBADMSG;
    name_read(block, header);
    header->kind = kind_of(block[TYPE_AT]);
    header->has_map = header->kind == TAR_SPARSE && block[GNU_MAP_GOES_ON_AT] != 0;
    header->size = (uint64_t)size;
    header->modified_ms = modified_s * 1000;
    /* A folder of V7, which had no type for it. */
    if (block[TYPE_AT] == '\0' && header->name_length > 0 && header->name[header->name_length - 1] == '/')
        header->kind = TAR_FOLDER;
    /* Some readers skip the bytes that such a header speaks of, others look for the next header there. */
    if ((header->kind == TAR_FOLDER || header->kind == TAR_HARD_LINK || header->kind == TAR_SYMBOLIC_LINK ||
         header->kind == TAR_DEVICE) &&
        header->size != 0)
        return -EBADMSG;
    return 0;
}

bool tar_map_goes_on(const unsigned char block[TAR_BLOCK_BYTES])
{
    return block[GNU_MORE_GOES_ON_AT] != 0;
}
