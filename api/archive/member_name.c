/* SPDX-License-Identifier: MIT
 *
 * What members may be called. */
#include "api/archive/member_name.h"

#include <errno.h>
#include <stdint.h>

#include "storage/base/text/utf8.h"

/* Characters 128 to 255 of CP437, the code page of the machines that ZIP was made on. */
static const uint16_t cp437[128] = {
    0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee,
    0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9, 0x00ff, 0x00d6,
    0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa,
    0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb, 0x2591, 0x2592, 0x2593, 0x2502,
    0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510, 0x2514,
    0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550,
    0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c,
    0x2588, 0x2584, 0x258c, 0x2590, 0x2580, 0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4,
    0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320,
    0x2321, 0x00f7, 0x2248, 0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

static bool is_separator(char c)
{
    return c == '/' || c == '\\';
}

/* "C:" and the like: a name of Windows that is absolute, or depends on where that drive stands. */
static bool has_drive(struct slice name)
{
    return name.len >= 2 && name.base[1] == ':' &&
           ((name.base[0] >= 'a' && name.base[0] <= 'z') || (name.base[0] >= 'A' && name.base[0] <= 'Z'));
}

static bool leads_up(struct slice name)
{
    size_t begin = 0;

    for (size_t at = 0; at <= name.len; at++) {
        if (at < name.len && !is_separator(name.base[at]))
            continue;
        if (at - begin == 2 && name.base[begin] == '.' && name.base[begin + 1] == '.')
            return true;
        begin = at + 1;
    }
    return false;
}

int member_name_clean(struct slice raw, struct slice *clean)
{
    struct slice name = raw;

    while (slice_has_prefix(name, "./"))
        name = slice_from(name, 2);
    *clean = name;
    if (name.len == 0 || slice_is(name, ".") || !key_is_valid(name.base, name.len))
        return -EINVAL;
    return is_separator(name.base[0]) || has_drive(name) || leads_up(name) ? -EPERM : 0;
}

static size_t utf8_put(uint32_t code, char *text)
{
    if (code < 0x80) {
        text[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        text[0] = (char)(0xc0 | code >> 6);
        text[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    text[0] = (char)(0xe0 | code >> 12);
    text[1] = (char)(0x80 | (code >> 6 & 0x3f));
    text[2] = (char)(0x80 | (code & 0x3f));
    return 3;
}

size_t member_name_of_cp437(struct slice raw, char *text)
{
    size_t length = 0;

    for (size_t i = 0; i < raw.len; i++) {
        unsigned char byte = (unsigned char)raw.base[i];

        length += utf8_put(byte < 128 ? byte : cp437[byte - 128], text + length);
    }
    return length;
}
