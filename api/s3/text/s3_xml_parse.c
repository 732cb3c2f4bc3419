/* SPDX-License-Identifier: MIT
 *
 * The XML reader: one pass of Expat over a document in memory. A DTD stops it at once, so no entity can be
 * declared and nothing can expand; depth and name lengths are bounded, and the text buffer is never larger
 * than the document, or than its bound where the document comes in pieces. */
#include "api/s3/text/s3_xml.h"

#include <assert.h>
#include <errno.h>
#include <expat.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/limits.h"

#define PATH_BYTES_MAX     512u
#define TYPE_STEP          "/@type"
#define TEXT_BYTES_INITIAL 1024u

struct level {
    size_t path_length; /* of the path up to and with this element */
    size_t text_start;  /* its character data begins here in the buffer; its children's is cut off when they
                           end */
};

struct s3_xml_reader {
    XML_Parser parser;
    s3_xml_visit_fn visit;
    void *ctx;
    const char *root;
    char path[PATH_BYTES_MAX];
    char *text;
    size_t text_length, text_capacity;
    bool is_fed;  /* and never has the whole document */
    size_t quiet; /* bytes that were fed since Expat last told of any */
    struct level levels[S3_XML_DEPTH_MAX];
    unsigned depth;
    bool refused, lacks_memory, is_typed;
    const char *data; /* what is left */
    size_t length;
};

static void refuse(struct s3_xml_reader *reader)
{
    reader->refused = true;
    (void)XML_StopParser(reader->parser, XML_FALSE); /* fails only where parsing has stopped already */
}

static void XMLCALL on_doctype(void *ctx, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int has_internal_subset)
{
    refuse(ctx);
}

/* Where elements have children, what stands between these is layout, and is dropped; text beside children has no meaning in S3. False: there
 * is some. */
static bool drop_layout(struct s3_xml_reader *reader)
{
    size_t start = reader->depth != 0 ? reader->levels[reader->depth - 1].text_start : 0;

    for (size_t i = start; i < reader->text_length; i++)
        if (memchr(" \t\r\n", reader->text[i], 4) == NULL)
            return false;
    reader->text_length = start;
    return true;
}

/* attributes: pairs, then NULL. */
static void tell_type(struct s3_xml_reader *reader, const XML_Char **attributes)
{
    size_t at = reader->levels[reader->depth - 1].path_length;

    for (; *attributes != NULL && !reader->refused; attributes += 2) {
        const char *colon = strrchr(attributes[0], ':');

        if (colon == NULL || strcmp(colon, ":type") != 0)
            continue;
        if (at + sizeof(TYPE_STEP) > PATH_BYTES_MAX) {
            refuse(reader);
            return;
        }
        memcpy(reader->path + at, TYPE_STEP, sizeof(TYPE_STEP));
        if (reader->visit(reader->ctx, reader->path, attributes[1], strlen(attributes[1])) != 0)
            refuse(reader);
        reader->path[at] = '\0';
    }
}

static void XMLCALL on_start(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
    struct s3_xml_reader *reader = ctx;
    const char *colon = strrchr(name, ':');
    const char *local = colon != NULL ? colon + 1 : name;
    size_t length = strlen(local);
    size_t at = reader->depth == 0 ? 0 : reader->levels[reader->depth - 1].path_length;

    reader->quiet = 0;
    if (reader->refused)
        return;
    if ((reader->is_fed && !drop_layout(reader)) || reader->depth == S3_XML_DEPTH_MAX ||
        at + length + 2 > PATH_BYTES_MAX || (reader->depth == 0 && strcmp(local, reader->root) != 0)) {
        refuse(reader);
        return;
    }
    if (reader->depth != 0)
        reader->path[at++] = '/';
    memcpy(reader->path + at, local, length + 1);
    reader->levels[reader->depth].path_length = at + length;
    reader->levels[reader->depth].text_start = reader->text_length;
    reader->depth++;
    if (reader->is_typed)
        tell_type(reader, attributes);
}

/* Room for so much more text, and a NUL. */
static bool reserve(struct s3_xml_reader *reader, size_t length)
{
    size_t needed = reader->text_length + length, capacity = reader->text_capacity;
    char *text;

    if (needed <= capacity)
        return true;
    while (capacity < needed)
        capacity *= 2;
    if (needed > S3_XML_TEXT_BYTES_MAX)
        return false;
    text = realloc(reader->text, capacity + 1);
    if (text == NULL) {
        reader->lacks_memory = true;
        return false;
    }
    reader->text = text;
    reader->text_capacity = capacity;
    return true;
}

static void XMLCALL on_text(void *ctx, const XML_Char *text, int length)
{
    struct s3_xml_reader *reader = ctx;

    reader->quiet = 0;
    if (reader->refused || length <= 0)
        return;
    if (reader->is_fed && !reserve(reader, (size_t)length)) {
        refuse(reader);
        return;
    }
    /* Character data is never longer than its source: references shrink, and there is nothing but UTF-8. */
    assert((size_t)length <= reader->text_capacity - reader->text_length);
    memcpy(reader->text + reader->text_length, text, (size_t)length);
    reader->text_length += (size_t)length;
}

static void XMLCALL on_end(void *ctx, const XML_Char *name)
{
    struct s3_xml_reader *reader = ctx;
    struct level *level;

    reader->quiet = 0;
    if (reader->refused)
        return;
    assert(reader->depth > 0);
    level = &reader->levels[--reader->depth];
    reader->path[level->path_length] = '\0';
    reader->text[reader->text_length] = '\0';
    if (reader->visit(reader->ctx, reader->path, reader->text + level->text_start,
                      reader->text_length - level->text_start) != 0)
        refuse(reader);
    reader->text_length = level->text_start;
}

static int verdict(const struct s3_xml_reader *reader, enum XML_Status status)
{
    if (status == XML_STATUS_OK && !reader->refused)
        return 0;
    return reader->lacks_memory || XML_GetErrorCode(reader->parser) == XML_ERROR_NO_MEMORY ? -ENOMEM
                                                                                           : -EBADMSG;
}

int s3_xml_reader_step(struct s3_xml_reader *reader, size_t bytes)
{
    const char *data = reader->data;
    bool is_last = bytes >= reader->length;

    if (is_last)
        bytes = reader->length;
    reader->data += bytes;
    reader->length -= bytes;
    int result = verdict(reader, XML_Parse(reader->parser, data, (int)bytes, is_last));
    return result == 0 && !is_last ? 1 : result;
}

void s3_xml_reader_end(struct s3_xml_reader *reader)
{
    if (reader == NULL)
        return;
    if (reader->parser != NULL)
        XML_ParserFree(reader->parser);
    free(reader->text);
    free(reader);
}

static void XMLCALL on_comment(void *ctx, const XML_Char *text)
{
    ((struct s3_xml_reader *)ctx)->quiet = 0;
}

static void XMLCALL on_instruction(void *ctx, const XML_Char *target, const XML_Char *data)
{
    ((struct s3_xml_reader *)ctx)->quiet = 0;
}

static struct s3_xml_reader *reader_create(const char *root, s3_xml_visit_fn visit, void *ctx,
                                           size_t text_capacity)
{
    struct s3_xml_reader *reader = calloc(1, sizeof(*reader));

    if (reader == NULL)
        return NULL;
    reader->visit = visit;
    reader->ctx = ctx;
    reader->root = root;
    reader->text_capacity = text_capacity;
    reader->text = malloc(text_capacity + 1);
    /* UTF-8 whatever the declaration says: it is what S3 clients send. */
    reader->parser = XML_ParserCreate("UTF-8");
    if (reader->text == NULL || reader->parser == NULL) {
        s3_xml_reader_end(reader);
        return NULL;
    }
    XML_SetUserData(reader->parser, reader);
    XML_SetStartDoctypeDeclHandler(reader->parser, on_doctype);
    XML_SetElementHandler(reader->parser, on_start, on_end);
    XML_SetCharacterDataHandler(reader->parser, on_text);
    return reader;
}

/* Expat believes a byte order mark of UTF-16 more than the encoding it is told, and UTF-16 may grow when it becomes UTF-8. Its markup
 * has zero bytes, which UTF-8 has nowhere. */
static bool may_be_xml(const char *data, size_t length)
{
    return length > 0 && length <= S3_XML_BYTES_MAX && memchr(data, '\0', length) == NULL;
}

struct s3_xml_reader *s3_xml_reader_begin(const char *data, size_t length, const char *root,
                                          s3_xml_visit_fn visit, void *ctx)
{
    struct s3_xml_reader *reader;

    if (!may_be_xml(data, length))
        return NULL;
    _Static_assert(S3_XML_BYTES_MAX < INT_MAX, "Expat takes an int");
    if ((reader = reader_create(root, visit, ctx, length)) == NULL)
        return NULL;
    reader->data = data;
    reader->length = length;
    return reader;
}

/* ---- In pieces that are not kept ---- */

struct s3_xml_reader *s3_xml_reader_open(const char *root, s3_xml_visit_fn visit, void *ctx)
{
    struct s3_xml_reader *reader = reader_create(root, visit, ctx, TEXT_BYTES_INITIAL);

    if (reader == NULL)
        return NULL;
    reader->is_fed = true;
    XML_SetCommentHandler(reader->parser, on_comment);
    XML_SetProcessingInstructionHandler(reader->parser, on_instruction);
    return reader;
}

/* Expat keeps a piece of markup until its end has come, and looks at it from its beginning each time: that is bounded, too. */
int s3_xml_reader_feed(struct s3_xml_reader *reader, const void *data, size_t length)
{
    int result;

    assert(length <= INT_MAX);
    if (length == 0)
        return 0;
    if (memchr(data, '\0', length) != NULL)
        return -EBADMSG;
    reader->quiet += length;
    result = verdict(reader, XML_Parse(reader->parser, data, (int)length, XML_FALSE));
    return result == 0 && reader->quiet > S3_XML_TEXT_BYTES_MAX + length ? -EBADMSG : result;
}

int s3_xml_reader_close(struct s3_xml_reader *reader)
{
    return verdict(reader, XML_Parse(reader->parser, "", 0, XML_TRUE));
}

static int parse(const char *data, size_t length, const char *root, bool is_typed, s3_xml_visit_fn visit,
                 void *ctx)
{
    struct s3_xml_reader *reader = s3_xml_reader_begin(data, length, root, visit, ctx);
    int result = may_be_xml(data, length) ? -ENOMEM : -EBADMSG;

    if (reader != NULL) {
        reader->is_typed = is_typed;
        result = s3_xml_reader_step(reader, length);
    }
    s3_xml_reader_end(reader);
    return result;
}

int s3_xml_parse(const char *data, size_t length, const char *root, s3_xml_visit_fn visit, void *ctx)
{
    return parse(data, length, root, false, visit, ctx);
}

int s3_xml_parse_typed(const char *data, size_t length, const char *root, s3_xml_visit_fn visit, void *ctx)
{
    return parse(data, length, root, true, visit, ctx);
}
