/* SPDX-License-Identifier: MIT
 *
 * Bytes as hexadecimal digits, two a byte, and back. Pure functions; any thread. */
#ifndef STORAGE_BASE_HEX_H
#define STORAGE_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>

/* What a digit of either case stands for, or -1. */
int hex_value(char digit);
/* The same for 0-9 and a-f alone: what hex_encode writes comes back the same. */
int hex_value_lower(char digit);

/* Writes 2 * count lower-case digits; no NUL is added. */
void hex_encode(const unsigned char *bytes, size_t count, char *hex);
/* Takes exactly 2 * count digits of either case. False for anything else; bytes may have changed then. */
bool hex_decode(const char *hex, size_t length, unsigned char *bytes, size_t count);

#endif
