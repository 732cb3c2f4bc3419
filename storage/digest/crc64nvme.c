/* SPDX-License-Identifier: MIT
 *
 * CRC-64/NVME, which no library of Debian 12 has: by carry-less multiplication where the CPU can
 * (crc64nvme_fold.c), by tables elsewhere and for short inputs.
 *
 * Any thread. */
#include <pthread.h>
#include <string.h>

#include "storage/digest/crc64nvme_fold.h"
#include "storage/digest/digest.h"

#define POLYNOMIAL 0x9a6c9329ac4bc9b5ull /* reflected */

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

uint64_t crc64nvme_update_by_table(uint64_t crc, const void *data, size_t length)
{
    return ~table_update(~crc, data, length);
}

uint64_t crc64nvme_update(uint64_t crc, const void *data, size_t length)
{
    const unsigned char *bytes = data;
    crc64nvme_fold_fn fold = crc64nvme_fold_choose(length);
    unsigned char folded[CRC64NVME_FOLDED_BYTES];
    uint64_t state = ~crc;
    size_t used = 0;

    if (fold != NULL) {
        used = fold(state, bytes, length, folded);
        state = table_update(0, folded, sizeof(folded));
    }
    return ~table_update(state, bytes + used, length - used);
}
