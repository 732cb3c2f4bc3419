/* SPDX-License-Identifier: MIT
 *
 * Headers of tar, for tests that make archives. Header only. */
#ifndef TESTS_TAR_MAKE_H
#define TESTS_TAR_MAKE_H

#include <stdio.h>
#include <string.h>

static inline void tar_make_sum(unsigned char *block)
{
    unsigned sum = 0;

    memset(block + 148, ' ', 8);
    for (size_t i = 0; i < 512; i++)
        sum += block[i];
    snprintf((char *)block + 148, 8, "%06o", sum);
}

/* A header of ustar, of 1,000 s after the beginning of time. */
static inline void tar_make_header(unsigned char *block, char type, const char *name, size_t size)
{
    memset(block, 0, 512);
    memcpy(block, name, strlen(name) < 100 ? strlen(name) : 100);
    memcpy(block + 100, "0000644", 7);
    snprintf((char *)block + 124, 12, "%011o", (unsigned)size);
    memcpy(block + 136, "00000001750", 11);
    block[156] = (unsigned char)type;
    memcpy(block + 257, "ustar\00000", 8);
    tar_make_sum(block);
}

#endif
