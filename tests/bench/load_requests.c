/* SPDX-License-Identifier: MIT
 *
 * Which request comes next. Numbers take the place of %d in the path and count up. A mixed run draws the kind of each request: GETs and
 * HEADs ask for the names 0 to N - 1, which are there before, PUTs make names from N on, and DELETEs take those away again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load_requests.h"

/* LINE_MAX_BYTES: of a file of paths. */
enum { GET_KEYS = 1000, LINE_MAX_BYTES = 3072 };

/* Of a hundred mixed requests. The rest are DELETEs. */
enum { MIX_GETS = 45, MIX_HEADS = 30, MIX_PUTS = 15 };

struct line {
    char *path;
    char *fields; /* each with its line's end */
};

struct lines {
    struct line *line;
    size_t count;
};

const char *const request_names[REQUEST_KINDS] = {"GET", "HEAD", "PUT", "DELETE"};

static const char *path_format, *host_field = "localhost", *copy_source;
static struct lines lines[REQUEST_KINDS];
static uint64_t body_bytes, object_bytes, range_bytes;
static long long key_count, next_number;
static enum request_kind only_kind; /* REQUEST_KINDS: mixed */
static bool *put_is_there;          /* of a mixed run: by number after the first */
static long long puts_begun, deletes_begun, put_room;
static uint64_t random_state = 88172645463325252ull;

static uint64_t random_below(uint64_t end)
{
    random_state ^= random_state << 13, random_state ^= random_state >> 7, random_state ^= random_state << 17;
    return random_state % end;
}

static void *must(void *memory)
{
    if (memory == NULL) {
        perror("memory");
        exit(1);
    }
    return memory;
}

/* PATH, or PATH<tab>FIELD<tab>FIELD... */
static void line_add(enum request_kind kind, const char *text)
{
    struct lines *of = &lines[kind];
    struct line line = {.path = must(strdup(text)), .fields = must(calloc(1, 2 * strlen(text) + 3))};
    char *save, *field, *end = line.fields;

    (void)strtok_r(line.path, "\t", &save);
    while ((field = strtok_r(NULL, "\t", &save)) != NULL)
        end += sprintf(end, "%s\r\n", field);
    of->line = must(realloc(of->line, (of->count + 1) * sizeof(*of->line)));
    of->line[of->count++] = line;
}

/* A line that begins with a method is for requests of that method, any other for all. */
static void line_take(const char *text)
{
    for (enum request_kind kind = 0; kind < REQUEST_KINDS; kind++) {
        size_t length = strlen(request_names[kind]);
        if (text[0] == '/')
            line_add(kind, text);
        else if (strncmp(text, request_names[kind], length) == 0 && text[length] == ' ')
            line_add(kind, text + length + 1);
    }
}

static void lines_read(const char *name)
{
    char text[LINE_MAX_BYTES];
    FILE *file = fopen(name, "r");
    if (file == NULL) {
        perror(name);
        exit(1);
    }
    while (fgets(text, sizeof(text), file) != NULL) {
        text[strcspn(text, "\n")] = '\0';
        line_take(text);
    }
    fclose(file);
}

bool requests_option(const char *name, const char *value)
{
    if (strcmp(name, "--keys") == 0)
        key_count = atoll(value);
    else if (strcmp(name, "--first") == 0)
        next_number = atoll(value);
    else if (strcmp(name, "--paths") == 0)
        lines_read(value);
    else if (strcmp(name, "--host") == 0)
        host_field = value;
    else if (strcmp(name, "--source") == 0)
        copy_source = value;
    else if (strcmp(name, "--range") == 0)
        range_bytes = strtoull(value, NULL, 10);
    else
        return false;
    return true;
}

bool requests_start(const char *kind, const char *path, uint64_t bytes)
{
    static const char *const words[REQUEST_KINDS + 1] = {"get", "head", "put", "delete", "mix"};
    int found = 0;

    while (found <= REQUEST_KINDS && strcmp(kind, words[found]) != 0)
        found++;
    only_kind = found;
    path_format = path;
    object_bytes = bytes;
    body_bytes = found == REQUEST_PUT || found == REQUEST_KINDS ? bytes : 0;
    if (key_count == 0 && found != REQUEST_PUT && found != REQUEST_DELETE)
        key_count = GET_KEYS;
    return found <= REQUEST_KINDS;
}

/* Nothing is deleted before it is there: else a DELETE becomes a PUT. */
static struct request mixed_next(void)
{
    uint64_t draw = random_below(100);

    if (draw < MIX_GETS + MIX_HEADS)
        return (struct request){draw < MIX_GETS ? REQUEST_GET : REQUEST_HEAD,
                                (long long)random_below((uint64_t)key_count)};
    if (draw >= MIX_GETS + MIX_HEADS + MIX_PUTS && deletes_begun < puts_begun && put_is_there[deletes_begun])
        return (struct request){REQUEST_DELETE, key_count + deletes_begun++};
    if (puts_begun == put_room) {
        put_room = put_room * 2 + 1024;
        put_is_there = must(realloc(put_is_there, (size_t)put_room * sizeof(*put_is_there)));
    }
    put_is_there[puts_begun] = false;
    return (struct request){REQUEST_PUT, key_count + puts_begun++};
}

void request_answered(const struct request *request)
{
    if (only_kind == REQUEST_KINDS && request->kind == REQUEST_PUT)
        put_is_there[request->number - key_count] = true;
}

uint64_t request_body_bytes(enum request_kind kind)
{
    return kind == REQUEST_PUT && copy_source == NULL ? body_bytes : 0;
}

static size_t fields_make(char *out, size_t room, enum request_kind kind)
{
    if (kind == REQUEST_PUT && copy_source != NULL)
        return (size_t)snprintf(out, room, "Content-Length: 0\r\nx-amz-copy-source: %s\r\n", copy_source);
    if (kind == REQUEST_PUT)
        return (size_t)snprintf(out, room, "Content-Length: %llu\r\n", (unsigned long long)body_bytes);
    if (range_bytes == 0)
        return 0;
    uint64_t first = random_below(object_bytes - range_bytes + 1);
    return (size_t)snprintf(out, room, "Range: bytes=%llu-%llu\r\n", (unsigned long long)first,
                            (unsigned long long)(first + range_bytes - 1));
}

size_t request_make(char out[REQUEST_MAX], struct request *request)
{
    char own[LINE_MAX_BYTES];
    struct line line = {.path = own, .fields = ""};

    *request = only_kind == REQUEST_KINDS ? mixed_next() : (struct request){only_kind, next_number++};
    if (key_count > 0 && only_kind != REQUEST_KINDS)
        request->number %= key_count;
    if (lines[request->kind].count > 0)
        line = lines[request->kind].line[(size_t)request->number % lines[request->kind].count];
    else {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(own, sizeof(own), path_format, (int)request->number);
#pragma GCC diagnostic pop
    }
    int length = snprintf(out, REQUEST_MAX, "%s %s HTTP/1.1\r\nHost: %s\r\n%s", request_names[request->kind],
                          line.path, host_field, line.fields);
    size_t at = length < REQUEST_MAX / 4 * 3 ? (size_t)length : REQUEST_MAX;
    if (at == REQUEST_MAX) {
        fprintf(stderr, "a request's head is too long\n");
        exit(1);
    }
    at += fields_make(out + at, REQUEST_MAX - at, request->kind);
    return at + (size_t)sprintf(out + at, "\r\n");
}
