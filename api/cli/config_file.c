/* SPDX-License-Identifier: MIT
 *
 * The configuration file: one `name = value` a line, names as the flags have them. A # begins a comment at
 * the start of a line or after a blank; there are no quotes and no sections. Whatever is not understood is
 * refused with file and line: a setting that is silently ignored is worse than a server that does not start.
 *
 * deploy/sluice.conf.sample shows every setting. */
#include "api/cli/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Cuts the comment and the blanks at both ends. */
static char *trim_line(char *line)
{
    size_t length;

    for (char *at = line; (at = strchr(at, '#')) != NULL; at++)
        if (at == line || at[-1] == ' ' || at[-1] == '\t') {
            *at = '\0';
            break;
        }
    line += strspn(line, " \t");
    length = strlen(line);
    while (length > 0 && strchr(" \t\r\n", line[length - 1]) != NULL)
        line[--length] = '\0';
    return line;
}

static int take_line(struct options *options, char *line)
{
    size_t name_length = strcspn(line, " \t=");
    char *value = line + name_length + strspn(line + name_length, " \t");
    const struct option_row *row = option_row_find(line, name_length);

    if (*value != '=' || name_length == 0)
        return options_fail(options, "expected name = value");
    value += 1 + strspn(value + 1, " \t");
    if (row == NULL)
        return options_fail(options, "unknown setting \"%.*s\"", (int)name_length, line);
    if (!(row->sources & OPTION_FROM_FILE))
        return options_fail(options, "%s cannot be set in a file", row->name);
    if (row->type != OPTION_LIST && option_source_of(options, row) == OPTION_FROM_FILE)
        return options_fail(options, "%s is set twice", row->name);
    return option_set(options, row, OPTION_FROM_FILE, value);
}

static int take_lines(struct options *options, const char *path, FILE *file)
{
    char *line = NULL, reason[OPTIONS_ERROR_BYTES];
    size_t size = 0;
    ssize_t length;
    int err = 0;

    for (unsigned number = 1; err == 0 && (length = getline(&line, &size, file)) >= 0; number++) {
        if (strlen(line) != (size_t)length)
            err = options_fail(options, "not a text file");
        else if (*trim_line(line) != '\0')
            err = take_line(options, trim_line(line));
        if (err != 0) {
            (void)snprintf(reason, sizeof(reason), "%s", options->error);
            (void)options_fail(options, "%s:%u: %s", path, number, reason);
        }
    }
    if (err == 0 && ferror(file))
        err = options_fail(options, "%s: %s", path, strerror(errno));
    free(line);
    return err;
}

int config_file_load(struct options *options, const char *path)
{
    FILE *file = fopen(path, "re");
    int err;

    if (file == NULL)
        return options_fail(options, "cannot read the configuration file %s: %s", path, strerror(errno));
    err = take_lines(options, path, file);
    (void)fclose(file); /* opened for reading: nothing can be lost */
    return err;
}
