/* SPDX-License-Identifier: MIT
 *
 * Pins: what readers may still need is not reclaimed, and the reclaimer waits for nobody longer than it must. */
#include "tests/unit/storage/blob_support.h"

#include <pthread.h>

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
    assert_true(blob_pin_holds_any(rig.store, 7));
    assert_false(blob_pin_holds_any(rig.store, 6));
    blob_pin_leave(rig.store, &first);
    assert_false(blob_pin_holds(rig.store, (struct blob_unit){5, 0}));
    assert_true(blob_pin_holds(rig.store, (struct blob_unit){7, 4096}));
    blob_pin_leave(rig.store, &second);
    assert_false(blob_pin_holds(rig.store, (struct blob_unit){7, 4096}));
    blob_pin_enter(rig.store, &first);
    blob_pin_leave(rig.store, &first); /* never known */
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
        cmocka_unit_test(test_barrier_waits_for_the_unknown),
        cmocka_unit_test(test_no_pinned_blob_is_reclaimed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
