/* SPDX-License-Identifier: MIT
 *
 * The pace of the committer, against a model of it and of clients in virtual time: everybody ends up in one batch where
 * that pays, who is alone never waits, and waits in vain become rare. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "metadata/write/batch_pace.h"
#include "metadata/limits.h"

#define CLIENTS_MAX 64

/* Clients that come back `gap_ns` after one another once they are answered, or never; a commit takes sync_ns. */
struct model {
    uint32_t clients;
    uint64_t sync_ns, gap_ns;
    bool come_back; /* else each batch is of others, who come one each `gap_ns` */
    uint64_t arrival_ns[CLIENTS_MAX];
    uint64_t now_ns;
    uint64_t batches, changes, waits, vain;
};

static uint32_t model_waiting(const struct model *model, uint64_t at_ns)
{
    uint32_t waiting = 0;

    for (uint32_t i = 0; i < model->clients; i++)
        waiting += model->arrival_ns[i] <= at_ns;
    return waiting;
}

static uint64_t model_next_arrival(const struct model *model, uint64_t after_ns)
{
    uint64_t next = UINT64_MAX;

    for (uint32_t i = 0; i < model->clients; i++)
        if (model->arrival_ns[i] > after_ns && model->arrival_ns[i] < next)
            next = model->arrival_ns[i];
    return next;
}

/* What the committer does between two batches. */
static void model_await(struct model *model, struct batch_pace *pace, uint64_t last_end_ns)
{
    uint64_t limit_ns, end_ns;

    if (model_waiting(model, model->now_ns) == 0)
        model->now_ns = model_next_arrival(model, model->now_ns);
    uint32_t target = batch_pace_target(pace, model_waiting(model, model->now_ns), &limit_ns);
    if (target == 0 || model->now_ns >= (end_ns = last_end_ns + limit_ns))
        return;
    model->waits++;
    while (model_waiting(model, model->now_ns) < target && model->now_ns < end_ns) {
        uint64_t next = model_next_arrival(model, model->now_ns);
        model->now_ns = next < end_ns ? next : end_ns;
    }
    bool came = model_waiting(model, model->now_ns) >= target;
    model->vain += !came;
    batch_pace_waited(pace, came);
}

static void model_run(struct model *model, struct batch_pace *pace, unsigned rounds)
{
    uint64_t last_end_ns = 0;

    for (uint32_t i = 0; i < model->clients; i++)
        model->arrival_ns[i] = (i + 1) * model->gap_ns;
    for (unsigned round = 0; round < rounds; round++) {
        bool in_batch[CLIENTS_MAX];
        uint32_t count = 0, back = 0;

        model_await(model, pace, last_end_ns);
        for (uint32_t i = 0; i < model->clients; i++)
            count += in_batch[i] = model->arrival_ns[i] <= model->now_ns;
        model->now_ns += model->sync_ns;
        for (uint32_t i = 0; i < model->clients; i++)
            if (in_batch[i])
                model->arrival_ns[i] = model->now_ns + (model->come_back ? ++back * model->gap_ns
                                                                         : (i + 1) * model->sync_ns * 7);
        batch_pace_ran(pace, count, model_waiting(model, model->now_ns), model->sync_ns);
        last_end_ns = model->now_ns;
        model->batches++;
        model->changes += count;
    }
}

static void brings_everybody_together(void **state)
{
    static const uint32_t clients[] = {2, 8, 15, 32, 64};

    (void)state;
    for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
        struct model model = {.clients = clients[i], .sync_ns = 2000000, .gap_ns = 10000, .come_back = true};
        struct batch_pace pace = {0};

        model_run(&model, &pace, 1000);
        /* All but one in sixteen in each batch; two groups in turn would be half. */
        assert_true(model.changes * 100 > model.batches * clients[i] * 90);
        assert_true(model.vain * 100 <= model.batches);
    }
}

static void lets_the_lonely_go(void **state)
{
    struct model model = {.clients = 1, .sync_ns = 2000000, .gap_ns = 100000, .come_back = true};
    struct batch_pace pace = {0};

    (void)state;
    model_run(&model, &pace, 1000);
    assert_int_equal(model.waits, 0);
}

static void learns_that_nobody_comes(void **state)
{
    struct model slow = {.clients = 32, .sync_ns = 2000000, .gap_ns = 900000, .come_back = true};
    struct model others = {.clients = 32, .sync_ns = 2000000, .gap_ns = 100000, .come_back = false};
    struct batch_pace pace = {0}, pace_of_others = {0};

    (void)state;
    model_run(&slow, &pace, 5000);
    assert_true(slow.vain * 50 < slow.batches);
    model_run(&others, &pace_of_others, 5000);
    assert_true(others.vain * 50 < others.batches);
}

static void cheap_commits_wait_for_nobody(void **state)
{
    struct batch_pace pace = {0};
    uint64_t limit_ns;

    (void)state;
    batch_pace_ran(&pace, 16, 16, META_PACE_BATCH_NS_MIN - 1);
    assert_int_equal(batch_pace_target(&pace, 16, &limit_ns), 0);
}

static void waits_are_bounded(void **state)
{
    struct batch_pace pace = {0};
    uint64_t limit_ns = 0;

    (void)state;
    batch_pace_ran(&pace, 1u << 30, 0, UINT64_MAX / 4);
    assert_int_equal(batch_pace_target(&pace, 1, &limit_ns), META_BATCH_OPS_MAX);
    assert_int_equal(limit_ns, META_PACE_WAIT_NS_MAX);
    for (int i = 0; i < 100; i++)
        batch_pace_waited(&pace, false);
    assert_int_equal(pace.skip, 1u << META_PACE_VAIN_MAX);
    for (uint32_t i = 0; i < 1u << META_PACE_VAIN_MAX; i++) {
        assert_int_equal(batch_pace_target(&pace, 1, &limit_ns), 0);
        batch_pace_ran(&pace, 8, 0, 1000000);
    }
    assert_int_equal(batch_pace_target(&pace, 1, &limit_ns), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(brings_everybody_together), cmocka_unit_test(lets_the_lonely_go),
        cmocka_unit_test(learns_that_nobody_comes),  cmocka_unit_test(cheap_commits_wait_for_nobody),
        cmocka_unit_test(waits_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
