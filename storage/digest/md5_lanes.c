/* SPDX-License-Identifier: MIT
 *
 * MD5 in sixteen lanes: vectors of sixteen words, which the compiler makes into one register (AVX-512), two (AVX2) or four
 * (any other). A lane whose message has ended takes the next one of the list, so that lengths may differ.
 *
 * Measured, 4 KiB messages: OpenSSL 5.1 us each; sixteen side by side 0.95 with AVX-512, 1.45 by what every x86-64 has. */
#include "storage/digest/md5_lanes.h"

#include <string.h>

#include "storage/digest/md5_steps.h"

#define LANES 16

typedef uint32_t lane_words __attribute__((vector_size(4 * LANES)));

/* A message on its way through a lane. Its end, with the padding and the length, does not lie after its data but here. */
struct lane {
    struct md5_message *message;  /* NULL: no message is left for this lane */
    uint64_t block, whole, count; /* the next block; blocks that lie in the data; all blocks */
    unsigned char end[2 * MD5_BLOCK_BYTES];
};

struct lanes {
    _Alignas(4 * LANES) uint32_t state[4][LANES];
    uint32_t words[MD5_BLOCK_WORDS][LANES]; /* of one block of each message */
    struct lane lane[LANES];
};

/* ---- One block of every lane ---- */

#define STEP(mix, a, b, c, d, word, i, bits)                                                                 \
    a += mix(b, c, d) + words[word] + md5_sines[i];                                                          \
    a = MD5_ROTATE(a, bits) + b

/* The body of a function for each set of instructions: a vector is cut to the width of the function it stands in, so that it
 * cannot be a function of its own. */
#define BLOCK_BODY(lanes)                                                                                    \
    do {                                                                                                     \
        const lane_words *words = (const void *)(lanes)->words;                                              \
        lane_words *state = (void *)(lanes)->state;                                                          \
        lane_words a = state[0], b = state[1], c = state[2], d = state[3];                                   \
                                                                                                             \
        MD5_ROUNDS(STEP, MD5_MIX_2);                                                                         \
        state[0] += a;                                                                                       \
        state[1] += b;                                                                                       \
        state[2] += c;                                                                                       \
        state[3] += d;                                                                                       \
    } while (0)

typedef void (*block_fn)(struct lanes *lanes);

static void block_plain(struct lanes *lanes)
{
    BLOCK_BODY(lanes);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void block_avx2(struct lanes *lanes)
{
    BLOCK_BODY(lanes);
}

__attribute__((target("avx512f"))) static void block_avx512(struct lanes *lanes)
{
    BLOCK_BODY(lanes);
}
#endif

/* NULL: this CPU lacks it. */
static block_fn block_of(enum md5_lanes_width width)
{
    switch (width) {
#if defined(__x86_64__)
    case MD5_LANES_AVX512:
        return __builtin_cpu_supports("avx512f") ? block_avx512 : NULL;
    case MD5_LANES_AVX2:
        return __builtin_cpu_supports("avx2") ? block_avx2 : NULL;
#endif
    case MD5_LANES_PLAIN:
        return block_plain;
    default:
        return NULL;
    }
}

static block_fn block_choose(void)
{
    block_fn block = NULL;

    for (int width = MD5_LANES_WIDTH_COUNT - 1; block == NULL; width--)
        block = block_of((enum md5_lanes_width)width);
    return block;
}

/* ---- Messages ---- */

static void store_little_endian(unsigned char *bytes, uint64_t value, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bytes[i] = (unsigned char)(value >> 8 * i);
}

/* RFC 1321, 3.1 and 3.2. */
static void lane_begin(struct lanes *lanes, unsigned number, struct md5_message *message)
{
    struct lane *lane = &lanes->lane[number];
    size_t rest = message->length % MD5_BLOCK_BYTES;
    size_t end_bytes = rest < MD5_BLOCK_BYTES - 8 ? MD5_BLOCK_BYTES : 2 * MD5_BLOCK_BYTES;

    lane->message = message;
    lane->block = 0;
    lane->whole = message->length / MD5_BLOCK_BYTES;
    lane->count = lane->whole + end_bytes / MD5_BLOCK_BYTES;
    if (rest > 0)
        memcpy(lane->end, (const unsigned char *)message->data + message->length - rest, rest);
    lane->end[rest] = 0x80;
    memset(lane->end + rest + 1, 0, end_bytes - 8 - rest - 1);
    store_little_endian(lane->end + end_bytes - 8, (uint64_t)message->length * 8, 8);
    for (unsigned i = 0; i < 4; i++)
        lanes->state[i][number] = md5_state_begin[i];
}

static void lane_load(struct lanes *lanes, unsigned number)
{
    struct lane *lane = &lanes->lane[number];
    const unsigned char *bytes =
        lane->block < lane->whole ? (const unsigned char *)lane->message->data + lane->block * MD5_BLOCK_BYTES
                                  : lane->end + (lane->block - lane->whole) * MD5_BLOCK_BYTES;

    for (unsigned i = 0; i < MD5_BLOCK_WORDS; i++) {
        uint32_t word;

        memcpy(&word, bytes + 4 * i, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap32(word);
#endif
        lanes->words[i][number] = word;
    }
    lane->block++;
}

static void lane_end(struct lanes *lanes, unsigned number)
{
    for (unsigned i = 0; i < 4; i++)
        store_little_endian(lanes->lane[number].message->digest + 4 * i, lanes->state[i][number], 4);
}

/* Puts the next block of each message into its lane, and the next message into a lane that is free. Lanes without one compute
 * on what was there; nobody looks at it. Returns how many are in use. */
static unsigned lanes_load(struct lanes *lanes, struct md5_message **next, const struct md5_message *end)
{
    unsigned used = 0;

    for (unsigned number = 0; number < LANES; number++) {
        struct lane *lane = &lanes->lane[number];

        if (lane->message != NULL && lane->block == lane->count) {
            lane_end(lanes, number);
            lane->message = NULL;
        }
        if (lane->message == NULL && *next < end)
            lane_begin(lanes, number, (*next)++);
        if (lane->message != NULL) {
            lane_load(lanes, number);
            used++;
        }
    }
    return used;
}

static void digest(struct md5_message *list, size_t count, block_fn block)
{
    struct lanes lanes;
    struct md5_message *next = list;

    memset(lanes.state, 0, sizeof(lanes.state));
    memset(lanes.words, 0, sizeof(lanes.words));
    for (unsigned number = 0; number < LANES; number++)
        lanes.lane[number].message = NULL;
    while (lanes_load(&lanes, &next, list + count) > 0)
        block(&lanes);
}

void md5_lanes_digest(struct md5_message *list, size_t count)
{
    digest(list, count, block_choose());
}

bool md5_lanes_digest_by(enum md5_lanes_width width, struct md5_message *list, size_t count)
{
    block_fn block = block_of(width);

    if (block != NULL)
        digest(list, count, block);
    return block != NULL;
}
