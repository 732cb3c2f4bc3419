/* SPDX-License-Identifier: MIT
 *
 * See utf8.h. */
#include "storage/base/utf8.h"

size_t utf8_next(const char *bytes, size_t length, uint32_t *code)
{
    /* The smallest code that may use each length: anything below is an overlong form. */
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first;
    size_t count;
    uint32_t value;

    if (length == 0)
        return 0;
    first = (unsigned char)bytes[0];
    if (first < 0x80) {
        *code = first;
        return 1;
    }
    count = first >= 0xf0 && first < 0xf8 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc0 || first >= 0xf8 || length < count)
        return 0;
    value = first & (0x7fu >> count);
    for (size_t i = 1; i < count; i++) {
        if (((unsigned char)bytes[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | ((unsigned char)bytes[i] & 0x3f);
    }
    if (value < smallest[count] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *code = value;
    return count;
}

bool utf8_is_valid(const char *bytes, size_t length)
{
    uint32_t code;

    for (size_t i = 0, count; i < length; i += count) {
        count = utf8_next(bytes + i, length - i, &code);
        if (count == 0)
            return false;
    }
    return true;
}
