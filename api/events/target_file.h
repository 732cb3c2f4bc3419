/* SPDX-License-Identifier: MIT
 *
 * The operator's files of targets, as texts: sections, each of which is a target, and settings in them.
 *
 *      # a comment
 *      [NAME]                      letters, digits, '-', '_', '.'
 *      setting = value
 *
 * What settings there are, the owner of the file says (targets.h; api/replication/targets.h). Mistakes are said in the log with their
 * line, and never with a value. Any thread; reading blocks. */
#ifndef API_EVENTS_TARGET_FILE_H
#define API_EVENTS_TARGET_FILE_H

#include <stdbool.h>

#include "api/events/limits.h"
#include "storage/base/log.h"
#include "storage/base/slice.h"

/* Names; '*' at the end of one stands for any rest. */
struct events_patterns {
    char **list;
    unsigned count;
};

bool events_patterns_match(const struct events_patterns *patterns, struct slice text);
void events_patterns_free(struct events_patterns *patterns);

struct target_file;

/* 0, -EBADMSG by target_file_fail, or -ENOMEM. */
struct target_file_calls {
    int (*section)(struct target_file *file, struct slice name); /* one begins, of a name that is valid */
    int (*setting)(struct target_file *file, struct slice name,
                   struct slice value);                  /* in it; neither is empty */
    int (*section_end)(struct target_file *file);        /* also of the last one */
    bool (*has_secrets)(const struct target_file *file); /* then nobody else may read it */
};

struct target_file {
    const char *path; /* what the log calls it, too */
    log_fn log;       /* may be NULL */
    void *log_ctx;
    const struct target_file_calls *calls;
    void *ctx; /* of the calls */
    unsigned line;
    bool has_section;
};

/* 0, -EBADMSG (said in the log), or -ENOMEM. */
int target_file_parse(struct target_file *file, const char *text, size_t length);
/* The same of the file itself; or an errno, said as well. */
int target_file_read(struct target_file *file);
/* Says what is wrong, never with a value. Returns -EBADMSG. */
int target_file_fail(const struct target_file *file, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- Values ---- */

/* http://HOST/... or https://HOST/... without user and password. */
int target_take_url(const struct target_file *file, char **url, struct slice value);
/* A secret of that name, once, of so many characters; the second from a file of one line that nobody else may read. */
int target_take_secret(const struct target_file *file, char **secret, const char *name, size_t min,
                       struct slice value);
int target_take_secret_file(const struct target_file *file, char **secret, const char *name, size_t min,
                            struct slice value);
int target_take_patterns(const struct target_file *file, struct events_patterns *patterns,
                         struct slice value);
int target_take_number(const struct target_file *file, unsigned *number, const char *name, struct slice value,
                       unsigned max);
/* Wipes and frees; NULL allowed. */
void target_secret_free(char *secret);

#endif
