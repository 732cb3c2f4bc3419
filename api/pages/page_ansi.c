/* SPDX-License-Identifier: MIT
 *
 * See page_ansi.h. */
#include "api/pages/page_ansi.h"

#include <stdio.h>

#define ESCAPE         0x1b
#define PARAMETERS_MAX 16u

struct style {
    int ink, paper; /* 0 .. 15; -1: the usual */
    bool is_bold, is_dim, is_italic, is_underlined, is_inverse;
};

static const struct style plain = {.ink = -1, .paper = -1};

static bool is_plain(const struct style *style)
{
    return style->ink < 0 && style->paper < 0 && !style->is_bold && !style->is_dim && !style->is_italic &&
           !style->is_underlined && !style->is_inverse;
}

static void open_span(struct page_html *html, const struct style *style)
{
    char text[16];

    PAGE(html, "<span class=\"");
    if (style->ink >= 0)
        page_html_raw(html, text, (size_t)snprintf(text, sizeof(text), "f%d ", style->ink));
    if (style->paper >= 0)
        page_html_raw(html, text, (size_t)snprintf(text, sizeof(text), "b%d ", style->paper));
    if (style->is_bold)
        PAGE(html, "B ");
    if (style->is_dim)
        PAGE(html, "D ");
    if (style->is_italic)
        PAGE(html, "I ");
    if (style->is_underlined)
        PAGE(html, "U ");
    if (style->is_inverse)
        PAGE(html, "V ");
    PAGE(html, "\">");
}

/* ---- Colours ---- */

/* The nearest of black, red, green, yellow, blue, magenta, cyan, white, and the bright ones. */
static int nearest(unsigned red, unsigned green, unsigned blue)
{
    unsigned most = red > green ? (red > blue ? red : blue) : (green > blue ? green : blue);
    unsigned least = red < green ? (red < blue ? red : blue) : (green < blue ? green : blue);
    unsigned half = most / 2 + least / 2;

    if (most - least < 32) /* a grey */
        return most < 64 ? 0 : most < 128 ? 8 : most < 208 ? 7 : 15;
    return (red > half ? 1 : 0) + (green > half ? 2 : 0) + (blue > half ? 4 : 0) + (most > 208 ? 8 : 0);
}

static int of_256(unsigned number)
{
    static const unsigned levels[] = {0, 95, 135, 175, 215, 255};

    if (number < 16)
        return (int)number;
    if (number >= 232)
        return nearest(8 + (number - 232) * 10, 8 + (number - 232) * 10, 8 + (number - 232) * 10);
    number -= 16;
    return nearest(levels[number / 36], levels[number / 6 % 6], levels[number % 6]);
}

/* "5;N" or "2;R;G;B" behind 38 or 48; moves *at to its last number. */
static int take_colour(const unsigned *numbers, size_t count, size_t *at)
{
    if (*at + 2 < count && numbers[*at + 1] == 5) {
        *at += 2;
        return of_256(numbers[*at] & 0xff);
    }
    if (*at + 4 < count && numbers[*at + 1] == 2) {
        *at += 4;
        return nearest(numbers[*at - 2] & 0xff, numbers[*at - 1] & 0xff, numbers[*at] & 0xff);
    }
    *at = count;
    return -1;
}

static void apply(struct style *style, const unsigned *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned number = numbers[i];

        if (number == 0)
            *style = plain;
        else if (number == 1)
            style->is_bold = true;
        else if (number == 2)
            style->is_dim = true;
        else if (number == 3)
            style->is_italic = true;
        else if (number == 4)
            style->is_underlined = true;
        else if (number == 7)
            style->is_inverse = true;
        else if (number == 22)
            style->is_bold = style->is_dim = false;
        else if (number == 23)
            style->is_italic = false;
        else if (number == 24)
            style->is_underlined = false;
        else if (number == 27)
            style->is_inverse = false;
        else if (number >= 30 && number <= 37)
            style->ink = (int)number - 30;
        else if (number == 38)
            style->ink = take_colour(numbers, count, &i);
        else if (number == 39)
            style->ink = -1;
        else if (number >= 40 && number <= 47)
            style->paper = (int)number - 40;
        else if (number == 48)
            style->paper = take_colour(numbers, count, &i);
        else if (number == 49)
            style->paper = -1;
        else if (number >= 90 && number <= 97)
            style->ink = (int)number - 90 + 8;
        else if (number >= 100 && number <= 107)
            style->paper = (int)number - 100 + 8;
    }
}

/* ---- Sequences ---- */

/* What follows ESC [ up to its final byte; how many bytes that is. */
static size_t take_csi(struct slice rest, struct style *style)
{
    unsigned numbers[PARAMETERS_MAX] = {0};
    size_t count = 1, i = 0;

    for (; i < rest.len && (unsigned char)rest.base[i] >= 0x20 && (unsigned char)rest.base[i] < 0x40; i++) {
        char c = rest.base[i];

        if (c >= '0' && c <= '9') {
            if (numbers[count - 1] < 1000)
                numbers[count - 1] = numbers[count - 1] * 10 + (unsigned)(c - '0');
        } else if ((c == ';' || c == ':') && count < PARAMETERS_MAX)
            count++;
    }
    if (i < rest.len && rest.base[i] == 'm')
        apply(style, numbers, count);
    return i < rest.len ? i + 1 : i;
}

/* A text for the terminal itself, such as a title or a link: up to BEL or ESC \. */
static size_t take_osc(struct slice rest)
{
    size_t i = 0;

    while (i < rest.len && rest.base[i] != '\a' && rest.base[i] != ESCAPE && rest.base[i] != '\n')
        i++;
    if (i < rest.len && rest.base[i] == ESCAPE)
        return i + 1 < rest.len && rest.base[i + 1] == '\\' ? i + 2 : i;
    return i < rest.len && rest.base[i] == '\a' ? i + 1 : i;
}

/* rest begins behind ESC. */
static size_t take_sequence(struct slice rest, struct style *style)
{
    if (rest.len == 0)
        return 0;
    if (rest.base[0] == '[')
        return 1 + take_csi(slice_from(rest, 1), style);
    if (rest.base[0] == ']')
        return 1 + take_osc(slice_from(rest, 1));
    return rest.base[0] >= 0x20 && rest.base[0] < 0x7f ? 1 : 0;
}

void page_ansi_write(struct page_html *html, struct slice text)
{
    struct style style = plain;
    bool is_open = false;

    while (text.len > 0) {
        size_t length = 0;

        while (length < text.len && text.base[length] != ESCAPE && text.base[length] != '\r')
            length++;
        if (length > 0 && !is_open && !is_plain(&style)) {
            open_span(html, &style);
            is_open = true;
        }
        page_html_text(html, slice_of(text.base, length));
        text = slice_from(text, length);
        if (text.len == 0)
            break;
        if (text.base[0] == '\r') { /* a line that is written over is a line here */
            text = slice_from(text, 1);
            if (text.len > 0 && text.base[0] != '\n')
                PAGE(html, "\n");
            continue;
        }
        text = slice_from(text, 1);
        text = slice_from(text, take_sequence(text, &style));
        if (is_open)
            PAGE(html, "</span>");
        is_open = false;
    }
    if (is_open)
        PAGE(html, "</span>");
}
