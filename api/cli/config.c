/* SPDX-License-Identifier: MIT
 *
 * `sluice config`: the settings that a server would have, with where each comes from, as a file that --config takes. */
#include "api/cli/cli.h"

#include <errno.h>
#include <string.h>

static const char *origin_of(enum option_source source)
{
    return source == OPTION_FROM_FLAG          ? "command line"
           : source == OPTION_FROM_ENVIRONMENT ? "environment"
           : source == OPTION_FROM_FILE        ? "file"
                                               : "default";
}

static void print_word(const char *words, unsigned index)
{
    for (; index > 0; index--)
        words += strcspn(words, "|") + 1;
    printf("%.*s", (int)strcspn(words, "|"), words);
}

/* A row that no flag may give is a secret, or half of one, and others may hold one. A text that the file could not hold is said, and no more. */
static const char *why_left_out(const struct option_row *row, const void *field)
{
    if (!(row->sources & OPTION_FROM_FLAG) || row->is_private)
        return "set, and not shown";
    return !(row->sources & OPTION_FROM_FILE) ? "not for the file"
           : row->type == OPTION_TEXT && strpbrk(*(char *const *)field, "#\n\r") != NULL
               ? "set, and not for the file"
               : NULL;
}

static bool is_set(const struct option_row *row, const void *field)
{
    return row->type == OPTION_TEXT   ? *(char *const *)field != NULL
           : row->type == OPTION_LIST ? ((const struct options_list *)field)->count > 0
                                      : true;
}

static void print_value(const struct option_row *row, const void *field)
{
    const struct options_list *list = field;

    switch (row->type) {
    case OPTION_TEXT:
        fputs(*(char *const *)field, stdout);
        return;
    case OPTION_NUMBER:
        printf("%u", *(const unsigned *)field);
        return;
    case OPTION_CHOICE:
        print_word(row->words, *(const unsigned *)field);
        return;
    case OPTION_SWITCH:
        fputs(*(const bool *)field ? "yes" : "no", stdout);
        return;
    case OPTION_LIST:
        for (size_t i = 0; i < list->count; i++)
            printf("%s%s", i > 0 ? "," : "", list->items[i]);
        return;
    }
}

static void print_row(const struct options *options, const struct option_row *row)
{
    const void *field = (const char *)options + row->field;
    const char *origin = origin_of(option_source_of(options, row)), *why;

    if (!is_set(row, field)) {
        printf("# %s is not set\n", row->name);
    } else if ((why = why_left_out(row, field)) != NULL) {
        if (option_source_of(options, row) != OPTION_FROM_DEFAULT)
            printf("# %s: %s   # %s\n", row->name, why, origin);
    } else {
        printf("%s = ", row->name);
        print_value(row, field);
        printf("   # %s\n", origin);
    }
}

int cli_config(const struct options *options)
{
    for (size_t i = 0; i < option_row_count; i++)
        if (option_rows[i].commands & COMMAND_SERVE && strcmp(option_rows[i].name, "help") != 0)
            print_row(options, &option_rows[i]);
    if (fflush(stdout) == 0)
        return CLI_OK;
    cli_say(SLUICE_LOG_ERROR, "standard output: %s", strerror(errno));
    return CLI_FAILED;
}
