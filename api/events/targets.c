/* SPDX-License-Identifier: MIT
 *
 * Reading the file of targets, line by line. */
#include "api/events/targets.h"

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

struct reading {
    struct events_targets *targets;
    struct events_target *target; /* NULL: before the first section */
    const char *path;
    unsigned line;
    log_fn log;
    void *log_ctx;
};

/* Says what is wrong, never with a value. Returns -EBADMSG. */
static int fail(const struct reading *reading, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int fail(const struct reading *reading, const char *format, ...)
{
    char text[256], line[512];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)snprintf(line, sizeof(line), "%s:%u: %s", reading->path, reading->line, text);
    if (reading->log != NULL)
        reading->log(reading->log_ctx, LOG_LEVEL_ERROR, line);
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

static int take_url(const struct reading *reading, struct events_target *target, struct slice value)
{
    struct slice rest = slice_has_prefix(value, "https://")  ? slice_from(value, strlen("https://"))
                        : slice_has_prefix(value, "http://") ? slice_from(value, strlen("http://"))
                                                             : (struct slice){0};
    size_t authority = 0;

    while (authority < rest.len && strchr("/?#", rest.base[authority]) == NULL)
        authority++;
    if (authority == 0 || !is_printable(value) || value.len > EVENTS_URL_BYTES_MAX)
        return fail(reading, "url must be http://HOST/... or https://HOST/..., of 2,048 bytes at most");
    if (memchr(rest.base, '@', authority) != NULL)
        return fail(reading, "url may hold no user and no password: say secret");
    if (target->url != NULL)
        return fail(reading, "url is there twice");
    return (target->url = text_dup(value)) != NULL ? 0 : -ENOMEM;
}

static int take_secret(const struct reading *reading, struct events_target *target, struct slice value)
{
    if (target->secret != NULL)
        return fail(reading, "there are two secrets");
    if (value.len < EVENTS_SECRET_BYTES_MIN || value.len > EVENTS_SECRET_BYTES_MAX)
        return fail(reading, "a secret has 16 to 1,024 characters");
    return (target->secret = text_dup(value)) != NULL ? 0 : -ENOMEM;
}

static int take_secret_file(const struct reading *reading, struct events_target *target, struct slice value)
{
    char *path = text_dup(value), text[EVENTS_SECRET_BYTES_MAX + 1];
    int err = path != NULL ? secret_file_read(path, text, sizeof(text)) : -ENOMEM;

    if (err == 0)
        err = take_secret(reading, target, slice_text(text));
    else if (err != -ENOMEM)
        err = fail(reading, "secret-file cannot be read: %s",
                   err == -EPERM     ? "others than its owner may read it"
                   : err == -EBADMSG ? "it is not one line of text"
                                     : strerror(-err));
    OPENSSL_cleanse(text, sizeof(text));
    free(path);
    return err;
}

static int take_patterns(const struct reading *reading, struct events_patterns *patterns, struct slice value)
{
    struct slice item;

    while (slice_next_item(&value, &item)) {
        const char *star = memchr(item.base, '*', item.len);
        char **grown;

        if (!is_printable(item) || (star != NULL && star != item.base + item.len - 1))
            return fail(reading, "a pattern is a name, and '*' may stand at its end alone");
        if (patterns->count == EVENTS_PATTERNS_MAX)
            return fail(reading, "there are more than %u patterns", EVENTS_PATTERNS_MAX);
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

static int take_number(const struct reading *reading, unsigned *number, const char *name, struct slice value,
                       unsigned max)
{
    unsigned long total = 0;

    for (size_t i = 0; i < value.len && total <= max; i++) {
        if (value.base[i] < '0' || value.base[i] > '9')
            return fail(reading, "%s must be a number from 1 to %u", name, max);
        total = 10 * total + (unsigned long)(value.base[i] - '0');
    }
    if (total == 0 || total > max)
        return fail(reading, "%s must be a number from 1 to %u", name, max);
    *number = (unsigned)total;
    return 0;
}

static int take_setting(struct reading *reading, struct slice name, struct slice value)
{
    struct events_target *target = reading->target;

    if (target == NULL)
        return fail(reading, "a [NAME] must stand before the first setting");
    if (value.len == 0)
        return fail(reading, "%.*s has no value", (int)name.len, name.base);
    if (slice_is(name, "url"))
        return take_url(reading, target, value);
    if (slice_is(name, "secret"))
        return take_secret(reading, target, value);
    if (slice_is(name, "secret-file"))
        return take_secret_file(reading, target, value);
    if (slice_is(name, "buckets"))
        return take_patterns(reading, &target->buckets, value);
    if (slice_is(name, "users"))
        return take_patterns(reading, &target->users, value);
    if (slice_is(name, "timeout"))
        return take_number(reading, &target->timeout_s, "timeout", value, EVENTS_TIMEOUT_S_MAX);
    if (slice_is(name, "connections"))
        return take_number(reading, &target->connections, "connections", value, EVENTS_CONNECTIONS_MAX);
    if (slice_is(name, "batch"))
        return take_number(reading, &target->batch, "batch", value, EVENTS_BATCH_MAX);
    if (slice_is(name, "keep"))
        return take_number(reading, &target->keep_hours, "keep", value, EVENTS_KEEP_HOURS_MAX);
    return fail(reading, "there is no such setting");
}

/* ---- Sections ---- */

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

static int section_end(struct reading *reading)
{
    struct events_target *target = reading->target;

    if (target == NULL)
        return 0;
    if (target->url == NULL)
        return fail(reading, "[%s] of line %u has no url", target->name, target->line);
    if (target->buckets.count == 0 || target->users.count == 0)
        return fail(reading, "[%s] of line %u must say buckets and users that may use it; * is all of them",
                    target->name, target->line);
    return 0;
}

static int section_begin(struct reading *reading, struct slice name)
{
    struct events_targets *targets = reading->targets;
    struct events_target *grown;
    int err = section_end(reading);

    if (err != 0)
        return err;
    if (!name_is_valid(name))
        return fail(reading, "the name of a target has 1 to %u letters, digits, '-', '_' and '.'",
                    EVENTS_NAME_BYTES_MAX);
    if (events_targets_find(targets, name) != NULL)
        return fail(reading, "there are two targets of that name");
    if (targets->count == EVENTS_TARGETS_MAX)
        return fail(reading, "there are more than %u targets", EVENTS_TARGETS_MAX);
    grown = realloc(targets->list, (targets->count + 1) * sizeof(*grown));
    if (grown == NULL)
        return -ENOMEM;
    targets->list = grown;
    reading->target = &grown[targets->count++];
    *reading->target = (struct events_target){.timeout_s = EVENTS_TIMEOUT_S,
                                              .connections = EVENTS_CONNECTIONS,
                                              .batch = 1,
                                              .keep_hours = EVENTS_KEEP_HOURS,
                                              .line = reading->line};
    memcpy(reading->target->name, name.base, name.len);
    return 0;
}

/* '#' begins a comment at the start of a line or after a blank, as in the configuration file. */
static struct slice without_comment(struct slice line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.base[i] == '#' && (i == 0 || slice_is_blank(line.base[i - 1])))
            return slice_of(line.base, i);
    return line;
}

static int take_line(struct reading *reading, struct slice line)
{
    struct slice name;

    line = slice_trim_any(without_comment(line), " \t\r");
    if (line.len == 0)
        return 0;
    if (memchr(line.base, '\0', line.len) != NULL)
        return fail(reading, "this is no text");
    if (line.base[0] == '[')
        return line.base[line.len - 1] == ']'
                   ? section_begin(reading, slice_trim(slice_of(line.base + 1, line.len - 2)))
                   : fail(reading, "a section is written [NAME]");
    if (memchr(line.base, '=', line.len) == NULL)
        return fail(reading, "expected name = value");
    (void)slice_next_part(&line, '=', &name);
    return take_setting(reading, slice_trim(name), slice_trim(line));
}

int events_targets_parse(struct events_targets **out, const char *text, size_t length, const char *path,
                         log_fn log, void *log_ctx)
{
    struct reading reading = {.path = path, .log = log, .log_ctx = log_ctx};
    struct slice rest = slice_of(text, length), line;
    int err = 0;

    if ((reading.targets = calloc(1, sizeof(*reading.targets))) == NULL)
        return -ENOMEM;
    reading.targets->references = 1;
    while (err == 0 && slice_next_part(&rest, '\n', &line)) {
        reading.line++;
        err = take_line(&reading, line);
    }
    if (err == 0)
        err = section_end(&reading);
    if (err != 0) {
        events_targets_unref(reading.targets);
        return err;
    }
    *out = reading.targets;
    return 0;
}

/* ---- The file ---- */

static void say(log_fn log, void *log_ctx, enum log_level level, const char *path, const char *what)
{
    char line[512];

    (void)snprintf(line, sizeof(line), "%s: %s", path, what);
    if (log != NULL)
        log(log_ctx, level, line);
}

static bool has_secrets(const struct events_targets *targets)
{
    for (unsigned i = 0; i < targets->count; i++)
        if (targets->list[i].secret != NULL)
            return true;
    return false;
}

int events_targets_read(struct events_targets **targets, const char *path, log_fn log, void *log_ctx)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err = 0;
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
        say(log, log_ctx, LOG_LEVEL_ERROR, path, strerror(-err));
    else if ((size_t)length > EVENTS_FILE_BYTES_MAX) {
        say(log, log_ctx, LOG_LEVEL_ERROR, path, "is larger than 256 KiB");
        err = -EBADMSG;
    } else if ((err = events_targets_parse(targets, text, (size_t)length, path, log, log_ctx)) == 0 &&
               has_secrets(*targets) && !secret_file_is_private(&status)) {
        say(log, log_ctx, LOG_LEVEL_ERROR, path,
            "holds secrets, and others than its owner may read it: chmod 600");
        events_targets_unref(*targets);
        err = -EBADMSG;
    }
    if (text != NULL)
        OPENSSL_cleanse(text, EVENTS_FILE_BYTES_MAX + 1);
    free(text);
    return err;
}

/* ---- A set ---- */

struct events_targets *events_targets_ref(struct events_targets *targets)
{
    (void)__atomic_fetch_add(&targets->references, 1, __ATOMIC_RELAXED);
    return targets;
}

static void patterns_free(struct events_patterns *patterns)
{
    for (unsigned i = 0; i < patterns->count; i++)
        free(patterns->list[i]);
    free(patterns->list);
}

void events_targets_unref(struct events_targets *targets)
{
    if (targets == NULL || __atomic_sub_fetch(&targets->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    for (unsigned i = 0; i < targets->count; i++) {
        struct events_target *target = &targets->list[i];

        if (target->secret != NULL)
            OPENSSL_cleanse(target->secret, strlen(target->secret));
        free(target->secret);
        free(target->url);
        patterns_free(&target->buckets);
        patterns_free(&target->users);
    }
    free(targets->list);
    free(targets);
}

const struct events_target *events_targets_find(const struct events_targets *targets, struct slice name)
{
    for (unsigned i = 0; i < targets->count; i++)
        if (slice_is(name, targets->list[i].name))
            return &targets->list[i];
    return NULL;
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
