/* SPDX-License-Identifier: MIT
 *
 * Pins: what readers may still need is not reclaimed, and the reclaimer waits for nobody longer than it must. */
#include "tests/unit/storage/blob_support.h"

#include <pthread.h>

/* Whether a unit of the blob is held, asked about one that is not. */
static bool holds_any(struct rig *rig, uint64_t blob)
{
    struct blob_unit unit = {blob, UINT64_MAX};
    unsigned char held;

    assert_int_equal(blob_pins_look(rig->store, &unit, 1, &held), 0);
    assert_int_equal(held & BLOB_HELD_UNIT, 0);
    return (held & BLOB_HELD_FILE) != 0;
}

static void test_pins_hold_what_they_name(void **state)
{
    static const struct blob_unit mine[] = {{5, 0}, {7, 4096}, {7, 4096}}, other[] = {{7, 4096}};
    struct blob_pin first, second;
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    blob_pin_enter(rig.store, &first);
    blob_pin_enter(rig.store, &second);
    blob_pin_known(rig.store, &second, other, 1);
    blob_pin_known(rig.store, &first, mine, 3);
    blob_pin_barrier(rig.store); /* nobody unknown: returns at once */
    assert_true(blob_pin_holds(rig.store, (struct blob_unit){5, 0}));
    assert_true(blob_pin_holds(rig.store, (struct blob_unit){7, 4096}));
    assert_false(blob_pin_holds(rig.store, (struct blob_unit){6, 0}));
    assert_false(blob_pin_holds(rig.store, (struct blob_unit){7, 8192})); /* its neighbour in the segment */
    assert_true(holds_any(&rig, 7));
    assert_false(holds_any(&rig, 6));
    blob_pin_leave(rig.store, &first);
    assert_false(blob_pin_holds(rig.store, (struct blob_unit){5, 0}));
    assert_true(blob_pin_holds(rig.store, (struct blob_unit){7, 4096}));
    blob_pin_leave(rig.store, &second);
    assert_false(blob_pin_holds(rig.store, (struct blob_unit){7, 4096}));
    blob_pin_enter(rig.store, &first);
    blob_pin_leave(rig.store, &first); /* never known */
    rig_end(&rig);
}

/* Of readers of 10,000 parts each, one walk finds what they hold of a list. */
static void test_many_units_are_looked_at(void **state)
{
    enum { READERS = 20, PARTS = 10000, ASKED = 3000 };
    struct blob_pin pins[READERS];
    struct blob_unit *parts = calloc(READERS * PARTS, sizeof(*parts)), asked[ASKED];
    unsigned char held[ASKED];
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    for (uint64_t i = 0; i < READERS; ++i) {
        for (uint64_t j = 0; j < PARTS; ++j) /* files of their own, each also with a unit at 4096 */
            parts[i * PARTS + j] = (struct blob_unit){10 * (i * PARTS + j) + 10, j % 2 * 4096};
        blob_pin_enter(rig.store, &pins[i]);
        blob_pin_known(rig.store, &pins[i], &parts[i * PARTS], PARTS);
    }
    for (uint64_t i = 0; i < ASKED;
         ++i) /* each second one is nobody's; each fourth has a neighbour that is somebody's */
        asked[i] =
            (struct blob_unit){i % 2 == 0 ? 600 * (i / 2) + 10 : 600 * (i / 2) + 11, i % 4 == 0 ? 0 : 4096};
    assert_int_equal(blob_pins_look(rig.store, asked, ASKED, held), 0);
    for (uint64_t i = 0; i < ASKED; ++i) {
        uint64_t at = (asked[i].blob - 10) / 10;
        bool is_part = i % 2 == 0 && at < READERS * PARTS;

        assert_int_equal((held[i] & BLOB_HELD_FILE) != 0, is_part);
        assert_int_equal((held[i] & BLOB_HELD_UNIT) != 0, is_part && parts[at].offset == asked[i].offset);
    }
    for (uint64_t i = 0; i < READERS; ++i)
        blob_pin_leave(rig.store, &pins[i]);
    assert_int_equal(blob_pins_look(rig.store, asked, ASKED, held), 0);
    for (uint64_t i = 0; i < ASKED; ++i)
        assert_int_equal(held[i], 0);
    free(parts);
    rig_end(&rig);
}

struct looker {
    struct blob_store *store;
    atomic_bool stop;
};

static void *looker_main(void *arg)
{
    static const struct blob_unit mine = {7, 4096};
    struct looker *looker = arg;

    while (!atomic_load(&looker->stop)) {
        unsigned char held;

        assert_int_equal(blob_pins_look(looker->store, &mine, 1, &held), 0);
        if ((held & BLOB_HELD_UNIT) == 0)
            abort(); /* it is held all the time, by the pin that was entered first */
    }
    return NULL;
}

/* The pin at which a walk stands may leave. */
static void test_readers_leave_during_a_look(void **state)
{
    enum { READERS = 8, UNITS = 5000, ROUNDS = 3000 };
    static struct blob_unit units[UNITS], kept = {7, 4096};
    struct blob_pin pins[READERS], keeper;
    struct looker looker = {0};
    pthread_t thread;
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    for (unsigned i = 0; i < UNITS; ++i)
        units[i].blob = 100 + i;
    looker.store = rig.store;
    blob_pin_enter(rig.store, &keeper);
    blob_pin_known(rig.store, &keeper, &kept, 1);
    for (unsigned i = 0; i < READERS; ++i) {
        blob_pin_enter(rig.store, &pins[i]);
        blob_pin_known(rig.store, &pins[i], units, UNITS);
    }
    assert_int_equal(pthread_create(&thread, NULL, looker_main, &looker), 0);
    for (unsigned round = 0; round < ROUNDS; ++round) {
        struct blob_pin *pin = &pins[round % READERS];

        blob_pin_leave(rig.store, pin);
        blob_pin_enter(rig.store, pin);
        blob_pin_known(rig.store, pin, units, UNITS);
    }
    atomic_store(&looker.stop, true);
    pthread_join(thread, NULL);
    for (unsigned i = 0; i < READERS; ++i)
        blob_pin_leave(rig.store, &pins[i]);
    blob_pin_leave(rig.store, &keeper);
    rig_end(&rig);
}

struct reclaimer {
    struct blob_store *store;
    atomic_int passed;
};

static void *barrier_main(void *arg)
{
    struct reclaimer *reclaimer = arg;

    blob_pin_barrier(reclaimer->store);
    atomic_store(&reclaimer->passed, 1);
    return NULL;
}

static void test_barrier_waits_for_the_unknown(void **state)
{
    struct reclaimer reclaimer = {0};
    struct blob_pin early, early_too, late;
    pthread_t thread;
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    reclaimer.store = rig.store;
    blob_pin_enter(rig.store, &early);
    blob_pin_enter(rig.store, &early_too);
    assert_int_equal(pthread_create(&thread, NULL, barrier_main, &reclaimer), 0);
    unsigned waiting = 0;
    while (waiting == 0) {
        pthread_mutex_lock(&rig.store->pins.lock);
        waiting = rig.store->pins.barriers;
        pthread_mutex_unlock(&rig.store->pins.lock);
    }
    blob_pin_enter(rig.store, &late);
    blob_pin_leave(rig.store, &early);
    assert_int_equal(atomic_load(&reclaimer.passed), 0);
    blob_pin_known(rig.store, &early_too, NULL, 0);
    pthread_join(thread, NULL); /* does not wait for the one that came later */
    blob_pin_leave(rig.store, &late);
    blob_pin_leave(rig.store, &early_too);
    rig_end(&rig);
}

/* A model of reclaim: `current` names the live blob; a reader must never find its blob reclaimed while it is
 * pinned. */
struct world {
    struct blob_store *store;
    _Atomic uint64_t current;
    atomic_bool reclaimed[2001];
    atomic_bool stop;
};

static void *reader_main(void *arg)
{
    struct world *world = arg;

    while (!atomic_load(&world->stop)) {
        struct blob_pin pin;
        blob_pin_enter(world->store, &pin);
        uint64_t blob = atomic_load(&world->current);
        struct blob_unit unit = {blob, 0};
        blob_pin_known(world->store, &pin, &unit, 1);
        for (unsigned i = 0; i < 20; ++i)
            if (atomic_load(&world->reclaimed[blob]))
                abort();
        blob_pin_leave(world->store, &pin);
    }
    return NULL;
}

static void test_no_pinned_blob_is_reclaimed(void **state)
{
    static struct world world;
    pthread_t readers[3];
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, false);
    world.store = rig.store;
    for (unsigned i = 0; i < 3; ++i)
        assert_int_equal(pthread_create(&readers[i], NULL, reader_main, &world), 0);
    for (uint64_t blob = 1; blob <= 2000; ++blob) {
        atomic_store(&world.current, blob); /* the commit */
        blob_pin_barrier(rig.store);
        if (!blob_pin_holds(rig.store, (struct blob_unit){blob - 1, 0}))
            atomic_store(&world.reclaimed[blob - 1], true);
    }
    atomic_store(&world.stop, true);
    for (unsigned i = 0; i < 3; ++i)
        pthread_join(readers[i], NULL);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pins_hold_what_they_name),
        cmocka_unit_test(test_many_units_are_looked_at),
        cmocka_unit_test(test_readers_leave_during_a_look),
        cmocka_unit_test(test_barrier_waits_for_the_unknown),
        cmocka_unit_test(test_no_pinned_blob_is_reclaimed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
