/* SPDX-License-Identifier: MIT
 *
 * Ids that are handed out and not settled: as many uploads as may be under way, and however many came before them. */
#include "tests/unit/storage/blob_support.h"

#define MANY                                                                                                 \
    3000u /* more than the table of unsettled ids has room for at first, and than it has after it has grown once */

static uint64_t take(struct rig *rig)
{
    uint64_t id;

    assert_int_equal(blob_ids_take_wait(rig->store, &id), 0);
    return id;
}

/* The table grows while its first id is far beyond its length. */
static void many_are_unsettled_late(void **state)
{
    static uint64_t taken[MANY];
    struct blob_ids *ids;
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_THREADS, true, false);
    ids = &rig.store->ids;
    for (uint64_t id = 0; id < 2 * MANY;)
        blob_ids_settle(ids, id = take(&rig));
    for (uint32_t i = 0; i < MANY; i++)
        taken[i] = take(&rig);
    for (uint32_t i = 1; i < MANY; i++) {
        assert_int_equal(taken[i], taken[i - 1] + 1);
        blob_ids_settle(ids, taken[i]);
    }
    assert_int_equal(ids->settled, taken[0]); /* the first holds all of them */
    blob_ids_settle(ids, taken[0]);
    assert_int_equal(ids->settled, ids->next);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_are_unsettled_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
