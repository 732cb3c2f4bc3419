/* SPDX-License-Identifier: MIT
 *
 * The XML writer: a buffer in a memory arena that grows by doubling, and escaping. It does not check nesting;
 * callers pair open and close. One thread at a time. */
#include "api/s3/text/s3_xml.h"

#include <assert.h>
#include <string.h>

#include "api/s3/limits.h"
#include "api/s3/text/s3_time.h"
#include "storage/base/percent.h"
#include "storage/base/utf8.h"

#define XML_BYTES_INITIAL 1024u
#define REPLACEMENT       "\xef\xbf\xbd" /* U+FFFD */

/* Moves to a new buffer. The old one stays in the arena until the request ends. */
static void move(struct s3_xml *xml, size_t room, size_t capacity)
{
    char *data = (char *)arena_alloc(xml->arena, room + capacity) + room;

    if (xml->length != 0)
        memcpy(data, xml->data, xml->length);
    xml->data = data;
    xml->room = room;
    xml->capacity = capacity;
}

static char *reserve(struct s3_xml *xml, size_t bytes)
{
    if (xml->capacity - xml->length < bytes) {
        size_t capacity = xml->capacity;

        while (capacity - xml->length < bytes)
            capacity *= 2; /* which bounds the waste by the final size */
        move(xml, xml->room, capacity);
    }
    return xml->data + xml->length;
}

static void append(struct s3_xml *xml, const char *text, size_t length)
{
    memcpy(reserve(xml, length), text, length);
    xml->length += length;
}

static void append_string(struct s3_xml *xml, const char *text)
{
    append(xml, text, strlen(text));
}

void s3_xml_init(struct s3_xml *xml, struct arena *arena)
{
    *xml = (struct s3_xml){.arena = arena};
    move(xml, 0, XML_BYTES_INITIAL);
    append_string(xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
}

void s3_xml_init_rest(struct s3_xml *xml, struct arena *arena)
{
    *xml = (struct s3_xml){.arena = arena};
    move(xml, S3_XML_ROOM_BYTES, XML_BYTES_INITIAL);
}

void s3_xml_prepend(struct s3_xml *rest, const struct s3_xml *beginning)
{
    if (beginning->length > rest->room)
        move(rest, beginning->length, rest->length);
    rest->data -= beginning->length;
    rest->room -= beginning->length;
    rest->length += beginning->length;
    rest->capacity += beginning->length;
    memcpy(rest->data, beginning->data, beginning->length);
}

void s3_xml_open(struct s3_xml *xml, const char *name)
{
    append(xml, "<", 1);
    append_string(xml, name);
    append(xml, ">", 1);
}

void s3_xml_close(struct s3_xml *xml, const char *name)
{
    append(xml, "</", 2);
    append(xml, name, strcspn(name, " ")); /* s3_xml_text hands its name, attributes and all */
    append(xml, ">", 1);
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

/* How many bytes from here on are ASCII that stands as it is: nearly all of most texts, and a page has thousands of them. */
static size_t plain_run(const char *text, size_t length)
{
    size_t count = 0;

    while (count < length) {
        unsigned char c = (unsigned char)text[count];

        if (c < 0x20 || c >= 0x80 || c == '&' || c == '<' || c == '>' || c == '"')
            break;
        count++;
    }
    return count;
}

static void append_escaped(struct s3_xml *xml, const char *text, size_t length)
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
        append(xml, text + i - plain, plain);
        append_string(xml, escape);
        plain = 0;
    }
    append(xml, text + length - plain, plain);
}

void s3_xml_text(struct s3_xml *xml, const char *name, const char *text, size_t length)
{
    s3_xml_open(xml, name);
    if (length != 0)
        append_escaped(xml, text, length);
    s3_xml_close(xml, name);
}

void s3_xml_string(struct s3_xml *xml, const char *name, const char *text)
{
    s3_xml_text(xml, name, text, strlen(text));
}

void s3_xml_unsigned(struct s3_xml *xml, const char *name, uint64_t value)
{
    char digits[20], *at = digits + sizeof(digits);

    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    s3_xml_text(xml, name, at, (size_t)(digits + sizeof(digits) - at));
}

void s3_xml_bool(struct s3_xml *xml, const char *name, bool value)
{
    s3_xml_string(xml, name, value ? "true" : "false");
}

void s3_xml_time(struct s3_xml *xml, const char *name, int64_t unix_ms)
{
    char text[S3_TIME_ISO_BYTES + 1];

    s3_time_iso_format(unix_ms, text);
    memcpy(text + S3_TIME_ISO_BYTES - 4, "000", 3);
    s3_xml_text(xml, name, text, S3_TIME_ISO_BYTES);
}

void s3_xml_key(struct s3_xml *xml, const char *name, const char *key, size_t length, bool url)
{
    if (!url) {
        s3_xml_text(xml, name, key, length);
        return;
    }
    /* '/' stays, a space is %20 and '+' is %2B: clients undo only percent escapes. No character needs XML
     * escaping then. */
    s3_xml_open(xml, name);
    xml->length += percent_encode(key, length, true, reserve(xml, PERCENT_ENCODED_BYTES(length)));
    s3_xml_close(xml, name);
}
