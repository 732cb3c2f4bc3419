/* SPDX-License-Identifier: MIT
 *
 * CRC-64/NVME, which no library of Debian 12 has: by carry-less multiplication where the CPU can, by tables
 * elsewhere.
 *
 * The CRC is reflected: the first bit of the message is its highest power of x, and sits in the lowest bit of
 * a little-endian word. A 128-bit register R, low half L and high half H, stands for L * x^64 + H. Moving it
 * D bits up the message multiplies by x^D, so R is congruent to L * (x^(D+64) mod G) + H * (x^D mod G); both
 * products fit 128 bits again. A product of reflected words comes out one bit low, which the constants make
 * up for: they hold x^(D+63) and x^(D-1). Eight registers run side by side to hide the multiplier's latency;
 * at the end they are folded into one, whose 16 bytes then go through the tables like any others.
 *
 * Any thread. */
#include <pthread.h>
#include <string.h>

#include "storage/digest.h"

#define POLYNOMIAL 0x9a6c9329ac4bc9b5ull /* reflected */

/* Below this, setting the registers up costs more than the tables do. */
#define FOLD_BYTES_MIN 256u

/* ---- Tables, eight bytes at a time ---- */

static uint64_t table[8][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void table_fill(void)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        uint64_t crc = byte;

        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? (crc >> 1) ^ POLYNOMIAL : crc >> 1;
        table[0][byte] = crc;
    }
    for (unsigned byte = 0; byte < 256; byte++)
        for (int i = 1; i < 8; i++)
            table[i][byte] = (table[i - 1][byte] >> 8) ^ table[0][table[i - 1][byte] & 0xff];
}

static uint64_t load_little_endian(const unsigned char *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* state: the inverted CRC. */
static uint64_t table_update(uint64_t state, const unsigned char *data, size_t length)
{
    pthread_once(&table_once, table_fill);
    for (; length >= 8; data += 8, length -= 8) {
        state ^= load_little_endian(data);
        state = table[7][state & 0xff] ^ table[6][state >> 8 & 0xff] ^ table[5][state >> 16 & 0xff] ^
                table[4][state >> 24 & 0xff] ^ table[3][state >> 32 & 0xff] ^ table[2][state >> 40 & 0xff] ^
                table[1][state >> 48 & 0xff] ^ table[0][state >> 56];
    }
    for (; length > 0; data++, length--)
        state = table[0][(state ^ *data) & 0xff] ^ (state >> 8);
    return state;
}

/* ---- Carry-less multiplication ---- */

#if defined(__x86_64__)
#include <immintrin.h>

#define FOLD_TARGET __attribute__((target("pclmul,sse2")))

/* x^(D+63) mod G for the low half, x^(D-1) mod G for the high half, reflected. */
#define FOLD_1024_LOW  0xa1ca681e733f9c40ull
#define FOLD_1024_HIGH 0x5f852fb61e8d92dcull
#define FOLD_128_LOW   0xeadc41fd2ba3d420ull
#define FOLD_128_HIGH  0x21e9761e252621acull

FOLD_TARGET static inline __m128i fold(__m128i value, __m128i constants, __m128i next)
{
    __m128i low = _mm_clmulepi64_si128(value, constants, 0x00);
    __m128i high = _mm_clmulepi64_si128(value, constants, 0x11);

    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

FOLD_TARGET static inline __m128i load(const unsigned char *data)
{
    return _mm_loadu_si128((const __m128i *)(const void *)data);
}

/* Takes the whole 16-byte blocks of data, at least eight of them; *used tells how many bytes that was. */
FOLD_TARGET static uint64_t fold_update(uint64_t state, const unsigned char *data, size_t length,
                                        size_t *used)
{
    const __m128i by_1024 = _mm_set_epi64x((long long)FOLD_1024_HIGH, (long long)FOLD_1024_LOW);
    const __m128i by_128 = _mm_set_epi64x((long long)FOLD_128_HIGH, (long long)FOLD_128_LOW);
    const unsigned char *at = data, *end = data + length;
    unsigned char folded[16];
    __m128i lane[8], sum;

    for (int i = 0; i < 8; i++)
        lane[i] = load(at + 16 * i);
    lane[0] = _mm_xor_si128(lane[0], _mm_cvtsi64_si128((long long)state));
    for (at += 128; end - at >= 128; at += 128) {
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            lane[i] = fold(lane[i], by_1024, load(at + 16 * i));
    }
    sum = lane[0];
    for (int i = 1; i < 8; i++)
        sum = fold(sum, by_128, lane[i]);
    for (; end - at >= 16; at += 16)
        sum = fold(sum, by_128, load(at));

    *used = (size_t)(at - data);
    _mm_storeu_si128((__m128i *)(void *)folded, sum);
    return table_update(0, folded, sizeof(folded));
}

static bool fold_supported(void)
{
    return __builtin_cpu_supports("pclmul");
}

#else

static uint64_t fold_update(uint64_t state, const unsigned char *data, size_t length, size_t *used)
{
    *used = 0;
    return state;
}

static bool fold_supported(void)
{
    return false;
}

#endif

uint64_t crc64nvme_update_by_table(uint64_t crc, const void *data, size_t length)
{
    return ~table_update(~crc, data, length);
}

uint64_t crc64nvme_update(uint64_t crc, const void *data, size_t length)
{
    const unsigned char *bytes = data;
    uint64_t state = ~crc;
    size_t used = 0;

    if (length >= FOLD_BYTES_MIN && fold_supported())
        state = fold_update(state, bytes, length, &used);
    return ~table_update(state, bytes + used, length - used);
}
