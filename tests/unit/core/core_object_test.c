/* SPDX-License-Identifier: MIT
 *
 * Objects through the core, there and back: every size class, by copy and by splice, with both disk engines
 * and in copy mode, in ranges, across closing and opening; two stores at once and one store twice. */
#include "tests/unit/core/core_support.h"

static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 65536, (1u << 20) + 1, 5u << 20};
#define SIZE_COUNT (sizeof(sizes) / sizeof(*sizes))

static const struct core_options modes[] = {
    {.engine = RING_ENGINE_URING},
    {.engine = RING_ENGINE_THREADS},
    {.engine = RING_ENGINE_URING, .copy_mode = true},
    {.engine = RING_ENGINE_THREADS, .copy_mode = true, .relaxed = true},
};

static const char *key_of(size_t i)
{
    static char key[32];

    snprintf(key, sizeof(key), "size/%zu", sizes[i]);
    return key;
}

static void round_trips(void **state)
{
    struct rig rig;

    rig_begin(&rig, &modes[(size_t)*state]);
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        unsigned char *body = body_make(sizes[i], i);

        assert_int_equal(rig_put(&rig, key_of(i), body, sizes[i], NO_CONDITION), 0);
        rig_expect(&rig, key_of(i), body, sizes[i]);
        free(body);
    }
    assert_int_equal(blob_files(rig.dir), 2); /* the others are empty, or small enough for a segment */
    assert_int_equal(segment_files(rig.dir) > 0, true);
    rig_close(&rig);
    expect_clean(rig.dir, SIZE_COUNT);
    assert_int_equal(rig_open_again(&rig), 0);
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        unsigned char *body = body_make(sizes[i], i);

        rig_expect(&rig, key_of(i), body, sizes[i]);
        assert_int_equal(rig_delete(&rig, key_of(i)), 0);
        free(body);
    }
    await_blob_files(&rig, 0);
    rig_end(&rig);
}

/* Feeds a body through a socket pair, a piece at a time. Returns 0 or the failure. */
static int fill_by_splice(struct test_put *put, const unsigned char *body, size_t length)
{
    int sockets[2];
    size_t sent = 0, taken = 0;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets), 0);
    while (taken < length) {
        if (sent < length) {
            ssize_t n = send(sockets[0], body + sent, length - sent, 0);
            if (n > 0)
                sent += (size_t)n;
        }
        put->room = false;
        ssize_t n = core_put_splice(put->put, sockets[1], length - taken);
        if (n > 0) {
            taken += (size_t)n;
        } else if (n == -EBUSY) {
            put_await(put, &put->room);
        } else if (n != -EAGAIN) {
            close(sockets[0]);
            close(sockets[1]);
            return (int)n;
        }
    }
    close(sockets[0]);
    close(sockets[1]);
    return 0;
}

static void splice_in(void **state)
{
    const struct core_options *mode = &modes[(size_t)*state];
    const size_t length = (3u << 20) + 17;
    unsigned char *body = body_make(length, 7);
    struct test_put put;
    struct rig rig;

    rig_begin(&rig, mode);
    assert_int_equal(put_begin(&rig, &put, UINT64_MAX), 0);
    int err = fill_by_splice(&put, body, length);
    if (mode->copy_mode) {
        assert_int_equal(err, -EOPNOTSUPP);
    } else {
        assert_int_equal(err, 0);
        assert_int_equal(core_put_taken(put.put), length);
        assert_int_equal(put_seal(&put), 0);
        assert_int_equal(put_commit(&put, "spliced", NO_CONDITION), 0);
        rig_expect(&rig, "spliced", body, length);
    }
    core_put_end(put.put);
    free(body);
    rig_end(&rig);
}

static void send_expect(struct rig *rig, struct core_get *get, const unsigned char *body, uint64_t length)
{
    unsigned char *seen = malloc(length);
    size_t have = 0;
    bool ready = false, ended = false;
    int sockets[2];

    assert_non_null(seen);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets), 0);
    int err = core_get_open(get, 0, length, get_ready, &ready);
    while (err == -EBUSY && !ready)
        core_worker_wait(rig->worker);
    while (!ended || have < length) {
        ready = false;
        ssize_t n = ended ? 0 : core_get_send(get, sockets[0], 1u << 20);
        ended = ended || n == 0;
        if (n == -EBUSY)
            while (!ready)
                core_worker_wait(rig->worker);
        else
            assert_true(n >= 0 || n == -EAGAIN);
        while ((n = recv(sockets[1], seen + have, length - have, 0)) > 0)
            have += (size_t)n;
    }
    assert_memory_equal(seen, body, length);
    close(sockets[0]);
    close(sockets[1]);
    free(seen);
}

static void send_out(void **state)
{
    const size_t length = (3u << 20) + 17;
    unsigned char *body = body_make(length, 8);
    const struct meta_object *object;
    struct core_get *get;
    struct rig rig;

    rig_begin(&rig, &modes[(size_t)*state]);
    assert_int_equal(rig_put(&rig, "sent", body, length, NO_CONDITION), 0);
    assert_int_equal(core_get_begin(rig.worker, rig.bucket, slice_text("sent"), &get, &object), 0);
    send_expect(&rig, get, body, length);
    core_get_end(get);
    free(body);
    rig_end(&rig);
}

static void ranges(void **state)
{
    static const uint64_t cuts[][2] = {{0, 1}, {0, 5000}, {4999, 1}, {1234, 2000}, {5000, 0}, {0, 0}};
    unsigned char *body = body_make(5000, 9);
    const struct meta_object *object;
    struct core_get *get;
    struct rig rig;

    rig_begin(&rig, NULL);
    assert_int_equal(rig_put(&rig, "ranged", body, 5000, NO_CONDITION), 0);
    assert_int_equal(core_get_begin(rig.worker, rig.bucket, slice_text("ranged"), &get, &object), 0);
    for (size_t i = 0; i < sizeof(cuts) / sizeof(*cuts); i++)
        get_expect(&rig, get, body, cuts[i][0], cuts[i][1]);
    assert_int_equal(core_get_open(get, 5001, 0, get_ready, NULL), -ERANGE);
    assert_int_equal(core_get_open(get, 1, 5000, get_ready, NULL), -ERANGE);
    assert_int_equal(core_get_open(get, UINT64_MAX, 2, get_ready, NULL), -ERANGE);
    core_get_end(get);
    assert_int_equal(core_get_begin(rig.worker, rig.bucket, slice_text("absent"), &get, &object),
                     META_E_NO_KEY);
    free(body);
    rig_end(&rig);
}

static void one_opener_at_a_time(void **state)
{
    struct core_options options = {0};
    struct core *second;
    struct rig a, b;

    rig_begin(&a, NULL);
    rig_begin(&b, NULL); /* another directory is no obstacle */
    options.data_dir = a.dir;
    assert_int_equal(core_open(&second, &options), -EBUSY);
    assert_int_equal(rig_put(&a, "k", (const unsigned char *)"aa", 2, NO_CONDITION), 0);
    assert_int_equal(rig_put(&b, "k", (const unsigned char *)"b", 1, NO_CONDITION), 0);
    rig_expect(&a, "k", (const unsigned char *)"aa", 2);
    rig_expect(&b, "k", (const unsigned char *)"b", 1);
    rig_end(&b);
    rig_close(&a);
    assert_int_equal(core_open(&second, &options), 0);
    core_close(second);
    rig_end(&a);
}

static void refuses_what_is_no_folder(void **state)
{
    struct core_options options = {.data_dir = "/dev/null/store"};
    struct core *core;

    assert_int_equal(core_open(&core, &options), -ENOTDIR);
}

#define IN_MODE(function, mode)                                                                              \
    {                                                                                                        \
#function "/" #mode, function, NULL, NULL, (void *)(size_t)(mode)                                    \
    }

/* Whether the object's bytes are at hand, and if so that they are the right ones; then reads it once, or a part of it. */
static bool is_at_hand(struct rig *rig, const char *key, const unsigned char *body, uint64_t length,
                       uint64_t read)
{
    const struct meta_object *object;
    struct core_get *get;

    assert_int_equal(core_get_begin(rig->worker, rig->bucket, slice_text(key), &get, &object), 0);
    assert_int_equal(object->size, length);
    const void *at_hand = core_get_at_hand(get);
    if (at_hand != NULL)
        assert_memory_equal(at_hand, body, length);
    if (read > 0)
        get_expect(rig, get, body, 0, read);
    core_get_end(get);
    return at_hand != NULL;
}

/* A small body that is read again and again stays in memory, until the object changes. */
static void hot_bodies_are_at_hand(void **state)
{
    enum { SMALL = 4096, LARGE = 16385 };
    unsigned char *first = body_make(SMALL, 1), *second = body_make(SMALL, 2), *large = body_make(LARGE, 3);
    struct rig rig;

    rig_begin(&rig, &(struct core_options){0});
    assert_int_equal(rig_put(&rig, "key", first, SMALL, NO_CONDITION), 0);
    assert_false(is_at_hand(&rig, "key", first, SMALL, SMALL)); /* once is not hot */
    for (unsigned i = 0; i < 3; i++)                            /* parts say nothing of the whole */
        assert_false(is_at_hand(&rig, "key", first, SMALL, SMALL - 1));
    assert_false(is_at_hand(&rig, "key", first, SMALL, SMALL));
    assert_true(is_at_hand(&rig, "key", first, SMALL, SMALL));
    assert_int_equal(rig_put(&rig, "key", second, SMALL, NO_CONDITION), 0);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(is_at_hand(&rig, "key", second, SMALL, SMALL), i >= 2);
    assert_int_equal(rig_put(&rig, "large", large, LARGE, NO_CONDITION), 0);
    for (unsigned i = 0; i < 4; i++)
        assert_false(is_at_hand(&rig, "large", large, LARGE, LARGE));

    /* Who has it keeps it, also when it was deleted and its place given back. */
    const struct meta_object *object;
    struct core_get *get;
    assert_int_equal(core_get_begin(rig.worker, rig.bucket, slice_text("key"), &get, &object), 0);
    const void *at_hand = core_get_at_hand(get);
    assert_int_equal(rig_delete(&rig, "key"), 0);
    assert_int_equal(rig_put(&rig, "key", first, SMALL, NO_CONDITION), 0);
    assert_non_null(at_hand);
    assert_memory_equal(at_hand, second, SMALL);
    core_get_end(get);
    assert_false(is_at_hand(&rig, "key", first, SMALL, 0));
    free(first);
    free(second);
    free(large);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_MODE(round_trips, 0),
        IN_MODE(round_trips, 1),
        IN_MODE(round_trips, 2),
        IN_MODE(round_trips, 3),
        IN_MODE(splice_in, 0),
        IN_MODE(splice_in, 1),
        IN_MODE(splice_in, 2),
        IN_MODE(send_out, 0),
        IN_MODE(send_out, 1),
        IN_MODE(send_out, 2),
        cmocka_unit_test(ranges),
        cmocka_unit_test(hot_bodies_are_at_hand),
        cmocka_unit_test(one_opener_at_a_time),
        cmocka_unit_test(refuses_what_is_no_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
