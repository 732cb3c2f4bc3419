/* SPDX-License-Identifier: MIT
 *
 * XML out: a growing buffer with escaping. XML in: a small pull of elements over Expat, with DTDs and entities refused and
 * depth and size bounded. */
#ifndef API_S3_TEXT_S3_XML_H
#define API_S3_TEXT_S3_XML_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "api/s3/text/s3_time.h"
#include "storage/base/arena.h"

struct s3_xml {
    struct arena *arena;
    char *data;
    size_t length, capacity;
    size_t room; /* bytes before data that nothing is written to yet */
    struct s3_time_memo time;
};

/* Starts with the XML declaration. Memory comes from the arena. */
void s3_xml_init(struct s3_xml *xml, struct arena *arena);
/* A document whose beginning is known last, as that of a listing: what is written is what follows it. Empty at first. */
void s3_xml_init_rest(struct s3_xml *xml, struct arena *arena);
/* Puts the beginning before the rest, which is not moved for it unless the beginning has more than S3_XML_ROOM_BYTES. */
void s3_xml_prepend(struct s3_xml *rest, const struct s3_xml *beginning);
/* Room for so many bytes more, at xml->data + xml->length. */
void s3_xml_grow(struct s3_xml *xml, size_t bytes);
/* Escaped text. Characters that XML 1.0 cannot carry become U+FFFD. */
void s3_xml_characters(struct s3_xml *xml, const char *text, size_t length);

/* A page of a listing has thousands of elements: tags are inline, so that the length of a name is known where the name is. */
static inline char *s3_xml_reserve(struct s3_xml *xml, size_t bytes)
{
    if (xml->capacity - xml->length < bytes)
        s3_xml_grow(xml, bytes);
    return xml->data + xml->length;
}

/* Text that needs no escapes. */
static inline void s3_xml_plain(struct s3_xml *xml, const char *text, size_t length)
{
    memcpy(s3_xml_reserve(xml, length), text, length);
    xml->length += length;
}

/* name may carry attributes: "ListBucketResult xmlns=\"...\"". */
static inline void s3_xml_open(struct s3_xml *xml, const char *name)
{
    size_t length = strlen(name);
    char *at = s3_xml_reserve(xml, length + 2);

    at[0] = '<';
    memcpy(at + 1, name, length);
    at[length + 1] = '>';
    xml->length += length + 2;
}

/* Leaves attributes out. */
static inline void s3_xml_close(struct s3_xml *xml, const char *name)
{
    size_t length = strcspn(name, " ");
    char *at = s3_xml_reserve(xml, length + 3);

    at[0] = '<';
    at[1] = '/';
    memcpy(at + 2, name, length);
    at[length + 2] = '>';
    xml->length += length + 3;
}

/* <name>escaped text</name> */
static inline void s3_xml_text(struct s3_xml *xml, const char *name, const char *text, size_t length)
{
    s3_xml_open(xml, name);
    s3_xml_characters(xml, text, length);
    s3_xml_close(xml, name);
}

static inline void s3_xml_string(struct s3_xml *xml, const char *name, const char *text)
{
    s3_xml_text(xml, name, text, strlen(text));
}

/* What stands in an element. The time: 2026-01-31T12:34:56.000Z, whole seconds, as in Last-Modified, or a listing and a HEAD would tell two
 * times of one object. The key: percent-encoded if url is true, for encoding-type=url. */
void s3_xml_digits(struct s3_xml *xml, uint64_t value);
void s3_xml_date(struct s3_xml *xml, int64_t unix_ms);
void s3_xml_key_characters(struct s3_xml *xml, const char *key, size_t length, bool url);

static inline void s3_xml_unsigned(struct s3_xml *xml, const char *name, uint64_t value)
{
    s3_xml_open(xml, name);
    s3_xml_digits(xml, value);
    s3_xml_close(xml, name);
}

static inline void s3_xml_bool(struct s3_xml *xml, const char *name, bool value)
{
    s3_xml_string(xml, name, value ? "true" : "false");
}

static inline void s3_xml_time(struct s3_xml *xml, const char *name, int64_t unix_ms)
{
    s3_xml_open(xml, name);
    s3_xml_date(xml, unix_ms);
    s3_xml_close(xml, name);
}

static inline void s3_xml_key(struct s3_xml *xml, const char *name, const char *key, size_t length, bool url)
{
    s3_xml_open(xml, name);
    s3_xml_key_characters(xml, key, length, url);
    s3_xml_close(xml, name);
}

#define S3_XMLNS " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""

/* Parsing: path is the element names from the root, joined by '/', without namespace prefixes
 * ("CompleteMultipartUpload/Part/ETag"). text: the element's own character data, with white space as it came, NUL-terminated.
 * Called when an element ends. Return 0, or non-zero to stop (MalformedXML). */
typedef int (*s3_xml_visit_fn)(void *ctx, const char *path, const char *text, size_t length);
/* The same in pieces, for a document that is too long to be read in one go: begin (NULL: no memory, or it cannot be XML), step
 * until it gives something but 1, end. data: valid until then. */
struct s3_xml_reader;
struct s3_xml_reader *s3_xml_reader_begin(const char *data, size_t length, const char *root,
                                          s3_xml_visit_fn visit, void *ctx);
/* Reads about `bytes` more. 1: there is more; else as s3_xml_parse. */
int s3_xml_reader_step(struct s3_xml_reader *reader, size_t bytes);
void s3_xml_reader_end(struct s3_xml_reader *reader); /* NULL allowed */
/* The same for a document that is never in memory as a whole: open (NULL: no memory), feed until it gives something but 0, close for the
 * verdict, end. What it costs is bounded, whatever the document's length: the text of an element may have S3_XML_TEXT_BYTES_MAX bytes
 * (white space before a child is left out), and so may a piece of markup. */
struct s3_xml_reader *s3_xml_reader_open(const char *root, s3_xml_visit_fn visit, void *ctx);
/* 0, or as s3_xml_parse. */
int s3_xml_reader_feed(struct s3_xml_reader *reader, const void *data, size_t length);
int s3_xml_reader_close(struct s3_xml_reader *reader);
/* 0, -ENOMEM, or -EBADMSG for anything malformed, too deep, with a DTD, or refused by visit. root: the required root element. */
int s3_xml_parse(const char *data, size_t length, const char *root, s3_xml_visit_fn visit, void *ctx);
/* The same where elements have an xsi:type: it is told when the element begins, by the path of the element and "/@type". */
int s3_xml_parse_typed(const char *data, size_t length, const char *root, s3_xml_visit_fn visit, void *ctx);

#endif
