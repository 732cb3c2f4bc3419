/* SPDX-License-Identifier: MIT
 *
 * The ring as a queue, with both engines: overload, wake-ups, posting, lending, faults and the end. */
#include "tests/unit/storage/ring_testing.h"

#include <sys/epoll.h>

#include "storage/limits.h"

/* ---- Queues ---- */

static void test_more_operations_than_entries(void **state)
{
    enum { COUNT = RING_ENTRIES * 5 };
    struct ring *ring = ring_of(state);
    struct waiter *waiters = calloc(COUNT, sizeof(*waiters));
    uint32_t *values = calloc(COUNT, sizeof(*values));
    int fd = open_file("many");
    uint32_t value;

    assert_non_null(waiters);
    assert_non_null(values);
    for (uint32_t i = 0; i < COUNT; i++) {
        waiters[i] = (struct waiter)WAITER;
        values[i] = i;
        ring_write(ring, &waiters[i].op, fd, &values[i], sizeof(values[i]), i * sizeof(values[i]));
    }
    assert_int_equal(ring_pending(ring), COUNT);
    while (ring_pending(ring) > 0)
        ring_wait(ring, false);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(waiters[i].done_count, 1);
        assert_int_equal(waiters[i].result, sizeof(value));
        assert_int_equal(pread(fd, &value, sizeof(value), i * sizeof(value)), sizeof(value));
        assert_int_equal(value, i);
    }
    close(fd);
    free(values);
    free(waiters);
}

/* As an event loop does it: sleeps on the descriptor, reaps only when it is readable. */
static void test_event_descriptor(void **state)
{
    enum { COUNT = 700 };
    struct ring *ring = ring_of(state);
    struct pollfd wait = {.fd = ring_event_fd(ring), .events = POLLIN};
    struct waiter *waiters = calloc(COUNT, sizeof(*waiters));
    int fd = open_file("looped");

    assert_non_null(waiters);
    assert_int_equal(poll(&wait, 1, 0), 0);
    for (uint32_t i = 0; i < COUNT; i++) {
        waiters[i] = (struct waiter)WAITER;
        if (i % 2 == 0)
            ring_write(ring, &waiters[i].op, fd, "x", 1, i);
        else
            ring_fdatasync(ring, &waiters[i].op, fd);
    }
    while (ring_pending(ring) > 0) {
        ring_flush(ring);
        if (poll(&wait, 1, 60000) < 0) {
            assert_int_equal(errno, EINTR);
            continue;
        }
        assert_true(wait.revents & POLLIN); /* a lost wake-up would end the wait empty-handed */
        ring_reap(ring);
    }
    assert_int_equal(ring_reap(ring), 0);
    assert_int_equal(poll(&wait, 1, 0), 0);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_equal(waiters[i].done_count, 1);
    close(fd);
    free(waiters);
}

static void test_wait_with_nothing_in_flight(void **state)
{
    struct ring *ring = ring_of(state);

    assert_int_equal(ring_wait(ring, false), 0);
    assert_int_equal(ring_reap(ring), 0);
    assert_int_equal(ring_pending(ring), 0);
    ring_flush(ring);
}

struct poster {
    struct ring *ring;
    pthread_t thread;
    struct waiter waiters[200];
};

static void *poster_main(void *arg)
{
    struct poster *poster = arg;

    for (int i = 0; i < 200; i++)
        ring_post(poster->ring, &poster->waiters[i].op, i);
    return NULL;
}

static void test_post_from_other_threads(void **state)
{
    enum { POSTERS = 4 };
    struct ring *ring = ring_of(state);
    struct poster *posters = calloc(POSTERS, sizeof(*posters));
    struct waiter sync = WAITER;
    int fd = open_file("posted");
    unsigned count = 0;

    assert_non_null(posters);
    ring_fdatasync(ring, &sync.op, fd); /* both kinds of results at the same time */
    for (int p = 0; p < POSTERS; p++) {
        posters[p].ring = ring;
        for (int i = 0; i < 200; i++)
            posters[p].waiters[i] = (struct waiter)WAITER;
        assert_int_equal(pthread_create(&posters[p].thread, NULL, poster_main, &posters[p]), 0);
    }
    while (count < POSTERS * 200 + 1)
        count += ring_wait(ring, true);
    assert_int_equal(count, POSTERS * 200 + 1);
    assert_int_equal(sync.result, 0);
    for (int p = 0; p < POSTERS; p++) {
        pthread_join(posters[p].thread, NULL);
        for (int i = 0; i < 200; i++) {
            assert_int_equal(posters[p].waiters[i].done_count, 1);
            assert_int_equal(posters[p].waiters[i].result, i);
            assert_true(pthread_equal(posters[p].waiters[i].thread, pthread_self()));
        }
    }
    assert_int_equal(ring_pending(ring), 0);
    close(fd);
    free(posters);
}

/* What is held reaches each ring at the end, in its order, with one wake-up. */
static void test_post_together(void **state)
{
    enum { COUNT = 30 };
    struct ring *rings[2] = {ring_of(state), NULL};
    struct waiter waiters[COUNT];
    uint64_t wakes;

    assert_int_equal(ring_create(&rings[1], ring_engine_in_use(rings[0])), 0);
    ring_posts_hold();
    for (int i = 0; i < COUNT; i++) {
        waiters[i] = (struct waiter)WAITER;
        ring_post(rings[i % 3 == 0], &waiters[i].op, i);
    }
    for (int r = 0; r < 2; r++) {
        assert_int_equal(ring_reap(rings[r]), 0);
        assert_int_equal(read(ring_event_fd(rings[r]), &wakes, sizeof(wakes)), -1);
    }
    ring_posts_release();
    for (int r = 0; r < 2; r++) {
        assert_int_equal(read(ring_event_fd(rings[r]), &wakes, sizeof(wakes)), sizeof(wakes));
        assert_int_equal(wakes, 1);
        assert_int_equal(ring_reap(rings[r]), r == 1 ? COUNT / 3 : COUNT - COUNT / 3);
    }
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(waiters[i].done_count, 1);
    waiters[0] = (struct waiter)WAITER; /* and then no longer */
    ring_post(rings[0], &waiters[0].op, 5);
    assert_int_equal(ring_reap(rings[0]), 1);
    assert_int_equal(waiters[0].result, 5);
    ring_destroy(rings[1]);
}

/* done may start the next operation with the same op. */
struct chain {
    struct ring_op op;
    struct ring *ring;
    int fd, left;
};

static void chain_on_done(struct ring_op *op, int32_t result)
{
    struct chain *chain = (struct chain *)op;

    assert_int_equal(result, 1);
    if (--chain->left > 0)
        ring_write(chain->ring, op, chain->fd, "c", 1, (uint64_t)chain->left);
}

static void test_done_starts_the_next(void **state)
{
    struct ring *ring = ring_of(state);
    struct chain chain = {.op.done = chain_on_done, .ring = ring, .fd = open_file("chained"), .left = 100};

    ring_write(ring, &chain.op, chain.fd, "c", 1, 100);
    while (ring_pending(ring) > 0)
        ring_wait(ring, false);
    assert_int_equal(chain.left, 0);
    assert_int_equal(lseek(chain.fd, 0, SEEK_END), 101);
    close(chain.fd);
}

/* A loop that hears of each write to the descriptor: nobody reads it, and nothing is missed. Waiting without the loop works as ever. */
static void test_edges(void **state)
{
    enum { COUNT = 300 };
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    struct waiter waiters[COUNT], posted = WAITER;
    int fd = open_file("edges"), poller = epoll_create1(EPOLL_CLOEXEC);
    struct ring *ring;
    uint64_t wakes;

    assert_int_equal(ring_create(&ring, ring_engine_in_use(ring_of(state))), 0);
    ring_watch_edges(ring);
    assert_int_equal(epoll_ctl(poller, EPOLL_CTL_ADD, ring_event_fd(ring), &event), 0);
    for (uint32_t i = 0; i < COUNT; i++) {
        waiters[i] = (struct waiter)WAITER;
        ring_write(ring, &waiters[i].op, fd, "x", 1, i);
        if (i % 3 == 0)
            ring_flush(ring);
    }
    while (ring_pending(ring) > 0) {
        ring_flush(ring);
        int ready = epoll_wait(poller, &event, 1, 60000);
        assert_true(ready == 1 || (ready < 0 && errno == EINTR));
        ring_reap(ring);
    }
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_equal(waiters[i].done_count, 1);
    while (epoll_wait(poller, &event, 1, 0) == 1) { /* edges of what was reaped already */
    }
    ring_post(ring, &posted.op, 7);
    assert_int_equal(epoll_wait(poller, &event, 1, 60000), 1);
    assert_int_equal(ring_reap(ring), 1);
    assert_int_equal(posted.result, 7);
    assert_int_equal(epoll_wait(poller, &event, 1, 0), 0);
    assert_int_equal(read(ring_event_fd(ring), &wakes, sizeof(wakes)), sizeof(wakes));
    assert_true(wakes > 1); /* all of them */

    waiters[0] = (struct waiter)WAITER;
    ring_fdatasync(ring, &waiters[0].op, fd);
    assert_int_equal(finish(ring, &waiters[0]), 0);
    close(poller);
    close(fd);
    ring_destroy(ring);
}

/* ---- Faults and ends ---- */

static int fault_countdown;
static enum ring_op_kind fault_kind;

static int fault_nth(enum ring_op_kind kind, int fd, uint64_t length)
{
    return kind == fault_kind && --fault_countdown == 0 ? -EIO : 0;
}

static void test_faults(void **state)
{
    struct ring *ring = ring_of(state);
    struct waiter waiters[3] = {WAITER, WAITER, WAITER};
    struct pollfd wait = {.fd = ring_event_fd(ring), .events = POLLIN};
    int fd = open_file("faulty");

    sys_fault = fault_nth;
    fault_kind = RING_OP_FDATASYNC;
    fault_countdown = 2;
    for (int i = 0; i < 3; i++)
        ring_fdatasync(ring, &waiters[i].op, fd);
    assert_int_equal(waiters[1].done_count, 0); /* not inside the call */
    assert_int_equal(ring_pending(ring), 3);
    assert_int_equal(poll(&wait, 1, 0), 1);
    while (ring_pending(ring) > 0)
        ring_wait(ring, false);
    assert_int_equal(waiters[0].result, 0);
    assert_int_equal(waiters[1].result, -EIO);
    assert_int_equal(waiters[2].result, 0);

    fault_kind = RING_OP_CLOSE;
    fault_countdown = 1;
    waiters[0] = (struct waiter)WAITER;
    ring_close(ring, &waiters[0].op, fd);
    assert_int_equal(finish(ring, &waiters[0]), -EIO);
    sys_fault = NULL;
    assert_true(fcntl(fd, F_GETFD) >= 0); /* the real call was not made */
    close(fd);
}

static void test_destroy_with_work_in_flight(void **state)
{
    struct ring *ring;
    struct waiter waiters[50], posted = WAITER;
    int fd = open_file("leaving");

    assert_int_equal(ring_create(&ring, ring_engine_in_use(ring_of(state))), 0);
    for (int i = 0; i < 50; i++) {
        waiters[i] = (struct waiter)WAITER;
        if (i % 3 == 0)
            ring_fdatasync(ring, &waiters[i].op, fd);
        else if (i % 3 == 1)
            ring_write(ring, &waiters[i].op, fd, "y", 1, (uint64_t)i);
        else
            ring_warm(ring, &waiters[i].op, fd, 0, 100000);
        if (i == 30)
            ring_flush(ring);
    }
    ring_post(ring, &posted.op, 7);
    ring_destroy(ring);
    for (int i = 0; i < 50; i++)
        assert_int_equal(waiters[i].done_count, 1);
    assert_int_equal(posted.done_count, 1);
    assert_int_equal(posted.result, 7);
    close(fd);
}

/* A ring may be lent from thread to thread while it is idle. (cmocka's checks work on the main thread only.) */
struct loan {
    struct ring *ring;
    int fd;
    unsigned good;
};

static void *loan_main(void *arg)
{
    struct loan *loan = arg;
    struct waiter waiters[60];

    for (int i = 0; i < 60; i++) {
        waiters[i] = (struct waiter)WAITER;
        if (i % 3 == 0)
            ring_fdatasync(loan->ring, &waiters[i].op, loan->fd);
        else if (i % 3 == 1)
            ring_warm(loan->ring, &waiters[i].op, loan->fd, 0, WARM_BYTES);
        else
            ring_write(loan->ring, &waiters[i].op, loan->fd, "z", 1, (uint64_t)i);
    }
    while (ring_pending(loan->ring) > 0)
        ring_wait(loan->ring, false);
    for (int i = 0; i < 60; i++)
        loan->good += waiters[i].done_count == 1 && waiters[i].result == (i % 3 == 2) &&
                      pthread_equal(waiters[i].thread, pthread_self());
    return NULL;
}

static void test_used_on_another_thread(void **state)
{
    struct loan loan = {.ring = ring_of(state), .fd = open_cold_file("lent")};
    pthread_t thread;

    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&thread, NULL, loan_main, &loan), 0);
        pthread_join(thread, NULL);
    }
    loan_main(&loan);
    assert_int_equal(loan.good, 3 * 60);
    close(loan.fd);
}

static unsigned thread_count(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    unsigned count = 0;

    assert_non_null(status);
    while (fgets(line, sizeof(line), status) != NULL)
        if (sscanf(line, "Threads: %u", &count) == 1)
            break;
    fclose(status);
    return count;
}

/* The kernel's helpers count as threads of this process. */
static void test_threads_are_bounded(void **state)
{
    struct ring *ring = ring_of(state);
    struct waiter waiters[128];
    int fds[128], fd = open_file("busy");
    unsigned before = thread_count(), most = before, now;

    for (int i = 0; i < 128; i++) {
        waiters[i] = (struct waiter)WAITER;
        fds[i] = dup(fd);
        ring_fdatasync(ring, &waiters[i].op, fds[i]);
    }
    while (ring_pending(ring) > 0) {
        ring_flush(ring);
        now = thread_count();
        most = now > most ? now : most;
        ring_wait(ring, false);
    }
    assert_in_range(most, before, before + 12);
    for (int i = 0; i < 128; i++)
        close(fds[i]);
    close(fd);
}

static void test_auto_never_fails(void **state)
{
    struct ring *ring;

    assert_int_equal(ring_create(&ring, RING_ENGINE_AUTO), 0);
    assert_true(ring_engine_in_use(ring) == RING_ENGINE_URING ||
                ring_engine_in_use(ring) == RING_ENGINE_THREADS);
    ring_destroy(ring);
    ring_destroy(NULL);
}

#define TESTS(setup)                                                                                         \
    cmocka_unit_test_setup_teardown(test_more_operations_than_entries, setup, teardown),                     \
        cmocka_unit_test_setup_teardown(test_event_descriptor, setup, teardown),                             \
        cmocka_unit_test_setup_teardown(test_wait_with_nothing_in_flight, setup, teardown),                  \
        cmocka_unit_test_setup_teardown(test_post_from_other_threads, setup, teardown),                      \
        cmocka_unit_test_setup_teardown(test_post_together, setup, teardown),                                \
        cmocka_unit_test_setup_teardown(test_done_starts_the_next, setup, teardown),                         \
        cmocka_unit_test_setup_teardown(test_edges, setup, teardown),                                        \
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),                                       \
        cmocka_unit_test_setup_teardown(test_destroy_with_work_in_flight, setup, teardown),                  \
        cmocka_unit_test_setup_teardown(test_used_on_another_thread, setup, teardown),                       \
        cmocka_unit_test_setup_teardown(test_threads_are_bounded, setup, teardown),                          \
        cmocka_unit_test_setup_teardown(test_auto_never_fails, setup, teardown)

int main(void)
{
    const struct CMUnitTest threads[] = {TESTS(setup_threads)};
    const struct CMUnitTest uring[] = {TESTS(setup_uring)};

    return RUN_WITH_BOTH("ring queues", threads, uring);
}
