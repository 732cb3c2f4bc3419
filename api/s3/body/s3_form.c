/* SPDX-License-Identifier: MIT
 *
 * The parser of posted forms. Fields are gathered in one buffer, in which values are cut out when the delimiter after them was
 * found. In the file a delimiter can only begin with a CR, and has no other: what looked like one and was not is handed on
 * afterwards from the delimiter itself, so nothing of the file is buffered. Pure. */
#include "api/s3/body/s3_form.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "storage/base/slice.h"

#define BUFFER_INITIAL 4096u

/* ---- The boundary ---- */

static bool is_boundary_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("'()+_,-./:=? ", c) != NULL);
}

/* The value of a parameter (name="value" or name=value) in the tail of a header, unquoted into the arena; base NULL when absent. */
static struct slice parameter(struct arena *arena, struct slice header, const char *name)
{
    const char *at = header.base, *end = header.base + header.len;

    while (at < end && (at = memchr(at, ';', (size_t)(end - at))) != NULL) {
        const char *word = ++at;
        size_t length = strlen(name), out = 0;
        char *value;

        while (word < end && (*word == ' ' || *word == '\t'))
            word++;
        if ((size_t)(end - word) <= length || word[length] != '=' ||
            !slice_is_nocase(slice_of(word, length), name))
            continue;
        word += length + 1;
        value = arena_alloc(arena, (size_t)(end - word) + 1);
        if (word == end || *word != '"') {
            while (word < end && *word != ';' && *word != ' ')
                value[out++] = *word++;
            return slice_of(value, out);
        }
        for (word++; word < end && *word != '"'; word++) {
            if (*word == '\\' && word + 1 < end && (word[1] == '"' || word[1] == '\\'))
                word++;
            value[out++] = *word;
        }
        return slice_of(value, out);
    }
    return (struct slice){NULL, 0};
}

int s3_form_init(struct s3_form *form, struct arena *arena, struct slice content_type)
{
    struct slice boundary;

    memset(form, 0, sizeof(*form));
    form->arena = arena;
    if (!slice_has_prefix_nocase(content_type, "multipart/form-data"))
        return -EINVAL;
    boundary = parameter(arena, content_type, "boundary");
    if (boundary.len == 0 || boundary.len > S3_FORM_BOUNDARY_BYTES_MAX)
        return -EINVAL;
    for (size_t i = 0; i < boundary.len; i++) {
        if (!is_boundary_char(boundary.base[i]))
            return -EINVAL;
    }
    memcpy(form->delimiter, "\r\n--", 4);
    (void)slice_copy(form->delimiter + 4, boundary);
    form->delimiter_length = boundary.len + 4;
    form->capacity = BUFFER_INITIAL;
    form->buffer = arena_alloc(arena, form->capacity);
    memcpy(form->buffer, "\r\n", 2); /* so that the first boundary, too, has a line end before it */
    form->length = 2;
    return 0;
}

/* ---- The fields ---- */

static void buffer_add(struct s3_form *form, const char *data, size_t length)
{
    char *larger;

    if (form->length + length > form->capacity) {
        while (form->length + length > form->capacity)
            form->capacity *= 2;
        larger = arena_alloc(form->arena, form->capacity);
        memcpy(larger, form->buffer, form->length);
        form->buffer = larger; /* values cut out before stay where they are, in the arena */
    }
    memcpy(form->buffer + form->length, data, length);
    form->length += length;
}

/* Looks for a text from `scan` on. True: scan is after it and *found at it. Else scan is where to go on. */
static bool find(struct s3_form *form, const char *text, size_t length, size_t *found)
{
    const char *at = memmem(form->buffer + form->scan, form->length - form->scan, text, length);

    if (at == NULL) {
        if (form->length - form->scan >= length)
            form->scan = form->length - (length - 1);
        return false;
    }
    *found = (size_t)(at - form->buffer);
    form->scan = *found + length;
    return true;
}

/* Some browsers tell the whole path. */
static struct slice without_folders(struct slice name)
{
    for (size_t i = name.len; i > 0; i--) {
        if (name.base[i - 1] == '/' || name.base[i - 1] == '\\')
            return slice_of(name.base + i, name.len - i);
    }
    return name;
}

static struct slice header_value(struct slice line, const char *name)
{
    size_t length = strlen(name);
    struct slice value;

    if (!slice_has_prefix_nocase(line, name) || line.len == length || line.base[length] != ':')
        return (struct slice){NULL, 0};
    value = slice_of(line.base + length + 1, line.len - length - 1);
    while (value.len > 0 && slice_is_blank(value.base[0]))
        value = slice_from(value, 1);
    return value;
}

/* The head of a part: a field begins, or the file. */
static int take_headers(struct s3_form *form, size_t end)
{
    const char *at = form->buffer + form->start, *stop = form->buffer + end;
    struct slice type = {NULL, 0}, filename = {NULL, 0};

    assert(at != NULL); /* there are bytes: the head's end was found among them */
    form->name = (struct slice){NULL, 0};
    while (at < stop) {
        const char *next = memmem(at, (size_t)(stop - at), "\r\n", 2);
        struct slice line = slice_of(at, (size_t)((next != NULL ? next : stop) - at)), value;

        if ((value = header_value(line, "content-disposition")).base != NULL &&
            slice_has_prefix_nocase(value, "form-data")) {
            form->name = parameter(form->arena, value, "name");
            filename = parameter(form->arena, value, "filename");
        } else if ((value = header_value(line, "content-type")).base != NULL) {
            type = arena_dup(form->arena, value.base, value.len);
        }
        at = next != NULL ? next + 2 : stop;
    }
    if (form->name.len == 0)
        return -EBADMSG;
    form->name = arena_dup_lower(form->arena, form->name);
    form->start = form->scan;
    if (!slice_is_nocase(form->name, "file")) {
        form->state = S3_FORM_VALUE;
        return 0;
    }
    form->content_type = type;
    if (filename.base != NULL)
        form->filename = without_folders(filename);
    form->state = S3_FORM_FILE;
    return 0;
}

static int take_value(struct s3_form *form, size_t end)
{
    if (form->field_count == S3_FORM_FIELDS_MAX)
        return -EMSGSIZE;
    form->fields[form->field_count++] = (struct s3_form_field){
        form->name, arena_dup(form->arena, form->buffer + form->start, end - form->start)};
    form->state = S3_FORM_DELIMITED;
    return 0;
}

/* What follows a delimiter: another part, or the form's end. */
static int take_delimiter(struct s3_form *form)
{
    const char *at = form->buffer + form->scan;

    if (memcmp(at, "--", 2) == 0) {
        form->state = S3_FORM_END;
        return 0;
    }
    if (memcmp(at, "\r\n", 2) != 0)
        return -EBADMSG;
    form->start = form->scan + 2;
    form->state = S3_FORM_HEADERS; /* whose end may be the CRLF of this line: scan stays before it */
    return 0;
}

/* One step. 1: made, go on; 0: more bytes are needed; or an error. */
static int step(struct s3_form *form)
{
    size_t at;
    int err = 0;

    switch (form->state) {
    case S3_FORM_PREAMBLE:
    case S3_FORM_VALUE:
        if (!find(form, form->delimiter, form->delimiter_length, &at))
            return 0;
        if (form->state == S3_FORM_VALUE)
            err = take_value(form, at);
        else
            form->state = S3_FORM_DELIMITED;
        break;
    case S3_FORM_DELIMITED:
        if (form->length - form->scan < 2)
            return 0;
        err = take_delimiter(form);
        break;
    case S3_FORM_HEADERS:
        if (!find(form, "\r\n\r\n", 4, &at))
            return 0;
        err = take_headers(form, at < form->start ? form->start : at);
        break;
    case S3_FORM_FILE:
    case S3_FORM_END:
        return 0;
    }
    return err != 0 ? err : 1;
}

ssize_t s3_form_feed(struct s3_form *form, const char *data, size_t length)
{
    int more;

    assert(form->state < S3_FORM_FILE);
    /* A large piece is mostly the file's, which need not be gathered. */
    if (length > BUFFER_INITIAL)
        length = BUFFER_INITIAL;
    if (length > S3_FORM_BYTES_MAX - form->length)
        length = S3_FORM_BYTES_MAX - form->length;
    if (length == 0)
        return -EMSGSIZE;
    buffer_add(form, data, length);
    while ((more = step(form)) > 0)
        ;
    if (more < 0)
        return more;
    if (form->state != S3_FORM_FILE)
        return (ssize_t)length;
    /* What follows the head came with this call, or the head would have been found before. */
    assert(form->length - form->scan <= length);
    return (ssize_t)(length - (form->length - form->scan));
}

struct slice s3_form_field(const struct s3_form *form, const char *name)
{
    for (size_t i = 0; i < form->field_count; i++) {
        if (slice_is_nocase(form->fields[i].name, name))
            return form->fields[i].value;
    }
    return (struct slice){NULL, 0};
}

/* ---- The file ---- */

/* How many of the bytes are the file's for sure, when no delimiter is under way. */
static size_t plain_bytes(const struct s3_form *form, const char *data, size_t length)
{
    const char *at = memmem(data, length, form->delimiter, form->delimiter_length);

    if (at == NULL && length >= form->delimiter_length)
        length -= form->delimiter_length - 1; /* the rest may begin one */
    else if (at == NULL)
        length = 0;
    else
        return (size_t)(at - data);
    return length;
}

/* One byte at a place where a delimiter may lie. True: it was used. */
static bool match_byte(struct s3_form *form, char byte)
{
    if (byte == form->delimiter[form->matched]) {
        if (++form->matched == form->delimiter_length)
            form->state = S3_FORM_END;
        return true;
    }
    form->held = form->matched;
    form->held_sent = 0;
    form->matched = 0;
    return false;
}

ssize_t s3_form_feed_file(struct s3_form *form, const char *data, size_t length,
                          ssize_t (*write)(void *ctx, const void *data, size_t length), void *ctx)
{
    size_t at = 0;
    ssize_t n;

    while (at < length && form->state == S3_FORM_FILE) {
        if (form->held_sent < form->held) {
            n = write(ctx, form->delimiter + form->held_sent, form->held - form->held_sent);
            if (n < 0)
                return at > 0 ? (ssize_t)at : n;
            form->held_sent += (size_t)n;
            continue;
        }
        size_t plain = form->matched == 0 ? plain_bytes(form, data + at, length - at) : 0;
        if (plain == 0 && form->matched == 0) { /* near the end of what came: up to the next CR */
            const char *cr = memchr(data + at, '\r', length - at);
            plain = cr != NULL ? (size_t)(cr - (data + at)) : length - at;
        }
        if (plain == 0) {
            at += match_byte(form, data[at]);
            continue;
        }
        if ((n = write(ctx, data + at, plain)) < 0)
            return at > 0 ? (ssize_t)at : n;
        at += (size_t)n;
    }
    return (ssize_t)(form->state == S3_FORM_END ? length : at);
}
