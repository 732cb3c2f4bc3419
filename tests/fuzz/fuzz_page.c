/* SPDX-License-Identifier: MIT
 *
 * What browsers send to the pages, and what the pages write of it: cookies and forms; text with a terminal's sequences, and names, neither of which
 * becomes markup; names of members, which lead nowhere else. The first byte says which. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "api/archive/tar_header.h"
#include "api/pages/archive/page_tar.h"
#include "api/pages/page_ansi.h"
#include "api/pages/page_form.h"
#include "api/pages/page_html.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_form(struct slice text, struct arena *arena)
{
    struct page_form form;
    struct slice cookie = page_cookie_find(text, "sluice_session");

    assert(cookie.base == NULL ||
           (cookie.base >= text.base && cookie.base + cookie.len <= text.base + text.len));
    if (page_form_read(&form, arena, text))
        for (unsigned i = 0; i < form.count; i++)
            assert(page_form_value(&form, "x").base == NULL || form.names[i].base != NULL);
    if (page_next_is_own(text))
        assert(text.len > 5 && memchr(text.base, '\n', text.len) == NULL && text.base[1] != '/');
}

/* Of '<' there are those of spans alone, and no quote but theirs. */
static void expect_no_markup(const struct page_html *html)
{
    static const char open[] = "<span class=\"", close[] = "</span>";

    for (size_t i = 0; i < html->length; i++) {
        const char *at = html->data + i;
        size_t left = html->length - i;

        if (*at != '<' && *at != '"' && *at != '\'')
            continue;
        if (left >= sizeof(close) - 1 && memcmp(at, close, sizeof(close) - 1) == 0) {
            i += sizeof(close) - 2;
            continue;
        }
        assert(left >= sizeof(open) - 1 && memcmp(at, open, sizeof(open) - 1) == 0);
        for (i += sizeof(open) - 1; html->data[i] != '"'; i++)
            assert(strchr("fbBDIUV0123456789 ", html->data[i]) != NULL);
        assert(html->data[++i] == '>');
    }
}

static void write_text(struct slice text, struct arena *arena)
{
    struct page_html html = {.arena = arena}, link = {.arena = arena};

    page_ansi_write(&html, text);
    expect_no_markup(&html);
    html.length = 0;
    page_html_text(&html, text);
    expect_no_markup(&html);
    page_html_link(&link, "o", SLICE("bucket"), text);
    expect_no_markup(&link);
}

static void write_member(struct slice key)
{
    unsigned char head[PAGE_TAR_HEAD_BYTES_MAX];
    char name[PAGE_MEMBER_BYTES_MAX];
    struct tar_header header;
    struct slice rest, part;
    size_t length;

    if (key.len > 1024)
        key.len = 1024;
    length = page_member_name(SLICE("root"), key, name);
    assert(length <= sizeof(name));
    rest = slice_of(name, length);
    while (slice_next_part(&rest, '/', &part))
        assert(part.len > 0 && !slice_is(part, ".") && !slice_is(part, ".."));
    assert(memchr(name, '\\', length) == NULL && memchr(name, ':', length) == NULL &&
           memchr(name, '\0', length) == NULL);
    length = page_tar_head(slice_of(name, length), key.len, 0, head);
    assert(length % TAR_BLOCK_BYTES == 0 && tar_header_parse(head, &header) == 0 &&
           tar_header_parse(head + length - TAR_BLOCK_BYTES, &header) == 0 && header.size == key.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct slice text;

    if (size == 0)
        return 0;
    text = slice_of(data + 1, size - 1);
    if (data[0] % 3 == 0)
        read_form(text, &arena);
    else if (data[0] % 3 == 1)
        write_text(text, &arena);
    else
        write_member(text);
    arena_free(&arena);
    return 0;
}
