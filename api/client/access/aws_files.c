/* SPDX-License-Identifier: MIT
 *
 * See aws_files.h. */
#include "api/client/access/aws_files.h"

/* "[profile  ci]" names the section "profile ci": blanks at the ends do not count, and one stands for several. */
static bool names_section(struct slice line, struct slice section)
{
    size_t at = 0;

    if (line.len < 2 || line.base[0] != '[' || line.base[line.len - 1] != ']')
        return false;
    line = slice_trim(slice_of(line.base + 1, line.len - 2));
    for (size_t i = 0; i < line.len; i++) {
        if (slice_is_blank(line.base[i]) && i > 0 && slice_is_blank(line.base[i - 1]))
            continue;
        if (at == section.len || section.base[at] != (slice_is_blank(line.base[i]) ? ' ' : line.base[i]))
            return false;
        at++;
    }
    return at == section.len;
}

/* Cuts the next line off that says something. */
static bool next_line(struct slice *text, struct slice *line, bool *is_indented)
{
    while (slice_next_part(text, '\n', line)) {
        *is_indented = line->len > 0 && slice_is_blank(line->base[0]);
        *line = slice_trim_any(*line, " \t\r");
        if (line->len > 0 && line->base[0] != '#' && line->base[0] != ';')
            return true;
    }
    return false;
}

static bool split(struct slice line, struct slice *name, struct slice *value)
{
    const char *equals = memchr(line.base, '=', line.len);

    if (equals == NULL)
        return false;
    *name = slice_trim(slice_of(line.base, (size_t)(equals - line.base)));
    *value = slice_trim(slice_from(line, (size_t)(equals - line.base) + 1));
    return true;
}

struct slice client_aws_find(struct slice text, struct slice section, const char *parent, const char *name)
{
    struct slice found = {NULL, 0}, line, key, value;
    bool is_inside = false, is_in_parent = false, is_indented;

    while (next_line(&text, &line, &is_indented)) {
        if (line.base[0] == '[' && !is_indented) {
            is_inside = names_section(line, section);
            is_in_parent = false;
        } else if (is_inside && split(line, &key, &value)) {
            if (!is_indented)
                is_in_parent = parent != NULL && slice_is_nocase(key, parent);
            if (is_indented == (parent != NULL) && (parent == NULL || is_in_parent) &&
                slice_is_nocase(key, name))
                found = value;
        }
    }
    return found;
}

bool client_aws_has_section(struct slice text, struct slice section)
{
    struct slice line;
    bool is_indented;

    while (next_line(&text, &line, &is_indented))
        if (!is_indented && names_section(line, section))
            return true;
    return false;
}
