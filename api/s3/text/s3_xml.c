/* SPDX-License-Identifier: MIT
 *
 * The XML writer: a buffer in a memory arena that grows by doubling, and escaping. It does not check nesting;
 * callers pair open and close. One thread at a time. */
#include "api/s3/text/s3_xml.h"

#include <assert.h>
#include <string.h>

#include "api/s3/limits.h"
#include "storage/base/text/percent.h"
#include "storage/base/text/utf8.h"

#define XML_BYTES_INITIAL 1024u
#define REPLACEMENT       "\xef\xbf\xbd" /* U+FFFD */

/* Makes the buffer larger, with that much room before the data. */
static void resize(struct s3_xml *xml, size_t room, size_t capacity)
{
    char *base = xml->data != NULL ? xml->data - xml->room : NULL, *data;

    if (base != NULL && room != xml->room) {
        data = (char *)arena_alloc(xml->arena, room + capacity) + room;
        memcpy(data, xml->data, xml->length);
    } else {
        data = (char *)arena_grow(xml->arena, base, base != NULL ? room + xml->length : 0, room + capacity) +
               room;
    }
    xml->data = data;
    xml->room = room;
    xml->capacity = capacity;
}

void s3_xml_grow(struct s3_xml *xml, size_t bytes)
{
    size_t capacity = xml->capacity;

    while (capacity - xml->length < bytes)
        capacity *= 2; /* which bounds the waste by the final size */
    resize(xml, xml->room, capacity);
}

static void append_string(struct s3_xml *xml, const char *text)
{
    s3_xml_plain(xml, text, strlen(text));
}

void s3_xml_init(struct s3_xml *xml, struct arena *arena)
{
    *xml = (struct s3_xml){.arena = arena};
    resize(xml, 0, XML_BYTES_INITIAL);
    append_string(xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
}

void s3_xml_init_rest(struct s3_xml *xml, struct arena *arena)
{
    *xml = (struct s3_xml){.arena = arena};
    resize(xml, S3_XML_ROOM_BYTES, XML_BYTES_INITIAL);
}

void s3_xml_prepend(struct s3_xml *rest, const struct s3_xml *beginning)
{
    if (beginning->length > rest->room)
        resize(rest, beginning->length, rest->length);
    rest->data -= beginning->length;
    rest->room -= beginning->length;
    rest->length += beginning->length;
    rest->capacity += beginning->length;
    memcpy(rest->data, beginning->data, beginning->length);
}

/* XML 1.0, production Char. */
static bool is_xml_character(uint32_t code)
{
    return code == '\t' || code == '\n' || code == '\r' || (code >= 0x20 && code != 0xfffe && code != 0xffff);
}

/* The escape of a character, or NULL where it may stand as it is. */
static const char *escape_of(uint32_t code)
{
    switch (code) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\r': /* a reader would turn a bare one into a line feed */
        return "&#13;";
    default:
        return is_xml_character(code) ? NULL : REPLACEMENT;
    }
}

/* ASCII that stands as it is: nearly all of most texts. Left out are " & < > and control characters. */
static const bool is_plain[256] = {
    [' ' ... '!'] = true, ['#' ... '%'] = true, ['\'' ... ';'] = true, ['='] = true, ['?' ... '\x7f'] = true,
};

static size_t plain_run(const char *text, size_t length)
{
    size_t count = 0;

    while (count < length && is_plain[(unsigned char)text[count]])
        count++;
    return count;
}

void s3_xml_characters(struct s3_xml *xml, const char *text, size_t length)
{
    size_t plain = 0; /* bytes before text[i] that were not written yet */

    for (size_t i = 0, count; i < length; i += count) {
        uint32_t code;
        const char *escape;

        if ((count = plain_run(text + i, length - i)) != 0) {
            plain += count;
            continue;
        }
        count = utf8_next(text + i, length - i, &code);
        escape = count != 0 ? escape_of(code) : REPLACEMENT;
        if (count == 0)
            count = 1;
        if (escape == NULL) {
            plain += count;
            continue;
        }
        s3_xml_plain(xml, text + i - plain, plain);
        append_string(xml, escape);
        plain = 0;
    }
    if (plain != 0)
        s3_xml_plain(xml, text + length - plain, plain);
}

void s3_xml_digits(struct s3_xml *xml, uint64_t value)
{
    char digits[20], *at = digits + sizeof(digits);

    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    s3_xml_plain(xml, at, (size_t)(digits + sizeof(digits) - at));
}

void s3_xml_date(struct s3_xml *xml, int64_t unix_ms)
{
    s3_time_iso_format_again(&xml->time, unix_ms);
    memcpy(xml->time.text + S3_TIME_ISO_BYTES - 4, "000", 3);
    s3_xml_plain(xml, xml->time.text, S3_TIME_ISO_BYTES);
}

void s3_xml_key_characters(struct s3_xml *xml, const char *key, size_t length, bool url)
{
    /* '/' stays, a space is %20 and '+' is %2B: clients undo only percent escapes. No character needs XML
     * escaping then. */
    if (url)
        xml->length += percent_encode(key, length, true, s3_xml_reserve(xml, PERCENT_ENCODED_BYTES(length)));
    else
        s3_xml_characters(xml, key, length);
}
