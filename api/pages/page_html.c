/* SPDX-License-Identifier: MIT
 *
 * See page_html.h. */
#include "api/pages/page_html.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/s3/text/s3_time.h"
#include "storage/base/text/percent.h"

#define BYTES_FIRST 8192u

/* ---- Growing ---- */

static char *reserve(struct page_html *html, size_t bytes)
{
    if (html->capacity - html->length < bytes) {
        size_t wanted = html->capacity != 0 ? html->capacity * 2 : BYTES_FIRST;

        while (wanted - html->length < bytes)
            wanted *= 2;
        html->data = arena_grow(html->arena, html->data, html->length, wanted);
        html->capacity = wanted;
    }
    return html->data + html->length;
}

void page_html_raw(struct page_html *html, const char *text, size_t length)
{
    if (length == 0)
        return;
    memcpy(reserve(html, length), text, length);
    html->length += length;
}

/* ---- Text ---- */

/* U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069: E2 80 8E .. and E2 81 A6 .. */
static bool turns_direction(const unsigned char *at, size_t left)
{
    if (left < 3 || at[0] != 0xe2)
        return false;
    if (at[1] == 0x80)
        return at[2] == 0x8e || at[2] == 0x8f || (at[2] >= 0xaa && at[2] <= 0xae);
    return at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9;
}

static struct slice escape_of(unsigned char c)
{
    switch (c) {
    case '&':
        return SLICE("&amp;");
    case '<':
        return SLICE("&lt;");
    case '>':
        return SLICE("&gt;");
    case '"':
        return SLICE("&quot;");
    case '\'':
        return SLICE("&#39;");
    default:
        return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f ? SLICE("\xef\xbf\xbd") : slice_of(NULL, 0);
    }
}

void page_html_text(struct page_html *html, struct slice text)
{
    size_t from = 0;

    for (size_t i = 0; i < text.len; i++) {
        const unsigned char *at = (const unsigned char *)text.base + i;
        bool turns = turns_direction(at, text.len - i);
        struct slice escape = turns ? SLICE("\xef\xbf\xbd") : escape_of(*at);

        if (escape.base == NULL)
            continue;
        page_html_raw(html, text.base + from, i - from);
        page_html_raw(html, escape.base, escape.len);
        i += turns ? 2 : 0;
        from = i + 1;
    }
    if (from < text.len)
        page_html_raw(html, text.base + from, text.len - from);
}

void page_html_string(struct page_html *html, const char *text)
{
    page_html_text(html, slice_text(text));
}

void page_html_number(struct page_html *html, uint64_t number)
{
    char text[24];

    page_html_raw(html, text, (size_t)snprintf(text, sizeof(text), "%" PRIu64, number));
}

void page_size_format(uint64_t bytes, char text[PAGE_SIZE_TEXT_BYTES])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned unit = 0;
    double value = (double)bytes;

    while (value >= 1023.95 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1024;
        unit++;
    }
    (void)snprintf(text, PAGE_SIZE_TEXT_BYTES, unit == 0 || value >= 99.95 ? "%.0f %s" : "%.1f %s", value,
                   units[unit]);
}

void page_html_size(struct page_html *html, uint64_t bytes)
{
    char text[PAGE_SIZE_TEXT_BYTES];

    page_size_format(bytes, text);
    page_html_string(html, text);
}

void page_html_time(struct page_html *html, int64_t unix_ms)
{
    char iso[S3_TIME_ISO_BYTES + 1];

    s3_time_iso_format(unix_ms, iso);
    PAGE(html, "<time datetime=\"");
    page_html_raw(html, iso, 19);
    PAGE(html, "Z\">");
    page_html_raw(html, iso, 10);
    PAGE(html, " ");
    page_html_raw(html, iso + 11, 5);
    PAGE(html, "</time>");
}

/* ---- URLs ---- */

bool page_path_is_kept(struct slice key)
{
    struct slice part;

    while (slice_next_part(&key, '/', &part))
        if (slice_is(part, ".") || slice_is(part, ".."))
            return false;
    return true;
}

/* What it gives needs no escape in an attribute. */
static void write_encoded(struct page_html *html, struct slice text, bool keep_slash)
{
    char *at = reserve(html, PERCENT_ENCODED_BYTES(text.len) + 1);

    html->length += percent_encode(text.base, text.len, keep_slash, at);
}

void page_html_parameter(struct page_html *html, bool *has_query, const char *name, struct slice value)
{
    page_html_raw(html, *has_query ? "&amp;" : "?", *has_query ? 5 : 1);
    *has_query = true;
    page_html_string(html, name);
    PAGE(html, "=");
    write_encoded(html, value, false);
}

bool page_html_link(struct page_html *html, const char *kind, struct slice bucket, struct slice key)
{
    bool has_query = false;

    PAGE(html, "/-/ui/");
    page_html_string(html, kind);
    PAGE(html, "/");
    write_encoded(html, bucket, false);
    PAGE(html, "/");
    if (page_path_is_kept(key))
        write_encoded(html, key, true);
    else
        page_html_parameter(html, &has_query, "at", key);
    return has_query;
}
