/* SPDX-License-Identifier: MIT
 *
 * HighwayHash, after its authors' description (Alakuijala, Cox, Wassenberg: "Fast keyed hash/pseudo-random function using SIMD multiply and
 * permute"). The state is four lanes of four numbers each; 32 bytes of input are multiplied into it and its bytes are mixed between
 * neighbours. Constants of initialisation are digits of pi. */
#include "api/import/highway.h"

#include <stdint.h>
#include <string.h>

#define LANES        4
#define PACKET_BYTES 32u
#define FINAL_ROUNDS 10

struct highway {
    uint64_t v0[LANES], v1[LANES], mul0[LANES], mul1[LANES];
};

static const uint64_t initial0[LANES] = {0xdbe6d5d5fe4cce2f, 0xa4093822299f31d0, 0x13198a2e03707344,
                                         0x243f6a8885a308d3};
static const uint64_t initial1[LANES] = {0x3bd39e10cb0ef593, 0xc0acf169b5f18a8c, 0xbe5466cf34e90c6c,
                                         0x452821e638d01377};

static uint64_t load(const unsigned char *bytes)
{
    uint64_t value;

    memcpy(&value, bytes, sizeof(value));
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? value : __builtin_bswap64(value);
}

static uint64_t swap_halves(uint64_t value)
{
    return value >> 32 | value << 32;
}

static void begin(struct highway *state, const unsigned char *key)
{
    for (int i = 0; i < LANES; i++) {
        uint64_t part = load(key + 8 * i);

        state->mul0[i] = initial0[i];
        state->mul1[i] = initial1[i];
        state->v0[i] = initial0[i] ^ part;
        state->v1[i] = initial1[i] ^ swap_halves(part);
    }
}

/* Bytes of two lanes, so mixed that each result byte depends on the middle of a product, where the most bits have an effect. */
static uint64_t zip_even(uint64_t odd, uint64_t even)
{
    return ((even & 0xff000000u) | (odd & 0xff00000000)) >> 24 |
           ((even & 0xff0000000000) | (odd & 0xff000000000000)) >> 16 | (even & 0xff0000u) |
           (even & 0xff00u) << 32 | (odd & 0xff00000000000000) >> 8 | even << 56;
}

static uint64_t zip_odd(uint64_t odd, uint64_t even)
{
    return ((odd & 0xff000000u) | (even & 0xff00000000)) >> 24 | (odd & 0xff0000u) |
           (odd & 0xff0000000000) >> 16 | (odd & 0xff00u) << 24 | (even & 0xff000000000000) >> 8 |
           (odd & 0xffu) << 48 | (even & 0xff00000000000000);
}

static inline void mix(struct highway *state, const uint64_t lanes[LANES])
{
    for (int i = 0; i < LANES; i++) {
        state->v1[i] += state->mul0[i] + lanes[i];
        state->mul0[i] ^= (state->v1[i] & 0xffffffffu) * (state->v0[i] >> 32);
        state->v0[i] += state->mul1[i];
        state->mul1[i] ^= (state->v0[i] & 0xffffffffu) * (state->v1[i] >> 32);
    }
    for (int i = 0; i < LANES; i += 2) {
        state->v0[i] += zip_even(state->v1[i + 1], state->v1[i]);
        state->v0[i + 1] += zip_odd(state->v1[i + 1], state->v1[i]);
    }
    for (int i = 0; i < LANES; i += 2) {
        state->v1[i] += zip_even(state->v0[i + 1], state->v0[i]);
        state->v1[i + 1] += zip_odd(state->v0[i + 1], state->v0[i]);
    }
}

static inline void mix_packet(struct highway *state, const unsigned char *packet)
{
    uint64_t lanes[LANES];

    for (int i = 0; i < LANES; i++)
        lanes[i] = load(packet + 8 * i);
    mix(state, lanes);
}

static uint32_t rotate(uint32_t value, unsigned bits)
{
    return bits == 0 ? value : value << bits | value >> (32 - bits);
}

/* Fewer than 32 bytes: their count goes into the state, and they into a packet in which every byte has one place for each count. */
static void mix_rest(struct highway *state, const unsigned char *bytes, unsigned count)
{
    unsigned odd = count & 3, whole = count & ~3u;
    unsigned char packet[PACKET_BYTES] = {0};

    for (int i = 0; i < LANES; i++) {
        state->v0[i] += ((uint64_t)count << 32) + count;
        state->v1[i] = (uint64_t)rotate((uint32_t)(state->v1[i] >> 32), count) << 32 |
                       rotate((uint32_t)state->v1[i], count);
    }
    memcpy(packet, bytes, whole);
    if ((count & 16) != 0) {
        memcpy(packet + 28, bytes + count - 4, 4);
    } else if (odd != 0) {
        packet[16] = bytes[whole];
        packet[17] = bytes[whole + (odd >> 1)];
        packet[18] = bytes[whole + odd - 1];
    }
    mix_packet(state, packet);
}

/* 256 bits modulo x^128 + x^2 + x: two numbers of the hash. */
static void reduce(const struct highway *state, int lane, unsigned char *out)
{
    uint64_t a0 = state->v0[lane] + state->mul0[lane], a1 = state->v0[lane + 1] + state->mul0[lane + 1];
    uint64_t a2 = state->v1[lane] + state->mul1[lane], a3 = state->v1[lane + 1] + state->mul1[lane + 1];

    a3 &= 0x3fffffffffffffff;
    uint64_t numbers[2] = {a0 ^ a2 << 1 ^ a2 << 2, a1 ^ (a3 << 1 | a2 >> 63) ^ (a3 << 2 | a2 >> 62)};
    for (int i = 0; i < 16; i++)
        out[i] = (unsigned char)(numbers[i / 8] >> (8 * (i % 8)));
}

void highway_hash(const unsigned char *key, const void *data, size_t length,
                  unsigned char hash[HIGHWAY_BYTES])
{
    const unsigned char *bytes = data;
    struct highway state;

    begin(&state, key);
    for (; length >= PACKET_BYTES; length -= PACKET_BYTES, bytes += PACKET_BYTES)
        mix_packet(&state, bytes);
    if (length > 0)
        mix_rest(&state, bytes, (unsigned)length);
    for (int i = 0; i < FINAL_ROUNDS; i++) {
        const uint64_t permuted[LANES] = {swap_halves(state.v0[2]), swap_halves(state.v0[3]),
                                          swap_halves(state.v0[0]), swap_halves(state.v0[1])};
        mix(&state, permuted);
    }
    reduce(&state, 0, hash);
    reduce(&state, 2, hash + 16);
}

void highway_hash_minio(const void *data, size_t length, unsigned char hash[HIGHWAY_BYTES])
{
    static const unsigned char key[HIGHWAY_KEY_BYTES] = {
        0x4b, 0xe7, 0x34, 0xfa, 0x8e, 0x23, 0x8a, 0xcd, 0x26, 0x3e, 0x83, 0xe6, 0xbb, 0x96, 0x85, 0x52,
        0x04, 0x0f, 0x93, 0x5d, 0xa3, 0x9f, 0x44, 0x14, 0x97, 0xe0, 0x9d, 0x13, 0x22, 0xde, 0x36, 0xa0};

    highway_hash(key, data, length, hash);
}
