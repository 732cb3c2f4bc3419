/* SPDX-License-Identifier: MIT
 *
 * Encoders and bounds-checked decoders; codec.h draws the forms. Lists first, then ETags and checksums. */
#include "metadata/rows/codec.h"

#include <assert.h>
#include <string.h>

#include "storage/base/text/hex.h"

#define CODEC_VERSION            1u
#define CODEC_PARTS_VERSION      2u /* of part lists with checksums */
#define EXTENT_BYTES_MIN         7u /* flags, file, length, crc */
#define EXTENT_BYTES_MAX         (1u + 5u * CODEC_NUMBER_BYTES_MAX + 8u)
#define ATTRIBUTE_BYTES_MIN      2u
#define PART_BYTES_MIN           2u
#define PART_CHECKSUM_HEAD_BYTES 2u /* algorithm, length */

/* The usual extent is a whole unit at the start of its file: neither field is written then. */
enum extent_flag {
    EXTENT_PARTIAL = 1,    /* offset in the unit and the unit's length follow */
    EXTENT_UNIT_INNER = 2, /* the unit's offset in the file follows */
    EXTENT_CRC64NVME = 4,  /* the checksum is that, in 8 bytes; else CRC32C, in 4 */
    EXTENT_SEALED = 8,     /* a sealed body, all of it: never with EXTENT_PARTIAL */
};

unsigned char *codec_number_put(unsigned char *out, uint64_t value)
{
    while (value >= 0x80) {
        *out++ = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    *out++ = (unsigned char)value;
    return out;
}

bool codec_number_get(struct codec_list *list, uint64_t *value)
{
    uint64_t result = 0;

    assert(list->at <= list->end);
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (list->at == list->end)
            return false;
        unsigned char byte = *list->at++;
        if (shift == 63 && byte > 1)
            return false; /* more than 64 bits */
        result |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value = result;
            return true;
        }
    }
    return false;
}

size_t codec_list_head(unsigned char *out, uint32_t count)
{
    assert(count > 0);
    out[0] = CODEC_VERSION;
    return (size_t)(codec_number_put(out + 1, count) - out);
}

static int list_begin(struct codec_list *list, struct slice bytes, unsigned version, size_t item_bytes_min)
{
    uint64_t count;

    assert(bytes.len == 0 || bytes.base != NULL);
    memset(list, 0, sizeof(*list));
    if (bytes.len == 0)
        return 0;
    list->at = (const unsigned char *)bytes.base;
    list->end = list->at + bytes.len;
    if (*list->at++ != version || !codec_number_get(list, &count))
        return META_E_CORRUPT;
    /* So a damaged count never makes anyone allocate more than a small multiple of what was stored. */
    if (count == 0 || count > UINT32_MAX || count > (size_t)(list->end - list->at) / item_bytes_min)
        return META_E_CORRUPT;
    list->count = list->left = (uint32_t)count;
    return 0;
}

/* 1 when an item must follow, 0 at a clean end. */
static int list_more(const struct codec_list *list)
{
    assert(list->at <= list->end);
    if (list->left == 0)
        return list->at == list->end ? 0 : META_E_CORRUPT;
    return 1;
}

size_t codec_extents_bound(uint32_t count)
{
    return CODEC_LIST_HEAD_BYTES_MAX + (size_t)count * EXTENT_BYTES_MAX;
}

static unsigned extent_crc_bits(bool wide)
{
    return wide ? 64 : 32;
}

static unsigned char *extent_put(unsigned char *out, const struct meta_extent *extent)
{
    bool partial = extent->offset != extent->unit_offset || extent->length != extent->unit_length;
    bool inner = extent->unit_offset != 0, wide = extent->unit_crc_kind == META_UNIT_CRC64NVME;

    assert(extent->length > 0 && extent->offset >= extent->unit_offset);
    assert(extent->offset - extent->unit_offset <= extent->unit_length - extent->length);
    assert(wide || extent->unit_crc <= UINT32_MAX);
    assert(!extent->is_sealed || !partial);
    *out++ = (unsigned char)((partial ? EXTENT_PARTIAL : 0) | (inner ? EXTENT_UNIT_INNER : 0) |
                             (wide ? EXTENT_CRC64NVME : 0) | (extent->is_sealed ? EXTENT_SEALED : 0));
    out = codec_number_put(out, extent->file);
    out = codec_number_put(out, extent->length);
    for (unsigned shift = 0; shift < extent_crc_bits(wide); shift += 8)
        *out++ = (unsigned char)(extent->unit_crc >> shift);
    if (partial) {
        out = codec_number_put(out, extent->offset - extent->unit_offset);
        out = codec_number_put(out, extent->unit_length);
    }
    if (inner)
        out = codec_number_put(out, extent->unit_offset);
    return out;
}

size_t codec_extents_encode(unsigned char *out, const struct meta_extent *list, uint32_t count)
{
    unsigned char *at = out;

    if (count == 0)
        return 0;
    at += codec_list_head(at, count);
    for (uint32_t i = 0; i < count; i++)
        at = extent_put(at, &list[i]);
    assert((size_t)(at - out) <= codec_extents_bound(count));
    return (size_t)(at - out);
}

int codec_extents_begin(struct codec_list *list, struct slice bytes)
{
    return list_begin(list, bytes, CODEC_VERSION, EXTENT_BYTES_MIN);
}

int codec_extents_next(struct codec_list *list, struct meta_extent *extent)
{
    uint64_t in_unit = 0;
    int more = list_more(list);

    if (more <= 0)
        return more;
    if (list->at == list->end)
        return META_E_CORRUPT;
    unsigned flags = *list->at++;
    bool wide = (flags & EXTENT_CRC64NVME) != 0;
    if (flags > (EXTENT_PARTIAL | EXTENT_UNIT_INNER | EXTENT_CRC64NVME | EXTENT_SEALED) ||
        (flags & (EXTENT_PARTIAL | EXTENT_SEALED)) == (EXTENT_PARTIAL | EXTENT_SEALED) ||
        !codec_number_get(list, &extent->file) || !codec_number_get(list, &extent->length) ||
        list->end - list->at < extent_crc_bits(wide) / 8)
        return META_E_CORRUPT;
    extent->unit_crc_kind = wide ? META_UNIT_CRC64NVME : META_UNIT_CRC32C;
    extent->is_sealed = (flags & EXTENT_SEALED) != 0;
    extent->unit_crc = 0;
    for (unsigned shift = 0; shift < extent_crc_bits(wide); shift += 8)
        extent->unit_crc |= (uint64_t)*list->at++ << shift;
    extent->unit_length = extent->length;
    extent->unit_offset = 0;
    if ((flags & EXTENT_PARTIAL) &&
        (!codec_number_get(list, &in_unit) || !codec_number_get(list, &extent->unit_length)))
        return META_E_CORRUPT;
    if ((flags & EXTENT_UNIT_INNER) && !codec_number_get(list, &extent->unit_offset))
        return META_E_CORRUPT;
    /* Of some file, inside its unit, and the unit inside what a file can be; written so that nothing overflows. */
    if (extent->file == 0 || extent->file > INT64_MAX || extent->length == 0 ||
        extent->unit_length > INT64_MAX || extent->length > extent->unit_length ||
        in_unit > extent->unit_length - extent->length ||
        extent->unit_offset > (uint64_t)INT64_MAX - extent->unit_length || meta_extent_size(extent) == 0)
        return META_E_CORRUPT;
    extent->offset = extent->unit_offset + in_unit;
    assert(extent->offset + extent->length <= extent->unit_offset + extent->unit_length);
    list->left--;
    return 1;
}

size_t codec_attributes_bound(const struct meta_attributes *attributes)
{
    size_t bound = CODEC_LIST_HEAD_BYTES_MAX;

    for (uint32_t i = 0; i < attributes->count; i++)
        bound += 2 * CODEC_NUMBER_BYTES_MAX + attributes->list[i].name.len + attributes->list[i].value.len;
    return bound;
}

unsigned char *codec_bytes_put(unsigned char *out, struct slice bytes)
{
    assert(bytes.len == 0 || bytes.base != NULL);
    out = codec_number_put(out, bytes.len);
    if (bytes.len > 0)
        (void)slice_copy(out, bytes);
    return out + bytes.len;
}

bool codec_bytes_get(struct codec_list *list, struct slice *bytes)
{
    uint64_t length;

    if (!codec_number_get(list, &length) || length > (size_t)(list->end - list->at))
        return false;
    bytes->base = (const char *)list->at;
    bytes->len = (size_t)length;
    list->at += length;
    return true;
}

size_t codec_attributes_encode(unsigned char *out, const struct meta_attributes *attributes)
{
    unsigned char *at = out;

    if (attributes->count == 0)
        return 0;
    at += codec_list_head(at, attributes->count);
    for (uint32_t i = 0; i < attributes->count; i++) {
        at = codec_bytes_put(at, attributes->list[i].name);
        at = codec_bytes_put(at, attributes->list[i].value);
    }
    assert((size_t)(at - out) <= codec_attributes_bound(attributes));
    return (size_t)(at - out);
}

int codec_attributes_begin(struct codec_list *list, struct slice bytes)
{
    return list_begin(list, bytes, CODEC_VERSION, ATTRIBUTE_BYTES_MIN);
}

int codec_attributes_next(struct codec_list *list, struct meta_attribute *attribute)
{
    int more = list_more(list);

    if (more <= 0)
        return more;
    if (!codec_bytes_get(list, &attribute->name) || !codec_bytes_get(list, &attribute->value))
        return META_E_CORRUPT;
    list->left--;
    return 1;
}

struct slice codec_attributes_find(struct slice bytes, const char *name)
{
    struct meta_attribute attribute;
    struct codec_list list;

    assert(name != NULL);
    if (codec_attributes_begin(&list, bytes) != 0)
        return (struct slice){0};
    while (codec_attributes_next(&list, &attribute) > 0)
        if (slice_is(attribute.name, name))
            return attribute.value;
    return (struct slice){0};
}

size_t codec_parts_bound(uint32_t count, const struct meta_part_checksums *checksums)
{
    return CODEC_LIST_HEAD_BYTES_MAX + PART_CHECKSUM_HEAD_BYTES +
           (size_t)count *
               (2 * CODEC_NUMBER_BYTES_MAX + (checksums->algorithm != 0 ? checksums->length : 0u));
}

size_t codec_parts_encode(unsigned char *out, const struct meta_part_size *parts, uint32_t count,
                          const struct meta_part_checksums *checksums)
{
    unsigned char *at = out;

    if (count == 0)
        return 0;
    at += codec_list_head(at, count);
    if (checksums->algorithm != 0) {
        assert(checksums->length > 0 && checksums->length <= META_CHECKSUM_BYTES_MAX);
        out[0] = CODEC_PARTS_VERSION;
        *at++ = checksums->algorithm;
        *at++ = checksums->length;
    }
    for (uint32_t i = 0; i < count; i++) {
        assert(parts[i].number >= 1 && parts[i].number <= META_PART_NUMBER_MAX);
        at = codec_number_put(at, parts[i].number);
        at = codec_number_put(at, parts[i].size);
    }
    if (checksums->algorithm != 0) {
        memcpy(at, checksums->values, (size_t)count * checksums->length);
        at += (size_t)count * checksums->length;
    }
    assert((size_t)(at - out) <= codec_parts_bound(count, checksums));
    return (size_t)(at - out);
}

/* Takes the checksums off the list: its end becomes that of its items. */
static int part_checksums_begin(struct codec_list *list, struct meta_part_checksums *checksums)
{
    if (list->end - list->at < (ptrdiff_t)PART_CHECKSUM_HEAD_BYTES)
        return META_E_CORRUPT;
    checksums->algorithm = *list->at++;
    checksums->length = *list->at++;
    if (checksums->algorithm == 0 || checksums->length == 0 || checksums->length > META_CHECKSUM_BYTES_MAX ||
        list->count > (size_t)(list->end - list->at) / (checksums->length + PART_BYTES_MIN))
        return META_E_CORRUPT;
    assert(list->at <= list->end && list->count > 0);
    list->end -= (size_t)list->count * checksums->length;
    checksums->values = list->end;
    return 0;
}

int codec_parts_begin(struct codec_list *list, struct slice bytes, struct meta_part_checksums *checksums)
{
    struct meta_part_checksums ignored;
    bool has_checksums = bytes.len > 0 && *(const unsigned char *)bytes.base == CODEC_PARTS_VERSION;
    int err = list_begin(list, bytes, has_checksums ? CODEC_PARTS_VERSION : CODEC_VERSION, PART_BYTES_MIN);

    if (checksums == NULL)
        checksums = &ignored;
    memset(checksums, 0, sizeof(*checksums));
    return err == 0 && has_checksums ? part_checksums_begin(list, checksums) : err;
}

int codec_parts_next(struct codec_list *list, struct meta_part_size *part)
{
    uint64_t number;
    int more = list_more(list);

    if (more <= 0)
        return more;
    if (!codec_number_get(list, &number) || !codec_number_get(list, &part->size))
        return META_E_CORRUPT;
    if (number == 0 || number > META_PART_NUMBER_MAX || part->size > INT64_MAX)
        return META_E_CORRUPT;
    part->number = (uint32_t)number;
    list->left--;
    return 1;
}

/* ---- ETags and checksums ---- */

enum etag_form { ETAG_TEXT = 0, ETAG_HEX = 1 };

#define ETAG_HEX_DIGITS 32u
#define ETAG_HEX_BYTES  (ETAG_HEX_DIGITS / 2)

/* The number in "-N", as it would be printed again; 0 when the text is nothing of the kind. */
static uint32_t etag_suffix(const char *text)
{
    uint32_t number = 0;

    assert(text != NULL);
    if (text[0] != '-' || text[1] == '0' || text[1] == '\0')
        return 0;
    for (const char *at = text + 1; *at != '\0'; at++) {
        if (*at < '0' || *at > '9' || at - text > 9)
            return 0;
        number = number * 10 + (uint32_t)(*at - '0');
    }
    return number;
}

size_t codec_etag_encode(unsigned char *out, const char *etag)
{
    size_t length = strlen(etag);
    uint32_t suffix = 0;
    unsigned digits = 0;

    assert(length <= META_ETAG_BYTES_MAX);
    while (digits < ETAG_HEX_DIGITS && hex_value_lower(etag[digits]) >= 0)
        digits++;
    if (digits == ETAG_HEX_DIGITS && length > ETAG_HEX_DIGITS)
        suffix = etag_suffix(etag + ETAG_HEX_DIGITS);
    if (digits != ETAG_HEX_DIGITS || (length > ETAG_HEX_DIGITS && suffix == 0)) {
        out[0] = ETAG_TEXT;
        memcpy(out + 1, etag, length);
        return length + 1;
    }
    out[0] = ETAG_HEX;
    bool decoded = hex_decode(etag, ETAG_HEX_DIGITS, out + 1, ETAG_HEX_BYTES);
    assert(decoded); /* they are digits, it was asked above */
    if (suffix == 0)
        return 1 + ETAG_HEX_BYTES;
    return (size_t)(codec_number_put(out + 1 + ETAG_HEX_BYTES, suffix) - out);
}

static void etag_suffix_print(char *out, uint32_t number)
{
    char reversed[10];
    unsigned digits = 0;

    assert(number > 0 && number <= 999999999);
    *out++ = '-';
    for (; number > 0; number /= 10)
        reversed[digits++] = (char)('0' + number % 10);
    while (digits > 0)
        *out++ = reversed[--digits];
    *out = '\0';
}

int codec_etag_decode(struct slice bytes, char etag[META_ETAG_BYTES_MAX + 1])
{
    const unsigned char *in = (const unsigned char *)bytes.base;

    assert(bytes.len == 0 || in != NULL);
    if (bytes.len == 0 || bytes.len > CODEC_ETAG_BYTES_MAX)
        return META_E_CORRUPT;
    if (in[0] == ETAG_TEXT) {
        if (memchr(in + 1, '\0', bytes.len - 1) != NULL)
            return META_E_CORRUPT;
        memcpy(etag, in + 1, bytes.len - 1);
        etag[bytes.len - 1] = '\0';
        return 0;
    }
    if (in[0] != ETAG_HEX || bytes.len < 1 + ETAG_HEX_BYTES)
        return META_E_CORRUPT;
    hex_encode(in + 1, ETAG_HEX_BYTES, etag);
    etag[ETAG_HEX_DIGITS] = '\0';
    if (bytes.len > 1 + ETAG_HEX_BYTES) {
        struct codec_list rest = {.at = in + 1 + ETAG_HEX_BYTES, .end = in + bytes.len};
        uint64_t suffix;
        if (!codec_number_get(&rest, &suffix) || rest.at != rest.end || suffix == 0 || suffix > 999999999)
            return META_E_CORRUPT;
        etag_suffix_print(etag + ETAG_HEX_DIGITS, (uint32_t)suffix);
    }
    return 0;
}

size_t codec_checksum_encode(unsigned char *out, const struct meta_checksum *checksum)
{
    if (checksum->algorithm == 0)
        return 0;
    assert(checksum->length <= META_CHECKSUM_BYTES_MAX);
    out[0] = checksum->algorithm;
    out[1] = checksum->type;
    memcpy(out + 2, checksum->value, checksum->length);
    return 2u + checksum->length;
}

int codec_checksum_decode(struct slice bytes, struct meta_checksum *checksum)
{
    const unsigned char *in = (const unsigned char *)bytes.base;

    assert(bytes.len == 0 || in != NULL);
    memset(checksum, 0, sizeof(*checksum));
    if (bytes.len == 0)
        return 0;
    if (bytes.len < 2 || bytes.len > CODEC_CHECKSUM_BYTES_MAX || in[0] == 0)
        return META_E_CORRUPT;
    checksum->algorithm = in[0];
    checksum->type = in[1];
    checksum->length = (uint8_t)(bytes.len - 2);
    memcpy(checksum->value, in + 2, checksum->length);
    return 0;
}
