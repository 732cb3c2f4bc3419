/* SPDX-License-Identifier: MIT
 *
 * The steps of MD5 (RFC 1321, 3.4), for whoever says what a step does: to one message (md5.c), or to many in lanes (md5_lanes.c). */
#ifndef STORAGE_DIGEST_MD5_STEPS_H
#define STORAGE_DIGEST_MD5_STEPS_H

#include <stdint.h>

#define MD5_BLOCK_BYTES 64u
#define MD5_BLOCK_WORDS 16

/* The integer part of 2^32 times abs(sin(i + 1)). */
static const uint32_t md5_sines[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static const uint32_t md5_state_begin[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};

#define MD5_ROTATE(x, bits) ((x) << (bits) | (x) >> (32 - (bits)))

#define MD5_MIX_1(b, c, d) ((d) ^ ((b) & ((c) ^ (d))))
#define MD5_MIX_2(b, c, d) ((c) ^ ((d) & ((b) ^ (c))))
#define MD5_MIX_3(b, c, d) ((b) ^ (c) ^ (d))
#define MD5_MIX_4(b, c, d) ((c) ^ ((b) | ~(d)))

/* Four steps, and the sixteen of a round. Words are taken from `first` on, `stride` further each time. */
#define MD5_STEPS(step, mix, base, i, first, stride, s0, s1, s2, s3)                                         \
    step(mix, a, b, c, d, ((first) + (stride) * (i)) % MD5_BLOCK_WORDS, (base) + (i), s0);                   \
    step(mix, d, a, b, c, ((first) + (stride) * ((i) + 1)) % MD5_BLOCK_WORDS, (base) + (i) + 1, s1);         \
    step(mix, c, d, a, b, ((first) + (stride) * ((i) + 2)) % MD5_BLOCK_WORDS, (base) + (i) + 2, s2);         \
    step(mix, b, c, d, a, ((first) + (stride) * ((i) + 3)) % MD5_BLOCK_WORDS, (base) + (i) + 3, s3)

#define MD5_ROUND(step, mix, base, first, stride, s0, s1, s2, s3)                                            \
    MD5_STEPS(step, mix, base, 0, first, stride, s0, s1, s2, s3);                                            \
    MD5_STEPS(step, mix, base, 4, first, stride, s0, s1, s2, s3);                                            \
    MD5_STEPS(step, mix, base, 8, first, stride, s0, s1, s2, s3);                                            \
    MD5_STEPS(step, mix, base, 12, first, stride, s0, s1, s2, s3)

/* One block. step(mix, a, b, c, d, word, i, bits): the message's word of that number, and md5_sines[i]; a to d stand for themselves,
 * and change places. mix_2: of the second round. */
#define MD5_ROUNDS(step, mix_2)                                                                              \
    MD5_ROUND(step, MD5_MIX_1, 0, 0, 1, 7, 12, 17, 22);                                                      \
    MD5_ROUND(step, mix_2, 16, 1, 5, 5, 9, 14, 20);                                                          \
    MD5_ROUND(step, MD5_MIX_3, 32, 5, 3, 4, 11, 16, 23);                                                     \
    MD5_ROUND(step, MD5_MIX_4, 48, 0, 7, 6, 10, 15, 21)

#endif
