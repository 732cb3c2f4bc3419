/* SPDX-License-Identifier: MIT
 *
 * Heads and bodies of a stream, read as simply as can be: the whole stream is there, nothing is resumed, nothing is bounded. */
#include "framing_model.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct text {
    const uint8_t *at;
    size_t length;
};

static bool text_is(struct text text, const char *word)
{
    return text.length == strlen(word) && strncasecmp((const char *)text.at, word, text.length) == 0;
}

static bool is_token(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (!isalnum(text.at[i]) && (text.at[i] == '\0' || strchr("!#$%&'*+-.^_`|~", text.at[i]) == NULL))
            return false;
    return text.length > 0;
}

static bool is_of(struct text text, const char *others)
{
    for (size_t i = 0; i < text.length; i++)
        if (!isalnum(text.at[i]) && (text.at[i] == '\0' || strchr(others, text.at[i]) == NULL))
            return false;
    return text.length > 0;
}

/* No control characters, but the tab. */
static bool is_printable(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((text.at[i] < ' ' && text.at[i] != '\t') || text.at[i] == 0x7f)
            return false;
    return true;
}

static struct text trimmed(struct text text)
{
    while (text.length > 0 && (text.at[0] == ' ' || text.at[0] == '\t'))
        text.at++, text.length--;
    while (text.length > 0 && (text.at[text.length - 1] == ' ' || text.at[text.length - 1] == '\t'))
        text.length--;
    return text;
}

/* ---- Lines ---- */

enum line { LINE_WHOLE, LINE_PARTIAL, LINE_MALFORMED };

/* One line that ends in CRLF and has neither CR nor LF elsewhere. */
static enum line line_take(const uint8_t *stream, size_t length, size_t *at, struct text *line)
{
    const uint8_t *end = memchr(stream + *at, '\n', length - *at);

    *line = (struct text){stream + *at, length - *at};
    if (end == NULL)
        return LINE_PARTIAL;
    line->length = (size_t)(end - line->at);
    *at += line->length + 1;
    if (line->length == 0 || line->at[line->length - 1] != '\r')
        return LINE_MALFORMED;
    line->length--;
    return memchr(line->at, '\r', line->length) == NULL ? LINE_WHOLE : LINE_MALFORMED;
}

/* ---- The head ---- */

struct fields {
    size_t count, hosts, lengths, codings, expectations;
    bool says_close, says_keep_alive;
    bool is_ambiguous, is_odd; /* odd: a server may dislike it */
};

static void read_length(struct model_request *request, struct fields *fields, struct text value)
{
    fields->lengths++;
    request->has_length = true;
    request->length = 0;
    fields->is_ambiguous |= value.length == 0;
    fields->is_odd |= value.length > 15;
    for (size_t i = 0; i < value.length; i++) {
        if (!isdigit(value.at[i]))
            fields->is_ambiguous = true;
        else if (request->length < UINT64_MAX / 16)
            request->length = request->length * 10 + (value.at[i] - '0');
    }
}

/* Whether a list has that item. */
static bool list_has(struct text list, const char *word)
{
    while (list.length > 0) {
        const uint8_t *comma = memchr(list.at, ',', list.length);
        size_t length = comma != NULL ? (size_t)(comma - list.at) : list.length;

        if (text_is(trimmed((struct text){list.at, length}), word))
            return true;
        length += comma != NULL;
        list = (struct text){list.at + length, list.length - length};
    }
    return false;
}

static void read_field(struct model_request *request, struct fields *fields, struct text line)
{
    const uint8_t *colon = memchr(line.at, ':', line.length);
    struct text name = {line.at, colon != NULL ? (size_t)(colon - line.at) : line.length}, value;

    fields->count++;
    if (colon == NULL || !is_token(name) || !is_printable(line)) {
        fields->is_ambiguous = true;
        return;
    }
    value = trimmed((struct text){colon + 1, line.length - name.length - 1});
    fields->is_odd |= !is_of(name, "-");
    for (size_t i = 0; i < value.length; i++)
        fields->is_odd |= value.at[i] > 0x7e;
    if (text_is(name, "content-length")) {
        read_length(request, fields, value);
    } else if (text_is(name, "transfer-encoding")) {
        fields->codings++;
        fields->is_ambiguous |= !text_is(value, "chunked");
        request->is_chunked = true;
    } else if (text_is(name, "host")) {
        fields->hosts++;
        fields->is_odd |= !is_of(value, ".-");
    } else if (text_is(name, "expect")) {
        fields->expectations++;
        request->expects_continue |= list_has(value, "100-continue");
        fields->is_odd |= value.length > 0 && !text_is(value, "100-continue");
    } else if (text_is(name, "connection")) {
        fields->says_close |= list_has(value, "close");
        fields->says_keep_alive |= list_has(value, "keep-alive");
    }
}

/* method SP target SP HTTP/1.x; false: it is none. */
static bool read_request_line(struct model_request *request, struct fields *fields, const uint8_t *stream,
                              struct text line)
{
    const uint8_t *space = memchr(line.at, ' ', line.length);
    struct text method = {line.at, space != NULL ? (size_t)(space - line.at) : 0}, target, version;

    if (space == NULL || !is_token(method))
        return false;
    target = (struct text){space + 1, line.length - method.length - 1};
    if ((space = memchr(target.at, ' ', target.length)) == NULL)
        return false;
    version = (struct text){space + 1, target.length - (size_t)(space - target.at) - 1};
    target.length = (size_t)(space - target.at);
    if (target.length == 0 || !is_printable(target) || memchr(target.at, '\t', target.length) != NULL ||
        version.length != 8 || memcmp(version.at, "HTTP/1.", 7) != 0 || !isdigit(version.at[7]))
        return false;
    request->method_begin = (size_t)(method.at - stream);
    request->method_end = request->method_begin + method.length;
    request->target_begin = (size_t)(target.at - stream);
    request->target_end = request->target_begin + target.length;
    request->is_1_0 = version.at[7] == '0';
    fields->is_odd |=
        version.at[7] > '1' || method.length > 16 || target.at[0] != '/' || !is_of(target, "/.-");
    return true;
}

static void judge_head(struct model_request *request, const struct fields *fields, size_t bytes)
{
    bool has_length = fields->lengths > 0, is_chunked = fields->codings > 0;

    if (fields->is_ambiguous || fields->lengths > 1 || fields->codings > 1 || (has_length && is_chunked) ||
        (is_chunked && request->is_1_0))
        request->head = MODEL_AMBIGUOUS;
    else if (fields->is_odd || fields->hosts != 1 || fields->count > 50 || bytes > 8192)
        request->head = MODEL_CLEAR;
    else
        request->head = MODEL_PLAIN;
    request->expects_continue &= !request->is_1_0 && (has_length || is_chunked);
    request->client_closes = fields->says_close || (request->is_1_0 && !fields->says_keep_alive);
}

/* False: there is no whole head any more. One that is broken before its end counts as whole, and ambiguous. */
static bool read_head(struct model_request *request, const uint8_t *stream, size_t length, size_t *at)
{
    struct fields fields = {0};
    size_t begin = *at, blank_lines = 0;
    struct text line;
    enum line kind;

    while ((kind = line_take(stream, length, at, &line)) == LINE_WHOLE && line.length == 0)
        blank_lines++, begin = *at;
    fields.is_odd = blank_lines > 2;
    if (kind == LINE_PARTIAL)
        return false;
    fields.is_ambiguous = kind == LINE_MALFORMED || !read_request_line(request, &fields, stream, line);
    while (!fields.is_ambiguous) {
        if ((kind = line_take(stream, length, at, &line)) == LINE_PARTIAL)
            return false;
        if (kind == LINE_WHOLE && line.length == 0)
            break;
        if (kind == LINE_MALFORMED)
            fields.is_ambiguous = true;
        else
            read_field(request, &fields, line);
    }
    request->head_begin = begin;
    request->head_end = *at;
    judge_head(request, &fields, *at - begin);
    return true;
}

/* ---- The body ---- */

static void keep_payload(struct model *model, struct model_request *request, const uint8_t *at, size_t length)
{
    memcpy(model->payload + model->payload_length, at, length);
    model->payload_length += length;
    request->payload_end = model->payload_length;
}

static enum model_body read_counted(struct model *model, struct model_request *request, const uint8_t *stream,
                                    size_t length, size_t *at)
{
    size_t here = request->length < length - *at ? (size_t)request->length : length - *at;

    keep_payload(model, request, stream + *at, here);
    *at += here;
    return here == request->length ? MODEL_WHOLE : MODEL_PARTIAL;
}

static enum model_body of_line(enum line kind)
{
    return kind == LINE_PARTIAL ? MODEL_PARTIAL : MODEL_MALFORMED;
}

/* 1*HEXDIG [BWS ";" anything printable] */
static bool read_size(struct text line, uint64_t *size)
{
    size_t digits = 0, after;

    *size = 0;
    for (; digits < line.length && isxdigit(line.at[digits]); digits++) {
        if (*size > UINT64_MAX >> 5)
            return false;
        *size = *size * 16 + (uint64_t)(isdigit(line.at[digits]) ? line.at[digits] - '0'
                                                                 : tolower(line.at[digits]) - 'a' + 10);
    }
    for (after = digits; after < line.length && (line.at[after] == ' ' || line.at[after] == '\t'); after++)
        ;
    return digits > 0 && is_printable(line) &&
           (digits == line.length || (after < line.length && line.at[after] == ';'));
}

static bool is_trailer(struct text line)
{
    const uint8_t *colon = memchr(line.at, ':', line.length);

    if (colon == NULL || colon == line.at || !is_printable(line))
        return false;
    for (const uint8_t *at = line.at; at < colon; at++)
        if (*at <= ' ' || *at >= 0x7f)
            return false;
    return true;
}

static enum model_body read_chunked(struct model *model, struct model_request *request, const uint8_t *stream,
                                    size_t length, size_t *at)
{
    struct text line;
    enum line kind;
    uint64_t size;

    for (;;) {
        if ((kind = line_take(stream, length, at, &line)) != LINE_WHOLE)
            return of_line(kind);
        if (!read_size(line, &size))
            return MODEL_MALFORMED;
        if (size == 0)
            break;
        size_t here = size < length - *at ? (size_t)size : length - *at;

        keep_payload(model, request, stream + *at, here);
        *at += here;
        if (here < size || length - *at < 2)
            return MODEL_PARTIAL;
        if (memcmp(stream + *at, "\r\n", 2) != 0)
            return MODEL_MALFORMED;
        *at += 2;
    }
    while ((kind = line_take(stream, length, at, &line)) == LINE_WHOLE && line.length > 0)
        if (!is_trailer(line))
            return MODEL_MALFORMED;
    return kind == LINE_WHOLE ? MODEL_WHOLE : of_line(kind);
}

void model_read(struct model *model, const uint8_t *stream, size_t length, uint8_t *payload)
{
    size_t at = 0;

    model->count = 0;
    model->payload = payload;
    model->payload_length = 0;
    while (model->count < MODEL_REQUESTS_MAX) {
        struct model_request *request = &model->requests[model->count];

        *request = (struct model_request){.payload_begin = model->payload_length,
                                          .payload_end = model->payload_length};
        if (!read_head(request, stream, length, &at))
            return;
        model->count++;
        if (request->head == MODEL_AMBIGUOUS)
            return;
        if (request->is_chunked)
            request->body = read_chunked(model, request, stream, length, &at);
        else if (request->has_length)
            request->body = read_counted(model, request, stream, length, &at);
        request->body_end = at;
        if (request->body != MODEL_WHOLE)
            return;
    }
}
