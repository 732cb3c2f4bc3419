/* SPDX-License-Identifier: MIT
 *
 * Cache buckets in the core: the text of their rules, figures, touches of several keys at once, and that what was touched is not given
 * up. Objects that a bucket has when it becomes a cache were used when they were stored, which is how these are old. */
#include "core_support.h"

#include "api/core/cache/cache_use.h"
#include "api/core/core_internal.h"

#define KEYS 40u

/* ---- Rules ---- */

static void test_rules_are_read_and_written(void **state)
{
    struct core_cache_rules rules, again;
    char text[CORE_CACHE_RULES_BYTES_MAX];
    const char *why = NULL;

    assert_int_equal(core_cache_rules_parse(slice_text(""), &rules, &why), 0);
    assert_int_equal(rules.bytes_max + rules.age_max_s + rules.object_bytes_max + rules.write_once, 0);
    assert_int_equal(rules.use_step_s, CORE_CACHE_USE_STEP_S_DEFAULT);
    assert_int_equal(
        core_cache_rules_parse(slice_text("  max-size=10G max-age=2w  max-object=3M use-step=1m write-once "),
                               &rules, &why),
        0);
    assert_int_equal(rules.bytes_max, UINT64_C(10) << 30);
    assert_int_equal(rules.age_max_s, 2 * 604800);
    assert_int_equal(rules.object_bytes_max, 3 << 20);
    assert_int_equal(rules.use_step_s, 60);
    assert_true(rules.write_once);
    size_t length = core_cache_rules_format(&rules, text);
    assert_int_equal(core_cache_rules_parse(slice_of(text, length), &again, &why), 0);
    assert_memory_equal(&rules, &again, sizeof(rules));
    /* the longest there can be fits */
    rules =
        (struct core_cache_rules){INT64_MAX, INT64_MAX / 1000, INT64_MAX, CORE_CACHE_USE_STEP_S_MAX, true};
    assert_int_equal(
        core_cache_rules_parse(slice_of(text, core_cache_rules_format(&rules, text)), &again, &why), 0);
    assert_memory_equal(&rules, &again, sizeof(rules));
}

static void test_rules_that_cannot_be(void **state)
{
    static const char *const texts[] = {"max-size",
                                        "max-size=",
                                        "max-size=0",
                                        "max-size=1X",
                                        "max-size=1GG",
                                        "max-size=-1",
                                        "max-size=10s",
                                        "max-age=1K",
                                        "max-age=",
                                        "use-step=0",
                                        "use-step=2d",
                                        "write-once=yes",
                                        "size=1",
                                        "write-onc",
                                        "max-size=1,",
                                        "max-object=a",
                                        "write-once-more",
                                        "max-size=9223372036854775808",
                                        "max-size=8388608T",
                                        "max-age=9223372036854775807"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct core_cache_rules rules;
        const char *why = NULL;
        if (core_cache_rules_parse(slice_text(texts[i]), &rules, &why) != -EINVAL || why == NULL)
            fail_msg("%s was taken", texts[i]);
    }
}

/* ---- A cache ---- */

static void rules_set(struct rig *rig, const char *text)
{
    struct core_cache_set set;
    struct core_cache_rules rules;
    const char *why;

    if (text != NULL)
        assert_int_equal(core_cache_rules_parse(slice_text(text), &rules, &why), 0);
    core_cache_set_fill(&set, rig->bucket, text != NULL ? &rules : NULL);
    assert_int_equal(rig_change(rig, &set.op.op), 0);
    core_cache_changed(rig->core);
}

static void pause_ms(long milliseconds)
{
    const struct timespec pause = {.tv_nsec = milliseconds * 1000000};

    nanosleep(&pause, NULL);
}

/* Until the bucket's row says so; 0: until it has none. */
static void await_state(struct rig *rig, int state)
{
    struct meta_cache cache;
    int found, now = -1;

    for (unsigned i = 0; i < 20000 && now != state; i++) {
        assert_true((found = meta_cache_get(core_worker_reader(rig->worker), rig->bucket, &cache)) >= 0);
        now = found > 0 ? (int)cache.state : 0;
        if (now != state)
            pause_ms(5);
    }
    assert_int_equal(now, state);
}

static void key_of(unsigned number, char key[16])
{
    snprintf(key, 16, "key-%04u", number);
}

/* An object without bytes, stored an hour ago. */
static void put_old(struct rig *rig, unsigned number)
{
    char key[16];
    struct timespec now;

    key_of(number, key);
    clock_gettime(CLOCK_REALTIME, &now);
    struct meta_object_put op = {.bucket = rig->bucket, .key = slice_text(key), .object.etag = "e"};
    op.object.modified_ms = ((int64_t)now.tv_sec - 3600) * 1000;
    assert_int_equal(core_change_wait(rig->core, &op.op, META_OP_OBJECT_PUT), 0);
}

static bool is_there(struct rig *rig, unsigned number)
{
    struct meta_object object;
    char key[16];

    key_of(number, key);
    int err = rig_head(rig, key, &object);
    assert_true(err == 0 || err == META_E_NO_KEY);
    if (err == 0)
        meta_object_release(&object);
    return err == 0;
}

static int touch(struct rig *rig, unsigned first, unsigned count)
{
    struct slice keys[KEYS];
    char texts[KEYS][16];

    for (unsigned i = 0; i < count; i++) {
        key_of(first + i, texts[i]);
        keys[i] = slice_text(texts[i]);
    }
    return core_cache_touch(rig->worker, rig->bucket, keys, count);
}

static void old_cache(struct rig *rig, unsigned first)
{
    for (unsigned i = 0; i < KEYS; i++)
        put_old(rig, first + i);
    rules_set(rig, "");
    await_state(rig, META_CACHE_WHOLE);
}

static void test_a_touch_says_whether_all_are_there(void **state)
{
    struct rig rig;
    char key[16];

    rig_begin(&rig, NULL);
    put_old(&rig, 0);
    put_old(&rig, 1);
    assert_int_equal(touch(&rig, 0, 2), 1); /* of a bucket that is no cache, too */
    assert_int_equal(touch(&rig, 0, 3), 0);
    rules_set(&rig, "");
    await_state(&rig, META_CACHE_WHOLE);
    assert_int_equal(touch(&rig, 0, 0), 1);
    assert_int_equal(touch(&rig, 0, 2), 1);
    assert_int_equal(touch(&rig, 0, 3), 0);
    /* one that is about to go is as good as gone, whether its use was noted before or is now */
    for (unsigned i = 0; i < 2; i++) {
        key_of(i, key);
        uint64_t hash = cache_key_hash(rig.bucket, slice_text(key));
        cache_condemn(rig.core->uses, &hash, 1);
        assert_int_equal(touch(&rig, i, 1), 0);
        assert_int_equal(touch(&rig, 0, 2), 0);
        assert_int_equal(touch(&rig, 1 - i, 1), 1);
    }
    cache_condemn(rig.core->uses, NULL, 0);
    assert_int_equal(touch(&rig, 0, 2), 1);
    rig_end(&rig);
}

/* What a worker has noted and nobody has written yet counts. */
static void test_what_was_touched_stays(void **state)
{
    struct rig rig;

    rig_begin(&rig, NULL);
    old_cache(&rig, 0);
    assert_int_equal(touch(&rig, 7, 3), 1);
    rules_set(&rig, "max-age=10m");
    for (unsigned i = 0; i < 20000 && (is_there(&rig, 0) || is_there(&rig, KEYS - 1)); i++)
        pause_ms(5);
    for (unsigned i = 0; i < KEYS; i++)
        assert_int_equal(is_there(&rig, i), i >= 7 && i < 10);
    rig_close(&rig);
    expect_clean(rig.dir, 3);
    rig_end(&rig);
}

/* Touches and evictions of the same keys at the same time: yes means yes. */
static void test_yes_means_that_all_stay(void **state)
{
    unsigned answers[2] = {0, 0};
    struct rig rig;

    rig_begin(&rig, NULL);
    for (unsigned round = 0; round < 30; round++) {
        unsigned first =
            round * KEYS; /* keys of its own: what was touched is known to a worker for a while */
        old_cache(&rig, first);
        rules_set(&rig, "max-age=10m");
        for (unsigned wait = 0; wait < round % 10 * 2000; wait++)
            atomic_signal_fence(memory_order_seq_cst); /* another moment each time */
        int yes = touch(&rig, first + KEYS - 4, 4);
        assert_in_range(yes, 0, 1);
        answers[yes]++;
        for (unsigned i = 0; i < 20000 && is_there(&rig, first); i++)
            pause_ms(1);
        pause_ms(5);
        for (unsigned i = KEYS - 4; i < KEYS && yes; i++)
            assert_true(is_there(&rig, first + i));
        rules_set(&rig, NULL);
        await_state(&rig, 0);
    }
    print_message("%u times all were there, %u times not\n", answers[1], answers[0]);
    rig_close(&rig);
    expect_clean(rig.dir, UINT64_MAX);
    rig_end(&rig);
}

static int on_figures(void *ctx, const struct core_cache_figures *figures)
{
    *(struct core_cache_figures *)ctx = *figures;
    return 0;
}

static void test_figures(void **state)
{
    struct core_cache_figures figures = {.hits = 99};
    struct meta_object object;
    struct rig rig;

    rig_begin(&rig, NULL);
    put_old(&rig, 0);
    assert_int_equal(rig_head(&rig, "key-0000", &object), 0);
    core_cache_hit(rig.worker, rig.bucket, slice_text("key-0000"), &object); /* it is none yet */
    assert_int_equal(core_cache_each(rig.core, core_worker_reader(rig.worker), 10, on_figures, &figures), 0);
    assert_int_equal(figures.hits, 99);
    rules_set(&rig, "max-size=1G");
    await_state(&rig, META_CACHE_WHOLE);
    for (unsigned i = 0; i < 5; i++)
        core_cache_hit(rig.worker, rig.bucket, slice_text("key-0000"), &object);
    core_cache_miss(rig.worker, rig.bucket);
    meta_object_release(&object);
    assert_int_equal(core_cache_each(rig.core, core_worker_reader(rig.worker), 10, on_figures, &figures), 0);
    assert_int_equal(figures.hits, 5);
    assert_int_equal(figures.misses, 1);
    assert_int_equal(figures.entries, 1);
    assert_int_equal(figures.rules.bytes_max, 1 << 30);
    assert_true(figures.is_whole);
    rig_end(&rig);
}

/* A use that is noted is in the rows when the store is closed. */
static void test_uses_are_kept(void **state)
{
    struct rig rig;

    rig_begin(&rig, NULL);
    old_cache(&rig, 0);
    assert_int_equal(touch(&rig, 5, 1), 1);
    rig_close(&rig);
    assert_int_equal(rig_open_again(&rig), 0);
    rules_set(&rig, "max-age=10m");
    for (unsigned i = 0; i < 20000 && is_there(&rig, 0); i++)
        pause_ms(5);
    pause_ms(20);
    for (unsigned i = 0; i < KEYS; i++)
        assert_int_equal(is_there(&rig, i), i == 5);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rules_are_read_and_written),
                                       cmocka_unit_test(test_rules_that_cannot_be),
                                       cmocka_unit_test(test_a_touch_says_whether_all_are_there),
                                       cmocka_unit_test(test_what_was_touched_stays),
                                       cmocka_unit_test(test_yes_means_that_all_stay),
                                       cmocka_unit_test(test_figures),
                                       cmocka_unit_test(test_uses_are_kept)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
