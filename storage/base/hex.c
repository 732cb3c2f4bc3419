/* SPDX-License-Identifier: MIT
 *
 * See hex.h. */
#include "storage/base/hex.h"

int hex_value_lower(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

int hex_value(char digit)
{
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : hex_value_lower(digit);
}

void hex_encode(const unsigned char *bytes, size_t count, char *hex)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < count; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
}

bool hex_decode(const char *hex, size_t length, unsigned char *bytes, size_t count)
{
    if (length != 2 * count)
        return false;
    for (size_t i = 0; i < count; i++) {
        int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}
