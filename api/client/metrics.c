/* SPDX-License-Identifier: MIT
 *
 * See metrics.h. */
#include "api/client/metrics.h"

#include <stdlib.h>

#define NUMBER_BYTES 64u

/* 'label="value"' among 'a="b",label="value"'. Quotes in values are escaped by a backslash, and no value of ours has any. */
static struct slice label_of(struct slice labels, const char *label)
{
    struct slice part;

    while (slice_next_part(&labels, ',', &part)) {
        const char *equals = memchr(part.base, '=', part.len);

        if (equals != NULL && slice_is(slice_of(part.base, (size_t)(equals - part.base)), label))
            return slice_trim_any(slice_from(part, (size_t)(equals - part.base) + 1), "\"");
    }
    return SLICE("");
}

static double number_of(struct slice text)
{
    char number[NUMBER_BYTES];

    text = slice_trim(text);
    if (text.len >= sizeof(number))
        return 0;
    (void)slice_copy(number, text);
    number[text.len] = '\0';
    return strtod(number, NULL);
}

/* What stands in braces after the name, and what follows. False: it is another metric. */
static bool split(struct slice line, const char *name, struct slice *labels, struct slice *rest)
{
    const char *end;

    if (!slice_has_prefix(line, name))
        return false;
    line = slice_from(line, strlen(name));
    *labels = SLICE("");
    *rest = line;
    if (line.len == 0 || slice_is_blank(line.base[0]))
        return true;
    if (line.base[0] != '{' || (end = memchr(line.base, '}', line.len)) == NULL)
        return false;
    *labels = slice_of(line.base + 1, (size_t)(end - line.base) - 1);
    *rest = slice_from(line, (size_t)(end - line.base) + 1);
    return true;
}

bool client_metric_next(struct slice *text, const char *name, const char *label, struct slice *value,
                        double *number)
{
    struct slice line, labels, rest;

    while (slice_next_part(text, '\n', &line)) {
        if (!split(slice_trim_any(line, "\r"), name, &labels, &rest))
            continue;
        *value = label_of(labels, label);
        *number = number_of(rest);
        return true;
    }
    return false;
}

double client_metric_sum(struct slice text, const char *name, const char *label, const char *value)
{
    struct slice found;
    double sum = 0, number;

    while (client_metric_next(&text, name, label != NULL ? label : "", &found, &number))
        if (label == NULL || slice_is(found, value))
            sum += number;
    return sum;
}
