/* SPDX-License-Identifier: MIT
 *
 * Folding. The CRC is reflected: the first bit of the message is its highest power of x, and sits in the lowest bit of a
 * little-endian word. A 128-bit register R, low half L and high half H, stands for L * x^64 + H. Moving it D bits up the
 * message multiplies by x^D, so R is congruent to L * (x^(D+64) mod G) + H * (x^D mod G); both products fit 128 bits again. A
 * product of reflected words comes out one bit low, which the constants make up for: they hold x^(D+63) and x^(D-1).
 *
 * Eight registers run side by side to hide the multiplier's latency. A wide register is two or four of 128 bits that move
 * together. At the end all are folded into one of 128 bits.
 *
 * Measured on a CPU with AVX-512, bytes in the second cache: 0.065, 0.048, 0.017 s/GiB by 128, 256, 512 bits. */
#include "storage/digest/crc64nvme_fold.h"

#include <stdbool.h>

#if defined(__x86_64__)
#include <immintrin.h>

#define REGISTERS 8

/* x^(D+63) mod G, for the low half, and x^(D-1) mod G, for the high half, reflected. */
#define BY_128_LOW   0xeadc41fd2ba3d420ull
#define BY_128_HIGH  0x21e9761e252621acull
#define BY_256_LOW   0xb0bc2e589204f500ull
#define BY_256_HIGH  0xe1e0bb9d45d7a44cull
#define BY_512_LOW   0x0c32cdb31e18a84aull
#define BY_512_HIGH  0x62242240ace5045aull
#define BY_1024_LOW  0xa1ca681e733f9c40ull
#define BY_1024_HIGH 0x5f852fb61e8d92dcull
#define BY_2048_LOW  0x37ccd3e14069cabcull
#define BY_2048_HIGH 0xa043808c0f782663ull
#define BY_4096_LOW  0xd0b3aa0ed6d54ae0ull
#define BY_4096_HIGH 0xc2409e2537aa5eb1ull

#define CONSTANTS(distance) _mm_set_epi64x((long long)BY_##distance##_HIGH, (long long)BY_##distance##_LOW)

#define TARGET_128 __attribute__((target("pclmul,sse2")))
#define TARGET_256 __attribute__((target("pclmul,vpclmulqdq,avx2")))
#define TARGET_512 __attribute__((target("pclmul,vpclmulqdq,avx512f")))

/* ---- 128 bits ---- */

TARGET_128 static inline __m128i load_128(const unsigned char *data)
{
    return _mm_loadu_si128((const __m128i *)(const void *)data);
}

TARGET_128 static inline __m128i fold_128(__m128i value, __m128i constants, __m128i next)
{
    __m128i low = _mm_clmulepi64_si128(value, constants, 0x00);
    __m128i high = _mm_clmulepi64_si128(value, constants, 0x11);

    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

TARGET_128 static size_t fold_by_128(uint64_t state, const unsigned char *data, size_t length,
                                     unsigned char folded[CRC64NVME_FOLDED_BYTES])
{
    enum { BYTES = 16 };
    const __m128i by_all = CONSTANTS(1024), by_one = CONSTANTS(128);
    const unsigned char *at = data, *end = data + length;
    __m128i lane[REGISTERS], sum;

    for (int i = 0; i < REGISTERS; i++)
        lane[i] = load_128(at + BYTES * i);
    lane[0] = _mm_xor_si128(lane[0], _mm_cvtsi64_si128((long long)state));
    for (at += REGISTERS * BYTES; end - at >= REGISTERS * BYTES; at += REGISTERS * BYTES) {
#pragma GCC unroll 8
        for (int i = 0; i < REGISTERS; i++)
            lane[i] = fold_128(lane[i], by_all, load_128(at + BYTES * i));
    }
    sum = lane[0];
    for (int i = 1; i < REGISTERS; i++)
        sum = fold_128(sum, by_one, lane[i]);
    for (; end - at >= BYTES; at += BYTES)
        sum = fold_128(sum, by_one, load_128(at));
    _mm_storeu_si128((__m128i *)(void *)folded, sum);
    return (size_t)(at - data);
}

/* ---- 256 bits ---- */

TARGET_256 static inline __m256i load_256(const unsigned char *data)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)data);
}

TARGET_256 static inline __m256i fold_256(__m256i value, __m256i constants, __m256i next)
{
    __m256i low = _mm256_clmulepi64_epi128(value, constants, 0x00);
    __m256i high = _mm256_clmulepi64_epi128(value, constants, 0x11);

    return _mm256_xor_si256(_mm256_xor_si256(low, high), next);
}

TARGET_256 static size_t fold_by_256(uint64_t state, const unsigned char *data, size_t length,
                                     unsigned char folded[CRC64NVME_FOLDED_BYTES])
{
    enum { BYTES = 32 };
    const __m256i by_all = _mm256_broadcastsi128_si256(CONSTANTS(2048));
    const __m256i by_one = _mm256_broadcastsi128_si256(CONSTANTS(256));
    const unsigned char *at = data, *end = data + length;
    __m256i lane[REGISTERS], sum;

    for (int i = 0; i < REGISTERS; i++)
        lane[i] = load_256(at + BYTES * i);
    lane[0] = _mm256_xor_si256(lane[0], _mm256_set_epi64x(0, 0, 0, (long long)state));
    for (at += REGISTERS * BYTES; end - at >= REGISTERS * BYTES; at += REGISTERS * BYTES) {
#pragma GCC unroll 8
        for (int i = 0; i < REGISTERS; i++)
            lane[i] = fold_256(lane[i], by_all, load_256(at + BYTES * i));
    }
    sum = lane[0];
    for (int i = 1; i < REGISTERS; i++)
        sum = fold_256(sum, by_one, lane[i]);
    for (; end - at >= BYTES; at += BYTES)
        sum = fold_256(sum, by_one, load_256(at));
    _mm_storeu_si128((__m128i *)(void *)folded,
                     fold_128(_mm256_castsi256_si128(sum), CONSTANTS(128), _mm256_extracti128_si256(sum, 1)));
    return (size_t)(at - data);
}

/* ---- 512 bits ---- */

TARGET_512 static inline __m512i load_512(const unsigned char *data)
{
    return _mm512_loadu_si512(data);
}

TARGET_512 static inline __m512i fold_512(__m512i value, __m512i constants, __m512i next)
{
    __m512i low = _mm512_clmulepi64_epi128(value, constants, 0x00);
    __m512i high = _mm512_clmulepi64_epi128(value, constants, 0x11);

    return _mm512_ternarylogic_epi64(low, high, next, 0x96); /* all three xored */
}

/* The four quarters into one. */
TARGET_512 static inline __m128i join_512(__m512i value)
{
    const __m128i by_one = CONSTANTS(128);
    __m128i sum = fold_128(_mm512_castsi512_si128(value), by_one, _mm512_extracti32x4_epi32(value, 1));

    sum = fold_128(sum, by_one, _mm512_extracti32x4_epi32(value, 2));
    return fold_128(sum, by_one, _mm512_extracti32x4_epi32(value, 3));
}

TARGET_512 static size_t fold_by_512(uint64_t state, const unsigned char *data, size_t length,
                                     unsigned char folded[CRC64NVME_FOLDED_BYTES])
{
    enum { BYTES = 64 };
    const __m512i by_all = _mm512_broadcast_i32x4(CONSTANTS(4096));
    const __m512i by_one = _mm512_broadcast_i32x4(CONSTANTS(512));
    const unsigned char *at = data, *end = data + length;
    __m512i lane[REGISTERS], sum;

    for (int i = 0; i < REGISTERS; i++)
        lane[i] = load_512(at + BYTES * i);
    lane[0] = _mm512_xor_si512(lane[0], _mm512_set_epi64(0, 0, 0, 0, 0, 0, 0, (long long)state));
    for (at += REGISTERS * BYTES; end - at >= REGISTERS * BYTES; at += REGISTERS * BYTES) {
#pragma GCC unroll 8
        for (int i = 0; i < REGISTERS; i++)
            lane[i] = fold_512(lane[i], by_all, load_512(at + BYTES * i));
    }
    sum = lane[0];
    for (int i = 1; i < REGISTERS; i++)
        sum = fold_512(sum, by_one, lane[i]);
    for (; end - at >= BYTES; at += BYTES)
        sum = fold_512(sum, by_one, load_512(at));
    _mm_storeu_si128((__m128i *)(void *)folded, join_512(sum));
    return (size_t)(at - data);
}

crc64nvme_fold_fn crc64nvme_fold_of(enum crc64nvme_width width)
{
    bool is_wide = __builtin_cpu_supports("vpclmulqdq");

    switch (width) {
    case CRC64NVME_512:
        return is_wide && __builtin_cpu_supports("avx512f") ? fold_by_512 : NULL;
    case CRC64NVME_256:
        return is_wide && __builtin_cpu_supports("avx2") ? fold_by_256 : NULL;
    case CRC64NVME_128:
        return __builtin_cpu_supports("pclmul") ? fold_by_128 : NULL;
    default:
        return NULL;
    }
}

#else

crc64nvme_fold_fn crc64nvme_fold_of(enum crc64nvme_width width)
{
    return NULL;
}

#endif

crc64nvme_fold_fn crc64nvme_fold_choose(size_t length)
{
    crc64nvme_fold_fn fold = NULL;

    for (int width = CRC64NVME_WIDTH_COUNT - 1; width >= 0 && fold == NULL; width--)
        if (length >= CRC64NVME_BYTES_MIN(width))
            fold = crc64nvme_fold_of((enum crc64nvme_width)width);
    return fold;
}
