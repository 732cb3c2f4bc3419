/* SPDX-License-Identifier: MIT
 *
 * Records: what goes in comes out, later versions' items are passed over or refused, and no damage is taken for a record. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "storage/blob/record.h"

#define UNKNOWN_TYPE 999

static const unsigned char store_id[RECORD_STORE_ID_BYTES] = "0123456789abcdef";

/* A usual record at the end of `bytes`, of whose front the rest is left as it was. Its length. */
static size_t make(unsigned char *bytes, size_t room, unsigned unknown_flags)
{
    unsigned char made[512];
    struct record_writer writer;

    record_begin(&writer, made, sizeof(made));
    record_put(&writer, RECORD_STORE, 0, store_id, sizeof(store_id));
    record_put(&writer, (enum record_type)UNKNOWN_TYPE, unknown_flags, "later", 5);
    record_put_number(&writer, RECORD_BLOB, 0, 0x1122334455667788);
    record_put_number(&writer, RECORD_EPOCH, 0, 7);
    size_t length = record_end(&writer);
    assert_true(length > 0);
    assert_true(length <= room);
    memcpy(bytes + room - length, made, length);
    return length;
}

static void values_come_back(void **state)
{
    unsigned char block[4096] = {0};
    struct record record;
    const void *value;
    uint64_t number;
    size_t length, needed, made = make(block, sizeof(block), 0);

    assert_int_equal(record_read(block, sizeof(block), &record, &needed), 0);
    assert_int_equal(needed, made);
    assert_true(record_get(&record, RECORD_STORE, &value, &length));
    assert_int_equal(length, sizeof(store_id));
    assert_memory_equal(value, store_id, length);
    assert_true(record_get_number(&record, RECORD_BLOB, &number));
    assert_true(number == 0x1122334455667788);
    assert_true(record_get_number(&record, RECORD_EPOCH, &number));
    assert_int_equal(number, 7);
    assert_false(record_get_number(&record, RECORD_PAYLOAD, &number));
    assert_false(record_get_number(&record, RECORD_STORE, &number)); /* it is no number */
}

static void later_items(void **state)
{
    unsigned char block[512] = {0};
    struct record record;
    size_t needed;

    make(block, sizeof(block), RECORD_FLAG_NEEDED);
    assert_int_equal(record_read(block, sizeof(block), &record, &needed), -ENOTSUP);
}

static void too_short_a_buffer(void **state)
{
    unsigned char block[512] = {0};
    struct record record;
    size_t needed, made = make(block, sizeof(block), 0);

    assert_int_equal(record_read(block + sizeof(block) - 30, 30, &record, &needed), -ENOBUFS);
    assert_int_equal(needed, made);
    assert_int_equal(record_read(block + sizeof(block) - needed, needed, &record, &needed), 0);
    assert_int_equal(record_read(block + sizeof(block) - 23, 23, &record, &needed), -ENODATA);
    assert_int_equal(record_read(block, 0, &record, &needed), -ENODATA);
}

/* Each bit of it, one after the other. */
static void damage_is_told(void **state)
{
    unsigned char block[512] = {0};
    size_t made = make(block, sizeof(block), 0);

    for (size_t bit = 8 * (sizeof(block) - made); bit < 8 * sizeof(block); ++bit) {
        struct record record;
        size_t needed;

        block[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_int_not_equal(record_read(block, sizeof(block), &record, &needed), 0);
        block[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    memset(block, 0, sizeof(block));
    struct record record;
    size_t needed;
    assert_int_equal(record_read(block, sizeof(block), &record, &needed), -ENODATA);
}

static void what_does_not_fit(void **state)
{
    unsigned char bytes[64], value[64] = {0};
    struct record_writer writer;

    record_begin(&writer, bytes, sizeof(bytes));
    record_put(&writer, RECORD_STORE, 0, value, sizeof(bytes) - RECORD_FOOT_BYTES - RECORD_ITEM_BYTES);
    assert_int_equal(record_end(&writer), sizeof(bytes));
    record_begin(&writer, bytes, sizeof(bytes));
    record_put(&writer, RECORD_STORE, 0, value, sizeof(bytes) - RECORD_FOOT_BYTES - RECORD_ITEM_BYTES + 1);
    record_put_number(&writer, RECORD_EPOCH, 0, 1); /* would fit, but half a record is none */
    assert_int_equal(record_end(&writer), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back),   cmocka_unit_test(later_items),
        cmocka_unit_test(too_short_a_buffer), cmocka_unit_test(damage_is_told),
        cmocka_unit_test(what_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
