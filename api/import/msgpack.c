/* SPDX-License-Identifier: MIT
 *
 * See msgpack.h; the numbers are those of the MessagePack specification. */
#include "api/import/msgpack.h"

#include <string.h>

#include "api/import/limits.h"

enum {
    NIL = 0xc0,
    FALSE_ = 0xc2,
    TRUE_ = 0xc3,
    BIN8 = 0xc4, /* to BIN32 */
    EXT8 = 0xc7, /* to EXT32 */
    FLOAT32 = 0xca,
    FLOAT64 = 0xcb,
    UINT8 = 0xcc, /* to UINT64 */
    INT8 = 0xd0,  /* to INT64 */
    FIXEXT1 = 0xd4,
    STR8 = 0xd9, /* to STR32 */
    ARRAY16 = 0xdc,
    ARRAY32 = 0xdd,
    MAP16 = 0xde,
    MAP32 = 0xdf,
};

#define TIME_EXTENSION 5u /* seconds in 8 bytes, nanoseconds in 4 */

static size_t left(const struct msgpack *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

static void spoil(struct msgpack *cursor)
{
    cursor->is_bad = true;
    cursor->at = cursor->end;
}

/* NIL once it is bad. */
static unsigned take_byte(struct msgpack *cursor)
{
    if (left(cursor) == 0) {
        spoil(cursor);
        return NIL;
    }
    return *cursor->at++;
}

static struct slice take(struct msgpack *cursor, uint64_t length)
{
    struct slice bytes;

    if (length > left(cursor)) {
        spoil(cursor);
        return slice_of("", 0);
    }
    bytes = slice_of(cursor->at, (size_t)length);
    cursor->at += length;
    return bytes;
}

/* Big-endian. */
static uint64_t take_number(struct msgpack *cursor, size_t bytes)
{
    struct slice digits = take(cursor, bytes);
    uint64_t value = 0;

    for (size_t i = 0; i < digits.len; i++)
        value = value << 8 | (unsigned char)digits.base[i];
    return value;
}

/* Elements take at least `each` bytes. */
static uint32_t bounded(struct msgpack *cursor, uint64_t count, size_t each)
{
    if (count > left(cursor) / each) {
        spoil(cursor);
        return 0;
    }
    return (uint32_t)count;
}

uint32_t msgpack_map(struct msgpack *cursor)
{
    unsigned kind = take_byte(cursor);

    if (kind >= 0x80 && kind <= 0x8f)
        return bounded(cursor, kind & 15, 2);
    if (kind == MAP16 || kind == MAP32)
        return bounded(cursor, take_number(cursor, kind == MAP16 ? 2 : 4), 2);
    if (kind != NIL)
        spoil(cursor);
    return 0;
}

uint32_t msgpack_array(struct msgpack *cursor)
{
    unsigned kind = take_byte(cursor);

    if (kind >= 0x90 && kind <= 0x9f)
        return bounded(cursor, kind & 15, 1);
    if (kind == ARRAY16 || kind == ARRAY32)
        return bounded(cursor, take_number(cursor, kind == ARRAY16 ? 2 : 4), 1);
    if (kind != NIL)
        spoil(cursor);
    return 0;
}

struct slice msgpack_bytes(struct msgpack *cursor)
{
    unsigned kind = take_byte(cursor);

    if (kind >= 0xa0 && kind <= 0xbf)
        return take(cursor, kind & 31);
    if (kind >= BIN8 && kind < BIN8 + 3)
        return take(cursor, take_number(cursor, (size_t)1 << (kind - BIN8)));
    if (kind >= STR8 && kind < STR8 + 3)
        return take(cursor, take_number(cursor, (size_t)1 << (kind - STR8)));
    if (kind != NIL)
        spoil(cursor);
    return slice_of("", 0);
}

int64_t msgpack_int(struct msgpack *cursor)
{
    unsigned kind = take_byte(cursor);
    uint64_t value;

    if (kind < 0x80)
        return kind;
    if (kind >= 0xe0)
        return (int64_t)kind - 0x100;
    if (kind >= UINT8 && kind < UINT8 + 4) {
        value = take_number(cursor, (size_t)1 << (kind - UINT8));
        if (value > INT64_MAX) {
            spoil(cursor);
            return 0;
        }
        return (int64_t)value;
    }
    switch (kind) {
    case INT8:
        return (int8_t)take_number(cursor, 1);
    case INT8 + 1:
        return (int16_t)take_number(cursor, 2);
    case INT8 + 2:
        return (int32_t)take_number(cursor, 4);
    case INT8 + 3:
        return (int64_t)take_number(cursor, 8);
    default:
        spoil(cursor);
        return 0;
    }
}

bool msgpack_bool(struct msgpack *cursor)
{
    unsigned kind = take_byte(cursor);

    if (kind != TRUE_ && kind != FALSE_)
        spoil(cursor);
    return kind == TRUE_;
}

int64_t msgpack_time_ms(struct msgpack *cursor)
{
    uint64_t seconds, nanoseconds;

    if (take_byte(cursor) != EXT8 || take_byte(cursor) != 12 || take_byte(cursor) != TIME_EXTENSION) {
        spoil(cursor);
        return 0;
    }
    seconds = take_number(cursor, 8);
    nanoseconds = take_number(cursor, 4);
    if (seconds > INT64_MAX / 2000 || nanoseconds >= 1000000000) /* before 1970: no time was ever set */
        return 0;
    return (int64_t)(seconds * 1000 + nanoseconds / 1000000);
}

/* Of one value: what it has in itself is passed over, and how many values it holds is returned. */
static uint64_t skip_head(struct msgpack *cursor)
{
    static const unsigned char number_bytes[] = {1, 2, 4, 8};
    unsigned kind = take_byte(cursor);

    if (kind < 0x80 || kind >= 0xe0 || kind == NIL || kind == TRUE_ || kind == FALSE_)
        return 0;
    if (kind <= 0x8f || kind == MAP16 || kind == MAP32 || kind <= 0x9f || kind == ARRAY16 ||
        kind == ARRAY32) {
        bool is_map = kind <= 0x8f || kind == MAP16 || kind == MAP32;

        cursor->at--;
        return is_map ? 2 * (uint64_t)msgpack_map(cursor) : msgpack_array(cursor);
    }
    if (kind <= 0xbf || (kind >= BIN8 && kind < BIN8 + 3) || (kind >= STR8 && kind < STR8 + 3)) {
        cursor->at--;
        (void)msgpack_bytes(cursor);
    } else if (kind >= EXT8 && kind < EXT8 + 3) {
        uint64_t length = take_number(cursor, (size_t)1 << (kind - EXT8));
        (void)take(cursor, 1 + length);
    } else if (kind >= FIXEXT1 && kind < FIXEXT1 + 5) {
        (void)take(cursor, 1 + (1u << (kind - FIXEXT1)));
    } else if (kind == FLOAT32 || kind == FLOAT64) {
        (void)take(cursor, kind == FLOAT32 ? 4 : 8);
    } else if (kind >= UINT8 && kind < INT8 + 4) {
        (void)take(cursor, number_bytes[(kind - UINT8) & 3]);
    } else {
        spoil(cursor);
    }
    return 0;
}

/* No stack is needed: values within values are only more values to come. Each takes a byte, so the count has a bound. */
void msgpack_skip(struct msgpack *cursor)
{
    for (uint64_t more = 1; more > 0 && !cursor->is_bad; more--) {
        uint64_t inner = skip_head(cursor);

        if (inner > left(cursor))
            spoil(cursor);
        more += inner;
    }
}
