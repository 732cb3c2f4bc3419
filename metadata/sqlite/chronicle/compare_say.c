/* SPDX-License-Identifier: MIT
 *
 * What is said of a row that is not what was told of it. Keys are clients' bytes: what is no plain text of them is shown as %XX. */
#include <inttypes.h>
#include <isa-l/crc64.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "metadata/sqlite/chronicle/compare.h"

/* Of a key; the rest is left out, and three dots say so. */
#define SHOWN_BYTES_MAX 128u

struct say {
    char *text;
    size_t length;
};

static void say(struct say *say, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct say *say, const char *format, ...)
{
    size_t room = COMPARE_TEXT_BYTES - say->length;
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(say->text + say->length, room, format, arguments);
    va_end(arguments);
    if (length > 0)
        say->length += (size_t)length < room ? (size_t)length : room - 1;
}

static void say_bytes(struct say *text, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len && i < SHOWN_BYTES_MAX; i++) {
        unsigned char c = (unsigned char)bytes.base[i];

        if (c > ' ' && c < 0x7f && c != '%')
            say(text, "%c", c);
        else
            say(text, "%%%02X", c);
    }
    if (bytes.len > SHOWN_BYTES_MAX)
        say(text, "...");
}

/* The next name of a form's columns; moves the place behind it. */
static int name_take(const char **columns, const char **name)
{
    *name = *columns;
    int length = (int)strcspn(*columns, ",");

    *columns += length + ((*columns)[length] == ',' ? 2 : 0);
    return length;
}

static void say_key(struct say *text, const struct chronicle_table_form *form,
                    const struct chronicle_value *values)
{
    const char *columns = form->columns, *name;

    say(text, "%s (", form->name);
    for (unsigned i = 0; i < form->key; i++) {
        int length = name_take(&columns, &name);

        say(text, "%s%.*s ", i > 0 ? ", " : "", length, name);
        if (values[i].type == CHRONICLE_NUMBER)
            say(text, "%" PRId64, values[i].number);
        else if (values[i].type == CHRONICLE_BYTES)
            say_bytes(text, values[i].bytes);
    }
    say(text, ")");
}

static uint64_t value_sum(const struct chronicle_value *value, uint64_t sum)
{
    unsigned char type = (unsigned char)value->type;

    sum = crc64_ecma_refl(sum, &type, 1);
    if (value->type == CHRONICLE_NUMBER)
        return crc64_ecma_refl(sum, (const unsigned char *)&value->number, sizeof(value->number));
    return value->type == CHRONICLE_BYTES && value->bytes.len > 0
               ? crc64_ecma_refl(sum, (const unsigned char *)value->bytes.base, value->bytes.len)
               : sum;
}

static void say_columns(struct say *text, const struct chronicle_table_form *form,
                        const struct chronicle_value *row, const struct chronicle_value *told)
{
    const char *columns = form->columns, *name, *separator = ": ";
    uint64_t row_sum = 0, told_sum = 0;

    for (unsigned i = 0; i < form->count; i++) {
        int length = name_take(&columns, &name);

        row_sum = value_sum(&row[i], row_sum);
        told_sum = value_sum(&told[i], told_sum);
        if (compare_values_are_same(&row[i], &told[i]))
            continue;
        say(text, "%s%.*s", separator, length, name);
        separator = ", ";
    }
    say(text, " in the database is not what the chronicle told (%016" PRIx64 ", told %016" PRIx64 ")",
        row_sum, told_sum);
}

void compare_text(char text[COMPARE_TEXT_BYTES], unsigned table, const struct chronicle_value *row,
                  const struct chronicle_value *told)
{
    const struct chronicle_table_form *form = &chronicle_tables[table];
    struct say all = {.text = text};

    text[0] = '\0';
    say_key(&all, form, row != NULL ? row : told);
    if (told == NULL)
        say(&all, ": the chronicle never told of such a row of the database");
    else if (row == NULL)
        say(&all, ": the database has lost this row, of which the chronicle tells");
    else
        say_columns(&all, form, row, told);
}
