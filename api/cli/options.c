/* SPDX-License-Identifier: MIT
 *
 * How a row of the table takes a value, and whose value counts. options_table.c has the table, options_load.c reads flags and
 * environment. */
#include "api/cli/options.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int options_fail(struct options *options, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(options->error, sizeof(options->error), format,
                    arguments); /* a cut message is still a message */
    va_end(arguments);
    return -EINVAL;
}

static int fail_memory(struct options *options)
{
    (void)options_fail(options, "out of memory");
    return -ENOMEM;
}

static void list_free(struct options_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct options_list){0};
}

static int list_append(struct options_list *list, const char *text, size_t length)
{
    char **items = realloc(list->items, (list->count + 2) * sizeof(*items));

    if (items == NULL)
        return -ENOMEM;
    list->items = items;
    items[list->count] = strndup(text, length);
    if (items[list->count] == NULL)
        return -ENOMEM;
    items[++list->count] = NULL;
    return 0;
}

/* "a,b" becomes two items. A list given anew by a stronger source replaces the weaker one's; from the same,
 * it grows. */
static int take_list(const struct option_row *row, struct options_list *list, const char *text, bool replace,
                     const char **why)
{
    struct options_list items = {0};
    int err = 0;

    for (const char *at = text; err == 0 && *at != '\0'; at += *at == ',') {
        size_t length = row->is_whole ? strlen(at) : strcspn(at, ",");
        err = length == 0 ? -EINVAL : list_append(&items, at, length);
        at += length;
    }
    for (size_t i = 0; err == 0 && i < items.count; i++)
        if (row->check != NULL && (*why = row->check(items.items[i])) != NULL)
            err = -EINVAL;
    if (err == 0 && items.count == 0)
        err = -EINVAL;
    if (err == -EINVAL && *why == NULL)
        *why = "has an empty entry";
    if (err == 0 && replace)
        list_free(list);
    for (size_t i = 0; err == 0 && i < items.count; i++)
        err = list_append(list, items.items[i], strlen(items.items[i]));
    list_free(&items);
    return err;
}

static int take_number(const struct option_row *row, unsigned *number, const char *text, const char **why)
{
    unsigned long value;
    char *end;

    *why = "must be a whole number";
    if (!isdigit((unsigned char)text[0]))
        return -EINVAL;
    errno = 0;
    value = strtoul(text, &end, 10);
    if (*end != '\0')
        return -EINVAL;
    *why = "is out of bounds";
    if (errno != 0 || value < row->min || value > row->max)
        return -EINVAL;
    *number = (unsigned)value;
    return 0;
}

static int take_choice(const struct option_row *row, unsigned *choice, const char *text, const char **why)
{
    size_t length = strlen(text);
    unsigned index = 0;

    for (const char *word = row->words; *word != '\0'; index++) {
        size_t word_length = strcspn(word, "|");
        if (word_length == length && memcmp(word, text, length) == 0) {
            *choice = index;
            return 0;
        }
        word += word_length + (word[word_length] == '|');
    }
    *why = "must be one of";
    return -EINVAL;
}

static int take_switch(bool *on, const char *text, const char **why)
{
    static const char *const words[2][4] = {{"no", "false", "off", "0"}, {"yes", "true", "on", "1"}};

    for (size_t i = 0; i < 4; i++)
        for (int value = 0; value < 2; value++)
            if (strcasecmp(text, words[value][i]) == 0) {
                *on = value;
                return 0;
            }
    *why = "must be yes or no";
    return -EINVAL;
}

static int take_text(const struct option_row *row, char **field, const char *text, const char **why)
{
    char *copy;

    if (row->check != NULL && (*why = row->check(text)) != NULL)
        return -EINVAL;
    copy = strdup(text);
    if (copy == NULL)
        return -ENOMEM;
    free(*field);
    *field = copy;
    return 0;
}

static int take_value(const struct option_row *row, void *field, const char *text, bool replace,
                      const char **why)
{
    switch (row->type) {
    case OPTION_TEXT:
        return take_text(row, field, text, why);
    case OPTION_NUMBER:
        return take_number(row, field, text, why);
    case OPTION_CHOICE:
        return take_choice(row, field, text, why);
    case OPTION_SWITCH:
        return take_switch(field, text, why);
    case OPTION_LIST:
        return take_list(row, field, text, replace, why);
    }
    assert(!"a row has a type of the enum");
    return -EINVAL;
}

/* A secret is never repeated in a message: messages go to logs. */
static int fail_value(struct options *options, const struct option_row *row, const char *text,
                      const char *why)
{
    if (!(row->sources & OPTION_FROM_FLAG) || row->is_private)
        return options_fail(options, "%s %s", row->name, why);
    if (row->type == OPTION_CHOICE)
        return options_fail(options, "%s %s %s, not \"%s\"", row->name, why, row->words, text);
    if (row->type == OPTION_NUMBER)
        return options_fail(options, "%s %s (%u to %u): \"%s\"", row->name, why, row->min, row->max, text);
    return options_fail(options, "%s %s: \"%s\"", row->name, why, text);
}

int option_set(struct options *options, const struct option_row *row, enum option_source source,
               const char *text)
{
    enum option_source *owner = &options->sources[row - option_rows];
    union { /* where the value of a weaker source is checked, then dropped */
        char *text;
        unsigned number;
        bool on;
        struct options_list list;
    } scratch = {.list = {0}};
    bool is_weaker = source < *owner;
    void *field = is_weaker ? (void *)&scratch : (char *)options + row->field;
    const char *why = NULL;
    int err;

    if (text[0] == '\0')
        return options_fail(options, "%s needs a value", row->name);
    err = take_value(row, field, text, source > *owner, &why);
    if (is_weaker && row->type == OPTION_TEXT)
        free(scratch.text);
    if (is_weaker && row->type == OPTION_LIST)
        list_free(&scratch.list);
    if (err == -ENOMEM)
        return fail_memory(options);
    if (err != 0)
        return fail_value(options, row, text, why);
    if (!is_weaker)
        *owner = source;
    return 0;
}

enum option_source option_source_of(const struct options *options, const struct option_row *row)
{
    return options->sources[row - option_rows];
}

const struct option_row *option_row_find(const char *name, size_t length)
{
    for (size_t i = 0; i < option_row_count; i++)
        if (strlen(option_rows[i].name) == length && memcmp(option_rows[i].name, name, length) == 0)
            return &option_rows[i];
    return NULL;
}

static bool is_same_list(const struct options_list *one, const struct options_list *other)
{
    if (one->count != other->count)
        return false;
    for (size_t i = 0; i < one->count; i++)
        if (strcmp(one->items[i], other->items[i]) != 0)
            return false;
    return true;
}

bool option_is_same(const struct option_row *row, const struct options *one, const struct options *other)
{
    const void *a = (const char *)one + row->field, *b = (const char *)other + row->field;
    const char *text, *other_text;

    switch (row->type) {
    case OPTION_TEXT:
        text = *(char *const *)a;
        other_text = *(char *const *)b;
        return text == NULL || other_text == NULL ? text == other_text : strcmp(text, other_text) == 0;
    case OPTION_LIST:
        return is_same_list(a, b);
    case OPTION_SWITCH:
        return *(const bool *)a == *(const bool *)b;
    default:
        return *(const unsigned *)a == *(const unsigned *)b;
    }
}

static int copy_text(char **to, const char *from)
{
    char *copy = from != NULL ? strdup(from) : NULL;

    if (from != NULL && copy == NULL)
        return -ENOMEM;
    free(*to);
    *to = copy;
    return 0;
}

static int copy_list(struct options_list *to, const struct options_list *from)
{
    int err = 0;

    list_free(to);
    for (size_t i = 0; err == 0 && i < from->count; i++)
        err = list_append(to, from->items[i], strlen(from->items[i]));
    return err;
}

int option_copy(const struct option_row *row, struct options *to, const struct options *from)
{
    const void *there = (const char *)from + row->field;
    void *here = (char *)to + row->field;
    int err = 0;

    switch (row->type) {
    case OPTION_TEXT:
        err = copy_text(here, *(char *const *)there);
        break;
    case OPTION_LIST:
        err = copy_list(here, there);
        break;
    case OPTION_SWITCH:
        *(bool *)here = *(const bool *)there;
        break;
    default:
        *(unsigned *)here = *(const unsigned *)there;
    }
    to->sources[row - option_rows] = from->sources[row - option_rows];
    return err;
}

void options_init(struct options *options)
{
    *options = (struct options){0};
    for (size_t i = 0; i < option_row_count; i++) {
        const struct option_row *row = &option_rows[i];
        if (row->default_text == NULL)
            continue;
        int err = option_set(options, row, OPTION_FROM_DEFAULT, row->default_text);
        assert(err != -EINVAL); /* a default that its own row refuses is a bug of the table */
        if (err != 0) {         /* there is no more to be done without a few words of memory */
            fputs("sluice: no memory for the options\n", stderr);
            exit(EXIT_FAILURE);
        }
    }
}

void options_free(struct options *options)
{
    for (size_t i = 0; i < option_row_count; i++) {
        void *field = (char *)options + option_rows[i].field;
        if (option_rows[i].type == OPTION_TEXT)
            free(*(char **)field);
        else if (option_rows[i].type == OPTION_LIST)
            list_free(field);
    }
    free(options->words);
    *options = (struct options){0};
}
