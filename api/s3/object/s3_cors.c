/* SPDX-License-Identifier: MIT
 *
 * CORS configurations: the document, and what matches. Pure functions; the use of a configuration is in
 * op_cors.c. A configuration owns its memory, for workers keep it longer than a request. */
#include "api/s3/object/s3_cors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/object/s3_range.h"
#include "storage/base/slice.h"

#define CORS_ID_BYTES_MAX   255u
#define MAX_AGE_SECONDS_MAX 2147483647u

const char *const s3_cors_methods[] = {"GET", "PUT", "POST", "DELETE", "HEAD", NULL};
_Static_assert(sizeof(s3_cors_methods) / sizeof(s3_cors_methods[0]) == S3_CORS_METHODS + 1,
               "all are counted");

/* ---- Matching ---- */

static bool same(const char *a, const char *b, size_t length, bool ignore_case)
{
    for (size_t i = 0; i < length; i++) {
        if (a[i] != b[i] && !(ignore_case && slice_lower(a[i]) == slice_lower(b[i])))
            return false;
    }
    return true;
}

bool s3_cors_pattern_matches(struct slice pattern, struct slice text, bool ignore_case)
{
    const char *star = pattern.len > 0 ? memchr(pattern.base, '*', pattern.len) : NULL;

    if (star == NULL)
        return pattern.len == text.len && same(pattern.base, text.base, text.len, ignore_case);
    size_t before = (size_t)(star - pattern.base), after = pattern.len - before - 1;
    return text.len >= before + after && same(pattern.base, text.base, before, ignore_case) &&
           same(star + 1, text.base + text.len - after, after, ignore_case);
}

static bool any_matches(const struct s3_cors_texts *patterns, struct slice text, bool ignore_case)
{
    for (uint32_t i = 0; i < patterns->count; i++) {
        if (s3_cors_pattern_matches(patterns->list[i], text, ignore_case))
            return true;
    }
    return false;
}

/* S3_CORS_METHODS: it is none of them. */
static unsigned method_index(struct slice method)
{
    unsigned i = 0;

    while (i < S3_CORS_METHODS && !slice_is(method, s3_cors_methods[i]))
        i++;
    return i;
}

static bool headers_are_allowed(const struct s3_cors_rule *rule, struct slice requested)
{
    struct slice item;

    while (slice_next_item(&requested, &item)) {
        if (!any_matches(&rule->headers, item, true))
            return false;
    }
    return true;
}

const struct s3_cors_rule *s3_cors_match(const struct s3_cors *cors, struct slice origin, struct slice method,
                                         struct slice request_headers)
{
    unsigned bit = 1u << method_index(method); /* of none, a bit that no rule has */

    for (uint32_t i = 0; i < cors->count; i++) {
        const struct s3_cors_rule *rule = &cors->rules[i];

        if ((rule->methods & bit) != 0 && any_matches(&rule->origins, origin, false) &&
            headers_are_allowed(rule, request_headers))
            return rule;
    }
    return NULL;
}

bool s3_cors_rule_is_public(const struct s3_cors_rule *rule, struct slice origin)
{
    for (uint32_t i = 0; i < rule->origins.count; i++) {
        if (s3_cors_pattern_matches(rule->origins.list[i], origin, false))
            return rule->origins.list[i].len == 1 && rule->origins.list[i].base[0] == '*';
    }
    return false;
}

/* ---- Reading ---- */

struct reading {
    struct s3_cors *cors;
    struct s3_cors_rule *rule; /* the one being read */
    struct arena *arena;       /* of the message */
    enum s3_error error;
    const char *message;
};

static int refuse(struct reading *reading, enum s3_error error, const char *format, struct slice text)
{
    size_t size = strlen(format) + text.len + 1;
    char *message = arena_alloc(reading->arena, size);

    (void)snprintf(message, size, format, (int)text.len, text.base);
    reading->error = error;
    reading->message = message;
    return -1;
}

static int add_text(struct reading *reading, struct s3_cors_texts *texts, struct slice text)
{
    if (!http_value_is_safe(text))
        return -1;
    if (texts->count == texts->capacity) {
        uint32_t capacity = texts->capacity == 0 ? 4 : 2 * texts->capacity;
        struct slice *list = arena_alloc(&reading->cors->arena, capacity * sizeof(*list));

        if (texts->count > 0)
            memcpy(list, texts->list, texts->count * sizeof(*list));
        texts->list = list;
        texts->capacity = capacity;
    }
    texts->list[texts->count++] = arena_dup(&reading->cors->arena, text.base, text.len);
    return 0;
}

static size_t count_stars(struct slice text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++)
        count += text.base[i] == '*';
    return count;
}

static int visit_rule_end(struct reading *reading)
{
    struct s3_cors_rule *rule = reading->rule;

    if (rule->methods == 0 || rule->origins.count == 0)
        return -1;
    reading->cors->count++;
    reading->rule = NULL;
    return 0;
}

static int visit_method(struct reading *reading, struct slice text)
{
    struct s3_cors_rule *rule = reading->rule;
    unsigned index = method_index(text);

    if (index == S3_CORS_METHODS)
        return refuse(reading, S3_ERROR_INVALID_REQUEST,
                      "Found unsupported HTTP method in CORS config. Unsupported method is %.*s", text);
    if ((rule->methods & 1u << index) == 0)
        rule->listed[rule->listed_count++] = (unsigned char)index;
    rule->methods |= 1u << index;
    return 0;
}

static int visit_pattern(struct reading *reading, struct s3_cors_texts *texts, struct slice text,
                         const char *format)
{
    if (count_stars(text) > 1)
        return refuse(reading, S3_ERROR_INVALID_REQUEST, format, text);
    return add_text(reading, texts, text);
}

/* An empty origin is none that a browser has. */
static int visit_header(struct reading *reading, struct slice text)
{
    return text.len == 0 ? -1
                         : visit_pattern(reading, &reading->rule->headers, text,
                                         "AllowedHeader \"%.*s\" can not have more than one wildcard.");
}

static int visit_exposed(struct reading *reading, struct slice text)
{
    if (count_stars(text) > 0)
        return refuse(reading, S3_ERROR_INVALID_REQUEST,
                      "ExposeHeader \"%.*s\" contains wildcard. We currently do not support wildcard for "
                      "ExposeHeader.",
                      text);
    return text.len > 0 ? add_text(reading, &reading->rule->exposed, text) : -1;
}

static int visit_id(struct reading *reading, struct slice text)
{
    if (text.len > CORS_ID_BYTES_MAX)
        return refuse(reading, S3_ERROR_INVALID_ARGUMENT,
                      "ID length should not exceed allowed limit of 255%.*s", SLICE(""));
    reading->rule->id = arena_dup(&reading->cors->arena, text.base, text.len);
    return 0;
}

static int visit_max_age(struct reading *reading, struct slice text)
{
    bool is_negative = text.len > 0 && text.base[0] == '-';
    uint64_t seconds;

    if (is_negative)
        text = slice_from(text, 1);
    if (s3_number_parse(text.base, text.len, MAX_AGE_SECONDS_MAX, &seconds) != 0)
        return -1;
    reading->rule->max_age_seconds = is_negative ? -(int64_t)seconds : (int64_t)seconds;
    return 0;
}

/* The rule that this element belongs to; a rule begins with its first element. */
static int rule_of(struct reading *reading)
{
    if (reading->rule != NULL)
        return 0;
    if (reading->cors->count == S3_CORS_RULES_MAX)
        return refuse(reading, S3_ERROR_INVALID_REQUEST,
                      "The number of CORS rules should not exceed allowed limit of 100 rules.%.*s",
                      SLICE(""));
    reading->rule = &reading->cors->rules[reading->cors->count];
    reading->rule->max_age_seconds = S3_CORS_NO_AGE;
    return 0;
}

static int visit_cors(void *ctx, const char *path, const char *text_base, size_t length)
{
    static const char root[] = "CORSConfiguration", rule[] = "CORSConfiguration/CORSRule";
    struct reading *reading = ctx;
    struct slice text = slice_of(text_base, length);
    const char *name;

    if (strcmp(path, root) == 0)
        return 0;
    if (strncmp(path, rule, sizeof(rule) - 1) != 0 || rule_of(reading) != 0)
        return -1;
    if (path[sizeof(rule) - 1] == '\0')
        return visit_rule_end(reading);
    if (path[sizeof(rule) - 1] != '/')
        return -1;
    name = path + sizeof(rule);
    if (strcmp(name, "AllowedMethod") == 0)
        return visit_method(reading, text);
    if (strcmp(name, "AllowedOrigin") == 0)
        return visit_pattern(reading, &reading->rule->origins, text,
                             "AllowedOrigin \"%.*s\" can not have more than one wildcard.");
    if (strcmp(name, "AllowedHeader") == 0)
        return visit_header(reading, text);
    if (strcmp(name, "ExposeHeader") == 0)
        return visit_exposed(reading, text);
    if (strcmp(name, "MaxAgeSeconds") == 0)
        return visit_max_age(reading, text);
    return strcmp(name, "ID") == 0 ? visit_id(reading, text) : -1;
}

enum s3_error s3_cors_read(struct arena *arena, struct slice xml, struct s3_cors **cors, const char **message)
{
    struct reading reading = {.arena = arena, .cors = calloc(1, sizeof(**cors))};

    if (reading.cors == NULL)
        return S3_ERROR_INTERNAL_ERROR;
    arena_init(&reading.cors->arena, NULL);
    int result = s3_xml_parse(xml.base, xml.len, "CORSConfiguration", visit_cors, &reading);
    if (result == 0 && reading.cors->count > 0) {
        *cors = reading.cors;
        return S3_ERROR_NONE;
    }
    s3_cors_free(reading.cors);
    *message = reading.message;
    return reading.error != S3_ERROR_NONE ? reading.error : s3_error_of_xml(result);
}

void s3_cors_free(struct s3_cors *cors)
{
    arena_free(&cors->arena);
    free(cors);
}

/* ---- Writing ---- */

size_t s3_cors_age_format(const struct s3_cors_rule *rule, char text[S3_CORS_AGE_BYTES])
{
    return (size_t)snprintf(text, S3_CORS_AGE_BYTES, "%lld", (long long)rule->max_age_seconds);
}

static void write_texts(struct s3_xml *xml, const char *name, const struct s3_cors_texts *texts)
{
    for (uint32_t i = 0; i < texts->count; i++)
        s3_xml_text(xml, name, texts->list[i].base, texts->list[i].len);
}

void s3_cors_write(struct s3_xml *xml, const struct s3_cors *cors)
{
    s3_xml_open(xml, "CORSConfiguration" S3_XMLNS);
    for (uint32_t i = 0; i < cors->count; i++) {
        const struct s3_cors_rule *rule = &cors->rules[i];

        s3_xml_open(xml, "CORSRule");
        if (rule->id.base != NULL)
            s3_xml_text(xml, "ID", rule->id.base, rule->id.len);
        write_texts(xml, "AllowedHeader", &rule->headers);
        for (uint32_t m = 0; m < rule->listed_count; m++)
            s3_xml_string(xml, "AllowedMethod", s3_cors_methods[rule->listed[m]]);
        write_texts(xml, "AllowedOrigin", &rule->origins);
        write_texts(xml, "ExposeHeader", &rule->exposed);
        if (rule->max_age_seconds != S3_CORS_NO_AGE) {
            char text[S3_CORS_AGE_BYTES];

            s3_xml_text(xml, "MaxAgeSeconds", text, s3_cors_age_format(rule, text));
        }
        s3_xml_close(xml, "CORSRule");
    }
    s3_xml_close(xml, "CORSConfiguration");
}
