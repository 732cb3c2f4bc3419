/* SPDX-License-Identifier: MIT
 *
 * See target_file.h. In order: values; lines; the file; patterns. */
#include "api/events/target_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/io.h"
#include "storage/base/secret_file.h"

int target_file_fail(const struct target_file *file, const char *format, ...)
{
    char text[256], line[512];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)snprintf(line, sizeof(line), "%s:%u: %s", file->path, file->line, text);
    if (file->log != NULL)
        file->log(file->log_ctx, LOG_LEVEL_ERROR, line);
    return -EBADMSG;
}

/* ---- Values ---- */

static char *text_dup(struct slice text)
{
    return strndup(text.base, text.len);
}

static bool is_printable(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.base[i] <= ' ' || (unsigned char)text.base[i] >= 0x7f)
            return false;
    return text.len > 0;
}

int target_take_url(const struct target_file *file, char **url, struct slice value)
{
    struct slice rest = slice_has_prefix(value, "https://")  ? slice_from(value, strlen("https://"))
                        : slice_has_prefix(value, "http://") ? slice_from(value, strlen("http://"))
                                                             : (struct slice){0};
    size_t authority = 0;

    while (authority < rest.len && strchr("/?#", rest.base[authority]) == NULL)
        authority++;
    if (authority == 0 || !is_printable(value) || value.len > EVENTS_URL_BYTES_MAX)
        return target_file_fail(file,
                                "url must be http://HOST/... or https://HOST/..., of 2,048 bytes at most");
    if (memchr(rest.base, '@', authority) != NULL)
        return target_file_fail(file, "url may hold no user and no password: say secret");
    if (*url != NULL)
        return target_file_fail(file, "url is there twice");
    return (*url = text_dup(value)) != NULL ? 0 : -ENOMEM;
}

int target_take_secret(const struct target_file *file, char **secret, const char *name, size_t min,
                       struct slice value)
{
    if (*secret != NULL)
        return target_file_fail(file, "there are two of %s", name);
    if (value.len < min || value.len > EVENTS_SECRET_BYTES_MAX)
        return target_file_fail(file, "a %s has %zu to 1,024 characters", name, min);
    return (*secret = text_dup(value)) != NULL ? 0 : -ENOMEM;
}

int target_take_secret_file(const struct target_file *file, char **secret, const char *name, size_t min,
                            struct slice value)
{
    char *path = text_dup(value), text[EVENTS_SECRET_BYTES_MAX + 1];
    int err = path != NULL ? secret_file_read(path, text, sizeof(text)) : -ENOMEM;

    if (err == 0)
        err = target_take_secret(file, secret, name, min, slice_text(text));
    else if (err != -ENOMEM)
        err = target_file_fail(file, "%s-file cannot be read: %s", name,
                               err == -EPERM     ? "others than its owner may read it"
                               : err == -EBADMSG ? "it is not one line of text"
                                                 : strerror(-err));
    OPENSSL_cleanse(text, sizeof(text));
    free(path);
    return err;
}

int target_take_patterns(const struct target_file *file, struct events_patterns *patterns, struct slice value)
{
    struct slice item;

    while (slice_next_item(&value, &item)) {
        const char *star = memchr(item.base, '*', item.len);
        char **grown;

        if (!is_printable(item) || (star != NULL && star != item.base + item.len - 1))
            return target_file_fail(file, "a pattern is a name, and '*' may stand at its end alone");
        if (patterns->count == EVENTS_PATTERNS_MAX)
            return target_file_fail(file, "there are more than %u patterns", EVENTS_PATTERNS_MAX);
        grown = realloc(patterns->list, (patterns->count + 1) * sizeof(*grown));
        if (grown == NULL)
            return -ENOMEM;
        patterns->list = grown;
        if ((patterns->list[patterns->count] = text_dup(item)) == NULL)
            return -ENOMEM;
        patterns->count++;
    }
    return 0;
}

int target_take_number(const struct target_file *file, unsigned *number, const char *name, struct slice value,
                       unsigned max)
{
    unsigned long total = 0;

    for (size_t i = 0; i < value.len && total <= max; i++) {
        if (value.base[i] < '0' || value.base[i] > '9')
            return target_file_fail(file, "%s must be a number from 1 to %u", name, max);
        total = 10 * total + (unsigned long)(value.base[i] - '0');
    }
    if (total == 0 || total > max)
        return target_file_fail(file, "%s must be a number from 1 to %u", name, max);
    *number = (unsigned)total;
    return 0;
}

void target_secret_free(char *secret)
{
    if (secret != NULL)
        OPENSSL_cleanse(secret, strlen(secret));
    free(secret);
}

/* ---- Lines ---- */

static bool name_is_valid(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.base[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
              c == '_' || c == '.'))
            return false;
    }
    return name.len > 0 && name.len <= EVENTS_NAME_BYTES_MAX;
}

static int section_end(struct target_file *file)
{
    return file->has_section ? file->calls->section_end(file) : 0;
}

static int section_begin(struct target_file *file, struct slice name)
{
    int err = section_end(file);

    if (err != 0)
        return err;
    if (!name_is_valid(name))
        return target_file_fail(file, "the name of a target has 1 to %u letters, digits, '-', '_' and '.'",
                                EVENTS_NAME_BYTES_MAX);
    if ((err = file->calls->section(file, name)) == 0)
        file->has_section = true;
    return err;
}

static int take_setting(struct target_file *file, struct slice name, struct slice value)
{
    if (!file->has_section)
        return target_file_fail(file, "a [NAME] must stand before the first setting");
    if (value.len == 0)
        return target_file_fail(file, "%.*s has no value", (int)name.len, name.base);
    return file->calls->setting(file, name, value);
}

/* '#' begins a comment at the start of a line or after a blank, as in the configuration file. */
static struct slice without_comment(struct slice line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.base[i] == '#' && (i == 0 || slice_is_blank(line.base[i - 1])))
            return slice_of(line.base, i);
    return line;
}

static int take_line(struct target_file *file, struct slice line)
{
    struct slice name;

    line = slice_trim_any(without_comment(line), " \t\r");
    if (line.len == 0)
        return 0;
    if (memchr(line.base, '\0', line.len) != NULL)
        return target_file_fail(file, "this is no text");
    if (line.base[0] == '[')
        return line.base[line.len - 1] == ']'
                   ? section_begin(file, slice_trim(slice_of(line.base + 1, line.len - 2)))
                   : target_file_fail(file, "a section is written [NAME]");
    if (memchr(line.base, '=', line.len) == NULL)
        return target_file_fail(file, "expected name = value");
    (void)slice_next_part(&line, '=', &name);
    return take_setting(file, slice_trim(name), slice_trim(line));
}

int target_file_parse(struct target_file *file, const char *text, size_t length)
{
    struct slice rest = slice_of(text, length), line;
    int err = 0;

    file->line = 0;
    file->has_section = false;
    while (err == 0 && slice_next_part(&rest, '\n', &line)) {
        file->line++;
        err = take_line(file, line);
    }
    return err == 0 ? section_end(file) : err;
}

/* ---- The file ---- */

static void say(const struct target_file *file, const char *what)
{
    char line[512];

    (void)snprintf(line, sizeof(line), "%s: %s", file->path, what);
    if (file->log != NULL)
        file->log(file->log_ctx, LOG_LEVEL_ERROR, line);
}

int target_file_read(struct target_file *file)
{
    int fd = io_open(AT_FDCWD, file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err = 0;
    char *text = malloc(EVENTS_FILE_BYTES_MAX + 1);
    ssize_t length = -ENOMEM;
    struct stat status;

    if (fd < 0 || fstat(fd, &status) != 0)
        err = -errno;
    else if (text == NULL || (length = read_up_to(fd, text, EVENTS_FILE_BYTES_MAX + 1, 0)) < 0)
        err = (int)length;
    if (fd >= 0)
        close(fd);
    if (err != 0)
        say(file, strerror(-err));
    else if ((size_t)length > EVENTS_FILE_BYTES_MAX) {
        say(file, "is larger than 256 KiB");
        err = -EBADMSG;
    } else if ((err = target_file_parse(file, text, (size_t)length)) == 0 && file->calls->has_secrets(file) &&
               !secret_file_is_private(&status)) {
        say(file, "holds secrets, and others than its owner may read it: chmod 600");
        err = -EBADMSG;
    }
    if (text != NULL)
        OPENSSL_cleanse(text, EVENTS_FILE_BYTES_MAX + 1);
    free(text);
    return err;
}

/* ---- Patterns ---- */

void events_patterns_free(struct events_patterns *patterns)
{
    for (unsigned i = 0; i < patterns->count; i++)
        free(patterns->list[i]);
    free(patterns->list);
}

bool events_patterns_match(const struct events_patterns *patterns, struct slice text)
{
    for (unsigned i = 0; i < patterns->count; i++) {
        struct slice pattern = slice_text(patterns->list[i]);
        bool is_open = pattern.len > 0 && pattern.base[pattern.len - 1] == '*';

        if (is_open ? slice_begins(text, slice_of(pattern.base, pattern.len - 1))
                    : slice_equals(text, pattern))
            return true;
    }
    return false;
}
