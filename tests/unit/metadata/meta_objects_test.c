/* SPDX-License-Identifier: MIT
 *
 * Several objects in one change, all of them or none, whose units lie in one file; the same as a publication. */
#include "meta_test_support.h"

#include <errno.h>

#include "metadata/meta_publish.h"

#define COUNT 5u

struct many {
    struct meta_objects_put op;
    struct meta_object_put puts[COUNT];
    struct meta_extent extents[COUNT];
    char keys[COUNT][8];
};

/* Units of a hundred bytes, a thousand apart, none of them in a block of its own. */
static void many_make(struct store *store, struct many *many, uint64_t file)
{
    memset(many, 0, sizeof(*many));
    many->op.puts = many->puts;
    many->op.count = COUNT;
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(many->keys[i], sizeof(many->keys[i]), "m%u", i);
        many->extents[i] = (struct meta_extent){.file = file,
                                                .offset = 512 + 1000 * i,
                                                .length = 100,
                                                .unit_offset = 512 + 1000 * i,
                                                .unit_length = 100,
                                                .unit_crc = file + i};
        many->puts[i] =
            (struct meta_object_put){.bucket = store->bucket,
                                     .key = slice_text(many->keys[i]),
                                     .object = {.size = 100, .etag = "e", .extents = {&many->extents[i], 1}}};
    }
}

static int many_put(struct store *store, struct many *many)
{
    return op_wait(store->meta, &many->op.op, META_OP_OBJECTS_PUT);
}

static int count_unit(void *ctx, uint64_t offset, uint64_t length)
{
    assert_int_equal(length, 100);
    ++*(unsigned *)ctx;
    return 0;
}

static unsigned units_of(struct store *store, uint64_t file)
{
    unsigned count = 0;

    assert_int_equal(meta_file_units(store->reader, file, count_unit, &count), 0);
    return count;
}

static void all_are_there(void **state)
{
    struct store *store = *state;
    struct many many;

    many_make(store, &many, 7);
    assert_int_equal(many_put(store, &many), 0);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(file_of(store, many.keys[i]), 7);
        assert_true(many.puts[i].object.modified_ms > 0);
    }
    assert_int_equal(units_of(store, 7), COUNT);
    assert_sound(store);
    /* Each unit has an end of its own. */
    assert_int_equal(delete_key(store, "m1"), 0);
    assert_int_equal(garbage_count(store), 1);
    assert_int_equal(meta_file_is_referred(store->reader, 7), 1);
    assert_int_equal(meta_unit_is_referred(store->reader, 7, 1512), 0);
    assert_int_equal(garbage_clear(store), 1);
    assert_int_equal(units_of(store, 7), COUNT - 1);
    assert_sound(store);
}

static void none_is_there_after_a_failure(void **state)
{
    struct store *store = *state;
    const struct meta_condition absent = {.if_none_match_any = true};
    struct many many;

    assert_int_equal(put(store, "m3", 1), 0);
    many_make(store, &many, 7);
    for (unsigned i = 0; i < COUNT; i++)
        many.puts[i].condition = absent;
    assert_int_equal(many_put(store, &many), META_E_PRECONDITION);
    assert_int_equal(many.op.failed, 3);
    assert_int_equal(file_of(store, "m0"), META_E_NO_KEY);
    assert_int_equal(file_of(store, "m3"), 1);
    assert_int_equal(units_of(store, 7), 0);
    assert_int_equal(garbage_count(store), 0);
    /* The same one again, with nothing in its way. */
    assert_int_equal(delete_key(store, "m3"), 0);
    assert_int_equal(many_put(store, &many), 0);
    assert_int_equal(file_of(store, "m3"), 7);
    assert_sound(store);
}

static void rows_in_memory_are_not_shown_any_more(void **state)
{
    struct store *store = *state;
    struct many many;

    assert_int_equal(put(store, "m4", 1), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(file_of(store, "m4"), 1); /* it is kept now */
    many_make(store, &many, 7);
    assert_int_equal(many_put(store, &many), 0);
    assert_int_equal(file_of(store, "m4"), 7);
    assert_int_equal(garbage_count(store), 1);
    assert_sound(store);
}

static void the_last_of_two_stays(void **state)
{
    struct store *store = *state;
    struct many many;

    many_make(store, &many, 7);
    many.puts[1].key = many.puts[3].key;
    assert_int_equal(many_put(store, &many), 0);
    assert_int_equal(file_of(store, "m1"), META_E_NO_KEY);
    assert_int_equal(meta_unit_is_referred(store->reader, 7, 3512), 1);
    assert_int_equal(meta_unit_is_referred(store->reader, 7, 1512), 0);
    assert_int_equal(garbage_count(store), 1);
    assert_sound(store);
}

static void a_bucket_that_is_gone(void **state)
{
    struct store *store = *state;
    struct many many;

    many_make(store, &many, 7);
    many.puts[2].bucket = 4711;
    assert_int_equal(many_put(store, &many), META_E_NO_BUCKET);
    assert_int_equal(units_of(store, 7), 0);
    many.op.count = 0;
    assert_int_equal(many_put(store, &many), 0);
}

/* ---- As a publication ---- */

static int64_t publication_prepare(struct store *store, struct many *many, int wanted, uint32_t failed)
{
    struct meta_publish_begin begin = {.bucket = store->bucket};
    struct meta_publish_entry entries[COUNT] = {{.removes = false}};
    struct meta_publish_prepare prepare = {.entries = entries, .count = COUNT};

    assert_int_equal(op_wait(store->meta, &begin.op, META_OP_PUBLISH_BEGIN), 0);
    prepare.id = begin.id;
    for (unsigned i = 0; i < COUNT; i++)
        entries[i].put = &many->puts[i];
    assert_int_equal(op_wait(store->meta, &prepare.op, META_OP_PUBLISH_PREPARE), wanted);
    assert_int_equal(prepare.failed, failed);
    return begin.id;
}

static void sweep_all(struct store *store)
{
    while (sweep(store))
        ;
}

static void a_publication_of_objects_with_bytes_of_their_own(void **state)
{
    struct store *store = *state;
    struct many many;

    assert_int_equal(put(store, "m3", 1), 0);
    many_make(store, &many, 7);
    struct meta_publish publish = {.id = publication_prepare(store, &many, 0, COUNT), .overrules = true};
    assert_int_equal(file_of(store, "m0"), META_E_NO_KEY);
    assert_int_equal(file_of(store, "m3"), 1);
    assert_int_equal(units_of(store, 7), COUNT); /* they are held already */
    assert_int_equal(op_wait(store->meta, &publish.op, META_OP_PUBLISH), 0);
    for (unsigned round = 0; round < 2; round++) { /* before the sweep and after it */
        for (unsigned i = 0; i < COUNT; i++)
            assert_int_equal(file_of(store, many.keys[i]), 7);
        sweep_all(store);
    }
    assert_int_equal(units_of(store, 7), COUNT);
    assert_int_equal(garbage_clear(store), 1); /* what m3 had */
    assert_sound(store);
}

static void what_is_given_up_is_garbage(void **state)
{
    struct store *store = *state;
    struct many many;

    many_make(store, &many, 7);
    struct meta_publish_end give_up = {.id = publication_prepare(store, &many, 0, COUNT)};
    assert_int_equal(op_wait(store->meta, &give_up.op, META_OP_PUBLISH_END), 0);
    sweep_all(store);
    assert_int_equal(file_of(store, "m0"), META_E_NO_KEY);
    assert_int_equal(meta_file_is_referred(store->reader, 7), 0);
    assert_int_equal(garbage_clear(store), COUNT);
    assert_int_equal(units_of(store, 7), 0);
    /* Of a step that fails nothing is held. */
    assert_int_equal(put(store, "m2", 1), 0);
    many_make(store, &many, 8);
    many.puts[2].condition.if_none_match_any = true;
    give_up.id = publication_prepare(store, &many, META_E_PRECONDITION, 2);
    assert_int_equal(units_of(store, 8), 0);
    assert_int_equal(op_wait(store->meta, &give_up.op, META_OP_PUBLISH_END), 0);
    sweep_all(store);
    assert_sound(store);
}

static void a_process_that_dies_gives_up(void **state)
{
    struct store *store = *state;
    struct many many;

    many_make(store, &many, 7);
    (void)publication_prepare(store, &many, 0, COUNT);
    store_reopen(store);
    sweep_all(store);
    assert_int_equal(file_of(store, "m0"), META_E_NO_KEY);
    assert_int_equal(garbage_clear(store), COUNT);
    assert_sound(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_are_there, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(none_is_there_after_a_failure, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(rows_in_memory_are_not_shown_any_more, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(the_last_of_two_stays, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(a_bucket_that_is_gone, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(a_publication_of_objects_with_bytes_of_their_own, store_setup,
                                        store_teardown),
        cmocka_unit_test_setup_teardown(what_is_given_up_is_garbage, store_setup, store_teardown),
        cmocka_unit_test_setup_teardown(a_process_that_dies_gives_up, store_setup, store_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
